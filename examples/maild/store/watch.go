package store

import (
	"sync"

	"github.com/mailwire/mailwire/imap/imapview"
)

// event is a change of a mailbox that is told when it is durable.
type event struct {
	mailbox int64
	by      any // who has made it and is not told; nil: all are
	change  imapview.Change
}

// tell notes what happens to a mailbox. It is forgotten if the change fails.
func (t *tx) tell(mailbox int64, by any, change imapview.Change) {
	t.events = append(t.events, event{mailbox, by, change})
}

// hub is who watches which mailbox, in this process.
type hub struct {
	mu       sync.Mutex
	watchers map[int64]map[any]func(imapview.Change)
}

// publish is called by the writer alone, so everybody sees the order of the database.
func (h *hub) publish(events []event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		for who, push := range h.watchers[e.mailbox] {
			if e.by == nil || who != e.by {
				push(e.change)
			}
		}
	}
}

// Watch has push called with what is stored in a mailbox and removed from it from
// now on, in order, before those who do it hear that it is done. who is a pointer
// that tells one watcher from others. What it has changed and removed itself, as
// the parameter by of other methods says, it is not told. After stop push is not
// called any more. push must not call the Store.
func (s *Store) Watch(mailbox int64, who any, push func(imapview.Change)) (stop func()) {
	h := &s.writer.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = make(map[int64]map[any]func(imapview.Change))
	}
	if h.watchers[mailbox] == nil {
		h.watchers[mailbox] = make(map[any]func(imapview.Change))
	}
	h.watchers[mailbox][who] = push
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers[mailbox], who)
		if len(h.watchers[mailbox]) == 0 {
			delete(h.watchers, mailbox)
		}
	}
}

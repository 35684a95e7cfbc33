package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
	"github.com/mailwire/mailwire/mime"
)

var errGone = errors.New("there is no such message")

// shelf is the mail that was caught. The messages are in one mailbox, which
// IMAP, POP3 and the web page read alike; beside it lie what a list of them
// shows and what the SMTP session told. A message is on the shelf exactly as
// long as it is in the mailbox, whoever removes it: watch sees to that.
type shelf struct {
	store     *imapmem.Store
	user      string
	keep      bounds
	validity  uint32       // of the mailbox
	receiving atomic.Int64 // octets of messages that are not here yet

	putting  sync.Mutex // one message after the other
	incoming *entry     // of put, for watch

	mu      sync.Mutex // never held while the mailbox is called, which calls watch under its own lock
	entries []*entry   // by rising UID; appended to or replaced, never changed where it is
	octets  int64      // of entries
	dropped int        // entries that made room for others
	change  uint64     // counts changes, for pages that are open
	changed chan struct{}
}

func newShelf(user string, password auth.Secret, keep bounds) (*shelf, error) {
	s := &shelf{store: imapmem.New(), user: user, keep: keep, changed: make(chan struct{})}
	if err := s.store.AddUser(user, password); err != nil {
		return nil, err
	}
	box, err := s.open(context.Background())
	if err != nil {
		return nil, err
	}
	status, err := box.Status(context.Background())
	s.validity = status.UIDValidity
	box.Watch(s.watch)
	return s, err
}

// open returns a handle of the mailbox, for one goroutine.
func (s *shelf) open(ctx context.Context) (imapserver.Mailbox, error) {
	account, err := s.store.Open(ctx, auth.Identity{Authcid: s.user, Authzid: s.user}, nil)
	if err != nil {
		return nil, err
	}
	return account.Open(ctx, imap.INBOX, false)
}

// put puts a message on the shelf, where it has a UID from then on.
func (s *shelf) put(octets []byte, e *entry) error {
	s.putting.Lock()
	defer s.putting.Unlock()
	s.incoming = e
	if _, err := s.store.Deliver(s.user, imap.INBOX, octets); err != nil {
		return err
	}
	return s.makeRoom()
}

// watch is told of every change of the mailbox, while that is locked. Nobody
// but put adds messages (see mailboxes), and put waits for Deliver to return
// from here: what is added is incoming.
func (s *shelf) watch(c imapview.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c.Kind {
	case imapview.Added:
		s.incoming.uid = c.UIDs.Min()
		s.entries = append(s.entries, s.incoming)
		s.octets += s.incoming.cost
	case imapview.Removed:
		left := make([]*entry, 0, len(s.entries))
		for _, e := range s.entries {
			if c.UIDs.Contains(e.uid) {
				s.octets -= e.cost
			} else {
				left = append(left, e)
			}
		}
		s.entries = left
	default:
		return // flags
	}
	s.tell()
}

// tell wakes those who wait for a change. mu is held.
func (s *shelf) tell() {
	s.change++
	close(s.changed)
	s.changed = make(chan struct{})
}

// makeRoom drops the oldest messages, as many as are too many, but never the
// newest.
func (s *shelf) makeRoom() error {
	now := s.snapshot()
	var oldest imap.UIDSet
	count, octets := len(now.entries), now.octets
	for _, e := range now.entries {
		if count <= s.keep.messages && octets <= s.keep.octets || count == 1 {
			break
		}
		oldest.Add(e.uid)
		count, octets = count-1, octets-e.cost
	}
	if oldest.IsEmpty() {
		return nil
	}
	removed, err := s.remove(context.Background(), oldest)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += removed
	s.tell()
	return err
}

// remove takes messages away and returns how many there were.
func (s *shelf) remove(ctx context.Context, uids imap.UIDSet) (int, error) {
	box, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	defer box.Close()
	removed, err := box.Expunge(ctx, uids, true)
	return removed.UIDs.Len(), err
}

// message returns a message with its index; nothing is parsed again. It is in
// memory, so it can be read as long as anyone wants and needs no closing.
func (s *shelf) message(ctx context.Context, uid imap.UID) (*mime.Message, error) {
	box, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer box.Close()
	for m, err := range box.Messages(ctx, imap.NumSetOf(uid), imapserver.NeedIndex|imapserver.NeedContent) {
		if err != nil {
			return nil, err
		}
		content, err := m.Open()
		if err != nil {
			return nil, err
		}
		return mime.LoadIndex(m.Index, content, nil)
	}
	return nil, errGone
}

// snapshot is the shelf at one moment.
type snapshot struct {
	entries []*entry // by rising UID; not to be changed
	octets  int64
	dropped int
	change  uint64
	changed <-chan struct{} // closed as soon as the shelf is another
}

func (s *shelf) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot{s.entries, s.octets, s.dropped, s.change, s.changed}
}

// find returns the place of a message.
func (n snapshot) find(uid imap.UID) (int, bool) {
	return slices.BinarySearchFunc(n.entries, uid, func(e *entry, uid imap.UID) int {
		return int(int64(e.uid) - int64(uid))
	})
}

// newest returns the UID of the newest message, 0 if there is none.
func (n snapshot) newest() imap.UID {
	if len(n.entries) == 0 {
		return 0
	}
	return n.entries[len(n.entries)-1].uid
}

// after returns the entries behind a UID.
func (n snapshot) after(uid imap.UID) []*entry {
	i, found := n.find(uid)
	if found {
		i++
	}
	return n.entries[i:]
}

package imapserver

import (
	"context"
	"sync"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// idlePace is the least time between two writes to a session inside IDLE: the
// first news leave at once, what follows is gathered.
const idlePace = 50 * time.Millisecond

// maxFlushers bounds how many flushers there are. Each can be held up by one
// peer that does not read, at most for Timeouts.Write.
const maxFlushers = 64

// idle carries out IDLE. From here on what is told is written by whoever causes
// it, through a flusher: the goroutine of the connection only reads. RFC 9051,
// section 6.3.13.
func (c *Conn) idle(ctx context.Context) {
	if c.selected != nil {
		c.refresh(ctx)
	}
	c.settle(imap.Status{})
	c.tell(ctx)
	c.lookAfter()
	s := c.selected
	if s == nil || c.s.State() != imap.Idling || c.rest() != nil {
		return
	}
	i := &idler{c: c, s: s, ctx: ctx}
	c.s.Configure(&i.enc)
	s.mu.Lock()
	s.flush, s.queued = i.flush, false // what the last IDLE had queued never comes
	s.mu.Unlock()
	c.idler = i
	i.flush() // what has come in between
	if !c.abilities.Has(HasWatch) {
		i.poll()
	}
}

// pollPace is how often a mailbox that tells nothing is looked at inside IDLE.
const pollPace = 30 * time.Second

// poll looks at the mailbox again and again.
func (i *idler) poll() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return
	}
	i.poller = time.AfterFunc(pollPace, func() {
		i.c.server.flush.add(i.flush)
		i.poll()
	})
}

// idleEnd waits for the flusher and sends it away. It may be called at any time.
func (c *Conn) idleEnd() {
	i := c.idler
	if i == nil {
		return
	}
	c.idler = nil
	i.s.mu.Lock()
	i.s.flush = nil
	i.s.mu.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
	for _, t := range []*time.Timer{i.timer, i.poller} {
		if t != nil {
			t.Stop()
		}
	}
}

// idleDone carries out DONE.
func (c *Conn) idleDone(ctx context.Context) {
	c.idleEnd()
	c.tell(ctx)
	c.settle(imap.Status{Text: "IDLE done"})
	c.lookAfter()
}

// An idler tells what happens to the mailbox of a session inside IDLE. It uses
// nothing of the session that is not its own, but what does not change while
// the session waits.
type idler struct {
	c   *Conn
	s   *selected
	ctx context.Context

	mu     sync.Mutex // held while something is told
	enc    imap.Encoder
	over   bool
	last   time.Time
	timer  *time.Timer // of idlePace
	poller *time.Timer
}

// flush tells what is to be told, now or when idlePace allows it.
func (i *idler) flush() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return
	}
	if wait := idlePace - time.Since(i.last); wait > 0 && !i.last.IsZero() {
		if i.timer == nil {
			i.timer = time.AfterFunc(wait, func() { i.c.server.flush.add(i.flush) })
		} else {
			i.timer.Reset(wait)
		}
		return
	}
	i.s.mu.Lock()
	i.s.queued = false
	gone := i.s.view.Gone()
	i.s.mu.Unlock()
	i.c.tellAs(i.ctx, i.s, imap.TellAll, &i.enc, func() error { return nil })
	if gone {
		i.enc.Reply(imap.Reply{Tag: "*", Status: goneStatus})
	}
	if i.enc.Len() > 0 {
		i.last = time.Now()
		err := i.c.out.write(&i.enc)
		i.enc.Reset()
		gone = gone || err != nil
	}
	if gone {
		i.c.link.Abort()
	}
}

// flushers are the goroutines that write to sessions inside IDLE.
type flushers struct {
	mu      sync.Mutex
	queue   []func()
	running int
}

// add has f called soon.
func (f *flushers) add(flush func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = append(f.queue, flush)
	if f.running < maxFlushers {
		f.running++
		go f.run()
	}
}

func (f *flushers) run() {
	for {
		f.mu.Lock()
		if len(f.queue) == 0 {
			f.running--
			f.queue = nil
			f.mu.Unlock()
			return
		}
		flush := f.queue[0]
		f.queue = f.queue[1:]
		f.mu.Unlock()
		flush()
	}
}

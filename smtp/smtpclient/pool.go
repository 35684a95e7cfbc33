package smtpclient

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

// A Pool keeps connections to one destination, for many goroutines. Each message
// has a connection to itself while it is sent. The fields are set before use.
type Pool struct {
	Dialer Dialer // how each connection is made

	MaxConns    int           // connections at once: 4
	MaxPerConn  int           // messages before a connection is closed: 100; negative: no limit
	IdleTimeout time.Duration // how long an unused connection is kept: 60 s; negative: for ever
	MaxAge      time.Duration // how long any is used: 10 min; negative: for ever

	once  sync.Once
	slots chan struct{} // one is held for each connection in use

	mu     sync.Mutex
	idle   []idleClient // the one that was used last is the last
	closed bool
	reaper *time.Timer
}

type idleClient struct {
	c     *Client
	since time.Time
}

// Send sends one message over a connection of the pool, or over a new one; see
// [Client.Send]. It waits while MaxConns are in use. A connection that was kept
// and turns out to be dead before anything was answered, or read of the body, is
// replaced once; nothing else is tried twice.
func (p *Pool) Send(ctx context.Context, e *smtp.Envelope, body io.Reader) (*Result, error) {
	if err := e.Check(); err != nil {
		return failAll(e, err)
	}
	if err := p.enter(ctx); err != nil {
		return failAll(e, err)
	}
	defer func() { <-p.slots }()
	if c := p.take(); c != nil {
		r, err, early := c.send(ctx, e, body)
		stale := err != nil && early && c.broken != nil && ctx.Err() == nil
		p.give(c)
		if !stale {
			return r, err
		}
	}
	c, err := p.Dialer.Connect(ctx)
	if err != nil {
		return failAll(e, err)
	}
	r, err, _ := c.send(ctx, e, body)
	p.give(c)
	return r, err
}

// enter waits for a slot.
func (p *Pool) enter(ctx context.Context) error {
	p.once.Do(func() { p.slots = make(chan struct{}, max(1, cmp.Or(p.MaxConns, 4))) })
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		return ErrClosed
	}
	return nil
}

// take returns the connection that was used last, or nil.
func (p *Pool) take() *Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reap()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1].c
	p.idle = p.idle[:n-1]
	return c
}

// give takes a connection back, or closes it if it has served its time.
func (p *Pool) give(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	worn := reached(int64(c.sent), int64(p.MaxPerConn), 100)
	if p.closed || worn || !c.Usable() || p.old(c) {
		leave(c)
		return
	}
	p.idle = append(p.idle, idleClient{c, time.Now()})
	p.schedule()
}

func (p *Pool) old(c *Client) bool {
	return reached(int64(time.Since(c.began)), int64(p.MaxAge), int64(10*time.Minute))
}

// reached reports whether n is at the limit: def if that is zero, none if it is
// negative.
func reached(n, limit, def int64) bool {
	limit = cmp.Or(limit, def)
	return limit > 0 && n >= limit
}

// reap closes what has been idle for too long, or is too old. The idle ones are in
// the order in which they were given back.
func (p *Pool) reap() {
	kept := p.idle[:0]
	for _, i := range p.idle {
		if reached(int64(time.Since(i.since)), int64(p.IdleTimeout), int64(time.Minute)) || p.old(i.c) {
			leave(i.c)
		} else {
			kept = append(kept, i)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

// schedule has reap called when the oldest idle connection is due.
func (p *Pool) schedule() {
	timeout := cmp.Or(p.IdleTimeout, time.Minute)
	if p.reaper != nil || timeout < 0 {
		return
	}
	p.reaper = time.AfterFunc(timeout-time.Since(p.idle[0].since), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.reaper = nil
		p.reap()
		if len(p.idle) > 0 {
			p.schedule()
		}
	})
}

// leave lets a connection take its leave without anybody waiting for that.
func leave(c *Client) { go c.Close() }

// Close closes the connections that are not in use, and makes Send fail with
// ErrClosed. Those in use are closed when their message is sent. It waits until
// the idle ones have taken their leave, no longer than Timeouts.Quit.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var leaving sync.WaitGroup
	for _, i := range idle {
		leaving.Go(func() { i.c.Close() })
	}
	leaving.Wait()
	return nil
}

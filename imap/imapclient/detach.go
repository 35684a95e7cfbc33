package imapclient

import (
	"context"
	"errors"
	"iter"
	"net"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// errInFlight is why a Client cannot give its connection away.
var errInFlight = errors.New("imapclient: commands are in flight, or the server has said what nobody asked for")

// Detach gives the connection away, with all that is between two commands: TLS and
// compression go on below it. caps is what the server can do. It is for proxies,
// which log in and then copy octets. The Client is of no more use, whatever the
// error is; with one the connection is closed.
func (c *Client) Detach(ctx context.Context) (nc net.Conn, caps []imap.Cap, err error) {
	if err := c.Noop(ctx); err != nil { // what was on its way is here then
		return nil, nil, c.fail(err)
	}
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, c.fail(context.Cause(ctx))
	}
	defer func() { <-c.writing }()
	have := c.Caps()
	c.mu.Lock()
	busy := len(c.calls) > 0 || c.row.data != nil
	c.mu.Unlock()
	if busy { // as when a loop over Events has gone back to IDLE
		return nil, nil, c.fail(errInFlight)
	}
	c.reading <- struct{}{} // there is nothing to wait for: whoever has it is about to go
	defer func() { <-c.reading }()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken != nil:
		return nil, nil, c.broken
	case c.r.Buffered() > 0:
		return nil, nil, c.failLocked(errInFlight)
	}
	c.broken = ErrClosed
	c.closed.Store(true)
	c.wake()
	c.link.timeouts = &Timeouts{Silence: -1, Write: -1} // they are another's business now
	c.link.tcp.SetDeadline(time.Time{})
	if c.link.inflate != nil {
		return &compressed{c.link.conn, &c.link}, have, nil
	}
	return c.link.conn, have, nil
}

// compressed is a connection that was detached with compression on it.
type compressed struct {
	net.Conn
	link *link
}

func (c *compressed) Read(p []byte) (int, error) { return c.link.inflate.Read(p) }

func (c *compressed) Write(p []byte) (int, error) {
	if err := c.link.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// parts cuts a set into sets of at most so many runs.
func parts(set imap.UIDSet, most int) iter.Seq[imap.UIDSet] {
	return func(yield func(imap.UIDSet) bool) {
		var part imap.UIDSet
		for run := range set.Runs() {
			part.AddRange(run.Lo, run.Hi)
			if part.NumRuns() == most {
				if !yield(part) {
					return
				}
				part = imap.UIDSet{}
			}
		}
		if !part.IsEmpty() {
			yield(part)
		}
	}
}

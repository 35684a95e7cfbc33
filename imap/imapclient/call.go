package imapclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// A call is a command between its first octet and its answer.
type call struct {
	name  string
	tag   string
	sent  int64
	plus  int        // continuation requests that have come
	last  *imap.Plus // of them
	done  bool
	ended imap.Status
	size  int64 // octets that it has claimed

	// claim says whether untagged data is its own. It runs under the Client's mutex.
	// nil: none is.
	claim func(tag string, d *imap.Data) bool
	fetch *fetch // of FETCH: where its rows go
	// apart: it does not go out beside another call of which this is true.
	apart func(other *call) bool

	timer *time.Timer // of IDLE: when it is renewed
}

// maxAhead is how many octets of commands may be without an answer. A server
// that is busy sending to us may not read, and then we must not be busy sending
// to it: with so few there is room in the buffers between.
const maxAhead = 8 << 10

// begin sends a command, when it may be sent. Behind an error nothing was sent, or
// the connection is broken.
func (c *Client) begin(ctx context.Context, k *call, args any) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.writing }()
	out, err := c.allowed(ctx, k, args)
	if err != nil {
		return err
	}
	defer c.watch(ctx)()
	if err := c.send(k, out); err != nil {
		return c.sendFailed(err)
	}
	return nil
}

// allowed waits until the command may be sent, and registers it.
func (c *Client) allowed(ctx context.Context, k *call, args any) (*imap.Outgoing, error) {
	for {
		c.mu.Lock()
		if c.broken != nil {
			defer c.mu.Unlock()
			return nil, c.broken
		}
		upgrading := c.s.State() == imap.Upgrading
		if !upgrading && !c.holds(k) {
			out, err := c.s.Send(k.name, args)
			if err == nil {
				k.tag, k.sent = out.Command.Tag, out.Len()
				c.calls = append(c.calls, k)
				c.started(k)
			}
			if err != imap.ErrHold {
				c.mu.Unlock()
				return out, err
			}
		}
		c.endIdle()
		n := c.answers
		c.mu.Unlock()
		err := c.awaitTurn(ctx, func() bool { return c.answers != n || upgrading && c.s.State() != imap.Upgrading })
		if err != nil {
			return nil, err
		}
	}
}

// awaitTurn is await for a command that was not begun: what ends ctx then costs
// the connection nothing. Whoever reads cannot be called back from that, and goes on
// for the others until cond is true.
func (c *Client) awaitTurn(ctx context.Context, cond func() bool) error {
	if ctx.Done() == nil {
		return c.await(nil, cond)
	}
	done := make(chan error, 1)
	go func() { done <- c.await(nil, cond) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// holds reports whether a command has to wait for others for our own reasons.
func (c *Client) holds(k *call) bool {
	var ahead int64
	for _, other := range c.calls {
		ahead += other.sent
		if k.apart != nil && k.apart(other) {
			return true
		}
	}
	return ahead > maxAhead
}

// alone is an apart: data that comes back would not say whose it is.
func alone(name string) func(*call) bool {
	return func(other *call) bool { return other.name == name }
}

// send writes a command, and waits where the server has to ask for more.
func (c *Client) send(k *call, out *imap.Outgoing) error {
	secret := out.Command.Traits&imap.Alone != 0
	defer func() {
		clear(out.Bytes())
		clear(c.out[:cap(c.out)])
		if cap(c.out) > 4<<10 {
			c.out = nil
		}
	}()
	if out.Len() > maxAhead {
		err := c.await(nil, func() bool { return len(c.calls) == 1 || k.done })
		if err != nil {
			return err
		}
	}
	c.out = c.out[:0]
	c.logCommand(k)
	if c.d.Trace != nil {
		c.traceCommand(out, secret)
	}
	waits := 0
	for chunk := range out.Chunks() {
		if chunk.Wait {
			if err := c.flush(); err != nil {
				return err
			}
			waits++
			if err := c.await(nil, func() bool { return k.plus >= waits || k.done }); err != nil {
				return err
			}
			if c.isDone(k) { // refused: the rest does not travel
				return nil
			}
		}
		if _, err := chunk.WriteTo((*sender)(c)); err != nil {
			return err
		}
	}
	return c.flush()
}

// sender is a Client as what chunks are written to.
type sender Client

func (s *sender) Write(p []byte) (int, error) {
	if len(s.out)+len(p) > 32<<10 {
		if err := (*Client)(s).flush(); err != nil {
			return 0, err
		}
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

// flush sends what is gathered.
func (c *Client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.link.write(c.out)
	c.out = c.out[:0]
	return err
}

// sendFailed ends the connection. The server may have said why before it closed
// it: that is the better reason.
func (c *Client) sendFailed(err error) error {
	c.mu.Lock()
	if c.broken != nil {
		defer c.mu.Unlock()
		return c.broken
	}
	c.mu.Unlock()
	err = fmt.Errorf("imapclient: sending: %w", err)
	c.link.lastWords()
	timer := time.AfterFunc(10*time.Second, func() { c.fail(err) })
	defer timer.Stop()
	c.await(nil, func() bool { return c.broken != nil })
	if why := c.fail(err); isBye(why) {
		return why
	}
	return err
}

func isBye(err error) bool {
	_, ok := errors.AsType[*imap.StatusError](err)
	return ok
}

func (c *Client) isDone(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.done
}

// await reads until cond is true, which is asked under the mutex, or lets another
// do so who reads already. The rows of mine are for the caller. The error is why
// the connection is broken. Behind cond being true once it is not asked again.
func (c *Client) await(mine *fetch, cond func() bool) error {
	for {
		select {
		case c.reading <- struct{}{}:
			ok, err := c.readFor(mine, cond)
			<-c.reading
			if ok || err != nil {
				return err
			}
		default:
		}
		c.mu.Lock()
		if cond() {
			c.mu.Unlock()
			return nil
		}
		if c.broken != nil {
			defer c.mu.Unlock()
			return c.broken
		}
		changed := c.changed
		upgrading := c.s.State() == imap.Upgrading
		c.waiters++
		c.mu.Unlock()
		if upgrading { // what comes next is TLS, or compressed: for whoever has asked for that
			<-changed
			continue
		}
		select {
		case <-changed:
		case c.reading <- struct{}{}: // whoever had it has gone
			<-c.reading
		}
	}
}

// readFor reads until cond is true, in the role of the reader. It stops without
// where another has to go on.
func (c *Client) readFor(mine *fetch, cond func() bool) (ok bool, err error) {
	for {
		c.mu.Lock()
		ok, err := cond(), c.broken
		upgrading := c.s.State() == imap.Upgrading
		if ok || upgrading || err != nil {
			c.wake() // another has to read for those that still wait
			c.mu.Unlock()
			if ok {
				err = nil
			}
			return ok, err
		}
		c.mu.Unlock()
		if err := c.readOne(mine); err != nil {
			return false, err
		}
	}
}

// finish waits for the answer to a command. A refusal is an *imap.StatusError.
func (c *Client) finish(ctx context.Context, k *call) error {
	defer c.watch(ctx)()
	if err := c.await(nil, func() bool { return k.done }); err != nil {
		return err
	}
	return k.err()
}

// err returns what a call that is done has come to.
func (k *call) err() error {
	if k.ended.Kind == imap.OK {
		return nil
	}
	return &imap.StatusError{Command: k.name, Status: k.ended}
}

// run is a command from its beginning to its end.
func (c *Client) run(ctx context.Context, name string, args any, claim func(tag string, d *imap.Data) bool) (imap.Status, error) {
	k := &call{name: name, claim: claim}
	if claim != nil {
		k.apart = alone(name)
	}
	return c.runCall(ctx, k, args)
}

func (c *Client) runCall(ctx context.Context, k *call, args any) (imap.Status, error) {
	if err := c.begin(ctx, k, args); err != nil {
		return imap.Status{}, err
	}
	err := c.finish(ctx, k)
	return k.ended, err
}

func (c *Client) logCommand(k *call) {
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.LogAttrs(context.Background(), slog.LevelDebug, "command", slog.String("tag", k.tag), slog.String("name", k.name), slog.Int64("octets", k.sent))
	}
}

// traceCommand tells Trace of a command without its literals by reference.
func (c *Client) traceCommand(out *imap.Outgoing, secret bool) {
	if secret {
		c.d.Trace(true, []byte(out.Command.Tag+" "+out.Command.Name()+" …"))
		return
	}
	b := out.Bytes()
	c.d.Trace(true, b[:len(b)-len("\r\n")])
}

package pop3client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
)

// A Client is one connection to a server. It is not safe for concurrent use.
//
// Refusals of the server are *pop3.ReplyError, and the client goes on. After any
// other error of the connection, or a context that ended inside a command, the
// connection is of no more use, and every call returns that error.
type Client struct {
	d     *Dialer
	conn  net.Conn // closes everything
	tls   *tls.Conn
	state *tls.ConnectionState
	r     pop3.Reader
	s     *pop3.ClientSession
	caps  pop3.Caps
	stamp string

	open    *message // whose body is still on the wire
	skipped int      // messages of RetrAll that nobody took, on their way
	broken  error
	cut     atomic.Bool // the context of the call under way is done
}

func newClient(nc net.Conn, d *Dialer) *Client {
	c := &Client{d: d, conn: nc}
	if tc, is := nc.(*tls.Conn); is {
		c.tls = tc
	}
	c.s = pop3.NewClientSession(c.tls != nil)
	c.s.Limits = d.Limits
	c.r.Reset((*source)(c))
	return c
}

var errClosed = errors.New("pop3client: closed")

// A source is a Client as what its Reader reads from: every read has its time.
type source Client

func (s *source) Read(p []byte) (int, error) {
	c := (*Client)(s)
	c.extend()
	if c.tls != nil {
		return c.tls.Read(p)
	}
	return c.conn.Read(p)
}

// extend gives the next read or write its time, unless the context is done.
func (c *Client) extend() {
	if timeout := cmp.Or(c.d.Timeouts.Command, time.Minute); timeout > 0 {
		c.conn.SetDeadline(time.Now().Add(timeout))
	} else {
		c.conn.SetDeadline(time.Time{})
	}
	if c.cut.Load() {
		c.conn.SetDeadline(time.Unix(1, 0))
	}
}

func (c *Client) write(p []byte) error {
	c.extend()
	var to io.Writer = c.conn
	if c.tls != nil {
		to = c.tls
	}
	_, err := to.Write(p)
	return err
}

// An upgrader is a Client as auth.StartClientTLS sees its Reader.
type upgrader Client

func (u *upgrader) Buffered() int { return u.r.Buffered() }

func (u *upgrader) Upgrade(io.Reader) error { return u.r.Upgrade((*source)(u)) }

// watch makes the end of ctx end what the connection waits for. done is to be
// called with what came of it, and returns that, in the terms of the context
// where that was why. An error breaks the client.
func (c *Client) watch(ctx context.Context) (done func(error) error) {
	c.cut.Store(false)
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.cut.Store(true)
		c.conn.SetDeadline(time.Unix(1, 0))
		close(fired)
	})
	stopped := false
	return func(err error) error {
		if !stopped && !stop() {
			<-fired // so that it cannot hit what comes next
		}
		stopped = true
		if err == nil {
			return nil
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		c.broken = err
		return err
	}
}

// ready reads what is left of answers that nobody took, so that the next reply is
// to the next command.
func (c *Client) ready(ctx context.Context) error {
	if c.broken != nil {
		return c.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.open == nil && c.skipped == 0 {
		return nil
	}
	if c.open != nil {
		c.open.done(nil) // its context does not count any more
	}
	done := c.watch(ctx)
	return done(c.drain())
}

// drain does the work of ready.
func (c *Client) drain() error {
	for {
		if m := c.open; m != nil {
			if err := m.skip(); err != nil {
				return err
			}
		}
		if c.skipped == 0 {
			return nil
		}
		e, err := c.reply()
		if err != nil {
			return err
		}
		c.skipped--
		if e.Body {
			c.open = &message{c: c, body: c.r.Body(c.d.Limits.Body), done: func(err error) error { return err }}
		}
	}
}

// reply reads the answer to the oldest command.
func (c *Client) reply() (*pop3.ReplyEvent, error) {
	line, err := c.r.ReadLine(c.s.LineLimit())
	if err != nil {
		return nil, err
	}
	e, err := c.s.Step(line)
	if err != nil {
		return nil, err
	}
	r, is := e.(*pop3.ReplyEvent)
	if !is {
		return nil, pop3.ErrUnasked
	}
	if l := c.d.Logger; l != nil && l.Enabled(context.Background(), slog.LevelDebug) {
		l.LogAttrs(context.Background(), slog.LevelDebug, "reply", slog.String("to", r.Verb.String()), slog.String("text", r.Reply.String()))
	}
	return r, nil
}

// command sends one command and reads its answer, which has no body.
func (c *Client) command(ctx context.Context, v pop3.Verb, args ...string) (pop3.Reply, error) {
	done, e, err := c.begun(ctx, v, args...)
	if err != nil {
		return pop3.Reply{}, err
	}
	if err := done(nil); err != nil {
		return pop3.Reply{}, err
	}
	return e.Reply, nil
}

// begun sends one command and reads the first line of its answer. Unless there
// is an error, the caller reads the body, if there is one, and calls done.
func (c *Client) begun(ctx context.Context, v pop3.Verb, args ...string) (done func(error) error, e *pop3.ReplyEvent, err error) {
	if err := c.ready(ctx); err != nil {
		return nil, nil, err
	}
	out, err := c.s.Send(nil, v, args...)
	if err != nil {
		return nil, nil, err
	}
	done = c.watch(ctx)
	err = c.write(out)
	clear(out)
	if err == nil {
		e, err = c.reply()
	}
	if err == nil && e.Reply.OK {
		return done, e, nil
	}
	if err = done(err); err == nil {
		err = &pop3.ReplyError{Verb: v, Reply: e.Reply}
	}
	return nil, nil, err
}

// TLS returns the state of TLS, nil without TLS.
func (c *Client) TLS() *tls.ConnectionState { return c.state }

// UTF8 asks for messages as they are, with UTF-8 in their headers. It is possible
// before login only: see Dialer.UTF8. RFC 6856, section 2.1.
func (c *Client) UTF8(ctx context.Context) error {
	_, err := c.command(ctx, pop3.UTF8)
	return err
}

// Dele marks messages, in one batch where the server offers PIPELINING. They are
// gone after Quit, and only then. All are tried; the error joins the
// *pop3.ReplyError of those that were refused.
func (c *Client) Dele(ctx context.Context, nums ...int) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	done := c.watch(ctx)
	var refused []error
	for asked, got := 0, 0; got < len(nums); {
		var out []byte
		for asked < len(nums) {
			next, err := c.s.Send(out, pop3.DELE, strconv.Itoa(nums[asked]))
			if err == pop3.ErrSequence && asked > got || err == pop3.ErrFull {
				break
			}
			if err != nil {
				done(nil)
				return err
			}
			out = next
			asked++
		}
		err := c.write(out)
		for ; err == nil && got < asked; got++ {
			var e *pop3.ReplyEvent
			if e, err = c.reply(); err == nil && !e.Reply.OK {
				refused = append(refused, &pop3.ReplyError{Verb: pop3.DELE, Reply: e.Reply})
			}
			if err != nil {
				break
			}
		}
		if err != nil {
			return done(err)
		}
	}
	if err := done(nil); err != nil {
		return err
	}
	return errors.Join(refused...)
}

// Rset takes all marks off. RFC 1939, section 5.
func (c *Client) Rset(ctx context.Context) error {
	_, err := c.command(ctx, pop3.RSET)
	return err
}

// Noop does nothing, but shows that both sides are there.
func (c *Client) Noop(ctx context.Context) error {
	_, err := c.command(ctx, pop3.NOOP)
	return err
}

// Quit ends the session and makes the server remove what is marked. Only if it
// returns nil is that done: a *pop3.ReplyError means that some of it was not,
// any other error that nobody knows. The connection is closed in every case.
// RFC 1939, section 6.
func (c *Client) Quit(ctx context.Context) error {
	_, err := c.command(ctx, pop3.QUIT)
	c.Close()
	return err
}

// Close closes the connection. What is marked stays. It may be called at any
// time, also behind Quit.
func (c *Client) Close() error {
	if c.broken == errClosed {
		return nil
	}
	c.broken = errClosed
	if c.open != nil {
		c.open.done(nil)
	}
	if c.tls != nil {
		c.conn.SetDeadline(time.Now().Add(time.Second)) // for the alert of TLS, which nobody may read
		c.tls.Close()
	}
	err := c.conn.Close()
	c.r.Release()
	if errors.Is(err, net.ErrClosed) {
		return nil // it was c.tls
	}
	return err
}

var _ auth.Upgrader = (*upgrader)(nil)

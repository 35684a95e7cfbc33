package pop3client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
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
	if err = done(err); err != nil {
		return nil, nil, err
	}
	if !e.Reply.OK {
		return nil, nil, &pop3.ReplyError{Verb: v, Reply: e.Reply}
	}
	return c.watch(ctx), e, nil
}

// How long an answer may be of which we keep what it says: lists of messages, and
// the others.
const (
	maxListing = 128 << 20
	maxCaps    = 1 << 20
)

// lines sends a command and hands the lines of its body to each. An error of
// each is returned when the body has been read.
func (c *Client) lines(ctx context.Context, each func(line []byte) error, v pop3.Verb) error {
	done, e, err := c.begun(ctx, v)
	if err != nil {
		return err
	}
	if !e.Body {
		return done(nil)
	}
	limit := int64(maxListing)
	if v == pop3.CAPA || v == pop3.LANG {
		limit = maxCaps
	}
	body := c.r.Body(limit)
	var bad error
	most, n := cmp.Or(c.d.Limits.Messages, 1_000_000), 0
	for line, err := range body.Lines(max(2048, c.d.Limits.ReplyLine)) {
		if n++; err == nil && most > 0 && n > most {
			err = pop3.ErrBodyTooLong
		}
		if err != nil {
			return done(err)
		}
		if bad == nil {
			bad = each(line)
		}
	}
	c.s.BodyDone()
	if err := done(nil); err != nil {
		return err
	}
	return bad
}

// Caps asks the server what it offers: again after login, where LOGIN-DELAY and
// EXPIRE may have other values. A server without CAPA is taken to offer USER, TOP
// and UIDL. RFC 2449, section 5.
func (c *Client) Caps(ctx context.Context) (pop3.Caps, error) {
	var list [][]byte
	err := c.lines(ctx, func(line []byte) error {
		list = append(list, append([]byte(nil), line...))
		return nil
	}, pop3.CAPA)
	if _, refused := errors.AsType[*pop3.ReplyError](err); refused {
		c.caps = pop3.Caps{Top: true, UIDL: true, User: true}
		c.s.Offered(c.caps)
		return c.caps, nil
	}
	if err != nil {
		return pop3.Caps{}, err
	}
	c.caps = pop3.ParseCaps(slices.Values(list))
	c.s.Offered(c.caps)
	return c.caps, nil
}

// TLS returns the state of TLS, nil without TLS.
func (c *Client) TLS() *tls.ConnectionState { return c.state }

// UTF8 asks for messages as they are, with UTF-8 in their headers. It is possible
// before login only: see Dialer.UTF8. RFC 6856, section 2.1.
func (c *Client) UTF8(ctx context.Context) error {
	_, err := c.command(ctx, pop3.UTF8)
	return err
}

// Stat returns how many messages there are that are not marked, and the octets
// of all. RFC 1939, section 5.
func (c *Client) Stat(ctx context.Context) (n int, size int64, err error) {
	r, err := c.command(ctx, pop3.STAT)
	if err != nil {
		return 0, 0, err
	}
	return pop3.ParseStat(r.Text)
}

// List returns number and size of each message that is not marked. RFC 1939,
// section 5.
func (c *Client) List(ctx context.Context) ([]pop3.Entry, error) {
	return c.listing(ctx, pop3.LIST, func(line []byte) (e pop3.Entry, err error) {
		e.N, e.Size, err = pop3.ParseScan(line)
		return e, err
	})
}

// UIDs returns number and unique-id of each message that is not marked. It is
// asked even where CAPA does not list UIDL. A server may leave messages out, or
// give one no unique-id, and then UID is "". RFC 1939, section 7.
func (c *Client) UIDs(ctx context.Context) ([]pop3.Entry, error) {
	return c.listing(ctx, pop3.UIDL, func(line []byte) (e pop3.Entry, err error) {
		e.N, e.UID, err = pop3.ParseUnique(line)
		return e, err
	})
}

func (c *Client) listing(ctx context.Context, v pop3.Verb, parse func([]byte) (pop3.Entry, error)) ([]pop3.Entry, error) {
	var all []pop3.Entry
	err := c.lines(ctx, func(line []byte) error {
		e, err := parse(line)
		if err == nil {
			all = append(all, e)
		}
		return err
	}, v)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Retr fetches message n. Read it to io.EOF: a connection that is lost before
// gives io.ErrUnexpectedEOF, never a short message. ctx holds until then. Close
// reads what is left, as the next call on the client does.
func (c *Client) Retr(ctx context.Context, n int) (io.ReadCloser, error) {
	return c.fetch(ctx, pop3.RETR, strconv.Itoa(n))
}

// Top fetches the header of message n and so many lines of its body, as Retr
// does. RFC 1939, section 7.
func (c *Client) Top(ctx context.Context, n, lines int) (io.ReadCloser, error) {
	return c.fetch(ctx, pop3.TOP, strconv.Itoa(n), strconv.Itoa(lines))
}

func (c *Client) fetch(ctx context.Context, v pop3.Verb, args ...string) (io.ReadCloser, error) {
	done, _, err := c.begun(ctx, v, args...)
	if err != nil {
		return nil, err
	}
	c.open = &message{c: c, body: c.r.Body(c.d.Limits.Body), done: done}
	return c.open, nil
}

// A message is the body of RETR or TOP.
type message struct {
	c    *Client
	body *pop3.Body
	done func(error) error
	err  error // io.EOF: it was read to its end; errSkipped; or what went wrong
}

// errSkipped is what a message gives that was closed, or overtaken by another
// command, before its end: it must not seem whole.
var errSkipped = errors.New("pop3client: the rest of the message was skipped")

func (m *message) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.body.Read(p)
	if err != nil {
		err = m.finish(err)
	}
	return n, err
}

// WriteTo writes the message without a buffer between.
func (m *message) WriteTo(w io.Writer) (int64, error) {
	switch m.err {
	case nil:
	case io.EOF:
		return 0, nil
	default:
		return 0, m.err
	}
	to := failedWriter{w: w}
	n, err := m.body.WriteTo(&to)
	switch {
	case err == nil:
		m.finish(io.EOF)
	case to.err == nil:
		err = m.finish(err)
	}
	return n, err
}

// A failedWriter remembers that it was the writer that failed.
type failedWriter struct {
	w   io.Writer
	err error
}

func (f *failedWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	f.err = err
	return n, err
}

// finish ends the message with err: io.EOF, errSkipped, or what went wrong, which
// breaks the client.
func (m *message) finish(err error) error {
	m.c.open = nil
	if err == io.EOF || err == errSkipped {
		m.c.s.BodyDone()
		m.done(nil)
	} else {
		err = m.done(err)
	}
	m.err = err
	return err
}

// skip reads what is left, of a message that has not ended.
func (m *message) skip() error {
	if err := m.body.Drain(); err != nil {
		return m.finish(err)
	}
	m.finish(errSkipped)
	return nil
}

// Close reads what is left of the message.
func (m *message) Close() error {
	switch m.err {
	case nil:
		return m.skip()
	case io.EOF, errSkipped:
		return nil
	}
	return m.err
}

// A Message is one of RetrAll.
type Message struct {
	N         int
	io.Reader // its content: see Client.Retr. Valid until the next
}

// maxAhead is how many messages RetrAll asks for before it has the first. They
// are on their way even if the caller stops.
const maxAhead = 16

// RetrAll fetches messages in the order of nums, asking for the next ones before
// the last has come where the server offers PIPELINING. A message that the
// server refuses comes with a *pop3.ReplyError and no Reader, and the rest
// follows; any other error is the last. Do not use the client inside the loop.
// What is not read of a message is skipped. Single-use.
func (c *Client) RetrAll(ctx context.Context, nums []int) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		err := c.ready(ctx)
		if err == nil && c.s.State() != pop3.Transaction {
			err = pop3.ErrSequence
		}
		if err != nil {
			yield(Message{}, err)
			return
		}
		done := c.watch(ctx)
		for asked, got := 0, 0; got < len(nums); got++ {
			n := nums[got]
			err := c.askAhead(nums, &asked, got)
			var e *pop3.ReplyEvent
			if err == nil {
				e, err = c.reply()
			}
			if err != nil {
				yield(Message{N: n}, done(err))
				return
			}
			c.skipped = asked - got - 1
			more := false
			if e.Body {
				m := &message{c: c, body: c.r.Body(c.d.Limits.Body), done: func(err error) error { return done(err) }}
				c.open = m
				if more = yield(Message{n, m}, nil); more && m.Close() != nil {
					yield(Message{N: n}, m.err)
					return
				}
				if more {
					done = c.watch(ctx)
				}
			} else {
				more = yield(Message{N: n}, &pop3.ReplyError{Verb: pop3.RETR, Reply: e.Reply})
			}
			if !more {
				break
			}
			c.skipped = 0
		}
		if c.open == nil {
			done(nil)
		}
	}
}

// askAhead sends as many RETRs as may be unanswered.
func (c *Client) askAhead(nums []int, asked *int, got int) error {
	var out []byte
	for *asked < len(nums) && *asked-got < maxAhead {
		next, err := c.s.Send(out, pop3.RETR, strconv.Itoa(nums[*asked]))
		if err != nil { // no PIPELINING: one at a time
			break
		}
		out = next
		*asked++
	}
	if len(out) == 0 {
		return nil
	}
	return c.write(out)
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

// Lang chooses the language of the server's texts, by a range such as "de" or
// "*", and returns the tag of what was chosen. RFC 6856, section 3.
func (c *Client) Lang(ctx context.Context, tag string) (string, error) {
	r, err := c.command(ctx, pop3.LANG, tag)
	if err != nil {
		return "", err
	}
	chosen, _, _ := strings.Cut(r.Text, " ")
	return chosen, nil
}

// Languages returns the languages that the server's texts can be had in.
func (c *Client) Languages(ctx context.Context) ([]pop3.Language, error) {
	var all []pop3.Language
	err := c.lines(ctx, func(line []byte) error {
		tag, name, _ := strings.Cut(string(line), " ")
		all = append(all, pop3.Language{Tag: tag, Name: name})
		return nil
	}, pop3.LANG)
	if err != nil {
		return nil, err
	}
	return all, nil
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

package pop3client

import (
	"context"
	"errors"
	"io"
	"iter"
	"strconv"

	"github.com/mailwire/mailwire/pop3"
)

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
		failed := func(err error) error { // the messages share one watch
			if err != nil {
				err = done(err)
			}
			return err
		}
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
			if !c.yieldMessage(yield, n, e, failed) {
				break
			}
			c.skipped = 0
		}
		if c.open != nil { // what is left of it is read, or not, under another context
			c.open.done = done
		} else {
			done(nil)
		}
	}
}

// yieldMessage hands one message out, and reports whether to go on.
func (c *Client) yieldMessage(yield func(Message, error) bool, n int, e *pop3.ReplyEvent, done func(error) error) bool {
	if !e.Body {
		return yield(Message{N: n}, &pop3.ReplyError{Verb: pop3.RETR, Reply: e.Reply})
	}
	m := &message{c: c, body: c.r.Body(c.d.Limits.Body), done: done}
	c.open = m
	if !yield(Message{n, m}, nil) {
		return false
	}
	if err := m.Close(); err != nil {
		yield(Message{N: n}, err)
		return false
	}
	return true
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

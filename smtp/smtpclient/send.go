package smtpclient

import (
	"context"
	"errors"
	"io"

	"github.com/mailwire/mailwire/smtp"
)

// Send sends one message. The Result says what became of each recipient; the
// error is nil if all were accepted, and otherwise a *SendError: see the package
// comment. body is read to its end; its line ends and dots are taken care of. If
// reading fails, or the content turns out not to be sendable, the connection is
// dropped before its end, so that nothing is delivered.
func (c *Client) Send(ctx context.Context, e *smtp.Envelope, body io.Reader) (*Result, error) {
	r, err, _ := c.send(ctx, e, body)
	return r, err
}

// send is Send. early says that the connection died before MAIL was answered,
// and that body has not been touched.
func (c *Client) send(ctx context.Context, e *smtp.Envelope, body io.Reader) (r *Result, err error, early bool) {
	if err := e.Check(); err != nil {
		r, err = failAll(e, err)
		return r, err, false
	}
	m := &message{c: c, result: &Result{Rcpts: make([]RcptResult, len(e.To))}, body: body}
	for i := range m.result.Rcpts {
		m.result.Rcpts[i].Err = errUnsent
	}
	err = c.use(ctx, func(ctx context.Context) error {
		if c.tx != nil {
			return ErrBusy
		}
		m.plan, err = c.makePlan(e, sizeOf(body))
		m.result.Dropped = m.plan.dropped
		if err != nil {
			return err
		}
		return m.send(ctx)
	})
	return m.result, m.outcome(err), !m.mailAnswered && !m.bodyRead
}

// errUnsent stands for the result of a recipient until there is one.
var errUnsent = errors.New("smtpclient: not sent")

// A message is one transaction of a Client.
type message struct {
	c    *Client
	plan *plan
	body io.Reader

	result       *Result
	rcpts        []int // what the RCPT commands were for: places in the result; -1: none, it was refused
	accepted     int
	mailAnswered bool
	bodyRead     bool
	refused      error       // why the message as a whole was: the reply to MAIL, DATA or a chunk
	next         smtp.Action // what the reply that came last asks for
}

// window is how many octets of commands may be without an answer. Both sides
// could wait for each other for ever if their replies filled the connection.
// RFC 2920, section 3.1.
const (
	window      = 8 << 10
	longestLine = 2 << 10
)

// send carries the transaction out. Refusals are in the result then; the error
// is one of the connection, or of ours.
func (m *message) send(ctx context.Context) error {
	if err := m.c.reset(ctx); err != nil {
		return err
	}
	chunk, err := m.firstChunk()
	if err != nil {
		return err
	}
	if err = m.envelope(ctx); err == nil {
		err = m.content(ctx, chunk)
	}
	return m.end(ctx, err)
}

// content sends the content, if there is anybody to send it to: in chunks if there
// is one.
func (m *message) content(ctx context.Context, chunk *chunker) error {
	switch {
	case !m.mayGoOn():
		return nil
	case chunk != nil:
		return m.bdat(ctx, chunk)
	}
	return m.data(ctx)
}

// end leaves the connection as the next message wants it, if it is still sound:
// err may be one of ours, that came when MAIL had been said already.
func (m *message) end(ctx context.Context, err error) error {
	if m.c.broken != nil {
		return err
	}
	m.c.sent++
	if resetErr := m.c.reset(ctx); err == nil {
		err = resetErr
	}
	return err
}

// envelope sends MAIL and RCPT, as many at a time as the server lets us.
func (m *message) envelope(ctx context.Context) error {
	c, p := m.c, m.plan
	out, err := c.s.Mail(c.out, p.from, &p.mail)
	if c.out = out; err != nil {
		return err
	}
	for i := range p.to {
		if err := m.makeRoom(ctx, smtp.RCPT); err != nil || m.refused != nil {
			return err
		}
		out, err := c.s.Rcpt(c.out, p.to[i].Path, &p.to[i].Options)
		switch c.out = out; {
		case errors.Is(err, smtp.ErrLimit): // the next transaction may have it
			m.result.Rcpts[i].Err = err
		case err != nil:
			return err
		default:
			m.rcpts = append(m.rcpts, i)
		}
	}
	if c.d.AllOrNothing {
		return c.sync(ctx, m)
	}
	return nil
}

// mayGoOn reports whether the content is to be sent, as far as is known now.
// What refuses all recipients refuses DATA too, so that replies that are still to
// come do not hold up the pipeline.
func (m *message) mayGoOn() bool {
	if m.refused != nil {
		return false
	}
	if m.c.d.AllOrNothing && m.accepted < len(m.plan.to) {
		m.refused = ErrRefusedOthers
		return false
	}
	return m.accepted > 0 || m.c.s.Pending() > 0 && len(m.rcpts) > 0
}

// makeRoom sends what waits, and reads the replies, if the command cannot join it.
func (m *message) makeRoom(ctx context.Context, v smtp.Verb) error {
	c := m.c
	if c.s.Pending() == 0 || c.s.MaySend(v) && c.unread+len(c.out) <= window-longestLine {
		return nil
	}
	return c.sync(ctx, m)
}

// hear notes what a reply means for the message.
func (m *message) hear(o smtp.Outcome) {
	m.next = o.Next
	err := o.Err()
	switch {
	case o.Content:
		m.hearContent(&o, err)
	case o.Verb == smtp.MAIL:
		m.mailAnswered = true
		m.refused = err
	case o.Verb == smtp.RCPT:
		r := &m.result.Rcpts[m.rcpts[o.Index]]
		r.Rcpt = o.Reply
		if err == nil {
			m.accepted++
		} else if m.refused == nil {
			r.Err = err
		}
	case (o.Verb == smtp.DATA || o.Verb == smtp.BDAT) && err != nil && m.refused == nil:
		m.refused = err
	}
}

// hearContent notes a final reply: for one recipient, or for all that were
// accepted.
func (m *message) hearContent(o *smtp.Outcome, err error) {
	m.result.Reply = o.Reply
	for n, i := range m.rcpts {
		if i < 0 {
			continue
		}
		r := &m.result.Rcpts[i]
		if o.Index >= 0 && n != o.Index || !r.Rcpt.Positive() || m.refused != nil {
			continue
		}
		r.Final, r.Err = o.Reply, err
	}
}

// outcome makes the error of Send. err ended the transaction, or is nil.
func (m *message) outcome(err error) error {
	cause := m.refused
	if cause == nil {
		cause = err
	}
	if cause == nil {
		cause = errUnsent
	}
	for i := range m.result.Rcpts {
		if r := &m.result.Rcpts[i]; r.Err == errUnsent {
			r.Err = cause
		}
	}
	return m.result.error(nil)
}

// reset ends what a refusal has left open. Where there is nothing it sends
// nothing.
func (c *Client) reset(ctx context.Context) error {
	if !c.s.State().InTransaction() {
		return nil
	}
	if err := c.sync(ctx, nil); err != nil {
		return err
	}
	out, err := c.s.Command(c.out, "RSET", "")
	if _, err = c.expect(ctx, out, err); err != nil {
		c.retire(err)
	}
	return err
}

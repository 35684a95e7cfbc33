package smtpclient

import (
	"context"
	"io"

	"github.com/mailwire/mailwire/smtp"
)

// A Transaction is a message whose recipients come one by one, each with an
// answer of its own before the next: what a proxy needs. It ends with Send or
// Abort, or with the connection; until then the Client can do nothing else.
type Transaction struct {
	c *Client
	m *message
}

// Begin opens a transaction. The errors of MAIL are here: a *smtp.ReplyError if
// the server refused, or what cannot be sent. SMTPUTF8 is asked for if from or
// o.UTF8 needs it; recipients cannot add to that.
func (c *Client) Begin(ctx context.Context, from smtp.Path, o smtp.MailOptions) (*Transaction, error) {
	t := &Transaction{c: c}
	err := c.use(ctx, func(ctx context.Context) error {
		if c.tx != nil {
			return ErrBusy
		}
		if _, err := smtp.AppendMail(nil, from, &o); err != nil {
			return err
		}
		p, err := c.makePlan(&smtp.Envelope{From: from, Options: o}, 0)
		if err != nil {
			return err
		}
		if err := c.reset(ctx); err != nil {
			return err
		}
		t.m = &message{c: c, plan: p, result: &Result{Dropped: p.dropped}}
		out, err := c.s.Mail(c.out, p.from, &p.mail)
		if _, err := c.expect(ctx, out, err); err != nil {
			return err
		}
		c.tx = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// use is Client.use for an open transaction.
func (t *Transaction) use(ctx context.Context, f func(context.Context) error) error {
	return t.c.use(ctx, func(ctx context.Context) error {
		if t.c.tx != t {
			return smtp.ErrSequence
		}
		return f(ctx)
	})
}

// Rcpt adds a recipient. If it is accepted its result is the next one of the
// Result of Send; those that are refused have none.
func (t *Transaction) Rcpt(ctx context.Context, to smtp.Rcpt) error {
	return t.use(ctx, func(ctx context.Context) error {
		c, m := t.c, t.m
		if path, ok := toASCII(to.Path); ok && !m.plan.mail.UTF8 {
			to.Path = path
		}
		if err := m.plan.settleRcpt(c.s.Extensions(), &to.Options); err != nil {
			return err
		}
		m.result.Dropped = m.plan.dropped
		out, err := c.s.Rcpt(c.out, to.Path, &to.Options)
		o, err := c.expect(ctx, out, err)
		if err != nil {
			if o.Verb == smtp.RCPT { // one that was sent, and counts
				m.rcpts = append(m.rcpts, -1)
			}
			return err
		}
		m.rcpts = append(m.rcpts, len(m.result.Rcpts))
		m.result.Rcpts = append(m.result.Rcpts, RcptResult{Rcpt: o.Reply, Err: errUnsent})
		m.plan.to = append(m.plan.to, to)
		m.accepted++
		return nil
	})
}

// Send sends the content and ends the transaction. The Result and the error are
// those of [Client.Send], for the recipients that were accepted.
func (t *Transaction) Send(ctx context.Context, body io.Reader) (*Result, error) {
	m := t.m
	m.body = body
	err := t.use(ctx, func(ctx context.Context) error {
		defer t.end()
		if m.accepted == 0 {
			return m.end(ctx, smtp.ErrSequence)
		}
		chunk, err := m.firstChunk()
		if err == nil {
			err = m.content(ctx, chunk)
		}
		return m.end(ctx, err)
	})
	if len(m.result.Rcpts) == 0 && err != nil {
		return m.result, &SendError{Result: m.result, Err: err}
	}
	return m.result, m.outcome(err)
}

// Abort ends the transaction without a message. After Send it does nothing.
func (t *Transaction) Abort(ctx context.Context) error {
	err := t.use(ctx, func(ctx context.Context) error {
		defer t.end()
		return t.c.reset(ctx)
	})
	if err == smtp.ErrSequence {
		return nil
	}
	return err
}

func (t *Transaction) end() { t.c.tx = nil }

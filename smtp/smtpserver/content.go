package smtpserver

import (
	"context"

	"github.com/mailwire/mailwire/smtp"
)

// data carries out DATA.
func (c *Conn) data(ctx context.Context) {
	m := c.message
	c.settle(c.bodyStart(ctx, m), Closed)
	if c.s.State() != smtp.Receiving {
		return
	}
	c.clock.waitFor(contentWait)
	m.reader, m.last = c.r.Data(&m.content), true
	c.take(ctx, m)
}

// chunk carries out a BDAT that comes while Data is not reading: the first one,
// or one behind a Data that has returned early.
func (c *Conn) chunk(ctx context.Context, e *smtp.ChunkEvent) {
	m := c.message
	c.clock.waitFor(contentWait)
	m.reader, m.last = c.r.Chunk(&m.content, e.Size, e.Last), e.Last
	if e.First {
		if v := c.bodyStart(ctx, m); !v.Positive() {
			m.called, m.verdict = true, v
		}
	}
	c.take(ctx, m)
}

// bodyStart asks whether the content may come.
func (c *Conn) bodyStart(ctx context.Context, m *Message) smtp.Reply {
	switch {
	case c.session.Data == nil:
		return smtp.Reply{Code: 554, Enhanced: smtp.EnhancedCode{5, 3, 2}, Text: "no messages are taken here"}
	case c.session.BodyStart != nil:
		return c.verdict(ctx, c.session.BodyStart(ctx, m))
	}
	return ok
}

// take gives the content to Data, unless Data has had its say already, and
// answers for what came last.
func (c *Conn) take(ctx context.Context, m *Message) {
	if !m.called {
		m.called, m.running, m.ctx = true, true, ctx
		err := c.session.Data(ctx, m)
		m.finish()
		m.verdict = m.verdictOn(ctx, err)
	}
	switch {
	case m.reader != nil:
		c.endPiece(ctx, m)
	case c.s.State() == smtp.Ready: // a last chunk was refused while Data was reading
		c.endMessage(Refused)
	}
}

// endPiece drops what Data has left of the piece and settles it: one reply for
// a chunk, and at the end of the message as many as the protocol wants.
func (c *Conn) endPiece(ctx context.Context, m *Message) {
	err := m.reader.Drain()
	m.reader = nil
	if err != nil {
		c.lost(err)
		return
	}
	e := c.s.Received(m.content.Err())
	if !e.Last {
		c.settle(m.verdict, Closed)
		return
	}
	why := Refused
	for i := range e.Replies {
		v := m.reply(ctx)
		if c.server.Protocol == smtp.LMTP {
			v = m.replyFor(ctx, i)
		}
		if v.Positive() && e.Err == nil {
			why = Done
		}
		c.settle(v, why)
	}
}

// nextChunk runs the dialogue, from within Message.Read, up to the next chunk:
// no goroutine and no pipe stands between the handler and the connection. What
// ends the transaction is left to the loop, which goes on when Data has returned.
// Read may be called by any goroutine of the handler's, where nobody would recover.
func (c *Conn) nextChunk(m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked(p)
		}
	}()
	m.reader = nil
	c.s.Received(nil)
	c.settle(ok, Closed)
	for c.broken == nil && c.s.State() == smtp.Chunking {
		switch e := c.next(m.ctx).(type) {
		case *smtp.ChunkEvent:
			c.clock.waitFor(contentWait)
			m.reader, m.last = c.r.Chunk(&m.content, e.Size, e.Last), e.Last
			return nil
		case *smtp.ResetEvent, *smtp.HelloEvent, *smtp.QuitEvent:
			c.parked = e
			return ErrReset
		default:
			c.do(m.ctx, e)
		}
	}
	switch {
	case c.broken != nil:
		return c.broken
	case c.s.State() == smtp.Closed:
		return ErrReset
	}
	return &smtp.ContentError{Reason: smtp.TooBig} // the session has refused a chunk
}

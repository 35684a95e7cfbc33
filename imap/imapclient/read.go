package imapclient

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// A row is a FETCH whose literal is, or was, streamed: it comes in parts.
type row struct {
	data   *imap.Data
	m      *Message // whose it is; nil: nobody's
	onWire bool     // octets of its last literal are still to come
}

// smallLiteral is what may stay in memory of a row that nobody is waiting for.
const smallLiteral = 1 << 10

// readOne reads one response, or a part of one. The caller has the role of the
// reader.
func (c *Client) readOne(mine *fetch) error {
	if c.row.onWire {
		return c.putAway()
	}
	c.mu.Lock()
	c.s.Limits.ResponseLiteral = c.d.Limits.ResponseLiteral
	for _, k := range c.calls {
		if k.fetch != nil && k.fetch != mine && !k.fetch.dropped {
			c.s.Limits.ResponseLiteral = smallLiteral
		}
	}
	bounds := c.s.Bounds()
	c.mu.Unlock()
	piece, err := c.r.Next(bounds)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	ev, err := c.step(piece, err)
	if err != nil {
		return c.failLocked(c.lost(err))
	}
	if ev == nil {
		return nil // it goes on behind its literal
	}
	streams := piece.Announce != nil
	c.size = int64(len(piece.Command))
	if err := c.dispatch(ev); err != nil {
		return c.failLocked(err)
	}
	c.wake()
	if streams && !c.row.onWire {
		// What was announced is not understood: it goes with the response it is in.
		if err := c.r.Abandon(bounds); err != nil {
			return c.failLocked(c.lost(err))
		}
	}
	return nil
}

// step turns what the Reader found into an event. nil: the literal is gathered.
func (c *Client) step(piece imap.Piece, err error) (imap.ClientEvent, error) {
	if frame, ok := errors.AsType[*imap.FrameError](err); ok && !frame.Fatal {
		c.log.LogAttrs(context.Background(), slog.LevelWarn, "response refused", slog.Any("why", frame))
		return c.s.BadLine(frame)
	}
	if err != nil {
		return nil, err
	}
	line := piece.Command
	if a := piece.Announce; a != nil {
		v := c.s.Literal(a)
		c.r.Decide(v)
		if v.Do != imap.Stream {
			return nil, nil
		}
		line = a.Head
	}
	if c.d.Trace != nil && c.s.State() != imap.Authenticating {
		c.d.Trace(false, line)
	}
	return c.s.Step(line)
}

// dispatch gives an event to whom it concerns. An error ends the connection.
func (c *Client) dispatch(ev imap.ClientEvent) error {
	if len(c.d.Mask) > 0 {
		c.mask()
	}
	switch ev := ev.(type) {
	case *imap.Greeting:
		c.greeting = ev
	case *imap.Data:
		return c.data(ev)
	case *imap.Plus:
		c.continued(ev)
	case *imap.Done:
		c.answered(ev)
	case *imap.Bye:
		c.log.LogAttrs(context.Background(), slog.LevelInfo, "bye", slog.String("text", quote(ev.Status.Text)))
		if !c.leaving {
			return &imap.StatusError{Status: ev.Status}
		}
	}
	return nil
}

func (c *Client) continued(ev *imap.Plus) {
	c.answers++
	for _, k := range c.calls {
		if k.tag == ev.Tag {
			k.plus++
			k.last = ev
		}
	}
	switch {
	case c.idle == nil || c.idle.tag != ev.Tag:
	case c.ending:
		c.sendDone()
	default:
		c.link.idle(true)
		c.idle.timer = time.AfterFunc(c.d.Timeouts.reIdle(), c.stopIdle)
	}
}

func (c *Client) answered(ev *imap.Done) {
	c.answers++
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.LogAttrs(context.Background(), slog.LevelDebug, "answer", slog.String("tag", ev.Tag),
			slog.String("kind", ev.Status.Kind.String()), slog.String("code", quote(ev.Status.Code.Name)), slog.String("text", quote(ev.Status.Text)))
	}
	for i, k := range c.calls {
		if k.tag == ev.Tag {
			c.calls = append(c.calls[:i:i], c.calls[i+1:]...)
			k.done, k.ended = true, ev.Status
			c.ended(k)
			break
		}
	}
}

// data takes untagged data, or the next part of a row.
func (c *Client) data(d *imap.Data) error {
	if d.Dropped {
		c.log.LogAttrs(context.Background(), slog.LevelWarn, "data before login", slog.String("name", quote(d.Name)))
		return nil
	}
	if d == c.row.data {
		c.rowPart(d)
		return nil
	}
	if err := c.learn(d); err != nil {
		return err
	}
	m, err := c.claim(d)
	if err != nil {
		return err
	}
	if c.drained > or(c.d.Drain, 64<<20) {
		return ErrTooMuch
	}
	if r, ok := d.Value.(*imap.FetchRow); ok && r.Open {
		c.row.data, c.row.m = d, m
		c.rowPart(d)
	}
	return nil
}

// claim finds whose data it is. What is nobody's is an event. Of a row of a Fetch
// the message is returned. The error is for an answer that has no end.
func (c *Client) claim(d *imap.Data) (*Message, error) {
	r, isRow := d.Value.(*imap.FetchRow)
	for _, k := range c.calls {
		if k.fetch != nil {
			if isRow && k.fetch.claims(r) {
				return k.fetch.add(r), nil
			}
			continue
		}
		if k.claim != nil && k.claim(k.tag, d) {
			if k.size += c.size; k.size > maxQueued {
				return nil, ErrTooMuch
			}
			return nil, nil
		}
	}
	if !isRow || !r.Open {
		c.tell(d)
	}
	return nil, nil
}

// rowPart takes note of what has come of a row that is streamed.
func (c *Client) rowPart(d *imap.Data) {
	r, m := d.Value.(*imap.FetchRow), c.row.m
	c.row.onWire = r.Open
	if m != nil {
		m.part(r, d.Err)
	}
	if !r.Open {
		if m == nil || m.UID == 0 {
			c.learnRow(r)
		}
		c.row = row{}
	}
}

// putAway reads the literal that is on the wire to its end: for its message, or
// for nobody.
func (c *Client) putAway() error {
	c.mu.Lock()
	b := c.row.body()
	c.mu.Unlock()
	var err error
	if b != nil {
		err = b.fill(c.r.Literal())
	} else {
		err = c.drain(c.r.Literal())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.row.onWire = false
	if err != nil {
		return c.failLocked(c.lost(err))
	}
	c.wake()
	return nil
}

// body returns where the literal on the wire belongs, nil for nowhere.
func (r *row) body() *body {
	if r.m == nil || r.m.closed {
		return nil
	}
	return r.m.bodies[len(r.m.bodies)-1]
}

// drain reads a literal that nobody wants.
func (c *Client) drain(literal io.Reader) error {
	room := or(c.d.Drain, 64<<20) - c.drained
	n, err := io.Copy(io.Discard, io.LimitReader(literal, room))
	c.drained += n
	if err == nil && n == room && room < 1<<63-1 {
		if _, err := literal.Read(make([]byte, 1)); err != io.EOF {
			return ErrTooMuch
		}
	}
	return err
}

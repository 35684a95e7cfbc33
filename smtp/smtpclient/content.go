package smtpclient

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/mailwire/mailwire/smtp"
)

const (
	pieceSize = 32 << 10 // of the body, read at a time
	chunkSize = 64 << 10 // of a chunk; a body up to this goes in the first flight
	ahead     = 4        // chunks that may be without an answer
)

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// data sends the content by DATA. RFC 5321, section 4.1.1.4.
func (m *message) data(ctx context.Context) error {
	c := m.c
	if err := m.makeRoom(ctx, smtp.DATA); err != nil || !m.mayGoOn() {
		return err
	}
	out, err := c.s.Data(c.out)
	if c.out = out; err != nil {
		return err
	}
	if err := c.sync(ctx, m); err != nil {
		return err
	}
	switch m.next {
	case smtp.SendContent:
		if err := c.quiet(ctx); err != nil {
			return err
		}
		if err := m.stream(ctx); err != nil {
			return err
		}
	case smtp.SendLoneDot:
		if err := c.write(ctx, []byte(".\r\n")); err != nil {
			return err
		}
	default:
		return nil
	}
	c.s.ContentSent()
	return c.sync(ctx, m)
}

// stream sends the body, stuffed, and its end in the same write as its last octets.
func (m *message) stream(ctx context.Context) error {
	c := m.c
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	stuffer := smtp.Stuffer{LineEnds: c.d.LineEnds}
	out := c.out[:0]
	defer func() { c.keep(out) }()
	for {
		n, err := m.read(piece[:])
		if n > 0 && len(out) >= pieceSize {
			if err := c.write(ctx, out); err != nil {
				return err
			}
			out = out[:0]
		}
		end := err == io.EOF
		if err == nil || end {
			out, err = stuffer.Append(out, piece[:n])
		}
		if err == nil && end {
			out, err = stuffer.Finish(out)
		}
		if err != nil { // without its end the message is not delivered
			return c.lost(ctx, err)
		}
		if end {
			return c.write(ctx, out)
		}
	}
}

// keep takes a buffer back for the next batch, unless it has grown large.
func (c *Client) keep(out []byte) {
	if c.out = out[:0]; cap(out) > 2*pieceSize+1024 {
		c.out = nil
	}
}

// read reads from the body and looks for what cannot be sent. Every error but
// io.EOF ends the message.
func (m *message) read(p []byte) (int, error) {
	m.bodyRead = true
	n, err := m.body.Read(p)
	if m.plan.sevenBit && !isASCII(p[:n]) {
		return n, Err8Bit
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("smtpclient: reading the message: %w", err)
	}
	return n, err
}

// A chunker makes chunks of the body: line ends settled, no dots stuffed.
type chunker struct {
	content smtp.Content
	limits  smtp.Limits
	buf     []byte // the chunk that is next
	last    bool   // no more follow it
}

// firstChunk decides whether the message goes by BDAT, and reads the first chunk
// if so: a body that fits goes with the envelope in one write.
func (m *message) firstChunk() (*chunker, error) {
	binary := m.plan.mail.Body == smtp.BodyBinaryMIME
	if !binary && (!m.c.d.Chunking || !m.c.s.Extensions().Chunking) {
		return nil, nil
	}
	k := &chunker{limits: smtp.Limits{Message: -1, Header: -1, Received: -1}}
	k.content.Limits = &k.limits
	switch {
	case binary:
		k.content.LineEnds = smtp.KeepBare
	case m.c.d.LineEnds == smtp.DefaultLineEnds || m.c.d.LineEnds == smtp.NormalizeBare:
		k.content.LineEnds = smtp.NormalizeBare
	}
	return k, m.fill(k)
}

// fill makes the next chunk.
func (m *message) fill(k *chunker) error {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	k.buf = k.buf[:0]
	for len(k.buf) <= chunkSize && !k.last {
		n, err := m.read(piece[:])
		if err != nil && err != io.EOF {
			return err
		}
		for rest := piece[:n]; len(rest) > 0; {
			chunk, n := k.content.Octets(rest)
			k.buf = append(k.buf, chunk...)
			rest = rest[n:]
		}
		if err == io.EOF {
			k.buf = append(k.buf, k.content.Finish()...)
			k.last = true
		}
		if k.content.Err() != nil {
			return smtp.ErrBareLineEnd
		}
	}
	return nil
}

// bdat sends the content in chunks. RFC 3030, section 2.
func (m *message) bdat(ctx context.Context, k *chunker) error {
	c := m.c
	if !k.last { // so much is not sent for nobody
		if err := c.sync(ctx, m); err != nil {
			return err
		}
	}
	for {
		if err := m.makeRoom(ctx, smtp.BDAT); err != nil {
			return err
		}
		if !m.mayGoOn() {
			return c.sync(ctx, m)
		}
		out, err := c.s.Bdat(c.out, int64(len(k.buf)), k.last)
		if c.out = out; err != nil {
			return err
		}
		c.out = append(c.out, k.buf...)
		c.chunk = len(k.buf)
		err = c.flush(ctx)
		c.keep(c.out)
		if err != nil {
			return err
		}
		for c.s.Pending() > 0 && (k.last || c.s.Pending() > ahead) {
			o, err := c.read(ctx)
			if err != nil {
				return err
			}
			m.hear(o)
		}
		if k.last {
			return nil
		}
		if err := m.fill(k); err != nil { // what was sent so far is never completed
			return c.lost(ctx, err)
		}
	}
}

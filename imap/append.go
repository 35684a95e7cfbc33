package imap

import (
	"io"
	"math/rand/v2"
	"time"
)

// An AppendMessage is what APPEND says of one message in front of its octets.
// RFC 9051, section 6.3.12.
type AppendMessage struct {
	Flags []Flag
	Date  time.Time // zero: not given
	Size  uint64
	// Binary: the octets come as a literal8 and may hold NUL. RFC 3516, section 4.4.
	Binary bool
	// UTF8: they came as UTF8 (~{n}). RFC 6855, section 4.
	UTF8 bool
	// Src is where a client's Encoder takes the octets from; a server's Parser
	// leaves it nil.
	Src io.ReaderAt
}

// AppendArgs are the arguments of APPEND of a client: it prints them whole. A
// server gets them piece by piece, as an AppendEvent and AppendParts.
type AppendArgs struct {
	Mailbox  string
	Messages []AppendMessage // more than one: RFC 3502
}

// parseAppend takes an APPEND whose octets are all gathered, which only happens
// where nobody streams them.
func parseAppend(p *Parser, c *Command) {
	p.SP()
	a := &AppendArgs{Mailbox: p.Mailbox()}
	for p.err == nil {
		var m AppendMessage
		p.appendHead(&m)
		size, n, ok := p.announcement(p.Peek() == '~')
		if !ok || size > uint64(len(p.buf)-p.pos-n) {
			p.Fail("the octets of a message")
			break
		}
		m.Size, m.Binary = size, p.Peek() == '~'
		m.Src = bytesAt(append([]byte(nil), p.buf[p.pos+n:][:size]...))
		p.pos += n + int(size)
		p.appendTail(&m)
		a.Messages = append(a.Messages, m)
		if p.AtEnd() {
			break
		}
	}
	c.Args = a
}

// appendFront takes what stands in front of the first message.
func appendFront(p *Parser, c *Command) {
	p.SP()
	c.Args = &AppendArgs{Mailbox: p.Mailbox()}
}

// appendHead takes what stands in front of the octets of a message, from the
// space on.
func (p *Parser) appendHead(m *AppendMessage) {
	p.SP()
	if p.Peek() == '(' {
		m.Flags = p.Flags()
		p.SP()
	}
	if p.Peek() == '"' {
		m.Date = p.DateTime()
		p.SP()
	}
	if p.TryWord("UTF8") {
		m.UTF8 = true
		p.SP()
		p.Open()
		if p.Peek() != '~' {
			p.Fail("a literal8")
		}
	}
}

// appendTail takes what stands behind them.
func (p *Parser) appendTail(m *AppendMessage) {
	if m.UTF8 {
		p.Expect(')')
	}
}

func appendAppend(e *Encoder, v any) {
	a, ok := argument[*AppendArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	e.Mailbox(a.Mailbox)
	if len(a.Messages) == 0 {
		e.Fail("APPEND without a message")
	}
	for i := range a.Messages {
		m := &a.Messages[i]
		if m.Src == nil {
			e.Fail("a message without octets")
			return
		}
		e.SP()
		if len(m.Flags) > 0 {
			e.Flags(m.Flags)
			e.SP()
		}
		if !m.Date.IsZero() {
			e.DateTime(m.Date)
			e.SP()
		}
		if m.UTF8 {
			e.Raw("UTF8 (")
		}
		e.Body(m.Src, 0, int64(m.Size), m.Binary || m.UTF8)
		if m.UTF8 {
			e.Byte(')')
		}
	}
}

func sampleAppend(r *rand.Rand, _ bool) any {
	a := &AppendArgs{Mailbox: sampleMailbox(r)}
	for range 1 + r.IntN(3) {
		m := AppendMessage{Flags: sampleFlags(r)}
		if len(m.Flags) == 0 {
			m.Flags = nil
		}
		if r.IntN(2) == 0 {
			m.Date = sampleTime(r)
		}
		body := []byte("a: b\r\n\r\n" + sampleString(r))
		m.Binary = r.IntN(2) == 0
		m.UTF8 = m.Binary && r.IntN(2) == 0
		m.Size, m.Src = uint64(len(body)), bytesAt(body)
		a.Messages = append(a.Messages, m)
	}
	return a
}

// bytesAt is octets in memory as a source.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

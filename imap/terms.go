package imap

import (
	"bytes"
	"math"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Number takes a number of 32 bits.
func (p *Parser) Number() uint32 { return uint32(p.number(math.MaxUint32, false)) }

// NZNumber takes a number of 32 bits that is not 0.
func (p *Parser) NZNumber() uint32 { return uint32(p.number(math.MaxUint32, true)) }

// Number64 takes a number of 63 bits. RFC 9051, section 9, number64.
func (p *Parser) Number64() uint64 { return p.number(math.MaxInt64, false) }

// NZNumber64 takes a number of 63 bits that is not 0.
func (p *Parser) NZNumber64() uint64 { return p.number(math.MaxInt64, true) }

func (p *Parser) number(limit uint64, nonZero bool) uint64 {
	if p.err != nil {
		return 0
	}
	digits := p.buf[p.pos:]
	digits = digits[:ascii.Span(ascii.Digit, digits)]
	n, err := ascii.ParseUint(digits, limit)
	if err != nil || nonZero && !p.Lenient && digits[0] == '0' {
		p.Fail("a number")
		return 0
	}
	p.pos += len(digits)
	return n
}

// ModSeq takes mod-sequence-value: 1 to 2^63-1. RFC 7162, section 7.
func (p *Parser) ModSeq() ModSeq { return ModSeq(p.NZNumber64()) }

// setOctets takes what can be a sequence-set.
func (p *Parser) setOctets() []byte { return p.span(setChar, "a message set") }

var setChar = ascii.Digit.Or(ascii.Of(":,*"))

// parseSet takes a sequence-set of either kind.
func parseSet[N ~uint32](p *Parser) NumSet[N] {
	start := p.pos
	b := p.setOctets()
	if p.err != nil {
		return NumSet[N]{}
	}
	s, err := ParseNumSet[N](b)
	if err != nil {
		p.pos = start
		p.Fail("a message set")
	}
	return s
}

// SeqSet takes a set of message numbers.
func (p *Parser) SeqSet() SeqSet { return parseSet[SeqNum](p) }

// UIDSet takes a set of UIDs.
func (p *Parser) UIDSet() UIDSet { return parseSet[UID](p) }

// UIDList takes a uid-set and keeps its order.
func (p *Parser) UIDList() UIDList {
	start := p.pos
	b := p.setOctets()
	if p.err != nil {
		return nil
	}
	l, err := ParseUIDList(b)
	if err != nil {
		p.pos = start
		p.Fail("a set of UIDs")
	}
	return l
}

// Ref takes the message set of a command, "$" included.
func (p *Parser) Ref(uid bool) Ref {
	switch {
	case p.Try('$'):
		p.traits |= UsesSaved
		return SavedResult(uid)
	case uid:
		return InUIDs(p.UIDSet())
	}
	return Ref{Seq: p.SeqSet()}
}

// Flag takes a flag as a client may name it: not \Recent, no "\*".
func (p *Parser) Flag() Flag {
	start := p.pos
	p.Try('\\')
	p.Atom()
	if p.err != nil {
		return ""
	}
	f := internFlag(p.buf[start:p.pos])
	if !p.Lenient && !f.Storable() {
		p.pos = start
		p.Fail("a flag that can be stored")
	}
	return f
}

// Flags takes a list of flags in parentheses, of those a client may name.
func (p *Parser) Flags() []Flag {
	var flags []Flag
	p.List(func() { flags = append(flags, p.Flag()) })
	return flags
}

// AnyFlags takes a list of flags in parentheses as a server sends them:
// \Recent, "\*" and flags of later revisions included.
func (p *Parser) AnyFlags() []Flag {
	begin := p.pos
	list, _, _ := bytes.Cut(p.buf[begin:], []byte(")")) // which no atom has in it
	flags := make([]Flag, 0, min(1+bytes.Count(list, []byte(" ")), 16))
	text := "" // list, if a flag is not known: one string for all that are not
	p.List(func() {
		start := p.pos
		if p.Try('\\') && p.Try('*') {
			flags = append(flags, FlagWildcard)
			return
		}
		p.Atom()
		if p.err != nil {
			return
		}
		f := knownFlag(p.buf[start:p.pos])
		if f == "" {
			if text == "" {
				text = string(list)
			}
			f = Flag(text[start-begin : p.pos-begin])
		}
		flags = append(flags, f)
	})
	return flags
}

// Mailbox takes the name of a mailbox and returns it in UTF-8.
func (p *Parser) Mailbox() string {
	start := p.pos
	b := p.AString()
	if p.err != nil {
		return ""
	}
	name, err := decodeMailbox(b, p.UTF8)
	if err != nil {
		if p.Lenient {
			return string(b) // the mistake is the server's: something to show is better than nothing
		}
		p.err = &SyntaxError{Offset: start, Want: "a mailbox name", Got: quote(b), Err: err}
	}
	return name
}

// Pattern takes list-mailbox: a pattern of LIST, in UTF-8. One that does not
// decode is not an error: it can match nothing, which ok = false says.
func (p *Parser) Pattern() (pattern string, ok bool) {
	var b []byte
	if c := p.Peek(); c == '"' || c == '{' {
		b = p.Str()
	} else {
		b = p.span(listChar, "a pattern")
	}
	if p.err != nil {
		return "", false
	}
	pattern, err := decodeMailbox(b, p.UTF8)
	return pattern, err == nil
}

// Date takes a date, quoted or not.
func (p *Parser) Date() Date {
	start := p.pos
	b := p.AString()
	if p.err != nil {
		return Date{}
	}
	d, ok := ParseDate(b)
	if !ok {
		p.pos = start
		p.Fail("a date as 1-Jan-2026")
	}
	return d
}

// DateTime takes a date-time with its quotes.
func (p *Parser) DateTime() time.Time {
	start := p.pos
	b := p.Str()
	if p.err != nil {
		return time.Time{}
	}
	t, ok := ParseDateTime(b)
	if !ok {
		p.pos = start
		p.Fail("a date and time")
	}
	return t
}

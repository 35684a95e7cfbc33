package imap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Response is a response of a server: RFC 9051, section 7.
type Response struct {
	// Tag is "*" for untagged data, "+" for a continuation request, else the tag
	// of the command that is done.
	Tag string
	// Name says what it is, in upper case: "OK", "FETCH", "EXISTS" … "" behind "+".
	Name string
	Num  uint32 // what stands in front of the name
	// Value is a Status for OK, NO, BAD, BYE and PREAUTH, else what the DataSpec
	// of the name parses. It is nil for names that nobody knows and for data that
	// is damaged, which is no reason to lose the connection: RFC 9051, section
	// 2.2.2. Then, and behind "+", Raw has the octets.
	Value any
	Raw   []byte
	Err   error // why data of a known name has no Value
}

// Status returns the status that the response is.
func (r *Response) Status() (Status, bool) {
	st, ok := r.Value.(Status)
	return st, ok
}

// statusKind returns the kind that a status response begins with.
func statusKind[T ~string | ~[]byte](name T) (Kind, bool) {
	for k, s := range kindNames {
		if ascii.EqualFold(name, s) {
			return Kind(k), true
		}
	}
	return 0, false
}

// ParseResponse takes a whole response. It fails only where what begins as a
// tagged response is none: untagged data that cannot be read is damaged alone.
func (p *Parser) ParseResponse() (*Response, error) {
	r := new(Response)
	p.response(r)
	if p.err != nil {
		return nil, p.err
	}
	return r, nil
}

func (p *Parser) response(r *Response) {
	if p.Try('+') {
		r.Tag = "+"
		p.space() // some send "+" CRLF
		r.Raw = bytes.Clone(p.Line())
		return
	}
	if p.Try('*') {
		r.Tag = "*"
		p.untagged(r)
		return
	}
	r.Tag = string(p.span(tagChar, "a tag"))
	p.SP()
	kind, ok := statusKind(p.Atom())
	if !ok {
		p.Fail("a status")
	}
	if p.err == nil {
		r.Name, r.Value = kindNames[kind], p.status(kind)
	}
}

// untagged takes untagged data behind the "*".
func (p *Parser) untagged(r *Response) {
	rest := p.pos
	p.SP()
	if ascii.Digit[p.Peek()] {
		r.Num = p.Number()
		p.SP()
	}
	if name := p.Atom(); p.err == nil {
		rest = p.pos
		if kind, ok := statusKind(name); ok {
			r.Name, r.Value = kindNames[kind], p.status(kind)
		} else {
			p.data(r, name)
		}
	}
	if p.err != nil {
		r.Value, r.Err, r.Raw = nil, p.err, bytes.Clone(p.buf[rest:])
		p.err, p.pos = nil, len(p.buf)
	}
}

// data takes data behind its name.
func (p *Parser) data(r *Response, name []byte) {
	spec := lookup(p.grammar().data, name, p.offer)
	if spec == nil {
		r.Name, r.Raw = upper(name), bytes.Clone(p.Line())
		return
	}
	r.Name = spec.Name
	if spec.Parse != nil {
		r.Value = spec.Parse(p)
	}
	for p.Lenient && p.Try(' ') {
	}
	if row, ok := r.Value.(*FetchRow); ok {
		row.Seq = SeqNum(r.Num)
	}
	p.End()
	if p.err == nil && spec.Numbered == (r.Num == 0) && r.Name != "EXISTS" && r.Name != "RECENT" {
		p.Fail("a number of a message")
	}
}

// Response appends a response with its CRLF, as a server under test may say it.
func (e *Encoder) Response(r *Response) {
	if st, ok := r.Value.(Status); ok {
		e.Status(r.Tag, st)
		return
	}
	if r.Tag == "+" {
		e.Raw("+ ")
		e.text(string(r.Raw))
		e.CRLF()
		return
	}
	e.Data(r.Name, r.Num, r.Value)
}

// Data appends an untagged response with its CRLF. num is 0 for those without a
// number in front.
func (e *Encoder) Data(name string, num uint32, v any) {
	spec := lookup(e.grammar().data, name, 0)
	if spec == nil {
		e.Fail("the response " + quote(name))
		return
	}
	e.Raw("* ")
	if spec.Numbered {
		e.Number(uint64(num))
		e.SP()
	}
	e.Raw(spec.Name)
	switch {
	case spec.Append != nil:
		spec.Append(e, v)
	case v != nil:
		e.Fail(fmt.Sprintf("%s with a %T", name, v))
	}
	e.CRLF()
}

// Exists appends the number of messages. RFC 9051, section 7.4.1.
func (e *Encoder) Exists(n uint32) { e.numbered(n, " EXISTS\r\n") }

// Recent appends the number of recent messages. RFC 3501, section 7.3.2.
func (e *Encoder) Recent(n uint32) { e.numbered(n, " RECENT\r\n") }

// Expunge appends that a message is gone. RFC 9051, section 7.5.1.
func (e *Encoder) Expunge(seq SeqNum) { e.numbered(uint32(seq), " EXPUNGE\r\n") }

func (e *Encoder) numbered(n uint32, rest string) {
	e.Raw("* ")
	e.buf = strconv.AppendUint(e.buf, uint64(n), 10)
	e.Raw(rest)
}

// SearchData is the value of SEARCH: numbers in the order in which they came.
// RFC 3501, section 7.2.5; RFC 7162, section 3.1.5.
type SearchData struct {
	Numbers []uint32
	ModSeq  ModSeq // 0: none
}

var searchRow = Value{
	Parse: func(p *Parser) any {
		s := new(SearchData)
		for p.Try(' ') {
			switch {
			case p.Peek() == '(':
				p.Open()
				if !p.TryWord("MODSEQ") {
					p.Fail("MODSEQ")
				}
				p.SP()
				s.ModSeq = p.ModSeq()
				p.Close()
			case p.Lenient && p.AtEnd():
			default:
				s.Numbers = append(s.Numbers, p.NZNumber())
			}
		}
		return s
	},
	Append: func(e *Encoder, v any) {
		s, ok := argument[*SearchData](e, v)
		if !ok {
			return
		}
		for _, n := range s.Numbers {
			e.SP()
			e.Number(uint64(n))
		}
		if s.ModSeq != 0 {
			e.Raw(" (MODSEQ ")
			e.Number(uint64(s.ModSeq))
			e.Byte(')')
		}
	},
	Sample: func(r *rand.Rand) any {
		s := new(SearchData)
		for range r.IntN(4) {
			s.Numbers = append(s.Numbers, sampleNumber(r))
		}
		if r.IntN(2) == 0 {
			s.ModSeq = sampleModSeq(r)
		}
		return s
	},
}

// spaced puts a space in front of a value.
func spaced(v Value) Value {
	return Value{
		Parse: func(p *Parser) any {
			p.SP()
			return v.Parse(p)
		},
		Append: func(e *Encoder, x any) {
			e.SP()
			v.Append(e, x)
		},
		Sample: v.Sample,
	}
}

// spacedCaps is capabilities behind a space, of which there may be none.
var spacedCaps = Value{
	Parse: func(p *Parser) any {
		if p.AtEnd() {
			return Caps{}
		}
		p.SP()
		return capabilities.Parse(p)
	},
	Append: func(e *Encoder, v any) {
		if caps, ok := argument[Caps](e, v); ok && len(caps) > 0 {
			e.SP()
			capabilities.Append(e, caps)
		}
	},
	Sample: capabilities.Sample,
}

// coreData: RFC 9051, section 7, with LSUB, SEARCH and RECENT of RFC 3501,
// section 7.
var coreData = []DataSpec{
	{Name: "CAPABILITY", Value: spacedCaps},
	{Name: "EXISTS", Numbered: true},
	{Name: "EXPUNGE", Numbered: true},
	{Name: "FETCH", Numbered: true, Value: fetchRow},
	{Name: "FLAGS", Value: spaced(flagList)},
	{Name: "LIST", Value: mailboxRow},
	{Name: "LSUB", Value: mailboxRow},
	{Name: "RECENT", Numbered: true},
	{Name: "SEARCH", Value: searchRow},
	{Name: "STATUS", Value: statusRow},
}

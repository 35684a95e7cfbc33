package imap

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A SectionKind is which octets of a part a section names. RFC 9051, section
// 6.4.5.1.
type SectionKind uint8

const (
	SectionAll       SectionKind = iota // the whole: BODY[], BODY[1.2]
	SectionHeader                       // HEADER, of a message
	SectionFields                       // HEADER.FIELDS: only those
	SectionFieldsNot                    // HEADER.FIELDS.NOT: all but those
	SectionText                         // TEXT: what is behind the header
	SectionMIME                         // MIME: the header of a part
)

var sectionNames = [...]string{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"}

// A Section is what stands between brackets behind BODY or BINARY.
type Section struct {
	Path   []uint32 // numbers of parts, from 1; empty: the message
	Kind   SectionKind
	Fields []string // names, for SectionFields and SectionFieldsNot
}

// Equal reports whether both name the same octets: names of fields in any case.
func (s *Section) Equal(t *Section) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s.Kind == t.Kind && slices.Equal(s.Path, t.Path) &&
		slices.EqualFunc(s.Fields, t.Fields, func(a, b string) bool { return ascii.EqualFold(a, b) })
}

func (s *Section) String() string {
	var e Encoder
	e.section(s)
	return string(e.buf[1 : len(e.buf)-1])
}

// ParseSection parses what stands between the brackets, as "1.2.HEADER".
func ParseSection(s string) (*Section, error) {
	p := Parser{buf: []byte("[" + s + "]")}
	section := p.section()
	p.End()
	if p.err != nil {
		return nil, p.err
	}
	return section, nil
}

// section takes a section with its brackets. MIME needs a part, and numbers of
// parts are not 0: RFC 9051, section 9.
func (p *Parser) section() *Section {
	p.Expect('[')
	s := new(Section)
	for ascii.Digit[p.Peek()] {
		s.Path = append(s.Path, p.NZNumber())
		if len(s.Path) > 1000 {
			p.Refuse(Bad("LIMIT", "section nested too deep"))
		}
		if !p.Try('.') {
			p.Expect(']')
			return s
		}
		if !ascii.Digit[p.Peek()] && !ascii.Alpha[p.Peek()] {
			p.Fail("a part or a section")
		}
	}
	if p.Try(']') {
		return s
	}
	start := p.pos
	word := p.span(sectionChar, "a section")
	for kind := SectionHeader; kind <= SectionMIME; kind++ {
		if ascii.EqualFold(word, sectionNames[kind]) && (kind != SectionMIME || len(s.Path) > 0) {
			s.Kind = kind
		}
	}
	switch s.Kind {
	case SectionAll:
		p.pos = start
		p.Fail("a section")
	case SectionFields, SectionFieldsNot:
		p.SP()
		p.NonEmptyList(func() { s.Fields = append(s.Fields, string(p.AString())) })
	}
	p.Expect(']')
	return s
}

var sectionChar = ascii.Alpha.Or(ascii.Of("."))

func (e *Encoder) section(s *Section) {
	e.Byte('[')
	for i, n := range s.Path {
		if i > 0 {
			e.Byte('.')
		}
		e.buf = strconv.AppendUint(e.buf, uint64(n), 10)
	}
	if s.Kind != SectionAll {
		if len(s.Path) > 0 {
			e.Byte('.')
		}
		e.Raw(sectionNames[s.Kind])
	}
	if s.Kind == SectionFields || s.Kind == SectionFieldsNot {
		if len(s.Fields) == 0 {
			e.Fail("a section without names of fields")
		}
		e.SP()
		e.encodeList(len(s.Fields), func(i int) { e.AString(s.Fields[i]) })
	}
	e.Byte(']')
}

// A Partial is a range of octets of a section: RFC 9051, section 6.4.5.
// Neither number is over 2^63-1; their sum may be: use Slice.
type Partial struct{ Offset, Count uint64 }

// Slice returns where the range begins and how many octets it has in a section
// of size octets. It cannot overflow; past the end it is empty.
func (r Partial) Slice(size uint64) (off, n uint64) {
	off = min(r.Offset, size)
	return off, min(r.Count, size-off)
}

// partial takes "<offset.count>". Count is not 0.
func (p *Parser) partial() *Partial {
	p.Expect('<')
	r := &Partial{Offset: p.Number64()}
	p.Expect('.')
	r.Count = p.NZNumber64()
	p.Expect('>')
	return r
}

func (e *Encoder) partial(r *Partial) {
	if r.Count == 0 || r.Count > 1<<63-1 || r.Offset > 1<<63-1 {
		e.Fail("a partial without octets, or too long")
	}
	e.Byte('<')
	e.Number(r.Offset)
	e.Byte('.')
	e.Number(r.Count)
	e.Byte('>')
}

func sampleSection(r *rand.Rand) *Section {
	s := &Section{}
	for range r.IntN(3) {
		s.Path = append(s.Path, 1+r.Uint32N(12))
	}
	s.Kind = SectionKind(r.IntN(6))
	if s.Kind == SectionMIME && len(s.Path) == 0 {
		s.Kind = SectionText
	}
	if s.Kind == SectionFields || s.Kind == SectionFieldsNot {
		s.Fields = []string{"Subject", sampleAtom(r), "NIL", "x y"}[:1+r.IntN(4)]
	}
	return s
}

package imap

import (
	"math/rand/v2"
)

// Binary is parts with their transfer encoding removed. IMAP4rev2 has BINARY of
// FETCH; a literal8 in APPEND needs the capability itself.
var Binary = &Feature{
	Name: "BINARY", RFC: 3516,
	Caps: []Cap{CapBinary, CapRev2},
	Fetch: []FetchSpec{
		binarySpec("BINARY", true),
		binarySpec("BINARY.PEEK", true),
		binarySpec("BINARY.SIZE", false),
	},
	Codes: []CodeSpec{{Name: "UNKNOWN-CTE"}},
}

// binarySpec returns an item with a section-binary: numbers of parts alone.
// RFC 9051, section 6.4.5.
func binarySpec(name string, octets bool) FetchSpec {
	s := FetchSpec{
		Name: name,
		Item: func(p *Parser, it *FetchItem) {
			start := p.pos
			it.Section = p.section()
			if p.err == nil && it.Section.Kind != SectionAll {
				p.pos = start
				p.Fail("numbers of a part alone")
			}
			if octets && p.Peek() == '<' {
				it.Partial = p.partial()
			}
			if name == "BINARY" {
				p.traits |= SetsSeen
			}
		},
		AppendItem: sectionItem.AppendItem,
		SampleItem: func(r *rand.Rand) FetchItem {
			it := FetchItem{Name: name, Section: &Section{Path: []uint32{1, 2}}}
			if octets && r.IntN(2) == 0 {
				it.Partial = &Partial{5, 9}
			}
			return it
		},
		Value: Value{
			Parse:  func(p *Parser) any { return p.bodyNumber() },
			Append: func(e *Encoder, v any) { encodeNumber[uint64](e, v) },
			Sample: func(r *rand.Rand) any { return uint64(sampleNumber(r)) },
		},
	}
	if octets {
		s.Value = Value{
			Parse: octetsValue.Parse,
			Append: func(e *Encoder, v any) {
				switch b, ok := argument[[]byte](e, v); {
				case !ok:
				case b == nil:
					e.Raw("NIL")
				default:
					e.Str8(b)
				}
			},
			Sample: func(r *rand.Rand) any { return [][]byte{nil, {}, []byte("a\x00b"), []byte("x")}[r.IntN(4)] },
		}
	}
	return s
}

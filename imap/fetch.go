package imap

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A FetchItem is what FETCH asks for of each message: an open set of names.
// RFC 9051, section 6.4.5.
type FetchItem struct {
	Name    string // in upper case: "FLAGS", "BODY", "BODY.PEEK", "BINARY.SIZE" …
	Section *Section
	// Partial asks for a range of octets. In a response only its Offset is set,
	// and Count is 0: the origin octet.
	Partial *Partial
	Arg     any // of other Features
}

// The items without arguments.
var (
	ItemUID           = FetchItem{Name: "UID"}
	ItemFlags         = FetchItem{Name: "FLAGS"}
	ItemInternalDate  = FetchItem{Name: "INTERNALDATE"}
	ItemSize          = FetchItem{Name: "RFC822.SIZE"}
	ItemEnvelope      = FetchItem{Name: "ENVELOPE"}
	ItemBody          = FetchItem{Name: "BODY"}
	ItemBodyStructure = FetchItem{Name: "BODYSTRUCTURE"}
	ItemModSeq        = FetchItem{Name: "MODSEQ"}
)

// Peek returns BODY.PEEK[section], "" for the whole message. It panics if the
// section is not one: it is written in the program, as a regular expression is.
func Peek(section string) FetchItem {
	s, err := ParseSection(section)
	if err != nil {
		panic("imap: Peek(" + quote(section) + "): " + err.Error())
	}
	return FetchItem{Name: "BODY.PEEK", Section: s}
}

// Answers reports whether an item of a response is what it asks for: PEEK is not
// repeated, of a range only the origin is.
func (it *FetchItem) Answers(asked *FetchItem) bool {
	name := strings.TrimSuffix(asked.Name, ".PEEK")
	if !ascii.EqualFold(it.Name, name) || !it.Section.Equal(asked.Section) || (it.Partial == nil) != (asked.Partial == nil) {
		return false
	}
	return it.Partial == nil || it.Partial.Offset == asked.Partial.Offset
}

// FetchArgs are the arguments of FETCH. ALL, FAST and FULL are expanded.
type FetchArgs struct {
	Ref    Ref
	Items  []FetchItem
	Params Params
}

var fetchMacros = [...]struct {
	name  string
	items []FetchItem
}{
	{"ALL", []FetchItem{ItemFlags, ItemInternalDate, ItemSize, ItemEnvelope}},
	{"FAST", []FetchItem{ItemFlags, ItemInternalDate, ItemSize}},
	{"FULL", []FetchItem{ItemFlags, ItemInternalDate, ItemSize, ItemEnvelope, ItemBody}},
}

func parseFetch(p *Parser, c *Command) {
	p.SP()
	a := &FetchArgs{Ref: p.Ref(c.UID)}
	p.SP()
	switch {
	case p.Peek() == '(':
		p.NonEmptyList(func() { a.Items = append(a.Items, p.fetchItem()) })
	default:
		for i := range fetchMacros {
			if p.TryWord(fetchMacros[i].name) {
				a.Items = append(a.Items, fetchMacros[i].items...)
				p.traits |= ReadsFlags
			}
		}
		if a.Items == nil {
			a.Items = []FetchItem{p.fetchItem()}
		}
	}
	if p.Try(' ') {
		a.Params = p.Parameters(FetchParam)
		if a.Params.Has("VANISHED") && (!c.UID || !a.Params.Has("CHANGEDSINCE")) { // RFC 7162, section 3.2.6
			p.Fail("VANISHED with UID FETCH and CHANGEDSINCE")
		}
	}
	c.Args = a
}

// fetchItem takes an item of the command.
func (p *Parser) fetchItem() FetchItem {
	start := p.pos
	name := p.span(labelChar, "an item")
	if p.err != nil {
		return FetchItem{}
	}
	spec := lookup(p.grammar().fetch, name, p.offer)
	if spec == nil {
		p.pos = start
		p.Fail("an item that is offered")
		return FetchItem{}
	}
	it := FetchItem{Name: spec.Name}
	p.traits |= spec.Traits
	if spec.Item != nil {
		spec.Item(p, &it)
	}
	return it
}

func appendFetch(e *Encoder, v any) {
	a, ok := argument[*FetchArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	e.Ref(a.Ref)
	e.SP()
	if len(a.Items) == 0 {
		e.Fail("FETCH without items")
	}
	if len(a.Items) == 1 {
		e.FetchItem(&a.Items[0])
	} else {
		e.encodeList(len(a.Items), func(i int) { e.FetchItem(&a.Items[i]) })
	}
	if len(a.Params) > 0 {
		e.SP()
		e.Parameters(FetchParam, a.Params)
	}
}

// FetchItem appends an item as it is asked for.
func (e *Encoder) FetchItem(it *FetchItem) {
	spec := lookup(e.grammar().fetch, it.Name, 0)
	if spec == nil {
		e.Fail("the item " + quote(it.Name))
		return
	}
	e.Raw(spec.Name)
	if spec.AppendItem != nil {
		spec.AppendItem(e, it)
	}
}

func sampleFetch(r *rand.Rand, uid bool) any {
	a := &FetchArgs{Ref: sampleRef(r, uid)}
	for _, f := range Full().features {
		for i := range f.Fetch {
			if spec := &f.Fetch[i]; r.IntN(4) == 0 {
				it := FetchItem{Name: spec.Name}
				if spec.SampleItem != nil {
					it = spec.SampleItem(r)
				}
				a.Items = append(a.Items, it)
			}
		}
	}
	if a.Items == nil {
		a.Items = []FetchItem{ItemFlags}
	}
	a.Params = sampleParams(r, FetchParam)
	if !uid || !a.Params.Has("CHANGEDSINCE") {
		a.Params = nil
	}
	return a
}

// sectionItem is the grammar of what stands behind BODY and its like.
var sectionItem = FetchSpec{
	Item: func(p *Parser, it *FetchItem) {
		if p.Peek() != '[' {
			if it.Name != "BODY" { // which alone means the structure
				p.Fail("a section")
			}
			return
		}
		it.Section = p.section()
		if p.Peek() == '<' {
			it.Partial = p.partial()
		}
		if it.Name == "BODY" {
			p.traits |= SetsSeen
		}
	},
	AppendItem: func(e *Encoder, it *FetchItem) {
		if it.Section != nil {
			e.section(it.Section)
		} else if it.Name != "BODY" {
			e.Fail(it.Name + " without a section")
		}
		if it.Partial != nil {
			e.partial(it.Partial)
		}
	},
}

// sectionSpec returns the spec of an item with a section.
func sectionSpec(name string, value Value) FetchSpec {
	s := sectionItem
	s.Name, s.Value = name, value
	s.SampleItem = func(r *rand.Rand) FetchItem {
		it := FetchItem{Name: name, Section: sampleSection(r)}
		if r.IntN(3) == 0 {
			it.Partial = &Partial{uint64(r.Uint32()), 1 + uint64(r.Uint32())}
		}
		return it
	}
	return s
}

// octetsValue: []byte, nil for NIL.
var octetsValue = Value{
	Parse: func(p *Parser) any {
		if c := p.Peek(); c != '"' && c != '{' && c != '~' && p.TryNIL() {
			return []byte(nil)
		}
		return append([]byte{}, p.Str8()...)
	},
	Append: func(e *Encoder, v any) {
		if b, ok := argument[[]byte](e, v); ok {
			e.NString(b)
		}
	},
	Sample: func(r *rand.Rand) any { return []byte(sampleText(r)) },
}

// coreFetch: RFC 9051, section 6.4.5, and the RFC822 items of RFC 3501, section
// 6.4.5, which cost nothing to keep.
var coreFetch = []FetchSpec{
	{Name: "UID", Value: number32},
	{Name: "FLAGS", Traits: ReadsFlags, Value: flagList},
	{Name: "INTERNALDATE", Value: Value{
		Parse: func(p *Parser) any { return p.DateTime() },
		Append: func(e *Encoder, v any) {
			if t, ok := argument[time.Time](e, v); ok {
				e.DateTime(t)
			}
		},
		Sample: func(r *rand.Rand) any { return sampleTime(r) },
	}},
	{Name: "RFC822.SIZE", Value: Value{
		Parse:  func(p *Parser) any { return p.bodyNumber() },
		Append: func(e *Encoder, v any) { encodeNumber[uint64](e, v) },
		Sample: func(r *rand.Rand) any { return uint64(sampleNumber(r)) },
	}},
	{Name: "ENVELOPE", Value: envelopeValue},
	{Name: "BODYSTRUCTURE", Value: bodyValue(true)},
	sectionSpec("BODY", octetsValue),
	sectionSpec("BODY.PEEK", octetsValue),
	{Name: "RFC822", Traits: SetsSeen, Value: octetsValue},
	{Name: "RFC822.HEADER", Value: octetsValue},
	{Name: "RFC822.TEXT", Traits: SetsSeen, Value: octetsValue},
}

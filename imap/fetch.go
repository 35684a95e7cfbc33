package imap

import (
	"bytes"
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

// A FetchRow is one FETCH response, of which the values are kept as they came
// and decoded when they are asked for. RFC 9051, section 7.5.2.
type FetchRow struct {
	Seq   SeqNum
	Items []FetchValue
	// Open: the last item is a literal that is streamed, and more items may come
	// behind it.
	Open bool
}

// A FetchValue is one item of a FetchRow.
type FetchValue struct {
	Item FetchItem
	// Raw is the value as it came, quotes and literal announcements included.
	// nil: it is streamed, and has Size octets.
	Raw  []byte
	Size uint64
}

// Get returns the raw value of the first item of that name without a section,
// nil if there is none.
func (row *FetchRow) Get(name string) []byte {
	for i := range row.Items {
		if it := &row.Items[i].Item; it.Section == nil && ascii.EqualFold(it.Name, name) {
			return row.Items[i].Raw
		}
	}
	return nil
}

// decode runs a rule of the grammar over the raw value of an item.
func decode[T any](row *FetchRow, name string, rule func(p *Parser) T) (t T, ok bool) {
	raw := row.Get(name)
	if raw == nil {
		return t, false
	}
	p := Parser{buf: raw, Lenient: true, Depth: 1000}
	t = rule(&p)
	return t, p.AtEnd()
}

// UID returns the UID, if it is in the row and well formed, as do those below.
func (row *FetchRow) UID() (UID, bool) {
	u, ok := decode(row, "UID", (*Parser).NZNumber)
	return UID(u), ok
}

// Flags returns the flags.
func (row *FetchRow) Flags() ([]Flag, bool) { return decode(row, "FLAGS", (*Parser).AnyFlags) }

// Size returns RFC822.SIZE.
func (row *FetchRow) Size() (uint64, bool) { return decode(row, "RFC822.SIZE", (*Parser).bodyNumber) }

// InternalDate returns INTERNALDATE.
func (row *FetchRow) InternalDate() (time.Time, bool) {
	return decode(row, "INTERNALDATE", (*Parser).DateTime)
}

// Envelope returns ENVELOPE.
func (row *FetchRow) Envelope() (*Envelope, bool) { return decode(row, "ENVELOPE", (*Parser).Envelope) }

// BodyStructure returns BODYSTRUCTURE, or else BODY.
func (row *FetchRow) BodyStructure() (*Body, bool) {
	if b, ok := decode(row, "BODYSTRUCTURE", (*Parser).BodyStructure); ok {
		return b, true
	}
	return decode(row, "BODY", (*Parser).BodyStructure)
}

// ModSeq returns MODSEQ. RFC 7162, section 3.1.2.
func (row *FetchRow) ModSeq() (ModSeq, bool) { return decode(row, "MODSEQ", (*Parser).fetchModSeq) }

func (p *Parser) fetchModSeq() ModSeq {
	p.Open()
	m := ModSeq(p.Number64())
	p.Close()
	return m
}

// Octets returns the octets of a value that is a string; nil for NIL, or for one
// that is streamed.
func (v *FetchValue) Octets() []byte {
	p := Parser{buf: v.Raw, Lenient: true}
	switch p.Peek() {
	case '"', '{', '~':
		return p.Str8()
	}
	return nil
}

// fetchRow is the value of FETCH, behind its number: *FetchRow.
var fetchRow = Value{
	Parse: func(p *Parser) any {
		var space struct { // of one allocation
			row   FetchRow
			items [3]FetchValue
		}
		row := &space.row
		row.Items = space.items[:0]
		p.SP()
		p.Expect('(')
		p.fetchValues(row)
		return row
	},
	Append: func(e *Encoder, v any) {
		row, ok := argument[*FetchRow](e, v)
		if !ok {
			return
		}
		e.Raw(" (")
		e.inRow = false
		for i := range row.Items {
			e.ItemName(&row.Items[i].Item)
			e.RawBytes(row.Items[i].Raw)
		}
		e.Byte(')')
	},
	Sample: func(r *rand.Rand) any {
		row := new(FetchRow)
		for _, f := range Full().features {
			for i := range f.Fetch {
				spec := &f.Fetch[i]
				if spec.Sample == nil || r.IntN(3) == 0 || strings.HasSuffix(spec.Name, ".PEEK") {
					continue
				}
				v := FetchValue{Item: FetchItem{Name: spec.Name}}
				if spec.SampleItem != nil {
					v.Item = spec.SampleItem(r)
					if v.Item.Partial != nil {
						v.Item.Partial.Count = 0
					}
				}
				var e Encoder
				spec.Append(&e, spec.Sample(r))
				v.Raw = e.Bytes()
				row.Items = append(row.Items, v)
			}
		}
		return row
	},
}

// fetchValues takes items up to the parenthesis, or up to a literal that is
// streamed: then the row stays open. The values are parts of one copy of the
// input.
func (p *Parser) fetchValues(row *FetchRow) {
	row.Open = false
	p.buf = bytes.Clone(p.buf)
	for p.err == nil && !p.Try(')') {
		if len(row.Items) > 0 {
			p.SP()
			if p.Lenient && p.Try(')') {
				return
			}
		}
		v := FetchValue{Item: p.itemName()}
		p.SP()
		if size, _, ok := p.Announced(); ok && size > 0 {
			v.Size = size
			row.Items = append(row.Items, v)
			row.Open = true
			return
		}
		v.Raw = p.Skip()
		row.Items = append(row.Items, v)
	}
}

// itemName takes the name of an item as it stands in a response.
func (p *Parser) itemName() FetchItem {
	name := p.span(labelChar, "an item")
	it := FetchItem{Name: internItem(name)}
	if p.Peek() == '[' {
		start := p.pos
		it.Section = p.section()
		if p.err != nil { // a section of an extension: the octets say what it is
			p.err, p.pos = nil, start
			p.skipAtom()
			it.Section, it.Arg = nil, string(p.buf[start:p.pos])
		}
	}
	if p.Try('<') {
		it.Partial = &Partial{Offset: p.Number64()}
		p.Expect('>')
	}
	return it
}

// internItem returns the name in upper case, without an allocation if it is one
// of those that come all the time.
func internItem(name []byte) string {
	for i := range knownItems {
		if ascii.EqualFold(name, knownItems[i]) {
			return knownItems[i]
		}
	}
	return upper(name)
}

var knownItems = [...]string{"UID", "FLAGS", "MODSEQ", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "BINARY"}

// BeginFetch opens a FETCH response, EndFetch closes it. Between them each item
// is its name, by ItemName, and its value.
func (e *Encoder) BeginFetch(seq SeqNum) {
	e.Raw("* ")
	e.Number(uint64(seq))
	e.Raw(" FETCH (")
	e.inRow = false
}

// EndFetch: see BeginFetch.
func (e *Encoder) EndFetch() { e.Raw(")\r\n") }

// ItemName appends the name of an item of a response, with the space behind it
// and, if it is not the first, the one in front: BODY.PEEK[…]<0.5> is answered
// as BODY[…]<0>.
func (e *Encoder) ItemName(it *FetchItem) {
	if e.inRow {
		e.SP()
	}
	e.inRow = true
	e.Raw(strings.TrimSuffix(it.Name, ".PEEK"))
	if it.Section != nil {
		e.section(it.Section)
	}
	if it.Partial != nil {
		e.Byte('<')
		e.Number(it.Partial.Offset)
		e.Byte('>')
	}
	e.SP()
}

// The items that nearly every row has, with their names.

// FetchUID appends UID and its value.
func (e *Encoder) FetchUID(u UID) {
	e.ItemName(&ItemUID)
	e.Number(uint64(u))
}

// FetchFlags appends FLAGS and its value.
func (e *Encoder) FetchFlags(flags []Flag) {
	e.ItemName(&ItemFlags)
	e.Flags(flags)
}

// FetchModSeq appends MODSEQ and its value. RFC 7162, section 3.1.4.
func (e *Encoder) FetchModSeq(m ModSeq) {
	e.ItemName(&ItemModSeq)
	e.Byte('(')
	e.Number(uint64(m))
	e.Byte(')')
}

// FetchSize appends RFC822.SIZE and its value.
func (e *Encoder) FetchSize(n uint64) {
	e.ItemName(&ItemSize)
	e.Number(n)
}

// FetchDate appends INTERNALDATE and its value.
func (e *Encoder) FetchDate(t time.Time) {
	e.ItemName(&ItemInternalDate)
	e.DateTime(t)
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

package imap

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

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

// decoders are the Parsers that decode uses.
var decoders = sync.Pool{New: func() any { return new(Parser) }}

// decode runs a rule of the grammar over the raw value of an item.
func decode[T any](row *FetchRow, name string, rule func(p *Parser) T) (t T, ok bool) {
	raw := row.Get(name)
	if raw == nil {
		return t, false
	}
	p := decoders.Get().(*Parser)
	*p = Parser{buf: raw, Lenient: true, Depth: 1000}
	t = rule(p)
	ok = p.AtEnd()
	*p = Parser{}
	decoders.Put(p)
	return t, ok
}

// owning is a rule whose texts are parts of one copy of the value: nothing that the
// caller does with them changes the row.
func owning[T any](rule func(p *Parser) T) func(p *Parser) T {
	return func(p *Parser) T {
		p.buf, p.owned = bytes.Clone(p.buf), true
		return rule(p)
	}
}

var (
	ownEnvelope      = owning((*Parser).Envelope)
	ownBodyStructure = owning((*Parser).BodyStructure)
)

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
func (row *FetchRow) Envelope() (*Envelope, bool) { return decode(row, "ENVELOPE", ownEnvelope) }

// BodyStructure returns BODYSTRUCTURE, or else BODY.
func (row *FetchRow) BodyStructure() (*Body, bool) {
	if b, ok := decode(row, "BODYSTRUCTURE", ownBodyStructure); ok {
		return b, true
	}
	return decode(row, "BODY", ownBodyStructure)
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
		row := p.slabs.row()
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
	p.buf = p.slabs.clone(p.buf)
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
			it.Section, it.Arg = nil, string(p.skipBrackets())
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

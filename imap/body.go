package imap

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Body is the structure of a message or of a part of it. Texts are as they
// stand in the header, nil where the field is absent. RFC 9051, section 7.5.2.
type Body struct {
	Type, Subtype Text
	Params        []BodyParam
	ID            Text
	Description   Text
	Encoding      Text // nil: 7BIT
	Octets        uint64
	Lines         uint64 // of text/* and of embedded messages
	MD5           Text
	Disposition   *Disposition
	Language      []Text
	Location      Text

	Envelope *Envelope // of an embedded message, message/rfc822 or message/global
	Parts    []Body    // of multipart; of an embedded message the one that it is

	// Extra is what stands behind Location, from the first space on, as it came.
	// RFC 9051, section 9, body-extension.
	Extra []byte
}

// A BodyParam is a parameter of Content-Type or Content-Disposition.
type BodyParam struct{ Name, Value Text }

// A Disposition is Content-Disposition.
type Disposition struct {
	Type   Text
	Params []BodyParam
}

// Multipart reports whether the body has parts of its own.
func (b *Body) Multipart() bool { return ascii.EqualFold(b.Type, "multipart") }

// Message reports whether the body is a message with its own structure.
func (b *Body) Message() bool {
	return ascii.EqualFold(b.Type, "message") && b.Envelope != nil && len(b.Parts) == 1
}

// emptyPart stands in a multipart that has no part: the grammar needs one.
var emptyPart = Body{Type: Text("TEXT"), Subtype: Text("PLAIN")}

// BodyStructure appends a body: with the extension data of BODYSTRUCTURE if
// extended, without as for BODY. A multipart without parts gets an empty one,
// since the grammar has no form for it; texts that must not be NIL become "".
func (e *Encoder) BodyStructure(b *Body, extended bool) {
	e.Byte('(')
	if b.Multipart() {
		for i := range b.Parts {
			e.BodyStructure(&b.Parts[i], extended)
		}
		if len(b.Parts) == 0 {
			e.BodyStructure(&emptyPart, extended)
		}
		e.SP()
		e.string(b.Subtype)
		if extended {
			e.SP()
			e.bodyParams(b.Params)
			e.bodyExtension(b)
		}
	} else {
		e.singlePart(b, extended)
		if extended {
			e.SP()
			e.NString(b.MD5)
			e.bodyExtension(b)
		}
	}
	e.Byte(')')
}

// singlePart appends body-type-1part without its extension.
func (e *Encoder) singlePart(b *Body, extended bool) {
	e.string(b.Type)
	e.SP()
	e.string(b.Subtype)
	e.SP()
	e.bodyParams(b.Params)
	e.SP()
	e.NString(b.ID)
	e.SP()
	e.NString(b.Description)
	e.SP()
	if b.Encoding == nil {
		e.Raw(`"7BIT"`)
	} else {
		e.string(b.Encoding)
	}
	e.SP()
	e.Number(b.Octets)
	switch {
	case b.Message():
		e.SP()
		e.Envelope(b.Envelope)
		e.SP()
		e.BodyStructure(&b.Parts[0], extended)
		e.SP()
		e.Number(b.Lines)
	case ascii.EqualFold(b.Type, "text"):
		e.SP()
		e.Number(b.Lines)
	}
}

// bodyExtension appends disposition, language, location and what is behind.
func (e *Encoder) bodyExtension(b *Body) {
	e.SP()
	if d := b.Disposition; d == nil {
		e.Raw("NIL")
	} else {
		e.Byte('(')
		e.string(d.Type)
		e.SP()
		e.bodyParams(d.Params)
		e.Byte(')')
	}
	e.SP()
	if len(b.Language) == 0 {
		e.Raw("NIL")
	} else {
		e.encodeList(len(b.Language), func(i int) { e.string(b.Language[i]) })
	}
	e.SP()
	e.NString(b.Location)
	e.RawBytes(b.Extra)
}

// string appends a text that must not be NIL.
func (e *Encoder) string(t Text) { appendString(e, t) }

func (e *Encoder) bodyParams(params []BodyParam) {
	if len(params) == 0 {
		e.Raw("NIL")
		return
	}
	e.Byte('(')
	for i := range params {
		if i > 0 {
			e.SP()
		}
		e.string(params[i].Name)
		e.SP()
		e.string(params[i].Value)
	}
	e.Byte(')')
}

// BodyStructure takes a body, with or without extension data.
func (p *Parser) BodyStructure() *Body {
	b := new(Body)
	p.body(b)
	return b
}

func (p *Parser) body(b *Body) {
	p.Open()
	if p.Peek() == '(' {
		p.multipart(b)
	} else {
		p.onePart(b)
	}
	p.Close()
}

func (p *Parser) multipart(b *Body) {
	b.Type = Text("MULTIPART")
	for p.Peek() == '(' {
		b.Parts = append(b.Parts, Body{})
		p.body(&b.Parts[len(b.Parts)-1])
		if p.Lenient && p.pos+1 < len(p.buf) && p.buf[p.pos] == ' ' && p.buf[p.pos+1] == '(' {
			p.pos++
		}
	}
	p.SP()
	b.Subtype = p.textOrEmpty()
	if p.Try(' ') {
		b.Params = p.bodyParams()
		p.bodyExtension(b)
	}
}

func (p *Parser) onePart(b *Body) {
	b.Type = p.textOrEmpty()
	p.SP()
	b.Subtype = p.textOrEmpty()
	p.SP()
	b.Params = p.bodyParams()
	p.SP()
	b.ID = p.text()
	p.SP()
	b.Description = p.text()
	p.SP()
	b.Encoding = p.textOrEmpty()
	p.SP()
	b.Octets = p.bodyNumber()
	switch {
	case ascii.EqualFold(b.Type, "text"):
		p.SP()
		b.Lines = p.bodyNumber()
	case ascii.EqualFold(b.Type, "message") && p.pos+1 < len(p.buf) && p.buf[p.pos] == ' ' && p.buf[p.pos+1] == '(':
		// Only an embedded message has a list here: RFC 9051, section 9.
		p.SP()
		b.Envelope = p.Envelope()
		p.SP()
		b.Parts = make([]Body, 1)
		p.body(&b.Parts[0])
		p.SP()
		b.Lines = p.bodyNumber()
	}
	if p.Try(' ') {
		b.MD5 = p.text()
		p.bodyExtension(b)
	}
}

// bodyExtension takes disposition, language, location and what is behind, of
// which any may be left out together with all behind it.
func (p *Parser) bodyExtension(b *Body) {
	if !p.Try(' ') {
		return
	}
	if !p.TryNIL() {
		d := new(Disposition)
		p.Open()
		d.Type = p.textOrEmpty()
		p.SP()
		d.Params = p.bodyParams()
		p.Close()
		b.Disposition = d
	}
	if !p.Try(' ') {
		return
	}
	if p.Peek() == '(' {
		p.List(func() { b.Language = append(b.Language, p.textOrEmpty()) })
	} else if t := p.text(); t != nil {
		b.Language = []Text{t}
	}
	if !p.Try(' ') {
		return
	}
	b.Location = p.text()
	start := p.pos
	for p.Try(' ') {
		p.Skip()
	}
	if p.err == nil && p.pos > start {
		b.Extra = bytes.Clone(p.buf[start:p.pos])
	}
}

// textOrEmpty takes a string. From a server NIL passes for an empty one.
func (p *Parser) textOrEmpty() Text {
	if p.Lenient && p.TryNIL() {
		return Text{}
	}
	if t := p.own(p.Str()); t != nil {
		return t
	}
	return Text{}
}

// bodyNumber takes a number. From a server NIL and -1 pass for 0: some send them
// for what they do not know.
func (p *Parser) bodyNumber() uint64 {
	if p.Lenient && (p.TryWord("NIL") || p.TryWord("-1")) {
		return 0
	}
	return p.Number64()
}

func (p *Parser) bodyParams() []BodyParam {
	if p.TryNIL() {
		return nil
	}
	if p.params == nil {
		p.params = make([]BodyParam, 0, 2) // what most parts have
	}
	start := len(p.params)
	p.List(func() {
		var b BodyParam
		b.Name = p.textOrEmpty()
		p.SP()
		b.Value = p.textOrEmpty()
		p.params = append(p.params, b)
	})
	if len(p.params) == start {
		return nil
	}
	return slices.Clip(p.params[start:])
}

// bodyValue is the value of BODYSTRUCTURE, or of BODY: *Body.
func bodyValue(extended bool) Value {
	return Value{
		Parse: func(p *Parser) any { return p.BodyStructure() },
		Append: func(e *Encoder, v any) {
			if b, ok := argument[*Body](e, v); ok {
				e.BodyStructure(b, extended)
			}
		},
		Sample: func(r *rand.Rand) any { return sampleBody(r, extended, 3) },
	}
}

func sampleBody(r *rand.Rand, extended bool, depth int) *Body {
	str := func() Text { return Text(sampleString(r)) }
	params := func() []BodyParam {
		if r.IntN(2) == 0 {
			return nil
		}
		return []BodyParam{{str(), str()}, {Text("charset"), str()}}
	}
	b := &Body{Subtype: str(), Params: params()}
	kind := r.IntN(4)
	if depth == 0 {
		kind = r.IntN(2)
	}
	if kind == 2 {
		b.Type = Text("MULTIPART")
		for range 1 + r.IntN(3) {
			b.Parts = append(b.Parts, *sampleBody(r, extended, depth-1))
		}
	} else {
		b.Type = []Text{Text("text"), Text("APPLICATION"), nil, Text("message")}[kind]
		b.ID, b.Description, b.Encoding, b.Octets = sampleText(r), sampleText(r), str(), uint64(sampleNumber(r))
		switch kind {
		case 0:
			b.Lines = uint64(sampleNumber(r))
		case 3:
			b.Envelope, b.Lines = sampleEnvelope(r), uint64(sampleNumber(r))
			b.Parts = []Body{*sampleBody(r, extended, depth-1)}
		}
	}
	if !extended {
		if kind == 2 {
			b.Params = nil
		}
		return b
	}
	if kind != 2 {
		b.MD5 = sampleText(r)
	}
	if r.IntN(2) == 0 {
		b.Disposition = &Disposition{str(), params()}
	}
	for range r.IntN(3) {
		b.Language = append(b.Language, str())
	}
	b.Location = sampleText(r)
	if r.IntN(4) == 0 {
		b.Extra = []byte(` ("x" 5) NIL`)
	}
	return b
}

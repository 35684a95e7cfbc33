package mime

import (
	"bytes"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A BodyStructure is BODYSTRUCTURE of IMAP as plain data. RFC 9051, section
// 7.5.2. Type and Subtype are in lower case; empty strings and nil are NIL.
//
// A parameter that came in the extended form of RFC 2231 has its Name with "*"
// at the end, its Value in UTF-8, and Charset and Lang, so that a server can
// print the form that RFC 3501 clients expect.
type BodyStructure struct {
	Type, Subtype, Encoding, Disposition string
	Params, DispositionParams            Params
	ID, Description, MD5, Location       []byte
	Language                             []string
	Octets, Lines                        int64 // of the encoded body; Lines of text/* and embedded messages
	Children                             []BodyStructure
	Envelope                             *Envelope // of message/rfc822, message/global
	Body                                 *BodyStructure
}

// BodyStructure reads the structure: index and headers, no body. A multipart
// without parts gets one empty text/plain; a part over a limit, and an embedded
// message that is not opened, are application/octet-stream.
func (m *Message) BodyStructure() *BodyStructure {
	b := new(BodyStructure)
	w := structurer{m: m, lookup: lookupPool.Get().(*lookup)}
	w.part(b, 0, nil)
	w.release()
	return b
}

// A structurer walks the parts with one Header, which it fills anew for each.
type structurer struct {
	m *Message
	*lookup
	lent bool // the octets of the header are a copy for the result
}

// mostLent bounds a copy that a BodyStructure holds on to for a few values.
const mostLent = 2 << 10

// part fills in b for part i; of an embedded message envelope too.
func (w *structurer) part(b *BodyStructure, i int32, envelope *Envelope) {
	p := Part{w.m, i}
	block := w.m.headerBlock(i)
	// Nearly all of a body part's header is in the result: one copy for all.
	if w.lent = !w.m.isMessage(i) && len(block) <= mostLent; w.lent {
		block = bytes.Clone(block)
	}
	w.m.parseBlock(&w.h, i, block)
	if envelope != nil {
		*envelope = w.envelope()
	}
	t := p.typeIn(block, w.lent)
	b.Type, b.Subtype, b.Params = t.Type, t.Subtype, markExtended(t.Params)
	w.contentFields(b)
	if p.Kind() == Multipart {
		w.children(b, p)
		return
	}
	r := p.rec()
	b.Octets, b.Encoding = p.Octets(), p.encodingName(&w.h)
	switch {
	case p.Kind() == Embedded:
		b.Lines, b.Envelope, b.Body = r.lines, new(Envelope), new(BodyStructure)
		w.part(b.Body, i+1, b.Envelope)
	case r.flags&flagOpaque != 0, t.Type == "multipart", t.Type == "message" && isMessageType(t.Subtype):
		b.Type, b.Subtype, b.Params = "application", "octet-stream", nil
	case t.Type == "text":
		b.Lines = r.lines
		if b.Params.Get("charset") == "" && b.Params.Get("charset*") == "" {
			b.Params = append(b.Params[:len(b.Params):len(b.Params)], defaultType().Params...)
		}
	}
}

func (w *structurer) children(b *BodyStructure, p Part) {
	b.Children = make([]BodyStructure, max(1, int(p.rec().children)))
	i := 0
	for c := range p.Children() {
		w.part(&b.Children[i], c.i, nil)
		i++
	}
	if i == 0 {
		b.Children[0] = BodyStructure{Type: "text", Subtype: "plain", Params: defaultType().Params, Encoding: "7bit"}
	}
}

// encodingName is the mechanism as the sender names it, if that is a token: a
// client may know what we do not.
func (p Part) encodingName(h *Header) string {
	if e := p.Encoding(); e != EncodingUnknown {
		return e.String()
	}
	s := trimSpace(h.Get("Content-Transfer-Encoding"))
	if n := ascii.Span(ascii.Token, s); n > 0 && n <= 64 {
		return lower(s[:n])
	}
	return EightBit.String()
}

func (w *structurer) contentFields(b *BodyStructure) {
	disposition, language := false, false
	for _, f := range w.h.Fields() {
		if f.f.name < 8 || !ascii.HasPrefixFold(f.f.raw[:f.f.name], "Content-") {
			continue
		}
		switch {
		case f.Is("Content-ID"):
			w.setFirst(&b.ID, f)
		case f.Is("Content-Description"):
			w.setFirst(&b.Description, f)
		case f.Is("Content-MD5"):
			w.setFirst(&b.MD5, f)
		case f.Is("Content-Location"):
			w.setFirst(&b.Location, f)
		case f.Is("Content-Disposition") && !disposition:
			disposition = true
			d, _ := parseDisposition(keep(f.Body(), w.lent), w.h.o)
			b.Disposition, b.DispositionParams = d.Type, markExtended(d.Params)
		case f.Is("Content-Language") && !language:
			language = true
			b.Language = languages(f.Value())
		}
	}
}

// setFirst sets an unfolded value, empty but never nil.
func (w *structurer) setFirst(to *[]byte, f Field) {
	if *to == nil {
		if *to = lend(unfold(keep(f.Body(), w.lent))); *to == nil {
			*to = []byte{}
		}
	}
}

// keep returns b as a string; what is lent needs no copy.
func keep(b []byte, lent bool) string {
	if lent {
		return view(b)
	}
	return string(b)
}

// languages splits a Content-Language. RFC 3282.
func languages(s string) []string {
	var out []string
	for i := skipCFWS(s, 0); i < len(s); i = skipCFWS(s, i+1) {
		n := ascii.Span(ascii.Token, s[i:])
		if n > 0 {
			out = append(out, s[i:i+n])
			i = skipCFWS(s, i+n)
		}
	}
	return out
}

// markExtended gives extended parameters the star that IMAP shows.
func markExtended(p Params) Params {
	for i := range p {
		if p[i].Charset != "" && !strings.HasSuffix(p[i].Name, "*") {
			p[i].Name += "*"
		}
	}
	return p
}

package mime

import (
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
	w := structurer{m: m}
	w.part(b, 0, nil)
	return b
}

// A structurer walks the parts with one Header, which it fills anew for each.
type structurer struct {
	m *Message
	h Header
}

// part fills in b for part i; of an embedded message envelope too.
func (w *structurer) part(b *BodyStructure, i int32, envelope *Envelope) {
	p := Part{w.m, i}
	block, _ := w.m.parseHeader(&w.h, i)
	if envelope != nil {
		*envelope = w.h.envelope()
	}
	t := p.typeIn(block)
	b.Type, b.Subtype, b.Params = t.Type, t.Subtype, markExtended(t.Params)
	b.contentFields(&w.h)
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

func (b *BodyStructure) contentFields(h *Header) {
	seen := [3]bool{}
	for _, f := range h.Fields() {
		if f.f.name < 8 || !ascii.HasPrefixFold(f.f.raw[:f.f.name], "Content-") {
			continue
		}
		switch {
		case f.Is("Content-ID"):
			setFirst(&b.ID, f)
		case f.Is("Content-Description"):
			setFirst(&b.Description, f)
		case f.Is("Content-MD5"):
			setFirst(&b.MD5, f)
		case f.Is("Content-Location"):
			setFirst(&b.Location, f)
		case f.Is("Content-Disposition") && !seen[0]:
			seen[0] = true
			d, _ := parseDisposition(string(f.Body()), h.o)
			b.Disposition, b.DispositionParams = d.Type, markExtended(d.Params)
		case f.Is("Content-Language") && !seen[1]:
			seen[1] = true
			b.Language = languages(f.Value())
		}
	}
}

func setFirst(to *[]byte, f Field) {
	if *to == nil {
		*to = f.octets()
	}
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

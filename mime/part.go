package mime

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Part is one part of a Message: a handle to copy and compare. The zero Part
// stands for none; only IsZero may be called on it.
type Part struct {
	m *Message
	i int32
}

// IsZero reports whether p stands for no part.
func (p Part) IsZero() bool { return p.m == nil }

func (p Part) rec() *record { return &p.m.recs[p.i] }

// Index returns the place of the part in Message.Parts.
func (p Part) Index() int { return int(p.i) }

// Parent returns the part around it; false for the root.
func (p Part) Parent() (Part, bool) {
	i := p.rec().parent
	return Part{p.m, max(i, 0)}, i >= 0
}

// Children returns the parts directly inside: those of a multipart, the one
// message of an Embedded.
func (p Part) Children() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for i := p.i + 1; i < p.rec().next; i = p.m.recs[i].next {
			if !yield(Part{p.m, i}) {
				return
			}
		}
	}
}

// Parts returns the part itself and all below it, depth first.
func (p Part) Parts() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for i := p.i; i < p.rec().next; i++ {
			if !yield(Part{p.m, i}) {
				return
			}
		}
	}
}

// Kind says what the part consists of.
func (p Part) Kind() Kind { return p.rec().kind }

// Path returns the part number of IMAP, RFC 9051, section 6.4.5. It is empty for
// a multipart root; a multipart that is an embedded message has the number of
// the part around it.
func (p Part) Path() []uint32 {
	path := make([]uint32, 0, 8)
	for i := p.i; i >= 0; {
		r := &p.m.recs[i]
		switch {
		case !p.m.isMessage(i):
			path = append(path, uint32(r.number))
		case r.kind != Multipart:
			path = append(path, 1)
		}
		i = r.parent
	}
	slices.Reverse(path)
	return path
}

// Number returns Path with dots: "1.2".
func (p Part) Number() string {
	var b []byte
	for i, n := range p.Path() {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return string(b)
}

// Lookup returns the part of an IMAP part number. Without a path it is the root.
func (m *Message) Lookup(path ...uint32) (Part, bool) {
	p := m.Root()
	inside := true // p is a message whose parts are counted
	for _, n := range path {
		if !inside && p.Kind() == Embedded {
			p, inside = Part{m, p.i + 1}, true
		}
		switch {
		case p.Kind() == Multipart:
			child, ok := p.child(n)
			if !ok {
				return Part{}, false
			}
			p, inside = child, false
		case inside && n == 1:
			inside = false
		default:
			return Part{}, false
		}
	}
	return p, true
}

func (p Part) child(n uint32) (Part, bool) {
	if n == 0 || int64(n) > int64(p.rec().children) {
		return Part{}, false
	}
	for c := range p.Children() {
		if n--; n == 0 {
			return c, true
		}
	}
	return Part{}, false
}

// Header returns the header of the part, a new one each time: keep it.
func (p Part) Header() *Header {
	h, _, _ := p.m.header(p.i)
	return h
}

// Is reports whether the type matches a pattern, "text/*", without allocating
// where the message is in memory.
func (p Part) Is(pattern string) bool {
	typ, sub := p.typeNames()
	return matchType(pattern, typ, sub)
}

// typeNames returns type and subtype as written, after defaults.
func (p Part) typeNames() (typ, sub string) {
	r := p.rec()
	switch {
	case r.flags&flagPlain != 0:
	case r.typ.to != 0:
		if typ, sub, next := cutType(view(p.m.value(p.i, r.typ))); next >= 0 {
			return typ, sub
		}
	case p.inDigest():
		return "message", "rfc822"
	}
	return "text", "plain"
}

func (p Part) inDigest() bool {
	r := p.rec()
	return r.parent >= 0 && p.m.recs[r.parent].kind == Multipart && p.m.recs[r.parent].flags&flagDigest != 0
}

// Type returns the Content-Type after defaults: text/plain in us-ascii, in a
// multipart/digest message/rfc822. A multipart in which no delimiter was found
// is text/plain. RFC 2045, section 5.2; RFC 2046, section 5.1.5.
func (p Part) Type() MediaType { return p.typeIn(nil, false) }

// typeIn is Type for a caller that has read the header block, and may have lent it.
func (p Part) typeIn(block []byte, lent bool) MediaType {
	r := p.rec()
	switch {
	case r.flags&flagPlain != 0:
	case r.typ.to != 0 && int(r.typ.to) <= len(block) && r.typ.to-r.typ.from <= maxValue:
		t, _ := parseMediaType(keep(block[r.typ.from:r.typ.to], lent), &p.m.opt)
		return t
	case r.typ.to != 0:
		t, _ := parseMediaType(string(p.m.value(p.i, r.typ)), &p.m.opt)
		return t
	case p.inDigest():
		return MediaType{Type: "message", Subtype: "rfc822"}
	}
	return defaultType()
}

// Disposition returns the Content-Disposition; its zero value if there is none.
// RFC 2183.
func (p Part) Disposition() MediaType { return p.Header().disposition() }

func (h *Header) disposition() MediaType {
	f, ok := h.Field("Content-Disposition")
	if !ok {
		return MediaType{}
	}
	d, _ := parseDisposition(string(f.Body()), h.o)
	return d
}

// Filename returns the name that the sender gives to the content, made harmless:
// the last element of a path, for slashes of both kinds, without control
// characters and direction overrides, never "." or ".."; it may be empty. The
// sources are filename and then name; their extended forms of RFC 2231 win.
func (p Part) Filename() string { return p.filename(p.Disposition()) }

func (p Part) filename(d MediaType) string {
	name := d.Params.Get("filename")
	if name == "" && p.rec().typ.to != 0 {
		name = p.Type().Params.Get("name")
	}
	return safeName(name)
}

// safeName keeps the last path element and drops what deceives the eye.
func safeName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || 0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x061C {
			return -1
		}
		return r
	}, s)
	if s == "." || s == ".." {
		return ""
	}
	return s
}

// ContentID returns the Content-ID without its brackets, or "".
func (p Part) ContentID() string {
	f, ok := p.Header().Field("Content-ID")
	if !ok {
		return ""
	}
	s := f.Value()
	if ids := ParseMessageIDs(s); len(ids) > 0 {
		return ids[0]
	}
	return cleanID(strings.Trim(s, "<>"))
}

// Span returns where the header starts, where the body starts, and where it
// ends. The empty line belongs to the header, the line end before a delimiter
// to the delimiter.
func (p Part) Span() (header, body, end int64) {
	r := p.rec()
	header, body, end = r.header, r.body, r.end
	if p.m.base != nil {
		header += r.bareBefore
		body += r.bareBefore + r.bareHeader
		end += r.bareBefore + r.bareHeader + r.bareBody
	}
	return
}

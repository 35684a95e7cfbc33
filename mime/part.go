package mime

import (
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/mailwire/mailwire/internal/ascii"
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
func (p Part) Type() MediaType { return p.typeIn(nil) }

// typeIn is Type for a caller that has read the header block.
func (p Part) typeIn(block []byte) MediaType {
	r := p.rec()
	switch {
	case r.flags&flagPlain != 0:
	case r.typ.to != 0 && int(r.typ.to) <= len(block) && r.typ.to-r.typ.from <= maxValue:
		t, _ := parseMediaType(string(block[r.typ.from:r.typ.to]), &p.m.opt)
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

// Encoding returns the Content-Transfer-Encoding. On multiparts base64 and the
// like are ignored.
func (p Part) Encoding() Encoding { return p.rec().encoding }

// Filename returns the name that the sender gives to the content, made harmless:
// the last element of a path, for slashes of both kinds, without control
// characters and direction overrides; it may still be "..". or empty. The
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

// Octets returns the size of the body as it lies there, in its encoding.
func (p Part) Octets() int64 {
	_, body, end := p.Span()
	return end - body
}

// Lines returns the line ends in the body.
func (p Part) Lines() int64 { return p.rec().lines }

// Raw returns the body as it lies there.
func (p Part) Raw() *io.SectionReader {
	r := p.rec()
	return p.m.open(r.body, r.end, r.bareBody)
}

// Decoded returns the body with its transfer encoding undone.
func (p Part) Decoded() *Reader {
	r := p.rec()
	d := &Reader{part: int(p.i), off: r.body}
	d.setDecode(r.encoding)
	if p.m.buf != nil && (p.m.base == nil || r.bareBody == 0) {
		d.mem = p.m.buf[r.body:r.end]
	} else {
		d.src = p.Raw()
	}
	return d
}

// Text returns the body as valid UTF-8: the transfer encoding undone and the
// charset converted. Text without a known charset, or in us-ascii, is UTF-8 if
// its first 32 KiB are, else Options.Fallback. A byte order mark is removed,
// what the charset does not have becomes U+FFFD. Parts of any type may be read so.
func (p Part) Text() *Reader {
	d := p.Decoded()
	label := p.charset()
	enc, known := p.m.opt.charset(label)
	if !known {
		d.found = append(d.found, Defect{Kind: DefectUnknownCharset, Part: int(p.i), Offset: p.rec().header, Note: note(label)})
	}
	if isASCIILabel(label) {
		enc = nil // with 8-bit octets it is anything
	}
	d.text = textFilter{o: &p.m.opt, enc: enc}
	d.convert = &d.text
	return d
}

// charset returns the label of the part, without allocating where it is plain.
func (p Part) charset() string {
	r := p.rec()
	if r.typ.to == 0 || r.flags&flagPlain != 0 {
		return ""
	}
	s := view(p.m.value(p.i, r.typ))
	_, _, i := cutType(s)
	if i < 0 {
		return ""
	}
	label, found := "", false
	sc := paramScanner{s: s, i: i}
	for q := sc.next(); q.name != ""; q = sc.next() {
		switch {
		case ascii.HasPrefixFold(q.name, "charset*"), q.escaped && ascii.EqualFold(q.name, "charset"):
			return p.Type().Params.Get("charset")
		case !found && ascii.EqualFold(q.name, "charset"):
			label, found = q.value, true
		}
	}
	return label
}

func isASCIILabel(label string) bool {
	switch cleanLabel(label) {
	case "us-ascii", "ascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "iso646-us", "csascii", "us":
		return true
	}
	return false
}

// ReadDecoded returns the decoded body. More than limit octets are ErrTooLarge,
// with what fits; a negative limit is none.
func (p Part) ReadDecoded(limit int64) ([]byte, error) {
	return readAll(p.Decoded(), limit, min(p.rec().end-p.rec().body, 1<<20))
}

// ReadText returns the body as text; see Text and ReadDecoded.
func (p Part) ReadText(limit int64) (string, error) {
	b, err := readAll(p.Text(), limit, min(p.rec().end-p.rec().body, 1<<20))
	return view(b), err
}

func readAll(r *Reader, limit, guess int64) ([]byte, error) {
	if limit < 0 {
		limit = 1<<63 - 1
	}
	out := make([]byte, 0, min(guess, limit))
	for r.fill() {
		if int64(len(r.rest)) > limit-int64(len(out)) {
			out = append(out, r.rest[:limit-int64(len(out))]...)
			r.release()
			return out, ErrTooLarge
		}
		out = append(out, r.rest...)
	}
	if err := r.end(); err != io.EOF {
		return out, err
	}
	return out, nil
}

// DecodedSize returns the octets of the decoded body, which it has to decode.
func (p Part) DecodedSize() (int64, error) {
	if !p.Encoding().transforms() {
		return p.Octets(), nil
	}
	return p.Decoded().WriteTo(io.Discard)
}

// Message returns the embedded message as one of its own, with the parts that
// are known already. An encoded one is decoded, up to 32 MiB (ErrTooLarge).
// ErrNotMessage for other types. RFC 2046, section 5.2.1; RFC 6532, section 3.7.
func (p Part) Message() (*Message, error) {
	typ, sub := p.typeNames()
	if matchType("message/*", typ, "") && isMessageType(sub) {
		if p.Kind() == Embedded {
			return p.embedded(), nil
		}
		b, err := p.ReadDecoded(maxEmbedded)
		if err != nil {
			return nil, err
		}
		return Parse(b, &p.m.opt), nil
	}
	return nil, ErrNotMessage
}

// embedded cuts the records of the embedded message out of the index.
func (p Part) embedded() *Message {
	r := p.rec()
	m := &Message{size: r.end - r.body, opt: p.m.opt, bare: r.bareBody}
	if p.m.buf != nil {
		m.buf = p.m.buf[r.body:r.end:r.end]
	} else {
		m.src = io.NewSectionReader((*octets)(p.m.owner()), r.body, r.end-r.body)
	}
	from := p.i + 1
	m.recs = slices.Clone(p.m.recs[from:r.next])
	bare, depth := m.recs[0].bareBefore, m.recs[0].depth-1
	for i := range m.recs {
		c := &m.recs[i]
		c.parent = max(c.parent-from, -1)
		c.next -= from
		c.depth -= depth
		c.header -= r.body
		c.body -= r.body
		c.end -= r.body
		c.bareBefore -= bare
	}
	for _, d := range p.m.defects {
		if d.Part >= int(from) && d.Part < int(r.next) {
			d.Part -= int(from)
			d.Offset -= r.body
			m.defects = append(m.defects, d)
		}
	}
	if p.m.base != nil {
		return m.CRLF()
	}
	return m
}

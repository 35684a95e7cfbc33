package mime

import (
	"io"
	"slices"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Encoding returns the Content-Transfer-Encoding. On multiparts base64 and the
// like are ignored.
func (p Part) Encoding() Encoding { return p.rec().encoding }

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
// are known already. An encoded one is decoded; ErrTooLarge over 32 MiB, and for
// encoded messages in each other over four levels. ErrNotMessage for other types. RFC 2046, section 5.2.1; RFC 6532, section 3.7.
func (p Part) Message() (*Message, error) {
	typ, sub := p.typeNames()
	if matchType("message/*", typ, "") && isMessageType(sub) {
		if p.Kind() == Embedded {
			return p.embedded(), nil
		}
		if p.m.opened == maxOpened {
			return nil, ErrTooLarge
		}
		b, err := p.ReadDecoded(maxEmbedded)
		if err != nil {
			return nil, err
		}
		m := Parse(b, &p.m.opt)
		m.opened = p.m.opened + 1
		return m, nil
	}
	return nil, ErrNotMessage
}

// embedded cuts the records of the embedded message out of the index.
func (p Part) embedded() *Message {
	r := p.rec()
	m := &Message{size: r.end - r.body, opt: p.m.opt, bare: r.bareBody, opened: p.m.opened}
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

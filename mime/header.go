package mime

import (
	"bytes"
	"io"
	"iter"
	"strings"
	"time"
	"unsafe"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Header is an ordered list of fields over the octets they came in. Fields
// that are not touched come out octet for octet. The zero value is empty and
// ready. A Header is not safe for concurrent use while it is changed; two of
// the same part are independent.
type Header struct {
	prefix []byte // octets in front of the first field: mbox line, byte order mark, junk
	fields []field
	lf     bool // line ends of new fields are LF, as those of the others
	o      *Options
	part   int
	off    int64  // of the block in the message
	room   []byte // for fields to come, while the header has one owner: a Builder
}

// A field is one header field with its line ends, and lines joined to it.
type field struct {
	raw         []byte
	name, colon int32 // octets of the name; place of the colon
}

// A Field is one field of a Header. It is a value and stays as it is when the
// Header changes; its slices belong to the Header and must not be changed.
type Field struct {
	f field
	o *Options
}

// ParseHeader reads a header block and returns what follows it: the body. It
// keeps b. Over Options.MaxHeader the rest of the block has no fields and is
// part of what is returned. RFC 5322, section 2.2.
func ParseHeader(b []byte, o *Options) (h *Header, rest []byte) {
	l := o.limits()
	h = &Header{o: o}
	n := h.parse(b, l.MaxHeader, true, false)
	return h, b[n:]
}

// headerLine is what a line of a header block is.
type headerLine uint8

const (
	lineEmpty headerLine = iota
	lineFold
	lineField
	lineJunk
)

// parse reads fields from b and returns how many octets it used, with the empty
// line. A block that the scan has delimited has no junk that ends it; else
// a line that is no field ends the header unless a field or fold follows.
func (h *Header) parse(b []byte, limit int, message, delimited bool) int {
	i := 0
	if message && bytes.HasPrefix(b, []byte(byteOrderMark)) {
		i = 3
	}
	if h.fields == nil {
		h.fields = make([]field, 0, fieldsIn(b, delimited))
	}
	start, junk := 0, -1 // of the current field; of a junk line that waits
	var cur field
	first := true
	for i < len(b) && i < limit {
		end := bytes.IndexByte(b[i:], '\n')
		if end < 0 {
			end = len(b)
		} else {
			end += i + 1
		}
		kind, name, colon := readHeaderLine(b[i:end])
		if kind == lineJunk && delimited && end > limit {
			kind = lineField // for all that is known of it; it is over the limit
		}
		if kind == lineEmpty || kind == lineJunk && junk >= 0 && !delimited {
			if junk >= 0 && !delimited {
				break
			}
			h.add(cur, b[start:i], start, limit)
			return end
		}
		switch {
		case kind == lineField:
			if !h.add(cur, b[start:i], start, limit) {
				return start
			}
			cur, start, junk = field{name: int32(name), colon: int32(colon)}, i, -1
			cur.raw = b[i:i] // marks that there is one
		case kind == lineFold:
			junk = -1
		case first && message && isMbox(b[i:end]):
		case !delimited:
			junk = i
		}
		first = false
		i = end
	}
	stop := i
	if junk >= 0 {
		stop = junk
	} else if i >= limit && i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		stop = limit + 1 // goes on over the limit
	}
	if !h.add(cur, b[start:stop], start, limit) {
		return start
	}
	return stop
}

// fieldsIn guesses how many fields a block has. What follows its empty line
// does not count.
func fieldsIn(b []byte, delimited bool) int {
	b = b[:min(len(b), 4096)]
	if !delimited {
		for _, empty := range []string{"\n\r\n", "\n\n"} {
			if i := bytes.Index(b, []byte(empty)); i >= 0 {
				b = b[:i+1]
			}
		}
	}
	return min(bytes.Count(b, []byte{'\n'})+1, 48)
}

// add appends the field whose octets are raw, or makes them the prefix. False
// means that it ends over the limit.
func (h *Header) add(f field, raw []byte, start, limit int) bool {
	if start+len(raw) > limit {
		return false
	}
	if f.raw == nil {
		h.prefix = raw
		return true
	}
	f.raw = raw
	if len(h.fields) == 0 {
		h.lf = bytes.HasSuffix(raw, []byte("\n")) && !bytes.HasSuffix(raw, []byte("\r\n"))
	}
	h.fields = append(grow(h.fields), f)
	return true
}

// readHeaderLine sorts one line, with its line end.
func readHeaderLine(line []byte) (kind headerLine, name, colon int) {
	switch c := line[0]; c {
	case '\r', '\n':
		n := 0
		for n < len(line) && line[n] == '\r' {
			n++
		}
		if n < len(line) && line[n] == '\n' {
			return lineEmpty, 0, 0
		}
		return lineJunk, 0, 0
	case ' ', '\t':
		return lineFold, 0, 0
	}
	n := 0
	for n < len(line) && nameOctet[line[n]] {
		n++
	}
	name = n
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	if n < len(line) && line[n] == ':' {
		return lineField, name, n
	}
	return lineJunk, 0, 0
}

// isMbox reports whether a line that is no field is one of an mbox file, as the
// scan does: see isMboxLine.
func isMbox(line []byte) bool {
	i := bytes.IndexAny(line, " \t")
	return i > 0 && isMboxLine(line[:i])
}

// Fields returns the fields in order, with their place.
func (h *Header) Fields() iter.Seq2[int, Field] {
	return func(yield func(int, Field) bool) {
		for i, f := range h.fields {
			if !yield(i, Field{f, h.o}) {
				return
			}
		}
	}
}

// Len returns the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// At returns field i, 0 <= i < Len.
func (h *Header) At(i int) Field { return Field{h.fields[i], h.o} }

// All returns the fields of that name, in any case, with their place.
func (h *Header) All(name string) iter.Seq2[int, Field] {
	return func(yield func(int, Field) bool) {
		for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
			if !yield(i, Field{h.fields[i], h.o}) {
				return
			}
		}
	}
}

// find returns the place of the first field of that name from i on, or -1.
func (h *Header) find(name string, i int) int {
	for ; i < len(h.fields); i++ {
		f := &h.fields[i]
		if int(f.name) == len(name) && ascii.EqualFold(f.raw[:f.name], name) {
			return i
		}
	}
	return -1
}

// Has reports whether there is a field of that name.
func (h *Header) Has(name string) bool { return h.find(name, 0) >= 0 }

// Field returns the first field of that name.
func (h *Header) Field(name string) (Field, bool) {
	i := h.find(name, 0)
	if i < 0 {
		return Field{}, false
	}
	return h.At(i), true
}

// Get returns the value of the first field of that name, unfolded and otherwise
// as it stands; "" if there is none.
func (h *Header) Get(name string) string {
	f, _ := h.Field(name)
	return f.Value()
}

// Text returns the first field of that name as text: unfolded, words decoded,
// valid UTF-8, without CR, LF and NUL.
func (h *Header) Text(name string) string {
	f, _ := h.Field(name)
	return f.Text()
}

// Addresses returns the addresses of all fields of that name. Offsets of its
// defects are those in their field.
func (h *Header) Addresses(name string) AddressList {
	p := addressParser{o: h.o}
	for _, f := range h.All(name) {
		p.field(string(f.Body()))
	}
	return p.out
}

// Date returns the Date field. Errors: ErrNoField, ErrDate.
func (h *Header) Date() (time.Time, error) {
	f, ok := h.Field("Date")
	if !ok {
		return time.Time{}, ErrNoField
	}
	return ParseDate(view(f.Body()))
}

// MessageID returns the Message-ID without its brackets, or "".
func (h *Header) MessageID() string {
	f, _ := h.Field("Message-ID")
	return firstID(f.Body())
}

// References returns the ids of References, or of In-Reply-To where that is
// absent or empty, without brackets.
func (h *Header) References() []string {
	if ids := ParseMessageIDs(h.Get("References")); len(ids) > 0 {
		return ids
	}
	return ParseMessageIDs(h.Get("In-Reply-To"))
}

// ContentType returns the Content-Type; text/plain in us-ascii if there is none.
func (h *Header) ContentType() MediaType {
	f, ok := h.Field("Content-Type")
	if !ok {
		return defaultType()
	}
	t, _ := parseMediaType(string(f.Body()), h.o)
	return t
}

// defaultType is that of RFC 2045, section 5.2.
func defaultType() MediaType {
	return MediaType{Type: "text", Subtype: "plain", Params: Params{{Name: "charset", Value: "us-ascii"}}}
}

// Append appends the header, without the empty line after it.
func (h *Header) Append(dst []byte) []byte {
	dst = append(dst, h.prefix...)
	for i := range h.fields {
		dst = append(dst, h.fields[i].raw...)
		if i+1 < len(h.fields) && !bytes.HasSuffix(dst, []byte("\n")) {
			dst = append(dst, h.lineEnd()...)
		}
	}
	return dst
}

// WriteTo writes what Append appends, in one write.
func (h *Header) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(h.Append(nil))
	return int64(n), err
}

func (h *Header) lineEnd() string {
	if h.lf {
		return "\n"
	}
	return "\r\n"
}

// Name returns the name as written, without white space in front of the colon.
func (f Field) Name() string {
	b := f.f.raw[:f.f.name]
	if s, ok := fieldNames[string(b)]; ok {
		return s
	}
	return string(b)
}

// Is reports whether the field has that name, in any case.
func (f Field) Is(name string) bool {
	return int(f.f.name) == len(name) && ascii.EqualFold(f.f.raw[:f.f.name], name)
}

// Raw returns the octets of the field with its line ends.
func (f Field) Raw() []byte { return f.f.raw }

// Body returns what follows the colon, still folded, with the line end.
func (f Field) Body() []byte {
	if len(f.f.raw) == 0 {
		return nil
	}
	return f.f.raw[f.f.colon+1:]
}

// Value returns the body unfolded and trimmed, otherwise as it stands.
func (f Field) Value() string {
	b := trimBytes(f.Body())
	return own(unfold(view(b)), b)
}

// Text returns the body as text; see Header.Text.
func (f Field) Text() string {
	b := trimBytes(f.Body())
	return own(decodeText(view(b), f.o), b)
}

// own returns s, copied if it still lies in b: no string that a caller keeps
// may hold on to the octets of a message.
func own(s string, b []byte) string {
	if len(s) == 0 || len(b) == 0 {
		return ""
	}
	p, q := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if q <= p && p < q+uintptr(len(b)) {
		return strings.Clone(s)
	}
	return s
}

func trimBytes(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// fieldNames lets Name return a string without an allocation.
var fieldNames = func() map[string]string {
	m := make(map[string]string)
	for _, s := range []string{"Received", "Return-Path", "From", "Sender", "To", "Cc", "CC", "Bcc", "Reply-To", "Subject",
		"Date", "Message-ID", "Message-Id", "In-Reply-To", "References", "MIME-Version", "Mime-Version", "Content-Type",
		"Content-Transfer-Encoding", "Content-Disposition", "Content-ID", "Content-Id", "Content-Description",
		"Content-Language", "DKIM-Signature", "Authentication-Results", "ARC-Seal", "ARC-Message-Signature",
		"ARC-Authentication-Results", "Received-SPF", "X-Mailer", "User-Agent", "List-Id", "List-Unsubscribe", "List-Post",
		"Delivered-To", "Precedence", "X-Priority", "X-Spam-Status", "X-Original-To", "Auto-Submitted", "Importance"} {
		m[s] = s
	}
	return m
}()

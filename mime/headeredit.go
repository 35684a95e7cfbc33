package mime

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// checkField refuses what would not read back as one field. A line end in a
// body would be a field, or a body, of the attacker's.
func checkField(name, body string) error {
	if name == "" || !ascii.All(fieldName, name) {
		return fmt.Errorf("%w: name %s", ErrField, note(name))
	}
	for i := range len(body) {
		if c := body[i]; c == '\r' || c == '\n' || c == 0 {
			return fmt.Errorf("%w: control character in %s", ErrField, note(name))
		}
	}
	return nil
}

// fieldName is ftext. RFC 5322, section 3.6.8.
var fieldName = ascii.VChar.Without(":")

// newField makes a folded field of a body that is allowed.
func (h *Header) newField(name, body string) (field, error) {
	if err := checkField(name, body); err != nil {
		return field{}, err
	}
	raw := h.startRaw(name, len(body))
	if body == "" {
		return h.finishField(name, raw[:len(raw)-1])
	}
	w := lineWriter{dst: raw, col: len(raw), most: foldAt}
	w.words(body)
	return h.finishField(name, w.dst)
}

const usualField = 128 // octets

// startRaw is the start of a field, with room for a body of n octets.
func (h *Header) startRaw(name string, n int) []byte {
	raw := h.room[len(h.room):]
	if n += len(name) + n/16 + 16; cap(raw) < n {
		raw = make([]byte, 0, n)
	}
	return append(append(raw, name...), ": "...)
}

// keep takes the octets of a finished field out of the room, if they lie there.
func (h *Header) keep(raw []byte) []byte {
	if n := len(h.room); n < cap(h.room) && &raw[0] == &h.room[:n+1][n] {
		h.room = h.room[:n+len(raw)]
	}
	return slices.Clip(raw)
}

// finishField ends the field and checks its lines.
func (h *Header) finishField(name string, raw []byte) (field, error) {
	raw = append(raw, "\r\n"...)
	for rest := raw; len(rest) > mostLine; {
		n := bytes.IndexByte(rest, '\n') + 1
		if n-2 > mostLine {
			return field{}, fmt.Errorf("%w: line over %d octets in %s", ErrField, mostLine, note(name))
		}
		rest = rest[n:]
	}
	if h.lf {
		raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	}
	return field{raw: h.keep(raw), name: int32(len(name)), colon: int32(len(name))}, nil
}

// Prepend adds a field in front of all others, as trace fields are. The body is
// folded at spaces. It returns ErrField for CR, LF, NUL, a bad name, and a word
// that no line can hold.
func (h *Header) Prepend(name, body string) error {
	f, err := h.newField(name, body)
	if err == nil {
		h.endLastLine()
		h.fields = slices.Concat([]field{f}, h.fields)
	}
	return err
}

// Add adds a field behind all others; see Prepend.
func (h *Header) Add(name, body string) error {
	f, err := h.newField(name, body)
	if err == nil {
		h.addField(f)
	}
	return err
}

// openPrefix reports whether the prefix is a line without a line end.
func (h *Header) openPrefix() bool {
	n := len(h.prefix)
	return n > 0 && h.prefix[n-1] != '\n' && string(h.prefix) != byteOrderMark
}

// endLastLine gives such a prefix a line end, so that a field may follow.
func (h *Header) endLastLine() {
	if h.openPrefix() {
		h.prefix = append(slices.Clip(h.prefix), h.lineEnd()...)
	}
}

func (h *Header) addField(f field) {
	h.endLastLine()
	if n := len(h.fields); n > 0 {
		if last := h.fields[n-1].raw; !bytes.HasSuffix(last, []byte("\n")) {
			h.fields = slices.Clone(h.fields)
			h.fields[n-1].raw = append(slices.Clip(last), h.lineEnd()...)
		}
	}
	if h.fields == nil {
		h.fields = make([]field, 0, 8)
	}
	h.fields = append(h.fields, f)
}

// Set puts the field in the place of the first of its name and removes the
// others; without one it adds the field. See Prepend for the errors.
func (h *Header) Set(name, body string) error {
	f, err := h.newField(name, body)
	if err == nil {
		h.setField(name, f)
	}
	return err
}

func (h *Header) setField(name string, f field) {
	i := h.find(name, 0)
	if i < 0 {
		h.addField(f)
		return
	}
	fields := slices.Clone(h.fields)
	fields[i] = f
	h.fields = slices.Concat(fields[:i+1], slices.DeleteFunc(fields[i+1:], func(g field) bool {
		return Field{f: g}.Is(name)
	}))
}

// SetText sets an unstructured field; what ASCII cannot say becomes
// encoded-words. ErrField for CR, LF, NUL and a bad name.
func (h *Header) SetText(name, text string) error {
	if err := checkField(name, text); err != nil {
		return err
	}
	raw := h.startRaw(name, len(text))
	return h.setRaw(name, AppendWords(raw, text, len(raw)))
}

func (h *Header) setRaw(name string, raw []byte) error {
	f, err := h.finishField(name, raw)
	if err == nil {
		h.setField(name, f)
	}
	return err
}

// SetAddresses sets a field to a list of addresses, folded between them.
// ErrAddress for one that cannot be written. Without addresses the field goes.
func (h *Header) SetAddresses(name string, list ...Address) error {
	if err := checkField(name, ""); err != nil {
		return err
	}
	for _, a := range list {
		if err := a.check(); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		h.Del(name)
		return nil
	}
	raw := h.startRaw(name, usualField)
	return h.setRaw(name, appendAddresses(raw, list, len(raw)))
}

// SetMediaType sets a Content-Type or Content-Disposition.
func (h *Header) SetMediaType(name string, t MediaType) error {
	f, err := h.mediaTypeField(name, t)
	if err == nil {
		h.setField(name, f)
	}
	return err
}

func (h *Header) mediaTypeField(name string, t MediaType) (field, error) {
	if err := checkField(name, ""); err != nil {
		return field{}, err
	}
	if err := t.check(); err != nil {
		return field{}, err
	}
	raw := h.startRaw(name, usualField)
	return h.finishField(name, AppendMediaType(raw, t, len(raw)))
}

// SetDate sets a field to a date-time, in t's own zone.
func (h *Header) SetDate(name string, t time.Time) error {
	if err := checkField(name, ""); err != nil {
		return err
	}
	if y := t.Year(); y < 1900 || y > 9999 { // RFC 5322, section 3.3
		return fmt.Errorf("%w: year %d", ErrDate, y)
	}
	raw := h.startRaw(name, usualField)
	return h.setRaw(name, AppendDate(raw, t))
}

// Replace puts raw, which must be exactly one field with its line ends, in the
// place of field i. ErrField if it is not, or has a NUL or a CR without LF.
func (h *Header) Replace(i int, raw []byte) error {
	var one Header
	raw = slices.Clone(raw)
	n := one.parse(raw, noLimit, false, false)
	if n != len(raw) || len(one.fields) != 1 || len(one.prefix) > 0 || !bytes.HasSuffix(raw, []byte("\n")) ||
		bytes.IndexByte(raw, 0) >= 0 || len(one.fields[0].raw) != len(raw) ||
		bytes.Count(raw, []byte{'\r'}) != bytes.Count(raw, []byte("\r\n")) {
		return fmt.Errorf("%w: %s", ErrField, note(raw))
	}
	h.fields = slices.Clone(h.fields)
	h.fields[i] = one.fields[0]
	return nil
}

// Remove removes field i.
func (h *Header) Remove(i int) {
	h.fields = slices.Delete(slices.Clone(h.fields), i, i+1)
}

// Del removes all fields of that name.
func (h *Header) Del(name string) {
	if h.find(name, 0) < 0 {
		return
	}
	h.fields = slices.DeleteFunc(slices.Clone(h.fields), func(f field) bool { return Field{f: f}.Is(name) })
}

// Clone returns a copy that can be changed on its own.
func (h *Header) Clone() *Header {
	c := *h
	c.fields, c.room = slices.Clip(c.fields), nil
	return &c
}

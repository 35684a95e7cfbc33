package mime

import (
	"io"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Check reads all of the message as a content filter does, headers and decoded
// bodies, and returns what is wrong with structure, values and contents, up to
// Options.MaxDefects. A message that keeps the RFCs has none.
func (m *Message) Check() []Defect {
	list := slices.Clone(m.defects)
	max := m.opt.MaxDefects
	for p := range m.Parts() {
		if len(list) > max { // no more are told
			break
		}
		for _, d := range p.Header().defects(false) {
			list = addDefect(list, max, d)
		}
		if p.Kind() != Leaf {
			continue
		}
		r := p.Decoded()
		if p.Is("text/*") {
			r = p.Text()
		}
		_, _ = r.WriteTo(io.Discard) // an error of the source is in Err
		for _, d := range r.Defects() {
			list = addDefect(list, max, d)
		}
	}
	return list
}

// Defects returns what is wrong with the values of the fields, and fields that
// are there twice. What is wrong with the lines is in Message.Defects. Offset is
// that of the field; it counts the fields as they were read.
func (h *Header) Defects() []Defect { return h.defects(true) }

// defects leaves out, unless all, what the scan reports too.
func (h *Header) defects(all bool) []Defect {
	var list []Defect
	max := h.o.maxDefects()
	off := h.off + int64(len(h.prefix))
	var seen [len(onceFields)]bool
	for i := range h.fields {
		if len(list) > max {
			break
		}
		f := Field{h.fields[i], h.o}
		for _, d := range f.defects() {
			d.Part, d.Offset = h.part, off
			list = addDefect(list, max, d)
		}
		if k := once(f); k >= 0 {
			scanned := k < 2
			if seen[k] && (all || !scanned) {
				list = addDefect(list, max, Defect{Kind: DefectDuplicateField, Part: h.part, Offset: off, Note: note(f.Name())})
			}
			seen[k] = true
		}
		off += int64(len(f.f.raw))
	}
	return list
}

// onceFields may stand once; the scan knows of the first two. RFC 5322, section
// 3.6; RFC 2045, section 3.
var onceFields = [...]string{"Content-Type", "Content-Transfer-Encoding", "Date", "From", "Sender", "Reply-To", "To", "Cc",
	"Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "MIME-Version", "Content-ID", "Content-Description",
	"Content-Disposition"}

func once(f Field) int {
	for i, name := range onceFields {
		if f.Is(name) {
			return i
		}
	}
	return -1
}

// defects returns what is wrong with the value.
func (f Field) defects() []Defect {
	name := f.f.raw[:f.f.name]
	if ascii.HasPrefixFold(name, "Resent-") {
		name = name[len("Resent-"):]
	}
	switch {
	case isNamed(name, addressFields):
		return parseAddresses(string(f.Body()), f.o, false).Defects
	case ascii.EqualFold(name, "Date"):
		_, obs, ok := parseDate(f.Value())
		switch {
		case !ok:
			return []Defect{{Kind: DefectBadDate, Note: note(f.Value())}}
		case obs:
			return []Defect{{Kind: DefectObsDate, Note: note(f.Value())}}
		}
		return nil
	case ascii.EqualFold(name, "Content-Type"):
		_, list := parseMediaType(string(f.Body()), f.o)
		return list
	case ascii.EqualFold(name, "Content-Disposition"):
		_, list := parseDisposition(string(f.Body()), f.o)
		return list
	}
	return textDefects(f.Value(), f.o)
}

var addressFields = []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"}

// textDefects decodes only what has something to decode.
func textDefects(s string, o *Options) []Defect {
	if !strings.Contains(s, "=?") {
		return nil
	}
	var found kindSet
	decodeWords(rawText(s, o), o, &found)
	var list []Defect
	for k := DefectMboxLine; k < DefectMore; k++ {
		if found&(1<<k) != 0 {
			list = append(list, Defect{Kind: k, Note: note(s)})
		}
	}
	return list
}

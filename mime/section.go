package mime

import (
	"bytes"
	"io"

	"github.com/mailwire/mailwire/internal/ascii"
)

// SectionKind is the section-text of IMAP. RFC 9051, section 6.4.5.
type SectionKind uint8

const (
	SectionAll       SectionKind = iota // BODY[], BODY[1.2]
	SectionHeader                       // HEADER
	SectionFields                       // HEADER.FIELDS
	SectionFieldsNot                    // HEADER.FIELDS.NOT
	SectionText                         // TEXT
	SectionMIME                         // MIME
)

// String returns the name of the section-text; of SectionAll "".
func (k SectionKind) String() string {
	names := [...]string{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"}
	if int(k) < len(names) {
		return names[k]
	}
	return "SectionKind(?)"
}

// A Section says which octets of a message are wanted.
type Section struct {
	Path   []uint32
	Kind   SectionKind
	Fields []string // names, for SectionFields and SectionFieldsNot
}

// Section returns the octets of a section; false if the message has no such
// section. Size is that of the literal; io.NewSectionReader on the result makes
// a partial. Headers come with their empty line if the message has one there;
// order and folds are kept. With a path, HEADER and TEXT exist for embedded
// messages alone; without one, MIME does not exist.
func (m *Message) Section(s Section) (*io.SectionReader, bool) {
	p, ok := m.Lookup(s.Path...)
	if !ok {
		return nil, false
	}
	if len(s.Path) == 0 {
		switch s.Kind {
		case SectionAll:
			return m.open(0, m.size, m.bare), true
		case SectionMIME:
			return nil, false
		}
		return p.messageSection(s)
	}
	switch s.Kind {
	case SectionAll:
		return p.Raw(), true
	case SectionMIME:
		return p.rawHeader(), true
	}
	if p.Kind() != Embedded {
		return nil, false
	}
	return Part{m, p.i + 1}.messageSection(s)
}

// messageSection returns HEADER and TEXT of a part that is a message.
func (p Part) messageSection(s Section) (*io.SectionReader, bool) {
	switch s.Kind {
	case SectionHeader:
		return p.rawHeader(), true
	case SectionFields, SectionFieldsNot:
		b := p.selectFields(s.Fields, s.Kind == SectionFields)
		return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), true
	case SectionText:
		return p.Raw(), true
	}
	return nil, false
}

func (p Part) rawHeader() *io.SectionReader {
	r := p.rec()
	return p.m.open(r.header, r.body, r.bareHeader)
}

// selectFields returns the fields that are named, or those that are not, and
// the empty line.
func (p Part) selectFields(names []string, named bool) []byte {
	h, block, n := p.m.header(p.i)
	var out []byte
	for i := range h.fields {
		f := &h.fields[i]
		if isNamed(f.raw[:f.name], names) == named {
			out = append(out, f.raw...)
		}
	}
	out = append(out, emptyLine(block[:n])...)
	if p.m.base != nil {
		out = toCRLF(out)
	}
	return out
}

func isNamed(name []byte, names []string) bool {
	for _, s := range names {
		if ascii.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// emptyLine returns the empty line at the end of a header block, if any.
func emptyLine(block []byte) []byte {
	n := len(block) - 1
	if n < 0 || block[n] != '\n' {
		return nil
	}
	for n > 0 && block[n-1] == '\r' {
		n--
	}
	if n > 0 && block[n-1] != '\n' && string(block[:n]) != byteOrderMark {
		return nil
	}
	return block[n:]
}

// toCRLF puts a CR in front of each LF that has none.
func toCRLF(b []byte) []byte {
	out := make([]byte, 0, len(b)+bytes.Count(b, []byte{'\n'}))
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

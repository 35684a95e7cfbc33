package imapserver

import (
	"bytes"
	"io"
	"sync"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// opened is what of a message has been opened, for FETCH or SEARCH. All of it is
// opened only when it is asked for.
type opened struct {
	content  Content
	message  *mime.Message
	header   *mime.Header
	referred bool // the encoder refers to the content
	closers  []io.Closer
}

func (o *opened) close() {
	if o.content != nil {
		o.content.Close()
	}
	for _, c := range o.closers {
		c.Close()
	}
	*o = opened{}
}

// open opens the content.
func (o *opened) open(m *Message) (Content, error) {
	if o.content == nil {
		c, err := m.Open()
		if err != nil {
			return nil, err
		}
		o.content = c
	}
	return o.content, nil
}

// mime returns the message by its stored index, or else indexes it.
func (o *opened) mime(m *Message) (*mime.Message, error) {
	if o.message != nil {
		return o.message, nil
	}
	content, err := o.open(m)
	if err != nil {
		return nil, err
	}
	if m.Index != nil {
		if o.message, err = mime.LoadIndex(m.Index, content, nil); err == nil {
			return o.message, nil
		}
	}
	o.message, err = mime.ParseAt(content, m.Size, nil)
	return o.message, err
}

// Mime returns the message of a row, for what its stored index can answer.
func (r *Row) Mime() (*mime.Message, error) { return r.opened.mime(r.Message) }

// utf8 reports whether strings of the connection are UTF-8.
func (r *Row) utf8() bool { return r.Enc.UTF8 || r.Enc.Rev2 }

// literalEnd is in a stored form that has a literal: what was not ASCII, and can
// be in quotes where UTF-8 was agreed on.
var literalEnd = []byte("}\r\n")

// envelope prints ENVELOPE: as it is stored, or computed.
func (r *Row) envelope(it *imap.FetchItem) error {
	if r.Envelope != nil && (!r.utf8() || !bytes.Contains(r.Envelope, literalEnd)) {
		r.Enc.ItemName(it)
		r.Enc.RawBytes(r.Envelope)
		return nil
	}
	e, ok := parseStored(r.Envelope, (*imap.Parser).Envelope)
	if !ok {
		m, err := r.Mime()
		if err != nil {
			return err
		}
		computed := m.Envelope()
		e = envelopeOf(&computed)
	}
	r.Enc.ItemName(it)
	r.Enc.Envelope(e)
	return nil
}

// bodyStructure prints BODYSTRUCTURE: as it is stored, or computed. Where UTF-8
// was agreed on, parameters in the extended form are printed decoded; only then
// is the stored form taken apart.
func (r *Row) bodyStructure(it *imap.FetchItem) error {
	if r.Body != nil && (!r.utf8() || !bytes.Contains(r.Body, literalEnd) && !bytes.Contains(r.Body, []byte(`*" "`))) {
		r.Enc.ItemName(it)
		r.Enc.RawBytes(r.Body)
		return nil
	}
	return r.structure(it, true)
}

// structure prints BODY or BODYSTRUCTURE from values.
func (r *Row) structure(it *imap.FetchItem, extended bool) error {
	b, ok := parseStored(r.Body, (*imap.Parser).BodyStructure)
	if !ok {
		m, err := r.Mime()
		if err != nil {
			return err
		}
		b = bodyOf(m.BodyStructure())
	}
	if r.utf8() {
		decodeParams(b)
	}
	r.Enc.ItemName(it)
	r.Enc.BodyStructure(b, extended)
	return nil
}

// body prints BODY: a section, or the structure where none is given.
func (r *Row) body(it *imap.FetchItem) error {
	if it.Section == nil {
		return r.structure(it, false)
	}
	return r.section(it, it.Section)
}

// rfc822 prints the items that are other names of sections. RFC 3501, section
// 6.4.5.
func rfc822(kind imap.SectionKind) func(*Row, *imap.FetchItem) error {
	section := &imap.Section{Kind: kind}
	return func(r *Row, it *imap.FetchItem) error { return r.section(it, section) }
}

// section prints the octets of a section. One that does not exist is NIL.
// RFC 9051, section 6.4.5.
func (r *Row) section(it *imap.FetchItem, s *imap.Section) error {
	if len(s.Path) == 0 && s.Kind == imap.SectionAll {
		content, err := r.open(r.Message)
		if err != nil {
			return err
		}
		return r.octets(it, content, r.Size)
	}
	if len(s.Path) == 0 && (s.Kind == imap.SectionFields || s.Kind == imap.SectionFieldsNot) {
		if done, err := r.fields(it, s); done || err != nil {
			return err
		}
	}
	m, err := r.Mime()
	if err != nil {
		return err
	}
	section, ok := m.Section(mime.Section{Path: s.Path, Kind: mime.SectionKind(s.Kind), Fields: s.Fields})
	if !ok {
		r.Enc.ItemName(it)
		r.Enc.NString(nil)
		return nil
	}
	return r.octets(it, section, section.Size())
}

// maxCopied is the longest section that is copied into the output; longer ones
// are read when they leave.
const maxCopied = 16 << 10

// octets prints a literal of src, or the part of it that is asked for.
func (r *Row) octets(it *imap.FetchItem, src io.ReaderAt, size int64) error {
	off, n := int64(0), size
	if it.Partial != nil {
		o, m := it.Partial.Slice(uint64(size))
		off, n = int64(o), int64(m)
	}
	if n > maxCopied {
		r.Enc.ItemName(it)
		r.Enc.Body(src, off, n, false)
		r.referred = true
		return nil
	}
	room := rooms.Get().(*[maxCopied]byte)
	defer rooms.Put(room)
	b := room[:n]
	if _, err := readFull(src, b, off); err != nil {
		return err
	}
	r.Enc.ItemName(it)
	r.Enc.Literal(b)
	return nil
}

// rooms are for octets on their way into the output.
var rooms = sync.Pool{New: func() any { return new([maxCopied]byte) }}

// readFull reads all of b.
func readFull(src io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := src.ReadAt(b, off)
	if n == len(b) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

package mime

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Mode says what the way to the reader can carry.
type Mode uint8

const (
	Mode7Bit Mode = iota // every relay
	Mode8Bit             // 8BITMIME all the way: RFC 6152
	ModeUTF8             // SMTPUTF8 all the way: headers in UTF-8, RFC 6532
)

// String returns the name of the constant.
func (m Mode) String() string {
	switch m {
	case Mode7Bit:
		return "Mode7Bit"
	case Mode8Bit:
		return "Mode8Bit"
	case ModeUTF8:
		return "ModeUTF8"
	}
	return "Mode(?)"
}

// An Entity is a part to be written, or a tree of them: the low-level writer,
// for every shape. Header fields are written as they are; Content-Type (with
// boundary), Content-Transfer-Encoding and MIME-Version are completed.
type Entity struct {
	Header   Header
	Children []*Entity                     // of a multipart; one, for message/rfc822
	Body     []byte                        // or
	Open     func() (io.ReadCloser, error) // read once per WriteTo; twice for text without Encoding
	Encoding Encoding                      // zero: chosen by content
	Mode     Mode                          // of the root

	boundary string // drawn once
}

// A plan is an entity of which all is known that its header has to say.
type plan struct {
	e        *Entity
	typ      []byte // the Content-Type, if it is not that of the header
	encoding Encoding
	text     bool // line ends become CRLF
	version  bool // MIME-Version is missing
	boundary string
	kids     []plan
}

// WriteTo writes the entity. It may be called again and writes the same octets
// if Open gives the same. Lines end in CRLF. ErrNeeds8Bit for an embedded
// message that Mode7Bit cannot carry: such a message is never encoded. ErrEdit,
// wrapped, for a tree that is none. Nothing is written before both are known.
func (e *Entity) WriteTo(w io.Writer) (int64, error) {
	var p plan
	if err := p.make(e, e.Mode, true); err != nil {
		return 0, err
	}
	enc := newEncoder(w)
	defer enc.release()
	err := p.write(enc)
	if ferr := enc.flush(); err == nil {
		err = ferr
	}
	return enc.n, err
}

// make plans e, which is a message if top.
func (p *plan) make(e *Entity, mode Mode, top bool) error {
	p.e = e
	t := e.mediaType()
	if len(e.Children) > 0 {
		p.kids = make([]plan, len(e.Children))
	}
	eight := false
	for i, kid := range e.Children {
		k := &p.kids[i]
		if err := k.make(kid, mode, t.Type == "message"); err != nil {
			return err
		}
		eight = eight || k.encoding == EightBit || k.encoding == Binary
	}
	var err error
	switch {
	case t.Type == "multipart" && (len(e.Body) > 0 || e.Open != nil):
		return fmt.Errorf("%w: multipart with a body", ErrEdit) // which would be lost
	case t.Type == "multipart":
		err = p.setBoundary(t)
	case t.Type == "message" && len(p.kids) > 0:
		if len(p.kids) > 1 {
			return fmt.Errorf("%w: message with several children", ErrEdit)
		}
		eight = eight || mode == ModeUTF8 && e.Children[0].Header.high()
	case len(p.kids) > 0:
		return fmt.Errorf("%w: %s with children", ErrEdit, note(t.Type))
	default:
		p.encoding, p.text, err = e.choose(t, mode)
		if err == nil && !e.Header.Has("Content-Type") {
			p.typ = plainField.raw
		}
	}
	if eight {
		p.encoding = EightBit
	}
	p.version = top && !e.Header.Has("MIME-Version")
	return err
}

// mediaType is the type that the header says, or follows from the children. Of
// a leaf the parameters do not matter.
func (e *Entity) mediaType() MediaType {
	f, ok := e.Header.Field("Content-Type")
	if !ok && len(e.Children) > 0 {
		return MediaType{Type: "multipart", Subtype: "mixed"}
	}
	if !ok {
		return MediaType{Type: "text", Subtype: "plain"}
	}
	body := view(trimBytes(f.Body())) // the fields outlive it
	if typ, sub, i := cutType(body); i >= 0 && !ascii.EqualFold(typ, "multipart") {
		return MediaType{Type: lower(typ), Subtype: lower(sub)}
	}
	t, _ := ParseMediaType(body)
	return t
}

// high reports whether there are octets that only UTF-8 may have.
func (h *Header) high() bool {
	for i := range h.fields {
		if hasHigh(h.fields[i].raw) {
			return true
		}
	}
	return hasHigh(h.prefix)
}

func hasHigh(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&topBits != 0 {
			return true
		}
		b = b[8:]
	}
	for _, c := range b {
		if c > 127 {
			return true
		}
	}
	return false
}

// setBoundary takes the boundary that the type has, or writes the type anew with
// one.
func (p *plan) setBoundary(t MediaType) error {
	if p.boundary = t.Params.Get("boundary"); p.boundary != "" {
		return nil
	}
	if p.e.boundary == "" {
		p.e.boundary = newBoundary()
	}
	p.boundary = p.e.boundary
	t.Params = slices.DeleteFunc(t.Params, func(q Param) bool { return ascii.EqualFold(q.Name, "boundary") }) // an empty one
	if err := t.check(); err != nil {
		return err
	}
	h := new(Header)
	raw := h.startRaw("Content-Type", usualField)
	raw = AppendMediaType(raw, t, len(raw))
	w := lineWriter{dst: raw, col: len(raw) - (bytes.LastIndexByte(raw, '\n') + 1), most: foldWordsAt}
	w.param("boundary", p.boundary, "")
	f, err := h.finishField("Content-Type", w.dst)
	p.typ = f.raw
	return err
}

// choose returns the encoding of a leaf, and whether it is text: text is made
// of lines, all else of octets.
func (e *Entity) choose(t MediaType, mode Mode) (Encoding, bool, error) {
	message := t.Type == "message" && isMessageType(t.Subtype)
	text := t.Type == "text" || t.Type == "message"
	if e.Encoding > Base64 {
		return 0, false, errEncode
	}
	if !message && e.Encoding != SevenBit {
		return e.Encoding, text && !e.Encoding.transforms() && e.Encoding != Binary, nil
	}
	if !text {
		return Base64, false, nil
	}
	s, err := e.stats()
	if err != nil {
		return 0, false, err
	}
	switch {
	case message && s.high && mode == Mode7Bit:
		return 0, false, ErrNeeds8Bit
	case message && !s.high, s.lines() && !s.high:
		return SevenBit, true, nil
	case message, s.lines() && mode != Mode7Bit:
		return EightBit, true, nil
	}
	// RFC 2045, section 6.8: text in base64 has CRLF. What has NULs is none.
	enc := s.encoding()
	return enc, enc == QuotedPrintable || !s.odd && !s.cr, nil
}

func (e *Entity) stats() (contentStats, error) {
	var s contentStats
	if e.Open == nil {
		s.Write(e.Body)
		return s, nil
	}
	read := new(contentStats)
	err := e.copy(read)
	return *read, err
}

// copy writes the body as it was given.
func (e *Entity) copy(w io.Writer) error {
	if e.Open == nil {
		_, err := w.Write(e.Body)
		return err
	}
	r, err := e.Open()
	if err != nil {
		return err
	}
	b := bufferPool.Get().(*buffers)
	_, err = io.CopyBuffer(w, struct{ io.Reader }{r}, b.in) // without the WriterTo that r may have: it may take memory
	bufferPool.Put(b)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return err
}

func (p *plan) write(enc *encoder) error {
	p.writeHeader(&enc.output)
	switch {
	case p.boundary != "":
		return p.writeParts(enc)
	case len(p.kids) > 0:
		return p.kids[0].write(enc)
	}
	err := p.e.copy(enc.start(p.encoding, p.text))
	enc.end()
	return err
}

// writeHeader writes the fields that the entity has, with what says how to read
// the body.
func (p *plan) writeHeader(out *output) {
	h := &p.e.Header
	out.Write(h.prefix)
	if h.openPrefix() {
		out.put("\r\n")
	}
	typ := p.typ
	for i := range h.fields {
		switch f := (Field{f: h.fields[i]}); {
		case f.Is("Content-Transfer-Encoding"):
		case p.typ != nil && f.Is("Content-Type"):
			out.Write(typ)
			typ = nil
		default:
			out.Write(f.Raw())
			if !bytes.HasSuffix(f.Raw(), []byte("\n")) {
				out.put("\r\n")
			}
		}
	}
	out.Write(typ)
	if p.encoding != SevenBit {
		out.put("Content-Transfer-Encoding: ")
		out.put(p.encoding.String())
		out.put("\r\n")
	}
	if p.version {
		out.put("MIME-Version: 1.0\r\n")
	}
	out.put("\r\n")
}

func (p *plan) writeParts(enc *encoder) error {
	for i := range p.kids {
		p.delimiter(&enc.output, "\r\n")
		if err := p.kids[i].write(enc); err != nil {
			return err
		}
		enc.put("\r\n")
	}
	p.delimiter(&enc.output, "--\r\n")
	return enc.err
}

func (p *plan) delimiter(out *output, end string) {
	out.put("--")
	out.put(p.boundary)
	out.put(end)
}

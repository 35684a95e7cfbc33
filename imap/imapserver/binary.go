package imapserver

import (
	"bytes"
	"io"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// binaryFetch: RFC 9051, section 6.4.5; RFC 3516, section 4.2.
var binaryFetch = map[string]Fetcher{
	"BINARY":      {NeedContent | NeedIndex | NeedSize, (*Row).binary},
	"BINARY.PEEK": {NeedContent | NeedIndex | NeedSize, (*Row).binary},
	"BINARY.SIZE": {NeedContent | NeedIndex | NeedSize, (*Row).binarySize},
}

var errUnknownCTE = imap.No("UNKNOWN-CTE", "unknown transfer encoding")

// decodable returns the part that a section of BINARY names, if its transfer
// encoding can be undone: multiparts, messages and the whole are given as BODY
// gives them.
func (r *Row) decodable(s *imap.Section) (part mime.Part, ok bool, err error) {
	m, err := r.Mime()
	if err != nil {
		return part, false, err
	}
	if len(s.Path) == 0 {
		return part, false, nil
	}
	part, found := m.Lookup(s.Path...)
	if !found || part.Kind() != mime.Leaf {
		return part, false, nil
	}
	switch part.Encoding() {
	case mime.EncodingUnknown:
		return part, false, errUnknownCTE
	case mime.SevenBit, mime.EightBit, mime.Binary:
		return part, false, nil
	}
	return part, true, nil
}

// binary prints BINARY. A partial counts decoded octets, and what has NUL is a
// literal8.
func (r *Row) binary(it *imap.FetchItem) error {
	part, ok, err := r.decodable(it.Section)
	if err != nil {
		return err
	}
	if !ok {
		return r.body8(it)
	}
	spool := r.conn.newSpool()
	r.closers = append(r.closers, spool)
	size, err := io.Copy(spool, part.Decoded())
	if err != nil {
		return err
	}
	return r.octets8(it, spool, size)
}

// body8 prints a section of BINARY that needs no decoding.
func (r *Row) body8(it *imap.FetchItem) error {
	m, err := r.Mime()
	if err != nil {
		return err
	}
	section, ok := m.Section(mime.Section{Path: it.Section.Path})
	if !ok {
		r.Enc.ItemName(it)
		r.Enc.NString(nil)
		return nil
	}
	return r.octets8(it, section, section.Size())
}

// octets8 prints a literal, as a literal8 if it has NUL.
func (r *Row) octets8(it *imap.FetchItem, src io.ReaderAt, size int64) error {
	off, n := int64(0), size
	if it.Partial != nil {
		o, m := it.Partial.Slice(uint64(size))
		off, n = int64(o), int64(m)
	}
	nul, err := hasNUL(src, off, n)
	if err != nil {
		return err
	}
	r.Enc.ItemName(it)
	r.Enc.Body(src, off, n, nul)
	r.referred = r.referred || n > 0
	return nil
}

func hasNUL(src io.ReaderAt, off, n int64) (bool, error) {
	room := rooms.Get().(*[maxCopied]byte)
	defer rooms.Put(room)
	for n > 0 {
		b := room[:min(n, maxCopied)]
		if _, err := readFull(src, b, off); err != nil {
			return false, err
		}
		if bytes.IndexByte(b, 0) >= 0 {
			return true, nil
		}
		off, n = off+int64(len(b)), n-int64(len(b))
	}
	return false, nil
}

// binarySize prints BINARY.SIZE.
func (r *Row) binarySize(it *imap.FetchItem) error {
	part, ok, err := r.decodable(it.Section)
	if err != nil {
		return err
	}
	var size int64
	if ok {
		size, err = part.DecodedSize()
	} else if m, merr := r.Mime(); merr != nil {
		err = merr
	} else if section, found := m.Section(mime.Section{Path: it.Section.Path}); found {
		size = section.Size()
	}
	if err != nil {
		return err
	}
	r.Enc.ItemName(it)
	r.Enc.Number(uint64(size))
	return nil
}

// unbinary takes a message that has come as a literal8 in whole, before it is
// stored: what IMAP cannot show in BODY[], which are parts with NUL, is put into
// base64. RFC 3516, sections 4.4 and 6.
func (c *Conn) unbinary(m *NewMessage) {
	raw := c.newSpool()
	c.spools = append(c.spools, raw)
	if _, err := m.WriteTo(raw); err != nil {
		return // m keeps it
	}
	nul, err := hasNUL(raw, 0, raw.Size())
	if err == nil && nul {
		raw, err = c.encodeBinary(m, raw)
	}
	if err != nil {
		m.err = err
		return
	}
	m.indexer.Reset(nil)
	m.err, m.came, m.src, m.Size = nil, 0, io.NewSectionReader(raw, 0, raw.Size()), raw.Size()
	m.check = contentCheck{headerOK: m.check.headerOK}
}

// encodeBinary writes a message anew, with base64 for the parts that hold NUL.
func (c *Conn) encodeBinary(m *NewMessage, raw Spool) (Spool, error) {
	message := m.indexer.Finish(raw)
	var edits []mime.Edit
	for part := range message.Parts() {
		if part.Kind() != mime.Leaf {
			continue
		}
		body := part.Raw()
		if nul, err := hasNUL(body, 0, body.Size()); err != nil || !nul {
			if err != nil {
				return nil, err
			}
			continue
		}
		h := part.Header().Clone()
		if err := h.Set("Content-Transfer-Encoding", "base64"); err != nil {
			return nil, errUnknownCTE
		}
		edits = append(edits, mime.Edit{Part: part, Header: h, Body: &base64Reader{src: part.Raw()}})
	}
	out := c.newSpool()
	c.spools = append(c.spools, out)
	if _, err := message.Rewrite(out, edits...); err != nil {
		return nil, err
	}
	nul, err := hasNUL(out, 0, out.Size())
	if err == nil && nul { // in a header, or between parts
		err = errUnknownCTE
	}
	return out, err
}

// base64Reader reads octets as lines of base64.
type base64Reader struct {
	src io.Reader
	out bytes.Buffer
	err error
}

// base64Block is a whole number of lines.
const base64Block = 57 * 256

func (b *base64Reader) Read(p []byte) (int, error) {
	if b.out.Len() == 0 && b.err == nil {
		var block [base64Block]byte
		n, err := io.ReadFull(b.src, block[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		b.err = err
		w := mime.NewEncoder(mime.Base64, &b.out)
		w.Write(block[:n])
		w.Close()
	}
	if b.out.Len() == 0 {
		return 0, b.err
	}
	return b.out.Read(p)
}

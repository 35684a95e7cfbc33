package mime

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// indexVersion is the first octet of a stored index. Another layout has another.
const indexVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendIndex appends the index in the form in which it is stored beside the
// message, 20 to 60 octets a part: a version octet, numbers as varints, mostly
// differences to the record before, and a CRC-32C at the end. Defects are in it
// without their notes.
func (m *Message) AppendIndex(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, indexVersion)
	dst = binary.AppendUvarint(dst, uint64(m.size))
	dst = binary.AppendUvarint(dst, uint64(m.bare))
	dst = binary.AppendUvarint(dst, uint64(len(m.recs)))
	dst = binary.AppendUvarint(dst, uint64(len(m.defects)))
	var last record
	for i := range m.recs {
		dst = appendRecord(dst, &m.recs[i], i, &last)
		last = m.recs[i]
	}
	off := int64(0)
	for _, d := range m.defects {
		dst = append(dst, byte(d.Kind))
		dst = binary.AppendUvarint(dst, uint64(d.Part))
		dst = binary.AppendVarint(dst, d.Offset-off)
		off = d.Offset
	}
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:]))
}

func checksum(index []byte) uint32 { return crc32.Checksum(index, castagnoli) }

func appendRecord(dst []byte, r *record, i int, last *record) []byte {
	dst = append(dst, byte(r.kind)|byte(r.encoding)<<2, byte(r.flags))
	for _, v := range [...]int64{
		int64(i) - int64(r.parent), int64(r.next) - int64(i),
		r.header - last.header, r.body - r.header, r.end - r.body,
		int64(r.typ.from), int64(r.typ.to - r.typ.from), int64(r.cte.from), int64(r.cte.to - r.cte.from),
		r.lines, r.bareBefore - last.bareBefore, r.bareHeader, r.bareBody,
	} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	return dst
}

// LoadIndex makes a Message of a stored index and the source that it belongs to.
// Nothing is read from src yet. Octets that AppendIndex cannot have written are
// ErrIndex: every span lies inside its parent's and inside the message, so that
// a hostile index cannot make a read go astray. So is an index with more levels
// or parts than o allows: parse the message again.
func LoadIndex(index []byte, src io.ReaderAt, o *Options) (*Message, error) {
	n := len(index) - crc32.Size
	if n < 1 || index[0] != indexVersion || binary.BigEndian.Uint32(index[n:]) != checksum(index[:n]) {
		return nil, ErrIndex
	}
	r := indexReader{b: index[1:n]}
	m := &Message{src: src, opt: o.limits()}
	m.size, m.bare = r.uint(), r.uint()
	parts, defects := r.uint(), r.uint()
	// A record has 15 octets at least, a defect three: what is announced must
	// be there before memory is taken for it.
	if r.bad || parts < 1 || parts > int64(min(len(r.b)/15, m.opt.MaxParts)) || defects > int64(len(r.b))/3 || m.bare > m.size {
		return nil, ErrIndex
	}
	m.recs = make([]record, 0, parts)
	for i := range parts {
		m.recs = append(m.recs, r.record(int32(i), m.recs))
		if r.bad || !m.fits(int32(i), int32(parts)) {
			return nil, ErrIndex
		}
		if place(m.recs); int(m.recs[i].depth) > m.opt.MaxDepth {
			return nil, ErrIndex
		}
	}
	r.defects(m, defects)
	if r.bad || len(r.b) != 0 || !m.whole() {
		return nil, ErrIndex
	}
	return m, nil
}

// An indexReader reads numbers until one is bad.
type indexReader struct {
	b   []byte
	bad bool
}

// mostNumber bounds what an index may hold, so that the sum of an offset and
// three lengths does not overflow before it is checked.
const mostNumber = 1 << 60

func (r *indexReader) uint() int64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > mostNumber {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

func (r *indexReader) octet() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// small reads a number that has to fit a span or a place.
func (r *indexReader) small() int32 {
	v := r.uint()
	if v > 1<<31-1 {
		r.bad = true
		return 0
	}
	return int32(v)
}

func (r *indexReader) record(i int32, before []record) record {
	var last record
	if i > 0 {
		last = before[i-1]
	}
	c := r.octet()
	rec := record{kind: Kind(c & 3), encoding: Encoding(c >> 2), flags: recordFlags(r.octet())}
	rec.parent = i - r.small()
	rec.next = i + r.small()
	rec.header = last.header + r.uint()
	rec.body = rec.header + r.uint()
	rec.end = rec.body + r.uint()
	rec.typ.from = r.small()
	rec.typ.to = rec.typ.from + r.small()
	rec.cte.from = r.small()
	rec.cte.to = rec.cte.from + r.small()
	rec.lines = r.uint()
	rec.bareBefore = last.bareBefore + r.uint()
	rec.bareHeader, rec.bareBody = r.uint(), r.uint()
	return rec
}

// fits checks record i, the newest, against those before it.
func (m *Message) fits(i, parts int32) bool {
	r := &m.recs[i]
	header, body := r.body-r.header, r.end-r.body
	switch {
	case r.kind > Embedded || r.encoding > EncodingUnknown || r.flags&^allFlags != 0,
		r.header < 0 || header < 0 || body < 0 || r.end < r.body || r.end > m.size,
		r.next <= i || r.next > parts || r.kind == Leaf && r.next != i+1 || r.kind == Embedded && r.next == i+1,
		!r.typ.fits(header) || !r.cte.fits(header),
		r.lines > body || r.bareHeader > header || r.bareBody > r.lines,
		r.bareBefore > r.header || r.bareBefore+r.bareHeader+r.bareBody > m.bare:
		return false
	case i == 0:
		return r.parent == -1 && r.header == 0 && r.end == m.size && r.next == parts && r.bareBefore == 0 &&
			r.bareHeader+r.bareBody == m.bare
	case r.parent < 0 || r.parent >= i:
		return false
	}
	up := &m.recs[r.parent]
	if up.kind == Leaf || r.next > up.next || r.header < up.body || r.end > up.end {
		return false
	}
	first := r.parent+1 == i
	if up.kind == Embedded && (!first || r.header != up.body || r.end != up.end || r.next != up.next) {
		return false
	}
	if !first {
		// The part before, at the same level, ends where this one starts.
		s := i - 1
		for m.recs[s].parent != r.parent {
			if s = m.recs[s].parent; s <= r.parent {
				return false
			}
		}
		if m.recs[s].next != i || m.recs[s].end > r.header {
			return false
		}
	}
	return true
}

func (s span) fits(header int64) bool {
	return s.from >= 0 && s.from <= s.to && int64(s.to) <= header
}

// whole checks that every subtree ends where it says.
func (m *Message) whole() bool {
	for i := range m.recs {
		r := &m.recs[i]
		if r.next < int32(len(m.recs)) && m.recs[r.next].parent >= int32(i) {
			return false
		}
	}
	return true
}

func (r *indexReader) defects(m *Message, n int64) {
	off := int64(0)
	for range n {
		d := Defect{Kind: DefectKind(r.octet()), Part: int(r.small())}
		v, k := binary.Varint(r.b)
		if k <= 0 {
			r.bad = true
			return
		}
		r.b = r.b[k:]
		off += v
		d.Offset = off
		if d.Kind < DefectMboxLine || d.Kind > DefectMore || d.Part >= len(m.recs) || off < 0 || off > m.size {
			r.bad = true
			return
		}
		m.defects = append(m.defects, d)
	}
}

package mime

import (
	"bytes"

	"github.com/mailwire/mailwire/internal/ascii"
)

// headerScan is what the Indexer knows of the header block that it is in.
type headerScan struct {
	message bool // of a message, not of a body part
	first   bool // no line was read
	ownDone bool // the boundary of this header was looked for
	kept    bool // the current line was added to the value already
	skipped bool // over MaxHeaders

	name [28]byte // the start of the current line
	n    int
	gap  bool // white space after the name
	high bool // octets above 127 in the name
	mark int  // octets of a byte order mark

	junk valueMark // a line that is no field, until the next line decides
	keep keeping
	line int // octets of the value before the current line
	ct   []byte
	cte  []byte
}

// keeping is the value that is being collected.
type keeping uint8

const (
	keepNothing keeping = iota
	keepType
	keepEncoding
)

// A valueMark is the place to which the scan goes back when a line turns out
// to be the first of the body: a position, no octets.
type valueMark struct {
	pending  bool
	off      int64
	lf, bare int64
	value    int
}

const byteOrderMark = "\xef\xbb\xbf"

// nameOctet holds the octets that a field name is made of: above SP, no colon.
var nameOctet = ascii.Range('!', 255).Without(":")

// plainName holds the octets of names that the scan has nothing to say about.
var plainName = ascii.VChar.Without(":")

// plainFields passes whole lines that are fields, or go on one, which the scan
// asks nothing of: most lines of a header. It stops at the first that is not.
func (x *Indexer) plainFields(p []byte, pos int) int {
	h := &x.hdr
	if h.first || h.skipped || h.junk.pending || h.keep != keepNothing {
		return pos
	}
	limit := x.recs[x.cur].header + int64(x.opt.MaxHeader)
	for pos < len(p) && x.lineOff < limit {
		n := pos
		if c := p[pos]; c != ' ' && c != '\t' {
			for n < len(p) && plainName[p[n]] {
				n++
			}
			switch {
			case c == '-' || n == pos || n == len(p) || p[n] != ':',
				n-pos == len("Content-Type"), n-pos == len("Content-Transfer-Encoding"):
				return pos
			}
		}
		end := bytes.IndexByte(p[n:], '\n')
		if end < 0 {
			return pos
		}
		pos = x.endLine(p, n+end)
	}
	return pos
}

// startHeaderLine sorts the line by its first octet.
func (x *Indexer) startHeaderLine(c byte, pos int) int {
	h := &x.hdr
	if h.skipped || x.lineOff-x.recs[x.cur].header >= int64(x.opt.MaxHeader) {
		if !h.skipped {
			x.skipHeader(c == ' ' || c == '\t')
		}
		if c != '\r' && c != '\n' {
			x.line = lineRest
			return pos
		}
	}
	if !h.kept {
		h.line = x.valueLen()
	}
	switch {
	case c == '\r' || c == '\n':
		x.line = lineCR
	case c == ' ' || c == '\t':
		x.fold()
	case h.first && h.message && h.mark == 0 && c == byteOrderMark[0]:
		x.line = lineMark
	default:
		x.startName()
	}
	return pos
}

// skipHeader ends the fields at a line that starts over MaxHeader, as
// Header.parse does, which does not see that line. A field that goes on there
// does not count; a junk line that was cut off belongs to none.
func (x *Indexer) skipHeader(fold bool) {
	h := &x.hdr
	h.skipped = true
	end := x.lineOff
	switch over := end - x.recs[x.cur].header - int64(x.opt.MaxHeader); {
	case h.junk.pending && over > 0:
		end = h.junk.off
		x.dropLine(h.junk.value)
	case fold:
		end++
	}
	x.joinJunk()
	x.endValue(end)
	x.defect(DefectHeaderTooLong, x.cur, x.lineOff, "")
}

func (x *Indexer) startName() {
	h := &x.hdr
	h.n, h.gap, h.high = 0, false, false
	x.line = lineName
}

// fold takes a line that goes on the field before it.
func (x *Indexer) fold() {
	h := &x.hdr
	if h.first {
		x.defect(DefectFirstLineFolded, x.cur, x.lineOff, "")
	}
	h.first = false
	x.joinJunk()
	x.line = lineRest
}

// readMark passes a byte order mark in front of the first line.
func (x *Indexer) readMark(p []byte, pos int) int {
	h := &x.hdr
	for pos < len(p) && h.mark < 3 && p[pos] == byteOrderMark[h.mark] {
		h.mark++
		pos++
	}
	switch {
	case h.mark == 3:
		x.defect(DefectByteOrderMark, x.cur, x.lineOff, "")
		x.lineOff += 3
		x.line = lineStart
	case pos < len(p):
		x.noMark()
	}
	return pos
}

// noMark gives octets that only looked like a byte order mark to the name.
func (x *Indexer) noMark() {
	n := x.hdr.mark
	x.hdr.mark = 3
	x.startName()
	x.readName([]byte(byteOrderMark[:n]), 0, x.lineOff)
}

// skipCR passes the CRs of what may be the empty line.
func (x *Indexer) skipCR(p []byte, pos int) int {
	start := pos
	for ; pos < len(p); pos++ {
		switch p[pos] {
		case '\r':
		case '\n':
			if x.hdr.junk.pending {
				x.cutHeader()
				x.line = lineRest
				return pos
			}
			x.dropLine(x.hdr.line)
			x.endValue(x.lineOff)
			pos = x.endLine(p, pos)
			x.endHeader(x.lineOff, x.lf, x.bare)
			return pos
		default:
			x.noField(nil)
			x.keepLine(p[start:pos])
			return pos
		}
	}
	x.keepLine(p[start:])
	return pos
}

// readName reads the name of a field up to its colon; base is the offset of p[0].
func (x *Indexer) readName(p []byte, pos int, base int64) int {
	h := &x.hdr
	start := pos
	name := h.name[:min(h.n, len(h.name))] // unless all of it is in this write
	if !h.gap {
		any := byte(0)
		for pos < len(p) && nameOctet[p[pos]] {
			any |= p[pos]
			pos++
		}
		h.high = h.high || any > 127
		if h.n == 0 {
			name = p[start:pos]
		} else if h.n < len(h.name) {
			name = h.name[:h.n+copy(h.name[h.n:], p[start:pos])]
		}
		h.n += pos - start
	}
	for pos < len(p) && (p[pos] == ' ' || p[pos] == '\t') {
		h.gap = true
		pos++
	}
	switch {
	case pos == len(p):
		copy(h.name[:], name)
		x.keepLine(p[start:])
	case p[pos] == ':':
		x.startField(name, base+int64(pos)+1)
		return pos + 1
	default:
		x.noField(name)
		x.keepLine(p[start:pos])
	}
	return pos
}

// keepLine collects octets of a line that may turn out to belong to the value
// before it: junk that is joined.
func (x *Indexer) keepLine(p []byte) {
	if !x.hdr.kept && (x.line != lineRest || x.hdr.junk.pending) {
		x.keepValue(p)
	}
}

// startField takes a line that is a field; its value starts at octet off. Of a
// long name there may be only the start.
func (x *Indexer) startField(name []byte, off int64) {
	h := &x.hdr
	x.joinJunk()
	x.dropLine(h.line)
	x.endValue(x.lineOff)
	h.first = false
	x.line = lineRest
	if h.n == 0 || h.high {
		x.defect(DefectBadFieldName, x.cur, x.lineOff, "")
	}
	r := &x.recs[x.cur]
	at := int32(min(off-r.header, 1<<31-1))
	switch {
	case h.n == len("Content-Type") && ascii.EqualFold(name, "Content-Type"):
		x.startValue(keepType, &r.typ, at)
	case h.n == len("Content-Transfer-Encoding") && ascii.EqualFold(name, "Content-Transfer-Encoding"):
		x.startValue(keepEncoding, &r.cte, at)
	}
}

func (x *Indexer) startValue(k keeping, s *span, at int32) {
	if s.to != 0 {
		x.defect(DefectDuplicateField, x.cur, x.lineOff, "")
		return
	}
	x.hdr.keep = k
	*s = span{at, at}
}

// keepValue collects octets of the current line, up to maxValue.
func (x *Indexer) keepValue(p []byte) {
	switch x.hdr.keep {
	case keepType:
		x.hdr.ct = append(x.hdr.ct, p[:min(len(p), maxValue-len(x.hdr.ct))]...)
	case keepEncoding:
		x.hdr.cte = append(x.hdr.cte, p[:min(len(p), maxValue-len(x.hdr.cte))]...)
	}
}

func (x *Indexer) valueLen() int {
	switch x.hdr.keep {
	case keepType:
		return len(x.hdr.ct)
	case keepEncoding:
		return len(x.hdr.cte)
	}
	return 0
}

// dropLine cuts the value to n octets: the lines after it are not part of it.
func (x *Indexer) dropLine(n int) {
	switch x.hdr.keep {
	case keepType:
		x.hdr.ct = x.hdr.ct[:n]
	case keepEncoding:
		x.hdr.cte = x.hdr.cte[:n]
	}
}

// endValue closes the value that is being collected; it ends before octet off.
// A value that is not wholly inside MaxHeader does not count.
func (x *Indexer) endValue(off int64) {
	if x.hdr.keep == keepNothing {
		return
	}
	r, n := &x.recs[x.cur], int32(min(off-x.recs[x.cur].header, 1<<31-1))
	over := int(n) > x.opt.MaxHeader
	switch x.hdr.keep {
	case keepType:
		r.typ.to = n
		if over {
			r.typ, x.hdr.ct = span{}, x.hdr.ct[:0]
		}
	case keepEncoding:
		r.cte.to = n
		if over {
			r.cte, x.hdr.cte = span{}, x.hdr.cte[:0]
		}
	}
	x.hdr.keep = keepNothing
}

// noField takes a line that is no field: an mbox line in front, or junk that
// the next line decides about.
func (x *Indexer) noField(name []byte) {
	h := &x.hdr
	x.line = lineRest
	if h.skipped {
		return
	}
	if h.first && h.message && h.gap && isMboxLine(name) {
		x.defect(DefectMboxLine, x.cur, x.lineOff, "")
		h.first = false
		return
	}
	if h.junk.pending {
		x.cutHeader()
		return
	}
	h.first = false
	h.junk = valueMark{pending: true, off: x.lineOff, lf: x.lf, bare: x.bare, value: h.line}
}

func isMboxLine(name []byte) bool { return string(name) == "From" || string(name) == ">From" }

// joinJunk makes the junk line part of the field before it.
func (x *Indexer) joinJunk() {
	h := &x.hdr
	if !h.junk.pending {
		return
	}
	h.junk.pending = false
	if h.keep == keepType { // the boundary may be another now: it is read at the end
		h.ownDone = true
		if x.bounds.own {
			x.bounds.cut(len(x.bounds.open) - 1)
		}
	}
	x.defect(DefectNoColon, x.cur, h.junk.off, "")
}

// cutHeader ends the header before the junk line, which is body.
func (x *Indexer) cutHeader() {
	j := x.hdr.junk
	x.dropLine(j.value)
	x.endValue(j.off)
	x.defect(DefectHeaderCut, x.cur, j.off, "")
	x.endHeader(j.off, j.lf, j.bare)
	if x.state == inHeader { // an embedded message that starts with junk has no header
		x.endHeader(j.off, j.lf, j.bare)
	}
	x.line = lineRest
}

// ownBoundary reads the boundary of the header that is being read, so that a
// delimiter ends a header that has no empty line. It is read once, when the
// first line with a dash comes after the Content-Type.
func (x *Indexer) ownBoundary() {
	h := &x.hdr
	if h.ownDone || len(h.ct) == 0 || h.skipped {
		return
	}
	h.ownDone = true
	if int(x.recs[x.cur].depth) >= x.opt.MaxDepth || len(x.recs) >= x.opt.MaxParts {
		return
	}
	ct := h.ct
	if h.keep == keepType { // it ends here
		end := x.lineOff
		if h.junk.pending {
			ct, end = ct[:h.junk.value], h.junk.off
		}
		if end-x.recs[x.cur].header > int64(x.opt.MaxHeader) { // and does not count: see endValue
			return
		}
	}
	t := parseType(ct)
	from := len(x.bounds.arena)
	if t.multipart {
		x.bounds.arena = t.appendBoundary(x.bounds.arena)
	}
	if len(x.bounds.arena) > from {
		x.bounds.push(from, x.cur)
		x.bounds.own = true
	}
}

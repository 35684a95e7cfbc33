package mime

import (
	"bytes"
	"io"
	"slices"
)

// An Indexer finds the parts of a message while its octets stream by. It is
// an io.Writer for io.MultiWriter, io.Copy or a protocol's data callback, keeps
// no octet of bodies, and never fails. The zero value is ready.
//
// It is one push scanner:
//
//	          header line              any line                 any line
//	            ┌──┐                     ┌──┐                     ┌──┐
//	            ▼  │  empty line, junk   ▼  │    close delimiter  ▼  │
//	start ──▶ inHeader ─────────────▶  inBody ─────────────▶  inEpilogue
//	            ▲                        │                        │
//	            └──── delimiter of any open multipart ────────────┘
//
// Bodies of leaves, preambles and epilogues are alike: only a delimiter ends
// them. What it does depends on the octets alone, never on where a write ends.
type Indexer struct {
	opt   Options // as limits
	ready bool

	off      int64 // octets before this write
	state    scanState
	line     lineState
	lineOff  int64 // where the current line starts
	eol      int64 // octets of the line end in front of it
	bareEOL  bool  // that line end had no CR
	crs      int64 // CRs at the end of the previous writes
	lf, bare int64 // line ends so far, and those without CR

	recs    []record
	cur     int32 // the part that the current line belongs to
	bounds  boundaries
	full    bool   // MaxParts was reached
	held    []byte // a line that may be a delimiter, while it is incomplete
	match   int    // the boundary that it is, if only white space follows
	orClose int    // the boundary that it closes otherwise
	sawCR   bool   // in the padding: only CR and LF may follow
	hdr     headerScan
	headers int64 // octets of header blocks so far

	firstNUL, firstCR, firstLF int64 // offsets, -1: none
	defects                    []Defect
}

// scanState is what the current line is part of.
type scanState uint8

const (
	inHeader scanState = iota
	inBody
	inEpilogue
)

// lineState is how far the current line is known.
type lineState uint8

const (
	lineStart   lineState = iota // at its first octet
	lineHeld                     // starts with a dash; kept until it is known not to be a delimiter
	linePadding                  // a delimiter if only white space follows
	lineClosing                  // a close delimiter; anything may follow
	lineMark                     // in a byte order mark
	lineCR                       // only CRs so far: the empty line if LF follows
	lineName                     // in the name of a header field
	lineRest                     // only its end matters
)

// Reset makes x ready for another message and keeps its buffers. A nil o means
// the defaults.
func (x *Indexer) Reset(o *Options) {
	*x = Indexer{
		opt: o.limits(), ready: true,
		recs: x.recs[:0], held: x.held[:0], defects: x.defects[:0], bounds: x.bounds,
		hdr:      headerScan{ct: x.hdr.ct[:0], cte: x.hdr.cte[:0]},
		firstNUL: -1, firstCR: -1, firstLF: -1,
	}
	x.bounds.reset()
	x.openPart(-1, 0, 0, 0)
}

// Write scans p and keeps none of it. It returns len(p), nil always.
func (x *Indexer) Write(p []byte) (int, error) {
	if !x.ready {
		x.Reset(nil)
	}
	if len(p) == 0 {
		return 0, nil
	}
	crlf := x.bare - x.lf
	for pos := 0; pos < len(p); {
		switch x.line {
		case lineStart:
			pos = x.startLine(p, pos)
		case lineHeld:
			pos = x.holdLine(p, pos)
		case linePadding:
			pos = x.skipPadding(p, pos)
		case lineClosing:
			pos = x.skipClosing(p, pos)
		case lineMark:
			pos = x.readMark(p, pos)
		case lineCR:
			pos = x.skipCR(p, pos)
		case lineName:
			pos = x.readName(p, pos, x.off)
		case lineRest:
			pos = x.skipLine(p, pos)
		}
	}
	x.findFlaws(p, crlf-(x.bare-x.lf))
	x.off += int64(len(p))
	return len(p), nil
}

// Finish ends the message and returns it. src has to give the octets that were
// written; it may be nil if only the index is wanted, and is not read here. x
// may be used again after Reset.
func (x *Indexer) Finish(src io.ReaderAt) *Message {
	x.finish()
	m := newMessage(x.recs)
	m.src, m.size, m.opt, m.bare = src, x.off, x.opt, x.bare
	m.defects = slices.Clone(x.defects)
	return m
}

// startLine looks at the first octet of a line.
func (x *Indexer) startLine(p []byte, pos int) int {
	if x.state == inHeader {
		if pos = x.plainFields(p, pos); pos == len(p) {
			return pos
		}
	}
	c := p[pos]
	if c == '-' && x.mayDelimit() {
		x.line = lineHeld
		return x.holdLine(p, pos)
	}
	x.line = lineRest
	if x.state == inHeader {
		pos = x.startHeaderLine(c, pos)
		if x.line == lineName {
			pos = x.readName(p, pos, x.off)
		}
	}
	if x.line == lineRest && pos < len(p) { // as Write would go on, but straight
		return x.skipLine(p, pos)
	}
	return pos
}

// skipLine goes to the end of the line, and in bodies on through all lines that
// cannot be delimiters: nearly all octets of a mail pass through this loop.
func (x *Indexer) skipLine(p []byte, pos int) int {
	dashes := len(x.bounds.open) > 0
	uneven := 0 // up to here lines have several lengths
	for {
		i := bytes.IndexByte(p[pos:], '\n')
		if i < 0 {
			x.keepValue(p[pos:])
			return len(p)
		}
		end := pos + i
		if x.state == inHeader {
			x.keepValue(p[pos : end+1])
			return x.endLine(p, end)
		}
		if end+1 == len(p) || dashes && p[end+1] == '-' {
			return x.endLine(p, end)
		}
		x.lf++
		if end == 0 && x.crs == 0 || end > 0 && p[end-1] != '\r' {
			if x.bare == 0 {
				x.firstLF = x.off + int64(end)
			}
			x.bare++
		}
		pos = end + 1
		if next := pos + i; pos < uneven || next >= len(p) || p[next] != '\n' {
			continue
		}
		n, ok := evenLines(p[pos:], i+1)
		if !ok {
			uneven = pos + n*(i+1)
			continue
		}
		x.lf += int64(n)
		pos += n * (i + 1)
	}
}

// evenLines returns how many lines of size octets p starts with, each ended by
// CRLF and followed by an octet that begins no delimiter; ok says that there is
// no other LF in them. Attachments in base64 are such lines: to look only at
// their ends and to count is several times faster than to search for each.
func evenLines(p []byte, size int) (n int, ok bool) {
	if size < 2 {
		return 0, true
	}
	end := size
	for ; end < len(p) && p[end-1] == '\n' && p[end-2] == '\r' && p[end] != '-'; end += size {
		n++
	}
	return n, n == 0 || bytes.Count(p[:end-size], []byte{'\n'}) == n
}

// endLine takes the LF at p[end]. Any run of CR in front belongs to it.
func (x *Indexer) endLine(p []byte, end int) int {
	i := end
	for i > 0 && p[i-1] == '\r' {
		i--
	}
	x.eol = int64(end-i) + 1
	if i == 0 {
		x.eol += x.crs
	}
	x.lf++
	x.bareEOL = x.eol == 1
	if x.bareEOL {
		if x.bare == 0 {
			x.firstLF = x.off + int64(end)
		}
		x.bare++
	}
	x.lineOff = x.off + int64(end) + 1
	x.line = lineStart
	return end + 1
}

// mayDelimit reports whether the line could be a delimiter.
func (x *Indexer) mayDelimit() bool {
	if x.state == inHeader {
		x.ownBoundary()
	}
	return len(x.bounds.open) > 0
}

// holdLine collects the head of a line that starts with a dash, without a copy
// where this write has all of it.
func (x *Indexer) holdLine(p []byte, pos int) int {
	rest := p[pos:]
	want := x.bounds.limit() - len(x.held)
	n := bytes.IndexByte(rest[:min(want, len(rest))], '\n')
	whole := n >= 0
	if !whole {
		n = min(want, len(rest))
	}
	head := rest[:n]
	if len(x.held) > 0 || !whole && n < want {
		x.held = append(x.held, head...)
		head = x.held
		if !whole && n < want && (len(head) < 2 || head[1] == '-') {
			return pos + n
		}
	}
	x.judge(head)
	x.held = x.held[:0]
	return pos + n
}

// judge decides what a line is whose head is known. Its LF is not yet read.
func (x *Indexer) judge(head []byte) {
	x.match, x.orClose = x.bounds.match(head)
	switch {
	case x.match != noBound:
		x.line, x.sawCR = linePadding, head[len(head)-1] == '\r'
		x.hdr.line, x.hdr.kept = x.valueLen(), true
		x.keepValue(head)
	case x.orClose != noBound:
		x.hdr.line = x.valueLen()
		x.closeLine(trimPadding(head[2+len(x.bounds.text(x.orClose))+2:]))
	default:
		x.noDelimiter(head)
	}
}

// noDelimiter gives a held line back to the header or the body.
func (x *Indexer) noDelimiter(head []byte) {
	x.line = lineRest
	if x.state == inHeader {
		x.startHeaderLine(head[0], 0)
		pos := 0
		if x.line == lineName {
			pos = x.readName(head, 0, x.lineOff)
		}
		if !x.hdr.kept {
			x.keepValue(head[pos:])
		}
	}
	x.hdr.kept = false
}

// skipPadding passes the white space behind a delimiter, of any length.
func (x *Indexer) skipPadding(p []byte, pos int) int {
	start := pos
	for ; pos < len(p); pos++ {
		switch c := p[pos]; {
		case c == '\n':
			if x.takeDelimiter() {
				pos = x.endLine(p, pos)
				x.nextPart(x.cur)
			}
			return pos
		case c == '\r':
			x.sawCR = true
		case (c == ' ' || c == '\t') && !x.sawCR:
		default:
			if x.orClose != noBound {
				x.closeLine([]byte{c})
				return pos
			}
			x.keepValue(p[start:pos])
			x.notPadding()
			return pos
		}
	}
	x.keepValue(p[start:])
	return pos
}

// notPadding gives back a line that began like a delimiter and was text after
// all. What was held of it is the delimiter; the value has the padding too.
func (x *Indexer) notPadding() {
	x.held = append(append(x.held[:0], "--"...), x.bounds.text(x.match)...)
	if x.sawCR {
		x.held = append(x.held, '\r')
	}
	x.noDelimiter(x.held)
	x.held = x.held[:0]
}

// takeDelimiter ends parts at the delimiter line, whose line end is still to be
// read. It reports false if there may be no further part: the line is text.
func (x *Indexer) takeDelimiter() bool {
	room := x.opt.MaxParts - len(x.recs)
	if x.state == inHeader { // whose end may open an embedded message
		room--
	}
	if room <= 0 {
		x.notPadding()
		x.tooMany()
		return false
	}
	x.delimit(x.match)
	return true
}

// closeLine ends a multipart at its close delimiter, behind which junk was read.
func (x *Indexer) closeLine(junk []byte) {
	x.delimit(x.orClose)
	x.recs[x.cur].flags |= flagSawDelimiter | flagClosed
	x.bounds.cut(x.orClose)
	x.state = inEpilogue
	x.line = lineClosing
	if len(junk) > 0 {
		x.junkAfterClose()
	}
}

func (x *Indexer) junkAfterClose() {
	x.defect(DefectJunkAfterClose, x.cur, x.lineOff, "")
	x.line = lineRest
}

// skipClosing passes what stands behind a close delimiter.
func (x *Indexer) skipClosing(p []byte, pos int) int {
	for ; pos < len(p); pos++ {
		switch p[pos] {
		case '\n':
			return x.endLine(p, pos)
		case ' ', '\t', '\r':
		default:
			x.junkAfterClose()
			return pos
		}
	}
	return pos
}

// findFlaws looks for the first NUL and the first CR that is in no line end.
// crlf is how many line ends of this write have a CR.
func (x *Indexer) findFlaws(p []byte, crlf int64) {
	if x.firstNUL < 0 && bytes.Count(p, []byte{0}) > 0 { // to count is faster than to search
		x.firstNUL = x.off + int64(bytes.IndexByte(p, 0))
	}
	if x.firstCR < 0 && (x.crs > 0 || int64(bytes.Count(p, []byte{'\r'})) != crlf) {
		x.findBareCR(p)
	}
	i := len(p)
	for i > 0 && p[i-1] == '\r' {
		i--
	}
	if i > 0 {
		x.crs = 0
	}
	x.crs += int64(len(p) - i)
}

func (x *Indexer) findBareCR(p []byte) {
	if x.crs > 0 && p[0] != '\r' && p[0] != '\n' {
		x.firstCR = x.off - 1
		return
	}
	for i := 0; ; i++ {
		n := bytes.IndexByte(p[i:], '\r')
		if n < 0 {
			return
		}
		for i += n; i+1 < len(p) && p[i+1] == '\r'; i++ {
		}
		if i+1 < len(p) && p[i+1] != '\n' {
			x.firstCR = x.off + int64(i)
			return
		}
	}
}

func (x *Indexer) defect(k DefectKind, part int32, off int64, note string) {
	x.defects = addDefect(x.defects, x.opt.MaxDefects, Defect{Kind: k, Part: int(part), Offset: off, Note: note})
}

package mime

// openPart starts a record with its header at octet off, in front of which bare
// line ends have no CR.
func (x *Indexer) openPart(parent int32, off, bare int64, flags recordFlags) {
	message := parent < 0 || x.recs[parent].kind == Embedded
	x.cur = int32(len(x.recs))
	x.recs = append(x.recs, record{parent: parent, header: off, flags: flags, bareBefore: bare})
	place(x.recs)
	x.hdr = headerScan{message: message, first: true, ct: x.hdr.ct[:0], cte: x.hdr.cte[:0]}
	if x.headers >= int64(x.opt.MaxHeaders) {
		x.hdr.skipped = true
		x.recs[x.cur].flags |= flagSkipped
		x.defect(DefectHeaderTooLong, x.cur, off, "")
	}
	x.state, x.line = inHeader, lineStart
}

// nextPart starts a part of the multipart after a delimiter line.
func (x *Indexer) nextPart(parent int32) {
	up := &x.recs[parent]
	up.flags |= flagSawDelimiter
	x.openPart(parent, x.lineOff, x.bare, up.flags&flagDigest)
}

// endHeader decides what the part is. The body starts at octet at, where lf
// and bare line ends have been read.
func (x *Indexer) endHeader(at, lf, bare int64) {
	if x.bounds.own { // pushed again if this is a multipart
		x.bounds.cut(len(x.bounds.open) - 1)
	}
	r := &x.recs[x.cur]
	r.body, r.lines, r.bareHeader = at, lf, bare-r.bareBefore
	x.headers += at - r.header
	x.state = inBody
	if r.cte.to != 0 {
		var known bool
		if r.encoding, known = parseEncoding(x.hdr.cte); !known {
			x.defect(DefectUnknownEncoding, x.cur, r.header+int64(r.cte.from), note(x.hdr.cte))
		}
	}
	t := typeFacts{message: r.flags&flagDigest != 0}
	if r.typ.to != 0 {
		t = parseType(x.hdr.ct)
	}
	switch {
	case t.multipart:
		x.startMultipart(t)
	case t.message && !r.encoding.transforms(): // else Part.Message opens it
		x.startEmbedded(at, bare)
	}
}

func (x *Indexer) startMultipart(t typeFacts) {
	r := &x.recs[x.cur]
	if r.encoding.transforms() {
		x.defect(DefectEncodedMultipart, x.cur, r.header+int64(r.cte.from), "")
		r.encoding = SevenBit
	}
	if !x.mayNest() {
		return
	}
	from := len(x.bounds.arena)
	x.bounds.arena = t.appendBoundary(x.bounds.arena)
	if len(x.bounds.arena) == from {
		x.defect(DefectNoBoundary, x.cur, r.header+int64(r.typ.from), "")
		r.flags |= flagPlain
		return
	}
	r.kind = Multipart
	if t.digest {
		r.flags |= flagDigest
	} else {
		r.flags &^= flagDigest
	}
	x.bounds.push(from, x.cur)
}

func (x *Indexer) startEmbedded(at, bare int64) {
	if x.mayNest() {
		x.recs[x.cur].kind = Embedded
		x.openPart(x.cur, at, bare, 0)
	}
}

// mayNest reports whether the part may have parts. Over a limit it is a leaf.
func (x *Indexer) mayNest() bool {
	r := &x.recs[x.cur]
	switch {
	case int(r.depth) >= x.opt.MaxDepth:
		x.defect(DefectTooDeep, x.cur, r.header, "")
	case len(x.recs) >= x.opt.MaxParts:
		x.tooMany()
	default:
		return true
	}
	r.flags |= flagOpaque
	return false
}

// tooMany leaves the rest of the message in the part that is open.
func (x *Indexer) tooMany() {
	x.defect(DefectTooManyParts, x.cur, x.lineOff, "")
	x.bounds.cut(0)
	x.full = true
}

// delimit ends, at the line that starts at lineOff, all that is open inside the
// multipart of boundary i. RFC 2046, section 5.1.2: a delimiter of an outer
// multipart ends inner ones too.
func (x *Indexer) delimit(i int) {
	rec := x.bounds.open[i].rec
	if x.state == inHeader {
		x.dropLine(x.hdr.line)
		x.stopHeader(x.lineOff)
	}
	x.closeParts(rec, x.lineOff-x.eol)
	x.bounds.cut(i + 1)
	x.cur = rec
}

// stopHeader ends the header that runs into a delimiter or the end of input.
func (x *Indexer) stopHeader(at int64) {
	if x.hdr.junk.pending {
		x.cutHeader()
		return
	}
	x.endValue(at)
	x.endHeader(at, x.lf, x.bare)
	if x.state == inHeader { // of an embedded message, which has none
		x.endHeader(at, x.lf, x.bare)
	}
}

// closeParts ends the current part and those around it, up to but not
// including rec. They end at octet at, before the line end that belongs to the
// delimiter, but not before their bodies and what is in them.
func (x *Indexer) closeParts(rec int32, at int64) {
	for i := x.cur; i != rec; i = x.recs[i].parent {
		r := &x.recs[i]
		at = max(at, r.body)
		r.end, r.next = at, int32(len(x.recs))
		lf, bare := x.lf, x.bare
		if at < x.lineOff && at == x.lineOff-x.eol {
			lf--
			if x.bareEOL {
				bare--
			}
		}
		r.lines = lf - r.lines
		r.bareBody = bare - r.bareBefore - r.bareHeader
		if r.kind == Multipart {
			x.closeMultipart(i)
		}
	}
}

// closeMultipart looks at a multipart that ends without its close delimiter.
func (x *Indexer) closeMultipart(i int32) {
	r := &x.recs[i]
	switch {
	case r.flags&flagSawDelimiter == 0:
		x.defect(DefectNoDelimiter, i, r.header+int64(r.typ.from), "")
		r.kind = Leaf
		r.flags |= flagPlain
	case r.flags&flagClosed == 0 && !x.full:
		x.defect(DefectNoClose, i, r.header, "")
	}
}

// finish ends the last line and all that is open.
func (x *Indexer) finish() {
	if !x.ready {
		x.Reset(nil)
	}
	if x.crs > 0 && x.firstCR < 0 {
		x.firstCR = x.off - 1
	}
	if x.line == lineHeld {
		x.judge(x.held)
	}
	if x.line == linePadding && x.takeDelimiter() {
		x.lineOff, x.eol = x.off, 0
		x.nextPart(x.cur)
	}
	if x.state == inHeader {
		if x.line == lineMark {
			x.noMark()
		}
		if x.line == lineName || x.line == lineCR {
			x.noField(x.hdr.name[:min(x.hdr.n, len(x.hdr.name))])
		}
	}
	if x.state == inHeader {
		x.stopHeader(x.off)
	}
	x.lineOff, x.eol = x.off, 0
	x.closeParts(-1, x.off)
	x.reportFlaws()
}

// reportFlaws adds the defects that are found once, wherever they are.
func (x *Indexer) reportFlaws() {
	if x.bare == x.lf { // not mixed
		x.firstLF = -1
	}
	for _, f := range []struct {
		kind DefectKind
		off  int64
	}{{DefectNUL, x.firstNUL}, {DefectBareCR, x.firstCR}, {DefectBareLF, x.firstLF}} {
		if f.off >= 0 {
			x.defect(f.kind, partAt(x.recs, f.off), f.off, "")
		}
	}
}

// partAt returns the innermost part that octet off lies in.
func partAt(recs []record, off int64) int32 {
	for i := len(recs) - 1; i > 0; i-- {
		if r := &recs[i]; r.header <= off && off < r.end {
			return int32(i)
		}
	}
	return 0
}

package inflate

// state is what comes next in the stream.
type state uint8

const (
	blockHeader state = iota
	storedLength
	storedOctets
	dynamicCounts
	dynamicOrder
	dynamicCodes
	symbols
)

// run goes on as far as the octets and the window allow, or to the end.
func (f *Reader) run() {
	for f.w < len(f.window) && f.step() {
	}
}

// step returns false if it needs more octets, has failed, or is at the end.
func (f *Reader) step() bool {
	switch f.state {
	case blockHeader:
		return f.header()
	case storedLength:
		return f.storedHeader()
	case storedOctets:
		return f.copyStored()
	case dynamicCounts:
		return f.counts()
	case dynamicOrder:
		return f.order()
	case dynamicCodes:
		return f.codes()
	}
	return f.symbol()
}

// header begins a block. RFC 1951, section 3.2.3.
func (f *Reader) header() bool {
	if f.last {
		f.over = true
		return false
	}
	if !f.need(3) {
		return false
	}
	f.last = f.get(1) == 1
	switch f.get(2) {
	case 0:
		f.get(f.nbits % 8)
		f.state = storedLength
	case 1:
		f.lit, f.dist = &fixedLit, &fixedDist
		f.state = symbols
	case 2:
		f.state = dynamicCounts
	default:
		return f.fail()
	}
	return true
}

// storedHeader: RFC 1951, section 3.2.4.
func (f *Reader) storedHeader() bool {
	if !f.need(32) {
		return false
	}
	n, c := f.get(16), f.get(16)
	if n != ^c&0xFFFF {
		return f.fail()
	}
	f.stored, f.state = int(n), storedOctets
	return true
}

func (f *Reader) copyStored() bool {
	for f.stored > 0 && f.nbits > 0 && f.w < len(f.window) {
		f.window[f.w] = byte(f.get(8))
		f.w++
		f.stored--
	}
	if f.stored > 0 && f.w < len(f.window) {
		n := min(f.stored, f.n-f.pos, len(f.window)-f.w)
		if n == 0 {
			return false
		}
		copy(f.window[f.w:], f.in[f.pos:f.pos+n])
		f.pos, f.w, f.stored = f.pos+n, f.w+n, f.stored-n
	}
	if f.stored == 0 {
		f.state = blockHeader
	}
	return true
}

// dynamic is a table of codes that is being read. RFC 1951, section 3.2.7.
type dynamic struct {
	nlit, ndist, ncode int
	done               int
	code               huffman // of the lengths
	lengths            [288 + 32]uint8
	lit, dist          huffman
}

var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (f *Reader) counts() bool {
	if !f.need(14) {
		return false
	}
	d := &f.dynamic
	d.done, d.lengths = 0, [len(d.lengths)]uint8{}
	d.nlit, d.ndist, d.ncode = int(f.get(5))+257, int(f.get(5))+1, int(f.get(4))+4
	if d.nlit > 286 || d.ndist > 30 {
		return f.fail()
	}
	f.state = dynamicOrder
	return true
}

func (f *Reader) order() bool {
	d := &f.dynamic
	for ; d.done < d.ncode; d.done++ {
		if !f.need(3) {
			return false
		}
		d.lengths[codeOrder[d.done]] = uint8(f.get(3))
	}
	if !d.code.build(d.lengths[:19]) {
		return f.fail()
	}
	d.done, d.lengths = 0, [len(d.lengths)]uint8{}
	f.state = dynamicCodes
	return true
}

func (f *Reader) codes() bool {
	d := &f.dynamic
	for d.done < d.nlit+d.ndist {
		f.need(14) // as far as there are so many
		sym, used, ok := d.code.decode(f.bits, f.nbits)
		switch {
		case !ok && f.nbits >= 7:
			return f.fail()
		case !ok:
			return false
		case sym < 16:
			f.get(used)
			d.lengths[d.done] = uint8(sym)
			d.done++
			continue
		}
		extra := [3]uint{2, 3, 7}[sym-16]
		if f.nbits < used+extra {
			return false
		}
		f.get(used)
		times := [3]int{3, 3, 11}[sym-16] + int(f.get(extra))
		value := uint8(0)
		if sym == 16 {
			if d.done == 0 {
				return f.fail()
			}
			value = d.lengths[d.done-1]
		}
		if d.done+times > d.nlit+d.ndist {
			return f.fail()
		}
		for range times {
			d.lengths[d.done] = value
			d.done++
		}
	}
	if d.lengths[256] == 0 || !d.lit.build(d.lengths[:d.nlit]) || !d.dist.build(d.lengths[d.nlit:d.nlit+d.ndist]) {
		return f.fail()
	}
	f.lit, f.dist, f.state = &d.lit, &d.dist, symbols
	return true
}

// Lengths and distances: RFC 1951, section 3.2.5.
var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// symbol takes one literal or match. A match needs at most 48 bits, and is taken
// only when all of them are there.
func (f *Reader) symbol() bool {
	if f.copyLen > 0 {
		f.copyMatch()
		return true
	}
	f.need(48) // as far as there are so many
	sym, used, ok := f.lit.decode(f.bits, f.nbits)
	switch {
	case !ok && f.nbits >= 15:
		return f.fail()
	case !ok:
		return false
	case sym < 256:
		f.get(used)
		f.window[f.w] = byte(sym)
		f.w++
		return true
	case sym == 256:
		f.get(used)
		f.state = blockHeader
		return true
	case sym > 285:
		return f.fail()
	}
	return f.match(int(sym)-257, used)
}

func (f *Reader) match(l int, used uint) bool {
	bits, nbits := f.bits, f.nbits // given back unless all is there
	restore := func() bool {
		f.bits, f.nbits = bits, nbits
		return false
	}
	f.get(used)
	if f.nbits < uint(lengthExtra[l]) {
		return restore()
	}
	length := int(lengthBase[l]) + int(f.get(uint(lengthExtra[l])))
	sym, used, ok := f.dist.decode(f.bits, f.nbits)
	switch {
	case !ok && f.nbits >= 15, ok && sym > 29:
		return f.fail()
	case !ok:
		return restore()
	}
	f.get(used)
	if f.nbits < uint(distExtra[sym]) {
		return restore()
	}
	dist := int(distBase[sym]) + int(f.get(uint(distExtra[sym])))
	if dist > f.w && !f.full {
		return f.fail()
	}
	f.copyLen, f.copyDist = length, dist
	return true
}

// copyMatch copies what the window has room for.
func (f *Reader) copyMatch() {
	for f.copyLen > 0 && f.w < len(f.window) {
		f.window[f.w] = f.window[(f.w-f.copyDist)&(len(f.window)-1)]
		f.w++
		f.copyLen--
	}
}

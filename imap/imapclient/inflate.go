package imapclient

import (
	"errors"
	"io"
	"math/bits"
)

var errInflate = errors.New("imapclient: broken deflate stream")

// An inflater reads a raw deflate stream: RFC 1951. Unlike compress/flate it
// gives all that can be known of the octets that have come before it waits for
// more: a server that flushes partially ends its answer in the middle of an octet,
// and waits for the next command. RFC 4978, section 4. imapserver has the same.
//
// It is a machine that is fed octets and stops wherever they end: every read of
// bits may run out, and the step is taken again from where it began when more
// are there.
type inflater struct {
	src    io.Reader
	in     [512]byte
	pos, n int   // in[pos:n] is not used yet
	srcErr error // comes when in is used up
	err    error

	bits  uint64
	nbits uint

	window [1 << 15]byte
	w      int    // where the next octet goes
	out    []byte // of window: not read yet
	full   bool   // the window has been filled once

	state     inflateState
	last      bool // the block is the final one
	over      bool // it has ended
	stored    int  // octets that a stored block still has
	copyLen   int  // octets that a match still has
	copyDist  int
	lit, dist huffman
	dynamic   dynamic
}

// inflateState is what comes next in the stream.
type inflateState uint8

const (
	blockHeader inflateState = iota
	storedLength
	storedOctets
	dynamicCounts
	dynamicOrder
	dynamicCodes
	symbols
)

// newInflater returns an inflater that has read nothing yet.
func newInflater(src io.Reader) *inflater { return &inflater{src: src} }

// Read gives octets as soon as there are any.
func (f *inflater) Read(p []byte) (int, error) {
	for {
		switch {
		case len(f.out) > 0:
			n := copy(p, f.out)
			f.out = f.out[n:]
			return n, nil
		case f.err != nil:
			return 0, f.err
		case f.over: // a server does not end its stream while it goes on
			return 0, errInflate
		}
		start := f.w
		if !f.run() && f.w == start && f.err == nil && !f.over {
			f.fill()
		}
		f.out = f.window[start:f.w]
		if f.w == len(f.window) {
			f.w, f.full = 0, true
		}
	}
}

// fill reads more. Only here is waited.
func (f *inflater) fill() {
	if f.srcErr == nil {
		f.pos = 0
		f.n, f.srcErr = f.src.Read(f.in[:])
		if f.n > 0 {
			return
		}
		if f.srcErr == nil {
			f.srcErr = io.ErrNoProgress
		}
	}
	f.err = f.srcErr
}

// need sees to it that n bits are there, of at most 48.
func (f *inflater) need(n uint) bool {
	for f.nbits < n {
		if f.pos == f.n {
			return false
		}
		f.bits |= uint64(f.in[f.pos]) << f.nbits
		f.nbits += 8
		f.pos++
	}
	return true
}

// get takes n bits that are there.
func (f *inflater) get(n uint) uint {
	v := uint(f.bits & (1<<n - 1))
	f.bits >>= n
	f.nbits -= n
	return v
}

func (f *inflater) fail() bool {
	f.err = errInflate
	return false
}

// run goes on as far as the octets and the window allow. It returns false if it
// needs more octets, has failed, or is at the end.
func (f *inflater) run() bool {
	for f.w < len(f.window) {
		if !f.step() {
			return false
		}
	}
	return true
}

func (f *inflater) step() bool {
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
func (f *inflater) header() bool {
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
		f.lit, f.dist = fixedLit, fixedDist
		f.state = symbols
	case 2:
		f.state = dynamicCounts
	default:
		return f.fail()
	}
	return true
}

// storedHeader: RFC 1951, section 3.2.4.
func (f *inflater) storedHeader() bool {
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

func (f *inflater) copyStored() bool {
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
}

var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (f *inflater) counts() bool {
	if !f.need(14) {
		return false
	}
	d := &f.dynamic
	*d = dynamic{}
	d.nlit, d.ndist, d.ncode = int(f.get(5))+257, int(f.get(5))+1, int(f.get(4))+4
	if d.nlit > 286 || d.ndist > 30 {
		return f.fail()
	}
	f.state = dynamicOrder
	return true
}

func (f *inflater) order() bool {
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

func (f *inflater) codes() bool {
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
	if d.lengths[256] == 0 || !f.lit.build(d.lengths[:d.nlit]) || !f.dist.build(d.lengths[d.nlit:d.nlit+d.ndist]) {
		return f.fail()
	}
	f.state = symbols
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
func (f *inflater) symbol() bool {
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

func (f *inflater) match(l int, used uint) bool {
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
func (f *inflater) copyMatch() {
	for f.copyLen > 0 && f.w < len(f.window) {
		f.window[f.w] = f.window[(f.w-f.copyDist)&(len(f.window)-1)]
		f.w++
		f.copyLen--
	}
}

// A huffman is a canonical code: how many codes there are of each length, and
// the symbols in the order of their codes. RFC 1951, section 3.2.2.
type huffman struct {
	count  [16]uint16
	symbol [288]uint16
	fast   [512]uint16 // by the next nine bits: symbol and length, 0 for longer codes
}

// build returns false for lengths that are no code. One that is not complete is
// allowed: RFC 1951, section 3.2.7, has it for a single distance.
func (h *huffman) build(lengths []uint8) bool {
	*h = huffman{}
	for _, l := range lengths {
		h.count[l]++
	}
	h.count[0] = 0
	var next, offset [16]uint16
	left := 1
	for l := 1; l < 16; l++ {
		if left = left<<1 - int(h.count[l]); left < 0 {
			return false
		}
		next[l] = (next[l-1] + h.count[l-1]) << 1
		offset[l] = offset[l-1] + h.count[l-1]
	}
	for sym, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbol[offset[l]] = uint16(sym)
		offset[l]++
		if l <= 9 {
			code := bits.Reverse16(next[l]) >> (16 - l)
			for i := int(code); i < len(h.fast); i += 1 << l {
				h.fast[i] = uint16(sym)<<4 | uint16(l)
			}
		}
		next[l]++
	}
	return true
}

// decode returns the symbol that n bits begin with, and its length. false: there
// is none, or more bits are needed.
func (h *huffman) decode(b uint64, n uint) (sym uint, used uint, ok bool) {
	if e := h.fast[b&511]; e != 0 {
		sym, used = uint(e>>4), uint(e&15)
		return sym, used, used <= n
	}
	code, first, index := 0, 0, 0
	for l := uint(1); l < 16 && l <= n; l++ {
		code |= int(b & 1)
		b >>= 1
		count := int(h.count[l])
		if code-count < first {
			return uint(h.symbol[index+code-first]), l, true
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0, false
}

// The fixed codes: RFC 1951, section 3.2.6.
var fixedLit, fixedDist = func() (lit, dist huffman) {
	var l [288]uint8
	for i := range l {
		switch {
		case i < 144, i > 279:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	lit.build(l[:])
	var d [30]uint8
	for i := range d {
		d[i] = 5
	}
	dist.build(d[:])
	return lit, dist
}()

package inflate

import "math/bits"

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

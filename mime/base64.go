package mime

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64Value maps the alphabet of RFC 2045, section 6.8 to its values, all else
// to 255.
var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range len(base64Alphabet) {
		t[base64Alphabet[i]] = byte(i)
	}
	return
}()

// base64Filter decodes base64 of the wild and cannot fail. Octets outside the
// alphabet are skipped. After padding the rest of the line is dropped; a next
// line of the alphabet alone resumes, any other ends the content: mailing
// lists put their footers there.
type base64Filter struct {
	bits  uint32
	n     int // bits that wait: 0, 6, 12 or 18
	state base64State
	line  []byte // after padding: the line that may resume
	bad   bool
}

type base64State uint8

const (
	base64Data    base64State = iota
	base64Padding             // behind padding, up to the line end
	base64Resume              // in the line after it
	base64Done
)

// mostResume bounds the line that is kept to see whether it resumes.
const mostResume = 1024

func (f *base64Filter) apply(dst, src []byte, eof bool) []byte {
	for len(src) > 0 {
		switch f.state {
		case base64Data:
			dst, src = f.data(dst, src)
		case base64Padding:
			src = f.padding(src)
		case base64Resume:
			dst, src = f.resume(dst, src, false)
		case base64Done:
			src = nil
		}
	}
	if eof {
		if f.state == base64Resume {
			dst, _ = f.resume(dst, nil, true)
		}
		if f.state == base64Data {
			if f.n != 0 { // the short last group has given what it holds
				f.bad = true
			}
			f.bits, f.n = 0, 0
		}
	}
	return dst
}

// data decodes whole lines flat and goes octet by octet where that fails.
func (f *base64Filter) data(dst, src []byte) ([]byte, []byte) {
	for len(src) > 0 {
		lf := bytes.IndexByte(src, '\n')
		if lf < 0 {
			lf = len(src)
		}
		line := src[:lf]
		if k := len(line); k > 0 && line[k-1] == '\r' {
			line = line[:k-1]
		}
		if f.n == 0 && len(line)%4 == 0 {
			n := 0
			if dst, n = appendQuads(dst, line); n == len(line) {
				src = src[min(lf+1, len(src)):]
				continue
			}
			src, lf = src[n:], lf-n // the careful path has the rest
		}
		end := min(lf+1, len(src))
		var n int
		dst, n = f.octets(dst, src[:end])
		src = src[n:]
		if f.state != base64Data {
			break
		}
	}
	return dst, src
}

// base64Quad holds the value of an octet at each place of a group of four. What
// is not of the alphabet has the highest bit.
var base64Quad = func() (t [4][256]uint32) {
	for i := range t {
		for c := range t[i] {
			if t[i][c] = 1 << 31; base64Value[c] < 64 {
				t[i][c] = uint32(base64Value[c]) << (18 - 6*i)
			}
		}
	}
	return
}()

// appendQuads decodes groups of four, two at a time, as long as they are of the
// alphabet, and returns how many octets of src that were.
func appendQuads(dst, src []byte) ([]byte, int) {
	from := len(dst)
	out := slices.Grow(dst, len(src)/4*3+8)[:from+len(src)/4*3+8]
	i, o := 0, from
	for ; i+8 <= len(src); i, o = i+8, o+6 {
		s := src[i : i+8 : i+8]
		a := base64Quad[0][s[0]] | base64Quad[1][s[1]] | base64Quad[2][s[2]] | base64Quad[3][s[3]]
		b := base64Quad[0][s[4]] | base64Quad[1][s[5]] | base64Quad[2][s[6]] | base64Quad[3][s[7]]
		if (a|b)>>31 != 0 {
			return out[:o], i
		}
		binary.BigEndian.PutUint64(out[o:], uint64(a)<<40|uint64(b)<<16)
	}
	if i < len(src) {
		a := base64Quad[0][src[i]] | base64Quad[1][src[i+1]] | base64Quad[2][src[i+2]] | base64Quad[3][src[i+3]]
		if a>>31 == 0 {
			binary.BigEndian.PutUint32(out[o:], a<<8)
			i, o = i+4, o+3
		}
	}
	return out[:o], i
}

// octets decodes until padding and returns how many octets it took.
func (f *base64Filter) octets(dst, src []byte) ([]byte, int) {
	for i, c := range src {
		v := base64Value[c]
		switch {
		case v < 64:
			f.bits, f.n = f.bits<<6|uint32(v), f.n+6
			if f.n >= 8 {
				f.n -= 8
				dst = append(dst, byte(f.bits>>f.n))
			}
			if f.n == 0 {
				f.bits = 0
			}
		case c == '=':
			if f.n == 0 || f.n == 6 {
				f.bad = true // surplus, or a group of one
			}
			f.bits, f.n, f.state = 0, 0, base64Padding
			return dst, i + 1
		case !isSpace(c):
			f.bad = true
		}
	}
	return dst, len(src)
}

func (f *base64Filter) padding(src []byte) []byte {
	line, rest, whole := bytes.Cut(src, []byte{'\n'})
	for _, c := range line {
		f.bad = f.bad || c != '=' && !isSpace(c)
	}
	if whole {
		f.state, f.line = base64Resume, f.line[:0]
	}
	return rest
}

// resume looks at the line after padding, which has to be whole to be decided.
// Empty lines are passed.
func (f *base64Filter) resume(dst, src []byte, eof bool) ([]byte, []byte) {
	lf := bytes.IndexByte(src, '\n')
	n := lf
	if lf < 0 {
		n = len(src)
	}
	f.line = append(f.line, src[:min(n, mostResume+1-len(f.line))]...)
	if lf < 0 && !eof && len(f.line) <= mostResume {
		return dst, nil
	}
	line := f.line
	for len(line) > 0 && isSpace(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	switch {
	case len(line) == 0:
		f.line = f.line[:0]
		if lf < 0 {
			return dst, nil
		}
		return dst, src[lf+1:]
	case len(f.line) > mostResume || !isBase64Line(line):
		f.state, f.bad = base64Done, true
		return dst, nil
	}
	f.bad = true // content goes on behind padding
	f.state = base64Data
	rest := src[min(n+1, len(src)):]
	var k int
	if dst, k = f.octets(dst, line); f.state == base64Padding && k <= len(line) && lf >= 0 {
		f.state, f.line = base64Resume, f.line[:0]
	}
	return dst, rest
}

// isBase64Line reports whether a line holds only the alphabet, and padding at
// its end.
func isBase64Line(line []byte) bool {
	n := len(line)
	for n > 0 && line[n-1] == '=' {
		n--
	}
	for _, c := range line[:n] {
		if base64Value[c] > 63 {
			return false
		}
	}
	return n > 0
}

func (f *base64Filter) defect() DefectKind {
	if f.bad {
		return DefectBadBase64
	}
	return 0
}

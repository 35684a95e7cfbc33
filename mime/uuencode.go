package mime

import "bytes"

// uuFilter decodes uuencode: the lines between "begin" and "end". Text around
// them is no content.
type uuFilter struct {
	state uuState
	line  []byte
}

type uuState uint8

const (
	uuBefore uuState = iota
	uuData
	uuAfter
)

// mostUULine is more than the longest line that carries data: 1+84 octets.
const mostUULine = 256

func (f *uuFilter) apply(dst, src []byte, eof bool) []byte {
	for len(src) > 0 && f.state != uuAfter {
		lf := bytes.IndexByte(src, '\n')
		n := lf
		if lf < 0 {
			n = len(src)
		}
		f.line = append(f.line, src[:min(n, mostUULine-len(f.line))]...)
		src = src[n:]
		if lf >= 0 {
			src = src[1:]
			dst = f.take(dst)
		}
	}
	if eof && len(f.line) > 0 {
		dst = f.take(dst)
	}
	return dst
}

func (f *uuFilter) take(dst []byte) []byte {
	line := f.line[:trimmed(f.line)]
	whole := bytes.TrimRight(f.line, "\r") // spaces are data: zero bits
	f.line = f.line[:0]
	switch {
	case f.state == uuBefore:
		if bytes.HasPrefix(line, []byte("begin ")) {
			f.state = uuData
		}
	case string(line) == "end":
		f.state = uuAfter
	case f.state == uuData && len(whole) > 0:
		return uuLine(dst, whole)
	}
	return dst
}

// uuLine decodes one line: a count, then groups of four for three octets.
// Trailing spaces that were lost in transit count as spaces.
func uuLine(dst, line []byte) []byte {
	n := int(line[0]-' ') & 63
	at := func(i int) byte {
		if i < len(line) {
			return (line[i] - ' ') & 63
		}
		return 0
	}
	for i := 1; n > 0; i += 4 {
		a, b, c, d := at(i), at(i+1), at(i+2), at(i+3)
		group := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | d}
		dst = append(dst, group[:min(n, 3)]...)
		n -= 3
	}
	return dst
}

func (f *uuFilter) defect() DefectKind { return 0 }

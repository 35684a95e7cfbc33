package mime

import "bytes"

// mostPadding bounds the white space that is kept until it is known whether a
// line end follows. More of it is content.
const mostPadding = 1 << 20

// qpFilter decodes quoted-printable of the wild and cannot fail: RFC 2045,
// section 6.7. White space before a line end goes, "=" white space line end is a
// soft break, "=" without two hex digits stays, and so do raw octets of any kind.
type qpFilter struct {
	carry []byte // the end of the input so far, that the rest decides about
	bad   bool
}

func (f *qpFilter) apply(dst, src []byte, eof bool) []byte {
	if len(f.carry) > 0 { // complete the line first, to copy no more than that
		n := bytes.IndexByte(src, '\n') + 1
		if n == 0 {
			n = len(src)
		}
		f.carry = append(f.carry, src[:n]...)
		if src = src[n:]; len(src) == 0 {
			return f.block(dst, f.carry, eof)
		}
		dst = f.block(dst, f.carry, false)
	}
	return f.block(dst, src, eof)
}

// block decodes what is decided; the rest waits in carry.
func (f *qpFilter) block(dst, src []byte, eof bool) []byte {
	for {
		lf := bytes.IndexByte(src, '\n')
		if lf < 0 {
			break
		}
		line := src[:lf]
		e := len(line)
		for e > 0 && line[e-1] == '\r' {
			e--
		}
		t := trimmed(line[:e])
		if t > 0 && line[t-1] == '=' {
			dst = f.decode(dst, line[:t-1])
		} else {
			dst = append(f.decode(dst, line[:t]), src[e:lf+1]...)
		}
		src = src[lf+1:]
	}
	t := trimmed(src)
	if !eof && len(src)-t > mostPadding {
		t = len(src)
	}
	switch {
	case eof:
		if t > 0 && src[t-1] == '=' {
			t--
		}
		dst = f.decode(dst, src[:t])
		f.carry = nil
		return dst
	case t > 0 && src[t-1] == '=':
		t--
	case t == len(src) && t > 1 && src[t-2] == '=':
		t -= 2
	}
	dst = f.decode(dst, src[:t])
	f.carry = append(f.carry[:0], src[t:]...)
	return dst
}

// trimmed returns the length of b without white space and CRs at its end.
func trimmed(b []byte) int {
	n := len(b)
	for n > 0 && (b[n-1] == ' ' || b[n-1] == '\t' || b[n-1] == '\r') {
		n--
	}
	return n
}

// decode appends a stretch that has no line end and no incomplete escape.
func (f *qpFilter) decode(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '=')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		// Escapes come in groups: letters beyond ASCII have two and more.
		for s = s[i:]; len(s) > 0 && s[0] == '='; {
			if len(s) > 2 {
				if v, ok := hexOctet(s[1], s[2]); ok {
					dst = append(dst, v)
					s = s[3:]
					continue
				}
			}
			f.bad = true
			dst = append(dst, '=')
			s = s[1:]
		}
	}
}

func (f *qpFilter) defect() DefectKind {
	if f.bad {
		return DefectBadQP
	}
	return 0
}

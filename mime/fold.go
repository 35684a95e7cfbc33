package mime

import (
	"strings"
	"unsafe"
)

// view lends b as a string without a copy, for a parser whose result is used up
// before b changes.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// trimSpace cuts white space and line ends at both ends.
func trimSpace(s string) string {
	i, n := 0, len(s)
	for i < n && isSpace(s[i]) {
		i++
	}
	for n > i && isSpace(s[n-1]) {
		n--
	}
	return s[i:n]
}

// unfold makes one SP of the white space around one or more folds and trims the
// value. A line of white space alone vanishes: RFC 5322, section 4.2. A CR that
// is in no line end stays.
func unfold(s string) string {
	s = trimSpace(s)
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return view(appendUnfolded(make([]byte, 0, len(s)), s))
}

// appendUnfolded appends what unfold returns.
func appendUnfolded(dst []byte, s string) []byte {
	s = trimSpace(s)
	for lf := strings.IndexByte(s, '\n'); lf >= 0; lf = strings.IndexByte(s, '\n') {
		end := lf
		for end > 0 && isSpace(s[end-1]) {
			end--
		}
		dst = append(dst, s[:end]...)
		dst = append(dst, ' ')
		for lf++; lf < len(s) && (isSpace(s[lf])); lf++ {
		}
		s = s[lf:]
	}
	return append(dst, s...)
}

// skipSpace returns the first place from i on that is no white space.
func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

// skipCFWS returns the first place from i on that is neither white space nor in
// a comment. An unclosed comment ends with s. RFC 5322, section 3.2.2.
func skipCFWS(s string, i int) int {
	for i < len(s) {
		switch {
		case isSpace(s[i]):
			i++
		case s[i] == '(':
			i, _ = skipComment(s, i)
		default:
			return i
		}
	}
	return i
}

// skipComment returns the place after the comment that starts at s[i], and
// whether it is closed. Comments nest, without recursion here.
func skipComment(s string, i int) (int, bool) {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(s), false
}

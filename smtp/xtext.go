package smtp

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// xchar is what xtext leaves as it is: "!" to "~" but "+" and "=". RFC 3461, section 4.
var xchar = ascii.VChar.Without("+=")

const upperHex = "0123456789ABCDEF"

// AppendXtext appends s as xtext: RFC 3461, section 4.
func AppendXtext(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; xchar[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '+', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// ParseXtext appends what the xtext in src stands for. Hex digits are upper
// case and always two: RFC 3461, section 4. The decoded octets may be anything,
// CR and LF included, so whoever takes them looks at them again. On error,
// a *SyntaxError, dst is returned as it was given.
func ParseXtext(dst, src []byte) ([]byte, error) {
	out := dst
	for i := 0; i < len(src); {
		n := ascii.Span(xchar, src[i:])
		out = append(out, src[i:i+n]...)
		if i += n; i == len(src) {
			break
		}
		if src[i] != '+' || i+3 > len(src) || !upperHexDigit(src[i+1]) || !upperHexDigit(src[i+2]) {
			return dst, &SyntaxError{What: "xtext", Offset: i, Want: "a printable octet, or + and two upper-case hex digits", Got: quote(src[i:])}
		}
		out = append(out, unhex(src[i+1])<<4|unhex(src[i+2]))
		i += 3
	}
	return out, nil
}

func upperHexDigit(c byte) bool { return ascii.Digit[c] || 'A' <= c && c <= 'F' }

func unhex(c byte) byte {
	if ascii.Digit[c] {
		return c - '0'
	}
	return c - 'A' + 10
}

// appendUTF8Addr appends an address of type utf-8 in ASCII, as
// utf-8-addr-xtext: RFC 6533, section 3.
func appendUTF8Addr(dst []byte, s string) []byte {
	for _, c := range s {
		if c < 0x80 && xchar[byte(c)] && c != '\\' {
			dst = append(dst, byte(c))
			continue
		}
		dst = append(dst, `\x{`...)
		hex := strings.ToUpper(strconv.FormatInt(int64(c), 16))
		if len(hex) == 1 {
			dst = append(dst, '0')
		}
		dst = append(append(dst, hex...), '}')
	}
	return dst
}

// parseUTF8Addr reads an address of type utf-8: printable characters, with
// \x{HEX} for those that do not travel. RFC 6533, section 3.
func parseUTF8Addr(s string) (string, bool) {
	var b strings.Builder
	for s != "" {
		if s[0] == '\\' {
			hex, rest, ok := strings.Cut(s, "}")
			hex, prefixed := strings.CutPrefix(hex, `\x{`)
			n, err := strconv.ParseUint(hex, 16, 32)
			if !ok || !prefixed || err != nil || n < 0x20 || n == 0x7f || len(hex) < 2 || len(hex) > 6 || !utf8.ValidRune(rune(n)) || hex != strings.ToUpper(hex) {
				return "", false
			}
			b.WriteRune(rune(n))
			s = rest
			continue
		}
		c, size := utf8.DecodeRuneInString(s)
		if c == utf8.RuneError && size == 1 || c < 0x80 && !xchar[byte(c)] {
			return "", false
		}
		b.WriteRune(c)
		s = s[size:]
	}
	return b.String(), true
}

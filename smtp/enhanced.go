package smtp

import (
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// An EnhancedCode is an enhanced mail system status code: class, subject,
// detail, as 5.1.1. The zero value means that there is none. RFC 3463, section 2.
type EnhancedCode [3]uint16

// IsZero reports whether there is no code.
func (e EnhancedCode) IsZero() bool { return e == EnhancedCode{} }

// String returns the code as it is written, "" if there is none.
func (e EnhancedCode) String() string {
	if e.IsZero() {
		return ""
	}
	return string(appendEnhanced(nil, e))
}

func appendEnhanced(dst []byte, e EnhancedCode) []byte {
	dst = strconv.AppendUint(dst, uint64(e[0]), 10)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, uint64(e[1]), 10)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, uint64(e[2]), 10)
}

// ForReply returns the code that may stand in a reply with the given reply
// code: e itself if their classes agree, e with its class corrected if not, and
// x.0.0 for a zero e. A subject or detail of more than three digits becomes 0.
// Replies of other classes than 2, 4 and 5 have none. RFC 2034, section 4.
func (e EnhancedCode) ForReply(code int) EnhancedCode {
	class := uint16(code / 100)
	if class != 2 && class != 4 && class != 5 {
		return EnhancedCode{}
	}
	e[0] = class
	for i, n := range e {
		if n > 999 {
			e[i] = 0
		}
	}
	return e
}

// cutEnhanced cuts an enhanced code and the space behind it off the front of a
// line of text: class 2, 4 or 5; subject and detail of one to three digits
// without leading zeros. RFC 3463, section 2.
func cutEnhanced(line []byte) (e EnhancedCode, rest []byte, ok bool) {
	rest = line
	for i := range e {
		n := ascii.Span(ascii.Digit, rest)
		if n == 0 || n > 3 || n > 1 && rest[0] == '0' || i == 0 && n > 1 {
			return EnhancedCode{}, line, false
		}
		v, _ := ascii.ParseUint(rest[:n], 999)
		e[i], rest = uint16(v), rest[n:]
		if i < 2 {
			if len(rest) == 0 || rest[0] != '.' {
				return EnhancedCode{}, line, false
			}
			rest = rest[1:]
		}
	}
	if e[0] != 2 && e[0] != 4 && e[0] != 5 {
		return EnhancedCode{}, line, false
	}
	switch {
	case len(rest) == 0:
		return e, rest, true
	case rest[0] == ' ':
		return e, rest[1:], true
	}
	return EnhancedCode{}, line, false
}

package imap

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// utf7Digits is the alphabet of modified base64: "," stands for "/".
const utf7Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// utf7Values maps a digit to its value, 0xFF for other octets.
var utf7Values = func() (v [256]byte) {
	for i := range v {
		v[i] = 0xFF
	}
	for i := range len(utf7Digits) {
		v[utf7Digits[i]] = byte(i)
	}
	return v
}()

// AppendUTF7 appends a name of UTF-8 in modified UTF-7, its only form: printable
// ASCII as it is, "&" as "&-", all else shifted, in runs as long as possible.
// What is not UTF-8 becomes U+FFFD. RFC 3501, section 5.1.3.
func AppendUTF7(dst []byte, name string) []byte {
	for i := 0; i < len(name); {
		switch b := name[i]; {
		case b == '&':
			dst = append(dst, "&-"...)
			i++
		case ascii.Print[b]:
			dst = append(dst, b)
			i++
		default:
			dst = append(dst, '&')
			var n int
			dst, n = appendShifted(dst, name[i:])
			dst = append(dst, '-')
			i += n
		}
	}
	return dst
}

// appendShifted appends the longest prefix of s that has to be shifted, and
// returns its length.
func appendShifted(dst []byte, s string) (_ []byte, n int) {
	var bits uint32 // the lowest `have` of them are still to be written
	have := 0
	put := func(unit uint16) {
		bits = bits<<16 | uint32(unit)
		for have += 16; have >= 6; have -= 6 {
			dst = append(dst, utf7Digits[bits>>(have-6)&0x3F])
		}
	}
	for n < len(s) && !ascii.Print[s[n]] {
		r, size := utf8.DecodeRuneInString(s[n:])
		n += size
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			put(uint16(hi))
			put(uint16(lo))
		} else {
			put(uint16(r))
		}
	}
	if have > 0 {
		dst = append(dst, utf7Digits[bits<<(6-have)&0x3F])
	}
	return dst, n
}

// ParseUTF7 returns the UTF-8 of a name in modified UTF-7. It takes the one form
// that AppendUTF7 gives and nothing else, so that no two spellings name one
// mailbox: no printable ASCII in a shift, no two shifts in a row, no lone
// surrogate, no bits set in the padding, no raw octet that is not printable ASCII.
// All else is ErrMailboxName. RFC 3501, section 5.1.3.
func ParseUTF7(b []byte) (string, error) {
	plain := true
	for _, c := range b {
		if !ascii.Print[c] {
			return "", ErrMailboxName
		}
		plain = plain && c != '&'
	}
	if plain {
		return string(b), nil
	}
	out := make([]byte, 0, len(b))
	shifted := false // the last thing was a shift that holds something
	for i := 0; i < len(b); {
		if b[i] != '&' {
			out = append(out, b[i])
			i++
			shifted = false
			continue
		}
		i++
		if i < len(b) && b[i] == '-' {
			out = append(out, '&')
			i++
			shifted = false
			continue
		}
		if shifted {
			return "", ErrMailboxName // the two shifts should have been one
		}
		n := 0
		for i+n < len(b) && b[i+n] != '-' {
			n++
		}
		if i+n == len(b) {
			return "", ErrMailboxName // the shift has no end
		}
		var ok bool
		if out, ok = appendUnshifted(out, b[i:i+n]); !ok {
			return "", ErrMailboxName
		}
		i += n + 1
		shifted = true
	}
	return string(out), nil
}

// appendUnshifted appends what is between "&" and "-".
func appendUnshifted(out, digits []byte) (_ []byte, ok bool) {
	var bits uint32
	have := 0
	var high rune // a high surrogate waits for its low one
	for _, d := range digits {
		v := utf7Values[d]
		if v == 0xFF {
			return out, false
		}
		bits = bits<<6 | uint32(v)
		if have += 6; have < 16 {
			continue
		}
		have -= 16
		unit := rune(bits >> have & 0xFFFF)
		switch {
		case high != 0:
			r := utf16.DecodeRune(high, unit)
			if r == utf8.RuneError {
				return out, false
			}
			out, high = utf8.AppendRune(out, r), 0
		case unit >= 0xD800 && unit < 0xDC00:
			high = unit
		case utf16.IsSurrogate(unit), unit < 0x80 && ascii.Print[unit]:
			return out, false
		default:
			out = utf8.AppendRune(out, unit)
		}
	}
	padding := bits & (1<<have - 1)
	return out, high == 0 && have < 6 && padding == 0
}

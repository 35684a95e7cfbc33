package auth

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// ErrPrepare: a name or password cannot be prepared, and so cannot be anyone's.
var ErrPrepare = errors.New("auth: string cannot be prepared")

// SASLprep prepares a name or password for comparison, RFC 4013: what is commonly
// mapped to nothing goes, spaces become U+0020, the rest is brought to NFKC, and
// control characters and the like are refused with ErrPrepare, as is an empty
// result. stored also refuses code points that Unicode has not assigned: right for
// what is kept (passwords), wrong for what is compared with it (names received).
//
// Printable ASCII is returned as it is, without allocating. "Unassigned" means
// the Unicode of the Go release and not the 3.2 of the RFC, in which the emoji of
// today's passwords do not exist.
func SASLprep(s string, stored bool) (string, error) {
	if isPrintable(s) {
		return s, nil
	}
	if !utf8.ValidString(s) {
		return "", ErrPrepare
	}
	s = norm.NFKC.String(strings.Map(mapPrep, s))
	if s == "" {
		return "", ErrPrepare
	}
	for _, r := range s {
		if unicode.Is(prohibited, r) || stored && unicode.Is(unicode.Cn, r) {
			return "", ErrPrepare
		}
	}
	if !bidiOK(s) {
		return "", ErrPrepare
	}
	return s, nil
}

// OpaqueString prepares a password by the PRECIS profile of that name, RFC 8265,
// section 4.2. It keeps compatibility characters that SASLprep folds (U+2168) and
// refuses some that SASLprep drops (U+00AD).
func OpaqueString(s string) (string, error) {
	if isPrintable(s) {
		return s, nil
	}
	out, err := precis.OpaqueString.String(s)
	if err != nil || out == "" || !utf8.ValidString(s) {
		return "", ErrPrepare
	}
	return out, nil
}

func prepareStored(s string) (string, error) { return SASLprep(s, true) }
func prepareQuery(s string) (string, error)  { return SASLprep(s, false) }

// isPrintable reports whether s is printable ASCII, and not empty.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// mapPrep is RFC 4013, section 2.1. U+200B is in both tables; nothing wins.
func mapPrep(r rune) rune {
	switch {
	case unicode.Is(mappedToNothing, r):
		return -1
	case r != ' ' && unicode.Is(unicode.Zs, r):
		return ' '
	}
	return r
}

// bidiOK is RFC 3454, section 6: a string with a right-to-left character holds no
// left-to-right one, and begins and ends right-to-left.
func bidiOK(s string) bool {
	var left, right, first, last bool
	for i, r := range s {
		p, _ := bidi.LookupRune(r)
		rtl := p.Class() == bidi.R || p.Class() == bidi.AL
		left = left || p.Class() == bidi.L
		right = right || rtl
		if i == 0 {
			first = rtl
		}
		last = rtl
	}
	return !right || !left && first && last
}

// Table B.1 of RFC 3454.
var mappedToNothing = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00AD, 0x00AD, 1}, {0x034F, 0x034F, 1}, {0x1806, 0x1806, 1}, {0x180B, 0x180D, 1},
		{0x200B, 0x200D, 1}, {0x2060, 0x2060, 1}, {0xFE00, 0xFE0F, 1}, {0xFEFF, 0xFEFF, 1},
	},
	LatinOffset: 1,
}

// Tables C.2 to C.9 of RFC 3454, which RFC 4013, section 2.3, prohibits. Not C.1.2:
// those spaces have been mapped, and an Ogham space mark is no exception.
var prohibited = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x0000, 0x001F, 1}, {0x007F, 0x009F, 1}, {0x0340, 0x0341, 1}, {0x06DD, 0x06DD, 1},
		{0x070F, 0x070F, 1}, {0x180E, 0x180E, 1}, {0x200C, 0x200F, 1}, {0x2028, 0x202E, 1},
		{0x2060, 0x2063, 1}, {0x206A, 0x206F, 1}, {0x2FF0, 0x2FFB, 1}, {0xD800, 0xF8FF, 1},
		{0xFDD0, 0xFDEF, 1}, {0xFEFF, 0xFEFF, 1}, {0xFFF9, 0xFFFF, 1},
	},
	R32: []unicode.Range32{
		{0x1D173, 0x1D17A, 1}, {0x1FFFE, 0x1FFFF, 1}, {0x2FFFE, 0x2FFFF, 1}, {0x3FFFE, 0x3FFFF, 1},
		{0x4FFFE, 0x4FFFF, 1}, {0x5FFFE, 0x5FFFF, 1}, {0x6FFFE, 0x6FFFF, 1}, {0x7FFFE, 0x7FFFF, 1},
		{0x8FFFE, 0x8FFFF, 1}, {0x9FFFE, 0x9FFFF, 1}, {0xAFFFE, 0xAFFFF, 1}, {0xBFFFE, 0xBFFFF, 1},
		{0xCFFFE, 0xCFFFF, 1}, {0xDFFFE, 0xDFFFF, 1}, {0xE0001, 0xE0001, 1}, {0xE0020, 0xE007F, 1},
		{0xEFFFE, 0xEFFFF, 1}, {0xF0000, 0x10FFFF, 1},
	},
	LatinOffset: 2,
}

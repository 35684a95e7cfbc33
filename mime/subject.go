package mime

import (
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// BaseSubject returns the base subject of a Subject body, with its words
// decoded, and whether something was removed that a reply or a forward adds.
// RFC 5256, section 2.1.
func BaseSubject(s string) (base string, reply bool) {
	s = collapse(DecodeWords(s))
	for {
		s, reply = trimTrailers(s, reply)
		s, reply = trimLeaders(s, reply)
		if !ascii.HasPrefixFold(s, "[fwd:") || s[len(s)-1] != ']' {
			return s, reply
		}
		s, reply = trimSpace(s[len("[fwd:"):len(s)-1]), true
	}
}

// collapse makes one space of each run of white space and trims.
func collapse(s string) string {
	s = trimSpace(s)
	for i := 0; i < len(s); i++ {
		if isSpace(s[i]) && (s[i] != ' ' || isSpace(s[i+1])) {
			return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }), " ")
		}
	}
	return s
}

// trimTrailers removes "(fwd)" and white space at the end.
func trimTrailers(s string, reply bool) (string, bool) {
	for {
		s = trimSpace(s)
		n := len(s) - len("(fwd)")
		if n < 0 || !ascii.EqualFold(s[n:], "(fwd)") {
			return s, reply
		}
		s, reply = s[:n], true
	}
}

// trimLeaders removes "re:", "fwd:" and blobs in brackets in front, as long as
// something is left. Blobs that no "re:" follows are looked at once.
func trimLeaders(s string, reply bool) (string, bool) {
	for {
		s = trimSpace(s)
		blobs, last := 0, 0 // octets of the blobs in front; where the last starts
		for {
			n := blobLength(s[blobs:])
			if n == 0 {
				break
			}
			last = blobs
			blobs += n
		}
		if n := refwdLength(s[blobs:]); n > 0 {
			s, reply = s[blobs+n:], true
			continue
		}
		switch {
		case blobs == 0:
			return s, reply
		case blobs < len(s):
			s = s[blobs:]
		case last == 0:
			return s, reply
		default: // a base of blobs alone keeps the last
			return s[last:], reply
		}
	}
}

// blobLength returns the length of "[...]" and the white space after it.
func blobLength(s string) int {
	if s == "" || s[0] != '[' {
		return 0
	}
	n := strings.IndexAny(s[1:], "[]")
	if n < 0 || s[1+n] != ']' {
		return 0
	}
	return skipSpace(s, n+2)
}

// refwdLength returns the length of "re", "fw" or "fwd", a blob, and the colon.
func refwdLength(s string) int {
	n := 0
	switch {
	case ascii.HasPrefixFold(s, "re"), ascii.HasPrefixFold(s, "fw"):
		n = 2
		if ascii.HasPrefixFold(s, "fwd") {
			n = 3
		}
	default:
		return 0
	}
	n = skipSpace(s, n)
	n += blobLength(s[n:])
	if n == len(s) || s[n] != ':' {
		return 0
	}
	return n + 1
}

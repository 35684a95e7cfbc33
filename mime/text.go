package mime

import (
	"strings"
	"unicode/utf8"
)

// plainOctet holds octets that decoding leaves alone: ASCII but CR, LF, NUL.
var plainOctet = func() (t [256]bool) {
	for c := range 128 {
		t[c] = c != 0 && c != '\r' && c != '\n'
	}
	return
}()

// decodeText is the text of a header value: words decoded, folds undone, valid
// UTF-8, without CR, LF and NUL. It returns s itself if there is nothing to do.
func decodeText(s string, o *Options) string {
	s = unfold(s)
	plain, words := true, false
	for i := range len(s) {
		if !plainOctet[s[i]] {
			plain = false
			break
		}
		words = words || s[i] == '=' && i+1 < len(s) && s[i+1] == '?'
	}
	switch {
	case plain && !words:
		return s
	case !plain:
		s = rawText(s, o)
		if !words && !strings.Contains(s, "=?") {
			return s
		}
	}
	return decodeWords(s, o, nil)
}

// rawText makes valid UTF-8 of raw octets, by the fallback charset unless they
// are UTF-8 as a whole, and SP of control characters that end lines.
func rawText(s string, o *Options) string {
	if !utf8.ValidString(s) {
		s = string(appendCharset(make([]byte, 0, len(s)+len(s)/2), []byte(s), nil, o))
	}
	return cleanText(s)
}

// cleanText makes one SP of each run of CR, LF and NUL: left in, an encoded
// word could smuggle header lines into whatever prints the text.
func cleanText(s string) string {
	for i := range len(s) {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 {
			return string(cleanTail([]byte(s), i))
		}
	}
	return s
}

// cleanTail is cleanText in place, from octet i on.
func cleanTail(b []byte, i int) []byte {
	n, run := i, false
	for ; i < len(b); i++ {
		c := b[i]
		end := c == '\r' || c == '\n' || c == 0
		if end {
			c = ' '
		}
		if !end || !run {
			b[n] = c
			n++
		}
		run = end
	}
	return b[:n]
}

// toValid replaces invalid octets by U+FFFD: for identifiers, where a guessed
// charset could make another identifier of them.
func toValid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string(appendValid(nil, []byte(s)))
}

package mime

import (
	"strings"
	"unicode/utf8"
)

// The width of a line in characters, RFC 3676, section 4.2, and of what quote
// marks have to leave of it: else the paragraph is not cut, because the marks
// stand in front of each line of it.
const (
	mostFlowed  = 78
	leastFlowed = 20
)

// AppendFlowed appends text as the content of text/plain; format=flowed, with
// CRLF at line ends. Each line of text is a paragraph, as NewFlowedReader gives
// them: it may start with quote marks ("> ", ">> "), and is cut into lines of 78
// characters at its spaces. Spaces at the end of a paragraph go, but those of the
// signature line "-- ".
//
// With delSp, for the parameter delsp=yes, a word that is longer than a line is
// cut too, which languages without spaces need; else such a line is longer. RFC
// 3676, section 4.2.
func AppendFlowed(dst []byte, text string, delSp bool) []byte {
	for len(text) > 0 {
		paragraph, rest, _ := strings.Cut(text, "\n")
		dst = appendParagraph(dst, strings.TrimRight(paragraph, "\r"), delSp)
		text = rest
	}
	return dst
}

const signatureLine = "-- "

func appendParagraph(dst []byte, s string, delSp bool) []byte {
	text := strings.TrimLeft(s, ">")
	quote := s[:len(s)-len(text)]
	if quote != "" {
		text = strings.TrimPrefix(text, " ")
	}
	if text != signatureLine {
		text = strings.TrimRight(text, " ")
	}
	for {
		dst = append(dst, quote...)
		width := mostFlowed - len(quote)
		if quote != "" && text != "" || stuffed(text) {
			dst = append(dst, ' ')
			width--
		}
		n := len(text)
		if len(quote) <= mostFlowed-leastFlowed {
			n = cutFlowed(text, width, delSp)
		}
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return append(dst, "\r\n"...)
		}
		if delSp { // the space that says that the line goes on
			dst = append(dst, ' ')
		}
		dst = append(dst, "\r\n"...)
		text = text[n:]
	}
}

// stuffed reports whether a line needs a space in front. RFC 3676, section 4.4.
func stuffed(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ")
}

// cutFlowed returns how many octets of s go on a line: all if they fit, else up
// to behind a space, or with delSp between two characters of a long word. A line
// that goes on must not look like that of a signature.
func cutFlowed(s string, width int, delSp bool) int {
	if len(s) <= width*utf8.UTFMax && utf8.RuneCountInString(s) <= width {
		return len(s)
	}
	if delSp { // which adds a space
		width--
	}
	n, space := 0, 0
	for chars := 0; n < len(s); chars++ {
		switch {
		case chars < width:
		case space > 0:
			return space
		case delSp:
			return n
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		if n += size; s[n-1] == ' ' && s[:n] != signatureLine {
			space = n
		}
	}
	return n
}

package smtp

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Reply is what a server answers: RFC 5321, section 4.2. It is comparable.
type Reply struct {
	Code     int          // three digits, the first of them 2 to 5
	Enhanced EnhancedCode // zero: none
	Text     string       // lines separated by "\n", none of them with code or line end
}

// Positive reports whether the reply is a completion or an intermediate one:
// 2xx or 3xx.
func (r Reply) Positive() bool { return r.Code >= 200 && r.Code < 400 }

// Lines returns the lines of text. There is always at least one.
func (r Reply) Lines() iter.Seq[string] {
	return strings.SplitSeq(r.Text, "\n")
}

// String returns the reply on one line, for messages to people.
func (r Reply) String() string {
	b := strconv.AppendInt(nil, int64(r.Code), 10)
	if !r.Enhanced.IsZero() {
		b = append(b, ' ')
		b = appendEnhanced(b, r.Enhanced)
	}
	if r.Text != "" {
		b = append(b, ' ')
		b = append(b, strings.ReplaceAll(r.Text, "\n", " / ")...)
	}
	return string(b)
}

// Challenge returns the reply that carries a challenge of SASL: 334 and base64,
// which for an empty challenge is "334 " with its space. RFC 4954, section 4.
func Challenge(b []byte) Reply {
	return Reply{Code: codeChallenge, Text: string(ascii.AppendBase64(nil, b))}
}

const (
	codeChallenge = 334

	// maxReplyLine is the length of a reply line, with its code and CRLF. RFC 5321,
	// section 4.5.3.1.5.
	maxReplyLine = 512

	// maxReplyText is what of it is left for text, whatever the enhanced code.
	maxReplyText = maxReplyLine - len("250 ") - len("5.999.999 ") - len("\r\n")
)

// AppendReply appends r as it goes to the peer, each line with code and
// enhanced code, if there is one, as ForReply has it. Whatever Text holds, the result is one reply: CR, LF and CRLF
// separate lines, every other octet that is not printable ASCII becomes "?",
// and a line that would exceed 512 octets goes on in the next, broken at a space
// where there is one. Only a challenge is never broken: its length is bound by
// RFC 4954, section 4, not by RFC 5321, section 4.5.3.1.5.
func AppendReply(dst []byte, r Reply) []byte {
	text := strings.TrimRight(r.Text, "\r\n")
	if !r.Enhanced.IsZero() {
		r.Enhanced = r.Enhanced.ForReply(r.Code)
	}
	for more := true; more; {
		var line string
		line, text, more = cutReplyLine(text, r)
		dst = strconv.AppendInt(dst, int64(r.Code), 10)
		if more {
			dst = append(dst, '-')
		} else {
			dst = append(dst, ' ')
		}
		if !r.Enhanced.IsZero() {
			dst = appendEnhanced(dst, r.Enhanced)
			dst = append(dst, ' ')
		}
		for i := range len(line) {
			if c := line[i]; ascii.Print[c] {
				dst = append(dst, c)
			} else {
				dst = append(dst, '?')
			}
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// cutReplyLine cuts the next line off text, and looks no further than it may go.
func cutReplyLine(text string, r Reply) (line, rest string, more bool) {
	line = text
	if r.Code != codeChallenge {
		line = text[:min(len(text), maxReplyText+1)]
	}
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		rest = text[i+1:]
		if text[i] == '\r' && strings.HasPrefix(rest, "\n") {
			rest = rest[1:]
		}
		return text[:i], rest, true
	}
	if len(line) == len(text) && (len(line) <= maxReplyText || r.Code == codeChallenge) {
		return line, "", false
	}
	if i := strings.LastIndexByte(line[:maxReplyText], ' '); i > 0 {
		return text[:i], text[i+1:], true
	}
	return text[:maxReplyText], text[maxReplyText:], true
}

// ParseReply parses one whole reply: lines with their CRLF, the last of them
// with a space behind its code, or nothing. An enhanced code is taken if the
// first line has one whose class agrees with the reply code, and then cut off
// every line that repeats it. Lines with differing codes are an error.
// RFC 5321, section 4.2; RFC 2034, section 4.
func ParseReply(b []byte) (Reply, error) {
	var r Reply
	var text []byte // of replies of more than one line
	for first, more := true, true; more; first = false {
		var line []byte
		var ok bool
		line, b, ok = bytes.Cut(b, []byte("\r\n"))
		if !ok {
			return Reply{}, &SyntaxError{What: "reply", Want: "CRLF", Got: quote(line)}
		}
		code, rest, last, err := parseReplyLine(line)
		if err != nil {
			return Reply{}, err
		}
		if first {
			r.Code = code
			if e, _, ok := cutEnhanced(rest); ok && int(e[0]) == code/100 {
				r.Enhanced = e
			}
		} else {
			text = append(text, '\n')
		}
		if code != r.Code {
			return Reply{}, &SyntaxError{What: "reply", Want: "the same code in every line", Got: quote(line)}
		}
		if e, after, ok := cutEnhanced(rest); ok && e == r.Enhanced {
			rest = after
		}
		if more = !last; first && last {
			r.Text = string(rest)
		} else {
			text = append(text, rest...)
		}
	}
	if len(b) > 0 {
		return Reply{}, &SyntaxError{What: "reply", Want: "nothing behind the last line", Got: quote(b)}
	}
	if text != nil {
		r.Text = string(text)
	}
	return r, nil
}

// parseReplyLine takes a line without CRLF apart.
func parseReplyLine(line []byte) (code int, text []byte, last bool, err error) {
	if ascii.Span(ascii.Digit, line) != 3 || line[0] < '2' || line[0] > '5' {
		return 0, nil, false, &SyntaxError{What: "reply", Want: "three digits, the first 2 to 5", Got: quote(line)}
	}
	if bytes.ContainsAny(line, "\r\n") { // Text would have lines that the reply has not
		return 0, nil, false, &SyntaxError{What: "reply", Want: "no bare CR or LF", Got: quote(line)}
	}
	n, _ := ascii.ParseUint(line[:3], 999)
	code, text = int(n), line[3:]
	switch {
	case len(text) == 0:
		return code, nil, true, nil
	case text[0] == ' ':
		return code, text[1:], true, nil
	case text[0] == '-':
		return code, text[1:], false, nil
	}
	return 0, nil, false, &SyntaxError{What: "reply", Offset: 3, Want: "space or hyphen", Got: quote(line)}
}

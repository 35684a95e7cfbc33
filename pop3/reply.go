package pop3

import (
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A RespCode says for programs why a reply is what it is: levels separated by
// "/", as in "SYS/TEMP", without the square brackets. Compare with Within.
// RFC 2449, section 8.
type RespCode string

// The registered response codes.
const (
	LoginDelay     RespCode = "LOGIN-DELAY" // RFC 2449, section 8.1.1
	InUse          RespCode = "IN-USE"      // RFC 2449, section 8.1.2
	SysTemp        RespCode = "SYS/TEMP"    // RFC 3206, section 4
	SysPerm        RespCode = "SYS/PERM"    // RFC 3206, section 4
	BadCredentials RespCode = "AUTH"        // RFC 3206, section 5
	NeedUTF8       RespCode = "UTF8"        // RFC 6856, section 5
)

// Within reports whether c is parent, or a further detail of it: SYS/TEMP/DISK
// is within SYS/TEMP, SYSTEM is not within SYS. Letter case does not count.
// RFC 2449, section 8: unknown detail MUST be ignored.
func (c RespCode) Within(parent RespCode) bool {
	return ascii.HasPrefixFold(c, parent) && (len(c) == len(parent) || c[len(parent)] == '/')
}

// rchar is what levels are made of. RFC 2449, section 3; DEL is left out.
var rchar = ascii.VChar.Without("/]")

// valid reports whether c is resp-level *("/" resp-level).
func (c RespCode) valid() bool {
	for level := range strings.SplitSeq(string(c), "/") {
		if level == "" || !ascii.All(rchar, level) {
			return false
		}
	}
	return true
}

// A Reply is the first line that a server answers with: RFC 1939, section 3. It
// is comparable.
type Reply struct {
	OK   bool
	Code RespCode // "": none
	Text string   // without the code and the spaces around it
}

// String returns the reply without CRLF, for messages to people.
func (r Reply) String() string {
	return strings.TrimSuffix(string(AppendReply(nil, r)), "\r\n")
}

// maxReply is the length of the first line with its CRLF. RFC 2449, section 4.
const maxReply = 512

// AppendReply appends r as one line with its CRLF, at most 512 octets, whatever
// it holds: control octets become "?", a code that breaks the grammar is left
// out, a text that begins with "[" is shielded, because a client would take that
// for a code, and a text too long is cut, between two characters if it is UTF-8.
// RFC 2449, sections 4 and 6.4; RFC 6856, section 3.2.
func AppendReply(dst []byte, r Reply) []byte {
	start := len(dst)
	if r.OK {
		dst = append(dst, "+OK"...)
	} else {
		dst = append(dst, "-ERR"...)
	}
	if r.Code != "" && len(r.Code) <= maxReply/4 && r.Code.valid() {
		dst = append(dst, " ["...)
		dst = append(dst, r.Code...)
		dst = append(dst, ']')
	}
	text := strings.Trim(r.Text, " ")
	if text != "" {
		dst = append(dst, ' ')
		if text[0] == '[' {
			dst = append(dst, "- "...)
		}
		text = cut(text, maxReply-len("\r\n")-(len(dst)-start))
	}
	from := len(dst)
	dst = append(dst, text...)
	for i := range dst[from:] {
		if c := &dst[from+i]; *c < ' ' || *c == 0x7F {
			*c = '?'
		}
	}
	return append(dst, "\r\n"...)
}

// cut returns text if it has room, or as many whole characters as have.
func cut(text string, room int) string {
	if len(text) <= room {
		return text
	}
	end := room
	for end > room-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimRight(text[:end], " ")
}

// ParseReply takes a line without CRLF apart. It wants "+OK" or "-ERR" in any
// letter case, alone or followed by a space. What looks like a response code is
// taken for one; where a server has not listed RESP-CODES it may be none. The
// error is a *SyntaxError. RFC 1939, section 3; RFC 2449, section 3.
func ParseReply(line []byte) (Reply, error) {
	var r Reply
	var rest []byte
	switch {
	case ascii.HasPrefixFold(line, "+OK"):
		r.OK, rest = true, line[3:]
	case ascii.HasPrefixFold(line, "-ERR"):
		rest = line[4:]
	default:
		return Reply{}, &SyntaxError{What: "reply", Want: "+OK or -ERR", Got: quote(line)}
	}
	if len(rest) > 0 && rest[0] != ' ' {
		return Reply{}, &SyntaxError{What: "reply", Offset: len(line) - len(rest), Want: "a space", Got: quote(line)}
	}
	r.Text = strings.Trim(string(rest), " ")
	if r.Text != "" && r.Text[0] == '[' {
		if code, text, ok := strings.Cut(r.Text[1:], "]"); ok && RespCode(code).valid() {
			r.Code, r.Text = RespCode(code), strings.TrimLeft(text, " ")
		}
	}
	return r, nil
}

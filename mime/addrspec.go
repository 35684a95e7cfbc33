package mime

import (
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// An addrSpec is local-part and domain. RFC 5322, section 3.4.1.
type addrSpec struct {
	route, local, domain string
	at                   int
	ok                   bool
	obs                  bool // white space or comments around dots, quotes between dots
	bad                  bool // dots in odd places, octets that may not stand there
	rest                 bool // something follows
}

func parseAngle(s string) addrSpec {
	route := ""
	if i := skipCFWS(s, 0); i < len(s) && s[i] == '@' {
		colon := strings.IndexByte(s, ':')
		if colon < 0 {
			return addrSpec{}
		}
		route, s = cleanText(compact(s[i:colon])), s[colon+1:]
	}
	a := parseSpec(s)
	a.route = route
	a.ok = a.ok && !a.rest
	return a
}

// compact removes white space and comments.
func compact(s string) string {
	if !strings.ContainsAny(s, " \t\r\n(") {
		return toValid(s)
	}
	out := make([]byte, 0, len(s))
	for i := skipCFWS(s, 0); i < len(s); i = skipCFWS(s, i+1) {
		out = append(out, s[i])
	}
	return toValid(string(out))
}

// parseSpec reads local-part "@" domain; the domain may be missing. Comments
// around it do not matter. Octets that are not UTF-8 become U+FFFD: a guessed
// charset could name another mailbox.
func parseSpec(s string) (a addrSpec) {
	if n := ascii.Span(addressAtom, s); n > 0 && n < len(s) && s[n] == '@' { // the common shape
		if d := s[n+1:]; isDotAtom(d) {
			return addrSpec{local: toValid(s[:n]), domain: toValid(d), ok: true}
		}
	}
	i := a.localPart(s)
	if !a.ok {
		return a
	}
	if i == len(s) || s[i] != '@' {
		a.rest = i < len(s)
		return a
	}
	i = a.domainPart(s, i+1)
	a.rest = i < len(s)
	a.ok = a.ok && a.domain != ""
	return a
}

func isDotAtom(s string) bool {
	dot := true
	for i := range len(s) {
		switch {
		case s[i] == '.':
			if dot {
				return false
			}
			dot = true
		case addressAtom[s[i]]:
			dot = false
		default:
			return false
		}
	}
	return !dot
}

// localPart reads words with dots between them and returns the place after it
// and after white space. Dots in odd places are kept.
func (a *addrSpec) localPart(s string) int {
	var b pieces
	dot, words, any := true, 0, false
	start := skipCFWS(s, 0)
	i := start
	for i < len(s) {
		from := i
		switch c := s[i]; {
		case c == '.':
			a.bad = a.bad || dot
			b.add(".")
			dot = true
			i++
		case !dot: // a second word without a dot
			a.local, a.ok, a.rest = cleanText(toValid(b.String())), true, true
			return i
		case c == '"':
			escaped, next, closed := skipQuoted(s, i)
			if !closed {
				return i
			}
			b.addQuoted(s[i+1:next-1], escaped)
			a.bad = a.bad || hasControl(s[i+1:next-1]) && !escaped
			dot, any = false, true
			words++
			a.obs = a.obs || words > 1
			i = next
		case addressAtom[c]:
			for i++; i < len(s) && addressAtom[s[i]]; i++ {
			}
			b.add(s[from:i])
			a.obs = a.obs || any
			dot = false
			words++
		default:
			a.ok = words > 0 && c == '@'
			a.bad = a.bad || dot
			a.local = cleanText(toValid(b.String()))
			return i
		}
		if next := skipCFWS(s, i); next > i {
			a.obs = a.obs || next < len(s) && s[next] != '@'
			i = next
		}
	}
	a.ok = words > 0
	a.bad = a.bad || dot
	a.local = cleanText(toValid(b.String()))
	return i
}

func (a *addrSpec) domainPart(s string, i int) int {
	from := skipCFWS(s, i)
	if from < len(s) && s[from] == '[' {
		n := strings.IndexByte(s[from:], ']')
		if n < 0 {
			a.ok = false
			return len(s)
		}
		a.domain = cleanID(s[from : from+n+1]) // no comments here: parentheses are dtext
		a.bad = a.bad || !ascii.All(ascii.DContent, a.domain[1:len(a.domain)-1])
		return skipCFWS(s, from+n+1)
	}
	var b pieces
	dot := true
	i = from
	for i < len(s) {
		at := i
		switch c := s[i]; {
		case c == '.':
			a.bad = a.bad || dot
			dot = true
			b.add(".")
			i++
		case addressAtom[c] && dot:
			for i++; i < len(s) && addressAtom[s[i]]; i++ {
			}
			b.add(s[at:i])
			dot = false
		default:
			a.bad = a.bad || dot
			a.domain = toValid(b.String())
			return i
		}
		if next := skipCFWS(s, i); next > i {
			a.obs = a.obs || next < len(s)
			i = next
		}
	}
	a.bad = a.bad || dot
	a.domain = toValid(b.String())
	return i
}

// pieces joins substrings and stays a substring while there is one.
type pieces struct {
	one string
	buf []byte
	n   int
}

func (b *pieces) add(s string) {
	b.n++
	switch {
	case b.n == 1:
		b.one = s
		return
	case b.buf == nil:
		b.buf = make([]byte, 0, len(b.one)+len(s)+32)
		b.buf = append(b.buf, b.one...)
	}
	b.buf = append(b.buf, s...)
}

func (b *pieces) addQuoted(in string, escaped bool) {
	if escaped {
		in = string(appendUnescaped(nil, in))
	}
	b.add(in)
}

func (b *pieces) String() string {
	if b.buf == nil {
		return b.one
	}
	return string(b.buf)
}

// appendUnescaped undoes backslashes and folds; CR, LF and NUL become spaces.
func appendUnescaped(dst []byte, s string) []byte {
	if strings.IndexByte(s, '\n') >= 0 {
		s = unfold("x" + s + "x") // its own white space at the ends stays
		s = s[1 : len(s)-1]
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			c = s[i]
		}
		if c == '\r' || c == '\n' || c == 0 {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

package imap

import (
	"strings"
	"unicode/utf8"
)

// A Pattern matches names of mailboxes: "*" is any text, "%" any text without
// the delimiter. The zero value matches "" alone. RFC 9051, section 6.3.9.
type Pattern struct {
	head  string // the text in front of the first wildcard
	parts []part
	delim rune
}

// part is a wildcard and the text behind it.
type part struct {
	wild byte // '*' or '%'
	text string
}

// ParsePattern returns the pattern for names with the given delimiter, 0 for
// none. The reference of LIST is put in front by the caller, without anything
// between. A pattern for INBOX matches it in any case if the caller passes
// names through CanonicalMailbox and patterns through it likewise.
func ParsePattern(pattern string, delim rune) *Pattern {
	p := &Pattern{delim: delim}
	i := strings.IndexAny(pattern, "*%")
	if i < 0 {
		p.head = pattern
		return p
	}
	p.head = pattern[:i]
	for i < len(pattern) {
		wild := byte('%')
		n := 0
		for i+n < len(pattern) && (pattern[i+n] == '*' || pattern[i+n] == '%') {
			if pattern[i+n] == '*' {
				wild = '*' // a run of wildcards is as wide as its widest
			}
			n++
		}
		i += n
		end := strings.IndexAny(pattern[i:], "*%")
		if end < 0 {
			end = len(pattern) - i
		}
		p.parts = append(p.parts, part{wild, pattern[i : i+end]})
		i += end
	}
	return p
}

// Match reports whether the name matches as a whole. Its time is bounded by the
// product of the lengths whatever the pattern is: instead of going back it
// carries the set of all places where the pattern can stand. A pattern of
// thirty octets has stopped servers that go back. RFC 9051, section 6.3.9.
func (p *Pattern) Match(name string) bool {
	rest, ok := strings.CutPrefix(name, p.head)
	if !ok {
		return false
	}
	if len(p.parts) == 0 {
		return rest == ""
	}
	// at[i]: everything up to the current part can end in front of rest[i].
	places := make([]bool, 2*(len(rest)+1))
	at, next := places[:len(rest)+1], places[len(rest)+1:]
	at[0] = true
	for _, part := range p.parts {
		clear(next)
		open := false
		for i := 0; i <= len(rest); i++ {
			open = open || at[i]
			if open && strings.HasPrefix(rest[i:], part.text) {
				next[i+len(part.text)] = true
			}
			if open && part.wild == '%' && p.isDelim(rest[i:]) {
				open = false
			}
		}
		at, next = next, at
	}
	return at[len(rest)]
}

// isDelim reports whether the wildcard % ends in front of s.
func (p *Pattern) isDelim(s string) bool {
	if p.delim == 0 || s == "" {
		return false
	}
	if p.delim < utf8.RuneSelf {
		return s[0] == byte(p.delim)
	}
	return strings.HasPrefix(s, string(p.delim))
}

// Literal returns the only name that a pattern without wildcards can match.
func (p *Pattern) Literal() (name string, ok bool) { return p.head, len(p.parts) == 0 }

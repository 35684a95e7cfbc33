package mime

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Matcher looks for one substring in the decoded text of messages, as SEARCH
// of IMAP does: letter case and the way characters are composed do not matter.
// RFC 5051 (i;unicode-casemap). It is safe for concurrent use. The zero Matcher
// and that of "" match everything.
type Matcher struct{ needle []byte }

// NewMatcher returns a Matcher for the substring s.
func NewMatcher(s string) *Matcher {
	return &Matcher{appendCasemap(nil, lend(toValid(s)))}
}

// A casemap is the form of a character, and whether that starts anew: whatever
// stands before it, nothing changes its place.
type casemap struct {
	form    string
	starter bool
}

// casemaps holds the characters up to Cyrillic, which are most of those beyond
// ASCII that a search meets.
var casemaps = sync.OnceValue(func() *[0x530]casemap {
	t := new([0x530]casemap)
	for r := range t {
		form := norm.NFKD.String(string(unicode.ToTitle(rune(r))))
		t[r] = casemap{form, norm.NFKD.PropertiesString(form).CCC() == 0}
	}
	return t
})

// appendCasemap appends s in the form of RFC 5051: each character in title case,
// then decomposed.
func appendCasemap(dst, s []byte) []byte {
	from := len(dst)
	dst = slices.Grow(dst, len(s))
	var table *[0x530]casemap
	normal := true
	for len(s) > 0 {
		if s[0] < utf8.RuneSelf {
			dst = append(dst, ascii.Upper(s[0]))
			s = s[1:]
			continue
		}
		r, n := utf8.DecodeRune(s)
		if s = s[n:]; int(r) >= len(table) {
			dst = utf8.AppendRune(dst, unicode.ToTitle(r))
			normal = false
			continue
		}
		if table == nil {
			table = casemaps()
		}
		dst = append(dst, table[r].form...)
		normal = normal && table[r].starter
	}
	if normal {
		return dst
	}
	from += norm.NFKD.QuickSpan(dst[from:]) // all of it, in most scripts
	if from == len(dst) {
		return dst
	}
	rest := bytes.Clone(dst[from:])
	return norm.NFKD.Append(dst[:from], rest...)
}

// MatchHeader reports whether a field of that name has the substring in its
// text. The empty substring asks whether there is such a field.
func (x *Matcher) MatchHeader(h *Header, name string) bool {
	for _, f := range h.All(name) {
		if x.matchString(f.Text()) {
			return true
		}
	}
	return false
}

func (x *Matcher) matchString(s string) bool {
	return bytes.Contains(appendCasemap(make([]byte, 0, len(s)), lend(s)), x.needle)
}

// MatchBody reports whether the text of a part, or the header of an embedded
// message, has the substring. Text is decoded as it streams by. The error is
// that of the source.
func (x *Matcher) MatchBody(m *Message) (bool, error) {
	w := &window{needle: x.needle}
	for p := range m.Parts() {
		if p.i > 0 && m.isMessage(p.i) && x.matchFields(p.Header()) {
			return true, nil
		}
		found, err := x.matchPart(p, w)
		if found || err != nil {
			return found, err
		}
	}
	return len(x.needle) == 0, m.Err()
}

// matchPart searches a leaf; an encoded message is opened.
func (x *Matcher) matchPart(p Part, w *window) (bool, error) {
	switch {
	case p.Kind() != Leaf:
		return false, nil
	case p.Is("message/rfc822"), p.Is("message/global"):
		inner, err := p.Message()
		if err != nil {
			return false, ignoreTooLarge(err)
		}
		if x.matchFields(inner.Header()) {
			return true, nil
		}
		return x.MatchBody(inner)
	case !p.Is("text/*") && !p.Is("message/*"):
		return false, nil
	}
	w.reset()
	_, err := p.Text().WriteTo(w)
	if err == errFound {
		return true, nil
	}
	return false, err
}

// MatchText is MatchBody with the header of the message itself.
func (x *Matcher) MatchText(m *Message) (bool, error) {
	if x.matchFields(m.Header()) {
		return true, nil
	}
	return x.MatchBody(m)
}

// matchFields searches names and texts of all fields.
func (x *Matcher) matchFields(h *Header) bool {
	var line, folded []byte
	for _, f := range h.Fields() {
		line = append(append(line[:0], f.f.raw[:f.f.name]...), ": "...)
		line = append(line, f.Text()...)
		if folded = appendCasemap(folded[:0], line); bytes.Contains(folded, x.needle) {
			return true
		}
	}
	return false
}

func ignoreTooLarge(err error) error {
	if err == ErrTooLarge {
		return nil
	}
	return err
}

// errFound ends a copy early.
var errFound = io.ErrShortWrite

// A window searches a stream and keeps only what a match may have begun in.
type window struct {
	needle []byte
	buf    []byte
	part   []byte // an incomplete character
}

func (w *window) reset() { w.buf, w.part = w.buf[:0], w.part[:0] }

// Write returns errFound when the substring has come by.
func (w *window) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.part) > 0 {
		p = append(w.part, p...)
		w.part = nil
	}
	if k := incomplete(p, false); k > 0 {
		w.part = append([]byte(nil), p[len(p)-k:]...)
		p = p[:len(p)-k]
	}
	w.buf = appendCasemap(w.buf, p)
	if bytes.Contains(w.buf, w.needle) {
		return n, errFound
	}
	if keep := len(w.needle) - 1; len(w.buf) > keep {
		w.buf = append(w.buf[:0], w.buf[len(w.buf)-max(keep, 0):]...)
	}
	return n, nil
}

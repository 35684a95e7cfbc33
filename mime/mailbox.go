package mime

import (
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

func badAddress(s string) error { return fmt.Errorf("%w: %s", ErrAddress, note(s)) }

// Addr makes an Address of a display name and "local@domain". A bad spec gives
// an Address that every writer of this package refuses with ErrAddress.
func Addr(name, spec string) Address {
	if local, domain, ok := strings.Cut(spec, "@"); ok && isDotAtom(local) && isDotAtom(domain) && ascii.All(ascii.VChar, spec) {
		return Address{Name: name, Local: local, Domain: domain} // as most are
	}
	a, err := ParseAddress(spec)
	if err != nil || a.Name != "" {
		return Address{Name: name, Local: spec}
	}
	a.Name = name
	return a
}

// IsZero reports whether a is the null address.
func (a Address) IsZero() bool { return a == Address{} }

// check refuses what cannot be written: no domain, control characters, a domain
// that is none.
func (a Address) check() error {
	if !a.writable() {
		return badAddress(a.Spec())
	}
	return nil
}

func (a Address) writable() bool {
	d := a.Domain
	literal := len(d) > 1 && d[0] == '[' && d[len(d)-1] == ']' && ascii.All(literalContent, d[1:len(d)-1])
	return (literal || isDotAtom(d)) && toValid(d) == d && toValid(a.Local) == a.Local && !hasControl(a.Local) && !hasControl(a.Name)
}

// literalContent is what may stand in a domain literal that is written: not what
// software that reads addresses, ours included, takes for the end of one.
var literalContent = ascii.DContent.Without("<>,;(\"")

func hasControl(s string) bool {
	for i := range len(s) {
		if ascii.Control[s[i]] && s[i] != '\t' {
			return true
		}
	}
	return false
}

// Spec returns local@domain, with the local part quoted where it must be. Without
// a domain it is the local part alone.
func (a Address) Spec() string {
	if isDotAtom(a.Local) {
		if a.Domain == "" {
			return a.Local
		}
		return a.Local + "@" + a.Domain
	}
	if a.Local == "" && a.Domain == "" {
		return ""
	}
	return string(appendSpec(nil, a))
}

func appendSpec(dst []byte, a Address) []byte {
	if isDotAtom(a.Local) {
		dst = append(dst, a.Local...)
	} else {
		dst = appendQuoted(dst, a.Local)
	}
	if a.Domain == "" {
		return dst
	}
	return append(append(dst, '@'), a.Domain...)
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// String returns the address as in a header, words encoded, folded only where
// the name needs several words.
func (a Address) String() string { return string(AppendAddress(nil, a)) }

// AppendAddress appends what String returns. The route, being obsolete, is left out.
func AppendAddress(dst []byte, a Address) []byte { return appendAddress(dst, a, 0) }

func appendAddress(dst []byte, a Address, col int) []byte {
	if a.Name == "" {
		if a.Local == "" && a.Domain == "" {
			return append(dst, "<>"...)
		}
		return appendSpec(dst, a)
	}
	from := len(dst)
	dst = appendPhrase(dst, a.Name, col)
	var room [128]byte
	spec := appendSpec(room[:0], a)
	if n := lastLine(dst, from, col); n+len(spec)+len(" <>,") > foldWordsAt && n > 1 {
		dst = append(dst, "\r\n "...)
	} else {
		dst = append(dst, ' ')
	}
	dst = append(dst, '<')
	dst = append(dst, spec...)
	return append(dst, '>')
}

// lastLine returns the octets on the line after dst[from:] was added at col.
func lastLine(dst []byte, from, col int) int {
	if i := strings.LastIndexByte(view(dst[from:]), '\n'); i >= 0 {
		return len(dst) - from - i - 1
	}
	return col + len(dst) - from
}

// appendPhrase writes a display name: atoms, a quoted string, or encoded-words.
func appendPhrase(dst []byte, name string, col int) []byte {
	name = cleanText(toValid(name))
	if from, to := wordsNeeded(name); to > from || strings.Contains(name, "=?") {
		// Between words and atoms a phrase may not mix with quoted strings
		// without care; the whole name becomes words.
		w := lineWriter{dst: dst, col: col, most: foldWordsAt}
		w.encoded(name, phraseQ)
		return w.dst
	}
	for word := range strings.SplitSeq(name, " ") {
		if !ascii.All(ascii.Atext, word) {
			w := lineWriter{dst: dst, col: col, most: foldWordsAt}
			w.words(string(appendQuoted(nil, name)))
			return w.dst
		}
	}
	w := lineWriter{dst: dst, col: col, most: foldWordsAt}
	w.words(name)
	return w.dst
}

// appendAddresses appends a list, folded after commas. Any line may have
// encoded-words, so all keep to their limit.
func appendAddresses(dst []byte, list []Address, col int) []byte {
	for i, a := range list {
		from := len(dst)
		if i > 0 {
			dst = append(dst, ',')
			var room [128]byte
			if n := len(a.Name) + len(appendSpec(room[:0], a)); col+n+len(`, "" <>,`) > foldWordsAt {
				dst = append(dst, "\r\n "...)
				col = 1
			} else {
				dst = append(dst, ' ')
				col += 2
			}
			from = len(dst)
		}
		dst = appendAddress(dst, a, col)
		col = lastLine(dst, from, col)
	}
	return dst
}

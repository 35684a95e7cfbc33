package mime

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// attrChar may stand as it is in an extended value. RFC 2231, section 7.
var attrChar = ascii.Token.Without("*'%")

// check refuses what AppendMediaType would have to leave out.
func (t MediaType) check() error {
	if t.Type == "" || !ascii.All(ascii.Token, t.Type) || !ascii.All(ascii.Token, t.Subtype) {
		return fmt.Errorf("%w: type %s", ErrField, note(t.Type+"/"+t.Subtype))
	}
	for _, p := range t.Params {
		if !goodParam(p) {
			return fmt.Errorf("%w: parameter %s", ErrField, note(p.Name))
		}
	}
	return nil
}

func goodParam(p Param) bool {
	return p.Name != "" && len(p.Name) <= 128 && ascii.All(attrChar, p.Name) && !strings.ContainsAny(p.Value, "\r\n\x00")
}

// AppendMediaType appends a Content-Type, or a Content-Disposition if there is
// no Subtype; col is how many octets are on the line already. Values beyond
// ASCII are written by RFC 2231 in UTF-8, continued before octet 76; never as
// encoded-words, which RFC 2047, section 5 forbids there. Parameters that no
// field can hold (bad name; CR, LF or NUL in the value) are left out.
func AppendMediaType(dst []byte, t MediaType, col int) []byte {
	w := lineWriter{dst: dst, col: col, most: foldWordsAt}
	w.put(t.Type)
	if t.Subtype != "" {
		w.put("/")
		w.put(t.Subtype)
	}
	for _, p := range t.Params {
		if goodParam(p) {
			w.param(p.Name, toValid(p.Value), p.Lang)
		}
	}
	return w.dst
}

// next starts another parameter of n octets.
func (w *lineWriter) next(n int) {
	w.put(";")
	if w.col+1+n > w.most {
		w.fold()
	} else {
		w.put(" ")
	}
}

func (w *lineWriter) param(name, value, lang string) {
	switch {
	case value != "" && len(value)+len(name) < mostLine-100 && ascii.All(ascii.Token, value):
		w.next(len(name) + 1 + len(value))
		w.put(name)
		w.put("=")
		w.put(value)
		return
	case len(value)+len(name) < mostLine-100 && ascii.All(ascii.Print, value) && !strings.Contains(value, "=?") &&
		trimSpace(value) == value:
		n := len(name) + 1 + len(value) + 2 + strings.Count(value, `"`) + strings.Count(value, `\`)
		w.next(n)
		w.put(name)
		w.put("=")
		w.dst = appendQuoted(w.dst, value)
		w.col += n - len(name) - 1
		return
	}
	w.extended(name, value, lang)
}

// extended writes a value percent-encoded, in sections if it is long.
func (w *lineWriter) extended(name, value, lang string) {
	if !ascii.All(attrChar, lang) {
		lang = ""
	}
	head := "utf-8'" + lang + "'"
	var b []byte
	for i := range len(value) {
		b = appendPercentEncoded(b, value[i])
	}
	if n := len(name) + 2 + len(head) + len(b); n+2 <= foldWordsAt {
		w.next(n)
		w.put(name + "*=" + head + string(b))
		return
	}
	for section := 0; section == 0 || value != ""; section++ {
		label := name + "*" + strconv.Itoa(section) + "*=" + head
		head = ""
		n, b := 0, b[:0]
		for n < len(value) {
			_, size := utf8.DecodeRuneInString(value[n:])
			more := b
			for i := range size {
				more = appendPercentEncoded(more, value[n+i])
			}
			if n > 0 && 1+len(label)+len(more)+1 > foldWordsAt {
				break
			}
			b = more
			n += size
		}
		w.next(foldWordsAt) // on a line of its own
		w.put(label + string(b))
		value = value[n:]
	}
}

func appendPercentEncoded(dst []byte, c byte) []byte {
	if attrChar[c] {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

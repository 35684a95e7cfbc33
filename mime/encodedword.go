package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"

	"github.com/mailwire/mailwire/internal/ascii"
)

// DecodeWords returns the text of an unstructured field body or phrase, folded
// or not: encoded-words decoded, valid UTF-8, without CR, LF and NUL. Words that
// follow each other are joined as octets before they are converted, so that a
// character may be cut between them. A word in an unknown charset stays as it
// is. Raw 8-bit text is windows-1252 unless the whole is UTF-8.
// RFC 2047, section 6; RFC 2231, section 5.
func DecodeWords(s string) string { return decodeText(s, nil) }

// kindSet collects the kinds of defects of one value.
type kindSet uint64

func (k *kindSet) add(d DefectKind) {
	if k != nil {
		*k |= 1 << d
	}
}

// A word is an encoded-word: =?charset?encoding?text?=
type word struct {
	charset, text string
	encoding      byte // 'Q' or 'B'
}

// cutWord reads the encoded-word at s[i:], which starts with "=?". If there is
// none, next is where the search goes on. An inner "=?" starts anew, and each
// octet is looked at a bounded number of times: a MiB of "=?x?y?" is cheap.
func cutWord(s string, i int) (w word, next int, ok bool) {
	k := i + 2
	for k < len(s) && s[k] > ' ' && s[k] != '?' && s[k] != '=' {
		k++
	}
	if k == i+2 || k+2 >= len(s) || s[k] != '?' || s[k+2] != '?' {
		return w, k, false
	}
	w.encoding = ascii.Upper(s[k+1])
	if w.encoding != 'Q' && w.encoding != 'B' {
		return w, k, false
	}
	w.charset, _, _ = strings.Cut(s[i+2:k], "*") // RFC 2231, section 5: a language may follow
	from := k + 3
	for m := from; ; m++ {
		q := strings.IndexByte(s[m:], '?')
		if q < 0 {
			return w, len(s), false
		}
		m += q
		if m+1 < len(s) && s[m+1] == '=' {
			w.text = s[from:m]
			return w, m + 2, true
		}
		if m > from && s[m-1] == '=' {
			return w, m - 1, false
		}
	}
}

// A wordDecoder appends text to dst.
type wordDecoder struct {
	o       *Options
	dst     []byte
	charset string
	enc     encoding.Encoding
	found   *kindSet
}

// decodeWords decodes s, which is unfolded and valid UTF-8.
func decodeWords(s string, o *Options, found *kindSet) string {
	var stack [256]byte
	raw := stack[:0] // octets of words, until their charset ends
	d := wordDecoder{o: o, dst: make([]byte, 0, len(s)), found: found}
	done := 0 // what lies before is decoded
	inWords := false
	for i := 0; ; {
		j := strings.Index(s[i:], "=?")
		if j < 0 {
			break
		}
		j += i
		w, next, ok := cutWord(s, j)
		if ok && !d.sameCharset(w.charset, inWords) {
			e, known := o.charset(w.charset)
			if !known {
				found.add(DefectUnknownCharset)
				ok = false
			} else {
				raw = d.flush(raw)
				d.charset, d.enc = w.charset, e
			}
		} else if !ok {
			found.add(DefectBadWord)
		}
		i = next
		if !ok {
			continue
		}
		// White space between words is no text: RFC 2047, section 6.2.
		if gap := s[done:j]; !inWords || trimSpace(gap) != "" {
			raw = d.flush(raw)
			d.dst = append(d.dst, gap...)
		}
		raw = d.decode(raw, w)
		done, inWords = next, true
	}
	d.flush(raw)
	d.dst = append(d.dst, s[done:]...)
	return view(d.dst)
}

func (d *wordDecoder) sameCharset(label string, inWords bool) bool {
	return inWords && ascii.EqualFold(label, d.charset)
}

// decode appends the octets of a word.
func (d *wordDecoder) decode(raw []byte, w word) []byte {
	if w.encoding == 'B' {
		return d.appendB(raw, w.text)
	}
	s := w.text
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(s):
			if v, ok := hexOctet(s[i+1], s[i+2]); ok {
				c = v
				i += 2
			} else {
				d.found.add(DefectBadWord)
			}
		case c == '=':
			d.found.add(DefectBadWord)
		}
		raw = append(raw, c)
	}
	return raw
}

// appendB decodes base64 as far as it goes: foreign octets are skipped, padding
// may be missing, surplus or in the middle.
func (d *wordDecoder) appendB(dst []byte, s string) []byte {
	bits, n := uint32(0), 0
	for i := 0; i < len(s); i++ {
		v := base64Value[s[i]]
		if v > 63 {
			if s[i] == '=' {
				bits, n = 0, 0
			} else {
				d.found.add(DefectBadWord)
			}
			continue
		}
		bits, n = bits<<6|uint32(v), n+6
		if n >= 8 {
			n -= 8
			dst = append(dst, byte(bits>>n))
		}
	}
	return dst
}

// flush converts the octets that wait and returns their slice, empty.
func (d *wordDecoder) flush(raw []byte) []byte {
	if len(raw) == 0 {
		return raw
	}
	from := len(d.dst)
	d.dst = appendCharset(d.dst, raw, d.enc, d.o)
	if tail := d.dst[from:]; bytes.IndexByte(tail, 0) >= 0 || bytes.IndexByte(tail, '\n') >= 0 || bytes.IndexByte(tail, '\r') >= 0 {
		d.found.add(DefectControlInText)
		d.dst = cleanTail(d.dst, from)
	}
	if !utf8.Valid(d.dst[from:]) { // of an encoding that the caller gave
		d.dst = appendValid(d.dst[:from], bytes.Clone(d.dst[from:]))
	}
	return raw[:0]
}

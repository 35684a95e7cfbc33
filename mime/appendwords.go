package mime

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

const (
	foldAt      = 78  // RFC 5322, section 2.1.1: lines should not be longer
	foldWordsAt = 76  // RFC 2047, section 2: lines with encoded-words must not be
	mostLine    = 998 // RFC 5322, section 2.1.1: no line may be
	mostWord    = 75  // RFC 2047, section 2
	wordAround  = len("=?utf-8?Q??=")
)

var (
	// textQ may stand as it is in the Q encoding of text, phraseQ in that of a
	// phrase. RFC 2047, sections 4.2 and 5.
	textQ   = ascii.VChar.Without("=?_")
	phraseQ = ascii.LetDig.Or(ascii.Of("!*+-/"))
)

// AppendWords appends text as the body of an unstructured field. col is how many
// octets are on the line already. What ASCII cannot say becomes encoded-words in
// UTF-8, of 75 octets at most, without cutting a character; lines are folded,
// with CRLF, only at single spaces of the text or between words. CR, LF and NUL
// become spaces. Reading it back with DecodeWords gives the text.
func AppendWords(dst []byte, s string, col int) []byte {
	return appendWords(dst, cleanText(toValid(s)), col, textQ)
}

func appendWords(dst []byte, s string, col int, safe *ascii.Class) []byte {
	from, to := wordsNeeded(s)
	w := lineWriter{dst: dst, col: col, most: foldAt}
	if to > from {
		w.most = foldWordsAt
	}
	w.words(s[:from])
	if to > from {
		w.encoded(s[from:to], safe)
		w.words(s[to:])
	}
	return w.dst
}

// wordsNeeded returns the stretch of s that has to be encoded: from the first
// word that ASCII cannot say to the end of the last. White space that a fold
// would change (two spaces, one at the end) takes the words around it along.
func wordsNeeded(s string) (from, to int) {
	from = len(s)
	before, takeNext := 0, false
	for i := 0; i <= len(s) && s != ""; {
		n := strings.IndexByte(s[i:], ' ')
		if n < 0 {
			n = len(s) - i
		}
		switch {
		case n == 0:
			from, to, takeNext = min(from, before), i, true
		case takeNext || needsWord(s[i:i+n]):
			from, to, takeNext = min(from, i), i+n, false
		}
		before = i
		i += n + 1
	}
	return from, max(from, to)
}

func needsWord(s string) bool {
	return len(s) > mostLine-100 || !ascii.All(ascii.VChar, s) || strings.Contains(s, "=?")
}

// A lineWriter counts the octets of the line.
type lineWriter struct {
	dst  []byte
	col  int
	most int
}

func (w *lineWriter) put(s string) {
	w.dst = append(w.dst, s...)
	w.col += len(s)
}

func (w *lineWriter) fold() {
	w.dst = append(w.dst, "\r\n "...)
	w.col = 1
}

// words writes plain words. Each space may become a fold.
func (w *lineWriter) words(s string) {
	for s != "" {
		n := strings.IndexByte(s[1:], ' ') + 1
		if n == 0 {
			n = len(s)
		}
		word := s[:n]
		if word[0] == ' ' && len(word) > 1 && w.col+n > w.most {
			w.fold()
			word = word[1:]
		}
		w.put(word)
		s = s[n:]
	}
}

// encoded writes s as encoded-words, Q or B, whichever is shorter.
func (w *lineWriter) encoded(s string, safe *ascii.Class) {
	q := 0
	for i := range len(s) {
		q += costQ(s[i], safe)
	}
	useQ := q <= (len(s)+2)/3*4
	for s != "" {
		room := min(mostWord, w.most-w.col) - wordAround
		n := fitWord(s, room, useQ, safe)
		if n == 0 {
			// A space that stands there becomes part of the fold.
			w.dst = bytes.TrimSuffix(w.dst, []byte(" "))
			w.fold()
			n = fitWord(s, mostWord-1-wordAround, useQ, safe)
		}
		w.col += wordAround
		if useQ {
			w.dst = append(w.dst, "=?utf-8?Q?"...)
			for i := range n {
				w.q(s[i], safe)
			}
		} else {
			w.dst = append(w.dst, "=?utf-8?B?"...)
			w.dst = base64.StdEncoding.AppendEncode(w.dst, []byte(s[:n]))
			w.col += (n + 2) / 3 * 4
		}
		w.dst = append(w.dst, "?="...)
		if s = s[n:]; s != "" {
			w.fold()
		}
	}
}

func costQ(c byte, safe *ascii.Class) int {
	if c == ' ' || safe[c] {
		return 1
	}
	return 3
}

// fitWord returns how many octets of s, in whole characters, fit into room.
func fitWord(s string, room int, useQ bool, safe *ascii.Class) int {
	n, cost := 0, 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		if useQ {
			for i := range size {
				cost += costQ(s[n+i], safe)
			}
		} else {
			cost = (n + size + 2) / 3 * 4
		}
		if cost > room {
			break
		}
		n += size
	}
	return n
}

const upperHex = "0123456789ABCDEF"

func (w *lineWriter) q(c byte, safe *ascii.Class) {
	switch {
	case c == ' ':
		w.dst = append(w.dst, '_')
		w.col++
	case safe[c]:
		w.dst = append(w.dst, c)
		w.col++
	default:
		w.dst = append(w.dst, '=', upperHex[c>>4], upperHex[c&15])
		w.col += 3
	}
}

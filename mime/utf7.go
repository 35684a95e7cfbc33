package mime

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7, which some old mail is labelled with. It is used only when
// labelled: as a guess it would make markup of harmless text.
type utf7 struct{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: new(utf7Decoder)}
}

// NewEncoder refuses: nothing is written in UTF-7.
func (utf7) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: notWritten{}}
}

func (utf7) String() string { return "UTF-7" }

var errNotWritten = errors.New("mime: charset is not written")

// notWritten is the encoder of charsets that are only read.
type notWritten struct{ transform.NopResetter }

func (notWritten) Transform(_, _ []byte, _ bool) (int, int, error) { return 0, 0, errNotWritten }

// utf7Decoder keeps the bits of an unfinished UTF-16 unit between calls.
type utf7Decoder struct {
	shifted bool // in base64
	fresh   bool // right behind the plus sign
	bits    uint32
	n       uint // valid low bits
	high    rune // a high surrogate that waits for its low one
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		if nDst+2*utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += d.octet(dst[nDst:], src[nSrc])
	}
	if atEOF && d.high != 0 {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		d.high = 0
		nDst += utf8.EncodeRune(dst[nDst:], utf8.RuneError)
	}
	return nDst, nSrc, nil
}

func (d *utf7Decoder) octet(dst []byte, c byte) int {
	switch {
	case !d.shifted && c == '+':
		*d = utf7Decoder{shifted: true, fresh: true}
		return 0
	case !d.shifted:
		return putOctet(dst, c)
	}
	v := base64Value[c]
	if v < 64 {
		d.fresh = false
		return d.sextet(dst, v)
	}
	fresh, high := d.fresh, d.high
	*d = utf7Decoder{}
	n := 0
	if high != 0 {
		n = utf8.EncodeRune(dst, utf8.RuneError)
	}
	switch {
	case c == '-' && fresh:
		return n + putOctet(dst[n:], '+')
	case c == '-':
		return n
	}
	return n + putOctet(dst[n:], c)
}

func putOctet(dst []byte, c byte) int {
	if c >= utf8.RuneSelf {
		return utf8.EncodeRune(dst, utf8.RuneError)
	}
	dst[0] = c
	return 1
}

func (d *utf7Decoder) sextet(dst []byte, v byte) int {
	d.bits, d.n = d.bits<<6|uint32(v), d.n+6
	if d.n < 16 {
		return 0
	}
	d.n -= 16
	r := rune(d.bits >> d.n & 0xFFFF)
	high := d.high
	d.high = 0
	n := 0
	switch {
	case high != 0 && 0xDC00 <= r && r < 0xE000:
		return utf8.EncodeRune(dst, utf16.DecodeRune(high, r))
	case high != 0:
		n = utf8.EncodeRune(dst, utf8.RuneError)
	}
	if 0xD800 <= r && r < 0xDC00 {
		d.high = r
		return n
	}
	return n + utf8.EncodeRune(dst[n:], r)
}

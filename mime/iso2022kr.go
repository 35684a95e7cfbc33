package mime

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/transform"
)

// iso2022kr decodes ISO-2022-KR, RFC 1557: the designation ESC $ ) C, then SO
// and SI switch between ASCII and the seven-bit form of EUC-KR. Tables of the
// web replace it; old Korean mail is labelled with it.
type iso2022kr struct{}

func (iso2022kr) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &krDecoder{pair: korean.EUCKR.NewDecoder()}}
}

// NewEncoder refuses: nothing is written in ISO-2022-KR.
func (iso2022kr) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: notWritten{}}
}

func (iso2022kr) String() string { return "ISO-2022-KR" }

type krDecoder struct {
	shifted bool
	pair    *encoding.Decoder
}

func (d *krDecoder) Reset() { d.shifted = false }

const krDesignation = "\x1b$)C"

func (d *krDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		rest := src[nSrc:]
		c := rest[0]
		switch {
		case c == 0x0E || c == 0x0F:
			d.shifted = c == 0x0E
			nSrc++
		case c == 0x1B:
			n := 0
			for n < len(rest) && n < len(krDesignation) && rest[n] == krDesignation[n] {
				n++
			}
			switch {
			case n == len(krDesignation):
				nSrc += n
			case n == len(rest) && !atEOF:
				return nDst, nSrc, transform.ErrShortSrc
			default:
				nDst += putOctet(dst[nDst:], c)
				nSrc++
			}
		case d.shifted && c > 0x20 && c < 0x7F:
			if len(rest) < 2 && !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			n, k := d.character(dst[nDst:], rest)
			nDst += n
			nSrc += k
		default:
			if c == '\n' { // SI is implied at the end of a line
				d.shifted = false
			}
			nDst += putOctet(dst[nDst:], c)
			nSrc++
		}
	}
	return nDst, nSrc, nil
}

// character decodes two octets of the seven-bit form.
func (d *krDecoder) character(dst, src []byte) (nDst, nSrc int) {
	if len(src) < 2 || src[1] < 0x21 || src[1] > 0x7E {
		return utf8.EncodeRune(dst, utf8.RuneError), 1
	}
	d.pair.Reset()
	nDst, _, err := d.pair.Transform(dst, []byte{src[0] | 0x80, src[1] | 0x80}, true)
	if err != nil {
		return utf8.EncodeRune(dst, utf8.RuneError), 2
	}
	return nDst, 2
}

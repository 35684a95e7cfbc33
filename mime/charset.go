package mime

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/mailwire/mailwire/internal/ascii"
)

// mailCharsets are the labels of mail that mean something else than the tables
// of x/text say, or that these do not have. A superset stands for each set that
// senders mistake it for.
var mailCharsets = map[string]encoding.Encoding{
	"us-ascii": charmap.Windows1252, "ascii": charmap.Windows1252, "ansi": charmap.Windows1252,
	"ansi_x3.110": charmap.Windows1252, "ansi_x3.110-1983": charmap.Windows1252, "latin-1": charmap.Windows1252,
	"iso8859_1": charmap.Windows1252, "windows1252": charmap.Windows1252, "win-1252": charmap.Windows1252,
	"win-1251": charmap.Windows1251, "windows1251": charmap.Windows1251, "win-1250": charmap.Windows1250,
	"iso-8859-15": charmap.ISO8859_15, "latin-9": charmap.ISO8859_15,
	"gb2312": simplifiedchinese.GB18030, "gb_2312-80": simplifiedchinese.GB18030, "gb2312-80": simplifiedchinese.GB18030,
	"gbk": simplifiedchinese.GB18030, "cp936": simplifiedchinese.GB18030, "ms936": simplifiedchinese.GB18030,
	"windows-936": simplifiedchinese.GB18030, "euc-cn": simplifiedchinese.GB18030, "csgb2312": simplifiedchinese.GB18030,
	"hz-gb-2312": simplifiedchinese.HZGB2312, "hz": simplifiedchinese.HZGB2312,
	"ks_c_5601": korean.EUCKR, "cp949": korean.EUCKR, "ms949": korean.EUCKR, "uhc": korean.EUCKR, "ksc": korean.EUCKR,
	"cp932": japanese.ShiftJIS, "ms932": japanese.ShiftJIS, "cp943": japanese.ShiftJIS, "eucjp": japanese.EUCJP,
	"cp51932": japanese.EUCJP, "iso-2022-jp-1": japanese.ISO2022JP, "iso-2022-jp-2": japanese.ISO2022JP,
	"iso-2022-jp-3": japanese.ISO2022JP, "cp50220": japanese.ISO2022JP, "cp50221": japanese.ISO2022JP,
	"cp950": traditionalchinese.Big5, "ms950": traditionalchinese.Big5, "big5hkscs": traditionalchinese.Big5,
	"utf-16": unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf16": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"iso-10646-ucs-2": unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "ucs-2": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"utf-32": utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "utf-32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	"utf-32le":    utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"iso-2022-kr": iso2022kr{}, "csiso2022kr": iso2022kr{},
	"utf-7": utf7{}, "utf7": utf7{}, "unicode-1-1-utf-7": utf7{}, "csutf7": utf7{}, "csunicode11utf7": utf7{},
}

// noCharset holds labels that say that the sender did not know.
var noCharset = map[string]bool{
	"": true, "unknown": true, "unknown-8bit": true, "x-unknown": true, "8bit": true, "7bit": true, "binary": true,
	"default": true, "default_charset": true, "none": true, "_autodetect": true, "_autodetect_all": true, "cp-0": true,
}

// Charset returns the encoding that a charset label of mail means, or nil if it
// is unknown. Labels of WHATWG and IANA are known, and some of senders; quotes,
// white space and a repeated "charset=" do not matter. iso-8859-1 and us-ascii
// mean windows-1252, gb2312 means gb18030, ks_c_5601-1987 means cp949, utf-16
// without byte order mark is big-endian. utf-7 and iso-2022-kr are decoded, never encoded.
func Charset(label string) encoding.Encoding {
	return lookupCharset(cleanLabel(label))
}

func lookupCharset(label string) encoding.Encoding {
	switch label {
	case "utf-8", "utf8":
		return unicode.UTF8
	case "iso-8859-1", "windows-1252":
		return charmap.Windows1252
	}
	if e := mailCharsets[label]; e != nil {
		return e
	}
	if noCharset[label] || len(label) > 64 {
		return nil
	}
	if e, err := htmlindex.Get(label); err == nil && e != encoding.Replacement {
		return e
	}
	if e, err := ianaindex.IANA.Encoding(label); err == nil && e != nil {
		return e
	}
	if rest, ok := strings.CutPrefix(label, "x-"); ok {
		return lookupCharset(rest)
	}
	return nil
}

// cleanLabel brings a label to the form of the tables.
func cleanLabel(s string) string {
	for {
		t := strings.Trim(s, " \t\r\n\"'")
		if ascii.HasPrefixFold(t, "charset=") {
			t = t[len("charset="):]
		}
		if t == s {
			break
		}
		s = t
	}
	return lower(s)
}

// charset returns the encoding of a label; known is false if there is none. A
// label that says nothing is known and nil: text is guessed.
func (o *Options) charset(label string) (e encoding.Encoding, known bool) {
	if o != nil && o.Charset != nil {
		if e := o.Charset(strings.Clone(label)); e != nil { // label may lie in the message
			return e, true
		}
	}
	label = cleanLabel(label)
	if e := lookupCharset(label); e != nil {
		return e, true
	}
	return nil, noCharset[label]
}

// fallback returns the encoding of unlabelled 8-bit text that is not UTF-8.
func (o *Options) fallback() encoding.Encoding {
	if o != nil && o.Fallback != "" {
		if e, _ := o.charset(o.Fallback); e != nil {
			return e
		}
	}
	return charmap.Windows1252
}

// appendCharset appends src, converted to valid UTF-8. A nil encoding means
// UTF-8 if src is that, else the fallback.
func appendCharset(dst, src []byte, e encoding.Encoding, o *Options) []byte {
	if e == nil {
		if e = unicode.UTF8; !utf8.Valid(src) {
			e = o.fallback()
		}
	}
	if e == unicode.UTF8 {
		return appendValid(dst, src)
	}
	if m, ok := e.(*charmap.Charmap); ok {
		for _, c := range src {
			if c < utf8.RuneSelf {
				dst = append(dst, c)
			} else {
				dst = utf8.AppendRune(dst, m.DecodeByte(c))
			}
		}
		return dst
	}
	c := converter{t: e.NewDecoder()}
	return c.apply(dst, src, true)
}

// appendValid appends src with each invalid octet as U+FFFD.
func appendValid(dst, src []byte) []byte {
	if utf8.Valid(src) {
		return append(dst, src...)
	}
	from := 0
	for i := 0; i < len(src); {
		if src[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n < 2 {
			dst = append(append(dst, src[from:i]...), "\uFFFD"...)
			from = i + 1
		}
		i += n
	}
	return append(dst, src[from:]...)
}

// charsetText converts the octets of an extended parameter. Of an unknown
// charset the printable ASCII is kept, so that a filename is never empty.
func charsetText(label string, octets []byte, o *Options) (string, bool) {
	e, known := o.charset(label)
	if known {
		return view(appendCharset(make([]byte, 0, len(octets)), octets, e, o)), true
	}
	out := make([]byte, 0, len(octets))
	for _, c := range octets {
		if ascii.Print[c] {
			out = append(out, c)
		} else {
			out = append(out, "\uFFFD"...)
		}
	}
	return string(out), false
}

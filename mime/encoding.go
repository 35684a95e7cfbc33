package mime

import (
	"github.com/mailwire/mailwire/internal/ascii"
)

// Encoding is a Content-Transfer-Encoding. RFC 2045, section 6.
type Encoding uint8

const (
	SevenBit        Encoding = iota // also where the field is absent
	EightBit                        // RFC 2045, section 6.2
	Binary                          // RFC 2045, section 6.2
	QuotedPrintable                 // RFC 2045, section 6.7
	Base64                          // RFC 2045, section 6.8
	UUEncode                        // x-uuencode and its spellings, older than MIME
	EncodingUnknown                 // any other name: content is taken as it is
)

var encodingNames = [...]string{"7bit", "8bit", "binary", "quoted-printable", "base64", "x-uuencode", "unknown"}

// String returns the name that stands in the field.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "Encoding(?)"
}

// transforms reports whether content in e differs from what it stands for.
func (e Encoding) transforms() bool {
	return e == QuotedPrintable || e == Base64 || e == UUEncode
}

// parseEncoding reads the mechanism, which is the first token of the field: what
// senders write behind it, comments and more, is ignored. Nothing is 7bit.
func parseEncoding(v []byte) (e Encoding, known bool) {
	s := view(v)
	s = s[skipCFWS(s, 0):]
	if len(s) > 0 && s[0] == '"' {
		s = s[1:]
	}
	s = s[:ascii.Span(ascii.Token, s)]
	switch {
	case s == "" || ascii.EqualFold(s, "7bit") || ascii.EqualFold(s, "7-bit"):
		return SevenBit, s != ""
	case ascii.EqualFold(s, "8bit") || ascii.EqualFold(s, "8-bit"):
		return EightBit, true
	case ascii.EqualFold(s, "binary"):
		return Binary, true
	case ascii.EqualFold(s, "quoted-printable"):
		return QuotedPrintable, true
	case ascii.EqualFold(s, "base64"):
		return Base64, true
	case ascii.EqualFold(s, "x-uuencode"), ascii.EqualFold(s, "uuencode"), ascii.EqualFold(s, "x-uue"), ascii.EqualFold(s, "uue"):
		return UUEncode, true
	}
	return EncodingUnknown, false
}

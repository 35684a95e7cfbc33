package ascii

import (
	"encoding/base64"
	"errors"
)

// ErrBase64 is returned for input that is not canonical base64.
var ErrBase64 = errors.New("ascii: invalid base64")

var strictBase64 = base64.StdEncoding.Strict()

// AppendBase64 appends src in base64 with padding, on one line.
// RFC 4648, section 4.
func AppendBase64(dst, src []byte) []byte {
	return base64.StdEncoding.AppendEncode(dst, src)
}

// ParseBase64 appends what src encodes to dst. It takes the canonical form only:
// padding required, unused bits zero, no line ends, spaces or foreign octets, so
// that two different lines never mean the same octets. RFC 4648, sections 3.3 and 3.5.
// On ErrBase64 dst is returned as it was given, and nothing of what was decoded is
// left behind it: it may be a part of a secret.
func ParseBase64(dst, src []byte) ([]byte, error) {
	// encoding/base64 skips CR and LF, which the strict form does not have.
	for _, b := range src {
		if b == '\r' || b == '\n' {
			return dst, ErrBase64
		}
	}
	out, err := strictBase64.AppendDecode(dst, src)
	if err != nil {
		spare := out[len(dst):cap(out)]
		clear(spare[:min(len(spare), strictBase64.DecodedLen(len(src)))])
		return dst, ErrBase64
	}
	return out, nil
}

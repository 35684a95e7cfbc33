package auth

import (
	"bytes"
	"errors"

	"github.com/mailwire/mailwire/internal/ascii"
)

// DefaultLine is the longest SASL line taken by default, in octets of base64
// and without CRLF. RFC 4954, section 4, recommends it.
const DefaultLine = 12288

// What ParseOctets refuses.
var (
	ErrBase64      = errors.New("auth: not base64")
	ErrLineTooLong = errors.New("auth: SASL line too long")
)

// AppendInitial appends an initial response as it stands in an AUTH command:
// base64, and "=" for an empty one.
func AppendInitial(dst, ir []byte) []byte {
	if len(ir) == 0 {
		return append(dst, '=')
	}
	return ascii.AppendBase64(dst, ir)
}

// AppendOctets appends a challenge or response in base64, without CRLF. An empty
// one is empty.
func AppendOctets(dst, octets []byte) []byte { return ascii.AppendBase64(dst, octets) }

// ParseOctets decodes the line of a response, or an initial response, without its
// CRLF. "=" and the empty line are empty octets, which is not nil. Errors: "*" is
// ErrAborted; ErrBase64 for anything but canonical base64; ErrLineTooLong for a
// line of more than limit octets, where zero means DefaultLine.
func ParseOctets(line []byte, limit int) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultLine
	}
	switch {
	case len(line) > limit:
		return nil, ErrLineTooLong
	case bytes.Equal(line, []byte("*")):
		return nil, ErrAborted
	case bytes.Equal(line, []byte("=")):
		return []byte{}, nil
	}
	out, err := ascii.ParseBase64([]byte{}, line)
	if err != nil {
		return nil, ErrBase64
	}
	return out, nil
}

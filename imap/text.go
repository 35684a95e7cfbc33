package imap

import "github.com/mailwire/mailwire/internal/ascii"

// Text is octets of a header as they are: not decoded, since what they mean is
// for package mime to say, on demand. nil is NIL, which is another thing than
// an empty string.
type Text []byte

func (t Text) String() string { return string(t) }

func upper[T ~string | ~[]byte](s T) string { return string(ascii.AppendUpper(nil, s)) }

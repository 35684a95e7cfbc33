package imap

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/mailwire/mailwire/internal/lineio"
)

// ErrPlaintext is returned by Reader.Upgrade when octets are waiting that did
// not come through the new layer. RFC 9051, section 6.2.1.
var ErrPlaintext = lineio.ErrPlaintext

// ErrHold is returned by ClientSession.Send while a command may not be sent yet:
// its meaning would be ambiguous, or another one waits for a continuation.
// Try again after the next Done or Plus. RFC 9051, section 5.5.
var ErrHold = errors.New("imap: command held back until those in flight are done")

// ErrMailboxName is behind the SyntaxError for a mailbox name that is not
// modified UTF-7, or not UTF-8 where that was agreed on. RFC 3501, section 5.1.3.
var ErrMailboxName = errors.New("imap: not a mailbox name")

// A SyntaxError says what is wrong with octets that came, or with a value that
// cannot be put on the wire.
type SyntaxError struct {
	Offset int    // octets from the start of what was parsed
	Want   string // what was expected there
	Got    string // what came, quoted and shortened
	Err    error  // ErrMailboxName, or nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("imap: at octet %d: want %s, got %s", e.Offset, e.Want, e.Got)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// An EncodeError says why a value cannot be put on the wire.
type EncodeError struct{ What string }

func (e *EncodeError) Error() string { return "imap: cannot encode " + e.What }

// quote returns a sample of b that is safe in messages and logs.
func quote[T ~string | ~[]byte](b T) string {
	const most = 40
	if len(b) > most {
		return strconv.QuoteToASCII(string(b[:most])) + "..."
	}
	return strconv.QuoteToASCII(string(b))
}

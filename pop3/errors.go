package pop3

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/mailwire/mailwire/internal/lineio"
)

// What ReadLine refuses. After the first four the line has been skipped up to
// its CRLF and reading may go on; after ErrEndless it may not.
var (
	ErrLineTooLong = lineio.ErrLineTooLong
	ErrBareLF      = lineio.ErrBareLF
	ErrBareCR      = lineio.ErrBareCR
	ErrNUL         = lineio.ErrNUL
	ErrEndless     = lineio.ErrEndless
)

// ErrPlaintext is returned by Upgrade when octets are waiting that did not come
// through TLS. RFC 2595, section 4.
var ErrPlaintext = lineio.ErrPlaintext

// ErrBodyTooLong is returned for a multi-line answer beyond its limit. What is
// left of it is still on the wire, so the connection is of no more use.
var ErrBodyTooLong = errors.New("pop3: multi-line answer too long")

// What a ClientSession refuses to send, or to take.
var (
	// ErrSequence: this command cannot be sent now.
	ErrSequence = errors.New("pop3: command out of sequence")
	// ErrFull: too much is unanswered; read replies first.
	ErrFull = errors.New("pop3: too many commands unanswered")
	// ErrUTF8: a name or password is not ASCII, and the server does not take
	// that. RFC 6856, section 2.2.
	ErrUTF8 = errors.New("pop3: the server takes no UTF-8 in names and passwords")
	// ErrUnasked: the server answered a command that was not sent. Nothing it
	// says can be assigned any more: close the connection.
	ErrUnasked = errors.New("pop3: a reply to no command")
)

// What the list of messages given to Open can have wrong, by the message.
var (
	errUID       = errors.New("unique-id is not 1 to 70 octets of printable ASCII")
	errDuplicate = errors.New("unique-id used twice")
	errSize      = errors.New("size is negative")
)

// A MaildropError says why a maildrop cannot be opened as it was given.
type MaildropError struct {
	N   int // number of the message; 0: there are too many
	UID string
	Err error
}

func (e *MaildropError) Error() string {
	if e.N == 0 {
		return "pop3: maildrop: " + e.Err.Error()
	}
	return fmt.Sprintf("pop3: maildrop: message %d (%s): %v", e.N, quote(e.UID), e.Err)
}

func (e *MaildropError) Unwrap() error { return e.Err }

// A Reject is a refusal: what we answer. Backends return it to say which reply
// the client gets.
type Reject struct {
	Code RespCode
	Text string
}

func (r *Reject) Error() string { return "pop3: refused with " + r.Reply().String() }

// Reply returns the refusal as a reply.
func (r *Reject) Reply() Reply { return Reply{Code: r.Code, Text: r.Text} }

// A ReplyError is a negative reply that a server gave: what they answered. It
// is another type than Reject, so that their words are not passed on by accident.
type ReplyError struct {
	Verb  Verb // the command that was answered; UnknownVerb: the greeting
	Reply Reply
}

func (e *ReplyError) Error() string {
	return fmt.Sprintf("pop3: server answered %s with %q", e.Verb, e.Reply.String())
}

// Temporary reports whether the same may succeed later: the maildrop is in use,
// the last login is too recent, or the server is in trouble that will pass. It
// is false where the server gives no response codes. RFC 2449, section 8;
// RFC 3206, section 4.
func (e *ReplyError) Temporary() bool {
	c := e.Reply.Code
	return c.Within(InUse) || c.Within(LoginDelay) || c.Within(SysTemp)
}

// A SyntaxError says what is wrong with octets that came, or with a value that
// cannot be put on the wire.
type SyntaxError struct {
	What   string // the term of the grammar: "reply", "scan listing", "argument of USER"
	Offset int    // octets from the start of what was parsed, where known
	Want   string // what was expected there
	Got    string // what came, quoted and shortened; never a secret
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("pop3: bad %s at octet %d: want %s, got %s", e.What, e.Offset, e.Want, e.Got)
}

// quote returns a sample of b that is safe in messages and logs.
func quote[T ~string | ~[]byte](b T) string {
	const most = 40
	if len(b) > most {
		return strconv.QuoteToASCII(string(b[:most])) + "..."
	}
	return strconv.QuoteToASCII(string(b))
}

// Password is a password as it came with PASS. Every verb of fmt, and every
// encoding that asks for text, prints "[redacted]" for it; string(p) is the way
// to the octets.
type Password string

const redacted = "[redacted]"

// Format prints "[redacted]" whatever the verb.
func (Password) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText keeps passwords out of JSON and its kin.
func (Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

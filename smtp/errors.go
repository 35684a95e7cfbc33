package smtp

import (
	"errors"
	"fmt"
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
// through TLS. RFC 3207, section 4.2.
var ErrPlaintext = lineio.ErrPlaintext

// ErrUTF8 is returned for an address of UTF-8 where SMTPUTF8 was not asked for.
// RFC 6531, section 3.5.
var ErrUTF8 = errors.New("smtp: UTF-8 in an address without SMTPUTF8")

// A Reject is a refusal: what we answer. Handlers return it to say which reply
// the peer gets.
type Reject struct {
	Code     int // 400 to 599
	Enhanced EnhancedCode
	Text     string
}

func (r *Reject) Error() string { return "smtp: refused with " + r.Reply().String() }

// Reply returns the refusal as a reply.
func (r *Reject) Reply() Reply { return Reply(*r) }

// A ReplyError is a negative reply that a peer gave: what they answered. It is
// another type than Reject, so that their words are not passed on by accident.
type ReplyError struct {
	Command Verb // the command that was answered; UnknownVerb: the greeting, or content
	Reply   Reply
}

func (e *ReplyError) Error() string {
	if e.Command == UnknownVerb {
		return fmt.Sprintf("smtp: peer answered with %q", e.Reply.String())
	}
	return fmt.Sprintf("smtp: peer answered %s with %q", e.Command, e.Reply.String())
}

// Temporary reports whether the same command may succeed later: 4xx.
func (e *ReplyError) Temporary() bool { return e.Reply.Code/100 == 4 }

// A SyntaxError says what is wrong with octets that came, or with a value that
// cannot be put on the wire.
type SyntaxError struct {
	What   string // the term of the grammar: "path", "reply", or a parameter's keyword
	Offset int    // octets from the start of what was parsed, where known
	Want   string // what was expected there
	Got    string // what came, quoted and shortened
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("smtp: bad %s at octet %d: want %s, got %s", e.What, e.Offset, e.Want, e.Got)
}

// quote returns a sample of b that is safe in messages and logs.
func quote[T ~string | ~[]byte](b T) string {
	const most = 40
	if len(b) > most {
		return strconv.QuoteToASCII(string(b[:most])) + "..."
	}
	return strconv.QuoteToASCII(string(b))
}

// A ContentError says why the content of a message is refused. The content has
// been read to its end all the same.
type ContentError struct{ Reason ContentReason }

// A ContentReason names what is wrong with the content of a message. Of several
// the first in this list is given.
type ContentReason uint8

const (
	TooBig      ContentReason = iota + 1 // over Limits.Message: 552 5.3.4
	BareLineEnd                          // bare CR or LF under the policy Reject: 550 5.6.0
	Header                               // header over Limits.Header: 552 5.3.4
	Loop                                 // over Limits.Received trace fields: 554 5.4.6
	LongLine                             // a line over Limits.TextLine: 554 5.6.0
)

var contentReplies = [...]Reply{
	TooBig:      {552, EnhancedCode{5, 3, 4}, "message too big"},
	BareLineEnd: {550, EnhancedCode{5, 6, 0}, "bare CR or LF in the message: lines end in CRLF"},
	Header:      {552, EnhancedCode{5, 3, 4}, "header of the message too big"},
	Loop:        {554, EnhancedCode{5, 4, 6}, "too many Received fields: mail loop"},
	LongLine:    {554, EnhancedCode{5, 6, 0}, "line of the message too long"},
}

func (e *ContentError) Error() string { return "smtp: " + contentReplies[e.Reason].Text }

// Reply returns the refusal that the peer gets.
func (e *ContentError) Reply() Reply { return contentReplies[e.Reason] }

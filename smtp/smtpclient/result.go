package smtpclient

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/smtp"
)

// A Result says what became of a message.
type Result struct {
	Rcpts   []RcptResult // one for each recipient, in the order of the envelope
	Reply   smtp.Reply   // the last reply to the content; zero: there was none
	Dropped []string     // keywords of the parameters that were left out
}

// An RcptResult says what became of one recipient.
type RcptResult struct {
	Rcpt  smtp.Reply // the reply to RCPT; zero: there was none
	Final smtp.Reply // the reply to the content, in LMTP this recipient's own; zero: there was none
	Err   error      // nil: the server has taken the message for this recipient
}

// What a Client refuses to send, beside what package smtp refuses to write.
var (
	// Err8Bit: the content has an octet of 0x80 or above, and the server does not
	// offer 8BITMIME, or the envelope says 7BIT. RFC 6152, section 3.
	Err8Bit = errors.New("smtpclient: 8-bit content that cannot be sent as such")
	// ErrTooBig: the message is larger than the server takes. RFC 1870, section 6.1.
	ErrTooBig = errors.New("smtpclient: message larger than the server takes")
	// ErrRefusedOthers: with AllOrNothing, another recipient was refused.
	ErrRefusedOthers = errors.New("smtpclient: not sent because another recipient was refused")
)

// A SendError says that a message was not accepted for all of its recipients.
type SendError struct {
	Failed []int   // by their place in the envelope
	Result *Result // of all recipients
	Err    error   // of the first that failed
}

func (e *SendError) Error() string {
	return fmt.Sprintf("smtpclient: %d of %d recipients failed: %v", len(e.Failed), len(e.Result.Rcpts), e.Err)
}

// Unwrap returns Err.
func (e *SendError) Unwrap() error { return e.Err }

// Temporary reports whether something is worth trying again: for one recipient
// at least the cause is not a final one.
func (e *SendError) Temporary() bool {
	for _, i := range e.Failed {
		if temporary(e.Result.Rcpts[i].Err) {
			return true
		}
	}
	return len(e.Failed) == 0 && temporary(e.Err)
}

// temporary reports whether the same attempt may succeed later. What a server
// says is in its reply. What we refuse by ourselves stays refused, for this server
// as it is now. Everything else is the weather.
func temporary(err error) bool {
	if e, ok := errors.AsType[*smtp.ReplyError](err); ok {
		return e.Temporary()
	}
	if e, ok := errors.AsType[*smtp.Reject](err); ok {
		return e.Code/100 == 4
	}
	if e, ok := errors.AsType[*smtp.SyntaxError](err); ok {
		return e.What == "reply" // one that makes no sense says nothing about the message
	}
	if _, ok := errors.AsType[*smtp.NotOffered](err); ok {
		return false
	}
	for _, final := range []error{smtp.ErrUTF8, smtp.ErrBareLineEnd, Err8Bit, ErrTooBig} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// failAll is the result of a message of which nothing was sent.
func failAll(e *smtp.Envelope, err error) (*Result, error) {
	r := &Result{Rcpts: make([]RcptResult, len(e.To))}
	for i := range r.Rcpts {
		r.Rcpts[i].Err = err
	}
	return r, r.error(err)
}

// error returns the *SendError that r amounts to, or nil. err is the cause where
// no recipient has one.
func (r *Result) error(err error) error {
	var failed []int
	for i := range r.Rcpts {
		if r.Rcpts[i].Err != nil {
			failed = append(failed, i)
		}
	}
	if len(failed) > 0 {
		err = r.Rcpts[failed[0]].Err
	}
	if err == nil {
		return nil
	}
	return &SendError{Failed: failed, Result: r, Err: err}
}

// Relay makes a refusal of our own out of one that an upstream server gave: its
// codes, and its words marked as another's, printable and short. It is for
// proxies, whose hooks would otherwise answer 451 to every *smtp.ReplyError. What
// is no reply of a server is returned as it is. A 421 becomes 451, since it was the
// upstream's connection that ended and not the one of whoever is answered.
func Relay(err error) error {
	e, ok := errors.AsType[*smtp.ReplyError](err)
	if !ok {
		return err
	}
	r := &smtp.Reject{Code: e.Reply.Code, Enhanced: e.Reply.Enhanced}
	if r.Code == 421 || r.Code < 400 || r.Code > 599 {
		r.Code, r.Enhanced = 451, smtp.EnhancedCode{4, 4, 0}
	}
	r.Enhanced = r.Enhanced.ForReply(r.Code)
	r.Text = "upstream said: " + printable(e.Reply.Text, 300)
	return r
}

// printable returns at most n octets of s as one line of printable ASCII.
func printable(s string, n int) string {
	s = strings.ReplaceAll(s, "\n", " / ")
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}

package pop3

import "math"

// Limits bound what one session takes. In each field zero means the default
// that the comment gives, and a negative value means no limit.
type Limits struct {
	Line         int   // octets of a command line with CRLF: 255, never below. RFC 2449, section 4
	AuthLine     int   // octets of a SASL response without CRLF: 12288. RFC 5034, section 4
	Errors       int   // commands that the session itself refuses: 10
	AuthFailures int   // failed logins: 3
	Messages     int   // messages of a maildrop; lines of a listing: 1 000 000
	ReplyLine    int   // client: octets of a reply line with CRLF: 2048
	Body         int64 // client: octets of a message: 1 GiB
}

// or returns limit, or def if limit is zero, or most if it is negative.
func or[T int | int64](limit, def, most T) T {
	switch {
	case limit == 0:
		return def
	case limit < 0:
		return most
	}
	return limit
}

func (l *Limits) line() int         { return max(maxCommand, or(l.Line, maxCommand, math.MaxInt)) }
func (l *Limits) authLine() int     { return or(l.AuthLine, 12288, math.MaxInt-2) }
func (l *Limits) errors() int       { return or(l.Errors, 10, math.MaxInt) }
func (l *Limits) authFailures() int { return or(l.AuthFailures, 3, math.MaxInt) }
func (l *Limits) messages() int     { return or(l.Messages, 1_000_000, math.MaxInt) }
func (l *Limits) replyLine() int    { return or(l.ReplyLine, 2048, math.MaxInt) }
func (l *Limits) body() int64       { return or(l.Body, 1<<30, math.MaxInt64) }

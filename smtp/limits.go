package smtp

import "math"

// Limits bound what one session takes. In each field zero means the default
// that the comment gives, and a negative value means no limit.
type Limits struct {
	Line         int   // octets of a command line with CRLF: 2048, never below 512. RFC 5321, section 4.5.3.1.4
	AuthLine     int   // octets of a SASL response without CRLF: 12288. RFC 4954, section 4
	Message      int64 // octets of a message: 50 MiB. Offered as SIZE. RFC 1870, section 4
	Rcpts        int   // accepted recipients of a message: 1000. RFC 5321, section 4.5.3.1.8 asks for 100
	RcptDomains  int   // different domains of recipients in a session: none. RFC 9422, section 4
	Mails        int   // transactions in a session: none
	Header       int64 // octets of a message's header: 256 KiB
	Received     int   // Received fields before a message counts as looping: 100. RFC 5321, section 6.3
	TextLine     int   // octets of a line of text with CRLF: none. RFC 5321, section 4.5.3.1.6
	Errors       int   // commands that the session itself refuses: 20
	BadRcpts     int   // recipients that were refused: 100
	AuthFailures int   // failed AUTH commands: 3
	ReplyLine    int   // client: octets of a reply line with CRLF: 2048
	Reply        int   // client: octets of a whole reply: 64 KiB
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

func (l *Limits) line() int         { return max(512, or(l.Line, 2048, math.MaxInt)) }
func (l *Limits) authLine() int     { return or(l.AuthLine, 12288, math.MaxInt-2) }
func (l *Limits) message() int64    { return or(l.Message, 50<<20, math.MaxInt64) }
func (l *Limits) rcpts() int        { return or(l.Rcpts, 1000, math.MaxInt) }
func (l *Limits) rcptDomains() int  { return or(l.RcptDomains, math.MaxInt, math.MaxInt) }
func (l *Limits) mails() int        { return or(l.Mails, math.MaxInt, math.MaxInt) }
func (l *Limits) header() int64     { return or(l.Header, 256<<10, math.MaxInt64) }
func (l *Limits) received() int     { return or(l.Received, 100, math.MaxInt) }
func (l *Limits) textLine() int     { return or(l.TextLine, math.MaxInt, math.MaxInt) }
func (l *Limits) errors() int       { return or(l.Errors, 20, math.MaxInt) }
func (l *Limits) badRcpts() int     { return or(l.BadRcpts, 100, math.MaxInt) }
func (l *Limits) authFailures() int { return or(l.AuthFailures, 3, math.MaxInt) }
func (l *Limits) replyLine() int    { return or(l.ReplyLine, 2048, math.MaxInt) }
func (l *Limits) reply() int        { return or(l.Reply, 64<<10, math.MaxInt) }

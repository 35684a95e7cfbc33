package smtpserver

import (
	"context"
	"strconv"

	"github.com/mailwire/mailwire/smtp"
)

// A Handler makes the Session of each connection. It is called before the
// greeting; a *smtp.Reject is sent in its place, 421 to close the connection or
// 5xx to be greeted with 554. It may be called by many goroutines at once.
type Handler interface {
	NewSession(ctx context.Context, c *Conn) (*Session, error)
}

// A HandlerFunc is a Handler that accepts every recipient and gives each message
// to the function, as a sink or a test does.
type HandlerFunc func(ctx context.Context, m *Message) error

// NewSession implements Handler.
func (f HandlerFunc) NewSession(context.Context, *Conn) (*Session, error) {
	return &Session{
		Rcpt: func(context.Context, *Message, smtp.Rcpt) error { return nil },
		Data: f,
	}, nil
}

// A SessionFunc is a Handler that is its NewSession alone.
type SessionFunc func(ctx context.Context, c *Conn) (*Session, error)

// NewSession implements Handler.
func (f SessionFunc) NewSession(ctx context.Context, c *Conn) (*Session, error) { return f(ctx, c) }

// A Session is what an application does in one connection: functions, each of
// which decides on one command. A nil one is the safe answer that its comment
// gives. Hooks of one Session are never called at the same time, and what they
// share lives in variables around them; only Query and Command may come while Data
// runs, from within its Message.Read, which lets the client speak between two
// chunks. The Session is not changed after NewSession has returned it.
//
// Errors: a *smtp.Reject of 4xx or 5xx is what the peer gets. Any other error
// is logged and becomes 451, and its text is never sent; so is a
// *smtp.ReplyError of an upstream server, whose words are not ours. A hook that
// panics ends this connection with 421 and no other.
type Session struct {
	// Hello: the client has named itself. nil: welcome.
	Hello func(ctx context.Context, v smtp.Verb, name string) error

	// Mail: m.From and m.Options have come. nil: accepted.
	Mail func(ctx context.Context, m *Message) error

	// Rcpt: accepted, it becomes m.To[len(m.To)]. nil: refused with 550, so that
	// a server which does not say whom it serves relays for nobody.
	Rcpt func(ctx context.Context, m *Message, to smtp.Rcpt) error

	// BodyStart comes before the content: before the 354 to DATA, and before the
	// first chunk of BDAT is accepted. All recipients are known. nil: go on.
	BodyStart func(ctx context.Context, m *Message) error

	// Data gets the message, however it was sent: read m to io.EOF. When it
	// returns nil the message is ours, with all that RFC 5321, section 4.2.5
	// makes of that. nil: refused with 554.
	Data func(ctx context.Context, m *Message) error

	// Query answers VRFY, EXPN, HELP and ETRN. nil: 252, 502, 214 and 502.
	Query func(ctx context.Context, q smtp.Query) (smtp.Reply, error)

	// Command answers verbs that nobody knows. nil: 500.
	Command func(ctx context.Context, name, arg string) (smtp.Reply, error)

	// End is called once for each MAIL that was accepted, when its transaction
	// has ended.
	End func(m *Message, why EndReason)

	// Close is called once, at the end of the connection, or of the Session where
	// XCLIENT begins another. err is nil then and after QUIT,
	// io.EOF if the client just went, io.ErrUnexpectedEOF if it went inside
	// a transaction, or what else went wrong.
	Close func(err error)

	// Offer, if not nil, is offered instead of the Server's.
	Offer *smtp.Offer
}

// An EndReason says how a transaction ended.
type EndReason uint8

const (
	Done    EndReason = iota + 1 // the message was accepted, for one recipient at least
	Refused                      // the message was refused
	Rset                         // the client sent RSET
	Hello                        // the client sent EHLO, HELO or LHLO again
	Closed                       // the connection ended
)

func (r EndReason) String() string {
	if r == 0 || r > Closed {
		return "EndReason(" + strconv.Itoa(int(r)) + ")"
	}
	return [...]string{Done: "Done", Refused: "Refused", Rset: "Rset", Hello: "Hello", Closed: "Closed"}[r]
}

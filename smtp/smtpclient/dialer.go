package smtpclient

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// A Dialer says where to send to, and how. It is not changed once in use, and is
// safe for concurrent use then.
type Dialer struct {
	// Addr is host:port, or the path of a Unix socket. Without a port it is 25, in
	// Submission 587. Port 465 means TLS from the first octet: RFC 8314, section 3.3.
	Addr string

	LocalName string        // what EHLO says; "": the system's host name, or the address we come from
	Protocol  smtp.Protocol // zero: SMTP

	TLS         auth.TLSPolicy    // zero: verified TLS. ServerName "": the host of Addr
	Credentials auth.Credentials  // zero: no AUTH
	Auth        auth.ClientPolicy // what may be used to show them; zero: nothing without TLS

	// Dial makes the connection; nil: net.Dialer's DialContext.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	AllOrNothing bool // send the message only if every recipient is accepted
	Chunking     bool // send by BDAT where it is offered: RFC 3030

	// LineEnds is what to do about bare CR and LF: zero makes each a CRLF, and
	// smtp.RejectBare refuses to send. They are kept in BINARYMIME only.
	LineEnds smtp.LineEnds

	Limits   smtp.Limits  // ReplyLine and Reply
	Timeouts Timeouts     // of every wait
	Logger   *slog.Logger // nil: no log
}

// Timeouts are the longest times to wait. In each field zero means the default
// that the comment gives, and a negative value means no limit. The context of
// a call ends it earlier. RFC 5321, section 4.5.3.2.
type Timeouts struct {
	Dial     time.Duration // for a connection: 1 min
	TLS      time.Duration // for a handshake: 1 min
	Greeting time.Duration // for the greeting: 5 min
	Mail     time.Duration // for the reply to MAIL: 5 min
	Rcpt     time.Duration // for the reply to RCPT: 5 min
	Data     time.Duration // for the reply to DATA: 2 min
	Block    time.Duration // for the server to take a piece of what we send: 3 min
	Final    time.Duration // for the reply to the content: 10 min
	Command  time.Duration // for any other reply: 5 min
	Quit     time.Duration // for the reply to QUIT: 5 s
}

// What connecting refuses by itself.
var (
	// ErrAuthNotOffered: there are credentials, and the server does not offer AUTH
	// on this connection.
	ErrAuthNotOffered = errors.New("smtpclient: the server does not offer AUTH")
	// ErrBusy: another call is using the Client, or a Transaction is open.
	ErrBusy = errors.New("smtpclient: the client is busy")
	// ErrClosed: the Client or the Pool was closed.
	ErrClosed = errors.New("smtpclient: closed")
)

// Send connects, sends one message, and takes its leave. See [Client.Send].
func (d *Dialer) Send(ctx context.Context, e *smtp.Envelope, body io.Reader) (*Result, error) {
	if err := e.Check(); err != nil {
		return failAll(e, err)
	}
	c, err := d.Connect(ctx)
	if err != nil {
		return failAll(e, err)
	}
	defer c.Close()
	return c.Send(ctx, e, body)
}

// Connect dials and makes a Client of the connection. See [NewClient].
func (d *Dialer) Connect(ctx context.Context) (*Client, error) {
	network, addr := d.address()
	dctx, cancel := withTimeout(ctx, d.Timeouts.Dial, time.Minute)
	defer cancel()
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	c, err := dial(dctx, network, addr)
	if err != nil {
		return nil, err
	}
	return NewClient(ctx, c, d)
}

func (d *Dialer) address() (network, addr string) {
	if strings.HasPrefix(d.Addr, "/") {
		return "unix", d.Addr
	}
	if _, _, err := net.SplitHostPort(d.Addr); err == nil {
		return "tcp", d.Addr
	}
	port := "25"
	if d.Protocol == smtp.Submission {
		port = "587"
	}
	return "tcp", net.JoinHostPort(strings.Trim(d.Addr, "[]"), port)
}

// hostPort returns what is connected to, for TLS and OAuth.
func (d *Dialer) hostPort() (host string, port uint16) {
	_, addr := d.address()
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0
	}
	n, _ := net.LookupPort("tcp", p)
	return host, uint16(n)
}

// policy returns TLS with what follows from Addr.
func (d *Dialer) policy() auth.TLSPolicy {
	p := d.TLS
	host, port := d.hostPort()
	p.ServerName = cmp.Or(p.ServerName, host)
	if port == 465 && p.Level != auth.TLSNever {
		p.Implicit = true
	}
	return p
}

// wantsAuth reports whether there is anything to authenticate with.
func (d *Dialer) wantsAuth() bool {
	c := &d.Credentials
	return c.Username != "" || c.Token != nil || c.External || len(d.Auth.Prefer) > 0 || len(d.Auth.Extra) > 0
}

var discard = slog.New(slog.DiscardHandler)

func (d *Dialer) logger() *slog.Logger {
	if d.Logger == nil {
		return discard
	}
	return d.Logger
}

func withTimeout(ctx context.Context, d, def time.Duration) (context.Context, context.CancelFunc) {
	if d = cmp.Or(d, def); d < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

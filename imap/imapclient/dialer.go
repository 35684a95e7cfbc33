package imapclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
)

// A Dialer says how to connect and log in. It is not changed once in use, and
// is safe for concurrent use then.
type Dialer struct {
	// Addr is host:port. Without a port it is 993. Port 993 means TLS from the first
	// octet: RFC 8314, section 3.2.
	Addr string

	TLS         auth.TLSPolicy    // zero: verified TLS. ServerName "": the host of Addr
	Credentials auth.Credentials  // zero: no login, see Client.Login
	Auth        auth.ClientPolicy // what may be used to show them; zero: nothing without TLS

	// Enable is what to switch on behind the login, as far as the server has it.
	// nil: all that this package makes use of, which is IMAP4rev2, QRESYNC,
	// CONDSTORE and UTF8=ACCEPT. Empty: nothing.
	Enable []imap.Cap
	// Mask is what the server cannot do although it says so.
	Mask []imap.Cap
	// Features are further grammar, beside that of imap.Full. They are for Commands
	// of other packages.
	Features []*imap.Feature

	Compress bool          // COMPRESS=DEFLATE behind the login, where it is offered
	ID       imap.IDFields // who we are, told behind the login where ID is offered. nil: not told

	// Strict lets no mistake of the server pass.
	Strict bool

	Limits imap.Limits // those of a client: ResponseLine, ResponseLiteral

	// Spool makes the room for what was fetched and not yet read when another
	// command has to be answered; nil: memory up to 1 MiB, then a temporary file.
	Spool func() (Spool, error)
	// SpoolLimit bounds that room, in octets, of one Fetch. Zero: 1 GiB; negative: no
	// limit.
	SpoolLimit int64
	// Drain bounds the octets of literals that are read for nobody, because a loop
	// was left early. More ends the connection. Zero: 64 MiB; negative: no limit.
	Drain int64

	Timeouts Timeouts // of every wait

	// Dial makes the connection; nil: a net.Dialer with keep-alive.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Trace is told every line, without its CRLF. What belongs to a login is left
	// out, and so is what is streamed. It must not call the Client.
	Trace  func(client bool, line []byte)
	Logger *slog.Logger // nil: no log
}

// Timeouts are the longest times to wait. In each field zero means the default
// that the comment gives, and a negative value means no limit.
type Timeouts struct {
	Dial    time.Duration // for a connection, and for TLS on it: 1 min
	Silence time.Duration // for the next octet of an answer: 2 min
	Write   time.Duration // for the server to take a piece of what we send: 2 min
	// ReIdle is how long IDLE goes on before it is begun anew: 28 min. Servers may
	// end the session behind 30 minutes: RFC 2177, section 3.
	ReIdle time.Duration
	// Poll is how often NOOP asks for news where there is no IDLE: 1 min.
	Poll time.Duration
}

var (
	// ErrClosed: the Client was closed, or has logged out.
	ErrClosed = errors.New("imapclient: closed")
	// ErrBusy: Events is under way already.
	ErrBusy = errors.New("imapclient: another loop over Events is under way")
	// ErrTooMuch: what waits to be read has reached Dialer.SpoolLimit, or what a loop
	// that was left early would have got has reached Dialer.Drain.
	ErrTooMuch = errors.New("imapclient: too much that nobody has read")
)

// A CapError means that the server does not have what would be needed. Nothing was
// sent.
type CapError struct{ Caps []imap.Cap } // any of these would do

func (e *CapError) Error() string {
	names := make([]string, len(e.Caps))
	for i, c := range e.Caps {
		names[i] = string(c)
	}
	return "imapclient: the server has no " + strings.Join(names, " or ")
}

// Connect connects, starts TLS, logs in and enables what d says.
func (d *Dialer) Connect(ctx context.Context) (*Client, error) {
	dctx, cancel := withTimeout(ctx, d.Timeouts.Dial, time.Minute)
	defer cancel()
	dial := d.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: time.Minute}).DialContext
	}
	nc, err := dial(dctx, "tcp", net.JoinHostPort(d.hostPort()))
	if err != nil {
		return nil, err
	}
	if p := d.policy(); p.Implicit && p.Level != auth.TLSNever {
		if p.ALPN == nil && (p.Base == nil || len(p.Base.NextProtos) == 0) {
			p.ALPN = []string{"imap"}
		}
		tc := tls.Client(nc, p.Config())
		if err := tc.HandshakeContext(dctx); err != nil {
			nc.Close()
			return nil, fmt.Errorf("imapclient: TLS handshake: %w", err)
		}
		nc = tc
	}
	return NewClient(ctx, nc, d)
}

// hostPort returns what is connected to.
func (d *Dialer) hostPort() (host, port string) {
	host, port, err := net.SplitHostPort(d.Addr)
	if err != nil {
		return strings.Trim(d.Addr, "[]"), "993"
	}
	return host, port
}

// policy returns TLS with what follows from Addr.
func (d *Dialer) policy() auth.TLSPolicy {
	p := d.TLS
	host, port := d.hostPort()
	p.ServerName = cmp.Or(p.ServerName, host)
	if port == "993" && p.Level != auth.TLSNever {
		p.Implicit = true
	}
	return p
}

func (d *Dialer) hasLogin() bool {
	c := &d.Credentials
	return c.Username != "" || c.Token != nil || c.External || len(d.Auth.Extra) > 0
}

// grammar returns the language to speak; nil is imap.Full.
func (d *Dialer) grammar() *imap.Grammar {
	if len(d.Features) == 0 {
		return nil
	}
	return imap.NewGrammar(append(imap.Features(), d.Features...)...)
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

// or returns limit, or def if it is zero, or the most there is if it is negative.
func or(limit, def int64) int64 {
	switch {
	case limit == 0:
		return def
	case limit < 0:
		return 1<<63 - 1
	}
	return limit
}

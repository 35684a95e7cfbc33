package smtpserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/smtp"
)

// ErrServerClosed is returned by Serve and its kin after Shutdown or Close.
var ErrServerClosed = netserver.ErrClosed

// A Server serves SMTP, submission or LMTP. Set the fields, then call one of the
// Serve methods; the fields are not changed any more after that. All methods are
// safe for concurrent use.
type Server struct {
	Addr     string        // for ListenAndServe; "": ":25"
	Hostname string        // of the greeting; "": what the system says
	Protocol smtp.Protocol // zero: SMTP
	Handler  Handler       // decides everything that a rule of SMTP does not; nil: no recipient is accepted

	TLS         *tls.Config         // nil: no STARTTLS
	TLSRequired bool                // nothing goes on without TLS. Not for a public MX
	Certs       *auth.Certificates  // lets mechanisms bind to the certificate, where TLS serves from it; may be nil
	Auth        *auth.Authenticator // nil: no AUTH

	Offer    smtp.Offer    // the extensions that an application has to honour; zero: none of them
	Limits   smtp.Limits   // of what one session may take
	LineEnds smtp.LineEnds // zero: a message with a bare CR or LF is refused
	Conns    Conns         // bounds on all connections together
	Timeouts Timeouts      // of every wait
	Trust    Trust         // which peers may speak for others; zero: none

	Logger      *slog.Logger                       // nil: no log
	BaseContext func(net.Listener) context.Context // nil: context.Background

	lastID atomic.Uint64
	group  netserver.Group
}

// ListenAndServe listens on Addr and serves until Shutdown or Close. The error
// is never nil.
func (s *Server) ListenAndServe() error {
	l, err := net.Listen("tcp", cmp.Or(s.Addr, ":25"))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// ServeTLS is Serve with TLS from the first octet, as on port 465. RFC 8314,
// section 3.3. The Server's TLS has to be set.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.TLS == nil {
		l.Close()
		return errors.New("smtpserver: ServeTLS without a TLS configuration")
	}
	return s.Serve(tls.NewListener(l, s.TLS))
}

// Serve accepts connections from l, which it closes in the end. TLS begins with
// the connection where l gives connections of crypto/tls. The error is never
// nil; after Shutdown or Close it is ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	ctx := context.Background()
	if s.BaseContext != nil {
		ctx = s.BaseContext(l)
	}
	return s.group.Serve(l, s.logger(), func(c net.Conn) { s.ServeConn(ctx, c) })
}

// ServeConn serves one connection, closes it and returns why it ended: nil after
// QUIT. A *tls.Conn is served with TLS from the first octet. ctx is what hooks
// get; when it is done the session ends.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := newConn(s, nc, cancel)
	if err := s.group.Admit(c.member(), s.Conns.limits()); err != nil {
		c.turnAway(err)
		return err
	}
	defer s.group.Dismiss(c.member())
	// A context that ends from outside ends the session as Shutdown does.
	defer context.AfterFunc(ctx, c.link.Stop)()
	if c.link.From(s.Trust.Proxy) {
		if err := c.acceptProxy(); err != nil {
			return err
		}
		if err := s.group.Admit(c.member(), s.Conns.limits()); err != nil { // by the client's address
			c.turnAway(err)
			return err
		}
	}
	return c.serve(ctx)
}

// Shutdown ends the server gracefully: listeners are closed, idle sessions get
// a 421 at once and those in a transaction behind its last reply. It waits until
// all are gone, or closes what is left when ctx is done and returns its error.
// RFC 5321, section 3.8.
func (s *Server) Shutdown(ctx context.Context) error { return s.group.Shutdown(ctx) }

// Close closes all listeners and connections at once.
func (s *Server) Close() error { return s.group.Close() }

func (s *Server) hostname() string     { return netserver.Hostname(s.Hostname) }
func (s *Server) logger() *slog.Logger { return netserver.Logger(s.Logger) }

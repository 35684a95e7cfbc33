package imapserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/netserver"
)

// ErrServerClosed is returned by Serve and its kin after Shutdown or Close.
var ErrServerClosed = netserver.ErrClosed

// A Server serves IMAP4rev1 and IMAP4rev2. Set the fields, then call one of the
// Serve methods; the fields are not changed any more after that. All methods
// are safe for concurrent use.
type Server struct {
	Addr     string              // for ListenAndServe; "": ":143"
	Hostname string              // for SASL; "": what the system says
	Backend  Backend             // where mail is; needed
	Auth     *auth.Authenticator // nil: nobody can log in
	TLS      *tls.Config         // nil: no STARTTLS, and no LOGIN unless Auth.Cleartext allows it
	Certs    *auth.Certificates  // lets mechanisms bind to the certificate, where TLS serves from it; may be nil

	// Extensions are what is offered beyond the core. nil: Default().
	Extensions []Extension
	// Caps takes capabilities away, or adds some, for one connection as it is now.
	// A command of a capability that is taken away is BAD. nil: have is offered.
	Caps func(c *Conn, have []imap.Cap) []imap.Cap
	// ID is what ID tells of this server. nil: nothing. RFC 2971.
	ID imap.IDFields
	// LiteralMinus offers LITERAL- in place of LITERAL+: RFC 7888, section 5.
	LiteralMinus bool
	// Append8Bit takes messages with 8-bit octets in the header also from clients
	// that have not enabled UTF8=ACCEPT: RFC 6855, section 4, has them refused.
	Append8Bit bool

	Limits   imap.Limits // of what one session may take
	Conns    Conns       // of all connections together
	Timeouts Timeouts    // of every wait
	Trust    Trust       // which peers may speak for others; zero: none
	// Spool keeps what has to be read twice. nil: memory up to 1 MiB, a temporary
	// file beyond.
	Spool func() Spool

	Logger      *slog.Logger                       // nil: no log
	BaseContext func(net.Listener) context.Context // nil: context.Background

	lastID   atomic.Uint64
	group    netserver.Group
	flush    flushers
	once     sync.Once
	table    *table   // of Extensions
	timeouts Timeouts // with defaults
	mu       sync.Mutex
	perUser  map[string]int
}

// ListenAndServe listens on Addr and serves until Shutdown or Close. The error
// is never nil.
func (s *Server) ListenAndServe() error {
	l, err := net.Listen("tcp", cmp.Or(s.Addr, ":143"))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// ServeTLS is Serve with TLS from the first octet, as on port 993. RFC 8314,
// section 3.2. The Server's TLS has to be set.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.TLS == nil {
		l.Close()
		return errors.New("imapserver: ServeTLS without a TLS configuration")
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
// LOGOUT. A *tls.Conn is served with TLS from the first octet. ctx is what the
// backend gets; when it is done the session ends.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) error {
	own, cancel := context.WithCancel(ctx)
	c := newConn(s, nc, cancel)
	if err := c.admit(ctx); err != nil {
		return err
	}
	return c.serve(own)
}

// admit lets the connection in, or closes it. ctx is the context from outside:
// when it ends the session ends as by Shutdown.
func (c *Conn) admit(ctx context.Context) error {
	if err := c.server.group.Admit(c.member(), c.server.Conns.limits()); err != nil {
		c.turnAway(err)
		c.cancel()
		return err
	}
	c.stop = context.AfterFunc(ctx, c.link.Stop)
	if c.link.From(c.server.Trust.Proxy) {
		if err := c.acceptClient(); err != nil {
			c.release()
			return err
		}
	}
	return nil
}

// acceptClient lets in whom a trusted proxy names, counted by his address.
func (c *Conn) acceptClient() error {
	if err := c.acceptProxy(); err != nil {
		return err
	}
	err := c.server.group.Admit(c.member(), c.server.Conns.limits())
	if err != nil {
		c.turnAway(err)
	}
	return err
}

// release undoes what ServeConn has done for the connection.
func (c *Conn) release() {
	c.stop()
	c.cancel()
	c.server.group.Dismiss(c.member())
}

// Shutdown ends the server gracefully: listeners are closed, sessions get a BYE
// as soon as their command is done, those that wait at once. It waits until all
// are gone, or closes what is left when ctx is done and returns its error.
// RFC 9051, section 7.1.5.
func (s *Server) Shutdown(ctx context.Context) error { return s.group.Shutdown(ctx) }

// Close closes all listeners and connections at once.
func (s *Server) Close() error { return s.group.Close() }

func (s *Server) hostname() string     { return netserver.Hostname(s.Hostname) }
func (s *Server) logger() *slog.Logger { return netserver.Logger(s.Logger) }

// extensions returns the tables that Extensions make. With the first connection
// they are made, and all else that is for every one.
func (s *Server) extensions() *table {
	s.once.Do(func() {
		list := s.Extensions
		if list == nil {
			list = Default()
		}
		s.table = newTable(list)
		s.timeouts = s.Timeouts.withDefaults()
	})
	return s.table
}

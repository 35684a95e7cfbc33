package pop3server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/pop3"
)

// ErrServerClosed is returned by Serve and ServeConn after Shutdown or Close.
var ErrServerClosed = netserver.ErrClosed

// A Server serves maildrops. Set the fields, then call one of the Serve methods;
// the fields are not changed any more after that. All methods are safe for
// concurrent use. The zero value lets nobody in.
type Server struct {
	Hostname string              // of the greeting and of stamps; "": what the system says
	Backend  Backend             // where maildrops come from; nil: there are none
	Auth     *auth.Authenticator // who may open them; nil: nobody

	TLS   *tls.Config        // nil: no STLS
	Certs *auth.Certificates // lets mechanisms bind to the certificate, where TLS serves from it; may be nil

	Cleartext bool // offer without TLS what Auth.Cleartext allows there; false: no login without TLS
	APOP      bool // offer APOP, for accounts whose password is stored in PLAIN
	Surrogate bool // Fetch downgrades messages that need UTF8 for clients without it. RFC 6856, section 2.1

	Delay, Expire  pop3.Period // LOGIN-DELAY and EXPIRE before login: see Conn.SetPolicy
	Implementation string      // of CAPA; "": not announced
	Languages      []Language  // of LANG, the preferred one first; none: no LANG

	Limits   pop3.Limits // of what one session may take
	Conns    Conns       // of all connections together
	Timeouts Timeouts    // of every wait
	Trust    Trust       // which peers may speak for others; zero: none

	Logger      *slog.Logger                       // nil: no log
	BaseContext func(net.Listener) context.Context // used in place of Serve's context where set

	lastID atomic.Uint64
	group  netserver.Group
}

// A Language is one that replies can be had in. RFC 6856, section 3.
type Language struct {
	Tag  string // "de"
	Name string // of the language in itself, in UTF-8
	// Text gives the text of a reply in this language; nil: as it is, in English.
	// Texts of the session are fixed strings, those of a *pop3.Reject the
	// backend's own. Texts that are data never come here.
	Text func(pop3.Reply) string
}

// Serve accepts connections from l, which it closes in the end. TLS begins with
// the connection where l gives connections of crypto/tls, as on port 995:
// RFC 8314, section 3.3. ctx is what the backend gets; when it is done, Serve
// returns and its sessions end as by Shutdown. The error is never nil; after
// Shutdown or Close it is ErrServerClosed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if s.BaseContext != nil {
		ctx = s.BaseContext(l)
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	err := s.group.Serve(l, s.logger(), func(c net.Conn) { s.ServeConn(ctx, c) })
	if err != ErrServerClosed && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// ServeConn serves one connection, closes it and returns why it ended: nil after
// QUIT. A *tls.Conn is served with TLS from the first octet. ctx is what the
// backend gets; when it is done the session ends.
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

// Shutdown ends the server gracefully: listeners and idle sessions are closed at
// once, a message on its way and an UPDATE are finished first. No session enters
// UPDATE without its QUIT. It waits until all are gone, or closes what is left
// when ctx is done and returns its error.
func (s *Server) Shutdown(ctx context.Context) error { return s.group.Shutdown(ctx) }

// Close closes all listeners and connections at once.
func (s *Server) Close() error { return s.group.Close() }

func (s *Server) hostname() string     { return netserver.Hostname(s.Hostname) }
func (s *Server) logger() *slog.Logger { return netserver.Logger(s.Logger) }

package smtpserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// ErrServerClosed is returned by Serve and its kin after Shutdown or Close.
var ErrServerClosed = errors.New("smtpserver: server closed")

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
	Auth        *auth.Authenticator // nil: no AUTH

	Offer    smtp.Offer
	Limits   smtp.Limits
	LineEnds smtp.LineEnds // zero: a message with a bare CR or LF is refused
	Conns    Conns
	Timeouts Timeouts

	Logger      *slog.Logger                       // nil: no log
	BaseContext func(net.Listener) context.Context // nil: context.Background

	lastID atomic.Uint64

	mu        sync.Mutex
	stopping  bool // Shutdown or Close was called
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	perIP     map[netip.Prefix]int
	idle      chan struct{} // closed when stopping and no connection is left; nil before
}

// Timeouts are the longest times that a session waits. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Timeouts struct {
	Command time.Duration // for a whole command line: 5 min. RFC 5321, section 4.5.3.2.7
	Content time.Duration // for the next octets of content: 3 min
	Write   time.Duration // for the peer to take our replies: 1 min
	TLS     time.Duration // for a handshake: 1 min
	Session time.Duration // for all of a session; a transaction may end: 1 h

	// GreetDelay is how long the greeting is held back, to find out who talks
	// first: zero means not at all. RFC 5321, section 3.1 lets clients wait.
	GreetDelay time.Duration
}

// withDefaults returns t with its zeros replaced.
func (t Timeouts) withDefaults() Timeouts {
	t.Command = cmp.Or(t.Command, 5*time.Minute)
	t.Content = cmp.Or(t.Content, 3*time.Minute)
	t.Write = cmp.Or(t.Write, time.Minute)
	t.TLS = cmp.Or(t.TLS, time.Minute)
	t.Session = cmp.Or(t.Session, time.Hour)
	return t
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
	defer l.Close()
	if !s.track(l) {
		return ErrServerClosed
	}
	defer s.untrack(l)
	ctx := context.Background()
	if s.BaseContext != nil {
		ctx = s.BaseContext(l)
	}
	var delay time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			delay = 0
			go s.ServeConn(ctx, c)
			continue
		}
		if s.isStopping() {
			return ErrServerClosed
		}
		if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() && !outOfFiles(err) {
			return err
		}
		// Out of files or memory: others will be freed, this listener stays.
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		s.logger().Error("accept failed", "err", err, "retry", delay)
		time.Sleep(delay)
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// ServeConn serves one connection, closes it and returns why it ended: nil after
// QUIT. A *tls.Conn is served with TLS from the first octet. ctx is what hooks
// get; when it is done the session ends.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := newConn(s, nc, cancel)
	if err := s.admit(c); err != nil {
		c.turnAway(err)
		return err
	}
	defer s.dismiss(c)
	// A context that ends from outside ends the session as Shutdown does.
	defer context.AfterFunc(ctx, c.stop)()
	return c.serve(ctx)
}

// Shutdown ends the server gracefully: listeners are closed, idle sessions get
// a 421 at once and those in a transaction behind its last reply. It waits until
// all are gone, or closes what is left when ctx is done and returns its error.
// RFC 5321, section 3.8.
func (s *Server) Shutdown(ctx context.Context) error {
	idle := s.stop()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	s.closeConns()
	return ctx.Err()
}

// Close closes all listeners and connections at once.
func (s *Server) Close() error {
	s.stop()
	s.closeConns()
	return nil
}

// stop makes the server take no more connections and tells those it has.
func (s *Server) stop() (idle <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.stopping = true
		s.idle = make(chan struct{})
		if len(s.conns) == 0 {
			close(s.idle)
		}
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.stop()
	}
	return s.idle
}

func (s *Server) closeConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.cancel()
		c.tcp.Close()
	}
}

func (s *Server) hostname() string {
	if s.Hostname != "" {
		return s.Hostname
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

var discard = slog.New(slog.DiscardHandler)

func (s *Server) logger() *slog.Logger {
	if s.Logger == nil {
		return discard
	}
	return s.Logger
}

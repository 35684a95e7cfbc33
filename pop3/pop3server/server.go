package pop3server

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
	"github.com/mailwire/mailwire/pop3"
)

// ErrServerClosed is returned by Serve and ServeConn after Shutdown or Close.
var ErrServerClosed = errors.New("pop3server: server closed")

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

	Limits   pop3.Limits
	Conns    Conns
	Timeouts Timeouts

	Logger      *slog.Logger                       // nil: no log
	BaseContext func(net.Listener) context.Context // used in place of Serve's context where set

	lastID atomic.Uint64

	mu        sync.Mutex
	stopping  bool // Shutdown or Close was called
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	perIP     map[netip.Prefix]int
	idle      chan struct{} // closed when stopping and no connection is left; nil before
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

// Timeouts are the longest times that a session waits. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Timeouts struct {
	Login   time.Duration // from the first octet to the end of a login: 3 min
	Idle    time.Duration // between two commands after it: 10 min, never less. RFC 1939, section 3
	Command time.Duration // within a command line: 30 s
	Write   time.Duration // for the client to take 16 KiB: 1 min
	TLS     time.Duration // for a handshake: 1 min
	Life    time.Duration // for all of a session: 24 h
}

// withDefaults returns t with its zeros replaced.
func (t Timeouts) withDefaults() Timeouts {
	t.Login = cmp.Or(t.Login, 3*time.Minute)
	t.Idle = cmp.Or(t.Idle, 10*time.Minute)
	if t.Idle > 0 {
		t.Idle = max(t.Idle, 10*time.Minute)
	}
	t.Command = cmp.Or(t.Command, 30*time.Second)
	t.Write = cmp.Or(t.Write, time.Minute)
	t.TLS = cmp.Or(t.TLS, time.Minute)
	t.Life = cmp.Or(t.Life, 24*time.Hour)
	return t
}

// Serve accepts connections from l, which it closes in the end. TLS begins with
// the connection where l gives connections of crypto/tls, as on port 995:
// RFC 8314, section 3.3. ctx is what the backend gets; when it is done, Serve
// returns and its sessions end as by Shutdown. The error is never nil; after
// Shutdown or Close it is ErrServerClosed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	if !s.track(l) {
		return ErrServerClosed
	}
	defer s.untrack(l)
	if s.BaseContext != nil {
		ctx = s.BaseContext(l)
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var delay time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			delay = 0
			go s.ServeConn(ctx, c)
			continue
		}
		switch {
		case s.isStopping():
			return ErrServerClosed
		case ctx.Err() != nil:
			return ctx.Err()
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
// QUIT. A *tls.Conn is served with TLS from the first octet. ctx is what the
// backend gets; when it is done the session ends.
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

// Shutdown ends the server gracefully: listeners and idle sessions are closed at
// once, a message on its way and an UPDATE are finished first. No session enters
// UPDATE without its QUIT. It waits until all are gone, or closes what is left
// when ctx is done and returns its error.
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

package pop3server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/pop3"
)

// A Conn is one connection, as backends see it. Its methods may be called while
// a method of the Backend or the Maildrop runs.
type Conn struct {
	server *Server
	id     uint64
	remote netip.AddrPort
	log    *slog.Logger
	began  time.Time
	cancel context.CancelFunc // ends the context of the backend

	link   netserver.Link
	clock  clock
	r      pop3.Reader
	s      *pop3.ServerSession
	broken error // what ended the connection on our side, or on the wire
	quit   bool

	sasl     auth.Server // of the exchange under way
	drop     Maildrop    // open; nil: none, or closed already
	messages []Message   // in it
	body     body        // of the message that is being sent
}

func newConn(s *Server, nc net.Conn, cancel context.CancelFunc) *Conn {
	c := &Conn{server: s, id: s.lastID.Add(1), began: time.Now(), cancel: cancel}
	c.clock = clock{conn: c, timeouts: s.Timeouts.withDefaults(), pace: netserver.Pace{Min: s.Conns.minRate()}}
	c.link.Init(nc, &c.clock)
	c.remote = c.link.Remote()
	c.log = s.logger()
	if c.log.Enabled(context.Background(), slog.LevelError) {
		c.log = c.log.With("conn", c.id, "remote", nc.RemoteAddr().String())
	}
	c.s = pop3.NewServerSession(s.config(), c.link.IsTLS())
	c.r.Reset(&c.link)
	return c
}

// A member is a Conn as its server's Group sees it.
type member Conn

func (c *Conn) member() *member { return (*member)(c) }

// Remote is what connections are counted by; trusted proxies are not counted.
func (m *member) Remote() netip.AddrPort {
	if c := (*Conn)(m); c.link.From(c.server.Trust.Proxy) {
		return netip.AddrPort{}
	}
	return m.link.Remote()
}

func (m *member) Stop() { m.link.Stop() }
func (m *member) Abort() {
	m.cancel()
	m.link.Abort()
}

// config is what a session of this server begins with.
func (s *Server) config() pop3.ServerConfig {
	config := pop3.ServerConfig{
		StartTLS: s.TLS != nil, Cleartext: s.Cleartext, Surrogate: s.Surrogate,
		Delay: s.Delay, Expire: s.Expire, Implementation: s.Implementation, Limits: s.Limits,
	}
	if s.APOP && s.Auth != nil {
		config.Stamp = "<" + rand.Text() + "@" + s.hostname() + ">"
	}
	for _, l := range s.Languages {
		config.Languages = append(config.Languages, pop3.Language{Tag: l.Tag, Name: l.Name})
	}
	return config
}

// ID numbers the connections of a Server, from 1.
func (c *Conn) ID() uint64 { return c.id }

// Remote returns the client's address, as a trusted proxy names it or as it is; an
// IPv4 one never as IPv6. It is invalid where it is not known.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// TLS returns the state of TLS, nil without TLS. It is not to be changed.
func (c *Conn) TLS() *tls.ConnectionState { return c.link.TLS() }

// Lang returns the tag of the language that the client chose, "" if none.
func (c *Conn) Lang() string { return c.s.Lang() }

// UTF8 reports whether the client takes messages in UTF-8. RFC 6856, section 2.1.
func (c *Conn) UTF8() bool { return c.s.UTF8() }

// SetPolicy sets the LOGIN-DELAY and the EXPIRE of the user whose maildrop is
// being opened. It may be called in Backend.Open and Maildrop.Messages only.
// RFC 2449, sections 6.5 and 6.7.
func (c *Conn) SetPolicy(delay, expire pop3.Period) { c.s.SetPolicy(delay, expire) }

var errClosed = errors.New("pop3server: closed by the server")

// serve runs the session from its greeting to its end, and closes. What ended it
// is returned: nil after QUIT.
func (c *Conn) serve(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pop3server: panic: %v", p)
			c.log.Error("backend panicked", "panic", p, "stack", string(debug.Stack()))
		}
		c.finish(ctx, err)
	}()
	if c.link.IsTLS() {
		apart(func() { err = c.link.Handshake(ctx, &c.r, c.clock.timeouts.TLS) })
		if err != nil {
			return err
		}
	}
	c.offer()
	c.log.LogAttrs(ctx, slog.LevelInfo, "session began", slog.Bool("tls", c.link.IsTLS()))
	c.reply(c.s.Greet(pop3.Reply{OK: true, Text: c.server.hostname() + " POP3 ready"}))
	for c.s.State() != pop3.Closed && c.broken == nil {
		c.do(ctx, c.next(ctx))
	}
	c.flush()
	switch {
	case c.quit:
		return nil
	case c.broken != nil:
		return c.broken
	}
	return errClosed
}

// next returns the event of the next line, or nil when there is none.
func (c *Conn) next(ctx context.Context) pop3.Event {
	c.clock.startLine()
	secret := c.s.State() == pop3.Authing
	line, err := c.r.ReadLine(c.s.LineLimit())
	switch err {
	case nil:
		e := c.s.Step(line)
		if c.log.Enabled(ctx, slog.LevelDebug) {
			c.logLine(ctx, line, secret || c.s.Secret())
		}
		return e
	case pop3.ErrLineTooLong, pop3.ErrBareLF, pop3.ErrBareCR, pop3.ErrNUL, pop3.ErrEndless:
		c.log.LogAttrs(ctx, slog.LevelDebug, "bad line", slog.Any("err", err))
		return c.s.BadLine(err)
	}
	c.lost(err)
	return nil
}

func (c *Conn) logLine(ctx context.Context, line []byte, secret bool) {
	text := fmt.Sprintf("%.200q", line)
	if secret {
		text = fmt.Sprintf("[%d octets]", len(line))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "command", slog.String("line", text))
}

// do carries an event out: it asks who decides, settles, and sends the reply.
func (c *Conn) do(ctx context.Context, e pop3.Event) {
	switch e := e.(type) {
	case nil:
	case *pop3.PassEvent:
		apart(func() { c.pass(ctx, e) })
	case *pop3.ApopEvent:
		apart(func() { c.apop(ctx, e) })
	case *pop3.AuthEvent:
		apart(func() { c.auth(ctx, e) })
	case *pop3.StlsEvent:
		apart(func() { c.stls(ctx) })
	case *pop3.LangEvent:
		c.lang(e)
	case *pop3.RetrEvent:
		c.retr(ctx, e)
	case *pop3.UpdateEvent:
		c.update(ctx, e)
	case *pop3.Answer:
		c.answer(e)
	case *pop3.Refused:
		if e.Close {
			c.log.LogAttrs(ctx, slog.LevelWarn, "refused and closed", slog.String("reply", e.Reply.String()))
		}
		c.sasl = nil
		c.reply(c.s.Settle(e.Reply))
	}
}

// apart runs f on a stack of its own. Logins and handshakes go deep, and what a
// stack has grown to stays with its goroutine: of each session that idles for
// hours, half of all its memory would be what its login took.
func apart(f func()) {
	var failed string
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				failed = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		f()
	}()
	<-done
	if failed != "" {
		panic(failed)
	}
}

// answer sends what the session decided by itself.
func (c *Conn) answer(e *pop3.Answer) {
	more := e.Multi
	c.reply(c.s.Settle(e.Reply))
	c.quit = c.s.State() == pop3.Closed
	for more && c.broken == nil {
		var out []byte
		out, more = c.s.AppendLines(c.link.Piece())
		c.keep(out)
	}
}

// lang carries out LANG. The reply is in the new language already.
func (c *Conn) lang(e *pop3.LangEvent) {
	v := pop3.Reply{OK: true, Text: "language changed"}
	v.Text = c.server.translate(e.Tag, v)
	c.reply(c.s.Settle(v))
}

// translate returns the text of r in a language.
func (s *Server) translate(tag string, r pop3.Reply) string {
	for _, l := range s.Languages {
		if l.Tag == tag && l.Text != nil {
			return l.Text(r)
		}
	}
	return r.Text
}

// reply puts a reply into the batch, which leaves when the client has to read
// it: before we wait for input (Link.Read), or when it is full.
func (c *Conn) reply(r pop3.Reply) {
	if tag := c.s.Lang(); tag != "" && !(r.OK && c.s.Data()) {
		r.Text = c.server.translate(tag, r)
	}
	c.keep(pop3.AppendReply(c.link.Batch(), r))
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.LogAttrs(context.Background(), slog.LevelDebug, "reply", slog.String("text", r.String()))
	}
}

// keep gives the batch back to the link, which sends it if it is full.
func (c *Conn) keep(batch []byte) {
	if err := c.link.Keep(batch); c.broken == nil {
		c.broken = err
	}
}

// flush sends what has not left.
func (c *Conn) flush() {
	if err := c.link.Flush(); c.broken == nil {
		c.broken = err
	}
}

// lost notes that reading has failed. The client is told nothing: a reply to no
// command would be taken for that to its next. RFC 1939, section 3.
func (c *Conn) lost(err error) {
	switch {
	case c.broken != nil:
	case c.link.Stopped(err):
		c.broken = ErrServerClosed
	default:
		c.broken = err
	}
}

// finish gives everything back. No maildrop is updated here: RFC 1939, section 6.
func (c *Conn) finish(ctx context.Context, err error) {
	c.guard(func() { c.closeDrop(ctx) })
	over := c.s.State() == pop3.Closed && c.broken == nil
	waited := c.broken == ErrServerClosed || errors.Is(c.broken, os.ErrDeadlineExceeded)
	c.link.Close(over || waited) // nothing is cut off then
	c.r.Release()
	if err == io.EOF {
		c.log.LogAttrs(ctx, slog.LevelInfo, "session ended without QUIT", slog.Duration("after", time.Since(c.began)))
		return
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "session ended", slog.Any("why", err), slog.Duration("after", time.Since(c.began)))
}

// guard keeps a panic of the last call from taking the process down.
func (c *Conn) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("backend panicked at the end", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

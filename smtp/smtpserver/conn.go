package smtpserver

import (
	"context"
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
	"github.com/mailwire/mailwire/smtp"
)

// A Conn is one connection, as hooks see it. Its methods may be called while
// a hook runs, by whoever the hook lets: they tell what is true then.
type Conn struct {
	server *Server
	id     uint64
	remote netip.AddrPort
	peer   net.Addr
	log    *slog.Logger
	began  time.Time
	cancel context.CancelFunc // ends the context of the hooks

	link   netserver.Link
	clock  clock
	r      smtp.Reader
	s      smtp.ServerSession
	broken error // what ended the connection on our side, or on the wire
	quit   bool

	session  *Session
	hello    string
	extended bool // hello came with EHLO or LHLO
	sasl     auth.Server
	identity *auth.Identity
	xclient  *smtp.XClient // said by a trusted proxy; nil: nothing
	message  *Message      // of the open transaction
	parked   smtp.Event    // came while Data was reading chunks, and is for the loop
}

func newConn(s *Server, nc net.Conn, cancel context.CancelFunc) *Conn {
	c := &Conn{server: s, id: s.lastID.Add(1), peer: nc.RemoteAddr(), began: time.Now(), cancel: cancel}
	c.clock = clock{timeouts: s.Timeouts.withDefaults(), pace: netserver.Pace{Min: s.Conns.minRate()}}
	c.clock.end = netserver.After(c.began, c.clock.timeouts.Session)
	c.link.Init(nc, &c.clock)
	c.remote = c.link.Remote()
	c.log = s.logger()
	if c.log.Enabled(context.Background(), slog.LevelError) {
		c.log = c.log.With("conn", c.id, "remote", c.peer.String())
	}
	c.s.Config = smtp.ServerConfig{
		Protocol: s.Protocol, Hostname: s.hostname(), Offer: s.Offer,
		StartTLS: s.TLS != nil, TLSRequired: s.TLSRequired,
		Limits: s.Limits, LineEnds: s.LineEnds,
	}
	c.r.Reset(&c.link)
	return c
}

// A member is a Conn as its server's Group sees it.
type member Conn

func (c *Conn) member() *member { return (*member)(c) }

// Remote is what connections are counted by; trusted peers are not counted.
func (m *member) Remote() netip.AddrPort {
	c, trust := (*Conn)(m), &m.server.Trust
	if c.link.From(trust.XClient) || c.link.From(trust.Proxy) {
		return netip.AddrPort{}
	}
	return c.link.Remote()
}

func (m *member) Stop() { m.link.Stop() }
func (m *member) Abort() {
	m.cancel()
	m.link.Abort()
}

// ID numbers the connections of a Server, from 1.
func (c *Conn) ID() uint64 { return c.id }

// Remote returns the peer's address, or that of the client for which a trusted
// proxy speaks; an IPv4 one never as IPv6. It is invalid where it is not known.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Peer returns the peer's address as the net.Conn has it.
func (c *Conn) Peer() net.Addr { return c.peer }

// TLS returns the state of TLS, nil without TLS. It is not to be changed.
func (c *Conn) TLS() *tls.ConnectionState { return c.link.TLS() }

// Hello returns what the client called itself last, "" before it did.
func (c *Conn) Hello() string { return c.hello }

// Identity returns who the client has proved to be.
func (c *Conn) Identity() (auth.Identity, bool) {
	if c.identity == nil {
		return auth.Identity{}, false
	}
	return *c.identity, true
}

var errClosed = errors.New("smtpserver: closed by the server")

// serve runs the session from its greeting to its end, and closes. What ended it
// is returned: nil after QUIT.
func (c *Conn) serve(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if c.message != nil {
				c.message.finish() // nobody writes beside us
			}
			err = c.panicked(p)
		}
		c.finish(ctx, err)
	}()
	if err := c.begin(ctx); err != nil {
		return err
	}
	for c.s.State() != smtp.Closed && c.broken == nil {
		c.do(ctx, c.next(ctx))
	}
	if c.broken == nil {
		c.broken = c.link.Flush()
	}
	switch {
	case c.quit:
		return nil
	case c.broken != nil:
		return c.broken
	case c.link.Stopping():
		return ErrServerClosed
	}
	return errClosed
}

// panicked ends the session because of a hook that panicked, and returns why.
func (c *Conn) panicked(p any) error {
	c.log.Error("handler panicked", "panic", p, "stack", string(debug.Stack()))
	c.fail(&smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "internal error"})
	c.broken = fmt.Errorf("smtpserver: panic: %v", p)
	return c.broken
}

// begin does all that comes before the first command.
func (c *Conn) begin(ctx context.Context) error {
	c.clock.waitFor(lineWait)
	if c.link.IsTLS() {
		if err := c.link.Handshake(ctx, &c.r, c.clock.timeouts.TLS); err != nil {
			return err
		}
		c.s.TLSDone()
	}
	c.offerAuth()
	greeting := c.openSession(ctx)
	c.log.LogAttrs(ctx, slog.LevelInfo, "session began", slog.Bool("tls", c.link.IsTLS()))
	if greeting.Positive() && c.clock.timeouts.GreetDelay > 0 {
		if err := c.waitForEarlyTalk(); err != nil {
			return err
		}
	}
	c.reply(c.s.Greet(greeting))
	return nil
}

// openSession has the handler make a session, and returns its verdict.
func (c *Conn) openSession(ctx context.Context) smtp.Reply {
	session, err := c.newSession(ctx)
	c.session = session
	c.s.Config.Offer = c.server.Offer
	if session.Offer != nil {
		c.s.Config.Offer = *session.Offer
	}
	c.s.Config.Offer.XClient = c.link.From(c.server.Trust.XClient)
	return c.verdict(ctx, err)
}

func (c *Conn) newSession(ctx context.Context) (*Session, error) {
	if c.server.Handler == nil {
		return new(Session), nil
	}
	session, err := c.server.Handler.NewSession(ctx, c)
	if session == nil || err != nil {
		return new(Session), err
	}
	return session, nil
}

// waitForEarlyTalk holds the greeting back. Who talks before it does not listen,
// and is no client of SMTP.
func (c *Conn) waitForEarlyTalk() error {
	c.clock.waitFor(greetWait)
	err := c.r.Fill()
	c.clock.waitFor(lineWait)
	if err == nil {
		c.log.Warn("talked before the greeting")
		c.s.Greet(ok)
		c.fail(&smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: "you talk before you are greeted"})
		return errors.New("smtpserver: early talker")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.link.Stopping() {
		return nil
	}
	c.lost(err)
	return c.broken
}

// next returns the next event: of the line that comes next, or the one that
// came while a message was read.
func (c *Conn) next(ctx context.Context) smtp.Event {
	if e := c.parked; e != nil {
		c.parked = nil
		return e
	}
	c.clock.waitFor(c.lineWait())
	secret := c.s.Secret() && c.s.State() == smtp.Authing
	line, err := c.r.ReadLine(c.s.LineLimit())
	switch err {
	case nil:
		e := c.s.Step(line)
		if c.log.Enabled(ctx, slog.LevelDebug) {
			c.logLine(ctx, line, secret || c.s.Secret())
		}
		return e
	case smtp.ErrLineTooLong, smtp.ErrBareLF, smtp.ErrBareCR, smtp.ErrNUL, smtp.ErrEndless:
		c.log.LogAttrs(ctx, slog.LevelDebug, "bad line", slog.Any("err", err))
		return c.s.BadLine(err)
	}
	c.lost(err)
	return nil
}

// lineWait is how long the next line may take.
func (c *Conn) lineWait() wait {
	if c.s.State().InTransaction() {
		return openWait
	}
	return lineWait
}

func (c *Conn) logLine(ctx context.Context, line []byte, secret bool) {
	text := fmt.Sprintf("%.200q", line)
	if secret {
		text = fmt.Sprintf("[%d octets]", len(line))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "command", slog.String("line", text))
}

// do carries an event out: it asks the hook that decides, settles, and sends the
// reply. nil is what next gives when there is no line.
func (c *Conn) do(ctx context.Context, e smtp.Event) {
	h := c.session
	switch e := e.(type) {
	case nil:
	case *smtp.HelloEvent:
		v := ok
		if h.Hello != nil {
			v = c.verdict(ctx, h.Hello(ctx, e.Verb, e.Name))
		}
		if v.Positive() {
			c.hello, c.extended = e.Name, e.Verb != smtp.HELO
		}
		c.settle(v, Hello)
	case *smtp.MailEvent:
		c.mail(ctx, e)
	case *smtp.RcptEvent:
		c.rcpt(ctx, e)
	case *smtp.DataEvent:
		c.data(ctx)
	case *smtp.ChunkEvent:
		c.chunk(ctx, e)
	case *smtp.AuthEvent:
		c.auth(ctx, e)
	case *smtp.StartTLSEvent:
		c.startTLS(ctx)
	case *smtp.QueryEvent:
		v := defaultAnswer(e.Verb)
		if h.Query != nil {
			r, err := h.Query(ctx, e.Query)
			v = c.answer(ctx, r, err)
		}
		c.settle(v, Closed)
	case *smtp.XClientEvent:
		c.becomeClient(ctx, e)
	case *smtp.CommandEvent:
		v := smtp.Reply{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "command not recognized"}
		if h.Command != nil {
			r, err := h.Command(ctx, e.Name, e.Arg)
			v = c.answer(ctx, r, err)
		}
		c.settle(v, Closed)
	case *smtp.ResetEvent:
		c.settle(ok, Rset)
	case *smtp.NoopEvent:
		c.settle(ok, Closed)
	case *smtp.QuitEvent:
		c.settle(ok, Closed)
		c.quit = true
	case *smtp.Refused:
		c.refused(ctx, e)
	}
}

// refused carries out what the session decided by itself.
func (c *Conn) refused(ctx context.Context, e *smtp.Refused) {
	if e.Close {
		c.log.LogAttrs(ctx, slog.LevelWarn, "refused and closed", slog.String("reply", e.Reply.String()))
	}
	if e.Skip > 0 {
		c.clock.waitFor(contentWait)
		if !c.s.State().InTransaction() {
			c.clock.pace.Start()
		}
		if err := c.r.Skip(e.Skip); err != nil {
			c.lost(err)
			return
		}
	}
	for range e.Replies {
		c.settle(e.Reply, Refused)
	}
}

// settle gives the verdict to the session and its reply to the peer. Should that
// end the transaction, why says how.
func (c *Conn) settle(v smtp.Reply, why EndReason) {
	before := c.s.State()
	c.reply(c.s.Settle(v))
	after := c.s.State()
	if after != smtp.Authing {
		c.sasl = nil
	}
	if after == before {
		return
	}
	if before == smtp.Failed && why != Closed {
		why = Refused // when it is said hardly matters
	}
	if !after.InTransaction() && (c.message == nil || !c.message.running) {
		c.endMessage(why)
	}
	c.link.SetBusy(after.InTransaction())
}

// endMessage tells the application that the transaction, if there is one, has
// ended.
func (c *Conn) endMessage(why EndReason) {
	m := c.message
	if m == nil {
		return
	}
	c.message = nil
	if c.session.End != nil {
		c.session.End(m, why)
	}
}

// reply puts a reply into the batch, which leaves when the peer has to read it:
// before we wait for input (Link.Read), when the session says so, or at 4 KiB.
func (c *Conn) reply(r smtp.Reply) {
	err := c.link.Keep(smtp.AppendReply(c.link.Batch(), r))
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.LogAttrs(context.Background(), slog.LevelDebug, "reply", slog.String("text", r.String()))
	}
	if err == nil && c.s.MustFlush() {
		err = c.link.Flush()
	}
	if c.broken == nil {
		c.broken = err
	}
}

// lost notes that reading has failed, and says goodbye where the peer may still
// listen. RFC 5321, section 3.8.
func (c *Conn) lost(err error) {
	if c.broken != nil {
		return
	}
	switch {
	case c.link.Stopped(err):
		c.fail(errShutdown)
		err = ErrServerClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.fail(&smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 4, 2}, Text: c.clock.complaint()})
	case err == io.EOF && c.s.State().InTransaction():
		err = io.ErrUnexpectedEOF
	}
	c.broken = err
}

// fail sends a 421 as well as it can.
func (c *Conn) fail(why *smtp.Reject) {
	if c.s.State() == smtp.Closed || c.s.State() == smtp.Upgrading || c.broken != nil {
		return
	}
	c.reply(c.s.Fail(why))
	c.link.Flush()
}

// finish tells the session that all is over, and closes.
func (c *Conn) finish(ctx context.Context, err error) {
	c.guard(func() {
		if c.message != nil {
			c.message.finish()
		}
		c.endMessage(Closed)
	})
	c.guard(func() { c.closeSession(err) })
	c.link.Close(c.s.State() == smtp.Closed) // which has had its last word
	c.r.Release()
	c.log.LogAttrs(ctx, slog.LevelInfo, "session ended", slog.Any("why", err), slog.Duration("after", time.Since(c.began)))
}

// closeSession tells the application that its Session, if there is one, is over.
func (c *Conn) closeSession(err error) {
	session := c.session
	c.session = new(Session)
	if session != nil && session.Close != nil {
		session.Close(err)
	}
}

// guard keeps a panic of the last hooks from taking the process down.
func (c *Conn) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("handler panicked at the end", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

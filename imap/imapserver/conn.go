package imapserver

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
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/inflate"
	"github.com/mailwire/mailwire/internal/netserver"
)

// A Conn is one connection, as the backend and extensions see it.
type Conn struct {
	server *Server
	table  *table
	id     uint64
	remote netip.AddrPort
	peer   net.Addr
	log    *slog.Logger
	cancel context.CancelFunc // ends the context of the backend
	stop   func() bool        // ends the watch of that context

	link    netserver.Link
	clock   clock
	out     output
	inflate *inflate.Reader // nil: no compression
	r       imap.Reader
	s       imap.ServerSession
	enc     *imap.Encoder // nil while the connection waits
	broken  error         // what ended the connection on our side, or on the wire
	quit    bool

	sasl      auth.Server
	identity  *auth.Identity
	account   Account // nil before the login
	abilities Ability
	delim     rune
	selected  *selected // nil: no mailbox is
	idler     *idler    // nil: not inside IDLE
	sync      bool      // the literal decided on waits for "+"
	spools    []Spool   // of an APPEND
}

func newConn(s *Server, nc net.Conn, cancel context.CancelFunc) *Conn {
	c := &Conn{server: s, table: s.extensions(), id: s.lastID.Add(1), peer: nc.RemoteAddr(), cancel: cancel}
	c.clock = clock{timeouts: &s.timeouts, began: time.Now()}
	c.clock.waitForLogin()
	c.link.Init(nc, &c.clock)
	c.remote = c.link.Remote()
	c.out = output{conn: nc, to: nc, timeouts: &s.timeouts}
	c.log = s.logger()
	if c.log.Enabled(context.Background(), slog.LevelError) {
		c.log = c.log.With("conn", c.id, "remote", c.peer.String())
	}
	c.s.Grammar, c.s.Limits, c.s.Offer = c.table.grammar, s.Limits, c.caps
	c.r.Reset(&source{c})
	return c
}

// A member is a Conn as its server's Group sees it.
type member Conn

func (c *Conn) member() *member { return (*member)(c) }

// Remote is what connections are counted by; trusted proxies are not counted.
func (m *member) Remote() netip.AddrPort {
	if m.link.From(m.server.Trust.Proxy) {
		return netip.AddrPort{}
	}
	return m.link.Remote()
}

func (m *member) Stop() { m.link.Stop() }
func (m *member) Abort() {
	m.cancel()
	m.link.Abort()
}

// ID numbers the connections of a Server, from 1.
func (c *Conn) ID() uint64 { return c.id }

// Remote returns the client's address, as a trusted proxy names it or as it is; an
// IPv4 one never as IPv6. It is invalid where it is not known.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Peer returns the peer's address as the net.Conn has it.
func (c *Conn) Peer() net.Addr { return c.peer }

// TLS returns the state of TLS, nil without TLS. It is not to be changed.
func (c *Conn) TLS() *tls.ConnectionState { return c.link.TLS() }

// Identity returns who the client has proved to be.
func (c *Conn) Identity() (auth.Identity, bool) {
	if c.identity == nil {
		return auth.Identity{}, false
	}
	return *c.identity, true
}

// Account returns the account of the session, nil before the login.
func (c *Conn) Account() Account { return c.account }

// Enabled reports whether ENABLE, or a command that does so by itself, has
// switched a capability on.
func (c *Conn) Enabled(cap imap.Cap) bool { return c.s.Enabled(cap) }

var errClosed = errors.New("imapserver: closed by the server")

// serve runs the session from its greeting to its end, and closes. What ended it
// is returned: nil after LOGOUT.
func (c *Conn) serve(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked(p)
		}
		c.finish(ctx, err)
	}()
	if err := c.begin(ctx); err != nil {
		return err
	}
	for c.s.State() != imap.Closed && c.broken == nil {
		c.await()
		c.r.Wait()
		if e := c.nextEvent(ctx); e != nil {
			c.do(ctx, e)
		}
	}
	return c.end()
}

// panicked ends a session whose backend has panicked.
func (c *Conn) panicked(p any) error {
	c.log.Error("backend panicked", "panic", p, "stack", string(debug.Stack()))
	c.encoder().Reset() // it may end in the middle of a row
	c.fail(&imap.Reject{Kind: imap.BYE, Code: imap.Code{Name: "SERVERBUG"}, Text: "internal error"})
	return fmt.Errorf("imapserver: panic: %v", p)
}

// end sends what is left, and says why the session has ended.
func (c *Conn) end() error {
	c.flush()
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

// begin does all that comes before the first command.
func (c *Conn) begin(ctx context.Context) error {
	if c.link.IsTLS() {
		if err := c.link.Handshake(ctx, upgrader{c}, c.clock.timeouts.TLS); err != nil {
			return err
		}
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "session began", slog.Bool("tls", c.link.IsTLS()))
	c.reply(c.s.Greet(imap.Status{Text: "IMAP4rev1 and IMAP4rev2 ready"}, c.link.IsTLS()))
	return nil
}

// bounds is what the Reader may take now.
func (c *Conn) bounds() imap.Bounds { return c.s.Bounds() }

// await says that a whole command is waited for. Before the login one deadline is
// for all of them.
func (c *Conn) await() {
	if c.s.State() != imap.NotAuthenticated && c.s.State() != imap.Authenticating {
		c.clock.waitFor(commandWait)
	}
}

// nextEvent reads the next command, or what goes on with one, and steps. nil:
// there is nothing to do, or no connection any more.
func (c *Conn) nextEvent(ctx context.Context) imap.Event {
	for {
		piece, err := c.r.Next(c.bounds())
		if err != nil {
			return c.badCommand(ctx, err)
		}
		command := piece.Command
		if a := piece.Announce; a != nil {
			if c.decide(a) != imap.Stream {
				continue
			}
			command = a.Head
		}
		return c.step(ctx, command)
	}
}

// badCommand steps for a command that cannot be read.
func (c *Conn) badCommand(ctx context.Context, err error) imap.Event {
	if e, ok := errors.AsType[*imap.FrameError](err); ok {
		c.log.LogAttrs(ctx, slog.LevelDebug, "bad command", slog.Any("err", err))
		c.s.Configure(c.encoder())
		return c.s.BadLine(e)
	}
	c.lost(err)
	return nil
}

// decide decides on a literal.
func (c *Conn) decide(a *imap.Announce) imap.Do {
	v := c.s.Literal(a)
	c.r.Decide(v)
	c.sync = !a.NonSync && v.Do != imap.Refuse
	if v.Do == imap.Inline {
		c.askForLiteral()
	}
	return v.Do
}

func (c *Conn) step(ctx context.Context, command []byte) imap.Event {
	before := c.s.State()
	e := c.s.Step(command)
	if c.log.Enabled(ctx, slog.LevelDebug) {
		// Before the login nothing is shown: what is no command, as " LOGIN u p" or
		// a response that comes too late, holds passwords too.
		secret := before == imap.NotAuthenticated || before == imap.Authenticating || c.s.Secret()
		c.logCommand(ctx, command, secret)
	}
	c.s.Configure(c.encoder())
	return e
}

// askForLiteral sends the "+" that a synchronising literal waits for.
func (c *Conn) askForLiteral() {
	if c.sync {
		c.sync = false
		c.encoder().Raw("+ go ahead\r\n")
	}
}

func (c *Conn) logCommand(ctx context.Context, line []byte, secret bool) {
	text := fmt.Sprintf("%.200q", line)
	if secret {
		text = fmt.Sprintf("[%d octets]", len(line))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "command", slog.String("line", text))
}

// do carries an event out, and settles it.
func (c *Conn) do(ctx context.Context, e imap.Event) {
	switch e := e.(type) {
	case *imap.Answer:
		c.answer(ctx, e)
	case *imap.CommandEvent:
		c.command(ctx, e)
	case *imap.SelectEvent:
		c.selectMailbox(ctx, e)
	case *imap.CloseEvent:
		c.closeMailbox(ctx, e)
	case *imap.IdleEvent:
		c.idle(ctx)
	case *imap.IdleDone:
		c.idleDone(ctx)
	case *imap.AppendEvent:
		c.append(ctx, e)
	case *imap.LoginEvent:
		c.login(ctx, e)
	case *imap.AuthEvent:
		c.authenticate(ctx, e)
	case *imap.AuthLine:
		c.respond(ctx, e.Response)
	case *imap.StartTLSEvent:
		c.startTLS(ctx)
	case *imap.CompressEvent:
		c.compress()
	case *imap.UnauthenticateEvent:
		c.unauthenticate()
	case *imap.LogoutEvent:
		c.quit = true
		c.settle(imap.Status{Text: "LOGOUT done"})
	default: // AppendPart and AppendEnd come within APPEND only
		panic(fmt.Sprintf("imapserver: %T out of place", e))
	}
}

// answer sends what the session has decided.
func (c *Conn) answer(ctx context.Context, e *imap.Answer) {
	if e.Status.Kind == imap.BYE {
		c.log.LogAttrs(ctx, slog.LevelWarn, "closed", slog.String("text", e.Status.Text))
	}
	c.idleEnd() // where a line that is not DONE has come
	if c.s.State() == imap.Authenticating {
		c.sasl = nil
	}
	c.encoder().RawBytes(e.Data)
	c.tell(ctx)
	if e.FirstCondstore && c.selected != nil {
		c.tellHighest(ctx)
	}
	c.settle(e.Status)
	c.modes()
	c.lookAfter()
}

// command carries out a command of the tables.
func (c *Conn) command(ctx context.Context, e *imap.CommandEvent) {
	do := c.table.commands[e.Spec.Name]
	if do == nil {
		c.settle(imap.Status{Kind: imap.BAD, Text: "command not offered"})
		return
	}
	if c.selected != nil {
		c.refresh(ctx)
	}
	err := do(ctx, c, e)
	if c.broken != nil {
		return
	}
	c.tell(ctx)
	if e.FirstCondstore && c.selected != nil {
		c.tellHighest(ctx)
	}
	c.settle(c.status(ctx, err))
	if e.FirstCondstore {
		c.modes()
	}
	c.lookAfter()
}

// settle gives the verdict to the session and its reply to the peer.
func (c *Conn) settle(st imap.Status) { c.reply(c.s.Settle(st)) }

// reply prints a reply. It leaves with the batch: when the connection waits.
func (c *Conn) reply(r imap.Reply) {
	e := c.encoder()
	if err := e.Err(); err != nil { // a value that the backend gave has no form on the wire
		c.log.Error("cannot encode", "err", err)
		c.enc.Reset()
		r = c.s.Fail(&imap.Reject{Kind: imap.BYE, Code: imap.Code{Name: "SERVERBUG"}, Text: "internal error"})
	}
	e.Reply(r)
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.LogAttrs(context.Background(), slog.LevelDebug, "reply", slog.String("tag", r.Tag), slog.String("text", fmt.Sprintf("%.200q", r.Status.String())))
	}
	c.Flush()
}

// lost notes that reading has failed, and says goodbye where the peer may still
// listen. RFC 9051, section 7.1.5.
func (c *Conn) lost(err error) {
	if c.broken != nil {
		return
	}
	switch {
	case c.link.Stopped(err):
		c.fail(&imap.Reject{Kind: imap.BYE, Code: imap.Code{Name: "UNAVAILABLE"}, Text: "shutting down"})
		err = ErrServerClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.fail(&imap.Reject{Kind: imap.BYE, Text: "you were silent for too long"})
	case errors.Is(err, inflate.ErrCorrupt):
		c.fail(&imap.Reject{Kind: imap.BYE, Text: "broken compression"})
	case err == io.EOF && c.s.State() != imap.Closed:
		err = io.ErrUnexpectedEOF
	}
	c.broken = err
}

// fail sends a BYE as well as it can.
func (c *Conn) fail(why *imap.Reject) {
	if c.s.State() == imap.Closed || c.s.State() == imap.Upgrading || c.broken != nil {
		return
	}
	c.encoder().Reply(c.s.Fail(why))
	c.flush()
}

// finish tells the backend that all is over, and closes.
func (c *Conn) finish(ctx context.Context, err error) {
	c.guard(c.leave)
	c.guard(c.logout)
	c.rest()
	c.link.Close(err == nil)
	c.r.Release()
	c.release()
	c.log.LogAttrs(ctx, slog.LevelInfo, "session ended", slog.Any("why", err), slog.Duration("after", time.Since(c.clock.began)))
}

// guard keeps a panic of the backend's last calls from taking the process down.
func (c *Conn) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("backend panicked at the end", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

// status is how a command ends that returned err.
func (c *Conn) status(ctx context.Context, err error) imap.Status {
	if err == nil {
		return imap.Status{Text: "done"}
	}
	if r, ok := errors.AsType[*imap.Reject](err); ok && r.Kind != imap.PREAUTH {
		return r.Status()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return imap.Status{Kind: imap.NO, Code: imap.Code{Name: "UNAVAILABLE"}, Text: "not possible now"}
	}
	ref := fmt.Sprintf("%d-%x", c.id, time.Now().UnixMilli())
	c.log.LogAttrs(ctx, slog.LevelError, "backend failed", slog.Any("err", err), slog.String("ref", ref))
	return imap.Status{Kind: imap.NO, Code: imap.Code{Name: "SERVERBUG"}, Text: "internal error " + ref}
}

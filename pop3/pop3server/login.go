package pop3server

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/pop3"
)

// connInfo is what mechanisms may know of this connection.
func (c *Conn) connInfo() auth.ConnInfo {
	ci := auth.ConnInfo{
		TLS: c.link.TLS(), Offered: c.s.Config.Mechanisms, Service: "pop", Host: c.server.hostname(), Remote: c.remote,
	}
	if c.server.Certs != nil && c.link.TLS() != nil {
		ci.Endpoint = c.server.Certs.Endpoint()
	}
	return ci
}

// offer settles how one can log in on this connection as it is now: CAPA lists
// what works, and nothing else. RFC 2449, sections 6.2 and 6.3.
func (c *Conn) offer() {
	config := &c.s.Config
	if c.server.Auth != nil && !c.link.IsTLS() && !c.server.Cleartext {
		// Nothing is listed yet, but whoever tries all the same is told what is
		// missing.
		config.Mechanisms, config.Hide = []string{"PLAIN"}, nil
		return
	}
	config.Mechanisms, config.Hide = c.server.Auth.Mechanisms(c.connInfo()), nil
	if !slices.Contains(config.Mechanisms, "PLAIN") && !slices.Contains(config.Mechanisms, "LOGIN") {
		config.Hide = []string{"USER"}
	}
}

// pass carries out USER and PASS.
func (c *Conn) pass(ctx context.Context, e *pop3.PassEvent) {
	id, err := c.server.Auth.Login(ctx, c.connInfo(), e.User, auth.Secret(e.Password))
	c.r.Wipe()
	if err != nil {
		c.refuse(ctx, "PASS", err)
		return
	}
	c.open(ctx, id)
}

// apop carries out APOP.
func (c *Conn) apop(ctx context.Context, e *pop3.ApopEvent) {
	id, err := c.server.Auth.APOP(ctx, c.connInfo(), e.User, e.Stamp, e.Digest)
	if err != nil {
		c.refuse(ctx, "APOP", err)
		return
	}
	c.open(ctx, id)
}

// auth carries out AUTH and the responses within its exchange.
func (c *Conn) auth(ctx context.Context, e *pop3.AuthEvent) {
	if e.Mechanism != "" {
		x, err := c.server.Auth.Server(e.Mechanism, c.connInfo())
		if err != nil {
			c.refuse(ctx, e.Mechanism, err)
			return
		}
		c.sasl = x
	}
	challenge, done, err := c.sasl.Next(ctx, e.Response)
	c.r.Wipe()
	switch {
	case err != nil:
		c.refuse(ctx, c.sasl.Mechanism(), err)
		c.sasl = nil
	case done:
		id := c.sasl.Identity()
		c.sasl = nil
		c.open(ctx, id)
	default:
		c.keep(c.s.Challenge(c.link.Batch(), challenge))
	}
}

// refuse settles a login that failed.
func (c *Conn) refuse(ctx context.Context, how string, err error) {
	level := slog.LevelInfo
	if errors.Is(err, auth.ErrTemporary) {
		level = slog.LevelError
	}
	c.log.LogAttrs(ctx, level, "authentication failed", slog.String("how", how), slog.Any("err", err))
	c.reply(c.s.Settle(loginVerdict(err)))
}

// loginVerdict is the reply to credentials that were not taken. Wrong password,
// wrong user and wrong authorization read alike. RFC 3206, sections 4 and 5.
func loginVerdict(err error) pop3.Reply {
	if _, is := errors.AsType[*auth.SyntaxError](err); is {
		return pop3.Reply{Text: "response is not as the mechanism has it"}
	}
	switch {
	case errors.Is(err, auth.ErrTemporary), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return pop3.Reply{Code: pop3.SysTemp, Text: "authentication is not possible now"}
	case errors.Is(err, auth.ErrTLSRequired):
		return pop3.Reply{Text: "TLS is needed for that"}
	case errors.Is(err, auth.ErrMechanism):
		return pop3.Reply{Text: "mechanism not offered"}
	}
	return pop3.Reply{Code: pop3.BadCredentials, Text: "authentication failed"}
}

// stls carries out STLS. Whatever goes wrong behind the +OK, a plaintext octet
// that was waiting or a handshake that fails, ends the connection: nothing is
// ever served on what is left of it. RFC 2595, section 4.
func (c *Conn) stls(ctx context.Context) {
	c.reply(c.s.Settle(pop3.Reply{OK: true}))
	if c.flush(); c.s.State() != pop3.Upgrading || c.broken != nil {
		return
	}
	within, cancel := netserver.Within(ctx, c.clock.timeouts.TLS)
	defer cancel()
	tc, err := auth.StartServerTLS(within, c.link.Conn(), c.link.Upgrader(&c.r), c.server.TLS)
	if err != nil {
		if !c.link.Stopped(err) {
			c.log.LogAttrs(ctx, slog.LevelWarn, "STLS failed", slog.Any("err", err))
		}
		c.lost(err)
		return
	}
	c.link.TLSStarted(tc)
	c.s.TLSDone()
	c.offer()
}

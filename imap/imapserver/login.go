package imapserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/netserver"
)

// connInfo is what mechanisms may know of this connection.
func (c *Conn) connInfo() auth.ConnInfo {
	ci := auth.ConnInfo{TLS: c.link.TLS(), Service: "imap", Host: c.server.hostname(), Remote: c.remote}
	if c.server.Certs != nil && c.link.TLS() != nil {
		ci.Endpoint = c.server.Certs.Endpoint()
	}
	return ci
}

// loginCaps is what is offered before the login, of how one can log in.
func (c *Conn) loginCaps(onTLS bool) []imap.Cap {
	have := []imap.Cap{imap.CapSASLIR}
	if c.server.TLS != nil && !onTLS {
		have = append(have, imap.CapStartTLS)
	}
	mechanisms := c.server.Auth.Mechanisms(c.connInfo())
	for _, m := range mechanisms {
		have = append(have, imap.Cap("AUTH="+m))
	}
	if !slices.Contains(mechanisms, "PLAIN") && !slices.Contains(mechanisms, "LOGIN") {
		have = append(have, imap.CapLoginDisabled)
	}
	return have
}

// login carries out LOGIN. RFC 9051, section 6.2.3.
func (c *Conn) login(ctx context.Context, e *imap.LoginEvent) {
	id, err := c.server.Auth.Login(ctx, c.connInfo(), e.Username, auth.Secret(e.Password))
	c.r.Wipe()
	if err != nil {
		c.refuseLogin(ctx, "LOGIN", err)
		return
	}
	c.open(ctx, id)
}

// authenticate carries out AUTHENTICATE up to its first challenge. RFC 9051,
// section 6.2.2.
func (c *Conn) authenticate(ctx context.Context, e *imap.AuthEvent) {
	x, err := c.server.Auth.Server(e.Mechanism, c.connInfo())
	if err != nil {
		c.refuseLogin(ctx, e.Mechanism, err)
		return
	}
	c.sasl = x
	c.respond(ctx, e.Initial)
}

// respond goes on with an exchange.
func (c *Conn) respond(ctx context.Context, response []byte) {
	challenge, done, err := c.sasl.Next(ctx, response)
	c.r.Wipe()
	switch {
	case err != nil:
		how := c.sasl.Mechanism()
		c.sasl = nil
		c.refuseLogin(ctx, how, err)
	case done:
		id := c.sasl.Identity()
		c.sasl = nil
		c.open(ctx, id)
	default:
		c.reply(c.s.Challenge(challenge))
	}
}

// open opens the account of whom the client has proved to be.
func (c *Conn) open(ctx context.Context, id auth.Identity) {
	if err := c.server.admitUser(id.Authzid); err != nil {
		c.settle(c.status(ctx, err))
		return
	}
	if to, ok := c.server.Backend.(redirect); ok {
		defer c.server.dismissUser(id.Authzid)
		c.redirect(ctx, id, to)
		return
	}
	account, err := c.openAccount(ctx, id)
	if err != nil {
		c.server.dismissUser(id.Authzid)
		c.settle(c.status(ctx, err))
		return
	}
	c.identity, c.account, c.abilities = &id, account, account.Abilities()
	c.log.LogAttrs(ctx, slog.LevelInfo, "logged in", slog.String("user", id.Authzid), slog.String("mechanism", id.Mechanism))
	c.settle(imap.Status{Text: "logged in"})
}

func (c *Conn) openAccount(ctx context.Context, id auth.Identity) (Account, error) {
	if c.server.Backend == nil {
		return nil, imap.No("UNAVAILABLE", "there is no mail here")
	}
	account, err := c.server.Backend.Open(ctx, id, c)
	if err != nil {
		return nil, err
	}
	spaces, err := account.Namespaces(ctx)
	if err != nil {
		account.Close()
		return nil, err
	}
	c.delim = 0
	if len(spaces.Personal) > 0 {
		c.delim = spaces.Personal[0].Delim
	}
	return account, nil
}

// logout closes the account.
func (c *Conn) logout() {
	if c.account == nil {
		return
	}
	account, user := c.account, c.identity.Authzid
	c.account, c.identity, c.abilities = nil, nil, 0
	c.server.dismissUser(user)
	if err := account.Close(); err != nil {
		c.log.Error("closing the account", "err", err)
	}
}

// unauthenticate carries out UNAUTHENTICATE. RFC 8437.
func (c *Conn) unauthenticate() {
	c.leave()
	c.logout()
	c.settle(imap.Status{Text: "UNAUTHENTICATE done"})
	c.clock.waitForLogin()
	if c.out.deflate == nil {
		return
	}
	// Compression ends behind this reply, and what the client has compressed must
	// end there too. RFC 8437, section 4.1.
	if c.rest() == nil {
		c.endCompression()
	}
}

// refuseLogin settles a login that failed. Wrong user, wrong password and wrong
// authorization read alike.
func (c *Conn) refuseLogin(ctx context.Context, how string, err error) {
	level := slog.LevelInfo
	if errors.Is(err, auth.ErrTemporary) {
		level = slog.LevelError
	}
	c.log.LogAttrs(ctx, level, "authentication failed", slog.String("how", how), slog.Any("err", err))
	c.settle(loginStatus(err))
}

// loginStatus is the answer to credentials that were not taken. RFC 5530,
// section 3.
func loginStatus(err error) imap.Status {
	if _, is := errors.AsType[*auth.SyntaxError](err); is {
		return imap.Bad("", "response is not as the mechanism has it").Status()
	}
	switch {
	case errors.Is(err, auth.ErrTemporary), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return imap.No("UNAVAILABLE", "authentication is not possible now").Status()
	case errors.Is(err, auth.ErrTLSRequired):
		return imap.No("PRIVACYREQUIRED", "TLS is needed for that").Status()
	case errors.Is(err, auth.ErrMechanism):
		return imap.No("", "mechanism not offered").Status()
	}
	return imap.No("AUTHENTICATIONFAILED", "authentication failed").Status()
}

// startTLS carries out STARTTLS. Whatever goes wrong behind the OK, a plaintext
// octet that was waiting or a handshake that fails, ends the connection: nothing
// is ever served on what is left of it. RFC 9051, section 6.2.1.
func (c *Conn) startTLS(ctx context.Context) {
	c.settle(imap.Status{Text: "begin TLS"})
	if c.s.State() != imap.Upgrading || c.rest() != nil {
		return
	}
	within, cancel := netserver.Within(ctx, c.clock.timeouts.TLS)
	defer cancel()
	tc, err := auth.StartServerTLS(within, c.link.Conn(), c.link.Upgrader(upgrader{c}), c.server.TLS)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "STARTTLS failed", slog.Any("err", err))
		c.broken = err
		return
	}
	c.link.TLSStarted(tc)
	c.out.to = tc
	c.s.TLSDone()
}

// upgrader is the Reader as the layers below see it: whatever comes below, it
// goes on reading from our source, which is what flushes before it waits.
type upgrader struct{ c *Conn }

// Buffered and Upgrade implement netserver.Reader.
func (u upgrader) Buffered() int { return u.c.r.Buffered() }

// Upgrade: see Buffered.
func (u upgrader) Upgrade(io.Reader) error { return u.c.r.Upgrade(&source{u.c}) }

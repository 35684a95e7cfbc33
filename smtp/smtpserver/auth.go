package smtpserver

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// connInfo is what mechanisms may know of this connection.
func (c *Conn) connInfo() auth.ConnInfo {
	service := "smtp"
	if c.server.Protocol == smtp.LMTP {
		service = "lmtp"
	}
	var endpoint []byte
	if c.server.Certs != nil {
		endpoint = c.server.Certs.Endpoint()
	}
	return auth.ConnInfo{
		TLS: c.TLS(), Endpoint: endpoint, Offered: c.s.Config.Mechanisms, Service: service, Host: c.s.Config.Hostname, Remote: c.remote,
	}
}

// offerAuth settles which mechanisms there are on this connection as it is now.
func (c *Conn) offerAuth() {
	c.s.Config.AuthAfterTLS = false
	c.s.Config.Mechanisms = c.server.Auth.Mechanisms(c.connInfo())
	if c.server.Auth != nil && len(c.s.Config.Mechanisms) == 0 && c.TLS() == nil && c.server.TLS != nil {
		// Whoever tries all the same is told what is missing: RFC 4954, section 4.
		c.s.Config.Mechanisms, c.s.Config.AuthAfterTLS = []string{"PLAIN"}, true
	}
}

// auth carries out AUTH and the responses within its exchange.
func (c *Conn) auth(ctx context.Context, e *smtp.AuthEvent) {
	if c.s.State() != smtp.Authing {
		x, err := c.server.Auth.Server(e.Mechanism, c.connInfo())
		if err != nil {
			c.settle(authVerdict(err), Closed)
			return
		}
		c.sasl = x
	}
	challenge, done, err := c.sasl.Next(ctx, e.Response)
	switch {
	case err != nil:
		level := slog.LevelInfo
		if errors.Is(err, auth.ErrTemporary) {
			level = slog.LevelError
		}
		c.log.LogAttrs(ctx, level, "authentication failed", slog.String("mechanism", e.Mechanism), slog.Any("err", err))
		c.settle(authVerdict(err), Closed)
	case done:
		identity := c.sasl.Identity()
		c.identity = &identity
		c.log.LogAttrs(ctx, slog.LevelInfo, "authenticated", slog.String("mechanism", e.Mechanism), slog.String("user", identity.Authzid))
		c.settle(ok, Closed)
	default:
		c.settle(smtp.Challenge(challenge), Closed)
	}
	c.r.Wipe()
}

package smtpserver

import (
	"context"
	"log/slog"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// startTLS carries out STARTTLS. Whatever goes wrong behind the 220, a plaintext
// octet that was waiting or a handshake that fails, ends the connection: nothing
// is ever served on what is left of it. RFC 3207, section 4.
func (c *Conn) startTLS(ctx context.Context) {
	c.settle(ok, Closed)
	if c.s.State() != smtp.Upgrading || c.broken != nil {
		return
	}
	if err := c.flush(); err != nil {
		return
	}
	ctx, cancel := c.clock.withTLS(ctx)
	defer cancel()
	tc, err := auth.StartServerTLS(ctx, c.tcp, (*upgrader)(c), c.server.TLS)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "STARTTLS failed", slog.Any("err", err))
		c.broken = err
		return
	}
	c.tls = tc
	c.tlsStarted()
	c.s.TLSDone()
	c.hello, c.extended, c.identity = "", false, nil // RFC 3207, section 4.2
	c.offerAuth()
}

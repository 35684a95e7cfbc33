package smtpserver

import (
	"context"
	"log/slog"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/netserver"
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
	if c.broken = c.link.Flush(); c.broken != nil {
		return
	}
	within, cancel := netserver.Within(ctx, c.clock.timeouts.TLS)
	defer cancel()
	tc, err := auth.StartServerTLS(within, c.link.Conn(), c.link.Upgrader(&c.r), c.server.TLS)
	if err != nil {
		if !c.link.Stopped(err) {
			c.log.LogAttrs(ctx, slog.LevelWarn, "STARTTLS failed", slog.Any("err", err))
		}
		c.lost(err)
		return
	}
	c.link.TLSStarted(tc)
	c.s.TLSDone()
	c.hello, c.extended, c.identity = "", false, nil // RFC 3207, section 4.2
	c.offerAuth()
}

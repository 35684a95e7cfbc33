package smtpserver

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// XClient returns what a trusted proxy has said of the client, if it has.
func (c *Conn) XClient() (smtp.XClient, bool) {
	if c.xclient == nil {
		return smtp.XClient{}, false
	}
	return *c.xclient, true
}

// becomeClient carries out XCLIENT: the session of the proxy is over, and one of
// the client that it speaks for begins, with what is known of that one.
func (c *Conn) becomeClient(ctx context.Context, e *smtp.XClientEvent) {
	x := e.XClient
	c.xclient = &x
	c.hello, c.extended, c.identity = x.Helo, x.Proto != "SMTP", nil
	addr, port := c.remote.Addr(), c.remote.Port()
	if x.Given&smtp.XClientAddr != 0 {
		addr = x.Addr.Unmap()
	}
	if x.Given&smtp.XClientPort != 0 {
		port = x.Port
	}
	c.remote = netip.AddrPortFrom(addr, port)
	if x.Login != "" {
		c.identity = &auth.Identity{Authcid: x.Login, Authzid: x.Login, Mechanism: "XCLIENT"}
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "speaks for another client", slog.String("client", c.remote.String()), slog.String("user", x.Login))
	c.closeSession(nil)
	v := c.openSession(ctx)
	c.offerAuth() // mechanisms may depend on who the client is
	c.settle(v, Closed)
}

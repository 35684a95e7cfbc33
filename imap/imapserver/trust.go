package imapserver

import (
	"log/slog"
	"net/netip"
)

// Trust names the peers that are believed when they speak for others, by the
// addresses that they connect from. The zero value trusts nobody. Trusted peers
// are exempt from Conns.PerIP; whom a PROXY header names is not.
type Trust struct {
	Proxy []netip.Prefix // must send a PROXY header, of version 1 or 2, within 10 s, before anything else
}

// acceptProxy reads the header of a trusted proxy; the client is whom that names.
func (c *Conn) acceptProxy() error {
	proxy := c.link.Remote()
	err := c.link.AcceptProxy()
	switch {
	case c.link.Stopped(err):
		return ErrServerClosed
	case err != nil:
		c.log.Warn("no PROXY header from a trusted proxy", slog.Any("err", err))
		return err
	}
	c.remote = c.link.Remote()
	c.log = c.server.logger().With("conn", c.id, "remote", c.remote.String(), "proxy", proxy.String())
	return nil
}

package pop3server

import "net/netip"

// Trust names the peers that are believed when they speak for others, by the
// addresses that they connect from. The zero value trusts nobody. Trusted peers
// are exempt from Conns.PerIP; whom a PROXY header names is not.
type Trust struct {
	Proxy []netip.Prefix // must send a PROXY header, of version 1 or 2, within 10 s, before anything else
}

// acceptProxy reads the header of a trusted proxy; the client is whom that names.
func (c *Conn) acceptProxy() error {
	log, err := c.link.MeetProxy(c.server.logger(), c.id)
	if err != nil {
		return err
	}
	c.log, c.remote = log, c.link.Remote()
	return nil
}

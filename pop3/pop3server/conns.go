package pop3server

import (
	"cmp"
	"errors"

	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/pop3"
)

// Conns bound what clients take of the server together. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Conns struct {
	Total   int // connections at once: 4096
	PerIP   int // connections at once of one IPv4 address or one IPv6 /64: 100. Loopback is exempt
	MinRate int // octets a second of a message that the client takes, over the first 30 s and from then on: 100
}

func (c Conns) limits() netserver.Limits {
	return netserver.Limits{Total: c.Total, PerIP: c.PerIP}
}

func (c Conns) minRate() int { return cmp.Or(c.MinRate, 100) }

// turnAway tells a client that was not let in, if it listens.
func (c *Conn) turnAway(err error) {
	why := pop3.Reply{Code: pop3.SysTemp, Text: "shutting down"}
	switch {
	case errors.Is(err, netserver.ErrTotal):
		why.Text = "too many connections"
	case errors.Is(err, netserver.ErrPerIP):
		why.Text = "too many connections from your address"
	}
	c.link.TurnAway(pop3.AppendReply(nil, c.s.Greet(why)))
	c.log.Warn("connection turned away", "err", err)
}

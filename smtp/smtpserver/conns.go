package smtpserver

import (
	"cmp"
	"errors"

	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/smtp"
)

// Conns bound what peers take of the server together. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Conns struct {
	Total   int // connections at once: 4096
	PerIP   int // connections at once of one IPv4 address or one IPv6 /64: 100. Loopback is exempt
	MinRate int // octets of content a second, over the first 30 s and from then on: 100
}

func (c Conns) limits() netserver.Limits {
	return netserver.Limits{Total: c.Total, PerIP: c.PerIP}
}

func (c Conns) minRate() int { return cmp.Or(c.MinRate, 100) }

// turnAway tells a peer that was not let in; the greeting is the only thing that
// it gets. RFC 5321, section 3.8.
func (c *Conn) turnAway(err error) {
	why := errShutdown
	switch {
	case errors.Is(err, netserver.ErrTotal):
		why = &smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: "too many connections"}
	case errors.Is(err, netserver.ErrPerIP):
		why = &smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: "too many connections from your address"}
	}
	c.s.Greet(ok)
	c.link.TurnAway(smtp.AppendReply(nil, c.s.Fail(why)))
	c.log.Warn("connection turned away", "err", err)
}

package imapserver

import (
	"cmp"
	"errors"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/netserver"
)

// Conns bound what peers take of the server together. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Conns struct {
	Total   int // connections at once: 10000
	PerIP   int // connections at once of one IPv4 address or one IPv6 /64: 64. Loopback is exempt
	PerUser int // sessions at once of one user: 32
}

func (c Conns) limits() netserver.Limits {
	return netserver.Limits{Total: cmp.Or(c.Total, 10_000), PerIP: cmp.Or(c.PerIP, 64)}
}

func (c Conns) perUser() int { return cmp.Or(c.PerUser, 32) }

// turnAway tells a peer that was not let in.
func (c *Conn) turnAway(err error) {
	text := "shutting down"
	switch {
	case errors.Is(err, netserver.ErrTotal):
		text = "too many connections"
	case errors.Is(err, netserver.ErrPerIP):
		text = "too many connections from your address"
	}
	r := c.s.Greet(imap.Status{Kind: imap.BYE, Code: imap.Code{Name: "UNAVAILABLE"}, Text: text}, false)
	var e imap.Encoder
	e.Reply(r)
	c.link.TurnAway(e.Bytes())
	c.log.Warn("connection turned away", "err", err)
}

// admitUser counts a session of a user in. RFC 5530, section 3: LIMIT.
func (s *Server) admitUser(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most := s.Conns.perUser(); most > 0 && s.perUser[name] >= most {
		return imap.No("LIMIT", "too many sessions of this user")
	}
	if s.perUser == nil {
		s.perUser = make(map[string]int)
	}
	s.perUser[name]++
	return nil
}

func (s *Server) dismissUser(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.perUser[name]--; s.perUser[name] <= 0 {
		delete(s.perUser, name)
	}
}

package pop3server

import (
	"cmp"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/pop3"
)

// Conns bound what clients take of the server together. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Conns struct {
	Total   int // connections at once: 4096
	PerIP   int // connections at once of one IPv4 address or one IPv6 /64: 100. Loopback is exempt
	MinRate int // octets a second of a message that the client takes, over the first 30 s and from then on: 100
}

// withDefaults returns c with its zeros replaced.
func (c Conns) withDefaults() Conns {
	return Conns{Total: cmp.Or(c.Total, 4096), PerIP: cmp.Or(c.PerIP, 100), MinRate: cmp.Or(c.MinRate, 100)}
}

// What keeps a connection out.
var (
	errTotal = &pop3.Reject{Code: pop3.SysTemp, Text: "too many connections"}
	errPerIP = &pop3.Reject{Code: pop3.SysTemp, Text: "too many connections from your address"}
)

// admit counts the connection in, or says why not.
func (s *Server) admit(c *Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	most, ip := s.Conns.withDefaults(), network(c.remote.Addr())
	switch {
	case s.stopping:
		return ErrServerClosed
	case most.Total > 0 && len(s.conns) >= most.Total:
		return errTotal
	case ip.IsValid() && most.PerIP > 0 && s.perIP[ip] >= most.PerIP:
		return errPerIP
	}
	if s.conns == nil {
		s.conns = make(map[*Conn]struct{})
		s.perIP = make(map[netip.Prefix]int)
	}
	s.conns[c] = struct{}{}
	if ip.IsValid() {
		s.perIP[ip]++
	}
	return nil
}

// dismiss counts it out.
func (s *Server) dismiss(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	ip := network(c.remote.Addr())
	if s.perIP[ip]--; s.perIP[ip] <= 0 {
		delete(s.perIP, ip)
	}
	if s.stopping && len(s.conns) == 0 {
		close(s.idle)
	}
}

// network is what counts as one client: an IPv4 address, or the /64 that one
// customer has all of. It is invalid for those that are not counted.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.IsLoopback():
		return netip.Prefix{}
	case a.Is4():
		return netip.PrefixFrom(a, 32)
	}
	p, _ := a.WithZone("").Prefix(64)
	return p
}

// turnAway tells a client that was not admitted, if it listens.
func (c *Conn) turnAway(err error) {
	defer c.tcp.Close()
	if c.tls != nil { // there is no handshake for those who are turned away
		return
	}
	why := pop3.Reply{Code: pop3.SysTemp, Text: "shutting down"}
	if reject, ok := errors.AsType[*pop3.Reject](err); ok {
		why = reject.Reply()
	}
	c.tcp.SetWriteDeadline(time.Now().Add(5 * time.Second))
	c.tcp.Write(pop3.AppendReply(nil, c.s.Greet(why)))
	c.server.logger().Warn("connection turned away", "remote", c.remote, "err", err)
}

func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

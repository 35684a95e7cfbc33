// Package netserver is what the servers of all protocols have in common below
// their protocol: a [Group] of listeners and connections that is limited and shut
// down together, and a [Link], one connection with its deadlines, its TLS and the
// batch of replies that leaves in one write. No rule of any protocol is here.
package netserver

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Why a connection is not let in.
var (
	ErrClosed = errors.New("server closed") // Shutdown or Close was called
	ErrTotal  = errors.New("too many connections")
	ErrPerIP  = errors.New("too many connections from one address")
)

// Limits bound the connections of a Group. Zero means the default that the
// comment gives, and a negative value means no limit.
type Limits struct {
	Total int // at once: 4096
	PerIP int // at once of one IPv4 address or one IPv6 /64: 100. Loopback is exempt
}

// A Group is the listeners and connections of one server. The zero value is
// ready. It is safe for concurrent use.
type Group struct {
	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]struct{}
	members   map[Member]netip.Prefix // and what each is counted by
	perIP     map[netip.Prefix]int
	serving   int           // goroutines of Serve, whose connections may be members or not
	idle      chan struct{} // closed when stopping and nobody is left; nil before
}

// A Member is a connection of a Group. Stop and Abort are called from other
// goroutines than its own.
type Member interface {
	Remote() netip.AddrPort // by which Admit counts it; invalid: by none
	Stop()                  // leave as soon as the protocol allows it
	Abort()                 // leave at once
}

// Serve accepts connections from l, which it closes in the end, and gives each
// to serve in a goroutine of its own. The error is never nil; after Shutdown or
// Close it is ErrClosed.
func (g *Group) Serve(l net.Listener, log *slog.Logger, serve func(net.Conn)) error {
	defer l.Close()
	if !g.track(l) {
		return ErrClosed
	}
	defer g.untrack(l)
	var delay time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			delay = 0
			if !g.begin() {
				c.Close()
				return ErrClosed
			}
			go func() {
				defer g.end()
				serve(c)
			}()
			continue
		}
		if g.Stopping() {
			return ErrClosed
		}
		if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() && !outOfResources(err) {
			return err
		}
		// Out of files or memory: others will be freed, this listener stays.
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		log.Error("accept failed", "err", err, "retry", delay)
		time.Sleep(delay)
	}
}

func outOfResources(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

func (g *Group) track(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return false
	}
	if g.listeners == nil {
		g.listeners = make(map[net.Listener]struct{})
	}
	g.listeners[l] = struct{}{}
	return true
}

func (g *Group) untrack(l net.Listener) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.listeners, l)
}

// begin and end stand around what Serve does for a connection.
func (g *Group) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return false
	}
	g.serving++
	return true
}

func (g *Group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serving--
	g.leave()
}

// leave is called when somebody has left.
func (g *Group) leave() {
	if g.stopping && !g.busy() {
		close(g.idle)
	}
}

func (g *Group) busy() bool { return len(g.members) > 0 || g.serving > 0 }

// Stopping reports whether Shutdown or Close was called.
func (g *Group) Stopping() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopping
}

// Admit counts a connection in by the address that it has now, or says why not:
// ErrClosed, ErrTotal, ErrPerIP. It is called again for one that is in when it is
// found to stand for another address; if that is refused, it is in as before.
func (g *Group) Admit(m Member, most Limits) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	total, perIP := cmp.Or(most.Total, 4096), cmp.Or(most.PerIP, 100)
	ip := network(m.Remote().Addr())
	was, in := g.members[m]
	switch {
	case g.stopping:
		return ErrClosed
	case !in && total > 0 && len(g.members) >= total:
		return ErrTotal
	case ip.IsValid() && ip != was && perIP > 0 && g.perIP[ip] >= perIP:
		return ErrPerIP
	}
	if g.members == nil {
		g.members = make(map[Member]netip.Prefix)
		g.perIP = make(map[netip.Prefix]int)
	}
	g.members[m] = ip
	g.count(was, -1)
	g.count(ip, +1)
	return nil
}

// Dismiss counts a connection out that Admit has counted in.
func (g *Group) Dismiss(m Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ip, in := g.members[m]
	if !in {
		return
	}
	delete(g.members, m)
	g.count(ip, -1)
	g.leave()
}

func (g *Group) count(ip netip.Prefix, n int) {
	if !ip.IsValid() {
		return
	}
	if g.perIP[ip] += n; g.perIP[ip] == 0 {
		delete(g.perIP, ip)
	}
}

// network is what counts as one peer: an IPv4 address, or the /64 that one
// customer has all of. It is invalid for peers that are not counted.
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

// Shutdown closes the listeners, stops the members and waits until they are
// gone. When ctx is done it aborts those that are left, and returns its error.
// It may be called again, and beside Close.
func (g *Group) Shutdown(ctx context.Context) error {
	idle := g.stop()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	if !g.abort() {
		return nil
	}
	return ctx.Err()
}

// Close closes the listeners and aborts the members.
func (g *Group) Close() error {
	g.stop()
	g.abort()
	return nil
}

func (g *Group) stop() (idle <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stopping {
		g.stopping = true
		g.idle = make(chan struct{})
		g.leave()
	}
	for l := range g.listeners {
		l.Close()
	}
	for m := range g.members {
		m.Stop()
	}
	return g.idle
}

// abort reports whether anybody was left.
func (g *Group) abort() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for m := range g.members {
		m.Abort()
	}
	return g.busy()
}

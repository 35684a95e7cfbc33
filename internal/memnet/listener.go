package memnet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// firstPort is where the ports of clients that name none start: the first of
// the dynamic ports. RFC 6335, section 6.
const firstPort = 49152

// Listener accepts connections that are made by its Dial methods. It implements
// [net.Listener] and is safe for concurrent use.
type Listener struct {
	options Options
	addr    *net.TCPAddr

	mu      sync.Mutex
	waiting sync.Cond // an Accept waits for backlog or closed
	backlog []*Conn   // dialled, not yet accepted
	port    uint16    // of the last client that named none
	closed  bool
}

var _ net.Listener = (*Listener)(nil)

// Listen returns a listener at o.Server whose connections are as o says.
func Listen(o Options) *Listener {
	o = o.withDefaults()
	l := &Listener{options: o, addr: net.TCPAddrFromAddrPort(o.Server), port: firstPort - 1}
	l.waiting.L = &l.mu
	return l
}

// Accept implements [net.Listener]. After Close the error matches [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.backlog) == 0 && !l.closed {
		l.waiting.Wait()
	}
	if l.closed {
		return nil, l.opError("accept", net.ErrClosed)
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

// Close implements [net.Listener]. Connections that nobody accepted are closed.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.opError("close", net.ErrClosed)
	}
	l.closed = true
	for _, c := range l.backlog {
		c.Close()
	}
	l.backlog = nil
	l.waiting.Broadcast()
	return nil
}

// Addr returns a [*net.TCPAddr].
func (l *Listener) Addr() net.Addr { return l.addr }

// Dial connects from Options.Client, from another port each time. It never
// blocks: as with TCP, the connection is made before the server accepts it. The
// error is that of a done ctx, or [syscall.ECONNREFUSED] after Close.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	c, err := l.DialFrom(ctx, netip.AddrPortFrom(l.options.Client.Addr(), 0))
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DialContext is [Listener.Dial] in the shape of [net.Dialer.DialContext], for
// the Dial field of a client. Network and address are not looked at: whatever
// the client wants to reach is here.
func (l *Listener) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return l.Dial(ctx)
}

// DialFrom is [Listener.Dial] from a chosen address. Port zero means any.
func (l *Listener) DialFrom(ctx context.Context, from netip.AddrPort) (*Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, l.opError("dial", err)
	}
	if l.closed {
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	}
	if from.Port() == 0 {
		if l.port++; l.port < firstPort {
			l.port = firstPort
		}
		from = netip.AddrPortFrom(from.Addr(), l.port)
	}
	o := l.options
	o.Client = from
	client, server := Pipe(o)
	l.backlog = append(l.backlog, server)
	l.waiting.Signal()
	return client, nil
}

func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.addr, Err: err}
}

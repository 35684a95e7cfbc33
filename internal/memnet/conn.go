package memnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// DefaultWindow is how many octets may be under way in one direction when
// [Flow.Window] is zero.
const DefaultWindow = 64 << 10

// Addresses used where Options names none.
var (
	defaultClient = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), firstPort)
	defaultServer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 25}), 25)
)

// Options describe a connection, or the connections of a [Listener]. The zero
// value is a connection without faults between two documentation addresses.
type Options struct {
	// Client and Server are the addresses of the two ends. An invalid (zero)
	// one means 192.0.2.1:49152 and 192.0.2.25:25.
	Client, Server netip.AddrPort

	// ToServer carries what the client writes, ToClient what the server writes.
	ToServer, ToClient Flow
}

// Flow describes one direction of a connection.
type Flow struct {
	// Window is the number of octets that may be written and not yet read.
	// Zero or less means DefaultWindow.
	Window int

	// Chunk, if not nil, is asked at each Read that finds octets for the most
	// it may return. Less than one means no limit. It runs under the lock of
	// the connection and may not use it. A Listener uses one Chunk for all its
	// connections, possibly at the same time; those of [Chunks] can stand that.
	Chunk func() int

	// Fault is what goes wrong in this direction. [Conn.SetFault] changes it.
	Fault Fault
}

// Count says what was written in one direction.
type Count struct {
	Writes int   // calls of Write with at least one octet
	Octets int64 // octets accepted into the window
}

// Conn is one end of a connection. It implements [net.Conn] and is safe for
// concurrent use; the octets of concurrent Writes do not mix. Errors are
// [*net.OpError], except io.EOF and the errors of a [Fault].
type Conn struct {
	link          *link
	in, out       *half
	local, remote *net.TCPAddr
	closed        bool // Close was called at this end
}

var _ net.Conn = (*Conn)(nil)

// link is what the two ends share. One lock for both directions keeps a cut,
// which concerns both, simple.
type link struct {
	mu     sync.Mutex
	halves [2]half
}

// half is one direction. All fields are guarded by the link's lock.
type half struct {
	flow     Flow
	queue    ring
	readable sync.Cond // there may be something new for Read to return
	writable sync.Cond // likewise for Write
	readBy   deadline
	writeBy  deadline
	sent     Count
	read     int64 // octets delivered
	writing  bool  // a Write is under way; others wait for their turn
	finished bool  // no more octets will be written
	refused  bool  // nobody will read
}

// Pipe returns the two ends of a new connection.
func Pipe(o Options) (client, server *Conn) {
	o = o.withDefaults()
	l := new(link)
	toServer, toClient := &l.halves[0], &l.halves[1]
	toServer.init(&l.mu, o.ToServer)
	toClient.init(&l.mu, o.ToClient)
	ca, sa := net.TCPAddrFromAddrPort(o.Client), net.TCPAddrFromAddrPort(o.Server)
	client = &Conn{link: l, in: toClient, out: toServer, local: ca, remote: sa}
	server = &Conn{link: l, in: toServer, out: toClient, local: sa, remote: ca}
	l.cutIfReached()
	return client, server
}

func (o Options) withDefaults() Options {
	if !o.Client.IsValid() {
		o.Client = defaultClient
	}
	if !o.Server.IsValid() {
		o.Server = defaultServer
	}
	return o
}

func (h *half) init(mu *sync.Mutex, f Flow) {
	if f.Window <= 0 {
		f.Window = DefaultWindow
	}
	h.flow = f
	h.readable.L, h.writable.L = mu, mu
	h.readBy.wake, h.writeBy.wake = &h.readable, &h.writable
}

// Read implements [net.Conn]. It returns what there is, without waiting for p
// to be filled. Like a TCP connection's it prefers an expired deadline over
// octets that are there.
func (c *Conn) Read(p []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	h := c.in
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case len(p) == 0:
			return 0, nil
		case h.readBy.expired:
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		}
		if n := h.take(p); n > 0 {
			h.writable.Broadcast()
			return n, nil
		}
		switch {
		case h.flow.Fault.reached(h.read, failRead):
			return 0, h.flow.Fault.err
		case h.finished && h.queue.n == 0 && !h.flow.Fault.reached(h.read, stallFlow):
			return 0, io.EOF
		}
		h.readable.Wait()
	}
}

// take moves what a Read may have into p.
func (h *half) take(p []byte) int {
	n := min(len(p), h.queue.n)
	n = h.flow.Fault.before(h.read, n, stallFlow, failRead)
	if n > 0 && h.flow.Chunk != nil {
		if most := h.flow.Chunk(); most > 0 {
			n = min(n, most)
		}
	}
	n = h.queue.get(p[:n])
	h.read += int64(n)
	return n
}

// Write implements [net.Conn]. It returns when all of p is in the window, and
// keeps no part of p.
func (c *Conn) Write(p []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	h := c.out
	for h.writing {
		if err := c.writeErr(); err != nil {
			return 0, err
		}
		h.writable.Wait()
	}
	h.writing = true
	if len(p) > 0 {
		h.sent.Writes++
	}
	n, err := c.write(p)
	h.writing = false
	h.writable.Broadcast()
	return n, err
}

// write is Write for the one whose turn it is.
func (c *Conn) write(p []byte) (int, error) {
	h := c.out
	for done := 0; ; {
		if err := c.writeErr(); err != nil {
			return done, err
		}
		n := h.flow.Fault.before(h.sent.Octets, len(p)-done, cutLink, failWrite)
		n = h.queue.put(p[done:done+n], h.flow.Window)
		done += n
		h.sent.Octets += int64(n)
		if n > 0 {
			h.readable.Broadcast()
			c.link.cutIfReached()
		}
		switch {
		case done == len(p):
			return done, nil
		case h.flow.Fault.reached(h.sent.Octets, failWrite):
			return done, h.flow.Fault.err
		case n == 0:
			h.writable.Wait()
		}
	}
}

func (c *Conn) writeErr() error {
	switch {
	case c.closed:
		return c.opError("write", net.ErrClosed)
	case c.out.writeBy.expired:
		return c.opError("write", os.ErrDeadlineExceeded)
	case c.out.finished, c.out.refused:
		return c.opError("write", syscall.EPIPE)
	}
	return nil
}

// Close implements [net.Conn]. Blocked calls at this end return with
// [net.ErrClosed], as does a second Close. The peer reads what is under way and
// then io.EOF; what is under way to this end is dropped.
func (c *Conn) Close() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.in.readBy.stop()
	c.out.writeBy.stop()
	c.out.finished = true
	c.in.refused = true
	c.in.queue = ring{}
	c.link.wakeAll()
	return nil
}

// CloseWrite says that this end writes no more: the peer reads what is under
// way and then io.EOF. Reading goes on. Writing fails with [syscall.EPIPE].
func (c *Conn) CloseWrite() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.out.finished = true
	c.link.wakeAll()
	return nil
}

// LocalAddr returns a [*net.TCPAddr].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns a [*net.TCPAddr].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *Conn) setDeadlines(t time.Time, read, write bool) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	if read {
		c.in.readBy.set(t)
	}
	if write {
		c.out.writeBy.set(t)
	}
	return nil
}

// SetFault replaces the fault of the direction that this end writes. The octet
// of f is counted from the start of the connection, so CutAt(c.Sent().Octets)
// cuts now. The zero Fault heals a stall, a FailReadAt and a FailWriteAt.
func (c *Conn) SetFault(f Fault) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.out.flow.Fault = f
	c.link.cutIfReached()
	c.link.wakeAll()
}

// Sent returns what this end has written.
func (c *Conn) Sent() Count {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.out.sent
}

// Received returns what the peer has written, read or not.
func (c *Conn) Received() Count {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.in.sent
}

// cutIfReached ends both directions when the CutAt of one is due.
func (l *link) cutIfReached() {
	for i := range l.halves {
		if h := &l.halves[i]; !h.flow.Fault.reached(h.sent.Octets, cutLink) {
			continue
		}
		for j := range l.halves {
			l.halves[j].finished = true
		}
		l.wakeAll()
	}
}

func (l *link) wakeAll() {
	for i := range l.halves {
		l.halves[i].readable.Broadcast()
		l.halves[i].writable.Broadcast()
	}
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

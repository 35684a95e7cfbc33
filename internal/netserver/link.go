package netserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Clock says how long a Link waits. It is asked by the goroutine that reads
// and writes.
type Clock interface {
	// ReadBy returns when the read that begins now has to end; zero: never.
	ReadBy(now time.Time) time.Time
	// Read is told what it brought, and how long it took.
	Read(n int, took time.Duration)
	// WriteBy returns when the write of n octets that begins now has to end.
	WriteBy(now time.Time, n int) time.Time
}

// ErrStopping is returned by Read where the link would wait and is to stop.
var ErrStopping = errors.New("stopping")

// A Link is one connection, as what its framing Reader reads from, and where the
// replies go. All but Stop, Abort and Stopping is for one goroutine.
//
// Every read that may wait passes through it, and two things always happen
// first: all replies leave, so that nobody waits for a reply that waits here,
// and the deadline is set.
type Link struct {
	tcp    net.Conn // below TLS
	remote netip.AddrPort
	raw    syscall.RawConn
	tls    *tls.Conn
	state  *tls.ConnectionState
	clock  Clock

	out    []byte // the batch
	filled bool   // the last read took all that it had room for
	err    error  // of a write: nothing goes any more

	writeBy time.Time // the deadline that the connection has
	began   time.Time // the read
	endBy   time.Time // it has to; zero: never

	// What Stop touches.
	mu       sync.Mutex
	stopping bool
	busy     bool
	readBy   time.Time // the deadline that the connection has
}

// Init makes l the link over c, which may be a *tls.Conn.
func (l *Link) Init(c net.Conn, clock Clock) {
	l.tcp, l.clock, l.remote = c, clock, remoteOf(c)
	switch c := c.(type) {
	case *tls.Conn:
		l.tls, l.tcp = c, c.NetConn()
	case *net.TCPConn:
		l.raw, _ = c.SyscallConn()
	}
}

// Remote returns the peer's address, or that of the client for which a trusted
// proxy stands; an IPv4 one never as IPv6. It is invalid where it is not known.
func (l *Link) Remote() netip.AddrPort { return l.remote }

// From reports whether Remote is in one of the prefixes.
func (l *Link) From(prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(l.remote.Addr()) {
			return true
		}
	}
	return false
}

// IsTLS reports whether the link is, or begins as, one of TLS.
func (l *Link) IsTLS() bool { return l.tls != nil }

// TLS returns the state of TLS behind its handshake, else nil.
func (l *Link) TLS() *tls.ConnectionState { return l.state }

// Read implements io.Reader for the framing Reader.
func (l *Link) Read(p []byte) (n int, err error) {
	if l.filled && len(l.out) > 0 && l.raw != nil && l.tls == nil {
		n = readMore(l.raw, p)
		l.clock.Read(n, 0)
	}
	if n == 0 {
		n, err = l.readOrWait(p)
	}
	l.filled = n == len(p)
	return n, err
}

// readOrWait flushes, then reads. Thousands of goroutines wait here, each with the
// stack that it takes to get here: what need not be on it while they wait is in
// the Link, or in functions that have returned.
func (l *Link) readOrWait(p []byte) (int, error) {
	if err := l.Flush(); err != nil {
		return 0, err
	}
	if err := l.beginWait(); err != nil {
		return 0, err
	}
	for {
		n, err := l.stream().Read(p)
		if !l.tooEarly(n, err) {
			return n, err
		}
		if err := l.setReadDeadline(l.began, l.endBy); err != nil {
			return 0, err
		}
	}
}

// stream is what octets come from and go to.
func (l *Link) stream() net.Conn {
	if l.tls != nil {
		return l.tls
	}
	return l.tcp
}

// beginWait begins a read, and sets the deadline that the clock wants.
func (l *Link) beginWait() error {
	l.began = time.Now()
	l.endBy = l.clock.ReadBy(l.began)
	return l.setReadDeadline(l.began, l.endBy)
}

// tooEarly tells the clock what a read has brought, and reports whether it ended
// at a deadline that was an earlier one, of another wait.
func (l *Link) tooEarly(n int, err error) bool {
	now := time.Now()
	l.clock.Read(n, now.Sub(l.began))
	l.began = now
	return errors.Is(err, os.ErrDeadlineExceeded) && !l.hasToStop() && (l.endBy.IsZero() || l.endBy.Sub(now) >= time.Second)
}

// setReadDeadline sees to it that a read ends by a time, or earlier. To move the
// deadline of a connection costs as much as to read from it, so it is moved only
// when it would be a second too late; one that is too early wakes us, and is
// moved then.
func (l *Link) setReadDeadline(now, by time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var move bool
	switch {
	case l.stopping && !l.busy:
		return ErrStopping
	case l.readBy.IsZero():
		move = !by.IsZero()
	case !l.readBy.After(now): // has woken us already
		move = true
	default:
		move = !by.IsZero() && l.readBy.Sub(by) >= time.Second
	}
	if !move {
		return nil
	}
	l.readBy = by
	return l.tcp.SetReadDeadline(by)
}

// disarm takes the deadlines away that reads and writes of the link have left
// behind, but not the one of Stop: what comes now has its own.
func (l *Link) disarm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping && !l.busy {
		return
	}
	l.readBy, l.writeBy = time.Time{}, time.Time{}
	l.tcp.SetDeadline(time.Time{})
}

// Flush writes the batch. Its first error stays.
func (l *Link) Flush() error {
	if l.err != nil || len(l.out) == 0 {
		return l.err
	}
	now := time.Now()
	by := l.clock.WriteBy(now, len(l.out))
	// It is moved when it would leave a second less than it should, or more.
	if by.IsZero() != l.writeBy.IsZero() || by.Sub(l.writeBy).Abs() >= time.Second {
		l.writeBy = by
		if l.err = l.tcp.SetWriteDeadline(by); l.err != nil {
			return l.err
		}
	}
	_, l.err = l.stream().Write(l.out)
	l.out = giveBack(l.out)
	return l.err
}

// SetBusy says whether Stop has to wait: for the end of a transaction.
func (l *Link) SetBusy(busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = busy
}

// Stop makes Read fail where it waits, or would wait, unless the link is busy.
func (l *Link) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
	if !l.busy {
		l.readBy = time.Unix(1, 0)
		l.tcp.SetReadDeadline(l.readBy)
	}
}

// Stopping reports whether Stop was called.
func (l *Link) Stopping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopping
}

// hasToStop reports whether Stop was called and nothing is to be finished first.
func (l *Link) hasToStop() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopping && !l.busy
}

// Stopped reports whether err, of Read, is what Stop makes of it.
func (l *Link) Stopped(err error) bool {
	return l.hasToStop() && (err == ErrStopping || errors.Is(err, os.ErrDeadlineExceeded))
}

// Abort closes the connection at once.
func (l *Link) Abort() { l.tcp.Close() }

// Close closes the connection. cleanly: tell a peer with TLS that nothing was
// cut off, unless something was.
func (l *Link) Close(cleanly bool) {
	if l.tls != nil && cleanly && l.err == nil {
		l.tls.Close()
	}
	l.tcp.Close()
	l.out = giveBack(l.out)
}

// TurnAway writes octets to a peer that was not let in, and closes. A peer that
// begins with TLS has no handshake, and so nothing is said to it.
func (l *Link) TurnAway(octets []byte) {
	if l.tls == nil {
		l.tcp.SetWriteDeadline(time.Now().Add(5 * time.Second))
		l.tcp.Write(octets)
	}
	l.tcp.Close()
}

// A Reader is a framing Reader of one of the protocols, which reads from a Link.
type Reader interface {
	Buffered() int
	Upgrade(src io.Reader) error
}

// Handshake does the server's half of TLS that begins with the connection. r has
// read nothing yet. If it fails, also by a panic of whoever chooses certificates,
// the connection is closed: a tls.Conn that is written to without a handshake
// would begin one by itself, for as long as that takes.
func (l *Link) Handshake(ctx context.Context, r Reader, most time.Duration) error {
	ctx, cancel := Within(ctx, most)
	defer cancel()
	defer func() {
		if l.state == nil {
			l.tcp.Close()
		}
	}()
	l.disarm()
	if err := l.tls.HandshakeContext(ctx); err != nil {
		return err
	}
	l.TLSStarted(l.tls)
	return r.Upgrade(l)
}

// Conn and Upgrader are what auth.StartServerTLS wants, and TLSStarted takes what
// it gives. r goes on reading from the link, which then reads from TLS.
func (l *Link) Conn() net.Conn           { return l.tcp }
func (l *Link) Upgrader(r Reader) Reader { return upgrader{r, l} }

// TLSStarted says that the connection has become tc, whose handshake is done.
func (l *Link) TLSStarted(tc *tls.Conn) {
	state := tc.ConnectionState()
	l.tls, l.state, l.filled = tc, &state, false
}

type upgrader struct {
	Reader
	link *Link
}

// Upgrade is called when the handshake is about to begin.
func (u upgrader) Upgrade(io.Reader) error {
	u.link.disarm()
	return u.Reader.Upgrade(u.link)
}

// Within bounds ctx by a time, unless that is negative.
func Within(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if most < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, most)
}

// After returns t + d, or no time where d is negative: no limit.
func After(t time.Time, d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return t.Add(d)
}

// Earlier returns the earlier of two times, of which a zero one is never.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

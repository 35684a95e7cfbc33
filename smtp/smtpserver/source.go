package smtpserver

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// A source is a Conn as what its Reader reads from. Every read that may wait
// passes through it, and two things always happen first: all replies leave, so
// that nobody waits for a reply that waits here, and the deadline is set.
type source Conn

func (s *source) Read(p []byte) (n int, err error) {
	c := (*Conn)(s)
	if c.filled && len(c.out) > 0 && c.raw != nil && c.tls == nil {
		n = readMore(c.raw, p)
	}
	if n == 0 {
		n, err = c.readOrWait(p)
	}
	c.filled = n == len(p)
	c.clock.octets += int64(n)
	return n, err
}

// readMore reads without waiting. It is tried where the last read took all that
// it had room for and replies are held: RFC 2920, section 3.2, item 7 has them
// leave when the input buffer of TCP is empty, not when ours is.
func readMore(raw syscall.RawConn, p []byte) (n int) {
	err := raw.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	if err != nil || n < 0 {
		return 0 // readOrWait finds out why
	}
	return n
}

// readOrWait flushes, then reads.
func (c *Conn) readOrWait(p []byte) (int, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	var from io.Reader = c.tcp
	if c.tls != nil {
		from = c.tls
	}
	for {
		due, err := c.setReadDeadline()
		if err != nil {
			return 0, err
		}
		n, err := from.Read(p)
		now := c.clock.stop()
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.isStopping() || !due.IsZero() && due.Sub(now) < time.Second {
			return n, err
		}
		// The deadline that the connection had was an earlier one, of another wait.
	}
}

// setReadDeadline returns when the read that begins now has to end, and sees to
// it that it ends by then, or earlier. If Shutdown has come, the read is not begun.
func (c *Conn) setReadDeadline() (due time.Time, err error) {
	var end time.Time // of the session; a transaction may go on
	if !c.s.State().InTransaction() {
		end = after(c.began, c.clock.timeouts.Session)
	}
	due, move := c.clock.start(end)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping && !c.busy {
		return due, errShutdown
	}
	if move {
		return due, c.tcp.SetReadDeadline(due)
	}
	return due, nil
}

// A batch is the replies that leave in one write.
const batchSize = 4 << 10

var batches = sync.Pool{New: func() any { return new([batchSize + 1<<10]byte) }}

func takeBatch() []byte { return batches.Get().(*[batchSize + 1<<10]byte)[:0] }

func giveBatchBack(b []byte) {
	if cap(b) == batchSize+1<<10 { // not grown past what the pool has
		batches.Put((*[batchSize + 1<<10]byte)(b[:cap(b)]))
	}
}

// flush writes the batch.
func (c *Conn) flush() error {
	if len(c.out) == 0 {
		return c.broken
	}
	if c.broken != nil {
		return c.broken
	}
	if t, move := c.clock.writeDeadline(); move {
		if err := c.tcp.SetWriteDeadline(t); err != nil {
			return err
		}
	}
	var to io.Writer = c.tcp
	if c.tls != nil {
		to = c.tls
	}
	_, err := to.Write(c.out)
	giveBatchBack(c.out)
	c.out = nil
	if err != nil {
		c.broken = err
	}
	return err
}

// An upgrader is a Conn as auth.StartServerTLS sees its Reader: whatever the new
// connection is, the Reader goes on reading from the source.
type upgrader Conn

var _ auth.Upgrader = (*upgrader)(nil)

func (u *upgrader) Buffered() int { return u.r.Buffered() }

func (u *upgrader) Upgrade(io.Reader) error { return u.r.Upgrade((*source)(u)) }

// handshake does the server's half of TLS that began with the connection.
func (c *Conn) handshake(ctx context.Context) error {
	ctx, cancel := c.clock.withTLS(ctx)
	defer cancel()
	if err := c.tls.HandshakeContext(ctx); err != nil {
		return err
	}
	c.tlsStarted()
	return c.r.Upgrade((*source)(c))
}

func (c *Conn) tlsStarted() {
	state := c.tls.ConnectionState()
	c.tlsState = &state
}

// A clock turns what is being waited for into deadlines. To move the deadline
// of a connection costs as much as to read from it, so it is moved only when it
// would be a second too late; one that is too early wakes us, and is moved then.
type clock struct {
	timeouts Timeouts
	minRate  int

	waits wait
	by    time.Time // when the wait for a line ends; zero: it has not begun
	read  time.Time // the read deadline that the connection has
	write time.Time // the write deadline that it has

	began  time.Time     // when the read that is going on was begun
	waited time.Duration // content: how long reads have taken so far
	octets int64         // content: how many they brought
	slow   bool          // content: the last deadline was one of MinRate
}

// A wait is what the session waits for.
type wait uint8

const (
	lineWait    wait = iota // a whole command line
	contentWait             // octets of content
	greetWait               // the end of Timeouts.GreetDelay
)

// waitFor begins another wait.
func (k *clock) waitFor(w wait) {
	if k.waits != w {
		k.waited, k.octets = 0, 0
	}
	k.waits, k.by = w, time.Time{}
}

// grace is how long content may be slower than Conns.MinRate.
const grace = 30 * time.Second

// start returns when the read that begins now has to end, and whether the
// connection has to be told. A wait for a line ends at end too, unless that is
// zero.
func (k *clock) start(end time.Time) (due time.Time, move bool) {
	now := time.Now()
	k.began, k.slow = now, false
	switch k.waits {
	case lineWait:
		if k.by.IsZero() {
			k.by = earlier(after(now, k.timeouts.Command), end)
		}
		due = k.by
	case contentWait:
		due = after(now, k.timeouts.Content)
		if k.minRate > 0 {
			earned := time.Duration(k.octets) * time.Second / time.Duration(k.minRate)
			if slow := now.Add(grace + earned - k.waited); due.IsZero() || slow.Before(due) {
				due, k.slow = slow, true
			}
		}
	case greetWait:
		due = now.Add(k.timeouts.GreetDelay)
	}
	switch {
	case k.read.IsZero():
		move = !due.IsZero()
	case !k.read.After(now): // has woken us already
		move = true
	default:
		move = !due.IsZero() && k.read.Sub(due) >= time.Second
	}
	if move {
		k.read = due
	}
	return due, move
}

// stop is called behind a read. Only what a read has waited counts against
// MinRate, not what the handler does meanwhile.
func (k *clock) stop() (now time.Time) {
	now = time.Now()
	k.waited += now.Sub(k.began)
	return now
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// writeDeadline returns when a write that begins now has to end, and whether the
// connection has to be told.
func (k *clock) writeDeadline() (t time.Time, move bool) {
	t = after(time.Now(), k.timeouts.Write)
	if t.IsZero() || t.Sub(k.write) < time.Second && !k.write.IsZero() {
		return k.write, false
	}
	k.write = t
	return t, true
}

// withTLS bounds a handshake.
func (k *clock) withTLS(ctx context.Context) (context.Context, context.CancelFunc) {
	if k.timeouts.TLS <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, k.timeouts.TLS)
}

// after returns t + d, or no time where d is no limit.
func after(t time.Time, d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return t.Add(d)
}

// complaint says to the peer what it took too long for.
func (k *clock) complaint() string {
	if k.slow {
		return "too slow"
	}
	return "timeout"
}

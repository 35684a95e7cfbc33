package smtpserver

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// A source is a Conn as what its Reader reads from. Every read that may wait
// passes through it, and two things always happen first: all replies leave, so
// that nobody waits for a reply that waits here, and the deadline is set.
type source Conn

func (s *source) Read(p []byte) (int, error) {
	c := (*Conn)(s)
	if err := c.flush(); err != nil {
		return 0, err
	}
	if err := c.setReadDeadline(); err != nil {
		return 0, err
	}
	var from io.Reader = c.tcp
	if c.tls != nil {
		from = c.tls
	}
	n, err := from.Read(p)
	c.clock.read(n)
	return n, err
}

// setReadDeadline puts the clock's deadline on the connection, unless Shutdown
// has come: then the read is not begun.
func (c *Conn) setReadDeadline() error {
	var end time.Time // of the session; a transaction may go on
	if !c.s.State().InTransaction() {
		end = after(c.began, c.clock.timeouts.Session)
	}
	t, move := c.clock.deadline(end)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping && !c.busy {
		return errShutdown
	}
	if move {
		return c.tcp.SetReadDeadline(t)
	}
	return nil
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
	return nil
}

func (c *Conn) tlsStarted() {
	state := c.tls.ConnectionState()
	c.tlsState = &state
}

// A clock turns what is being waited for into deadlines, which it moves only
// when they would move by a second, since every move costs.
type clock struct {
	timeouts Timeouts
	minRate  int

	waits  wait
	by     time.Time // when the wait for a line ends; zero: not waited yet
	set    time.Time // the read deadline that the connection has
	setFor wait
	write  time.Time // the write deadline that it has

	asked  time.Time     // content: when the last read began
	waited time.Duration // content: how long reads have taken so far
	octets int64         // content: how many they brought
	slow   bool          // content: the next deadline is one of MinRate
}

// A wait is what the session waits for.
type wait uint8

const (
	lineWait    wait = iota // a whole command line
	contentWait             // octets of content
	greetWait               // the end of Timeouts.GreetDelay
)

// start begins another wait.
func (k *clock) start(w wait) {
	if w == contentWait && k.waits != contentWait {
		k.waited, k.octets = 0, 0
	}
	k.waits, k.by = w, time.Time{}
}

// grace is how long content may be slower than Conns.MinRate.
const grace = 30 * time.Second

// deadline returns when the read that begins now has to end, and whether the
// connection has to be told. A wait for a line ends at end too, unless that is
// zero.
func (k *clock) deadline(end time.Time) (t time.Time, move bool) {
	now := time.Now()
	k.slow = false
	switch k.waits {
	case lineWait:
		if k.by.IsZero() {
			k.by = after(now, k.timeouts.Command)
			if !end.IsZero() && (k.by.IsZero() || end.Before(k.by)) {
				k.by = end
			}
		}
		t = k.by
	case contentWait:
		k.asked = now
		t = after(now, k.timeouts.Content)
		if k.minRate > 0 {
			due := now.Add(grace + time.Duration(k.octets)*time.Second/time.Duration(k.minRate) - k.waited)
			if t.IsZero() || due.Before(t) {
				t, k.slow = due, true
			}
		}
	case greetWait:
		t = now.Add(k.timeouts.GreetDelay)
	}
	if k.waits == k.setFor && t.IsZero() == k.set.IsZero() && t.Sub(k.set).Abs() < time.Second {
		return k.set, false
	}
	k.set, k.setFor = t, k.waits
	return t, true
}

// read is told what a read brought.
func (k *clock) read(n int) {
	if k.waits == contentWait {
		k.waited += time.Since(k.asked)
		k.octets += int64(n)
	}
}

// writeDeadline is deadline for a write.
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

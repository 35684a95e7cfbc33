package pop3server

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
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
	if c.tls != nil {
		return c.tls.Read(p)
	}
	return c.tcp.Read(p)
}

// setReadDeadline puts the clock's deadline on the connection, unless Shutdown
// has come: then the read is not begun.
func (c *Conn) setReadDeadline() error {
	loggedIn := c.s.State() == pop3.Transaction
	t, move := c.clock.deadline(c.began, loggedIn, c.r.Buffered() > 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return ErrServerClosed
	}
	if move {
		return c.tcp.SetReadDeadline(t)
	}
	return nil
}

// What leaves in one write: replies of a batch, or a part of a message with what
// was waiting before it.
const (
	batchSize = 4 << 10
	pieceSize = 16 << 10
)

// Batches have room for what may come on top: one more reply, or a piece of
// a message that doubles because it is all dots.
type (
	batch [batchSize + 1<<10]byte
	piece [3*pieceSize + 1<<10]byte
)

var (
	batches = sync.Pool{New: func() any { return new(batch) }}
	bodies  = sync.Pool{New: func() any { return new(piece) }}
)

func takeBatch() []byte { return batches.Get().(*batch)[:0] }

// takePiece returns the larger buffer, with what was in the batch.
func takePiece(out []byte) []byte {
	if cap(out) >= len(piece{}) {
		return out
	}
	b := append(bodies.Get().(*piece)[:0], out...)
	if out != nil {
		giveBatchBack(out)
	}
	return b
}

func giveBatchBack(b []byte) {
	switch cap(b) { // not grown past what the pools have
	case len(batch{}):
		batches.Put((*batch)(b[:cap(b)]))
	case len(piece{}):
		bodies.Put((*piece)(b[:cap(b)]))
	}
}

// flushFull writes the batch if it is full. One that has held a part of
// a message or a listing may grow larger, so that what is pipelined behind small
// messages leaves with them.
func (c *Conn) flushFull() {
	if len(c.out) >= pieceSize || len(c.out) >= batchSize && cap(c.out) < len(piece{}) {
		c.flush()
	}
}

// flush writes the batch.
func (c *Conn) flush() error {
	if len(c.out) == 0 || c.broken != nil {
		return c.broken
	}
	err := c.write(c.out)
	giveBatchBack(c.out)
	c.out = nil
	if err != nil {
		c.broken = err
	}
	return err
}

// write writes octets by the write deadline.
func (c *Conn) write(p []byte) error {
	if t, move := c.clock.writeDeadline(len(p)); move {
		if err := c.tcp.SetWriteDeadline(t); err != nil {
			return err
		}
	}
	var to io.Writer = c.tcp
	if c.tls != nil {
		to = c.tls
	}
	_, err := to.Write(p)
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

	by     time.Time // when the wait for a line ends; zero: not waited yet
	inside bool      // by counts from the first octets of the line
	read   time.Time // the read deadline that the connection has
	wrote  time.Time // the write deadline that it has

	body  time.Time // when the message that is being sent began; zero: none is
	taken int64     // how much of it the client took
}

// startLine begins the wait for another line.
func (k *clock) startLine() { k.by, k.inside = time.Time{}, false }

// deadline returns when the read that begins now has to end, and whether the
// connection has to be told. inside: a part of the line is there.
func (k *clock) deadline(began time.Time, loggedIn, inside bool) (t time.Time, move bool) {
	now := time.Now()
	if k.by.IsZero() {
		k.by = earlier(after(now, k.timeouts.Idle), after(began, k.timeouts.Life))
		if !loggedIn {
			k.by = earlier(k.by, after(began, k.timeouts.Login))
		}
	}
	if inside && !k.inside {
		k.inside = true
		k.by = earlier(k.by, after(now, k.timeouts.Command))
	}
	if k.by.IsZero() == k.read.IsZero() && k.by.Sub(k.read).Abs() < time.Second {
		return k.read, false
	}
	k.read = k.by
	return k.by, true
}

// startBody and endBody are told where a message begins and ends.
func (k *clock) startBody() { k.body, k.taken = time.Now(), 0 }
func (k *clock) endBody()   { k.body = time.Time{} }

// grace is how long a message may be taken more slowly than Conns.MinRate.
const grace = 30 * time.Second

// writeDeadline is deadline for a write of n octets.
func (k *clock) writeDeadline(n int) (t time.Time, move bool) {
	t = after(time.Now(), k.timeouts.Write)
	if !k.body.IsZero() && k.minRate > 0 {
		k.taken += int64(n)
		t = earlier(t, k.body.Add(grace+time.Duration(k.taken)*time.Second/time.Duration(k.minRate)))
	}
	if t.IsZero() == k.wrote.IsZero() && t.Sub(k.wrote).Abs() < time.Second {
		return k.wrote, false
	}
	k.wrote = t
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

// earlier returns the earlier of two times, of which a zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

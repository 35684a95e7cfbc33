package transcript

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// DefaultTimeout is how long a step may take when [Options.Timeout] is zero.
const DefaultTimeout = 10 * time.Second

// Options say how a script is played over a connection. The zero value is
// useful, but knows no TLS and sees no events.
type Options struct {
	// Timeout limits the wait for each expected step. Zero means
	// DefaultTimeout, negative means none: inside a testing/synctest bubble
	// that lets a script wait for a time-out of the other side.
	Timeout time.Duration

	// Split sends the octets of our side in writes of at most so many. Zero
	// means that a batch leaves in one write.
	Split int

	// TLS upgrades the connection at a "-- tls --" line, including the
	// handshake. nil: such a script fails.
	TLS func(net.Conn) (net.Conn, error)

	// Events delivers what the other side's user saw, in order. It has to be
	// buffered or else sent to by a goroutine of its own. nil: event lines are
	// not checked.
	Events <-chan string
}

// PlayClient plays the client of the script against the server at conn. It
// returns a [*Failure] where the server left the script, and a [*SyntaxError]
// where the script cannot be played. It closes conn only where the script does.
func (s *Script) PlayClient(conn net.Conn, o *Options) error { return s.playConn(Client, conn, o) }

// PlayServer is [Script.PlayClient] with the sides exchanged: it expects the
// lines of the client and sends those of the server.
func (s *Script) PlayServer(conn net.Conn, o *Options) error { return s.playConn(Server, conn, o) }

// PlayAddr is [Script.PlayClient] over a TCP connection of its own.
func (s *Script) PlayAddr(ctx context.Context, addr string, o *Options) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return s.PlayClient(conn, o)
}

func (s *Script) playConn(side Side, conn net.Conn, o *Options) error {
	if o == nil {
		o = new(Options)
	}
	p := player{script: s, side: side, peer: &connPeer{conn: conn, options: o}}
	return p.play()
}

// connPeer is the other end of a connection.
type connPeer struct {
	conn    net.Conn
	options *Options

	// A batch is written by a goroutine, because a server may stop reading
	// until somebody reads its replies. written is not nil while one runs.
	written  chan error
	writeErr error // of a batch, not reported yet
}

func (c *connPeer) deadline() time.Time {
	switch t := c.options.Timeout; {
	case t < 0:
		return time.Time{}
	case t == 0:
		return time.Now().Add(DefaultTimeout)
	default:
		return time.Now().Add(t)
	}
}

func (c *connPeer) send(octets []byte) error {
	c.join()
	c.conn.SetWriteDeadline(c.deadline())
	conn, split, written := c.conn, c.options.Split, make(chan error, 1)
	if split <= 0 {
		split = len(octets)
	}
	go func() {
		for len(octets) > 0 {
			n := min(split, len(octets))
			if _, err := conn.Write(octets[:n]); err != nil {
				written <- err
				return
			}
			octets = octets[n:]
		}
		written <- nil
	}()
	c.written = written
	return nil
}

// join waits for the batch under way. Its error is kept: when the server
// refuses and closes in the middle of a batch, what it said is worth more.
func (c *connPeer) join() {
	if c.written == nil {
		return
	}
	c.writeErr = errors.Join(c.writeErr, <-c.written)
	c.written = nil
}

// abandon ends the batch under way without waiting for the peer to take it.
func (c *connPeer) abandon() {
	select {
	case err := <-c.written: // a nil channel is never ready
		c.written = nil
		c.writeErr = errors.Join(c.writeErr, err)
	default:
		if c.written != nil {
			c.conn.SetWriteDeadline(time.Unix(1, 0))
			<-c.written
			c.written = nil
		}
	}
}

func (c *connPeer) receive(buf []byte) ([]byte, error) {
	c.conn.SetReadDeadline(c.deadline())
	var chunk [4096]byte
	n, err := c.conn.Read(chunk[:])
	if n > 0 {
		return append(buf, chunk[:n]...), nil
	}
	if errors.Is(err, syscall.ECONNRESET) {
		err = io.EOF // how TCP says that the peer closed with our octets unread
	}
	if err == io.EOF {
		c.abandon() // nobody reads the rest of a batch
		c.writeErr = nil
	}
	return buf, err
}

func (c *connPeer) close() error {
	c.join()
	return c.conn.Close()
}

func (c *connPeer) observed() bool { return c.options.Events != nil }

func (c *connPeer) event() (string, error) {
	var timeout <-chan time.Time
	if at := c.deadline(); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case e, ok := <-c.options.Events:
		if !ok {
			return "", errQuiet
		}
		return e, nil
	case <-timeout:
		return "", errQuiet
	}
}

func (c *connPeer) unseen() (string, bool) {
	select {
	case e, ok := <-c.options.Events:
		return e, ok
	default:
		return "", false
	}
}

func (c *connPeer) startTLS() error {
	if c.options.TLS == nil {
		return errors.New("Options.TLS is not set")
	}
	c.join()
	c.conn.SetDeadline(c.deadline())
	conn, err := c.options.TLS(c.conn)
	if err != nil {
		return err
	}
	c.conn = conn
	return nil
}

func (c *connPeer) lockstep() bool { return false }

func (c *connPeer) finish(failed bool) error {
	if failed {
		c.abandon()
	}
	c.join()
	c.conn.SetDeadline(time.Time{}) // whoever goes on with it starts afresh
	return c.writeErr
}

package imapserver

import (
	"bufio"
	"compress/flate"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/netserver"
)

// flushSize is how much output is gathered before it leaves, if nobody waits.
const flushSize = 32 << 10

// output is where responses go. The goroutine of the connection writes to it,
// and while that waits inside IDLE a flusher does: hence the lock.
type output struct {
	mu       sync.Mutex
	conn     net.Conn      // deadlines
	to       io.Writer     // conn, TLS over it
	deflate  *flate.Writer // into packed; nil: no compression
	packed   *bufio.Writer // gathers the pieces that come of deflate, which are many
	timeouts *Timeouts
	by       time.Time // the deadline that conn has
	err      error     // of a write: nothing goes any more
}

// write sends all that e holds.
func (o *output) write(e *imap.Encoder) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.extend()
	if o.deflate != nil {
		if _, o.err = e.WriteTo(o.deflate); o.err == nil {
			o.err = o.deflate.Flush()
		}
		if o.err == nil {
			o.err = o.packed.Flush()
		}
		return o.err
	}
	_, o.err = e.WriteTo(progress{o})
	return o.err
}

// extend moves the deadline, unless it is good to the second.
func (o *output) extend() {
	by := netserver.After(time.Now(), o.timeouts.Write)
	if by.IsZero() == o.by.IsZero() && by.Sub(o.by).Abs() < time.Second {
		return
	}
	o.by = by
	o.conn.SetWriteDeadline(by)
}

// progress writes with a new deadline for each piece: a long message may take
// long as long as it goes on.
type progress struct{ o *output }

func (p progress) Write(b []byte) (int, error) {
	p.o.extend()
	return p.o.to.Write(b)
}

// encoders are for connections that have something to say; those that wait have
// none.
var encoders = sync.Pool{New: func() any { return new(imap.Encoder) }}

// encoder returns where output is gathered.
func (c *Conn) encoder() *imap.Encoder {
	if c.enc == nil {
		c.enc = encoders.Get().(*imap.Encoder)
		c.s.Configure(c.enc)
	}
	return c.enc
}

// Encoder returns where a Command prints its untagged data: whole lines.
func (c *Conn) Encoder() *imap.Encoder { return c.encoder() }

// Flush sends what was printed if that is much. Call it between lines.
func (c *Conn) Flush() error {
	if c.enc != nil && c.enc.Len() >= flushSize {
		return c.flush()
	}
	return c.broken
}

// flush sends all that is gathered.
func (c *Conn) flush() error {
	if c.enc == nil {
		return c.broken
	}
	if c.broken == nil && c.enc.Len() > 0 {
		c.broken = c.out.write(c.enc)
	}
	c.enc.Reset()
	return c.broken
}

// rest gives the encoder back before the connection waits.
func (c *Conn) rest() error {
	err := c.flush()
	if e := c.enc; e != nil {
		c.enc = nil
		if cap(e.Bytes()) <= 2*flushSize {
			encoders.Put(e)
		}
	}
	return err
}

// source is what the framing Reader reads from: before it waits, all output
// leaves, in one write for a batch of commands.
type source struct{ c *Conn }

func (s *source) Read(p []byte) (int, error) {
	if err := s.c.rest(); err != nil {
		return 0, err
	}
	if s.c.inflate != nil {
		return s.c.inflate.Read(p)
	}
	return s.c.link.Read(p)
}

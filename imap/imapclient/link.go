package imapclient

import (
	"bytes"
	"cmp"
	"compress/flate"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mailwire/mailwire/internal/inflate"
)

// A link is what lies below the session: the connection with its deadlines, TLS,
// compression. One goroutine may read while another writes.
type link struct {
	tcp      net.Conn // closes everything
	conn     net.Conn // what is read and written: tcp, or TLS on it
	inflate  *inflate.Reader
	timeouts *Timeouts

	out     sync.Mutex    // of what is written: DONE, and the answers of a login, are not by the writer
	deflate *flate.Writer // into packed; nil: no compression
	packed  bytes.Buffer

	mu     sync.Mutex // of the deadline for reading
	idling bool       // the server is not expected to say anything
	hurry  bool       // it is only asked for its last words
}

// Read implements io.Reader, for the imap.Reader.
func (l *link) Read(p []byte) (int, error) {
	if l.inflate != nil {
		return l.inflate.Read(p)
	}
	return (*rawLink)(l).Read(p)
}

// rawLink is a link below compression.
type rawLink link

func (l *rawLink) Read(p []byte) (int, error) {
	(*link)(l).await()
	return l.conn.Read(p)
}

func (l *rawLink) Write(p []byte) (int, error) {
	l.conn.SetWriteDeadline(deadline(cmp.Or(l.timeouts.Write, 2*time.Minute)))
	return l.conn.Write(p)
}

// await gives the next read its time.
func (l *link) await() {
	l.mu.Lock()
	defer l.mu.Unlock()
	silence := cmp.Or(l.timeouts.Silence, 2*time.Minute)
	switch {
	case l.hurry:
		silence = 5 * time.Second
	case l.idling && silence > 0:
		silence += l.timeouts.reIdle()
	}
	l.conn.SetReadDeadline(deadline(silence))
}

// idle says whether the server is in IDLE. It holds for a read that is under way
// too.
func (l *link) idle(on bool) {
	l.mu.Lock()
	l.idling = on
	l.mu.Unlock()
	l.await()
}

// lastWords leaves the server little time.
func (l *link) lastWords() {
	l.mu.Lock()
	l.hurry = true
	l.mu.Unlock()
	l.await()
}

func (t *Timeouts) reIdle() time.Duration {
	if d := cmp.Or(t.ReIdle, 28*time.Minute); d > 0 {
		return d
	}
	return 28 * time.Minute // never without: a connection that is dead would never be found out
}

func deadline(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// write sends p, all of it, in one write: what deflate makes of it comes in pieces,
// and the server may have answered the first of them, and hung up, before the last.
func (l *link) write(p []byte) error {
	l.out.Lock()
	defer l.out.Unlock()
	if l.deflate != nil {
		l.packed.Reset()
		l.deflate.Write(p) // into memory, which cannot fail
		l.deflate.Flush()
		p = l.packed.Bytes()
		if l.packed.Cap() > 64<<10 {
			defer func() { l.packed = bytes.Buffer{} }()
		}
	}
	_, err := (*rawLink)(l).Write(p)
	return err
}

// compress puts compression below all that follows. RFC 4978, section 3.
func (l *link) compress() {
	w, err := flate.NewWriter(&l.packed, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	l.deflate, l.inflate = w, inflate.NewReader((*rawLink)(l))
}

// upgrader is a Client as auth.StartClientTLS sees its Reader: whatever the new
// connection is, the Reader goes on reading from the link.
type upgrader Client

func (u *upgrader) Buffered() int { return u.r.Buffered() }

func (u *upgrader) Upgrade(io.Reader) error { return u.r.Upgrade(&u.link) }

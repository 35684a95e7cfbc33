package imapserver

import (
	"compress/flate"
	"io"

	"github.com/mailwire/mailwire/imap"
)

// compress carries out COMPRESS. The OK leaves in clear, all behind it is
// compressed, both ways. Octets that were waiting behind the command belong to
// neither: they end the session. RFC 4978, section 3.
func (c *Conn) compress() {
	c.settle(imap.Status{Text: "compression begins"})
	if c.s.State() != imap.Upgrading || c.rest() != nil {
		return
	}
	if err := c.r.Upgrade(&source{c}); err != nil {
		c.s.Compressed()
		c.fail(&imap.Reject{Kind: imap.BYE, Text: "octets between COMPRESS and what is compressed"})
		c.broken = err
		return
	}
	c.inflate = newInflater(&c.link)
	c.out.mu.Lock()
	c.out.deflate = newDeflater(progress{&c.out})
	c.out.mu.Unlock()
	c.s.Compressed()
}

// endCompression goes back to clear octets, behind UNAUTHENTICATE. RFC 8437,
// section 4.1.
func (c *Conn) endCompression() {
	c.out.mu.Lock()
	err := c.out.deflate.w.Close()
	c.out.deflate = nil
	c.out.mu.Unlock()
	if c.broken == nil {
		c.broken = err
	}
	c.inflate.end()
}

// A deflater compresses what is written. Flush makes all of it readable for the
// peer. RFC 4978, section 4.
type deflater struct{ w *flate.Writer }

func newDeflater(to io.Writer) *deflater {
	// The level decides on memory too: RFC 4978, section 4, has servers in mind
	// with many connections, and mail that is compressed already.
	w, err := flate.NewWriter(to, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &deflater{w}
}

// Write implements io.Writer.
func (d *deflater) Write(p []byte) (int, error) { return d.w.Write(p) }

// Flush ends a block, so that nothing waits.
func (d *deflater) Flush() error { return d.w.Flush() }

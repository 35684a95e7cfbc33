package imapserver

import (
	"bufio"
	"compress/flate"
	"errors"
	"io"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/inflate"
)

// packedSize is what leaves in one write of compressed octets. The buffer is small
// beside what the deflater holds anyway.
const packedSize = 16 << 10

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
	c.inflate = inflate.NewReader(&c.link)
	c.out.mu.Lock()
	c.out.packed = bufio.NewWriterSize(progress{&c.out}, packedSize)
	c.out.deflate = newDeflater(c.out.packed)
	c.out.mu.Unlock()
	c.s.Compressed()
}

// endCompression goes back to clear octets, behind UNAUTHENTICATE. RFC 8437,
// section 4.1.
func (c *Conn) endCompression() {
	c.out.mu.Lock()
	err := errors.Join(c.out.deflate.Close(), c.out.packed.Flush())
	c.out.deflate, c.out.packed = nil, nil
	c.out.mu.Unlock()
	if c.broken == nil {
		c.broken = err
	}
	c.inflate.End()
}

func newDeflater(to io.Writer) *flate.Writer {
	// The level decides on memory too: RFC 4978, section 4, has servers in mind
	// with many connections, and mail that is compressed already.
	w, err := flate.NewWriter(to, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}

package pop3

import (
	"io"

	"github.com/mailwire/mailwire/internal/lineio"
)

// maxSkip is how much of an overlong line is skipped before it counts as endless.
const maxSkip = 64 << 10

// A Reader frames one side of a connection: lines, and for a client the bodies
// of multi-line answers. It is not safe for concurrent use. It holds 512 octets
// while it waits for a command and takes more only while more is coming.
type Reader struct {
	lines lineio.Reader
	body  Body
}

// NewReader returns a Reader from r.
func NewReader(r io.Reader) *Reader {
	s := new(Reader)
	s.Reset(r)
	return s
}

// Reset makes s read from r and forgets all else.
func (s *Reader) Reset(r io.Reader) {
	s.lines.SkipLimit = maxSkip
	s.lines.Reset(r)
	s.body = Body{}
}

// ReadLine returns the next line without its CRLF. The slice is valid until the
// next call. limit counts the CRLF.
//
// Errors: ErrLineTooLong, ErrBareLF, ErrBareCR and ErrNUL, after which the line
// has been skipped up to its CRLF and reading may go on; ErrEndless, after which
// it may not; io.EOF between lines, io.ErrUnexpectedEOF inside one; errors of
// the source. RFC 1939, section 3: only CRLF ends a line.
func (s *Reader) ReadLine(limit int) ([]byte, error) { return s.lines.ReadLine(limit) }

// Body returns the body of a multi-line answer, of at most limit octets; zero
// means 1 GiB, negative no limit. It must be read, or drained, to its end
// before the next line is. The Body is s's own: it is valid until the next call.
func (s *Reader) Body(limit int64) *Body {
	l := Limits{Body: limit}
	s.body = Body{lines: &s.lines, left: l.body()}
	return &s.body
}

// Buffered returns how many octets have been read and not yet used.
func (s *Reader) Buffered() int { return s.lines.Buffered() }

// Fill reads from the source unless octets are buffered already.
func (s *Reader) Fill() error {
	_, err := s.lines.Window()
	return err
}

// Upgrade makes to the source, as when TLS begins. It refuses with ErrPlaintext
// if anything of the old source is buffered. RFC 2595, section 4.
func (s *Reader) Upgrade(to io.Reader) error { return s.lines.Upgrade(to) }

// Wipe overwrites what was read and is used up, as after a line with a secret.
func (s *Reader) Wipe() { s.lines.Wipe() }

// Release gives the buffer back at the end of a connection.
func (s *Reader) Release() { s.lines.Release() }

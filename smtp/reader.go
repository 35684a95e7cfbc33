package smtp

import (
	"io"

	"github.com/mailwire/mailwire/internal/lineio"
)

// A Reader frames one side of a connection: lines, replies, and content. It is
// not safe for concurrent use. It holds 512 octets while it waits for a command
// and takes more only while more is coming.
type Reader struct {
	lines   lineio.Reader
	content ContentReader
	reply   []byte // the lines of the last one, unless they were many
}

// NewReader returns a Reader from r.
func NewReader(r io.Reader) *Reader {
	s := new(Reader)
	s.Reset(r)
	return s
}

// Reset makes s read from r and forgets all else.
func (s *Reader) Reset(r io.Reader) { s.lines.Reset(r) }

// ReadLine returns the next line without its CRLF. The slice is valid until the
// next call. limit counts the CRLF.
//
// Errors: ErrLineTooLong, ErrBareLF, ErrBareCR and ErrNUL, after which the line
// has been skipped up to its CRLF and reading may go on; ErrEndless, after which
// it may not; io.EOF between lines, io.ErrUnexpectedEOF inside one; errors of
// the source. RFC 5321, section 2.3.8: only CRLF ends a line.
func (s *Reader) ReadLine(limit int) ([]byte, error) { return s.lines.ReadLine(limit) }

// ReadReply returns the next reply, however many lines it has, within
// Limits.ReplyLine and Limits.Reply. After an error the connection is of no
// more use. nil limits are the defaults.
func (s *Reader) ReadReply(l *Limits) (Reply, error) {
	if l == nil {
		l = new(Limits)
	}
	buf := s.reply[:0]
	for {
		line, err := s.lines.ReadLine(l.replyLine())
		if err == io.EOF && len(buf) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Reply{}, err
		}
		if len(buf)+len(line)+2 > l.reply() {
			return Reply{}, ErrLineTooLong
		}
		buf = append(append(buf, line...), "\r\n"...)
		_, _, last, err := parseReplyLine(line)
		if err != nil {
			return Reply{}, err
		}
		if last {
			if cap(buf) <= 4<<10 { // to be used again
				s.reply = buf
			}
			return ParseReply(buf)
		}
	}
}

// Data returns what is behind the reply to DATA: content up to CRLF.CRLF. It
// must be read, or drained, to its end before the next line is. The
// ContentReader is s's own: it is valid until the next call of Data or Chunk.
func (s *Reader) Data(c *Content) *ContentReader {
	s.content = ContentReader{lines: &s.lines, content: c, dots: true}
	return &s.content
}

// Chunk returns the n octets behind BDAT, as Data does those behind DATA. last
// says that no more chunks follow.
func (s *Reader) Chunk(c *Content, n int64, last bool) *ContentReader {
	s.content = ContentReader{lines: &s.lines, content: c, left: n, last: last}
	return &s.content
}

// Skip drops exactly n octets.
func (s *Reader) Skip(n int64) error { return s.lines.Skip(n) }

// Buffered returns how many octets have been read and not yet used.
func (s *Reader) Buffered() int { return s.lines.Buffered() }

// Fill reads from the source unless octets are buffered already.
func (s *Reader) Fill() error {
	_, err := s.lines.LineWindow()
	return err
}

// Upgrade makes to the source, as when TLS begins. It refuses with ErrPlaintext
// if anything of the old source is buffered. RFC 3207, section 4.2.
func (s *Reader) Upgrade(to io.Reader) error { return s.lines.Upgrade(to) }

// Wipe overwrites what was read and is used up, as after a line with a secret.
func (s *Reader) Wipe() { s.lines.Wipe() }

// Release gives the buffer back at the end of a connection.
func (s *Reader) Release() { s.lines.Release() }

// A ContentReader reads the content of one message, or one chunk of it, as its
// Content judges it.
type ContentReader struct {
	lines   *lineio.Reader
	content *Content
	dots    bool  // DATA; otherwise counted
	last    bool  // counted: no more chunks follow
	left    int64 // counted: octets still to come
	pieces  lineio.Pieces
	err     error // io.EOF at the genuine end, or what went wrong
}

// Read reads content. io.EOF comes only at its genuine end; a *ContentError as
// soon as the content is to be refused, and nothing but that from then on;
// io.ErrUnexpectedEOF if the connection ends before.
func (r *ContentReader) Read(p []byte) (int, error) { return r.pieces.Read(p, r.next) }

// WriteTo writes content to w in place, without a buffer between. It returns
// nil at the genuine end and otherwise the errors of Read, or of w.
func (r *ContentReader) WriteTo(w io.Writer) (int64, error) { return r.pieces.WriteTo(w, r.next) }

// Drain drops what is left, up to the genuine end, also of content that is
// refused. It returns nil there, else the error of the source. Whether the
// content is refused is for Content.Err to say.
func (r *ContentReader) Drain() error {
	r.pieces.Drop()
	for r.err != io.EOF {
		if r.err != nil {
			return r.err
		}
		if _, err := r.step(); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// next returns the next chunk of content, or why there is none.
func (r *ContentReader) next() ([]byte, error) {
	for {
		if err := r.content.Err(); err != nil {
			return nil, err
		}
		if r.err != nil {
			return nil, r.err
		}
		chunk, err := r.step()
		if err == nil && len(chunk) == 0 || r.content.Err() != nil {
			continue
		}
		if len(chunk) > 0 {
			return chunk, nil
		}
	}
}

// step takes octets off the wire and has them decoded. At the end, or when the
// source fails, it sets r.err.
func (r *ContentReader) step() (chunk []byte, err error) {
	if !r.dots && r.left == 0 {
		r.err = io.EOF
		if r.last {
			return r.content.Finish(), io.EOF
		}
		return nil, io.EOF
	}
	window, err := r.lines.Window()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.err = err
		return nil, err
	}
	var n int
	if r.dots {
		var end bool
		if chunk, n, end = r.content.Dots(window); end {
			r.err = io.EOF
		}
	} else {
		chunk, n = r.content.Octets(window[:min(r.left, int64(len(window)))])
		r.left -= int64(n)
	}
	r.lines.Advance(n)
	return chunk, nil
}

package pop3

import (
	"bytes"
	"io"
	"iter"
	"math"

	"github.com/mailwire/mailwire/internal/dot"
	"github.com/mailwire/mailwire/internal/lineio"
)

// A Body reads the multi-line part of an answer as a client gets it: dots
// unstuffed, without the line that ends it, line ends as they came. Only a lone
// dot between two CRLFs is the end. RFC 1939, section 3.
//
// Use Read or WriteTo, or Lines, not both; Drain goes with either.
type Body struct {
	lines  *lineio.Reader
	dots   dot.Decoder
	left   int64 // octets still allowed
	pieces lineio.Pieces
	err    error // io.EOF at the genuine end, or what went wrong
}

// Read reads the body. io.EOF comes only at its genuine end,
// io.ErrUnexpectedEOF if the connection ends before, ErrBodyTooLong beyond the
// limit.
func (b *Body) Read(p []byte) (int, error) { return b.pieces.Read(p, b.next) }

// WriteTo writes the body to w, in place, without a buffer between. It returns
// nil at the genuine end and otherwise the errors of Read, or of w.
func (b *Body) WriteTo(w io.Writer) (int64, error) { return b.pieces.WriteTo(w, b.next) }

// Drain drops what is left, up to the genuine end. The limit holds for it too.
func (b *Body) Drain() error {
	b.pieces.Drop()
	for {
		if _, err := b.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// next decodes what the Reader has, or waits for more.
func (b *Body) next() ([]byte, error) {
	for b.err == nil {
		window, err := b.lines.Window()
		if err != nil {
			b.fail(err)
			break
		}
		chunk, n, end := b.dots.Next(window)
		b.lines.Advance(n)
		if end {
			b.err = io.EOF
		}
		if b.left -= int64(len(chunk)); b.left < 0 {
			b.err = ErrBodyTooLong
			break
		}
		if len(chunk) > 0 {
			return chunk, nil
		}
	}
	return nil, b.err
}

func (b *Body) fail(err error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
}

// Lines iterates over the lines of a listing, without CRLF, of at most limit
// octets each with CRLF. A slice is valid until the next. An error comes last
// and once; of ErrLineTooLong, ErrBareLF, ErrBareCR and ErrNUL the body can still
// be drained. Single-use.
func (b *Body) Lines(limit int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for b.err == nil {
			line, err := b.lines.ReadLine(limit)
			switch err {
			case nil:
			case ErrLineTooLong, ErrBareLF, ErrBareCR, ErrNUL:
				yield(nil, err)
				return
			default:
				b.fail(err)
				yield(nil, b.err)
				return
			}
			if len(line) > 0 && line[0] == '.' {
				if line = line[1:]; len(line) == 0 {
					b.err = io.EOF
					return
				}
			}
			if b.left -= int64(len(line)) + 2; b.left < 0 {
				b.err = ErrBodyTooLong
				yield(nil, b.err)
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// A BodyWriter brings a message into the form in which a server sends it: line
// ends are CRLF, the last line has one, dots at line starts are doubled from the
// very first octet, and a lone dot ends it. The zero value sends the whole
// message. RFC 1939, sections 3 and 11.
type BodyWriter struct {
	// Top cuts the message behind its header, the blank line and Lines lines of
	// the body. RFC 1939, section 7.
	Top   bool
	Lines int

	stuff  dot.Encoder
	inBody bool
	inLine bool // the last octet was no LF
	done   bool
}

// Append appends the encoded form of the next octets of the message. done: the
// rest of the message is not needed, Finish comes next.
func (w *BodyWriter) Append(dst, src []byte) (out []byte, done bool) {
	if !w.Top {
		return w.stuff.Append(dst, src), false
	}
	if w.done {
		return dst, true
	}
	start := len(dst)
	dst = w.stuff.Append(dst, src)
	end := w.cut(dst[start:])
	return dst[:start+end], w.done
}

// cut returns how much of b, which is encoded, belongs to the top of the message.
func (w *BodyWriter) cut(b []byte) int {
	for i := 0; i < len(b); {
		lf := bytes.IndexByte(b[i:], '\n')
		if lf < 0 {
			w.inLine = w.inLine || b[len(b)-1] != '\r' || len(b)-i > 1
			break
		}
		blank := !w.inLine && lf <= 1 // a line of no more than CRLF, which may have come in two parts
		w.inLine = false
		i += lf + 1
		switch {
		case w.inBody:
			w.Lines--
		case blank:
			w.inBody = true
		}
		if w.inBody && w.Lines <= 0 {
			w.done = true
			return i
		}
	}
	return len(b)
}

// Finish appends the end: what the last line lacks, and the lone dot. The
// BodyWriter is not for another message.
func (w *BodyWriter) Finish(dst []byte) []byte {
	if w.done {
		return append(dst, ".\r\n"...)
	}
	return w.stuff.Finish(dst)
}

// Size returns the size of a message that is read from r, as LIST must give it:
// octets after its line ends are made CRLF, the last one included, and before
// dots are stuffed. RFC 1939, section 11.
func Size(r io.Reader) (int64, error) {
	var n int64
	var out []byte
	e := dot.Encoder{Plain: true}
	buf := make([]byte, 16<<10)
	for {
		got, err := r.Read(buf)
		out = e.Append(out[:0], buf[:got])
		n += int64(len(out))
		if err != nil && err != io.EOF {
			return 0, err
		}
		if err == io.EOF {
			break
		}
		if n > math.MaxInt64-1<<20 {
			return 0, ErrBodyTooLong
		}
	}
	if e.State() == dot.Text {
		n += 2
	}
	return n + int64(len(e.Finish(out[:0]))), nil
}

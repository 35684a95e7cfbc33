// Package lineio is the framing buffer under the Readers of smtp, imap and
// pop3: lines that end in CRLF and nothing else, counted octets, and the one
// way to put TLS between two lines.
//
// A protocol's Reader wraps a [Reader] and adds what its grammar needs. What
// all of them share is decided here once: what a line is, how long it may be,
// where reading goes on after a bad one, and how much memory a peer can hold.
package lineio

import (
	"bytes"
	"errors"
	"io"
)

// What ReadLine refuses. After the first four the line has been skipped up to
// its CRLF and reading may go on; after ErrEndless it may not.
var (
	ErrLineTooLong = errors.New("line too long")
	ErrBareLF      = errors.New("bare LF in line")
	ErrBareCR      = errors.New("bare CR in line")
	ErrNUL         = errors.New("NUL in line")
	ErrEndless     = errors.New("line without end")
)

// ErrPlaintext is returned by Upgrade if octets of the old connection are
// waiting. Whoever sent them may be an attacker who has no part in the TLS
// session. RFC 3207, section 4.2.
var ErrPlaintext = errors.New("plaintext waiting behind the command that starts TLS")

// DefaultSkip bounds what is skipped of one overlong line.
const DefaultSkip = 1 << 20

// A Reader frames what it reads from its source. It is not safe for concurrent
// use. The zero value has no source: set one with Reset.
//
// Memory: a waiting Reader holds 512 octets, or 4 KiB behind Upgrade, where the
// source holds far more anyway. It takes 4 KiB while a peer sends faster than
// that, 64 KiB while counted or streamed content is read (Window),
// more only for a line whose limit is greater, and gives them back when it has
// to wait with nothing buffered.
type Reader struct {
	// SkipLimit bounds the octets skipped of one overlong line before ReadLine
	// gives up with ErrEndless. Zero means DefaultSkip.
	SkipLimit int

	src  io.Reader
	buf  []byte
	r, w int   // buf[r:w] is unread
	lent int   // buf[lent:r] was handed out by the last call
	err  error // came with the last octets read, not yet returned
	full bool  // the last read filled all the room it was given
	tls  bool  // Upgrade has been called
	top  int   // nothing was ever written to buf[top:]

	wait [512]byte
	pool *block // what buf is a part of; nil: wait, or memory of its own
}

// NewReader returns a Reader from src.
func NewReader(src io.Reader) *Reader {
	r := new(Reader)
	r.Reset(src)
	return r
}

// Reset makes r read from src and forgets all else but SkipLimit.
func (r *Reader) Reset(src io.Reader) {
	r.giveBack()
	*r = Reader{SkipLimit: r.SkipLimit, src: src}
}

// ReadLine returns the next line without its CRLF. The slice is valid until the
// next call of any method but Buffered.
//
// limit is the greatest length of a line with its CRLF. Errors: ErrLineTooLong,
// ErrBareLF, ErrBareCR and ErrNUL, after which the line has been skipped up to
// its CRLF and the next call reads the next line; ErrEndless, when even the
// skipping found no end; io.EOF when the source ended between lines, and
// io.ErrUnexpectedEOF when it ended inside one; other errors of the source.
func (r *Reader) ReadLine(limit int) ([]byte, error) {
	r.release()
	seen, bareLF := 0, false
	for {
		unread := r.buf[r.r:r.w]
		i := bytes.IndexByte(unread[seen:], '\n')
		switch {
		case i >= 0 && seen+i > 0 && unread[seen+i-1] == '\r':
			end := seen + i + 1
			r.r += end
			if end > limit {
				return nil, ErrLineTooLong
			}
			return checkLine(unread[:end-2], bareLF)
		case i >= 0:
			bareLF = true
			seen += i + 1
			if seen < limit {
				continue
			}
		default:
			seen = len(unread)
		}
		if len(unread) >= limit {
			return nil, r.skipLine()
		}
		if err := r.fill(limit, lineRoom); err != nil {
			if err == io.EOF && r.Buffered() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// checkLine judges the octets of a line that has its CRLF.
func checkLine(line []byte, bareLF bool) ([]byte, error) {
	switch {
	case bareLF:
		return nil, ErrBareLF
	case bytes.IndexByte(line, '\r') >= 0:
		return nil, ErrBareCR
	case bytes.IndexByte(line, 0) >= 0:
		return nil, ErrNUL
	}
	return line, nil
}

// skipLine drops an overlong line, of which all that is buffered is a part, up
// to and with its CRLF.
func (r *Reader) skipLine() error {
	limit := r.SkipLimit
	if limit == 0 {
		limit = DefaultSkip
	}
	wasCR := false
	for skipped := 0; skipped <= limit; {
		unread := r.buf[r.r:r.w]
		for from := 0; ; {
			i := bytes.IndexByte(unread[from:], '\n')
			if i < 0 {
				break
			}
			i += from
			if i == 0 && wasCR || i > 0 && unread[i-1] == '\r' {
				r.r += i + 1
				return ErrLineTooLong
			}
			from = i + 1
		}
		if n := len(unread); n > 0 {
			wasCR = unread[n-1] == '\r'
			skipped += n
			r.r += n
		}
		r.release()
		if err := r.fill(0, lineRoom); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return ErrEndless
}

// Window returns what is buffered, at least one octet, reading from the source
// only if nothing is, and then with room for much: it is for content. It does
// not use octets up: see Advance. The slice is valid until the next call of any
// method but Advance and Buffered.
func (r *Reader) Window() ([]byte, error) { return r.window(contentRoom) }

// LineWindow is Window for what comes in lines: it waits with little memory.
func (r *Reader) LineWindow() ([]byte, error) { return r.window(lineRoom) }

func (r *Reader) window(room int) ([]byte, error) {
	r.release()
	for r.r == r.w {
		if err := r.fill(0, room); err != nil {
			return nil, err
		}
	}
	return r.buf[r.r:r.w], nil
}

// Advance uses up n octets of the window. It panics if the window is shorter.
func (r *Reader) Advance(n int) {
	if n < 0 || n > r.w-r.r {
		panic("lineio: Advance beyond the window")
	}
	r.r += n
}

// Skip drops exactly n octets. If the source ends before, the error is
// io.ErrUnexpectedEOF.
func (r *Reader) Skip(n int64) error {
	for n > 0 {
		window, err := r.Window()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		step := min(n, int64(len(window)))
		r.Advance(int(step))
		n -= step
	}
	return nil
}

// Buffered returns how many octets have been read from the source and not used.
func (r *Reader) Buffered() int { return r.w - r.r }

// Upgrade makes to the source, as after a TLS handshake has been agreed on. It
// is the only way to change the source between two reads, and it refuses with
// ErrPlaintext if anything that came from the old one is left.
func (r *Reader) Upgrade(to io.Reader) error {
	if r.Buffered() > 0 {
		return ErrPlaintext
	}
	r.Wipe()
	r.src, r.err, r.full, r.tls = to, nil, false, true
	return nil
}

// Wipe overwrites all that was read and is used up, as after a line that held
// a secret. It ends the loan of what the last call returned.
func (r *Reader) Wipe() {
	clear(r.buf[:r.r])
	clear(r.buf[r.w:r.top])
	r.lent = r.r
}

// release ends the loan of what the last call returned. Where tests ask for
// it, the octets are overwritten, so that whoever kept them is found out.
func (r *Reader) release() {
	if poison {
		for i := r.lent; i < r.r; i++ {
			r.buf[i] = 0xDB
		}
	}
	r.lent = r.r
}

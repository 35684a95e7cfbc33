package imap

import (
	"bytes"
	"io"

	"github.com/mailwire/mailwire/internal/ascii"
	"github.com/mailwire/mailwire/internal/lineio"
)

// Bounds are what a session allows at one moment: see ServerSession.Bounds.
type Bounds struct {
	Line int   // octets of a command without its literals
	Skip int64 // octets that are dropped of one refused command
}

// A Reader frames one side of a connection: whole commands or responses, with
// their literals. It is not safe for concurrent use.
//
// A line that ends in an announcement goes on behind the octets announced. The
// Reader asks what to do with them: Next returns an Announce, and Decide takes
// the verdict. Whatever it is, octets that came as data are never read as
// commands: RFC 7888, section 3.
type Reader struct {
	// Responses: the other side is a server. Its literals need no "+", and what
	// stands at the end of a text for people announces nothing.
	Responses bool

	lines    lineio.Reader
	buf      []byte // what is gathered
	text     int    // octets of lines in buf
	literals int    // gathered
	octets   int64  // of them
	announce Announce
	phase    phase
	left     uint64 // octets of the literal that are still to come
	started  bool   // Stream: Read was called
	failed   error  // of the source, in the middle of a literal or in Wait
	frame    FrameError
	head     [64]byte // of a refused command
	tail     []byte   // the last octets of a line that is dropped
	tailRoom [32]byte
	literal  literalReader
}

// phase is what Next does first.
type phase uint8

const (
	between   phase = iota // a new command begins
	deciding               // Decide comes next
	inlining               // left octets belong to buf
	streaming              // left octets belong to Literal, then the command goes on
	refusing               // all that belongs to the command is dropped
)

// A Piece is what Next found: a command, or the rest of one behind a streamed
// literal, or a literal that wants a verdict.
type Piece struct {
	Command  []byte    // without its last CRLF; valid until Next
	Announce *Announce // nil: the command is whole
}

// NewReader returns a Reader of commands from r.
func NewReader(r io.Reader) *Reader {
	s := new(Reader)
	s.Reset(r)
	return s
}

// Reset makes s read from r and forgets all else but Responses.
func (r *Reader) Reset(src io.Reader) {
	r.Wipe()
	r.lines.Reset(src)
	r.buf, r.phase, r.left, r.started, r.failed = r.buf[:0], between, 0, false, nil
}

// Wait returns when Next, which comes next, has something to look at, or will fail.
// Next waits too, but from deeper down: the stacks of thousands of connections
// that wait here stay small.
func (r *Reader) Wait() {
	if r.phase == between && r.failed == nil {
		r.begin()
		_, r.failed = r.lines.LineWindow()
	}
}

// Next returns the next piece. Errors: a *FrameError for a command that is
// refused, behind which reading goes on unless it is Fatal; io.EOF between two
// commands and io.ErrUnexpectedEOF inside one; other errors of the source.
func (r *Reader) Next(b Bounds) (Piece, error) {
	if r.failed != nil {
		return Piece{}, r.failed
	}
	switch r.phase {
	case between:
		r.begin()
	case deciding:
		panic("imap: Next before Decide")
	case inlining:
		if err := r.gather(); err != nil {
			return Piece{}, err
		}
	case streaming:
		if r.left > 0 {
			panic("imap: Next before the literal was read: see Abandon")
		}
		r.begin()
		r.phase = inlining // the end of input is inside a command
	case refusing:
		return Piece{}, r.drop(b, true)
	}
	start := len(r.buf)
	end, err := r.line(b)
	switch {
	case err != nil:
		return Piece{}, err
	case end < 0:
		r.refuse(Reject{Kind: BAD, Code: Code{Name: "TOOBIG"}, Text: "line too long"}, r.buf[start:])
		return Piece{}, r.drop(b, false)
	case r.buf[end] == '\n':
		announced := r.announces(r.buf[start:end])
		r.refuse(Reject{Kind: BAD, Text: "line that ends in LF without CR"}, nil)
		if announced {
			return Piece{}, r.drop(b, true)
		}
		return Piece{}, r.dropped()
	case !r.announces(r.buf[start:end]):
		r.phase = between
		return Piece{Command: r.buf[:end]}, nil
	}
	a := &r.announce
	a.Head, a.Literals, a.Octets = r.buf, r.literals, r.octets
	r.phase = deciding
	return Piece{Announce: a}, nil
}

// begin starts a new gathering.
func (r *Reader) begin() {
	if poison {
		for i := range r.buf {
			r.buf[i] = 0xDB
		}
	}
	r.buf = r.buf[:0]
	if cap(r.buf) > 1<<10 && r.lines.Buffered() == 0 {
		r.buf = nil // wait with little
	}
	r.text, r.literals, r.octets = 0, 0, 0
	r.announce = Announce{}
}

// line gathers up to a LF, and returns where the line ends: in front of CRLF,
// or at a LF without CR. -1: it is too long.
func (r *Reader) line(b Bounds) (end int, err error) {
	start := len(r.buf) // the CR in front of it would be a literal's
	for {
		window, err := r.lines.LineWindow()
		if err != nil {
			return 0, r.inside(err)
		}
		n := bytes.IndexByte(window, '\n') + 1
		whole := n > 0
		if !whole {
			n = len(window)
		}
		if room := max(0, b.Line-r.text); n > room {
			r.append(window[:room])
			r.lines.Advance(room)
			return -1, nil
		}
		r.append(window[:n])
		r.lines.Advance(n)
		r.text += n
		if !whole {
			continue
		}
		end := len(r.buf) - 1
		if end > start && r.buf[end-1] == '\r' {
			end--
		}
		return end, nil
	}
}

func (r *Reader) append(b []byte) { r.buf = append(r.buf, b...) }

// inside returns the error for a source that ends with err where we are.
func (r *Reader) inside(err error) error {
	if err == io.EOF && (r.phase != between || len(r.buf) > 0) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// announces reports whether a line ends in an announcement, and fills it in.
func (r *Reader) announces(line []byte) bool {
	if r.Responses && r.literals == 0 && r.phase == between && isStatusLine(line) {
		return false
	}
	return announcement(line, &r.announce)
}

// isStatusLine reports whether a response is a status or a continuation
// request, which end in text.
func isStatusLine(line []byte) bool {
	rest, untagged := bytes.CutPrefix(line, []byte("* "))
	if !untagged {
		return true
	}
	word, _, _ := bytes.Cut(rest, []byte(" "))
	_, ok := statusKind(word)
	return ok
}

// Decide takes the verdict on the announcement that Next returned. Behind
// Inline, if the literal is synchronising, send "+"; then call Next. Behind
// Stream read Literal to its end, then call Next for the rest of the command.
// Behind Refuse call Next, which returns the *FrameError at the true end of the
// command.
func (r *Reader) Decide(v Verdict) {
	if r.phase != deciding {
		panic("imap: Decide without an announcement")
	}
	r.left = r.announce.Size
	switch {
	case v.Do == Refuse || r.announce.Overflow:
		r.refuse(v.Reject, nil)
	case v.Do == Stream:
		r.phase, r.started = streaming, false
	default:
		r.phase = inlining
	}
}

// gather reads the octets of an inline literal as they come: memory is never
// taken for octets that were only announced.
func (r *Reader) gather() error {
	for r.left > 0 {
		window, err := r.lines.Window()
		if err != nil {
			return r.inside(err)
		}
		n := int(min(r.left, uint64(len(window))))
		r.append(window[:n])
		r.lines.Advance(n)
		r.left -= uint64(n)
		r.octets += int64(n)
	}
	r.literals++
	return nil
}

// refuse begins to drop the command. Its front is kept for the tag, and the tail
// of a line that has not ended yet for what it may announce.
func (r *Reader) refuse(reject Reject, unended []byte) {
	if reject.Text == "" {
		reject = *Bad("TOOBIG", "literal too big")
	}
	r.frame = FrameError{Head: r.head[:copy(r.head[:], r.buf)], Reject: reject}
	r.tail = r.tailRoom[:0]
	r.keepTail(unended)
	r.phase = refusing
}

// drop drops what belongs to the refused command: the octets of the literal that
// was announced, if one was, and lines up to one that announces nothing more.
func (r *Reader) drop(b Bounds, announced bool) error {
	for skipped := int64(0); ; announced = true {
		if a := &r.announce; announced {
			if !a.NonSync && !r.Responses {
				return r.dropped() // nobody asked for the octets, so they do not come
			}
			if a.Overflow || a.Size > uint64(max(0, b.Skip-skipped)) {
				r.frame.Fatal = true
				r.frame.Reject = Reject{BYE, Code{Name: "TOOBIG"}, "too much to skip"}
				return r.dropped()
			}
			if err := r.lines.Skip(int64(a.Size)); err != nil {
				return err
			}
			skipped += int64(a.Size)
			r.tail = r.tail[:0]
		}
		n, err := r.dropLine(b.Skip - skipped)
		if err != nil {
			return err
		}
		if skipped += n; skipped > b.Skip {
			r.frame.Fatal = true
			r.frame.Reject = Reject{BYE, Code{Name: "TOOBIG"}, "line without end"}
			return r.dropped()
		}
		if !r.tailAnnounces() {
			return r.dropped()
		}
	}
}

// dropLine drops octets up to a LF, of which it keeps the tail, or until they
// are more than limit.
func (r *Reader) dropLine(limit int64) (n int64, err error) {
	for n <= limit {
		window, err := r.lines.LineWindow()
		if err != nil {
			return n, r.inside(err)
		}
		end := bytes.IndexByte(window, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(window)
		}
		r.keepTail(window[:end])
		r.lines.Advance(end)
		n += int64(end)
		if whole {
			return n, nil
		}
	}
	return n, nil
}

// keepTail keeps the last octets of what is dropped: an announcement fits.
func (r *Reader) keepTail(b []byte) {
	const most = len(r.tailRoom)
	if len(b) >= most {
		r.tail = append(r.tail[:0], b[len(b)-most:]...)
		return
	}
	if drop := len(r.tail) + len(b) - most; drop > 0 {
		r.tail = append(r.tail[:0], r.tail[drop:]...)
	}
	r.tail = append(r.tail, b...)
}

// tailAnnounces is announces for a line that was dropped. A number that is longer
// than the tail is one that we could not hold.
func (r *Reader) tailAnnounces() bool {
	line := bytes.TrimSuffix(bytes.TrimSuffix(r.tail, []byte("\n")), []byte("\r"))
	r.announce = Announce{}
	if announcement(line, &r.announce) {
		return true
	}
	digits, nonSync := bytes.CutSuffix(line, []byte("+}"))
	if nonSync && len(r.tail) == len(r.tailRoom) && ascii.All(ascii.Digit, digits) {
		r.announce = Announce{NonSync: true, Overflow: true}
		return true
	}
	return false
}

// dropped ends a refused command.
func (r *Reader) dropped() error {
	r.phase = between
	e := r.frame
	return &e
}

// Literal returns the octets of the literal that was decided to be streamed. It
// ends with io.EOF at their genuine end, and with io.ErrUnexpectedEOF if the
// source ends before. If the literal is synchronising, the driver sends "+" in
// front of the first Read: Read is what asks for the octets.
func (r *Reader) Literal() io.Reader {
	if r.phase != streaming {
		panic("imap: Literal without a streamed literal")
	}
	r.literal.r = r
	return &r.literal
}

// Abandon gives up a streamed literal, read in part or not at all, and all that
// belongs to its command; nil means that the next octet begins another command.
// A synchronising literal that was never read has not been asked for: its octets
// do not come, and the client is spared the upload. The error is a Fatal
// *FrameError where there is too much to drop, or that of the source.
func (r *Reader) Abandon(b Bounds) error {
	if r.phase != streaming {
		panic("imap: Abandon without a streamed literal")
	}
	if !r.announce.NonSync && !r.Responses && !r.started {
		r.phase = between
		return nil
	}
	pending := r.left > 0
	r.refuse(Reject{Kind: NO, Text: "literal abandoned"}, nil)
	r.announce = Announce{Size: r.left, NonSync: true}
	err := r.drop(b, pending)
	if e, ok := err.(*FrameError); ok && !e.Fatal {
		return nil
	}
	return err
}

// literalReader reads the octets of one streamed literal.
type literalReader struct{ r *Reader }

// window returns octets of the literal that have come.
func (l *literalReader) window() ([]byte, error) {
	l.r.started = true
	if l.r.left == 0 || l.r.phase != streaming {
		return nil, io.EOF
	}
	window, err := l.r.lines.Window()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	l.r.failed = err
	return window[:min(l.r.left, uint64(len(window)))], err
}

func (l *literalReader) advance(n int) {
	l.r.lines.Advance(n)
	l.r.left -= uint64(n)
}

func (l *literalReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	window, err := l.window()
	n := copy(p, window)
	l.advance(n)
	return n, err
}

// WriteTo writes the octets to w from where they are, without a buffer between.
func (l *literalReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		window, err := l.window()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(window)
		l.advance(n)
		total += int64(n)
		if err == nil && n < len(window) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
}

// Buffered returns how many octets have been read and not yet used.
func (r *Reader) Buffered() int { return r.lines.Buffered() }

// Upgrade makes src the source, as when TLS or compression begins. It refuses
// with ErrPlaintext if anything of the old source is waiting. RFC 9051, section
// 6.2.1; RFC 4978, section 3.
func (r *Reader) Upgrade(src io.Reader) error {
	if err := r.lines.Upgrade(src); err != nil {
		return err
	}
	r.Wipe()
	return nil
}

// Wipe overwrites what was gathered and is used up, as behind a line with a
// password. It ends the loan of the last Piece.
func (r *Reader) Wipe() {
	clear(r.buf[:cap(r.buf)])
	clear(r.head[:])
	clear(r.tailRoom[:])
	r.lines.Wipe()
}

// Release gives the buffers back at the end of a connection.
func (r *Reader) Release() {
	r.Wipe()
	r.buf = nil
	r.lines.Release()
}

package mime

import (
	"bytes"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
)

// A Message is the flat index of a message over the octets it came in. It does
// not change; methods may be called from several goroutines if its source may.
// All values are read from the octets when asked for; of a source up to 32 KiB of
// headers are kept, or one header that is larger.
type Message struct {
	buf     []byte      // the octets, if they are in memory
	src     io.ReaderAt // else
	size    int64
	bare    int64 // line ends without CR
	opt     Options
	recs    []record
	defects []Defect
	base    *Message // what this is the CRLF form of
	opened  int      // encoded messages that this one was decoded out of
	heads   atomic.Pointer[stretch]
	mu      sync.Mutex
	err     error
}

// newMessage copies recs, of which most messages have few, into the same
// allocation.
func newMessage(recs []record) *Message {
	switch n := len(recs); {
	case n == 1:
		m := new(struct {
			Message
			room [1]record
		})
		m.recs = append(m.room[:0], recs...)
		return &m.Message
	case n <= 4:
		m := new(struct {
			Message
			room [4]record
		})
		m.recs = append(m.room[:0], recs...)
		return &m.Message
	}
	return &Message{recs: slices.Clone(recs)}
}

// A stretch holds headers of parts that lie close together, read from the source
// in one go. The header of part first+k starts at octet starts[k] of b, or would,
// were its first octets not left out.
type stretch struct {
	first  int32
	starts []int64
	b      []byte
	few    [8]int64 // for starts
}

const (
	mostStretch = blockSize // octets that are read ahead
	mostGap     = 8 << 10   // octets of a body between two headers of a stretch
)

var indexerPool = sync.Pool{New: func() any { return new(Indexer) }}

// Parse indexes a message in memory and keeps msg: it must not change any more.
// It cannot fail; see Message.Defects for what is wrong with the message.
func Parse(msg []byte, o *Options) *Message {
	x := indexerPool.Get().(*Indexer)
	x.Reset(o)
	for p := msg; len(p) > 0; {
		n := min(len(p), scanBlock)
		x.Write(p[:n])
		p = p[n:]
	}
	m := x.Finish(nil)
	m.buf = msg
	if m.buf == nil {
		m.buf = []byte{}
	}
	x.release()
	return m
}

// release puts x back into the pool, unless it has grown large.
func (x *Indexer) release() {
	if cap(x.recs) <= 1024 && cap(x.held)+cap(x.bounds.arena) <= mostPooled {
		indexerPool.Put(x)
	}
}

// scanBlock is how much is scanned at a time, so that the passes over a block
// find it in the cache.
const scanBlock = 64 << 10

// ParseAt indexes size octets of src in one sequential read and keeps src for
// what is read later. The error is src's; the message then ends there.
func ParseAt(src io.ReaderAt, size int64, o *Options) (*Message, error) {
	x := indexerPool.Get().(*Indexer)
	x.Reset(o)
	defer x.release()
	buf := make([]byte, blockSize)
	var err error
	for off := int64(0); off < size && err == nil; {
		var n int
		n, err = src.ReadAt(buf[:min(blockSize, size-off)], off)
		x.Write(buf[:n])
		off += int64(n)
	}
	m := x.Finish(src)
	switch {
	case m.size == size:
		err = nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	m.err = err
	return m, err
}

// owner is the message that keeps the error: of a CRLF form, that it was made of.
func (m *Message) owner() *Message {
	if m.base != nil {
		return m.base
	}
	return m
}

// Err returns the first error of the source. What was read when it came up was
// as if the message ended there.
func (m *Message) Err() error {
	o := m.owner()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (m *Message) fail(err error) {
	o := m.owner()
	o.mu.Lock()
	if o.err == nil {
		o.err = err
	}
	o.mu.Unlock()
}

// octets is the message as an io.ReaderAt that notes the first error.
type octets Message

func (s *octets) ReadAt(p []byte, off int64) (n int, err error) {
	m := (*Message)(s)
	switch {
	case off < 0 || off >= m.size:
		return 0, io.EOF
	case m.buf != nil:
		if n = copy(p, m.buf[off:]); n < len(p) {
			err = io.EOF
		}
		return n, err
	case m.src == nil:
		m.fail(ErrNoSource)
		return 0, ErrNoSource
	}
	want := min(int64(len(p)), m.size-off)
	n, err = m.src.ReadAt(p[:want], off)
	switch {
	case int64(n) == want && want < int64(len(p)):
		err = io.EOF
	case int64(n) == want:
		err = nil
	default:
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		m.fail(err)
	}
	return n, err
}

// read returns the octets from..to, without a copy if they are in memory. What
// the source does not give is missing at the end.
func (m *Message) read(from, to int64) []byte {
	if m.buf != nil {
		return m.buf[from:to:to]
	}
	b := make([]byte, to-from)
	n, _ := (*octets)(m).ReadAt(b, from) // which has noted the error
	return b[:n:n]
}

// readHeader is read for octets in the header of part i. It reads the headers
// that follow closely along: most mails need no other read for all of them.
func (m *Message) readHeader(i int32, from, to int64) []byte {
	if m.buf != nil {
		return m.read(from, to)
	}
	header := m.recs[i].header
	s := m.heads.Load()
	start, ok := s.start(i)
	if !ok || start+from < header || start+to-header > int64(len(s.b)) {
		if s = m.readHeaders(i); s == nil {
			s = &stretch{first: i, starts: []int64{header - from}, b: m.read(from, to)}
		}
		m.heads.Store(s)
		start = s.starts[0]
	}
	from, to = start+from-header, start+to-header
	end := int64(len(s.b)) // less than what is asked for if the source fails
	b := s.b[min(from, end):min(to, end)]
	return b[:len(b):len(b)]
}

func (s *stretch) start(i int32) (int64, bool) {
	if s == nil || i < s.first || int(i-s.first) >= len(s.starts) {
		return 0, false
	}
	return s.starts[i-s.first], true
}

// readHeaders reads the header of part i and those behind it, and keeps nothing
// of what is between them. It returns nil for a header that is too large.
func (m *Message) readHeaders(i int32) *stretch {
	from, end := m.recs[i].header, m.headerEnd(i)
	if end-from > mostStretch {
		return nil
	}
	s := &stretch{first: i}
	s.starts = append(s.few[:0], 0)
	size := end - from
	for j := i + 1; int(j) < len(m.recs) && m.recs[j].header-end <= mostGap; j++ {
		to := m.headerEnd(j)
		if to-from > mostStretch {
			break
		}
		s.starts = append(s.starts, size)
		size += to - m.recs[j].header
		end = to
	}
	buf := bufferPool.Get().(*buffers)
	n, _ := (*octets)(m).ReadAt(buf.in[:end-from], from) // which has noted the error
	s.b = make([]byte, 0, size)
	for k := range s.starts {
		j := i + int32(k)
		s.b = append(s.b, buf.in[min(m.recs[j].header-from, int64(n)):min(m.headerEnd(j)-from, int64(n))]...)
	}
	bufferPool.Put(buf)
	return s
}

// headerEnd returns the end of what is read of the header of part i: one octet
// more than is parsed shows whether the last field goes on.
func (m *Message) headerEnd(i int32) int64 {
	r := &m.recs[i]
	if r.body-r.header > int64(m.opt.MaxHeader) {
		return r.header + int64(m.opt.MaxHeader) + 1
	}
	return r.body
}

// open returns a reader of the octets from..to, of which bare line ends have no CR.
func (m *Message) open(from, to, bare int64) *io.SectionReader {
	if m.base != nil && bare > 0 {
		return newCRLFReader((*octets)(m), from, to, bare)
	}
	return io.NewSectionReader((*octets)(m), from, to-from)
}

// Root returns the part that is the whole message.
func (m *Message) Root() Part { return Part{m, 0} }

// Size returns the octets of the message; of a CRLF form, those of that form.
func (m *Message) Size() int64 {
	if m.base != nil {
		return m.size + m.bare
	}
	return m.size
}

// Parts returns all parts, depth first and into embedded messages, the root first.
func (m *Message) Parts() iter.Seq[Part] { return m.Root().Parts() }

// Header returns the header of the message, a new one each time: keep it.
func (m *Message) Header() *Header { return m.Root().Header() }

// Defects returns what is wrong with the structure, as the scan found it. Notes
// are empty where they would need the octets.
func (m *Message) Defects() []Defect { return slices.Clone(m.defects) }

// CRLF returns the same message with every line end as CRLF: sizes, spans and
// readers of content as it lies there are those of that form. Nothing is
// scanned or copied. IMAP servers that store local line ends need it.
func (m *Message) CRLF() *Message {
	if m.base != nil || m.bare == 0 {
		return m
	}
	return &Message{buf: m.buf, src: m.src, size: m.size, bare: m.bare, opt: m.opt, recs: m.recs, defects: m.defects, base: m, opened: m.opened}
}

// WriteTo writes the message octet for octet, in its CRLF form if it is one.
func (m *Message) WriteTo(w io.Writer) (int64, error) {
	if m.buf != nil && m.base == nil {
		n, err := io.Copy(w, bytes.NewReader(m.buf))
		return n, err
	}
	return io.Copy(w, m.open(0, m.size, m.bare))
}

// header returns the header of part i, its block up to MaxHeader, and how many
// octets of that the fields cover.
func (m *Message) header(i int32) (*Header, []byte, int64) {
	h := new(Header)
	block, n := m.parseHeader(h, i)
	return h, block, n
}

// parseHeader is header into h, whose list it uses again.
func (m *Message) parseHeader(h *Header, i int32) ([]byte, int64) {
	block := m.headerBlock(i)
	return block, m.parseBlock(h, i, block)
}

// headerBlock returns the octets of the header of part i that are parsed.
func (m *Message) headerBlock(i int32) []byte {
	r := &m.recs[i]
	if r.flags&flagSkipped != 0 {
		return nil
	}
	return m.readHeader(i, r.header, m.headerEnd(i))
}

func (m *Message) parseBlock(h *Header, i int32, block []byte) int64 {
	*h = Header{o: &m.opt, part: int(i), off: m.recs[i].header, fields: h.fields[:0]}
	return int64(h.parse(block, m.opt.MaxHeader, m.isMessage(i), true))
}

// isMessage reports whether the header of part i is that of a message.
func (m *Message) isMessage(i int32) bool {
	p := m.recs[i].parent
	return p < 0 || m.recs[p].kind == Embedded
}

// value returns the octets of a value of part i, as far as they are read.
func (m *Message) value(i int32, s span) []byte {
	from := m.recs[i].header + int64(s.from)
	return m.readHeader(i, from, min(m.recs[i].header+int64(s.to), from+maxValue))
}

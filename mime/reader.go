package mime

import (
	"io"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// A filter turns a stream into another. apply takes all of src, keeps what it
// cannot decide yet, and appends what it has; after eof it is not called again.
type filter interface {
	apply(dst, src []byte, eof bool) []byte
	defect() DefectKind // 0: none so far
}

const blockSize = 32 << 10

// A Reader reads content with its transfer encoding, and for text its charset,
// undone. It cannot fail on content; the only errors are those of the source.
// It is not safe for concurrent use; a part gives as many as you ask for.
type Reader struct {
	mem     []byte    // the content, if it is in memory
	src     io.Reader // else
	decode  filter    // nil: as is
	convert filter    // nil: none
	buf     *buffers
	rest    []byte // decoded and not yet read
	eof     bool
	err     error
	part    int
	off     int64
	found   []Defect

	// The filters in use, so that a Reader is one allocation.
	base64 base64Filter
	qp     qpFilter
	text   textFilter
}

// buffers are what a Reader needs while it runs.
type buffers struct{ in, mid, out []byte }

var bufferPool = sync.Pool{New: func() any { return &buffers{in: make([]byte, blockSize)} }}

// mostPooled is the size above which a buffer is not kept.
const mostPooled = 64 << 10

func (r *Reader) release() {
	if b := r.buf; b != nil {
		r.buf = nil
		if cap(b.mid) <= mostPooled+mostPooled/2 && cap(b.out) <= 2*mostPooled {
			bufferPool.Put(b)
		}
	}
}

// Defects returns what was wrong with the content read so far: at most one of
// each kind. It is complete after io.EOF. Offset is where the content starts.
func (r *Reader) Defects() []Defect {
	list := r.found
	for _, f := range []filter{r.decode, r.convert} {
		if f != nil && f.defect() != 0 {
			list = append(list, Defect{Kind: f.defect(), Part: r.part, Offset: r.off})
		}
	}
	return list
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if !r.fill() {
			return 0, r.end()
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo; it writes blocks of about 32 KiB.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if len(r.rest) > 0 {
			n, err := w.Write(r.rest)
			total += int64(n)
			r.rest = r.rest[n:]
			if err != nil {
				return total, err
			}
		}
		if !r.fill() {
			if err := r.end(); err != io.EOF {
				return total, err
			}
			return total, nil
		}
	}
}

func (r *Reader) end() error {
	r.release()
	if r.err != nil {
		return r.err
	}
	return io.EOF
}

// fill decodes the next block; false means that there is none.
func (r *Reader) fill() bool {
	if r.eof {
		return false
	}
	if r.buf == nil {
		r.buf = bufferPool.Get().(*buffers)
	}
	block := r.block()
	if r.decode != nil {
		r.buf.mid = r.decode.apply(r.buf.mid[:0], block, r.eof)
		block = r.buf.mid
	}
	if r.convert != nil {
		r.buf.out = r.convert.apply(r.buf.out[:0], block, r.eof)
		block = r.buf.out
	}
	r.rest = block
	return true
}

// block returns the next octets of the source and notes its end.
func (r *Reader) block() []byte {
	if r.src == nil {
		b := r.mem[:min(blockSize, len(r.mem))]
		r.mem = r.mem[len(b):]
		r.eof = len(r.mem) == 0
		return b
	}
	n := 0
	for n < len(r.buf.in) && !r.eof {
		k, err := r.src.Read(r.buf.in[n:])
		n += k
		if err != nil {
			r.eof = true
			if err != io.EOF {
				r.err = err
			}
		}
	}
	return r.buf.in[:n]
}

// NewDecoder undoes a transfer encoding, tolerantly, as Part.Decoded does.
func NewDecoder(e Encoding, r io.Reader) *Reader {
	d := &Reader{src: r}
	d.setDecode(e)
	return d
}

func (r *Reader) setDecode(e Encoding) {
	switch e {
	case QuotedPrintable:
		r.decode = &r.qp
	case Base64:
		r.decode = &r.base64
	case UUEncode:
		r.decode = new(uuFilter)
	}
}

// textFilter makes valid UTF-8 of text in a charset. It decides at the first
// block what unlabelled text is.
type textFilter struct {
	o     *Options
	enc   encoding.Encoding // nil: guess
	begun bool
	bad   bool
	carry []byte // of less than a byte order mark, or an incomplete character
	conv  converter
}

func (f *textFilter) defect() DefectKind {
	if f.bad {
		return DefectBadCharset
	}
	return 0
}

func (f *textFilter) apply(dst, src []byte, eof bool) []byte {
	if !f.begun {
		if len(f.carry) > 0 {
			src = append(f.carry, src...)
			f.carry = nil
		}
		if len(src) < len(byteOrderMark) && !eof {
			f.carry = append([]byte(nil), src...)
			return dst
		}
		f.begin(src, eof)
		if f.enc == unicode.UTF8 && len(src) >= 3 && string(src[:3]) == byteOrderMark {
			src = src[3:]
		}
	}
	if f.enc == unicode.UTF8 {
		return f.utf8(dst, src, eof)
	}
	if m, ok := f.enc.(*charmap.Charmap); ok {
		return appendCharset(dst, src, m, f.o)
	}
	return f.conv.apply(dst, src, eof)
}

func (f *textFilter) begin(src []byte, eof bool) {
	f.begun = true
	if f.enc == nil {
		f.enc = unicode.UTF8
		if n := len(src) - incomplete(src, eof); !utf8.Valid(src[:n]) {
			f.enc = f.o.fallback()
		}
	}
	if _, ok := f.enc.(*charmap.Charmap); !ok && f.enc != unicode.UTF8 {
		f.conv = converter{t: f.enc.NewDecoder(), first: true}
	}
}

func (f *textFilter) utf8(dst, src []byte, eof bool) []byte {
	for len(f.carry) > 0 && (len(src) > 0 || eof) {
		if len(src) > 0 && !utf8.FullRune(f.carry) {
			f.carry = append(f.carry, src[0])
			src = src[1:]
			continue
		}
		if !utf8.FullRune(f.carry) && !eof {
			return dst
		}
		// One character, or the octets of a bad one.
		_, n := utf8.DecodeRune(f.carry)
		dst = f.valid(dst, f.carry[:n])
		f.carry = f.carry[n:]
	}
	if len(f.carry) > 0 {
		return dst
	}
	n := len(src) - incomplete(src, eof)
	f.carry = append(f.carry[:0], src[n:]...)
	return f.valid(dst, src[:n])
}

func (f *textFilter) valid(dst, src []byte) []byte {
	if utf8.Valid(src) {
		return append(dst, src...)
	}
	f.bad = true
	return appendValid(dst, src)
}

// incomplete returns how many octets at the end are the start of a character.
func incomplete(b []byte, eof bool) int {
	if eof {
		return 0
	}
	for n := 1; n <= 3 && n <= len(b); n++ {
		c := b[len(b)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// converter runs a transformer of x/text over a stream and drops a byte order
// mark from what comes out.
type converter struct {
	t     transform.Transformer
	carry []byte
	first bool
}

// mostCharacter is more than a decoder can have to wait for.
const mostCharacter = 64

func (c *converter) apply(dst, src []byte, eof bool) []byte {
	// A copy, so that the caller's octets may lie on its stack: what goes to an
	// interface method escapes.
	in := append(c.carry, src...)
	c.carry = nil
	from := len(dst)
	for {
		if cap(dst)-len(dst) < 64 {
			dst = append(dst, make([]byte, len(in)+len(in)/2+64)...)[:len(dst)]
		}
		nDst, nSrc, err := c.t.Transform(dst[len(dst):cap(dst)], in, eof)
		dst = dst[:len(dst)+nDst]
		in = in[nSrc:]
		switch err {
		case transform.ErrShortDst:
			dst = append(dst, make([]byte, len(in)+256)...)[:len(dst)]
			continue
		case transform.ErrShortSrc:
			if !eof && len(in) < mostCharacter {
				c.carry = in
				in = nil
			}
		}
		if err == nil || len(in) == 0 {
			break
		}
		// A decoder of the caller that gives up: it loses one octet.
		dst = append(dst, "\uFFFD"...)
		in = in[1:]
	}
	if c.first && len(dst) > from {
		c.first = false
		if len(dst)-from >= 3 && string(dst[from:from+3]) == byteOrderMark {
			dst = append(dst[:from], dst[from+3:]...)
		}
	}
	return dst
}

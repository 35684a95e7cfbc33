package mime

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"sync"

	"github.com/mailwire/mailwire/internal/ascii"
)

var errEncode = errors.New("mime: encoding is not written")

// NewEncoder applies a transfer encoding; Close writes what is left and does not
// close w. Lines are at most 76 octets and end in CRLF. Quoted-printable takes
// text: LF and CRLF are line ends, a CR alone is encoded. The identity encodings
// pass octets on. Others fail on the first write.
func NewEncoder(e Encoding, w io.Writer) io.WriteCloser { return &streamEncoder{e: e, w: w} }

// A streamEncoder borrows an encoder from its first Write to Close.
type streamEncoder struct {
	e   Encoding
	w   io.Writer
	enc *encoder
	to  io.Writer
}

func (s *streamEncoder) Write(p []byte) (int, error) {
	if s.enc == nil {
		switch s.e {
		case SevenBit, EightBit, Binary:
			return s.w.Write(p)
		case UUEncode, EncodingUnknown:
			return 0, errEncode
		}
		s.enc = newEncoder(s.w)
		s.to = s.enc.start(s.e, false)
	}
	return s.to.Write(p)
}

func (s *streamEncoder) Close() error {
	if s.enc == nil {
		return nil
	}
	s.enc.end()
	err := s.enc.flush()
	s.enc.release()
	s.enc = nil
	return err
}

// An encoder is an output that puts content in an encoding into itself, one body
// after another.
type encoder struct {
	output
	base64 base64Encoder
	qp     qpEncoder
	crlf   crlfWriter
}

var encoderPool = sync.Pool{New: func() any { return &encoder{output: output{buf: make([]byte, 0, blockSize)}} }}

// newEncoder returns an encoder that writes to w; give it back with release.
func newEncoder(w io.Writer) *encoder {
	e := encoderPool.Get().(*encoder)
	e.output = output{w: w, buf: e.buf[:0]}
	e.base64.out, e.base64.n = &e.output, 0
	e.qp = qpEncoder{out: &e.output}
	return e
}

// release drops what was not flushed.
func (e *encoder) release() {
	e.w, e.crlf = nil, crlfWriter{}
	encoderPool.Put(e)
}

// start returns where the content goes; of text, line ends become CRLF first.
func (e *encoder) start(enc Encoding, text bool) io.Writer {
	to := io.Writer(&e.output)
	switch enc {
	case Base64:
		to = &e.base64
	case QuotedPrintable: // which knows lines
		return &e.qp
	}
	if text {
		e.crlf = crlfWriter{w: to}
		return &e.crlf
	}
	return to
}

// end writes what the last content left.
func (e *encoder) end() {
	e.base64.end()
	e.qp.end()
}

const (
	base64Group = 57 // octets that fill a line
	base64Line  = 76 // and what they become
)

// base64Encoder writes whole lines and keeps an incomplete group.
type base64Encoder struct {
	out  *output
	rest [base64Group]byte
	n    int
}

func (e *base64Encoder) Write(p []byte) (int, error) {
	total := len(p)
	if e.n > 0 {
		k := copy(e.rest[e.n:], p)
		e.n, p = e.n+k, p[k:]
		if e.n < base64Group {
			return total, nil
		}
		e.lines(e.rest[:])
	}
	whole := len(p) - len(p)%base64Group
	e.lines(p[:whole])
	e.n = copy(e.rest[:], p[whole:])
	return total, e.out.err
}

// lines encodes whole groups.
func (e *base64Encoder) lines(p []byte) {
	for o := e.out; len(p) > 0 && o.err == nil; {
		o.room(base64Line + 2)
		n := min((cap(o.buf)-len(o.buf))/(base64Line+2), len(p)/base64Group)
		to := o.buf[len(o.buf) : len(o.buf)+n*(base64Line+2)]
		o.buf = o.buf[:len(o.buf)+len(to)]
		for ; n > 0; n-- {
			encodeLine((*[base64Line + 2]byte)(to), (*[base64Group]byte)(p))
			to, p = to[base64Line+2:], p[base64Group:]
		}
	}
}

// base64Pair maps 12 bits to two octets of the alphabet: an attachment is
// mostly this loop, and it halves the lookups of the standard library.
var base64Pair = func() (t [4096]uint16) {
	for i := range t {
		t[i] = uint16(base64Alphabet[i>>6]) | uint16(base64Alphabet[i&63])<<8
	}
	return
}()

func encodeLine(dst *[base64Line + 2]byte, src *[base64Group]byte) {
	for i := range base64Group / 6 {
		v := binary.BigEndian.Uint64(src[i*6 : i*6+8])
		binary.LittleEndian.PutUint64(dst[i*8:i*8+8], uint64(base64Pair[v>>52])|uint64(base64Pair[v>>40&4095])<<16|
			uint64(base64Pair[v>>28&4095])<<32|uint64(base64Pair[v>>16&4095])<<48)
	}
	v := uint(src[54])<<16 | uint(src[55])<<8 | uint(src[56])
	binary.LittleEndian.PutUint32(dst[72:], uint32(base64Pair[v>>12])|uint32(base64Pair[v&4095])<<16)
	dst[base64Line], dst[base64Line+1] = '\r', '\n'
}

// end writes the incomplete group.
func (e *base64Encoder) end() {
	if e.n > 0 {
		e.out.room(base64Line + 2)
		e.out.buf = append(base64.StdEncoding.AppendEncode(e.out.buf, e.rest[:e.n]), '\r', '\n')
		e.n = 0
	}
}

// qpEncoder writes quoted-printable text: RFC 2045, section 6.7.
type qpEncoder struct {
	out   *output
	col   int  // octets on the current line
	cr    bool // a CR waits for its LF
	space byte // white space that waits to know whether it ends the line; 0: none
}

// mostQP leaves room for the "=" of a soft break.
const mostQP = 75

// qpPlain is what stands for itself, but for white space at the end of a line.
var qpPlain = ascii.VChar.Without("=").Or(ascii.Of(" \t"))

func (e *qpEncoder) Write(p []byte) (int, error) {
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case qpPlain[c]:
			from := i
			for i += 1 + plainRun(p[i+1:]); i < len(p) && qpPlain[p[i]]; i++ {
			}
			e.literal(p[from:i])
			i--
		case c == '\n':
			e.cr = false
			e.endLine()
			e.out.put("\r\n")
			e.col = 0
		case c == '\r':
			if e.cr {
				e.settle()
			}
			e.cr = true
		default:
			e.settle()
			e.escape(c)
		}
	}
	return len(p), e.out.err
}

// literal writes octets that stand for themselves; the last may be white space,
// which then waits.
func (e *qpEncoder) literal(p []byte) {
	e.settle()
	n := len(p) - 1
	if c := p[n]; c == ' ' || c == '\t' {
		e.space, p = c, p[:n]
	}
	e.fill(p)
}

// fill writes literals, over as many lines as they need.
func (e *qpEncoder) fill(p []byte) {
	for len(p) > 0 {
		e.fit(1)
		n := min(len(p), mostQP-e.col)
		e.out.room(n)
		e.out.buf = append(e.out.buf, p[:n]...)
		e.col += n
		p = p[n:]
	}
}

// settle writes what waited for an octet that is no line end.
func (e *qpEncoder) settle() {
	if e.space != 0 || e.cr {
		e.settleAll()
	}
}

func (e *qpEncoder) settleAll() {
	if e.space != 0 {
		e.fill([]byte{e.space})
		e.space = 0
	}
	if e.cr {
		e.cr = false
		e.escape('\r')
	}
}

// fit makes a soft break if n octets do not fit.
func (e *qpEncoder) fit(n int) {
	if e.col+n > mostQP {
		e.out.put("=\r\n")
		e.col = 0
	}
}

func (e *qpEncoder) escape(c byte) {
	e.fit(3)
	e.out.room(3)
	e.out.buf = append(e.out.buf, '=', upperHex[c>>4], upperHex[c&15])
	e.col += 3
}

// endLine encodes white space in front of a line end, which may get lost.
func (e *qpEncoder) endLine() {
	if e.space != 0 {
		e.escape(e.space)
		e.space = 0
	}
}

func (e *qpEncoder) end() {
	if e.cr { // which no LF follows
		e.settle()
	}
	e.endLine()
	e.col = 0
}

// contentStats is what the choice of an encoding needs to know; it is an
// io.Writer.
type contentStats struct {
	octets, escapes int64
	high, odd       bool // odd: NUL or a CR that ends no line
	line, longest   int
	cr              bool
}

func (s *contentStats) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		line := rest
		if i >= 0 {
			line = rest[:i]
		}
		s.scan(line)
		if i < 0 {
			break
		}
		if s.cr {
			s.line--
		}
		s.cr = false
		s.longest = max(s.longest, s.line)
		s.line = 0
		rest = rest[i+1:]
	}
	s.octets += int64(len(p))
	return len(p), nil
}

// Eight octets in a word: each has a bit for "yes" at its top.
const (
	eachOctet = 0x0101010101010101
	topBits   = 0x8080808080808080
)

// lowOctets tells those of v below SP.
func lowOctets(v uint64) uint64 { return ^((v | topBits) - ' '*eachOctet) &^ v & topBits }

// oddOctets tells those of v that are above ASCII, DEL or "=".
func oddOctets(v uint64) uint64 {
	low := v &^ topBits
	equal := low ^ '='*eachOctet
	return (v | (low + eachOctet) | ^((equal | topBits) - eachOctet)) & topBits
}

// plainRun returns how many octets p starts with that are SP to "~" and not
// "=", but for the last seven, at which it does not look.
func plainRun(p []byte) int {
	n := 0
	for ; len(p)-n >= 8; n += 8 {
		v := binary.LittleEndian.Uint64(p[n:])
		if odd := lowOctets(v) | oddOctets(v); odd != 0 {
			return n + bits.TrailingZeros64(odd)/8
		}
	}
	return n
}

// What an octet is in content that is to be encoded.
const (
	octetEscaped = 1 << iota // quoted-printable takes three octets for it
	octetHigh
	octetNUL
	octetCR
)

var octetKinds = func() (t [256]byte) {
	for c := range t {
		if c != '\r' && !qpPlain[c] {
			t[c] = octetEscaped
		}
		if c > 127 {
			t[c] |= octetHigh
		}
	}
	t[0] |= octetNUL
	t['\r'] = octetCR
	return
}()

func (s *contentStats) scan(line []byte) {
	kinds, high := byte(0), uint64(0)
	escapes := 0
	for rest := line; len(rest) > 0; {
		n := min(8, len(rest))
		if n == 8 {
			if v := binary.LittleEndian.Uint64(rest); lowOctets(v) == 0 {
				escapes += bits.OnesCount64(oddOctets(v))
				high |= v
				rest = rest[8:]
				continue
			}
		}
		for _, c := range rest[:n] {
			k := octetKinds[c]
			kinds |= k
			escapes += int(k & octetEscaped)
		}
		rest = rest[n:]
	}
	s.escapes += int64(escapes)
	s.high = s.high || kinds&octetHigh != 0 || high&topBits != 0
	s.odd = s.odd || kinds&octetNUL != 0 || s.cr && len(line) > 0
	if n := len(line); n > 0 {
		s.cr = line[n-1] == '\r'
		if kinds&octetCR != 0 { // more than the one that may belong to a line end
			s.odd = s.odd || bytes.IndexByte(line[:n-1], '\r') >= 0
		}
	}
	s.line += len(line)
}

// lines reports whether the content may stand as it is, but for 8-bit octets.
func (s *contentStats) lines() bool {
	return !s.odd && !s.cr && max(s.longest, s.line) <= mostLine
}

// encoding returns the shorter of quoted-printable and base64.
func (s *contentStats) encoding() Encoding {
	if qp := s.octets + 2*s.escapes; qp+qp/25 <= s.octets*4/3+s.octets/28 {
		return QuotedPrintable
	}
	return Base64
}

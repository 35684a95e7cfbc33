package mime

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
)

var errEncode = errors.New("mime: encoding is not written")

// NewEncoder applies a transfer encoding; Close writes what is left and does not
// close w. Lines are at most 76 octets and end in CRLF. Quoted-printable takes
// text: LF and CRLF are line ends, a CR alone is encoded. The identity encodings
// pass octets on. Others fail on the first write.
func NewEncoder(e Encoding, w io.Writer) io.WriteCloser {
	switch e {
	case Base64:
		return &base64Encoder{w: w}
	case QuotedPrintable:
		return &qpEncoder{w: w}
	case SevenBit, EightBit, Binary:
		return passEncoder{w}
	}
	return noEncoder{}
}

type passEncoder struct{ io.Writer }

func (passEncoder) Close() error { return nil }

type noEncoder struct{}

func (noEncoder) Write([]byte) (int, error) { return 0, errEncode }
func (noEncoder) Close() error              { return nil }

const (
	base64Group = 57 // octets that fill a line
	base64Line  = 76
)

// base64Encoder writes whole lines and keeps an incomplete group.
type base64Encoder struct {
	w    io.Writer
	rest [base64Group]byte
	n    int
	out  []byte
}

func (e *base64Encoder) Write(p []byte) (int, error) {
	total := len(p)
	if e.n > 0 {
		k := copy(e.rest[e.n:], p)
		e.n, p = e.n+k, p[k:]
		if e.n < base64Group {
			return total, nil
		}
		e.line(e.rest[:])
		e.n = 0
	}
	for len(p) >= base64Group {
		e.line(p[:base64Group])
		p = p[base64Group:]
		if len(e.out) > blockSize-base64Line-2 {
			if err := e.flush(); err != nil {
				return 0, err
			}
		}
	}
	e.n = copy(e.rest[:], p)
	return total, e.flush()
}

func (e *base64Encoder) line(p []byte) {
	if e.out == nil {
		e.out = make([]byte, 0, blockSize)
	}
	e.out = append(appendBase64(e.out, p), '\r', '\n')
}

// base64Pair maps 12 bits to two octets of the alphabet: an attachment is
// mostly this loop, and it halves the lookups of the standard library.
var base64Pair = func() (t [4096]uint16) {
	for i := range t {
		t[i] = uint16(base64Alphabet[i>>6])<<8 | uint16(base64Alphabet[i&63])
	}
	return
}()

func appendBase64(dst, p []byte) []byte {
	for len(p) >= 8 {
		v := binary.BigEndian.Uint64(p)
		dst = binary.BigEndian.AppendUint64(dst, uint64(base64Pair[v>>52])<<48|uint64(base64Pair[v>>40&4095])<<32|
			uint64(base64Pair[v>>28&4095])<<16|uint64(base64Pair[v>>16&4095]))
		p = p[6:]
	}
	return base64.StdEncoding.AppendEncode(dst, p)
}

func (e *base64Encoder) flush() error {
	if len(e.out) == 0 {
		return nil
	}
	_, err := e.w.Write(e.out)
	e.out = e.out[:0]
	return err
}

func (e *base64Encoder) Close() error {
	if e.n > 0 {
		e.line(e.rest[:e.n])
		e.n = 0
	}
	return e.flush()
}

// qpEncoder writes quoted-printable text: RFC 2045, section 6.7.
type qpEncoder struct {
	w   io.Writer
	out []byte // finished lines, then the current one
	at  int    // where the current line starts
	cr  bool   // a CR waits for its LF
}

// mostQP leaves room for the "=" of a soft break.
const mostQP = 75

func (e *qpEncoder) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n':
			e.cr = false
			e.endLine()
			e.out = append(e.out, '\r', '\n')
			e.at = len(e.out)
			continue
		case e.cr:
			e.escape('\r')
			e.cr = false
		}
		switch {
		case c == '\r':
			e.cr = true
		case c == ' ' || c == '\t' || '!' <= c && c <= '~' && c != '=':
			e.room(1)
			e.out = append(e.out, c)
		default:
			e.escape(c)
		}
	}
	if e.at < blockSize/2 {
		return len(p), nil
	}
	_, err := e.w.Write(e.out[:e.at])
	e.out = append(e.out[:0], e.out[e.at:]...)
	e.at = 0
	return len(p), err
}

// room makes a soft break if n octets do not fit.
func (e *qpEncoder) room(n int) {
	if len(e.out)-e.at+n > mostQP {
		e.out = append(e.out, '=', '\r', '\n')
		e.at = len(e.out)
	}
}

func (e *qpEncoder) escape(c byte) {
	e.room(3)
	e.out = append(e.out, '=', upperHex[c>>4], upperHex[c&15])
}

// endLine encodes white space in front of a line end, which may get lost.
func (e *qpEncoder) endLine() {
	n := len(e.out)
	if n == e.at {
		return
	}
	if c := e.out[n-1]; c == ' ' || c == '\t' {
		e.out = e.out[:n-1]
		e.escape(c)
	}
}

func (e *qpEncoder) Close() error {
	if e.cr {
		e.escape('\r')
		e.cr = false
	}
	e.endLine()
	_, err := e.w.Write(e.out)
	e.out, e.at = e.out[:0], 0
	return err
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

func (s *contentStats) scan(line []byte) {
	for _, c := range line {
		if s.cr {
			s.odd = true
			s.cr = false
		}
		switch {
		case c == '\r':
			s.cr = true
		case c == 0:
			s.odd = true
			s.escapes++
		case c > 126:
			s.high = s.high || c > 127
			s.escapes++
		case c == '=' || c < ' ' && c != '\t':
			s.escapes++
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

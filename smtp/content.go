package smtp

import (
	"bytes"
	"math/bits"

	"github.com/mailwire/mailwire/internal/ascii"
	"github.com/mailwire/mailwire/internal/dot"
)

// LineEnds is what to do about a CR or an LF that is not half of a CRLF:
// RFC 5321, section 2.3.8. Whatever it is, only CRLF.CRLF ends content.
type LineEnds uint8

const (
	DefaultLineEnds LineEnds = iota // a server rejects, a client normalises
	RejectBare                      // refuse the message, at its genuine end
	NormalizeBare                   // each bare CR and each bare LF becomes CRLF
	KeepBare                        // leave them as they are
)

func (e LineEnds) String() string {
	return nameOf([]string{"DefaultLineEnds", "RejectBare", "NormalizeBare", "KeepBare"}, e, "LineEnds")
}

// A Content judges the content of one message while it comes in, by DATA or in
// chunks: size, line ends, header. It is resumable at any octet. Nothing that
// it refuses is handed out after the reason is known, but the octets go on being
// taken up to the genuine end. RFC 5321, section 4.5.2.
type Content struct {
	LineEnds LineEnds // default: RejectBare
	Limits   *Limits  // nil: the defaults

	decoder dot.Decoder
	header  header
	size    int64
	column  int   // octets of the text line that is being read
	reasons uint8 // to refuse it: 1<<ContentReason for each

	// Under NormalizeBare: octets pass as they are until the first bare one, and
	// through the encoder from then on.
	encoder   dot.Encoder
	encoding  bool
	afterCR   bool // the last chunk ended in a CR
	normalBuf []byte
}

// Dots takes octets of DATA. It returns the next chunk of content, a view of src
// or of memory that is valid until the next call; the number of octets of src
// that are used up; and whether the content has ended with them. The chunk may
// be empty. Call it again with src[n:] until end.
func (c *Content) Dots(src []byte) (chunk []byte, n int, end bool) {
	chunk, n, end = c.decoder.Next(src)
	return c.judge(chunk), n, end
}

// Octets takes octets of a chunk of BDAT, as Dots does those of DATA.
func (c *Content) Octets(src []byte) (chunk []byte, n int) {
	c.decoder.Plain = true
	chunk, n, _ = c.decoder.Next(src)
	return c.judge(chunk), n
}

// Finish says that the last chunk of BDAT has been taken. It returns what is
// still to be handed out. Content of DATA has its own end and does not need it.
func (c *Content) Finish() (chunk []byte) {
	if c.decoder.State() != dot.AfterCR || c.reasons != 0 {
		return nil
	}
	switch c.LineEnds { // the CR at the end is bare
	case KeepBare:
		return nil
	case NormalizeBare:
		return []byte("\n")
	}
	c.refuse(BareLineEnd)
	return nil
}

// Size returns how many octets of content have been taken, without stuffed dots.
func (c *Content) Size() int64 { return c.size }

// Err returns the reason to refuse the content, a *ContentError, or nil. Of
// several it is the one that ContentReason lists first, and not the one that was
// seen first: that would depend on the pieces in which the octets came.
func (c *Content) Err() error {
	if c.reasons == 0 {
		return nil
	}
	return &ContentError{ContentReason(bits.TrailingZeros8(c.reasons))}
}

func (c *Content) refuse(r ContentReason) { c.reasons |= 1 << r }

var defaultLimits Limits

func (c *Content) limits() *Limits {
	if c.Limits == nil {
		return &defaultLimits
	}
	return c.Limits
}

// judge looks at decoded octets and returns what of them is handed out.
func (c *Content) judge(chunk []byte) []byte {
	l := c.limits()
	if c.size += int64(len(chunk)); c.size > l.message() {
		c.refuse(TooBig)
	}
	if c.decoder.Bare() && c.LineEnds != NormalizeBare && c.LineEnds != KeepBare {
		c.refuse(BareLineEnd)
	}
	if !c.header.done {
		c.header.scan(chunk)
		if c.header.size > l.header() {
			c.refuse(Header)
		}
		if c.header.received > l.received() {
			c.refuse(Loop)
		}
	}
	if l.TextLine > 0 && c.longLine(chunk, l.textLine()) {
		c.refuse(LongLine)
	}
	switch {
	case c.reasons != 0:
		return nil
	case c.LineEnds == NormalizeBare:
		return c.normalize(chunk)
	}
	return chunk
}

// normalize returns chunk with bare CR and LF made CRLF.
func (c *Content) normalize(chunk []byte) []byte {
	if !c.encoding && c.decoder.Bare() {
		c.encoding = true
		c.encoder.Plain = true
		if c.afterCR { // and has been handed out already
			c.encoder.Append(nil, []byte("\r"))
		}
	}
	if c.encoding {
		c.normalBuf = c.encoder.Append(c.normalBuf[:0], chunk)
		return c.normalBuf
	}
	c.afterCR = c.decoder.State() == dot.AfterCR
	return chunk
}

// longLine counts the octets of text lines over the edges of chunks.
func (c *Content) longLine(chunk []byte, limit int) bool {
	for len(chunk) > 0 {
		i := bytes.IndexByte(chunk, '\n') + 1
		if i == 0 {
			c.column += len(chunk)
			return c.column > limit
		}
		if c.column += i; c.column > limit {
			return true
		}
		c.column, chunk = 0, chunk[i:]
	}
	return false
}

// A header counts the octets and the trace fields of a message's header, up to
// its blank line, resumably at any octet. It takes LF for a line end, with CR or
// without, so that no choice of line ends hides a field from the count.
type header struct {
	size     int64
	received int
	matched  int8 // octets of "Received:" that the line has so far; see below
	done     bool
}

// What header.matched says when it does not count.
const (
	cleared = -1 // the line is not, or is no longer, of interest
	afterCR = -2 // the line has nothing but a CR
)

const receivedName = "received:"

func (h *header) scan(b []byte) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '\n' && (h.matched == 0 || h.matched == afterCR):
			h.size += int64(i) + 1
			h.done = true
			return
		case c == '\n':
			h.matched = 0
		case c == '\r' && h.matched == 0:
			h.matched = afterCR
		case h.matched >= 0 && ascii.Lower(c) == receivedName[h.matched]:
			if h.matched++; int(h.matched) == len(receivedName) {
				h.received++
				h.matched = cleared
			}
		default:
			h.matched = cleared
			j := bytes.IndexByte(b[i:], '\n')
			if j < 0 {
				h.size += int64(len(b))
				return
			}
			i += j - 1 // the LF is looked at next
		}
	}
	h.size += int64(len(b))
}

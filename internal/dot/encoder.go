package dot

import "bytes"

// An Encoder brings content into the form in which it travels: every bare CR
// and bare LF becomes CRLF, and a dot at a line start is doubled. Line ends are
// normalised before lines are looked at, so no input can make a line start that
// the receiver sees and the Encoder did not. The zero value is ready at the
// first octet of a message.
type Encoder struct {
	// Plain content has its line ends normalised, but no dots stuffed and no
	// terminating line.
	Plain bool

	state State // LineStart, Text or AfterCR
	bare  bool
}

// Append appends the encoded form of the next octets of content. A CR at the
// end of src is appended at once; what follows it is settled by the next call.
func (e *Encoder) Append(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	i := 0
	if e.state == AfterCR {
		e.state = LineStart
		if src[0] == '\n' {
			i = 1
		} else {
			e.bare = true
		}
		dst = append(dst, '\n')
	}
	start := i // src[start:i] is to be copied as it stands
	cr, lf := find(src, i, '\r'), find(src, i, '\n')
	for i < len(src) {
		if src[i] == '.' && e.state == LineStart && !e.Plain {
			dst = append(dst, src[start:i]...)
			dst = append(dst, '.')
			start = i
		}
		switch e.state = LineStart; {
		case lf < cr: // bare LF
			e.bare = true
			dst = append(dst, src[start:lf]...)
			dst = append(dst, "\r\n"...)
			i, start = lf+1, lf+1
			lf = find(src, i, '\n')
		case lf == cr: // neither is left
			i, e.state = len(src), Text
		case cr+1 == len(src): // half of CRLF, or bare: the next call will know
			i, e.state = len(src), AfterCR
		case cr+1 == lf: // CRLF
			i = lf + 1
			cr, lf = find(src, i, '\r'), find(src, i, '\n')
		default: // bare CR
			e.bare = true
			dst = append(dst, src[start:cr+1]...)
			dst = append(dst, '\n')
			i, start = cr+1, cr+1
			cr = find(src, i, '\r')
		}
	}
	return append(dst, src[start:]...)
}

// find returns the index of the first c in src[from:], or len(src).
func find(src []byte, from int, c byte) int {
	if i := bytes.IndexByte(src[from:], c); i >= 0 {
		return from + i
	}
	return len(src)
}

// Finish ends the content: it completes the last line if that has no CRLF and,
// unless Plain, appends the line of one dot. The Encoder is then ready for
// another message; Bare keeps its answer until Append is called again.
func (e *Encoder) Finish(dst []byte) []byte {
	switch {
	case e.state == AfterCR:
		e.bare = true
		dst = append(dst, '\n')
	case e.state == Text && !e.Plain:
		dst = append(dst, "\r\n"...)
	}
	e.state = LineStart
	if e.Plain {
		return dst
	}
	return append(dst, ".\r\n"...)
}

// Bare reports whether a bare CR or LF was replaced so far.
func (e *Encoder) Bare() bool { return e.bare }

// State returns where the next octet of content belongs: LineStart, Text or AfterCR.
func (e *Encoder) State() State { return e.state }

// Reset makes e ready for another message.
func (e *Encoder) Reset() { *e = Encoder{Plain: e.Plain} }

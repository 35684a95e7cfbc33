package dot

import "bytes"

// A Decoder takes stuffed content and gives the content itself, without copying.
// The zero value is ready at the first octet of a message.
type Decoder struct {
	// Plain content is counted, not stuffed: it has no dots to remove and no end
	// of its own. The Decoder then only judges line ends.
	Plain bool

	state State
	bare  bool
}

var cr = []byte{'\r'}

// Next decodes a piece of src. It returns the next octets of content as a view
// (of src, or of a constant), how many octets of src are used up, and whether
// the content has ended with them; the octets behind src[:n] are then not
// content. The chunk may be empty, and n may be 0 with a chunk that is not:
// call Next again with src[n:] until nothing is left or end is true.
func (d *Decoder) Next(src []byte) (chunk []byte, n int, end bool) {
	if len(src) == 0 || d.state == Ended {
		return nil, 0, d.state == Ended
	}
	switch d.state {
	case LineStart:
		if src[0] == '.' && !d.Plain {
			d.state = AfterDot
			return nil, 1, false
		}
	case AfterDot:
		if src[0] == '\r' {
			d.state = AfterDotCR
			return nil, 1, false
		}
	case AfterDotCR:
		if src[0] == '\n' {
			d.state = Ended
			return nil, 1, true
		}
		// The CR was data after all, and it is bare. It came in an earlier src.
		d.state, d.bare = Text, true
		return cr, 0, false
	}
	n = d.run(src)
	return src[:n], n, false
}

// run finds how far src is content as it stands, at most up to a dot at a line
// start, moves the state there, and notes bare CR and LF on the way: one search
// per line, one count per run, and no second look at any octet, so that hostile
// line ends cost no more than honest ones.
func (d *Decoder) run(src []byte) int {
	i, pairs := 0, 0 // next octet to look at; CRLFs whose CR is in src
	next := Text
	if d.state == AfterCR {
		if src[0] == '\n' {
			i, next = 1, LineStart
		} else {
			d.bare = true
		}
	}
	for next != LineStart || d.Plain || i == len(src) || src[i] != '.' {
		j := bytes.IndexByte(src[i:], '\n')
		if j < 0 {
			if i < len(src) {
				i, next = len(src), Text
				if src[i-1] == '\r' {
					next = AfterCR
					pairs++
				}
			}
			break
		}
		j += i
		i = j + 1
		if j > 0 && src[j-1] == '\r' {
			next = LineStart
			pairs++
		} else {
			next = Text
			d.bare = true
		}
	}
	if bytes.Count(src[:i], cr) != pairs {
		d.bare = true
	}
	d.state = next
	return i
}

// Bare reports whether a bare CR or a bare LF was seen: CR not followed by LF,
// LF not behind CR. A CR that ended the last src is not judged yet.
func (d *Decoder) Bare() bool { return d.bare }

// State returns where the next octet belongs.
func (d *Decoder) State() State { return d.state }

// Reset makes d ready for another message.
func (d *Decoder) Reset() { *d = Decoder{Plain: d.Plain} }

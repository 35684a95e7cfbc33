package mime

import "bytes"

// A bound is the delimiter of an open multipart; its octets lie in the arena.
type bound struct {
	from, to int32
	rec      int32 // the multipart
}

const noBound = -1

// boundaries is the stack of delimiters that may end what is open now.
type boundaries struct {
	open  []bound
	arena []byte
	own   bool // the last one belongs to the header that is being read
	most  int  // octets of the longest
}

func (b *boundaries) reset() {
	*b = boundaries{open: b.open[:0], arena: b.arena[:0]}
}

// push adds the boundary that was appended to the arena from octet from on.
func (b *boundaries) push(from int, rec int32) {
	b.open = append(b.open, bound{int32(from), int32(len(b.arena)), rec})
	b.most = max(b.most, len(b.arena)-from)
}

// cut leaves the n outermost boundaries. The longest is not searched again: a
// limit that is too high only makes a line be held for longer.
func (b *boundaries) cut(n int) {
	if n < len(b.open) {
		b.arena = b.arena[:b.open[n].from]
		b.open = b.open[:n]
	}
	if n == 0 {
		b.most = 0
	}
	b.own = false
}

// limit is how much of a line decides: dashes, boundary, dashes.
func (b *boundaries) limit() int { return b.most + 4 }

func (b *boundaries) text(i int) []byte { return b.arena[b.open[i].from:b.open[i].to] }

// match compares the head of a line, up to limit or its line end.
// exact is the boundary for which head is a delimiter so far (white space may
// follow), closed the one for which it is a close delimiter. An exact match
// comes first, so that of "B" and "B--" both can be used; then the innermost.
// RFC 2046, section 5.1.1: a delimiter stands at the start of a line, hence
// one in mid-line is text.
func (b *boundaries) match(head []byte) (exact, closed int) {
	exact, closed = noBound, noBound
	if len(head) < 2 || head[0] != '-' || head[1] != '-' {
		return
	}
	head = head[2:]
	bare := trimPadding(head)
	for i := len(b.open) - 1; i >= 0; i-- {
		t := b.text(i)
		if len(t) == len(bare) && bytes.Equal(t, bare) {
			return i, closed
		}
		if closed == noBound && len(head) >= len(t)+2 && head[len(t)] == '-' && head[len(t)+1] == '-' && bytes.HasPrefix(head, t) {
			closed = i
		}
	}
	return
}

// trimPadding cuts CRs, which belong to the line end, then white space.
func trimPadding(b []byte) []byte {
	n := len(b)
	for n > 0 && b[n-1] == '\r' {
		n--
	}
	for n > 0 && (b[n-1] == ' ' || b[n-1] == '\t') {
		n--
	}
	return b[:n]
}

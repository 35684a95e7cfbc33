package imap

import "bytes"

// A FETCH has many rows, and most of them are small. What is kept of such a row is
// cut from larger pieces, so that it costs a fraction of an allocation. Nothing is
// given out twice: a row may be kept, and keeps at most the pieces that it is of.

const (
	slabMost   = 16      // values in one piece
	slabOctets = 4 << 10 // in one piece
	// slabLine is the longest line that is put beside others: who keeps a short row
	// must not keep long ones by that.
	slabLine = 2 << 10
)

// A slab gives out values of one type. The first pieces are small.
type slab[T any] struct {
	free []T
	size int
}

func (s *slab[T]) take() *T {
	if len(s.free) == 0 {
		s.size = min(max(1, 2*s.size), slabMost)
		s.free = make([]T, s.size)
	}
	t := &s.free[0]
	s.free = s.free[1:]
	return t
}

// slabs is where data and rows come from. nil: each is alone.
type slabs struct {
	datas  slab[Data]
	rows   slab[rowSpace]
	octets []byte
}

// rowSpace is what most rows need.
type rowSpace struct {
	row   FetchRow
	items [4]FetchValue
}

func (s *slabs) data() *Data {
	if s == nil {
		return new(Data)
	}
	return s.datas.take()
}

// row returns one with room for items.
func (s *slabs) row() *FetchRow {
	var space *rowSpace
	if s != nil {
		space = s.rows.take()
	} else {
		space = new(rowSpace)
	}
	space.row.Items = space.items[:0]
	return &space.row
}

// clone returns a copy of b.
func (s *slabs) clone(b []byte) []byte {
	if s == nil {
		return bytes.Clone(b)
	}
	if len(b) > len(s.octets) {
		s.octets = make([]byte, max(len(b), slabOctets*s.rows.size/slabMost))
	}
	n := copy(s.octets, b)
	c := s.octets[:n:n]
	s.octets = s.octets[n:]
	return c
}

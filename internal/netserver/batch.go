package netserver

import "sync"

// What leaves in one write: small answers up to 4 KiB, so that a peer which
// pipelines and does not read ties up only itself; content in larger pieces.
const (
	BatchSize = 4 << 10
	PieceSize = 16 << 10
)

// Buffers have room for what may come on top: one more reply, or a piece of
// content that grows by half as much again and more when it is encoded.
type (
	batch [BatchSize + 1<<10]byte
	piece [3*PieceSize + 1<<10]byte
)

var (
	batches = sync.Pool{New: func() any { return new(batch) }}
	pieces  = sync.Pool{New: func() any { return new(piece) }}
)

// Batch returns the replies that have not left, to append to. Give the result to
// Keep.
func (l *Link) Batch() []byte {
	if l.out == nil {
		l.out = batches.Get().(*batch)[:0]
	}
	return l.out
}

// Piece is Batch with room for PieceSize octets of content, encoded.
func (l *Link) Piece() []byte {
	if cap(l.out) < len(piece{}) {
		out := append(pieces.Get().(*piece)[:0], l.out...)
		giveBack(l.out)
		l.out = out
	}
	return l.out
}

// Keep takes the batch back, and flushes it if it is full: a small one from
// BatchSize on, one with content from PieceSize on. The error is that of Flush,
// which keeps it.
func (l *Link) Keep(b []byte) error {
	l.out = b
	if len(b) >= PieceSize || len(b) >= BatchSize && cap(b) < len(piece{}) {
		return l.Flush()
	}
	return l.err
}

// giveBack puts a buffer back where it came from, unless it has grown.
func giveBack(b []byte) []byte {
	switch cap(b) {
	case len(batch{}):
		batches.Put((*batch)(b[:cap(b)]))
	case len(piece{}):
		pieces.Put((*piece)(b[:cap(b)]))
	}
	return nil
}

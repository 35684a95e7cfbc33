package imap

import (
	"bytes"
	"io"
	"iter"
	"sync"
)

// reference is a literal whose octets are not in the buffer.
type reference struct {
	at     int // octets of buf in front of it
	src    io.ReaderAt
	off, n int64
	binary bool
}

// A Chunk is a stretch of output: octets, or n octets of a source.
type Chunk struct {
	Wait   bool   // a client waits for "+" before it sends this
	Bytes  []byte // nil: Src
	Src    io.ReaderAt
	Off, N int64
	Binary bool // octets of Src leave as they are; otherwise see CleanNUL
}

// Chunks returns all that is to be sent, in order.
func (e *Encoder) Chunks() iter.Seq[Chunk] {
	return func(yield func(Chunk) bool) {
		pos, ref, wait := 0, 0, 0
		waiting := false
		for pos < len(e.buf) || ref < len(e.refs) {
			end := len(e.buf)
			if ref < len(e.refs) {
				end = e.refs[ref].at
			}
			if wait < len(e.waits) && e.waits[wait] <= end {
				end = e.waits[wait]
			}
			if end > pos {
				if !yield(Chunk{Wait: waiting, Bytes: e.buf[pos:end]}) {
					return
				}
				pos, waiting = end, false
			}
			if wait < len(e.waits) && e.waits[wait] == pos {
				wait++
				waiting = true
				continue // the reference behind this place, if any, waits too
			}
			if ref < len(e.refs) && e.refs[ref].at == pos {
				r := &e.refs[ref]
				ref++
				if !yield(Chunk{waiting, nil, r.src, r.off, r.n, r.binary}) {
					return
				}
				waiting = false
			}
		}
	}
}

// WriteTo writes all that is to be sent, in as few writes as it can. It ignores
// Chunk.Wait: it is for servers. A source that ends too soon is
// io.ErrUnexpectedEOF, after which the connection is of no more use, since the
// peer waits for the octets announced.
func (e *Encoder) WriteTo(w io.Writer) (total int64, err error) {
	if len(e.refs) == 0 {
		n, err := w.Write(e.buf)
		return int64(n), err
	}
	g := newGathering(w)
	defer g.release()
	for c := range e.Chunks() {
		if err := g.chunk(&c); err != nil {
			return g.written, err
		}
	}
	err = g.flush()
	return g.written, err
}

// WriteTo writes the octets of the chunk.
func (c *Chunk) WriteTo(w io.Writer) (total int64, err error) {
	if c.Src == nil {
		n, err := w.Write(c.Bytes)
		return int64(n), err
	}
	g := newGathering(w)
	defer g.release()
	if err := g.chunk(c); err != nil {
		return g.written, err
	}
	err = g.flush()
	return g.written, err
}

// gathering joins chunks to writes of a size that is worth one.
type gathering struct {
	w       io.Writer
	room    *[gatherRoom]byte
	used    int
	top     int // of room that was ever used
	written int64
}

const gatherRoom = 64 << 10

var gatherRooms = sync.Pool{New: func() any { return new([gatherRoom]byte) }}

func newGathering(w io.Writer) gathering {
	return gathering{w: w, room: gatherRooms.Get().(*[gatherRoom]byte)}
}

// release gives the room back. What was in it stays here: it is mail.
func (g *gathering) release() {
	clear(g.room[:g.top])
	gatherRooms.Put(g.room)
	g.room = nil
}

func (g *gathering) flush() error {
	if g.used == 0 {
		return nil
	}
	n, err := g.w.Write(g.room[:g.used])
	g.written += int64(n)
	g.used = 0
	return err
}

// next returns up to n octets of room, at least one.
func (g *gathering) next(n int64) ([]byte, error) {
	if g.used == len(g.room) {
		if err := g.flush(); err != nil {
			return nil, err
		}
	}
	return g.room[g.used:min(int64(len(g.room)), int64(g.used)+n)], nil
}

func (g *gathering) use(n int) {
	g.used += n
	g.top = max(g.top, g.used)
}

func (g *gathering) chunk(c *Chunk) error {
	for b := c.Bytes; len(b) > 0; {
		room, err := g.next(int64(len(b)))
		if err != nil {
			return err
		}
		n := copy(room, b)
		b = b[n:]
		g.use(n)
	}
	for off := int64(0); c.Src != nil && off < c.N; {
		room, err := g.next(c.N - off)
		if err != nil {
			return err
		}
		n, err := c.Src.ReadAt(room, c.Off+off)
		if n < len(room) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if !c.Binary {
			CleanNUL(room)
		}
		g.use(n)
		off += int64(n)
	}
	return nil
}

// CleanNUL replaces NUL by 0x80, in place: outside a literal8 there is no other
// way to send it. RFC 3501, section 4.3.1.
func CleanNUL(b []byte) {
	for i := bytes.IndexByte(b, 0); i >= 0; i = bytes.IndexByte(b, 0) {
		b[i] = 0x80
		b = b[i+1:]
	}
}

// Body appends a literal by reference: n octets of src from off, which are read
// when they are written and not before. binary makes it a literal8, which may
// hold NUL.
func (e *Encoder) Body(src io.ReaderAt, off, n int64, binary bool) {
	e.announce(n, binary)
	if n > 0 {
		e.refs = append(e.refs, reference{len(e.buf), src, off, n, binary})
	}
}

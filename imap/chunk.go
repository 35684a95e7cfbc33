package imap

import (
	"bytes"
	"io"
	"iter"
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

// WriteTo writes all that is to be sent. It ignores Chunk.Wait: it is for
// servers. A source that ends too soon is io.ErrUnexpectedEOF, after which the
// connection is of no more use, since the peer waits for the octets announced.
func (e *Encoder) WriteTo(w io.Writer) (total int64, err error) {
	for c := range e.Chunks() {
		n, err := c.WriteTo(w)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// WriteTo writes the octets of the chunk.
func (c *Chunk) WriteTo(w io.Writer) (total int64, err error) {
	if c.Src == nil {
		n, err := w.Write(c.Bytes)
		return int64(n), err
	}
	room := make([]byte, min(c.N, 32<<10))
	for total < c.N {
		b := room[:min(int64(len(room)), c.N-total)]
		n, err := c.Src.ReadAt(b, c.Off+total)
		if n < len(b) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return total, err
		}
		if !c.Binary {
			CleanNUL(b)
		}
		m, err := w.Write(b)
		total += int64(m)
		if err != nil {
			return total, err
		}
	}
	return total, nil
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

// Package inflate reads deflate streams that a peer sends while it waits for
// answers: those of COMPRESS in IMAP, RFC 4978.
//
// Unlike compress/flate its [Reader] gives all that can be known of the octets that
// have come before it waits for more. A peer that flushes partially, as zlib can,
// ends what it says in the middle of an octet and waits; compress/flate wants the
// rest of that octet first, and both wait for ever. RFC 4978, section 4.
package inflate

import (
	"errors"
	"io"
)

// ErrCorrupt is what a Reader gives for octets that are no deflate stream, for one
// that ends with its final block while the peer goes on (see Reader.End), and for
// one that has nothing in it, block after block.
var ErrCorrupt = errors.New("inflate: broken deflate stream")

// maxEmpty is how many octets may come that make none. A flush takes five; what
// goes on beyond this only keeps us busy.
const maxEmpty = 64 << 10

// A Reader reads a raw deflate stream: RFC 1951. It takes 40 KiB, whatever the
// stream says, and is for one goroutine.
//
// It is a machine that is fed octets and stops wherever they end: every read of
// bits may run out, and the step is taken again from where it began when more
// are there.
type Reader struct {
	src    io.Reader
	in     [512]byte
	pos, n int   // in[pos:n] is not used yet
	empty  int   // octets that have come since the last one that was made
	srcErr error // comes when in is used up
	err    error

	bits  uint64
	nbits uint

	window [1 << 15]byte
	w      int    // where the next octet goes
	out    []byte // of window: not read yet
	full   bool   // the window has been filled once

	state     state
	last      bool // the block is the final one
	over      bool // it has ended
	clear     bool // the stream is to end, and what follows is clear
	stored    int  // octets that a stored block still has
	copyLen   int  // octets that a match still has
	copyDist  int
	lit, dist *huffman // of this block
	dynamic   dynamic
}

// NewReader returns a Reader that has read nothing yet. It reads from src up to 512
// octets at a time, and only when nothing more can be made of those it has.
func NewReader(src io.Reader) *Reader { return &Reader{src: src} }

// End says that the stream ends with its final block, and that clear octets follow,
// which Read gives then as they are: UNAUTHENTICATE ends compression. RFC 8437,
// section 4.1.
func (f *Reader) End() { f.clear = true }

// Read gives octets as soon as there are any. An error of the source comes when all
// before it has been read; ErrCorrupt stays.
func (f *Reader) Read(p []byte) (int, error) {
	for {
		switch {
		case len(f.out) > 0:
			n := copy(p, f.out)
			f.out = f.out[n:]
			return n, nil
		case f.err != nil:
			return 0, f.err
		case f.over && !f.clear:
			return 0, ErrCorrupt
		case f.over:
			return f.readClear(p)
		}
		start := f.w
		if f.run(); f.w > start {
			f.empty = 0
		} else if f.err == nil && !f.over {
			f.fill()
		}
		f.out = f.window[start:f.w]
		if f.w == len(f.window) {
			f.w, f.full = 0, true
		}
	}
}

// readClear reads what stands behind the stream.
func (f *Reader) readClear(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	f.get(f.nbits % 8)
	if f.nbits > 0 {
		p[0] = byte(f.get(8))
		return 1, nil
	}
	if f.pos < f.n {
		n := copy(p, f.in[f.pos:f.n])
		f.pos += n
		return n, nil
	}
	return f.src.Read(p)
}

// fill reads more. Only here is waited.
func (f *Reader) fill() {
	if f.empty > maxEmpty {
		f.err = ErrCorrupt
		return
	}
	if f.srcErr == nil {
		f.pos = 0
		f.n, f.srcErr = f.src.Read(f.in[:])
		f.empty += f.n
		if f.n > 0 {
			return
		}
		if f.srcErr == nil {
			f.srcErr = io.ErrNoProgress
		}
	}
	f.err = f.srcErr
}

// need sees to it that n bits are there, of at most 48.
func (f *Reader) need(n uint) bool {
	for f.nbits < n {
		if f.pos == f.n {
			return false
		}
		f.bits |= uint64(f.in[f.pos]) << f.nbits
		f.nbits += 8
		f.pos++
	}
	return true
}

// get takes n bits that are there.
func (f *Reader) get(n uint) uint {
	v := uint(f.bits & (1<<n - 1))
	f.bits >>= n
	f.nbits -= n
	return v
}

func (f *Reader) fail() bool {
	f.err = ErrCorrupt
	return false
}

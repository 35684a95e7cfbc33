package lineio

import (
	"io"
	"sync"
)

// How much room a read is given, by what is being read.
const (
	lineRoom    = 4 << 10  // lines that come faster than one by one
	contentRoom = 64 << 10 // content; also the most that is kept in a pool
)

// A block is memory that a Reader took. Pools hold pointers to blocks, so that
// giving back does not allocate.
type block struct {
	buf  []byte
	home *sync.Pool // nil: not pooled
}

var lineBlocks, contentBlocks sync.Pool

// take returns a block of at least size octets.
func take(size int) *block {
	switch {
	case size <= lineRoom:
		return takeFrom(&lineBlocks, lineRoom)
	case size <= contentRoom:
		return takeFrom(&contentBlocks, contentRoom)
	}
	return &block{buf: make([]byte, size)}
}

func takeFrom(home *sync.Pool, size int) *block {
	if b, ok := home.Get().(*block); ok {
		return b
	}
	return &block{buf: make([]byte, size), home: home}
}

// fill reads once from the source, behind what is buffered. The buffer gets
// room for need octets in a row, counted from the first unread one; room says
// what to take when the peer is not waiting for us.
func (r *Reader) fill(need, room int) error {
	if r.err != nil {
		err := r.err
		r.err = nil
		return err
	}
	switch {
	case r.r == r.w:
		r.makeReady(room)
	case room < contentRoom && !r.full && len(r.buf) >= contentRoom && r.Buffered() <= room/2:
		r.grow(room) // a line has begun behind content: its rest may be long in coming
	}
	if len(r.buf) == 0 {
		r.buf = r.wait[:]
	}
	if r.w == len(r.buf) {
		r.makeRoom(need)
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.w:])
		if n < 0 || n > len(r.buf)-r.w {
			panic("lineio: the source returned an impossible count")
		}
		r.full = n == len(r.buf)-r.w
		r.w += n
		r.top = max(r.top, r.w)
		if n > 0 {
			r.err = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeReady chooses the buffer for a read with nothing buffered.
func (r *Reader) makeReady(room int) {
	r.r, r.w, r.lent = 0, 0, 0
	if room < contentRoom {
		small := !r.full && !r.tls // the peer waits for us, or is slow: wait with little
		if small || len(r.buf) > room {
			r.giveBack()
		}
		if small {
			return
		}
	}
	if len(r.buf) < room {
		r.grow(room)
	}
}

// makeRoom is called with no room behind the unread octets: it moves them to
// the front, and takes a larger buffer if they need one.
func (r *Reader) makeRoom(need int) {
	if r.r == 0 || need > len(r.buf) {
		// Doubling keeps the memory within twice of what has really come,
		// whatever limit the line has.
		r.grow(max(lineRoom, min(need, 2*len(r.buf))))
		return
	}
	copy(r.buf, r.buf[r.r:r.w])
	r.w -= r.r
	r.r, r.lent = 0, 0
}

// grow moves the unread octets to a buffer of at least size octets.
func (r *Reader) grow(size int) {
	b := take(size)
	n := copy(b.buf, r.buf[r.r:r.w])
	r.giveBack()
	r.buf, r.pool = b.buf, b
	r.r, r.w, r.lent, r.top = 0, n, 0, n
}

// giveBack returns the buffer, whose unread octets are lost, to where it came
// from. What was in it stays here: the next session to take it sees nothing.
func (r *Reader) giveBack() {
	clear(r.buf[:r.top])
	if r.pool != nil && r.pool.home != nil {
		r.pool.home.Put(r.pool)
	}
	r.buf, r.pool, r.top = nil, nil, 0
}

// Release gives the buffer back for good, as at the end of a connection. What
// is unread is lost; the Reader can be used again after Reset.
func (r *Reader) Release() {
	r.giveBack()
	r.r, r.w, r.lent = 0, 0, 0
}

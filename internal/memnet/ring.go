package memnet

// minRing is the first size of a ring. Most connections of a test carry a few
// short lines, so the whole window is only taken when it is used.
const minRing = 4 << 10

// ring is a queue of octets that grows up to a limit set by its user.
type ring struct {
	buf   []byte
	start int // index of the oldest octet
	n     int // octets held
}

// put appends as much of p as fits when at most limit octets may be held, and
// returns how much that was.
func (r *ring) put(p []byte, limit int) int {
	p = p[:max(0, min(len(p), limit-r.n))]
	if len(p) == 0 {
		return 0 // there may be no buffer yet
	}
	if r.n+len(p) > len(r.buf) {
		r.grow(min(limit, max(minRing, 2*len(r.buf), r.n+len(p))))
	}
	end := (r.start + r.n) % len(r.buf)
	c := copy(r.buf[end:], p)
	copy(r.buf, p[c:])
	r.n += len(p)
	return len(p)
}

// get moves the oldest octets into p and returns how many there were.
func (r *ring) get(p []byte) int {
	p = p[:min(len(p), r.n)]
	c := copy(p, r.buf[r.start:])
	copy(p[c:], r.buf)
	r.n -= len(p)
	if r.n == 0 {
		r.start = 0 // keeps short exchanges at the front, in one piece
	} else {
		r.start = (r.start + len(p)) % len(r.buf)
	}
	return len(p)
}

func (r *ring) grow(size int) {
	buf := make([]byte, size)
	n := r.n
	r.get(buf[:n])
	r.buf, r.start, r.n = buf, 0, n
}

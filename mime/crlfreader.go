package mime

import (
	"bytes"
	"io"
	"sync"
)

// A crlfReader gives a stretch of a source with a CR in front of each LF that
// has none. Reading on costs nothing extra; reading elsewhere starts from the
// last mark before it.
type crlfReader struct {
	src      io.ReaderAt
	from, to int64

	mu    sync.Mutex
	marks []crlfMark // one for about every 64 KiB that were read
	at    crlfMark
	buf   []byte
}

// A crlfMark is a place in the output, the same place in the source, and
// whether the octet before it was a CR or a CR was just put in.
type crlfMark struct {
	out, in int64
	cr      bool
}

func newCRLFReader(src io.ReaderAt, from, to, bare int64) *io.SectionReader {
	r := &crlfReader{src: src, from: from, to: to}
	return io.NewSectionReader(r, 0, to-from+bare)
}

const crlfEvery = 64 << 10

// ReadAt implements io.ReaderAt.
func (r *crlfReader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if off < r.at.out {
		r.at = r.mark(off)
	}
	if r.buf == nil {
		r.buf = make([]byte, 8<<10)
	}
	n := 0
	for n < len(p) {
		in := r.buf[:min(int64(len(r.buf)), r.to-r.from-r.at.in)]
		if len(in) == 0 {
			return n, io.EOF
		}
		k, err := r.src.ReadAt(in, r.from+r.at.in)
		if k == 0 {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
		n += r.copy(p[n:], in[:k], off+int64(n))
	}
	return n, nil
}

// copy moves on over in and fills p, which stands for the output from off on.
func (r *crlfReader) copy(p, in []byte, off int64) (n int) {
	for len(in) > 0 && n < len(p) {
		run := bytes.IndexByte(in, '\n')
		switch {
		case run == 0 && !r.at.cr:
			n += r.put(p[n:], "\r", off+int64(n))
			r.at.cr = true
			continue
		case run == 0:
			run = 1
		case run < 0:
			run = len(in)
		}
		if skip := off + int64(n) - r.at.out; skip > 0 && skip < int64(run) {
			run = int(skip)
		} else if skip <= 0 {
			run = min(run, len(p)-n)
		}
		n += r.put(p[n:], view(in[:run]), off+int64(n))
		r.at.in += int64(run)
		r.at.cr = in[run-1] == '\r'
		in = in[run:]
		if last := len(r.marks) - 1; last < 0 && r.at.out > crlfEvery || last >= 0 && r.at.out > r.marks[last].out+crlfEvery {
			r.marks = append(r.marks, r.at)
		}
	}
	return n
}

// put moves the output on by s and stores it if it is not before off.
func (r *crlfReader) put(p []byte, s string, off int64) int {
	n := 0
	if r.at.out >= off {
		n = copy(p, s)
	}
	r.at.out += int64(len(s))
	return n
}

func (r *crlfReader) mark(off int64) crlfMark {
	for i := len(r.marks) - 1; i >= 0; i-- {
		if r.marks[i].out <= off {
			return r.marks[i]
		}
	}
	return crlfMark{}
}

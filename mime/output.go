package mime

import "io"

// An output gathers what is written into blocks for w. Encoders append to its
// buffer in place, so that no octet is copied on the way.
type output struct {
	w   io.Writer
	n   int64 // octets that w took
	err error // the first of w, after which nothing is written
	buf []byte
}

func (o *output) flush() error {
	if len(o.buf) > 0 && o.err == nil {
		n, err := o.w.Write(o.buf)
		o.n += int64(n)
		o.err = err
	}
	o.buf = o.buf[:0]
	return o.err
}

// room makes place in the buffer for n octets, unless it is smaller.
func (o *output) room(n int) {
	if len(o.buf)+n > cap(o.buf) {
		o.flush()
	}
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.room(len(p))
	switch {
	case o.err != nil:
		return 0, o.err
	case len(p) <= cap(o.buf):
		o.buf = append(o.buf, p...)
		return len(p), nil
	}
	n, err := o.w.Write(p)
	o.n += int64(n)
	o.err = err
	return n, err
}

func (o *output) put(s string) {
	if o.room(len(s)); len(s) > cap(o.buf) {
		o.Write([]byte(s))
		return
	}
	o.buf = append(o.buf, s...)
}

// ReadFrom implements io.ReaderFrom: a source is read straight into the buffer.
func (o *output) ReadFrom(r io.Reader) (n int64, err error) {
	for o.err == nil {
		if cap(o.buf)-len(o.buf) < blockSize/2 {
			o.flush()
		}
		k, err := r.Read(o.buf[len(o.buf):cap(o.buf)])
		o.buf = o.buf[:len(o.buf)+k]
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, o.err
}

package lineio

import "io"

// Pieces make an io.Reader and an io.WriterTo of content that is decoded piece by
// piece: next gives the next one, never an empty one without an error, and io.EOF
// behind the last. A piece is next's own, and valid until it is called again.
type Pieces struct{ left []byte }

// Read implements io.Reader.
func (p *Pieces) Read(to []byte, next func() ([]byte, error)) (n int, err error) {
	if len(to) == 0 {
		return 0, nil
	}
	if len(p.left) == 0 {
		if p.left, err = next(); err != nil {
			return 0, err
		}
	}
	n = copy(to, p.left)
	p.left = p.left[n:]
	return n, nil
}

// WriteTo implements io.WriterTo, without a copy. What w does not take is there to
// be read.
func (p *Pieces) WriteTo(w io.Writer, next func() ([]byte, error)) (total int64, err error) {
	for {
		if len(p.left) > 0 {
			n, err := w.Write(p.left)
			total += int64(n)
			if err == nil && n < len(p.left) {
				err = io.ErrShortWrite
			}
			p.left = p.left[n:]
			if err != nil {
				return total, err
			}
		}
		if p.left, err = next(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
	}
}

// Drop drops what has not been read of the last piece.
func (p *Pieces) Drop() { p.left = nil }

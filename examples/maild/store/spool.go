package store

import (
	"bytes"
	"io"
	"os"
	"path/filepath"

	"github.com/mailwire/mailwire/pop3"
)

// spool holds a message from its first octet until it is stored: up to one chunk
// in memory, what is longer in a file.
type spool struct {
	dir  string
	mem  []byte // all of it, while file is nil
	file *os.File
	size int64
}

func (p *spool) Write(b []byte) (int, error) {
	p.size += int64(len(b))
	if p.file == nil && p.size <= chunkSize {
		p.mem = append(p.mem, b...)
		return len(b), nil
	}
	if p.file == nil {
		if err := p.spill(); err != nil {
			return 0, err
		}
	}
	return p.file.Write(b)
}

const spoolPattern = "incoming-*"

func (p *spool) spill() (err error) {
	if p.file, err = os.CreateTemp(p.dir, spoolPattern); err != nil {
		return err
	}
	os.Remove(p.file.Name()) // where that works, a crash leaves nothing behind
	_, err = p.file.Write(p.mem)
	p.mem = nil
	return err
}

// sweepSpool removes what crashes left behind where open files have to keep
// their names. There, too, a file in use by another process cannot be removed.
func sweepSpool(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, spoolPattern))
	for _, name := range left {
		os.Remove(name)
	}
}

func (p *spool) Close() {
	if p.file != nil {
		p.file.Close()
		os.Remove(p.file.Name())
	}
}

func (p *spool) reader() io.Reader {
	if p.file == nil {
		return bytes.NewReader(p.mem)
	}
	return io.NewSectionReader(p.file, 0, p.size)
}

// at is for reading at any place.
func (p *spool) at() io.ReaderAt {
	if p.file == nil {
		return bytes.NewReader(p.mem)
	}
	return p.file
}

// textSize is the size of the message for POP3, which sends CRLF for every line end.
func (p *spool) textSize() (int64, error) { return pop3.Size(p.reader()) }

// chunks calls put for each chunk in order. The slice is put's until it returns.
func (p *spool) chunks(put func(seq int, data []byte) error) error {
	if p.file == nil {
		if p.size == 0 {
			return nil
		}
		return put(0, p.mem)
	}
	r, buf := p.reader(), make([]byte, chunkSize)
	for seq := 0; ; seq++ {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := put(seq, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

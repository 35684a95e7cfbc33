package imapserver

import (
	"bytes"
	"io"
	"os"
)

// A Spool keeps octets that are written once and then read. Close gives it up.
type Spool interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Size() int64
}

// newSpool returns an empty spool.
func (c *Conn) newSpool() Spool {
	if c.server.Spool != nil {
		return c.server.Spool()
	}
	return new(spool)
}

// maxInMemory is how much a spool keeps in memory.
const maxInMemory = 1 << 20

// spool is a Spool in memory, and in a temporary file when it grows.
type spool struct {
	memory []byte
	file   *os.File
	size   int64
}

func (s *spool) Size() int64 { return s.size }

func (s *spool) Write(p []byte) (n int, err error) {
	if s.file == nil && s.size+int64(len(p)) > maxInMemory {
		if s.file, err = os.CreateTemp("", "imapserver-"); err != nil {
			s.file = nil
			return 0, err
		}
		os.Remove(s.file.Name()) // it is gone with us, whatever happens; where that cannot be, Close does it
		if _, err := s.file.Write(s.memory); err != nil {
			return 0, err
		}
		s.memory = nil
	}
	if s.file != nil {
		n, err = s.file.Write(p)
	} else {
		n = len(p)
		s.memory = append(s.memory, p...)
	}
	s.size += int64(n)
	return n, err
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	return bytes.NewReader(s.memory).ReadAt(p, off)
}

func (s *spool) Close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	defer os.Remove(s.file.Name())
	return s.file.Close()
}

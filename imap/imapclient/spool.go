package imapclient

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// A Spool keeps octets that are written once and then read. Close gives it up.
type Spool interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// maxInMemory is how much a spool keeps in memory.
const maxInMemory = 1 << 20

// spool is a Spool in memory, and in a temporary file when it grows.
type spool struct {
	memory []byte
	file   *os.File
}

func (s *spool) Write(p []byte) (n int, err error) {
	if s.file == nil && len(s.memory)+len(p) > maxInMemory {
		if s.file, err = os.CreateTemp("", "imapclient-"); err != nil {
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
		return s.file.Write(p)
	}
	s.memory = append(s.memory, p...)
	return len(p), nil
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

// A store is the Spool of one Fetch, which is made when it is needed. It is
// written by whoever reads the connection, and read and closed by whoever loops
// over the rows.
type store struct {
	mu     sync.Mutex
	make   func() (Spool, error)
	spool  Spool
	size   int64
	limit  int64
	closed bool
}

func (s *store) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errPassed
	}
	if s.size+int64(len(p)) > s.limit {
		return 0, ErrTooMuch
	}
	if s.spool == nil {
		made, err := s.make()
		if err != nil {
			return 0, err
		}
		s.spool = made
	}
	n, err := s.spool.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *store) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errPassed
	}
	return s.spool.ReadAt(p, off)
}

// end returns where what is written next begins.
func (s *store) end() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spool != nil && !s.closed {
		s.spool.Close()
	}
	s.closed = true
}

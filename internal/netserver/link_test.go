package netserver

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
)

// A stopwatch is a Clock with the same time for every read and write.
type stopwatch struct {
	read, write time.Duration
	octets      int
	took        time.Duration
}

func (s *stopwatch) ReadBy(now time.Time) time.Time { return After(now, s.read) }
func (s *stopwatch) Read(n int, took time.Duration) {
	s.octets += n
	s.took += took
}
func (s *stopwatch) WriteBy(now time.Time, _ int) time.Time { return After(now, s.write) }

func newLink(clock Clock, o memnet.Options) (peer *memnet.Conn, l *Link) {
	peer, far := memnet.Pipe(o)
	l = new(Link)
	l.Init(far, clock)
	return peer, l
}

// A read ends at its own deadline, whatever deadlines were set for others.
func TestReadDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &stopwatch{write: -1}
		_, l := newLink(clock, memnet.Options{})
		for _, d := range []time.Duration{time.Minute, time.Second, 5 * time.Second, 300 * time.Second, 90 * time.Second} {
			clock.read = d
			began := time.Now()
			_, err := l.Read(make([]byte, 10))
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < d-time.Second || took > d+time.Second {
				t.Errorf("a read of %v took %v: %v", d, took, err)
			}
		}
		if clock.octets != 0 || clock.took < 456*time.Second-5*time.Second {
			t.Errorf("the clock was told %d octets and %v", clock.octets, clock.took)
		}
	})
}

// A deadline that is kept because it is too early wakes the read, and gives it no
// more time than it had.
func TestReadDeadlineIsFixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, l := newLink(&stopwatch{read: time.Minute, write: -1}, memnet.Options{})
		peer.Write([]byte("x"))
		l.Read(make([]byte, 10))
		time.Sleep(50 * time.Second)
		began := time.Now()
		_, err := l.Read(make([]byte, 10))
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Minute {
			t.Errorf("a read of a minute took %v: %v", took, err)
		}
	})
}

// Without a limit a read waits for ever, even behind one that did not.
func TestReadWithoutDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &stopwatch{read: time.Minute, write: -1}
		peer, l := newLink(clock, memnet.Options{})
		l.Read(make([]byte, 10))
		clock.read = -1
		time.AfterFunc(24*time.Hour, func() { peer.Write([]byte("hello")) })
		if n, err := l.Read(make([]byte, 10)); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// Replies leave before a read waits, and in one write.
func TestReadFlushes(t *testing.T) {
	peer, l := newLink(&stopwatch{read: -1, write: -1}, memnet.Options{})
	for range 10 {
		if err := l.Keep(append(l.Batch(), "250 OK\r\n"...)); err != nil {
			t.Fatal(err)
		}
	}
	if n := peer.Received().Writes; n != 0 {
		t.Fatalf("%d writes before the read", n)
	}
	go l.Read(make([]byte, 10))
	got := make([]byte, 80)
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != strings.Repeat("250 OK\r\n", 10) {
		t.Errorf("%q, %v", got, err)
	}
	if n := peer.Received().Writes; n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	peer.Close()
}

// A batch leaves when it is full, one with content when that is.
func TestKeep(t *testing.T) {
	tests := []struct {
		name   string
		sizes  []int
		piece  bool
		writes int
	}{
		{"small", []int{100, 100}, false, 0},
		{"full", []int{BatchSize - 1, 1}, false, 1},
		{"twice", []int{BatchSize, BatchSize}, false, 2},
		{"content", []int{BatchSize, BatchSize}, true, 0},
		{"much content", []int{BatchSize, PieceSize}, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peer, l := newLink(&stopwatch{read: -1, write: -1}, memnet.Options{})
			want := 0
			for _, n := range tt.sizes {
				b := l.Batch()
				if tt.piece {
					b = l.Piece()
				}
				if err := l.Keep(append(b, bytes.Repeat([]byte("x"), n)...)); err != nil {
					t.Fatal(err)
				}
				want += n
			}
			if got := peer.Received().Writes; got != tt.writes {
				t.Errorf("%d writes, want %d", got, tt.writes)
			}
			if err := l.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := peer.Received().Octets; got != int64(want) {
				t.Errorf("%d octets left, want %d", got, want)
			}
		})
	}
}

// A peer that takes nothing is not waited for, and the error stays.
func TestWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := newLink(&stopwatch{read: -1, write: time.Minute}, memnet.Options{ToClient: memnet.Flow{Window: 10}})
		began := time.Now()
		err := l.Keep(append(l.Batch(), make([]byte, BatchSize)...))
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Minute {
			t.Errorf("%v after %v", err, took)
		}
		if again := l.Flush(); again != err {
			t.Errorf("then %v", again)
		}
		if _, again := l.Read(make([]byte, 1)); again != err {
			t.Errorf("Read gives %v", again)
		}
	})
}

func TestStop(t *testing.T) {
	read := func(l *Link) chan error {
		done := make(chan error)
		go func() {
			_, err := l.Read(make([]byte, 10))
			done <- err
		}()
		synctest.Wait()
		return done
	}
	t.Run("waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, l := newLink(&stopwatch{read: time.Hour, write: -1}, memnet.Options{})
			done := read(l)
			l.Stop()
			if err := <-done; !l.Stopped(err) {
				t.Errorf("%v is not what Stop makes", err)
			}
		})
	})
	t.Run("before", func(t *testing.T) {
		_, l := newLink(&stopwatch{read: time.Hour, write: -1}, memnet.Options{})
		l.Stop()
		if _, err := l.Read(make([]byte, 10)); err != ErrStopping || !l.Stopped(err) {
			t.Errorf("%v", err)
		}
	})
	t.Run("busy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer, l := newLink(&stopwatch{read: time.Hour, write: -1}, memnet.Options{})
			l.SetBusy(true)
			done := read(l)
			l.Stop()
			peer.Write([]byte("x"))
			if err := <-done; err != nil {
				t.Errorf("a busy link was stopped: %v", err)
			}
			l.SetBusy(false)
			if _, err := l.Read(make([]byte, 10)); err != ErrStopping {
				t.Errorf("then %v", err)
			}
		})
	})
	t.Run("no deadline is a stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, l := newLink(&stopwatch{read: time.Second, write: -1}, memnet.Options{})
			if _, err := l.Read(make([]byte, 10)); l.Stopped(err) {
				t.Errorf("%v counts as stopped", err)
			}
		})
	})
	// A deadline that is kept because it is too early is nobody's reason to stop.
	t.Run("busy, with an earlier deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			clock := &stopwatch{read: 10 * time.Second, write: -1}
			peer, l := newLink(clock, memnet.Options{})
			peer.Write([]byte("x"))
			l.Read(make([]byte, 10))
			l.SetBusy(true)
			clock.read = time.Hour
			done := read(l)
			l.Stop()
			time.AfterFunc(time.Minute, func() { peer.Write([]byte("x")) })
			if err := <-done; err != nil {
				t.Errorf("a busy link was stopped: %v", err)
			}
		})
	})
	t.Run("busy only after it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			peer, l := newLink(&stopwatch{read: time.Hour, write: -1}, memnet.Options{})
			peer.Write([]byte("x"))
			l.Read(make([]byte, 10))
			l.Stop()
			l.SetBusy(true)
			done := read(l)
			time.AfterFunc(time.Minute, func() { peer.Write([]byte("x")) })
			if err := <-done; err != nil {
				t.Errorf("a busy link was stopped: %v", err)
			}
		})
	})
	t.Run("busy and too slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, l := newLink(&stopwatch{read: time.Minute, write: -1}, memnet.Options{})
			l.SetBusy(true)
			l.Stop()
			if _, err := l.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) || l.Stopped(err) {
				t.Errorf("%v, stopped %v; want a timeout", err, l.Stopped(err))
			}
		})
	})
}

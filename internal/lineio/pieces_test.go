package lineio

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// decoded gives these pieces, then err.
func decoded(err error, pieces ...string) func() ([]byte, error) {
	return func() ([]byte, error) {
		if len(pieces) == 0 {
			return nil, err
		}
		p := pieces[0]
		pieces = pieces[1:]
		return []byte(p), nil
	}
}

type readerOf struct {
	Pieces
	next func() ([]byte, error)
}

func (r *readerOf) Read(p []byte) (int, error) { return r.Pieces.Read(p, r.next) }

func TestPieces(t *testing.T) {
	t.Run("reader", func(t *testing.T) {
		if err := iotest.TestReader(&readerOf{next: decoded(io.EOF, "a", "bcd", "ef")}, []byte("abcdef")); err != nil {
			t.Error(err)
		}
	})
	broken := errors.New("broken")
	tests := []struct {
		name string
		end  error
		room int // of the writer
		want error
		got  string
	}{
		{"all", io.EOF, 9, nil, "abcdef"},
		{"the source fails", broken, 9, broken, "abcdef"},
		{"the writer is full", io.EOF, 3, io.ErrShortWrite, "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &readerOf{next: decoded(tt.end, "a", "bcd", "ef")}
			w := &narrow{room: tt.room}
			n, err := r.WriteTo(w, r.next)
			if err != tt.want || w.String() != tt.got || n != int64(len(tt.got)) {
				t.Errorf("%d, %v, %q; want %v and %q", n, err, w.String(), tt.want, tt.got)
			}
			if rest, _ := io.ReadAll(r); tt.got+string(rest) != "abcdef" {
				t.Errorf("behind %q is left %q", tt.got, rest)
			}
		})
	}
}

// narrow is a writer that takes so much, and says nothing of what it does not.
type narrow struct {
	strings.Builder
	room int
}

func (w *narrow) Write(p []byte) (int, error) {
	n, _ := w.Builder.Write(p[:min(len(p), w.room)])
	w.room -= n
	return n, nil
}

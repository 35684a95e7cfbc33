package imapclient

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestInflatePartial: what has come is there before more is asked for, also where
// the server flushes partially: a block that has ended, and ten bits of an empty
// one, which end inside an octet. compress/flate waits there. RFC 4978, section 4.
func TestInflatePartial(t *testing.T) {
	// One block of fixed codes with "hi", and an empty one: RFC 1951, section 3.2.6.
	var bits []byte
	put := func(s string) {
		for i := range s {
			bits = append(bits, s[i]-'0')
		}
	}
	put("010" + "10011000" + "10011001" + "0000000" + "010" + "0000000")
	stream := make([]byte, (len(bits)+7)/8)
	for i, b := range bits {
		stream[i/8] |= b << (i % 8)
	}
	errBlocked := errors.New("would wait")
	f := newInflater(io.MultiReader(bytes.NewReader(stream), iotest.ErrReader(errBlocked)))
	b := make([]byte, 2)
	if _, err := io.ReadFull(f, b); err != nil || string(b) != "hi" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := f.Read(b); err != errBlocked {
		t.Errorf("behind it: %v", err)
	}
}

// FuzzInflate compares with compress/flate, for streams that end with their final
// block and for those that are broken, at any split.
func FuzzInflate(f *testing.F) {
	for _, level := range []int{0, 1, 9} {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, level)
		w.Write([]byte("* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS (\\Seen))\r\n"))
		w.Flush()
		w.Write(bytes.Repeat([]byte("abc"), 30_000))
		w.Close()
		f.Add(b.Bytes())
	}
	f.Add([]byte{0xFF, 0, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		const most = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(in)), most))
		for _, src := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in))} {
			got, err := io.ReadAll(io.LimitReader(newInflater(src), most))
			if wantErr == nil && len(want) < most {
				if err != errInflate || !bytes.Equal(got, want) { // the final block is the end of the connection
					t.Fatalf("got %d octets and %v, want %d", len(got), err, len(want))
				}
				continue
			}
			if !bytes.HasPrefix(got, want) && !bytes.HasPrefix(want, got) {
				t.Fatal("octets differ")
			}
		}
	})
}

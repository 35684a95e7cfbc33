package inflate

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// pieces is a source that gives what it is fed, and says that it would wait by an
// error.
type pieces struct {
	queue []byte
	chunk int // octets at a time; 0: all
}

var errWouldWait = io.ErrNoProgress

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.queue) == 0 {
		return 0, errWouldWait
	}
	n := len(p.queue)
	if p.chunk > 0 {
		n = min(n, p.chunk)
	}
	n = copy(b, p.queue[:n])
	p.queue = p.queue[n:]
	return n, nil
}

// available reads all that f gives before it would wait.
func available(t testing.TB, f *Reader) []byte {
	t.Helper()
	var out []byte
	var b [77]byte
	for {
		n, err := f.Read(b[:])
		out = append(out, b[:n]...)
		if err == errWouldWait {
			f.err, f.srcErr = nil, nil // the next octets come
			return out
		}
		if err != nil {
			t.Fatalf("after %d octets: %v", len(out), err)
		}
	}
}

// deflate compresses.
func deflate(t testing.TB, level int, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	w.Close()
	return buf.Bytes()
}

// samples are texts that bring out all kinds of blocks.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 200_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	words := new(bytes.Buffer)
	for words.Len() < 300_000 {
		words.WriteString([]string{"FETCH ", "1:* ", "FLAGS", "\r\n", "a", "UID "}[r.IntN(6)])
	}
	return map[string][]byte{
		"empty": {}, "one": {'x'}, "run": bytes.Repeat([]byte{'A'}, 1<<20), "random": random, "words": words.Bytes(),
		"commands": []byte(strings.Repeat("a1 UID FETCH 1:* (FLAGS)\r\n", 500)),
	}
}

// The same octets come out as went in, however they are cut.
func TestInflate(t *testing.T) {
	for name, in := range samples() {
		for _, level := range []int{0, 1, 6, 9, flate.HuffmanOnly} {
			for _, chunk := range []int{0, 1, 3} {
				src := &pieces{queue: deflate(t, level, in), chunk: chunk}
				f := NewReader(src)
				f.End()
				if got := available(t, f); !bytes.Equal(got, in) {
					t.Errorf("%s at level %d, chunk %d: %d octets of %d", name, level, chunk, len(got), len(in))
				}
			}
		}
	}
}

// ZIP-3: after any flush all that was sent can be read. A partial flush, which
// zlib has and Go has not, ends in an empty block of fixed codes and not at the
// end of an octet: these were made by zlib, of "a NOOP\r\n" and "b NOOP\r\n".
func TestInflateFlush(t *testing.T) {
	flushes := []struct{ name, first, second string }{
		{"partial", "4a54f0f3f70fe0e50208", "a024280d10"},
		{"sync", "4a54f0f3f70fe0e502000000ffff", "4a82d200000000ffff"},
	}
	for _, f := range flushes {
		t.Run(f.name, func(t *testing.T) {
			for _, chunk := range []int{0, 1} {
				src := &pieces{chunk: chunk}
				x := NewReader(src)
				for i, octets := range []string{f.first, f.second} {
					b, err := hex.DecodeString(octets)
					if err != nil {
						t.Fatal(err)
					}
					src.queue = b
					if got, want := string(available(t, x)), "ab"[i:i+1]+" NOOP\r\n"; got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				}
			}
		})
	}
}

// A stream that is no stream is an error, and never more.
func TestInflateBroken(t *testing.T) {
	tests := []struct{ name, in string }{
		{"block type 3", "07"},
		{"stored length", "0001000200"},
		{"distance beyond the start", "4b04a200"},
		{"too many codes", "05" + "ff" + strings.Repeat("ff", 40)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := hex.DecodeString(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(NewReader(bytes.NewReader(b)))
			_, want := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
			if (err != nil) != (want != nil) {
				t.Errorf("got %v, compress/flate has %v", err, want)
			}
		})
	}
}

// Octets that make none are an error behind a while, however they come: empty
// blocks that are stored, and of fixed codes.
func TestInflateEmpty(t *testing.T) {
	for _, block := range []string{"000000ffff", "0208208000"} {
		b, err := hex.DecodeString(strings.Repeat(block, 100_000))
		if err != nil {
			t.Fatal(err)
		}
		src := bytes.NewReader(b)
		if got, err := io.ReadAll(NewReader(src)); len(got) > 0 || err != ErrCorrupt {
			t.Errorf("%s: %d octets and %v", block, len(got), err)
		}
		if took := len(b) - src.Len(); took < maxEmpty || took > maxEmpty+1024 {
			t.Errorf("%s: after %d octets", block, took)
		}
	}
	// Between two flushes there may be nothing, for as long as something comes now and
	// then.
	text := deflate(t, 0, []byte("x"))
	text = text[:len(text)-len("\x01\x00\x00\xff\xff")]
	in := bytes.Repeat(append(bytes.Repeat([]byte("\x00\x00\x00\xff\xff"), 10_000), text...), 5)
	if got := available(t, NewReader(&pieces{queue: in})); string(got) != "xxxxx" {
		t.Errorf("got %q", got)
	}
}

// TestInflateAllocs: a Reader is all the memory there is.
func TestInflateAllocs(t *testing.T) {
	in := deflate(t, 6, samples()["words"])
	src := bytes.NewReader(in)
	b := make([]byte, 4<<10)
	if n := testing.AllocsPerRun(10, func() {
		src.Reset(in)
		f := NewReader(src)
		for {
			if _, err := f.Read(b); err != nil {
				break
			}
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkInflate(b *testing.B) {
	words := samples()["words"]
	in := deflate(b, 6, words)
	src := bytes.NewReader(in)
	buf := make([]byte, 4<<10)
	b.SetBytes(int64(len(words)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(in)
		f := NewReader(src)
		for {
			if _, err := f.Read(buf); err != nil {
				break
			}
		}
	}
}

// FuzzInflate compares with compress/flate: the same octets, or both refuse; in
// pieces of any size.
func FuzzInflate(f *testing.F) {
	for _, in := range samples() {
		f.Add(deflate(f, 6, in[:min(len(in), 3000)]), byte(0))
		f.Add(deflate(f, 1, in[:min(len(in), 3000)]), byte(1))
	}
	f.Add([]byte("\xec\xc0\xc1\x00\x00\x00\x00\x021d\x00\x00\x00\xb8\xff\x80\x00\x00 \xef\x01\x00\x00\xff\xff"), byte(168)) // a code without an end
	f.Fuzz(func(t *testing.T, in []byte, chunk byte) {
		if len(in) > maxEmpty {
			t.Skip("maxEmpty is for us alone")
		}
		const most = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(in)), most))
		x := NewReader(&pieces{queue: bytes.Clone(in), chunk: int(chunk)})
		var got []byte
		var err error
		var b [1000]byte
		for len(got) < most && err == nil && !x.over {
			var n int
			n, err = x.Read(b[:])
			got = append(got, b[:n]...)
		}
		got = append(got, x.out...)
		got = got[:min(len(got), most)]
		// Where it ends early both give what was whole, ours perhaps more. But a block
		// whose code has no end is refused before its first symbol, as by zlib.
		noEnd := x.state == dynamicCodes && x.dynamic.lengths[256] == 0
		if !bytes.HasPrefix(got, want) && !(noEnd && bytes.HasPrefix(want, got)) {
			t.Fatalf("%d octets, want %d; %v, %v", len(got), len(want), err, wantErr)
		}
		if wantErr == nil && len(want) < most && (!x.over || len(got) != len(want)) {
			t.Fatalf("compress/flate is content, we have %v after %d of %d octets", err, len(got), len(want))
		}
		if x.over && wantErr != nil {
			t.Fatalf("we are content, compress/flate has %v", wantErr)
		}
	})
}

package lineio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// lines reads until an error that is not about one line, and shows what came.
func lines(r *Reader, limit int) (got []string, err error) {
	for {
		line, err := r.ReadLine(limit)
		switch {
		case err == nil:
			got = append(got, string(line))
		case errors.Is(err, ErrLineTooLong), errors.Is(err, ErrBareLF), errors.Is(err, ErrBareCR), errors.Is(err, ErrNUL):
			got = append(got, "!"+err.Error())
		default:
			return got, err
		}
	}
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name, in string
		limit    int
		want     []string
		err      error
	}{
		{"lines", "a\r\n\r\nb c\r\n", 512, []string{"a", "", "b c"}, io.EOF},
		{"nothing", "", 512, nil, io.EOF},
		{"ends inside a line", "a\r\nb", 512, []string{"a"}, io.ErrUnexpectedEOF},
		{"ends inside CRLF", "a\r", 512, nil, io.ErrUnexpectedEOF},
		{"of the limit", "abc\r\nd\r\n", 5, []string{"abc", "d"}, io.EOF},
		{"over the limit by one", "abcd\r\nd\r\n", 5, []string{"!line too long", "d"}, io.EOF},
		{"far over the limit", long + "\r\nd\r\n", 5, []string{"!line too long", "d"}, io.EOF},
		{"over the limit, CRLF on the edge", "abcde\r\nd\r\n", 6, []string{"!line too long", "d"}, io.EOF},
		{"long line within a long limit", long + "\r\nd\r\n", 100_000, []string{long, "d"}, io.EOF},
		{"overlong with bare LF inside", "abcd\nNOOP\nabcd\r\nd\r\n", 5, []string{"!line too long", "d"}, io.EOF},
		{"overlong without end", "abcdefghij", 5, nil, io.ErrUnexpectedEOF},
		{"bare LF ends nothing", "a\nb\r\nc\r\n", 512, []string{"!bare LF in line", "c"}, io.EOF},
		{"LF first", "\na\r\nc\r\n", 512, []string{"!bare LF in line", "c"}, io.EOF},
		{"bare CR ends nothing", "a\rb\r\nc\r\n", 512, []string{"!bare CR in line", "c"}, io.EOF},
		{"CR before CRLF", "a\r\r\nc\r\n", 512, []string{"!bare CR in line", "c"}, io.EOF},
		{"NUL", "a\x00b\r\nc\r\n", 512, []string{"!NUL in line", "c"}, io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for way, src := range sources(tt.in) {
				got, err := lines(NewReader(src), tt.limit)
				if !slices.Equal(got, tt.want) || err != tt.err {
					t.Errorf("%s: %.200q, %v; want %.200q, %v", way, got, err, tt.want, tt.err)
				}
			}
		})
	}
}

// sources gives in whole, octet by octet, and with the error beside the data.
func sources(in string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":  strings.NewReader(in),
		"octets": iotest.OneByteReader(strings.NewReader(in)),
		"err":    iotest.DataErrReader(strings.NewReader(in)),
	}
}

// endless is a line that never ends.
type endless struct{ sent int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.sent += len(p)
	return len(p), nil
}

func TestReadLineEndless(t *testing.T) {
	src := new(endless)
	r := NewReader(src)
	if _, err := r.ReadLine(512); err != ErrEndless {
		t.Errorf("error %v, want ErrEndless", err)
	}
	if src.sent < DefaultSkip || src.sent > DefaultSkip+2*contentRoom {
		t.Errorf("%d octets were read, want about %d", src.sent, DefaultSkip)
	}
	if len(r.buf) > lineRoom {
		t.Errorf("the buffer has grown to %d octets", len(r.buf))
	}
}

// A limit that the peer does not use takes no memory.
func TestReadLineGrowsWithInput(t *testing.T) {
	r := NewReader(io.MultiReader(strings.NewReader(strings.Repeat("x", 10_000)), iotest.ErrReader(io.ErrClosedPipe)))
	if _, err := r.ReadLine(1 << 30); err != io.ErrClosedPipe {
		t.Fatal(err)
	}
	if len(r.buf) > contentRoom {
		t.Errorf("10,000 octets took a buffer of %d", len(r.buf))
	}
}

func TestWindowAndSkip(t *testing.T) {
	r := NewReader(strings.NewReader("BDAT\r\n12345NOOP\r\n" + strings.Repeat("z", 200_000) + "QUIT\r\n"))
	mustLine(t, r, "BDAT")
	window, err := r.Window()
	if err != nil || !bytes.HasPrefix(window, []byte("12345")) {
		t.Fatalf("window %q, %v", window, err)
	}
	r.Advance(2)
	if err := r.Skip(3); err != nil {
		t.Fatal(err)
	}
	mustLine(t, r, "NOOP")
	if err := r.Skip(200_000); err != nil {
		t.Fatal(err)
	}
	mustLine(t, r, "QUIT")
	if err := r.Skip(1); err != io.ErrUnexpectedEOF {
		t.Errorf("skip beyond the end: %v, want io.ErrUnexpectedEOF", err)
	}
	if _, err := r.Window(); err != io.EOF {
		t.Errorf("window beyond the end: %v, want io.EOF", err)
	}
}

func mustLine(t *testing.T, r *Reader, want string) {
	t.Helper()
	got, err := r.ReadLine(512)
	if string(got) != want || err != nil {
		t.Fatalf("line %q, %v; want %q", got, err, want)
	}
}

func TestUpgrade(t *testing.T) {
	r := NewReader(strings.NewReader("STARTTLS\r\nNOOP\r\n"))
	mustLine(t, r, "STARTTLS")
	if err := r.Upgrade(strings.NewReader("EHLO\r\n")); err != ErrPlaintext {
		t.Errorf("with octets waiting: %v, want ErrPlaintext", err)
	}
	mustLine(t, r, "NOOP")
	if err := r.Upgrade(strings.NewReader("EHLO\r\n")); err != nil {
		t.Fatal(err)
	}
	mustLine(t, r, "EHLO")
}

func TestLineWindow(t *testing.T) {
	src := pieces{[]byte("a1 NOOP\r\n"), bytes.Repeat([]byte("z"), 1000), []byte("rest")}
	r := NewReader(&src)
	for _, want := range []string{"a1 NOOP\r\n", strings.Repeat("z", 512), strings.Repeat("z", 488), "rest"} {
		window, err := r.LineWindow()
		if string(window) != want || err != nil {
			t.Fatalf("window %q, %v; want %q", window, err, want)
		}
		r.Advance(len(window))
	}
	if _, err := r.LineWindow(); err != errLater || len(r.buf) > len(r.wait) {
		t.Errorf("waits with %d octets, %v", len(r.buf), err)
	}
}

// pieces is a source that gives one piece per read, then nothing more for now.
type pieces [][]byte

var errLater = errors.New("nothing more for now")

func (p *pieces) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, errLater
	}
	n := copy(b, (*p)[0])
	if (*p)[0] = (*p)[0][n:]; len((*p)[0]) == 0 {
		*p = (*p)[1:]
	}
	return n, nil
}

// A Reader that waits with nothing buffered holds its 512 octets and no more.
func TestBufferGivenBackWhileIdle(t *testing.T) {
	src := pieces{bytes.Repeat([]byte("NOOP\r\n"), 4000), []byte("BDAT\r\n"), bytes.Repeat([]byte("z"), 100_000), []byte("NOOP\r\n")}
	r := NewReader(&src)
	largest := 0
	for {
		if _, err := r.ReadLine(2048); err != nil {
			break
		}
		largest = max(largest, len(r.buf))
		if len(src) == 2 { // behind BDAT
			if err := r.Skip(100_000); err != nil {
				t.Fatal(err)
			}
			largest = max(largest, len(r.buf))
		}
	}
	if len(src) != 0 {
		t.Fatal("stopped early")
	}
	if largest < contentRoom {
		t.Errorf("the largest buffer was %d: content is read in small pieces", largest)
	}
	if r.pool != nil || len(r.buf) != len(r.wait) {
		t.Errorf("waits with a buffer of %d octets", len(r.buf))
	}
	if err := r.Upgrade(&src); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadLine(2048); err != errLater || len(r.buf) != lineRoom {
		t.Errorf("behind Upgrade it waits with a buffer of %d octets, %v; want %d", len(r.buf), err, lineRoom)
	}
}

// Content that fills the large buffer to its last octet is no reason to wait for
// a line with it: who ends each message so would hold it for as long as he idles.
func TestBufferGivenBackBehindFullOne(t *testing.T) {
	src := pieces{bytes.Repeat([]byte("z"), contentRoom)}
	r := NewReader(&src)
	if err := r.Skip(contentRoom); err != nil || len(r.buf) != contentRoom || !r.full {
		t.Fatalf("%v, buffer of %d octets, full %v", err, len(r.buf), r.full)
	}
	if _, err := r.ReadLine(2048); err != errLater || len(r.buf) > lineRoom {
		t.Errorf("waits with a buffer of %d octets, %v", len(r.buf), err)
	}
}

// Nor is a line that has begun behind the content, and is not sent to its end.
func TestBufferGivenBackBehindHalfALine(t *testing.T) {
	src := pieces{append(bytes.Repeat([]byte("z"), 30_000), "NO"...)}
	r := NewReader(&src)
	if err := r.Skip(30_000); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadLine(2048); err != errLater || len(r.buf) > lineRoom {
		t.Errorf("waits with a buffer of %d octets, %v", len(r.buf), err)
	}
	src = pieces{[]byte("OP\r\n")}
	mustLine(t, r, "NOOP")
}

// A kept slice is overwritten by the next call, when poisoning is on.
func TestPoison(t *testing.T) {
	if !poison {
		t.Skip("poisoning is on under the race detector only")
	}
	r := NewReader(strings.NewReader("first\r\nsecond\r\n"))
	kept, _ := r.ReadLine(512)
	mustLine(t, r, "second")
	if string(kept) != "\xDB\xDB\xDB\xDB\xDB" {
		t.Errorf("the kept line still reads %q", kept)
	}
}

func TestWipe(t *testing.T) {
	r := NewReader(strings.NewReader("AUTH PLAIN secret\r\nNOOP\r\n"))
	mustLine(t, r, "AUTH PLAIN secret")
	r.Wipe()
	if bytes.Contains(r.wait[:], []byte("secret")) {
		t.Error("the secret is still in the buffer")
	}
	mustLine(t, r, "NOOP")
}

func TestReadLineAllocs(t *testing.T) {
	const batch = 100
	in := bytes.Repeat([]byte("RCPT TO:<somebody@example.org>\r\n"), batch)
	src := bytes.NewReader(in)
	r := NewReader(src)
	got := testing.AllocsPerRun(50, func() {
		src.Reset(in)
		for range batch {
			if _, err := r.ReadLine(2048); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%v allocations for %d lines, want none", got, batch)
	}
}

// FuzzReadLine: lines agree with the definition, however the input is split.
func FuzzReadLine(f *testing.F) {
	for _, s := range []string{"", "a\r\nb\r\n", "a\nb\r\n\r\n", "a\r\r\n", "\x00\r\n", "aaaaaaaaaaaaaaaaaaaaaa\r\nb\r\n", "aaaaaaaaaaaaaaaa\n\r\nb\r\n"} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		const limit = 12
		var want []string
		split := strings.SplitAfter(string(in), "\r\n")
		for _, l := range split[:len(split)-1] {
			switch text := strings.TrimSuffix(l, "\r\n"); {
			case len(l) > limit:
				want = append(want, "!line too long")
			case strings.Contains(text, "\n"):
				want = append(want, "!bare LF in line")
			case strings.Contains(text, "\r"):
				want = append(want, "!bare CR in line")
			case strings.Contains(text, "\x00"):
				want = append(want, "!NUL in line")
			default:
				want = append(want, text)
			}
		}
		wantErr := io.EOF
		if split[len(split)-1] != "" {
			wantErr = io.ErrUnexpectedEOF
		}
		cut = int(uint(cut) % uint(len(in)+1))
		ways := sources(string(in))
		ways[fmt.Sprint("cut at ", cut)] = io.MultiReader(bytes.NewReader(in[:cut]), bytes.NewReader(in[cut:]))
		for way, src := range ways {
			got, err := lines(NewReader(src), limit)
			if !slices.Equal(got, want) || err != wantErr {
				t.Fatalf("%q %s: %q, %v; want %q, %v", in, way, got, err, want, wantErr)
			}
		}
	})
}

func BenchmarkReadLine(b *testing.B) {
	for _, pipelined := range []int{1, 100} {
		b.Run(fmt.Sprintf("pipelined=%d", pipelined), func(b *testing.B) {
			in := bytes.Repeat([]byte("RCPT TO:<somebody@example.org>\r\n"), pipelined)
			src := bytes.NewReader(in)
			r := NewReader(src)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				src.Reset(in)
				for range pipelined {
					if _, err := r.ReadLine(2048); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

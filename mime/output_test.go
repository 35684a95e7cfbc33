package mime

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

var errFull = errors.New("no space left")

// A fullWriter takes so many octets and then fails.
type fullWriter struct{ left int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, errFull
	}
	w.left -= len(p)
	return len(p), nil
}

// TestWriteErrors: the error of the writer comes back, wherever it comes up, with
// the octets that it took.
func TestWriteErrors(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 3*blockSize/10)
	b := new(Builder).From(Addr("", "a@example.com")).Text("ü"+strings.Repeat("text \n", blockSize)).HTML("<p>").
		AttachBytes("a", "", data).AttachMessage(Parse([]byte("Subject: x\n\n"+strings.Repeat("y\n", 20_000)), nil))
	b.Date, b.MessageID = builtAt, "1@example.com"
	m := Parse([]byte("A: b\n\n"+strings.Repeat("body\n", blockSize)), nil)
	for _, c := range []struct {
		name  string
		write func(w io.Writer) (int64, error)
	}{
		{"Builder", b.WriteTo},
		{"Rewrite", func(w io.Writer) (int64, error) { return m.Rewrite(w) }},
		{"Rewrite with CRLF", func(w io.Writer) (int64, error) { return m.CRLF().Rewrite(w) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			size, err := c.write(io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			for limit := range size {
				if limit%9973 != 0 && limit != size-1 {
					continue
				}
				if n, err := c.write(&fullWriter{int(limit)}); n != limit || err != errFull {
					t.Fatalf("%d octets of %d, %v; want %d", n, size, err, limit)
				}
			}
			if n, err := c.write(&fullWriter{int(size)}); n != size || err != nil {
				t.Errorf("%d octets of %d, %v", n, size, err)
			}
		})
	}
	for _, e := range []Encoding{Base64, QuotedPrintable, Binary} {
		w := NewEncoder(e, &fullWriter{100})
		_, err := w.Write(data)
		if cerr := w.Close(); err == nil && cerr == nil {
			t.Errorf("%v: no error", e)
		}
	}
}

// TestEncoderUse: one encoder for several contents, the writes of any size.
func TestEncoderUse(t *testing.T) {
	text := strings.Repeat("a line = with \t white space \t\r\n", 200)
	for _, e := range []Encoding{Base64, QuotedPrintable} {
		var whole bytes.Buffer
		w := NewEncoder(e, &whole)
		io.WriteString(w, text)
		w.Close()
		for _, size := range []int{1, 3, 56, 57, 58, 1000} {
			var cut bytes.Buffer
			w := NewEncoder(e, &cut)
			for range 2 {
				cut.Reset()
				for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
					io.WriteString(w, rest[:min(size, len(rest))])
				}
				if err := w.Close(); err != nil || cut.String() != whole.String() {
					t.Fatalf("%v in writes of %d octets: %v,\n%q, want\n%q", e, size, err, cut.String(), whole.String())
				}
			}
		}
	}
}

// TestContentStats compares what is seen in words with what is seen in octets.
func TestContentStats(t *testing.T) {
	text := make([]byte, 40)
	for c := range 256 {
		for at := range text {
			for i := range text {
				text[i] = "plain ~!"[i%8]
			}
			text[at] = byte(c)
			plain := c == ' ' || '!' <= c && c <= '~' && c != '='
			if n := plainRun(text); plain && n != 40 || !plain && n != at {
				t.Fatalf("octet %#x at %d: a run of %d", c, at, n)
			}
			if c == '\r' || c == '\n' { // not for scan
				continue
			}
			var s contentStats
			s.scan(text)
			if want := !plain && c != '\t'; s.escapes > 0 != want || s.escapes > 1 || s.high != (c > 127) || s.odd != (c == 0) || s.line != 40 {
				t.Fatalf("octet %#x at %d: %+v", c, at, s)
			}
		}
	}
}

// TestEntityFields: of what says how to read the body there is one, and it is true.
func TestEntityFields(t *testing.T) {
	var e Entity
	for _, f := range []struct{ name, body string }{
		{"Content-Transfer-Encoding", "base64"}, {"Content-Type", "multipart/mixed; boundary=\"\"; a=b"}, {"X", "1"}, {"Content-Type", "text/html"}, {"content-transfer-encoding", "x"},
	} {
		if err := e.Header.Add(f.name, f.body); err != nil {
			t.Fatal(err)
		}
	}
	e.Children = []*Entity{{Body: []byte("ü\n")}}
	for range 2 {
		var out bytes.Buffer
		if _, err := e.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll("Content-Type: multipart/mixed; a=b; boundary=\"B\"\nX: 1\nMIME-Version: 1.0\n\n"+
			"--B\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nw7wNCg==\n\n--B--\n", "\n", "\r\n")
		if got := strings.ReplaceAll(out.String(), e.boundary, "B"); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
	if _, err := e.WriteTo(io.Discard); err != nil || e.Header.Len() != 5 {
		t.Errorf("the entity's own header has changed: %q, %v", e.Header.Append(nil), err)
	}
}

func TestEntityEncoding(t *testing.T) {
	var out bytes.Buffer
	e := Entity{Body: []byte("x"), Encoding: UUEncode}
	if _, err := e.WriteTo(&out); err == nil || out.Len() > 0 {
		t.Errorf("uuencode is written: %q, %v", out.String(), err)
	}
}

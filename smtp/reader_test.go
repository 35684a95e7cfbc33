package smtp_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailwire/mailwire/smtp"
)

func TestReadReply(t *testing.T) {
	manyLines := strings.Repeat("250-x\r\n", 20_000)
	tests := []struct {
		name, in string
		limits   *smtp.Limits
		want     string // Reply.String()
		err      error  // nil with want "": any
	}{
		{"one line", "250 OK\r\n", nil, "250 OK", nil},
		{"lines", "250-a\r\n250 b\r\n", nil, "250 a / b", nil},
		{"no text", "250\r\n", nil, "250", nil},
		{"line of the limit", "250 " + strings.Repeat("x", 10) + "\r\n", &smtp.Limits{ReplyLine: 16}, "250 xxxxxxxxxx", nil},
		{"line over the limit", "250 " + strings.Repeat("x", 11) + "\r\n", &smtp.Limits{ReplyLine: 16}, "", smtp.ErrLineTooLong},
		{"2048 by default", "250 " + strings.Repeat("x", 2043) + "\r\n", nil, "", smtp.ErrLineTooLong},
		{"reply of the limit", "250-a\r\n250 b\r\n", &smtp.Limits{Reply: 14}, "250 a / b", nil},
		{"reply over the limit", "250-a\r\n250 b\r\n", &smtp.Limits{Reply: 13}, "", smtp.ErrLineTooLong},
		{"79: a reply without end", manyLines, nil, "", smtp.ErrLineTooLong},
		{"differing codes", "250-a\r\n550 b\r\n", nil, "", nil},
		{"no reply", "hello\r\n", nil, "", nil},
		{"an empty line", "\r\n", nil, "", nil},
		{"bare LF", "250 a\n", nil, "", io.ErrUnexpectedEOF},
		{"bare LF inside", "250 a\n250 b\r\n", nil, "", smtp.ErrBareLF},
		{"bare CR", "250 a\rb\r\n", nil, "", smtp.ErrBareCR},
		{"NUL", "250 a\x00\r\n", nil, "", smtp.ErrNUL},
		{"nothing", "", nil, "", io.EOF},
		{"cut short in a line", "250 a", nil, "", io.ErrUnexpectedEOF},
		{"cut short between lines", "250-a\r\n", nil, "", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in))} {
				got, err := smtp.NewReader(r).ReadReply(tt.limits)
				if tt.want == "" {
					if err == nil || tt.err != nil && err != tt.err || got != (smtp.Reply{}) {
						t.Errorf("%+v, %v; want error %v", got, err, tt.err)
					}
				} else if got.String() != tt.want || err != nil {
					t.Errorf("%q, %v; want %q", got, err, tt.want)
				}
			}
		})
	}
}

// A reply that never ends takes no more than its limit.
func TestReadReplyIsBounded(t *testing.T) {
	read := 0
	src := readFunc(func(p []byte) (int, error) {
		n := copy(p, "250-more\r\n")
		read += n
		return n, nil
	})
	if _, err := smtp.NewReader(src).ReadReply(nil); err != smtp.ErrLineTooLong {
		t.Errorf("error %v", err)
	}
	if read > 70<<10 {
		t.Errorf("%d octets were read", read)
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// RFC 3207, section 4.2: octets behind STARTTLS, or behind its reply, are not
// those of TLS. Cases TLS-74 and 79.
func TestRFC3207_4_2_Upgrade(t *testing.T) {
	r := smtp.NewReader(strings.NewReader("STARTTLS\r\nNOOP\r\n"))
	if line, err := r.ReadLine(512); string(line) != "STARTTLS" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if err := r.Upgrade(strings.NewReader("EHLO c\r\n")); err != smtp.ErrPlaintext {
		t.Errorf("Upgrade with octets waiting: %v", err)
	}
	if line, _ := r.ReadLine(512); string(line) != "NOOP" {
		t.Errorf("then %q", line)
	}
	if err := r.Upgrade(strings.NewReader("EHLO c\r\n")); err != nil || r.Buffered() != 0 {
		t.Errorf("Upgrade: %v", err)
	}
	if line, err := r.ReadLine(512); string(line) != "EHLO c" || err != nil {
		t.Errorf("then %q, %v", line, err)
	}
}

func TestReaderSkip(t *testing.T) {
	in := strings.Repeat("\r\n", 100_000) + "NOOP\r\n"
	r := smtp.NewReader(iotest.HalfReader(strings.NewReader(in)))
	if err := r.Skip(200_000); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadLine(512); string(line) != "NOOP" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if err := r.Skip(1); err != io.ErrUnexpectedEOF {
		t.Errorf("Skip beyond the end: %v", err)
	}
	if err := r.Skip(0); err != nil {
		t.Errorf("Skip(0): %v", err)
	}
}

func TestReaderFillWipeRelease(t *testing.T) {
	r := smtp.NewReader(strings.NewReader("AUTH x\r\nNOOP\r\n"))
	if err := r.Fill(); err != nil || r.Buffered() == 0 {
		t.Errorf("Fill: %v, %d octets", err, r.Buffered())
	}
	line, err := r.ReadLine(512)
	if string(line) != "AUTH x" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	r.Wipe()
	if strings.Contains(string(line), "AUTH") {
		t.Errorf("behind Wipe the line is still there: %q", line)
	}
	if line, err := r.ReadLine(512); string(line) != "NOOP" || err != nil {
		t.Errorf("then %q, %v", line, err)
	}
	if err := r.Fill(); err != io.EOF {
		t.Errorf("Fill at the end: %v", err)
	}
	r.Release()
	r.Reset(strings.NewReader("QUIT\r\n"))
	if line, err := r.ReadLine(512); string(line) != "QUIT" || err != nil {
		t.Errorf("behind Release and Reset: %q, %v", line, err)
	}
}

// readAll reads commands, replies or content off r, and shows what came.
func readAll(r *smtp.Reader, script []byte) string {
	var b strings.Builder
	for _, op := range script {
		switch op % 5 {
		case 0, 1:
			line, err := r.ReadLine(16 + int(op))
			fmt.Fprintf(&b, "line %q %v\n", line, err)
			if err != nil && !errors.Is(err, smtp.ErrLineTooLong) && !errors.Is(err, smtp.ErrBareLF) && !errors.Is(err, smtp.ErrBareCR) && !errors.Is(err, smtp.ErrNUL) {
				return b.String()
			}
		case 2:
			reply, err := r.ReadReply(&smtp.Limits{ReplyLine: 20 + int(op), Reply: 60 + int(op)})
			fmt.Fprintf(&b, "reply %+v %v\n", reply, err)
			if err != nil {
				return b.String()
			}
		case 3:
			cr := r.Data(&smtp.Content{LineEnds: smtp.LineEnds(op / 5 % 4)})
			content, err := io.ReadAll(cr)
			if errors.As(err, new(*smtp.ContentError)) {
				content = nil // how much came before is a matter of pieces
			}
			drained := cr.Drain()
			fmt.Fprintf(&b, "data %q %v %v\n", content, err, drained)
			if drained != nil {
				return b.String()
			}
		case 4:
			err := r.Skip(int64(op))
			fmt.Fprintf(&b, "skip %v\n", err)
			if err != nil {
				return b.String()
			}
		}
	}
	return b.String()
}

// Whole, octet by octet and cut anywhere: the same values and the same errors.
func FuzzReader(f *testing.F) {
	f.Add([]byte("EHLO c\r\nNOOP\nx\r\n.\r\nQUIT\r\n"), []byte{0, 1, 3, 0}, uint16(5))
	f.Add([]byte("250-a\r\n250 b\r\n354 c\r\n..\r\n\r.\r\n.\r\n"), []byte{2, 2, 3}, uint16(9))
	f.Add([]byte("250-a\r\n251 b\r\n"), []byte{2, 2, 0}, uint16(0))
	f.Add([]byte(strings.Repeat("x", 300)+"\r\nNOOP\r\n\r\n\r\n"), []byte{0, 4, 0}, uint16(299))
	f.Fuzz(func(t *testing.T, in, script []byte, cut uint16) {
		if len(in) > 8192 || len(script) > 64 {
			return
		}
		whole := readAll(smtp.NewReader(strings.NewReader(string(in))), script)
		at := min(int(cut), len(in))
		for way, src := range map[string]io.Reader{
			"octets":   iotest.OneByteReader(strings.NewReader(string(in))),
			"cut":      io.MultiReader(strings.NewReader(string(in[:at])), strings.NewReader(string(in[at:]))),
			"with EOF": iotest.DataErrReader(strings.NewReader(string(in))),
		} {
			if got := readAll(smtp.NewReader(src), script); got != whole {
				t.Fatalf("%q, script %v, %s:\n%s\nwhole:\n%s", in, script, way, got, whole)
			}
		}
	})
}

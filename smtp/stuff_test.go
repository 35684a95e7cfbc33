package smtp_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

func newBufio(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 64<<10) }

// stuff gives text to a Stuffer in pieces that end at the cuts.
func stuff(s *smtp.Stuffer, text string, cuts ...int) (string, error) {
	var dst []byte
	from := 0
	for _, to := range append(cuts, len(text)) {
		var err error
		if dst, err = s.Append(dst, []byte(text[from:to])); err != nil {
			return "", err
		}
		from = to
	}
	dst, err := s.Finish(dst)
	return string(dst), err
}

// RFC 5321, section 4.5.2. Case 81.
func TestRFC5321_4_5_2_Stuffer(t *testing.T) {
	tests := []struct {
		name, text, want string
		bare             bool
	}{
		{"empty", "", ".\r\n", false},
		{"lines", "a\r\nb\r\n", "a\r\nb\r\n.\r\n", false},
		{"CRLF is completed", "a", "a\r\n.\r\n", false},
		{"dot first", ".a\r\n", "..a\r\n.\r\n", false},
		{"dot alone", ".", "..\r\n.\r\n", false},
		{"the end inside", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n", false},
		{"two dots", "..\r\n", "...\r\n.\r\n", false},
		{"dot inside a line", "a.b\r\n", "a.b\r\n.\r\n", false},
		{"LF", "a\nb\n", "a\r\nb\r\n.\r\n", true},
		{"CR", "a\rb\r", "a\r\nb\r\n.\r\n", true},
		{"CR.CRLF never reaches the wire", "a\r.\r\nb", "a\r\n..\r\nb\r\n.\r\n", true},
		{"LF.LF", "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n", true},
		{"CRLF.CRCRLF", "a\r\n.\r\r\nb", "a\r\n..\r\n\r\nb\r\n.\r\n", true},
		{"CR at the end", "a\r", "a\r\n.\r\n", true},
		{"NUL and 8-bit", "\x00\xff\r\n", "\x00\xff\r\n.\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, ends := range []smtp.LineEnds{smtp.DefaultLineEnds, smtp.RejectBare, smtp.NormalizeBare, smtp.KeepBare} {
				for _, cuts := range [][]int{nil, everyOctet(tt.text)} {
					s := &smtp.Stuffer{LineEnds: ends}
					refuses := ends == smtp.RejectBare || ends == smtp.KeepBare
					for range 2 { // Finish makes it ready again
						got, err := stuff(s, tt.text, cuts...)
						if refuses && tt.bare {
							if err != smtp.ErrBareLineEnd {
								t.Errorf("%v, %d cuts: %q, %v; want ErrBareLineEnd", ends, len(cuts), got, err)
							}
							break
						}
						if got != tt.want || err != nil {
							t.Errorf("%v, %d cuts: %q, %v; want %q", ends, len(cuts), got, err, tt.want)
						}
					}
				}
			}
		})
	}
}

// The end of content is written only behind content that may be sent.
func TestStufferRefusesTheEnd(t *testing.T) {
	s := &smtp.Stuffer{LineEnds: smtp.RejectBare}
	dst, err := s.Append(nil, []byte("a\r"))
	if err != nil {
		t.Fatal(err)
	}
	if dst, err = s.Finish(dst); err != smtp.ErrBareLineEnd || strings.HasSuffix(string(dst), ".\r\n") {
		t.Errorf("Finish: %q, %v", dst, err)
	}
}

// Stuffer, then Content: the identity on text that ends in CRLF, for every
// choice of line ends; and of any text what was received is that text with its
// line ends normalised, one message, and nothing behind it.
func FuzzStuffer(f *testing.F) {
	for _, s := range []string{"", "a\r\n", ".\r\n.", "a\n.\r\r\n..", "\r", "\r\n.\r\n\r\n"} {
		f.Add([]byte(s), uint16(1), false)
		f.Add([]byte(s), uint16(2), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut uint16, fold bool) {
		if len(raw) > 4096 {
			return
		}
		text := string(raw)
		if fold {
			var b strings.Builder
			for _, c := range raw {
				b.WriteString([...]string{"\r\n", ".", "\r", "\n", "a", "\r\n.\r\n", "\r\n.", "\x00"}[c&7])
			}
			text = b.String()
		}
		at := min(int(cut), len(text))
		wire, err := stuff(new(smtp.Stuffer), text, at)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if octets, err := stuff(new(smtp.Stuffer), text, everyOctet(text)...); err != nil || octets != wire {
			t.Fatalf("%q: cut at %d %q, octet by octet %q, %v", text, at, wire, octets, err)
		}
		if hasBare(wire) {
			t.Fatalf("%q: bare CR or LF on the wire: %q", text, wire)
		}
		want := normalized(text)
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		for _, ends := range []smtp.LineEnds{smtp.RejectBare, smtp.NormalizeBare, smtp.KeepBare} {
			got := decodeDots(smtp.Content{LineEnds: ends}, wire+"NOOP\r\n", at)
			if w := (judged{want, "NOOP\r\n", true, int64(len(want)), ""}); got != w {
				t.Fatalf("%v: %q was sent as %q and received as %+v", ends, text, wire, got)
			}
		}
		if strict, err := stuff(&smtp.Stuffer{LineEnds: smtp.RejectBare}, text, at); (err != nil) != hasBare(text) || err == nil && strict != wire {
			t.Fatalf("RejectBare: %q gives %q, %v", text, strict, err)
		}
	})
}

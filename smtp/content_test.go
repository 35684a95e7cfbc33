package smtp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailwire/mailwire/smtp"
)

// A judged is all that a Content says of a message.
type judged struct {
	content string // what was handed out
	rest    string // what was behind the end
	end     bool
	size    int64
	err     string
}

// decodeDots gives wire to a Content in pieces that end at the cuts.
func decodeDots(c smtp.Content, wire string, cuts ...int) (j judged) {
	var out []byte
	from := 0
	for _, to := range append(cuts, len(wire)) {
		for src := []byte(wire[from:to]); len(src) > 0 && !j.end; {
			chunk, n, end := c.Dots(src)
			out = append(out, chunk...)
			src, j.end, from = src[n:], end, from+n
		}
	}
	j.content, j.rest, j.size = string(out), wire[from:], c.Size()
	if err := c.Err(); err != nil {
		j.err = err.Error()
	}
	return j
}

// decodeOctets does so with counted content.
func decodeOctets(c smtp.Content, wire string, cuts ...int) (j judged) {
	var out []byte
	from := 0
	for _, to := range append(cuts, len(wire)) {
		for src := []byte(wire[from:to]); len(src) > 0; {
			chunk, n := c.Octets(src)
			out = append(out, chunk...)
			src, from = src[n:], from+n
		}
	}
	out = append(out, c.Finish()...)
	j.content, j.size = string(out), c.Size()
	if err := c.Err(); err != nil {
		j.err = err.Error()
	}
	return j
}

// everyOctet are the cuts that give octet by octet.
func everyOctet(wire string) (cuts []int) {
	for i := range len(wire) {
		cuts = append(cuts, i)
	}
	return cuts
}

const bareRefused = "bare"

// RFC 5321, section 4.1.1.4 and section 4.5.2: what ends content, and what a
// dot is. Cases 53 to 60.
func TestRFC5321_4_5_2_EndOfData(t *testing.T) {
	tests := []struct {
		name, wire string
		keep       string // content under KeepBare
		normal     string // content under NormalizeBare; "=": the same
		rest       string // behind the end
		bare, open bool   // has a bare CR or LF; has no end
	}{
		{"53: end", "a\r\n.\r\nQUIT\r\n", "a\r\n", "=", "QUIT\r\n", false, false},
		{"53: empty message", ".\r\nQUIT\r\n", "", "=", "QUIT\r\n", false, false},
		{"53: blank line", "\r\n.\r\n", "\r\n", "=", "", false, false},
		{"54: LF.LF", "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", "a\r\n.\r\nb\r\n", "", true, false},
		{"54: LF.CRLF", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", "a\r\n.\r\nb\r\n", "", true, false},
		{"54: CRLF.LF", "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "a\r\n\r\nb\r\n", "", true, false},
		{"55: CR.CR", "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n", "a\r\n.\r\nb\r\n", "", true, false},
		{"55: CR.CRLF", "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", "a\r\n.\r\nb\r\n", "", true, false},
		{"55: CR.LF", "a\r.\nb\r\n.\r\n", "a\r.\nb\r\n", "a\r\n.\r\nb\r\n", "", true, false},
		{"55: CRLF.CR", "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "a\r\n\r\nb\r\n", "", true, false},
		{"55: LF.CR", "a\n.\rb\r\n.\r\n", "a\n.\rb\r\n", "a\r\n.\r\nb\r\n", "", true, false},
		{"56: CRLF.CRCRLF", "a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n", "a\r\n\r\n\r\nb\r\n", "", true, false},
		{"57: CRCRLF.CRLF is an end", "a\r\r\n.\r\nQUIT\r\n", "a\r\r\n", "a\r\n\r\n", "QUIT\r\n", true, false},
		{"LFCRLF.CRLF is an end", "a\n\r\n.\r\n", "a\n\r\n", "a\r\n\r\n", "", true, false},
		{"58: NUL before the dot", "a\r\n\x00.\r\nb\r\n.\r\n", "a\r\n\x00.\r\nb\r\n", "=", "", false, false},
		{"58: NUL behind the dot", "a\r\n.\x00\r\nb\r\n.\r\n", "a\r\n\x00\r\nb\r\n", "=", "", false, false},
		{"60: first line ..", "..\r\n.\r\n", ".\r\n", "=", "", false, false},
		{"60: .z", ".z\r\n.\r\n", "z\r\n", "=", "", false, false},
		{"60: three dots", "...\r\n.\r\n", "..\r\n", "=", "", false, false},
		{"60: dot behind a bare LF is untouched", "a\n..b\r\n.\r\n", "a\n..b\r\n", "a\r\n..b\r\n", "", true, false},
		{"dot and space", "a\r\n. \r\n.\r\n", "a\r\n \r\n", "=", "", false, false},
		{"dot at the end of a line", "a.\r\n.\r\n", "a.\r\n", "=", "", false, false},
		{"66: 8-bit", "\xff\xfe\r\n.\r\n", "\xff\xfe\r\n", "=", "", false, false},
		{"no end", "a\r\n.", "a\r\n", "=", "", false, true},
		{"no end, half of CRLF", "a\r\n.\r", "a\r\n", "=", "", false, true},
		{"LF first", "\na\r\n.\r\n", "\na\r\n", "\r\na\r\n", "", true, false},
		{"CR first, then the end's dot", "\r.\r\n.\r\n", "\r.\r\n", "\r\n.\r\n", "", true, false},
		{"behind the end nothing is looked at", ".\r\n\n\r.\r\n", "", "=", "\n\r.\r\n", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, ends := range []smtp.LineEnds{smtp.DefaultLineEnds, smtp.RejectBare, smtp.NormalizeBare, smtp.KeepBare} {
				want := judged{content: tt.keep, rest: tt.rest, end: !tt.open, size: int64(len(tt.keep))}
				switch {
				case ends == smtp.NormalizeBare && tt.normal != "=":
					want.content = tt.normal
				case ends < smtp.NormalizeBare && tt.bare:
					want.err = bareRefused
				}
				for _, cuts := range [][]int{nil, everyOctet(tt.wire)} {
					got := decodeDots(smtp.Content{LineEnds: ends}, tt.wire, cuts...)
					if want.err != "" && strings.Contains(got.err, "bare CR or LF") {
						got.err = bareRefused
						want.content = got.content // what came out before is a matter of pieces
					}
					if got != want {
						t.Errorf("%v, %d cuts: %q\ngot  %+v\nwant %+v", ends, len(cuts), tt.wire, got, want)
					}
				}
			}
		})
	}
}

// RFC 3030, section 2: counted content has no dots, but the same line ends. Case 67.
func TestRFC3030_2_CountedContent(t *testing.T) {
	tests := []struct {
		name, wire string
		normal     string // "=": as it came
		bare       bool
	}{
		{"dots are data", ".\r\n..\r\n.", "=", false},
		{"the end of DATA is data", "a\r\n.\r\nb", "=", false},
		{"no CRLF at the end", "a", "=", false},
		{"empty", "", "=", false},
		{"bare LF", "a\nb", "a\r\nb", true},
		{"bare CR", "a\rb", "a\r\nb", true},
		{"CR at the end", "a\r", "a\r\n", true},
		{"CRs", "\r\r\r", "\r\n\r\n\r\n", true},
		{"CRCRLF", "a\r\r\nb", "a\r\n\r\nb", true},
		{"bare LF, later a CR at the end", "a\nb\r", "a\r\nb\r\n", true},
		{"CRLF between bare ones", "\n\r\n\r", "\r\n\r\n\r\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, cuts := range [][]int{nil, everyOctet(tt.wire)} {
				size := int64(len(tt.wire))
				if got, want := decodeOctets(smtp.Content{LineEnds: smtp.KeepBare}, tt.wire, cuts...), (judged{content: tt.wire, size: size}); got != want {
					t.Errorf("Keep, %d cuts: %+v, want %+v", len(cuts), got, want)
				}
				normal := tt.normal
				if normal == "=" {
					normal = tt.wire
				}
				if got, want := decodeOctets(smtp.Content{LineEnds: smtp.NormalizeBare}, tt.wire, cuts...), (judged{content: normal, size: size}); got != want {
					t.Errorf("Normalize, %d cuts: %+v, want %+v", len(cuts), got, want)
				}
				got := decodeOctets(smtp.Content{}, tt.wire, cuts...)
				if tt.bare != (got.err != "") || !tt.bare && got.content != tt.wire || got.size != size {
					t.Errorf("Reject, %d cuts: %+v, bare %v", len(cuts), got, tt.bare)
				}
			}
		})
	}
}

// A CR at the edge of a chunk is half of a CRLF or bare: what decides it is in
// the next chunk, of which the first has been handed out already.
func TestNormalizeAcrossChunks(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		want   string
	}{
		{"CR | LF", []string{"a\r", "\nb"}, "a\r\nb"},
		{"CR | text", []string{"a\r", "b"}, "a\r\nb"},
		{"CR | CR | LF", []string{"a\r", "\r", "\nb"}, "a\r\n\r\nb"},
		{"bare first, CR | LF", []string{"\na\r", "\nb"}, "\r\na\r\nb"},
		{"bare first, CR | text", []string{"\na\r", "b"}, "\r\na\r\nb"},
		{"CR | nothing | LF", []string{"a\r", "", "\nb"}, "a\r\nb"},
		{"CR | nothing", []string{"a\r", ""}, "a\r\n"},
		{"CRLF | LF", []string{"a\r\n", "\nb"}, "a\r\n\r\nb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := smtp.Content{LineEnds: smtp.NormalizeBare}
			var got []byte
			for _, p := range tt.pieces {
				for src := []byte(p); ; {
					chunk, n := c.Octets(src)
					got = append(got, chunk...)
					if src = src[n:]; len(src) == 0 {
						break
					}
				}
			}
			got = append(got, c.Finish()...)
			if string(got) != tt.want {
				t.Errorf("%q gives %q, want %q", tt.pieces, got, tt.want)
			}
		})
	}
}

func TestContentLimits(t *testing.T) {
	field := func(n int) string { return "X: " + strings.Repeat("x", n-5) + "\r\n" } // of n octets
	received := strings.Repeat("Received: x\r\n", 3)
	tests := []struct {
		name   string
		limits smtp.Limits
		wire   string
		reason smtp.ContentReason
	}{
		{"size of the limit", smtp.Limits{Message: 10}, "12345678\r\n.\r\n", 0},
		{"size over the limit", smtp.Limits{Message: 10}, "123456789\r\n.\r\n", smtp.TooBig},
		{"stuffed dots do not count", smtp.Limits{Message: 3}, "..\r\n.\r\n", 0},
		{"no limit of size", smtp.Limits{Message: -1}, strings.Repeat("x", 1000) + "\r\n.\r\n", 0},
		{"header of the limit", smtp.Limits{Header: 102}, field(100) + "\r\nbody\r\n.\r\n", 0},
		{"header over the limit", smtp.Limits{Header: 101}, field(100) + "\r\nbody\r\n.\r\n", smtp.Header},
		{"header without end", smtp.Limits{Header: 100}, field(90) + field(90) + ".\r\n", smtp.Header},
		{"the body is no header", smtp.Limits{Header: 10}, "a: b\r\n\r\n" + field(100) + ".\r\n", 0},
		{"a message without header", smtp.Limits{Header: 10}, "\r\n" + field(100) + ".\r\n", 0},
		{"the blank line may end in LF", smtp.Limits{Header: 10, Received: 1}, "a: b\n\n" + received + ".\r\n", smtp.BareLineEnd},
		{"three Received", smtp.Limits{Received: 3}, received + "\r\n.\r\n", 0},
		{"four Received", smtp.Limits{Received: 3}, received + "RECEIVED:\r\n\r\n.\r\n", smtp.Loop},
		{"Received in the body", smtp.Limits{Received: 3}, received + "\r\nReceived: x\r\n.\r\n", 0},
		{"folded Received", smtp.Limits{Received: 3}, received + " Received: x\r\n\r\n.\r\n", 0},
		{"Received-SPF is another", smtp.Limits{Received: 3}, received + "Received-SPF: x\r\n\r\n.\r\n", 0},
		{"X-Received is another", smtp.Limits{Received: 3}, received + "X-Received: x\r\n\r\n.\r\n", 0},
		{"Received, restarted", smtp.Limits{Received: 3}, received + "ReceReceived: x\r\n\r\n.\r\n", 0},
		{"stuffed Received", smtp.Limits{Received: 3}, received + ".Received: x\r\n\r\n.\r\n", smtp.Loop},
		{"63: lines by default", smtp.Limits{}, strings.Repeat("x", 100_000) + "\r\n.\r\n", 0},
		{"63: line of the limit", smtp.Limits{TextLine: 1000}, "a\r\n" + strings.Repeat("x", 998) + "\r\nb\r\n.\r\n", 0},
		{"63: line over the limit", smtp.Limits{TextLine: 1000}, "a\r\n" + strings.Repeat("x", 999) + "\r\nb\r\n.\r\n", smtp.LongLine},
		{"63: first line over the limit", smtp.Limits{TextLine: 10}, strings.Repeat("x", 9) + "\r\n.\r\n", smtp.LongLine},
		{"63: a dot that is removed does not count", smtp.Limits{TextLine: 10}, "." + strings.Repeat("x", 8) + "\r\n.\r\n", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, cuts := range [][]int{nil, everyOctet(tt.wire)} {
				c := smtp.Content{Limits: &tt.limits}
				got := decodeDots(c, tt.wire, cuts...)
				want := ""
				if tt.reason != 0 {
					want = (&smtp.ContentError{Reason: tt.reason}).Error()
				}
				if got.err != want || !got.end {
					t.Errorf("%d cuts: %q, ended %v; want %q", len(cuts), got.err, got.end, want)
				}
			}
		})
	}
}

// Which of several reasons is given is no matter of how the octets came, and
// what is refused is not handed out.
func TestContentReasons(t *testing.T) {
	l := &smtp.Limits{Message: 50, Received: 1, TextLine: 20, Header: 40}
	wire := "Received:\r\nReceived:\r\na\nb\r\n" + strings.Repeat("x", 60) + "\r\n.\r\n"
	for _, cuts := range [][]int{nil, everyOctet(wire), {1}, {20}, {25}, {30}, {60}} {
		if got, want := decodeDots(smtp.Content{Limits: l}, wire, cuts...), (&smtp.ContentError{Reason: smtp.TooBig}).Error(); got.err != want {
			t.Errorf("cuts %v: %q, want %q", cuts, got.err, want)
		}
	}
	c := smtp.Content{Limits: &smtp.Limits{Message: 3}, LineEnds: smtp.NormalizeBare}
	if chunk, _ := c.Octets([]byte("abc\r")); len(chunk) > 0 {
		t.Errorf("%q was handed out with the reason", chunk)
	}
	if chunk := c.Finish(); len(chunk) > 0 {
		t.Errorf("%q was handed out behind the reason", chunk)
	}
	for reason := smtp.TooBig; reason <= smtp.LongLine; reason++ {
		e := &smtp.ContentError{Reason: reason}
		if r := e.Reply(); r.Positive() || r.Code/100 != int(r.Enhanced[0]) || e.Error() == "" {
			t.Errorf("%d: %v, %q", reason, r, e.Error())
		}
	}
}

// The definition in three lines: split at CRLF, look for ".", strip one dot.
func oracle(wire string) (content, rest string, end bool) {
	for line, rest, ok := strings.Cut(wire, "\r\n"); ok; line, rest, ok = strings.Cut(rest, "\r\n") {
		if line == "." {
			return content, rest, true
		}
		content += strings.TrimPrefix(line, ".") + "\r\n"
	}
	return content, "", false
}

// normalized is text with every bare CR and LF made CRLF, by definition.
func normalized(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", "\n"), "\n", "\r\n")
}

func hasBare(s string) bool {
	return strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n")
}

// FuzzContent builds content of the few octets that matter, and compares with
// the oracle, whole, octet by octet and cut anywhere.
func FuzzContent(f *testing.F) {
	for _, s := range []string{"a\r\n.\r\nx", ".\r\n", "\n.\n\r\n.\r\r\n.\r\n", "..\r\n.\r\n", "\r.\r\n\r\n.\r\n.", "a\r\r\n.\r\n", "aa.\r\n.\r\n"} {
		f.Add([]byte(s), uint16(1), uint16(3), false)
		f.Add([]byte(s), uint16(2), uint16(9), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut1, cut2 uint16, fold bool) {
		if len(raw) > 4096 {
			return
		}
		wire := string(raw)
		if fold { // few pieces, so that line ends meet dots
			var b strings.Builder
			for _, c := range raw {
				b.WriteString([...]string{"\r\n", ".", "\r", "\n", "a", "\r\n.\r\n", "\r\n.", "\x00"}[c&7])
			}
			wire = b.String()
		}
		a, b := min(int(cut1), len(wire)), min(int(cut2), len(wire))
		ways := map[string][]int{"whole": nil, "octets": everyOctet(wire), "cut": {min(a, b), max(a, b)}}
		content, rest, end := oracle(wire)
		for way, cuts := range ways {
			if end {
				got := decodeDots(smtp.Content{LineEnds: smtp.KeepBare}, wire, cuts...)
				if want := (judged{content, rest, true, int64(len(content)), ""}); got != want {
					t.Fatalf("Keep, %s, %q\ngot  %+v\nwant %+v", way, wire, got, want)
				}
				got = decodeDots(smtp.Content{LineEnds: smtp.NormalizeBare}, wire, cuts...)
				if want := (judged{normalized(content), rest, true, int64(len(content)), ""}); got != want {
					t.Fatalf("Normalize, %s, %q\ngot  %+v\nwant %+v", way, wire, got, want)
				}
				got = decodeDots(smtp.Content{}, wire, cuts...)
				if got.rest != rest || !got.end || (got.err != "") != hasBare(content) || got.err == "" && got.content != content {
					t.Fatalf("Reject, %s, %q\ngot %+v", way, wire, got)
				}
				if !strings.HasPrefix(content, got.content) {
					t.Fatalf("Reject, %s, %q: handed out %q", way, wire, got.content)
				}
			} else if got := decodeDots(smtp.Content{LineEnds: smtp.KeepBare}, wire, cuts...); got.end || !strings.HasPrefix(got.content, content) {
				t.Fatalf("%s, %q: got %+v, and there is no end", way, wire, got)
			}
			// The same octets, counted.
			size := int64(len(wire))
			if got, want := decodeOctets(smtp.Content{LineEnds: smtp.NormalizeBare}, wire, cuts...), (judged{content: normalized(wire), size: size}); got != want {
				t.Fatalf("counted, Normalize, %s, %q\ngot  %+v\nwant %+v", way, wire, got, want)
			}
			if got := decodeOctets(smtp.Content{}, wire, cuts...); (got.err != "") != hasBare(wire) || got.err == "" && got.content != wire {
				t.Fatalf("counted, Reject, %s, %q\ngot %+v", way, wire, got)
			}
			// With every limit in reach, the verdict is no matter of cuts.
			l := &smtp.Limits{Message: 40, Header: 20, Received: 1, TextLine: 12}
			if got, want := decodeDots(smtp.Content{Limits: l}, wire, cuts...).err, decodeDots(smtp.Content{Limits: l}, wire).err; got != want {
				t.Fatalf("limits, %s, %q: %q, and whole %q", way, wire, got, want)
			}
		}
	})
}

// A ContentReader gives the same by Read and WriteTo, for every source.
func TestContentReader(t *testing.T) {
	body := strings.Repeat("line of text\r\n", 5000)
	tests := []struct {
		name, wire string
		ends       smtp.LineEnds
		want       string
		err        error // of reading; nil: io.EOF
		line       string
	}{
		{"message", body + ".\r\nQUIT\r\n", 0, body, nil, "QUIT"},
		{"empty", ".\r\nQUIT\r\n", 0, "", nil, "QUIT"},
		{"refused", "a\nMAIL FROM:<x@y>\r\n.\r\nQUIT\r\n", 0, "", &smtp.ContentError{Reason: smtp.BareLineEnd}, "QUIT"},
		{"normalized", "a\nb\r\n.\r\nQUIT\r\n", smtp.NormalizeBare, "a\r\nb\r\n", nil, "QUIT"},
		{"64: lost", "a\r\n", 0, "a\r\n", io.ErrUnexpectedEOF, ""},
		{"64: lost in the end", "a\r\n.\r", 0, "a\r\n", io.ErrUnexpectedEOF, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sources := map[string]func() io.Reader{
				"whole":  func() io.Reader { return strings.NewReader(tt.wire) },
				"octets": func() io.Reader { return iotest.OneByteReader(strings.NewReader(tt.wire)) },
				"err":    func() io.Reader { return iotest.DataErrReader(strings.NewReader(tt.wire)) },
			}
			for way, source := range sources {
				for _, by := range []string{"Read", "WriteTo", "Read then WriteTo", "Drain"} {
					r := smtp.NewReader(source())
					cr := r.Data(&smtp.Content{LineEnds: tt.ends})
					var buf bytes.Buffer
					var err error
					switch by {
					case "Read":
						_, err = io.Copy(&buf, struct{ io.Reader }{cr})
					case "WriteTo":
						_, err = cr.WriteTo(&buf)
					case "Read then WriteTo":
						var p [1]byte
						var n int
						if n, err = cr.Read(p[:]); err == nil {
							buf.Write(p[:n])
							_, err = cr.WriteTo(&buf)
						} else if err == io.EOF {
							err = nil
						}
					case "Drain":
						buf.WriteString(tt.want)
						if err = cr.Drain(); err == nil && errors.As(tt.err, new(*smtp.ContentError)) {
							err = tt.err // Drain says nothing of refusals
						}
					}
					refused := errors.As(tt.err, new(*smtp.ContentError))
					if (err == nil) != (tt.err == nil) || err != nil && err.Error() != tt.err.Error() || !refused && buf.String() != tt.want {
						t.Errorf("%s, %s: %.60q, %v; want %.60q, %v", way, by, buf.String(), err, tt.want, tt.err)
					}
					if err := cr.Drain(); tt.line != "" && err != nil {
						t.Errorf("%s, %s: Drain: %v", way, by, err)
					}
					if line, err := r.ReadLine(512); tt.line != "" && (string(line) != tt.line || err != nil) {
						t.Errorf("%s, %s: next line %q, %v", way, by, line, err)
					}
				}
			}
		})
	}
}

func TestChunkReader(t *testing.T) {
	r := smtp.NewReader(strings.NewReader("abc\r\n.\r\nBDAT\r\n\rNOOP\r\n"))
	c := &smtp.Content{LineEnds: smtp.NormalizeBare}
	got, err := io.ReadAll(r.Chunk(c, 8, false))
	if string(got) != "abc\r\n.\r\n" || err != nil {
		t.Errorf("first chunk: %q, %v", got, err)
	}
	if line, err := r.ReadLine(512); string(line) != "BDAT" || err != nil {
		t.Errorf("line between the chunks: %q, %v", line, err)
	}
	got, err = io.ReadAll(r.Chunk(c, 1, true))
	if string(got) != "\r\n" || err != nil {
		t.Errorf("last chunk: %q, %v", got, err)
	}
	if line, err := r.ReadLine(512); string(line) != "NOOP" || err != nil {
		t.Errorf("line behind the chunks: %q, %v", line, err)
	}
	if c.Size() != 9 {
		t.Errorf("Size() = %d, want 9", c.Size())
	}

	r = smtp.NewReader(strings.NewReader(""))
	if got, err := io.ReadAll(r.Chunk(new(smtp.Content), 0, true)); len(got) > 0 || err != nil {
		t.Errorf("BDAT 0 LAST: %q, %v", got, err)
	}
	if _, err := io.ReadAll(r.Chunk(new(smtp.Content), 5, true)); err != io.ErrUnexpectedEOF {
		t.Errorf("chunk cut short: %v", err)
	}
	r = smtp.NewReader(strings.NewReader("a\rNOOP\r\n"))
	if _, err := io.ReadAll(r.Chunk(new(smtp.Content), 2, true)); err == nil {
		t.Error("a CR at the end of the last chunk passes under RejectBare")
	}
	if line, err := r.ReadLine(512); string(line) != "NOOP" || err != nil {
		t.Errorf("line behind it: %q, %v", line, err)
	}
}

// failing is a writer that takes n octets.
type failing struct{ n int }

func (w *failing) Write(p []byte) (int, error) {
	n := min(w.n, len(p))
	w.n -= n
	if n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

// short is a writer that takes one octet and says nothing of the others.
type short struct{}

func (short) Write(p []byte) (int, error) { return 1, nil }

// What a writer did not take is still there to be read.
func TestContentReaderWriterFails(t *testing.T) {
	r := smtp.NewReader(strings.NewReader("abcdef\r\n.\r\nQUIT\r\n"))
	cr := r.Data(new(smtp.Content))
	if n, err := cr.WriteTo(&failing{2}); n != 2 || err != io.ErrClosedPipe {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
	if n, err := cr.WriteTo(short{}); n != 1 || err != io.ErrShortWrite {
		t.Errorf("WriteTo a writer that is wrong: %d, %v", n, err)
	}
	if n, err := cr.Read(nil); n != 0 || err != nil {
		t.Errorf("Read of nothing: %d, %v", n, err)
	}
	if got, err := io.ReadAll(cr); string(got) != "def\r\n" || err != nil {
		t.Errorf("then %q, %v", got, err)
	}
	if line, err := r.ReadLine(512); string(line) != "QUIT" || err != nil {
		t.Errorf("then %q, %v", line, err)
	}
}

// BenchmarkContent decodes 1 MiB of lines of 76 octets in memory, beside
// net/textproto in the same run.
func BenchmarkContent(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	wire := []byte("Subject: x\r\n\r\n" + strings.Repeat(line, (1<<20)/len(line)) + ".\r\n")
	for _, ends := range []smtp.LineEnds{smtp.RejectBare, smtp.NormalizeBare, smtp.KeepBare} {
		b.Run(fmt.Sprintf("mailwire=%v", ends), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(wire)))
			src := bytes.NewReader(nil)
			r := smtp.NewReader(src)
			for b.Loop() {
				src.Reset(wire)
				if n, err := r.Data(&smtp.Content{LineEnds: ends}).WriteTo(io.Discard); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
	b.Run("textproto", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(wire)))
		src := bytes.NewReader(nil)
		for b.Loop() {
			src.Reset(wire)
			if n, err := io.Copy(io.Discard, textproto.NewReader(newBufio(src)).DotReader()); err != nil || n == 0 {
				b.Fatal(n, err)
			}
		}
	})
}

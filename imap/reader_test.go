package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailwire/mailwire/internal/ascii"
)

// chop is a source that gives its octets in pieces of the sizes that cuts say.
type chop struct {
	in   []byte
	cuts []byte
}

func (c *chop) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := len(c.in)
	if len(c.cuts) > 0 {
		n = min(n, 1+int(c.cuts[0]))
		c.cuts = c.cuts[1:]
	}
	n = copy(p, c.in[:min(n, len(p))])
	c.in = c.in[n:]
	return n, nil
}

// frames reads all that src has, with verdicts by size: up to 10 Inline, up to
// 100 Stream, else Refuse. It says what happened, one line each. wait: with Wait in
// front of each Next, which changes nothing.
func frames(src io.Reader, b Bounds, responses, wait bool) []string {
	r := NewReader(src)
	r.Responses = responses
	var log []string
	add := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	for {
		if wait {
			r.Wait()
		}
		piece, err := r.Next(b)
		if e, ok := errors.AsType[*FrameError](err); ok {
			add("%s %q %s", e.Reject.Kind, e.Head, e.Reject.Text)
			if e.Fatal {
				return log
			}
			continue
		}
		if err != nil {
			add("%v", err)
			return log
		}
		a := piece.Announce
		switch {
		case a == nil:
			add("command %q", piece.Command)
		case a.Size <= 10 && !a.Overflow:
			r.Decide(Verdict{Do: Inline})
		case a.Size <= 100:
			add("stream %d of %q", a.Size, a.Head)
			r.Decide(Verdict{Do: Stream})
			octets, err := io.ReadAll(r.Literal())
			add("octets %q %v", octets, err)
			if err != nil {
				return log
			}
		default:
			add("refuse %d %v %v", a.Size, a.NonSync, a.Overflow)
			r.Decide(refuse(No("TOOBIG", "no")))
		}
	}
}

func TestFraming(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"two", "a NOOP\r\nb NOOP\r\n", []string{`command "a NOOP"`, `command "b NOOP"`}},
		{"FRM-9", "\r\n", []string{`command ""`}},
		{"inline", "a LOGIN {1+}\r\nx {2}\r\n\r\n\r\nb\r\n", []string{`command "a LOGIN {1+}\r\nx {2}\r\n\r\n"`, `command "b"`}},
		{"FRM-7", "a SELECT {0}\r\n\r\n", []string{`command "a SELECT {0}\r\n"`}},
		{"a literal's octets announce nothing", "a x {4}\r\n{9+}\r\nb\r\n", []string{`command "a x {4}\r\n{9+}"`, `command "b"`}},
		{"nor together with what follows", "a x {3}\r\n{9+}\r\nb\r\n", []string{`command "a x {3}\r\n{9+}"`, `command "b"`}},
		{"stream", "a APPEND {20+}\r\n01234567890123456789 {20}\r\n98765432109876543210)\r\nb\r\n", []string{
			`stream 20 of "a APPEND {20+}\r\n"`, `octets "01234567890123456789" <nil>`,
			`stream 20 of " {20}\r\n"`, `octets "98765432109876543210" <nil>`, `command ")"`, `command "b"`}},
		{"FRM-1", "x SELECT {200+}\r\n\r\nZ CREATE injected\r\n" + long[:179] + "\r\nb\r\n",
			[]string{"refuse 200 true false", `NO "x SELECT {200+}\r\n" no`, `command "b"`}},
		{"refused, and more of the same command", "x {200+}\r\n" + long[:200] + "y {5+}\r\nabcde z {3}\r\nb\r\n",
			[]string{"refuse 200 true false", `NO "x {200+}\r\n" no`, `command "b"`}},
		{"FRM-3", "x SELECT {999999999}\r\nb\r\n", []string{"refuse 999999999 false false", `NO "x SELECT {999999999}\r\n" no`, `command "b"`}},
		{"FRM-2", "a APPEND INBOX {9999999999+}\r\nb\r\n", []string{"refuse 9999999999 true false", `BYE "a APPEND INBOX {9999999999+}\r\n" too much to skip`}},
		{"FRM-2 overflow", "a APPEND INBOX {99999999999999999999+}\r\nb\r\n",
			[]string{"refuse 9223372036854775807 true true", `BYE "a APPEND INBOX {99999999999999999999+}\r\n" too much to skip`}},
		{"FRM-2 overflow, synchronising", "a x {99999999999999999999}\r\nb\r\n",
			[]string{"refuse 9223372036854775807 false true", `NO "a x {99999999999999999999}\r\n" no`, `command "b"`}},
		{"FRM-5", "a \"open {10+}\r\n0123456789 rest\r\nb\r\n", []string{`command "a \"open {10+}\r\n0123456789 rest"`, `command "b"`}},
		{"FRM-14", "a SELECT \"x\r\ny\"\r\n", []string{`command "a SELECT \"x"`, `command "y\""`}},
		{"FRM-15", "a " + long + "\r\nb\r\n", []string{fmt.Sprintf(`BAD "a %s" line too long`, long[:62]), `command "b"`}},
		{"too long, with a literal behind", "a " + long + "{6+}\r\nb NO\r\n\r\nc\r\n", []string{fmt.Sprintf(`BAD "a %s" line too long`, long[:62]), `command "c"`}},
		{"too long, with a number that is too", "a " + long + "{" + strings.Repeat("0", 60) + "5+}\r\nb\r\n",
			[]string{fmt.Sprintf(`BYE "a %s" too much to skip`, long[:62])}},
		{"line without end", "a " + strings.Repeat(long, 10), []string{fmt.Sprintf(`BYE "a %s" line without end`, long[:62])}},
		{"LF", "a NOOP\nb NOOP\r\n", []string{`BAD "a NOOP\n" line that ends in LF without CR`, `command "b NOOP"`}},
		{"LF, with a literal behind", "a x {6+}\nb NO\r\n\r\nc\r\n", []string{`BAD "a x {6+}\n" line that ends in LF without CR`, `command "c"`}},
		{"LF behind a literal that ends in CR", "a {1}\r\n\r\nb\r\n", []string{`BAD "a {1}\r\n\r\n" line that ends in LF without CR`, `command "b"`}},
		{"no announcement", "a {}\r\nb {+}\r\nc {1-}\r\nd {1}x\r\ne 1}\r\nf {1 }\r\n",
			[]string{`command "a {}"`, `command "b {+}"`, `command "c {1-}"`, `command "d {1}x"`, `command "e 1}"`, `command "f {1 }"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := append(tt.want, "EOF")
			if strings.HasPrefix(tt.want[len(tt.want)-1], "BYE") {
				want = tt.want
			}
			for _, src := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				got := frames(src, Bounds{200, 1000}, false, false)
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("%.200q\ngot:\n%s\nwant:\n%s", tt.in, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

func TestFramingOfResponses(t *testing.T) {
	in := "* OK text {5}\r\n+ {5}\r\na NO {5+}\r\n* 1 FETCH (BODY[] {20}\r\n01234567890123456789 X {3}\r\nabc)\r\n* X {300}\r\n" +
		strings.Repeat("y", 300) + " z\r\n* BYE\r\n"
	want := []string{`command "* OK text {5}"`, `command "+ {5}"`, `command "a NO {5+}"`,
		`stream 20 of "* 1 FETCH (BODY[] {20}\r\n"`, `octets "01234567890123456789" <nil>`, `command " X {3}\r\nabc)"`,
		"refuse 300 false false", `NO "* X {300}\r\n" no`, `command "* BYE"`, "EOF"}
	if got := frames(iotest.HalfReader(strings.NewReader(in)), Bounds{200, 1000}, true, false); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAbandon: a literal that is given up leaves nothing behind.
func TestAbandon(t *testing.T) {
	tests := []struct {
		name, in string
		read     int
		want     string // the error; "" for none
	}{
		{"synchronising, never asked for", "a APPEND x {50}\r\nb NOOP\r\n", 0, ""},
		{"synchronising, read in part", "a APPEND x {50}\r\n" + strings.Repeat("x", 50) + ")\r\nb NOOP\r\n", 7, ""},
		{"non-synchronising, unread", "a APPEND x {50+}\r\n" + strings.Repeat("x", 50) + " {3+}\r\nabc\r\nb NOOP\r\n", 0, ""},
		{"read to its end", "a APPEND x {50+}\r\n" + strings.Repeat("x", 50) + " {30+}\r\n" + strings.Repeat("y", 30) + "\r\nb NOOP\r\n", 50, ""},
		{"then more than can be skipped", "a APPEND x {50+}\r\n" + strings.Repeat("x", 50) + " {3000+}\r\n", 50, "too much to skip"},
		{"source ends", "a APPEND x {50+}\r\nxx", 1, "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(iotest.OneByteReader(strings.NewReader(tt.in)))
			b := Bounds{200, 1000}
			piece, err := r.Next(b)
			if err != nil || piece.Announce == nil {
				t.Fatal(piece, err)
			}
			r.Decide(Verdict{Do: Stream})
			if _, err := io.ReadFull(r.Literal(), make([]byte, tt.read)); tt.read > 0 && err != nil {
				t.Fatal(err)
			}
			err = r.Abandon(b)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Abandon: %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if piece, err := r.Next(b); err != nil || string(piece.Command) != "b NOOP" {
				t.Errorf("behind it comes %q, %v", piece.Command, err)
			}
		})
	}
}

// TestLiteralCutShort: what the literal's reader has said, Next says again.
func TestLiteralCutShort(t *testing.T) {
	r := NewReader(strings.NewReader("a APPEND x {50+}\r\nxx"))
	if _, err := r.Next(Bounds{200, 200}); err != nil {
		t.Fatal(err)
	}
	r.Decide(Verdict{Do: Stream})
	if b, err := io.ReadAll(r.Literal()); string(b) != "xx" || err != io.ErrUnexpectedEOF {
		t.Errorf("literal is %q, %v", b, err)
	}
	if _, err := r.Next(Bounds{200, 200}); err != io.ErrUnexpectedEOF {
		t.Errorf("Next behind it: %v", err)
	}
}

func TestUpgradeRefusesPlaintext(t *testing.T) {
	r := NewReader(strings.NewReader("a STARTTLS\r\nb NOOP\r\n"))
	if _, err := r.Next(Bounds{200, 200}); err != nil {
		t.Fatal(err)
	}
	if err := r.Upgrade(strings.NewReader("c NOOP\r\n")); err != ErrPlaintext {
		t.Errorf("Upgrade with a command buffered: %v", err)
	}
	r = NewReader(strings.NewReader("a STARTTLS\r\n"))
	if _, err := r.Next(Bounds{200, 200}); err != nil {
		t.Fatal(err)
	}
	if err := r.Upgrade(strings.NewReader("c NOOP\r\n")); err != nil {
		t.Fatal(err)
	}
	if piece, err := r.Next(Bounds{200, 200}); err != nil || string(piece.Command) != "c NOOP" {
		t.Errorf("behind the upgrade: %q, %v", piece.Command, err)
	}
}

// FuzzFraming: however the octets are split, the same commands and verdicts
// come out; octets of a literal that was refused or streamed are in no command;
// and nothing is held beyond the bounds and what came.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("a x \x01\x00abcde\x00b \x02\x00"), []byte{0, 3}, false)
	f.Add([]byte("a \x03\x00\x0c \x08\x00b\x00"), []byte{7}, false)
	f.Add([]byte("a \x04\x00\x0a\x0ab \x06\x00"), []byte{1, 1, 1}, false)
	f.Add([]byte("\x09 1 FETCH (BODY[] \x03\x00\x0c)\x00* OK \x01\x00"), []byte{9}, true)
	f.Add([]byte("\x0c\x0b\x01\x00\x0d\x00"), []byte{}, false)
	f.Fuzz(func(t *testing.T, ops, cuts []byte, responses bool) {
		var in []byte
		for _, op := range ops {
			if int(op) < len(fragments) {
				in = append(in, fragments[op]...)
			} else {
				in = append(in, op)
			}
		}
		b := Bounds{200, 500}
		whole := frames(bytes.NewReader(in), b, responses, false)
		split := frames(&chop{bytes.Clone(in), cuts}, b, responses, true)
		if strings.Join(whole, "\n") != strings.Join(split, "\n") {
			t.Fatalf("%q\nwhole:\n%s\nsplit by %v:\n%s", in, strings.Join(whole, "\n"), cuts, strings.Join(split, "\n"))
		}
		if want := naiveFrames(in, b, responses); strings.Join(whole, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q\ngot:\n%s\nwant:\n%s", in, strings.Join(whole, "\n"), strings.Join(want, "\n"))
		}
	})
}

// fragments are what an octet of low value stands for, so that random input has
// announcements in it.
var fragments = []string{
	"\r\n", "{5+}", "{50+}", "{200+}", "{20}", "{3}", "{99999999999999999999+}", "{400}", "{3+}", "* ", "\n",
	strings.Repeat("z", 50), strings.Repeat("#", 200), "#######", "~{4+}", "* OK ", "{0000000000000000000000000000000007+}", "{0}",
}

// naiveFrames is the table of framing over the whole input at once.
func naiveFrames(in []byte, b Bounds, responses bool) []string {
	var log []string
	add := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	for pos := 0; ; {
		if pos == len(in) {
			add("EOF")
			return log
		}
		var head []byte // gathered
		text, literals, dropping, skipped, streamed := 0, 0, false, 0, false
		front := func() []byte { return head[:min(64, len(head))] }
		var reject Reject
		for {
			i := bytes.IndexByte(in[pos:], '\n')
			n := i + 1
			if i < 0 {
				n = len(in) - pos
			}
			line := in[pos : pos+n]
			tooLong, wasDropping := false, dropping
			if !dropping && n > b.Line-text {
				tooLong, dropping = true, true
				head = append(head, line[:b.Line-text]...)
				reject = Reject{Kind: BAD, Text: "line too long"}
				skipped += n - (b.Line - text)
			} else if dropping {
				skipped += n
			}
			if dropping && int64(skipped) > b.Skip {
				add("BYE %q line without end", front())
				return log
			}
			if i < 0 {
				if !dropping && !tooLong && n == 0 && len(head) == 0 && !streamed {
					add("EOF")
				} else {
					add("unexpected EOF")
				}
				return log
			}
			pos += n
			if !dropping {
				head = append(head, line...)
				text += n
			}
			body := bytes.TrimSuffix(line, []byte("\n"))
			bare := !bytes.HasSuffix(body, []byte("\r"))
			body = bytes.TrimSuffix(body, []byte("\r"))
			var a Announce
			has := announcement(body, &a)
			if responses && literals == 0 && !streamed && !dropping && isStatusLine(body) {
				has = false
			}
			if wasDropping || tooLong {
				// Of a line that is dropped the last 32 octets are kept: what may be a
				// longer number is one.
				tail := line[max(0, len(line)-32):]
				digits, plus := bytes.CutSuffix(bytes.TrimSuffix(bytes.TrimSuffix(tail, []byte("\n")), []byte("\r")), []byte("+}"))
				if len(line) >= 32 && ascii.All(ascii.Digit, digits) {
					a, has = Announce{NonSync: true, Overflow: true}, plus
				}
			}
			if bare && !dropping {
				dropping, reject = true, Reject{Kind: BAD, Text: "line that ends in LF without CR"}
			}
			if !has {
				if dropping {
					add("%s %q %s", reject.Kind, front(), reject.Text)
				} else {
					add("command %q", head[:len(head)-2])
				}
				break
			}
			comes := a.NonSync || responses
			if !dropping {
				switch {
				case a.Size <= 10 && !a.Overflow:
					m := min(int(a.Size), len(in)-pos)
					head = append(head, in[pos:pos+m]...)
					pos += m
					literals++
					if m < int(a.Size) {
						add("unexpected EOF")
						return log
					}
					continue
				case a.Size <= 100:
					add("stream %d of %q", a.Size, head)
					m := min(int(a.Size), len(in)-pos)
					if m < int(a.Size) {
						add("octets %q unexpected EOF", in[pos:pos+m])
						return log
					}
					add("octets %q <nil>", in[pos:pos+m])
					pos += m
					head, text, literals, streamed = nil, 0, 0, true
					continue
				}
				add("refuse %d %v %v", a.Size, a.NonSync, a.Overflow)
				dropping, reject = true, Reject{Kind: NO, Text: "no"}
			}
			if !comes {
				add("%s %q %s", reject.Kind, front(), reject.Text)
				break
			}
			if a.Overflow || a.Size > uint64(b.Skip-int64(skipped)) {
				add("BYE %q too much to skip", front())
				return log
			}
			if int(a.Size) > len(in)-pos {
				add("unexpected EOF")
				return log
			}
			pos += int(a.Size)
			skipped += int(a.Size)
		}
	}
}

// TestReaderMemory: a stated size takes no memory.
func TestReaderMemory(t *testing.T) {
	r := NewReader(strings.NewReader("a x {1000000}\r\nabc"))
	if _, err := r.Next(Bounds{200, 200}); err != nil {
		t.Fatal(err)
	}
	r.Decide(Verdict{Do: Inline})
	if _, err := r.Next(Bounds{200, 200}); err != io.ErrUnexpectedEOF {
		t.Errorf("Next = %v", err)
	}
	if cap(r.buf) > 4096 {
		t.Errorf("%d octets of memory for a literal of which 3 octets came", cap(r.buf))
	}
}

func BenchmarkReader(b *testing.B) {
	b.ReportAllocs()
	line := []byte("a1 UID FETCH 1:* (FLAGS)\r\n")
	r := NewReader(&repeat{line: line})
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := r.Next(Bounds{65536, 65536}); err != nil {
			b.Fatal(err)
		}
	}
}

// repeat gives one line again and again.
type repeat struct {
	line []byte
	off  int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], r.line[r.off:])
		n += m
		r.off = (r.off + m) % len(r.line)
	}
	return n, nil
}

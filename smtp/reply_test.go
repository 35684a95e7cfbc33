package smtp_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/smtp"
)

func TestAppendReply(t *testing.T) {
	tests := []struct {
		name string
		in   smtp.Reply
		want string
	}{
		{"plain", smtp.Reply{Code: 250, Text: "OK"}, "250 OK\r\n"},
		{"enhanced", smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no"}, "550 5.1.1 no\r\n"},
		{"no text", smtp.Reply{Code: 250}, "250 \r\n"},
		{"enhanced alone", smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{2, 0, 0}}, "250 2.0.0 \r\n"},
		{
			"each line has the code", smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "a\nb\nc"},
			"550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c\r\n",
		},
		{"CRLF separates once", smtp.Reply{Code: 250, Text: "a\r\nb"}, "250-a\r\n250 b\r\n"},
		{"CR separates", smtp.Reply{Code: 250, Text: "a\rb"}, "250-a\r\n250 b\r\n"},
		{"an empty line is kept", smtp.Reply{Code: 250, Text: "a\n\nb"}, "250-a\r\n250-\r\n250 b\r\n"},
		{"line ends at the end are not", smtp.Reply{Code: 250, Text: "a\r\n\r\n"}, "250 a\r\n"},
		{"an injected reply is text", smtp.Reply{Code: 550, Text: "no\r\n250 yes"}, "550-no\r\n550 250 yes\r\n"},
		{"controls and 8-bit", smtp.Reply{Code: 250, Text: "a\x00b\x1b[1m\x7f\u00e9\tz"}, "250 a?b?[1m???" + "?z\r\n"},
		{"unicode line separator", smtp.Reply{Code: 250, Text: "a\u2028b\u0085c"}, "250 a???b??c\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(smtp.AppendReply([]byte("x"), tt.in)); got != "x"+tt.want {
				t.Errorf("got %q, want %q", got[1:], tt.want)
			}
		})
	}
}

// RFC 5321, section 4.5.3.1.5: 512 octets with code and CRLF.
func TestRFC5321_4_5_3_1_5_ReplyLine(t *testing.T) {
	word := strings.Repeat("w", 9) + " "
	tests := []struct {
		name, text string
		lines      int
		joined     string // the text of all lines, joined by a space
	}{
		{"short", "a b", 1, "a b"},
		{"words", strings.TrimSpace(strings.Repeat(word, 150)), 4, strings.TrimSpace(strings.Repeat(word, 150))},
		{"no spaces", strings.Repeat("x", 1200), 3, ""},
		{"a space first and none behind", " " + strings.Repeat("x", 1200), 3, ""},
		{"8-bit", strings.Repeat("\u00e9", 1000), 5, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, e := range []smtp.EnhancedCode{{}, {5, 1, 1}, {5, 999, 999}, {5, 65535, 65535}} {
				wire := smtp.AppendReply(nil, smtp.Reply{Code: 550, Enhanced: e, Text: tt.text})
				checkReplyOnWire(t, wire)
				if n := bytes.Count(wire, []byte("\r\n")); n != tt.lines {
					t.Errorf("%v: %d lines, want %d", e, n, tt.lines)
				}
				if r, err := smtp.ParseReply(wire); tt.joined != "" && (err != nil || strings.ReplaceAll(r.Text, "\n", " ") != tt.joined) {
					t.Errorf("%v: the words have changed: %q, %v", e, r.Text, err)
				}
			}
		})
	}
}

// checkReplyOnWire asserts what holds of every reply, whatever its text was:
// SEQ-18. It returns the reply's code.
func checkReplyOnWire(t testing.TB, wire []byte) int {
	t.Helper()
	rest, ok := bytes.CutSuffix(wire, []byte("\r\n"))
	if !ok {
		t.Fatalf("%.300q: no CRLF at the end", wire)
	}
	lines := bytes.Split(rest, []byte("\r\n"))
	code := ""
	for i, line := range lines {
		if len(line)+2 > 512 && !bytes.HasPrefix(line, []byte("334 ")) {
			t.Fatalf("%.300q: a line of %d octets", wire, len(line)+2)
		}
		if len(line) < 4 {
			t.Fatalf("%.300q: a line too short", wire)
		}
		for _, c := range line {
			if c < 0x20 || c > 0x7e {
				t.Fatalf("%.300q: octet %#x inside a line", wire, c)
			}
		}
		sep := byte('-')
		if i == len(lines)-1 {
			sep = ' '
		}
		if code == "" {
			code = string(line[:3])
		}
		if string(line[:3]) != code || line[3] != sep {
			t.Fatalf("%.300q: line %d has the wrong code or separator", wire, i)
		}
	}
	if code < "200" || code > "599" {
		t.Fatalf("%.300q: code %s", wire, code)
	}
	var n int
	fmt.Sscan(code, &n)
	return n
}

func TestChallenge(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"RFC 4954, section 4: empty is 334 and a space", nil, "334 \r\n"},
		{"octets", []byte("\x00\xff"), "334 AP8=\r\n"},
		{"long ones are not broken", bytes.Repeat([]byte("abc"), 1000), "334 " + strings.Repeat("YWJj", 1000) + "\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(smtp.AppendReply(nil, smtp.Challenge(tt.in))); got != tt.want {
				t.Errorf("got %.80q, want %.80q", got, tt.want)
			}
		})
	}
}

func TestParseReply(t *testing.T) {
	tests := []struct {
		name, in string
		want     smtp.Reply
		bad      bool
	}{
		{"one line", "250 OK\r\n", smtp.Reply{Code: 250, Text: "OK"}, false},
		{"no text", "250\r\n", smtp.Reply{Code: 250}, false},
		{"space and no text", "250 \r\n", smtp.Reply{Code: 250}, false},
		{"lines", "250-a\r\n250-b c\r\n250 d\r\n", smtp.Reply{Code: 250, Text: "a\nb c\nd"}, false},
		{"hyphen and no text", "250-\r\n250 d\r\n", smtp.Reply{Code: 250, Text: "\nd"}, false},
		{"last line without text", "250-a\r\n250\r\n", smtp.Reply{Code: 250, Text: "a\n"}, false},
		{"enhanced", "550 5.1.1 no\r\n", smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no"}, false},
		{"enhanced in each line", "250-2.1.5 a\r\n250 2.1.5 b\r\n", smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{2, 1, 5}, Text: "a\nb"}, false},
		{"enhanced in the first alone", "250-2.1.5 a\r\n250 b\r\n", smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{2, 1, 5}, Text: "a\nb"}, false},
		{"another in the second stays", "250-2.1.5 a\r\n250 2.0.0 b\r\n", smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{2, 1, 5}, Text: "a\n2.0.0 b"}, false},
		{"in the second alone it stays", "250-a\r\n250 2.0.0 b\r\n", smtp.Reply{Code: 250, Text: "a\n2.0.0 b"}, false},
		{"of another class it is text", "550 2.1.5 a\r\n", smtp.Reply{Code: 550, Text: "2.1.5 a"}, false},
		{"not of a 3xx", "354 2.1.5 a\r\n", smtp.Reply{Code: 354, Text: "2.1.5 a"}, false},
		{"8-bit text passes", "250 \xff\r\n", smtp.Reply{Code: 250, Text: "\xff"}, false},

		{"empty", "", smtp.Reply{}, true},
		{"no CRLF", "250 OK", smtp.Reply{}, true},
		{"LF only", "250 OK\n", smtp.Reply{}, true},
		{"never ends", "250-a\r\n", smtp.Reply{}, true},
		{"differing codes: 79", "250-a\r\n251 b\r\n", smtp.Reply{}, true},
		{"two replies", "250 a\r\n250 b\r\n", smtp.Reply{}, true},
		{"octets behind", "250 a\r\nx", smtp.Reply{}, true},
		{"two digits", "25 a\r\n", smtp.Reply{}, true},
		{"four digits", "2500 a\r\n", smtp.Reply{}, true},
		{"code 199", "199 a\r\n", smtp.Reply{}, true},
		{"code 600", "600 a\r\n", smtp.Reply{}, true},
		{"no code", "hello\r\n", smtp.Reply{}, true},
		{"tab behind the code", "250\ta\r\n", smtp.Reply{}, true},
		{"space first", " 250 a\r\n", smtp.Reply{}, true},
		{"empty line", "\r\n", smtp.Reply{}, true},
		{"bare LF inside: Text would have a line more", "250 a\n550 b\r\n", smtp.Reply{}, true},
		{"bare CR inside", "250 a\rb\r\n", smtp.Reply{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := smtp.ParseReply([]byte(tt.in))
			if tt.bad != (err != nil) || got != tt.want {
				t.Errorf("ParseReply(%q) = %+v, %v; want %+v, bad %v", tt.in, got, err, tt.want, tt.bad)
			}
		})
	}
}

func TestReply(t *testing.T) {
	r := smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "a\nb"}
	if got, want := r.String(), "550 5.1.1 a / b"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"a", "b"}, slices.Collect(r.Lines())); diff != "" {
		t.Errorf("Lines (-want +got):\n%s", diff)
	}
	if got := slices.Collect(smtp.Reply{}.Lines()); len(got) != 1 {
		t.Errorf("no text has %d lines, want 1", len(got))
	}
	for code, want := range map[int]bool{0: false, 199: false, 200: true, 250: true, 354: true, 399: true, 400: false, 421: false, 550: false, 600: false} {
		if got := (smtp.Reply{Code: code}).Positive(); got != want {
			t.Errorf("%d: Positive() = %v", code, got)
		}
	}
	rejected := &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "a"}
	if got := rejected.Reply(); got != (smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "a"}) {
		t.Errorf("Reject.Reply() = %v", got)
	}
	for code, want := range map[int]bool{450: true, 421: true, 550: false} {
		if got := (&smtp.ReplyError{Command: smtp.RCPT, Reply: smtp.Reply{Code: code}}).Temporary(); got != want {
			t.Errorf("%d: Temporary() = %v", code, got)
		}
	}
}

// What others said stays recognisable and harmless in an error's text.
func TestReplyErrorQuotes(t *testing.T) {
	err := &smtp.ReplyError{Command: smtp.RCPT, Reply: smtp.Reply{Code: 550, Text: "a\r\x1b[31m"}}
	if s := err.Error(); strings.ContainsAny(s, "\r\n\x1b") || !strings.Contains(s, "RCPT") {
		t.Errorf("Error() = %q", s)
	}
}

// Whatever the text holds, the result is one reply, and it means what it says:
// printed again it is the same octets.
func FuzzReply(f *testing.F) {
	f.Add(uint16(250), uint16(2), uint16(1), uint16(5), "OK")
	f.Add(uint16(550), uint16(0), uint16(0), uint16(0), "a\r\nb\n\rc")
	f.Add(uint16(550), uint16(5), uint16(65535), uint16(65535), strings.Repeat("long ", 300))
	f.Add(uint16(451), uint16(4), uint16(0), uint16(0), strings.Repeat("\xff", 600)+"\n4.0.0 x")
	f.Fuzz(func(t *testing.T, code, class, subject, detail uint16, text string) {
		r := smtp.Reply{Code: 200 + int(code)%400, Enhanced: smtp.EnhancedCode{class, subject, detail}, Text: text}
		if r.Code == 334 {
			return // challenges are bounded elsewhere
		}
		r.Enhanced = r.Enhanced.ForReply(r.Code)
		wire := smtp.AppendReply(nil, r)
		if got := checkReplyOnWire(t, wire); got != r.Code {
			t.Fatalf("%+v: code %d", r, got)
		}
		parsed, err := smtp.ParseReply(wire)
		if err != nil {
			t.Fatalf("%+v gives %q, which cannot be read: %v", r, wire, err)
		}
		if !r.Enhanced.IsZero() && parsed.Enhanced != r.Enhanced {
			t.Fatalf("%+v: enhanced code read as %v", r, parsed.Enhanced)
		}
		if again, err := smtp.ParseReply(smtp.AppendReply(nil, parsed)); err != nil || strings.TrimRight(again.Text, "\n") != strings.TrimRight(parsed.Text, "\n") || again.Code != parsed.Code {
			t.Fatalf("%q was read as %+v, and that as %+v (%v)", wire, parsed, again, err)
		}
	})
}

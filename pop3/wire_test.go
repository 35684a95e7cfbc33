package pop3

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		line, name, arg string
		verb            Verb
	}{
		{"STAT", "STAT", "", STAT},
		{"stat", "stat", "", STAT},
		{"uTf8", "uTf8", "", UTF8},
		{"TOP 1 2", "TOP", "1 2", TOP},
		{"PASS  a b ", "PASS", " a b ", PASS},
		{"PASS", "PASS", "", PASS},
		{"", "", "", UnknownVerb},
		{" STAT", "", "STAT", UnknownVerb},
		{"STATS", "STATS", "", UnknownVerb},
		{"STAT\t1", "STAT\t1", "", UnknownVerb},
		{"UIDL\x80", "UIDL\x80", "", UnknownVerb},
	}
	for _, tt := range tests {
		c := ParseCommand([]byte(tt.line))
		if c.Verb != tt.verb || string(c.Name) != tt.name || string(c.Arg) != tt.arg {
			t.Errorf("ParseCommand(%q) = %v %q %q, want %v %q %q", tt.line, c.Verb, c.Name, c.Arg, tt.verb, tt.name, tt.arg)
		}
	}
}

func TestParseVerbKnowsAll(t *testing.T) {
	for v := UnknownVerb + 1; v < numVerbs; v++ {
		if got := ParseVerb([]byte(strings.ToLower(v.String()))); got != v {
			t.Errorf("ParseVerb(%q) = %v", v, got)
		}
	}
}

// No argument says a command of its own: RFC 1939, section 3.
func TestAppendCommand(t *testing.T) {
	tests := []struct {
		name string
		verb Verb
		args []string
		want string // "": refused
	}{
		{"none", STAT, nil, "STAT\r\n"},
		{"two", TOP, []string{"1", "10"}, "TOP 1 10\r\n"},
		{"password with spaces", PASS, []string{" a b "}, "PASS  a b \r\n"},
		{"password with TAB", PASS, []string{"a\tb"}, "PASS a\tb\r\n"},
		{"UTF-8", USER, []string{"grüße"}, "USER grüße\r\n"},
		{"255 octets", USER, []string{strings.Repeat("a", 248)}, "USER " + strings.Repeat("a", 248) + "\r\n"},
		{"256 octets", USER, []string{strings.Repeat("a", 249)}, ""},
		{"CRLF", USER, []string{"bob\r\nDELE 1"}, ""},
		{"CR", PASS, []string{"bob\r"}, ""},
		{"LF", PASS, []string{"bob\n"}, ""},
		{"NUL", PASS, []string{"b\x00b"}, ""},
		{"space", USER, []string{"bob smith"}, ""},
		{"empty", USER, []string{""}, ""},
		{"unknown", UnknownVerb, nil, ""},
	}
	for _, tt := range tests {
		got, err := AppendCommand([]byte("x"), tt.verb, tt.args...)
		if want := "x" + tt.want; string(got) != want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, want)
		}
		if err != nil && tt.verb == PASS && strings.Contains(err.Error(), "bob") {
			t.Errorf("%s: the error tells the password: %v", tt.name, err)
		}
	}
}

func TestParseReply(t *testing.T) {
	tests := []struct {
		line string
		want Reply
		ok   bool
	}{
		{"+OK", Reply{OK: true}, true},
		{"+ok x", Reply{OK: true, Text: "x"}, true},
		{"+OK  x ", Reply{OK: true, Text: "x"}, true},
		{"-ERR", Reply{}, true},
		{"-ERR [IN-USE] Do you have another POP session running?", Reply{Code: InUse, Text: "Do you have another POP session running?"}, true}, // RFC 2449, section 8
		{"-ERR [SYS/TEMP/DISK]full", Reply{Code: "SYS/TEMP/DISK", Text: "full"}, true},
		{"-ERR [] x", Reply{Text: "[] x"}, true},
		{"-ERR [a b] x", Reply{Text: "[a b] x"}, true},
		{"-ERR [a//b] x", Reply{Text: "[a//b] x"}, true},
		{"-ERR [a", Reply{Text: "[a"}, true},
		{"+OKx", Reply{}, false},
		{"+OK\tx", Reply{}, false},
		{"", Reply{}, false},
		{"+", Reply{}, false},
		{"OK", Reply{}, false},
		{" +OK", Reply{}, false},
	}
	for _, tt := range tests {
		got, err := ParseReply([]byte(tt.line))
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseReply(%q) = %+v, %v; want %+v", tt.line, got, err, tt.want)
		}
	}
}

// Whatever a backend says, it is one line. RFC 1939, section 3.
func TestAppendReply(t *testing.T) {
	tests := []struct {
		name string
		r    Reply
		want string
	}{
		{"bare", Reply{OK: true}, "+OK\r\n"},
		{"code", Reply{Code: SysTemp, Text: "later"}, "-ERR [SYS/TEMP] later\r\n"},
		{"code alone", Reply{Code: SysTemp}, "-ERR [SYS/TEMP]\r\n"},
		{"bad code", Reply{Code: "a]\r\n+OK", Text: "x"}, "-ERR x\r\n"},
		{"CRLF", Reply{OK: true, Text: "a\r\n.\r\n+OK"}, "+OK a??.??+OK\r\n"},
		{"NUL", Reply{OK: true, Text: "a\x00"}, "+OK a?\r\n"},
		{"bracket", Reply{Text: "[IN-USE] x"}, "-ERR - [IN-USE] x\r\n"},
		{"bracket behind spaces", Reply{Text: "  [IN-USE] x"}, "-ERR - [IN-USE] x\r\n"},
		{"bracket behind a code", Reply{Code: InUse, Text: "[x]"}, "-ERR [IN-USE] - [x]\r\n"},
		{"512 octets", Reply{OK: true, Text: strings.Repeat("a", 600)}, "+OK " + strings.Repeat("a", 506) + "\r\n"},
		{"cut between characters", Reply{OK: true, Text: "a" + strings.Repeat("ü", 300)}, "+OK a" + strings.Repeat("ü", 252) + "\r\n"},
	}
	for _, tt := range tests {
		if got := AppendReply(nil, tt.r); string(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWithin(t *testing.T) {
	tests := []struct {
		code, parent RespCode
		want         bool
	}{
		{"SYS/TEMP", "SYS/TEMP", true}, {"sys/temp/x", "SYS/TEMP", true}, {"SYS/TEMP", "SYS", true},
		{"SYSTEM", "SYS", false}, {"SYS", "SYS/TEMP", false}, {"", "SYS", false}, {"SYS/TEMPX", "SYS/TEMP", false},
	}
	for _, tt := range tests {
		if got := tt.code.Within(tt.parent); got != tt.want {
			t.Errorf("%q within %q: %v", tt.code, tt.parent, got)
		}
	}
}

// RFC 2449, sections 5 and 6.7: the examples.
func TestCapsExamples(t *testing.T) {
	lines := func(s string) Caps {
		return ParseCaps(slices.Values(bytes.Split([]byte(s), []byte("\r\n"))))
	}
	got := lines("TOP\r\nUSER\r\nSASL CRAM-MD5 KERBEROS_V4\r\nRESP-CODES\r\nLOGIN-DELAY 900\r\nPIPELINING\r\nEXPIRE 60\r\nUIDL\r\nIMPLEMENTATION Shlemazle-Plotz-v302")
	want := Caps{Top: true, User: true, SASL: []string{"CRAM-MD5", "KERBEROS_V4"}, RespCodes: true, Pipelining: true, UIDL: true,
		LoginDelay: Period{Set: true, N: 900}, Expire: Period{Set: true, N: 60}, Implementation: "Shlemazle-Plotz-v302"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for line, want := range map[string]Caps{
		"EXPIRE 5 USER":            {Expire: Period{Set: true, N: 5, PerUser: true}},
		"EXPIRE 30":                {Expire: Period{Set: true, N: 30}},
		"expire never":             {Expire: Period{Set: true, Never: true}},
		"EXPIRE 0":                 {Expire: Period{Set: true}},
		"EXPIRE soon":              {Other: []string{"EXPIRE soon"}},
		"LOGIN-DELAY NEVER":        {Other: []string{"LOGIN-DELAY NEVER"}},
		"utf8 user":                {UTF8: true, UTF8User: true},
		"XTND  a":                  {Other: []string{"XTND  a"}},
		"SASL PLAIN\r\nSASL LOGIN": {SASL: []string{"PLAIN", "LOGIN"}},
	} {
		if diff := cmp.Diff(want, lines(line)); diff != "" {
			t.Errorf("%s: -want +got\n%s", line, diff)
		}
	}
}

func TestAppendCapsIsSafe(t *testing.T) {
	got := AppendCaps(nil, Caps{Implementation: "a\r\n.", Other: []string{"", ".", "X\r\nY", "XOK 1", strings.Repeat("X", 511)}, SASL: []string{"", "A B", "PLAIN"}})
	if want := "SASL PLAIN\r\nXOK 1\r\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseListings(t *testing.T) {
	for line, want := range map[string][2]int64{
		"1 5": {1, 5}, "1  5": {1, 5}, " 1 5 ": {1, 5}, "1 5 more": {1, 5}, "2147483647 9223372036854775807": {2147483647, 9223372036854775807},
		"1": {}, "": {}, "x y": {}, "0 5": {}, "1 -5": {}, "1 99999999999999999999": {}, "1 5x": {}, "2147483648 1": {}, "1\t5": {},
	} {
		n, size, err := ParseScan([]byte(line))
		if int64(n) != want[0] || size != want[1] || (err == nil) != (want[0] != 0) {
			t.Errorf("ParseScan(%q) = %d, %d, %v", line, n, size, err)
		}
	}
	for line, want := range map[string]string{
		"1 abc": "abc", "1  abc ": "abc", "1 abc def": "abc", "1": "", "1 ": "",
	} {
		if n, uid, err := ParseUnique([]byte(line)); n != 1 || uid != want || err != nil {
			t.Errorf("ParseUnique(%q) = %d, %q, %v", line, n, uid, err)
		}
	}
	for _, line := range []string{"", "x a", "0 a", "99999999999 a"} {
		if n, uid, err := ParseUnique([]byte(line)); err == nil {
			t.Errorf("ParseUnique(%q) = %d, %q", line, n, uid)
		}
	}
	if n, size, err := ParseStat("0 0"); n != 0 || size != 0 || err != nil {
		t.Errorf("ParseStat of an empty maildrop: %d, %d, %v", n, size, err)
	}
	if _, _, err := ParseStat(""); err == nil {
		t.Error("ParseStat takes nothing for something")
	}
}

// RFC 1939, section 7, and CVE-2007-1558.
func TestStamp(t *testing.T) {
	if got := Digest(stamp, []byte(secret)); got != "c4c9334bac560ecc979e58001b3e22fb" {
		t.Errorf("digest %s", got)
	}
	for text, want := range map[string]string{
		"POP3 server ready " + stamp:   stamp,
		stamp + " POP3 server ready":   stamp,
		"hello <there> <<a@b> x":       "<a@b>",
		"<a@b@c>":                      "",
		"<ab>":                         "",
		"<@b>":                         "",
		"<a@>":                         "",
		"<a@b":                         "",
		"<a b@c>":                      "",
		"<a\x80@c>":                    "",
		"<a\x01@c>":                    "",
		"":                             "",
		"<a@b> and <c@d>":              "<a@b>",
		"x<bad stamp@x> y<1.2@host>no": "<1.2@host>",
	} {
		if got := FindStamp(text); got != want {
			t.Errorf("FindStamp(%q) = %q, want %q", text, got, want)
		}
	}
}

// encode sends a message in pieces of n octets.
func encode(w BodyWriter, message string, n int) string {
	var out []byte
	for done := false; len(message) > 0 && !done; {
		k := min(n, len(message))
		out, done = w.Append(out, []byte(message[:k]))
		message = message[k:]
	}
	return string(w.Finish(out))
}

// RFC 1939, sections 3 and 11.
func TestBodyWriter(t *testing.T) {
	tests := []struct{ name, message, want string }{
		{"empty", "", ".\r\n"},
		{"lone dot", ".\r\n", "..\r\n.\r\n"},
		{"first octet", ".x", "..x\r\n.\r\n"},
		{"dots", "..x\r\n", "...x\r\n.\r\n"},
		{"bare LF before dot", "a\n.b", "a\r\n..b\r\n.\r\n"},
		{"bare CR before dot", "a\r.b", "a\r\n..b\r\n.\r\n"},
		{"no end", "x", "x\r\n.\r\n"},
		{"CR at the end", "x\r", "x\r\n.\r\n"},
		{"NUL", "a\x00b\r\n", "a\x00b\r\n.\r\n"},
		{"dot inside", "a.\r\nb.", "a.\r\nb.\r\n.\r\n"},
		{"would-be end", "a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"},
	}
	for _, tt := range tests {
		for _, n := range []int{1, 2, 1 << 20} {
			if got := encode(BodyWriter{}, tt.message, n); got != tt.want {
				t.Errorf("%s, pieces of %d: %q, want %q", tt.name, n, got, tt.want)
			}
		}
	}
}

// RFC 1939, section 7.
func TestBodyWriterTop(t *testing.T) {
	const message = "A: 1\nB: 2\n\n.one\ntwo\n\nfour"
	tests := []struct {
		name, message string
		lines         int
		want          string
	}{
		{"none", message, 0, "A: 1\r\nB: 2\r\n\r\n.\r\n"},
		{"one", message, 1, "A: 1\r\nB: 2\r\n\r\n..one\r\n.\r\n"},
		{"three", message, 3, "A: 1\r\nB: 2\r\n\r\n..one\r\ntwo\r\n\r\n.\r\n"},
		{"more than there are", message, 9, "A: 1\r\nB: 2\r\n\r\n..one\r\ntwo\r\n\r\nfour\r\n.\r\n"},
		{"no body", "A: 1\r\n", 0, "A: 1\r\n.\r\n"},
		{"no header", "\r\none\r\ntwo\r\n", 1, "\r\none\r\n.\r\n"},
		{"empty", "", 0, ".\r\n"},
		{"blank line at last", "A: 1\r\n\r\n", 0, "A: 1\r\n\r\n.\r\n"},
		{"bare CR", "A: 1\r\rone\rtwo\r", 1, "A: 1\r\n\r\none\r\n.\r\n"},
		{"header line of a dot", ".\n\n.\n.\n", 1, "..\r\n\r\n..\r\n.\r\n"},
	}
	for _, tt := range tests {
		for _, n := range []int{1, 2, 1 << 20} {
			if got := encode(BodyWriter{Top: true, Lines: tt.lines}, tt.message, n); got != tt.want {
				t.Errorf("%s, pieces of %d: %q, want %q", tt.name, n, got, tt.want)
			}
		}
	}
}

func TestSize(t *testing.T) {
	for message, want := range map[string]int64{
		"": 0, "a\nb": 6, "a\r\nb\r\n": 6, "a\rb\r": 6, ".": 3, "\r": 2, "\n": 2, "\r\n": 2, "\n\r": 4,
	} {
		if got, err := Size(iotest.OneByteReader(strings.NewReader(message))); got != want || err != nil {
			t.Errorf("Size(%q) = %d, %v; want %d", message, got, err, want)
		}
	}
	if _, err := Size(iotest.ErrReader(errBroken)); err != errBroken {
		t.Errorf("error %v", err)
	}
}

func TestBody(t *testing.T) {
	long := strings.Repeat("x", 64<<10+1)
	tests := []struct {
		name, wire, want string
		limit            int64
		err              error
	}{
		{"empty", ".\r\n+OK", "", 0, nil},
		{"dots", "..x\r\n.y\r\n.\r\n+OK", ".x\r\ny\r\n", 0, nil},
		{"long line", long + "\r\n.\r\n+OK", long + "\r\n", 0, nil},
		{"8 bits and NUL", "\xff\x00\r\n.\r\n+OK", "\xff\x00\r\n", 0, nil},
		{"bare line ends are content", "a\n.\nb\r.\r\r\n.\r\n+OK", "a\n.\nb\r.\r\r\n", 0, nil},
		{"ends early", "a\r\n", "a\r\n", 0, io.ErrUnexpectedEOF},
		{"ends inside the end", "a\r\n.\r", "a\r\n", 0, io.ErrUnexpectedEOF},
		{"too long", "abc\r\nd", "", 4, ErrBodyTooLong},
		{"of the limit", "abc\r\n.\r\n+OK", "abc\r\n", 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for way, src := range map[string]io.Reader{"whole": strings.NewReader(tt.wire), "octets": iotest.OneByteReader(strings.NewReader(tt.wire))} {
				r := NewReader(src)
				got, err := io.ReadAll(r.Body(tt.limit))
				if err != tt.err || tt.err == nil && string(got) != tt.want {
					t.Errorf("%s: %.60q, %v; want %.60q, %v", way, got, err, tt.want, tt.err)
				}
				if tt.err == nil {
					if err := r.Fill(); err != nil || r.Buffered() == 0 {
						t.Errorf("%s: what follows is lost: %v", way, err)
					}
				}
			}
			var out bytes.Buffer
			if _, err := NewReader(strings.NewReader(tt.wire)).Body(tt.limit).WriteTo(&out); err != tt.err || tt.err == nil && out.String() != tt.want {
				t.Errorf("WriteTo: %.60q, %v", out.String(), err)
			}
			if err := NewReader(strings.NewReader(tt.wire)).Body(tt.limit).Drain(); err != tt.err {
				t.Errorf("Drain: %v", err)
			}
		})
	}
}

func TestBodyLines(t *testing.T) {
	tests := []struct {
		name, wire string
		limit      int64
		want       []string
		err        error
	}{
		{"lines", "1 a\r\n..2\r\n\r\n.\r\n+OK\r\n", 0, []string{"1 a", ".2", ""}, nil},
		{"none", ".\r\n+OK\r\n", 0, nil, nil},
		{"ends early", "1 a\r\n2", 0, []string{"1 a"}, io.ErrUnexpectedEOF},
		{"too long a line", "1 a\r\n" + strings.Repeat("x", 100) + "\r\n.\r\n+OK\r\n", 0, []string{"1 a"}, ErrLineTooLong},
		{"too much", "1 a\r\n2 b\r\n.\r\n+OK\r\n", 7, []string{"1 a"}, ErrBodyTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.wire))
			body := r.Body(tt.limit)
			var got []string
			var err error
			for line, e := range body.Lines(80) {
				if e != nil {
					err = e
					break
				}
				got = append(got, string(line))
			}
			if !slices.Equal(got, tt.want) || err != tt.err {
				t.Errorf("%q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
			if tt.err == nil || tt.err == ErrLineTooLong {
				if err := body.Drain(); err != nil {
					t.Fatal(err)
				}
				if line, err := r.ReadLine(80); string(line) != "+OK" || err != nil {
					t.Errorf("behind it: %q, %v", line, err)
				}
			}
		})
	}
}

// A body that is left in the middle of its lines is drained to the right place.
func TestBodyLinesThenDrain(t *testing.T) {
	r := NewReader(strings.NewReader("1 a\r\n..\r\n2 b\r\n.\r\n+OK\r\n"))
	body := r.Body(0)
	for range body.Lines(80) {
		break
	}
	if err := body.Drain(); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadLine(80); string(line) != "+OK" || err != nil {
		t.Errorf("behind it: %q, %v", line, err)
	}
}

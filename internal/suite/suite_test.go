package suite

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/internal/transcript"
)

func TestJudge(t *testing.T) {
	known := map[string]string{"A-1": "their bug"}
	tests := []struct {
		id, skipped string
		err         error
		want        Verdict
		reason      string
	}{
		{id: "B-2", want: Passed},
		{id: "B-2", err: errors.New("no"), want: Failed, reason: "no"},
		{id: "B-2", skipped: "not offered", want: Skipped, reason: "not offered"},
		{id: "A-1", err: errors.New("no"), want: Excused, reason: "their bug (no)"},
		{id: "A-1", skipped: "not offered", want: Skipped, reason: "not offered"},
		{id: "A-1", want: Failed, reason: "the case is in Known, and passes: their bug"},
	}
	for _, tt := range tests {
		if v, reason := Judge(known, tt.id, tt.err, tt.skipped); v != tt.want || reason != tt.reason {
			t.Errorf("Judge(%s, %v, %q) = %s, %q; want %s, %q", tt.id, tt.err, tt.skipped, v, reason, tt.want, tt.reason)
		}
	}
}

func TestText(t *testing.T) {
	about := Describe("A-1", "a rule", Should, []string{"RFC 1, section 2"})
	if got, want := Text(about, Failed, "no", "C: x\n"), "A-1 (SHOULD; RFC 1, section 2): a rule: failed: no\nC: x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Text(about, Passed, "", "C: x\n"), "A-1 (SHOULD; RFC 1, section 2): a rule: passed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompare(t *testing.T) {
	ids := []string{"B-10", "A-9b", "C-100", "A-9", "B-9"}
	slices.SortFunc(ids, Compare)
	if got, want := strings.Join(ids, " "), "A-9 A-9b B-9 B-10 C-100"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHarm(t *testing.T) {
	h := Delivers | Loads
	if h.String() != "delivers|loads" || Harm(0).String() != "none" {
		t.Errorf("got %s, %s", h, Harm(0))
	}
	if got := h.Forbidden(Loads | Guesses); got != "forbidden by the Target: loads" {
		t.Errorf("got %q", got)
	}
	if got := h.Forbidden(Guesses); got != "" {
		t.Errorf("got %q", got)
	}
}

// What a case does not own up to, it cannot do.
func TestGuard(t *testing.T) {
	g := Guard{Allowed: Changes}
	if err := g.Send("x", Changes); err != nil {
		t.Error(err)
	}
	if err := g.Send("x", Delivers); err == nil {
		t.Error("mail may be sent")
	}
	if err := g.Send(strings.Repeat("x", maxOctets), 0); err == nil {
		t.Error("a flood may be sent")
	}
	g = Guard{}
	for range maxDials {
		if err := g.Dial(); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Dial(); err == nil {
		t.Error("any number of connections may be made")
	}
	g.Allowed = Loads
	if err := g.Dial(); err != nil {
		t.Error(err)
	}
}

// A log can be read as a script, whatever octets it has, has no secrets, and says
// what was sent where that is not too long to be shown.
func FuzzLog(f *testing.F) {
	f.Add(true, "NOOP\r\nA LOGIN x sesame\r\n")
	f.Add(false, "220 x \r\n\r\n...\r\n<closed>\r\n{{any}}\r\n\x00\xff\n.\r\n")
	f.Add(false, strings.Repeat("x", 1000)+"\r\n"+strings.Repeat("y\r\n", 100))
	f.Fuzz(func(t *testing.T, client bool, octets string) {
		name, side := "S", transcript.Server
		if client {
			name, side = "C", transcript.Client
		}
		var l Log
		l.Hide("sesame")
		l.Note("a rule")
		l.Octets(name, octets)
		l.TLS()
		l.Note("%s", octets)
		l.Closed()
		s := l.String()
		script, err := transcript.Parse("log", []byte(s))
		if err != nil {
			t.Fatalf("%q is written down as\n%s%v", octets, s, err)
		}
		if strings.Contains(s, "sesame") {
			t.Errorf("a secret is shown:\n%s", s)
		}
		if len(octets) < maxLine && strings.Count(octets, "\n") < maxBurst && !l.Secret(octets) {
			if got := script.Octets(side); string(got) != octets {
				t.Errorf("%q is written down as\n%swhich is %q", octets, s, got)
			}
		}
	})
}

// What is long is cut in its middle.
func TestLogCut(t *testing.T) {
	var l Log
	l.Octets("C", "first\r\n")
	for range 20_000 {
		l.Octets("C", "something\r\n")
	}
	l.Octets("C", "last\r\n")
	s := l.String()
	if len(s) > maxHead+2*maxTail+100 || !strings.HasPrefix(s, "C: first\n") || !strings.HasSuffix(s, "\nC: last\n") || !strings.Contains(s, "left out") {
		t.Errorf("%d octets, %.40q", len(s), s)
	}
	l.Reset()
	if l.String() != "" {
		t.Error("Reset leaves something")
	}
}

// What a server says does not reach the terminal of who reads of it.
func TestLogPrintable(t *testing.T) {
	var l Log
	l.Hide("sesame")
	err := l.Error("got %s, sesame, caf\u00e9", "\x1b[2J\xff\r\n\x00")
	if got, want := err.Error(), "got \\x1b[2J\ufffd\\r\n\\x00, [6 octets], caf\u00e9"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := l.String(), "# got \\x1b[2J\ufffd\\r\n# \\x00, [6 octets], caf\u00e9\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogHidesBase64(t *testing.T) {
	var l Log
	l.Hide("\x00ann\x00sesame")
	if got := l.Mask("AUTH PLAIN AGFubgBzZXNhbWU= and AGFubgBzZXNhbWUA"); strings.Contains(got, "AGFu") {
		t.Errorf("got %q", got)
	}
}

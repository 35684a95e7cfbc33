package transcript_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mailwire/mailwire/internal/transcript"
)

func TestParse(t *testing.T) {
	got, err := transcript.Parse("x.txt", []byte("#  RFC 5321, section 2.3.8 \r\nS: 220 ...\r\n\n# why\nS: ...\nS:\nC: a  {{3*xy}}\n"+
		"C~ \"\\x00\\n\"\nS~ `raw`\nevent: data \"x\"\nevent:\n-- tls --\nC: <close>\nS: <closed>"))
	if err != nil {
		t.Fatal(err)
	}
	want := &transcript.Script{File: "x.txt", Rule: "RFC 5321, section 2.3.8", Steps: []transcript.Step{
		{Line: 2, Kind: transcript.Line, Side: transcript.Server, Text: "220 ..."},
		{Line: 5, Kind: transcript.Skip, Side: transcript.Server},
		{Line: 6, Kind: transcript.Line, Side: transcript.Server},
		{Line: 7, Kind: transcript.Line, Side: transcript.Client, Text: "a  xyxyxy"},
		{Line: 8, Kind: transcript.Raw, Side: transcript.Client, Text: "\x00\n"},
		{Line: 9, Kind: transcript.Raw, Side: transcript.Server, Text: "raw"},
		{Line: 10, Kind: transcript.Event, Text: `data "x"`},
		{Line: 11, Kind: transcript.Event},
		{Line: 12, Kind: transcript.StartTLS},
		{Line: 13, Kind: transcript.Close, Side: transcript.Client},
		{Line: 14, Kind: transcript.Close, Side: transcript.Server},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := string(got.Octets(transcript.Client)), "a  xyxyxy\r\n\x00\n"; got != want {
		t.Errorf("client octets = %q, want %q", got, want)
	}
	if got, want := string(got.Octets(transcript.Server)), "220 ...\r\n\r\nraw"; got != want {
		t.Errorf("server octets = %q, want %q", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, script string
		line         int
		msg          string // a part of it
	}{
		{"empty", "", 1, "no comment"},
		{"no rule", "S: 220\n", 1, "first line"},
		{"empty rule", "#\nS: 220\n", 1, "first line"},
		{"other word", "# r\nX: 220\n", 2, "neither S:"},
		{"no colon", "# r\n\nS 220\n", 3, "colon or a tilde"},
		{"no space", "# r\nC:NOOP\n", 2, "no space"},
		{"space at the end", "# r\nS: 334 \n", 2, "white space at the end"},
		{"space at the end by repetition", "# r\nS: 334{{1* }}\n", 2, "white space at the end"},
		{"control octet", "# r\nC: \x00\n", 2, "control octet"},
		{"CR", "# r\nC: a\rb\n", 2, "control octet"},
		{"invisible", "# r\nC: a\u200b\n", 2, "control octet"},
		{"invalid UTF-8", "# r\nC: \xff\n", 2, "invalid UTF-8"},
		{"raw without quotes", "# r\nC~ NOOP\n", 2, "not a quoted"},
		{"raw rune", "# r\nC~ 'a'\n", 2, "quoted Go string"},
		{"raw and more", "# r\nC~ \"a\" b\n", 2, "not a quoted"},
		{"raw and empty", "# r\nC~ \"\"\n", 2, "no octets"},
		{"unknown braces", "# r\nS: {{Any}}\n", 2, "neither {{any}}"},
		{"open braces", "# r\nS: {{any\n", 2, "without }}"},
		{"nested braces", "# r\nS: {{2*{{any}}}}\n", 2, "neither {{any}}"},
		{"negative repetition", "# r\nC: {{-1*a}}\n", 2, "neither {{any}}"},
		{"endless repetition", "# r\nC: {{1048577*a}}\n", 2, "more than"},
		{"skip at the end", "# r\nS: ...\n", 2, "not followed"},
		{"skip before the other side", "# r\nS: ...\nC: a\n", 2, "not followed"},
		{"skip before octets", "# r\nS: ...\nS~ \"a\"\n", 2, "not followed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := transcript.Parse("x.txt", []byte(tt.script))
			e, ok := errors.AsType[*transcript.SyntaxError](err)
			if !ok {
				t.Fatalf("got %v, %v; want a *SyntaxError", s, err)
			}
			if e.File != "x.txt" || e.Line != tt.line || !strings.Contains(e.Msg, tt.msg) {
				t.Errorf("got %v; want x.txt:%d: ...%s...", e, tt.line, tt.msg)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.txt"), filepath.Join(dir, "bad.txt")
	os.WriteFile(good, []byte("# r\nC: NOOP\n"), 0o600)
	os.WriteFile(bad, []byte("# r\nNOOP\n"), 0o600)

	scripts, err := transcript.Load(good)
	if err != nil || len(scripts) != 1 || scripts[0].File != good {
		t.Errorf("got %v, %v; want the one script", scripts, err)
	}
	for pattern, want := range map[string]string{
		filepath.Join(dir, "none*"): "no file matches",
		bad:                         bad + ":2: ",
		"[":                         "syntax error in pattern",
	} {
		if _, err := transcript.Load(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q): got %v, want %q in it", pattern, err, want)
		}
	}
}

// FuzzParse: what is printed is what was parsed.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("# r\nS:\nS: 3 {{2*a}}\nS: ...\nS: {{any}} ...\nC~ \"\\xff\"\nC:  a\nC: <closed>\nevent:\n")
	f.Fuzz(func(t *testing.T, in string) {
		first, err := transcript.Parse("x", []byte(in))
		if err != nil {
			return
		}
		again, err := transcript.Parse("x", []byte(first.String()))
		if err != nil {
			t.Fatalf("printed %q: %v", first, err)
		}
		if diff := cmp.Diff(first, again, cmpopts.IgnoreFields(transcript.Step{}, "Line")); diff != "" {
			t.Fatalf("printed %q (-first +again):\n%s", first, diff)
		}
	})
}

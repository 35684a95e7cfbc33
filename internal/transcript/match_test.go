package transcript

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"250 OK", "250 OK", true},
		{"250 OK", "250 OKAY", false},
		{"250 OK", "250 O", false},
		{"250 ...", "250 anything", true},
		{"250 ...", "250 ", true},
		{"250 ...", "250", true},
		{"250 ...", "2500", false},
		{"250 ...", "250-anything", false},
		{"250-{{any}}", "250-SIZE 1", true},
		{"250-{{any}}", "250-", true},
		{"* {{any}} EXISTS", "* 3 EXISTS", true},
		{"* {{any}} EXISTS", "* EXISTS", false},
		{"a{{any}}a", "a", false},
		{"{{any}}", "", true},
		{"{{any}}b{{any}}c{{any}}", "abbbcd", true},
		{"{{any}}b{{any}}c{{any}}", "acb", false},
		{"+OK <{{any}}@{{any}}> ...", "+OK <1.2@x> ready", true},
	}
	for _, tt := range tests {
		if got := match(tt.pattern, tt.text); got != tt.want {
			t.Errorf("match(%q, %q) = %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}

// FuzzMatch compares match with a regular expression. Octets choose from very
// few pieces, so that patterns match now and then.
func FuzzMatch(f *testing.F) {
	f.Add([]byte{2, 1, 2, 1, 2}, []byte{0, 1, 0, 1})
	f.Add([]byte{0, 3}, []byte{0})
	f.Fuzz(func(t *testing.T, patternOctets, textOctets []byte) {
		pattern := spell(patternOctets, "a", "b", wildAny, wildRest)
		text := spell(textOctets, "a", "b", " ")
		head, rest := strings.CutSuffix(pattern, wildRest)
		expr := strings.ReplaceAll(regexp.QuoteMeta(head), regexp.QuoteMeta(wildAny), ".*")
		if rest {
			expr += "( .*)?"
		}
		if got, want := match(pattern, text), regexp.MustCompile("^"+expr+"$").MatchString(text); got != want {
			t.Errorf("match(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

func spell(octets []byte, pieces ...string) string {
	var b strings.Builder
	for _, o := range octets[:min(len(octets), 20)] {
		b.WriteString(pieces[int(o)%len(pieces)])
	}
	return b.String()
}

// FuzzSaid: the step that stands for octets says these octets and no others.
func FuzzSaid(f *testing.F) {
	for _, s := range []string{"250 OK\r\n", "250 OK \r\n", "\r\n", "...\r\n", "<closed>\r\n", "a ...\r\n", "{{any}}\r\n", "a\n", "\xff\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, octets string) {
		if octets == "" {
			return
		}
		step, err := parseStep(said(Server, octets).String())
		if err != nil || step.octets() != octets || step.Kind == Line && hasWild(step.Text) {
			t.Errorf("%q became %v, %v", octets, step, err)
		}
	})
}

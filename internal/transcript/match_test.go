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

// FuzzMatch compares match with a regular expression. The letters of the
// pattern are few, so that it matches now and then.
func FuzzMatch(f *testing.F) {
	f.Add("ab*a?a", "aababa")
	f.Add("a ...", "a")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		pattern = strings.ReplaceAll(pattern, "*", wildAny)
		head, rest := strings.CutSuffix(pattern, wildRest)
		expr := strings.ReplaceAll(regexp.QuoteMeta(head), regexp.QuoteMeta(wildAny), "(?s:.*)")
		if rest {
			expr += "(?s: .*)?"
		}
		re, err := regexp.Compile(`^(?:` + expr + `)$`)
		if err != nil || !plain(text) {
			return
		}
		if got, want := match(pattern, text), re.MatchString(text); got != want {
			t.Errorf("match(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
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

package imap

import (
	"strings"
	"testing"
)

func TestRFC9051_6_3_9_Pattern(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"", "a", false},
		{"a", "a", true}, {"a", "ab", false}, {"ab", "a", false},
		{"*", "", true}, {"*", "a/b", true},
		{"%", "", true}, {"%", "a", true}, {"%", "a/b", false},
		{"a/%", "a/b", true}, {"a/%", "a/b/c", false}, {"a/%", "a/", true}, {"a/%", "a", false},
		{"%/b", "a/b", true}, {"%/b", "x/a/b", false}, {"*/b", "x/a/b", true},
		{"a*b", "ab", true}, {"a*b", "aXbYb", true}, {"a*b", "abc", false},
		{"%%", "a/b", false}, {"%*", "a/b", true}, {"*%", "a/b", true},
		{"%b%", "abc", true}, {"%b%", "a/b", false}, {"%/%", "a/b", true}, {"%/%", "a/b/c", false},
		{"%a", "\u00e9a", true}, {"aa%a", "aa", false},
	}
	for _, tt := range tests {
		if got := ParsePattern(tt.pattern, '/').Match(tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
	if !ParsePattern("%", 0).Match("a/b") || ParsePattern("%", '\u00b7').Match("a\u00b7b") {
		t.Error("the delimiter is not what it was said to be")
	}
	if name, ok := ParsePattern("a/b", '/').Literal(); name != "a/b" || !ok {
		t.Errorf("Literal = %q, %v", name, ok)
	}
}

// naiveMatch is the definition, which takes exponential time.
func naiveMatch(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if c := pattern[0]; c == '*' || c == '%' {
		for i := 0; ; i++ {
			if naiveMatch(pattern[1:], name[i:]) {
				return true
			}
			if i == len(name) || c == '%' && name[i] == '/' {
				return false
			}
		}
	}
	return name != "" && pattern[0] == name[0] && naiveMatch(pattern[1:], name[1:])
}

func FuzzPattern(f *testing.F) {
	f.Add("a/%b*", "a/xb")
	f.Add("%*%", "//")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 20 || strings.Count(pattern, "*")+strings.Count(pattern, "%") > 5 {
			return
		}
		if got, want := ParsePattern(pattern, '/').Match(name), naiveMatch(pattern, name); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, name, got, want)
		}
	})
}

// TestPatternHostile is MBX-1: work is bounded by the product of the lengths.
// With a matcher that goes back this would not end.
func TestPatternHostile(t *testing.T) {
	p := ParsePattern(strings.Repeat("*a", 30)+"b", '/')
	if p.Match(strings.Repeat("a", 100_000)) {
		t.Error("it matches")
	}
}

func TestCanonicalMailbox(t *testing.T) {
	tests := []struct {
		in   string
		want string
	}{{"inbox", "INBOX"}, {"Inbox/a", "INBOX/a"}, {"inboxes", "inboxes"}, {"a/inbox", "a/inbox"}, {"", ""}}
	for _, tt := range tests {
		if got := CanonicalMailbox(tt.in, '/'); got != tt.want {
			t.Errorf("CanonicalMailbox(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

package auth

import (
	"strings"
	"testing"
)

func TestRFC4013_3_Examples(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"soft hyphen to nothing", "I\u00adX", "IX"},
		{"no change", "user", "user"},
		{"case is kept", "USER", "USER"},
		{"NFKC of U+00AA", "\u00aa", "a"},
		{"NFKC of U+2168", "\u2168", "IX"},
		{"prohibited", "\u0007", ""},
		{"bidirectional check", "\u0627\u0031", ""},
	} {
		t.Run(tt.name, func(t *testing.T) { wantPrep(t, prepareStored, tt.in, tt.want) })
	}
}

// wantPrep: want empty means refused.
func wantPrep(t *testing.T, prepare func(string) (string, error), in, want string) {
	t.Helper()
	got, err := prepare(in)
	if got != want || (err == nil) != (want != "") {
		t.Errorf("%+q: %+q, %v, want %+q", in, got, err, want)
	}
}

func TestRFC4013_2_SASLprep(t *testing.T) {
	for _, tt := range []struct{ name, in, stored, query string }{
		{"composed", "caf\u00e9", "caf\u00e9", "caf\u00e9"},
		{"decomposed", "cafe\u0301", "caf\u00e9", "caf\u00e9"},
		{"no-break space", "a\u00a0b", "a b", "a b"},
		{"ogham space", "a\u1680b", "a b", "a b"},
		{"zero width space", "a\u200bb", "ab", "ab"},
		{"zero width joiner", "a\u200db", "ab", "ab"},
		{"variation selector", "a\ufe0f", "a", "a"},
		{"only what is mapped to nothing", "\u00ad\u200b", "", ""},
		{"empty", "", "", ""},
		{"unassigned", "a\u0378", "", "a\u0378"},
		{"emoji", "\U0001f600", "\U0001f600", "\U0001f600"},
		{"NUL", "a\x00b", "", ""},
		{"DEL", "a\x7f", "", ""},
		{"C1 control", "a\u0085", "", ""},
		{"line separator", "a\u2028b", "", ""},
		{"private use", "\ue000", "", ""},
		{"non-character", "\U0001fffe", "", ""},
		{"object replacement", "\ufffc", "", ""},
		{"ideographic description", "\u2ff0", "", ""},
		{"left-to-right mark", "a\u200e", "", ""},
		{"tag", "a\U000e0041", "", ""},
		{"Hebrew", "\u05d0\u05d1", "\u05d0\u05d1", "\u05d0\u05d1"},
		{"Hebrew with a neutral inside", "\u05d0 1\u05d1", "\u05d0 1\u05d1", "\u05d0 1\u05d1"},
		{"Hebrew with Latin", "\u05d0a\u05d1", "", ""},
		{"Hebrew not at the end", "\u05d01", "", ""},
		{"not UTF-8", "a\xff", "", ""},
		{"surrogate in UTF-8", "\xed\xa0\x80", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantPrep(t, prepareStored, tt.in, tt.stored)
			wantPrep(t, prepareQuery, tt.in, tt.query)
		})
	}
}

func TestRFC8265_4_2_OpaqueString(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"ASCII with spaces", "correct horse battery staple", "correct horse battery staple"},
		{"case is kept", "Correct Horse Battery Staple", "Correct Horse Battery Staple"},
		{"Greek and sharp s", "\u03c0\u00df\u00e5", "\u03c0\u00df\u00e5"},
		{"symbols", "Jack of \u2666s", "Jack of \u2666s"},
		{"ogham space to space", "foo\u1680bar", "foo bar"},
		{"empty", "", ""},
		{"control", "my cat is a \u0009by", ""},
		{"U+2168 is kept", "\u2168", "\u2168"},
		{"U+00AA is kept", "\u00aa", "\u00aa"},
		{"soft hyphen is refused", "I\u00adX", ""},
		{"decomposed", "cafe\u0301", "caf\u00e9"},
		{"not UTF-8", "a\xff", ""},
	} {
		t.Run(tt.name, func(t *testing.T) { wantPrep(t, OpaqueString, tt.in, tt.want) })
	}
}

func TestPrepareASCIIDoesNotAllocate(t *testing.T) {
	s := strings.Repeat("Pa55 word", 3)
	for name, prepare := range map[string]func(string) (string, error){"SASLprep": prepareStored, "OpaqueString": OpaqueString} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := prepare(s); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzSASLprep(f *testing.F) {
	for _, s := range []string{"user", "I\u00adX", "\u2168", "\ufdfa", "\u05d0\u05d1", "e\u0301\u0301", "\u1100\u1161\u11a8", "a\u0378"} {
		f.Add(s, []byte{}, true)
		f.Add(s, []byte{}, false)
	}
	// Runes that meet each other in one of the steps: mapped, composing, spaces,
	// directions, prohibited, unassigned.
	picks := []rune("eI \u00ad\u0301\u0327\u200b\u00a0\u2168\u00aa\ufdfa\u05d0\u0627\u0378\u1100\u1161\u11a8\uffa0\u0340\u3000\ufe0f\u2028\u0007\U0001f600")
	f.Add("", []byte{0, 4}, true)
	f.Fuzz(func(t *testing.T, s string, pick []byte, stored bool) {
		for _, p := range pick[:min(len(pick), 16)] {
			s += string(picks[int(p)%len(picks)])
		}
		got, err := SASLprep(s, stored)
		if err != nil {
			if got != "" {
				t.Errorf("%+q: %+q with %v", s, got, err)
			}
			if stored {
				return
			}
			// What a query refuses, nothing accepts.
			if _, err := SASLprep(s, true); err == nil {
				t.Errorf("%+q: stored, though refused as a query", s)
			}
			return
		}
		if again, err := SASLprep(got, stored); err != nil || again != got {
			t.Errorf("%+q: %+q, then %+q, %v", s, got, again, err)
		}
		if isPrintable(s) && got != s {
			t.Errorf("%+q: ASCII became %+q", s, got)
		}
		if len(got) > 11*len(s) {
			t.Errorf("%+q: %d octets from %d", s, len(got), len(s))
		}
	})
}

package imap

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseNumSet(t *testing.T) {
	tests := []struct {
		in, want string // want "": refused
	}{
		{"1", "1"},
		{"4:2", "2:4"},
		{"1,1,1:1", "1"},
		{"*", "*"},
		{"*:1", "1:*"},
		{"*:*", "*"},
		{"5,3,4", "3:5"},
		{"5:7,*,9:*,6:12", "5:12,9:*"},
		{"*,5:*", "5:*"},
		{"4294967295", "4294967295"},
		{"4294967294,4294967295,1", "1,4294967294:4294967295"},
		{"1:4294967295,4294967295", "1:4294967295"},
		{"0", ""}, {"1:0", ""}, {"4294967296", ""}, {"99999999999999999999", ""}, {"1,,2", ""}, {"-1", ""}, {"1:", ""},
		{":1", ""}, {"", ""}, {",", ""}, {"1,", ""}, {"1:2:3", ""}, {"01", ""}, {"1 ", ""}, {"**", ""}, {"$", ""},
	}
	for _, tt := range tests {
		got, err := ParseNumSet[UID]([]byte(tt.in))
		if (err == nil) != (tt.want != "") || err == nil && got.String() != tt.want {
			t.Errorf("ParseNumSet(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

// TestRFC9051_9_Resolve: "n:*" always contains the last message.
func TestRFC9051_9_Resolve(t *testing.T) {
	tests := []struct {
		in   string
		last SeqNum
		want string
	}{
		{"*", 5, "5"},
		{"1:*", 5, "1:5"},
		{"4294967295:*", 5, "5"},
		{"6:*", 5, "5"},
		{"2,6:*", 5, "2,5"},
		{"7,*", 5, "5,7"},
		{"1:*", 0, ""},
		{"3", 0, ""},
		{"3,9", 5, "3,9"}, // that 9 is too great is for the caller to say
	}
	for _, tt := range tests {
		s, err := ParseNumSet[SeqNum]([]byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Resolve(tt.last).String(); got != tt.want {
			t.Errorf("%q with %d messages is %q, want %q", tt.in, tt.last, got, tt.want)
		}
		if s.String() != tt.in {
			t.Errorf("Resolve changed %q to %q", tt.in, s)
		}
	}
}

// naive is a set of numbers below 32 as a slice of booleans.
type naive [32]bool

func (n naive) set() (s NumSet[uint32]) {
	for i, in := range n {
		if in {
			s.Add(uint32(i))
		}
	}
	return s
}

func members(s NumSet[uint32]) (n naive) {
	for i := range s.All() {
		n[i] = true
	}
	return n
}

// TestNumSetJSON: what a program keeps comes back, and what is no set does not.
func TestNumSetJSON(t *testing.T) {
	type kept struct{ UIDs UIDSet }
	for set, want := range map[string]string{"": `{"UIDs":""}`, "1:3,7,9:*": `{"UIDs":"1:3,7,9:*"}`} {
		in := kept{UIDs: NumSetOf[UID](99)}
		if err := in.UIDs.UnmarshalText([]byte(set)); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(in)
		if string(text) != want || err != nil {
			t.Errorf("%q is kept as %s, %v, want %s", set, text, err, want)
		}
		var out kept
		if err := json.Unmarshal(text, &out); err != nil || !out.UIDs.Equal(in.UIDs) {
			t.Errorf("%s comes back as %q, %v", text, out.UIDs, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"UIDs":"0"}`), new(kept)); err == nil {
		t.Error("0 is taken")
	}
}

// FuzzNumSet: each operation against the same on booleans.
func FuzzNumSet(f *testing.F) {
	f.Add(uint64(1), uint8(3))
	f.Add(uint64(7), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, ops uint8) {
		r := rand.New(rand.NewPCG(seed, 3))
		var a, b naive
		var s, u NumSet[uint32]
		for range ops % 40 {
			lo, hi := 1+r.Uint32N(31), 1+r.Uint32N(31)
			lo, hi = min(lo, hi), min(max(lo, hi), min(lo, hi)+3)
			n, set := &a, &s
			if r.IntN(2) == 0 {
				n, set = &b, &u
			}
			for i := lo; i <= hi; i++ {
				n[i] = true
			}
			set.AddRange(hi, lo)
		}
		var union, both, only naive
		for i := range a {
			union[i], both[i], only[i] = a[i] || b[i], a[i] && b[i], a[i] && !b[i]
		}
		for _, c := range []struct {
			name string
			got  NumSet[uint32]
			want naive
		}{{"first", s, a}, {"second", u, b}, {"union", s.Union(u), union}, {"intersection", s.Intersect(u), both}, {"difference", s.Subtract(u), only}} {
			if members(c.got) != c.want || !c.got.Equal(c.want.set()) {
				t.Fatalf("%s of %q and %q is %q, want %q", c.name, s, u, c.got, c.want.set())
			}
			if n := len(slices.Collect(c.got.All())); n != c.got.Len() {
				t.Fatalf("%q: Len %d, has %d", c.got, c.got.Len(), n)
			}
			for i := range uint32(32) {
				if i > 0 && c.got.Contains(i) != c.want[i] {
					t.Fatalf("%q: Contains(%d) = %v", c.got, i, !c.want[i])
				}
			}
			if back, err := ParseNumSet[uint32](c.got.Append(nil)); !c.got.IsEmpty() && (err != nil || !back.Equal(c.got)) {
				t.Fatalf("%q comes back as %q, %v", c.got, back, err)
			}
		}
	})
}

func TestUIDList(t *testing.T) {
	l, err := ParseUIDList([]byte("304,319:320,7"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]UID{304, 319, 320, 7}, slices.Collect(l.All())); diff != "" || l.Len() != 4 {
		t.Errorf("order of UIDs (-want +got):\n%s", diff)
	}
	l.Add(8)
	l.Add(5)
	if got := l.String(); got != "304,319:320,7:8,5" {
		t.Errorf("after adding: %q", got)
	}
	if got := l.Set().String(); got != "5,7:8,304,319:320" {
		t.Errorf("as a set: %q", got)
	}
	for _, bad := range []string{"", "*", "1:*", "0", "1,,2"} {
		if _, err := ParseUIDList([]byte(bad)); err == nil {
			t.Errorf("ParseUIDList(%q) succeeds", bad)
		}
	}
}

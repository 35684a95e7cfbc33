package dnsmxtest

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/dnsmx"
)

func TestZoneIsAResolver(t *testing.T) {
	CheckResolver(t, func(z *Zone) dnsmx.Resolver { return z })
}

func TestCacheIsAResolver(t *testing.T) {
	CheckResolver(t, func(z *Zone) dnsmx.Resolver { return &dnsmx.Cache{Next: z} })
}

func TestParseZoneErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"relative without origin", "mx A 192.0.2.1", "line 1: mx is relative"},
		{"no type", "a.example. 300 IN", "line 1: no type"},
		{"type", "\na.example. HINFO x", "line 2: unknown type HINFO"},
		{"fields", "a.example. MX mx", "line 1: MX: 1 fields, want 2"},
		{"number", "a.example. MX ten mx", "line 1: MX: "},
		{"number too great", "a.example. MX 65536 mx", "line 1: MX: "},
		{"family", "a.example. A ::1", "line 1: A: ::1 is of the other family"},
		{"quote", `a.example. TXT "x`, "line 1: a quote without its end"},
		{"hex", "a.example. TLSA 3 1 1 xx", "line 1: TLSA: "},
		{"name", "a..example. A 192.0.2.1", "line 1: dnsmx: bad domain name"},
		{"directive", "!sign example.", "line 1: unknown directive !sign"},
		{"directive without name", "!secure", "line 1: !secure wants a name"},
		{"directive with type", "!servfail example. X", "line 1: unknown type X"},
		{"alias", "a.example. CNAME 10.0.0.1", "line 1: CNAME: dnsmx: bad domain name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseZone(tt.text)
			if err == nil || !strings.HasPrefix(err.Error(), "dnsmxtest: "+tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestZone(t *testing.T) {
	z := MustParseZone("example.org. MX 10 mx ; a comment\n*.sub A 192.0.2.1\nx.y.sub A 192.0.2.2\n")
	ask := func(question string) string {
		typ, name := parseQuestion(t, question)
		return describe(z.Query(t.Context(), name, typ))
	}
	for _, tt := range []struct{ question, want string }{
		{"MX example.org", "Found example.org [10 mx.example.org]"},
		{"A a.sub.example.org", "Found a.sub.example.org [192.0.2.1]"},
		{"A b.a.sub.example.org", "Found b.a.sub.example.org [192.0.2.1]"},
		{"MX a.sub.example.org", "NoData a.sub.example.org"},
		{"A y.sub.example.org", "NoData y.sub.example.org"},
		{"A z.y.sub.example.org", "NXDomain z.y.sub.example.org"}, // y.sub exists, and has no wild card
		{"A sub.example.org", "NoData sub.example.org"},
	} {
		if got := ask(tt.question); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.question, got, tt.want)
		}
	}
	if got := z.Log(); len(got) != 7 || got[0] != "MX example.org" {
		t.Errorf("log %q", got)
	}
	z.ClearLog()
	if err := z.Replace("nonsense"); err == nil {
		t.Error("nonsense is accepted")
	}
	if got := ask("MX example.org"); got != "Found example.org [10 mx.example.org]" {
		t.Errorf("after a bad text: %s", got)
	}
	if err := z.Replace(""); err != nil {
		t.Fatal(err)
	}
	if got := ask("MX example.org"); got != "NXDomain example.org" {
		t.Errorf("of an empty zone: %s", got)
	}
	if got := z.Log(); len(got) != 2 {
		t.Errorf("log %q", got)
	}
}

package dnsmx

import (
	"errors"
	"strings"
	"testing"
)

// What is refused, and the one spelling of what is not.
func TestRFC5890_ParseName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	name253 := strings.Repeat(label63+".", 3) + strings.Repeat("a", 61)
	for _, tt := range []struct{ name, in, strict, lax string }{
		{"plain", "example.org", "example.org", "example.org"},
		{"upper case", "EXAMPLE.Org", "example.org", "example.org"},
		{"one label", "localhost", "localhost", "localhost"},
		{"digits", "4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa"},
		{"empty", "", "", ""},
		{"root", ".", "", ""},
		{"empty label", "a..b", "", ""},
		{"empty first label", ".a", "", ""},
		{"final dot", "a.", "", "a"},
		{"two final dots", "a..", "", ""},
		{"label of 63", label63 + ".org", label63 + ".org", label63 + ".org"},
		{"label of 64", label63 + "a.org", "", ""},
		{"253 octets", name253, name253, name253},
		{"254 octets", name253 + "a", "", ""},
		{"underscore", "_dmarc.example.org", "", "_dmarc.example.org"},
		{"leading hyphen", "-a.org", "", "-a.org"},
		{"trailing hyphen", "a-.org", "", "a-.org"},
		{"inner hyphens", "r3---sn.example.org", "r3---sn.example.org", "r3---sn.example.org"},
		{"space", "a b.org", "", ""},
		{"slash", "a/b.org", "", ""},
		{"escape", `a\.b.org`, "", ""},
		{"NUL", "a\x00.org", "", ""},
		{"LF", "a\n.org", "", ""},

		{"IPv4", "127.0.0.1", "", ""},
		{"IPv4 short", "127.1", "", ""},
		{"IPv4 hexadecimal", "0x7f.0x1", "", ""},
		{"IPv4 number", "2130706433", "", ""},
		{"IPv4 octal", "0177.0.0.01", "", ""},
		{"five numbers", "1.2.3.4.5", "", ""},
		{"bare 0x", "a.0x", "", ""},
		{"IPv6", "::1", "", ""},
		{"literal", "[::1]", "", ""},
		{"literal IPv4", "[127.0.0.1]", "", ""},
		{"fullwidth IPv4", "１２７．０．０．１", "", ""},
		{"circled IPv4", "①②⑦.⓪.⓪.①", "", ""},

		{"U-label", "bücher.example", "xn--bcher-kva.example", ""},
		{"U-label in upper case", "BÜCHER.example", "xn--bcher-kva.example", ""},
		{"A-label", "xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"A-label in upper case", "XN--BCHER-KVA.example", "xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"sharp s", "straße.example", "xn--strae-oqa.example", ""},
		{"fullwidth dot", "a．b", "a.b", ""},
		{"ideographic dot", "a。b", "a.b", ""},
		{"fullwidth dots", "a．．b", "", ""},
		{"circled letter", "Ⓧ.example", "x.example", ""},
		{"circled letter makes an A-label", "Ⓧn--bcher-kva.example", "", ""},
		{"soft hyphen in an A-label", "x\u00adn--bcher-kva.example", "", ""},
		{"A-label beside a U-label", "xn--bcher-kva.bücher", "xn--bcher-kva.xn--bcher-kva", ""},
		{"A-label of ASCII", "xn--example-.com", "", "xn--example-.com"},
		{"A-label of nothing", "xn--.com", "", "xn--.com"},
		{"A-label with a U in it", "xn--が-.com", "", ""},
		{"A-label that is no Punycode", "xn--99999999.com", "", "xn--99999999.com"},
		{"A-label of upper case", "xn--BCHER-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"A-label not normal", "xn--bcher-e3b.example", "", "xn--bcher-e3b.example"},
		{"ZWJ", "a\u200db.example", "", ""},
		{"soft hyphen vanishes", "a\u00adb.example", "ab.example", ""},
		{"nothing but soft hyphen", "\u00ad.example", "", ""},
		{"not UTF-8", "a\xff.example", "", ""},
		{"right to left with a digit first", "0א.example", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, parse := range []struct {
				name string
				f    func(string) (Name, error)
				want string
			}{{"ParseName", ParseName, tt.strict}, {"ParseNameLax", ParseNameLax, tt.lax}} {
				n, err := parse.f(tt.in)
				if n.String() != parse.want || (err == nil) != (parse.want != "") {
					t.Errorf("%s(%q) = %q, %v; want %q", parse.name, tt.in, n, err, parse.want)
				}
				if e, ok := errors.AsType[*NameError](err); err != nil && (!ok || e.Name != tt.in || strings.ContainsAny(err.Error(), "\n\x00")) {
					t.Errorf("%s(%q): error %q", parse.name, tt.in, err)
				}
			}
		})
	}
}

func mustName(s string) Name {
	n, err := ParseNameLax(s)
	if err != nil {
		panic(err)
	}
	return n
}

// The list itself does not know upper case, U-labels or final dots.
func TestOrgDomain(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"EXAMPLE.CO.UK", "example.co.uk"},
		{"a.b.co.uk", "b.co.uk"},
		{"co.uk", ""},
		{"com", ""},
		{"example.com", "example.com"},
		{"b.github.io", "github.io"},
		{"a.b.github.io", "github.io"},
		{"github.io", "github.io"},
		{"www.ck", "www.ck"},
		{"a.www.ck", "www.ck"},
		{"b.ck", ""},
		{"a.b.ck", "a.b.ck"},
		{"a.公司.cn", "a.xn--55qx5d.cn"},
		{"a.xn--55qx5d.cn", "a.xn--55qx5d.cn"},
		{"x.a.公司.cn", "a.xn--55qx5d.cn"},
		{"公司.cn", ""},
		{"a.b.unknowntld", "b.unknowntld"},
		{"unknowntld", ""},
	} {
		n, err := ParseName(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := OrgDomain(n)
		if got.String() != tt.want || ok != (tt.want != "") {
			t.Errorf("OrgDomain(%s) = %q, %v; want %q", tt.in, got, ok, tt.want)
		}
	}
	if n, ok := OrgDomain(Name{}); ok {
		t.Errorf("of no name: %q", n)
	}
	if n := mustName("a.b.co.uk."); n.String() != "a.b.co.uk" {
		t.Errorf("final dot: %q", n)
	}
}

func TestName(t *testing.T) {
	n := mustName("a.b.example")
	if n.Labels() != 3 || (Name{}).Labels() != 0 || mustName("a").Labels() != 1 {
		t.Error("Labels")
	}
	if !(Name{}).IsZero() || n.IsZero() {
		t.Error("IsZero")
	}
	p, ok := n.Parent()
	if !ok || p.String() != "b.example" {
		t.Errorf("Parent: %q, %v", p, ok)
	}
	if p, ok := mustName("a").Parent(); ok || !p.IsZero() {
		t.Errorf("Parent of one label: %q, %v", p, ok)
	}
	for _, tt := range []struct {
		name, zone string
		want       bool
	}{
		{"a.example", "example", true}, {"example", "example", true}, {"aexample", "example", false},
		{"example", "a.example", false}, {"a.b.example", "b.example", true},
	} {
		if got := mustName(tt.name).Under(mustName(tt.zone)); got != tt.want {
			t.Errorf("%s under %s: %v", tt.name, tt.zone, got)
		}
	}
	if n.Under(Name{}) || (Name{}).Under(n) || (Name{}).Under(Name{}) {
		t.Error("Under with no name")
	}
	for _, tt := range []struct{ label, want string }{
		{"_DMARC", "_dmarc.a.b.example"}, {"_25._tcp", "_25._tcp.a.b.example"},
		{"", ""}, {"x.", ""}, {".x", ""}, {"x y", ""}, {strings.Repeat("x", 64), ""},
		{strings.Repeat("xx.", 80) + "x", "!"}, {strings.Repeat("xx.", 81) + "x", ""},
	} {
		c, err := n.Child(tt.label)
		if want := tt.want; want == "!" {
			want = tt.label + ".a.b.example"
			if c.String() != want || err != nil {
				t.Errorf("Child(%q) = %q, %v", tt.label, c, err)
			}
		} else if c.String() != want || (err == nil) != (want != "") {
			t.Errorf("Child(%q) = %q, %v; want %q", tt.label, c, err, want)
		}
	}
	if c, err := (Name{}).Child("com"); err == nil {
		t.Errorf("a child of no name: %q", c)
	}
}

func TestUnicode(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"xn--bcher-kva.example", "bücher.example"},
		{"example.org", "example.org"},
		{"_x.xn--bcher-kva.example", "_x.xn--bcher-kva.example"}, // IDNA knows no underscore
		{"xn--.com", "xn--.com"},
		{"xn--example-.com", "xn--example-.com"},
	} {
		if got := mustName(tt.in).Unicode(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

// A parsed name parses to itself, from its Unicode form too; what strict accepts of
// ASCII is what lax makes of it; and no name is longer or has more than the wire
// takes.
func FuzzName(f *testing.F) {
	for _, s := range []string{"example.org", "BÜCHER.example", "xn--bcher-kva.example", "a..b", "127.1", "Ⓧn--x", "a．b", "_a.b.", "xn--.com", "ab--c.xn--bcher-kva"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lax, laxErr := ParseNameLax(s)
		n, err := ParseName(s)
		if err == nil && isASCII(s) && (laxErr != nil || lax != n) {
			t.Fatalf("strict %q, lax %q, %v", n, lax, laxErr)
		}
		for _, c := range []struct {
			Name
			err   error
			parse func(string) (Name, error)
		}{{n, err, ParseName}, {lax, laxErr, ParseNameLax}} {
			if c.err != nil {
				if !c.IsZero() {
					t.Fatalf("%q beside an error", c.Name)
				}
				continue
			}
			if again, err := c.parse(c.String()); again != c.Name || err != nil {
				t.Fatalf("%q, parsed again: %q, %v", c.Name, again, err)
			}
			if len(c.String()) > 253 || strings.ToLower(c.String()) != c.String() || strings.Contains("."+c.String()+".", "..") {
				t.Fatalf("%q", c.Name)
			}
			if _, err := AppendQuery(nil, 1, c.Name, TypeA, QueryOptions{}); err != nil {
				t.Fatalf("%q: %v", c.Name, err)
			}
		}
		if err != nil {
			return
		}
		if again, err := ParseName(n.Unicode()); again != n || err != nil {
			t.Fatalf("%q is %q in Unicode, and that %q, %v", n, n.Unicode(), again, err)
		}
	})
}

func TestParseNameAllocs(t *testing.T) {
	for s, most := range map[string]float64{"mail.example.org": 0, "Mail.Example.org": 1} {
		if got := testing.AllocsPerRun(100, func() { ParseName(s) }); got > most {
			t.Errorf("%s: %v allocations", s, got)
		}
	}
}

func BenchmarkParseName(b *testing.B) {
	for _, s := range []string{"mx1.mail.example.org", "MX1.Mail.Example.org", "bücher.example"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseName(s)
			}
		})
	}
}

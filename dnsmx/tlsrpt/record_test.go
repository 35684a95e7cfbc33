package tlsrpt

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

func TestRFC8460_3_ParseRecord(t *testing.T) {
	for _, tt := range []struct {
		name, txt string
		want      Record
		ok        bool
	}{
		{"mailto", "v=TLSRPTv1;rua=mailto:reports@example.com", Record{Mail: []string{"reports@example.com"}}, true},
		{"https", "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt;", Record{HTTPS: []string{"https://reporting.example.com/v1/tlsrpt"}}, true},
		{"both", "v=TLSRPTv1; rua=mailto:a@example.com , https://example.com/ , MAILTO:b@example.com", Record{Mail: []string{"a@example.com", "b@example.com"}, HTTPS: []string{"https://example.com/"}}, true},
		{"extensions", "v=TLSRPTv1; x=y; rua=mailto:a@example.com; z.1=w!", Record{Mail: []string{"a@example.com"}, Ext: []Pair{{"x", "y"}, {"z.1", "w!"}}}, true},
		{"percent-encoded", "v=TLSRPTv1; rua=mailto:a%21b%2Bc@example.com", Record{Mail: []string{"a!b+c@example.com"}}, true},
		{"with a query", "v=TLSRPTv1; rua=mailto:a@example.com?subject=x", Record{Mail: []string{"a@example.com"}}, true},
		{"= in a URL", "v=TLSRPTv1; rua=https://example.com/?a=b", Record{HTTPS: []string{"https://example.com/?a=b"}}, true},
		{"another scheme beside", "v=TLSRPTv1; rua=ftp://example.com/,mailto:a@example.com", Record{Mail: []string{"a@example.com"}}, true},

		{"another scheme alone", "v=TLSRPTv1; rua=http://example.com/", Record{}, false},
		{"no rua", "v=TLSRPTv1;", Record{}, false},
		{"empty rua", "v=TLSRPTv1; rua=", Record{}, false},
		{"two rua", "v=TLSRPTv1; rua=mailto:a@example.com; rua=mailto:b@example.com", Record{}, false},
		{"empty address in the list", "v=TLSRPTv1; rua=mailto:a@example.com,", Record{}, false},
		{"no scheme", "v=TLSRPTv1; rua=a@example.com", Record{}, false},
		{"no domain", "v=TLSRPTv1; rua=mailto:a", Record{}, false},
		{"no host", "v=TLSRPTv1; rua=https:///x", Record{}, false},
		{"a size, as in DMARC", "v=TLSRPTv1; rua=mailto:a@example.com!10m", Record{}, false},
		{"line end, percent-encoded", "v=TLSRPTv1; rua=mailto:a@example.com%0D%0ABcc:b@example.com", Record{}, false},
		{"comma, percent-encoded", "v=TLSRPTv1; rua=mailto:a@example.com%2Cb@example.com", Record{}, false},
		{"angle bracket, percent-encoded", "v=TLSRPTv1; rua=mailto:a@example.com%3E", Record{}, false},
		{"bad percent-encoding", "v=TLSRPTv1; rua=mailto:a%2@example.com", Record{}, false},
		{"UTF-8", "v=TLSRPTv1; rua=mailto:ä@example.com", Record{}, false},
		{"space in an address", "v=TLSRPTv1; rua=mailto:a b@example.com", Record{}, false},
		{"version in lower case", "v=tlsrptv1; rua=mailto:a@example.com", Record{}, false},
		{"longer version", "v=TLSRPTv12; rua=mailto:a@example.com", Record{}, false},
		{"space before the semicolon", "v=TLSRPTv1 ; rua=mailto:a@example.com", Record{}, false},
		{"two semicolons", "v=TLSRPTv1;; rua=mailto:a@example.com", Record{}, false},
		{"field without value", "v=TLSRPTv1; rua=mailto:a@example.com; x", Record{}, false},
		{"empty", "", Record{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseRecord(tt.txt)
			if diff := cmp.Diff(tt.want, r); diff != "" || (err == nil) != tt.ok || err != nil && !errors.Is(err, errRecord) {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// Several records are none.
func TestRFC8460_3_Lookup(t *testing.T) {
	const one = `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@example.org"` + "\n"
	for _, tt := range []struct {
		name, zone string
		want       int // addresses
		fails      bool
	}{
		{"one", one, 1, false},
		{"none", "", 0, false},
		{"two", one + one, 0, false},
		{"a bad one beside", one + `_smtp._tls TXT "v=TLSRPTv1;"`, 0, false},
		{"a bad one", `_smtp._tls TXT "v=TLSRPTv1; rua=x"`, 0, false},
		{"others beside", one + `_smtp._tls TXT "v=spf1 -all"`, 1, false},
		{"in strings", `_smtp._tls TXT "v=TLSRPTv1; rua=mail" "to:a@example.org"`, 1, false},
		{"failure", "!servfail _smtp._tls", 0, true},
	} {
		z := dnsmxtest.MustParseZone("$ORIGIN example.org.\n" + tt.zone)
		r, err := Lookup(t.Context(), z, name("example.org"))
		if len(r.Mail) != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %+v, %v", tt.name, r, err)
		}
	}
	if _, err := Lookup(t.Context(), dnsmxtest.MustParseZone(""), name(strings.Repeat("x.", 124)+"org")); err == nil {
		t.Error("no error for a name that is too long")
	}
}

func name(s string) dnsmx.Name {
	n, err := dnsmx.ParseNameLax(s)
	if err != nil {
		panic(err)
	}
	return n
}

func TestAppendRecord(t *testing.T) {
	r := Record{Mail: []string{"a!b+c%@example.org"}, HTTPS: []string{"https://example.org/x"}, Ext: []Pair{{"x", "y"}}}
	b, err := AppendRecord([]byte("x"), r)
	if want := "xv=TLSRPTv1; rua=mailto:a%21b%2Bc%25@example.org,https://example.org/x; x=y;"; string(b) != want || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for _, r := range []Record{
		{}, {Mail: []string{"x"}}, {Mail: []string{"a@b\r\n"}}, {HTTPS: []string{"mailto:a@b"}}, {HTTPS: []string{"https://a/,https://b/"}},
		{HTTPS: []string{"https://a/; x=y"}}, {HTTPS: []string{"ftp://a/", "https://a/"}}, {Mail: []string{"a@b"}, Ext: []Pair{{"rua", "c"}}},
	} {
		if b, err := AppendRecord([]byte("x"), r); err == nil || string(b) != "x" {
			t.Errorf("%+v: %q, %v", r, b, err)
		}
	}
}

// What parses can be appended and parses to the same, and no address can break out of
// a header field.
func FuzzTagList(f *testing.F) {
	f.Add("v=TLSRPTv1; rua=mailto:a%21b@example.org , https://example.org/?x=y; z=1;")
	f.Add("v=TLSRPTv1;rua=mailto:a@b%0d%0ac?x")
	f.Fuzz(func(t *testing.T, txt string) {
		r, err := ParseRecord(txt)
		if err != nil {
			return
		}
		for _, s := range append(r.Mail, r.HTTPS...) {
			if strings.ContainsAny(s, " \r\n\t<>,;") || !isASCII(s) {
				t.Fatalf("%q gives address %q", txt, s)
			}
		}
		b, err := AppendRecord(nil, r)
		if err != nil {
			t.Fatalf("%q: %+v: %v", txt, r, err)
		}
		again, err := ParseRecord(string(b))
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Fatalf("%q, %q: %v\n%s", txt, b, err, diff)
		}
	})
}

func isASCII(s string) bool {
	return strings.Trim(strings.Map(func(r rune) rune { return min(r, 0x80) }, s), "\u0080") == s
}

package dnsmxtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mailwire/mailwire/dnsmx"
)

// contract is the zone that CheckResolver asks about.
const contract = `
$ORIGIN example.org.
@        600 SOA   ns hostmaster 1 3600 600 86400 120
@        300 MX    20 mx2
@        300 MX    10 mx1
@        300 TXT   "v=spf1 " "-all"
@        300 TXT   "other"
mx1      100 A     192.0.2.1
mx1      100 AAAA  2001:db8::1
mx2       50 A     192.0.2.2
www      200 CNAME web
web      100 CNAME mx1
dangling 100 CNAME nowhere
_25._tcp.mx1 60 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_imaps._tcp  60 SRV  0 1 993 mx1
null         60 MX   0 .
odd          60 MX   0 10.0.0.1
odd          60 MX   5 mx_1
out          60 CNAME a.unsigned
a.unsigned   60 A    192.0.2.9
!secure @
!insecure unsigned
!servfail broken
!bogus forged
`

// CheckResolver is the contract of a Resolver. For each subtest mk gets a zone and
// returns the resolver that answers from it, through Serve or in memory, and is
// trusted to say what is secure.
func CheckResolver(t *testing.T, mk func(z *Zone) dnsmx.Resolver) {
	for _, tt := range []struct{ question, want string }{
		{"MX example.org", "Found example.org secure [20 mx2.example.org] [10 mx1.example.org]"},
		{"A mx1.example.org", "Found mx1.example.org secure [192.0.2.1]"},
		{"AAAA mx1.example.org", "Found mx1.example.org secure [2001:db8::1]"},
		{"TXT example.org", `Found example.org secure ["v=spf1 -all"] ["other"]`},
		{"A www.example.org", "Found mx1.example.org secure via www.example.org web.example.org [192.0.2.1]"},
		{"CNAME www.example.org", "Found www.example.org secure [web.example.org]"},
		{"AAAA mx2.example.org", "NoData mx2.example.org secure"},
		{"A example.org", "NoData example.org secure"},
		{"A nowhere.example.org", "NXDomain nowhere.example.org secure"},
		{"A dangling.example.org", "NXDomain nowhere.example.org secure via dangling.example.org"},
		{"MX web.example.org", "NoData mx1.example.org secure via web.example.org"},
		{"TLSA _25._tcp.mx1.example.org", "Found _25._tcp.mx1.example.org secure [3 1 1 32]"},
		{"TXT _tcp.mx1.example.org", "NoData _tcp.mx1.example.org secure"}, // empty, and exists
		{"SRV _imaps._tcp.example.org", "Found _imaps._tcp.example.org secure [0 1 993 mx1.example.org]"},
		{"MX null.example.org", "Found null.example.org secure [0 .]"},
		{"MX odd.example.org", "Found odd.example.org secure [0 bad] [5 mx_1.example.org]"},
		{"A a.unsigned.example.org", "Found a.unsigned.example.org [192.0.2.9]"},
		{"A b.unsigned.example.org", "NXDomain b.unsigned.example.org"},
		{"A out.example.org", "Found a.unsigned.example.org via out.example.org [192.0.2.9]"},
		{"CNAME out.example.org", "Found out.example.org secure [a.unsigned.example.org]"},
		{"MX broken.example.org", "error"},
		{"A forged.example.org", "error bogus"},
	} {
		t.Run(tt.question, func(t *testing.T) {
			r := mk(MustParseZone(contract))
			typ, name := parseQuestion(t, tt.question)
			if got := describe(r.Query(t.Context(), name, typ)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("TTL", func(t *testing.T) { checkTTL(t, mk(MustParseZone(contract))) })
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, name := parseQuestion(t, "A mx1.example.org")
		if a, err := mk(MustParseZone(contract)).Query(ctx, name, dnsmx.TypeA); !errors.Is(err, context.Canceled) {
			t.Errorf("got %s, want context.Canceled", describe(a, err))
		}
	})
	t.Run("concurrent", func(t *testing.T) {
		r := mk(MustParseZone(contract))
		_, name := parseQuestion(t, "A www.example.org")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if a, err := r.Query(t.Context(), name, dnsmx.TypeA); err != nil || len(a.Records) != 1 {
					t.Errorf("got %s", describe(a, err))
				}
			})
		}
		wg.Wait()
	})
}

func checkTTL(t *testing.T, r dnsmx.Resolver) {
	for question, most := range map[string]int{
		"A www.example.org":     100, // the least of the chain
		"A mx2.example.org":     50,
		"AAAA mx2.example.org":  120, // the SOA record's
		"A nowhere.example.org": 120,
	} {
		typ, name := parseQuestion(t, question)
		a, err := r.Query(t.Context(), name, typ)
		if got := int(a.TTL.Round(1e9) / 1e9); err != nil || got > most || got < most-5 {
			t.Errorf("%s: TTL %v, %v; want %d s", question, a.TTL, err, most)
		}
	}
}

func parseQuestion(t *testing.T, question string) (dnsmx.Type, dnsmx.Name) {
	t.Helper()
	word, rest, _ := strings.Cut(question, " ")
	name, err := dnsmx.ParseNameLax(rest)
	if err != nil {
		t.Fatal(err)
	}
	return types[word], name
}

// describe writes an answer on one line.
func describe(a dnsmx.Answer, err error) string {
	if err != nil {
		if e, ok := errors.AsType[*dnsmx.Error](err); ok && e.Bogus() {
			return "error bogus"
		}
		return "error"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v", a.Status, a.Canonical)
	if a.Secure {
		b.WriteString(" secure")
	}
	if len(a.Aliases) > 0 {
		b.WriteString(" via")
	}
	for _, alias := range a.Aliases {
		fmt.Fprintf(&b, " %v", alias)
	}
	for _, r := range a.Records {
		fmt.Fprintf(&b, " [%s]", describeRecord(r))
	}
	return b.String()
}

func describeRecord(r dnsmx.Record) string {
	host := r.Host.String()
	switch {
	case r.Err != nil:
		host = "bad"
	case r.Root:
		host = "."
	}
	switch r.Type {
	case dnsmx.TypeA, dnsmx.TypeAAAA:
		return r.Addr.String()
	case dnsmx.TypeMX:
		return fmt.Sprint(r.Pref, " ", host)
	case dnsmx.TypeSRV:
		return fmt.Sprint(r.Pref, " ", r.Weight, " ", r.Port, " ", host)
	case dnsmx.TypeTXT:
		return fmt.Sprintf("%q", r.Text)
	case dnsmx.TypeTLSA:
		return fmt.Sprint(r.TLSA.Usage, " ", r.TLSA.Selector, " ", r.TLSA.Match, " ", len(r.TLSA.Data))
	}
	return host
}

package dnsmx_test

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

func TestLookupTXT(t *testing.T) {
	z := dnsmxtest.MustParseZone("example.org. TXT \"v=spf1 \" \"-all\"\nexample.org. TXT b\nempty. A 192.0.2.1\n!servfail broken.")
	texts, a, err := dnsmx.LookupTXT(t.Context(), z, name("example.org"))
	if !slices.Equal(texts, []string{"v=spf1 -all", "b"}) || a.Status != dnsmx.Found || err != nil {
		t.Errorf("%q, %+v, %v", texts, a, err)
	}
	if texts, a, err := dnsmx.LookupTXT(t.Context(), z, name("empty")); len(texts) != 0 || a.Status != dnsmx.NoData || err != nil {
		t.Errorf("%q, %+v, %v", texts, a, err)
	}
	if texts, _, err := dnsmx.LookupTXT(t.Context(), z, name("broken")); texts != nil || err == nil {
		t.Errorf("%q, %v", texts, err)
	}
}

func TestLookupAddrs(t *testing.T) {
	z := dnsmxtest.MustParseZone(`$ORIGIN example.org.
@ SOA ns hm 1 2 3 4 30
two 60 A 192.0.2.1
two 60 A 192.0.2.2
two 90 AAAA 2001:db8::1
four 60 A 192.0.2.1
text TXT x
!servfail half AAAA
half A 192.0.2.1
mapped AAAA ::ffff:192.0.2.1
!secure @
!insecure two`)
	for _, tt := range []struct {
		name     string
		families dnsmx.Families
		want     string
	}{
		{"two", dnsmx.Both, "[2001:db8::1 192.0.2.1 192.0.2.2] Found false 1m0s"},
		{"two", dnsmx.Only4, "[192.0.2.1 192.0.2.2] Found false 1m0s"},
		{"two", dnsmx.Only6, "[2001:db8::1] Found false 1m30s"},
		{"four", dnsmx.Both, "[192.0.2.1] Found true 30s"},
		{"four", dnsmx.Only6, "[] NoData true 30s"},
		{"text", dnsmx.Both, "[] NoData true 30s"},
		{"gone", dnsmx.Both, "[] NXDomain true 30s"},
		{"half", dnsmx.Both, "error"},
		{"half", dnsmx.Only4, "[192.0.2.1] Found true 5m0s"},
		{"mapped", dnsmx.Only6, "[192.0.2.1] Found true 5m0s"},
	} {
		addrs, a, err := dnsmx.LookupAddrs(t.Context(), z, name(tt.name+".example.org"), tt.families)
		got := fmt.Sprint(addrs, " ", a.Status, " ", a.Secure, " ", a.TTL)
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%s %v: %s, want %s", tt.name, tt.families, got, tt.want)
		}
	}
}

// RFC 8601, section 2.7.3: a name counts if it leads back.
func TestRFC8601_2_7_3_Confirm(t *testing.T) {
	var many strings.Builder
	for i := range 11 {
		fmt.Fprintf(&many, "11.2.0.192.in-addr.arpa. PTR n%02d.test.\n", i)
	}
	z := dnsmxtest.MustParseZone(many.String() + `
1.2.0.192.in-addr.arpa. PTR mail.test.
mail.test. A 192.0.2.1
2.2.0.192.in-addr.arpa. PTR liar.test.
liar.test. A 192.0.2.1
3.2.0.192.in-addr.arpa. PTR liar.test.
3.2.0.192.in-addr.arpa. PTR broken.test.
3.2.0.192.in-addr.arpa. PTR three.test.
three.test. A 192.0.2.9
three.test. A 192.0.2.3
4.2.0.192.in-addr.arpa. PTR broken.test.
!servfail broken.test.
!servfail 5.2.0.192.in-addr.arpa.
6.2.0.192.in-addr.arpa. PTR 10.0.0.1
7.2.0.192.in-addr.arpa. CNAME 7.sub.2.0.192.in-addr.arpa.
7.sub.2.0.192.in-addr.arpa. PTR seven.test.
seven.test. A 192.0.2.7
n10.test. A 192.0.2.11
b.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.test.
six.test. AAAA 2001:db8::c0b`)
	for _, tt := range []struct {
		addr, want string
		err        bool
	}{
		{"192.0.2.1", "mail.test", false},
		{"::ffff:192.0.2.1", "mail.test", false},
		{"192.0.2.2", "", false},
		{"192.0.2.3", "three.test", false}, // another name failed, which does not matter
		{"192.0.2.4", "", true},
		{"192.0.2.5", "", true},
		{"192.0.2.6", "", false},
		{"192.0.2.7", "seven.test", false},
		{"192.0.2.8", "", false},
		{"192.0.2.11", "", false}, // the eleventh name is not looked up
		{"2001:db8::c0b", "six.test", false},
		{"2001:db8::c0c", "", false},
	} {
		n, ok, err := dnsmx.Confirm(t.Context(), z, netip.MustParseAddr(tt.addr))
		if n.String() != tt.want || ok != (tt.want != "") || (err != nil) != tt.err {
			t.Errorf("%s: %v, %v, %v", tt.addr, n, ok, err)
		}
	}
	if _, _, err := dnsmx.Confirm(t.Context(), z, netip.Addr{}); err == nil {
		t.Error("no address, and no error")
	}
}

func TestRFC5782_2_Listed(t *testing.T) {
	const list = `$ORIGIN bl.test.
2.0.0.127 A 127.0.0.2
99.2.0.192 A 127.0.0.2
99.2.0.192 A 127.0.0.10
99.2.0.192 TXT "see https://bl.test/"
98.2.0.192 A 192.0.2.1
97.2.0.192 A 127.255.255.254
96.2.0.192 A 127.0.0.1
95.2.0.192 A 127.0.0.4
!servfail 95.2.0.192 TXT
!servfail 94.2.0.192
2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.3
bad.example A 127.0.1.2`
	z := dnsmxtest.MustParseZone(list)
	for _, tt := range []struct{ addr, want string }{
		{"192.0.2.99", `true [127.0.0.2 127.0.0.10] "see https://bl.test/"`},
		{"192.0.2.1", `false [] ""`},
		{"192.0.2.98", "not usable"}, // an address that is no code
		{"192.0.2.97", "not usable"}, // the list refuses
		{"192.0.2.96", "not usable"},
		{"192.0.2.95", `true [127.0.0.4] ""`},
		{"192.0.2.94", "error"},
		{"2001:db8::2", `true [127.0.0.3] ""`},
		{"::ffff:192.0.2.99", `true [127.0.0.2 127.0.0.10] "see https://bl.test/"`},
	} {
		l, err := dnsmx.ListedAddr(t.Context(), z, name("bl.test"), netip.MustParseAddr(tt.addr))
		got := fmt.Sprintf("%v %v %q", l.Listed, l.Codes, l.Reason)
		switch {
		case errors.Is(err, dnsmx.ErrList):
			got = "not usable"
		case err != nil:
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.addr, got, tt.want)
		}
	}
	if l, err := dnsmx.ListedDomain(t.Context(), z, name("bl.test"), name("bad.example")); !l.Listed || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err := dnsmx.ListedDomain(t.Context(), z, name("bl.test"), name("good.example")); l.Listed || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := dnsmx.ListedDomain(t.Context(), z, name("bl.test"), name(strings.Repeat("x.", 124)+"org")); err == nil {
		t.Error("no error for a name that is too long")
	}
	if _, err := dnsmx.ListedAddr(t.Context(), z, name("bl.test"), netip.Addr{}); err == nil {
		t.Error("no address, and no error")
	}

	if err := dnsmx.ProbeList(t.Context(), z, name("bl.test")); err != nil {
		t.Error(err)
	}
	for what, zone := range map[string]string{
		"lists the world":       "*.bl.test. A 127.0.0.2",
		"lists nothing":         "bl.test. TXT x",
		"answers with a parker": "*.bl.test. A 192.0.2.1",
		"fails":                 "!servfail 1.0.0.127.bl.test.",
	} {
		if err := dnsmx.ProbeList(t.Context(), dnsmxtest.MustParseZone(zone), name("bl.test")); err == nil {
			t.Errorf("a list that %s is believed", what)
		}
	}
}

func TestRFC6186_3_Discover(t *testing.T) {
	z := dnsmxtest.MustParseZone(`$ORIGIN example.org.
_imaps._tcp SRV 10 1 993 mail
_imaps._tcp SRV 5 1 993 imap.provider.test.
_imap._tcp SRV 0 1 143 mail
_submissions._tcp SRV 0 1 465 mail
_submission._tcp SRV 0 0 0 .
_pop3s._tcp SRV 0 0 0 .
!servfail _imap._tcp.half
_imaps._tcp.half SRV 0 1 993 mail
$ORIGIN signed.test.
_imaps._tcp SRV 0 1 993 imap.provider.test.
_imaps._tcp SRV 1 1 993 192.0.2.1
!secure signed.test.`)
	for _, tt := range []struct {
		domain  string
		service dnsmx.Service
		want    []string
	}{
		{"example.org", dnsmx.IMAP, []string{
			"imap.provider.test:993 implicit [example.org] foreign",
			"mail.example.org:993 implicit [example.org mail.example.org]",
			"mail.example.org:143 [example.org mail.example.org]",
		}},
		{"example.org", dnsmx.Submission, []string{"mail.example.org:465 implicit [example.org mail.example.org]"}},
		{"example.org", dnsmx.POP3, nil},
		{"signed.test", dnsmx.IMAP, []string{"imap.provider.test:993 implicit [signed.test imap.provider.test] secure"}},
		{"signed.test", dnsmx.POP3, nil},
		{"half.example.org", dnsmx.IMAP, []string{"error"}},
	} {
		servers, err := dnsmx.Discover(t.Context(), z, name(tt.domain), tt.service)
		var got []string
		for _, s := range servers {
			if s.TLS.Level != auth.TLSVerified || s.TLS.ServerName != s.Host.String() {
				t.Errorf("TLS %+v", s.TLS)
			}
			line := fmt.Sprintf("%v:%d", s.Host, s.Port)
			if s.TLS.Implicit {
				line += " implicit"
			}
			line += fmt.Sprint(" ", s.TLS.Names)
			if s.Foreign {
				line += " foreign"
			}
			if s.Secure {
				line += " secure"
			}
			got = append(got, line)
		}
		if err != nil {
			got = append(got, "error")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %v, %v:\n%s", tt.domain, tt.service, err, diff)
		}
	}
	servers, _ := dnsmx.Discover(t.Context(), z, name("example.org"), dnsmx.IMAP)
	servers[0].Trust()
	servers[0].Trust()
	if got := fmt.Sprint(servers[0].TLS.Names); got != "[example.org imap.provider.test]" {
		t.Errorf("trusted: %s", got)
	}
	if _, err := dnsmx.Discover(t.Context(), z, name("example.org"), dnsmx.Service(9)); err == nil {
		t.Error("an unknown service")
	}
	if _, err := dnsmx.Discover(t.Context(), z, dnsmx.Name{}, dnsmx.IMAP); err == nil {
		t.Error("no domain")
	}
}

// RFC 2782: the first of several is drawn in the proportion of the weights.
func TestRFC2782_Weights(t *testing.T) {
	z := dnsmxtest.MustParseZone(`$ORIGIN example.org.
_imaps._tcp SRV 1 30 993 a
_imaps._tcp SRV 1 60 993 b
_imaps._tcp SRV 1 0 993 c
_imaps._tcp SRV 1 10 993 d
_imaps._tcp SRV 0 0 993 first`)
	const runs = 6000
	second := make(map[string]int)
	for range runs {
		servers, err := dnsmx.Discover(t.Context(), z, name("example.org"), dnsmx.IMAP)
		if err != nil || len(servers) != 5 || servers[0].Host != name("first.example.org") {
			t.Fatalf("%+v, %v", servers, err)
		}
		second[strings.TrimSuffix(servers[1].Host.String(), ".example.org")]++
	}
	// Of the numbers 0 to 100, zero is c's. Five standard deviations are allowed.
	for host, weight := range map[string]float64{"a": 30, "b": 60, "c": 1, "d": 10} {
		p := weight / 101
		if got, want := float64(second[host]), runs*p; math.Abs(got-want) > 5*math.Sqrt(runs*p*(1-p)) {
			t.Errorf("%s is second %v times, want about %.0f", host, got, want)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, tt := range []struct {
		v    fmt.Stringer
		want string
	}{
		{dnsmx.Found, "Found"}, {dnsmx.Status(9), "Status(9)"},
		{dnsmx.TrustLoopback, "TrustLoopback"}, {dnsmx.TrustNone, "TrustNone"}, {dnsmx.TrustAll, "TrustAll"}, {dnsmx.Trust(9), "Trust(9)"},
		{dnsmx.Both, "Both"}, {dnsmx.Only4, "Only4"}, {dnsmx.Only6, "Only6"}, {dnsmx.Families(9), "Families(9)"},
		{dnsmx.Opportunistic, "Opportunistic"}, {dnsmx.Encrypted, "Encrypted"}, {dnsmx.Authenticated, "Authenticated"}, {dnsmx.Floor(9), "Floor(9)"},
		{dnsmx.ModeNone, "none"}, {dnsmx.ModeTesting, "testing"}, {dnsmx.ModeEnforce, "enforce"}, {dnsmx.Mode(9), "Mode(9)"},
		{dnsmx.Submission, "Submission"}, {dnsmx.IMAP, "IMAP"}, {dnsmx.POP3, "POP3"}, {dnsmx.Service(9), "Service(9)"},
	} {
		if got := tt.v.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&dnsmx.Error{Name: name("a.example"), Type: dnsmx.TypeTLSA, RCode: 2, EDE: 6, Info: "x\ny", Server: netip.MustParseAddrPort("127.0.0.1:53")}, `dnsmx: no answer for TLSA a.example from 127.0.0.1:53: SERVFAIL (extended error 6: "x\ny")`},
		{&dnsmx.Error{Name: name("a.example"), Type: 99, Timeout: true}, "dnsmx: no answer for TYPE99 a.example: timeout"},
		{&dnsmx.Error{Name: name("a.example"), Type: dnsmx.TypeMX, RCode: 16}, "dnsmx: no answer for MX a.example: BADVERS"},
		{&dnsmx.Error{Name: name("a.example"), Type: dnsmx.TypeMX, RCode: 23, Err: errors.New("x")}, "dnsmx: no answer for MX a.example: RCODE23: x"},
		{dnsmx.ErrNullMX, "dnsmx: the domain accepts no mail"},
		{&dnsmx.STSError{Result: "r", Err: errors.New("x")}, "dnsmx: MTA-STS: r: x"},
		{&dnsmx.PolicyError{Policy: "sts", Result: "r", Err: errors.New("x")}, "dnsmx: policy sts: r: x"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
	_, err := dnsmx.ParseName("a\nb" + strings.Repeat("x", 200))
	if got := err.Error(); len(got) > 160 || strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
	for _, f := range []*dnsmx.Failure{dnsmx.ErrNullMX, dnsmx.ErrNoDomain, dnsmx.ErrNoHost, dnsmx.ErrLoop, dnsmx.ErrUnknown, dnsmx.ErrRequireTLS} {
		if f.Temporary() != (f.Code < 500) || int(f.Enhanced[0]) != f.Code/100 {
			t.Errorf("%+v", f)
		}
	}
	if errors.Is(dnsmx.ErrNoHost, dnsmx.ErrUnknown) || !errors.Is(fmt.Errorf("x: %w", dnsmx.ErrNoHost), dnsmx.ErrNoHost) {
		t.Error("Failure.Is")
	}
}

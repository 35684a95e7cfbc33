package dnsmx_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

func name(s string) dnsmx.Name {
	n, err := dnsmx.ParseNameLax(s)
	if err != nil {
		panic(err)
	}
	return n
}

// stsSource has one policy or one error for every domain.
type stsSource struct {
	policy *dnsmx.STSPolicy
	err    error
}

func (s stsSource) Policy(context.Context, dnsmx.Name) (*dnsmx.STSPolicy, error) {
	return s.policy, s.err
}

var inOrder = func(int, func(i, j int)) {}

// lines writes a plan, a host to a line: preference, name, addresses, TLS level and
// what goes with it, then findings.
func lines(p *dnsmx.Plan, err error) []string {
	var out []string
	if err != nil {
		out = append(out, "error: "+code(err))
	}
	if p == nil {
		return out
	}
	for _, h := range p.Hosts {
		var b strings.Builder
		fmt.Fprintf(&b, "%d %v", h.Pref, h.Name)
		for _, a := range h.Addrs {
			fmt.Fprintf(&b, " %v", a)
		}
		switch policy, ok := errors.AsType[*dnsmx.PolicyError](h.Err); {
		case ok:
			fmt.Fprintf(&b, " !%s %s", policy.Policy, policy.Result)
		case h.Err != nil:
			b.WriteString(" !err")
		default:
			fmt.Fprintf(&b, " %v", h.TLS.Level)
			if h.TLS.Level == auth.TLSDANE {
				fmt.Fprintf(&b, " %d sni=%s %s", len(h.TLS.TLSA), h.TLS.ServerName, strings.Join(h.TLS.Names, ","))
			}
		}
		out = append(out, b.String())
	}
	for _, f := range p.Findings {
		if f.Result == "" {
			out = append(out, "note")
			continue
		}
		out = append(out, fmt.Sprintf("finding %v %s %s", f.Host, f.Policy, f.Result))
	}
	return out
}

func code(err error) string {
	f, ok := errors.AsType[*dnsmx.Failure](err)
	if !ok {
		return "not a Failure: " + err.Error()
	}
	return fmt.Sprintf("%d %d.%d.%d", f.Code, f.Enhanced[0], f.Enhanced[1], f.Enhanced[2])
}

const (
	good = " TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	bad  = " TLSA 0 0 1 00\n"
)

// planCase is a zone, a planner, and the plan for example.org. asked, if not nil, is
// every question that may be asked for it.
type planCase struct {
	name    string
	zone    string
	planner dnsmx.Planner
	want    []string
	asked   []string
}

func (tt *planCase) run(t *testing.T) {
	t.Helper()
	z := dnsmxtest.MustParseZone("$ORIGIN example.org.\n" + tt.zone)
	p := tt.planner
	p.Resolver = z
	if p.Shuffle == nil {
		p.Shuffle = inOrder
	}
	plan, err := p.Plan(t.Context(), name("example.org"))
	if diff := cmp.Diff(tt.want, lines(plan, err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if log := z.Log(); tt.asked != nil {
		slices.Sort(log)
		slices.Sort(tt.asked)
		if diff := cmp.Diff(tt.asked, log); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	}
}

// Which hosts there are, RFC 7505 included.
func TestRFC5321_5_1_Hosts(t *testing.T) {
	for _, tt := range []planCase{
		{name: "null MX", zone: "@ MX 0 .", want: []string{"error: 556 5.1.10"}, asked: []string{"MX example.org"}},
		{name: "null MX of another preference", zone: "@ MX 10 .", want: []string{"error: 556 5.1.10"}},
		{name: "null MX twice", zone: "@ MX 10 .\n@ MX 20 .", want: []string{"error: 556 5.1.10"}},
		{name: "null MX beside another", zone: "@ MX 0 .\n@ MX 10 mx\nmx A 192.0.2.1", want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic", "note"}},
		{name: "MX is the domain", zone: "@ MX 10 @\n@ A 192.0.2.1", want: []string{"10 example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "IP literal", zone: "@ MX 10 192.0.2.9\n@ MX 20 mx\nmx A 192.0.2.1", want: []string{"10  !err", "20 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "MX is an alias", zone: "@ MX 10 mx\nmx CNAME real\nreal A 192.0.2.1", want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "underscore", zone: "@ MX 10 mx_1\nmx_1 A 192.0.2.1", want: []string{"10 mx_1.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "all invalid", zone: "@ MX 10 192.0.2.9\n@ MX 20 192.0.2.10", want: []string{"error: 451 4.4.4", "10  !err", "20  !err"}},
		{name: "order", zone: "@ MX 30 c\n@ MX 10 a\n@ MX 20 b\na A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3", want: []string{"10 a.example.org 192.0.2.1 TLSOpportunistic", "20 b.example.org 192.0.2.2 TLSOpportunistic", "30 c.example.org 192.0.2.3 TLSOpportunistic"}},
		{name: "one host twice", zone: "@ MX 20 a\n@ MX 15 b\n@ MX 10 a\na A 192.0.2.1\nb A 192.0.2.2", want: []string{"10 a.example.org 192.0.2.1 TLSOpportunistic", "15 b.example.org 192.0.2.2 TLSOpportunistic"}},
		{name: "domain is an alias", zone: "@ CNAME other.test.\nother.test. MX 10 mx.other.test.\nmx.other.test. A 192.0.2.1", want: []string{"10 mx.other.test 192.0.2.1 TLSOpportunistic"}},
		{name: "domain is an alias without MX", zone: "@ CNAME other.test.\nother.test. A 192.0.2.1", want: []string{"0 other.test 192.0.2.1 TLSOpportunistic"}},
		{name: "domain is an alias of nothing", zone: "@ CNAME other.test.", want: []string{"error: 550 5.1.2"}},
		{name: "host without address", zone: "@ MX 10 gone\n@ MX 20 mx\nmx A 192.0.2.1", want: []string{"10 gone.example.org !err", "20 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "host with a failure", zone: "@ MX 10 a\n@ MX 20 mx\nmx A 192.0.2.1\n!servfail a", want: []string{"10 a.example.org !err", "20 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "half a host", zone: "@ MX 10 mx\nmx A 192.0.2.1\n!servfail mx AAAA", want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic", "note"}},
		{name: "nowhere", zone: "@ MX 10 mx\nmx A 0.0.0.0\nmx A 224.0.0.1\nmx AAAA ::", want: []string{"error: 451 4.4.4", "10 mx.example.org !err"}},
		{name: "both families", zone: "@ MX 10 mx\nmx A 192.0.2.1\nmx A 192.0.2.2\nmx A 192.0.2.3\nmx AAAA 2001:db8::1", want: []string{"10 mx.example.org 2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3 TLSOpportunistic"}, asked: []string{"MX example.org", "AAAA mx.example.org", "A mx.example.org"}},
		{name: "IPv4 alone", planner: dnsmx.Planner{Families: dnsmx.Only4}, zone: "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1", want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"}, asked: []string{"MX example.org", "A mx.example.org"}},
		{name: "IPv6 alone", planner: dnsmx.Planner{Families: dnsmx.Only6}, zone: "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1", want: []string{"10 mx.example.org 2001:db8::1 TLSOpportunistic"}, asked: []string{"MX example.org", "AAAA mx.example.org"}},
		{name: "addresses are bounded", planner: dnsmx.Planner{MaxAddr: 2}, zone: "@ MX 10 mx\nmx A 192.0.2.1\nmx A 192.0.2.2\nmx AAAA 2001:db8::1", want: []string{"10 mx.example.org 2001:db8::1 192.0.2.1 TLSOpportunistic"}},
		{name: "addresses are bounded behind the useless ones", planner: dnsmx.Planner{MaxAddr: 1}, zone: "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA ::", want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "hosts are bounded", planner: dnsmx.Planner{MaxMX: 1}, zone: "@ MX 20 b\n@ MX 10 a\na A 192.0.2.1\nb A 192.0.2.2", want: []string{"10 a.example.org 192.0.2.1 TLSOpportunistic"}, asked: []string{"MX example.org", "AAAA a.example.org", "A a.example.org"}},

		{name: "ourselves in the middle", planner: dnsmx.Planner{Self: []dnsmx.Name{name("b.example.org")}}, zone: "@ MX 10 a\n@ MX 20 b\n@ MX 20 c\n@ MX 30 d\na A 192.0.2.1", want: []string{"10 a.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "ourselves the best", planner: dnsmx.Planner{Self: []dnsmx.Name{name("a.example.org")}}, zone: "@ MX 10 a\n@ MX 20 b", want: []string{"error: 554 5.4.6"}, asked: []string{"MX example.org"}},
		{name: "ourselves among the best", planner: dnsmx.Planner{Self: []dnsmx.Name{name("b.example.org")}}, zone: "@ MX 10 a\n@ MX 10 b", want: []string{"error: 554 5.4.6"}},
		{name: "ourselves implicitly", planner: dnsmx.Planner{Self: []dnsmx.Name{name("example.org")}}, zone: "@ A 192.0.2.1", want: []string{"error: 554 5.4.6"}},
		{name: "ourselves behind many", planner: dnsmx.Planner{MaxMX: 1, Self: []dnsmx.Name{name("c.example.org")}}, zone: "@ MX 10 a\n@ MX 20 b\n@ MX 30 c\na A 192.0.2.1", want: []string{"10 a.example.org 192.0.2.1 TLSOpportunistic"}},

		{name: "implicit MX", zone: "@ A 192.0.2.1", want: []string{"0 example.org 192.0.2.1 TLSOpportunistic"}, asked: []string{"MX example.org", "AAAA example.org", "A example.org"}},
		{name: "no such domain", zone: "other.test. A 192.0.2.1", want: []string{"error: 550 5.1.2"}, asked: []string{"MX example.org"}},
		{name: "MX fails", zone: "@ A 192.0.2.1\n!servfail @ MX", want: []string{"error: 451 4.4.3"}, asked: []string{"MX example.org"}},
		{name: "MX is not answered", zone: "@ A 192.0.2.1\n!silent @ MX", want: []string{"error: 451 4.4.3"}},
		{name: "neither MX nor address", zone: "@ TXT x", want: []string{"error: 550 5.1.2", "0 example.org !err"}},
		{name: "neither MX nor address, says a weak denial", zone: "@ TXT x\n@ SOA ns hm 1 2 3 4 0", want: []string{"error: 451 4.4.4", "0 example.org !err"}},
		{name: "no MX, and an address that fails", zone: "@ TXT x\n!servfail @ AAAA", want: []string{"error: 451 4.4.4", "0 example.org !err"}},
		{name: "no MX, and no address of our family", planner: dnsmx.Planner{Families: dnsmx.Only4}, zone: "@ AAAA 2001:db8::1", want: []string{"error: 451 4.4.4", "0 example.org !err"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

// When DANE is asked for, under which names, and what comes of it.
func TestRFC7672_2_DANE(t *testing.T) {
	const host = "@ MX 10 mx\nmx A 192.0.2.1\n"
	dane := func(sni, names string) []string {
		return []string{"10 mx.example.org 192.0.2.1 TLSDANE 1 sni=" + sni + " " + names}
	}
	for _, tt := range []planCase{
		{name: "usable", zone: host + "!secure @\n_25._tcp.mx" + good, want: dane("mx.example.org", "mx.example.org,example.org"),
			asked: []string{"MX example.org", "A mx.example.org", "AAAA mx.example.org", "TLSA _25._tcp.mx.example.org"}},
		{name: "none", zone: host + "!secure @", want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "switched off", planner: dnsmx.Planner{NoDANE: true}, zone: host + "!secure @\n_25._tcp.mx" + good, want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"},
			asked: []string{"MX example.org", "A mx.example.org", "AAAA mx.example.org"}},
		{name: "unsigned domain", zone: host + "_25._tcp.mx" + good, want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"},
			asked: []string{"MX example.org", "A mx.example.org", "AAAA mx.example.org"}},
		{name: "unsigned domain, signed host", zone: "@ MX 10 mx.other.test.\nmx.other.test. A 192.0.2.1\n_25._tcp.mx.other.test." + good + "!secure other.test.", want: []string{"10 mx.other.test 192.0.2.1 TLSOpportunistic"}},
		{name: "insecure TLSA", zone: host + "!secure @\n!insecure _25._tcp.mx\n_25._tcp.mx" + good, want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "implicit MX", zone: "@ A 192.0.2.1\n!secure @\n_25._tcp" + good, want: []string{"0 example.org 192.0.2.1 TLSDANE 1 sni=example.org example.org"}},

		{name: "TLSA fails under an unsigned host", zone: "@ MX 10 mx.other.test.\nmx.other.test. A 192.0.2.1\n!servfail _25._tcp.mx.other.test.\n!secure @", want: []string{"10 mx.other.test 192.0.2.1 TLSOpportunistic"},
			asked: []string{"MX example.org", "A mx.other.test", "AAAA mx.other.test"}},
		{name: "TLSA fails under a signed host", zone: host + "!secure @\n!servfail _25._tcp.mx", want: []string{"error: 451 4.4.4", "10 mx.example.org 192.0.2.1 !tlsa dnssec-invalid"}},
		{name: "TLSA is bogus", zone: host + "!secure @\n!bogus _25._tcp.mx", want: []string{"error: 451 4.4.4", "10 mx.example.org 192.0.2.1 !tlsa dnssec-invalid"}},
		{name: "TLSA is not answered", zone: host + "!secure @\n!silent _25._tcp.mx", want: []string{"error: 451 4.4.4", "10 mx.example.org 192.0.2.1 !tlsa dnssec-invalid"}},
		{name: "another host serves", zone: host + "@ MX 20 b\nb A 192.0.2.2\n!secure @\n!servfail _25._tcp.mx\n_25._tcp.b" + good, want: []string{"10 mx.example.org 192.0.2.1 !tlsa dnssec-invalid", "20 b.example.org 192.0.2.2 TLSDANE 1 sni=b.example.org b.example.org,example.org"}},

		{name: "address unknown, the other insecure", zone: "@ MX 10 mx.other.test.\nmx.other.test. A 192.0.2.1\n!servfail mx.other.test. AAAA\n!secure @", want: []string{"error: 451 4.4.4", "10 mx.other.test 192.0.2.1 !tlsa dnssec-invalid"}},
		{name: "address unknown, the other secure", zone: host + "!servfail mx AAAA\n!secure @\n_25._tcp.mx" + good, want: append(dane("mx.example.org", "mx.example.org,example.org"), "note")},

		{name: "alias, all signed", zone: "@ MX 10 mx\nmx CNAME real\nreal A 192.0.2.1\n!secure @\n_25._tcp.real" + good + "_25._tcp.mx" + good, want: dane("real.example.org", "real.example.org,mx.example.org,example.org"),
			asked: []string{"MX example.org", "A mx.example.org", "AAAA mx.example.org", "TLSA _25._tcp.real.example.org"}},
		{name: "alias, all signed, at the original alone", zone: "@ MX 10 mx\nmx CNAME real\nreal A 192.0.2.1\n!secure @\n_25._tcp.mx" + good, want: dane("mx.example.org", "mx.example.org,example.org")},
		{name: "alias, all signed, target fails", zone: "@ MX 10 mx\nmx CNAME real\nreal A 192.0.2.1\n!secure @\n!servfail _25._tcp.real\n_25._tcp.mx" + good, want: []string{"error: 451 4.4.4", "10 mx.example.org 192.0.2.1 !tlsa dnssec-invalid"}},
		{name: "alias, all signed, unusable at the target", zone: "@ MX 10 mx\nmx CNAME real\nreal A 192.0.2.1\n!secure @\n_25._tcp.real" + bad + "_25._tcp.mx" + good, want: []string{"10 mx.example.org 192.0.2.1 TLSEncrypted", "finding mx.example.org tlsa tlsa-invalid"}},
		{name: "alias into an unsigned zone", zone: "@ MX 10 mx\nmx CNAME real.other.test.\nreal.other.test. A 192.0.2.1\n!secure @\n_25._tcp.mx" + good + "_25._tcp.real.other.test." + good, want: dane("mx.example.org", "mx.example.org,example.org"),
			asked: []string{"MX example.org", "A mx.example.org", "AAAA mx.example.org", "CNAME mx.example.org", "TLSA _25._tcp.mx.example.org"}},
		{name: "alias into an unsigned zone, and unknown", zone: "@ MX 10 mx\nmx CNAME real.other.test.\nreal.other.test. A 192.0.2.1\n!secure @\n!servfail mx CNAME", want: []string{"error: 451 4.4.4", "10 mx.example.org 192.0.2.1 !tlsa dnssec-invalid"}},
		{name: "unsigned alias", zone: "@ MX 10 mx.other.test.\nmx.other.test. CNAME real\nreal A 192.0.2.1\n!secure @\n_25._tcp.mx.other.test." + good, want: []string{"10 mx.other.test 192.0.2.1 TLSOpportunistic"}},
		{name: "domain is an alias", zone: "@ CNAME d\nd MX 10 mx\nmx A 192.0.2.1\n!secure @\n_25._tcp.mx" + good, want: dane("mx.example.org", "mx.example.org,example.org,d.example.org")},

		{name: "nothing usable", zone: host + "!secure @\n_25._tcp.mx" + bad, want: []string{"10 mx.example.org 192.0.2.1 TLSEncrypted", "finding mx.example.org tlsa tlsa-invalid"}},
		{name: "mixed", zone: host + "!secure @\n_25._tcp.mx" + bad + "_25._tcp.mx" + good, want: dane("mx.example.org", "mx.example.org,example.org")},
		{name: "TLSA through an alias", zone: host + "!secure @\n_25._tcp.mx CNAME dane\ndane" + good, want: dane("mx.example.org", "mx.example.org,example.org")},
		{name: "TLSA through an alias into an unsigned zone", zone: host + "!secure @\n_25._tcp.mx CNAME dane.other.test.\ndane.other.test." + good, want: []string{"10 mx.example.org 192.0.2.1 TLSOpportunistic"}},
		{name: "floor below DANE", planner: dnsmx.Planner{Floor: dnsmx.Encrypted}, zone: host + "!secure @\n_25._tcp.mx" + good, want: dane("mx.example.org", "mx.example.org,example.org")},
		{name: "floor above unusable records", planner: dnsmx.Planner{Floor: dnsmx.Authenticated}, zone: host + "!secure @\n_25._tcp.mx" + bad, want: []string{"10 mx.example.org 192.0.2.1 TLSVerified", "finding mx.example.org tlsa tlsa-invalid"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

// splitSecurity says that the answers of one type are secure and others not.
type splitSecurity struct {
	dnsmx.Resolver
	insecure dnsmx.Type
}

func (r splitSecurity) Query(ctx context.Context, n dnsmx.Name, typ dnsmx.Type) (dnsmx.Answer, error) {
	a, err := r.Resolver.Query(ctx, n, typ)
	a.Secure = a.Secure && typ != r.insecure
	return a, err
}

// One secure family is enough.
func TestRFC7672_2_2_EitherFamily(t *testing.T) {
	z := dnsmxtest.MustParseZone("$ORIGIN example.org.\n@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\n_25._tcp.mx" + good + "!secure @")
	for _, typ := range []dnsmx.Type{dnsmx.TypeA, dnsmx.TypeAAAA} {
		p := dnsmx.Planner{Resolver: splitSecurity{z, typ}}
		plan, err := p.Plan(t.Context(), name("example.org"))
		if err != nil || plan.Hosts[0].TLS.Level != auth.TLSDANE || len(plan.Hosts[0].Addrs) != 2 {
			t.Errorf("%v insecure: %q", typ, lines(plan, err))
		}
	}
	p := dnsmx.Planner{Resolver: splitSecurity{z, dnsmx.TypeMX}}
	plan, err := p.Plan(t.Context(), name("example.org"))
	if err != nil || plan.Hosts[0].TLS.Level != auth.TLSOpportunistic || plan.Secure || plan.Hosts[0].Secure {
		t.Errorf("MX insecure: %q", lines(plan, err))
	}
}

// What MTA-STS does to hosts, and where DANE goes first.
func TestRFC8461_5_STS(t *testing.T) {
	policy := func(mode dnsmx.Mode, mx ...string) stsSource {
		return stsSource{policy: &dnsmx.STSPolicy{ID: "1", Mode: mode, MX: mx, Expires: time.Now().Add(time.Hour)}}
	}
	const two = "@ MX 10 a\n@ MX 20 b.other.test.\na A 192.0.2.1\nb.other.test. A 192.0.2.2\n"
	const inA, inB = "10 a.example.org 192.0.2.1 ", "20 b.other.test 192.0.2.2 "
	unknown := &dnsmx.STSError{Result: dnsmx.ResultSTSFetch, Err: errors.New("no answer")}
	stale := policy(dnsmx.ModeEnforce, "*.example.org")
	stale.policy.Stale = unknown
	for _, tt := range []planCase{
		{name: "enforce", planner: dnsmx.Planner{STS: policy(dnsmx.ModeEnforce, "*.example.org")}, zone: two, want: []string{inA + "TLSVerified", inB + "!sts validation-failure", "finding b.other.test sts validation-failure"}},
		{name: "enforce for nobody", planner: dnsmx.Planner{STS: policy(dnsmx.ModeEnforce, "mx.example.net")}, zone: two, want: []string{"error: 451 4.4.4", inA + "!sts validation-failure", inB + "!sts validation-failure", "finding a.example.org sts validation-failure", "finding b.other.test sts validation-failure"}},
		{name: "testing", planner: dnsmx.Planner{STS: policy(dnsmx.ModeTesting, "*.example.org")}, zone: two, want: []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic", "finding b.other.test sts validation-failure"}},
		{name: "none", planner: dnsmx.Planner{STS: policy(dnsmx.ModeNone)}, zone: two, want: []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic"}},
		{name: "no policy", planner: dnsmx.Planner{STS: stsSource{}}, zone: two, want: []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic"}},
		{name: "not known", planner: dnsmx.Planner{STS: stsSource{err: fmt.Errorf("wrapped: %w", unknown)}}, zone: two, want: []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic", "finding  sts sts-policy-fetch-error"}},
		{name: "stale", planner: dnsmx.Planner{STS: stale}, zone: two, want: []string{inA + "TLSVerified", inB + "!sts validation-failure", "finding  sts sts-policy-fetch-error", "finding b.other.test sts validation-failure"}},
		{name: "store fails", planner: dnsmx.Planner{STS: stsSource{err: errors.New("disk")}}, zone: two, want: []string{"error: 451 4.4.3"}},
		{name: "implicit MX", planner: dnsmx.Planner{STS: policy(dnsmx.ModeEnforce, "example.org")}, zone: "@ A 192.0.2.1", want: []string{"0 example.org 192.0.2.1 TLSVerified"}},
		{name: "floor", planner: dnsmx.Planner{Floor: dnsmx.Encrypted, STS: policy(dnsmx.ModeTesting, "*.example.org")}, zone: two, want: []string{inA + "TLSEncrypted", inB + "TLSEncrypted", "finding b.other.test sts validation-failure"}},

		{name: "DANE beats it", planner: dnsmx.Planner{STS: policy(dnsmx.ModeEnforce, "mx.example.net")}, zone: "@ MX 10 a\na A 192.0.2.1\n!secure @\n_25._tcp.a" + good, want: []string{inA + "TLSDANE 1 sni=a.example.org a.example.org,example.org"}},
		{name: "DANE that fails is not excused", planner: dnsmx.Planner{STS: policy(dnsmx.ModeEnforce, "*.example.org")}, zone: "@ MX 10 a\na A 192.0.2.1\n!secure @\n!bogus _25._tcp.a", want: []string{"error: 451 4.4.4", inA + "!tlsa dnssec-invalid"}},
		{name: "unusable DANE does not", planner: dnsmx.Planner{STS: policy(dnsmx.ModeEnforce, "*.example.org")}, zone: "@ MX 10 a\na A 192.0.2.1\n!secure @\n_25._tcp.a" + bad, want: []string{inA + "TLSVerified", "finding a.example.org tlsa tlsa-invalid"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

// No policy is asked for where there is nothing to deliver to.
func TestNoPolicyForNullMX(t *testing.T) {
	p := dnsmx.Planner{Resolver: dnsmxtest.MustParseZone("example.org. MX 0 ."), STS: stsSource{err: errors.New("asked")}}
	if _, err := p.Plan(t.Context(), name("example.org")); !errors.Is(err, dnsmx.ErrNullMX) {
		t.Error(err)
	}
}

func TestRFC8461_4_1_Allows(t *testing.T) {
	for _, tt := range []struct {
		pattern, mx string
		want        bool
	}{
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "a.b.example.com", false},
		{"*.example.com", "example.com", false},
		{"*.example.com", "aexample.com", false},
		{"*.Example.COM", "a.example.com", true},
		{"*.example.com.", "a.example.com", true},
		{"mx.example.com", "mx.example.com", true},
		{"MX.example.com.", "mx.example.com", true},
		{"mx.example.com", "a.mx.example.com", false},
		{"*.", "com", false},
		{"*", "com", false},
		{"", "com", false},
		{"*.*.example.com", "a.b.example.com", false},
		{"mx*.example.com", "mx1.example.com", false},
		{"*.bücher.example", "a.xn--bcher-kva.example", false},
		{"*.xn--bcher-kva.example", "a.xn--bcher-kva.example", true},
		{"\u212A.example", "k.example", false}, // the Kelvin sign folds to k
	} {
		p := dnsmx.STSPolicy{MX: []string{"other.example", tt.pattern}}
		if got := p.Allows(name(tt.mx)); got != tt.want {
			t.Errorf("%s allows %s: %v", tt.pattern, tt.mx, got)
		}
	}
	if (&dnsmx.STSPolicy{MX: []string{"", "*."}}).Allows(dnsmx.Name{}) {
		t.Error("no name is allowed")
	}
}

// Static routes are as good as secure answers, and not subject to MTA-STS.
func TestNextHop(t *testing.T) {
	route := func(h ...dnsmx.Host) func(dnsmx.Name) ([]dnsmx.Host, bool) {
		return func(d dnsmx.Name) ([]dnsmx.Host, bool) { return h, d == name("example.org") }
	}
	literal := dnsmx.Host{Name: name("smart.test"), Addrs: mustAddrs("192.0.2.7")}
	sts := stsSource{policy: &dnsmx.STSPolicy{Mode: dnsmx.ModeEnforce, MX: []string{"mx.example.org"}}}
	for _, tt := range []planCase{
		{name: "looked up, with DANE", planner: dnsmx.Planner{STS: sts, NextHop: route(dnsmx.Host{Name: name("smart.test"), Pref: 5})}, zone: "@ MX 0 .\nsmart.test. A 192.0.2.1\n!secure smart.test.\n_25._tcp.smart.test." + good, want: []string{"5 smart.test 192.0.2.1 TLSDANE 1 sni=smart.test smart.test"},
			asked: []string{"A smart.test", "AAAA smart.test", "TLSA _25._tcp.smart.test"}},
		{name: "by address", planner: dnsmx.Planner{Floor: dnsmx.Encrypted, NextHop: route(literal)}, zone: "@ MX 0 .", want: []string{"0 smart.test 192.0.2.7 TLSEncrypted"}, asked: nil},
		{name: "to nowhere", planner: dnsmx.Planner{NextHop: route()}, zone: "@ A 192.0.2.1", want: []string{"error: 451 4.4.4"}},
		{name: "to no name", planner: dnsmx.Planner{NextHop: route(dnsmx.Host{})}, zone: "@ A 192.0.2.1", want: []string{"error: 451 4.4.4", "0  !err"}},
		{name: "of another domain", planner: dnsmx.Planner{NextHop: func(dnsmx.Name) ([]dnsmx.Host, bool) { return nil, false }}, zone: "@ A 192.0.2.1", want: []string{"0 example.org 192.0.2.1 TLSOpportunistic"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

// REQUIRETLS, and its opposite.
func TestRFC8689_4_2(t *testing.T) {
	enforce := stsSource{policy: &dnsmx.STSPolicy{Mode: dnsmx.ModeEnforce, MX: []string{"a.example.org"}}}
	testingMode := stsSource{policy: &dnsmx.STSPolicy{Mode: dnsmx.ModeTesting, MX: []string{"a.example.org"}}}
	const two = "$ORIGIN example.org.\n@ MX 10 a\n@ MX 20 b\na A 192.0.2.1\nb A 192.0.2.2\n"
	const inA, inB = "10 a.example.org 192.0.2.1 ", "20 b.example.org 192.0.2.2 "
	for _, tt := range []struct {
		name, zone       string
		planner          dnsmx.Planner
		require, relaxed []string
	}{
		{"nobody vouches", two, dnsmx.Planner{}, []string{"error: 550 5.7.10", "10 a.example.org 192.0.2.1 !err", "20 b.example.org 192.0.2.2 !err"}, []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic"}},
		{"signed", two + "!secure @", dnsmx.Planner{}, []string{inA + "TLSVerified", inB + "TLSVerified"}, []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic"}},
		{"DANE", two + "!secure @\n_25._tcp.a" + good, dnsmx.Planner{}, []string{inA + "TLSDANE 1 sni=a.example.org a.example.org,example.org", inB + "TLSVerified"}, []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic"}},
		{"testing", two, dnsmx.Planner{STS: testingMode}, []string{inA + "TLSVerified", inB + "!err", "finding b.example.org sts validation-failure"}, []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic", "finding b.example.org sts validation-failure"}},
		{"enforce", two, dnsmx.Planner{STS: enforce}, []string{inA + "TLSVerified", inB + "!sts validation-failure", "finding b.example.org sts validation-failure"}, []string{inA + "TLSOpportunistic", inB + "TLSOpportunistic", "finding b.example.org sts validation-failure"}},
		{"the floor stays", two, dnsmx.Planner{STS: enforce, Floor: dnsmx.Encrypted}, []string{inA + "TLSVerified", inB + "!sts validation-failure", "finding b.example.org sts validation-failure"}, []string{inA + "TLSEncrypted", inB + "TLSEncrypted", "finding b.example.org sts validation-failure"}},
		{"DANE fails", two + "!secure @\n!bogus _25._tcp.a\n!servfail b", dnsmx.Planner{}, []string{"error: 451 4.4.4", inA + "!tlsa dnssec-invalid", "20 b.example.org !err"}, []string{inA + "TLSOpportunistic", "20 b.example.org !err"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.planner.Resolver = dnsmxtest.MustParseZone(tt.zone)
			tt.planner.Shuffle = inOrder
			plan, err := tt.planner.Plan(t.Context(), name("example.org"))
			if plan == nil {
				t.Fatal(err)
			}
			before := lines(plan, nil)
			if diff := cmp.Diff(tt.require, lines(plan.RequireTLS())); diff != "" {
				t.Errorf("RequireTLS (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.relaxed, lines(plan.Relaxed(), nil)); diff != "" {
				t.Errorf("Relaxed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, lines(plan, nil)); diff != "" {
				t.Errorf("the plan itself changed:\n%s", diff)
			}
		})
	}
}

// Until when a plan holds.
func TestValid(t *testing.T) {
	const host = "$ORIGIN example.org.\n@ 600 MX 10 mx\nmx 300 A 192.0.2.1\n@ SOA ns hm 1 2 3 4 900\n"
	expires := func(d time.Duration) stsSource {
		return stsSource{policy: &dnsmx.STSPolicy{Mode: dnsmx.ModeEnforce, MX: []string{"mx.example.org"}, Expires: time.Now().Add(d)}}
	}
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name, zone string
			planner    dnsmx.Planner
			want       time.Duration
		}{
			{"address", host, dnsmx.Planner{}, 300 * time.Second},
			{"MX", strings.Replace(host, "600", "200", 1), dnsmx.Planner{}, 200 * time.Second},
			{"denial", strings.Replace(host, "900", "100", 1), dnsmx.Planner{}, 100 * time.Second},
			{"TLSA", host + "!secure @\n_25._tcp.mx 50" + good, dnsmx.Planner{}, 50 * time.Second},
			{"alias", host + "@ MX 20 b\nb 20 CNAME mx\n", dnsmx.Planner{}, 20 * time.Second},
			{"failure", host + "@ MX 20 b\n!servfail b\n", dnsmx.Planner{}, 5 * time.Second},
			{"policy", host, dnsmx.Planner{STS: expires(10 * time.Second)}, 10 * time.Second},
			{"policy for longer", host, dnsmx.Planner{STS: expires(time.Hour)}, 300 * time.Second},
			{"policy not known", host, dnsmx.Planner{STS: stsSource{err: &dnsmx.STSError{Err: errors.New("x")}}}, 5 * time.Second},
			{"route by address", host, dnsmx.Planner{NextHop: func(dnsmx.Name) ([]dnsmx.Host, bool) {
				return []dnsmx.Host{{Addrs: mustAddrs("192.0.2.1")}}, true
			}}, 24 * time.Hour},
		} {
			tt.planner.Resolver = dnsmxtest.MustParseZone(tt.zone)
			plan, err := tt.planner.Plan(t.Context(), name("example.org"))
			if err != nil || time.Until(plan.Valid) != tt.want {
				t.Errorf("%s: %v, %v; want %v", tt.name, time.Until(plan.Valid), err, tt.want)
			}
		}
	})
}

// 100 equal hosts are in every order alike; the better ones go first.
func TestRFC5321_5_1_Shuffle(t *testing.T) {
	var zone strings.Builder
	const equal = 100
	for i := range equal {
		fmt.Fprintf(&zone, "example.org. MX 20 mx%d\n", i)
	}
	zone.WriteString("example.org. MX 10 best\n!servfail mx0\n")
	z := dnsmxtest.MustParseZone(zone.String())
	p := dnsmx.Planner{Resolver: z}
	if plan, _ := p.Plan(t.Context(), name("example.org")); len(plan.Hosts) != 20 {
		t.Errorf("%d hosts", len(plan.Hosts))
	}
	for _, shuffle := range []func(int, func(i, j int)){nil, rand.Shuffle} {
		p := dnsmx.Planner{Resolver: z, Shuffle: shuffle, Families: dnsmx.Only4, MaxMX: 2}
		first := make(map[string]int)
		const runs = 4000
		for range runs {
			plan, _ := p.Plan(t.Context(), name("example.org"))
			if len(plan.Hosts) != 2 || plan.Hosts[0].Name != name("best.example.org") {
				t.Fatalf("%q", lines(plan, nil))
			}
			first[plan.Hosts[1].Name.String()]++
		}
		// χ² with 99 degrees of freedom exceeds 190 once in about ten million.
		const expected = float64(runs) / equal
		chi := float64(equal-len(first)) * expected
		for _, n := range first {
			chi += (float64(n) - expected) * (float64(n) - expected) / expected
		}
		if chi > 190 {
			t.Errorf("χ² of the first host is %.0f: %v", chi, first)
		}
	}
}

// slow answers after a second, and never for hosts that are dead.
type slow struct{ dnsmx.Resolver }

func (s slow) Query(ctx context.Context, n dnsmx.Name, typ dnsmx.Type) (dnsmx.Answer, error) {
	wait := time.Second
	if strings.HasPrefix(n.String(), "dead") {
		wait = time.Hour
	}
	select {
	case <-time.After(wait):
		return s.Resolver.Query(ctx, n, typ)
	case <-ctx.Done():
		return dnsmx.Answer{}, &dnsmx.Error{Name: n, Type: typ, Err: ctx.Err(), Timeout: true}
	}
}

// waiting finds no policy for as long as it may try.
type waiting struct{}

func (waiting) Policy(ctx context.Context, d dnsmx.Name) (*dnsmx.STSPolicy, error) {
	<-ctx.Done()
	return nil, &dnsmx.STSError{Result: dnsmx.ResultSTSFetch, Err: ctx.Err()}
}

// Hosts are looked up side by side when it takes long, and the plan's time ends.
func TestPlanTime(t *testing.T) {
	const eight = "example.org. MX 1 a\nexample.org. MX 2 b\nexample.org. MX 3 c\nexample.org. MX 4 d\nexample.org. MX 5 e\nexample.org. MX 6 f\nexample.org. MX 7 g\nexample.org. MX 8 h\na A 192.0.2.1\nh A 192.0.2.1"
	synctest.Test(t, func(t *testing.T) {
		p := dnsmx.Planner{Resolver: slow{dnsmxtest.MustParseZone(eight)}}
		start := time.Now()
		plan, err := p.Plan(t.Context(), name("example.org"))
		if took := time.Since(start); err != nil || took > 4*time.Second {
			t.Errorf("%v: %q", took, lines(plan, err))
		}
		p.Resolver = slow{dnsmxtest.MustParseZone("example.org. MX 1 dead\nexample.org. MX 2 b\nb A 192.0.2.1\nb AAAA 2001:db8::1")}
		start = time.Now()
		plan, err = p.Plan(t.Context(), name("example.org"))
		want := []string{"1 dead.example.org !err", "2 b.example.org 2001:db8::1 192.0.2.1 TLSOpportunistic"}
		if took := time.Since(start); took != time.Minute || !slices.Equal(lines(plan, err), want) {
			t.Errorf("%v: %q, %v", took, lines(plan, err), err)
		}
		p.STS = waiting{}
		if plan, err = p.Plan(t.Context(), name("example.org")); !errors.Is(err, dnsmx.ErrUnknown) {
			t.Errorf("policy that is waited for: %q", lines(plan, err))
		}
		p.STS = nil
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start = time.Now()
		if _, err = p.Plan(ctx, name("dead")); time.Since(start) != 10*time.Second || !errors.Is(err, dnsmx.ErrUnknown) {
			t.Errorf("%v: %v", time.Since(start), err)
		}
	})
	if _, err := new(dnsmx.Planner).Plan(t.Context(), dnsmx.Name{}); !errors.Is(err, dnsmx.ErrNoDomain) {
		t.Errorf("no name: %v", err)
	}
}

func mustAddrs(s ...string) (out []netip.Addr) {
	for _, s := range s {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

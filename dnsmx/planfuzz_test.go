package dnsmx_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

// pieces are what zones are made of, a bit of the input for each.
var pieces = strings.Split(strings.TrimSpace(`
@ MX 10 a
@ MX 10 b
@ MX 20 c
@ MX 5 10.0.0.1
@ CNAME d
d MX 10 a
d A 192.0.2.4
@ A 192.0.2.5
a A 192.0.2.1
a AAAA 2001:db8::1
a CNAME ta
ta A 192.0.2.11
b A 192.0.2.2
c CNAME tc
c AAAA 2001:db8::3
tc A 192.0.2.13
_25._tcp.a `+strings.TrimSpace(good)+`
_25._tcp.a `+strings.TrimSpace(bad)+`
_25._tcp.ta `+strings.TrimSpace(good)+`
_25._tcp.b `+strings.TrimSpace(bad)+`
_25._tcp.c `+strings.TrimSpace(good)+`
_25._tcp.tc `+strings.TrimSpace(good)+`
_25._tcp `+strings.TrimSpace(good)+`
_25._tcp.d `+strings.TrimSpace(good)), "\n")

// fuzzDNS is a zone in which each answer is secure, or fails, by a bit of its own.
type fuzzDNS struct {
	zone         *dnsmxtest.Zone
	secure, fail uint64 // a bit for each of 64 classes of questions
	failToo      string // a question

	mu    sync.Mutex
	asked []string
}

func (f *fuzzDNS) bit(mask uint64, question string) bool {
	h := fnv.New32a()
	h.Write([]byte(question))
	return mask>>(h.Sum32()%64)&1 == 1
}

func (f *fuzzDNS) Query(ctx context.Context, n dnsmx.Name, typ dnsmx.Type) (dnsmx.Answer, error) {
	question := fmt.Sprint(typ, " ", n)
	f.mu.Lock()
	f.asked = append(f.asked, question)
	f.mu.Unlock()
	if question == f.failToo || f.bit(f.fail, question) {
		return dnsmx.Answer{}, &dnsmx.Error{Name: n, Type: typ, RCode: 2}
	}
	a, err := f.zone.Query(ctx, n, typ)
	a.Secure = f.bit(f.secure, question)
	return a, err
}

// secureTLSA is the definition: the records that a host has to be held to.
func (f *fuzzDNS) secureTLSA(host dnsmx.Name) []dnsmx.Record {
	ask := func(n dnsmx.Name, typ dnsmx.Type) dnsmx.Answer {
		a, err := f.Query(context.Background(), n, typ)
		if err != nil {
			return dnsmx.Answer{}
		}
		return a
	}
	var bases []dnsmx.Name
	for _, typ := range []dnsmx.Type{dnsmx.TypeA, dnsmx.TypeAAAA} {
		if a := ask(host, typ); a.Secure {
			bases = append(bases, a.Canonical, host)
		}
	}
	if len(bases) == 0 && ask(host, dnsmx.TypeCNAME).Secure && ask(host, dnsmx.TypeCNAME).Status == dnsmx.Found {
		bases = append(bases, host)
	}
	for _, base := range bases {
		n, err := base.Child("_25._tcp")
		if err != nil {
			continue
		}
		if a := ask(n, dnsmx.TypeTLSA); a.Secure && len(a.Records) > 0 {
			return a.Records
		}
	}
	return nil
}

// An error in place of any answer neither lowers the level of a host nor makes one
// usable; secure TLSA records are never passed over; better hosts go first.
func FuzzPlan(f *testing.F) {
	f.Add(uint64(0xFFFFFF), ^uint64(0), uint64(0), byte(0))
	f.Add(uint64(0x10101), ^uint64(0), uint64(0), byte(1))
	f.Add(uint64(0x1F0B11), uint64(0x5A5A5A5A5A5A5A5A), uint64(0x100100), byte(2))
	f.Add(uint64(1<<0|1<<8|1<<16), ^uint64(0), uint64(0), byte(4))
	f.Fuzz(func(t *testing.T, zone, secure, fail uint64, options byte) {
		var text strings.Builder
		text.WriteString("$ORIGIN example.org.\n")
		for i, line := range pieces {
			if zone>>i&1 == 1 {
				text.WriteString(line + "\n")
			}
		}
		z := dnsmxtest.MustParseZone(text.String())
		p := dnsmx.Planner{Shuffle: inOrder, Floor: dnsmx.Floor(options % 3)}
		if options&0x10 != 0 {
			p.STS = stsSource{policy: &dnsmx.STSPolicy{Mode: dnsmx.Mode(options >> 5 % 3), MX: []string{"a.example.org", "c.example.org"}}}
		}
		plan := func(failToo string) (*dnsmx.Plan, []string) {
			dns := &fuzzDNS{zone: z, secure: secure, fail: fail, failToo: failToo}
			p.Resolver = dns
			plan, err := p.Plan(t.Context(), name("example.org"))
			if plan == nil {
				if _, ok := errors.AsType[*dnsmx.Failure](err); !ok {
					t.Fatalf("error %v", err)
				}
				plan = new(dnsmx.Plan)
			}
			asked := dns.asked
			checkPlan(t, dns, plan, p.Floor, err)
			return plan, asked
		}
		base, asked := plan("")
		if len(asked) > 4+5*20 {
			t.Fatalf("%d questions", len(asked))
		}
		for _, question := range asked {
			changed, _ := plan(question)
			for h := range changed.Usable() {
				i := slices.IndexFunc(base.Hosts, func(b dnsmx.Host) bool { return b.Err == nil && b.Name == h.Name })
				if i < 0 {
					t.Fatalf("with %s failing, %v became usable\n%s\n%q\n%q", question, h.Name, text.String(), lines(base, nil), lines(changed, nil))
				}
				if was := base.Hosts[i].TLS.Level; !h.TLS.Level.AtLeast(was) || was == auth.TLSDANE && h.TLS.Level != was {
					t.Fatalf("with %s failing, %v went from %v to %v\n%s", question, h.Name, was, h.TLS.Level, text.String())
				}
			}
		}
	})
}

func checkPlan(t *testing.T, dns *fuzzDNS, plan *dnsmx.Plan, floor dnsmx.Floor, err error) {
	t.Helper()
	if !slices.IsSortedFunc(plan.Hosts, func(a, b dnsmx.Host) int { return int(a.Pref) - int(b.Pref) }) {
		t.Fatalf("order: %q", lines(plan, nil))
	}
	usable := 0
	least := [...]auth.TLSLevel{auth.TLSOpportunistic, auth.TLSEncrypted, auth.TLSVerified}[floor]
	for h := range plan.Usable() {
		usable++
		if len(h.Addrs) == 0 || !h.TLS.Level.AtLeast(least) {
			t.Fatalf("%q", lines(plan, nil))
		}
		if !plan.Secure {
			continue
		}
		recs := dns.secureTLSA(h.Name)
		want := auth.TLSOpportunistic
		for _, r := range recs {
			want = auth.TLSEncrypted
			if r.TLSA.Usage == 3 {
				want = auth.TLSDANE
				break
			}
		}
		if !h.TLS.Level.AtLeast(want) || want == auth.TLSDANE && h.TLS.Level != want {
			t.Fatalf("%v: level %v, want %v for %v", h.Name, h.TLS.Level, want, recs)
		}
	}
	if (usable > 0) != (err == nil) {
		t.Fatalf("%d usable hosts and error %v", usable, err)
	}
}

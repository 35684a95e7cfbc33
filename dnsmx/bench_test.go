package dnsmx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

const threeMX = `$ORIGIN example.org.
@ 3600 MX 10 mx1
@ 3600 MX 10 mx2
@ 3600 MX 20 mx3
mx1 3600 A 192.0.2.1
mx2 3600 A 192.0.2.2
mx3 3600 A 192.0.2.3
mx1 3600 AAAA 2001:db8::1
mx2 3600 AAAA 2001:db8::2
@ 3600 SOA ns hostmaster 1 2 3 4 3600
`

// cached returns a planner that has all of a zone in its cache, and a context such
// as a relay has: with a deadline.
func cached(tb testing.TB, zone string) (*dnsmx.Planner, context.Context) {
	p := &dnsmx.Planner{Resolver: &dnsmx.Cache{Next: dnsmxtest.MustParseZone(zone)}}
	ctx, cancel := context.WithTimeout(tb.Context(), time.Hour)
	tb.Cleanup(cancel)
	if _, err := p.Plan(ctx, name("example.org")); err != nil {
		tb.Fatal(err)
	}
	return p, ctx
}

// The plan with its hosts, the timer that calls for help, and its function.
func TestPlanAllocs(t *testing.T) {
	p, ctx := cached(t, threeMX)
	domain := name("example.org")
	if got := testing.AllocsPerRun(100, func() { p.Plan(ctx, domain) }); got > 4 {
		t.Errorf("%v allocations", got)
	}
}

func withDANE() string {
	var zone strings.Builder
	zone.WriteString(threeMX + "!secure @\n")
	for i := range 3 {
		fmt.Fprintf(&zone, "_25._tcp.mx%d 3600%s", i+1, good)
	}
	return zone.String()
}

// A cold plan asks what it needs and nothing twice: one question for the hosts, two
// for the addresses of each, and one for TLSA where that can matter.
func TestColdPlanQuestions(t *testing.T) {
	for zone, want := range map[string]int{
		threeMX:                               1 + 3*2,
		withDANE():                            1 + 3*3,
		"example.org. MX 0 .\n!secure @":      1,
		"example.org. A 192.0.2.1":            1 + 2,
		"example.org. A 192.0.2.1\n!secure @": 1 + 2 + 1,
		"other.test. A 192.0.2.1":             1,
	} {
		z := dnsmxtest.MustParseZone(zone)
		p := dnsmx.Planner{Resolver: z}
		p.Plan(t.Context(), name("example.org"))
		if got := z.Log(); len(got) != want {
			t.Errorf("%q: %d questions %q, want %d", zone, len(got), got, want)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, bb := range []struct{ name, zone string }{
		{"cached,mx=1", "example.org. 3600 MX 10 mx\nmx 3600 A 192.0.2.1\nmx 3600 AAAA 2001:db8::1"},
		{"cached,mx=3", threeMX},
		{"cached,mx=3,dane", withDANE()},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p, ctx := cached(b, bb.zone)
			domain := name("example.org")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Plan(ctx, domain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("cached,mx=3,no deadline", func(b *testing.B) {
		p, _ := cached(b, threeMX)
		domain := name("example.org")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Plan(context.Background(), domain); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package mtasts_test

import (
	"context"
	"fmt"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
	"github.com/mailwire/mailwire/dnsmx/mtasts"
)

// A planner that knows policies. This domain has none.
func ExampleCache() {
	resolver := &dnsmx.Cache{Next: dnsmxtest.MustParseZone("example.org. MX 10 mx\nmx A 192.0.2.1")}
	planner := &dnsmx.Planner{Resolver: resolver, STS: &mtasts.Cache{Resolver: resolver}}
	domain, _ := dnsmx.ParseName("example.org")
	plan, err := planner.Plan(context.Background(), domain)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Hosts[0].Name, plan.Hosts[0].TLS.Level, plan.STS)
	// Output: mx.example.org TLSOpportunistic <nil>
}

func ExampleParsePolicy() {
	p, err := mtasts.ParsePolicy([]byte("version: STSv1\r\nmode: enforce\r\nmx: *.example.org\r\nmax_age: 604800\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	mx, _ := dnsmx.ParseName("mx1.example.org")
	other, _ := dnsmx.ParseName("mx.example.net")
	fmt.Println(p.Mode, p.MaxAge, p.Allows(mx), p.Allows(other))
	// Output: enforce 168h0m0s true false
}

func ExampleParseRecord() {
	r, err := mtasts.ParseRecord("v=STSv1; id=20260101T000000;")
	fmt.Println(r.ID, err)
	// Output: 20260101T000000 <nil>
}

func ExampleAppendPolicy() {
	b, err := mtasts.AppendPolicy(nil, &dnsmx.STSPolicy{Mode: dnsmx.ModeTesting, MX: []string{"mx1.example.org"}, MaxAge: 86400e9})
	fmt.Printf("%q %v\n", b, err)
	// Output: "version: STSv1\r\nmode: testing\r\nmx: mx1.example.org\r\nmax_age: 86400\r\n" <nil>
}

func ExampleAppendRecord() {
	b, err := mtasts.AppendRecord(nil, mtasts.Record{ID: "20260101T000000"})
	fmt.Printf("%s %v %v\n", b, err, mtasts.IsRecord(string(b)))
	// Output: v=STSv1; id=20260101T000000; <nil> true
}

// Policies alone, without a cache. The certificate of mta-sts.example.org has to be a
// good one: here there is no such host.
func ExampleFetcher_Fetch() {
	fetcher := &mtasts.Fetcher{Resolver: dnsmxtest.MustParseZone("example.org. MX 10 mx")}
	domain, _ := dnsmx.ParseName("example.org")
	_, err := fetcher.Fetch(context.Background(), domain)
	fmt.Println(err != nil)
	// Output: true
}

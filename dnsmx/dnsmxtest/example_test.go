package dnsmxtest_test

import (
	"context"
	"fmt"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

func ExampleParseZone() {
	zone, err := dnsmxtest.ParseZone(`
		example.org. MX 10 mx
		mx A 192.0.2.25
		!secure example.org.
		!servfail mx AAAA
	`)
	if err != nil {
		fmt.Println(err)
		return
	}
	mx, _ := dnsmx.ParseName("mx.example.org")
	a, err := zone.Query(context.Background(), mx, dnsmx.TypeA)
	fmt.Println(a.Status, a.Records[0].Addr, a.Secure, err)
	_, err = zone.Query(context.Background(), mx, dnsmx.TypeAAAA)
	fmt.Println(err)
	fmt.Println(zone.Log())
	// Output:
	// Found 192.0.2.25 true <nil>
	// dnsmx: no answer for AAAA mx.example.org: SERVFAIL
	// [A mx.example.org AAAA mx.example.org]
}

// A zone can change under a test.
func ExampleZone_Replace() {
	zone := dnsmxtest.MustParseZone("example.org. A 192.0.2.1")
	if err := zone.Replace("!servfail example.org A"); err != nil {
		fmt.Println(err)
		return
	}
	n, _ := dnsmx.ParseName("example.org")
	_, err := zone.Query(context.Background(), n, dnsmx.TypeA)
	fmt.Println(err)
	// Output: dnsmx: no answer for A example.org: SERVFAIL
}

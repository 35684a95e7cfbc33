package dnsmx_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

// What was asked once is not asked again while it lasts, and neither is what does not
// exist.
func ExampleCache() {
	zone := dnsmxtest.MustParseZone("example.org. A 192.0.2.1")
	cache := &dnsmx.Cache{Next: zone}
	for _, s := range []string{"example.org", "EXAMPLE.org", "missing.example.org", "below.missing.example.org"} {
		n, _ := dnsmx.ParseName(s)
		a, err := cache.Query(context.Background(), n, dnsmx.TypeA)
		fmt.Println(n, a.Status, err)
	}
	fmt.Println(zone.Log())
	// Output:
	// example.org Found <nil>
	// example.org Found <nil>
	// missing.example.org NXDomain <nil>
	// below.missing.example.org NXDomain <nil>
	// [A example.org A missing.example.org]
}

func ExampleLookupTXT() {
	zone := dnsmxtest.MustParseZone(`example.org. TXT "v=spf1 " "-all"`)
	n, _ := dnsmx.ParseName("example.org")
	texts, answer, err := dnsmx.LookupTXT(context.Background(), zone, n)
	fmt.Printf("%q %v %v\n", texts, answer.Status, err)
	// Output: ["v=spf1 -all"] Found <nil>
}

func ExampleLookupAddrs() {
	n, _ := dnsmx.ParseName("mx1.example.org")
	addrs, answer, err := dnsmx.LookupAddrs(context.Background(), exampleZone, n, dnsmx.Both)
	fmt.Println(addrs, answer.Secure, err)
	// Output: [2001:db8::1 192.0.2.1] true <nil>
}

// What an address calls itself proves nothing; Confirm looks whether it is true.
func ExampleLookupPTR() {
	names, _, err := dnsmx.LookupPTR(context.Background(), exampleZone, netip.MustParseAddr("192.0.2.1"))
	fmt.Println(names, err)
	// Output: [mx1.example.org] <nil>
}

// Names of DNS data, which are no names of hosts.
func ExampleParseNameLax() {
	n, err := dnsmx.ParseNameLax("_dmarc.Example.ORG.")
	fmt.Println(n, err)
	_, err = dnsmx.ParseName("_dmarc.example.org")
	fmt.Println(err)
	// Output:
	// _dmarc.example.org <nil>
	// dnsmx: bad domain name "_dmarc.example.org": an octet that no name may have
}

func ExampleOrgDomain() {
	for _, s := range []string{"a.b.co.uk", "co.uk"} {
		n, _ := dnsmx.ParseName(s)
		fmt.Println(dnsmx.OrgDomain(n))
	}
	// Output:
	// b.co.uk true
	//  false
}

func ExampleListedDomain() {
	list, _ := dnsmx.ParseName("dbl.test")
	bad, _ := dnsmx.ParseName("spam.example")
	zone := dnsmxtest.MustParseZone("spam.example.dbl.test. A 127.0.1.2")
	l, err := dnsmx.ListedDomain(context.Background(), zone, list, bad)
	fmt.Println(l.Listed, l.Codes, err)
	// Output: true [127.0.1.2] <nil>
}

// A list that is not one any more lists everybody, or nobody.
func ExampleProbeList() {
	list, _ := dnsmx.ParseName("bl.test")
	for _, zone := range []string{"2.0.0.127.bl.test. A 127.0.0.2", "*.bl.test. A 192.0.2.1"} {
		fmt.Println(dnsmx.ProbeList(context.Background(), dnsmxtest.MustParseZone(zone), list) == nil)
	}
	// Output:
	// true
	// false
}

func ExampleAppendQuery() {
	n, _ := dnsmx.ParseName("example.org")
	query, err := dnsmx.AppendQuery(nil, 0x1234, n, dnsmx.TypeMX, dnsmx.QueryOptions{})
	fmt.Printf("%x %q %v\n", query[:12], query[12:25], err)
	// Output: 123401200001000000000001 "\aexample\x03org\x00" <nil>
}

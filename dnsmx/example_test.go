package dnsmx_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

var exampleZone = dnsmxtest.MustParseZone(`
$ORIGIN example.org.
@ MX 10 mx1
@ MX 20 mx2
mx1 A 192.0.2.1
mx1 AAAA 2001:db8::1
mx2 A 192.0.2.2
_25._tcp.mx1 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_imaps._tcp SRV 0 1 993 mx1
!bogus _25._tcp.mx2
!secure @
$ORIGIN nomail.test.
@ MX 0 .
@ A 192.0.2.9
1.2.0.192.in-addr.arpa. PTR mx1.example.org.
99.2.0.192.bl.test. A 127.0.0.2
`)

func Example() {
	planner := &dnsmx.Planner{Resolver: &dnsmx.Cache{Next: exampleZone}}
	domain, err := dnsmx.ParseName("Example.ORG")
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := planner.Plan(context.Background(), domain)
	if err != nil {
		fmt.Println(err)
		return
	}
	for host := range plan.Usable() {
		fmt.Println(host.Pref, host.Name, host.Addrs, host.TLS.Level)
	}
	for _, host := range plan.Hosts {
		if host.Err != nil {
			fmt.Println("not now:", host.Name)
		}
	}
	// Output:
	// 10 mx1.example.org [2001:db8::1 192.0.2.1] TLSDANE
	// not now: mx2.example.org
}

func ExamplePlanner_Plan() {
	planner := &dnsmx.Planner{Resolver: exampleZone}
	domain, _ := dnsmx.ParseName("nomail.test")
	_, err := planner.Plan(context.Background(), domain)
	if failure, ok := errors.AsType[*dnsmx.Failure](err); ok {
		fmt.Println(failure.Code, failure.Enhanced, failure.Text, failure.Temporary())
	}
	fmt.Println(errors.Is(err, dnsmx.ErrNullMX))
	// Output:
	// 556 [5 1 10] the domain accepts no mail false
	// true
}

func ExamplePlan_RequireTLS() {
	planner := &dnsmx.Planner{Resolver: exampleZone}
	domain, _ := dnsmx.ParseName("example.org")
	plan, err := planner.Plan(context.Background(), domain)
	if err != nil {
		fmt.Println(err)
		return
	}
	strict, err := plan.RequireTLS()
	if err != nil {
		fmt.Println(err)
		return
	}
	for host := range strict.Usable() {
		fmt.Println("required:", host.Name, host.TLS.Level)
	}
	for host := range plan.Relaxed().Usable() {
		fmt.Println("relaxed:", host.Name, host.TLS.Level)
	}
	// Output:
	// required: mx1.example.org TLSDANE
	// relaxed: mx1.example.org TLSOpportunistic
	// relaxed: mx2.example.org TLSOpportunistic
}

func ExampleParseName() {
	for _, s := range []string{"BÜCHER.example", "xn--bcher-kva.example", "127.0.0.1", "a..b"} {
		n, err := dnsmx.ParseName(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(n, n.Unicode())
	}
	// Output:
	// xn--bcher-kva.example bücher.example
	// xn--bcher-kva.example bücher.example
	// dnsmx: bad domain name "127.0.0.1": an IP address
	// dnsmx: bad domain name "a..b": an empty label
}

func ExampleStub() {
	// A program takes dnsmx.System(), or names its servers.
	stub := &dnsmx.Stub{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}}
	planner := &dnsmx.Planner{Resolver: &dnsmx.Cache{Next: stub}, Floor: dnsmx.Encrypted}
	fmt.Println(stub.TrustAD, planner.Floor)
	// Output: TrustLoopback Encrypted
}

func ExampleConfirm() {
	n, ok, err := dnsmx.Confirm(context.Background(), exampleZone, netip.MustParseAddr("192.0.2.1"))
	fmt.Println(n, ok, err)
	// Output: mx1.example.org true <nil>
}

func ExampleListedAddr() {
	list, _ := dnsmx.ParseName("bl.test")
	l, err := dnsmx.ListedAddr(context.Background(), exampleZone, list, netip.MustParseAddr("192.0.2.99"))
	fmt.Println(l.Listed, l.Codes, err)
	// Output: true [127.0.0.2] <nil>
}

func ExampleDiscover() {
	domain, _ := dnsmx.ParseName("example.org")
	servers, err := dnsmx.Discover(context.Background(), exampleZone, domain, dnsmx.IMAP)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range servers {
		fmt.Println(s.Host, s.Port, s.TLS.Implicit, s.TLS.Names)
	}
	// Output: mx1.example.org 993 true [example.org mx1.example.org]
}

// The codec alone, for a transport of one's own.
func ExampleParseResponse() {
	domain, _ := dnsmx.ParseName("example.org")
	query, err := dnsmx.AppendQuery(nil, 0x1234, domain, dnsmx.TypeMX, dnsmx.QueryOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A server that denies, without a word more: the query as a response.
	query[2] |= 0x80
	r, err := dnsmx.ParseResponse(query, 0x1234, domain, dnsmx.TypeMX)
	fmt.Println(r.RCode, r.Status, r.TTL, err)
	_, err = dnsmx.ParseResponse(query, 0x4321, domain, dnsmx.TypeMX)
	fmt.Println(errors.Is(err, dnsmx.ErrMismatch))
	// Output:
	// RCodeSuccess NoData 0s <nil>
	// true
}

package tlsrpt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
	"github.com/mailwire/mailwire/dnsmx/tlsrpt"
)

func ExampleRecorder() {
	zone := dnsmxtest.MustParseZone(`
		example.org. MX 10 mx
		mx A 192.0.2.1
		_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@example.org"
	`)
	domain, _ := dnsmx.ParseName("example.org")
	plan, err := (&dnsmx.Planner{Resolver: zone}).Plan(context.Background(), domain)
	if err != nil {
		fmt.Println(err)
		return
	}
	var recorder tlsrpt.Recorder
	host := plan.Hosts[0].Name
	recorder.Add(plan, tlsrpt.Outcome{Host: host})
	recorder.Add(plan, tlsrpt.Outcome{Host: host, Err: auth.ErrTLSRequired})

	// The next day:
	record, err := tlsrpt.Lookup(context.Background(), zone, domain)
	if err != nil {
		fmt.Println(err)
		return
	}
	report := recorder.Take(domain, time.Now())
	for _, p := range report.Policies {
		fmt.Println(record.Mail, p.Type, p.Successful, p.Failed, p.Failures[0].Result)
	}
	// Output: [tls@example.org] no-policy-found 1 1 starttls-not-supported
}

func ExampleParseRecord() {
	r, err := tlsrpt.ParseRecord("v=TLSRPTv1; rua=mailto:tls@example.org,https://example.org/report")
	fmt.Println(r.Mail, r.HTTPS, err)
	// Output: [tls@example.org] [https://example.org/report] <nil>
}

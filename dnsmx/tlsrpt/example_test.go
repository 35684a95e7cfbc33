package tlsrpt_test

import (
	"context"
	"fmt"
	"strings"
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

func ExampleAppendMail() {
	domain, _ := dnsmx.ParseName("example.com")
	us, _ := dnsmx.ParseName("example.org")
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	mail := &tlsrpt.Mail{
		Report: &tlsrpt.Report{Organization: "Example Org", ID: "20261124", Start: day, End: day.Add(24*time.Hour - time.Second)},
		Domain: domain, Submitter: us, From: "tls@example.org", To: "reports@example.com", Date: day.Add(30 * time.Hour),
	}
	b, err := tlsrpt.AppendMail(nil, mail)
	if err != nil {
		fmt.Println(err)
		return
	}
	header, _, _ := strings.Cut(string(b), "Message-ID")
	fmt.Println(strings.ReplaceAll(header, "\r\n", "\n") + "...")
	// Output:
	// From: <tls@example.org>
	// To: <reports@example.com>
	// Date: Wed, 25 Nov 2026 06:00:00 +0000
	// ...
}

func ExampleLookup() {
	zone := dnsmxtest.MustParseZone(`_smtp._tls.example.org. TXT "v=TLSRPTv1; rua=https://example.org/tls"`)
	domain, _ := dnsmx.ParseName("example.org")
	r, err := tlsrpt.Lookup(context.Background(), zone, domain)
	fmt.Println(r.Mail, r.HTTPS, err)
	// Output: [] [https://example.org/tls] <nil>
}

func ExampleAppendRecord() {
	b, err := tlsrpt.AppendRecord(nil, tlsrpt.Record{Mail: []string{"tls@example.org"}})
	fmt.Printf("%s %v %v\n", b, err, tlsrpt.IsRecord(string(b)))
	// Output: v=TLSRPTv1; rua=mailto:tls@example.org; <nil> true
}

// A report that somebody sent about us.
func ExampleParseReport() {
	const report = `{"organization-name": "Example Org", "report-id": "1",
		"date-range": {"start-datetime": "2026-11-24T00:00:00Z", "end-datetime": "2026-11-24T23:59:59Z"},
		"policies": [{"policy": {"policy-type": "sts", "policy-domain": "example.com"},
			"summary": {"total-successful-session-count": 5, "total-failure-session-count": 1},
			"failure-details": [{"result-type": "certificate-expired", "failed-session-count": 1}]}]}`
	r, err := tlsrpt.ParseReport(strings.NewReader(report), 1<<20)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range r.Policies {
		fmt.Println(p.Domain, p.Type, p.Successful, p.Failed, p.Failures[0].Result)
	}
	// Output: example.com sts 5 1 certificate-expired
}

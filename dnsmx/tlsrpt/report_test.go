package tlsrpt

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

var cmpAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

var sample = Report{
	Organization: "Example Org", Contact: "tls@example.org", ID: "2026-11-24T00:00:00Z_example.com",
	Start: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 24, 23, 59, 59, 0, time.UTC),
	Policies: []PolicyReport{
		{
			Type: dnsmx.PolicySTS, Text: []string{"version: STSv1", "mode: testing", "mx: *.example.com", "max_age: 86400"},
			Domain: "example.com", MX: []string{"*.example.com"}, Successful: 5326, Failed: 303,
			Failures: []Failure{
				{Result: dnsmx.ResultExpired, SendingIP: netip.MustParseAddr("2001:db8::1"), MX: "mx1.example.com", Count: 100},
				{Result: dnsmx.ResultNoSTARTTLS, SendingIP: netip.MustParseAddr("2001:db8::1"), ReceivingIP: netip.MustParseAddr("203.0.113.56"), MX: "mx2.example.com", HELO: "x", Count: 203, Info: "https://example.org/1", Reason: "none"},
			},
		},
		{Type: dnsmx.PolicyNone, Domain: "example.com", Successful: 1},
	},
}

const sampleJSON = `{
 "organization-name": "Example Org",
 "date-range": {
  "start-datetime": "2026-11-24T00:00:00Z",
  "end-datetime": "2026-11-24T23:59:59Z"
 },
 "contact-info": "tls@example.org",
 "report-id": "2026-11-24T00:00:00Z_example.com",
 "policies": [
  {
   "policy": {
    "policy-type": "sts",
    "policy-string": [
     "version: STSv1",
     "mode: testing",
     "mx: *.example.com",
     "max_age: 86400"
    ],
    "policy-domain": "example.com",
    "mx-host": [
     "*.example.com"
    ]
   },
   "summary": {
    "total-successful-session-count": 5326,
    "total-failure-session-count": 303
   },
   "failure-details": [
    {
     "result-type": "certificate-expired",
     "sending-mta-ip": "2001:db8::1",
     "receiving-mx-hostname": "mx1.example.com",
     "failed-session-count": 100
    },
    {
     "result-type": "starttls-not-supported",
     "sending-mta-ip": "2001:db8::1",
     "receiving-mx-hostname": "mx2.example.com",
     "receiving-mx-helo": "x",
     "receiving-ip": "203.0.113.56",
     "failed-session-count": 203,
     "additional-information": "https://example.org/1",
     "failure-reason-code": "none"
    }
   ]
  },
  {
   "policy": {
    "policy-type": "no-policy-found",
    "policy-domain": "example.com"
   },
   "summary": {
    "total-successful-session-count": 1,
    "total-failure-session-count": 0
   }
  }
 ]
}
`

// The names of the JSON, both ways.
func TestRFC8460_4_4_JSON(t *testing.T) {
	var b bytes.Buffer
	n, err := sample.WriteTo(&b)
	if diff := cmp.Diff(sampleJSON, b.String()); diff != "" || err != nil || n != int64(b.Len()) {
		t.Errorf("%d octets, %v\n%s", n, err, diff)
	}
	rp, err := ParseReport(&b, 1<<20)
	if diff := cmp.Diff(&sample, rp, cmpAddr); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestParseReport(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(sampleJSON, old) {
			t.Fatalf("no %s", old)
		}
		return strings.Replace(sampleJSON, old, new, 1)
	}
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"as it is", sampleJSON, true},
		{"mx-host as a string", change(`[
     "*.example.com"
    ]`, `"*.example.com"`), true},
		{"mx-host as null", change(`[
     "*.example.com"
    ]`, `null`), true},
		{"unknown names", change(`"report-id"`, `"x": {"y": [1]}, "report-id"`), true},
		{"not an address", change(`"203.0.113.56"`, `"unknown"`), true},
		{"time zone", change(`00:00:00Z"`, `01:00:00+01:00"`), true},
		{"mx-host as a number", change(`[
     "*.example.com"
    ]`, `1`), false},
		{"negative count", change("303", "-1"), false},
		{"negative count of a failure", change("203,", "-203,"), false},
		{"count too great", change("5326", "99999999999999999999"), false},
		{"no id", change(`"report-id"`, `"x"`), false},
		{"no time", change(`"start-datetime"`, `"x"`), false},
		{"not a time", change(`2026-11-24T00:00:00Z"`, `today"`), false},
		{"end before start", change(`T23:59:59Z"`, `T23:59:59+24:00"`), false},
		{"more behind it", sampleJSON + "x", false},
		{"cut", sampleJSON[:200], false},
		{"nested", strings.Repeat("[", 100_000), false},
		{"empty", "", false},
	} {
		rp, err := ParseReport(strings.NewReader(tt.text), 1<<20)
		if (err == nil) != tt.ok || (rp != nil) != tt.ok {
			t.Errorf("%s: %+v, %v", tt.name, rp, err)
		}
	}
	n := int64(len(sampleJSON))
	if _, err := ParseReport(strings.NewReader(sampleJSON), n); err != nil {
		t.Error(err)
	}
	if _, err := ParseReport(strings.NewReader(sampleJSON), n-1); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
}

// A report that parses is written and parses to the same.
func FuzzParseReport(f *testing.F) {
	f.Add([]byte(sampleJSON))
	f.Fuzz(func(t *testing.T, text []byte) {
		rp, err := ParseReport(bytes.NewReader(text), 1<<20)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if _, err := rp.WriteTo(&b); err != nil {
			return // a year of five digits
		}
		again, err := ParseReport(&b, 10<<20)
		if diff := cmp.Diff(rp, again, cmpAddr, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%q: %v\n%s", text, err, diff)
		}
	})
}

// planFor makes plans from a zone, for what is recorded of them.
func planFor(t *testing.T, zone string, sts *dnsmx.STSPolicy, stsErr error) *dnsmx.Plan {
	t.Helper()
	p := dnsmx.Planner{Resolver: dnsmxtest.MustParseZone("$ORIGIN example.com.\n" + zone), STS: source{sts, stsErr}}
	plan, err := p.Plan(t.Context(), name("example.com"))
	if plan == nil {
		t.Fatal(err)
	}
	return plan
}

const tlsaData = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mx := name("mx.example.com")
		const zone = "@ MX 10 mx\nmx A 192.0.2.1\n"
		testing := &dnsmx.STSPolicy{ID: "1", Mode: dnsmx.ModeTesting, MX: []string{"other.example.com"}, MaxAge: time.Hour, Expires: time.Now().Add(time.Hour)}
		enforce := &dnsmx.STSPolicy{ID: "1", Mode: dnsmx.ModeEnforce, MX: []string{"mx.example.com"}, MaxAge: time.Hour, Expires: time.Now().Add(time.Hour)}
		mismatch := *enforce
		mismatch.MX = testing.MX
		signed := zone + "!secure @\n_25._tcp.mx TLSA 3 1 1 " + tlsaData
		bogus := zone + "!secure @\n!bogus _25._tcp.mx"
		unusable := zone + "!secure @\n_25._tcp.mx TLSA 0 0 1 00"
		expired := &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}
		for _, tt := range []struct {
			name string
			plan *dnsmx.Plan
			err  error
			want []string
		}{
			{"no policy", planFor(t, zone, nil, nil), nil, []string{"no-policy-found example.com [] 1/0"}},
			{"no policy, handshake fails", planFor(t, zone, nil, nil), errors.New("x"), []string{"no-policy-found example.com [] 0/1 validation-failure"}},
			{"enforce", planFor(t, zone, enforce, nil), nil, []string{"sts example.com [version: STSv1 mode: enforce mx: mx.example.com max_age: 3600] 1/0"}},
			{"enforce, no STARTTLS", planFor(t, zone, enforce, nil), fmt.Errorf("x: %w", auth.ErrTLSRequired), []string{"sts example.com [version: STSv1 mode: enforce mx: mx.example.com max_age: 3600] 0/1 starttls-not-supported"}},
			{"enforce, expired", planFor(t, zone, enforce, nil), expired, []string{"sts example.com [version: STSv1 mode: enforce mx: mx.example.com max_age: 3600] 0/1 certificate-expired"}},
			{"enforce, other name", planFor(t, zone, enforce, nil), x509.HostnameError{}, []string{"sts example.com [version: STSv1 mode: enforce mx: mx.example.com max_age: 3600] 0/1 certificate-host-mismatch"}},
			{"enforce, not trusted", planFor(t, zone, enforce, nil), x509.UnknownAuthorityError{}, []string{"sts example.com [version: STSv1 mode: enforce mx: mx.example.com max_age: 3600] 0/1 certificate-not-trusted"}},
			{"enforce, not for servers", planFor(t, zone, enforce, nil), x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, []string{"sts example.com [version: STSv1 mode: enforce mx: mx.example.com max_age: 3600] 0/1 certificate-not-trusted"}},
			{"enforce, host not listed", planFor(t, zone, &mismatch, nil), nil, []string{"sts example.com [version: STSv1 mode: enforce mx: other.example.com max_age: 3600] 0/1 validation-failure"}},
			{"testing, host not listed", planFor(t, zone, testing, nil), nil, []string{"sts example.com [version: STSv1 mode: testing mx: other.example.com max_age: 3600] 0/1 validation-failure"}},
			{"policy not to be had", planFor(t, zone, nil, &dnsmx.STSError{Result: dnsmx.ResultSTSWebPKI, Err: errors.New("x")}), nil, []string{"sts example.com [] 0/1 sts-webpki-invalid", "no-policy-found example.com [] 1/0"}},
			{"DANE", planFor(t, signed, nil, nil), nil, []string{"tlsa mx.example.com [3 1 1 " + tlsaData + "] 1/0"}},
			{"DANE, no match", planFor(t, signed, nil, nil), auth.ErrTLSAMatch, []string{"tlsa mx.example.com [3 1 1 " + tlsaData + "] 0/1 certificate-not-trusted"}},
			{"DANE and enforce", planFor(t, signed, enforce, nil), nil, []string{"tlsa mx.example.com [3 1 1 " + tlsaData + "] 1/0"}},
			{"DANE bogus", planFor(t, bogus, nil, nil), errHost, []string{"tlsa example.com [] 0/1 dnssec-invalid"}},
			{"DANE bogus, enforce", planFor(t, bogus, enforce, nil), errHost, []string{"tlsa example.com [] 0/1 dnssec-invalid"}},
			{"DANE unusable", planFor(t, unusable, nil, nil), nil, []string{"tlsa example.com [] 0/1 tlsa-invalid", "no-policy-found example.com [] 1/0"}},
		} {
			var c Recorder
			o := Outcome{Host: mx, Err: tt.err}
			if h := tt.plan.Hosts[0]; h.Err != nil {
				o.Err = h.Err
			}
			c.Add(tt.plan, o)
			rp := c.Take(name("example.com"), time.Now())
			if rp == nil {
				t.Errorf("%s: no report", tt.name)
				continue
			}
			if diff := cmp.Diff(tt.want, describe(rp)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

// errHost stands for the error of the host in the plan.
var errHost = errors.New("see the plan")

func describe(rp *Report) (out []string) {
	for _, p := range rp.Policies {
		var s strings.Builder
		fmt.Fprintf(&s, "%s %s %v %d/%d", p.Type, p.Domain, p.Text, p.Successful, p.Failed)
		for _, f := range p.Failures {
			s.WriteString(" " + f.Result)
			if f.Count != 1 {
				fmt.Fprint(&s, "*", f.Count)
			}
		}
		out = append(out, s.String())
	}
	return out
}

type source struct {
	policy *dnsmx.STSPolicy
	err    error
}

// Days are of UTC, are taken once, and bounded in every direction.
func TestRecorderBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 24, 23, 59, 59, 0, time.UTC)))
		first := time.Now()
		plan := func(domain string) *dnsmx.Plan { return &dnsmx.Plan{Asked: name(domain)} }
		c := Recorder{Max: 2}
		c.Add(plan("a.test"), Outcome{})
		c.Add(plan("a.test"), Outcome{})
		time.Sleep(time.Second)
		c.Add(plan("a.test"), Outcome{})
		if got := c.Domains(first); len(got) != 1 {
			t.Errorf("%v", got)
		}
		rp := c.Take(name("a.test"), first)
		if rp == nil || rp.Policies[0].Successful != 2 || rp.Start.String() != "2026-11-24 00:00:00 +0000 UTC" || rp.End.String() != "2026-11-24 23:59:59 +0000 UTC" || rp.ID == "" {
			t.Errorf("%+v", rp)
		}
		if again := c.Take(name("a.test"), first); again != nil {
			t.Errorf("taken twice: %+v", again)
		}
		second := time.Now()
		for _, d := range []string{"b.test", "c.test", "d.test"} {
			c.Add(plan(d), Outcome{})
		}
		if got := c.Domains(second); len(got) != 2 {
			t.Errorf("%v", got)
		}
		for range maxDays {
			time.Sleep(24 * time.Hour)
			c.Add(plan("a.test"), Outcome{})
		}
		if got := c.Domains(second); len(got) != 0 || len(c.days) != maxDays {
			t.Errorf("%v, %d days", got, len(c.days))
		}

		c = Recorder{}
		for i := range maxFailures + 10 {
			c.Add(plan("a.test"), Outcome{Host: name(fmt.Sprintf("mx%d.test", i)), Err: errHost})
			c.Add(plan("a.test"), Outcome{Host: name("mx0.test"), Err: errHost})
		}
		rp = c.Take(name("a.test"), time.Now())
		if p := rp.Policies[0]; len(p.Failures) != maxFailures || p.Failed != 2*(maxFailures+10) || p.Failures[0].Count != maxFailures+11 {
			t.Errorf("%d failures of %d: %+v", len(p.Failures), p.Failed, p.Failures[0])
		}
		for i := range maxPolicies + 10 {
			p := plan("a.test")
			p.STS = &dnsmx.STSPolicy{MX: []string{fmt.Sprint(i)}}
			c.Add(p, Outcome{})
		}
		if rp = c.Take(name("a.test"), time.Now()); len(rp.Policies) != maxPolicies {
			t.Errorf("%d policies", len(rp.Policies))
		}
	})
}

// RFC 8460, section 5.3: the mail as net/mail and mime/multipart read it.
func TestRFC8460_5_3_Mail(t *testing.T) {
	m := &Mail{
		Report: &sample, Domain: name("example.com"), Submitter: name("example.org"),
		From: "tls@example.org", To: "reports@example.com", Date: time.Date(2026, 11, 25, 1, 2, 3, 0, time.UTC),
	}
	b, err := AppendMail([]byte("x"), m)
	if err != nil || b[0] != 'x' {
		t.Fatal(err)
	}
	b = b[1:]
	if bytes.Count(b, []byte("\n")) != bytes.Count(b, []byte("\r\n")) || bytes.Count(b, []byte("\r")) != bytes.Count(b, []byte("\r\n")) {
		t.Error("a bare CR or LF")
	}
	for line := range bytes.Lines(b) {
		if len(line) > 80 && !bytes.HasPrefix(line, []byte(" filename=")) {
			t.Errorf("long line %q", line)
		}
	}
	msg, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"From": "<tls@example.org>", "To": "<reports@example.com>", "Date": "Wed, 25 Nov 2026 01:02:03 +0000",
		"Subject":           "Report Domain: example.com Submitter: example.org Report-ID: <2026-11-24T00:00:00Z_example.com>",
		"TLS-Report-Domain": "example.com", "TLS-Report-Submitter": "example.org", "TLS-Required": "No", "MIME-Version": "1.0",
	} {
		if got := msg.Header.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	media, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || media != "multipart/report" || params["report-type"] != "tlsrpt" {
		t.Errorf("%s %v, %v", media, params, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	if p, err := parts.NextRawPart(); err != nil || p.Header.Get("Content-Type") != "text/plain; charset=us-ascii" {
		t.Errorf("%v, %v", p, err)
	}
	p, err := parts.NextRawPart()
	if err != nil || p.Header.Get("Content-Type") != "application/tlsrpt+gzip" {
		t.Fatalf("%v, %v", p, err)
	}
	if want := "example.org!example.com!1795478400!1795564799!" + tag(sample.ID) + ".json.gz"; p.FileName() != want {
		t.Errorf("file %q, want %q", p.FileName(), want)
	}
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, p))
	if err != nil {
		t.Fatal(err)
	}
	rp, err := ParseReport(z, 1<<20)
	if diff := cmp.Diff(&sample, rp, cmpAddr); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last part: %v", err)
	}

	for what, change := range map[string]func(m *Mail){
		"from":      func(m *Mail) { m.From = "a@b>\r\nBcc: c" },
		"to":        func(m *Mail) { m.To = "a@b,c@d" },
		"nobody":    func(m *Mail) { m.To = "" },
		"domain":    func(m *Mail) { m.Domain = dnsmx.Name{} },
		"submitter": func(m *Mail) { m.Submitter = dnsmx.Name{} },
		"id":        func(m *Mail) { m.Report = &Report{ID: "a\r\nb"} },
		"no id":     func(m *Mail) { m.Report = &Report{} },
	} {
		bad := *m
		change(&bad)
		if b, err := AppendMail([]byte("x"), &bad); err == nil || string(b) != "x" {
			t.Errorf("%s: %q, %v", what, b, err)
		}
	}
}

func (s source) Policy(context.Context, dnsmx.Name) (*dnsmx.STSPolicy, error) { return s.policy, s.err }

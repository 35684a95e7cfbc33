package tlsrpt

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
)

// An Outcome is what TLS with one host of a plan came to.
type Outcome struct {
	Host dnsmx.Name
	// Err is why there was no TLS as the policy has it: Host.Err of a host that was
	// passed over, ErrTLSRequired of package auth, or the error of the handshake. nil:
	// TLS was as the policy has it, or there was no policy and no failure.
	Err error
	// Local and Remote are the addresses of the connection, if they may be told.
	Local, Remote netip.Addr
}

// A Recorder counts outcomes by domain and day. The zero value is ready; it is safe
// for concurrent use.
type Recorder struct {
	// Max is how many domains are kept in each day; zero: 10 000. Outcomes of further
	// ones are lost.
	Max int

	mu   sync.Mutex
	days map[string]map[dnsmx.Name]*tally // by "2006-01-02", UTC
}

const (
	defaultMax  = 10_000
	maxDays     = 8   // that nobody took; the oldest is lost
	maxPolicies = 20  // of one domain in a day
	maxFailures = 100 // of one policy; the count goes on without details
)

// tally is what happened with one domain on one day.
type tally struct{ policies []*PolicyReport }

// Add counts an outcome, now. Call it when TLS with a host is settled or the host is
// passed over for a policy; sessions that broke off before that say nothing of TLS.
// A finding of the plan about the host, or about the domain, is a failure too, of the
// policy that it names.
func (c *Recorder) Add(p *dnsmx.Plan, o Outcome) {
	now := time.Now().UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally(p.Asked, now.Format(time.DateOnly))
	if t == nil {
		return
	}
	own := policyOf(p, o.Host)
	failed := o.Err != nil
	if failed {
		policy, result := classify(o.Err)
		if policy != "" && policy != own.Type {
			own = PolicyReport{Type: policy, Domain: p.Asked.String()}
			if policy == dnsmx.PolicySTS && p.STS != nil {
				own = stsPolicy(p)
			}
		}
		t.fail(own, o, result)
	}
	for _, f := range p.Findings {
		if f.Result == "" || !f.Host.IsZero() && f.Host != o.Host || saidBy(o.Err, f) {
			continue
		}
		about := own
		if f.Policy != own.Type {
			about = PolicyReport{Type: f.Policy, Domain: p.Asked.String()}
			if f.Policy == dnsmx.PolicySTS && p.STS != nil {
				about = stsPolicy(p)
			}
		}
		failed = failed || about.Type == own.Type
		t.fail(about, o, f.Result)
	}
	if !failed {
		if r := t.policy(own); r != nil {
			r.Successful++
		}
	}
}

// saidBy reports whether a finding is the same failure as the error.
func saidBy(err error, f dnsmx.Finding) bool {
	e, ok := errors.AsType[*dnsmx.PolicyError](err)
	return ok && e.Policy == f.Policy && e.Result == f.Result
}

// tally returns where to count, nil if there is no room.
func (c *Recorder) tally(d dnsmx.Name, day string) *tally {
	if c.days == nil {
		c.days = make(map[string]map[dnsmx.Name]*tally)
	}
	if c.days[day] == nil {
		if len(c.days) == maxDays {
			oldest := day
			for other := range c.days {
				oldest = min(oldest, other)
			}
			delete(c.days, oldest)
		}
		c.days[day] = make(map[dnsmx.Name]*tally)
	}
	most := c.Max
	if most <= 0 {
		most = defaultMax
	}
	t := c.days[day][d]
	if t == nil && len(c.days[day]) < most {
		t = new(tally)
		c.days[day][d] = t
	}
	return t
}

// Domains returns the domains for which there is something to report of a day.
func (c *Recorder) Domains(day time.Time) []dnsmx.Name {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []dnsmx.Name
	for d := range c.days[day.UTC().Format(time.DateOnly)] {
		out = append(out, d)
	}
	return out
}

// Take returns the report for a domain of a UTC day and forgets what is in it; nil if
// there is nothing to report. Organization and Contact are for the caller to set; ID is
// random. Take it when the day is over: what comes later makes a second report.
func (c *Recorder) Take(d dnsmx.Name, day time.Time) *Report {
	day = day.UTC()
	key := day.Format(time.DateOnly)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.days[key][d]
	if t == nil {
		return nil
	}
	delete(c.days[key], d)
	if len(c.days[key]) == 0 {
		delete(c.days, key)
	}
	start := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
	rp := &Report{ID: rand.Text(), Start: start, End: start.Add(24*time.Hour - time.Second)}
	for _, p := range t.policies {
		rp.Policies = append(rp.Policies, *p)
	}
	return rp
}

// policy returns the count for a policy; nil if there is no room.
func (t *tally) policy(p PolicyReport) *PolicyReport {
	for _, have := range t.policies {
		if have.Type == p.Type && have.Domain == p.Domain && strings.Join(have.Text, "\n") == strings.Join(p.Text, "\n") {
			return have
		}
	}
	if len(t.policies) == maxPolicies {
		return nil
	}
	t.policies = append(t.policies, &p)
	return &p
}

func (t *tally) fail(p PolicyReport, o Outcome, result string) {
	r := t.policy(p)
	if r == nil {
		return
	}
	r.Failed++
	f := Failure{Result: result, MX: o.Host.String(), SendingIP: o.Local, ReceivingIP: o.Remote, Count: 1}
	for i := range r.Failures {
		have := r.Failures[i]
		if have.Count = 1; have == f {
			r.Failures[i].Count++
			return
		}
	}
	if len(r.Failures) < maxFailures {
		r.Failures = append(r.Failures, f)
	}
}

// policyOf returns the policy that a host was held to.
func policyOf(p *dnsmx.Plan, host dnsmx.Name) PolicyReport {
	for i := range p.Hosts {
		if h := &p.Hosts[i]; h.Name == host && len(h.TLS.TLSA) > 0 {
			return tlsaPolicy(h)
		}
	}
	if p.STS != nil {
		return stsPolicy(p)
	}
	return PolicyReport{Type: dnsmx.PolicyNone, Domain: p.Asked.String()}
}

func tlsaPolicy(h *dnsmx.Host) PolicyReport {
	out := PolicyReport{Type: dnsmx.PolicyTLSA, Domain: h.TLS.ServerName}
	for _, r := range h.TLS.TLSA {
		out.Text = append(out.Text, fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.Match, hex.EncodeToString(r.Data)))
	}
	return out
}

// stsPolicy has the lines of the policy in the order of RFC 8461, section 3.2.
func stsPolicy(p *dnsmx.Plan) PolicyReport {
	out := PolicyReport{Type: dnsmx.PolicySTS, Domain: p.Asked.String(), MX: p.STS.MX}
	out.Text = []string{"version: STSv1", "mode: " + p.STS.Mode.String()}
	for _, mx := range p.STS.MX {
		out.Text = append(out.Text, "mx: "+mx)
	}
	out.Text = append(out.Text, fmt.Sprintf("max_age: %d", p.STS.MaxAge/time.Second))
	return out
}

// classify makes a result type of an error: RFC 8460, section 4.3. The policy is "" if
// the error does not say whose it is.
func classify(err error) (policy, result string) {
	if e, ok := errors.AsType[*dnsmx.PolicyError](err); ok {
		return e.Policy, e.Result
	}
	if errors.Is(err, auth.ErrTLSRequired) {
		return "", dnsmx.ResultNoSTARTTLS
	}
	if errors.Is(err, auth.ErrTLSAMatch) {
		return "", dnsmx.ResultNotTrusted
	}
	if errors.Is(err, auth.ErrNoTLSA) {
		return "", dnsmx.ResultTLSAInvalid
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "", dnsmx.ResultHostMismatch
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "", dnsmx.ResultExpired
		}
		return "", dnsmx.ResultNotTrusted
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "", dnsmx.ResultNotTrusted
	}
	return "", dnsmx.ResultFailure
}

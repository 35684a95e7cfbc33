package tlsrpt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// A Report is what a sender tells a domain of one day: RFC 8460, section 4.
type Report struct {
	Organization string
	Contact      string
	ID           string
	Start, End   time.Time // UTC: the first and the last second of a day
	Policies     []PolicyReport
}

// A PolicyReport is about one policy that was in force.
type PolicyReport struct {
	Type       string   // dnsmx.PolicySTS, PolicyTLSA or PolicyNone
	Text       []string // the lines of the policy, or its TLSA records
	Domain     string   // whose policy it is
	MX         []string // patterns of an MTA-STS policy
	Successful int64    // sessions
	Failed     int64
	Failures   []Failure
}

// A Failure is a number of sessions that failed in one way. What is zero is not told.
type Failure struct {
	Result      string // a result type of RFC 8460, section 4.3
	SendingIP   netip.Addr
	ReceivingIP netip.Addr
	MX          string
	HELO        string
	Count       int64
	Info        string // a URI with more
	Reason      string // a code of the sender's
}

// The names of RFC 8460, section 4.4.
type (
	jsonReport struct {
		Organization string       `json:"organization-name"`
		Range        jsonRange    `json:"date-range"`
		Contact      string       `json:"contact-info"`
		ID           string       `json:"report-id"`
		Policies     []jsonPolicy `json:"policies"`
	}
	jsonRange struct {
		Start time.Time `json:"start-datetime"`
		End   time.Time `json:"end-datetime"`
	}
	jsonPolicy struct {
		Policy struct {
			Type   string   `json:"policy-type"`
			Text   []string `json:"policy-string,omitempty"`
			Domain string   `json:"policy-domain"`
			MX     hosts    `json:"mx-host,omitempty"`
		} `json:"policy"`
		Summary struct {
			Successful int64 `json:"total-successful-session-count"`
			Failed     int64 `json:"total-failure-session-count"`
		} `json:"summary"`
		Failures []jsonFailure `json:"failure-details,omitempty"`
	}
	jsonFailure struct {
		Result      string `json:"result-type"`
		SendingIP   string `json:"sending-mta-ip,omitempty"`
		MX          string `json:"receiving-mx-hostname,omitempty"`
		HELO        string `json:"receiving-mx-helo,omitempty"`
		ReceivingIP string `json:"receiving-ip,omitempty"`
		Count       int64  `json:"failed-session-count"`
		Info        string `json:"additional-information,omitempty"`
		Reason      string `json:"failure-reason-code,omitempty"`
	}
)

// hosts is a list of strings, or a single one.
type hosts []string

func (h *hosts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*h = make(hosts, 1)
		return json.Unmarshal(b, &(*h)[0])
	}
	return json.Unmarshal(b, (*[]string)(h))
}

// WriteTo writes the report as JSON. Compressing it is the caller's.
func (rp *Report) WriteTo(w io.Writer) (int64, error) {
	out := jsonReport{
		Organization: rp.Organization, Contact: rp.Contact, ID: rp.ID,
		Range:    jsonRange{rp.Start.UTC(), rp.End.UTC()},
		Policies: make([]jsonPolicy, len(rp.Policies)),
	}
	for i := range rp.Policies {
		out.Policies[i] = rp.Policies[i].json()
	}
	b, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return 0, fmt.Errorf("tlsrpt: %w", err)
	}
	n, err := w.Write(append(b, '\n'))
	return int64(n), err
}

func (p *PolicyReport) json() (out jsonPolicy) {
	out.Policy.Type, out.Policy.Text, out.Policy.Domain, out.Policy.MX = p.Type, p.Text, p.Domain, p.MX
	out.Summary.Successful, out.Summary.Failed = p.Successful, p.Failed
	for _, f := range p.Failures {
		out.Failures = append(out.Failures, jsonFailure{
			Result: f.Result, SendingIP: addrString(f.SendingIP), MX: f.MX, HELO: f.HELO,
			ReceivingIP: addrString(f.ReceivingIP), Count: f.Count, Info: f.Info, Reason: f.Reason,
		})
	}
	return out
}

func addrString(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// ErrTooLong is returned by ParseReport for a report longer than the limit.
var ErrTooLong = errors.New("tlsrpt: report too long")

var errReport = errors.New("tlsrpt: bad report")

// ParseReport reads a report of at most limit octets of JSON; what decompresses it is
// bounded by that, too. Unknown names are ignored. Texts are the sender's: quote them.
func ParseReport(r io.Reader, limit int64) (*Report, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("tlsrpt: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, ErrTooLong
	}
	var in jsonReport
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("%w: %w", errReport, err)
	}
	if in.ID == "" || in.Range.Start.IsZero() || in.Range.End.Before(in.Range.Start) {
		return nil, fmt.Errorf("%w: without id or time", errReport)
	}
	rp := &Report{
		Organization: in.Organization, Contact: in.Contact, ID: in.ID,
		Start: in.Range.Start.UTC(), End: in.Range.End.UTC(),
	}
	for i := range in.Policies {
		p, err := in.Policies[i].policy()
		if err != nil {
			return nil, err
		}
		rp.Policies = append(rp.Policies, p)
	}
	return rp, nil
}

func (in *jsonPolicy) policy() (PolicyReport, error) {
	p := PolicyReport{
		Type: in.Policy.Type, Text: in.Policy.Text, Domain: in.Policy.Domain, MX: in.Policy.MX,
		Successful: in.Summary.Successful, Failed: in.Summary.Failed,
	}
	if p.Successful < 0 || p.Failed < 0 {
		return p, fmt.Errorf("%w: negative count", errReport)
	}
	for _, f := range in.Failures {
		out := Failure{Result: f.Result, MX: f.MX, HELO: f.HELO, Count: f.Count, Info: f.Info, Reason: f.Reason}
		// Senders put names and "unknown" where addresses belong.
		out.SendingIP, _ = netip.ParseAddr(f.SendingIP)
		out.ReceivingIP, _ = netip.ParseAddr(f.ReceivingIP)
		if f.Count < 0 {
			return p, fmt.Errorf("%w: negative count", errReport)
		}
		p.Failures = append(p.Failures, out)
	}
	return p, nil
}

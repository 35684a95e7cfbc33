package smtptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// A Level says how binding the rule of a case is.
type Level uint8

const (
	Must     Level = iota + 1 // MUST of an RFC
	Should                    // SHOULD of an RFC
	May                       // a choice: what is tested is that nothing else comes of it
	Practice                  // no RFC says so; attackers do
)

func (l Level) String() string {
	return [...]string{"", "MUST", "SHOULD", "MAY", "practice"}[l]
}

// A Case is one test of a server.
type Case struct {
	ID    string   // TOPIC-number: "DATA-54"
	Title string   // the rule in a few words
	Refs  []string // "RFC 5321, section 4.1.1.4"
	Level Level
	// Needs lists what the case cannot do without: keywords of EHLO, in capitals;
	// protocols, "smtp", "lmtp", "submission", any of which will do; and in lower
	// case what the Target has to have: see its fields.
	Needs []string

	run func(*dialogue)
}

// A Target is a server to be tested. Dial and Good are required.
type Target struct {
	// Dial makes a new connection. A *tls.Conn is TLS from the first octet.
	Dial     func(context.Context) (net.Conn, error)
	Protocol smtp.Protocol
	TLS      *tls.Config       // of the client; "tls": STARTTLS is tested, and used where AUTH needs it
	Login    *auth.Credentials // "login": a user name and password that are right. Submission needs them

	From smtp.Path   // a sender; zero: smtptest@ the domain of the first recipient
	Good []smtp.Path // at least three recipients, which are accepted
	Bad  smtp.Path   // "bad": one that is refused at RCPT

	MaxMessage int64             // "maxmessage": the largest message, if known; a small one makes for a fast test
	Known      map[string]string // by ID: why the case fails

	// Delivered returns what was delivered so far with the token in its content:
	// "delivered". nil: cases look at replies only.
	Delivered func(ctx context.Context, token string) ([]Delivery, error)

	Shutdown func(context.Context) error // "shutdown": ends the server gracefully. Each case has to have a server of its own then
	Timeout  time.Duration               // "timeout": how long the server waits inside content, if that can be waited for
	Slow     time.Duration               // "slow": how long content of one octet a second is put up with, if that can be waited for
	Panics   smtp.Path                   // "panics": a recipient at whom the handler panics
	Unread   smtp.Path                   // "unread": a recipient whose message is accepted without being read
	Proxy    bool                        // "proxy": a PROXY header is expected from us

	Patience time.Duration // how long to wait for a reply: 10 s
}

// A Delivery is a message as the server delivered it.
type Delivery struct {
	From    smtp.Path
	To      []smtp.Path
	Content []byte
}

// An Outcome is what a Case found.
type Outcome struct {
	Case       *Case
	Verdict    Verdict
	Reason     string // Failed: what was wanted and what came; Skipped: what is missing; Excused: why
	Transcript string
}

// A Verdict sums an Outcome up.
type Verdict uint8

// What may become of a case.
const (
	Passed Verdict = iota + 1
	Failed
	Skipped // it needs what is not offered, or not known
	Excused // failed, and Target.Known knows why
)

func (v Verdict) String() string {
	return [...]string{"", "passed", "failed", "skipped", "excused"}[v]
}

// String returns the outcome as text for people: the rule, what was wrong, and
// the dialogue that led to it.
func (o Outcome) String() string {
	s := fmt.Sprintf("%s (%s; %s): %s: %s", o.Case.ID, o.Case.Level, strings.Join(o.Case.Refs, "; "), o.Case.Title, o.Verdict)
	if o.Reason != "" {
		s += ": " + o.Reason
	}
	if o.Verdict == Failed {
		s += "\n" + o.Transcript
	}
	return s
}

// Cases returns all cases for servers, in the order of their numbers.
func Cases() []Case {
	cases := slices.Concat(seqCases, pathCases, lineCases, dataCases, bdatCases, tlsCases, lmtpCases, proxyCases)
	slices.SortStableFunc(cases, func(a, b Case) int { return number(a.ID) - number(b.ID) })
	return cases
}

func number(id string) (n int) {
	_, digits, _ := strings.Cut(id, "-")
	for _, c := range digits {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}

// Run tests a server: each case is a subtest named after its ID.
func Run(t *testing.T, target *Target) {
	for _, c := range Cases() {
		t.Run(c.ID, func(t *testing.T) {
			o := c.Run(t.Context(), target)
			switch o.Verdict {
			case Failed:
				t.Error(o)
			case Skipped, Excused:
				t.Skip(o)
			}
		})
	}
}

// Run runs the case once, over connections of its own.
func (c *Case) Run(ctx context.Context, t *Target) Outcome {
	o := Outcome{Case: c, Verdict: Passed}
	if missing := c.missing(ctx, t); missing != "" {
		o.Verdict, o.Reason = Skipped, missing
		return o
	}
	d := newDialogue(ctx, t)
	defer d.close()
	c.run(d)
	d.leave()
	o.Transcript = d.log.String()
	if d.err != nil {
		o.Verdict, o.Reason = Failed, d.err.Error()
	}
	known, isKnown := t.Known[c.ID]
	switch {
	case isKnown && o.Verdict == Failed:
		o.Verdict, o.Reason = Excused, known+" ("+o.Reason+")"
	case isKnown:
		o.Verdict, o.Reason = Failed, "the case is in Known, and passes: "+known
	}
	return o
}

// missing says what the case needs and does not have, or "".
func (c *Case) missing(ctx context.Context, t *Target) string {
	if len(t.Good) < 3 {
		return "Target.Good has less than three recipients"
	}
	protocols, keywords := []string(nil), []string(nil)
	for _, need := range c.Needs {
		has, is := t.has(need)
		switch {
		case need == "smtp" || need == "lmtp" || need == "submission":
			protocols = append(protocols, need)
		case !is:
			keywords = append(keywords, need)
		case !has:
			return "the Target does not have what is needed: " + need
		}
	}
	if protocol := strings.ToLower(t.Protocol.String()); len(protocols) > 0 && !slices.Contains(protocols, protocol) {
		return "not for " + t.Protocol.String()
	}
	if len(keywords) == 0 {
		return ""
	}
	d := newDialogue(ctx, t)
	defer d.close()
	d.open()
	d.hello()
	if d.err != nil {
		return "asking for extensions failed: " + d.err.Error()
	}
	for _, k := range keywords {
		if !d.offers(k) {
			return "the server does not offer " + k
		}
	}
	return ""
}

// has says whether the target has what a lower-case need names.
func (t *Target) has(need string) (has, is bool) {
	switch need {
	case "tls":
		return t.TLS != nil, true
	case "login":
		return t.Login != nil, true
	case "bad":
		return !t.Bad.IsNull(), true
	case "maxmessage":
		return t.MaxMessage > 0, true
	case "delivered":
		return t.Delivered != nil, true
	case "shutdown":
		return t.Shutdown != nil, true
	case "timeout":
		return t.Timeout > 0, true
	case "slow":
		return t.Slow > 0, true
	case "panics":
		return !t.Panics.IsNull(), true
	case "unread":
		return !t.Unread.IsNull(), true
	case "proxy":
		return t.Proxy, true
	}
	return false, false
}

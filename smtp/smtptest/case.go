package smtptest

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/smtp"
)

// A Level says how binding the rule of a case is.
type Level = suite.Level

const (
	Must     Level = suite.Must     // MUST of an RFC, or its grammar
	Should   Level = suite.Should   // SHOULD of an RFC
	May      Level = suite.May      // a choice: what is tested is that nothing else comes of it
	Practice Level = suite.Practice // no RFC says so; attackers do
)

// A Harm is what a case does that a server in use would feel. String gives the
// names of its parts.
type Harm = suite.Harm

const (
	Delivers Harm = suite.Delivers // names recipients, and sends them mail
	Loads    Harm = suite.Loads    // sends a lot, or connects often
	Guesses  Harm = suite.Guesses  // fails to log in
	Exposes  Harm = suite.Exposes  // says the password of Target.Login without TLS, though there is a Target.TLS
)

// A Case is one test of a server.
type Case struct {
	ID    string   // TOPIC-number: "DATA-54"
	Title string   // the rule in a few words
	Refs  []string // "RFC 5321, section 4.1.1.4"
	Level Level
	Harm  Harm // what it does that a server in use would feel: see Target.Forbid
	// Needs lists what the case cannot do without: keywords of EHLO, in capitals;
	// protocols, "smtp", "lmtp", "submission", any of which will do; and in lower
	// case what the Target has to have: see its fields.
	Needs []string

	run func(*dialogue)
}

// String says what the case is about, in one line.
func (c *Case) String() string { return suite.Describe(c.ID, c.Title, c.Level, c.Refs) }

// A Target is a server to be tested. Dial is required, and Good for the cases that
// deliver.
type Target struct {
	// Dial makes a new connection. A *tls.Conn is TLS from the first octet.
	Dial     func(context.Context) (net.Conn, error)
	Protocol smtp.Protocol
	TLS      *tls.Config       // of the client; "tls": STARTTLS is tested, and used where AUTH needs it
	Encrypt  bool              // STARTTLS comes before MAIL, for a server that wants it so
	Login    *auth.Credentials // "login": a user name and password that are right. Submission needs them

	From smtp.Path   // a sender; zero: smtptest@ the domain of the first recipient; <> if there is none
	Good []smtp.Path // at least three recipients, which are accepted
	Bad  smtp.Path   // "bad": one that is refused at RCPT

	MaxMessage int64             // "maxmessage": the largest message, if known; a small one makes for a fast test
	Known      map[string]string // by ID: why the case fails
	Forbid     Harm              // cases that do any of this are skipped. Zero: the server is for tests, and all are run

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
	Case    *Case
	Verdict Verdict
	Reason  string // Failed: what was wanted and what came; Skipped: what is missing; Excused: why
	// Transcript is the dialogue as a script: see [Script]. Passwords are not in it.
	Transcript string
}

// A Verdict sums an Outcome up.
type Verdict = suite.Verdict

// What may become of a case.
const (
	Passed  Verdict = suite.Passed
	Failed  Verdict = suite.Failed
	Skipped Verdict = suite.Skipped
	Excused Verdict = suite.Excused // failed, and Target.Known knows why
)

// String returns the outcome as text for people: the rule, what was wrong, and
// the dialogue that led to it.
func (o Outcome) String() string {
	return suite.Text(o.Case.String(), o.Verdict, o.Reason, o.Transcript)
}

// Cases returns all cases for servers, in the order of their numbers.
func Cases() []Case {
	cases := slices.Concat(seqCases, pathCases, lineCases, dataCases, bdatCases, tlsCases, lmtpCases, proxyCases)
	slices.SortFunc(cases, func(a, b Case) int { return suite.Compare(a.ID, b.ID) })
	return cases
}

// Run tests a server: each case is a subtest named after its ID.
func Run(t *testing.T, target *Target) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.ID, func(t *testing.T) {
			t.Helper()
			o := c.Run(t.Context(), target)
			suite.Report(t, o.Verdict, o)
		})
	}
}

// Run runs the case once, over connections of its own.
func (c *Case) Run(ctx context.Context, t *Target) Outcome {
	d := newDialogue(ctx, t, c.Harm)
	defer d.close()
	missing := c.missing(ctx, t)
	if missing == "" {
		c.run(d)
		d.leave()
		if missing = d.skipped; missing != "" {
			d.err = nil
		}
	}
	o := Outcome{Case: c, Transcript: d.log.String()}
	o.Verdict, o.Reason = suite.Judge(t.Known, c.ID, d.err, missing)
	return o
}

// missing says what the case needs and does not have, or "".
func (c *Case) missing(ctx context.Context, t *Target) string {
	if why := c.Harm.Forbidden(t.Forbid); why != "" {
		return why
	}
	if c.Harm&Delivers != 0 && len(t.Good) < 3 {
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
	d := newDialogue(ctx, t, 0)
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

package pop3test

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
)

// A Level says how binding the rule of a case is.
type Level = suite.Level

const (
	Must     Level = suite.Must     // MUST of an RFC, or its grammar
	Should   Level = suite.Should   // SHOULD of an RFC
	May      Level = suite.May      // a choice: what is tested is that nothing else comes of it
	Practice Level = suite.Practice // no RFC says so; users, or attackers, do
)

// A Harm is what a case does that a server in use would feel. String gives the
// names of its parts.
type Harm = suite.Harm

const (
	Empties Harm = suite.Empties // fills and empties the maildrop
	Loads   Harm = suite.Loads   // sends a lot, or connects often
	Guesses Harm = suite.Guesses // fails to log in
	Exposes Harm = suite.Exposes // says the password of Target.Login without TLS, though there is a Target.TLS
)

// A Case is one test of a server.
type Case struct {
	ID    string   // TOPIC-number: "STUFF-7"
	Title string   // the rule in a few words
	Refs  []string // "RFC 1939, section 3"
	Level Level
	Harm  Harm // what it does that a server in use would feel: see Target.Forbid
	// Needs lists what the case cannot do without: capabilities, in capitals, with
	// "SASL PLAIN" for a mechanism; and in lower case what the Target has to
	// have: "tls", or "clear" for connections that do not begin with TLS.
	Needs []string

	run func(*dialogue)
}

// String says what the case is about, in one line.
func (c *Case) String() string { return suite.Describe(c.ID, c.Title, c.Level, c.Refs) }

// A Target is a server to be tested. Dial is required, and Login and Reset for
// most cases.
type Target struct {
	// Dial makes a new connection. A *tls.Conn is TLS from the first octet.
	Dial func(context.Context) (net.Conn, error)
	TLS  *tls.Config // of the client: STLS is tested, and used where a login needs it

	// Login is a user name and password that are right. USER and PASS have to
	// work, or AUTH PLAIN.
	Login *auth.Credentials

	// Reset makes the maildrop hold exactly these messages, in this order. It is
	// called while no session is open. Line ends may be of any kind. Where the error
	// is errors.ErrUnsupported, the case is skipped.
	Reset func(ctx context.Context, messages []string) error

	Known    map[string]string // by ID: why the case fails
	Forbid   Harm              // cases that do any of this are skipped. Zero: the server is for tests, and all are run
	Patience time.Duration     // how long to wait for a reply; 0: 10 s
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
	cases := slices.Concat(dropCases, messageCases, loginCases, wireCases)
	slices.SortFunc(cases, func(a, b Case) int { return suite.Compare(a.ID, b.ID) })
	return cases
}

// Run tests a server: each case is a subtest named after its ID.
func Run(t *testing.T, target *Target) {
	t.Helper()
	runAll(t, target, Cases())
}

func runAll(t *testing.T, target *Target, cases []Case) {
	t.Helper()
	for _, c := range cases {
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
	missing := c.missing(d)
	if missing == "" {
		c.run(d)
		missing = d.skipped
	}
	o := Outcome{Case: c, Transcript: d.log.String()}
	o.Verdict, o.Reason = suite.Judge(t.Known, c.ID, d.err, missing)
	return o
}

// missing says what the case needs and does not have, or "".
func (c *Case) missing(d *dialogue) string {
	if why := c.Harm.Forbidden(d.target.Forbid); why != "" {
		return why
	}
	for _, need := range c.Needs {
		if need == "tls" && d.target.TLS == nil {
			return "the Target does not have what is needed: tls"
		}
		if need != "clear" {
			continue
		}
		if d.start(); d.tls {
			return "not for connections that begin with TLS"
		}
	}
	for _, need := range c.Needs {
		if need != strings.ToUpper(need) {
			continue
		}
		if len(d.opened) == 0 {
			d.start()
		}
		if need != "STLS" && !d.tls && d.target.TLS != nil && d.offers("STLS") {
			d.startTLS() // where most is offered
		}
		if d.err != nil {
			return "asking for capabilities failed: " + d.err.Error()
		}
		if !d.offers(need) {
			return "the server does not offer " + need
		}
	}
	d.close()
	d.log.Reset()
	return ""
}

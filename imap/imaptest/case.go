package imaptest

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
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
	// Changes: the case makes mailboxes whose names begin with Target.Prefix, and
	// begins by deleting all that begin so.
	Changes Harm = suite.Changes
	Empties Harm = suite.Empties // deletes all mail in INBOX, and does with the account as it likes
	Loads   Harm = suite.Loads   // sends a lot, or connects often
	Guesses Harm = suite.Guesses // fails to log in
	Exposes Harm = suite.Exposes // says the password of Target.Login without TLS, though there is a Target.TLS
)

// A Case is one test of a server.
type Case struct {
	ID    string   // TOPIC-number: "VIEW-7"
	Title string   // the rule in a few words
	Refs  []string // "RFC 9051, section 7.5.1"
	Level Level
	Harm  Harm // what it does that a server in use would feel: see Target.Forbid
	// Needs lists what the case cannot do without: capabilities as they are behind
	// login, in capitals; and in lower case what the Target has to have: "tls", or
	// "clear" for connections that do not begin with TLS.
	Needs []string

	run func(*dialogue)
}

// String says what the case is about, in one line.
func (c *Case) String() string { return suite.Describe(c.ID, c.Title, c.Level, c.Refs) }

// A Target is a server to be tested. Dial is required, and Login for most cases.
type Target struct {
	// Dial makes a new connection. A *tls.Conn is TLS from the first octet.
	Dial func(context.Context) (net.Conn, error)
	TLS  *tls.Config // of the client: STARTTLS is tested, and used where a login needs it

	// Login is a user name and password that are right, of an account that is for
	// the suite alone: cases begin by deleting all mail and all mailboxes that the
	// account has, as far as Forbid lets them. LOGIN has to work, on TLS where the server wants it.
	Login *auth.Credentials
	// Prefix is what the names of mailboxes begin with, "INBOX." on some servers.
	Prefix string

	Known    map[string]string // by ID: why the case fails
	Forbid   Harm              // cases that do any of this are skipped. Zero: the account is for tests, and all are run
	Patience time.Duration     // how long to wait for an answer; 0: 10 s
	Stall    time.Duration     // behind this the server has left a client that does not read; 0: FRM-20b is skipped

	// Changes is how many changes of flags VIEW-11 makes behind the back of a
	// session; 0: 300,000, which takes minutes where each is on disk.
	Changes int
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

// Cases returns all cases for servers, by topic.
func Cases() []Case {
	return slices.Concat(framingCases, loginCases, tlsCases, readOnlyCases, rev2Cases, storeCases(), idleCases, compressCases)
}

// storeCases are those that also depend on the store behind the server.
func storeCases() []Case {
	return slices.Concat(mailboxCases, viewCases, numberCases, fetchCases, structureCases, flagCases, resyncCases, searchCases)
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
	if d.skipped = c.missing(t); d.skipped == "" {
		d.prepare(c.Needs)
	}
	if !d.over() {
		c.run(d)
		d.wantAlive()
	}
	o := Outcome{Case: c, Transcript: d.log.String()}
	o.Verdict, o.Reason = suite.Judge(t.Known, c.ID, d.err, d.skipped)
	return o
}

// missing says what the Target has to have and does not, or "".
func (c *Case) missing(t *Target) string {
	if slices.Contains(c.Needs, "tls") && t.TLS == nil {
		return "the Target does not have what is needed: tls"
	}
	return c.Harm.Forbidden(t.Forbid)
}

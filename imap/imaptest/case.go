package imaptest

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
)

// A Level says how binding the rule of a case is.
type Level uint8

const (
	Must     Level = iota + 1 // MUST of an RFC, or its grammar
	Should                    // SHOULD of an RFC
	Practice                  // no RFC says so; users, or attackers, do
)

func (l Level) String() string {
	return [...]string{"", "MUST", "SHOULD", "practice"}[l]
}

// A Case is one test of a server.
type Case struct {
	ID    string   // TOPIC-number: "VIEW-7"
	Title string   // the rule in a few words
	Refs  []string // "RFC 9051, section 7.5.1"
	Level Level
	// Needs lists what the case cannot do without: capabilities as they are behind
	// login, in capitals; and in lower case what the Target has to have: "tls", or
	// "clear" for connections that do not begin with TLS.
	Needs []string

	run func(*dialogue)
}

// A Target is a server to be tested. Dial and Login are required.
type Target struct {
	// Dial makes a new connection. A *tls.Conn is TLS from the first octet.
	Dial func(context.Context) (net.Conn, error)
	TLS  *tls.Config // of the client: STARTTLS is tested, and used where a login needs it

	// Login is a user name and password that are right, of an account that is for
	// the suite alone: each case begins by deleting all mail and all mailboxes that
	// the account has. LOGIN has to work, on TLS where the server wants it.
	Login *auth.Credentials
	// Prefix is what the names of mailboxes begin with, "INBOX." on some servers.
	Prefix string

	Known    map[string]string // by ID: why the case fails
	Patience time.Duration     // how long to wait for an answer; 0: 10 s

	// Changes is how many changes of flags VIEW-11 makes behind the back of a
	// session; 0: 300,000, which takes minutes where each is on disk.
	Changes int
}

// An Outcome is what a Case found.
type Outcome struct {
	Case       *Case
	Verdict    Verdict
	Reason     string // Failed: what was wanted and what came; Skipped: what is missing; Excused: why
	Transcript string // without passwords
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
	d := &dialogue{ctx: ctx, target: t}
	defer d.close()
	if d.skipped = c.missing(t); d.skipped == "" {
		d.prepare(c.Needs)
	}
	if !d.over() {
		c.run(d)
		d.wantAlive()
	}
	o.Transcript = d.log.String()
	switch {
	case d.err != nil:
		o.Verdict, o.Reason = Failed, d.err.Error()
	case d.skipped != "":
		o.Verdict, o.Reason = Skipped, d.skipped
	}
	known, isKnown := t.Known[c.ID]
	switch {
	case isKnown && o.Verdict == Failed:
		o.Verdict, o.Reason = Excused, known+" ("+o.Reason+")"
	case isKnown && o.Verdict == Passed:
		o.Verdict, o.Reason = Failed, "the case is in Known, and passes: "+known
	}
	return o
}

// missing says what the Target has to have and does not, or "".
func (c *Case) missing(t *Target) string {
	switch {
	case t.Login == nil || t.Dial == nil:
		return "Dial and Login of the Target are not both set"
	case slices.Contains(c.Needs, "tls") && t.TLS == nil:
		return "the Target does not have what is needed: tls"
	}
	return ""
}

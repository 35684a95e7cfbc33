package pop3test

import (
	"cmp"
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
	ID    string   // TOPIC-number: "STUFF-7"
	Title string   // the rule in a few words
	Refs  []string // "RFC 1939, section 3"
	Level Level
	// Needs lists what the case cannot do without: capabilities, in capitals, with
	// "SASL PLAIN" for a mechanism; and in lower case what the Target has to
	// have: "tls", or "clear" for connections that do not begin with TLS.
	Needs []string

	run func(*dialogue)
}

// A Target is a server to be tested. Dial, Login and Reset are required.
type Target struct {
	// Dial makes a new connection. A *tls.Conn is TLS from the first octet.
	Dial func(context.Context) (net.Conn, error)
	TLS  *tls.Config // of the client: STLS is tested, and used where a login needs it

	// Login is a user name and password that are right. USER and PASS have to
	// work, or AUTH PLAIN.
	Login *auth.Credentials

	// Reset makes the maildrop hold exactly these messages, in this order. It is
	// called while no session is open. Line ends may be of any kind.
	Reset func(ctx context.Context, messages []string) error

	Known    map[string]string // by ID: why the case fails
	Patience time.Duration     // how long to wait for a reply; 0: 10 s
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
	cases := slices.Concat(dropCases, messageCases, loginCases, wireCases)
	slices.SortStableFunc(cases, func(a, b Case) int {
		return cmp.Or(cmp.Compare(number(a.ID), number(b.ID)), strings.Compare(a.ID, b.ID))
	})
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
	t.Helper()
	for _, c := range Cases() {
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
	if missing := c.missing(d); missing != "" {
		o.Verdict, o.Reason = Skipped, missing
		return o
	}
	c.run(d)
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

// missing says what the case needs and does not have, or "".
func (c *Case) missing(d *dialogue) string {
	if d.target.Login == nil || d.target.Reset == nil || d.target.Dial == nil {
		return "Dial, Login and Reset of the Target are not all set"
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

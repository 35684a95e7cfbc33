package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/pop3/pop3test"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

// A test is a case of any of the suites.
type test struct {
	result
	harm  smtptest.Harm
	needs []string
	asks  []string // flags that are missing
	alone bool
	run   func(context.Context) (verdict smtptest.Verdict, reason, transcript string)
}

// tests returns the cases of the suite that the server is for, those that -run
// selects.
func (o *options) tests() ([]test, error) {
	known, err := readKnown(o.known)
	if err != nil {
		return nil, err
	}
	var all []test
	switch o.server.scheme.protocol {
	case "imap":
		all = o.imapTests(known)
	case "pop3":
		all = o.pop3Tests(known)
	default:
		all = o.smtpTests(known)
	}
	var out []test
	for _, t := range all {
		if o.run.MatchString(t.ID) || slices.ContainsFunc(t.Refs, o.run.MatchString) {
			t.Harm, t.asks = t.harm.String(), o.harm.asks(t.harm)
			t.alone = t.alone || t.harm&(imaptest.Changes|imaptest.Empties) != 0
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("-run: no case matches %q", o.run)
	}
	return out, nil
}

// readKnown reads lines of an ID and a reason.
func readKnown(file string) (map[string]string, error) {
	known := make(map[string]string)
	if file == "" {
		return known, nil
	}
	b, err := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		id, reason, _ := strings.Cut(strings.TrimSpace(line), " ")
		if id != "" && !strings.HasPrefix(id, "#") {
			known[id] = strings.TrimSpace(reason)
		}
	}
	return known, err
}

func (o *options) smtpTests(known map[string]string) (all []test) {
	protocols := map[string]smtp.Protocol{"smtp": smtp.SMTP, "submission": smtp.Submission, "lmtp": smtp.LMTP}
	target := &smtptest.Target{
		Dial: o.server.dial, Protocol: protocols[o.server.scheme.protocol], TLS: o.server.tls, Encrypt: o.server.startTLS, Login: o.server.login,
		Good: o.harm.good, Known: known, Forbid: o.harm.forbidden, Patience: o.server.patience,
	}
	for i := 0; len(target.Good) > 0 && len(target.Good) < 3; i++ { // the same one may be named again
		target.Good = append(slices.Clip(target.Good), target.Good[i])
	}
	if len(o.harm.bad) > 0 {
		target.Bad = o.harm.bad[0]
	}
	if len(o.harm.from) > 0 {
		target.From = o.harm.from[0]
	}
	for _, c := range smtptest.Cases() {
		all = append(all, test{
			result: result{ID: c.ID, Title: c.Title, Refs: c.Refs, Level: c.Level.String()}, harm: c.Harm, needs: c.Needs,
			run: func(ctx context.Context) (smtptest.Verdict, string, string) {
				out := c.Run(ctx, target)
				return out.Verdict, out.Reason, out.Transcript
			},
		})
	}
	return all
}

func (o *options) imapTests(known map[string]string) (all []test) {
	target := &imaptest.Target{
		Dial: o.server.dial, TLS: o.server.tls, Login: o.server.login, Prefix: o.harm.prefix,
		Known: known, Forbid: o.harm.forbidden, Patience: o.server.patience,
	}
	for _, c := range imaptest.Cases() {
		all = append(all, test{
			result: result{ID: c.ID, Title: c.Title, Refs: c.Refs, Level: c.Level.String()}, harm: c.Harm, needs: c.Needs,
			run: func(ctx context.Context) (imaptest.Verdict, string, string) {
				out := c.Run(ctx, target)
				return out.Verdict, out.Reason, out.Transcript
			},
		})
	}
	return all
}

func (o *options) pop3Tests(known map[string]string) (all []test) {
	target := &pop3test.Target{
		Dial: o.server.dial, TLS: o.server.tls, Login: o.server.login,
		Known: known, Forbid: o.harm.forbidden, Patience: o.server.patience,
	}
	if o.harm.fill != nil {
		target.Reset = o.harm.fill.reset
	}
	for _, c := range pop3test.Cases() {
		all = append(all, test{
			result: result{ID: c.ID, Title: c.Title, Refs: c.Refs, Level: c.Level.String()}, harm: c.Harm, needs: c.Needs,
			alone: true, // who is logged in has the maildrop alone
			run: func(ctx context.Context) (pop3test.Verdict, string, string) {
				out := c.Run(ctx, target)
				return out.Verdict, out.Reason, out.Transcript
			},
		})
	}
	return all
}

// runAll runs the cases that nothing is missing for: n at a time, and then one by
// one those that have to be alone. Behind the end of ctx none is begun.
func runAll(ctx context.Context, tests []test, n int) []result {
	work := make(chan *test)
	var workers sync.WaitGroup
	for range n {
		workers.Go(func() {
			for t := range work {
				t.do(ctx)
			}
		})
	}
	for i := range tests {
		if !tests[i].alone {
			work <- &tests[i]
		}
	}
	close(work)
	workers.Wait()
	var results []result
	for i := range tests {
		if tests[i].alone {
			tests[i].do(ctx)
		}
		results = append(results, tests[i].result)
	}
	return results
}

func (t *test) do(ctx context.Context) {
	start := time.Now()
	t.Verdict = skipped
	switch {
	case len(t.asks) > 0:
		t.Asks = t.asks
		t.Reason = "not asked for: " + strings.Join(t.asks, " ")
		return
	case ctx.Err() == nil:
		verdict, reason, transcript := t.run(ctx)
		t.Verdict, t.Reason, t.Transcript = verdict.String(), reason, transcript
		t.Seconds = time.Since(start).Seconds()
	}
	if ctx.Err() != nil { // its verdict is about that
		t.Verdict, t.Reason = skipped, "the run came to its end before"
	}
}

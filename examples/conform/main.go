// Command conform tests a server of SMTP, submission, LMTP, IMAP or POP3 against the
// RFCs, whoever wrote it, and prints a report by section.
//
//	go run ./examples/conform smtp://mx.example.org
//	go run ./examples/conform -list imap:
//	MAIL_PASSWORD=secret go run ./examples/conform -user me imaps://imap.example.org
//	go run ./examples/conform -cafile ca.pem -format junit submission://localhost:2587 > report.xml
//
// The scheme is smtp, smtps, submission, submissions, lmtp, imap, imaps, pop3 or
// pop3s; lmtp:///path is a socket of this machine.
//
// # What it does to the server
//
// By default nothing that a server in use would feel: it talks, logs in and looks.
// It names no recipient, changes no mailbox, sends no large amounts, gives no wrong
// password, and says the right one on TLS only. Cases that do more are run where a
// flag asks for it, and -list tells which they are:
//
//	-deliver-to a@x,b@x,c@x   mail for these, of which each case sends some
//	-destructive prefix       IMAP: mailboxes whose names begin so are made and deleted, with their mail
//	-empty-account            IMAP, POP3: all mail of the account is deleted, again and again
//	-fill imap://host         POP3: how the maildrop is filled for that; the account is the same
//	-load                     floods, large messages, many connections
//	-guess                    wrong passwords, which may lock the account, or this address, out
//	-expose                   the right password without TLS, where that must be refused
//
// # What comes of it
//
// Each case has a verdict: passed, failed, skipped, or excused if it failed and the
// file of -known has its ID with a reason. The exit status is 0 if none failed, 1
// if one did, and 2 if the run could not be made, or not to its end. Transcripts
// have no passwords.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const (
	statusOK     = 0
	statusFailed = 1
	statusNoRun  = 2
)

// options are what the flags say.
type options struct {
	server server
	harm   permission
	known  string
	run    *regexp.Regexp
	list   bool
	format string

	parallel int
	timeout  time.Duration
}

// maxParallel bounds the connections that a run makes at the same time.
const maxParallel = 8

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	status, err := conform(ctx, args, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		fmt.Fprintln(stderr, "conform:", err)
	}
	return status
}

func conform(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	o, err := parse(args, stderr)
	if err != nil {
		return statusNoRun, err
	}
	tests, err := o.tests()
	if err != nil {
		return statusNoRun, err
	}
	if o.list {
		return statusOK, list(stdout, tests)
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	r := &report{Server: o.server.name, Date: time.Now().UTC().Truncate(time.Second)}
	if r.Greeting, err = o.server.greeting(ctx); err != nil {
		return statusNoRun, fmt.Errorf("%s cannot be tested: %w", o.server.name, err)
	}
	r.Results = runAll(ctx, tests, o.parallel)
	if err := formats[o.format](stdout, r); err != nil {
		return statusNoRun, err
	}
	switch {
	case ctx.Err() != nil:
		return statusNoRun, fmt.Errorf("not all cases were run: %w", context.Cause(ctx))
	case r.count(failed) > 0:
		return statusFailed, nil
	}
	return statusOK, nil
}

// parse takes flags in front of the URL and behind it.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	fs := flag.NewFlagSet("conform", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "conform [flags] scheme://[user@]host[:port]")
		fs.PrintDefaults()
	}
	complete := o.server.flags(fs)
	permit := o.harm.flags(fs)
	fs.StringVar(&o.known, "known", "", "`file` with the cases that are known to fail: lines of ID and reason")
	fs.BoolVar(&o.list, "list", false, "list the cases and what they would do, and run none")
	fs.StringVar(&o.format, "format", "text", "`format` of the report: text, json, junit or markdown")
	fs.IntVar(&o.parallel, "parallel", 2, fmt.Sprintf("cases that are run at the same time, %d at most; those that change mail are run alone", maxParallel))
	fs.DurationVar(&o.timeout, "timeout", 15*time.Minute, "how long the run may take")
	pattern := fs.String("run", "", "run the cases whose ID, or one of whose sections, matches this `regexp`")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	target := fs.Arg(0)
	if fs.NArg() > 1 {
		if err := fs.Parse(fs.Args()[1:]); err != nil {
			return nil, err
		}
	}
	switch {
	case target == "" || fs.NArg() > 0 && fs.Arg(0) != target:
		return nil, errors.New("want one URL, such as smtp://localhost:2525")
	case formats[o.format] == nil:
		return nil, fmt.Errorf("-format: %q is none", o.format)
	case o.parallel < 1 || o.parallel > maxParallel:
		return nil, fmt.Errorf("-parallel: want 1 to %d", maxParallel)
	}
	var err error
	if o.run, err = regexp.Compile(*pattern); err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	if err := complete(target); err != nil {
		return nil, err
	}
	return o, permit(&o.server)
}

// Command maild is a small complete mail daemon: mail comes in by SMTP and
// submission, is kept in one SQLite file, and goes out by POP3, by IMAP and to
// other hosts.
//
// It is an example of what the packages of Mailwire are for, and uses nothing
// of them that another program could not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/maild/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "maild:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, words, err := parseConfig(args, stderr)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return manage(c, words, stdout)
	}
	level := slog.LevelInfo
	if c.verbose {
		level = slog.LevelDebug
	}
	d, err := newDaemon(c, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})))
	if err != nil {
		return err
	}
	user, password, err := d.accounts.start(ctx)
	if err == nil {
		_, err = io.WriteString(stdout, d.hello(user, password))
	}
	if err != nil {
		return errors.Join(err, d.close())
	}
	return d.serve(ctx)
}

// manage carries out the words behind the flags, also beside a running daemon.
func manage(c config, words []string, stdout io.Writer) error {
	if words[0] != "queue" && len(words) != 2 {
		return fmt.Errorf("%q: want adduser NAME, passwd NAME or queue", words)
	}
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return err
	}
	db, err := store.Open(c.data)
	if err != nil {
		return err
	}
	defer db.Close()
	if words[0] == "queue" {
		return manageQueue(db, words[1:], time.Now(), stdout)
	}
	a := accounts{store: db, domain: c.domain, readable: c.readable}
	do := map[string]func(string) (auth.Secret, error){"adduser": a.add, "passwd": a.passwd}[words[0]]
	if do == nil {
		return fmt.Errorf("%q: want adduser, passwd or queue", words[0])
	}
	password, err := do(words[1])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s@%s has the password %s\n", words[1], c.domain, string(password))
	return err
}

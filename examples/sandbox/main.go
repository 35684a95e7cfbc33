// Command sandbox catches the mail that an application under development sends,
// whoever it is for, and shows it: on a web page, by a small JSON API, by IMAP
// and by POP3. It never sends anything to anyone.
//
//	go run ./examples/sandbox
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parseConfig(args, stderr)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.verbose {
		level = slog.LevelDebug
	}
	s, err := newSandbox(c, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})))
	if err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, s.hello()); err != nil {
		s.close()
		return err
	}
	return s.serve(ctx)
}

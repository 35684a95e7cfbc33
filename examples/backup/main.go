// Command backup mirrors the mailboxes of an account into Maildirs, which mutt and
// others read. The first run downloads everything, later ones ask only for what has
// changed: new messages, flags and removals, by QRESYNC, or by CONDSTORE or lists of
// UIDs where the server has no more than that. A run may be cut off at any moment:
// the next one goes on.
//
// To try it, with the mail daemon of these examples, which prints the password of its
// user demo:
//
//	go run ./examples/maild -data /tmp/maild -domain example.org
//	swaks --server 127.0.0.1:2525 --from me@example.net --to demo@example.org
//	MAIL_PASSWORD=... go run ./examples/backup -server 127.0.0.1:2143 -cafile /tmp/maild/cert.pem -user demo -dir /tmp/backup
//	neomutt -f /tmp/backup/INBOX
//
// What is removed on the server is removed here by the next run. A mailbox that is
// not there any more is kept. Do not change anything in the folders: -check finds
// what is missing in them.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/examples/internal/account"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "backup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("backup", flag.ContinueOnError)
	var d imapclient.Dialer
	finish := account.Flags(flags, &d)
	dir := flags.String("dir", "backup", "`folder` for the Maildirs")
	check := flags.Bool("check", false, "compare all that is here with the server")
	without := flags.String("without", "", "`capabilities` not to be used, with commas between, as QRESYNC,CONDSTORE")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := finish(); err != nil {
		return err
	}
	for name := range strings.SplitSeq(*without, ",") {
		d.Mask = append(d.Mask, imap.Cap(name))
	}
	d.Compress = true
	c, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	how := "lists of UIDs"
	switch {
	case c.Enabled(imap.CapQResync):
		how = "QRESYNC"
	case c.Has(imap.CapCondstore):
		how = "CONDSTORE"
	}
	fmt.Fprintf(stdout, "changes by %s\n", how)
	failed := mirrorAll(ctx, c, *dir, *check, stdout)
	return errors.Join(failed, c.Logout(ctx))
}

// mirrorAll mirrors every mailbox that can be opened. One that the server refuses does
// not stop the others.
func mirrorAll(ctx context.Context, c *imapclient.Client, dir string, check bool, stdout io.Writer) error {
	var failed error
	seen := make(map[string]bool)
	for box, err := range c.List(ctx, imap.ListArgs{}) {
		if err != nil {
			return err
		}
		if box.Is(imap.AttrNoselect) {
			continue
		}
		f := folderOf(dir, box.Name)
		seen[filepath.Base(f.path)] = true
		n, err := mirror(ctx, c, box.Name, f, check)
		fmt.Fprintf(stdout, "%s: %d new, %d removed, %d flags looked at, %d here\n", box.Name, n.added, n.removed, n.flags, f.uids().Len())
		if err != nil {
			err = fmt.Errorf("%s: %w", box.Name, err)
			if refused, ok := errors.AsType[*imap.StatusError](err); !ok || refused.Status.Kind == imap.BYE {
				return errors.Join(failed, err)
			}
			failed = errors.Join(failed, err)
		}
	}
	here, err := os.ReadDir(dir)
	for _, e := range here {
		if !seen[e.Name()] {
			fmt.Fprintf(stdout, "%s: not on the server any more, kept here\n", e.Name())
		}
	}
	return errors.Join(failed, err)
}

// counts say what a run has done with one mailbox.
type counts struct{ added, removed, flags int }

// mirror gets a folder level with its mailbox.
func mirror(ctx context.Context, c *imapclient.Client, name string, f *folder, check bool) (n counts, err error) {
	if err := f.load(); err != nil {
		return n, err
	}
	last := imapclient.SyncState{UIDValidity: f.state.UIDValidity, UIDNext: f.state.UIDNext, ModSeq: f.state.ModSeq, UIDs: f.uids()}
	if check {
		last.ModSeq = 0 // without it everything is compared
	}
	now, err := c.Sync(ctx, name, last, func(ch imapclient.Change) (err error) {
		if err := f.begin(ch.Selected.UIDValidity); err != nil {
			return err
		}
		switch ch.Kind {
		case imapclient.Removed:
			n.removed += ch.UIDs.Len()
			err = f.remove(ch.UIDs)
		case imapclient.Flags:
			n.flags++
			flags, _ := ch.Message.Flags()
			err = f.setFlags(ch.Message.UID, flags)
		case imapclient.Added:
			n.added++
			flags, _ := ch.Message.Flags()
			date, _ := ch.Message.InternalDate()
			err = f.add(ch.Message.UID, flags, cmp.Or(date, time.Now()), ch.Message.Body(""))
		}
		return err
	})
	err = errors.Join(err, f.begin(now.UIDValidity)) // an empty mailbox has nothing to tell
	st := &f.state
	if n == (counts{}) && st.UIDNext == now.UIDNext && st.ModSeq == now.ModSeq {
		return n, err // nothing to write
	}
	st.UIDNext, st.ModSeq = now.UIDNext, now.ModSeq
	return n, errors.Join(err, f.save())
}

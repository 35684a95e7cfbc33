// Command fetch waits for new mail in a mailbox and saves, or prints, each message
// once it is there: by IDLE, or by asking now and then where the server cannot do
// that. It connects again when the connection breaks, and goes on where it was when
// it is started again: what it has seen is in a state file.
//
// To try it, with the mail daemon of these examples, which prints the password of its
// user demo, and a second terminal for the message:
//
//	go run ./examples/maild -data /tmp/maild -domain example.org
//	MAIL_PASSWORD=... go run ./examples/fetch -server 127.0.0.1:2143 -cafile /tmp/maild/cert.pem -user demo -all -dir /tmp/inbox
//	swaks --server 127.0.0.1:2525 --from me@example.net --to demo@example.org
//
// From a provider:
//
//	MAIL_PASSWORD=... go run ./examples/fetch -server imap.example.org -user me@example.org
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/internal/account"
	"github.com/mailwire/mailwire/examples/internal/whole"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/mime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	f := fetcher{stdout: stdout, log: slog.New(slog.NewTextHandler(stderr, nil))}
	finish := account.Flags(flags, &f.d)
	flags.StringVar(&f.mailbox, "mailbox", "INBOX", "what to look at")
	flags.BoolVar(&f.all, "all", false, "begin with the messages that are there already")
	flags.StringVar(&f.dir, "dir", "", "`folder` for messages; without it, they are printed as a line each")
	flags.StringVar(&f.stateFile, "state", "", "`file` that says what was seen; without it, state.json in -dir, or fetch.json")
	flags.DurationVar(&f.retry, "retry", time.Second, "shortest `time` until another try to connect")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := finish(); err != nil {
		return err
	}
	if f.dir != "" {
		if err := os.MkdirAll(f.dir, 0o700); err != nil {
			return err
		}
		f.stateFile = cmp.Or(f.stateFile, filepath.Join(f.dir, "state.json"))
	}
	f.stateFile = cmp.Or(f.stateFile, "fetch.json")
	if err := f.load(); err != nil {
		return err
	}
	return f.keepOn(ctx)
}

// A fetcher takes what is new in a mailbox.
type fetcher struct {
	d         imapclient.Dialer
	mailbox   string
	all       bool
	dir       string
	stateFile string
	retry     time.Duration
	stdout    io.Writer
	log       *slog.Logger

	state state
}

// keepOn connects again and again, each time later, until ctx is done or the server
// says that it is no use.
func (f *fetcher) keepOn(ctx context.Context) error {
	const most = 5 * time.Minute
	wait := f.retry
	for {
		up, err := f.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if final(err) {
			return err
		}
		if up > most {
			wait = f.retry // it worked for a while
		}
		pause := wait/2 + rand.N(wait/2) // not at the same moment as everybody else
		f.log.Warn("disconnected", "err", err, "next try in", pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, most)
	}
}

// final reports whether another try would end as this one did: the login or the
// mailbox was refused for good, the server has no TLS or is not the one that we mean,
// or we cannot write here.
func final(err error) bool {
	if errors.Is(err, auth.ErrTLSRequired) || errors.Is(err, auth.ErrMechanism) {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return true
	}
	refused, ok := errors.AsType[*imap.StatusError](err)
	return ok && refused.Status.Kind != imap.BYE && refused.Status.Code.Name != "UNAVAILABLE"
}

// session is one connection: what is new first, and then what comes. It returns for
// how long it was good.
func (f *fetcher) session(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	c, err := f.d.Connect(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	box, err := c.Select(ctx, f.mailbox, &imapclient.SelectOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	if box.UIDValidity != f.state.UIDValidity {
		if err := f.begin(box); err != nil {
			return 0, err
		}
	}
	if err := f.take(ctx, c); err != nil {
		return 0, err
	}
	f.log.Info("waiting", "mailbox", box.Name, "messages", box.Exists, "next", f.state.next())
	for ev, err := range c.Events(ctx) {
		if err == nil && (ev.Kind == imapclient.Exists || ev.Kind == imapclient.Resync) {
			err = f.take(ctx, c)
		}
		if err != nil {
			if ctx.Err() != nil {
				leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				c.Logout(leave)
			}
			return time.Since(began), err
		}
	}
	return time.Since(began), nil
}

// begin decides where to begin in a mailbox of which nothing is known: at its end,
// or, with -all and where it is the same name with other numbers, at its beginning.
func (f *fetcher) begin(box *imapclient.Selected) error {
	known := f.state.UIDValidity != 0
	if known {
		f.log.Warn("the mailbox has been numbered anew: all of it is taken again", "was", f.state.UIDValidity, "is", box.UIDValidity)
	}
	f.state = state{UIDValidity: box.UIDValidity}
	if !f.all && !known && box.UIDNext > 1 {
		f.state.Seen.AddRange(1, box.UIDNext-1)
	}
	return f.save()
}

// take takes the messages that have not been seen. It is noted one by one: a message
// whose note could not be saved is taken again, and none is left out, in whatever
// order they come.
func (f *fetcher) take(ctx context.Context, c *imapclient.Client) error {
	found, err := c.Search(ctx, imap.InSet{Ref: imap.UIDs(f.state.next(), imap.Star)}, nil)
	if err != nil {
		return err
	}
	fresh := found.UIDs().Subtract(f.state.Seen) // "n:*" names the last message, if there is none from n on
	if fresh.IsEmpty() {
		return nil
	}
	items := []imap.FetchItem{imap.ItemUID, imap.ItemSize, imap.ItemEnvelope}
	if f.dir != "" {
		items = append(items, imap.Peek(""))
	}
	for m, err := range c.Fetch(ctx, imap.InUIDs(fresh), items...) {
		if err == nil {
			err = f.message(m)
		}
		if err == nil {
			f.state.Seen.Add(m.UID)
			err = f.save()
		}
		if err != nil {
			return err
		}
	}
	f.state.Seen.AddRange(1, fresh.Max())
	return f.save()
}

// message saves a message, and prints a line for it.
func (f *fetcher) message(m *imapclient.Message) error {
	where := ""
	if f.dir != "" {
		where = filepath.Join(f.dir, fmt.Sprintf("%d.%d.eml", f.state.UIDValidity, m.UID))
		err := whole.Write(f.dir, where, func(file *os.File) error {
			_, err := io.Copy(file, m.Body("")) // from the connection straight to the disk
			return err
		})
		if err != nil {
			return err
		}
	}
	size, _ := m.Size()
	from, subject := "", ""
	if e, ok := m.Envelope(); ok {
		subject = mime.DecodeWords(string(e.Subject))
		if len(e.From) > 0 {
			from = string(e.From[0].Mailbox) + "@" + string(e.From[0].Host)
		}
	}
	_, err := fmt.Fprintf(f.stdout, "%d\t%d octets\t%q\t%q\t%s\n", m.UID, size, from, subject, where)
	return err
}

// Command lmtp delivers mail into Maildirs: the last step behind an MTA. A user is a
// folder below -dir, what is behind a "+" in an address does not matter, and each
// recipient gets a reply of its own, so that the MTA queues for one whose folder
// cannot be written, and only for that one.
//
// To try it:
//
//	mkdir -p /tmp/mail/ann /tmp/mail/bob
//	go run ./examples/lmtp -dir /tmp/mail &
//	swaks --server 127.0.0.1:2424 --protocol LMTP --from me@example.org --to ann@example.org,bob@example.org,eve@example.org
//	ls /tmp/mail/*/new
//
// Behind Postfix, as it was tried with that of Debian 12, or by a socket that Postfix
// may write to:
//
//	postconf virtual_mailbox_domains=example.org virtual_transport=lmtp:inet:127.0.0.1:2424
//	postconf lmtp_destination_recipient_limit=50    # several recipients in one transaction
//
//	go run ./examples/lmtp -dir /tmp/mail -listen unix:/var/spool/postfix/private/mailwire &
//	chown postfix /var/spool/postfix/private/mailwire
//	postconf virtual_transport=lmtp:unix:private/mailwire
//
// Whoever can connect can deliver: LMTP is for the machine itself. RFC 2033,
// section 5.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/examples/internal/serve"
	"github.com/mailwire/mailwire/examples/internal/whole"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "lmtp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("lmtp", flag.ContinueOnError)
	var d delivery
	flags.StringVar(&d.dir, "dir", "mail", "`folder` that has a folder for each user")
	listen := flags.String("listen", "127.0.0.1:2424", "`address` to listen on, or unix: and the path of a socket")
	if err := flags.Parse(args); err != nil {
		return err
	}
	d.tmp = filepath.Join(d.dir, ".tmp")
	if err := os.MkdirAll(d.tmp, 0o700); err != nil {
		return err
	}
	network, addr := "tcp", *listen
	if path, ok := strings.CutPrefix(*listen, "unix:"); ok {
		network, addr = "unix", path
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	server := &smtpserver.Server{
		Protocol: smtp.LMTP,
		Handler:  smtpserver.SessionFunc(d.session),
		Offer:    smtp.Offer{SMTPUTF8: true},
		Logger:   slog.New(slog.NewTextHandler(stdout, nil)),
	}
	fmt.Fprintf(stdout, "listening on %s\n", l.Addr())
	return serve.Until(ctx, server, l)
}

// delivery puts messages into the folders of users.
type delivery struct{ dir, tmp string }

func (d *delivery) session(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return &smtpserver.Session{Rcpt: d.rcpt, Data: d.deliver}, nil
}

// rcpt takes mail for users who have a folder. What cannot be looked at is not the
// same as what is not there: the first is worth another try.
func (d *delivery) rcpt(_ context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
	_, err := os.Stat(d.folder(to.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
	}
	return err
}

// folder is that of a recipient. A name that is no plain name of a file is nobody's:
// it becomes one that cannot exist, and not a way out of -dir.
func (d *delivery) folder(p smtp.Path) string {
	name, _, _ := strings.Cut(strings.ToLower(p.Local), "+")
	if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\\\x00") || len(name) > 64 {
		name = ".tmp/nobody"
	}
	return filepath.Join(d.dir, name)
}

// deliver takes the content once and stores it for one recipient after the other.
// What it returns is for all of them: the content has not come, or is refused.
func (d *delivery) deliver(_ context.Context, m *smtpserver.Message) error {
	content, err := os.CreateTemp(d.tmp, "content-*")
	if err != nil {
		return err
	}
	defer os.Remove(content.Name())
	defer content.Close()
	now := time.Now()
	id := whole.Name(now)
	m.Queued(id)
	head, err := smtp.AppendPath([]byte("Return-Path: "), m.From)
	if err != nil {
		return err
	}
	trace := m.AppendReceived(nil, now)
	size, err := m.WriteTo(content)
	if err != nil {
		return err
	}
	done := make(map[string]error) // a folder that is named twice gets the message once
	for i, to := range m.To {
		dir := d.folder(to.Path)
		result, known := done[dir]
		if !known {
			top := fmt.Sprintf("%s\r\nDelivered-To: %s\r\n%s", head, to.Path, trace)
			result = d.store(dir, id, io.MultiReader(strings.NewReader(top), io.NewSectionReader(content, 0, size)))
			done[dir] = result
		}
		m.SetRcpt(i, result)
	}
	return nil
}

// store puts a message into a Maildir, which it makes of the folder if it is none yet.
func (d *delivery) store(dir, name string, message io.Reader) error {
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return whole.Write(filepath.Join(dir, "tmp"), filepath.Join(dir, "new", name), func(f *os.File) error {
		_, err := io.Copy(f, message)
		return err
	})
}

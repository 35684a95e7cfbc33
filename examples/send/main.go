// Command send writes a message, with attachments if there are any, and sends it to
// a server: by submission with a password, or to the server of the recipients.
//
// To try it, start a server that keeps what it gets, and send it something. -tls
// never is for the loopback; without it there is verified TLS or no mail:
//
//	go run ./examples/sink -dir /tmp/sink &
//	go run ./examples/send -server localhost:2525 -tls never -from me@example.org -to you@example.org -subject hello -text 'Hello!' README.md
//
// By a provider, with the password out of sight of others on the machine:
//
//	MAIL_PASSWORD=... go run ./examples/send -server mail.example.org:465 -user me@example.org -from me@example.org -to you@example.net README.md
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/mime"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
)

// send is all there is to it.
func send(ctx context.Context, d *smtpclient.Dialer, from string, to []string, b *mime.Builder) (*smtpclient.Result, error) {
	var message bytes.Buffer
	if _, err := b.WriteTo(&message); err != nil {
		return nil, err
	}
	return d.Send(ctx, smtp.NewEnvelope(from, to...), &message)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "send:", err)
		os.Exit(1)
	}
}

// levels are what -tls can be.
var levels = map[string]auth.TLSLevel{
	"verified": auth.TLSVerified, "encrypted": auth.TLSEncrypted, "opportunistic": auth.TLSOpportunistic, "never": auth.TLSNever,
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet("send [flags] [files to attach]", flag.ContinueOnError)
	d := new(smtpclient.Dialer)
	fs.StringVar(&d.Addr, "server", "localhost:587", "host:`port`; 465 means TLS from the first octet")
	level := fs.String("tls", "verified", "verified, encrypted, opportunistic or never")
	fs.StringVar(&d.Credentials.Username, "user", "", "log in as this user; the password is in $MAIL_PASSWORD")
	insecure := fs.Bool("cleartext-login", false, "log in also without verified TLS, as on the loopback")
	from := fs.String("from", "", "address of the sender")
	recipients := fs.String("to", "", "addresses, with commas between")
	subject := fs.String("subject", "", "subject")
	text := fs.String("text", "", "text; without it, the standard input is read")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var ok bool
	if d.TLS.Level, ok = levels[*level]; !ok {
		return fmt.Errorf("-tls %q: no such level", *level)
	}
	d.Credentials.Password = auth.Secret(os.Getenv("MAIL_PASSWORD"))
	if *insecure {
		d.Auth.Cleartext = auth.CleartextAny
	}
	if *text == "" {
		b, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		*text = string(b)
	}

	message := new(mime.Builder).From(mime.Addr("", *from)).Subject(*subject).Text(*text)
	to := strings.Split(*recipients, ",")
	for i := range to {
		to[i] = strings.TrimSpace(to[i])
		message.To(mime.Addr("", to[i]))
	}
	for _, name := range fs.Args() {
		message.Attach(filepath.Base(name), "", func() (io.ReadCloser, error) { return os.Open(name) })
	}
	result, err := send(ctx, d, *from, to, message)
	if result != nil { // some may have been accepted, although there is an error
		for i, r := range result.Rcpts {
			fmt.Fprintf(stdout, "%s: %s\n", to[i], verdict(r))
		}
	}
	return err
}

func verdict(r smtpclient.RcptResult) string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return r.Final.String()
}

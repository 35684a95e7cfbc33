// Command proxy stands in front of servers of IMAP and of mail submission that have
// no TLS and no accounts worth the name: it terminates TLS, asks users who they are
// by whatever mechanism of SASL they like, logs in at the server behind for them, and
// passes on what they say. Nothing that a client has said before TLS goes there.
//
// To try it, with a certificate and a user of its own, in front of the example sink:
//
//	mkdir -p /tmp/proxy
//	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout /tmp/proxy/key.pem -out /tmp/proxy/cert.pem
//	MAIL_PASSWORD=secret go run ./examples/proxy -hash ann >> /tmp/proxy/users
//	go run ./examples/sink -dir /tmp/sink &
//	go run ./examples/proxy -data /tmp/proxy -smtp-backend 127.0.0.1:2525 &
//	curl --ssl-reqd --cacert /tmp/proxy/cert.pem --user ann:secret --crlf --mail-from ann@example.org --mail-rcpt you@example.org --upload-file README.md smtp://localhost:4587
//
// What is pipelined behind STARTTLS ends the connection, and is seen by nobody:
//
//	printf 'EHLO x\r\nSTARTTLS\r\nNOOP\r\n' | curl -sS telnet://127.0.0.1:4587
//	openssl s_client -quiet -crlf -starttls smtp -connect localhost:4587
//
// In front of Dovecot, whose master user "proxy" may act as anybody:
//
//	BACKEND_PASSWORD=... go run ./examples/proxy -data /tmp/proxy -imap-backend 127.0.0.1:143 -login '%u*proxy' &
//	curl --ssl-reqd --cacert /tmp/proxy/cert.pem --user ann:secret 'imap://localhost:4143/INBOX?ALL'
package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/internal/serve"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

// A proxy is what both protocols need.
type proxy struct {
	imapBackend, smtpBackend string
	login                    string // at the backend
	password                 auth.Secret
	idle                     time.Duration

	certs *auth.Certificates
	users map[string][]auth.Verifier
	auth  *auth.Authenticator
	log   *slog.Logger
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	p := proxy{password: auth.Secret(os.Getenv("BACKEND_PASSWORD"))}
	data := flags.String("data", "proxy", "`folder` with cert.pem, key.pem and users, a line NAME:VERIFIER for each")
	listen := flags.String("listen", "127.0.0.1", "`host` to listen on")
	flags.StringVar(&p.imapBackend, "imap-backend", "", "host:`port` of a server of IMAP")
	flags.StringVar(&p.smtpBackend, "smtp-backend", "", "host:`port` of a server of SMTP")
	imapPort, imapsPort := flags.Int("imap", 4143, "port for IMAP with STARTTLS"), flags.Int("imaps", 4993, "port for IMAP over TLS")
	smtpPort, smtpsPort := flags.Int("smtp", 4587, "port for submission with STARTTLS"), flags.Int("smtps", 4465, "port for submission over TLS")
	flags.StringVar(&p.login, "login", "", "user to log in as at the servers behind, with $BACKEND_PASSWORD; %u in it is the user\n"+
		"who has logged in here, without it he is the one to act as (authzid). \"\": no login at SMTP")
	flags.DurationVar(&p.idle, "idle", 35*time.Minute, "end a session in which nothing was said for so long")
	hash := flags.String("hash", "", "print the line of a `user` whose password is in $MAIL_PASSWORD, and do nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *hash != "" {
		v, err := auth.NewVerifier("SCRAM-SHA-256", auth.Secret(os.Getenv("MAIL_PASSWORD")), auth.VerifierOptions{})
		if err == nil {
			_, err = fmt.Fprintf(stdout, "%s:%s\n", *hash, v.Text())
		}
		return err
	}
	if err := p.load(*data); err != nil {
		return err
	}
	p.log = slog.New(slog.NewTextHandler(stdout, nil))
	var services []service
	if p.imapBackend != "" {
		services = append(services, service{"IMAP", *imapPort, *imapsPort, func() serve.Server { return p.imap() }})
	}
	if p.smtpBackend != "" {
		services = append(services, service{"submission", *smtpPort, *smtpsPort, func() serve.Server { return p.submission() }})
	}
	return p.serve(ctx, *listen, services, stdout)
}

// load reads the certificate and the users.
func (p *proxy) load(dir string) (err error) {
	p.certs, err = auth.LoadCertificates(func() ([]tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
		return []tls.Certificate{c}, err
	})
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, "users"))
	if err != nil {
		return err
	}
	defer f.Close()
	p.users = make(map[string][]auth.Verifier)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), ":")
		v, err := auth.ParseVerifier(text)
		if err != nil {
			return fmt.Errorf("user %q: %w", name, err)
		}
		p.users[name] = append(p.users[name], v)
	}
	p.auth = &auth.Authenticator{Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) { return p.users[user], nil }}
	return lines.Err()
}

// A service is a protocol on two ports.
type service struct {
	name     string
	port     int // for STARTTLS
	implicit int // for TLS from the first octet
	server   func() serve.Server
}

// serve listens, and serves until ctx is done or one of the servers fails.
func (p *proxy) serve(ctx context.Context, host string, services []service, stdout io.Writer) error {
	if len(services) == 0 {
		return errors.New("nothing to do without -imap-backend or -smtp-backend")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 2*len(services))
	for _, s := range services {
		for _, implicit := range []bool{false, true} {
			port, what := s.port, "STARTTLS"
			if implicit {
				port, what = s.implicit, "TLS"
			}
			l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
			if err != nil {
				errs <- err
				cancel()
				continue
			}
			fmt.Fprintf(stdout, "listening on %s for %s with %s\n", l.Addr(), s.name, what)
			if implicit {
				l = tls.NewListener(l, p.certs.Config())
			}
			wg.Go(func() {
				defer cancel()
				errs <- serve.Until(ctx, s.server(), l)
			})
		}
	}
	wg.Wait()
	close(errs)
	var failed error
	for err := range errs {
		failed = cmp.Or(failed, err)
	}
	return failed
}

// credentials are those for the server behind.
func (p *proxy) credentials(user string) auth.Credentials {
	if strings.Contains(p.login, "%u") {
		return auth.Credentials{Username: strings.ReplaceAll(p.login, "%u", user), Password: p.password}
	}
	return auth.Credentials{Username: p.login, Authzid: user, Password: p.password}
}

// The servers behind are on this machine, or on a network that is trusted.
var (
	backendTLS  = auth.TLSPolicy{Level: auth.TLSOpportunistic}
	backendAuth = auth.ClientPolicy{Cleartext: auth.CleartextAny}
)

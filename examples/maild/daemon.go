package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// services are what the daemon listens for, in the order of the addresses in config.
var services = [...]struct{ name, flag, addr, what string }{
	smtpService:       {"SMTP", "smtp", "127.0.0.1:2525", "mail from anyone for the accounts here, STARTTLS"},
	submissionService: {"submission", "submission", "127.0.0.1:2587", "mail from the accounts here, STARTTLS and AUTH"},
	smtpsService:      {"SMTPS", "smtps", "127.0.0.1:2465", "submission over TLS"},
	pop3Service:       {"POP3", "pop3", "127.0.0.1:2110", "fetching mail, STLS"},
	pop3sService:      {"POP3S", "pop3s", "127.0.0.1:2995", "fetching mail over TLS"},
	imapService:       {"IMAP", "imap", "127.0.0.1:2143", "mailboxes, STARTTLS"},
	imapsService:      {"IMAPS", "imaps", "127.0.0.1:2993", "mailboxes over TLS"},
}

const (
	smtpService = iota
	submissionService
	smtpsService
	pop3Service
	pop3sService
	imapService
	imapsService
)

// shutdownTime is what connections get to finish their message.
const shutdownTime = 10 * time.Second

// daemon is everything that runs: four servers and a queue over one store.
type daemon struct {
	config
	lock      io.Closer    // of the data folder
	store     *store.Store // nil: not opened yet
	accounts  accounts
	logins    *auth.Authenticator
	log       *slog.Logger
	listeners [len(services)]net.Listener

	smtp       *smtpserver.Server
	submission *smtpserver.Server
	pop3       *pop3server.Server
	imap       *imapserver.Server
	queue      *queue // nil: nothing is sent to other hosts
	tls        *tls.Config
}

// newDaemon opens what is in the data folder, or creates it, and listens. It
// serves nobody before serve is called.
func newDaemon(c config, log *slog.Logger) (*daemon, error) {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFolder(c.data)
	if err != nil {
		return nil, err
	}
	d := &daemon{config: c, lock: lock, log: log}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *daemon) open() error {
	c, log := &d.config, d.log
	certs, err := auth.LoadCertificates(func() ([]tls.Certificate, error) { return c.loadCertificate(time.Now()) })
	if err != nil {
		return err
	}
	d.tls = certs.Config()
	if d.store, err = store.Open(c.data); err != nil {
		return err
	}
	if err := d.store.KeepRemovals(c.history); err != nil {
		return err
	}
	d.accounts = accounts{store: d.store, domain: c.domain, readable: c.readable}
	d.logins = d.accounts.authenticator()
	d.smtp = &smtpserver.Server{Hostname: c.hostname, Handler: incoming{d}, TLS: d.tls, Logger: log.With("server", "smtp")}
	d.submission = &smtpserver.Server{Hostname: c.hostname, Protocol: smtp.Submission, Handler: submission{d},
		Offer: smtp.Offer{DSN: true, RequireTLS: true}, TLS: d.tls, Certs: certs, TLSRequired: true, Auth: d.logins, Logger: log.With("server", "submission")}
	d.pop3 = newPOP3(d, certs)
	d.imap = &imapserver.Server{Hostname: c.hostname, Backend: mailboxes{d}, TLS: d.tls, Certs: certs,
		Auth: d.logins, Logger: log.With("server", "imap")}
	if c.relay {
		if d.queue, err = newQueue(d); err != nil {
			return err
		}
	}
	for i := range services {
		if d.listeners[i], err = net.Listen("tcp", c.addr[i]); err != nil {
			return fmt.Errorf("%w (choose another address with -%s)", err, services[i].flag)
		}
	}
	return nil
}

// serve runs until ctx ends or a listener fails, then lets the connections
// finish, for a limited time, before it closes the store under them.
func (d *daemon) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, abort := context.WithCancel(context.Background())
	defer abort()
	if q := d.queue; q != nil {
		q.running.Go(func() { q.run(ctx, work) })
		q.running.Go(func() { q.relay.refreshPolicies(ctx) })
	}
	failed := make(chan error, len(services))
	for i, serve := range [len(services)]func(net.Listener) error{
		smtpService:       d.smtp.Serve,
		submissionService: d.submission.Serve,
		smtpsService:      d.submission.ServeTLS,
		pop3Service:       func(l net.Listener) error { return d.pop3.Serve(context.Background(), l) },
		pop3sService:      func(l net.Listener) error { return d.pop3.Serve(context.Background(), tls.NewListener(l, d.tls)) },
		imapService:       d.imap.Serve,
		imapsService:      d.imap.ServeTLS,
	} {
		go func() { failed <- fmt.Errorf("%s: %w", services[i].name, serve(d.listeners[i])) }()
	}
	var err error
	select {
	case <-ctx.Done():
		d.log.Info("stopping")
	case err = <-failed:
	}
	cancel()
	d.shutdown(abort)
	return errors.Join(err, d.close())
}

// shutdown ends the servers side by side: connections that wait are closed at
// once, those with a message under way when it is done or the time is up. abort
// ends what the queue has under way.
func (d *daemon) shutdown(abort func()) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	defer context.AfterFunc(ctx, abort)()
	var wg sync.WaitGroup
	for _, shutdown := range []func(context.Context) error{d.smtp.Shutdown, d.submission.Shutdown, d.pop3.Shutdown, d.imap.Shutdown} {
		wg.Go(func() {
			if err := shutdown(ctx); err != nil {
				d.log.Warn("connections were cut off", "err", err)
			}
		})
	}
	if d.queue != nil {
		wg.Go(d.queue.running.Wait)
	}
	wg.Wait()
}

func (d *daemon) close() error {
	for _, l := range d.listeners {
		if l != nil {
			l.Close() // the servers have closed theirs already
		}
	}
	if d.queue != nil {
		d.queue.relay.deliverer.Close()
	}
	defer d.lock.Close() // last, and perhaps not for the first time
	if d.store == nil {
		return nil
	}
	return d.store.Close()
}

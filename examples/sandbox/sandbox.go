package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// shutdownTime is what connections get to finish their message.
const shutdownTime = 5 * time.Second

// sandbox is everything that runs: four servers in front of one shelf.
type sandbox struct {
	config
	shelf     *shelf
	log       *slog.Logger
	listeners [len(services)]net.Listener

	smtp *smtpserver.Server
	imap *imapserver.Server
	pop3 *pop3server.Server
	web  *http.Server
}

// newSandbox listens. It serves nobody before serve is called.
func newSandbox(c config, log *slog.Logger) (*sandbox, error) {
	shelf, err := newShelf(c.user, c.password, c.keep)
	if err != nil {
		return nil, err
	}
	tls, err := selfSigned(time.Now())
	if err != nil {
		return nil, err
	}
	s := &sandbox{config: c, shelf: shelf, log: log}
	s.smtp = &smtpserver.Server{Handler: &catcher{shelf}, TLS: tls, Auth: anyone(),
		Offer:    smtp.Offer{SMTPUTF8: true, DSN: true, BinaryMIME: true, RequireTLS: true, RRVS: true},
		Limits:   smtp.Limits{Message: min(maxMessage, c.keep.octets), Header: -1, Received: -1},
		LineEnds: smtp.KeepBare, // to be shown as the defects that they are
		Conns:    smtpserver.Conns{Total: 200}, Logger: log.With("server", "smtp")}
	owner := &auth.Authenticator{Lookup: shelf.store.Lookup, Cleartext: auth.CleartextAny}
	s.imap = &imapserver.Server{Backend: mailboxes{shelf}, Auth: owner, TLS: tls, Logger: log.With("server", "imap")}
	s.pop3 = &pop3server.Server{Backend: &maildrops{shelf: shelf}, Auth: owner, TLS: tls, Cleartext: true, Logger: log.With("server", "pop3")}
	for i := range services {
		if s.listeners[i], err = net.Listen("tcp", c.addr[i]); err != nil {
			s.close()
			return nil, fmt.Errorf("%w (choose another address with -%s)", err, services[i].flag)
		}
	}
	s.web = &http.Server{Handler: newWeb(shelf, c.names, s.address).handler(),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.With("server", "web").Handler(), slog.LevelWarn)}
	return s, nil
}

// address is where a service listens.
func (s *sandbox) address(service int) string { return s.listeners[service].Addr().String() }

// serve runs until ctx ends or a listener fails, then lets the connections
// finish, for a limited time.
func (s *sandbox) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.web.BaseContext = func(net.Listener) context.Context { return ctx } // ends those who wait for mail
	failed := make(chan error, len(services))
	for i, serve := range [len(services)]func(net.Listener) error{
		smtpService: s.smtp.Serve,
		webService:  s.web.Serve,
		imapService: s.imap.Serve,
		pop3Service: func(l net.Listener) error { return s.pop3.Serve(context.Background(), l) },
	} {
		go func() { failed <- fmt.Errorf("%s: %w", services[i].name, serve(s.listeners[i])) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	s.shutdown()
	return errors.Join(err, s.close())
}

// shutdown ends the servers side by side: connections that wait are closed at
// once, those with work under way when it is done or the time is up.
func (s *sandbox) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, shutdown := range []func(context.Context) error{s.smtp.Shutdown, s.web.Shutdown, s.imap.Shutdown, s.pop3.Shutdown} {
		wg.Go(func() {
			if err := shutdown(ctx); err != nil {
				s.log.Warn("connections were cut off", "err", err)
			}
		})
	}
	wg.Wait()
	s.web.Close() // Shutdown leaves what is not done in time
}

func (s *sandbox) close() error {
	for _, l := range s.listeners {
		if l != nil {
			l.Close() // the servers have closed theirs already
		}
	}
	return nil
}

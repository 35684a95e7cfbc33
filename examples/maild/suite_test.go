package main

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3/pop3test"
	wire "github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

// The conformance suites of the library, on the daemon as it runs.

func (d *testDaemon) dialer(service int) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", d.addr(service))
	}
}

// overTLS has connections begin with TLS.
func (d *testDaemon) overTLS(dial func(context.Context) (net.Conn, error)) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return tls.Client(c, d.trust), nil
	}
}

func (d *testDaemon) login(user string) *auth.Credentials {
	return &auth.Credentials{Username: user, Password: auth.Secret(d.passwords[user])}
}

func TestSMTPSuite(t *testing.T) {
	address := func(local string) wire.Path { return wire.Path{Local: local, Domain: "maild.localhost"} }
	for _, tt := range []struct {
		name     string
		service  int
		protocol wire.Protocol
	}{{"smtp", smtpService, wire.SMTP}, {"submission", submissionService, wire.Submission}} {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t, testConfig(t))
			target := &smtptest.Target{
				Dial: d.dialer(tt.service), Protocol: tt.protocol, TLS: d.trust,
				From: address("demo"), Good: []wire.Path{address("demo"), address("other"), address("demo+tag")}, Bad: address("nobody"),
				Patience: 20 * time.Second,
			}
			if tt.protocol == wire.Submission {
				target.Login = d.login("demo")
			}
			smtptest.Run(t, target)
		})
	}
}

// reset makes the inbox of demo hold exactly these messages.
func (d *testDaemon) reset(ctx context.Context, messages []string) error {
	inbox, err := d.store.Inbox(ctx, "demo")
	if err != nil {
		return err
	}
	stored, err := d.store.Messages(ctx, inbox.ID)
	if err != nil {
		return err
	}
	var uids []uint32
	for _, m := range stored {
		uids = append(uids, m.UID)
	}
	if err := d.store.Expunge(inbox.ID, uids); err != nil {
		return err
	}
	for _, m := range messages {
		if err := d.store.Deliver(ctx, []string{"demo"}, time.Now(), strings.NewReader(m)); err != nil {
			return err
		}
	}
	return nil
}

func TestPOP3Suite(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service int
	}{{"pop3", pop3Service}, {"pop3s", pop3sService}} {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t, testConfig(t))
			dial := d.dialer(tt.service)
			if tt.service == pop3sService {
				dial = d.overTLS(dial)
			}
			pop3test.Run(t, &pop3test.Target{Dial: dial, TLS: d.trust, Login: d.login("demo"), Reset: d.reset, Patience: 20 * time.Second})
		})
	}
	t.Run("backend", func(t *testing.T) {
		d := start(t, testConfig(t))
		pop3test.RunBackend(t, &pop3test.Store{Backend: &maildrops{daemon: d.daemon}, User: "demo", Reset: d.reset})
	})
}

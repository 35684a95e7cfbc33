package smtpclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

var (
	oneTo = smtp.NewEnvelope("a@x.example", "b@x.example")
	hello = "Subject: hello\r\n\r\nhello\r\n"
)

// What the policy demands of TLS is what happens, and where it does not no
// message is sent.
func TestConnectTLS(t *testing.T) {
	withTLS := smtptest.NewServer(t, &smtpserver.Server{})
	without := smtptest.NewServer(t, &smtpserver.Server{Offer: smtp.Offer{Hide: []string{"STARTTLS"}}})
	implicit := implicitServer(t, withTLS)
	roots := withTLS.Roots()
	tests := []struct {
		name   string
		addr   string
		policy auth.TLSPolicy
		want   error // nil: delivered; errAny: any error
		tls    bool
	}{
		{"zero policy and a stranger's certificate", withTLS.Addr, auth.TLSPolicy{}, errAny, false},
		{"verified by address", withTLS.Addr, auth.TLSPolicy{Roots: roots}, nil, true},
		{"verified by name", withTLS.Addr, auth.TLSPolicy{Roots: roots, ServerName: "mx.example"}, nil, true},
		{"another name", withTLS.Addr, auth.TLSPolicy{Roots: roots, ServerName: "other.example"}, errAny, false},
		{"encrypted", withTLS.Addr, auth.TLSPolicy{Level: auth.TLSEncrypted}, nil, true},
		{"opportunistic", withTLS.Addr, auth.TLSPolicy{Level: auth.TLSOpportunistic}, nil, true},
		{"never", withTLS.Addr, auth.TLSPolicy{Level: auth.TLSNever}, nil, false},
		{"verified, but not offered", without.Addr, auth.TLSPolicy{Roots: roots}, auth.ErrTLSRequired, false},
		{"encrypted, but not offered", without.Addr, auth.TLSPolicy{Level: auth.TLSEncrypted}, auth.ErrTLSRequired, false},
		{"opportunistic, and not offered", without.Addr, auth.TLSPolicy{Level: auth.TLSOpportunistic}, nil, false},
		{"from the first octet", implicit, auth.TLSPolicy{Roots: roots, Implicit: true}, nil, true},
		{"from the first octet, a stranger's", implicit, auth.TLSPolicy{Implicit: true}, errAny, false},
		{"from the first octet, but the server waits", withTLS.Addr, auth.TLSPolicy{Roots: roots, Implicit: true}, errAny, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := len(withTLS.Messages()) + len(without.Messages())
			c, err := (&Dialer{Addr: test.addr, TLS: test.policy}).Connect(t.Context())
			if err == nil {
				defer c.Close()
				if got := c.TLS() != nil; got != test.tls {
					t.Errorf("TLS %v, want %v", got, test.tls)
				}
				_, err = c.Send(t.Context(), oneTo, strings.NewReader(hello))
			}
			got := len(withTLS.Messages()) + len(without.Messages()) - before
			switch {
			case test.want == nil && (err != nil || got != 1):
				t.Errorf("%d messages, %v", got, err)
			case test.want != nil && (err == nil || got != 0 || test.want != errAny && !errors.Is(err, test.want)):
				t.Errorf("%d messages, error %v, want %v", got, err, test.want)
			}
		})
	}
}

// RFC 8689, section 4.2.1: REQUIRETLS goes over verified TLS to a server that
// offers it, or not at all; section 5: a bounce goes in any case.
func TestRFC8689_4_2_1_RequireTLS(t *testing.T) {
	required := make(chan bool, 1)
	sink := smtpserver.HandlerFunc(func(_ context.Context, m *smtpserver.Message) error {
		_, err := io.Copy(io.Discard, m)
		required <- m.Options.RequireTLS
		return err
	})
	offers := smtptest.NewServer(t, &smtpserver.Server{Handler: sink, Offer: smtp.Offer{RequireTLS: true}})
	other := smtptest.NewServer(t, &smtpserver.Server{Handler: sink})
	tests := []struct {
		name   string
		server *smtptest.Server
		level  auth.TLSLevel
		from   string
		want   smtp.EnhancedCode // zero: sent
		with   bool
	}{
		{"verified and offered", offers, auth.TLSVerified, "a@x.example", smtp.EnhancedCode{}, true},
		{"not verified", offers, auth.TLSEncrypted, "a@x.example", smtp.EnhancedCode{5, 7, 10}, false},
		{"not offered", other, auth.TLSVerified, "a@x.example", smtp.EnhancedCode{5, 7, 30}, false},
		{"a bounce, verified and offered", offers, auth.TLSVerified, "", smtp.EnhancedCode{}, true},
		{"a bounce, not verified", offers, auth.TLSEncrypted, "", smtp.EnhancedCode{}, false},
		{"a bounce, not offered", other, auth.TLSVerified, "", smtp.EnhancedCode{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &Dialer{Addr: test.server.Addr, TLS: auth.TLSPolicy{Level: test.level, Roots: test.server.Roots()}}
			e := smtp.NewEnvelope(test.from, "b@x.example")
			e.Options.RequireTLS = true
			res, err := d.Send(t.Context(), e, strings.NewReader(hello))
			if r, ok := errors.AsType[*smtp.Reject](err); ok || !test.want.IsZero() {
				if !ok || r.Enhanced != test.want {
					t.Errorf("error %v, want %v", err, test.want)
				}
				return
			}
			if err != nil || <-required != test.with || (len(res.Dropped) > 0) == test.with {
				t.Errorf("error %v, dropped %v; want REQUIRETLS: %v", err, res.Dropped, test.with)
			}
		})
	}
}

var errAny = errors.New("any error")

// implicitServer serves s on another port with TLS from the first octet.
func implicitServer(t *testing.T, s *smtptest.Server) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}

// Every mechanism of package auth works, and what it proves is what the server
// learns.
func TestAuthenticate(t *testing.T) {
	const password = "pencil and paper"
	verifier := func(scheme string) auth.Verifier {
		v, err := auth.NewVerifier(scheme, password, auth.VerifierOptions{Iterations: 4096})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	stored := []auth.Verifier{verifier("SCRAM-SHA-256"), verifier("SCRAM-SHA-1"), verifier("SCRAM-SHA-512"), verifier("CRAM-MD5")}
	identities := make(chan auth.Identity, 1)
	a := &auth.Authenticator{
		Floor: -1,
		Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) {
			if user != "user" {
				return nil, auth.ErrCredentials
			}
			return stored, nil
		},
		CheckToken: func(_ context.Context, _ string, token auth.Secret) (string, error) {
			if token != "token" {
				return "", auth.ErrCredentials
			}
			return "user", nil
		},
		CheckCert: func(context.Context, string, [][]*x509.Certificate) (string, error) { return "user", nil },
		Schemes:   []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-512"},
		Allow: []string{"EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-512", "OAUTHBEARER", "XOAUTH2",
			"PLAIN", "LOGIN", "CRAM-MD5", "ANONYMOUS"},
		After: func(_ context.Context, _ auth.ConnInfo, id auth.Identity, err error) {
			if err == nil {
				identities <- id
			}
		},
	}
	own := smtptest.NewServer(t, &smtpserver.Server{}) // has a certificate that serves for both sides
	roots, certs := own.Roots(), own.TLS.Certificates
	s := smtptest.NewServer(t, &smtpserver.Server{
		Protocol: smtp.Submission, Auth: a,
		TLS: &tls.Config{Certificates: certs, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots},
	})
	good := auth.Credentials{
		Username: "user", Password: password, External: true,
		Token: func(context.Context, string, uint16) (auth.Secret, error) { return "token", nil },
	}
	for _, mech := range a.Allow {
		t.Run(mech, func(t *testing.T) {
			d := &Dialer{Addr: s.Addr, Protocol: smtp.Submission, Credentials: good, Auth: auth.ClientPolicy{Prefer: []string{mech}}}
			d.TLS = auth.TLSPolicy{Roots: roots, Base: &tls.Config{Certificates: certs}}
			if _, err := d.Send(t.Context(), oneTo, strings.NewReader(hello)); err != nil {
				t.Fatal(err)
			}
			if id := <-identities; id.Mechanism != mech || id.Authcid != "user" && mech != "ANONYMOUS" {
				t.Errorf("the server learns %+v", id)
			}
			if strings.HasPrefix(mech, "X") || mech == "EXTERNAL" || mech == "OAUTHBEARER" || mech == "ANONYMOUS" {
				return
			}
			d.Credentials.Password = "wrong"
			if _, err := d.Send(t.Context(), oneTo, strings.NewReader(hello)); !errors.Is(err, auth.ErrCredentials) {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
	t.Run("best", func(t *testing.T) {
		d := &Dialer{Addr: s.Addr, Protocol: smtp.Submission, Credentials: auth.Credentials{Username: "user", Password: password}, TLS: auth.TLSPolicy{Roots: roots}}
		if _, err := d.Send(t.Context(), oneTo, strings.NewReader(hello)); err != nil {
			t.Fatal(err)
		}
		if id := <-identities; id.Mechanism != "SCRAM-SHA-256-PLUS" {
			t.Errorf("%s was used", id.Mechanism)
		}
	})
}

// Where credentials cannot be shown safely, they are not shown.
func TestAuthenticateRefuses(t *testing.T) {
	plain := &auth.Authenticator{Floor: -1, Cleartext: auth.CleartextAny, CheckPassword: func(context.Context, string, auth.Secret) error { return nil }}
	s := smtptest.NewServer(t, &smtpserver.Server{Auth: plain})
	none := smtptest.NewServer(t, &smtpserver.Server{})
	credentials := auth.Credentials{Username: "user", Password: "secret"}
	tests := []struct {
		name string
		d    Dialer
		want error
	}{
		{"cleartext", Dialer{Addr: s.Addr, TLS: auth.TLSPolicy{Level: auth.TLSNever}}, auth.ErrTLSRequired},
		{"TLS with whoever it is", Dialer{Addr: s.Addr, TLS: auth.TLSPolicy{Level: auth.TLSEncrypted}}, auth.ErrTLSRequired},
		{"not offered", Dialer{Addr: none.Addr, TLS: auth.TLSPolicy{Roots: none.Roots()}}, ErrAuthNotOffered},
		{"no mechanism in common", Dialer{Addr: s.Addr, TLS: auth.TLSPolicy{Roots: s.Roots()}, Auth: auth.ClientPolicy{Prefer: []string{"SCRAM-SHA-256"}}}, auth.ErrMechanism},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.d.Credentials = credentials
			if _, err := test.d.Connect(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// Nothing that the log gets to see is a secret, and no address is unquoted.
func TestLogHoldsNoSecrets(t *testing.T) {
	const password = "correct horse battery"
	a := &auth.Authenticator{Floor: -1, CheckPassword: func(_ context.Context, _ string, p auth.Secret) error {
		if p != password {
			return auth.ErrCredentials
		}
		return nil
	}, Allow: []string{"PLAIN", "LOGIN"}}
	s := smtptest.NewServer(t, &smtpserver.Server{Auth: a})
	for _, mech := range []string{"PLAIN", "LOGIN"} {
		for _, pw := range []auth.Secret{password, "wrong horse battery", auth.Secret(strings.Repeat("long horse battery", 40))} {
			var log bytes.Buffer
			d := &Dialer{Addr: s.Addr, TLS: auth.TLSPolicy{Roots: s.Roots()}, Auth: auth.ClientPolicy{Prefer: []string{mech}},
				Credentials: auth.Credentials{Username: "user", Password: pw},
				Logger:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			_, err := d.Send(t.Context(), oneTo, strings.NewReader(hello))
			if (err == nil) != (pw == password) {
				t.Fatal(err)
			}
			for _, secret := range []string{string(pw), base64.StdEncoding.EncodeToString([]byte(pw)), base64.StdEncoding.EncodeToString([]byte("\x00user\x00" + string(pw)))} {
				if strings.Contains(log.String(), secret[:16]) {
					t.Errorf("%s: %.20q is in the log:\n%s", mech, secret, log.String())
				}
			}
			if !strings.Contains(log.String(), "EHLO") {
				t.Errorf("the log has no commands:\n%s", log.String())
			}
		}
	}
}

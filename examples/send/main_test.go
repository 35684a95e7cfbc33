package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/mime"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// serve starts a submission server for one user, which passes messages on.
func serve(t *testing.T) (addr string, got chan []byte) {
	got = make(chan []byte, 1)
	verifier, err := auth.NewVerifier("SCRAM-SHA-256", "secret", auth.VerifierOptions{Iterations: 4096})
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpserver.Server{
		Hostname: "mail.example.org", Protocol: smtp.Submission,
		Auth: &auth.Authenticator{Cleartext: auth.CleartextHashed, Floor: -1, Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) {
			if user != "me" {
				return nil, auth.ErrCredentials
			}
			return []auth.Verifier{verifier}, nil
		}},
		Handler: smtpserver.SessionFunc(func(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
			return &smtpserver.Session{
				Rcpt: func(_ context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
					if to.Path.Local == "nobody" {
						return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
					}
					return nil
				},
				Data: func(_ context.Context, m *smtpserver.Message) error {
					b, err := io.ReadAll(m)
					if err == nil {
						got <- b
					}
					return err
				},
			}, nil
		}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String(), got
}

func TestSend(t *testing.T) {
	addr, got := serve(t)
	t.Setenv("MAIL_PASSWORD", "secret")
	file := filepath.Join(t.TempDir(), "März.bin")
	if err := os.WriteFile(file, []byte{0, 1, 0xff}, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	args := []string{"-server", addr, "-tls", "never", "-user", "me", "-cleartext-login", "-from", "me@example.org",
		"-to", "you@example.org, nobody@example.org", "-subject", "Grüße", "-text", "Hello!\n", file}
	err := run(t.Context(), args, &out)
	if err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("got error %v", err)
	}
	if s := out.String(); !strings.Contains(s, "you@example.org: 250 ") || !strings.Contains(s, "nobody@example.org: ") {
		t.Errorf("got %q", s)
	}
	m := mime.Parse(<-got, nil)
	if s := m.Header().Text("Subject"); s != "Grüße" {
		t.Errorf("subject %q", s)
	}
	views := m.Views()
	if len(views.Text) != 1 || len(views.Attachments) != 1 {
		t.Fatalf("%d texts, %d attachments", len(views.Text), len(views.Attachments))
	}
	a := views.Attachments[0]
	if b, err := io.ReadAll(a.Decoded()); string(b) != "\x00\x01\xff" || err != nil || a.Filename() != "März.bin" {
		t.Errorf("%q is %q, %v", a.Filename(), b, err)
	}
}

// TestRefusals: nothing leaves that should not.
func TestRefusals(t *testing.T) {
	addr, got := serve(t)
	t.Setenv("MAIL_PASSWORD", "secret")
	mail := []string{"-server", addr, "-from", "me@example.org", "-to", "you@example.org", "-text", "x"}
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"TLS by default", "TLS", nil},
		{"no login without TLS", "TLS", []string{"-tls", "never", "-user", "me"}},
		{"wrong user", "535", []string{"-tls", "never", "-user", "other", "-cleartext-login"}},
		{"no login", "530", []string{"-tls", "never"}},
		{"bad address", "address", []string{"-tls", "never", "-from", "me\r\nRCPT TO:<x@y>"}},
		{"bad level", "level", []string{"-tls", "perhaps"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), append(mail[:len(mail):len(mail)], tt.args...), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if len(got) > 0 {
		t.Errorf("sent: %q", <-got)
	}
}

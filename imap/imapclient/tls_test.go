package imapclient_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/suite"
)

// withTLS gives the server a certificate for "localhost", and returns a Dialer that
// trusts it.
func (w *world) withTLS(t *testing.T) *imapclient.Dialer {
	t.Helper()
	pair, roots, err := suite.Certificate(time.Now().Add(time.Hour), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	w.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	w.server.Auth.Cleartext = auth.CleartextNone
	d := w.dialer()
	d.TLS = auth.TLSPolicy{ServerName: "localhost", Roots: roots}
	d.Auth = auth.ClientPolicy{}
	return d
}

// TestTLS: from the first octet and by STARTTLS, and then all that comes behind.
func TestTLS(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		for _, compress := range []bool{false, true} {
			w := newWorld(t)
			w.fill(t, 3)
			d := w.withTLS(t)
			d.Compress = compress
			if implicit {
				d.Addr = "mail.example:993"
				d.Dial = func(context.Context, string, string) (net.Conn, error) {
					near, far := memnet.Pipe(memnet.Options{})
					go w.server.ServeConn(context.Background(), tls.Server(far, w.server.TLS))
					return near, nil
				}
			}
			c, err := d.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.TLS() == nil {
				t.Error("no TLS")
			}
			tour(t, c)
		}
	}
}

// TestUntrusted: TLS-4. A certificate for another name, or of nobody that is
// trusted, is the end.
func TestUntrusted(t *testing.T) {
	w := newWorld(t)
	d := w.withTLS(t)
	d.TLS.ServerName = "" // the host of Addr
	var name *tls.CertificateVerificationError
	if _, err := d.Connect(t.Context()); !errors.As(err, &name) {
		t.Errorf("another name: %v", err)
	}
	d = w.withTLS(t)
	d.TLS.Roots = x509.NewCertPool()
	if _, err := d.Connect(t.Context()); !errors.As(err, &name) {
		t.Errorf("another authority: %v", err)
	}
}

// TestStalledHandshake: TLS-5. It ends in time.
func TestStalledHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		go mute(far, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "A1 OK go\r\n")
		start := time.Now()
		_, err := imapclient.NewClient(t.Context(), near, &imapclient.Dialer{Addr: "mail.example:143"})
		if err == nil || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestSecrets: nothing of a password is in the log or the trace, and its octets are
// not kept.
func TestSecrets(t *testing.T) {
	for _, prefer := range [][]string{{"PLAIN"}, {"LOGIN"}, {"SCRAM-SHA-256"}} {
		w := newWorld(t)
		var log, trace bytes.Buffer
		c := w.connect(t, func(d *imapclient.Dialer) {
			d.Auth.Prefer = prefer
			if prefer[0] == "LOGIN" {
				d.Mask = []imap.Cap{"AUTH=LOGIN"}
			}
			d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			d.Trace = func(client bool, line []byte) {
				trace.Write(line)
				trace.WriteByte('\n')
			}
		})
		if err := c.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"secret", "AGFubgBzZWNyZXQ", "c2VjcmV0"} {
			if strings.Contains(log.String()+trace.String(), secret) {
				t.Errorf("%v: %q is told", prefer, secret)
			}
		}
		if !strings.Contains(log.String(), "LOGOUT") || !strings.Contains(trace.String(), "LOGOUT") {
			t.Errorf("log %q, trace %q", log.String(), trace.String())
		}
	}
}

// TestLoginAgain: a wrong password is a refusal, and the right one follows on the
// same connection.
func TestLoginAgain(t *testing.T) {
	w := newWorld(t)
	c := w.connect(t, func(d *imapclient.Dialer) { d.Credentials = auth.Credentials{} })
	err := c.Login(t.Context(), auth.Credentials{Username: "ann", Password: "wrong"})
	if st, ok := imap.ErrorOf(err); !ok || st.Kind != imap.NO {
		t.Errorf("a wrong password: %v", err)
	}
	if err := c.Login(t.Context(), auth.Credentials{Username: "ann", Password: "secret"}); err != nil {
		t.Error(err)
	}
	if c.State() != imap.Authenticated || !c.Enabled(imap.CapQResync) {
		t.Errorf("state %v", c.State())
	}
}

// TestProof: a server that accepts a login without proving itself is left.
func TestProof(t *testing.T) {
	near, far := memnet.Pipe(memnet.Options{})
	go func() {
		io.WriteString(far, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] hi\r\n")
		b := make([]byte, 1000)
		far.Read(b)
		io.WriteString(far, "A1 OK welcome\r\n")
		io.Copy(io.Discard, far)
	}()
	d := plainDialer()
	d.Credentials = auth.Credentials{Username: "ann", Password: "secret"}
	if _, err := imapclient.NewClient(t.Context(), near, d); err == nil {
		t.Error("a server without the password is believed")
	}
}

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// dataFolder makes a folder with a certificate and the user ann.
func dataFolder(t *testing.T) (dir string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewVerifier("SCRAM-SHA-256", "secret", auth.VerifierOptions{Iterations: 4096}) // quick
	if err != nil {
		t.Fatal(err)
	}
	dir, roots = t.TempDir(), x509.NewCertPool()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots.AppendCertsFromPEM(cert)
	for name, content := range map[string][]byte{
		"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), "users": []byte("ann:" + verifier.Text() + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, roots
}

// start runs the program, and returns its addresses: first that for STARTTLS.
func start(t *testing.T, args ...string) (addrs [2]string, roots *x509.CertPool) {
	t.Helper()
	dir, roots := dataFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-data", dir, "-imap", "0", "-imaps", "0", "-smtp", "0", "-smtps", "0"}, args...), w)
		w.CloseWithError(errors.Join(err, io.ErrUnexpectedEOF))
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	out := bufio.NewReader(r)
	for i := range addrs {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(line, "listening on %s for", &addrs[i]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	go io.Copy(io.Discard, out)
	return addrs, roots
}

// listen returns a listener that counts connections.
func listen(t *testing.T) *counting {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &counting{l, make(chan struct{}, 100)}
}

type counting struct {
	net.Listener
	accepted chan struct{}
}

func (c *counting) Accept() (net.Conn, error) {
	nc, err := c.Listener.Accept()
	if err == nil {
		c.accepted <- struct{}{}
	}
	return nc, err
}

// imapBackend starts a server without TLS, where "proxy" may act as anybody.
func imapBackend(t *testing.T) *counting {
	store := imapmem.New()
	store.AddUser("ann", "of no use")
	if _, err := store.Deliver("ann", "INBOX", []byte("Subject: behind\r\n\r\nthe proxy\r\n")); err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	s := &imapserver.Server{Backend: store, Auth: &auth.Authenticator{
		Cleartext: auth.CleartextAny, Floor: -1,
		CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
			if user != "proxy" || password != "master" {
				return auth.ErrCredentials
			}
			return nil
		},
		Authorize: func(context.Context, auth.Identity) error { return nil },
	}}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	t.Setenv("BACKEND_PASSWORD", "master")
	return l
}

func TestIMAP(t *testing.T) {
	back := imapBackend(t)
	addrs, roots := start(t, "-imap-backend", back.Addr().String(), "-login", "proxy")
	for i, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} {
		for _, implicit := range []bool{false, true} {
			t.Run(fmt.Sprint(mechanism, implicit), func(t *testing.T) {
				d := imapclient.Dialer{
					Addr:        addrs[0],
					TLS:         auth.TLSPolicy{Roots: roots, ServerName: "localhost", Implicit: implicit},
					Credentials: auth.Credentials{Username: "ann", Password: "secret"},
					Auth:        auth.ClientPolicy{Prefer: []string{mechanism}},
				}
				if implicit {
					d.Addr = addrs[1]
				}
				c, err := d.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := c.Select(t.Context(), "INBOX", nil); err != nil {
					t.Fatal(err)
				}
				for m, err := range c.Fetch(t.Context(), imap.UIDs(1, 1), imap.Peek("TEXT")) {
					if err != nil {
						t.Fatal(err)
					}
					if b, err := io.ReadAll(m.Body("TEXT")); string(b) != "the proxy\r\n" || err != nil {
						t.Errorf("got %q, %v", b, err)
					}
				}
				if err := c.Logout(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		if got := len(back.accepted); got != 2*(i+1) {
			t.Errorf("%s: the backend has seen %d sessions", mechanism, got)
		}
	}
	d := imapclient.Dialer{
		Addr: addrs[0], TLS: auth.TLSPolicy{Roots: roots, ServerName: "localhost"},
		Credentials: auth.Credentials{Username: "ann", Password: "wrong"},
	}
	if _, err := d.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "AUTHENTICATIONFAILED") {
		t.Errorf("wrong password: %v", err)
	}
	if got := len(back.accepted); got != 6 {
		t.Errorf("a wrong password: the backend has seen %d sessions", got)
	}
}

// TestHash: a line that is printed for a user lets him in.
func TestHash(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "another")
	var line strings.Builder
	if err := run(t.Context(), []string{"-hash", "bob"}, &line); err != nil {
		t.Fatal(err)
	}
	dir, _ := dataFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte(line.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var p proxy
	if err := p.load(dir); err != nil {
		t.Fatal(err)
	}
	if ok, _, err := p.users["bob"][0].Check(t.Context(), "another"); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestBackendRefuses: what is wrong behind is no wrong password here.
func TestBackendRefuses(t *testing.T) {
	back := imapBackend(t)
	t.Setenv("BACKEND_PASSWORD", "another")
	addrs, roots := start(t, "-imap-backend", back.Addr().String(), "-login", "proxy")
	d := imapclient.Dialer{
		Addr: addrs[0], TLS: auth.TLSPolicy{Roots: roots, ServerName: "localhost"},
		Credentials: auth.Credentials{Username: "ann", Password: "secret"},
	}
	if _, err := d.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "UNAVAILABLE") {
		t.Errorf("got %v", err)
	}
}

func TestSubmission(t *testing.T) {
	back := listen(t)
	got := make(chan string, 1)
	s := &smtpserver.Server{
		Hostname: "mx.example.org", Offer: smtp.Offer{XClient: true},
		Trust: smtpserver.Trust{XClient: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Handler: smtpserver.SessionFunc(func(_ context.Context, c *smtpserver.Conn) (*smtpserver.Session, error) {
			return &smtpserver.Session{
				Rcpt: func(_ context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
					if to.Path.Local == "nobody" {
						return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
					}
					return nil
				},
				Data: func(_ context.Context, m *smtpserver.Message) error {
					x, _ := c.XClient()
					b, err := io.ReadAll(m)
					if err == nil {
						got <- fmt.Sprintf("%s: %s", x.Login, b)
					}
					return err
				},
			}, nil
		}),
	}
	go s.Serve(back)
	t.Cleanup(func() { s.Close() })
	addrs, roots := start(t, "-smtp-backend", back.Addr().String())
	for i, addr := range addrs {
		d := smtpclient.Dialer{
			Addr: addr, Protocol: smtp.Submission,
			TLS:         auth.TLSPolicy{Roots: roots, ServerName: "localhost", Implicit: i == 1},
			Credentials: auth.Credentials{Username: "ann", Password: "secret"},
		}
		e := smtp.NewEnvelope("ann@example.org", "nobody@example.org", "you@example.org")
		result, err := d.Send(t.Context(), e, strings.NewReader("Subject: hi\r\n\r\nhello\r\n"))
		if err == nil || len(result.Rcpts) != 2 || result.Rcpts[0].Rcpt.Code != 550 || result.Rcpts[1].Err != nil {
			t.Fatalf("got %v, %+v", err, result)
		}
		if m := <-got; !strings.HasPrefix(m, "ann: Received: from ") || !strings.HasSuffix(m, "Subject: hi\r\n\r\nhello\r\n") {
			t.Errorf("got %q", m)
		}
		d.Credentials.Password = "wrong"
		if _, err := d.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "535") {
			t.Errorf("wrong password: %v", err)
		}
	}
}

// TestInjection: what is said before TLS, and behind STARTTLS, goes nowhere.
func TestInjection(t *testing.T) {
	for _, tt := range []struct{ protocol, said string }{
		{"imap", "a STARTTLS\r\nb LOGIN ann secret\r\nc SELECT INBOX\r\n"},
		{"imap", "a LOGIN ann secret\r\nb STARTTLS\r\nc LOGIN ann secret\r\n"},
		{"smtp", "EHLO x.example\r\nMAIL FROM:<ann@example.org>\r\nSTARTTLS\r\nMAIL FROM:<ann@example.org>\r\n"},
	} {
		t.Run(tt.protocol, func(t *testing.T) {
			back := listen(t)
			defer back.Close()
			go func() {
				for nc, err := back.Accept(); err == nil; nc, err = back.Accept() {
					nc.Close()
				}
			}()
			addrs, _ := start(t, "-"+tt.protocol+"-backend", back.Addr().String())
			nc, err := net.Dial("tcp", addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			io.WriteString(nc, tt.said)
			io.Copy(io.Discard, nc) // until the proxy hangs up, of which it may say why
			if n := len(back.accepted); n > 0 {
				t.Errorf("the backend has seen %d connections", n)
			}
		})
	}
}

// TestQuiet: a session ends when nobody has said anything for a while, and not before.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far)
		q := &quiet{near, time.Minute}
		began := time.Now()
		go func() {
			for range 5 {
				time.Sleep(50 * time.Second)
				if _, err := q.Write([]byte("NOOP\r\n")); err != nil {
					t.Error(err)
				}
			}
		}()
		_, err := q.Read(make([]byte, 1))
		if after := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || after != 310*time.Second {
			t.Errorf("%v after %v", err, after)
		}
		far.Close()
	})
}

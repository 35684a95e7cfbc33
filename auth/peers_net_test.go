package auth

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Other people's clients against our Authenticator, over the least of SMTP that
// carries an exchange.

// authServer answers EHLO, STARTTLS, AUTH and QUIT, one connection at a time, and
// tells what each attempt came to.
type authServer struct {
	a        *Authenticator
	l        net.Listener
	tls      *tls.Config
	implicit bool
	verdicts chan string
}

// startAuthServer offers the mechanisms of allow, with TLS from the first octet or
// after STARTTLS.
func startAuthServer(t *testing.T, password Secret, cfg *tls.Config, implicit bool, allow ...string) *authServer {
	t.Helper()
	s := &authServer{tls: cfg, implicit: implicit, verdicts: make(chan string, 16)}
	var stored []Verifier
	for _, scheme := range []string{"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
		stored = append(stored, cheap(t, scheme, password))
	}
	s.a = &Authenticator{
		Lookup: accounts(map[string][]Verifier{"ann": stored}),
		CheckToken: func(_ context.Context, authzid string, token Secret) (string, error) {
			return "ann", unless(token == "good.token", &OAuthError{Status: "invalid_token"})
		},
		CheckCert: func(_ context.Context, _ string, chains [][]*x509.Certificate) (string, error) {
			return chains[0][0].DNSNames[0], nil
		},
		Allow: allow, Schemes: []string{"PLAIN"}, Floor: -1,
		After: func(_ context.Context, _ ConnInfo, id Identity, err error) {
			verdict := "refused"
			if err == nil {
				verdict = strings.TrimSpace("ok " + id.Authzid + " " + id.Binding)
			}
			s.verdicts <- id.Mechanism + " " + verdict
		},
	}
	var err error
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { s.l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(30 * time.Second))
			s.serve(t.Context(), c)
			c.Close()
		}
	}()
	return s
}

// lineReader is the Upgrader of a line protocol.
type lineReader struct{ *bufio.Reader }

func (r lineReader) Upgrade(src io.Reader) error { r.Reset(src); return nil }

func (r lineReader) line() (string, bool) {
	l, err := r.ReadString('\n')
	return strings.TrimRight(l, "\r\n"), err == nil
}

func (s *authServer) serve(ctx context.Context, c net.Conn) {
	in := lineReader{bufio.NewReader(c)}
	ci := ConnInfo{Host: "mail.example"}
	upgrade := func() (ok bool) {
		tc, err := StartServerTLS(ctx, c, in, s.tls)
		if err == nil {
			c, ci.TLS = tc, new(tc.ConnectionState())
		}
		return err == nil
	}
	if s.implicit && !upgrade() {
		return
	}
	fmt.Fprint(c, "220 mail.example\r\n")
	for line, ok := in.line(); ok; line, ok = in.line() {
		switch verb, arg, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "EHLO":
			fmt.Fprintf(c, "250-mail.example\r\n250-STARTTLS\r\n250 AUTH %s\r\n", strings.Join(s.a.Mechanisms(ci), " "))
		case "STARTTLS":
			fmt.Fprint(c, "220 go on\r\n")
			if !upgrade() {
				return
			}
		case "AUTH":
			fmt.Fprint(c, s.auth(ctx, c, in, ci, arg), "\r\n")
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// auth is RFC 4954, section 4, as a driver goes about it.
func (s *authServer) auth(ctx context.Context, c net.Conn, in lineReader, ci ConnInfo, arg string) string {
	mech, ir, given := strings.Cut(arg, " ")
	x, err := s.a.Server(mech, ci)
	if err != nil {
		return "504 5.5.4 no"
	}
	var octets []byte
	if given {
		if octets, err = ParseOctets([]byte(ir), 0); err != nil {
			return "501 5.5.2 no"
		}
	}
	for {
		challenge, done, err := x.Next(ctx, octets)
		switch {
		case done:
			return "235 2.7.0 ok"
		case errors.Is(err, ErrCredentials):
			return "535 5.7.8 no"
		case err != nil:
			return "501 5.5.2 no"
		}
		fmt.Fprintf(c, "334 %s\r\n", AppendOctets(nil, challenge))
		line, _ := in.line()
		if octets, err = ParseOctets([]byte(line), 0); err != nil {
			return "501 5.5.2 no"
		}
	}
}

func (s *authServer) port() string { return s.l.Addr().String()[len("127.0.0.1:"):] }

// wantVerdict compares what the server saw and how the peer ended.
func (s *authServer) wantVerdict(t *testing.T, want string, err error, out []byte) {
	t.Helper()
	select {
	case got := <-s.verdicts:
		if got != want || (err == nil) != strings.Contains(want, " ok ") {
			t.Errorf("server: %s, want %s; client: %v\n%s", got, want, err, out)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("the server saw no attempt; client: %v\n%s", err, out)
	}
}

func run(t *testing.T, name string, args ...string) ([]byte, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(name, "is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, name, args...).CombinedOutput()
}

func TestCurl(t *testing.T) {
	ca := newAuthority(t, nil)
	client := ca.leaf(t, certOptions{names: []string{"cert.user"}})
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, certOptions{})}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: poolOf([]*x509.Certificate{ca.cert})}
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	pair := filepath.Join(t.TempDir(), "client.pem")
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(pair, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"PLAIN", []string{"--user", "ann:p,w=\u00e9", "--login-options", "AUTH=PLAIN"}, "PLAIN ok ann"},
		{"PLAIN, initial response", []string{"--user", "ann:p,w=\u00e9", "--login-options", "AUTH=PLAIN", "--sasl-ir"}, "PLAIN ok ann"},
		{"PLAIN, authzid of another", []string{"--user", "ann:p,w=\u00e9", "--login-options", "AUTH=PLAIN", "--sasl-authzid", "bob"}, "PLAIN refused"},
		{"PLAIN, wrong", []string{"--user", "ann:pw", "--login-options", "AUTH=PLAIN"}, "PLAIN refused"},
		{"LOGIN", []string{"--user", "ann:p,w=\u00e9", "--login-options", "AUTH=LOGIN"}, "LOGIN ok ann"},
		{"LOGIN, initial response", []string{"--user", "ann:p,w=\u00e9", "--login-options", "AUTH=LOGIN", "--sasl-ir"}, "LOGIN ok ann"},
		{"LOGIN, wrong", []string{"--user", "ann:pw", "--login-options", "AUTH=LOGIN"}, "LOGIN refused"},
		{"CRAM-MD5", []string{"--user", "ann:p,w=\u00e9", "--login-options", "AUTH=CRAM-MD5"}, "CRAM-MD5 ok ann"},
		{"CRAM-MD5, wrong", []string{"--user", "ann:pw", "--login-options", "AUTH=CRAM-MD5"}, "CRAM-MD5 refused"},
		{"OAUTHBEARER", []string{"--user", "ann", "--oauth2-bearer", "good.token", "--login-options", "AUTH=OAUTHBEARER"}, "OAUTHBEARER ok ann"},
		{"OAUTHBEARER, wrong", []string{"--user", "ann", "--oauth2-bearer", "bad.token", "--login-options", "AUTH=OAUTHBEARER"}, "OAUTHBEARER refused"},
		{"XOAUTH2", []string{"--user", "ann", "--oauth2-bearer", "good.token", "--login-options", "AUTH=XOAUTH2"}, "XOAUTH2 ok ann"},
		{"XOAUTH2, wrong", []string{"--user", "ann", "--oauth2-bearer", "bad.token", "--login-options", "AUTH=XOAUTH2", "--sasl-ir"}, "XOAUTH2 refused"},
		{"EXTERNAL", []string{"--user", "cert.user:", "--login-options", "AUTH=EXTERNAL", "--cert", pair}, "EXTERNAL ok cert.user"},
		{"EXTERNAL, of another", []string{"--user", "ann:", "--login-options", "AUTH=EXTERNAL", "--cert", pair}, "EXTERNAL refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mech, _, _ := strings.Cut(tt.want, " ")
			s := startAuthServer(t, "p,w=\u00e9", cfg, true, mech)
			out, err := run(t, "curl", append([]string{"-v", "-sS", "-k", "--noproxy", "*", "-X", "NOOP", "smtps://127.0.0.1:" + s.port()}, tt.args...)...)
			s.wantVerdict(t, tt.want, err, out)
		})
	}
}

func TestPythonSmtplib(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{newAuthority(t, nil).leaf(t, certOptions{})}}
	const script = `
import smtplib, ssl, sys
port, mech, user, password = sys.argv[1:]
c = smtplib.SMTP("127.0.0.1", int(port))
c.starttls(context=ssl._create_unverified_context())
c.ehlo()
c.user, c.password = user, password
c.auth(mech, getattr(c, "auth_" + mech.lower().replace("-", "_")))
c.quit()
`
	for _, mech := range []string{"PLAIN", "LOGIN", "CRAM-MD5"} {
		for password, want := range map[string]string{"pass word": mech + " ok ann", "wrong": mech + " refused"} {
			t.Run(mech+"/"+password, func(t *testing.T) {
				s := startAuthServer(t, "pass word", cfg, false, mech) // ASCII: smtplib has nothing else
				out, err := run(t, "python3", "-c", script, s.port(), mech, "ann", password)
				s.wantVerdict(t, want, err, out)
			})
		}
	}
}

// GNU SASL over STARTTLS, which gives it a channel to bind to.
func TestGNUSASLOverTLS(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{newAuthority(t, nil).leaf(t, certOptions{})}}
	for mech, binding := range map[string]string{
		"SCRAM-SHA-1": "", "SCRAM-SHA-256": "", "SCRAM-SHA-1-PLUS": " " + tlsExporter, "SCRAM-SHA-256-PLUS": " " + tlsExporter,
	} {
		for password, want := range map[string]string{"p,w=\u00e9": mech + " ok ann" + binding, "wrong": mech + " refused"} {
			t.Run(mech+"/"+password, func(t *testing.T) {
				s := startAuthServer(t, "p,w=\u00e9", cfg, false, mech)
				args := []string{"--smtp", "--connect", "127.0.0.1:" + s.port(), "--starttls", "--x509-ca-file=", "-m", mech, "-a", "ann", "-p", password}
				if binding == "" {
					args = append(args, "--no-cb") // else it refuses to go without
				}
				out, err := run(t, "gsasl", args...)
				s.wantVerdict(t, want, err, out)
			})
		}
	}
}

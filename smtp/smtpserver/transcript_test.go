package smtpserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
	"github.com/mailwire/mailwire/smtp"
)

// A recorder is the Handler of the transcripts. Its events are what a handler
// sees; recipients named bad are refused, and those named full fail at the end.
// A recipient named canary never comes: it stands in content only.
type recorder struct{ events chan string }

func newRecorder() *recorder { return &recorder{events: make(chan string, 1000)} }

func (r *recorder) event(format string, args ...any) { r.events <- fmt.Sprintf(format, args...) }

func (r *recorder) NewSession(_ context.Context, c *Conn) (*Session, error) {
	if x, is := c.XClient(); is {
		r.event("client %v %s", c.Remote(), x.Name)
		if x.Name == "unwanted.example" {
			return nil, &smtp.Reject{Code: 554, Text: "go away"}
		}
	}
	return &Session{
		Hello: func(_ context.Context, v smtp.Verb, name string) error {
			r.event("hello %s %s", v, name)
			return nil
		},
		Rcpt: func(_ context.Context, m *Message, to smtp.Rcpt) error {
			switch to.Path.Local {
			case "bad":
				return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
			case "canary":
				r.event("CANARY")
			case "panic":
				panic("as asked")
			}
			return nil
		},
		Data: func(_ context.Context, m *Message) error {
			body, err := io.ReadAll(m)
			if err != nil {
				r.event("refused %v", err)
				return err
			}
			who := ""
			if id, ok := c.Identity(); ok {
				who = id.Authcid + ": "
			}
			var to []string
			for i, t := range m.To {
				to = append(to, "<"+t.Path.String()+">")
				if t.Path.Local == "full" {
					m.SetRcpt(i, &smtp.Reject{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "mailbox full"})
				}
			}
			r.event("data %s<%s> [%s] %q", who, m.From, strings.Join(to, " "), body)
			return nil
		},
		End:   func(_ *Message, why EndReason) { r.event("end %s", why) },
		Close: func(err error) { r.event("close %v", err) },
	}, nil
}

// testServer returns a server as the transcripts expect it.
func testServer(h Handler) *Server {
	return &Server{Hostname: "mail.example", Handler: h, Limits: smtp.Limits{Message: 1000, Errors: 20}}
}

// testAccounts knows one user, u, whose password is secret.
func testAccounts(cleartext auth.Cleartext) *auth.Authenticator {
	return &auth.Authenticator{
		CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
			if user != "u" || password != "secret" {
				return auth.ErrCredentials
			}
			return nil
		},
		Cleartext: cleartext,
		Floor:     -1,
	}
}

// testTLS is a certificate for mail.example, made once.
var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
})

func startClientTLS(c net.Conn) (net.Conn, error) {
	leaf, err := x509.ParseCertificate(testTLS().Certificates[0].Certificate[0])
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	tc := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "mail.example"})
	return tc, tc.Handshake()
}

func TestTranscripts(t *testing.T) {
	tests := []struct {
		dir    string
		server func(h Handler) *Server
	}{
		{"smtp", testServer},
		{"lmtp", func(h Handler) *Server {
			s := testServer(h)
			s.Protocol = smtp.LMTP
			return s
		}},
		{"submission", func(h Handler) *Server {
			s := testServer(h)
			s.Protocol = smtp.Submission
			s.Auth = testAccounts(auth.CleartextAny)
			return s
		}},
		{"xclient", func(h Handler) *Server {
			s := testServer(h)
			s.Trust.XClient = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			return s
		}},
		{"tls", func(h Handler) *Server {
			s := testServer(h)
			s.TLS = testTLS()
			s.Auth = testAccounts(auth.CleartextNone)
			return s
		}},
	}
	for _, tt := range tests {
		t.Run(tt.dir, func(t *testing.T) {
			for _, chunk := range []int{0, 1, 7} {
				t.Run(fmt.Sprint("chunk=", chunk), func(t *testing.T) {
					transcript.Run(t, "testdata/"+tt.dir+"/*.txt", func(t *testing.T, s *transcript.Script) error {
						return play(tt.server, chunk, s)
					})
				})
			}
		})
	}
}

// play plays a script against a server over memory, which reads at most chunk
// octets at a time.
func play(server func(Handler) *Server, chunk int, s *transcript.Script) error {
	r := newRecorder()
	srv := server(r)
	if strings.HasSuffix(s.File, "errors.txt") {
		srv.Limits.Errors = 4
	}
	client, conn := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(chunk)}})
	defer client.Close()
	done := make(chan error, 1)
	go func() { done <- srv.ServeConn(context.Background(), conn) }()
	err := s.PlayClient(client, &transcript.Options{Events: r.events, TLS: startClientTLS})
	client.Close()
	<-done
	for len(r.events) > 0 {
		if e := <-r.events; e == "CANARY" {
			return errors.New("content was executed")
		}
	}
	return err
}

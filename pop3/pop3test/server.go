package pop3test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// A Server is a pop3server.Server that listens on loopback for the time of
// a test.
type Server struct {
	Addr    string      // host and port, without TLS at first; STLS is offered
	TLSAddr string      // host and port, TLS from the first octet
	TLS     *tls.Config // of a client, which trusts the certificate
}

// NewServer serves s until the end of the test. Where s has no certificate, it
// is given one for localhost.
func NewServer(t testing.TB, s *pop3server.Server) *Server {
	t.Helper()
	cert, roots, err := suite.Certificate(time.Now().Add(24*time.Hour), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	if s.TLS == nil {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	out := &Server{TLS: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}}
	for _, where := range []*string{&out.Addr, &out.TLSAddr} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*where = l.Addr().String()
		if where == &out.TLSAddr {
			l = tls.NewListener(l, s.TLS)
		}
		go s.Serve(context.Background(), l)
	}
	t.Cleanup(func() { s.Close() })
	return out
}

// Accept returns an Authenticator that knows one user. Its failures take no time.
func Accept(user string, password auth.Secret) *auth.Authenticator {
	return &auth.Authenticator{
		CheckPassword: func(_ context.Context, u string, p auth.Secret) error {
			if u != user || p != password {
				return auth.ErrCredentials
			}
			return nil
		},
		Floor: -1,
	}
}

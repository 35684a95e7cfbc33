package imapserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

// newStore returns a store with the user u, whose password is p.
func newStore(tb testing.TB) *imapmem.Store {
	tb.Helper()
	s := imapmem.New()
	if err := s.AddUser("u", "p"); err != nil {
		tb.Fatal(err)
	}
	return s
}

// testAuth knows u and p, and costs nothing.
func testAuth(cleartext auth.Cleartext) *auth.Authenticator {
	return &auth.Authenticator{
		CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
			if user != "u" || password != "p" {
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
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example"}, DNSNames: []string{"mail.example"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour)}
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

// plain is a text message, multi one of several parts; both end up in INBOX of
// the transcripts, as 1 and 2.
var (
	plain = crlf(`From: Ann <ann@example.org>
To: bob@example.org
Subject: first
Date: Mon, 7 Feb 1994 21:52:25 -0800
Message-ID: <1@example.org>

Hello.
`)
	multi = crlf(`From: "B. O" <bob@example.org>
To: friends: ann@example.org, <c@example.org>;
Cc: undisclosed:;
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Tue, 1 Mar 2022 10:00:00 +0100
Message-ID: <2@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

preamble
--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

a long w=
ord, caf=C3=A9
--b
Content-Type: application/octet-stream; name="x.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.bin

AGJj
--b
Content-Type: message/rfc822

Subject: inner
From: in@example.org

inner text
--b--
`)
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// fill puts the two messages into INBOX.
func fill(tb testing.TB, s *imapmem.Store) {
	tb.Helper()
	for _, m := range [][]byte{plain, multi} {
		if _, err := s.Deliver("u", "INBOX", m); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestTranscripts(t *testing.T) {
	tests := []struct {
		dir    string
		server func(s *imapserver.Server)
	}{
		{"core", func(s *imapserver.Server) {}},
		{"tls", func(s *imapserver.Server) {
			s.TLS, s.Auth = testTLS(), testAuth(auth.CleartextNone)
		}},
		{"minus", func(s *imapserver.Server) { s.LiteralMinus = true }},
		{"bare", func(s *imapserver.Server) { s.Extensions = []imapserver.Extension{} }},
	}
	for _, tt := range tests {
		t.Run(tt.dir, func(t *testing.T) {
			for _, chunk := range []int{0, 1, 7} {
				t.Run(fmt.Sprint("chunk=", chunk), func(t *testing.T) {
					transcript.Run(t, "testdata/"+tt.dir+"/*.txt", func(t *testing.T, s *transcript.Script) error {
						return play(t, tt.server, chunk, s)
					})
				})
			}
		})
	}
}

// play plays a script against a server over memory, which reads at most chunk
// octets at a time.
func play(t *testing.T, configure func(*imapserver.Server), chunk int, s *transcript.Script) error {
	store := newStore(t)
	fill(t, store)
	srv := &imapserver.Server{
		Hostname: "mail.example", Backend: store, Auth: testAuth(auth.CleartextAny),
		ID: imap.IDFields{{Name: "name", Value: imap.Text("mailwire")}}, Limits: imap.Limits{Message: 10000},
	}
	configure(srv)
	client, conn := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(chunk)}})
	defer client.Close()
	done := make(chan error, 1)
	go func() { done <- srv.ServeConn(context.Background(), conn) }()
	err := s.PlayClient(client, &transcript.Options{TLS: startClientTLS})
	client.Close()
	<-done
	return err
}

package pop3server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// accounts knows two users with their passwords, and what may be used without TLS.
func accounts(c auth.Cleartext) *auth.Authenticator {
	passwords := map[string]auth.Secret{"mrose": "tanstaaf", "spacey": " lead in trail "}
	return &auth.Authenticator{
		CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
			if want, ok := passwords[user]; !ok || want != password {
				return auth.ErrCredentials
			}
			return nil
		},
		Cleartext: c,
		Floor:     -1,
	}
}

// openServer lets anybody in who knows a password, without TLS.
func openServer(b pop3server.Backend) *pop3server.Server {
	return &pop3server.Server{Hostname: "mail.example", Backend: b, Auth: accounts(auth.CleartextAny), Cleartext: true}
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

func clientConfig() *tls.Config {
	leaf, err := x509.ParseCertificate(testTLS().Certificates[0].Certificate[0])
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{RootCAs: roots, ServerName: "mail.example"}
}

func startClientTLS(c net.Conn) (net.Conn, error) {
	tc := tls.Client(c, clientConfig())
	return tc, tc.Handshake()
}

// A client is the other end of a server under test, in memory.
type client struct {
	t    *testing.T
	conn *memnet.Conn
	r    *bufio.Reader
	done chan error // what ServeConn returned
}

func connect(t *testing.T, srv *pop3server.Server, o memnet.Options) *client {
	t.Helper()
	near, far := memnet.Pipe(o)
	c := &client{t: t, conn: near, r: bufio.NewReader(near), done: make(chan error, 1)}
	go func() { c.done <- srv.ServeConn(t.Context(), far) }()
	t.Cleanup(func() { near.Close() })
	return c
}

// dial starts a session of srv and reads the greeting.
func dial(t *testing.T, srv *pop3server.Server) *client {
	t.Helper()
	c := connect(t, srv, memnet.Options{})
	c.want("+OK")
	return c
}

// login goes on to the transaction state.
func login(t *testing.T, srv *pop3server.Server) *client {
	t.Helper()
	c := dial(t, srv)
	c.login()
	return c
}

func (c *client) login() {
	c.t.Helper()
	c.send("USER mrose", "PASS tanstaaf")
	c.want("+OK", "+OK")
}

// send writes lines, in one write.
func (c *client) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		c.t.Fatal("write:", err)
	}
}

// want reads lines and compares how they begin.
func (c *client) want(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		line, err := c.r.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, want) {
			c.t.Fatalf("got %q, %v; want %q", line, err, want)
		}
	}
}

// body reads a multi-line part, as it is on the wire.
func (c *client) body() string {
	c.t.Helper()
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == ".\r\n" {
			return b.String()
		}
	}
}

// wantEnd expects that the server has closed, and says with what.
func (c *client) wantEnd(want error) {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("got %q, %v; want the end", rest, err)
	}
	if err := <-c.done; !errors.Is(err, want) {
		c.t.Fatalf("the session ended with %v, want %v", err, want)
	}
}

// wantCalls compares what the backend was asked to do.
func wantCalls(t *testing.T, m *pop3test.Memory, commits, closes int) {
	t.Helper()
	if got := m.Calls(); got.Commit != commits || got.Close != closes {
		t.Errorf("%d commits and %d closes, want %d and %d", got.Commit, got.Close, commits, closes)
	}
	unlock, ok := m.Lock()
	if !ok {
		t.Error("the maildrop is still locked")
		return
	}
	unlock()
}

// exampleMessages are of the sizes of RFC 1939, section 10.
func exampleMessages() []string {
	return []string{
		"Subject: first\n\n" + strings.Repeat("a", 100) + "\n",
		"Subject: second\n\n." + strings.Repeat("b", 178) + "\n",
	}
}

// policies is a backend that sets LOGIN-DELAY and EXPIRE of each user.
type policies struct{ *pop3test.Memory }

func (p policies) Open(ctx context.Context, id auth.Identity, c *pop3server.Conn) (pop3server.Maildrop, error) {
	c.SetPolicy(pop3.Period{Set: true, N: 300}, pop3.Period{Set: true, N: 60})
	return p.Memory.Open(ctx, id, c)
}

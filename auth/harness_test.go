package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
)

// converse runs a client against a server as a protocol would, and returns how each
// side ended: the server's error from Next, the client's from Next or Finish.
func converse(ctx context.Context, c Client, s Server) (client, server error) {
	ir, err := c.Start(ctx)
	if err != nil {
		return err, nil
	}
	in := ir
	for range maxRounds {
		challenge, done, err := s.Next(ctx, clone(in))
		if err != nil {
			return errReply, err
		}
		if done {
			return c.Finish(), nil
		}
		var failed error
		in, failed = c.Next(ctx, clone(challenge))
		if failed != nil {
			if in != nil {
				_, _, err = s.Next(ctx, in)
			}
			return failed, err
		}
	}
	return errors.New("no end"), errors.New("no end")
}

// errReply is the client's end where the protocol said no.
var errReply = errors.New("failure reply")

// clone hands over octets that are overwritten afterwards by nobody, and keeps nil.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// accounts is a Lookup over a map.
func accounts(m map[string][]Verifier) func(context.Context, string) ([]Verifier, error) {
	return func(_ context.Context, user string) ([]Verifier, error) { return m[user], nil }
}

// cheap makes a verifier at the least cost allowed.
func cheap(t testing.TB, scheme string, password Secret) Verifier {
	t.Helper()
	o := VerifierOptions{Iterations: minIterations}
	switch scheme {
	case "argon2id":
		o = VerifierOptions{Iterations: 1, Memory: 64}
	case "scrypt":
		o.Iterations = 16
	case "bcrypt":
		o.Iterations = 4
	}
	v, err := NewVerifier(scheme, password, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// certOptions say what differs from an ECDSA leaf for mail.example, valid now.
type certOptions struct {
	names    []string
	notAfter time.Time
	key      crypto.Signer
	ca       bool
	sig      x509.SignatureAlgorithm
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate signed by a, or by itself where a is nil.
func (a *authority) issue(t testing.TB, o certOptions) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	if o.key == nil {
		o.key = newKey(t)
	}
	if o.names == nil {
		o.names = []string{"mail.example"}
	}
	if o.notAfter.IsZero() {
		o.notAfter = time.Now().Add(time.Hour)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: o.names[0] + " " + serial.String()},
		DNSNames: o.names, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: o.notAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: o.ca,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, SignatureAlgorithm: o.sig,
	}
	if o.ca {
		tmpl.KeyUsage |= x509.KeyUsageCertSign
		tmpl.DNSNames = nil
	}
	parent, signer := tmpl, o.key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, o.key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, o.key
}

func newAuthority(t testing.TB, parent *authority) *authority {
	t.Helper()
	cert, key := parent.issue(t, certOptions{names: []string{"authority"}, ca: true})
	return &authority{cert, key}
}

// leaf is a certificate with its key and the chain above it.
func (a *authority) leaf(t testing.TB, o certOptions, above ...*x509.Certificate) tls.Certificate {
	t.Helper()
	cert, key := a.issue(t, o)
	out := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
	for _, c := range above {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out
}

func ed25519Key(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// handshake connects the two in memory and returns both states, after the client
// has taken the session tickets.
func handshake(t testing.TB, client, server *tls.Config) (c, s tls.ConnectionState, err error) {
	t.Helper()
	cc, sc := memnet.Pipe(memnet.Options{})
	tc, ts := tls.Client(cc, client), tls.Server(sc, server)
	done := make(chan error, 1)
	go func() {
		err := ts.Handshake()
		if err == nil {
			_, err = ts.Write([]byte("x"))
		}
		if err != nil {
			sc.Close()
		}
		done <- err
	}()
	err = tc.Handshake()
	if err == nil {
		_, err = io.ReadFull(tc, make([]byte, 1))
	}
	if err != nil {
		cc.Close()
	}
	if serr := <-done; err == nil {
		err = serr
	}
	c, s = tc.ConnectionState(), ts.ConnectionState()
	cc.Close()
	sc.Close()
	return c, s, err
}

// fakeReader is an Upgrader with something in its buffer, or nothing.
type fakeReader struct {
	buffered int
	src      io.Reader
	err      error
}

func (r *fakeReader) Buffered() int { return r.buffered }

func (r *fakeReader) Upgrade(src io.Reader) error {
	r.src = src
	return r.err
}

func equalOctets(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func contains(list []string, s string) bool { return slices.Contains(list, s) }

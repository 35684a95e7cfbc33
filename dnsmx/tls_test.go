package dnsmx_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
	"github.com/mailwire/mailwire/internal/memnet"
)

// selfSigned makes a certificate that no PKIX verification accepts: expired, and for
// another name.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"other.example"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, hex.EncodeToString(sum[:])
}

// handshake connects under a plan's policy to a server with this certificate.
func handshake(t *testing.T, policy auth.TLSPolicy, cert tls.Certificate) (sni string, err error) {
	t.Helper()
	client, server := memnet.Pipe(memnet.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		s := tls.Server(server, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			sni = h.ServerName
			return &cert, nil
		}})
		if s.Handshake() == nil {
			s.Read(make([]byte, 1)) // so that the client learns of nothing but its own errors
		}
	}()
	err = tls.Client(client, policy.Config()).HandshakeContext(t.Context())
	client.Close()
	<-done
	return sni, err
}

// A plan's policy at work. What a match of each kind of record is
// tested with auth.VerifyDANE.
func TestRFC7672_3_1_Handshake(t *testing.T) {
	cert, digest := selfSigned(t)
	stranger, _ := selfSigned(t)
	enforce := stsSource{policy: &dnsmx.STSPolicy{Mode: dnsmx.ModeEnforce, MX: []string{"mx.example.org"}, Expires: time.Now().Add(time.Hour)}}
	const host = "$ORIGIN example.org.\n@ MX 10 mx\nmx A 192.0.2.1\n"
	for _, tt := range []struct {
		name, zone string
		planner    dnsmx.Planner
		cert       tls.Certificate
		ok         bool
	}{
		{"DANE", host + "!secure @\n_25._tcp.mx TLSA 3 1 1 " + digest, dnsmx.Planner{}, cert, true},
		{"DANE and enforce", host + "!secure @\n_25._tcp.mx TLSA 3 1 1 " + digest, dnsmx.Planner{STS: enforce}, cert, true},
		{"DANE and Authenticated", host + "!secure @\n_25._tcp.mx TLSA 3 1 1 " + digest, dnsmx.Planner{Floor: dnsmx.Authenticated}, cert, true},
		{"DANE, another's certificate", host + "!secure @\n_25._tcp.mx TLSA 3 1 1 " + digest, dnsmx.Planner{}, stranger, false},
		{"insecure records", host + "_25._tcp.mx TLSA 3 1 1 " + digest, dnsmx.Planner{}, stranger, true},
		{"enforce", host, dnsmx.Planner{STS: enforce}, cert, false},
		{"opportunistic", host, dnsmx.Planner{}, cert, true},
		{"encrypted", host, dnsmx.Planner{Floor: dnsmx.Encrypted}, cert, true},
		{"authenticated", host, dnsmx.Planner{Floor: dnsmx.Authenticated}, cert, false},
		{"unusable records", host + "!secure @\n_25._tcp.mx TLSA 1 1 1 " + digest, dnsmx.Planner{}, stranger, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.planner.Resolver = dnsmxtest.MustParseZone(tt.zone)
			plan, err := tt.planner.Plan(t.Context(), name("example.org"))
			if err != nil {
				t.Fatal(err)
			}
			sni, err := handshake(t, plan.Hosts[0].TLS, tt.cert)
			if (err == nil) != tt.ok || sni != "mx.example.org" {
				t.Errorf("SNI %q, %v", sni, err)
			}
		})
	}
}

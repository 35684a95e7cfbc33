package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync"
	"testing"
)

// presented is the name in the certificate that a client of this name is shown.
func presented(t *testing.T, cfg *tls.Config, sni string) string {
	t.Helper()
	cs, _, err := handshake(t, &tls.Config{InsecureSkipVerify: true, ServerName: sni}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return cs.PeerCertificates[0].DNSNames[0]
}

func TestCertificatesByName(t *testing.T) {
	ca := newAuthority(t, nil)
	c, err := LoadCertificates(func() ([]tls.Certificate, error) {
		return []tls.Certificate{
			ca.leaf(t, certOptions{names: []string{"first.example", "also.example"}}),
			ca.leaf(t, certOptions{names: []string{"*.wild.example"}}),
			ca.leaf(t, certOptions{names: []string{"Mail.example"}}),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for sni, want := range map[string]string{
		"":                   "first.example",
		"unknown.example":    "first.example",
		"also.example":       "first.example",
		"mail.example":       "Mail.example",
		"MAIL.EXAMPLE":       "Mail.example",
		"a.wild.example":     "*.wild.example",
		"a.b.wild.example":   "first.example",
		"wild.example":       "first.example",
		"x.also.example":     "first.example",
		"first.example.evil": "first.example",
	} {
		if got := presented(t, c.Config(), sni); got != want {
			t.Errorf("SNI %q: %s, want %s", sni, got, want)
		}
	}
	if c.Endpoint() != nil {
		t.Error("an end-point for three leaves")
	}
}

// Two keys for one name: the first that the client can verify.
func TestCertificatesByKey(t *testing.T) {
	ca := newAuthority(t, nil)
	c, err := LoadCertificates(func() ([]tls.Certificate, error) {
		return []tls.Certificate{ca.leaf(t, certOptions{key: rsaKey(t)}), ca.leaf(t, certOptions{})}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for suite, want := range map[uint16]x509.PublicKeyAlgorithm{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:   x509.RSA,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: x509.ECDSA,
	} {
		client := &tls.Config{InsecureSkipVerify: true, ServerName: "mail.example", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}
		cs, _, err := handshake(t, client, c.Config())
		if err != nil {
			t.Fatal(err)
		}
		if got := cs.PeerCertificates[0].PublicKeyAlgorithm; got != want {
			t.Errorf("%s: %v, want %v", tls.CipherSuiteName(suite), got, want)
		}
	}
}

func TestCertificatesReload(t *testing.T) {
	ca := newAuthority(t, nil)
	var next []tls.Certificate
	var nextErr error
	load := func() ([]tls.Certificate, error) { return next, nextErr }
	if _, err := LoadCertificates(load); !errors.Is(err, errNoCerts) {
		t.Errorf("empty set: %v", err)
	}
	next = []tls.Certificate{ca.leaf(t, certOptions{names: []string{"one.example"}})}
	c, err := LoadCertificates(load)
	if err != nil {
		t.Fatal(err)
	}
	cfg, endpoint := c.Config(), c.Endpoint()
	if want, _ := Endpoint(next[0].Leaf); string(endpoint) != string(want) {
		t.Errorf("Endpoint %x, want %x", endpoint, want)
	}
	good := ca.leaf(t, certOptions{names: []string{"two.example"}})
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]tls.Certificate{
		"nothing":           {},
		"no key":            {Certificate: good.Certificate},
		"another's key":     {Certificate: good.Certificate, PrivateKey: strange},
		"not a certificate": {Certificate: [][]byte{[]byte("x")}, PrivateKey: good.PrivateKey},
	} {
		next = []tls.Certificate{good, bad}
		if err := c.Reload(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	next, nextErr = nil, errors.New("permission denied")
	if err := c.Reload(); !errors.Is(err, nextErr) {
		t.Errorf("Reload = %v", err)
	}
	nextErr = nil
	if err := c.Reload(); err == nil {
		t.Error("an empty set was accepted")
	}
	if got := presented(t, cfg, ""); got != "one.example" || string(c.Endpoint()) != string(endpoint) {
		t.Errorf("after bad sets: %s", got)
	}
	next = []tls.Certificate{good}
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := presented(t, cfg, ""); got != "two.example" || string(c.Endpoint()) == string(endpoint) {
		t.Errorf("after a good set: %s", got)
	}
}

// For the race detector: handshakes while the set changes.
func TestCertificatesReloadWhileServing(t *testing.T) {
	ca := newAuthority(t, nil)
	sets := [][]tls.Certificate{{ca.leaf(t, certOptions{})}, {ca.leaf(t, certOptions{}), ca.leaf(t, certOptions{names: []string{"b.example"}})}}
	i := 0
	c, err := LoadCertificates(func() ([]tls.Certificate, error) { i++; return sets[i%2], nil })
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.Config()
	p := TLSPolicy{ServerName: "mail.example", Roots: poolOf([]*x509.Certificate{ca.cert})}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				if _, _, err := handshake(t, p.Config(), cfg); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		if err := c.Reload(); err != nil {
			t.Error(err)
		}
		c.Endpoint()
	}
	wg.Wait()
}

func TestRFC7301_3_2_ALPN(t *testing.T) {
	ca := newAuthority(t, nil)
	server := &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, certOptions{})}, NextProtos: []string{"imap"}}
	for _, tt := range []struct {
		name             string
		protos           []string
		normal, demanded bool
	}{
		{"the same", []string{"imap"}, true, true},
		{"one of several", []string{"pop3", "imap"}, true, true},
		{"only others", []string{"h2", "http/1.1"}, false, false},
		{"none", nil, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := TLSPolicy{Level: TLSEncrypted, ServerName: "mail.example", ALPN: tt.protos}
			if _, _, err := handshake(t, p.Config(), server); (err == nil) != tt.normal {
				t.Errorf("normal: %v", err)
			}
			if _, _, err := handshake(t, p.Config(), DemandALPN(server)); (err == nil) != tt.demanded {
				t.Errorf("demanded: %v", err)
			}
		})
	}
	refuse := errors.New("no")
	chained := server.Clone()
	chained.VerifyConnection = func(tls.ConnectionState) error { return refuse }
	p := TLSPolicy{Level: TLSEncrypted, ServerName: "mail.example", ALPN: []string{"imap"}}
	if _, _, err := handshake(t, p.Config(), DemandALPN(chained)); err == nil {
		t.Error("the configuration's own VerifyConnection is not asked")
	}
}

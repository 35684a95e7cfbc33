package auth

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// Certificates is a server's set of certificates that can be replaced while it
// runs: the configuration it gives out picks from the current set in every
// handshake, and never has to be swapped. Safe for concurrent use.
type Certificates struct {
	load func() ([]tls.Certificate, error)
	set  atomic.Pointer[certSet]
}

// certSet is one state of Certificates.
type certSet struct {
	all      []tls.Certificate
	byName   map[string][]*tls.Certificate // lower case; "*.example.org" for wildcards
	endpoint []byte
}

// LoadCertificates calls load and keeps it for Reload. The first certificate is for
// clients that name no server, or an unknown one. Several for one name (ECDSA and
// RSA) are tried in their order.
func LoadCertificates(load func() ([]tls.Certificate, error)) (*Certificates, error) {
	c := &Certificates{load: load}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload loads a new set, checks that every certificate parses and has its own
// private key, and only then puts it in place of the old one. On error nothing
// changes.
func (c *Certificates) Reload() error {
	certs, err := c.load()
	if err != nil {
		return fmt.Errorf("auth: load certificates: %w", err)
	}
	set, err := newCertSet(certs)
	if err != nil {
		return err
	}
	c.set.Store(set)
	return nil
}

func newCertSet(certs []tls.Certificate) (*certSet, error) {
	if len(certs) == 0 {
		return nil, errNoCerts
	}
	s := &certSet{all: make([]tls.Certificate, len(certs)), byName: make(map[string][]*tls.Certificate)}
	for i, cert := range certs {
		leaf, err := leafOf(cert)
		if err != nil {
			return nil, fmt.Errorf("auth: certificate %d: %w", i+1, err)
		}
		cert.Leaf = leaf
		s.all[i] = cert
		for _, name := range leaf.DNSNames {
			name = strings.ToLower(name)
			s.byName[name] = append(s.byName[name], &s.all[i])
		}
	}
	if len(certs) == 1 {
		s.endpoint, _ = Endpoint(s.all[0].Leaf) // none for some signatures
	}
	return s, nil
}

var (
	errNoCerts = errors.New("auth: no certificates in the set")
	errNoKey   = errors.New("no private key")
	errWrong   = errors.New("the private key is another's")
)

func leafOf(cert tls.Certificate) (*x509.Certificate, error) {
	if len(cert.Certificate) == 0 {
		return nil, errNoCertificate
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, err
	}
	key, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errNoKey
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return nil, errWrong
	}
	return leaf, nil
}

// Config returns a configuration for servers: TLS 1.2 and later, and in every
// handshake a certificate of the set as it is then. Set NextProtos and ClientCAs as
// needed; the certificates follow Reload by themselves.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// Endpoint is the "tls-server-end-point" of the set, or nil unless it has exactly
// one leaf: a server is not told which of several a handshake has used.
func (c *Certificates) Endpoint() []byte { return c.set.Load().endpoint }

func (c *Certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := c.set.Load()
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	candidates := s.byName[name]
	if _, parent, ok := strings.Cut(name, "."); ok && len(candidates) == 0 {
		candidates = s.byName["*."+parent]
	}
	for _, cert := range candidates {
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	if len(candidates) > 0 {
		return candidates[0], nil
	}
	return &s.all[0], nil
}

// DemandALPN returns a copy of a server's configuration that refuses clients which
// do not negotiate one of its NextProtos. Clients that offer only other protocols
// are refused without it; this also refuses those that offer none, and closes the
// door to cross-protocol attacks. RFC 7301, section 3.2.
func DemandALPN(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	before := cfg.VerifyConnection
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		if cs.NegotiatedProtocol == "" {
			return errNoALPN
		}
		if before != nil {
			return before(cs)
		}
		return nil
	}
	return cfg
}

var errNoALPN = errors.New("auth: the client negotiates no application protocol")

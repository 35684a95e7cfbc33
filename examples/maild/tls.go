package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certName  = "maild, self-signed"
	certLife  = 825 * 24 * time.Hour // more is refused by some clients
	certRenew = 30 * 24 * time.Hour  // what must be left of it at a start
)

func (c *config) certFile() string { return filepath.Join(c.data, "cert.pem") }
func (c *config) keyFile() string  { return filepath.Join(c.data, "key.pem") }

// loadCertificate returns the certificate in the data folder; who has a better
// one puts it there. The one made here is made again when it runs out or when
// the host has another name.
func (c *config) loadCertificate(now time.Time) ([]tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(c.certFile(), c.keyFile())
	_, statErr := os.Stat(c.certFile())
	missing := errors.Is(statErr, fs.ErrNotExist)
	if missing || err == nil && outdated(cert.Leaf, c.hostname, now) {
		if err := c.makeCertificate(now); err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		cert, err = tls.LoadX509KeyPair(c.certFile(), c.keyFile())
	}
	return []tls.Certificate{cert}, err
}

// outdated reports whether a certificate is of our own making and has had its time.
func outdated(leaf *x509.Certificate, hostname string, now time.Time) bool {
	ours := leaf.Subject.CommonName == certName && leaf.Issuer.CommonName == certName
	return ours && (leaf.VerifyHostname(hostname) != nil || leaf.NotAfter.Before(now.Add(certRenew)))
}

// makeCertificate writes a key and a certificate that is no authority: who
// trusts this file trusts this one server and nothing that its key might sign.
func (c *config) makeCertificate(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: certName},
		NotBefore:             now.Add(-time.Hour), // the client's clock may be behind
		NotAfter:              now.Add(certLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost", c.hostname},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The certificate goes first and comes last: where there is one, its key is there too.
	if err := os.Remove(c.certFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writePEM(c.keyFile(), 0o600, "PRIVATE KEY", pkcs8); err != nil {
		return err
	}
	return writePEM(c.certFile(), 0o644, "CERTIFICATE", der)
}

// writePEM replaces a file as a whole.
func writePEM(name string, mode fs.FileMode, kind string, der []byte) error {
	tmp := name + ".new"
	if err := os.WriteFile(tmp, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

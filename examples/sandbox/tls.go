package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// selfSigned makes a certificate that lasts as long as the process, so that
// applications can be tried with STARTTLS. Nobody has a reason to trust it.
func selfSigned(now time.Time) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "mail sandbox, self-signed"},
		NotBefore:             now.Add(-time.Hour), // the client's clock may be behind
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certs, err := auth.LoadCertificates(func() ([]tls.Certificate, error) {
		return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, nil
	})
	if err != nil {
		return nil, err
	}
	return certs.Config(), nil
}

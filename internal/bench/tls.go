package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tlsPrefix stands before addresses of servers that begin with TLS.
const tlsPrefix = "tls:"

// writeCertificate puts a certificate into the folder of a server, which makes it
// a server of TLS from the first octet.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func hasCertificate(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cert.pem"))
	return err == nil
}

// listen begins connections with TLS where there is a certificate.
func listen(addr, dir string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil || !hasCertificate(dir) {
		return l, err
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}), nil
}

// dial connects as the address wants it. The generator trusts everyone: it is the
// server that is measured.
func dial(addr string) (net.Conn, error) {
	if plain, ok := strings.CutPrefix(addr, tlsPrefix); ok {
		return tls.Dial("tcp", plain, &tls.Config{InsecureSkipVerify: true})
	}
	return net.Dial("tcp", addr)
}

package mtasts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
)

// web is a web server in memory, and a client that reaches nothing else.
type web struct {
	client  *http.Client
	roots   *x509.CertPool
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	mu      sync.Mutex
	cert    *tls.Certificate
	handler http.HandlerFunc
	hosts   []string // of the requests so far
}

const policyText = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n"

// newWeb serves a good policy with a good certificate, until told otherwise.
func newWeb(t *testing.T) *web {
	t.Helper()
	w := &web{roots: x509.NewCertPool()}
	var err error
	if w.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &w.caKey.PublicKey, w.caKey)
	if err != nil {
		t.Fatal(err)
	}
	if w.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	w.roots.AddCert(w.ca)
	w.setCert(t, func(*x509.Certificate) {})
	w.serve(policyText)

	l := memnet.Listen(memnet.Options{})
	server := &http.Server{
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			handler := w.handler
			w.hosts = append(w.hosts, r.Host)
			w.mu.Unlock()
			handler(rw, r)
		}),
		TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.cert, nil
		}},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ServeTLS(l, "", "")
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	w.client = &http.Client{Transport: &http.Transport{
		DialContext: l.DialContext, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: w.roots},
	}}
	return w
}

// setCert makes the server present another certificate.
func (w *web) setCert(t *testing.T, change func(c *x509.Certificate)) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"mta-sts.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
	}
	change(template)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca, &key.PublicKey, w.caKey)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cert = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (w *web) handle(h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handler = h
}

// serve makes the server answer with this text.
func (w *web) serve(text string) {
	w.handle(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(rw, text)
	})
}

// fail makes the server answer with an error.
func (w *web) fail() {
	w.handle(func(rw http.ResponseWriter, r *http.Request) { http.Error(rw, "down", http.StatusServiceUnavailable) })
}

func (w *web) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.hosts)
}

package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
)

// exampleCert makes a certificate for mail.example.
func exampleCert() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Both sides of STARTTLS behind its reply. The framing reader of each goes on over the
// new connection, and refuses to if anything came before it.
func ExampleStartClientTLS() {
	ctx := context.Background()
	cert := exampleCert()
	near, far := net.Pipe()
	go func() {
		r := smtp.NewReader(far)
		c, err := auth.StartServerTLS(ctx, far, r, &tls.Config{Certificates: []tls.Certificate{cert}})
		if err != nil {
			log.Fatal(err)
		}
		line, _ := r.ReadLine(512)
		fmt.Fprintf(c, "250 %s\r\n", line)
	}()

	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	r := smtp.NewReader(near)
	c, err := auth.StartClientTLS(ctx, near, r, auth.TLSPolicy{ServerName: "mail.example", Roots: roots})
	if err != nil {
		log.Fatal(err)
	}
	io.WriteString(c, "NOOP\r\n")
	line, err := r.ReadLine(512)
	fmt.Printf("%s %v\n", line, err)

	state := c.ConnectionState()
	binding, err := auth.ChannelBinding(&state, "tls-exporter")
	fmt.Println(len(binding), "octets to bind to;", err)
	// Output:
	// 250 NOOP <nil>
	// 32 octets to bind to; <nil>
}

// What a man in the middle puts behind the command is not read as if it came by TLS.
func ExampleStartServerTLS() {
	near, far := net.Pipe()
	go io.WriteString(near, "STARTTLS\r\nMAIL FROM:<evil@a.example>\r\n")
	r := smtp.NewReader(far)
	line, _ := r.ReadLine(512)
	_, err := auth.StartServerTLS(context.Background(), far, r, &tls.Config{Certificates: []tls.Certificate{exampleCert()}})
	fmt.Printf("%s: %v\n", line, errors.Is(err, auth.ErrInjected))
	// Output: STARTTLS: true
}

// A certificate that no authority has signed, and a record that names it.
func ExampleVerifyDANE() {
	cert := exampleCert()
	sum := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	records := []auth.TLSA{{Usage: 3, Selector: 1, Match: 1, Data: sum[:]}, {Usage: 0, Match: 1, Data: sum[:]}}
	fmt.Println(len(auth.Usable(records)), "usable record")

	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert.Leaf}}
	fmt.Println(auth.VerifyDANE(state, records, []string{"mail.example"}))
	state.PeerCertificates[0] = exampleCert().Leaf
	fmt.Println(auth.VerifyDANE(state, records, []string{"mail.example"}))
	// Output:
	// 1 usable record
	// <nil>
	// auth: no TLSA record matches
}

// A client of another protocol that lands here, as a browser can be made to, is refused.
func ExampleDemandALPN() {
	cfg := auth.DemandALPN(&tls.Config{Certificates: []tls.Certificate{exampleCert()}, NextProtos: []string{"imap"}})
	for _, protos := range [][]string{{"imap"}, {"http/1.1"}, nil} {
		near, far := memnet.Pipe(memnet.Options{})
		go func() {
			tls.Server(far, cfg).Handshake()
			far.Close()
		}()
		c := tls.Client(near, &tls.Config{InsecureSkipVerify: true, NextProtos: protos})
		err := c.Handshake()
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // TLS 1.3 tells the client here
		}
		accepted := err == io.EOF // the server hangs up in good order
		fmt.Println(protos, accepted)
	}
	// Output:
	// [imap] true
	// [http/1.1] false
	// [] false
}

// A policy looks at a connection that somebody else has made.
func ExampleTLSPolicy_Check() {
	p := auth.TLSPolicy{Level: auth.TLSEncrypted}
	fmt.Println(p.Check(&tls.ConnectionState{HandshakeComplete: true}))
	fmt.Println(p.Check(nil))
	// Output:
	// <nil>
	// auth: TLS required
}

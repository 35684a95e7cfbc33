package netserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/lineio"
	"github.com/mailwire/mailwire/internal/memnet"
)

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
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

// secured returns a link that began with TLS, its client, and what that one is over.
func secured(t *testing.T) (*memnet.Conn, *tls.Conn, *Link) {
	t.Helper()
	near, far := memnet.Pipe(memnet.Options{})
	l := new(Link)
	l.Init(tls.Server(far, testTLS()), &stopwatch{read: -1, write: -1})
	done := make(chan error, 1)
	go func() { done <- l.Handshake(t.Context(), lineio.NewReader(l), time.Minute) }()
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true}) // it is the server's half that is tested
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return near, client, l
}

// Only who has been told all hears close_notify: what is cut off must look so.
func TestCloseNotify(t *testing.T) {
	tests := []struct {
		name string
		end  func(l *Link)
		want bool
	}{
		{"cleanly", func(l *Link) { l.Close(true) }, true},
		{"not cleanly", func(l *Link) { l.Close(false) }, false},
		{"behind a write that failed", func(l *Link) { l.err = errors.New("broken"); l.Close(true) }, false},
		{"aborted", (*Link).Abort, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			near, client, l := secured(t)
			before := near.Received().Octets
			tt.end(l)
			if got := near.Received().Octets > before; got != tt.want {
				t.Errorf("close_notify was sent: %v, want %v", got, tt.want)
			}
			if _, err := client.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the client reads %v", err)
			}
		})
	}
}

// Behind a handshake that failed nothing can be written: a tls.Conn would begin
// another one by itself, and wait for it.
func TestNoWriteWithoutHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("as asked") }}
		var l Link
		l.Init(tls.Server(far, config), &stopwatch{read: -1, write: -1})
		go tls.Client(near, &tls.Config{InsecureSkipVerify: true, ServerName: "mail.example"}).Handshake()
		func() {
			defer func() { recover() }()
			l.Handshake(t.Context(), lineio.NewReader(&l), time.Minute)
			t.Error("no panic")
		}()
		l.Keep(append(l.Batch(), "421 sorry\r\n"...))
		if err := l.Flush(); err == nil {
			t.Error("no error")
		}
	})
}

// The deadline of the line that asked for TLS is not one of the handshake.
func TestHandshakeHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		var l Link
		l.Init(far, &stopwatch{read: time.Minute, write: time.Minute})
		r := lineio.NewReader(&l)
		near.Write([]byte("NOOP\r\n"))
		r.ReadLine(100)
		l.Keep(append(l.Batch(), "OK\r\n"...))
		l.Flush()
		time.Sleep(59 * time.Second)
		go func() {
			time.Sleep(30 * time.Second)
			io.ReadFull(near, make([]byte, len("OK\r\n")))
			tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake()
		}()
		tc := tls.Server(l.Conn(), testTLS())
		if err := l.Upgrader(r).Upgrade(tc); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := tc.HandshakeContext(ctx); err != nil {
			t.Error(err)
		}
		near.Close()
	})
}

// Stop ends a handshake too, also one that has not begun.
func TestStopInHandshake(t *testing.T) {
	for _, before := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			near, far := memnet.Pipe(memnet.Options{})
			var l Link
			l.Init(tls.Server(far, testTLS()), &stopwatch{read: -1, write: -1})
			if before {
				l.Stop()
			} else {
				time.AfterFunc(time.Second, l.Stop)
			}
			began := time.Now()
			err := l.Handshake(t.Context(), lineio.NewReader(&l), time.Minute)
			if took := time.Since(began); err == nil || took > time.Second {
				t.Errorf("told before: %v: %v after %v", before, err, took)
			}
			near.Close()
		})
	}
}

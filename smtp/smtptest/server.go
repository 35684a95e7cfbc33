package smtptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// A Server is a server on loopback that lasts as long as a test.
type Server struct {
	*smtpserver.Server
	Addr string // host:port

	roots  *x509.CertPool
	record *Recorder // nil: the handler was given
}

// NewServer serves s on a port of loopback that the system chooses, until the
// test ends. If s has no TLS it gets a certificate made for this test, for
// "localhost", "mx.example" and 127.0.0.1: see Roots. If it has no Handler it
// accepts every message and keeps it: see Messages.
func NewServer(t testing.TB, s *smtpserver.Server) *Server {
	t.Helper()
	server := &Server{Server: s}
	if s.Hostname == "" {
		s.Hostname = "mx.example"
	}
	if s.Handler == nil {
		server.record = new(Recorder)
		s.Handler = server.record
	}
	if s.TLS == nil {
		cert, roots, err := suite.Certificate(time.Now().Add(24*time.Hour), "localhost", "mx.example")
		if err != nil {
			t.Fatal(err)
		}
		s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		server.roots = roots
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, smtpserver.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return server
}

// Roots returns what verifies the certificate that NewServer made, or nil.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// Messages returns what has been accepted so far. It is empty if the server came
// with a handler of its own.
func (s *Server) Messages() []Delivery {
	if s.record == nil {
		return nil
	}
	return s.record.Messages()
}

// A Recorder is a handler that keeps every message. The zero value accepts every
// recipient. It is safe for concurrent use.
type Recorder struct {
	// Refuse, if not nil, decides about a recipient: nil accepts.
	Refuse func(to smtp.Rcpt) error

	mu       sync.Mutex
	messages []Delivery
}

// NewSession implements [smtpserver.Handler].
func (r *Recorder) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return &smtpserver.Session{
		Rcpt: func(_ context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
			if r.Refuse == nil {
				return nil
			}
			return r.Refuse(to)
		},
		Data: func(_ context.Context, m *smtpserver.Message) error {
			content, err := io.ReadAll(m)
			if err == nil {
				r.add(m, content)
			}
			return err
		},
	}, nil
}

func (r *Recorder) add(m *smtpserver.Message, content []byte) {
	d := Delivery{From: m.From, Content: content}
	for _, to := range m.To {
		d.To = append(d.To, to.Path)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, d)
}

// Messages returns what has been accepted so far.
func (r *Recorder) Messages() []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// Delivered is for [Target.Delivered].
func (r *Recorder) Delivered(_ context.Context, token string) ([]Delivery, error) {
	return slices.DeleteFunc(r.Messages(), func(d Delivery) bool { return !bytes.Contains(d.Content, []byte(token)) }), nil
}

// Pipe returns the client's end of a connection in memory that s serves. It has
// buffers as TCP has, and inside a bubble of testing/synctest its time is the
// bubble's. done gives what ServeConn returned.
func Pipe(s *smtpserver.Server) (client net.Conn, done <-chan error) {
	client, server := memnet.Pipe(memnet.Options{})
	ended := make(chan error, 1)
	go func() { ended <- s.ServeConn(context.Background(), server) }()
	return client, ended
}

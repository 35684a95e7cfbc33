package smtpclient

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// A sink is a server in memory that keeps what it gets.
type sink struct {
	*smtpserver.Server
	listener *memnet.Listener
	net      memnet.Options
	rcpt     func(m *smtpserver.Message, to smtp.Rcpt) error // nil: accepted
	mail     func(m *smtpserver.Message) error
	data     func(m *smtpserver.Message, content []byte) error

	mu  sync.Mutex
	got []received
}

type received struct {
	smtp.Envelope
	Content string
}

func (s *sink) start(t testing.TB) {
	if s.Server == nil {
		s.Server = new(smtpserver.Server)
	}
	s.Hostname = "mx.example"
	s.Handler = s
	s.listener = memnet.Listen(s.net)
	done := make(chan struct{})
	go func() { s.Serve(s.listener); close(done) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
}

func (s *sink) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return &smtpserver.Session{
		Mail: func(_ context.Context, m *smtpserver.Message) error {
			if s.mail == nil {
				return nil
			}
			return s.mail(m)
		},
		Rcpt: func(_ context.Context, m *smtpserver.Message, to smtp.Rcpt) error {
			if s.rcpt == nil {
				return nil
			}
			return s.rcpt(m, to)
		},
		Data: func(_ context.Context, m *smtpserver.Message) error {
			content, err := io.ReadAll(m)
			if err != nil {
				return err
			}
			if s.data != nil {
				if err := s.data(m, content); err != nil {
					return err
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.got = append(s.got, received{m.Envelope, string(content)})
			return nil
		},
	}, nil
}

func (s *sink) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// dialer returns a Dialer that reaches the sink without TLS.
func (s *sink) dialer() *Dialer {
	return &Dialer{Addr: "mx.example:25", LocalName: "client.example", Protocol: s.Protocol, TLS: auth.TLSPolicy{Level: auth.TLSNever}, Dial: s.listener.DialContext}
}

func refuse(code int) error {
	return &smtp.Reject{Code: code, Text: "no"}
}

func dialOnce(c net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return c, nil }
}

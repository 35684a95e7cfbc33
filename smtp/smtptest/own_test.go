package smtptest

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

var (
	u1     = smtp.Path{Local: "u1", Domain: "x.example"}
	u2     = smtp.Path{Local: "u2", Domain: "x.example"}
	u3     = smtp.Path{Local: "u3", Domain: "x.example"}
	nobody = smtp.Path{Local: "nobody", Domain: "x.example"}
	panics = smtp.Path{Local: "panics", Domain: "x.example"}
	unread = smtp.Path{Local: "unread", Domain: "x.example"}
)

// newTarget returns our own server with all that it can offer, in memory.
func newTarget(protocol smtp.Protocol, implicitTLS, trusted bool) (*Target, *smtpserver.Server) {
	cert, roots, err := suite.Certificate(time.Now().Add(time.Hour), "mx.example")
	if err != nil {
		panic(err)
	}
	record := &Recorder{Refuse: func(to smtp.Rcpt) error {
		switch to.Path {
		case nobody:
			return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "nobody of that name"}
		case panics:
			panic("this handler panics")
		}
		return nil
	}}
	priority := ""
	by := time.Duration(0)
	s := &smtpserver.Server{
		Hostname: "mx.example", Protocol: protocol, Handler: skipper{record},
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		Auth: &auth.Authenticator{Floor: -1, CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
			if user == "user" && password == "secret" {
				return nil
			}
			return auth.ErrCredentials
		}},
		Offer: smtp.Offer{
			SMTPUTF8: true, DSN: true, BinaryMIME: true, RequireTLS: true, RRVS: true, Limits: true,
			DeliverBy: &by, Priority: &priority,
			FutureRelease: &smtp.FutureRelease{MaxHold: time.Hour, MaxUntil: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)},
		},
		Limits: smtp.Limits{Message: 100_000, Rcpts: 120, Errors: 50, Mails: 500},
	}
	t := &Target{
		Protocol: protocol,
		TLS:      &tls.Config{RootCAs: roots, ServerName: "mx.example"},
		Login:    &auth.Credentials{Username: "user", Password: "secret"},
		Good:     []smtp.Path{u1, u2, u3}, Bad: nobody, Panics: panics, Unread: unread,
		MaxMessage: 100_000, Timeout: 3 * time.Minute, Slow: time.Minute,
		Delivered: record.Delivered,
	}
	t.Dial = func(ctx context.Context) (net.Conn, error) {
		client, served := memnet.Pipe(memnet.Options{})
		if !implicitTLS {
			go s.ServeConn(context.Background(), served)
			return client, nil
		}
		go s.ServeConn(context.Background(), tls.Server(served, s.TLS))
		c := tls.Client(client, t.TLS)
		return c, c.HandshakeContext(ctx)
	}
	t.Shutdown = s.Shutdown
	if trusted { // as a proxy
		all := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
		s.Trust = smtpserver.Trust{Proxy: all, XClient: all}
		t.Proxy = true
	}
	return t, s
}

// A skipper does not read what is for unread.
type skipper struct{ *Recorder }

func (k skipper) NewSession(ctx context.Context, c *smtpserver.Conn) (*smtpserver.Session, error) {
	s, err := k.Recorder.NewSession(ctx, c)
	data := s.Data
	s.Data = func(ctx context.Context, m *smtpserver.Message) error {
		if len(m.To) > 0 && m.To[0].Path == unread {
			io.ReadFull(m, make([]byte, 5))
			return nil
		}
		return data(ctx, m)
	}
	return s, err
}

// Our server passes every case, each in a bubble of its own where time-outs cost
// nothing.
func TestOwnServer(t *testing.T) {
	for _, test := range []struct {
		name     string
		protocol smtp.Protocol
		tls      bool
		trusted  bool
	}{
		{"SMTP", smtp.SMTP, false, false},
		{"Submission", smtp.Submission, false, false},
		{"LMTP", smtp.LMTP, false, false},
		{"SMTP over TLS", smtp.SMTP, true, false},
		{"Submission over TLS", smtp.Submission, true, false},
		{"LMTP over TLS", smtp.LMTP, true, false},
		{"SMTP behind a proxy", smtp.SMTP, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, c := range Cases() {
				t.Run(c.ID, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						target, server := newTarget(test.protocol, test.tls, test.trusted)
						defer server.Close()
						o := c.Run(t.Context(), target)
						switch o.Verdict {
						case Failed:
							t.Error(o)
						case Skipped:
							t.Skip(o)
						}
					})
				})
			}
		})
	}
}

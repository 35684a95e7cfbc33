package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// submission returns a server that lets users send, each command of a transaction
// being one at the server behind, whose answer is the answer.
func (p *proxy) submission() *smtpserver.Server {
	return &smtpserver.Server{
		Protocol: smtp.Submission, TLSRequired: true,
		Auth: p.auth, TLS: p.certs.Config(), Certs: p.certs,
		Timeouts: smtpserver.Timeouts{Command: min(p.idle, 5*time.Minute)},
		Logger:   p.log,
		Handler: smtpserver.SessionFunc(func(_ context.Context, c *smtpserver.Conn) (*smtpserver.Session, error) {
			s := &session{p: p, c: c}
			return &smtpserver.Session{Mail: s.mail, Rcpt: s.rcpt, Data: s.data, End: s.end}, nil
		}),
	}
}

// A session is that of a user here. Each of its transactions has a session of its own
// at the server behind.
type session struct {
	p  *proxy
	c  *smtpserver.Conn
	up *smtpclient.Client
	tx *smtpclient.Transaction
}

// mail begins a transaction. Whether the user may send in that name is for the server
// behind to say, which is told by XCLIENT who he is.
func (s *session) mail(ctx context.Context, m *smtpserver.Message) (err error) {
	if s.up, err = s.connect(ctx); err != nil {
		return err
	}
	o := m.Options
	o.Size = 0 // it grows by our trace field
	if s.tx, err = s.up.Begin(ctx, m.From, o); err != nil {
		s.up.Close()
	}
	return smtpclient.Relay(err)
}

// connect opens the session at the server behind.
func (s *session) connect(ctx context.Context) (*smtpclient.Client, error) {
	id, _ := s.c.Identity()
	d := smtpclient.Dialer{Addr: s.p.smtpBackend, TLS: backendTLS, Auth: backendAuth}
	if s.p.login != "" {
		d.Credentials = s.p.credentials(id.Authzid)
	}
	up, err := d.Connect(ctx)
	if err != nil {
		return nil, err
	}
	x := smtp.XClient{Addr: s.c.Remote().Addr(), Port: s.c.Remote().Port(), Helo: s.c.Hello(), Proto: "ESMTP", Login: id.Authzid}
	x.Given = (smtp.XClientAddr | smtp.XClientPort | smtp.XClientHelo | smtp.XClientProto | smtp.XClientLogin) &
		smtp.ParseXClientAttrs(up.Extensions().XClient)
	if x.Given != 0 {
		if err := up.XClient(ctx, x); err != nil {
			up.Close()
			return nil, err
		}
	}
	return up, nil
}

func (s *session) rcpt(ctx context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
	return smtpclient.Relay(s.tx.Rcpt(ctx, to))
}

// data passes the content on while it comes, with our trace field on top.
func (s *session) data(ctx context.Context, m *smtpserver.Message) error {
	trace := m.AppendReceived(nil, time.Now())
	_, err := s.tx.Send(ctx, io.MultiReader(bytes.NewReader(trace), m))
	return smtpclient.Relay(err)
}

// end comes for every transaction that was begun, however it went: what was not sent
// is forgotten there.
func (s *session) end(*smtpserver.Message, smtpserver.EndReason) { s.up.Close() }

package smtptest

import (
	"bytes"
	"context"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
)

func deliverWith(d smtpclient.Dialer) func(context.Context, string, *smtp.Envelope, []byte) error {
	return func(ctx context.Context, addr string, e *smtp.Envelope, body []byte) error {
		d.Addr = addr
		_, err := d.Send(ctx, e, bytes.NewReader(body))
		return err
	}
}

// Our client withstands every server.
func TestOwnClient(t *testing.T) {
	clear := auth.TLSPolicy{Level: auth.TLSNever}
	t.Run("SMTP", func(t *testing.T) { RunClient(t, deliverWith(smtpclient.Dialer{TLS: clear})) })
	t.Run("LMTP", func(t *testing.T) { RunLMTPClient(t, deliverWith(smtpclient.Dialer{TLS: clear, Protocol: smtp.LMTP})) })
}

// With TLS as it comes, and something to log in with, more cases apply.
func TestOwnClientTLS(t *testing.T) {
	RunClient(t, deliverWith(smtpclient.Dialer{TLS: auth.TLSPolicy{Level: auth.TLSOpportunistic}}))
}

func TestOwnClientAuth(t *testing.T) {
	c := clientCases
	defer func() { clientCases = c }()
	clientCases = nil
	for _, k := range c {
		if k.id == "CLIENT-94" {
			clientCases = append(clientCases, k)
		}
	}
	long := make([]byte, 500)
	for i := range long {
		long[i] = 'x'
	}
	RunClient(t, deliverWith(smtpclient.Dialer{
		TLS: auth.TLSPolicy{Level: auth.TLSNever}, Auth: auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: auth.Credentials{Username: "user", Password: auth.Secret(long)},
	}))
}

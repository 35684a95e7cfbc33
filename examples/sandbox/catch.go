package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// maxMessage is the largest message that is taken, in octets.
const maxMessage = 50 << 20

// anyone lets everybody log in: applications are often set up to.
func anyone() *auth.Authenticator {
	return &auth.Authenticator{
		CheckPassword: func(context.Context, string, auth.Secret) error { return nil },
		Allow:         []string{"PLAIN", "LOGIN"}, // the mechanisms that know no wrong password
		Cleartext:     auth.CleartextAny,
	}
}

// catcher takes every message for every recipient, and keeps it here. It adds no
// trace, so that the source of a message is what the application has sent.
type catcher struct{ shelf *shelf }

func (c *catcher) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	var hello smtp.Verb
	return &smtpserver.Session{
		Hello: func(_ context.Context, v smtp.Verb, _ string) error { hello = v; return nil },
		Rcpt:  func(context.Context, *smtpserver.Message, smtp.Rcpt) error { return nil },
		Data: func(_ context.Context, m *smtpserver.Message) error {
			octets := &upload{shelf: c.shelf}
			defer octets.done()
			if _, err := m.WriteTo(octets); err != nil {
				return err
			}
			e := newEntry(octets.Bytes(), newSession(hello, m), time.Now())
			if err := c.shelf.put(octets.Bytes(), e); err != nil {
				return err
			}
			m.Queued(fmt.Sprint(e.uid))
			return nil
		},
	}, nil
}

// upload gathers a message. All that are under way together may take as much
// memory as those that are kept.
type upload struct {
	bytes.Buffer
	shelf *shelf
	taken int64
}

func (u *upload) Write(p []byte) (int, error) {
	u.taken += int64(len(p))
	if u.shelf.receiving.Add(int64(len(p))) > u.shelf.keep.octets {
		return 0, &smtp.Reject{Code: 452, Enhanced: smtp.EnhancedCode{4, 3, 1}, Text: "Too much mail at once"}
	}
	return u.Buffer.Write(p)
}

func (u *upload) done() { u.shelf.receiving.Add(-u.taken) }

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// incoming takes mail from anyone, for the accounts here and nobody else.
type incoming struct{ *daemon }

func (d incoming) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return &smtpserver.Session{
		Rcpt: d.rcpt("This host takes mail for its own users only"),
		Data: d.deliver,
	}, nil
}

// submission takes mail from the accounts here, once they have logged in.
type submission struct{ *daemon }

func (d submission) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return &smtpserver.Session{
		Mail: d.ownSender,
		Rcpt: d.rcpt("This daemon does not send mail to other hosts"),
		Data: d.deliver,
	}, nil
}

// ownSender lets an account write in its own name only. The null path names
// nobody, and receipts must be sent from it (RFC 8098, section 3).
func (d submission) ownSender(ctx context.Context, m *smtpserver.Message) error {
	if m.From.IsNull() {
		return nil
	}
	id, ok := m.Conn.Identity()
	owner, _, err := d.accounts.owner(ctx, m.From)
	if err != nil {
		return err
	}
	if !ok || owner == "" || owner != d.accounts.login(id.Authzid) {
		return &smtp.Reject{Code: 553, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "Not a sender address of the user who logged in"}
	}
	return nil
}

// rcpt accepts recipients that have an account. elsewhere is the answer for
// other domains.
func (d *daemon) rcpt(elsewhere string) func(context.Context, *smtpserver.Message, smtp.Rcpt) error {
	return func(ctx context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
		owner, local, err := d.accounts.owner(ctx, to.Path)
		switch {
		case err != nil:
			return err
		case !local:
			return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: elsewhere}
		case owner == "":
			return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "No such user here"}
		}
		return nil
	}
}

// deliver stores the message with our trace on top, for all recipients or for
// none, and returns when that is on disk: only then does the client hear 250.
func (d *daemon) deliver(ctx context.Context, m *smtpserver.Message) error {
	var owners []string
	for _, to := range m.To {
		owner, _, err := d.accounts.owner(ctx, to.Path)
		if err != nil {
			return err
		}
		if !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
	}
	now, id := time.Now(), strings.ToLower(rand.Text()[:12])
	m.Queued(id)
	trace, err := smtp.AppendPath([]byte("Return-Path: "), m.From)
	if err != nil {
		return err
	}
	trace = m.AppendReceived(append(trace, "\r\n"...), now)
	if err := d.store.Deliver(ctx, owners, now, io.MultiReader(bytes.NewReader(trace), m)); err != nil {
		return err
	}
	d.log.Info("delivered", "id", id, "from", m.From.String(), "accounts", owners, "octets", m.Size())
	return nil
}

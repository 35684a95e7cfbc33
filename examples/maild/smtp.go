package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/mime"
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
	s := &smtpserver.Session{
		Mail: d.ownSender,
		Rcpt: d.rcpt("This daemon does not send mail to other hosts"),
		Data: d.deliver,
	}
	if d.queue != nil {
		s.Rcpt = d.anyRcpt
	}
	return s, nil
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

// anyRcpt accepts recipients that have an account, and those of other domains.
func (d submission) anyRcpt(ctx context.Context, m *smtpserver.Message, to smtp.Rcpt) error {
	if _, local, err := d.accounts.owner(ctx, to.Path); err != nil || local {
		return d.rcpt("")(ctx, m, to)
	}
	if _, err := dnsmx.ParseName(to.Path.Domain); err != nil {
		return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 2}, Text: "Not a domain that mail can be sent to"}
	}
	return nil
}

// deliver stores the message with our trace on top, for all recipients or for
// none, and returns when that is on disk: only then does the client hear 250.
// What is for other hosts waits in the queue from then on.
func (d *daemon) deliver(ctx context.Context, m *smtpserver.Message) error {
	now, id := time.Now(), strings.ToLower(rand.Text()[:12])
	m.Queued(id)
	out := &store.Outgoing{Name: id, Arrived: now, Sender: store.Sender{From: m.From, Options: m.Options}}
	in, err := d.route(ctx, m, out)
	if err != nil {
		return err
	}
	trace, err := smtp.AppendPath([]byte("Return-Path: "), m.From)
	if err != nil {
		return err
	}
	trace = append(trace, "\r\n"...)
	out.Skip = int64(len(trace)) // whoever delivers in the end writes it: RFC 5321, section 4.4
	trace = m.AppendReceived(trace, now)
	content := &inspected{r: m, look: func(h *mime.Header) error { return d.inspect(h, out) }}
	if err := d.store.Accept(ctx, in, io.MultiReader(bytes.NewReader(trace), content)); err != nil {
		return err
	}
	d.log.Info("accepted", "id", id, "from", m.From.String(), "accounts", in.Accounts, "elsewhere", len(out.Rcpts), "octets", m.Size())
	if in.Queue != nil {
		d.queue.poke()
	}
	return nil
}

// route says where the message goes: into mailboxes here, once for each account,
// and into the queue.
func (d *daemon) route(ctx context.Context, m *smtpserver.Message, out *store.Outgoing) (*store.Incoming, error) {
	in := &store.Incoming{Received: out.Arrived}
	var reports reports
	for i, to := range m.To {
		if slices.ContainsFunc(m.To[:i], func(earlier smtp.Rcpt) bool { return earlier.Path == to.Path }) {
			continue
		}
		owner, local, err := d.accounts.owner(ctx, to.Path)
		if err != nil {
			return nil, err
		}
		if !local {
			domain, err := dnsmx.ParseName(to.Path.Domain)
			if err != nil {
				return nil, err
			}
			out.Rcpts = append(out.Rcpts, d.queue.recipient(to, domain.String(), out.Arrived))
			in.Queue = out
			continue
		}
		reports.add(delivered, store.Waiting{Rcpt: to}, verdict{})
		if !slices.Contains(in.Accounts, owner) {
			in.Accounts = append(in.Accounts, owner)
		}
	}
	var err error
	in.Notices, err = d.notices(out, &reports, out.Arrived)
	return in, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

// mailboxes gives IMAP all mailboxes of each account, to any number of sessions.
type mailboxes struct{ *daemon }

func (d mailboxes) Open(ctx context.Context, id auth.Identity, _ *imapserver.Conn) (imapserver.Account, error) {
	account, err := d.store.Account(ctx, d.accounts.login(id.Authzid))
	if errors.Is(err, store.ErrNotFound) {
		return nil, imap.No("AUTHORIZATIONFAILED", "no such account")
	}
	if err != nil {
		return nil, err
	}
	return &mailAccount{store: d.store, id: account}, nil
}

// refusals says how errors of the store are answered. The others are the daemon's fault.
var refusals = []struct {
	err    error
	answer *imap.Reject
}{
	{store.ErrTarget, imap.No("TRYCREATE", "no such mailbox")},
	{store.ErrNotFound, imap.No("NONEXISTENT", "no such mailbox")},
	{store.ErrExists, imap.No("ALREADYEXISTS", "mailbox exists")},
	{store.ErrUse, imap.No("USEATTR", "no mailbox can be for that, or another one is")},
	{store.ErrInbox, imap.No("CANNOT", "INBOX stays")},
	{store.ErrInside, imap.No("CANNOT", "a mailbox cannot be below itself")},
	{store.ErrGone, imap.No("EXPUNGEISSUED", "some of the messages are gone")},
	{store.ErrClosed, imap.No("UNAVAILABLE", "the daemon stops")},
}

func refusal(err error) error {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.answer
		}
	}
	return err
}

// mailAccount is an account in one session.
type mailAccount struct {
	imapserver.BaseAccount
	store *store.Store
	id    int64
}

func (a *mailAccount) Abilities() imapserver.Ability {
	return imapserver.AllAbilities &^ imapserver.HasSearch
}

func (a *mailAccount) Mailboxes(ctx context.Context) iter.Seq2[imap.MailboxInfo, error] {
	return func(yield func(imap.MailboxInfo, error) bool) {
		all, err := a.store.Folders(ctx, a.id)
		if err != nil {
			yield(imap.MailboxInfo{}, err)
			return
		}
		for _, f := range all {
			info := imap.MailboxInfo{Name: f.Name}
			for use := range strings.FieldsSeq(f.SpecialUse) {
				info.Attrs = append(info.Attrs, imap.Attr(use))
			}
			if f.Subscribed {
				info.Attrs = append(info.Attrs, imap.AttrSubscribed)
			}
			if f.Missing {
				info.Attrs = append(info.Attrs, imap.AttrNonExistent)
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (a *mailAccount) Status(ctx context.Context, name string, want imap.StatusItems) (imap.MailboxStatus, error) {
	id, err := a.store.Folder(ctx, a.id, name)
	if err != nil {
		return imap.MailboxStatus{}, refusal(err)
	}
	st, err := a.store.Status(ctx, id, want.Has("SIZE"))
	return st, refusal(err)
}

func (a *mailAccount) Open(ctx context.Context, name string, _ bool) (imapserver.Mailbox, error) {
	id, err := a.store.Folder(ctx, a.id, name)
	if err != nil {
		return nil, refusal(err)
	}
	return &mailbox{account: a, store: a.store, id: id}, nil
}

func (a *mailAccount) Create(_ context.Context, name string, o imapserver.CreateOptions) (string, error) {
	id, err := a.store.Create(a.id, name, o.Use)
	return fmt.Sprintf("M%d", id), refusal(err)
}

func (a *mailAccount) Delete(_ context.Context, name string) error {
	return refusal(a.store.Delete(a.id, name))
}

func (a *mailAccount) Rename(_ context.Context, from, to string) error {
	return refusal(a.store.Rename(a.id, from, to))
}

func (a *mailAccount) Subscribe(_ context.Context, name string, on bool) error {
	return a.store.Subscribe(a.id, name, on)
}

func (a *mailAccount) Append(ctx context.Context, name string, list iter.Seq2[*imapserver.NewMessage, error]) (imap.UIDCode, error) {
	code, err := a.store.Append(ctx, a.id, name, time.Now(), list)
	return code, refusal(err)
}

// mailbox is a mailbox that one session has open. It is what the store knows its
// changes by.
type mailbox struct {
	imapserver.BaseMailbox
	account *mailAccount
	store   *store.Store
	id      int64
}

// Status leaves the sum of sizes out, which takes longer than all the rest and
// which nobody asks an open mailbox for.
func (m *mailbox) Status(ctx context.Context) (imap.MailboxStatus, error) {
	st, err := m.store.Status(ctx, m.id, false)
	return st, refusal(err)
}

func (m *mailbox) UIDs(ctx context.Context) (imap.UIDSet, error) { return m.store.UIDs(ctx, m.id) }

func (m *mailbox) Messages(ctx context.Context, u imap.UIDSet, need imapserver.Need) iter.Seq2[*imapserver.Message, error] {
	return m.store.Rows(ctx, m.id, u, need)
}

func (m *mailbox) Store(ctx context.Context, u imap.UIDSet, op *imap.FlagOp) iter.Seq2[imapserver.Stored, error] {
	return m.store.SetFlags(ctx, m.id, u, op, m)
}

func (m *mailbox) Copy(_ context.Context, u imap.UIDSet, to string) (imap.CopyCode, error) {
	code, err := m.store.Copy(m.account.id, m.id, u, to)
	return code, refusal(err)
}

func (m *mailbox) Move(_ context.Context, u imap.UIDSet, to string) (imap.CopyCode, imap.ModSeq, error) {
	code, modSeq, err := m.store.Move(m.account.id, m.id, u, to, m)
	return code, modSeq, refusal(err)
}

func (m *mailbox) Expunge(_ context.Context, u imap.UIDSet, force bool) (imapserver.Removed, error) {
	removed, err := m.store.Remove(m.id, u, force, m)
	return removed, refusal(err)
}

func (m *mailbox) Watch(push func(imapview.Change)) (stop func()) {
	return m.store.Watch(m.id, m, push)
}

func (m *mailbox) Keywords(ctx context.Context) ([]imap.Flag, error) {
	return m.store.Keywords(ctx, m.id)
}

func (m *mailbox) Vanished(ctx context.Context, since imap.ModSeq) (imap.UIDSet, bool, error) {
	return m.store.Vanished(ctx, m.id, since)
}

func (m *mailbox) ClaimRecent(ctx context.Context, claim bool) (imap.UIDSet, error) {
	uids, err := m.store.Recent(ctx, m.id, claim)
	return uids, refusal(err)
}

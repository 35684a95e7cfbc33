package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// maildrops hands out the inbox of each account, to one session at a time.
// RFC 1939, section 4.
type maildrops struct {
	*daemon
	locked sync.Map // by account
}

func (d *maildrops) Open(ctx context.Context, id auth.Identity, _ *pop3server.Conn) (pop3server.Maildrop, error) {
	account := d.accounts.login(id.Authzid)
	if _, taken := d.locked.LoadOrStore(account, nil); taken {
		return nil, &pop3.Reject{Code: pop3.InUse, Text: "Another session has this maildrop open"}
	}
	unlock := func() { d.locked.Delete(account) }
	inbox, err := d.store.Inbox(ctx, account)
	if err != nil {
		unlock()
		return nil, err
	}
	return &maildrop{store: d.store, inbox: inbox, unlock: unlock}, nil
}

// maildrop is an inbox as POP3 sees it.
type maildrop struct {
	store  *store.Store
	inbox  store.Mailbox
	unlock func()
}

// Messages numbers the inbox. The unique-id is UIDVALIDITY and UID, which
// together never come back. RFC 1939, section 7.
func (d *maildrop) Messages(ctx context.Context) ([]pop3server.Message, error) {
	stored, err := d.store.Messages(ctx, d.inbox.ID)
	if err != nil {
		return nil, err
	}
	all := make([]pop3server.Message, len(stored))
	for i, m := range stored {
		all[i] = pop3server.Message{Key: m, UID: fmt.Sprintf("%d.%d", d.inbox.UIDValidity, m.UID), Size: m.TextSize}
	}
	return all, nil
}

func (d *maildrop) Fetch(ctx context.Context, m pop3server.Message, _ int) (io.ReadCloser, error) {
	return d.store.Content(ctx, m.Key.(store.Message)), nil
}

func (d *maildrop) Commit(_ context.Context, deleted []pop3server.Message) error {
	uids := make([]uint32, len(deleted))
	for i, m := range deleted {
		uids[i] = m.Key.(store.Message).UID
	}
	return d.store.Expunge(d.inbox.ID, uids)
}

func (d *maildrop) Close() error {
	d.unlock()
	return nil
}

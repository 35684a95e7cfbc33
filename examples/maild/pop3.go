package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// newPOP3 offers what the daemon can keep: it deletes nothing by itself, so that
// EXPIRE is NEVER, and has the languages of languages.go.
func newPOP3(d *daemon, certs *auth.Certificates) *pop3server.Server {
	s := &pop3server.Server{
		Hostname: d.hostname, Backend: &maildrops{daemon: d, last: make(map[string]time.Time)},
		TLS: d.tls, Certs: certs, Auth: d.logins, APOP: d.readable,
		Expire: pop3.Period{Set: true, Never: true}, Implementation: "Mailwire-maild", Languages: languages,
		Logger: d.log.With("server", "pop3"),
	}
	if d.loginDelay > 0 {
		s.Delay = pop3.Period{Set: true, N: int(d.loginDelay / time.Second)}
	}
	return s
}

// maildrops hands out the inbox of each account, to one session at a time.
// RFC 1939, section 4.
type maildrops struct {
	*daemon
	locked sync.Map // by account

	mu   sync.Mutex
	last map[string]time.Time // of the logins that count for -login-delay, by account
}

func (d *maildrops) Open(ctx context.Context, id auth.Identity, _ *pop3server.Conn) (pop3server.Maildrop, error) {
	account := d.accounts.login(id.Authzid)
	if _, taken := d.locked.LoadOrStore(account, nil); taken {
		return nil, &pop3.Reject{Code: pop3.InUse, Text: textInUse}
	}
	unlock := func() { d.locked.Delete(account) }
	now := time.Now()
	if d.tooSoon(account, now) {
		unlock()
		return nil, &pop3.Reject{Code: pop3.LoginDelay, Text: textLoginDelay}
	}
	inbox, err := d.store.Inbox(ctx, account)
	if err != nil {
		unlock()
		return nil, err
	}
	d.letIn(account, now)
	return &maildrop{store: d.store, inbox: inbox, unlock: unlock}, nil
}

// tooSoon reports whether the account was let in less than -login-delay ago.
// RFC 2449, section 6.5.
func (d *maildrops) tooSoon(account string, now time.Time) bool {
	if d.loginDelay <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	last, ok := d.last[account]
	return ok && now.Sub(last) < d.loginDelay
}

// letIn begins the wait. A login that was refused, for whatever reason, does not.
func (d *maildrops) letIn(account string, now time.Time) {
	if d.loginDelay > 0 {
		d.mu.Lock()
		d.last[account] = now
		d.mu.Unlock()
	}
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
		all[i] = pop3server.Message{Key: m, UID: fmt.Sprintf("%d.%d", d.inbox.UIDValidity, m.UID), Size: m.TextSize, NeedsUTF8: m.UTF8}
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

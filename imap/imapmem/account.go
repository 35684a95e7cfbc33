package imapmem

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

// account is a user's mail as one session sees it.
type account struct {
	imapserver.BaseAccount
	user *user
}

var errNonExistent = imap.No("NONEXISTENT", "no such mailbox")

// make returns a mailbox that is nowhere yet.
func (u *user) make(id string) *mailbox {
	if id == "" {
		u.lastID++
		id = fmt.Sprintf("M%d", u.lastID)
	}
	return &mailbox{
		user: u, id: id, validity: u.store.validity.Next(u.store.now()), uidNext: 1, modSeq: 1, recent: 1,
		watchers: make(map[*handle]func(imapview.Change)),
	}
}

// add makes a mailbox.
func (u *user) add(name string) *mailbox {
	b := u.make("")
	u.mailboxes[name] = b
	return b
}

// create makes a mailbox, and what is missing above it.
func (u *user) create(name string) *mailbox {
	u.parents(name)
	return u.add(name)
}

// parents makes what is missing above a name.
func (u *user) parents(name string) {
	for i := range len(name) {
		if name[i:i+1] == delim && u.mailboxes[name[:i]] == nil {
			u.add(name[:i])
		}
	}
}

func (a *account) failing(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.user.store.failing(op)
}

// Abilities implements imapserver.Account, and so do those below.
func (a *account) Abilities() imapserver.Ability { return a.user.store.abilities() }

func (a *account) Mailboxes(ctx context.Context) iter.Seq2[imap.MailboxInfo, error] {
	return func(yield func(imap.MailboxInfo, error) bool) {
		if err := a.failing(ctx, "Mailboxes"); err != nil {
			yield(imap.MailboxInfo{}, err)
			return
		}
		for _, info := range a.infos() {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (a *account) infos() []imap.MailboxInfo {
	a.user.mu.RLock()
	defer a.user.mu.RUnlock()
	var out []imap.MailboxInfo
	for name, b := range a.user.mailboxes {
		info := imap.MailboxInfo{Name: name, Attrs: slices.Clone(b.use)}
		if a.user.subscribed[name] {
			info.Attrs = append(info.Attrs, imap.AttrSubscribed)
		}
		out = append(out, info)
	}
	for name := range a.user.subscribed {
		if a.user.mailboxes[name] == nil {
			out = append(out, imap.MailboxInfo{Name: name, Attrs: []imap.Attr{imap.AttrNonExistent, imap.AttrSubscribed}})
		}
	}
	return out
}

func (a *account) Status(ctx context.Context, name string, _ imap.StatusItems) (imap.MailboxStatus, error) {
	if err := a.failing(ctx, "Status"); err != nil {
		return imap.MailboxStatus{}, err
	}
	able := a.Abilities()
	a.user.mu.RLock()
	defer a.user.mu.RUnlock()
	b := a.user.mailboxes[name]
	if b == nil {
		return imap.MailboxStatus{}, errNonExistent
	}
	return b.status(able), nil
}

func (a *account) Open(ctx context.Context, name string, _ bool) (imapserver.Mailbox, error) {
	if err := a.failing(ctx, "Open"); err != nil {
		return nil, err
	}
	a.user.mu.RLock()
	defer a.user.mu.RUnlock()
	b := a.user.mailboxes[name]
	if b == nil {
		return nil, errNonExistent
	}
	return &handle{box: b, account: a}, nil
}

func (a *account) Create(ctx context.Context, name string, o imapserver.CreateOptions) (string, error) {
	if err := a.failing(ctx, "Create"); err != nil {
		return "", err
	}
	a.user.mu.Lock()
	defer a.user.mu.Unlock()
	if a.user.mailboxes[name] != nil {
		return "", imap.No("ALREADYEXISTS", "mailbox exists")
	}
	for _, use := range o.Use {
		if !use.SpecialUse() || use.Is(imap.AttrAll) || use.Is(imap.AttrFlagged) || use.Is(imap.AttrImportant) {
			return "", imap.No("USEATTR", "no mailbox can be for that")
		}
		for _, b := range a.user.mailboxes {
			if slices.ContainsFunc(b.use, use.Is) {
				return "", imap.No("USEATTR", "another mailbox is for that")
			}
		}
	}
	b := a.user.create(name)
	b.use = o.Use
	return b.id, nil
}

func (a *account) Delete(ctx context.Context, name string) error {
	if err := a.failing(ctx, "Delete"); err != nil {
		return err
	}
	a.user.mu.Lock()
	defer a.user.mu.Unlock()
	b := a.user.mailboxes[name]
	switch {
	case name == imap.INBOX:
		return imap.No("CANNOT", "INBOX stays")
	case b == nil:
		return errNonExistent
	}
	delete(a.user.mailboxes, name)
	b.retire()
	return nil
}

func (a *account) Rename(ctx context.Context, from, to string) error {
	if err := a.failing(ctx, "Rename"); err != nil {
		return err
	}
	a.user.mu.Lock()
	defer a.user.mu.Unlock()
	boxes := a.user.mailboxes
	switch {
	case boxes[from] == nil && !slices.ContainsFunc(a.below(from), func(string) bool { return true }):
		return errNonExistent
	case boxes[to] != nil:
		return imap.No("ALREADYEXISTS", "mailbox exists")
	case from == imap.INBOX:
		a.renameInbox(to)
		return nil
	case strings.HasPrefix(to, from+delim):
		return imap.No("CANNOT", "a mailbox cannot be below itself")
	}
	names := a.below(from)
	for _, name := range names {
		if boxes[to+name[len(from):]] != nil {
			return imap.No("ALREADYEXISTS", "a mailbox below it exists")
		}
	}
	a.user.parents(to)
	if boxes[from] != nil {
		names = append(names, from)
	}
	for _, name := range names {
		boxes[to+name[len(from):]] = boxes[name]
		delete(boxes, name)
	}
	return nil
}

// below returns the mailboxes below a name.
func (a *account) below(name string) []string {
	var out []string
	for other := range a.user.mailboxes {
		if strings.HasPrefix(other, name+delim) {
			out = append(out, other)
		}
	}
	return out
}

// renameInbox moves the mail of INBOX: RFC 9051, section 6.3.6.
func (a *account) renameInbox(to string) {
	inbox, b := a.user.mailboxes[imap.INBOX], a.user.create(to)
	var copies []*message
	for _, m := range inbox.messages {
		copies = append(copies, m.copy())
	}
	if len(copies) == 0 {
		return
	}
	b.append(copies...)
	inbox.remove(nil, imap.NumSetRange(1, inbox.uidNext), func(*message) bool { return true })
}

func (a *account) Subscribe(ctx context.Context, name string, on bool) error {
	if err := a.failing(ctx, "Subscribe"); err != nil {
		return err
	}
	a.user.mu.Lock()
	defer a.user.mu.Unlock()
	if on {
		a.user.subscribed[name] = true
	} else {
		delete(a.user.subscribed, name)
	}
	return nil
}

func (a *account) Append(ctx context.Context, name string, list iter.Seq2[*imapserver.NewMessage, error]) (imap.UIDCode, error) {
	if err := a.failing(ctx, "Append"); err != nil {
		return imap.UIDCode{}, err
	}
	a.user.mu.RLock()
	missing := a.user.mailboxes[name] == nil
	a.user.mu.RUnlock()
	if missing {
		return imap.UIDCode{}, imap.No("TRYCREATE", "no such mailbox")
	}
	var messages []*message
	for n, err := range list {
		if err != nil {
			return imap.UIDCode{}, err
		}
		m, err := read(n)
		if err != nil {
			return imap.UIDCode{}, err
		}
		if m.received.IsZero() {
			m.received = a.user.store.now()
		}
		messages = append(messages, m)
	}
	a.user.mu.Lock()
	defer a.user.mu.Unlock()
	b := a.user.mailboxes[name] // it may have gone meanwhile
	if b == nil {
		return imap.UIDCode{}, imap.No("TRYCREATE", "no such mailbox")
	}
	uids := b.append(messages...)
	code := imap.UIDCode{Validity: a.user.mailboxes[name].validity}
	for u := range uids.All() {
		code.UIDs.Add(u)
	}
	return code, nil
}

// read takes a message in.
func read(n *imapserver.NewMessage) (*message, error) {
	var buf writer
	buf.b = make([]byte, 0, min(n.Size, 64<<10)) // the rest when it has come
	if _, err := n.WriteTo(&buf); err != nil {
		return nil, err
	}
	m := newMessage(buf.b, n.Flags, n.Received)
	m.index = n.Index((*octets)(&buf.b))
	return m, nil
}

// writer gathers octets.
type writer struct{ b []byte }

func (w *writer) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

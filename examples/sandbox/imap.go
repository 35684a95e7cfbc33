package main

import (
	"context"
	"iter"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// mailboxes gives the shelf to IMAP. Messages can be read, flagged and removed;
// they come by SMTP alone, which is what bounds the memory that they take and
// what the shelf relies on.
type mailboxes struct{ shelf *shelf }

var errReadOnly = imap.No("CANNOT", "mail comes here by SMTP alone")

func (b mailboxes) Open(ctx context.Context, id auth.Identity, c *imapserver.Conn) (imapserver.Account, error) {
	account, err := b.shelf.store.Open(ctx, id, c)
	return inboxOnly{account}, err
}

// inboxOnly is an account in which mailboxes are neither made nor filled.
type inboxOnly struct{ imapserver.Account }

func (a inboxOnly) Abilities() imapserver.Ability {
	return a.Account.Abilities() &^ (imapserver.HasMove | imapserver.HasSpecialUse)
}

func (a inboxOnly) Open(ctx context.Context, name string, readOnly bool) (imapserver.Mailbox, error) {
	box, err := a.Account.Open(ctx, name, readOnly)
	return inbox{box}, err
}

func (inboxOnly) Create(context.Context, string, imapserver.CreateOptions) (string, error) {
	return "", errReadOnly
}

func (inboxOnly) Delete(context.Context, string) error { return errReadOnly }

func (inboxOnly) Rename(context.Context, string, string) error { return errReadOnly }

func (inboxOnly) Append(context.Context, string, iter.Seq2[*imapserver.NewMessage, error]) (imap.UIDCode, error) {
	return imap.UIDCode{}, errReadOnly
}

// inbox is the mailbox, from which nothing is copied.
type inbox struct{ imapserver.Mailbox }

func (inbox) Copy(context.Context, imap.UIDSet, string) (imap.CopyCode, error) {
	return imap.CopyCode{}, errReadOnly
}

func (inbox) Move(context.Context, imap.UIDSet, string) (imap.CopyCode, imap.ModSeq, error) {
	return imap.CopyCode{}, 0, errReadOnly
}

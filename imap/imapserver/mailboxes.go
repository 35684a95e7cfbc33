package imapserver

import (
	"context"
	"iter"

	"github.com/mailwire/mailwire/imap"
)

// createMailbox carries out CREATE. RFC 9051, section 6.3.4; RFC 6154, section 3.
func createMailbox(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a := ev.Args.(*imap.CreateArgs)
	name, err := c.newName(a.Mailbox)
	if err != nil {
		return err
	}
	if name == imap.INBOX {
		return imap.No("ALREADYEXISTS", "INBOX is always there")
	}
	var o CreateOptions
	if use, ok := a.Params.Get("USE"); ok {
		o.Use = use.([]imap.Attr)
	}
	_, err = c.account.Create(ctx, name, o)
	return err
}

// deleteMailbox carries out DELETE. Who deletes the mailbox that he has selected goes
// on with what is left of it: nothing. RFC 9051, section 6.3.5.
func deleteMailbox(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	name, err := c.name(ev.Args.(*imap.MailboxArgs).Mailbox)
	if err != nil {
		return err
	}
	if name == imap.INBOX {
		return imap.No("CANNOT", "INBOX stays")
	}
	s := c.selected
	if s == nil || s.name != name {
		return c.account.Delete(ctx, name)
	}
	s.expectGone(true)
	defer s.expectGone(false)
	err = c.account.Delete(ctx, name)
	if err == nil {
		s.box.Close()
		s.box = deleted{}
	}
	return err
}

// expectGone has the end of the mailbox taken as the end of all its messages.
func (s *selected) expectGone(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleting = yes
}

// deleted is what is left of a mailbox to the session that has deleted it.
type deleted struct{ BaseMailbox }

var errDeleted = imap.No("NONEXISTENT", "mailbox is gone")

func (deleted) Status(context.Context) (imap.MailboxStatus, error) {
	return imap.MailboxStatus{}, errDeleted
}
func (deleted) UIDs(context.Context) (imap.UIDSet, error) { return imap.UIDSet{}, nil }
func (deleted) Messages(context.Context, imap.UIDSet, Need) iter.Seq2[*Message, error] {
	return func(func(*Message, error) bool) {}
}
func (deleted) Store(context.Context, imap.UIDSet, *imap.FlagOp) iter.Seq2[Stored, error] {
	return func(func(Stored, error) bool) {}
}
func (deleted) Copy(context.Context, imap.UIDSet, string) (imap.CopyCode, error) {
	return imap.CopyCode{}, errDeleted
}
func (deleted) Expunge(context.Context, imap.UIDSet, bool) (Removed, error) { return Removed{}, nil }

// renameMailbox carries out RENAME. RFC 9051, section 6.3.6.
func renameMailbox(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a := ev.Args.(*imap.RenameArgs)
	from, err := c.name(a.From)
	if err != nil {
		return err
	}
	to, err := c.newName(a.To)
	if err != nil {
		return err
	}
	if to == imap.INBOX {
		return imap.No("ALREADYEXISTS", "INBOX is always there")
	}
	return c.account.Rename(ctx, from, to)
}

// subscribe and unsubscribe carry out SUBSCRIBE and UNSUBSCRIBE. The list holds
// names, which need not be those of mailboxes. RFC 9051, section 6.3.7.
func subscribe(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	return c.setSubscribed(ctx, ev, true)
}

func unsubscribe(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	return c.setSubscribed(ctx, ev, false)
}

func (c *Conn) setSubscribed(ctx context.Context, ev *imap.CommandEvent, on bool) error {
	name, err := c.name(ev.Args.(*imap.MailboxArgs).Mailbox)
	if err != nil {
		return err
	}
	return c.account.Subscribe(ctx, name, on)
}

// namespaces carries out NAMESPACE. RFC 9051, section 6.3.10.
func namespaces(ctx context.Context, c *Conn, _ *imap.CommandEvent) error {
	n, err := c.account.Namespaces(ctx)
	if err == nil {
		c.encoder().Data("NAMESPACE", 0, n)
	}
	return err
}

// identify carries out ID. What the client says of itself changes nothing.
// RFC 2971, section 3.1.
func identify(_ context.Context, c *Conn, _ *imap.CommandEvent) error {
	c.encoder().Data("ID", 0, c.server.ID)
	return nil
}

package imapserver

import (
	"context"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

var errExpungeIssued = imap.No("EXPUNGEISSUED", "some of the messages are gone")

// copyMessages carries out COPY. RFC 9051, section 6.4.7.
func copyMessages(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	live, to, err := c.copyArgs(ev)
	if err != nil || live.IsEmpty() {
		return err
	}
	code, err := c.selected.box.Copy(ctx, live, to)
	if err != nil {
		return err
	}
	return copied(code)
}

// copyArgs resolves what COPY and MOVE name. With one message among them that
// somebody else has removed nothing is done.
func (c *Conn) copyArgs(ev *imap.CommandEvent) (live imap.UIDSet, to string, err error) {
	a := ev.Args.(*imap.CopyArgs)
	live, gone, err := c.selected.resolve(a.Ref)
	if err != nil {
		return live, "", err
	}
	if !gone.IsEmpty() {
		return live, "", errExpungeIssued
	}
	to, err = c.name(a.Mailbox)
	return live, to, err
}

// copied is the tagged OK of COPY.
func copied(code imap.CopyCode) error {
	if len(code.Source) == 0 {
		return nil
	}
	return done(imap.Code{Name: "COPYUID", Arg: &code}, "copied")
}

// moveMessages carries out MOVE: the untagged COPYUID comes first, then what is
// gone. RFC 6851, sections 3.3 and 4.3.
func moveMessages(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	live, to, err := c.copyArgs(ev)
	if err != nil || live.IsEmpty() {
		return err
	}
	code, modSeq, err := c.moveOrCopy(ctx, live, to)
	if err != nil {
		return err
	}
	if len(code.Source) == 0 {
		return nil
	}
	c.encoder().Status("*", imap.Status{Code: imap.Code{Name: "COPYUID", Arg: &code}, Text: "moved"})
	c.selected.own(imapview.Change{Kind: imapview.Removed, UIDs: code.Source.Set(), ModSeq: modSeq})
	return c.removedStatus(ctx, modSeq)
}

// moveOrCopy moves in one step where the store can, and else copies and removes
// exactly what was copied.
func (c *Conn) moveOrCopy(ctx context.Context, live imap.UIDSet, to string) (imap.CopyCode, imap.ModSeq, error) {
	box := c.selected.box
	if c.abilities.Has(HasMove) {
		return box.Move(ctx, live, to)
	}
	code, err := box.Copy(ctx, live, to)
	if err != nil {
		return code, 0, err
	}
	removed, err := box.Expunge(ctx, live, true)
	return code, removed.ModSeq, err
}

// expunge carries out EXPUNGE. RFC 9051, section 6.4.3.
func expunge(ctx context.Context, c *Conn, _ *imap.CommandEvent) error {
	return c.expungeSet(ctx, c.selected.match(imap.Seqs(1, imap.Star)))
}

// uidExpunge carries out UID EXPUNGE. RFC 4315, section 2.1.
func uidExpunge(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	live, _, err := c.selected.resolve(ev.Args.(*imap.ExpungeArgs).Ref)
	if err != nil {
		return err
	}
	return c.expungeSet(ctx, live)
}

func (c *Conn) expungeSet(ctx context.Context, live imap.UIDSet) error {
	removed, err := c.selected.box.Expunge(ctx, live, false)
	if err != nil || removed.UIDs.IsEmpty() {
		return err
	}
	c.selected.own(imapview.Change{Kind: imapview.Removed, UIDs: removed.UIDs, ModSeq: removed.ModSeq})
	return c.removedStatus(ctx, removed.ModSeq)
}

// removedStatus is the tagged OK of what has removed messages: under QRESYNC it
// carries HIGHESTMODSEQ. What is told behind the command is told before it.
// RFC 7162, section 3.2.7.
func (c *Conn) removedStatus(ctx context.Context, modSeq imap.ModSeq) error {
	if !c.s.Enabled(imap.CapQResync) || modSeq == 0 {
		return nil
	}
	c.tell(ctx)
	highest := c.selected.safeModSeq(modSeq)
	if highest == 0 {
		return nil
	}
	return done(imap.Code{Name: "HIGHESTMODSEQ", Arg: highest}, "removed")
}

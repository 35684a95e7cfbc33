package imapserver

import (
	"context"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// selectMailbox carries out SELECT and EXAMINE. The mailbox that was selected is
// left first, and the client told so before anything about the new one, also if
// there will be none. RFC 9051, section 6.3.2; RFC 7162, section 3.2.11.
func (c *Conn) selectMailbox(ctx context.Context, e *imap.SelectEvent) {
	c.leave()
	if e.Leaves {
		c.encoder().Status("*", imap.Status{Code: imap.Code{Name: "CLOSED"}, Text: "previous mailbox is closed"})
	}
	s, st, err := c.openMailbox(ctx, e)
	if err != nil {
		c.settle(c.status(ctx, err))
		return
	}
	c.selected = s
	c.modes()
	s.condstore = s.condstore || e.FirstCondstore
	c.describe(ctx, e, st)
	answer := imap.Status{Text: "selected"}
	if s.readOnly {
		answer.Code.Name = "READ-ONLY"
	}
	c.settle(answer)
	c.lookAfter()
}

// openMailbox opens a mailbox and makes its view. Changes are watched before it
// is read, so that none is missed.
func (c *Conn) openMailbox(ctx context.Context, e *imap.SelectEvent) (*selected, *imap.MailboxStatus, error) {
	name, err := c.name(e.Mailbox)
	if err != nil {
		return nil, nil, err
	}
	box, err := c.account.Open(ctx, name, e.ReadOnly)
	if err != nil {
		return nil, nil, err
	}
	s := &selected{conn: c, name: name, box: box, readOnly: e.ReadOnly}
	s.stop = box.Watch(s.push)
	st, err := box.Status(ctx) // before the UIDs, so that it is never ahead of them
	var uids imap.UIDSet
	if err == nil {
		uids, err = box.UIDs(ctx)
	}
	if err == nil {
		s.keywords, err = box.Keywords(ctx)
	}
	if err != nil {
		s.stop()
		box.Close()
		return nil, nil, err
	}
	st.UIDNext = max(st.UIDNext, uids.Max()+1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = imapview.New(uids, st.UIDNext, imapview.Options{Vanished: c.s.Enabled(imap.CapQResync)})
	for _, change := range s.early {
		s.view.Push(change)
	}
	s.early = nil
	return s, &st, nil
}

// describe prints what SELECT tells of a mailbox.
func (c *Conn) describe(ctx context.Context, e *imap.SelectEvent, st *imap.MailboxStatus) {
	s, out := c.selected, c.encoder()
	s.printKeywords(out)
	out.Exists(s.exists())
	if s.tellsRecent {
		c.claimRecent(ctx, s)
		out.Recent(uint32(s.recent.Len()))
		c.tellUnseen(ctx, st)
	}
	code := func(name string, arg any, text string) {
		out.Status("*", imap.Status{Code: imap.Code{Name: name, Arg: arg}, Text: text})
	}
	code("UIDVALIDITY", st.UIDValidity, "UIDs are valid")
	code("UIDNEXT", uint32(st.UIDNext), "next UID")
	switch {
	case st.HighestModSeq != 0 && c.abilities.Has(HasModSeq):
		code("HIGHESTMODSEQ", s.safeModSeq(st.HighestModSeq), "highest mod-sequence")
	case c.s.Caps().Has(imap.CapCondstore):
		code("NOMODSEQ", nil, "no mod-sequences here")
	}
	if c.s.Enabled(imap.CapRev2) {
		out.Data("LIST", 0, &imap.MailboxInfo{Name: s.name, Delim: c.delim})
	}
	if q, ok := e.Params.Get("QRESYNC"); ok {
		c.resynchronise(ctx, q.(*imap.Resync), st)
	}
}

// tellUnseen tells the first message that was not seen. RFC 3501, section 6.3.1.
func (c *Conn) tellUnseen(ctx context.Context, st *imap.MailboxStatus) {
	if st.Is("UNSEEN") && st.Unseen == 0 {
		return
	}
	s := c.selected
	for m, err := range s.box.Messages(ctx, s.match(imap.Seqs(1, imap.Star)), NeedFlags) {
		if err != nil {
			return
		}
		if !imap.HasFlag(m.Flags, imap.FlagSeen) {
			c.encoder().Status("*", imap.Status{Code: imap.Code{Name: "UNSEEN", Arg: uint32(s.seq(m.UID))}, Text: "first unseen message"})
			return
		}
	}
}

// tellHighest tells HIGHESTMODSEQ to a client that has just enabled CONDSTORE.
// RFC 7162, section 3.1.
func (c *Conn) tellHighest(ctx context.Context) {
	s := c.selected
	st, err := s.box.Status(ctx)
	if err != nil || st.HighestModSeq == 0 {
		return
	}
	highest := s.safeModSeq(st.HighestModSeq)
	if highest == 0 {
		return
	}
	c.encoder().Status("*", imap.Status{Code: imap.Code{Name: "HIGHESTMODSEQ", Arg: highest}, Text: "highest mod-sequence"})
}

// leave closes the mailbox that is selected, if one is.
func (c *Conn) leave() {
	c.idleEnd()
	s := c.selected
	if s == nil {
		return
	}
	c.selected = nil
	s.stop()
	if err := s.box.Close(); err != nil {
		c.log.Error("closing the mailbox", "err", err)
	}
}

// closeMailbox carries out CLOSE and UNSELECT. CLOSE never fails for what it
// could not remove: clients do not expect that. RFC 9051, sections 6.4.1 and
// 6.4.2.
func (c *Conn) closeMailbox(ctx context.Context, e *imap.CloseEvent) {
	if e.Expunge {
		all := c.selected.match(imap.Seqs(1, imap.Star))
		if _, err := c.selected.box.Expunge(ctx, all, false); err != nil {
			c.status(ctx, err) // which logs it
		}
	}
	c.leave()
	c.settle(imap.Status{Text: "closed"})
}

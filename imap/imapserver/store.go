package imapserver

import (
	"context"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// storeFlags carries out STORE. Messages that others have removed are left out,
// and the client is told by the code: NO would mean that nothing was done.
// RFC 9051, section 6.4.6; RFC 7162, section 3.1.3.
func storeFlags(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a, s := ev.Args.(*imap.StoreArgs), c.selected
	if a.Op.UnchangedSince != nil && !c.abilities.Has(HasModSeq) {
		return imap.No("NOMODSEQ", "no mod-sequences here")
	}
	live, gone, err := s.resolve(a.Ref)
	if err != nil {
		return err
	}
	condstore := s.condstore || ev.FirstCondstore
	missing := gone.Len() + live.Len()
	var failed imap.NumSet[uint32]
	for st, err := range s.box.Store(ctx, live, &a.Op) {
		if err != nil {
			return err
		}
		missing--
		if st.Failed {
			failed.Add(number(s, ev.UID, st.UID))
			// What has changed it is pending, and is told behind this command.
			continue
		}
		if st.Changed {
			s.own(imapview.Change{Kind: imapview.Flagged, UIDs: imap.NumSetOf(st.UID), ModSeq: st.ModSeq, Flags: st.Flags, Silent: a.Op.Silent})
		}
		if a.Op.Silent && (!condstore || !st.Changed && a.Op.UnchangedSince == nil) {
			continue
		}
		c.printStored(s, ev.UID, condstore, a.Op.Silent, &st)
		if err := c.Flush(); err != nil {
			return err
		}
	}
	switch {
	case !failed.IsEmpty():
		return done(imap.Code{Name: "MODIFIED", Arg: failed}, "some had changed")
	case missing > 0:
		return done(imap.Code{Name: "EXPUNGEISSUED"}, "some are gone")
	}
	return nil
}

// number returns what a command calls a message.
func number(s *selected, uid bool, u imap.UID) uint32 {
	if uid {
		return uint32(u)
	}
	return uint32(s.seq(u))
}

// printStored prints the row of a message whose flags were changed. A silent one
// has its mod-sequence alone. RFC 7162, section 3.1.3.
func (c *Conn) printStored(s *selected, uid, condstore, silent bool, st *Stored) {
	e := c.encoder()
	if !silent {
		s.tellKeywords(e, st.Flags)
	}
	e.BeginFetch(s.seq(st.UID))
	if uid || condstore { // RFC 7162, section 3.2.4
		e.FetchUID(st.UID)
	}
	if condstore && st.ModSeq != 0 {
		e.FetchModSeq(st.ModSeq)
	}
	if !silent {
		s.printFlags(e, st.UID, st.Flags)
	}
	e.EndFetch()
}

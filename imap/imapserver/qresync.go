package imapserver

import (
	"context"
	"slices"

	"github.com/mailwire/mailwire/imap"
)

// resynchronise tells a client what has happened since it had the mailbox
// selected last. RFC 7162, sections 3.2.5 and 3.2.6.
func (c *Conn) resynchronise(ctx context.Context, q *imap.Resync, st *imap.MailboxStatus) {
	if q.UIDValidity != st.UIDValidity {
		return // nothing that it knows counts: as a plain SELECT
	}
	known := q.Known
	if known.IsEmpty() && st.UIDNext > 1 {
		known = imap.NumSetRange(1, st.UIDNext-1)
	}
	c.tellVanished(ctx, c.aboveMatch(known, q), q.ModSeq)
	c.tellChanged(ctx, known, q.ModSeq)
}

// aboveMatch leaves out the UIDs of whose removals the client needs no word: it
// has shown by numbers and UIDs that belong together that it knows all of them
// up to there. RFC 7162, section 3.2.5.2.
func (c *Conn) aboveMatch(known imap.UIDSet, q *imap.Resync) imap.UIDSet {
	if n := q.MatchSeq.Len(); n == 0 || n > maxMatch {
		return known
	}
	uids := slices.Collect(q.MatchUID.All())
	i, last := 0, imap.UID(0)
	for n := range q.MatchSeq.All() {
		if c.selected.seq(uids[i]) != n {
			break
		}
		last = uids[i]
		i++
	}
	if last == 0 {
		return known
	}
	return known.Subtract(imap.NumSetRange(1, last))
}

// maxMatch bounds the match data that is looked at. Clients send a few dozen.
const maxMatch = 10_000

// tellVanished tells which messages of a set are gone since a mod-sequence. Where
// the history does not go back so far, that is all that are not there.
// RFC 7162, section 3.2.5.1.
func (c *Conn) tellVanished(ctx context.Context, among imap.UIDSet, since imap.ModSeq) {
	s := c.selected
	s.mu.Lock()
	announced := s.view.UIDs()
	s.mu.Unlock()
	gone, complete, err := s.box.Vanished(ctx, since)
	if err != nil || !complete {
		gone = among
	}
	// What is announced is told by the view when it goes, and not before.
	gone = gone.Intersect(among).Subtract(announced)
	if !gone.IsEmpty() {
		c.encoder().Vanished(true, gone)
	}
}

// tellChanged tells the flags of messages that have changed since then.
func (c *Conn) tellChanged(ctx context.Context, among imap.UIDSet, since imap.ModSeq) {
	s := c.selected
	live := s.match(imap.InUIDs(among))
	for m, err := range s.box.Messages(ctx, live, NeedFlags) {
		if err != nil {
			c.status(ctx, err)
			return
		}
		if m.ModSeq <= since {
			continue
		}
		e := c.encoder()
		s.tellKeywords(e, m.Flags)
		e.BeginFetch(s.seq(m.UID))
		e.FetchUID(m.UID)
		s.printFlags(e, m.UID, m.Flags)
		e.FetchModSeq(m.ModSeq)
		e.EndFetch()
		if c.Flush() != nil {
			return
		}
	}
}

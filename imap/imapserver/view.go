package imapserver

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// selected is the mailbox that is selected.
type selected struct {
	conn     *Conn
	name     string
	box      Mailbox
	readOnly bool
	stop     func() // of Watch

	keywords []imap.Flag // told in FLAGS
	recent   imap.UIDSet // messages that this session sees as \Recent
	scratch  []imap.Flag

	// What of the session's modes matters for rows: see modes.
	condstore, tellsRecent bool

	// What others touch who change the mailbox. No call of the backend is made
	// and nothing is written while mu is held.
	mu       sync.Mutex
	view     *imapview.View // nil while the mailbox is opened
	early    []imapview.Change
	fresh    bool   // messages were added that may be recent
	deleting bool   // this session deletes the mailbox
	flush    func() // inside IDLE: what a flusher calls when there is something to tell
	queued   bool   // with the flushers
}

// push takes a change that somebody else has made.
func (s *selected) push(change imapview.Change) {
	s.mu.Lock()
	if s.view == nil {
		s.early = append(s.early, change)
		s.mu.Unlock()
		return
	}
	if change.Kind == imapview.Gone && s.deleting {
		change = imapview.Change{Kind: imapview.Removed, UIDs: s.view.UIDs()}
	}
	s.view.Push(change)
	s.fresh = s.fresh || change.Kind == imapview.Added
	flush := s.flush
	wake := flush != nil && !s.queued
	s.queued = s.queued || wake
	s.mu.Unlock()
	if wake {
		s.conn.server.flush.add(flush)
	}
}

// own takes a change that a command of this session has made.
func (s *selected) own(change imapview.Change) {
	s.mu.Lock()
	s.view.Own(change)
	s.mu.Unlock()
}

// resolve returns the messages that a command names.
func (s *selected) resolve(r imap.Ref) (live, gone imap.UIDSet, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live, gone, err = s.view.Resolve(r)
	if err != nil {
		err = imap.Bad("", "no message has that number")
	}
	return live, gone, err
}

// match is resolve for a key of SEARCH.
func (s *selected) match(r imap.Ref) imap.UIDSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	live, _ := s.view.Match(r)
	return live
}

func (s *selected) seq(u imap.UID) imap.SeqNum {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.view.Seq(u)
	return n
}

func (s *selected) exists() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.Exists()
}

func (s *selected) save(uids imap.UIDSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view.Save(uids)
}

func (s *selected) needsResync() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.NeedsResync()
}

// rows notes the greatest mod-sequence of rows that a command has printed.
func (s *selected) rows(top imap.ModSeq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view.Rows(top)
}

// safeModSeq returns the HIGHESTMODSEQ that may be told.
func (s *selected) safeModSeq(highest imap.ModSeq) imap.ModSeq {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.SafeModSeq(highest)
}

// modes follows what was enabled: RFC 7162, section 3.2.3, says that rows have
// more then, and IMAP4rev2 has no \Recent.
func (c *Conn) modes() {
	s := c.selected
	if s == nil {
		return
	}
	s.condstore = c.s.Enabled(imap.CapCondstore)
	s.tellsRecent = c.abilities.Has(HasRecent) && !c.s.Enabled(imap.CapRev2)
	if c.s.Enabled(imap.CapQResync) {
		s.mu.Lock()
		s.view.SetVanished()
		s.mu.Unlock()
	}
}

// refresh catches up with the store where the view has lost count, which has to
// be done before numbers are used, or where nothing is told of changes.
func (c *Conn) refresh(ctx context.Context) {
	s := c.selected
	if !s.needsResync() && c.abilities.Has(HasWatch) {
		return
	}
	// UIDNEXT first: a message that comes in between is then announced by its
	// own change, or found again.
	st, err := s.box.Status(ctx)
	var uids imap.UIDSet
	if err == nil {
		uids, err = s.box.UIDs(ctx)
	}
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "cannot look for changes", slog.Any("err", err))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view.Resync(uids, max(st.UIDNext, uids.Max()+1))
	s.fresh = true
}

// tell prints what may be told now.
func (c *Conn) tell(ctx context.Context) {
	s := c.selected
	if s == nil {
		return
	}
	t := c.s.Tell()
	if t == imap.TellNothing || t == imap.TellDrop {
		return
	}
	c.tellAs(ctx, s, t, c.encoder(), c.Flush)
}

// tellAs prints updates to e, and has it flushed between lines. It is called by
// the goroutine of the connection, or by a flusher while that waits inside IDLE.
func (c *Conn) tellAs(ctx context.Context, s *selected, t imap.Tell, e *imap.Encoder, flush func() error) {
	c.refresh(ctx)
	var room [8]imapview.Update
	updates := room[:0]
	s.mu.Lock()
	s.view.Flush(t, func(u imapview.Update) { updates = append(updates, u) })
	fresh := s.fresh
	s.fresh = false
	s.mu.Unlock()
	if fresh {
		c.claimRecent(ctx, s)
	}
	if slices.ContainsFunc(updates, isUnknown) {
		updates = c.lookUp(ctx, s, updates)
	}
	for i := range updates {
		if updates[i].Exists != 0 {
			s.mu.Lock()
			s.dropGone()
			s.mu.Unlock()
		}
		s.printUpdate(e, &updates[i])
		if flush() != nil {
			return
		}
	}
}

// dropGone forgets which of the removed messages were \Recent. Those that are to
// be announced yet stay.
func (s *selected) dropGone() {
	announced := s.view.UIDs()
	later := imap.NumSetRange(announced.Max()+1, 1<<32-1)
	s.recent = s.recent.Intersect(announced.Union(later))
}

// isUnknown reports whether an update tells flags that have to be looked up.
func isUnknown(u imapview.Update) bool {
	return u.UID != 0 && u.Flags == nil
}

// lookUp fills flags in, and drops updates of messages that are gone meanwhile.
func (c *Conn) lookUp(ctx context.Context, s *selected, updates []imapview.Update) []imapview.Update {
	var wanted imap.UIDSet
	for _, u := range updates {
		if isUnknown(u) {
			wanted.Add(u.UID)
		}
	}
	found := make(map[imap.UID]imapview.Update)
	for m, err := range s.box.Messages(ctx, wanted, NeedFlags) {
		if err != nil {
			c.log.LogAttrs(ctx, slog.LevelError, "cannot look up flags", slog.Any("err", err))
			break
		}
		found[m.UID] = imapview.Update{Flags: append([]imap.Flag{}, m.Flags...), ModSeq: m.ModSeq}
	}
	out := updates[:0]
	var top imap.ModSeq
	for _, u := range updates {
		if isUnknown(u) {
			now, there := found[u.UID]
			if !there {
				continue
			}
			u.Flags, u.ModSeq = now.Flags, now.ModSeq
			top = max(top, now.ModSeq)
		}
		out = append(out, u)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view.Rows(top)
	if safe, ok := s.view.TakeBack(); ok {
		out = append(out, imapview.Update{HighestModSeq: safe})
	}
	return out
}

// printUpdate prints one line.
func (s *selected) printUpdate(e *imap.Encoder, u *imapview.Update) {
	switch {
	case u.Expunge != 0:
		e.Expunge(u.Expunge)
	case !u.Vanished.IsEmpty():
		e.Vanished(false, u.Vanished)
	case u.Exists != 0:
		e.Exists(u.Exists)
		if s.tellsRecent {
			e.Recent(uint32(s.recent.Len()))
		}
	case u.UID != 0:
		s.tellKeywords(e, u.Flags)
		e.BeginFetch(u.Seq)
		if s.condstore { // RFC 7162, section 3.2.4
			e.FetchUID(u.UID)
			if u.ModSeq != 0 {
				e.FetchModSeq(u.ModSeq)
			}
		}
		s.printFlags(e, u.UID, u.Flags)
		e.EndFetch()
	case u.HighestModSeq != 0:
		e.Status("*", imap.Status{Code: imap.Code{Name: "HIGHESTMODSEQ", Arg: u.HighestModSeq}, Text: "there is more to tell"})
	}
}

// printFlags prints the item FLAGS.
func (s *selected) printFlags(e *imap.Encoder, u imap.UID, flags []imap.Flag) {
	if s.tellsRecent && s.recent.Contains(u) {
		s.scratch = append(append(s.scratch[:0], flags...), imap.FlagRecent)
		flags = s.scratch
	}
	e.FetchFlags(flags)
}

// tellKeywords prints FLAGS in front of the first row that has a keyword which
// is not in the last one. RFC 9051, section 7.3.5.
func (s *selected) tellKeywords(e *imap.Encoder, flags []imap.Flag) {
	known := len(s.keywords)
	for _, f := range flags {
		if !f.System() && !imap.HasFlag(s.keywords, f) {
			s.keywords = append(s.keywords, f)
		}
	}
	if len(s.keywords) > known {
		s.printKeywords(e)
	}
}

var systemFlags = []imap.Flag{imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagSeen, imap.FlagDraft}

// printKeywords prints FLAGS and PERMANENTFLAGS.
func (s *selected) printKeywords(e *imap.Encoder) {
	flags := append(slices.Clone(systemFlags), s.keywords...)
	e.Data("FLAGS", 0, flags)
	permanent := append(flags, imap.FlagWildcard)
	if s.readOnly { // RFC 9051, section 6.3.3
		permanent = []imap.Flag{}
	}
	e.Status("*", imap.Status{Code: imap.Code{Name: "PERMANENTFLAGS", Arg: permanent}, Text: "flags that stay"})
}

// claimRecent learns which of the messages are this session's to see as
// \Recent. RFC 3501, section 2.3.2.
func (c *Conn) claimRecent(ctx context.Context, s *selected) {
	if !s.tellsRecent {
		return
	}
	u, err := s.box.ClaimRecent(ctx, !s.readOnly)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "cannot claim recent messages", slog.Any("err", err))
		return
	}
	s.recent = s.recent.Union(u)
}

// goneStatus ends sessions whose mailbox somebody else has deleted.
var goneStatus = imap.Status{Kind: imap.BYE, Code: imap.Code{Name: "NONEXISTENT"}, Text: "mailbox is gone"}

// lookAfter ends the session if its mailbox is gone, or broken. RFC 2180, section
// 3.3.
func (c *Conn) lookAfter() {
	s := c.selected
	if s == nil || c.s.State() == imap.Closed {
		return
	}
	s.mu.Lock()
	gone, err := s.view.Gone(), s.view.Err()
	s.mu.Unlock()
	switch {
	case err != nil:
		c.log.Error("the store is broken", "err", err)
		c.fail(&imap.Reject{Kind: imap.BYE, Code: imap.Code{Name: "SERVERBUG"}, Text: "mailbox is inconsistent"})
	case gone:
		r := imap.Reject(goneStatus)
		c.fail(&r)
	}
}

package imapclient

import (
	"context"

	"github.com/mailwire/mailwire/imap"
)

// A SyncState is what a program has of a mailbox. The zero value is nothing. It can
// be kept as JSON.
type SyncState struct {
	UIDValidity uint32
	UIDNext     imap.UID
	ModSeq      imap.ModSeq // 0: the mailbox has none
	UIDs        imap.UIDSet // the messages it has
}

// ChangeKind says what a Change is about.
type ChangeKind uint8

const (
	Reset   ChangeKind = iota + 1 // UIDVALIDITY is another: nothing of what there was counts
	Removed                       // UIDs are gone
	Flags                         // Message has the flags of a message that is known
	Added                         // Message is new, with all its content
)

func (k ChangeKind) String() string {
	names := [...]string{"ChangeKind(0)", "Reset", "Removed", "Flags", "Added"}
	if int(k) < len(names) {
		return names[k]
	}
	return "ChangeKind(?)"
}

// A Change is one step that gets a program level with the mailbox.
type Change struct {
	Kind    ChangeKind
	UIDs    imap.UIDSet
	Message *Message // until each returns
	// Selected is what the server says of the mailbox, the same in every Change: its
	// UIDVALIDITY is what the UIDs mean, from a Reset on.
	Selected *Selected
}

// maxRuns is how long a set may be that is sent: many servers bound their lines.
// RFC 2683, section 3.2.1.5.
const maxRuns = 500

// Sync selects a mailbox and tells what has changed since last: by QRESYNC (RFC
// 7162, section 3.2) where it is enabled, else by CONDSTORE and a list of UIDs,
// else by all flags and that list. Changes come in the order Reset, Removed, Flags,
// Added. Flags may be told that are no news. A message in Added has UID, FLAGS,
// INTERNALDATE, RFC822.SIZE and BODY[], which is read from the connection while
// each reads it; it stays unseen.
//
// The state that is returned is to be kept when all of it was stored, and used for
// the next Sync. An error of each ends Sync and is returned as it is; the state
// then says what was told until then, and can be used as well.
func (c *Client) Sync(ctx context.Context, name string, last SyncState, each func(Change) error) (SyncState, error) {
	s := syncing{c: c, last: last}
	s.each = func(ch Change) error {
		ch.Selected = s.box
		return each(ch)
	}
	if err := s.open(ctx, name); err != nil {
		return last, err
	}
	err := s.run(ctx)
	return s.now, err
}

// syncing is one Sync.
type syncing struct {
	c       *Client
	each    func(Change) error
	box     *Selected
	last    SyncState
	now     SyncState
	resyncs bool // the server tells what has vanished and changed by itself
}

// open selects the mailbox, and asks for what has changed if that can be.
func (s *syncing) open(ctx context.Context, name string) (err error) {
	o := new(SelectOptions)
	if s.last.UIDValidity != 0 && s.last.ModSeq != 0 && s.c.Enabled(imap.CapQResync) {
		o.Resync = &imap.Resync{UIDValidity: s.last.UIDValidity, ModSeq: s.last.ModSeq}
		if s.last.UIDs.NumRuns() <= maxRuns {
			o.Resync.Known = s.last.UIDs
		}
		s.resyncs = true
	}
	s.box, err = s.c.Select(ctx, name, o)
	return err
}

func (s *syncing) run(ctx context.Context) error {
	s.now = s.last
	if s.last.UIDValidity != s.box.UIDValidity {
		if s.last.UIDValidity != 0 {
			if err := s.each(Change{Kind: Reset}); err != nil {
				return err
			}
		}
		s.last, s.resyncs = SyncState{UIDValidity: s.box.UIDValidity}, false
		s.now = s.last
	}
	// Without what follows the mailbox is as before; mod-sequence and UIDNEXT rise
	// only when all was told, or the next Sync would not ask for it again.
	fresh, err := s.removed(ctx)
	if err == nil {
		err = s.flags(ctx)
	}
	if err == nil {
		err = s.added(ctx, fresh)
	}
	if err != nil {
		return err
	}
	s.now.ModSeq = s.box.HighestModSeq
	s.now.UIDNext = max(s.box.UIDNext, s.now.UIDs.Max()+1, s.last.UIDNext)
	return nil
}

// removed tells what is gone, and returns what is new as far as it is known.
func (s *syncing) removed(ctx context.Context) (fresh imap.UIDSet, err error) {
	gone := s.box.Vanished.Intersect(s.last.UIDs)
	if s.resyncs {
		for _, m := range s.box.Changed {
			if m.UID != 0 && !s.last.UIDs.Contains(m.UID) {
				fresh.Add(m.UID)
			}
		}
	} else if s.box.Exists > 0 || !s.last.UIDs.IsEmpty() {
		found, err := s.c.Search(ctx, imap.Test("ALL"), nil)
		if err != nil {
			return fresh, err
		}
		there := found.UIDs()
		gone, fresh = s.last.UIDs.Subtract(there), there.Subtract(s.last.UIDs)
	}
	if gone.IsEmpty() {
		return fresh, nil
	}
	if err := s.each(Change{Kind: Removed, UIDs: gone}); err != nil {
		return fresh, err
	}
	s.now.UIDs = s.now.UIDs.Subtract(gone)
	return fresh, nil
}

// flags tells the flags of what is known, if they can have changed.
func (s *syncing) flags(ctx context.Context) error {
	known := s.now.UIDs
	if s.resyncs {
		for _, m := range s.box.Changed {
			if !known.Contains(m.UID) {
				continue
			}
			if err := s.each(Change{Kind: Flags, Message: m}); err != nil {
				return err
			}
		}
		return nil
	}
	if known.IsEmpty() || s.last.ModSeq != 0 && s.box.HighestModSeq == s.last.ModSeq {
		return nil
	}
	args := &imap.FetchArgs{Ref: imap.UIDs(known.Min(), known.Max()), Items: []imap.FetchItem{imap.ItemUID, imap.ItemFlags}}
	if s.last.ModSeq != 0 && s.box.HighestModSeq != 0 {
		args.Params = imap.Params{{Name: "CHANGEDSINCE", Arg: s.last.ModSeq}}
	}
	for m, err := range s.c.FetchWith(ctx, args) {
		if err != nil {
			return err
		}
		if !known.Contains(m.UID) {
			continue
		}
		if err := s.each(Change{Kind: Flags, Message: m}); err != nil {
			return err
		}
	}
	return nil
}

// added tells what is new: those of which it is known, and all from the UID on
// that was the next one. A run that was cut off may have told some of these, in
// whatever order they came.
func (s *syncing) added(ctx context.Context, fresh imap.UIDSet) error {
	first := s.last.UIDNext
	if first == 0 {
		first = s.last.UIDs.Max() + 1
	}
	if s.resyncs && s.box.Exists > 0 && s.box.UIDNext > first {
		fresh.AddRange(first, s.box.UIDNext-1)
	}
	fresh = fresh.Subtract(s.now.UIDs)
	if s.resyncs && s.box.Exists > 0 && s.box.UIDNext == 0 { // not told
		fresh.AddRange(first, imap.Star)
	}
	for part := range parts(fresh, maxRuns) {
		if err := s.fetch(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (s *syncing) fetch(ctx context.Context, uids imap.UIDSet) error {
	items := []imap.FetchItem{imap.ItemUID, imap.ItemFlags, imap.ItemInternalDate, imap.ItemSize, imap.Peek("")}
	for m, err := range s.c.Fetch(ctx, imap.InUIDs(uids), items...) {
		if err != nil {
			return err
		}
		if s.now.UIDs.Contains(m.UID) { // the last one, which "n:*" names
			continue
		}
		if err := s.each(Change{Kind: Added, Message: m}); err != nil {
			return err
		}
		s.now.UIDs.Add(m.UID)
	}
	return nil
}

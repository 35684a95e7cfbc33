package imapview

import "github.com/mailwire/mailwire/imap"

// A Kind is what has happened to messages of a mailbox, or to itself.
type Kind uint8

const (
	Added   Kind = iota // messages are new
	Removed             // messages are gone
	Flagged             // flags have changed
	Gone                // the mailbox was deleted, or cannot be reached any more
)

func (k Kind) String() string { return [...]string{"Added", "Removed", "Flagged", "Gone"}[k] }

// A Change is something that has happened in the store.
type Change struct {
	Kind   Kind
	UIDs   imap.UIDSet
	ModSeq imap.ModSeq // 0: the store has none
	// Flags are all flags that the messages have now. The View keeps the slice,
	// which nobody may change. nil: to be looked up when they are told.
	Flags []imap.Flag
	// Silent: of Own, the answer does not tell the flags, as with STORE .SILENT.
	Silent bool
}

// Push takes a change that another session has made. It is short, and in the
// order in which the store has changed. It returns whether there were more
// removals than can be kept: see NeedsResync.
func (v *View) Push(c Change) (overflow bool) {
	switch c.Kind {
	case Added:
		v.add(c)
	case Removed:
		v.remove(c)
	case Flagged:
		v.flag(c)
	case Gone:
		v.lost = true
	}
	v.bound()
	return v.overflow
}

// add counts new messages. Those that New or Resync has counted already are
// echoes, as are those that were added before.
func (v *View) add(c Change) {
	if v.overflow {
		return
	}
	for run := range c.UIDs.Runs() {
		lo := max(run.Lo, v.accounted)
		if lo <= run.Hi && lo <= v.highest {
			if !v.added.Contains(lo) && !v.announced.set.Contains(lo) {
				v.err = ErrLateUID
				return
			}
			lo = v.highest + 1
		}
		if lo <= run.Hi && lo != 0 {
			v.added.AddRange(lo, run.Hi)
			v.highest = run.Hi
			v.lowRest.add(c.ModSeq)
		}
	}
}

// remove notes messages that are gone. One that was never announced has never
// been: RFC 7162, section 3.2.10.2.
func (v *View) remove(c Change) {
	if v.overflow {
		return
	}
	if known := c.UIDs.Intersect(v.announced.set); !known.IsEmpty() {
		addAll(&v.gone, known)
		v.lowGone.add(c.ModSeq)
		v.forget(known)
	}
	if unseen := c.UIDs.Intersect(v.added); !unseen.IsEmpty() {
		v.added = v.added.Subtract(unseen)
	}
}

// addAll adds to a set what may be much smaller.
func addAll(s *imap.UIDSet, more imap.UIDSet) {
	for run := range more.Runs() {
		s.AddRange(run.Lo, run.Hi)
	}
}

// forget drops what is pending of the flags of some messages.
func (v *View) forget(uids imap.UIDSet) {
	if uids.Len() < len(v.flags) {
		for u := range uids.All() {
			delete(v.flags, u)
		}
	} else {
		for u := range v.flags {
			if uids.Contains(u) {
				delete(v.flags, u)
			}
		}
	}
	if !v.dirty.Intersect(uids).IsEmpty() {
		v.dirty = v.dirty.Subtract(uids)
	}
}

// flag notes the last state of the flags of messages. Of those that are not
// announced the client will ask by itself.
func (v *View) flag(c Change) {
	known := c.UIDs.Intersect(v.announced.set)
	if !v.gone.IsEmpty() {
		known = known.Subtract(v.gone)
	}
	if known.IsEmpty() {
		return
	}
	if c.Flags == nil || known.Len() > v.o.MaxPending {
		addAll(&v.dirty, known)
		v.lowRest.add(c.ModSeq)
		return
	}
	if v.flags == nil {
		v.flags = make(map[imap.UID]flags)
	}
	for u := range known.All() {
		m, ok := v.own[u]
		switch {
		case c.ModSeq != 0 && ok && c.ModSeq <= m:
			continue // this session has done it, or something later
		case c.ModSeq != 0 && !ok && c.ModSeq <= v.forgotten:
			delete(v.flags, u)
			v.dirty.Add(u) // it may have: what is right now is for the store to say
			v.lowRest.add(c.ModSeq)
			continue
		}
		if old, ok := v.flags[u]; ok && c.ModSeq != 0 && c.ModSeq < old.modSeq {
			continue
		}
		v.flags[u] = flags{c.Flags, c.ModSeq}
		v.lowRest.add(c.ModSeq)
	}
}

// Own takes a change that this session has made itself. New and removed messages
// are told like those of others; flags are not, since the answer of the command
// has told them, or the client knows: what is pending of their messages is
// dropped unless it came later, and an echo that comes from the store is too.
// After a silent change the client knows only its own part of the flags: where
// another session has changed them before, all are told. RFC 9051, section 6.4.6.
func (v *View) Own(c Change) {
	if c.Kind != Flagged {
		v.Push(c)
		return
	}
	v.Rows(c.ModSeq)
	if len(v.own) > min(v.o.MaxPending, maxOwn) {
		for _, m := range v.own {
			v.forgotten = max(v.forgotten, m)
		}
		v.own = nil
	}
	if v.own == nil {
		v.own = make(map[imap.UID]imap.ModSeq)
	}
	for u := range c.UIDs.Intersect(v.announced.set).All() {
		pending, ok := v.flags[u]
		switch {
		case c.ModSeq == 0 && ok:
			// Which of the two came first cannot be told: look it up.
			delete(v.flags, u)
			v.dirty.Add(u)
		case c.ModSeq != 0 && ok && pending.modSeq <= c.ModSeq && c.Silent:
			v.flags[u] = flags{c.Flags, c.ModSeq}
		case c.ModSeq != 0 && ok && pending.modSeq <= c.ModSeq:
			delete(v.flags, u)
		}
		if c.ModSeq != 0 {
			v.own[u] = c.ModSeq
		}
	}
	v.bound()
}

// maxOwn is how many messages a View remembers to have changed itself. Of others
// flags are looked up, where it cannot tell.
const maxOwn = 1000

// bound keeps memory within MaxPending. Flags that are too many become UIDs, of
// which runs that are too many become one: rows too many are harmless. Only
// removals must be exact, so of these the truth has to be asked.
func (v *View) bound() {
	most := v.o.MaxPending
	if len(v.flags) > most {
		for u := range v.flags {
			v.dirty.Add(u)
		}
		v.flags = nil
	}
	if v.dirty.NumRuns() > most {
		v.dirty = imap.NumSetRange(v.dirty.Min(), v.dirty.Max())
	}
	if v.gone.NumRuns()+v.added.NumRuns() > most {
		v.overflow = true
		v.gone, v.added = imap.UIDSet{}, imap.UIDSet{}
		v.lowGone.add(0)
	}
}

// NeedsResync reports whether removals were too many to keep. Until Resync
// nothing is told.
func (v *View) NeedsResync() bool { return v.overflow }

// Resync compares the view with the truth: the UIDs that the store has now, and
// its UIDNEXT. It recovers from an overflow, and is all that a store needs which
// cannot be watched.
func (v *View) Resync(uids imap.UIDSet, next imap.UID) {
	known := v.gone
	v.gone = v.announced.set.Subtract(uids)
	switch {
	case v.gone.IsEmpty():
		v.lowGone = low{}
	case !v.gone.Subtract(known).IsEmpty():
		v.lowGone.add(0) // when they went nobody has said
		v.forget(v.gone)
	}
	v.added = uids.Subtract(v.announced.set)
	if !v.added.IsEmpty() {
		if v.added.Min() <= v.top {
			v.err = ErrLateUID
			v.added = imap.UIDSet{}
			return
		}
		v.lowRest.add(0)
	}
	v.counted(uids, next)
	v.overflow = false
}

// counted notes that the UIDs of a store whose UIDNEXT is next are known.
func (v *View) counted(uids imap.UIDSet, next imap.UID) {
	if next == 0 {
		next = uids.Max() + 1
	}
	v.accounted = max(v.accounted, next)
	v.highest = max(v.highest, uids.Max(), next-1)
}

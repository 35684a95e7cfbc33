package imapview

import (
	"maps"
	"slices"

	"github.com/mailwire/mailwire/imap"
)

// An Update is one line to print. Which one it is shows in the first of these
// that is set: Expunge, Vanished, Exists, UID, HighestModSeq.
type Update struct {
	Expunge  imap.SeqNum // EXPUNGE
	Vanished imap.UIDSet // VANISHED
	Exists   uint32      // EXISTS
	// FETCH with FLAGS, and with UID and MODSEQ where CONDSTORE is enabled. Seq is
	// 0 under UIDONLY. Flags nil: ask the store, and print nothing if the message
	// is not there; then give what was printed to Rows, and ask TakeBack.
	Seq    imap.SeqNum
	UID    imap.UID
	Flags  []imap.Flag
	ModSeq imap.ModSeq
	// HighestModSeq: OK [HIGHESTMODSEQ n], which takes back that the rows before
	// it seem to say. RFC 7162, section 3.2.
	HighestModSeq imap.ModSeq
}

// Flush gives what may be told now to emit, line by line, and forgets it. It
// returns whether anything is left that may not. emit must not use the View.
func (v *View) Flush(t imap.Tell, emit func(Update)) (more bool) {
	if t == imap.TellNothing || t == imap.TellDrop || v.overflow {
		return v.pending()
	}
	if t == imap.TellAll {
		v.flushGone(emit)
	}
	if !v.added.IsEmpty() {
		v.announced.extend(v.added)
		v.top = v.announced.max()
		v.added = imap.UIDSet{}
		emit(Update{Exists: v.announced.total})
	}
	v.Rows(v.flushFlags(emit))
	v.lowRest = low{}
	if safe, ok := v.TakeBack(); ok {
		emit(Update{HighestModSeq: safe})
	}
	return v.pending()
}

// Rows notes the greatest mod-sequence of rows that others than Flush have
// printed: the answer of FETCH or STORE, and rows whose flags were looked up.
func (v *View) Rows(top imap.ModSeq) { v.rows = max(v.rows, top) }

// TakeBack returns what HIGHESTMODSEQ has to be told at the end of a command whose
// rows have mod-sequences above those of removals that are not told yet: a client
// that stored the greatest would never learn of them. Flush tells it by itself;
// it is for rows that are printed behind Flush. RFC 7162, sections 3.2 and 6.
func (v *View) TakeBack() (safe imap.ModSeq, needed bool) {
	if !v.lowGone.pending || !v.o.Vanished {
		return 0, false
	}
	safe = v.told // removals whose mod-sequences are not known, as behind Resync
	if m := v.lowGone.modSeq; m != 0 {
		safe = m - 1
	}
	if safe = max(1, safe); v.rows <= safe {
		return 0, false
	}
	v.rows = safe
	return safe, true
}

func (v *View) pending() bool {
	return v.overflow || !v.gone.IsEmpty() || !v.added.IsEmpty() || len(v.flags) > 0 || !v.dirty.IsEmpty()
}

// flushGone tells the removals: from the last to the first, so that each number
// is that of the view as it was.
func (v *View) flushGone(emit func(Update)) {
	if v.gone.IsEmpty() {
		return
	}
	if v.o.Vanished || v.o.UIDOnly {
		emit(Update{Vanished: v.gone})
	} else {
		list := slices.Collect(v.gone.Runs())
		for _, run := range slices.Backward(list) {
			last, _ := v.announced.seq(run.Hi)
			for n := range imap.SeqNum(run.Len()) {
				emit(Update{Expunge: last - n})
			}
		}
	}
	v.announced = newRuns(v.announced.set.Subtract(v.gone))
	v.saved = v.saved.Subtract(v.gone)
	v.gone, v.lowGone = imap.UIDSet{}, low{}
}

// flushFlags tells flags in the order of the messages, and returns the greatest
// mod-sequence among those that are known.
func (v *View) flushFlags(emit func(Update)) (top imap.ModSeq) {
	if len(v.flags) == 0 && v.dirty.IsEmpty() {
		return 0
	}
	dirty := v.dirty.Intersect(v.announced.set).Subtract(v.gone)
	known := imap.NumSetOf(slices.Sorted(maps.Keys(v.flags))...) // sorted, since to add one by one is slow
	for u := range dirty.Union(known).All() {
		f := v.flags[u]
		if dirty.Contains(u) {
			f = flags{}
		}
		top = max(top, f.modSeq)
		seq, _ := v.Seq(u)
		emit(Update{Seq: seq, UID: u, Flags: f.flags, ModSeq: f.modSeq})
	}
	v.flags, v.dirty = nil, imap.UIDSet{}
	return top
}

// SafeModSeq returns the HIGHESTMODSEQ that may be told where highest is that of
// the store: one below everything that the client was not told of yet. RFC 7162,
// section 3.2.
func (v *View) SafeModSeq(highest imap.ModSeq) imap.ModSeq {
	for _, l := range []low{v.lowGone, v.lowRest} {
		switch {
		case !l.pending || l.modSeq > highest:
		case l.modSeq == 0:
			highest = min(highest, v.told) // not known: nothing new is safe
		default:
			highest = min(highest, l.modSeq-1)
		}
	}
	v.told = max(v.told, highest)
	v.rows = highest
	return highest
}

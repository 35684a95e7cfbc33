package imapview

import (
	"errors"

	"github.com/mailwire/mailwire/imap"
)

// Options of a View.
type Options struct {
	// MaxPending bounds what is kept of changes that are not told yet: entries of
	// flags, and runs of UIDs. Zero means 10000. Beyond it flags are looked up
	// when they are told, and removals by Resync: nothing is lost.
	MaxPending int
	// Vanished: removals are told by VANISHED. RFC 7162, section 3.2.10.
	Vanished bool
	// UIDOnly: likewise, and there are no numbers at all. RFC 9586, section 3.
	UIDOnly bool
}

var (
	// ErrNumber is returned for a number of a message that there is not: BAD.
	// RFC 9051, section 9, seq-number.
	ErrNumber = errors.New("imapview: no message has that number")

	// ErrLateUID means that the store has added a message below one that was
	// there before, which would renumber others in silence. It is a mistake of
	// the store, and the session has to end. RFC 9051, section 2.3.1.1.
	ErrLateUID = errors.New("imapview: the store gave a UID out of order")
)

// A View is the server's half: see the package.
type View struct {
	o         Options
	announced runs        // those that are gone but not told included
	gone      imap.UIDSet // part of announced
	added     imap.UIDSet // above announced
	accounted imap.UID    // what is below was counted by New or Resync
	highest   imap.UID    // that was ever added
	top       imap.UID    // that was ever announced
	saved     imap.UIDSet

	flags map[imap.UID]flags // of announced messages that are not gone
	dirty imap.UIDSet        // likewise: flags have changed, and must be looked up

	own       map[imap.UID]imap.ModSeq // last change of this session
	forgotten imap.ModSeq              // the greatest that own once had, and has no more

	lowGone, lowRest low // mod-sequences of what is not told
	told             imap.ModSeq
	rows             imap.ModSeq // what the client may take for the state that it has

	overflow bool // removals were lost: Resync
	lost     bool // the mailbox is
	err      error
}

// flags is the last state of a message's flags.
type flags struct {
	flags  []imap.Flag // nil: look them up
	modSeq imap.ModSeq
}

// low is the lowest mod-sequence of some pending changes.
type low struct {
	pending bool
	modSeq  imap.ModSeq // 0: not known
}

func (l *low) add(m imap.ModSeq) {
	if !l.pending || m < l.modSeq {
		l.modSeq = m
	}
	l.pending = true
}

// New returns the view of a mailbox whose messages are about to be announced:
// SELECT tells EXISTS of all of them. next is the UIDNEXT that belongs to uids.
func New(uids imap.UIDSet, next imap.UID, o Options) *View {
	if o.MaxPending <= 0 {
		o.MaxPending = 10_000
	}
	v := &View{o: o, announced: newRuns(uids.Clone()), top: uids.Max()}
	v.counted(uids, next)
	return v
}

// SetVanished makes removals be told by VANISHED from now on, as when QRESYNC is
// enabled while the mailbox is selected.
func (v *View) SetVanished() { v.o.Vanished = true }

// Exists returns how many messages are announced: the EXISTS that was told last,
// less the removals told since.
func (v *View) Exists() uint32 { return v.announced.total }

// UIDs returns the UIDs of the announced messages, also of those that are gone.
// The set is the View's: it is valid until the next Flush.
func (v *View) UIDs() imap.UIDSet { return v.announced.set }

// Seq returns the number of an announced message, also of one that is gone.
func (v *View) Seq(u imap.UID) (imap.SeqNum, bool) {
	if v.o.UIDOnly {
		return 0, false
	}
	return v.announced.seq(u)
}

// UID returns the announced message with that number.
func (v *View) UID(seq imap.SeqNum) (imap.UID, bool) {
	if seq == 0 || uint32(seq) > v.announced.total || v.o.UIDOnly {
		return 0, false
	}
	return v.announced.uid(seq), true
}

// Save sets the saved result "$". RFC 9051, section 6.4.4.1. Messages leave it
// by themselves when they are gone.
func (v *View) Save(uids imap.UIDSet) { v.saved = uids.Clone() }

// Gone reports whether the mailbox itself is gone: the session ends with BYE
// behind the command that is running.
func (v *View) Gone() bool { return v.lost }

// Err returns ErrLateUID once the store has broken the order of UIDs.
func (v *View) Err() error { return v.err }

// Resolve returns the messages that a command names, of those announced: live
// ones, and those that are gone though the client does not know. "*" is the last
// message announced, "$" the saved result. A number that no message has, which
// in an empty mailbox "*" is too, is ErrNumber. UIDs that there are not are no
// mistake. RFC 9051, section 9, seq-number; section 6.4.9.
func (v *View) Resolve(r imap.Ref) (live, gone imap.UIDSet, err error) {
	if !r.Saved && !r.ByUID {
		if v.o.UIDOnly {
			return live, gone, ErrNumber
		}
		if top := r.Seq.Resolve(max(1, imap.SeqNum(v.announced.total))).Max(); uint32(top) > v.announced.total {
			return live, gone, ErrNumber
		}
	}
	live, gone = v.Match(r)
	return live, gone, nil
}

// Match is Resolve for a key of SEARCH, where a number that no message has
// matches nothing. RFC 7377, section 2.
func (v *View) Match(r imap.Ref) (live, gone imap.UIDSet) {
	var named imap.UIDSet
	switch {
	case r.Saved:
		named = v.saved.Intersect(v.announced.set)
	case r.ByUID:
		named = r.UID.Resolve(v.announced.max()).Intersect(v.announced.set)
	case v.announced.total == 0 || v.o.UIDOnly:
		return named, named
	default:
		all := imap.NumSetRange(1, imap.SeqNum(v.announced.total))
		named = v.announced.uids(r.Seq.Resolve(imap.SeqNum(v.announced.total)).Intersect(all))
	}
	if v.gone.IsEmpty() {
		return named, imap.UIDSet{}
	}
	return named.Subtract(v.gone), named.Intersect(v.gone)
}

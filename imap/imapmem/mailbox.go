package imapmem

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

// message is a stored message. All but state stays as it is.
type message struct {
	uid      imap.UID
	received time.Time
	octets   []byte
	index    imapserver.Index
	state    atomic.Pointer[state]
}

// state is what changes, as a whole.
type state struct {
	flags  []imap.Flag
	modSeq imap.ModSeq
}

func newMessage(octets []byte, flags []imap.Flag, received time.Time) *message {
	m := &message{octets: octets, received: received}
	m.state.Store(&state{flags: flags})
	return m
}

// mailbox is one mailbox, under the lock of its user.
type mailbox struct {
	user     *user
	id       string
	validity uint32
	uidNext  imap.UID
	modSeq   imap.ModSeq // the highest given
	use      []imap.Attr
	gone     bool
	keywords []imap.Flag // as they were spelled first

	// messages is replaced, or appended to, but never changed where it is:
	// whoever has it may read on without the lock.
	messages []*message
	uids     imap.UIDSet // of messages
	unseen   int
	deleted  int
	size     int64
	recent   imap.UID // messages from here on are claimed by nobody

	expunged []expunged  // by rising mod-sequence
	forgot   imap.ModSeq // what was removed up to here is not in expunged any more

	watchers map[*handle]func(imapview.Change)
}

type expunged struct {
	modSeq imap.ModSeq
	uid    imap.UID
}

// maxExpunged bounds the history of removals, to the older half when it is full.
const maxExpunged = 100_000

// append gives messages their UIDs and tells all who watch. The messages are
// seen at once. At the end of the UIDs the mailbox begins anew, under another
// UIDVALIDITY. RFC 9051, section 2.3.1.1.
func (b *mailbox) append(list ...*message) imap.UIDSet {
	if uint64(b.uidNext)+uint64(len(list)) > math.MaxUint32 {
		b = b.renumber()
	}
	var uids imap.UIDSet
	b.modSeq++
	for _, m := range list {
		m.uid = b.uidNext
		b.uidNext++
		s := &state{b.intern(m.state.Load().flags), b.modSeq}
		m.state.Store(s)
		b.count(s.flags, 1)
		b.size += int64(len(m.octets))
		uids.Add(m.uid)
		b.uids.Add(m.uid)
	}
	b.messages = append(b.messages, list...)
	b.tell(nil, imapview.Change{Kind: imapview.Added, UIDs: uids, ModSeq: b.modSeq})
	return uids
}

// renumber puts another mailbox with the same messages in the place of b, whose
// sessions are told that it is gone.
func (b *mailbox) renumber() *mailbox {
	fresh := b.user.make(b.id)
	fresh.use, fresh.keywords = b.use, b.keywords
	for name, other := range b.user.mailboxes {
		if other == b {
			b.user.mailboxes[name] = fresh
		}
	}
	var copies []*message
	for _, m := range b.messages {
		copies = append(copies, m.copy())
	}
	b.retire()
	if len(copies) > 0 {
		fresh.append(copies...)
	}
	return fresh
}

// copy returns a message of the same content, with the flags of now.
func (m *message) copy() *message {
	c := newMessage(m.octets, m.state.Load().flags, m.received)
	c.index = m.index
	return c
}

// retire marks a mailbox that is no more.
func (b *mailbox) retire() {
	b.gone = true
	b.tell(nil, imapview.Change{Kind: imapview.Gone})
}

// intern gives keywords the spelling that they had first: RFC 9051, section
// 2.3.2, compares them without regard to case.
func (b *mailbox) intern(flags []imap.Flag) []imap.Flag {
	out := make([]imap.Flag, 0, len(flags))
	for _, f := range flags {
		if f.System() || imap.HasFlag(out, f) {
			if !imap.HasFlag(out, f) {
				out = append(out, f)
			}
			continue
		}
		i := slices.IndexFunc(b.keywords, f.Is)
		if i < 0 {
			b.keywords = append(b.keywords, f)
			i = len(b.keywords) - 1
		}
		out = append(out, b.keywords[i])
	}
	return out
}

// count adds n messages with these flags to the numbers of STATUS.
func (b *mailbox) count(flags []imap.Flag, n int) {
	if !imap.HasFlag(flags, imap.FlagSeen) {
		b.unseen += n
	}
	if imap.HasFlag(flags, imap.FlagDeleted) {
		b.deleted += n
	}
}

// tell tells a change to all but one handle.
func (b *mailbox) tell(but *handle, c imapview.Change) {
	for h, push := range b.watchers {
		if h != but {
			push(c)
		}
	}
}

// find returns where a UID is, or would be.
func find(messages []*message, u imap.UID) (int, bool) {
	return slices.BinarySearchFunc(messages, u, func(m *message, u imap.UID) int { return cmp.Compare(m.uid, u) })
}

// within calls each for the messages of a set, in order, until it returns false.
func within(messages []*message, uids imap.UIDSet, each func(*message) bool) {
	for r := range uids.Runs() {
		for i, _ := find(messages, r.Lo); i < len(messages) && messages[i].uid <= r.Hi; i++ {
			if !each(messages[i]) {
				return
			}
		}
	}
}

// store changes the flags of one message on behalf of a handle.
func (b *mailbox) store(h *handle, m *message, op *imap.FlagOp) imapserver.Stored {
	have := m.state.Load()
	out := imapserver.Stored{UID: m.uid, Flags: have.flags, ModSeq: have.modSeq}
	if op.UnchangedSince != nil && have.modSeq > *op.UnchangedSince {
		out.Failed = true
		return out
	}
	flags := b.intern(op.Apply(have.flags))
	if sameFlags(flags, have.flags) { // RFC 7162, section 3.1: nothing happened
		return out
	}
	b.modSeq++
	b.count(have.flags, -1)
	b.count(flags, 1)
	m.state.Store(&state{flags, b.modSeq})
	out.Flags, out.ModSeq, out.Changed = flags, b.modSeq, true
	b.tell(h, imapview.Change{Kind: imapview.Flagged, UIDs: imap.NumSetOf(m.uid), ModSeq: b.modSeq, Flags: flags})
	return out
}

func sameFlags(a, b []imap.Flag) bool {
	for _, f := range a {
		if !imap.HasFlag(b, f) {
			return false
		}
	}
	return len(a) == len(b)
}

// remove removes those of uids that doomed says, on behalf of a handle.
func (b *mailbox) remove(h *handle, uids imap.UIDSet, doomed func(*message) bool) imapserver.Removed {
	var out imapserver.Removed
	left := make([]*message, 0, len(b.messages))
	for _, m := range b.messages {
		if !uids.Contains(m.uid) || !doomed(m) {
			left = append(left, m)
			continue
		}
		b.count(m.state.Load().flags, -1)
		b.size -= int64(len(m.octets))
		out.UIDs.Add(m.uid)
	}
	if out.UIDs.IsEmpty() {
		return out
	}
	b.messages, b.uids = left, b.uids.Subtract(out.UIDs)
	b.modSeq++
	out.ModSeq = b.modSeq
	for u := range out.UIDs.All() {
		b.expunged = append(b.expunged, expunged{b.modSeq, u})
	}
	b.forget()
	b.tell(h, imapview.Change{Kind: imapview.Removed, UIDs: out.UIDs, ModSeq: b.modSeq})
	return out
}

// forget drops the older half of a history that is full, and with it all of the
// same mod-sequence.
func (b *mailbox) forget() {
	if len(b.expunged) <= maxExpunged {
		return
	}
	n := len(b.expunged) / 2
	b.forgot = b.expunged[n-1].modSeq
	for n < len(b.expunged) && b.expunged[n].modSeq == b.forgot {
		n++
	}
	b.expunged = slices.Clone(b.expunged[n:])
}

// vanished returns what was removed behind a mod-sequence.
func (b *mailbox) vanished(since imap.ModSeq) (u imap.UIDSet, complete bool) {
	var list []imap.UID
	for _, e := range b.expunged {
		if e.modSeq > since {
			list = append(list, e.uid)
		}
	}
	slices.Sort(list)
	return imap.NumSetOf(list...), since >= b.forgot
}

// status fills in what STATUS knows.
func (b *mailbox) status(a imapserver.Ability) imap.MailboxStatus {
	s := imap.MailboxStatus{
		Has:         imap.StatusItems{"MESSAGES", "UNSEEN", "DELETED", "UIDNEXT", "UIDVALIDITY", "SIZE"},
		Messages:    uint32(len(b.messages)),
		Unseen:      uint32(b.unseen),
		Deleted:     uint32(b.deleted),
		UIDNext:     b.uidNext,
		UIDValidity: b.validity,
		Size:        uint64(b.size),
	}
	if a.Has(imapserver.HasRecent) {
		s.Has = append(s.Has, "RECENT")
		i, _ := find(b.messages, b.recent)
		s.Recent = uint32(len(b.messages) - i)
	}
	if a.Has(imapserver.HasModSeq) {
		s.Has = append(s.Has, "HIGHESTMODSEQ")
		s.HighestModSeq = b.modSeq
	}
	return s
}

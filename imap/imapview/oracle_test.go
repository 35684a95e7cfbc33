package imapview

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
)

// A world is a store, a View of it, and a client that applies what it is told to
// a plain slice.
type world struct {
	t       testing.TB
	log     []string
	modSeqs bool // the store has mod-sequences

	store   []message // ascending UIDs
	next    imap.UID
	modSeq  imap.ModSeq
	queue   []Change // made and not pushed yet
	view    *View
	vanish  bool
	client  []imap.UID // by number
	knows   map[imap.UID]int
	mirror  Mirror
	seen    map[imap.UID]bool // what the pushes so far have left, by definition
	counted imap.UID          // UIDs below were counted by New or Resync
	ever    map[imap.UID]bool // announced at any time

	made   map[imap.UID]imap.ModSeq // of the removal of a message, or else of its coming
	pushed map[imap.UID]Change      // the last change of flags that the View was told of
	rows   imap.ModSeq              // the greatest since the last flush
	taken  imap.ModSeq              // HIGHESTMODSEQ in this flush; 0: none
	state  imap.ModSeq              // what the client has stored
}

// message is a message: version counts the changes of its flags.
type message struct {
	uid     imap.UID
	version int
	modSeq  imap.ModSeq
}

func newWorld(t testing.TB, n int, o Options, modSeqs bool) *world {
	w := &world{t: t, next: 1, modSeqs: modSeqs, vanish: o.Vanished, knows: map[imap.UID]int{}, seen: map[imap.UID]bool{}, ever: map[imap.UID]bool{},
		made: map[imap.UID]imap.ModSeq{}, pushed: map[imap.UID]Change{}}
	for range n {
		w.store = append(w.store, message{uid: w.next, modSeq: w.tick()})
		w.next += imap.UID(1 + n%3)
	}
	w.view = New(w.uids(), w.next, o)
	for _, m := range w.store {
		w.client = append(w.client, m.uid)
		w.seen[m.uid], w.ever[m.uid] = true, true
		w.knows[m.uid] = 0
	}
	w.counted = w.next
	if err := w.mirror.Exists(uint32(n), 1<<20); err != nil {
		t.Fatal(err)
	}
	w.tick()
	w.checkSafe() // SELECT tells HIGHESTMODSEQ
	return w
}

func (w *world) tick() imap.ModSeq {
	if !w.modSeqs {
		return 0
	}
	w.modSeq++
	return w.modSeq
}

func (w *world) uids() (s imap.UIDSet) {
	for _, m := range w.store {
		s.Add(m.uid)
	}
	return s
}

func (w *world) find(u imap.UID) *message {
	for i := range w.store {
		if w.store[i].uid == u {
			return &w.store[i]
		}
	}
	return nil
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(w.log[max(0, len(w.log)-60):], "\n"))
}

// versionFlags are the flags of a version, from which it can be read.
func versionFlags(version int) []imap.Flag { return []imap.Flag{imap.Flag(fmt.Sprint(version))} }

// What others do.

func (w *world) add(n int) {
	c := Change{Kind: Added, ModSeq: w.tick()}
	for range n {
		w.store = append(w.store, message{uid: w.next, modSeq: c.ModSeq})
		c.UIDs.Add(w.next)
		w.made[w.next] = c.ModSeq
		w.next++
	}
	w.note("store adds %v", c.UIDs)
	w.queue = append(w.queue, c)
}

func (w *world) remove(i, n int) Change {
	c := Change{Kind: Removed, ModSeq: w.tick()}
	for range n {
		if len(w.store) == 0 {
			break
		}
		i %= len(w.store)
		c.UIDs.Add(w.store[i].uid)
		w.made[w.store[i].uid] = c.ModSeq
		w.store = slices.Delete(w.store, i, i+1)
	}
	w.note("store removes %v", c.UIDs)
	return c
}

func (w *world) flag(i int) (Change, *message) {
	if len(w.store) == 0 {
		return Change{Kind: Flagged}, nil
	}
	m := &w.store[i%len(w.store)]
	m.version++
	m.modSeq = w.tick()
	w.note("store flags %d, version %d", m.uid, m.version)
	c := Change{Kind: Flagged, UIDs: imap.NumSetOf(m.uid), ModSeq: m.modSeq}
	if w.modSeqs {
		c.Flags = versionFlags(m.version)
	}
	return c, m
}

// deliver pushes the first n changes of the queue.
func (w *world) deliver(n int) {
	for _, c := range w.queue[:min(n, len(w.queue))] {
		w.note("push %v %v", c.Kind, c.UIDs)
		w.view.Push(c)
		w.noteSeen(c)
	}
	w.queue = w.queue[min(n, len(w.queue)):]
}

func (w *world) noteSeen(c Change) {
	for u := range c.UIDs.All() {
		switch {
		case c.Kind == Added && u >= w.counted:
			w.seen[u] = true
		case c.Kind == Removed:
			delete(w.seen, u)
		case c.Kind == Flagged && c.ModSeq > w.pushed[u].ModSeq:
			w.pushed[u] = c
		}
	}
}

func (w *world) resync() {
	w.note("resync %v", w.uids())
	w.view.Resync(w.uids(), w.next)
	w.counted = w.next
	clear(w.seen)
	for _, m := range w.store {
		w.seen[m.uid] = true
	}
}

// flush tells, and checks each line as a client would read it.
func (w *world) flush(t imap.Tell) {
	if w.view.NeedsResync() {
		w.resync()
	}
	w.note("flush %v", t)
	told := map[imap.UID]bool{}
	var later []Update
	w.view.Flush(t, func(u Update) {
		w.note("  %+v", u)
		if u.UID != 0 && u.Flags == nil {
			later = append(later, u)
			return
		}
		w.update(t, u, told)
	})
	if len(later) > 0 {
		w.lookUp(t, later, told)
	}
	w.check()
	if t == imap.TellAll || t == imap.TellNoExpunge {
		w.tagged()
	}
}

// lookUp is what a driver does with rows whose flags it has to ask for. Who looks
// into the store sees nothing that was not pushed before.
func (w *world) lookUp(t imap.Tell, rows []Update, told map[imap.UID]bool) {
	w.deliver(len(w.queue))
	for _, u := range rows {
		w.update(t, u, told)
	}
	w.view.Rows(w.rows)
	if safe, ok := w.view.TakeBack(); ok {
		w.note("  HIGHESTMODSEQ %d", safe)
		w.taken = safe
	}
}

// tagged is what a client does at the end of a command: it stores a mod-sequence
// from which it will synchronise. RFC 7162, section 6.
func (w *world) tagged() {
	w.state = max(w.state, w.rows)
	if w.taken != 0 {
		w.state = w.taken
	}
	w.rows, w.taken = 0, 0
	for _, u := range w.client {
		if w.modSeqs && w.vanish && !w.seen[u] && w.made[u] <= w.state {
			w.fail("the client stores %d, but the removal of UID %d at %d was not told", w.state, u, w.made[u])
		}
	}
}

func (w *world) update(t imap.Tell, u Update, told map[imap.UID]bool) {
	if t != imap.TellAll && t != imap.TellNoExpunge {
		w.fail("%v tells something", t)
	}
	switch {
	case u.Expunge != 0:
		if t != imap.TellAll || w.vanish || int(u.Expunge) > len(w.client) {
			w.fail("EXPUNGE %d of %d messages, during %v", u.Expunge, len(w.client), t)
		}
		w.gone(int(u.Expunge) - 1)
		if _, err := w.mirror.Expunge(u.Expunge); err != nil {
			w.fail("mirror: %v", err)
		}
	case !u.Vanished.IsEmpty():
		if t != imap.TellAll || !w.vanish {
			w.fail("VANISHED during %v", t)
		}
		for uid := range u.Vanished.All() {
			i := slices.Index(w.client, uid)
			if i < 0 {
				w.fail("VANISHED %d, which was not announced", uid)
			}
			w.gone(i)
		}
		if err := w.mirror.Vanished(u.Vanished); err != nil {
			w.fail("mirror: %v", err)
		}
	case u.Exists != 0:
		w.exists(u.Exists)
	case u.UID != 0:
		if u.Seq == 0 || int(u.Seq) > len(w.client) || w.client[u.Seq-1] != u.UID || told[u.UID] {
			w.fail("FETCH %d with UID %d, told before: %v", u.Seq, u.UID, told[u.UID])
		}
		told[u.UID] = true
		w.learn(u)
	case u.HighestModSeq != 0:
		w.taken = u.HighestModSeq
	}
}

// gone takes a message from the client, which has to be gone from the store.
func (w *world) gone(i int) {
	u := w.client[i]
	if w.find(u) != nil {
		w.fail("UID %d is told to be gone, but is there", u)
	}
	w.client = slices.Delete(w.client, i, i+1)
	delete(w.knows, u)
}

// exists appends the new messages, which are those that the pushes have left
// and that were never announced.
func (w *world) exists(n uint32) {
	var fresh []imap.UID
	for u := range w.seen {
		if !w.ever[u] {
			fresh = append(fresh, u)
		}
	}
	slices.Sort(fresh)
	for _, u := range fresh {
		w.ever[u] = true
		w.client = append(w.client, u)
		if m := w.find(u); m != nil {
			w.knows[u] = m.version // it asks
		}
	}
	if int(n) != len(w.client) || len(fresh) == 0 {
		w.fail("EXISTS %d, want %d with %v", n, len(w.client), fresh)
	}
	if err := w.mirror.Exists(n, 1<<20); err != nil {
		w.fail("mirror: %v", err)
	}
}

func (w *world) learn(u Update) {
	m := w.find(u.UID)
	if u.Flags == nil {
		if m != nil {
			w.knows[u.UID], u.ModSeq = m.version, m.modSeq
		}
	} else {
		var version int
		fmt.Sscan(string(u.Flags[0]), &version)
		w.knows[u.UID] = version
	}
	w.rows = max(w.rows, u.ModSeq)
	if err := w.mirror.Learn(u.Seq, u.UID); err != nil {
		w.fail("mirror: %v", err)
	}
}

// check compares the View and the Mirror with the slice.
func (w *world) check() {
	if err := w.view.Err(); err != nil {
		w.fail("view: %v", err)
	}
	if int(w.view.Exists()) != len(w.client) || int(w.mirror.Len()) != len(w.client) {
		w.fail("view has %d messages, mirror %d, want %d", w.view.Exists(), w.mirror.Len(), len(w.client))
	}
	for i, u := range w.client {
		seq, ok := w.view.Seq(u)
		uid, ok2 := w.view.UID(imap.SeqNum(i + 1))
		if int(seq) != i+1 || !ok || uid != u || !ok2 {
			w.fail("message %d is UID %d; view says number %d and UID %d", i+1, u, seq, uid)
		}
		if known, ok := w.mirror.UID(imap.SeqNum(i + 1)); ok && known != u {
			w.fail("message %d is UID %d; mirror says %d", i+1, u, known)
		} else if ok {
			if seq, found := w.mirror.Seq(u); !found || int(seq) != i+1 {
				w.fail("UID %d is message %d; mirror says %d", u, i+1, seq)
			}
		}
	}
	w.checkResolve()
}

// checkSafe asks for the HIGHESTMODSEQ that may be told, and compares it with all
// that the client was not told of: whoever synchronises from there must still be
// given that. RFC 7162, section 3.2.
func (w *world) checkSafe() {
	if !w.modSeqs {
		return
	}
	highest := w.modSeq
	if len(w.queue) > 0 { // the View cannot know of these
		highest = w.queue[0].ModSeq - 1
	}
	safe := w.view.SafeModSeq(highest)
	w.state, w.taken = safe, safe // it was told
	for _, u := range w.client {
		c := w.pushed[u]
		var version int
		if c.Flags != nil {
			fmt.Sscan(string(c.Flags[0]), &version)
		}
		switch {
		case !w.seen[u] && w.made[u] <= safe:
			w.fail("%d is safe, but the removal of UID %d at %d was not told", safe, u, w.made[u])
		case w.find(u) != nil && w.knows[u] < version && c.ModSeq <= safe:
			w.fail("%d is safe, but flags of UID %d at %d were not told", safe, u, c.ModSeq)
		}
	}
	for u := range w.seen {
		if !w.ever[u] && w.made[u] <= safe {
			w.fail("%d is safe, but UID %d of %d was not told", safe, u, w.made[u])
		}
	}
}

// checkResolve compares sets with loops over the slice.
func (w *world) checkResolve() {
	n := len(w.client)
	for _, lo := range []int{1, n/2 + 1, n, n + 1} {
		live, gone, err := w.view.Resolve(imap.Seqs(imap.SeqNum(max(1, lo)), imap.Star))
		if (err != nil) != (n == 0) {
			w.fail("Resolve(%d:*) of %d messages: %v", lo, n, err)
		}
		if err != nil {
			continue
		}
		var want imap.UIDSet
		for _, u := range w.client[min(n, max(1, lo))-1:] { // n:* always has the last
			want.Add(u)
		}
		if got := live.Union(gone); !got.Equal(want) || !live.Intersect(gone).IsEmpty() {
			w.fail("Resolve(%d:*) = %v and %v, want %v", lo, live, gone, want)
		}
		byUID, goneToo, _ := w.view.Resolve(imap.UIDs(want.Min(), imap.Star))
		if !byUID.Equal(live) || !goneToo.Equal(gone) {
			w.fail("Resolve by UID %d:* = %v and %v, want %v and %v", want.Min(), byUID, goneToo, live, gone)
		}
		for u := range gone.All() {
			if w.seen[u] {
				w.fail("UID %d is thought to be gone", u)
			}
		}
	}
}

// settle delivers all and tells all: the client then knows the truth.
func (w *world) settle() {
	w.deliver(len(w.queue))
	w.flush(imap.TellAll)
	if w.view.pending() {
		w.fail("something is left behind TellAll")
	}
	want := w.uids()
	var got imap.UIDSet
	for _, u := range w.client {
		got.Add(u)
	}
	if !got.Equal(want) {
		w.fail("client has %v, store %v", got, want)
	}
	for _, m := range w.store {
		if w.knows[m.uid] != m.version {
			w.fail("UID %d: client knows version %d, store has %d", m.uid, w.knows[m.uid], m.version)
		}
	}
	if got := w.view.SafeModSeq(w.modSeq); got != w.modSeq {
		w.fail("all is told, but of %d only mod-sequence %d is safe", w.modSeq, got)
	}
}

// FuzzView: random changes, pushes that come late, flushes in all modes,
// overflows and resynchronisation; and the naive slice agrees throughout.
func FuzzView(f *testing.F) {
	f.Add(uint8(5), uint8(3), false, true, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	f.Add(uint8(0), uint8(200), true, true, []byte{0, 4, 1, 5, 5, 0, 4, 3, 6, 0, 4, 1, 1, 6})
	f.Add(uint8(9), uint8(1), true, false, []byte{1, 2, 9, 17, 25, 4, 33, 41, 5, 6, 2, 3, 7})
	f.Fuzz(func(t *testing.T, n, limit uint8, vanished, modSeqs bool, ops []byte) {
		w := newWorld(t, int(n%20), Options{MaxPending: 1 + int(limit), Vanished: vanished}, modSeqs)
		for _, op := range ops {
			arg := int(op / 12)
			switch op % 12 {
			case 0:
				w.add(1 + arg%3)
			case 1:
				if c := w.remove(arg, 1+arg%4); !c.UIDs.IsEmpty() {
					w.queue = append(w.queue, c)
				}
			case 2, 3:
				if c, m := w.flag(arg); m != nil {
					w.queue = append(w.queue, c)
				}
			case 4:
				if w.deliver(1 + arg); arg%3 == 2 {
					w.checkSafe()
				}
			case 5:
				w.flush(imap.TellNoExpunge)
			case 6:
				w.flush(imap.TellAll)
			case 7:
				w.flush([]imap.Tell{imap.TellNothing, imap.TellDrop}[arg%2])
			case 8:
				w.resync()
			case 9:
				w.ownFlag(arg)
			case 10:
				w.ownRemove(arg)
			case 11:
				w.settle()
			}
		}
		w.settle()
	})
}

// ownFlag is a STORE of this session on a message that it knows.
func (w *world) ownFlag(arg int) {
	c, m := w.flag(arg)
	if m == nil || !slices.Contains(w.client, m.uid) {
		if m != nil {
			w.queue = append(w.queue, c)
		}
		return
	}
	w.note("own, told at once")
	w.knows[m.uid] = m.version
	w.rows = max(w.rows, c.ModSeq)
	w.view.Own(c)
	if arg%2 == 0 && w.modSeqs {
		w.queue = append(w.queue, c) // a store that does echo
	}
}

// ownRemove is an EXPUNGE of this session.
func (w *world) ownRemove(arg int) {
	if c := w.remove(arg, 1+arg%2); !c.UIDs.IsEmpty() {
		w.view.Own(c)
		w.noteSeen(c)
		w.queue = append(w.queue, c) // likewise
	}
}

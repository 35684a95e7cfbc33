package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
)

// An appended message is what its client knows of it.
type appended struct {
	uid     imap.UID
	modSeq  imap.ModSeq // 0: not known
	doomed  bool        // its removal was asked for
	removed bool        // and answered with OK
}

// ledger is what clients were told, over the lives of a daemon.
type ledger struct {
	mu       sync.Mutex
	messages map[string]*appended // by the text that identifies them
	highest  imap.ModSeq
}

func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// A daemon that is killed at any moment has, after a restart, every message whose
// APPEND it answered with OK, once and whole, under the UID and with the
// mod-sequence that it had. What it said was removed stays away, and QRESYNC names
// it. No UID comes back, and HIGHESTMODSEQ does not go back.
func TestKilledDaemonKeepsWhatWasAppended(t *testing.T) {
	bin, data := build(t), t.TempDir()
	password := addUser(t, bin, data, "first")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	book := ledger{messages: map[string]*appended{}}
	for round := range *killRounds {
		seed := rand.Uint64()
		p := startProcess(t, bin, data)
		before := p.selectInbox(ctx, t, password, nil)
		earlier := len(book.messages)
		p.appendUntilKilled(ctx, t, password, round, seed, &book)

		p = startProcess(t, bin, data)
		after := p.selectInbox(ctx, t, password, &imap.Resync{UIDValidity: before.UIDValidity, ModSeq: before.HighestModSeq})
		book.check(t, before, after, p.inbox(ctx, t, password))
		p.kill(t)
		t.Logf("round %d (seed %d): %d acknowledged before the kill, %d in all; %d vanished since the round began",
			round, seed, len(book.messages)-earlier, len(book.messages), after.Vanished.Len())
		if t.Failed() {
			return
		}
	}
}

// dial logs in over STARTTLS. trace: see imapclient.Dialer.
func (p *process) dial(ctx context.Context, password string, trace func(bool, []byte)) (*imapclient.Client, error) {
	conf, err := trust(filepath.Join(p.data, "cert.pem"))
	if err != nil {
		return nil, err
	}
	d := imapclient.Dialer{Addr: p.addrs["IMAP"], TLS: auth.TLSPolicy{Roots: conf.RootCAs},
		Credentials: auth.Credentials{Username: "first", Password: auth.Secret(password)}, Trace: trace}
	return d.Connect(ctx)
}

func (p *process) selectInbox(ctx context.Context, t *testing.T, password string, since *imap.Resync) *imapclient.Selected {
	t.Helper()
	c, err := p.dial(ctx, password, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	box, err := c.Select(ctx, "INBOX", &imapclient.SelectOptions{Resync: since})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

type row struct {
	uid    imap.UID
	modSeq imap.ModSeq
	text   string
}

func (p *process) inbox(ctx context.Context, t *testing.T, password string) (all []row) {
	t.Helper()
	c, err := p.dial(ctx, password, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Select(ctx, "INBOX", nil); err != nil {
		t.Fatal(err)
	}
	for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemModSeq, imap.Peek("")) {
		if err != nil {
			t.Fatal(err)
		}
		r := row{uid: m.UID}
		r.modSeq, _ = m.ModSeq()
		text, err := io.ReadAll(m.Body(""))
		if err != nil {
			t.Fatal(err)
		}
		r.text = string(text)
		all = append(all, r)
	}
	return all
}

// appendUntilKilled has several clients append and remove until the daemon is
// killed, at a random line of their dialogues.
func (p *process) appendUntilKilled(ctx context.Context, t *testing.T, password string, round int, seed uint64, book *ledger) {
	random := rand.New(rand.NewPCG(seed, 0))
	kill := sync.OnceFunc(func() { p.kill(t) })
	var lines atomic.Int64
	last := random.Int64N(800) + 100
	trace := func(bool, []byte) {
		if lines.Add(1) == last {
			kill()
		}
	}
	var wg sync.WaitGroup
	for sender := range 6 {
		sizes := rand.New(rand.NewPCG(seed, uint64(sender)+1))
		wg.Go(func() {
			c, err := p.dial(ctx, password, trace)
			if err != nil {
				return
			}
			defer c.Close()
			_, err = c.Select(ctx, "INBOX", nil)
			for n := 0; err == nil; n++ {
				size := sizes.IntN(4 << 10)
				if sizes.IntN(8) == 0 {
					size = sizes.IntN(200 << 10)
				}
				err = book.appendOne(ctx, c, fmt.Sprintf("%d.%d.%d", round, sender, n), size, n%3 == 2)
			}
		})
	}
	wg.Wait()
	kill()
	if lines.Load() < last {
		t.Errorf("the clients gave up after %d lines of %d\n%s", lines.Load(), last, p.log.String())
	}
}

// appendOne appends a message, looks at it, and perhaps removes it again.
func (l *ledger) appendOne(ctx context.Context, c *imapclient.Client, id string, size int, remove bool) error {
	r, err := c.Append(ctx, "INBOX", imapclient.NewMessage([]byte(newMessage(id, size))))
	if err != nil {
		return err
	}
	m := &appended{uid: r.UIDs[0].Lo}
	l.note(func() { l.messages[id] = m })
	set := imap.NumSetOf(m.uid)
	for row, err := range c.Fetch(ctx, imap.InUIDs(set), imap.ItemModSeq) {
		if err != nil {
			return err
		}
		modSeq, _ := row.ModSeq()
		l.note(func() { m.modSeq, l.highest = modSeq, max(l.highest, modSeq) })
	}
	if !remove {
		return nil
	}
	l.note(func() { m.doomed = true })
	if _, err := c.Store(ctx, imap.InUIDs(set), imap.FlagOp{Mode: imap.FlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
		return err
	}
	if err := c.UIDExpunge(ctx, set); err != nil {
		return err
	}
	l.note(func() { m.removed = true })
	return nil
}

// check compares what there is after a restart with what was told.
func (l *ledger) check(t *testing.T, before, after *imapclient.Selected, all []row) {
	t.Helper()
	if after.UIDValidity != before.UIDValidity || after.HighestModSeq < max(l.highest, before.HighestModSeq) {
		t.Errorf("UIDVALIDITY %d and HIGHESTMODSEQ %d; they were %d and %d", after.UIDValidity, after.HighestModSeq, before.UIDValidity, max(l.highest, before.HighestModSeq))
	}
	stored := map[string]row{}
	byUID := map[imap.UID]string{}
	for _, r := range all {
		id, ok := wholeMessage(r.text)
		if !ok {
			t.Errorf("message %d is not whole: %d octets, %.300q", r.uid, len(r.text), r.text)
		}
		if earlier, twice := stored[id]; twice {
			t.Errorf("message %s is there as %d and as %d", id, earlier.uid, r.uid)
		}
		stored[id], byUID[r.uid] = r, id
		if after.Vanished.Contains(r.uid) || r.uid >= after.UIDNext {
			t.Errorf("message %d is there; vanished %s, UIDNEXT %d", r.uid, after.Vanished.String(), after.UIDNext)
		}
	}
	doomed := imap.UIDSet{}
	for id, m := range l.messages {
		r, there := stored[id]
		if m.doomed {
			doomed.Add(m.uid)
		}
		switch {
		case m.removed && there:
			t.Errorf("message %s was removed and is back as %d", id, r.uid)
		case m.removed && m.uid >= before.UIDNext && !after.Vanished.Contains(m.uid):
			t.Errorf("message %s was removed, and %d is not among those that vanished: %s", id, m.uid, after.Vanished.String())
		case !m.doomed && (!there || r.uid != m.uid || m.modSeq != 0 && r.modSeq != m.modSeq):
			t.Errorf("message %s was stored as %d with mod-sequence %d, and is there: %v, %d, %d", id, m.uid, m.modSeq, there, r.uid, r.modSeq)
		}
		if other, taken := byUID[m.uid]; taken && other != id {
			t.Errorf("UID %d of message %s has gone to %s", m.uid, id, other)
		}
		if m.doomed && !there { // the answer may be all that was lost
			m.removed = true
		}
	}
	if extra := after.Vanished.Subtract(doomed); !extra.IsEmpty() {
		t.Errorf("%s vanished, and nobody removed them", extra.String())
	}
}

// resyncModel is what a mailbox has to be, and how it came about.
type resyncModel struct {
	step    int // counts commands that may change something
	present map[imap.UID]*modelMessage
	gone    map[imap.UID]int // the step that removed it
	last    imap.UID         // the highest that was given
}

type modelMessage struct {
	flags   []string // sorted
	changed int      // the step that changed it last
}

// A snapshot is what a client had when it went away.
type snapshot struct {
	step   int
	modSeq imap.ModSeq
	known  imap.UIDSet
}

// resyncTest is a client of a daemon that stops again and again, and what it has
// to be told.
type resyncTest struct {
	*testing.T
	random *rand.Rand
	ctx    context.Context
	conf   config
	d      *testDaemon
	pass   map[string]string
	c      *imapclient.Client
	box    *imapclient.Selected
	model  resyncModel
	snaps  []snapshot
}

// Who comes back after any number of restarts is told exactly what has changed
// and gone in between. What was stored is as it was, mod-sequences included.
func TestResyncAcrossRestarts(t *testing.T) {
	const restarts, steps = 6, 20
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := &resyncTest{T: t, random: rand.New(rand.NewPCG(seed, 0)), ctx: ctx, conf: testConfig(t),
		model: resyncModel{present: map[imap.UID]*modelMessage{}, gone: map[imap.UID]int{}}}
	r.open()
	r.pass = r.d.passwords
	r.login()
	for restart := range restarts {
		for i := range steps {
			if i%3 == 0 {
				r.snap()
			}
			r.model.step++
			[]func(){r.add, r.add, r.flag, r.flag, r.remove, r.move}[r.random.IntN(6)]()
		}
		before, highest := r.rows(), r.snap()
		r.restart(restart%2 == 1)
		if r.box.HighestModSeq != highest {
			t.Errorf("HIGHESTMODSEQ %d, want %d", r.box.HighestModSeq, highest)
		}
		if diff := cmp.Diff(before, r.rows()); diff != "" {
			t.Errorf("a restart changed (-before +after):\n%s", diff)
		}
		for _, s := range r.snaps {
			r.comeBack(s, r.random.IntN(2) == 0)
		}
		if t.Failed() {
			return
		}
	}
}

func (r *resyncTest) open() { r.d = start(r.T, r.conf) }

func (r *resyncTest) login() {
	r.Helper()
	d := imapclient.Dialer{Addr: r.d.addr(imapService), TLS: auth.TLSPolicy{Roots: r.d.trust.RootCAs},
		Credentials: auth.Credentials{Username: "demo", Password: auth.Secret(r.pass["demo"])}}
	var err error
	if r.c, err = d.Connect(r.ctx); err != nil {
		r.Fatal(err)
	}
	r.box = r.sel(nil)
}

func (r *resyncTest) sel(since *imap.Resync) *imapclient.Selected {
	r.Helper()
	box, err := r.c.Select(r.ctx, "INBOX", &imapclient.SelectOptions{Resync: since})
	if err != nil {
		r.Fatal(err)
	}
	return box
}

// restart has another daemon take over, where this one has stopped in order or,
// if killed is set, on what would be on disk if it were killed now: nothing is
// being written.
func (r *resyncTest) restart(killed bool) {
	r.Helper()
	image := filepath.Join(r.TempDir(), "data")
	if killed {
		if err := os.CopyFS(image, os.DirFS(r.conf.data)); err != nil {
			r.Fatal(err)
		}
	}
	r.c.Close()
	if err := r.d.stop(); err != nil {
		r.Fatal(err)
	}
	if killed {
		r.conf.data = image
	}
	r.open()
	r.login()
}

func (r *resyncTest) snap() imap.ModSeq {
	r.Helper()
	st, err := r.c.Status(r.ctx, "INBOX", "HIGHESTMODSEQ")
	if err != nil {
		r.Fatal(err)
	}
	s := snapshot{step: r.model.step, modSeq: st.HighestModSeq}
	for u := range r.model.present {
		s.known.Add(u)
	}
	r.snaps = append(r.snaps, s)
	return s.modSeq
}

// some chooses among the messages that are there.
func (r *resyncTest) some() (set imap.UIDSet) {
	for _, u := range slices.Sorted(maps.Keys(r.model.present)) {
		if r.random.IntN(4) == 0 {
			set.Add(u)
		}
	}
	return set
}

func (r *resyncTest) add() {
	var list []imap.AppendMessage
	for range r.random.IntN(4) + 1 {
		list = append(list, imapclient.NewMessage([]byte("Subject: x\r\n\r\n"), imap.FlagSeen))
	}
	got, err := r.c.Append(r.ctx, "INBOX", list...)
	if err != nil {
		r.Fatal(err)
	}
	for u := range got.UIDs.All() {
		if _, gone := r.model.gone[u]; gone || r.model.present[u] != nil {
			r.Errorf("UID %d is given a second time", u)
		}
		r.model.last = max(r.model.last, u)
		r.model.present[u] = &modelMessage{flags: []string{`\Seen`}, changed: r.model.step}
	}
}

func (r *resyncTest) flag() {
	set := r.some()
	if set.IsEmpty() {
		return
	}
	op := imap.FlagOp{Mode: []imap.FlagMode{imap.FlagsAdd, imap.FlagsRemove}[r.random.IntN(2)], Silent: true,
		Flags: []imap.Flag{[]imap.Flag{imap.FlagSeen, imap.FlagFlagged, "Note"}[r.random.IntN(3)]}}
	if _, err := r.c.Store(r.ctx, imap.InUIDs(set), op); err != nil {
		r.Fatal(err)
	}
	for u := range set.All() {
		m := r.model.present[u]
		has := slices.Contains(m.flags, string(op.Flags[0]))
		if has == (op.Mode == imap.FlagsAdd) {
			continue
		}
		m.changed = r.model.step
		if has {
			m.flags = slices.DeleteFunc(m.flags, func(f string) bool { return f == string(op.Flags[0]) })
		} else {
			m.flags = slices.Sorted(slices.Values(append(m.flags, string(op.Flags[0]))))
		}
	}
}

func (r *resyncTest) remove() {
	set := r.some()
	if set.IsEmpty() {
		return
	}
	if _, err := r.c.Store(r.ctx, imap.InUIDs(set), imap.FlagOp{Mode: imap.FlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
		r.Fatal(err)
	}
	if err := r.c.UIDExpunge(r.ctx, set); err != nil {
		r.Fatal(err)
	}
	r.lose(set)
}

func (r *resyncTest) move() {
	set := r.some()
	if set.IsEmpty() {
		return
	}
	if _, err := r.c.Move(r.ctx, imap.InUIDs(set), "Archive"); err != nil {
		r.Fatal(err)
	}
	r.lose(set)
}

func (r *resyncTest) lose(set imap.UIDSet) {
	for u := range set.All() {
		delete(r.model.present, u)
		r.model.gone[u] = r.model.step
	}
}

// rows lists the mailbox, and compares it with the model.
func (r *resyncTest) rows() (all []string) {
	r.Helper()
	var uids []imap.UID
	for m, err := range r.c.Fetch(r.ctx, imap.UIDs(1, imap.Star), imap.ItemFlags, imap.ItemModSeq) {
		if err != nil {
			r.Fatal(err)
		}
		modSeq, _ := m.ModSeq()
		all = append(all, fmt.Sprint(m.UID, " ", modSeq, " ", flagsOf(m)))
		uids = append(uids, m.UID)
		if want := r.model.present[m.UID]; want != nil && flagsOf(m) != strings.Join(want.flags, " ") {
			r.Errorf("flags of %d: %s, want %s", m.UID, flagsOf(m), want.flags)
		}
	}
	slices.Sort(uids)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(r.model.present)), uids); diff != "" {
		r.Errorf("UIDs (-want +got):\n%s", diff)
	}
	return all
}

// flagsOf is the flags of a message, sorted. That it is recent is not stored.
func flagsOf(m *imapclient.Message) string {
	flags, _ := m.Flags()
	var words []string
	for _, f := range flags {
		if !f.Is(`\Recent`) {
			words = append(words, string(f))
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// comeBack is a client that has last seen s.
func (r *resyncTest) comeBack(s snapshot, known bool) {
	r.Helper()
	since := &imap.Resync{UIDValidity: r.box.UIDValidity, ModSeq: s.modSeq}
	asked := func(imap.UID) bool { return true }
	if known && !s.known.IsEmpty() {
		since.Known, asked = s.known, s.known.Contains
	}
	box := r.sel(since)
	var vanished imap.UIDSet
	for u, step := range r.model.gone {
		if step > s.step && asked(u) {
			vanished.Add(u)
		}
	}
	if !box.Vanished.Equal(vanished) {
		r.Errorf("since step %d (known %v) %s vanished, want %s", s.step, known, box.Vanished.String(), vanished.String())
	}
	want, got := []string{}, []string{}
	for u, m := range r.model.present {
		if m.changed > s.step && asked(u) {
			want = append(want, fmt.Sprint(u, " ", strings.Join(m.flags, " ")))
		}
	}
	for _, m := range box.Changed {
		got = append(got, fmt.Sprint(m.UID, " ", flagsOf(m)))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("changed since step %d (known %v; -want +got):\n%s", s.step, known, diff)
	}
	if box.UIDNext != r.model.last+1 {
		r.Errorf("UIDNEXT %d, want %d", box.UIDNext, r.model.last+1)
	}
}

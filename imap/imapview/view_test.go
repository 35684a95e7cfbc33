package imapview

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/imap"
)

// flushed returns what Flush tells, one line each.
func flushed(v *View, t imap.Tell) []string {
	var lines []string
	v.Flush(t, func(u Update) {
		switch {
		case u.Expunge != 0:
			lines = append(lines, fmt.Sprintf("%d EXPUNGE", u.Expunge))
		case !u.Vanished.IsEmpty():
			lines = append(lines, fmt.Sprintf("VANISHED %v", u.Vanished))
		case u.Exists != 0:
			lines = append(lines, fmt.Sprintf("%d EXISTS", u.Exists))
		case u.UID != 0:
			lines = append(lines, fmt.Sprintf("%d FETCH %d %v %d", u.Seq, u.UID, u.Flags, u.ModSeq))
		case u.HighestModSeq != 0:
			lines = append(lines, fmt.Sprintf("HIGHESTMODSEQ %d", u.HighestModSeq))
		}
	})
	return lines
}

func set(uids ...imap.UID) imap.UIDSet { return imap.NumSetOf(uids...) }

// TestCasesOfView plays the cases of one session and what others do to it.
func TestCasesOfView(t *testing.T) {
	seen, flagged := []imap.Flag{imap.FlagSeen}, []imap.Flag{imap.FlagFlagged}
	tests := []struct {
		id   string
		o    Options
		push []Change
		tell imap.Tell
		want []string
		then []string // TellAll behind it
	}{
		{"VIEW-1", Options{}, []Change{{Kind: Removed, UIDs: set(10)}}, imap.TellNoExpunge, nil, []string{"1 EXPUNGE"}},
		{"VIEW-5", Options{}, []Change{{Kind: Added, UIDs: set(50)}}, imap.TellNoExpunge, []string{"5 EXISTS"}, nil},
		{"VIEW-8", Options{}, []Change{{Kind: Removed, UIDs: set(10, 30, 40)}}, imap.TellAll, []string{"4 EXPUNGE", "3 EXPUNGE", "1 EXPUNGE"}, nil},
		{"VIEW-9", Options{}, []Change{{Kind: Removed, UIDs: set(10)}, {Kind: Flagged, UIDs: set(20), Flags: seen}, {Kind: Added, UIDs: set(50)}},
			imap.TellAll, []string{"1 EXPUNGE", "4 EXISTS", `1 FETCH 20 [\Seen] 0`}, nil},
		{"VIEW-14", Options{}, []Change{{Kind: Removed, UIDs: set(10)}, {Kind: Added, UIDs: set(50)}}, imap.TellNothing, nil, []string{"1 EXPUNGE", "4 EXISTS"}},
		{"VIEW-17", Options{Vanished: true}, []Change{{Kind: Added, UIDs: set(50, 51)}, {Kind: Removed, UIDs: set(50)}}, imap.TellAll, []string{"5 EXISTS"}, nil},
		{"VIEW-17", Options{Vanished: true}, []Change{{Kind: Added, UIDs: set(50)}, {Kind: Removed, UIDs: set(50)}}, imap.TellAll, nil, nil},
		{"vanished", Options{Vanished: true}, []Change{{Kind: Removed, UIDs: set(10, 30, 77)}}, imap.TellAll, []string{"VANISHED 10,30"}, nil},
		{"UIDONLY", Options{UIDOnly: true}, []Change{{Kind: Removed, UIDs: set(10)}, {Kind: Flagged, UIDs: set(20), Flags: seen}}, imap.TellAll,
			[]string{"VANISHED 10", `0 FETCH 20 [\Seen] 0`}, nil},
		{"last flags win", Options{}, []Change{{Kind: Flagged, UIDs: set(20), Flags: seen, ModSeq: 5}, {Kind: Flagged, UIDs: set(20), Flags: flagged, ModSeq: 6}},
			imap.TellNoExpunge, []string{`2 FETCH 20 [\Flagged] 6`}, nil},
		{"in whatever order they come", Options{}, []Change{{Kind: Flagged, UIDs: set(20), Flags: flagged, ModSeq: 6}, {Kind: Flagged, UIDs: set(20), Flags: seen, ModSeq: 5}},
			imap.TellNoExpunge, []string{`2 FETCH 20 [\Flagged] 6`}, nil},
		{"none of a message that is gone", Options{}, []Change{{Kind: Flagged, UIDs: set(20), Flags: seen}, {Kind: Removed, UIDs: set(20)}, {Kind: Flagged, UIDs: set(20), Flags: seen}},
			imap.TellNoExpunge, nil, []string{"2 EXPUNGE"}},
		{"none of one not announced", Options{}, []Change{{Kind: Added, UIDs: set(50)}, {Kind: Flagged, UIDs: set(50), Flags: seen}}, imap.TellAll, []string{"5 EXISTS"}, nil},
		{"looked up", Options{}, []Change{{Kind: Flagged, UIDs: set(20, 99)}}, imap.TellAll, []string{"2 FETCH 20 [] 0"}, nil},
		{"too many flags", Options{MaxPending: 2}, []Change{{Kind: Flagged, UIDs: set(10, 20), Flags: seen}, {Kind: Flagged, UIDs: set(40), Flags: seen}}, imap.TellAll,
			[]string{"1 FETCH 10 [] 0", "2 FETCH 20 [] 0", "3 FETCH 30 [] 0", "4 FETCH 40 [] 0"}, nil}, // one too many is harmless
		{"CST-5", Options{Vanished: true}, []Change{{Kind: Removed, UIDs: set(10), ModSeq: 7}, {Kind: Flagged, UIDs: set(20), Flags: seen, ModSeq: 8}}, imap.TellNoExpunge,
			[]string{`2 FETCH 20 [\Seen] 8`, "HIGHESTMODSEQ 6"}, []string{"VANISHED 10"}},
		{"CST-5, no row above", Options{Vanished: true}, []Change{{Kind: Flagged, UIDs: set(20), Flags: seen, ModSeq: 6}, {Kind: Removed, UIDs: set(10), ModSeq: 7}}, imap.TellNoExpunge,
			[]string{`2 FETCH 20 [\Seen] 6`}, []string{"VANISHED 10"}},
		{"drop", Options{}, []Change{{Kind: Removed, UIDs: set(10)}}, imap.TellDrop, nil, []string{"1 EXPUNGE"}},
		{"echo of what was there", Options{}, []Change{{Kind: Added, UIDs: set(40)}}, imap.TellAll, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			v := New(set(10, 20, 30, 40), 50, tt.o)
			for _, c := range tt.push {
				if v.Push(c) {
					t.Fatal("overflow")
				}
			}
			if diff := cmp.Diff(tt.want, flushed(v, tt.tell)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", tt.tell, diff)
			}
			if diff := cmp.Diff(tt.then, flushed(v, imap.TellAll)); diff != "" {
				t.Errorf("then TellAll (-want +got):\n%s", diff)
			}
			if v.Err() != nil {
				t.Error(v.Err())
			}
		})
	}
}

// TestResolve: what a command names, in each of its forms.
func TestResolve(t *testing.T) {
	ref := func(uid bool, s string) imap.Ref {
		if s == "$" {
			return imap.SavedResult(uid)
		}
		if uid {
			u, err := imap.ParseNumSet[imap.UID]([]byte(s))
			if err != nil {
				t.Fatal(err)
			}
			return imap.InUIDs(u)
		}
		q, err := imap.ParseNumSet[imap.SeqNum]([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return imap.Ref{Seq: q}
	}
	tests := []struct {
		id         string
		uid        bool
		in         string
		live, gone string
		bad        bool
	}{
		{"numbers", false, "1:3", "10,30", "20", false},
		{"VIEW-2", false, "*", "40", "", false},
		{"VIEW-3", false, "3", "30", "", false},
		{"VIEW-16", true, "10,20", "10", "20", false},
		{"NUM-2", true, "4294967295:*", "40", "", false},
		{"NUM-2", true, "50:*", "40", "", false},
		{"NUM-3", false, "10", "", "", true},
		{"NUM-3", false, "2,5", "", "", true},
		{"NUM-3", false, "5:*", "40", "", false}, // "*" is the last one, whatever stands before it
		{"NUM-7", false, "4:2,3", "30,40", "20", false},
		{"NUM-8", true, "1:9,11:19", "", "", false},
		{"VIEW-5", true, "1:*", "10,30,40", "20", false},
		{"VIEW-6", true, "20", "", "20", false},
		{"NUM-9", true, "$", "10", "20", false},
		{"NUM-9", false, "$", "10", "20", false},
	}
	for _, tt := range tests {
		v := New(set(10, 20, 30, 40), 50, Options{})
		v.Save(set(10, 20, 77))
		v.Push(Change{Kind: Removed, UIDs: set(20)})
		v.Push(Change{Kind: Added, UIDs: set(60)})
		live, gone, err := v.Resolve(ref(tt.uid, tt.in))
		if live.String() != tt.live || gone.String() != tt.gone || (err != nil) != tt.bad {
			t.Errorf("%s: %q (UID %v): live %q, gone %q, %v; want %q, %q, bad %v", tt.id, tt.in, tt.uid, live, gone, err, tt.live, tt.gone, tt.bad)
		}
	}

	empty := New(imap.UIDSet{}, 1, Options{})
	if _, _, err := empty.Resolve(ref(false, "*")); err != ErrNumber {
		t.Errorf("NUM-6: FETCH * of an empty mailbox: %v", err)
	}
	if live, _, err := empty.Resolve(ref(true, "1:*")); err != nil || !live.IsEmpty() {
		t.Errorf("NUM-6: UID FETCH 1:* of an empty mailbox: %v, %v", live, err)
	}
	v := New(set(10, 20, 30), 50, Options{})
	if live, _ := v.Match(ref(false, "1000")); !live.IsEmpty() {
		t.Errorf("NUM-4: SEARCH 1000 of three messages finds %v", live)
	}
	if live, _ := v.Match(ref(false, "2:1000")); live.String() != "20,30" {
		t.Errorf("SEARCH 2:1000 of three messages finds %v", live)
	}
	v.Push(Change{Kind: Removed, UIDs: set(10)})
	if live, gone := v.Match(ref(false, "1,3")); live.String() != "30" || gone.String() != "10" {
		t.Errorf("VIEW-4: SEARCH 1,3 behind a removal that was not told finds %v and %v", live, gone)
	}
	flushed(v, imap.TellAll)
	v.Push(Change{Kind: Removed, UIDs: set(30)})
	flushed(v, imap.TellAll)
	if live, _, _ := v.Resolve(ref(true, "*")); live.String() != "20" {
		t.Errorf("NUM-1: UID FETCH * finds %v, want 20", live)
	}
}

// TestOwn is VIEW-15: one's own flags are not told again, those of others are.
func TestOwn(t *testing.T) {
	own := Change{Kind: Flagged, UIDs: set(10), ModSeq: 5, Flags: []imap.Flag{"own"}}
	earlier := Change{Kind: Flagged, UIDs: set(10), ModSeq: 4, Flags: []imap.Flag{"earlier"}}
	later := Change{Kind: Flagged, UIDs: set(10), ModSeq: 6, Flags: []imap.Flag{"later"}}
	tests := []struct {
		name string
		do   func(v *View)
		want []string
	}{
		{"alone", func(v *View) { v.Own(own) }, nil},
		{"its echo", func(v *View) { v.Own(own); v.Push(own) }, nil},
		{"earlier, pushed before", func(v *View) { v.Push(earlier); v.Own(own) }, nil},
		{"earlier, pushed behind", func(v *View) { v.Own(own); v.Push(earlier) }, nil},
		{"later, pushed before", func(v *View) { v.Push(later); v.Own(own) }, []string{"1 FETCH 10 [later] 6"}},
		{"later, pushed behind", func(v *View) { v.Own(own); v.Push(later) }, []string{"1 FETCH 10 [later] 6"}},
		{"without mod-sequences", func(v *View) {
			v.Push(Change{Kind: Flagged, UIDs: set(10), Flags: []imap.Flag{"x"}})
			v.Own(Change{Kind: Flagged, UIDs: set(10)})
		}, []string{"1 FETCH 10 [] 0"}},
		{"own removal", func(v *View) { v.Own(Change{Kind: Removed, UIDs: set(10)}) }, []string{"1 EXPUNGE"}},
		{"own addition and its echo", func(v *View) {
			v.Own(Change{Kind: Added, UIDs: set(50)})
			v.Push(Change{Kind: Added, UIDs: set(50)})
		}, []string{"3 EXISTS"}},
	}
	for _, tt := range tests {
		v := New(set(10, 20), 50, Options{})
		tt.do(v)
		if got := flushed(v, imap.TellAll); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestLateUID: RFC 9051, section 2.3.1.1.
func TestLateUID(t *testing.T) {
	v := New(set(10, 20), 30, Options{})
	v.Push(Change{Kind: Added, UIDs: set(40)})
	if v.Push(Change{Kind: Added, UIDs: set(35)}); v.Err() != ErrLateUID {
		t.Errorf("35 behind 40: %v", v.Err())
	}
	if got := flushed(v, imap.TellAll); !slices.Equal(got, []string{"3 EXISTS"}) {
		t.Errorf("told %q", got)
	}
	v = New(set(10, 20), 30, Options{})
	if v.Resync(set(10, 15, 20), 30); v.Err() != ErrLateUID {
		t.Errorf("15 between 10 and 20: %v", v.Err())
	}
}

// TestOverflow: too many removals are recovered by Resync, and until then nothing
// is told.
func TestOverflow(t *testing.T) {
	v := New(imap.NumSetRange[imap.UID](1, 100), 101, Options{MaxPending: 10})
	truth := imap.NumSetRange[imap.UID](1, 100)
	overflow := false
	for u := imap.UID(2); u <= 60; u += 2 {
		truth = truth.Subtract(set(u))
		overflow = v.Push(Change{Kind: Removed, UIDs: set(u)})
	}
	if !overflow || !v.NeedsResync() {
		t.Fatal("no overflow")
	}
	if got := flushed(v, imap.TellAll); got != nil {
		t.Errorf("told %q before Resync", got)
	}
	v.Resync(truth, 101)
	if got := flushed(v, imap.TellAll); len(got) != 30 || v.Exists() != 70 {
		t.Errorf("%d lines, %d messages", len(got), v.Exists())
	}
}

// TestStorm is VIEW-11: a silent session, and 300000 changes of flags.
func TestStorm(t *testing.T) {
	for _, n := range []imap.UID{1000, 50_000} {
		v := New(imap.NumSetRange(1, n), n+1, Options{})
		flags := []imap.Flag{imap.FlagSeen}
		for i := range 300_000 {
			v.Push(Change{Kind: Flagged, UIDs: set(imap.UID(i*7919)%n + 1), ModSeq: imap.ModSeq(i + 1), Flags: flags})
			if len(v.flags)+v.dirty.NumRuns() > 2*10_000 {
				t.Fatalf("%d entries and %d runs are kept", len(v.flags), v.dirty.NumRuns())
			}
		}
		if got := len(flushed(v, imap.TellAll)); got != int(n) {
			t.Errorf("%d lines for %d messages", got, n)
		}
	}
}

func TestGone(t *testing.T) {
	v := New(set(1), 2, Options{})
	if v.Push(Change{Kind: Gone}); !v.Gone() {
		t.Error("the mailbox is still there")
	}
}

// TestSafeModSeq: HIGHESTMODSEQ is never ahead of what was told.
func TestSafeModSeq(t *testing.T) {
	v := New(set(10, 20), 30, Options{Vanished: true})
	if got := v.SafeModSeq(100); got != 100 {
		t.Errorf("with nothing pending: %d", got)
	}
	v.Push(Change{Kind: Flagged, UIDs: set(20), ModSeq: 105, Flags: []imap.Flag{}})
	v.Push(Change{Kind: Removed, UIDs: set(10), ModSeq: 103})
	if got := v.SafeModSeq(105); got != 102 {
		t.Errorf("with 103 pending: %d", got)
	}
	flushed(v, imap.TellNoExpunge)
	if got := v.SafeModSeq(110); got != 102 {
		t.Errorf("with the removal pending: %d", got)
	}
	flushed(v, imap.TellAll)
	if got := v.SafeModSeq(110); got != 110 {
		t.Errorf("with all told: %d", got)
	}
}

// TestMirror: what servers may tell a client, right and wrong.
func TestMirror(t *testing.T) {
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	var m Mirror
	ok(m.Exists(5, 100))
	ok(m.Learn(2, 20))
	ok(m.Learn(4, 40))
	ok(m.Vanished(set(30))) // not known, but it can only be between them
	if seq, _ := m.Seq(40); seq != 3 || m.Len() != 4 {
		t.Errorf("40 is message %d of %d, want 3 of 4", seq, m.Len())
	}
	if u, err := m.Expunge(1); u != 0 || err != nil {
		t.Errorf("Expunge(1) = %d, %v", u, err)
	}
	if u, err := m.Expunge(1); u != 20 || err != nil {
		t.Errorf("Expunge(1) = %d, %v", u, err)
	}
	for name, err := range map[string]error{
		"fewer messages":           m.Exists(1, 100),
		"more than the limit":      m.Exists(101, 100),
		"EXPUNGE 0":                second(m.Expunge(0)),
		"EXPUNGE 3":                second(m.Expunge(3)),
		"another UID":              m.Learn(1, 41),
		"UIDs out of order":        m.Learn(2, 7),
		"number 0":                 m.Learn(0, 7),
		"more vanish than were":    (&Mirror{make([]imap.UID, 1)}).Vanished(set(1, 2)),
		"more than fit between":    (&Mirror{[]imap.UID{0, 5, 0}}).Vanished(set(1, 2)),
		"one that cannot be there": (&Mirror{[]imap.UID{5, 6}}).Vanished(set(7)),
	} {
		if err != ErrServer {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestMemory: 10000 messages in one run.
func TestMemory(t *testing.T) {
	v := New(imap.NumSetRange[imap.UID](1, 10_000), 10_001, Options{})
	if n := cap(v.announced.list) + cap(v.announced.before); n > 4 {
		t.Errorf("%d runs are kept", n)
	}
	allocs := testing.AllocsPerRun(100, func() { v.Seq(5000); v.UID(5000) })
	if allocs != 0 {
		t.Errorf("Seq and UID allocate %v", allocs)
	}
	next := imap.UID(10_001)
	allocs = testing.AllocsPerRun(100, func() {
		v.Push(Change{Kind: Added, UIDs: set(next)})
		next++
		v.Flush(imap.TellAll, func(Update) {})
	})
	if allocs > 3 {
		t.Errorf("a new message costs %v allocations, want at most 3", allocs)
	}
}

var systemFlags = []imap.Flag{imap.FlagSeen}

func BenchmarkView(b *testing.B) {
	fragmented := func(n imap.UID) (s imap.UIDSet) {
		for u := imap.UID(1); u <= n; u += 2 {
			s.Add(u)
		}
		return s
	}
	b.Run("push/flags", func(b *testing.B) {
		b.ReportAllocs()
		v := New(fragmented(20_000), 20_001, Options{})
		c := Change{Kind: Flagged, UIDs: set(5001), Flags: []imap.Flag{imap.FlagSeen}}
		for i := imap.ModSeq(1); b.Loop(); i++ {
			c.ModSeq = i
			v.Push(c)
		}
	})
	b.Run("push and flush/flags=10000", func(b *testing.B) {
		b.ReportAllocs()
		v := New(fragmented(20_000), 20_001, Options{})
		for b.Loop() {
			for u := imap.UID(1); u < 20_000; u += 2 {
				v.Push(Change{Kind: Flagged, UIDs: set(u), ModSeq: imap.ModSeq(u), Flags: systemFlags})
			}
			told := 0
			v.Flush(imap.TellAll, func(Update) { told++ })
			if told != 10_000 {
				b.Fatal(told, "rows")
			}
		}
	})
	b.Run("seq/runs=10000", func(b *testing.B) {
		b.ReportAllocs()
		v := New(fragmented(20_000), 20_001, Options{})
		for b.Loop() {
			v.Seq(9001)
		}
	})
	b.Run("resolve/all", func(b *testing.B) {
		b.ReportAllocs()
		v := New(imap.NumSetRange[imap.UID](1, 100_000), 100_001, Options{})
		for b.Loop() {
			v.Resolve(imap.UIDs(1, imap.Star))
		}
	})
	b.Run("apply/exists+expunge", func(b *testing.B) {
		b.ReportAllocs()
		v := New(imap.NumSetRange[imap.UID](1, 1000), 1001, Options{})
		for next := imap.UID(1001); b.Loop(); next++ {
			v.Push(Change{Kind: Added, UIDs: set(next)})
			v.Push(Change{Kind: Removed, UIDs: set(next - 1000)})
			v.Flush(imap.TellAll, func(Update) {})
		}
	})
}

// RFC 9051, section 6.4.6: what another session has done to the flags is told
// also behind a STORE .SILENT of the same message.
func TestOwnSilent(t *testing.T) {
	for _, silent := range []bool{false, true} {
		v := New(imap.NumSetRange[imap.UID](1, 2), 3, Options{})
		one, both := imap.NumSetOf[imap.UID](1), []imap.Flag{imap.FlagFlagged, imap.FlagAnswered}
		v.Push(Change{Kind: Flagged, UIDs: one, ModSeq: 5, Flags: both[:1]})
		v.Own(Change{Kind: Flagged, UIDs: one, ModSeq: 6, Flags: both, Silent: silent})
		v.Push(Change{Kind: Flagged, UIDs: one, ModSeq: 6, Flags: both}) // an echo
		told := 0
		v.Flush(imap.TellAll, func(u Update) {
			if told++; u.UID != 1 || len(u.Flags) != 2 || u.ModSeq != 6 {
				t.Errorf("silent %v: told %+v", silent, u)
			}
		})
		if want := map[bool]int{true: 1}[silent]; told != want {
			t.Errorf("silent %v: told %d rows, want %d", silent, told, want)
		}
	}
}

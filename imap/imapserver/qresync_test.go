package imapserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
)

// CST-7: what SELECT with QRESYNC tells, of a mailbox with the UIDs 1 to 10 of which
// 2, 5 and 9 are gone, and the flags of 3 and 8 have changed since mod-sequence 11.
func TestQResyncSelect(t *testing.T) {
	store := newStore(t)
	for i := range 10 {
		deliver(t, store, fmt.Sprint("m", i))
	}
	srv := newServer(store)
	a := login(t, srv)
	a.ok("ENABLE QRESYNC")
	a.ok("STORE 2,5,9 +FLAGS.SILENT (\\Deleted)") // 12, 13, 14
	a.ok("STORE 3,8 +FLAGS.SILENT (\\Flagged)")   // 15, 16
	a.ok("EXPUNGE")                               // 17
	const validityOf = "STATUS INBOX (UIDVALIDITY)"
	validity := strings.TrimSuffix(strings.Fields(a.ok(validityOf)[0])[4], ")")
	tests := []struct {
		name, params string
		want         []string // VANISHED and FETCH
	}{
		{"all", "%s 11", []string{"* VANISHED (EARLIER) 2,5,9", "* 2 FETCH (UID 3 ...", "* 6 FETCH (UID 8 ..."}},
		{"known UIDs", "%s 11 1:5", []string{"* VANISHED (EARLIER) 2,5", "* 2 FETCH (UID 3 ..."}},
		{"match data", "%s 11 1:10 (1,3 1,4)", []string{"* VANISHED (EARLIER) 5,9", "* 2 FETCH (UID 3 ...", "* 6 FETCH (UID 8 ..."}},
		{"match data that do not match", "%s 11 1:10 (1,3 1,5)", []string{"* VANISHED (EARLIER) 2,5,9", "* 2 FETCH (UID 3 ...", "* 6 FETCH (UID 8 ..."}},
		{"the newest state", "%s 17", nil},
		{"another UIDVALIDITY", "1 11", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			params := tt.params
			if strings.Contains(params, "%s") {
				params = fmt.Sprintf(params, validity)
			}
			var got []string
			for _, l := range a.ok("SELECT INBOX (QRESYNC (" + params + "))") {
				if strings.Contains(l, "VANISHED") || strings.Contains(l, "FETCH") {
					got = append(got, l)
				}
			}
			wantLines(t, params, got, tt.want)
		})
	}
}

// VIEW: removals that the history has forgotten are all those that are not there.
func TestQResyncHistory(t *testing.T) {
	store := newStore(t)
	msg := []byte("A: b\r\n\r\n")
	for range 100_010 {
		if _, err := store.Deliver("u", "INBOX", msg); err != nil {
			t.Fatal(err)
		}
	}
	a := login(t, newServer(store))
	a.ok("ENABLE QRESYNC")
	a.ok("STORE 1:5 +FLAGS.SILENT (\\Deleted)")
	a.ok("EXPUNGE")
	a.ok("STORE 1:100000 +FLAGS.SILENT (\\Deleted)")
	a.ok("EXPUNGE")
	for _, l := range a.ok("UID FETCH 1:20 (FLAGS) (CHANGEDSINCE 1 VANISHED)") {
		if strings.HasPrefix(l, "* VANISHED") && l != "* VANISHED (EARLIER) 1:20" {
			t.Errorf("got %q", l)
		}
	}
	got := a.ok("UID SEARCH RETURN (COUNT ALL) ALL")
	wantLines(t, "SEARCH", got[:1], []string{`* ESEARCH (TAG "t9") UID ALL 100006:100010 COUNT 5`})
}

// CST-5: each command that enables CONDSTORE switches MODSEQ on for rows that
// come unasked, and tells HIGHESTMODSEQ once.
func TestCondstoreIsEnabledBy(t *testing.T) {
	for _, command := range []string{
		"STATUS INBOX (HIGHESTMODSEQ)", "FETCH 1 (MODSEQ)", "FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
		"STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen)", "SEARCH MODSEQ 1", "ENABLE CONDSTORE", "SELECT INBOX (CONDSTORE)",
	} {
		t.Run(command, func(t *testing.T) {
			store := newStore(t)
			deliver(t, store, "m1")
			srv := newServer(store)
			a, b := login(t, srv), login(t, srv)
			count := func(lines []string) (n int) {
				for _, l := range lines {
					if strings.HasPrefix(l, "* OK [HIGHESTMODSEQ") {
						n++
					}
				}
				return n
			}
			if n := count(a.ok(command)); n != 1 {
				t.Errorf("HIGHESTMODSEQ %d times", n)
			}
			if n := count(a.ok("FETCH 1 (MODSEQ)")); n != 0 {
				t.Errorf("HIGHESTMODSEQ again")
			}
			b.ok("STORE 1 +FLAGS (\\Flagged)")
			if got := a.ok("NOOP")[0]; !strings.HasPrefix(got, "* 1 FETCH (UID 1 MODSEQ (") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// VIEW-11: removals that are too many to remember are found again.
func TestResync(t *testing.T) {
	store := newStore(t)
	const n = 25_000
	for range n {
		if _, err := store.Deliver("u", "INBOX", []byte("A: b\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	srv := newServer(store)
	a, b := login(t, srv), login(t, srv)
	var odd imap.SeqSet
	for i := imap.SeqNum(1); i < n; i += 2 {
		odd.Add(i)
	}
	half := odd.String()
	for len(half) > 0 { // in lines that are not too long
		part := half[:min(len(half), 30_000)]
		if len(part) < len(half) {
			part = part[:strings.LastIndexByte(part, ',')]
		}
		a.ok("STORE " + part + " +FLAGS.SILENT (\\Deleted)")
		half = strings.TrimPrefix(half[len(part):], ",")
	}
	a.ok("EXPUNGE")
	left := n
	for _, l := range b.ok("NOOP") {
		if strings.HasSuffix(l, "EXPUNGE") {
			left--
		}
	}
	if left != n/2 {
		t.Errorf("%d messages are left, want %d", left, n/2)
	}
	wantLines(t, "FETCH", b.ok("FETCH 1,* (UID)"), []string{"* 1 FETCH (UID 2)", fmt.Sprintf("* %d FETCH (UID %d)", n/2, n), "OK done"})
}

// A row whose mod-sequence is above that of a removal that waits is taken back: a
// client that stored it would never learn of the removal. RFC 7162, section 6.
func TestRowsPassARemoval(t *testing.T) {
	for _, command := range []string{"FETCH 2 (MODSEQ)", "FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", "STORE 2 +FLAGS.SILENT (\\Seen)", "FETCH 2 (BODY[])"} {
		t.Run(command, func(t *testing.T) {
			store := newStore(t)
			for range 3 {
				deliver(t, store, "m") // up to 4
			}
			srv := newServer(store)
			a, b := login(t, srv), login(t, srv)
			a.ok("ENABLE QRESYNC")
			b.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
			a.ok("NOOP")
			b.ok("EXPUNGE")                           // 6
			b.ok("STORE 1 +FLAGS.SILENT (\\Flagged)") // 7
			b.ok("STORE 2 +FLAGS.SILENT (\\Flagged)") // 8
			const back = "* OK [HIGHESTMODSEQ 5] there is more to tell"
			if got := a.ok(command); !slices.Contains(got, back) { // of message 2, not of 1
				t.Errorf("%s says\n%s", command, strings.Join(got, "\n"))
			}
			if got := a.ok("FETCH 3 (MODSEQ)"); !slices.Contains(got, back) {
				t.Errorf("another command says\n%s", strings.Join(got, "\n"))
			}
			if got := a.ok("FETCH 3 (UID)"); slices.Contains(got, back) {
				t.Errorf("without a row that says otherwise it is told again\n%s", strings.Join(got, "\n"))
			}
			wantLines(t, "NOOP", a.ok("NOOP"), []string{"* VANISHED 1", "OK done"})
			if got := a.ok("FETCH 1:* (MODSEQ)"); slices.Contains(got, back) {
				t.Errorf("nothing waits any more, but FETCH says\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

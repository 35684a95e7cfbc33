package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/imap"
)

// The history is bounded, says how far back it goes, and tells all from there on.
func TestHistoryIsBounded(t *testing.T) {
	const keep = 4
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.CreateAccount("a", nil); err != nil {
		t.Fatal(err)
	}
	set := func() {
		if err := s.KeepRemovals(keep); err != nil {
			t.Fatal(err)
		}
	}
	set()
	type step struct {
		before imap.ModSeq
		gone   []uint32
	}
	var steps []step
	next := uint32(1)
	for round, n := range []int{1, 2, 1, 3, 1, 1, 1, 2, 7, 1, 20, 1, 1, 3} {
		var gone []uint32
		for range n {
			deliver(t, s, "x", "a")
			gone = append(gone, next)
			next++
		}
		steps = append(steps, step{imap.ModSeq(inboxOf(t, s, "a").HighestModSeq), gone})
		expunge(t, s, "a", gone...)
		if round%5 == 4 {
			s.Close()
			s = open(t, dir)
			set()
		}

		box := inboxOf(t, s, "a").ID
		var want imap.UIDSet
		for i, st := range slices.Backward(steps) {
			for _, u := range st.gone {
				want.Add(imap.UID(u))
			}
			got, complete, err := s.Vanished(t.Context(), box, st.before)
			switch {
			case err != nil:
				t.Fatal(err)
			case complete && !got.Equal(want):
				t.Errorf("round %d, since before step %d: %s, and complete; want %s", round, i, got.String(), want.String())
			case !complete && want.Len() <= keep:
				t.Errorf("round %d: %d removals are too many to remember", round, want.Len())
			}
		}
		if n := count(t, s, "expunged"); n > 2*keep {
			t.Errorf("round %d: %d removals are kept, want at most %d", round, n, 2*keep)
		}
	}
	if _, complete, err := s.Vanished(t.Context(), inboxOf(t, s, "a").ID, steps[0].before); err != nil || complete {
		t.Errorf("the first removal is remembered: %v, %v", complete, err)
	}
}

// oldStore writes a database as an earlier version left it: after the first files
// of the schema, and what statements add.
func oldStore(t *testing.T, version int, statements ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var scripts []string
	for n := range version {
		script, err := schema.ReadFile(fmt.Sprintf("schema/%03d.sql", n+1))
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, string(script))
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "maild.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range slices.Concat(scripts, statements, []string{fmt.Sprintf("PRAGMA user_version = %d", version)}) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return dir
}

// Accounts from before there was a mailbox for the archive get one; a mailbox that
// a user has deleted stays away. What was called so gets the use.
func TestArchiveForOldAccounts(t *testing.T) {
	const five = "INSERT INTO mailboxes (account, name, special_use, uidvalidity) VALUES " +
		`(1, 'INBOX', '', 1), (1, 'Drafts', '\Drafts', 2), (1, 'Sent', '\Sent', 3), (1, 'Junk', '\Junk', 4), (1, 'Trash', '\Trash', 5)`
	const six = "INSERT INTO mailboxes (account, name, special_use, uidvalidity) VALUES " +
		`(1, 'INBOX', '', 1), (1, 'Drafts', '\Drafts', 2), (1, 'Sent', '\Sent', 3), (1, 'Archive', '\Archive', 4), (1, 'Junk', '\Junk', 5), (1, 'Trash', '\Trash', 6)`
	const account = "INSERT INTO accounts (name) VALUES ('a')"
	for _, tt := range []struct {
		name       string
		version    int
		statements []string
		want       []string // with a use
	}{
		{"before IMAP", 2, []string{account, five}, []string{`Archive \Archive`, `Drafts \Drafts`, `Junk \Junk`, `Sent \Sent`, `Trash \Trash`}},
		{"before IMAP, since updated, one renamed", 4, []string{account, five, "UPDATE mailboxes SET name = 'Bin' WHERE name = 'Trash'"},
			[]string{`Archive \Archive`, `Bin \Trash`, `Drafts \Drafts`, `Junk \Junk`, `Sent \Sent`}},
		{"the user's own", 4, []string{account, five, "INSERT INTO mailboxes (account, name, uidvalidity) VALUES (1, 'Archive', 9)"},
			[]string{`Archive \Archive`, `Drafts \Drafts`, `Junk \Junk`, `Sent \Sent`, `Trash \Trash`}},
		{"another for it", 4, []string{account, five, `INSERT INTO mailboxes (account, name, special_use, uidvalidity) VALUES (1, 'Old', '\Archive', 9)`},
			[]string{`Drafts \Drafts`, `Junk \Junk`, `Old \Archive`, `Sent \Sent`, `Trash \Trash`}},
		{"deleted by the user", 4, []string{account, six, "DELETE FROM mailboxes WHERE name = 'Archive'"},
			[]string{`Drafts \Drafts`, `Junk \Junk`, `Sent \Sent`, `Trash \Trash`}},
		{"as it is", 4, []string{account, six}, []string{`Archive \Archive`, `Drafts \Drafts`, `Junk \Junk`, `Sent \Sent`, `Trash \Trash`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := oldStore(t, tt.version, tt.statements...)
			for range 2 { // a migration happens once
				s := open(t, dir)
				folders, err := s.Folders(t.Context(), 1)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, f := range folders {
					if f.SpecialUse != "" && !f.Missing {
						got = append(got, f.Name+" "+f.SpecialUse)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("mailboxes (-want +got):\n%s", diff)
				}
				if n := count(t, s, "mailboxes GROUP BY uidvalidity ORDER BY 1 DESC"); n != 1 {
					t.Errorf("a UIDVALIDITY is there %d times", n)
				}
				if last := count(t, s, "mailboxes, uidvalidity WHERE uidvalidity > last"); tt.version < 4 && last != 0 {
					t.Errorf("%d mailboxes have a UIDVALIDITY that will be given out", last)
				}
				s.Close()
			}
		})
	}
}

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/imap"
)

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openWith is open with one account of each name.
func openWith(t testing.TB, names ...string) *Store {
	t.Helper()
	s := open(t, t.TempDir())
	for _, name := range names {
		if err := s.CreateAccount(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func deliver(t testing.TB, s *Store, content string, accounts ...string) {
	t.Helper()
	if err := s.Deliver(t.Context(), accounts, noon, strings.NewReader(content)); err != nil {
		t.Error(err)
	}
}

func inboxOf(t testing.TB, s *Store, account string) Mailbox {
	t.Helper()
	m, err := s.Inbox(t.Context(), account)
	if err != nil {
		t.Error(err)
	}
	return m
}

func messages(t testing.TB, s *Store, account string) []Message {
	t.Helper()
	all, err := s.Messages(t.Context(), inboxOf(t, s, account).ID)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func uids(all []Message) (uids []uint32) {
	for _, m := range all {
		uids = append(uids, m.UID)
	}
	return uids
}

func contentOf(t testing.TB, s *Store, m Message) string {
	t.Helper()
	b, err := io.ReadAll(s.Content(t.Context(), m))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func expunge(t testing.TB, s *Store, account string, uids ...uint32) {
	t.Helper()
	if err := s.Expunge(inboxOf(t, s, account).ID, uids); err != nil {
		t.Fatal(err)
	}
}

// count counts the rows of a table.
func count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.read.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPragmas(t *testing.T) {
	s := openWith(t)
	for _, db := range []struct {
		name  string
		query func(pragma string, dest any) error
	}{
		{"read", func(p string, dest any) error { return s.read.QueryRow("PRAGMA " + p).Scan(dest) }},
		{"write", func(p string, dest any) error {
			return s.change(0, func(t *tx) error { return t.scan([]any{dest}, "PRAGMA "+p) })
		}},
	} {
		for _, want := range [][2]string{{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"}, {"busy_timeout", "10000"}} {
			var got string
			if err := db.query(want[0], &got); err != nil || got != want[1] {
				t.Errorf("%s connection: %s = %q, %v, want %q", db.name, want[0], got, err, want[1])
			}
		}
	}
	if _, err := s.read.Exec("DELETE FROM accounts"); err == nil {
		t.Error("a reading connection wrote")
	}
}

// RFC 9051, section 2.3.1.1: a UID is never given out again, also when the
// highest one has gone and the server was restarted.
func TestUIDNeverReused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.CreateAccount("a", nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		deliver(t, s, "x\r\n", "a")
	}
	expunge(t, s, "a", 2, 3)
	before := inboxOf(t, s, "a")
	s.Close()

	s = open(t, dir)
	if diff := cmp.Diff(before, inboxOf(t, s, "a")); diff != "" {
		t.Errorf("mailbox changed by a restart (-before +after):\n%s", diff)
	}
	deliver(t, s, "y\r\n", "a")
	if diff := cmp.Diff([]uint32{1, 4}, uids(messages(t, s, "a"))); diff != "" {
		t.Errorf("UIDs (-want +got):\n%s", diff)
	}
}

// RFC 7162, section 3.1.2.1: every change has a higher modification sequence than
// all before it, and HIGHESTMODSEQ is that of the last one.
func TestModSeqAndTombstones(t *testing.T) {
	s := openWith(t, "a")
	last := inboxOf(t, s, "a").HighestModSeq
	grown := func() uint64 {
		t.Helper()
		now := inboxOf(t, s, "a").HighestModSeq
		if now <= last {
			t.Errorf("HIGHESTMODSEQ %d after %d", now, last)
		}
		last = now
		return now
	}
	for range 5 {
		deliver(t, s, "x\r\n", "a")
		if all := messages(t, s, "a"); all[len(all)-1].ModSeq != grown() {
			t.Errorf("modification sequence of the new message %d, want HIGHESTMODSEQ %d", all[len(all)-1].ModSeq, last)
		}
	}
	start := last
	expunge(t, s, "a", 5, 1)
	middle := grown()
	expunge(t, s, "a", 3)
	grown()
	expunge(t, s, "a", 3, 99) // gone, never there: no tombstone

	for _, tt := range []struct {
		name  string
		since uint64
		want  string
	}{
		{"all", start, "1,3,5"},
		{"the second change", middle, "3"},
		{"nothing", last, ""},
	} {
		got, complete, err := s.Vanished(t.Context(), inboxOf(t, s, "a").ID, imap.ModSeq(tt.since))
		if err != nil || !complete || got.String() != tt.want {
			t.Errorf("%s: %s vanished, complete %v, %v; want %s", tt.name, got.String(), complete, err, tt.want)
		}
	}
}

func TestUIDValidityGrows(t *testing.T) {
	s := openWith(t, "a", "b")
	var last uint32
	for _, account := range []string{"a", "b"} {
		for _, m := range firstMailboxes {
			got, err := s.Mailbox(t.Context(), account, m.name)
			if err != nil {
				t.Fatal(err)
			}
			if got.UIDValidity <= last || got.SpecialUse != m.use {
				t.Errorf("%s of %s: UIDVALIDITY %d after %d, use %q want %q", m.name, account, got.UIDValidity, last, got.SpecialUse, m.use)
			}
			last = got.UIDValidity
		}
	}
}

func TestNames(t *testing.T) {
	s := openWith(t, "a")
	if err := s.CreateMailbox("a", "Lists/Go", ""); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"account twice", s.CreateAccount("a", nil), ErrExists},
		{"mailbox twice", s.CreateMailbox("a", "Lists/Go", ""), ErrExists},
		{"mailbox of nobody", s.CreateMailbox("b", "X", ""), ErrNotFound},
		{"secret of nobody", s.SetVerifiers("b", nil), ErrNotFound},
		{"delivery to nobody", s.Deliver(t.Context(), []string{"a", "b"}, noon, strings.NewReader("x")), ErrNotFound},
		{"expunge nowhere", s.Expunge(99, []uint32{1}), ErrNotFound},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, tt.err, tt.want)
		}
	}
	if n := len(messages(t, s, "a")) + count(t, s, "contents") + count(t, s, "chunks"); n != 0 {
		t.Errorf("the delivery that failed for one account left %d rows", n)
	}
}

func TestVerifiers(t *testing.T) {
	s := openWith(t)
	if err := s.CreateAccount("a", map[string]string{"X": "x1", "Y": "y1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetVerifiers("a", map[string]string{"X": "x2"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"a": {"x2"}, "nobody": nil} {
		got, err := s.Verifiers(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("verifiers of %q (-want +got):\n%s", name, diff)
		}
	}
}

func TestContentSizes(t *testing.T) {
	s := openWith(t, "a")
	pattern := strings.Repeat("0123456789abcde\n", 4*chunkSize/16)
	var want []string
	for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 5} {
		want = append(want, pattern[:n])
		// Seven octets at a time: the step from memory to a file falls inside a write.
		if err := s.Deliver(t.Context(), []string{"a"}, noon, &sevens{pattern[:n]}); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range messages(t, s, "a") {
		if got := contentOf(t, s, m); got != want[i] || m.Size != int64(len(want[i])) {
			t.Errorf("message of %d octets: %d octets came back, Size %d", len(want[i]), len(got), m.Size)
		}
	}
	noSpoolFiles(t, s)
}

type sevens struct{ rest string }

func (r *sevens) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(7, len(p))], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func noSpoolFiles(t *testing.T, s *Store) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(s.dir, spoolPattern)); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestTextSize(t *testing.T) {
	s := openWith(t, "a")
	for _, tt := range []struct {
		name, content string
		want          int64
	}{
		{"CRLF", "a\r\nb\r\n", 6},
		{"bare LF", "a\nb\r\n", 6},
		{"no last line end", "a\r\nb", 6},
	} {
		deliver(t, s, tt.content, "a")
		all := messages(t, s, "a")
		if got := all[len(all)-1].TextSize; got != tt.want {
			t.Errorf("%s: text size of %q = %d, want %d", tt.name, tt.content, got, tt.want)
		}
	}
}

func TestOneContentForSeveralAccounts(t *testing.T) {
	s := openWith(t, "a", "b")
	deliver(t, s, "shared", "a", "b")
	if n := count(t, s, "contents"); n != 1 {
		t.Errorf("%d contents, want 1", n)
	}
	held := messages(t, s, "a")[0]
	expunge(t, s, "a", 1)
	if got := contentOf(t, s, messages(t, s, "b")[0]); got != "shared" {
		t.Errorf("after the first of two was removed: %q", got)
	}
	expunge(t, s, "b", 1)
	if n := count(t, s, "contents") + count(t, s, "chunks"); n != 0 {
		t.Errorf("%d rows left after the last removal", n)
	}
	deliver(t, s, "another", "b")
	if b, err := io.ReadAll(s.Content(t.Context(), held)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a message that is gone: %q, %v, want ErrNotFound", b, err)
	}
}

func TestSenderBreaksOff(t *testing.T) {
	s := openWith(t, "a")
	lost := errors.New("connection lost")
	content := io.MultiReader(strings.NewReader(strings.Repeat("x", 2*chunkSize)), iotest.ErrReader(lost))
	if err := s.Deliver(t.Context(), []string{"a"}, noon, content); !errors.Is(err, lost) {
		t.Errorf("got %v, want %v", err, lost)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Deliver(ctx, []string{"a"}, noon, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if n := len(messages(t, s, "a")) + count(t, s, "contents"); n != 0 {
		t.Errorf("%d rows of a message that never came", n)
	}
	noSpoolFiles(t, s)
}

// Deliveries that share transactions, some of which fail, do not mix.
func TestConcurrentDeliveries(t *testing.T) {
	s := openWith(t, "a", "b")
	var wg sync.WaitGroup
	const senders, each = 16, 20
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				text := fmt.Sprintf("message %d.%d", i, j)
				if err := s.Deliver(t.Context(), []string{"a", "b"}, noon, strings.NewReader(text)); err != nil {
					t.Error(err)
				}
				if err := s.Deliver(t.Context(), []string{"a", "nobody"}, noon, strings.NewReader("refused")); !errors.Is(err, ErrNotFound) {
					t.Errorf("delivery to nobody: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, account := range []string{"a", "b"} {
		all := messages(t, s, account)
		seen := map[string]bool{}
		for i, m := range all {
			if m.UID != uint32(i+1) {
				t.Fatalf("%s: UID %d at place %d: refused deliveries used up numbers", account, m.UID, i+1)
			}
			seen[contentOf(t, s, m)] = true
		}
		if len(all) != senders*each || len(seen) != senders*each {
			t.Errorf("%s: %d messages, %d different ones, want %d", account, len(all), len(seen), senders*each)
		}
	}
	if n := count(t, s, "contents"); n != senders*each {
		t.Errorf("%d contents, want %d", n, senders*each)
	}
}

// What Deliver has returned from is committed: another connection sees it at once.
func TestCommittedBeforeReturn(t *testing.T) {
	names := strings.Split("abcdefgh", "")
	s := openWith(t, names...)
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			for n := range uint32(30) {
				deliver(t, s, "x", name)
				if next := inboxOf(t, s, name).UIDNext; next != n+2 {
					t.Errorf("%s: UIDNEXT %d after delivery %d", name, next, n+1)
				}
			}
		})
	}
	wg.Wait()
}

// When the transaction itself is lost, nobody in it may believe in success.
func TestLostTransactionFailsEveryone(t *testing.T) {
	db, err := connect(filepath.Join(t.TempDir(), "maild.db"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w, err := newWriter(db)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add := func(t *tx) error { return t.exec("INSERT INTO accounts (name) VALUES ('a')") }
	first := &change{result: make(chan error, 1), do: add}
	second := &change{result: make(chan error, 1), do: func(t *tx) error {
		t.exec("ROLLBACK") // what SQLite does by itself on a full disk
		return errors.New("disk full")
	}}
	waiting := make(chan *change, 1)
	waiting <- second
	w.transaction(first, waiting)
	for name, c := range map[string]*change{"the one before": first, "the one that hit it": second} {
		if err := <-c.result; err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: %v, want the loss", name, err)
		}
	}
	again := &change{result: make(chan error, 1), do: add} // fails if the first one's row is there
	w.transaction(again, nil)
	if err := <-again.result; err != nil {
		t.Errorf("the next transaction: %v", err)
	}
}

func TestTwoOpens(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{open(t, dir), open(t, dir)}
	if err := stores[0].CreateAccount("a", nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, s := range stores {
		for range 4 {
			wg.Go(func() {
				for range 10 {
					if err := s.Deliver(t.Context(), []string{"a"}, noon, strings.NewReader("x")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for i, s := range stores {
		got := uids(messages(t, s, "a"))
		if len(got) != 80 || !slices.IsSorted(got) || got[79] != 80 {
			t.Errorf("store %d sees UIDs %v, want 1 to 80", i, got)
		}
	}
}

func TestNewerDatabase(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.change(0, func(t *tx) error { return t.exec("PRAGMA user_version = 99") }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s, err := Open(dir); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("Open of a newer database: %v", err)
		s.Close()
	}
}

func TestClosed(t *testing.T) {
	s := openWith(t, "a")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CreateAccount("b", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

func TestFileModes(t *testing.T) {
	s := openWith(t, "a")
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", f.Name(), info.Mode(), err)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	for _, senders := range []int{1, 8, 32} {
		for _, size := range []int{4 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("senders=%d/size=%d", senders, size), func(b *testing.B) {
				s := openWith(b, "a")
				text := bytes.Repeat([]byte("0123456789abcd\r\n"), size/16)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				var n atomic.Int64
				n.Store(int64(b.N))
				b.ResetTimer()
				var wg sync.WaitGroup
				for range senders {
					wg.Go(func() {
						for n.Add(-1) >= 0 {
							if err := s.Deliver(b.Context(), []string{"a"}, noon, bytes.NewReader(text)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

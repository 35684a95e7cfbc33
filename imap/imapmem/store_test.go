package imapmem

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

var ctx = context.Background()

func newAccount(t *testing.T) (*Store, imapserver.Account) {
	t.Helper()
	s := New()
	if err := s.AddUser("u", "p"); err != nil {
		t.Fatal(err)
	}
	a, err := s.Open(ctx, auth.Identity{Authcid: "u", Authzid: "u"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, a
}

func open(t *testing.T, a imapserver.Account, name string) imapserver.Mailbox {
	t.Helper()
	b, err := a.Open(ctx, name, false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func deliver(t *testing.T, s *Store, n int) {
	t.Helper()
	for range n {
		if _, err := s.Deliver("u", "INBOX", []byte("A: b\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
}

// codeOf returns the response code of a refusal.
func codeOf(err error) string {
	if r, ok := errors.AsType[*imap.Reject](err); ok {
		return r.Code.Name
	}
	return fmt.Sprint(err)
}

func TestUsers(t *testing.T) {
	s, _ := newAccount(t)
	if _, err := s.Open(ctx, auth.Identity{Authzid: "v"}, nil); codeOf(err) != "AUTHORIZATIONFAILED" {
		t.Errorf("Open of a stranger: %v", err)
	}
	if _, err := s.Lookup(ctx, "v"); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("Lookup of a stranger: %v", err)
	}
	if v, err := s.Lookup(ctx, "u"); err != nil || len(v) != 1 {
		t.Errorf("Lookup: %v, %v", v, err)
	}
	if err := s.AddUser("w", ""); err == nil {
		t.Error("an empty password was taken")
	}
	if _, err := s.Deliver("v", "INBOX", nil); err == nil {
		t.Error("mail for a stranger was taken")
	}
}

// UIDs rise, and are never used again; UIDVALIDITY changes with each mailbox of a
// name: RFC 9051, section 2.3.1.1.
func TestUIDsAreNotUsedAgain(t *testing.T) {
	s, a := newAccount(t)
	s.now = func() time.Time { return time.Unix(1000, 0) }
	deliver(t, s, 2)
	b := open(t, a, "INBOX")
	if _, err := b.Expunge(ctx, imap.NumSetOf[imap.UID](2), true); err != nil {
		t.Fatal(err)
	}
	if u, _ := s.Deliver("u", "INBOX", nil); u != 3 {
		t.Errorf("UID %d, want 3", u)
	}
	seen := make(map[uint32]bool)
	for range 5 { // all within one second
		if _, err := a.Create(ctx, "x", imapserver.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		st, err := a.Status(ctx, "x", nil)
		if err != nil || seen[st.UIDValidity] {
			t.Errorf("UIDVALIDITY %d again, or %v", st.UIDValidity, err)
		}
		seen[st.UIDValidity] = true
		if err := a.Delete(ctx, "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// At the end of the UIDs the mailbox gets another UIDVALIDITY, and those who have
// it open are told that it is gone.
func TestLastUID(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 1)
	before, _ := a.Status(ctx, "INBOX", nil)
	b := open(t, a, "INBOX").(*handle)
	var kinds []imapview.Kind
	defer b.Watch(func(c imapview.Change) { kinds = append(kinds, c.Kind) })()
	b.box.uidNext = math.MaxUint32
	u, err := s.Deliver("u", "INBOX", nil)
	if err != nil || u != 2 {
		t.Errorf("UID %d, %v; want 2", u, err)
	}
	after, _ := a.Status(ctx, "INBOX", nil)
	if after.UIDValidity <= before.UIDValidity || after.Messages != 2 || after.UIDNext != 3 {
		t.Errorf("status %+v after %+v", after, before)
	}
	if !slices.Equal(kinds, []imapview.Kind{imapview.Gone}) {
		t.Errorf("told %v", kinds)
	}
}

func TestNames(t *testing.T) {
	s, a := newAccount(t)
	steps := []struct {
		do   func() error
		code string
		want string // names
	}{
		{func() error { _, err := a.Create(ctx, "a/b/c", imapserver.CreateOptions{}); return err }, "<nil>", "INBOX a a/b a/b/c"},
		{func() error { _, err := a.Create(ctx, "a/b", imapserver.CreateOptions{}); return err }, "ALREADYEXISTS", "INBOX a a/b a/b/c"},
		{func() error { return a.Rename(ctx, "a/b", "x/y") }, "<nil>", "INBOX a x x/y x/y/c"},
		{func() error { return a.Rename(ctx, "x", "x/z") }, "CANNOT", "INBOX a x x/y x/y/c"},
		{func() error { return a.Rename(ctx, "nope", "z") }, "NONEXISTENT", "INBOX a x x/y x/y/c"},
		{func() error { return a.Rename(ctx, "a", "x") }, "ALREADYEXISTS", "INBOX a x x/y x/y/c"},
		{func() error { return a.Delete(ctx, "x") }, "<nil>", "INBOX a x/y x/y/c"},
		{func() error { return a.Rename(ctx, "x", "q") }, "<nil>", "INBOX a q/y q/y/c"},
		{func() error { return a.Delete(ctx, "INBOX") }, "CANNOT", "INBOX a q/y q/y/c"},
		{func() error { return a.Delete(ctx, "nope") }, "NONEXISTENT", "INBOX a q/y q/y/c"},
		{func() error { return a.Rename(ctx, "INBOX", "old") }, "<nil>", "INBOX a old q/y q/y/c"},
	}
	for i, step := range steps {
		if got := codeOf(step.do()); got != step.code {
			t.Errorf("step %d: %q, want %q", i, got, step.code)
		}
		if got := strings.Join(s.Names("u"), " "); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

// Changes are told to all who watch but the handle that makes them.
func TestWatch(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 3)
	mine, other := open(t, a, "INBOX"), open(t, a, "INBOX")
	var toMine, toOther []string
	tell := func(to *[]string) func(imapview.Change) {
		return func(c imapview.Change) {
			*to = append(*to, fmt.Sprint(c.Kind, " ", c.UIDs, " ", c.ModSeq, " ", c.Flags))
		}
	}
	stop := mine.Watch(tell(&toMine))
	defer other.Watch(tell(&toOther))()
	for range mine.Store(ctx, imap.NumSetOf[imap.UID](2), &imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}) {
	}
	if _, err := mine.Copy(ctx, imap.NumSetOf[imap.UID](2), "INBOX"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := mine.Move(ctx, imap.NumSetOf[imap.UID](1), "INBOX"); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Expunge(ctx, imap.NumSetOf[imap.UID](3), true); err != nil {
		t.Fatal(err)
	}
	stop()
	deliver(t, s, 1)
	want := []string{"Flagged 2 5 [\\Seen]", "Added 4 6 []", "Added 5 7 []", "Removed 1 8 []", "Removed 3 9 []", "Added 6 10 []"}
	if diff := cmp.Diff(want, toOther); diff != "" {
		t.Errorf("others are told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Added 4 6 []", "Added 5 7 []"}, toMine); diff != "" {
		t.Errorf("the session itself is told (-want +got):\n%s", diff)
	}
}

// COPY with one message that is gone does nothing.
func TestCopyIsAllOrNone(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 2)
	if _, err := a.Create(ctx, "x", imapserver.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	b := open(t, a, "INBOX")
	if _, err := b.Copy(ctx, imap.NumSetRange[imap.UID](1, 3), "x"); codeOf(err) != "EXPUNGEISSUED" {
		t.Errorf("got %v", err)
	}
	if _, err := b.Copy(ctx, imap.NumSetRange[imap.UID](1, 2), "y"); codeOf(err) != "TRYCREATE" {
		t.Errorf("got %v", err)
	}
	if got := s.Dump("u", "x"); got != "" {
		t.Errorf("x has %q", got)
	}
}

// What was opened stays readable when it is gone.
func TestContentAfterExpunge(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 1)
	b := open(t, a, "INBOX")
	for m, err := range b.Messages(ctx, imap.NumSetOf[imap.UID](1), imapserver.NeedContent) {
		if err != nil {
			t.Fatal(err)
		}
		c, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Expunge(ctx, imap.NumSetOf[imap.UID](1), true); err != nil {
			t.Fatal(err)
		}
		var octets [8]byte
		if n, err := c.ReadAt(octets[:], 0); n != 8 || err != nil || string(octets[:]) != "A: b\r\n\r\n" {
			t.Errorf("%q, %v", octets[:n], err)
		}
		c.Close()
	}
}

// The counts of STATUS are those of a count.
func TestCounts(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 9)
	b := open(t, a, "INBOX")
	flags := []imap.Flag{imap.FlagSeen, imap.FlagDeleted, "kw"}
	for i := range 60 {
		op := &imap.FlagOp{Mode: imap.FlagMode(i % 3), Flags: flags[i%4%3 : i%4%3+1]}
		for range b.Store(ctx, imap.NumSetRange(imap.UID(i%9+1), imap.UID(i%5+4)), op) {
		}
		if i == 40 {
			b.Expunge(ctx, imap.NumSetRange[imap.UID](1, 4), true)
		}
		var want imap.MailboxStatus
		for m := range b.Messages(ctx, imap.NumSetRange[imap.UID](1, 99), imapserver.NeedFlags) {
			want.Messages++
			want.Size += uint64(m.Size)
			if !imap.HasFlag(m.Flags, imap.FlagSeen) {
				want.Unseen++
			}
			if imap.HasFlag(m.Flags, imap.FlagDeleted) {
				want.Deleted++
			}
		}
		got, err := b.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got.Messages != want.Messages || got.Size != want.Size || got.Unseen != want.Unseen || got.Deleted != want.Deleted {
			t.Fatalf("step %d: %+v, want %+v", i, got, want)
		}
	}
}

func TestRecent(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 2)
	b, c := open(t, a, "INBOX"), open(t, a, "INBOX")
	for i, step := range []struct {
		box   imapserver.Mailbox
		claim bool
		want  string
	}{{b, false, "1:2"}, {c, true, "1:2"}, {b, true, ""}} {
		u, err := step.box.ClaimRecent(ctx, step.claim)
		if err != nil || u.String() != step.want {
			t.Errorf("step %d: %s, %v; want %q", i, u, err, step.want)
		}
	}
}

// APPEND is all or none, whatever goes wrong.
func TestAppendFails(t *testing.T) {
	s, a := newAccount(t)
	broken := errors.New("broken")
	fails := func(yield func(*imapserver.NewMessage, error) bool) { yield(nil, broken) }
	if _, err := a.Append(ctx, "INBOX", iter.Seq2[*imapserver.NewMessage, error](fails)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	asked := false
	if _, err := a.Append(ctx, "nope", func(func(*imapserver.NewMessage, error) bool) { asked = true }); codeOf(err) != "TRYCREATE" || asked {
		t.Errorf("got %v, asked for messages: %v", err, asked)
	}
	if got := s.Dump("u", "INBOX"); got != "" {
		t.Errorf("INBOX has %q", got)
	}
}

// Many sessions at once: for the race detector.
func TestManySessions(t *testing.T) {
	s, a := newAccount(t)
	deliver(t, s, 20)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			b, err := a.Open(ctx, "INBOX", false)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Watch(func(imapview.Change) {})()
			all := imap.NumSetRange[imap.UID](1, 1000)
			for range b.Store(ctx, all, &imap.FlagOp{Mode: imap.FlagMode(i % 3), Flags: []imap.Flag{imap.FlagSeen}}) {
			}
			for m, err := range b.Messages(ctx, all, imapserver.NeedFlags) {
				if err != nil || m.UID == 0 {
					t.Error(err)
				}
			}
			b.Copy(ctx, imap.NumSetOf(imap.UID(i%20+1)), "INBOX")
			b.Expunge(ctx, imap.NumSetOf(imap.UID(i%20+1)), true)
		})
	}
	wg.Wait()
}

func ExampleStore() {
	s := New()
	s.AddUser("ann", "secret")
	s.Deliver("ann", "INBOX", []byte("Subject: hello\r\n\r\nHello.\r\n"))
	s.Deliver("ann", "lists/go", []byte("Subject: news\r\n\r\nNews.\r\n"))
	fmt.Println(s.Names("ann"))
	fmt.Print(s.Dump("ann", "lists/go"))
	// Output:
	// [INBOX lists lists/go]
	// 1 [] 24
}

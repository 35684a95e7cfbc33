package store

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

func accountOf(t testing.TB, s *Store, name string) int64 {
	t.Helper()
	id, err := s.Account(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func folderNames(t testing.TB, s *Store, account int64) (names []string) {
	t.Helper()
	all, err := s.Folders(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !slices.ContainsFunc(firstMailboxes, func(m struct{ name, use string }) bool { return m.name == f.Name }) && !f.Missing {
			names = append(names, f.Name)
		}
	}
	return names
}

func TestFolders(t *testing.T) {
	s := openWith(t, "a")
	a := accountOf(t, s, "a")
	create := func(name string, use ...imap.Attr) error { _, err := s.Create(a, name, use); return err }
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"with parents", create("x/y/z"), nil},
		{"twice", create("x/y"), ErrExists},
		{"a use that is taken", create("s", imap.AttrSent), ErrUse},
		{"a use that is a view", create("all", imap.AttrAll), ErrUse},
		{"inside itself", s.Rename(a, "x", "x/q"), ErrInside},
		{"onto another", s.Rename(a, "x", "Sent"), ErrExists},
		{"what is not there", s.Rename(a, "nil", "q"), ErrNotFound},
		{"with all below", s.Rename(a, "x/y", "new/y"), nil},
		{"the inbox", s.Delete(a, inbox), ErrInbox},
		{"nothing", s.Delete(a, "nil"), ErrNotFound},
		{"only itself", s.Delete(a, "new/y"), nil},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, tt.err, tt.want)
		}
	}
	if diff := cmp.Diff([]string{"new", "new/y/z", "x"}, folderNames(t, s, a)); diff != "" {
		t.Errorf("mailboxes (-want +got):\n%s", diff)
	}
}

// Whoever watches is told what is durable, in order, and nothing that failed.
func TestWatch(t *testing.T) {
	s := openWith(t, "a", "b")
	box := inboxOf(t, s, "a").ID
	var told []string
	push := func(c imapview.Change) { told = append(told, c.Kind.String()+" "+c.UIDs.String()) }
	me, other := new(int), new(int)
	stop := s.Watch(box, me, push)
	deliver(t, s, "one", "a", "b")
	deliver(t, s, "two", "a")
	if err := s.Deliver(t.Context(), []string{"a", "nobody"}, noon, strings.NewReader("x")); err == nil {
		t.Error("delivered to nobody")
	}
	op := &imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}
	for _, by := range []any{me, other} {
		for _, err := range s.SetFlags(t.Context(), box, imap.NumSetRange[imap.UID](1, 2), op, by) {
			if err != nil {
				t.Fatal(err)
			}
		}
		op.Flags = []imap.Flag{"Done"}
	}
	expunge(t, s, "a", 1)
	stop()
	expunge(t, s, "a", 2)
	if diff := cmp.Diff([]string{"Added 1", "Added 2", "Flagged 1", "Flagged 2", "Removed 1"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// Content that is open stays readable when its last message goes, and goes itself
// with the next change.
func TestOpenContentOutlivesMessage(t *testing.T) {
	s := openWith(t, "a")
	text := strings.Repeat("0123456789abcde\n", 3*chunkSize/16)
	deliver(t, s, text, "a")
	box := inboxOf(t, s, "a").ID
	var open imapserver.Content
	for m, err := range s.Rows(t.Context(), box, imap.NumSetOf[imap.UID](1), imapserver.NeedContent) {
		if err != nil {
			t.Fatal(err)
		}
		if open, err = m.Open(); err != nil {
			t.Fatal(err)
		}
	}
	expunge(t, s, "a", 1)
	got, err := io.ReadAll(io.NewSectionReader(open, 0, int64(len(text))))
	if err != nil || string(got) != text {
		t.Errorf("%d octets, %v, want %d", len(got), err, len(text))
	}
	open.Close()
	deliver(t, s, "next", "a")
	if n := count(t, s, "contents"); n != 1 {
		t.Errorf("%d contents, want only the next", n)
	}
}

// RFC 7162, section 3.1.3: what has changed since is left as it is.
func TestSetFlagsUnchangedSince(t *testing.T) {
	s := openWith(t, "a")
	deliver(t, s, "one", "a")
	deliver(t, s, "two", "a")
	box := inboxOf(t, s, "a").ID
	since := imap.ModSeq(messages(t, s, "a")[0].ModSeq)
	op := &imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagSeen}, UnchangedSince: &since}
	var failed, changed []imap.UID
	for st, err := range s.SetFlags(t.Context(), box, imap.NumSetRange[imap.UID](1, 9), op, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if st.Failed {
			failed = append(failed, st.UID)
		}
		if st.Changed {
			changed = append(changed, st.UID)
		}
	}
	if !slices.Equal(failed, []imap.UID{2}) || !slices.Equal(changed, []imap.UID{1}) {
		t.Errorf("failed %v, changed %v", failed, changed)
	}
}

package imaptest

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/suite"
)

// A Store is a Backend to be tested.
type Store struct {
	Backend imapserver.Backend
	// User is whose mail it is: Authzid of the Identity that Open gets. All of it is
	// deleted, again and again.
	User    string
	Known   map[string]string // as of Target
	Changes int               // as of Target
}

// RunBackend tests a store against the contract of imapserver.Backend, Account
// and Mailbox: order and honesty of what it lists, all-or-none of Copy, what Watch
// tells and what it does not, that contents stay readable, that UIDs are never
// used again. It calls the store itself, and runs all cases of Run that are about
// what a store does, through a wrapper that embeds its interfaces as an
// application would.
func RunBackend(t *testing.T, s *Store) {
	t.Helper()
	w := &wrapped{Backend: s.Backend}
	target := serveStore(t, w, s.User)
	target.Known, target.Changes = s.Known, s.Changes
	t.Run("wrapped", func(t *testing.T) { testWrapped(t, s, target) })
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) {
			d := newDialogue(t.Context(), target, suite.Any)
			defer d.close()
			d.prepare(nil)
			box := d.box(numbered(5)...)
			d.open("A")
			if d.err != nil {
				t.Fatalf("%v\n%s", d.err, d.log.String())
			}
			b := &storeTest{TB: t, d: d, box: box, account: w.last()}
			b.a, b.b = b.open(box), b.open(box)
			defer b.a.Close()
			defer b.b.Close()
			c.run(b)
			if d.err != nil {
				t.Errorf("%v\n%s", d.err, d.log.String())
			}
		})
	}
	runAll(t, target, storeCases())
}

// serveStore makes a target of a store, in memory.
func serveStore(t testing.TB, b imapserver.Backend, user string) *Target {
	const password = "correct horse"
	srv := &imapserver.Server{Backend: b, Auth: Accept(user, password), Conns: imapserver.Conns{PerUser: -1}}
	srv.Auth.Cleartext = auth.CleartextAny
	t.Cleanup(func() { srv.Close() })
	return &Target{
		Dial: func(context.Context) (net.Conn, error) {
			near, far := memnet.Pipe(memnet.Options{})
			go srv.ServeConn(context.Background(), far)
			return near, nil
		},
		Login: &auth.Credentials{Username: user, Password: password},
	}
}

// wrapped is what applications do to count or to log: it embeds, and looks at
// what passes.
type wrapped struct {
	imapserver.Backend
	mu       sync.Mutex
	accounts []imapserver.Account
}

type wrappedAccount struct{ imapserver.Account }

type wrappedMailbox struct{ imapserver.Mailbox }

func (w *wrapped) Open(ctx context.Context, id auth.Identity, c *imapserver.Conn) (imapserver.Account, error) {
	a, err := w.Backend.Open(ctx, id, c)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accounts = append(w.accounts, a)
	return wrappedAccount{a}, nil
}

// last is the account of the last login. It may be used as long as its session
// does nothing.
func (w *wrapped) last() imapserver.Account {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.accounts[len(w.accounts)-1]
}

func (a wrappedAccount) Open(ctx context.Context, name string, readOnly bool) (imapserver.Mailbox, error) {
	m, err := a.Account.Open(ctx, name, readOnly)
	if err != nil {
		return nil, err
	}
	return wrappedMailbox{m}, nil
}

// testWrapped compares what is offered with and without the wrapper.
func testWrapped(t *testing.T, s *Store, target *Target) {
	var offered []string
	for _, target := range []*Target{serveStore(t, s.Backend, s.User), target} {
		d := newDialogue(t.Context(), target, suite.Any)
		offered = append(offered, strings.Join(d.open("A").capabilities(), " "))
		d.close()
		if d.err != nil {
			t.Fatalf("%v\n%s", d.err, d.log.String())
		}
	}
	if offered[0] != offered[1] {
		t.Errorf("behind a wrapper is offered\n%s\nand without one\n%s", offered[1], offered[0])
	}
}

// storeTest is what a check of the contract has: a mailbox of five messages with
// the UIDs 1 to 5, opened twice by one account.
type storeTest struct {
	testing.TB
	d       *dialogue
	box     string
	account imapserver.Account
	a, b    imapserver.Mailbox
}

func (b *storeTest) ctx() context.Context { return b.d.ctx }

func (b *storeTest) open(name string) imapserver.Mailbox {
	b.Helper()
	m, err := b.account.Open(b.ctx(), name, false)
	if err != nil {
		b.Fatalf("Open: %v", err)
	}
	return m
}

// uids of a mailbox, as text.
func (b *storeTest) uids(m imapserver.Mailbox) string {
	b.Helper()
	u, err := m.UIDs(b.ctx())
	if err != nil {
		b.Fatalf("UIDs: %v", err)
	}
	return u.String()
}

// flag changes flags of one handle.
func (b *storeTest) flag(m imapserver.Mailbox, u imap.UIDSet, op *imap.FlagOp) (out []imapserver.Stored) {
	b.Helper()
	for st, err := range m.Store(b.ctx(), u, op) {
		if err != nil {
			b.Fatalf("Store: %v", err)
		}
		out = append(out, st)
	}
	return out
}

// wantCode wants an error to be a refusal with this code.
func (b *storeTest) wantCode(what string, err error, code string) {
	b.Helper()
	if r, ok := errors.AsType[*imap.Reject](err); !ok || r.Code.Name != code {
		b.Errorf("%s: error %v, want NO [%s]", what, err, code)
	}
}

var add = func(flags ...imap.Flag) *imap.FlagOp { return &imap.FlagOp{Mode: imap.FlagsAdd, Flags: flags} }

// contract is what cannot be seen from outside.
var contract = []struct {
	name string
	run  func(*storeTest)
}{
	{"order", func(b *storeTest) {
		var got []imap.UID
		for m, err := range b.a.Messages(b.ctx(), imap.NumSetOf[imap.UID](5, 2, 3, 99), imapserver.NeedContent|imapserver.NeedSize) {
			if err != nil {
				b.Fatalf("Messages: %v", err)
			}
			got = append(got, m.UID)
			content, err := m.Open()
			if err != nil {
				b.Fatalf("Open of message %d: %v", m.UID, err)
			}
			text, err := io.ReadAll(io.NewSectionReader(content, 0, 1<<30))
			if want := numbered(5)[m.UID-1]; err != nil || string(text) != want || m.Size != int64(len(want)) {
				b.Errorf("message %d: size %d and %q, %v; want %q", m.UID, m.Size, text, err, want)
			}
			content.Close()
		}
		if !slices.Equal(got, []imap.UID{2, 3, 5}) {
			b.Errorf("Messages of 5,2,3,99 has %v, want 2, 3 and 5 in this order", got)
		}
		if n := b.uids(b.a); n != "1:5" {
			b.Errorf("UIDs %s, want 1:5", n)
		}
	}},
	{"content after expunge", func(b *storeTest) {
		for m, err := range b.a.Messages(b.ctx(), imap.NumSetOf[imap.UID](3), imapserver.NeedContent) {
			if err != nil {
				b.Fatalf("Messages: %v", err)
			}
			content, err := m.Open()
			if err != nil {
				b.Fatalf("Open: %v", err)
			}
			if _, err := b.b.Expunge(b.ctx(), imap.NumSetOf[imap.UID](3), true); err != nil {
				b.Fatalf("Expunge: %v", err)
			}
			text, err := io.ReadAll(io.NewSectionReader(content, 0, 1<<30))
			if err != nil || string(text) != numbered(3)[2] {
				b.Errorf("content that was open is %q, %v", text, err)
			}
			content.Close()
		}
	}},
	{"expunge", func(b *storeTest) {
		b.flag(b.a, imap.NumSetRange[imap.UID](2, 4), add(imap.FlagDeleted))
		r, err := b.a.Expunge(b.ctx(), imap.NumSetOf[imap.UID](1, 3, 4, 77), false)
		if err != nil || r.UIDs.String() != "3:4" {
			b.Errorf("Expunge of 1,3,4,77 removes %s, %v; want 3:4", r.UIDs.String(), err)
		}
		r, err = b.a.Expunge(b.ctx(), imap.NumSetOf[imap.UID](1), true)
		if err != nil || r.UIDs.String() != "1" || b.uids(b.b) != "2,5" {
			b.Errorf("forced Expunge of 1 removes %s, %v, and leaves %s", r.UIDs.String(), err, b.uids(b.b))
		}
	}},
	{"copy", func(b *storeTest) {
		target := b.d.box()
		_, err := b.a.Copy(b.ctx(), imap.NumSetOf[imap.UID](1, 2, 77), target)
		b.wantCode("Copy with a message that is gone", err, "EXPUNGEISSUED")
		_, err = b.a.Copy(b.ctx(), imap.NumSetOf[imap.UID](1), b.d.name("missing"))
		b.wantCode("Copy to a mailbox that is missing", err, "TRYCREATE")
		to := b.open(target)
		defer to.Close()
		if u := b.uids(to); u != "" {
			b.Errorf("a Copy that fails leaves %s", u)
		}
		code, err := b.a.Copy(b.ctx(), imap.NumSetOf[imap.UID](2, 4), target)
		if err != nil || b.uids(to) != "1:2" {
			b.Errorf("Copy: %v, %v, and the UIDs are %s", code, err, b.uids(to))
		}
	}},
	{"no UID twice", func(b *storeTest) {
		if _, err := b.a.Expunge(b.ctx(), imap.NumSetRange[imap.UID](4, 5), true); err != nil {
			b.Fatalf("Expunge: %v", err)
		}
		b.d.add(b.box, numbered(1)...)
		if u := b.uids(b.a); u != "1:3,6" {
			b.Errorf("UIDs %s, want 1:3,6", u)
		}
		st, err := b.a.Status(b.ctx())
		if err != nil || st.UIDNext != 7 {
			b.Errorf("UIDNext %d, %v; want 7", st.UIDNext, err)
		}
	}},
	{"unchanged since", func(b *storeTest) {
		if !b.account.Abilities().Has(imapserver.HasModSeq) {
			b.Skip("no mod-sequences")
		}
		first := b.flag(b.a, imap.NumSetOf[imap.UID](1), add(imap.FlagSeen))[0]
		again := b.flag(b.b, imap.NumSetOf[imap.UID](1), add(imap.FlagSeen))[0]
		if !first.Changed || again.Changed || again.ModSeq != first.ModSeq {
			b.Errorf("first %+v, and the same again %+v", first, again)
		}
		since := first.ModSeq - 1
		op := add(imap.FlagFlagged)
		op.UnchangedSince = &since
		if st := b.flag(b.a, imap.NumSetOf[imap.UID](1), op)[0]; !st.Failed || slices.ContainsFunc(st.Flags, imap.FlagFlagged.Is) {
			b.Errorf("UnchangedSince %d, and the message has %d: %+v", since, first.ModSeq, st)
		}
	}},
	{"watch", testWatch},
	{"vanished", func(b *storeTest) {
		if !b.account.Abilities().Has(imapserver.HasVanished) {
			b.Skip("no history of removals")
		}
		st, err := b.a.Status(b.ctx())
		if err != nil {
			b.Fatalf("Status: %v", err)
		}
		if _, err := b.b.Expunge(b.ctx(), imap.NumSetOf[imap.UID](2, 5), true); err != nil {
			b.Fatalf("Expunge: %v", err)
		}
		u, complete, err := b.a.Vanished(b.ctx(), st.HighestModSeq)
		if err != nil || !complete || u.String() != "2,5" {
			b.Errorf("Vanished: %s, %v, %v; want 2,5", u.String(), complete, err)
		}
	}},
	{"recent", func(b *storeTest) {
		if !b.account.Abilities().Has(imapserver.HasRecent) {
			b.Skip("no message is recent")
		}
		for i, want := range []string{"1:5", "1:5", "1:5", ""} {
			m := []imapserver.Mailbox{b.a, b.b, b.a, b.b}[i]
			u, err := m.ClaimRecent(b.ctx(), i == 2)
			if err != nil || u.String() != want {
				b.Errorf("ClaimRecent, call %d: %s, %v; want %s", i, u.String(), err, want)
			}
		}
	}},
}

// testWatch looks at who is told of what. What must not be told would come
// before what has to be.
func testWatch(b *storeTest) {
	told := make(chan imapview.Change, 100)
	stop := b.a.Watch(func(c imapview.Change) { told <- c })
	want := func(after string, kind imapview.Kind, uids imap.UIDSet) {
		b.Helper()
		var got imap.UIDSet
		for timeout := time.After(time.Until(b.d.deadline())); got.String() != uids.String(); {
			select {
			case c := <-told:
				if got = got.Union(c.UIDs); c.Kind != kind || !got.Subtract(uids).IsEmpty() {
					b.Fatalf("%s Watch tells %s %s, want %s %s", after, c.Kind, c.UIDs.String(), kind, uids.String())
				}
			case <-timeout:
				b.Fatalf("%s Watch has told %s %s, want %s", after, kind, got.String(), uids.String())
			}
		}
	}
	b.flag(b.a, imap.NumSetOf[imap.UID](1), add(imap.FlagSeen))
	b.flag(b.b, imap.NumSetOf[imap.UID](2), add(imap.FlagSeen))
	want("behind a Store of its own and one of another handle", imapview.Flagged, imap.NumSetOf[imap.UID](2))
	b.flag(b.b, imap.NumSetOf[imap.UID](2), add(imap.FlagSeen))
	b.d.add(b.box, numbered(1)...)
	want("behind a Store that changes nothing and an APPEND", imapview.Added, imap.NumSetOf[imap.UID](6))
	for _, row := range []struct {
		m imapserver.Mailbox
		u imap.UIDSet
	}{{b.a, imap.NumSetOf[imap.UID](1)}, {b.b, imap.NumSetOf[imap.UID](3, 5)}} {
		if _, err := row.m.Expunge(b.ctx(), row.u, true); err != nil {
			b.Fatalf("Expunge: %v", err)
		}
	}
	want("behind an Expunge of its own and one of another handle", imapview.Removed, imap.NumSetOf[imap.UID](3, 5))
	stop()
	b.flag(b.b, imap.NumSetOf[imap.UID](2), add(imap.FlagFlagged))
	if len(told) > 0 {
		b.Errorf("behind stop Watch tells %v", <-told)
	}
}

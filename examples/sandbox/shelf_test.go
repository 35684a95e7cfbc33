package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/smtp"
)

// subjects are those of the shelf, the oldest first.
func subjects(s *shelf) []string {
	var all []string
	for _, e := range s.snapshot().entries {
		all = append(all, e.subject)
	}
	return all
}

func TestOldestMakesRoom(t *testing.T) {
	s := testShelf(t, bounds{messages: 3, octets: 1 << 20})
	for i := range 5 {
		put(t, s, letter(fmt.Sprint("small ", i), "x"))
	}
	if got, want := subjects(s), []string{"small 2", "small 3", "small 4"}; !cmp.Equal(got, want) {
		t.Errorf("over the number of messages: %q, want %q", got, want)
	}
	if got := s.snapshot().dropped; got != 2 {
		t.Errorf("dropped %d, want 2", got)
	}
	put(t, s, letter("large 1", strings.Repeat("x", 600<<10)))
	put(t, s, letter("large 2", strings.Repeat("x", 600<<10)))
	if got, want := subjects(s), []string{"large 2"}; !cmp.Equal(got, want) {
		t.Errorf("over the octets: %q, want %q", got, want)
	}
	put(t, s, letter("huge", strings.Repeat("x", 2<<20)))
	if got, want := subjects(s), []string{"huge"}; !cmp.Equal(got, want) {
		t.Errorf("the newest is larger than all: %q, want %q", got, want)
	}
	if got := len(strings.Fields(s.store.Dump("sandbox", imap.INBOX))); got != 3 {
		t.Errorf("the mailbox has %q", s.store.Dump("sandbox", imap.INBOX))
	}
}

// What leaves the mailbox leaves the shelf, with what it was counted for.
func TestRemovedElsewhere(t *testing.T) {
	s := testShelf(t)
	one := put(t, s, letter("one", "x"))
	put(t, s, letter("two", "x"))
	before := s.snapshot()
	account, err := mailboxes{s}.Open(t.Context(), auth.Identity{Authzid: "sandbox"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(t.Context(), imap.INBOX, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Expunge(t.Context(), imap.NumSetOf(one), true); err != nil {
		t.Fatal(err)
	}
	<-before.changed
	if got, want := subjects(s), []string{"two"}; !cmp.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if now := s.snapshot(); now.octets != now.entries[0].cost || now.change == before.change || now.dropped != 0 {
		t.Errorf("octets %d, want %d; change %d, dropped %d", now.octets, now.entries[0].cost, now.change, now.dropped)
	}
	if _, err := s.message(t.Context(), one); !errors.Is(err, errGone) {
		t.Errorf("the message: %v, want %v", err, errGone)
	}
}

// Mail comes by SMTP alone: that bounds the memory, and watch counts on it.
func TestNothingComesByIMAP(t *testing.T) {
	s := testShelf(t)
	uid := put(t, s, letter("one", "x"))
	account, err := mailboxes{s}.Open(t.Context(), auth.Identity{Authzid: "sandbox"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	box, err := account.Open(t.Context(), imap.INBOX, false)
	if err != nil {
		t.Fatal(err)
	}
	_, appended := account.Append(t.Context(), imap.INBOX, nil)
	_, copied := box.Copy(t.Context(), imap.NumSetOf(uid), imap.INBOX)
	_, _, moved := box.Move(t.Context(), imap.NumSetOf(uid), imap.INBOX)
	for name, err := range map[string]error{"append": appended, "copy": copied, "move": moved,
		"delete": account.Delete(t.Context(), "x"), "rename": account.Rename(t.Context(), imap.INBOX, "x")} {
		if _, ok := errors.AsType[*imap.Reject](err); !ok {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if got := s.store.Names("sandbox"); !cmp.Equal(got, []string{imap.INBOX}) {
		t.Errorf("mailboxes %q", got)
	}
}

func TestUploadsShareABudget(t *testing.T) {
	s := testShelf(t, bounds{messages: 10, octets: 1000})
	one, two := &upload{shelf: s}, &upload{shelf: s}
	if _, err := one.Write(make([]byte, 900)); err != nil {
		t.Fatal(err)
	}
	_, err := two.Write(make([]byte, 200))
	if reject, ok := errors.AsType[*smtp.Reject](err); !ok || reject.Code != 452 {
		t.Errorf("over the budget: %v, want 452", err)
	}
	two.done()
	one.done()
	if got := s.receiving.Load(); got != 0 {
		t.Errorf("%d octets are still counted", got)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testShelf(t)
		old := put(t, s, letter("welcome 1", "x"))
		q, err := parseQuery("subject:welcome")
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if e, err := s.wait(t.Context(), 10*time.Second, q, 0); err != nil || e.uid != old {
			t.Fatalf("one that is there: %v, %v", e, err)
		}
		if _, err := s.wait(t.Context(), 10*time.Second, q, old); !errors.Is(err, errNone) || time.Since(begin) != 10*time.Second {
			t.Fatalf("none: %v after %v, want %v after 10s", err, time.Since(begin), errNone)
		}

		found := make(chan *entry)
		go func() {
			e, _ := s.wait(context.Background(), time.Hour, q, old)
			found <- e
		}()
		synctest.Wait() // it waits
		put(t, s, letter("other", "x"))
		synctest.Wait() // it has looked at that, and waits
		begin = time.Now()
		want := put(t, s, letter("welcome 2", "x"))
		if e := <-found; e == nil || e.uid != want || time.Since(begin) != 0 {
			t.Errorf("one that comes: %v after %v, want %d at once", e, time.Since(begin), want)
		}

		gone, leave := context.WithCancel(context.Background())
		leave()
		if _, err := s.wait(gone, time.Hour, q, want); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that went: %v", err)
		}
	})
}

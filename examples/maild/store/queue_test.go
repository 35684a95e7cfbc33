package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mailwire/mailwire/smtp"
)

func rcpt(local, domain string) Waiting {
	return Waiting{
		Rcpt:    smtp.Rcpt{Path: smtp.Path{Local: local, Domain: domain}, Options: smtp.RcptOptions{Notify: smtp.NotifySuccess | smtp.NotifyDelay, ORcpt: smtp.ORcpt{Type: "rfc822", Addr: "o@example"}}},
		Domain:  domain,
		Next:    noon,
		Warn:    noon.Add(4 * time.Hour),
		Expires: noon.Add(100 * time.Hour),
	}
}

// queued puts a message into the queue and into the given inboxes.
func queued(t testing.TB, s *Store, name string, accounts []string, rcpts ...Waiting) *Outgoing {
	t.Helper()
	m := &Outgoing{Name: name, Arrived: noon, Skip: 5, Rcpts: rcpts,
		Sender: Sender{From: smtp.Path{Local: "a", Domain: "here.example"}, Options: smtp.MailOptions{Ret: smtp.RetFull, EnvID: "e+1"}, Relaxed: true}}
	if err := s.Accept(t.Context(), &Incoming{Accounts: accounts, Received: noon, Queue: m}, strings.NewReader("top\r\nSubject: x\r\n\r\n"+name+"\r\n")); err != nil {
		t.Fatal(err)
	}
	return m
}

func take(t testing.TB, s *Store, domain string, now time.Time, busy Busy) *Outgoing {
	t.Helper()
	m, err := s.Take(t.Context(), domain, now, busy)
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	return m
}

func names(t testing.TB, s *Store) (all []string) {
	t.Helper()
	q, err := s.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range q {
		all = append(all, m.Name)
	}
	return all
}

func settle(t testing.TB, s *Store, done, later []Waiting, notices ...Notice) {
	t.Helper()
	if err := s.Settle(done, later, notices, noon); err != nil {
		t.Fatal(err)
	}
}

// What is taken out of the queue is what was put in, also after a restart.
func TestQueueRoundTrip(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := queued(t, s, "m1", nil, rcpt("x", "b.example"), rcpt("y", "c.example"), rcpt("z", "b.example"))
	s.Close()
	s = open(t, dir)
	got := take(t, s, "b.example", noon, nil)
	want.Rcpts = []Waiting{want.Rcpts[0], want.Rcpts[2]}
	want.Size = got.Size
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Outgoing{}, Waiting{})); diff != "" {
		t.Errorf("(-put +taken):\n%s", diff)
	}
	r, err := s.OutgoingContent(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "Subject: x\r\n\r\nm1\r\n" || int64(len(b)) != got.Size {
		t.Errorf("content %q, %v, want %d octets", b, err, got.Size)
	}
}

func TestQueueTakes(t *testing.T) {
	s := openWith(t)
	later := rcpt("x", "b.example")
	later.Next = noon.Add(time.Minute)
	queued(t, s, "later", nil, later)
	queued(t, s, "first", nil, rcpt("x", "b.example"), later, rcpt("y", "b.example"))
	queued(t, s, "second", nil, rcpt("x", "b.example"))
	early := rcpt("x", "c.example")
	early.Next = noon.Add(-time.Minute)
	queued(t, s, "early", nil, early)

	due, err := s.Due(t.Context(), noon)
	if diff := cmp.Diff([]Due{{"c.example", 1}, {"b.example", 2}}, due); diff != "" || err != nil {
		t.Errorf("due (-want +got):\n%s%v", diff, err)
	}
	if next, err := s.NextDue(t.Context(), noon); err != nil || !next.Equal(later.Next) {
		t.Errorf("next due %v, %v, want %v", next, err, later.Next)
	}
	if next, err := s.NextDue(t.Context(), later.Next); err != nil || !next.IsZero() {
		t.Errorf("next due %v, %v, want none", next, err)
	}
	busy := Busy{}
	for _, want := range []string{"first", "second"} {
		m := take(t, s, "b.example", noon, busy)
		if m == nil || m.Name != want {
			t.Fatalf("took %+v, want %s", m, want)
		}
		if want == "first" && len(m.Rcpts) != 2 {
			t.Errorf("%d recipients, want the 2 that are due", len(m.Rcpts))
		}
		busy[m.ID()] = true
	}
	if m := take(t, s, "b.example", noon, busy); m != nil {
		t.Errorf("took %s, want nothing", m.Name)
	}
}

// RFC 5321, section 4.2.5: what was accepted is there until it is settled for every
// recipient. The octets go with the last who needs them.
func TestQueueSettles(t *testing.T) {
	s := openWith(t, "a")
	queued(t, s, "m1", []string{"a"}, rcpt("x", "b.example"), rcpt("y", "b.example"))
	m := take(t, s, "b.example", noon, nil)
	expunge(t, s, "a", 1)
	again := m.Rcpts[1]
	again.Attempts, again.Next, again.Warn, again.Last = 3, noon.Add(time.Hour), time.Time{}, "421 busy"
	settle(t, s, m.Rcpts[:1], []Waiting{again}, Notice{"a", []byte("Subject: notice\r\n\r\n")}, Notice{"gone", []byte("x")})
	if all := messages(t, s, "a"); len(all) != 1 || contentOf(t, s, all[0]) != "Subject: notice\r\n\r\n" {
		t.Errorf("the inbox holds %d messages, want the notice", len(all))
	}
	if m := take(t, s, "b.example", noon, nil); m != nil {
		t.Errorf("due before its time: %+v", m)
	}
	left := take(t, s, "b.example", again.Next, nil)
	if diff := cmp.Diff([]Waiting{again}, left.Rcpts, cmp.AllowUnexported(Waiting{})); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if n := count(t, s, "contents"); n != 2 {
		t.Errorf("%d contents, want that of the message and that of the notice", n)
	}
	settle(t, s, left.Rcpts, nil)
	expunge(t, s, "a", 2)
	for _, table := range []string{"queue", "queue_rcpts", "contents", "chunks"} {
		if n := count(t, s, table); n != 0 {
			t.Errorf("%d rows in %s when all is settled", n, table)
		}
	}
}

// An inbox keeps what the queue has done with.
func TestQueueSharesContent(t *testing.T) {
	s := openWith(t, "a")
	queued(t, s, "m1", []string{"a"}, rcpt("x", "b.example"))
	settle(t, s, take(t, s, "b.example", noon, nil).Rcpts, nil)
	if all := messages(t, s, "a"); len(all) != 1 || contentOf(t, s, all[0]) != "top\r\nSubject: x\r\n\r\nm1\r\n" {
		t.Errorf("the inbox holds %d messages", len(all))
	}
}

// A domain that cannot be reached waits, but not what has to be told to a sender.
func TestPostpone(t *testing.T) {
	s := openWith(t)
	expired, warns, told := rcpt("x", "b.example"), rcpt("x", "b.example"), rcpt("x", "b.example")
	expired.Expires, warns.Warn, told.Warn = noon, noon, time.Time{}
	queued(t, s, "usual", nil, rcpt("x", "b.example"))
	queued(t, s, "told", nil, told)
	queued(t, s, "expired", nil, expired)
	queued(t, s, "warns", nil, warns)
	queued(t, s, "elsewhere", nil, rcpt("x", "c.example"))
	until := noon.Add(time.Minute)
	if err := s.Postpone("b.example", noon, until, "down"); err != nil {
		t.Fatal(err)
	}
	all, err := s.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		w, postponed := m.Rcpts[0], m.Name == "usual" || m.Name == "told"
		if w.Next.Equal(until) != postponed || (w.Last == "down") != postponed || w.Attempts != 0 {
			t.Errorf("%s: next %v, last %q", m.Name, w.Next, w.Last)
		}
	}
}

func TestQueueByName(t *testing.T) {
	s := openWith(t)
	w := rcpt("x", "b.example")
	w.Next = noon.Add(time.Hour)
	queued(t, s, "m1", nil, w, w)
	queued(t, s, "m2", nil, w)
	for _, err := range []error{s.RetryQueued("m3", noon), s.RemoveQueued("m3")} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("a name that is not there: %v", err)
		}
	}
	if err := errors.Join(s.RetryQueued("m1", noon), s.RemoveQueued("m2")); err != nil {
		t.Fatal(err)
	}
	if m := take(t, s, "b.example", noon, nil); m == nil || m.Name != "m1" || len(m.Rcpts) != 2 {
		t.Errorf("due: %+v", m)
	}
	if diff := cmp.Diff([]string{"m1"}, names(t, s)); diff != "" || count(t, s, "contents") != 1 {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
}

// A database of the time before the queue gets one and keeps what it has.
func TestQueueMigration(t *testing.T) {
	dir := t.TempDir()
	db, err := connect(filepath.Join(dir, "maild.db"), 1)
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("schema/001.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(script) + "; PRAGMA user_version = 1; INSERT INTO accounts (name) VALUES ('old')"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	s := open(t, dir)
	if all, err := s.Accounts(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("accounts %q, %v", all, err)
	}
	queued(t, s, "m1", nil, rcpt("x", "b.example"))
}

func TestSTSPolicies(t *testing.T) {
	s := openWith(t)
	if _, err := s.STSPolicy(t.Context(), "b.example"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a domain that is not there: %v", err)
	}
	for _, want := range []string{"one", "two"} {
		if err := s.SetSTSPolicy("b.example", []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.STSPolicy(t.Context(), "b.example"); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

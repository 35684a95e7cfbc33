package imapclient_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
)

// A copybook is what a program that backs up has of a mailbox.
type copybook struct {
	state    imapclient.SyncState
	messages map[imap.UID]string // subject and flags
	log      []string
}

func (b *copybook) take(ch imapclient.Change) error {
	switch ch.Kind {
	case imapclient.Reset:
		clear(b.messages)
		b.log = append(b.log, "reset")
	case imapclient.Removed:
		b.log = append(b.log, "removed "+ch.UIDs.String())
		for u := range ch.UIDs.All() {
			if _, ok := b.messages[u]; !ok {
				return fmt.Errorf("UID %d is removed and was never there", u)
			}
			delete(b.messages, u)
		}
	case imapclient.Flags:
		u := ch.Message.UID
		subject, _, ok := strings.Cut(b.messages[u], " ")
		if !ok {
			return fmt.Errorf("flags of UID %d, which was never there", u)
		}
		b.messages[u] = subject + " " + flagsOf(ch.Message)
		b.log = append(b.log, fmt.Sprint("flags ", u))
	case imapclient.Added:
		octets, err := io.ReadAll(ch.Message.Body(""))
		if err != nil {
			return err
		}
		subject, _, _ := strings.Cut(strings.TrimPrefix(string(octets), "Subject: "), "\r\n")
		if _, twice := b.messages[ch.Message.UID]; twice {
			return fmt.Errorf("UID %d is added twice", ch.Message.UID)
		}
		b.messages[ch.Message.UID] = subject + " " + flagsOf(ch.Message)
		b.log = append(b.log, fmt.Sprint("added ", ch.Message.UID))
	}
	return nil
}

func flagsOf(m *imapclient.Message) string {
	flags, _ := m.Flags()
	return fmt.Sprint(imap.HasFlag(flags, imap.FlagSeen), imap.HasFlag(flags, imap.FlagFlagged))
}

// truth is what the store has, as a copybook sees it.
func (w *world) truth(t *testing.T, c *imapclient.Client) map[imap.UID]string {
	t.Helper()
	b := &copybook{messages: map[imap.UID]string{}}
	if _, err := c.Sync(t.Context(), "INBOX", imapclient.SyncState{}, b.take); err != nil {
		t.Fatal(err)
	}
	return b.messages
}

var syncModes = []struct {
	name string
	mask []imap.Cap
}{
	{"QRESYNC", nil},
	{"CONDSTORE", []imap.Cap{imap.CapQResync}},
	{"neither", []imap.Cap{imap.CapQResync, imap.CapCondstore}},
}

// TestSync: the same calls get a program level by whatever the server has, and what
// is not new is not told where the server can say so.
func TestSync(t *testing.T) {
	for _, mode := range syncModes {
		t.Run(mode.name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(t, 5)
			c := w.connect(t, func(d *imapclient.Dialer) { d.Mask = mode.mask })
			other, _ := w.selected(t, nil)
			b := &copybook{messages: map[imap.UID]string{}}
			round := func(want ...string) {
				t.Helper()
				b.log = nil
				state, err := c.Sync(t.Context(), "INBOX", b.state, b.take)
				if err != nil {
					t.Fatal(err)
				}
				b.state = state
				if mode.name == "neither" { // which tells all flags every time
					b.log = deleteFunc(b.log, func(s string) bool { return strings.HasPrefix(s, "flags ") })
					want = deleteFunc(want, func(s string) bool { return strings.HasPrefix(s, "flags ") })
				}
				if diff := cmp.Diff(strings.Join(want, ", "), strings.Join(b.log, ", ")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(w.truth(t, other), b.messages); diff != "" {
					t.Errorf("the copy (-want +got):\n%s", diff)
				}
			}
			round("added 1", "added 2", "added 3", "added 4", "added 5")
			round()
			flag(t, other, 2, imap.FlagFlagged)
			flag(t, other, 4, imap.FlagDeleted)
			if err := other.Expunge(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.fill(t, 1)
			round("removed 4", "flags 2", "added 6")
			round()
			flag(t, other, 1, imap.FlagDeleted)
			flag(t, other, 6, imap.FlagDeleted)
			if err := other.Expunge(t.Context()); err != nil {
				t.Fatal(err)
			}
			round("removed 1,6")
			round()
			b.state.UIDValidity++ // the mailbox is another's
			round("reset", "added 2", "added 3", "added 5")
		})
	}
}

func deleteFunc(s []string, del func(string) bool) (out []string) {
	for _, x := range s {
		if !del(x) {
			out = append(out, x)
		}
	}
	return out
}

func flag(t *testing.T, c *imapclient.Client, u imap.UID, f imap.Flag) {
	t.Helper()
	if _, err := c.Store(t.Context(), imap.UIDs(u, u), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{f}}); err != nil {
		t.Fatal(err)
	}
}

var errEnough = errors.New("enough")

// TestSyncGap: a server may send rows in any order, and what was told before a Sync
// was cut off is not told again, while what was left out in between is.
func TestSyncGap(t *testing.T) {
	d := plainDialer()
	d.Enable = []imap.Cap{imap.CapQResync}
	scripted(t, d, `# RFC 7162, section 3.2.5.1: a server tells of the known UIDs only.
S: * PREAUTH [CAPABILITY IMAP4rev1 ENABLE QRESYNC] hi
C: A1 ENABLE QRESYNC
S: * ENABLED QRESYNC
S: A1 OK
C: A2 SELECT a (QRESYNC (7 10 1:3))
S: * 5 EXISTS
S: * OK [UIDVALIDITY 7]
S: * OK [UIDNEXT 6]
S: * OK [HIGHESTMODSEQ 20]
S: A2 OK
C: A3 UID FETCH 4:5 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
S: * 5 FETCH (UID 5 FLAGS () BODY[] "x")
S: * 4 FETCH (UID 4 FLAGS () BODY[] "x")
S: A3 OK
C: A4 SELECT a (QRESYNC (7 10 1:3,5))
S: * 5 EXISTS
S: * OK [UIDVALIDITY 7]
S: * OK [UIDNEXT 6]
S: * OK [HIGHESTMODSEQ 20]
S: A4 OK
C: A5 UID FETCH 4 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
S: * 4 FETCH (UID 4 FLAGS () BODY[] "x")
S: A5 OK
`, func(c *imapclient.Client) error {
		full := errors.New("disk full")
		var known imap.UIDSet
		known.AddRange(1, 3)
		state, err := c.Sync(t.Context(), "a", imapclient.SyncState{UIDValidity: 7, UIDNext: 4, ModSeq: 10, UIDs: known}, func(ch imapclient.Change) error {
			if ch.Selected.UIDValidity != 7 || ch.Selected.Exists != 5 {
				t.Errorf("%v of %+v", ch.Kind, ch.Selected)
			}
			if ch.Message.UID == 4 {
				return full
			}
			return nil
		})
		if err != full {
			t.Errorf("got %v", err)
		}
		state, err = c.Sync(t.Context(), "a", state, func(ch imapclient.Change) error { return nil })
		if state.UIDs.String() != "1:5" || state.UIDNext != 6 || state.ModSeq != 20 {
			t.Errorf("got %+v", state)
		}
		return err
	})
}

// TestSyncRandom: whatever happens between two rounds, and wherever a round is cut
// off, the copy is the store's at the end.
func TestSyncRandom(t *testing.T) {
	for _, mode := range syncModes {
		t.Run(mode.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			w := newWorld(t)
			c := w.connect(t, func(d *imapclient.Dialer) { d.Mask = mode.mask })
			other, _ := w.selected(t, nil)
			b := &copybook{messages: map[imap.UID]string{}}
			last := imap.UID(0)
			for step := range 60 {
				for range r.IntN(6) {
					switch u := imap.UID(1 + r.IntN(int(last)+1)); r.IntN(4) {
					case 0, 1:
						last = w.deliver(t, message(fmt.Sprint("s", step), 30))
					case 2:
						flag(t, other, u, []imap.Flag{imap.FlagSeen, imap.FlagFlagged}[r.IntN(2)])
					case 3:
						flag(t, other, u, imap.FlagDeleted)
						if err := other.Expunge(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
				left := 1000
				if r.IntN(3) == 0 {
					left = r.IntN(3)
				}
				state, err := c.Sync(t.Context(), "INBOX", b.state, func(ch imapclient.Change) error {
					if left--; left < 0 {
						return errEnough
					}
					return b.take(ch)
				})
				if b.state = state; err != nil {
					if !errors.Is(err, errEnough) {
						t.Fatal(err)
					}
					continue
				}
				if diff := cmp.Diff(w.truth(t, other), b.messages); diff != "" {
					t.Fatalf("step %d (-want +got):\n%s", step, diff)
				}
			}
		})
	}
}

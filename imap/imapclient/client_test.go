package imapclient_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
)

// TestTour goes through the commands, with and without what helps.
func TestTour(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*imapclient.Dialer)
	}{
		{"all", nil},
		{"compressed", func(d *imapclient.Dialer) { d.Compress = true }},
		{"rev1", func(d *imapclient.Dialer) { d.Enable = []imap.Cap{} }},
		{"bare", func(d *imapclient.Dialer) {
			d.Mask = []imap.Cap{imap.CapRev2, imap.CapESearch, imap.CapLiteralPlus, imap.CapLiteralMinus, imap.CapSASLIR,
				imap.CapMove, imap.CapListStatus, imap.CapListExtended, imap.CapCondstore, imap.CapQResync, imap.CapEnable}
		}},
		{"LOGIN", func(d *imapclient.Dialer) { d.Auth.Prefer = []string{"LOGIN"}; d.Mask = []imap.Cap{"AUTH=LOGIN"} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(t, 3)
			tour(t, w.connect(t, tc.change))
		})
	}
}

func tour(t *testing.T, c *imapclient.Client) {
	ctx := t.Context()
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	ok("Create", c.Create(ctx, "Entwürfe"))
	ok("Create", c.Create(ctx, "a/b\" c"))
	ok("Subscribe", c.Subscribe(ctx, "Entwürfe"))
	ok("Rename", c.Rename(ctx, "Entwürfe", "R&D"))
	ok("Unsubscribe", c.Unsubscribe(ctx, "Entwürfe"))

	var names []string
	args := imap.ListArgs{Return: imap.Params{{Name: "STATUS", Arg: imap.StatusItems{"MESSAGES"}}}}
	for m, err := range c.List(ctx, args) {
		ok("List", err)
		s := "-"
		if m.Status != nil {
			s = fmt.Sprint(m.Status.Messages)
		}
		names = append(names, m.Name+" "+s)
		ok("a command inside the loop", c.Noop(ctx))
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"INBOX 3", "R&D 0", "a 0", "a/b\" c 0"}, names); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}

	box, err := c.Select(ctx, "inbox", nil)
	ok("Select", err)
	if box.Name != "INBOX" || box.Exists != 3 || box.UIDNext != 4 || box.UIDValidity == 0 || box.ReadOnly || !imap.HasFlag(box.PermanentFlags, imap.FlagWildcard) {
		t.Errorf("Select: %+v", box)
	}
	content := message("größer "+strings.Repeat("x", 70_000), 100_000)
	res, err := c.Append(ctx, "INBOX", imapclient.NewMessage([]byte(strings.ReplaceAll(content, "größer", "big")), imap.FlagSeen))
	ok("Append", err)
	if got := res.UIDs.String(); got != "4" || res.UIDValidity != box.UIDValidity {
		t.Errorf("Append: %+v", res)
	}
	var got []string
	collect(t, c.Fetch(ctx, imap.UIDs(2, imap.Star), imap.ItemUID, imap.ItemFlags, imap.ItemEnvelope, imap.ItemSize, imap.Peek("TEXT")), func(m *imapclient.Message) {
		env, _ := m.Envelope()
		size, _ := m.Size()
		flags, _ := m.Flags()
		flags = slices.DeleteFunc(flags, imap.FlagRecent.Is) // of IMAP4rev1 alone
		got = append(got, fmt.Sprintf("%d %.3s %d %v %d", m.UID, env.Subject, size, flags, len(read(t, m.Body("TEXT")))))
	})
	n := len(content) - len("größer") + len("big")
	if diff := cmp.Diff([]string{"2 m2 25 [] 10", "3 m3 25 [] 10", fmt.Sprintf("4 big %d [\\Seen] 100000", n)}, got); diff != "" {
		t.Errorf("Fetch (-want +got):\n%s", diff)
	}

	stored, err := c.Store(ctx, imap.UIDs(1, 2), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}})
	ok("Store", err)
	if len(stored.Rows) != 2 {
		t.Errorf("Store: %d rows", len(stored.Rows))
	}
	found, err := c.Search(ctx, imap.Test("FLAGGED"), nil)
	ok("Search", err)
	if got := found.UIDs().String(); got != "1:2" || found.Count != 2 || found.Min != 1 || found.Max != 2 {
		t.Errorf("Search: %+v", found)
	}
	found, err = c.Search(ctx, imap.Contains{Name: "SUBJECT", Text: "größer"}, &imapclient.SearchOptions{Count: true})
	ok("Search", err)
	if found.Count != 0 || !found.All.IsEmpty() {
		t.Errorf("Search: %+v", found)
	}
	copied, err := c.Copy(ctx, imap.UIDs(1, 1), "R&D")
	ok("Copy", err)
	if copied.Source.String() != "1" || copied.Dest.String() != "1" {
		t.Errorf("Copy: %+v", copied)
	}
	moved, err := c.Move(ctx, imap.UIDs(2, 3), "R&D")
	ok("Move", err)
	if moved.Source.String() != "2:3" || moved.Dest.String() != "2:3" || c.Exists() != 2 {
		t.Errorf("Move: %+v, %d left", moved, c.Exists())
	}
	_, err = c.Copy(ctx, imap.UIDs(1, 1), "missing")
	if st, _ := imap.ErrorOf(err); st.Code.Name != "TRYCREATE" {
		t.Errorf("Copy to a mailbox that is missing: %v", err)
	}
	st, err := c.Status(ctx, "R&D", "MESSAGES", "UIDNEXT")
	ok("Status", err)
	if st.Messages != 3 || st.UIDNext != 4 {
		t.Errorf("Status: %+v", st)
	}
	_, err = c.Store(ctx, imap.UIDs(1, 1), imap.FlagOp{Mode: imap.FlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}})
	ok("Store", err)
	ok("UIDExpunge", c.UIDExpunge(ctx, uids("1:9")))
	ok("Expunge", c.Expunge(ctx))
	if c.Exists() != 1 {
		t.Errorf("%d messages behind EXPUNGE", c.Exists())
	}
	ok("Unselect", c.Unselect(ctx))
	ns, err := c.Namespace(ctx)
	ok("Namespace", err)
	if len(ns.Personal) != 1 {
		t.Errorf("Namespace: %+v", ns)
	}
	_, err = c.ID(ctx, imap.IDFields{{Name: "name", Value: imap.Text("test")}})
	ok("ID", err)
	ok("Delete", c.Delete(ctx, "R&D"))
	ok("Logout", c.Logout(ctx))
	if err := c.Noop(ctx); !errors.Is(err, imapclient.ErrClosed) {
		t.Errorf("a command behind LOGOUT: %v", err)
	}
}

// TestStream: what is longer than stays in memory comes from the connection, also
// by two in one row, and may be left unread, read in part, or in another order.
func TestStream(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 2)
	big := message("big", 3<<20)
	for range 3 {
		w.deliver(t, big)
	}
	c, _ := w.selected(t, func(d *imapclient.Dialer) { d.Limits.ResponseLiteral = 1000 })
	ctx := t.Context()
	text := big[len("Subject: big\r\n\r\n"):]
	for _, tc := range []struct {
		name string
		each func(m *imapclient.Message)
	}{
		{"in order", func(m *imapclient.Message) {
			if read(t, m.Body("")) != big || read(t, m.Body("TEXT")) != text {
				t.Error("wrong octets")
			}
		}},
		{"in the other order", func(m *imapclient.Message) {
			if read(t, m.Body("TEXT")) != text || read(t, m.Body("")) != big {
				t.Error("wrong octets")
			}
		}},
		{"by halves, with commands between", func(m *imapclient.Message) {
			r := m.Body("")
			half := make([]byte, 1<<20)
			if _, err := io.ReadFull(r, half); err != nil {
				t.Fatal(err)
			}
			if err := c.Noop(ctx); err != nil {
				t.Fatal(err)
			}
			if string(half)+read(t, r) != big {
				t.Error("wrong octets")
			}
		}},
		{"not at all", func(*imapclient.Message) {}},
		{"what is not there", func(m *imapclient.Message) {
			if _, err := m.Body("1.MIME").Read(nil); err != imapclient.ErrNoItem {
				t.Errorf("got %v", err)
			}
			if size, ok := m.Size(); !ok || size != uint64(len(big)) {
				t.Errorf("an item behind the literals: %v", size)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := 0
			collect(t, c.Fetch(ctx, imap.UIDs(3, imap.Star), imap.ItemUID, imap.Peek(""), imap.Peek("TEXT"), imap.ItemSize), func(m *imapclient.Message) {
				n++
				tc.each(m)
			})
			if n != 3 {
				t.Errorf("%d rows", n)
			}
			if err := c.Noop(ctx); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("left early", func(t *testing.T) {
		var kept io.Reader
		for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")) {
			if err != nil {
				t.Fatal(err)
			}
			if m.UID == 3 {
				kept = m.Body("")
				break
			}
		}
		if err := c.Noop(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("reading behind the loop: %v", err)
		}
	})
}

// TestCommandInLoop: CLI-5, with a command for each row.
func TestCommandInLoop(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		w.deliver(t, message(fmt.Sprint(i), 40_000))
	}
	c, _ := w.selected(t, nil)
	n := 0
	collect(t, c.Fetch(t.Context(), imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")), func(m *imapclient.Message) {
		body := m.Body("")
		_, err := c.Store(t.Context(), imap.UIDs(m.UID, m.UID), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagSeen}})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, body); got != message(fmt.Sprint(n), 40_000) {
			t.Errorf("message %d has other octets", n)
		}
		n++
	})
	if n != 40 {
		t.Errorf("%d rows", n)
	}
}

// TestEmptyMailbox: "1:*" of nothing is no error (issue of other clients), and
// "n:*" names the last message (CLI-4).
func TestEmptyMailbox(t *testing.T) {
	w := newWorld(t)
	c, _ := w.selected(t, nil)
	collect(t, c.Fetch(t.Context(), imap.Seqs(1, imap.Star), imap.ItemFlags), func(m *imapclient.Message) { t.Error("a row of nothing") })
	w.fill(t, 2)
	if err := c.Noop(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []imap.UID
	collect(t, c.Fetch(t.Context(), imap.UIDs(200, imap.Star), imap.ItemUID), func(m *imapclient.Message) { got = append(got, m.UID) })
	if diff := cmp.Diff([]imap.UID{2}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

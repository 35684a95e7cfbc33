package imapclient_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/dovecot"
)

const dovecotConf = `
protocols = imap
ssl = required
auth_mechanisms = plain login scram-sha-256
mail_location = mdbox:HOME/mail
mail_fsync = never
mail_plugins = zlib
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \Sent
    auto = create
  }
}
protocol imap {
  mail_plugins = zlib imap_zlib
  mail_max_userip_connections = 50
}
service imap-login {
  chroot =
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = 0
  }
}
`

// startDovecot returns how to reach one by STARTTLS.
func startDovecot(t *testing.T) *imapclient.Dialer {
	t.Helper()
	d := dovecot.Start(t, dovecotConf, "ann:{PLAIN}secret\n")
	return &imapclient.Dialer{
		Addr: d.Addr, TLS: auth.TLSPolicy{ServerName: "localhost", Roots: d.Roots},
		Credentials: auth.Credentials{Username: "ann", Password: "secret"},
	}
}

// TestDovecot is a tour through a server of others: all of wave 1 that it has, with
// 10,000 messages.
func TestDovecot(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 messages")
	}
	d := startDovecot(t)
	for _, compress := range []bool{false, true} {
		d.Compress = compress
		c, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if compress && !c.Has(imap.CapCompressDeflate) || !c.Enabled(imap.CapQResync) || c.TLS().Version < tls.VersionTLS12 {
			t.Errorf("capabilities %v", c.Caps())
		}
		name := fmt.Sprint("big", compress)
		if err := c.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		dovecotFill(t, c, name, 10_000)
		t.Logf("compressed %v: APPEND of 10,000 took %v", compress, time.Since(start))
		dovecotTour(t, d, c, name)
		if err := c.Logout(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func dovecotFill(t *testing.T, c *imapclient.Client, name string, n int) {
	t.Helper()
	const batch = 100
	for i := 0; i < n; i += batch {
		var ms []imap.AppendMessage
		for j := range batch {
			ms = append(ms, imapclient.NewMessage([]byte(message(fmt.Sprint("subject ", i+j+1), 300)), imap.FlagSeen))
		}
		r, err := c.Append(t.Context(), name, ms...)
		if err != nil {
			t.Fatal(err)
		}
		if r.UIDs.Len() != batch {
			t.Fatalf("APPENDUID %v", r.UIDs)
		}
	}
}

func dovecotTour(t *testing.T, d *imapclient.Dialer, c *imapclient.Client, name string) {
	ctx := t.Context()
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	box, err := c.Select(ctx, name, nil)
	ok("SELECT", err)
	if box.Exists != 10_000 || box.HighestModSeq == 0 {
		t.Errorf("SELECT: %+v", box)
	}
	start, rows := time.Now(), 0
	collect(t, c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.ItemFlags, imap.ItemEnvelope, imap.ItemBodyStructure), func(m *imapclient.Message) {
		env, ok := m.Envelope()
		b, ok2 := m.BodyStructure()
		rows++
		if !ok || !ok2 || string(env.Subject) != fmt.Sprint("subject ", rows) || !strings.EqualFold(string(b.Type), "text") {
			t.Fatalf("row %d: %+v %+v", rows, env, b)
		}
	})
	t.Logf("FETCH of 10,000 envelopes and structures took %v", time.Since(start))
	octets := 0
	start = time.Now()
	collect(t, c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")), func(m *imapclient.Message) {
		octets += len(read(t, m.Body("")))
	})
	t.Logf("FETCH of 10,000 messages, %d octets, took %v", octets, time.Since(start))
	if rows != 10_000 || octets < 3_000_000 {
		t.Errorf("%d rows, %d octets", rows, octets)
	}

	// A second session follows by QRESYNC.
	other, err := d.Connect(ctx)
	ok("the second session", err)
	defer other.Close()
	b := &copybook{messages: map[imap.UID]string{}}
	b.state, err = other.Sync(ctx, name, imapclient.SyncState{}, b.take)
	ok("Sync", err)
	if len(b.messages) != 10_000 {
		t.Errorf("Sync: %d messages", len(b.messages))
	}

	since := box.HighestModSeq
	stored, err := c.Store(ctx, imap.UIDs(10, 12), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}})
	ok("STORE", err)
	if len(stored.Rows) != 3 {
		t.Errorf("STORE: %d rows", len(stored.Rows))
	}
	stored, err = c.Store(ctx, imap.UIDs(9, 11), imap.FlagOp{Mode: imap.FlagsAdd, Silent: true, UnchangedSince: &since, Flags: []imap.Flag{imap.FlagAnswered}})
	ok("STORE UNCHANGEDSINCE", err)
	if got := stored.Modified.UID.String(); got != "10:11" {
		t.Errorf("MODIFIED %q", got)
	}
	changed := 0
	args := &imap.FetchArgs{Ref: imap.UIDs(1, imap.Star), Items: []imap.FetchItem{imap.ItemUID, imap.ItemFlags}, Params: imap.Params{{Name: "CHANGEDSINCE", Arg: since}}}
	collect(t, c.FetchWith(ctx, args), func(m *imapclient.Message) {
		if n, ok := m.ModSeq(); !ok || n <= since {
			t.Errorf("CHANGEDSINCE gives %d", n)
		}
		changed++
	})
	if changed != 4 {
		t.Errorf("CHANGEDSINCE: %d rows", changed)
	}
	moved, err := c.Move(ctx, imap.UIDs(100, 199), "Sent")
	ok("MOVE", err)
	if moved.Source.Len() != 100 || c.Exists() != 9900 {
		t.Errorf("MOVE: %+v, %d left", moved, c.Exists())
	}
	found, err := c.Search(ctx, imap.Test("FLAGGED"), &imapclient.SearchOptions{Min: true, Max: true, Count: true, Save: true})
	ok("SEARCH", err)
	if found.Min != 10 || found.Max != 12 || found.Count != 3 {
		t.Errorf("SEARCH: %+v", found)
	}
	copied, err := c.Copy(ctx, imap.SavedResult(true), "Sent")
	ok("COPY of $", err)
	if copied.Source.Len() == 0 {
		t.Errorf("COPY of $: %+v", copied)
	}
	found, err = c.Search(ctx, imap.And{imap.Contains{Name: "SUBJECT", Text: "größer"}, imap.Compare{Name: "YOUNGER", N: 1000}}, nil)
	ok("SEARCH in UTF-8", err)
	if found.Count != 0 {
		t.Errorf("SEARCH: %+v", found)
	}
	_, err = c.Append(ctx, name, imapclient.NewMessage([]byte(message("later", 200_000))))
	ok("APPEND", err)
	b.log = nil
	b.state, err = other.Sync(ctx, name, b.state, b.take)
	ok("Sync", err)
	wantEqual(t, "the second Sync", strings.Join(b.log, ", "), "removed 100:199, flags 9, flags 10, flags 11, flags 12, added 10001")

	dovecotIdle(t, c, other, name)
	for m, err := range c.List(ctx, imap.ListArgs{Return: imap.Params{{Name: "SPECIAL-USE"}, {Name: "STATUS", Arg: imap.StatusItems{"MESSAGES", "SIZE"}}}}) {
		ok("LIST", err)
		if m.Name == "Sent" && (!m.Has(imap.AttrSent) || m.Status == nil || m.Status.Messages == 0 || m.Status.Size == 0) {
			t.Errorf("LIST: %+v", m)
		}
	}
	collect(t, c.Fetch(ctx, imap.UIDs(1, 1), imap.ItemUID, imap.FetchItem{Name: "BINARY.PEEK", Section: &imap.Section{Path: []uint32{1}}}), func(m *imapclient.Message) {
		if n := len(read(t, m.Binary("1"))); n != 300 {
			t.Errorf("BINARY: %d octets", n)
		}
	})
	_, err = c.ID(ctx, nil)
	ok("ID", err)
	_, err = c.Namespace(ctx)
	ok("NAMESPACE", err)
	ok("UNSELECT", c.Unselect(ctx))
}

// dovecotIdle shows that news come while a client waits for them.
func dovecotIdle(t *testing.T, c, other *imapclient.Client, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	appended := make(chan error, 1)
	go func() {
		_, err := other.Append(ctx, name, imapclient.NewMessage([]byte(message("news", 100))))
		appended <- err
	}()
	for ev, err := range c.Events(ctx) {
		if err != nil {
			t.Fatalf("IDLE: %v", err)
		}
		if ev.Kind == imapclient.Exists && ev.N == 9902 {
			break
		}
	}
	if err := <-appended; err != nil {
		t.Error(err)
	}
	got := ""
	collect(t, c.Fetch(t.Context(), imap.UIDs(10_002, imap.Star), imap.ItemUID, imap.Peek("")), func(m *imapclient.Message) {
		b, _ := io.ReadAll(m.Body(""))
		got = string(b)
	})
	if got != message("news", 100) {
		t.Errorf("got %q", got)
	}
}

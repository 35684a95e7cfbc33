package imapclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

// act does what an opcode says, against whatever server.
func act(ctx context.Context, c *imapclient.Client, op byte) error {
	r := imap.UIDs(imap.UID(1+op%4), imap.Star)
	switch op >> 2 % 20 {
	case 0:
		return c.Noop(ctx)
	case 1:
		_, err := c.Select(ctx, "a", &imapclient.SelectOptions{ReadOnly: op&1 == 1})
		return err
	case 2, 3:
		for m, err := range c.Fetch(ctx, r, imap.ItemUID, imap.ItemFlags, imap.ItemEnvelope, imap.ItemBodyStructure, imap.Peek(""), imap.ItemSize) {
			if err != nil {
				return err
			}
			m.Envelope()
			if op&1 == 1 {
				io.Copy(io.Discard, m.Body(""))
			}
			if op&2 == 2 {
				c.Noop(ctx)
			}
			m.BodyStructure()
			m.Row()
		}
	case 4:
		for range c.Fetch(ctx, imap.Seqs(1, 3), imap.ItemFlags) {
			break
		}
	case 5:
		_, err := c.Store(ctx, r, imap.FlagOp{Flags: []imap.Flag{imap.FlagSeen}})
		return err
	case 6:
		_, err := c.Search(ctx, imap.Test("ALL"), &imapclient.SearchOptions{Numbers: op&1 == 1})
		return err
	case 7:
		for range c.List(ctx, imap.ListArgs{}) {
		}
	case 8:
		_, err := c.Move(ctx, r, "b")
		return err
	case 9:
		_, err := c.Append(ctx, "a", imapclient.NewMessage([]byte("a: b\r\n\r\n")))
		return err
	case 10:
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		for range c.Events(ctx) {
		}
	case 11:
		_, err := c.Status(ctx, "a", "MESSAGES")
		return err
	case 12:
		_, err := c.ID(ctx, nil)
		return err
	case 13:
		_, err := c.Namespace(ctx)
		return err
	case 14:
		return c.Login(ctx, auth.Credentials{Username: "ann", Password: "secret"})
	case 15:
		return c.Compress(ctx)
	case 16:
		_, err := c.Sync(ctx, "a", imapclient.SyncState{UIDValidity: 1, ModSeq: 1, UIDNext: 3, UIDs: uids("1:2")}, func(ch imapclient.Change) error {
			if ch.Kind == imapclient.Added {
				io.Copy(io.Discard, ch.Message.Body(""))
			}
			return nil
		})
		return err
	case 17:
		return c.Enable(ctx, imap.CapQResync)
	case 18:
		return c.Unselect(ctx)
	case 19:
		return c.Logout(ctx)
	}
	return nil
}

// FuzzClient plays arbitrary octets to a client that does arbitrary things: it comes
// to an end, without a panic, and keeps little.
func FuzzClient(f *testing.F) {
	const caps = "[CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR ENABLE IDLE CONDSTORE QRESYNC MOVE ESEARCH UIDPLUS UNSELECT ID NAMESPACE COMPRESS=DEFLATE LITERAL+]"
	for _, seed := range []struct {
		ops, server string
	}{
		{"\x00", "* PREAUTH hi\r\n* CAPABILITY IMAP4rev1\r\nA1 OK\r\nA2 OK\r\n"},
		{"\x04\x0b\x00", "* PREAUTH " + caps + " hi\r\n* ENABLED QRESYNC\r\nA1 OK\r\n* 2 EXISTS\r\nA2 OK [READ-WRITE] in\r\n" +
			"* 1 FETCH (UID 1 BODY[] {2000}\r\n" + string(bytes.Repeat([]byte("x"), 2000)) + " FLAGS (\\Seen) ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\nA3 OK\r\n"},
		{"\x04\x28\x40", "* PREAUTH " + caps + " hi\r\n* ENABLED QRESYNC\r\nA1 OK\r\n* 2 EXISTS\r\nA2 OK\r\n+ idle\r\n* 3 EXISTS\r\n* VANISHED 5\r\n* 1 EXPUNGE\r\nA3 OK\r\n"},
		{"\x04\x0b\x00", "* PREAUTH " + caps + " hi\r\n* ENABLED QRESYNC\r\nA1 OK\r\n* 2 EXISTS\r\nA2 OK\r\n" +
			"* 1 FETCH (UID 1 BODY[] {600}\r\n" + string(bytes.Repeat([]byte("x"), 600)) + " broken( {700}\r\n" + string(bytes.Repeat([]byte("y"), 700)) + ")\r\nA3 OK\r\nA4 OK\r\n"},
		{"\x3c\x00", "* PREAUTH " + caps + " hi\r\nA1 OK\r\nA2 OK\r\n\x00\x00\x00\xff\xff"},
		{"\x38\x1c", "* OK " + caps + " hi\r\n+ \r\nA1 OK " + caps + " in\r\nA2 OK\r\n* LIST () \"/\" a\r\nA3 OK\r\n"},
	} {
		f.Add([]byte(seed.ops), []byte(seed.server), uint8(0))
		f.Add([]byte(seed.ops), []byte(seed.server), uint8(1))
	}
	f.Fuzz(func(t *testing.T, ops, server []byte, split uint8) {
		if len(ops) > 20 || len(server) > 64<<10 {
			return
		}
		o := memnet.Options{}
		if split > 0 {
			o.ToClient.Chunk = memnet.Chunks(int(split))
		}
		near, far := memnet.Pipe(o)
		defer far.Close()
		go io.Copy(io.Discard, far)
		go func() {
			far.Write(server)
			far.CloseWrite()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		d := plainDialer()
		d.Limits.ResponseLiteral = 500
		d.Limits.ResponseLine = 1 << 16
		d.Drain, d.SpoolLimit = 1<<16, 1<<16
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := imapclient.NewClient(ctx, near, d)
		for i := 0; err == nil && i < len(ops); i++ {
			act(ctx, c, ops[i])
		}
		if ctx.Err() != nil {
			t.Fatal("it hangs")
		}
		runtime.ReadMemStats(&after)
		if after.HeapInuse > before.HeapInuse+64<<20 {
			t.Errorf("%d octets made it keep %d", len(server), after.HeapInuse-before.HeapInuse)
		}
		if err == nil {
			c.Close()
			if err := c.Noop(ctx); err == nil {
				t.Error("a command behind Close")
			}
		}
	})
}

// FuzzPair lets two clients and a third party change a mailbox, by opcodes, with
// whatever the connection cuts. After a NOOP each client's numbers and UIDs are
// those of the store.
func FuzzPair(f *testing.F) {
	f.Add([]byte{0, 0, 8, 1, 17, 33, 4, 12, 2, 50}, uint8(3), false)
	f.Add([]byte{0, 0, 0, 0, 3, 19, 11, 27, 5, 21, 6, 22, 7, 23}, uint8(0), true)
	f.Fuzz(func(t *testing.T, ops []byte, split uint8, bare bool) {
		if len(ops) > 60 {
			return
		}
		w := newWorld(t)
		w.fill(t, 3)
		clients := [2]*imapclient.Client{}
		for i := range clients {
			clients[i], _ = w.selected(t, func(d *imapclient.Dialer) {
				if bare && i == 0 {
					d.Mask = []imap.Cap{imap.CapRev2, imap.CapQResync, imap.CapCondstore, imap.CapMove, imap.CapLiteralPlus}
				}
				d.Dial = func(context.Context, string, string) (net.Conn, error) {
					o := memnet.Options{}
					if split > 0 {
						o.ToClient.Chunk = memnet.Chunks(int(split))
					}
					near, far := memnet.Pipe(o)
					go w.server.ServeConn(context.Background(), far)
					return near, nil
				}
				d.Compress = split%2 == 1
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for i, op := range ops {
			c := clients[op>>3&1]
			arg := imap.UID(1 + op>>4)
			if err := pairAct(ctx, w, c, op&7, arg); err != nil {
				if _, refused := imap.ErrorOf(err); !refused {
					t.Fatalf("opcode %d of %v: %v", i, ops, err)
				}
			}
			if i%5 == 4 || i == len(ops)-1 {
				for _, c := range clients {
					w.compare(t, c)
				}
			}
		}
	})
}

func pairAct(ctx context.Context, w *world, c *imapclient.Client, op byte, u imap.UID) (err error) {
	r := imap.UIDs(u, u)
	switch op {
	case 0:
		_, err = w.store.Deliver("ann", imap.INBOX, []byte(message("new", 3000)))
	case 1:
		_, err = c.Store(ctx, r, imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}})
	case 2:
		err = c.Expunge(ctx)
	case 3:
		var wrong error
		err = each(c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.ItemFlags, imap.Peek("")), func(m *imapclient.Message) {
			body := m.Body("")
			if m.UID%3 == 0 {
				c.Store(ctx, imap.UIDs(m.UID, m.UID), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}})
			}
			b, e := io.ReadAll(body)
			if s := string(b); e != nil || s != message("new", 3000) && s != message("mine", 50) && (len(s) < 10 || s != message(s[9:11], 10)) {
				wrong = fmt.Errorf("UID %d: %d octets, %v", m.UID, len(b), e)
			}
		})
		err = errors.Join(err, wrong)
	case 4:
		_, err = c.Append(ctx, imap.INBOX, imapclient.NewMessage([]byte(message("mine", 50))))
	case 5:
		_, err = c.Move(ctx, r, imap.INBOX)
	case 6:
		err = each(c.Fetch(ctx, imap.Seqs(1, 1), imap.ItemUID, imap.ItemEnvelope), func(*imapclient.Message) {})
	case 7:
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		for _, e := range c.Events(ctx) {
			if e != nil && !errors.Is(e, context.Canceled) {
				err = e
			}
		}
	}
	return err
}

// compare checks a client's numbers against the store.
func (w *world) compare(t *testing.T, c *imapclient.Client) {
	t.Helper()
	if err := c.Noop(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	seq := imap.SeqNum(0)
	for line := range bytes.Lines([]byte(w.store.Dump("ann", imap.INBOX))) {
		seq++
		u, _, _ := bytes.Cut(line, []byte(" "))
		want = append(want, string(u))
		got = append(got, string(u))
		if known, ok := c.UIDOf(seq); ok {
			got[seq-1] = fmt.Sprint(known)
			if back, ok := c.SeqOf(known); !ok || back != seq {
				t.Errorf("UID %d is number %d and %d", known, seq, back)
			}
		}
	}
	if int(c.Exists()) != len(want) {
		t.Fatalf("%d messages, and the store has %d", c.Exists(), len(want))
	}
	wantEqual(t, "UIDs by number", got, want)
}

package imapclient_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

// TestEvents: news come at once, the loop may use the client, and so may others.
func TestEvents(t *testing.T) {
	for _, tc := range []struct {
		name string
		mask []imap.Cap
	}{
		{"IDLE", nil},
		{"NOOP", []imap.Cap{imap.CapIdle, imap.CapRev2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.fill(t, 1)
				c, box := w.selected(t, func(d *imapclient.Dialer) { d.Mask = tc.mask })
				next := box.UIDNext
				go func() {
					for i := range 3 {
						time.Sleep(10 * time.Minute)
						w.store.Deliver("ann", imap.INBOX, []byte(message(fmt.Sprint("new", i), 20)))
					}
				}()
				var got []string
				start := time.Now()
				for ev, err := range c.Events(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					if ev.Kind != imapclient.Exists {
						continue
					}
					late := time.Since(start).Truncate(10 * time.Minute) // polling may be a minute late
					collect(t, c.Fetch(t.Context(), imap.UIDs(next, imap.Star), imap.ItemUID, imap.ItemEnvelope), func(m *imapclient.Message) {
						env, _ := m.Envelope()
						got = append(got, fmt.Sprintf("%v %d %s", late, m.UID, env.Subject))
						next = m.UID + 1
					})
					if len(got) == 3 {
						break
					}
				}
				want := []string{"10m0s 2 new0", "20m0s 3 new1", "30m0s 4 new2"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if err := c.Logout(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestIdleRenewal: IDLE is begun anew before the server gives up, and what ends the
// context ends IDLE and not the connection.
func TestIdleRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		scripted(t, plainDialer(), `# RFC 2177, section 3: clients renew IDLE.
S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi
C: A1 SELECT a
S: * 1 EXISTS
S: A1 OK in
C: A2 IDLE
S: + go
C: DONE
S: A2 OK
C: A3 IDLE
S: + go
S: * OK still here
S: * 2 EXISTS
C: DONE
S: A3 OK
C: A4 IDLE
S: +
C: DONE
S: A4 OK
C: A5 NOOP
S: A5 OK
`, func(c *imapclient.Client) error {
			if _, err := c.Select(ctx, "a", nil); err != nil {
				return err
			}
			start := time.Now()
			var last error
			for ev, err := range c.Events(ctx) {
				if last = err; err == nil && ev.Kind == imapclient.Exists {
					if at := time.Since(start); ev.N != 2 || at != 28*time.Minute {
						t.Errorf("EXISTS %d after %v", ev.N, at)
					}
				}
			}
			if !errors.Is(last, context.DeadlineExceeded) || time.Since(start) != time.Hour {
				t.Errorf("the loop ended after %v with %v", time.Since(start), last)
			}
			return c.Noop(t.Context())
		})
	})
}

// TestDeadPeer: CLI-6. A server that says nothing any more is found out, in a
// response, in a literal, behind "+", and inside IDLE; and so is a context.
func TestDeadPeer(t *testing.T) {
	fetch := func(ctx context.Context, c *imapclient.Client) error {
		if _, err := c.Select(ctx, "x", nil); err != nil {
			return err
		}
		for m, err := range c.Fetch(ctx, imap.UIDs(1, 9), imap.ItemUID, imap.Peek("")) {
			if err != nil {
				return err
			}
			if _, err := m.Body("").Read(make([]byte, 9)); err != nil {
				return err
			}
			if _, err := m.Body("").Read(make([]byte, 9)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, tc := range []struct {
		name   string
		says   string // behind the first octet of the first command
		use    func(ctx context.Context, c *imapclient.Client) error
		silent time.Duration
	}{
		{"no answer", "", func(ctx context.Context, c *imapclient.Client) error { return c.Noop(ctx) }, 2 * time.Minute},
		{"in a response", "* 5 EXI", func(ctx context.Context, c *imapclient.Client) error { return c.Noop(ctx) }, 2 * time.Minute},
		{"in a literal", "* 1 FETCH (UID 1 BODY[] {5000000}\r\nabc", fetch, 2 * time.Minute},
		{"in a small literal", "* 1 FETCH (UID 1 BODY[] {50}\r\nabc", fetch, 2 * time.Minute},
		{"no +", "", func(ctx context.Context, c *imapclient.Client) error {
			_, err := c.Append(ctx, "x", imapclient.NewMessage([]byte("a: b\r\n\r\n")))
			return err
		}, 2 * time.Minute},
		{"behind +", "+ go\r\n", func(ctx context.Context, c *imapclient.Client) error {
			_, err := c.Append(ctx, "x", imapclient.NewMessage([]byte("a: b\r\n\r\n")))
			return err
		}, 2 * time.Minute},
		{"IDLE", "+ go\r\n", func(ctx context.Context, c *imapclient.Client) error {
			for _, err := range c.Events(ctx) {
				return err
			}
			return nil
		}, 30 * time.Minute},
	} {
		for _, limit := range []time.Duration{0, time.Second} {
			t.Run(fmt.Sprint(tc.name, limit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := memnet.Pipe(memnet.Options{})
					go mute(far, "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n", tc.says)
					c, err := imapclient.NewClient(t.Context(), near, plainDialer())
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if limit > 0 && tc.name != "IDLE" {
						ctx, cancel = context.WithTimeout(ctx, limit)
					}
					defer cancel()
					start := time.Now()
					err = tc.use(ctx, c)
					want := tc.silent
					if ctx != t.Context() {
						want = limit
					}
					if at := time.Since(start); err == nil || at != want {
						t.Errorf("after %v: %v", at, err)
					}
					if ctx != t.Context() && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error %v", err)
					}
					if again := c.Noop(t.Context()); again == nil {
						t.Error("the connection goes on")
					}
					if _, err := far.Write([]byte("x")); err == nil {
						t.Error("the connection is open")
					}
				})
			})
		}
	}
}

// mute is a server that greets, selects whatever is asked for, and then says one
// thing and nothing more.
func mute(nc net.Conn, greeting, says string) {
	nc.Write([]byte(greeting))
	b := make([]byte, 100)
	for said := false; ; {
		n, err := nc.Read(b)
		switch {
		case err != nil:
			return
		case bytes.Contains(b[:n], []byte("SELECT")):
			nc.Write([]byte("* 5 EXISTS\r\nA1 OK in\r\n"))
		case !said:
			nc.Write([]byte(says))
			said = true
		}
	}
}

// TestTooManyEvents: what nobody hears is bounded, and one event says so.
func TestTooManyEvents(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 1)
	c, _ := w.selected(t, nil)
	other, _ := w.selected(t, nil)
	for i := range 10_050 {
		mode := imap.FlagMode(1 + i%2)
		if _, err := other.Store(t.Context(), imap.UIDs(1, 1), imap.FlagOp{Mode: mode, Flags: []imap.Flag{imap.FlagSeen}}); err != nil {
			t.Fatal(err)
		}
		if err := c.Noop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for ev, err := range c.Events(t.Context()) {
		if err != nil || ev.Kind != imapclient.Resync {
			t.Errorf("got %v, %v", ev.Kind, err)
		}
		break
	}
}

// TestIdleEndsEarly: DONE has to wait for the "+", however late that is, and a
// command behind it waits for both.
func TestIdleEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		var said []string
		go func() {
			r := bufio.NewReader(far)
			far.Write([]byte("* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n"))
			for _, answer := range []string{"+ go\r\n", "A1 OK\r\n", "A2 OK\r\n"} {
				line, _ := r.ReadString('\n')
				said = append(said, line)
				time.Sleep(10 * time.Second)
				far.Write([]byte(answer))
			}
		}()
		c, err := imapclient.NewClient(t.Context(), near, plainDialer())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, err := range c.Events(ctx) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if err := c.Noop(t.Context()); err != nil {
			t.Error(err)
		}
		wantEqual(t, "said", said, []string{"A1 IDLE\r\n", "DONE\r\n", "A2 NOOP\r\n"})
		c.Close()
	})
}

// TestEventsInFetch: a loop over events inside one over rows, whose bodies are on
// the wire, does not wait for itself: behind patience the rows are put away.
func TestEventsInFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		big := message("big", 300_000)
		for range 3 {
			w.deliver(t, big)
		}
		c, _ := w.selected(t, func(d *imapclient.Dialer) { d.Limits.ResponseLiteral = 1000 })
		go func() {
			time.Sleep(time.Minute)
			w.store.Deliver("ann", imap.INBOX, []byte(message("news", 10)))
		}()
		rows, heard := 0, 0
		collect(t, c.Fetch(t.Context(), imap.UIDs(1, 3), imap.ItemUID, imap.Peek("")), func(m *imapclient.Message) {
			body := m.Body("")
			if rows++; rows == 1 {
				for ev, err := range c.Events(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					if ev.Kind == imapclient.Exists {
						heard++
						break
					}
				}
			}
			if read(t, body) != big {
				t.Errorf("row %d has other octets", rows)
			}
		})
		if rows != 3 || heard != 1 {
			t.Errorf("%d rows, %d events", rows, heard)
		}
		if err := c.Logout(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

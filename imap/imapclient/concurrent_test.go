package imapclient_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

// search is a Command as another package would write it.
type search struct{ found *imap.ESearchData }

func (*search) Name() string { return "UID SEARCH" }
func (*search) Args() any {
	return &imap.SearchArgs{Return: imap.Params{{Name: "COUNT"}}, Keys: imap.And{imap.Test("ALL")}}
}
func (s *search) Claim(tag string, d *imap.Data) bool {
	v, ok := d.Value.(*imap.ESearchData)
	if ok && v.Tag == tag {
		s.found = v
	}
	return ok && v.Tag == tag
}
func (s *search) Done(imap.Status) (uint32, error) { return *s.found.Count, nil }

// TestStart: commands of others are pipelined where that is no ambiguity, and
// answers in any order find their command.
func TestStart(t *testing.T) {
	scripted(t, plainDialer(), `# RFC 9051, section 5.5: what may be in flight together.
S: * PREAUTH [CAPABILITY IMAP4rev1 ESEARCH] hi
C: A1 SELECT a
S: A1 OK in
C: A2 UID SEARCH RETURN (COUNT) ALL
C: A3 UID SEARCH RETURN (COUNT) ALL
S: * ESEARCH (TAG "A3") UID COUNT 3
S: A3 OK
S: * ESEARCH (TAG "A2") UID COUNT 2
S: A2 OK
C: A4 UID SEARCH RETURN (COUNT) ALL
S: * ESEARCH (TAG "A4") UID COUNT 4
S: A4 OK
C: A5 FETCH 1 FLAGS
S: A5 OK
`, func(c *imapclient.Client) error {
		in(t, c)
		ctx := t.Context()
		first := imapclient.Start(ctx, c, &search{})
		second := imapclient.Start(ctx, c, &search{})
		for i, p := range []*imapclient.Pending[uint32]{first, second} {
			if n, err := p.Wait(ctx); err != nil || n != uint32(2+i) {
				t.Errorf("command %d: %d, %v", i, n, err)
			}
		}
		third := imapclient.Start(ctx, c, &search{}) // EXPUNGE may come while it runs: numbers have to wait
		if err := each(c.FetchWith(ctx, &imap.FetchArgs{Ref: imap.Ref{Seq: imap.NumSetOf[imap.SeqNum](1)}, Items: []imap.FetchItem{imap.ItemFlags}}), func(*imapclient.Message) {}); err != nil {
			return err
		}
		n, err := third.Wait(ctx)
		if n != 4 {
			t.Errorf("got %d", n)
		}
		return err
	})
}

// TestManyGoroutines: one client, many users, of whom one hears events, and one has
// everything compressed from some moment on.
func TestManyGoroutines(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.deliver(t, message(fmt.Sprint(i), 30_000))
	}
	c, _ := w.selected(t, func(d *imapclient.Dialer) { d.Limits.ResponseLiteral = 2000 })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	heard := make(chan error, 1)
	go func() {
		var last error
		for _, err := range c.Events(ctx) {
			last = err
		}
		heard <- last
	}()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 10 {
				u := imap.UID(1 + (g*10+i)%30)
				switch (g + i) % 4 {
				case 0:
					for m, err := range c.Fetch(ctx, imap.UIDs(u, u), imap.ItemUID, imap.Peek("")) {
						if err != nil {
							t.Error(err)
							return
						}
						b, err := io.ReadAll(m.Body(""))
						if want := message(fmt.Sprint(u-1), 30_000); err != nil || string(b) != want {
							t.Errorf("UID %d: %d octets, %v", u, len(b), err)
						}
					}
				case 1:
					if _, err := c.Store(ctx, imap.UIDs(u, u), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}); err != nil {
						t.Error(err)
					}
				case 2:
					if r, err := c.Search(ctx, imap.Test("ALL"), nil); err != nil || r.Count != 30 {
						t.Errorf("%v, %v", r, err)
					}
				case 3:
					if _, err := c.Append(ctx, "other", imapclient.NewMessage([]byte(message("x", 40_000)))); err != nil {
						if st, ok := imap.ErrorOf(err); !ok || st.Code.Name != "TRYCREATE" {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	wg.Go(func() {
		if err := c.Compress(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	cancel()
	if err := <-heard; err != context.Canceled {
		t.Errorf("events ended with %v", err)
	}
	if err := c.Logout(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRefusedUpload: the octets of a message that is refused do not travel where
// the server has to ask for them.
func TestRefusedUpload(t *testing.T) {
	w := newWorld(t)
	var near *memnet.Conn
	c := w.connect(t, func(d *imapclient.Dialer) {
		d.Mask = []imap.Cap{imap.CapLiteralPlus, imap.CapLiteralMinus, imap.CapRev2}
		d.Dial = func(context.Context, string, string) (net.Conn, error) {
			var far *memnet.Conn
			near, far = memnet.Pipe(memnet.Options{})
			go w.server.ServeConn(context.Background(), far)
			return near, nil
		}
	})
	before := near.Sent().Octets
	_, err := c.Append(t.Context(), "missing", imapclient.NewMessage([]byte(message("x", 1<<20))))
	if st, _ := imap.ErrorOf(err); st.Code.Name != "TRYCREATE" {
		t.Errorf("got %v", err)
	}
	if n := near.Sent().Octets - before; n > 100 {
		t.Errorf("%d octets were sent", n)
	}
}

// TestDetach: what is given away is between two commands, whatever lies below.
func TestDetach(t *testing.T) {
	for _, compress := range []bool{false, true} {
		w := newWorld(t)
		c := w.connect(t, func(d *imapclient.Dialer) { d.Compress = compress })
		nc, caps, err := c.Detach(t.Context())
		if err != nil || !imap.Caps(caps).Has(imap.CapIdle) {
			t.Fatal(err, caps)
		}
		io.WriteString(nc, "z NOOP\r\n")
		b := make([]byte, 5)
		if _, err := io.ReadFull(nc, b); err != nil || string(b) != "z OK " {
			t.Errorf("got %q, %v", b, err)
		}
		nc.Close()
		if err := c.Noop(t.Context()); err != imapclient.ErrClosed {
			t.Errorf("got %v", err)
		}
	}
}

package imapclient_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

// A hand is a server that the test itself plays, inside a bubble of synctest: what
// the client waits for is known then.
type hand struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// byHand connects to one, which greets.
func byHand(t *testing.T, d *imapclient.Dialer, greeting string) (*imapclient.Client, *hand) {
	t.Helper()
	near, far := memnet.Pipe(memnet.Options{})
	h := &hand{t, far, bufio.NewReader(far)}
	h.say(greeting)
	c, err := imapclient.NewClient(t.Context(), near, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); far.Close() })
	return c, h
}

func (h *hand) say(line string) { io.WriteString(h, line+"\r\n") }

func (h *hand) want(line string) {
	h.t.Helper()
	if got, err := h.r.ReadString('\n'); got != line+"\r\n" {
		h.t.Fatalf("the client says %q, %v; want %q", got, err, line)
	}
}

// start begins what waits for the server, and returns when it does so.
func start(use func() error) <-chan error {
	end := make(chan error, 1)
	go func() { end <- use() }()
	synctest.Wait()
	return end
}

// TestLoginBesideCommands: a command that waits for its turn, which is behind the
// login, does not keep the login from its next step.
func TestLoginBesideCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, h := byHand(t, plainDialer(), "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi")
		login := start(func() error {
			return c.Login(t.Context(), auth.Credentials{Username: "ann", Password: "secret"})
		})
		h.want("A1 AUTHENTICATE PLAIN")
		noop := start(func() error { return c.Noop(t.Context()) })
		h.say("+ ")
		h.want("AGFubgBzZWNyZXQ=")
		h.say("A1 OK [CAPABILITY IMAP4rev1] in")
		h.want("A2 NOOP")
		h.say("A2 OK")
		if err := errors.Join(<-login, <-noop); err != nil {
			t.Error(err)
		}
	})
}

// TestGivenUpBeforeItsTurn: a context that ends before its command was begun costs
// nothing but that command.
func TestGivenUpBeforeItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, h := byHand(t, plainDialer(), "* PREAUTH [CAPABILITY IMAP4rev1] hi")
		selected := start(func() error { _, err := c.Select(t.Context(), "a", nil); return err })
		h.want("A1 SELECT a")
		h.say("* 3 EXISTS")
		h.say("A1 OK in")
		expunged := start(func() error { return errors.Join(<-selected, c.Expunge(t.Context())) })
		h.want("A2 EXPUNGE")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := each(c.Fetch(ctx, imap.Seqs(1, 1), imap.ItemFlags), func(*imapclient.Message) {})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}

		h.say("* 1 EXPUNGE")
		h.say("A2 OK")
		noop := start(func() error { return errors.Join(<-expunged, c.Noop(t.Context())) })
		h.want("A3 NOOP")
		h.say("A3 OK")
		if err := <-noop; err != nil {
			t.Error(err)
		}
		if n := c.Exists(); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}

// TestDetachWhileIdle: a connection that somebody uses is not given away, and to ask
// for it does not wait.
func TestDetachWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, h := byHand(t, plainDialer(), "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi")
		events := start(func() error {
			for _, err := range c.Events(t.Context()) {
				return err
			}
			return nil
		})
		h.want("A1 IDLE")
		h.say("+ go")
		synctest.Wait()
		detached := start(func() error { _, _, err := c.Detach(t.Context()); return err })
		h.want("DONE")
		h.say("A1 OK")
		h.want("A2 NOOP")
		synctest.Wait() // the loop waits for its turn to go back to IDLE
		h.say("A2 OK")
		began := time.Now()
		if err := <-detached; err == nil || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := <-events; err == nil {
			t.Error("the loop has no error")
		}
	})
}

// TestOneWrite: compression does not make more packets of a command.
func TestOneWrite(t *testing.T) {
	w := newWorld(t)
	var near *memnet.Conn
	c := w.connect(t, func(d *imapclient.Dialer) {
		d.Compress = true
		d.Dial = func(context.Context, string, string) (net.Conn, error) {
			var far *memnet.Conn
			near, far = memnet.Pipe(memnet.Options{})
			go w.server.ServeConn(context.Background(), far)
			return near, nil
		}
	})
	for range 3 {
		before := near.Sent().Writes
		if err := c.Noop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := near.Sent().Writes - before; n != 1 {
			t.Errorf("%d writes", n)
		}
	}
}

// TestOwnMethod: a command with a dialogue of its own is none for Do.
func TestOwnMethod(t *testing.T) {
	c := newWorld(t).connect(t, nil)
	if _, err := imapclient.Do(t.Context(), c, bare("COMPRESS")); err == nil {
		t.Error("COMPRESS by Do")
	}
	if _, err := imapclient.Do(t.Context(), c, bare("NOOP")); err != nil {
		t.Error(err)
	}
}

type bare string

func (b bare) Name() string { return string(b) }
func (b bare) Args() any {
	if b == "COMPRESS" {
		return &imap.CompressArgs{Mechanism: "DEFLATE"}
	}
	return nil
}
func (bare) Claim(string, *imap.Data) bool         { return false }
func (bare) Done(st imap.Status) (struct{}, error) { return struct{}{}, nil }

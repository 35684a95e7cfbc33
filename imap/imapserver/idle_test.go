package imapserver_test

import (
	"compress/flate"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
)

// IDL-1: IDLE, DONE and the next command in one packet; IDL-2; IDL-3.
func TestIdle(t *testing.T) {
	store := newStore(t)
	srv := newServer(store)
	c := dial(t, srv)
	c.ok("LOGIN u p")
	c.send("a IDLE\r\ndone\r\nb NOOP\r\n")
	wantLines(t, "nothing selected", append(c.answer("a"), c.answer("b")...), []string{"+ idling", "OK IDLE done", "OK done"})
	c.ok("SELECT INBOX")
	c.send("c IDLE\r\nDONE\r\nd NOOP\r\n")
	wantLines(t, "selected", append(c.answer("c"), c.answer("d")...), []string{"+ idling", "OK IDLE done", "OK done"})
	c.send("e IDLE\r\nf CREATE x\r\n")
	wantLines(t, "another line", c.answer("e"), []string{"+ idling", "BAD want DONE"})
	if len(store.Names("u")) != 1 {
		t.Error("it was run")
	}
	c.ok("NOOP")
}

// News inside IDLE come at once, and what follows closely is gathered.
func TestIdleNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		srv := newServer(store)
		a, b := login(t, srv), login(t, srv)
		a.send("i IDLE\r\n")
		a.line()
		deliver(t, store, "m1")
		began := time.Now()
		wantLines(t, "news", []string{a.line(), a.line()}, []string{"* 1 EXISTS", "* 1 RECENT"})
		if took := time.Since(began); took != 0 {
			t.Errorf("the first news took %v", took)
		}
		b.ok("NOOP")
		for range 100 {
			b.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
			b.ok("STORE 1 -FLAGS.SILENT (\\Seen)")
		}
		b.ok("STORE 1 +FLAGS.SILENT (\\Flagged \\Deleted)")
		wantLines(t, "flags", []string{a.line()}, []string{`* 1 FETCH (FLAGS (\Flagged \Deleted \Recent))`})
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("flags came after %v", took)
		}
		b.ok("EXPUNGE")
		if got := a.line(); got != "* 1 EXPUNGE" {
			t.Errorf("got %q", got)
		}
		a.send("DONE\r\n")
		wantLines(t, "DONE", a.answer("i"), []string{"OK IDLE done"})
		a.conn.Close()
		b.conn.Close()
		synctest.Wait()
	})
}

// RFC 9051, section 5.4: silence ends a session, but not before 30 minutes; a
// client that does not log in has a minute.
func TestTimeouts(t *testing.T) {
	tests := []struct {
		name   string
		server func(*imapserver.Server)
		do     func(c *client)
		after  time.Duration
		bye    bool
	}{
		{"before the login", nil, func(*client) {}, time.Minute, true},
		{"before the login, busy", nil, func(c *client) {
			for range 5 {
				time.Sleep(10 * time.Second)
				c.ok("NOOP")
			}
		}, time.Minute, true},
		{"a command", nil, func(c *client) { c.ok("LOGIN u p") }, 30 * time.Minute, true},
		{"never less", func(s *imapserver.Server) { s.Timeouts.Idle = time.Second }, func(c *client) { c.ok("LOGIN u p") }, 30 * time.Minute, true},
		{"IDLE", nil, func(c *client) {
			c.ok("LOGIN u p")
			c.ok("SELECT INBOX")
			c.send("i IDLE\r\n")
			c.line()
		}, 30 * time.Minute, true},
		{"UNAUTHENTICATE", nil, func(c *client) {
			c.ok("LOGIN u p")
			time.Sleep(10 * time.Minute)
			c.ok("UNAUTHENTICATE")
		}, 11 * time.Minute, true},
		{"a message", nil, func(c *client) {
			c.ok("LOGIN u p")
			c.send("a APPEND INBOX {10+}\r\nabc")
		}, 3 * time.Minute, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(newStore(t))
				if tt.server != nil {
					tt.server(srv)
				}
				c := dial(t, srv)
				began := time.Now()
				tt.do(c)
				if got := c.line(); !strings.HasPrefix(got, "* BYE") {
					t.Errorf("got %q", got)
				}
				if took := time.Since(began); took < tt.after || took > tt.after+2*time.Second {
					t.Errorf("after %v, want %v", took, tt.after)
				}
				<-c.done
			})
		})
	}
}

// FRM-20: a client that does not read is dropped, and holds nobody up.
func TestClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		if _, err := store.Deliver("u", "INBOX", []byte("A: b\r\n\r\n"+strings.Repeat("x", 4<<20))); err != nil {
			t.Fatal(err)
		}
		srv := newServer(store)
		a, b := login(t, srv), login(t, srv)
		a.send("a FETCH 1 BODY[]\r\n")
		synctest.Wait()
		b.ok("STORE 1 +FLAGS (\\Flagged)")
		began := time.Now()
		if err := <-a.done; err == nil {
			t.Error("no error")
		}
		if took := time.Since(began); took > 3*time.Minute {
			t.Errorf("held for %v", took)
		}
		b.ok("NOOP")
		b.conn.Close()
		synctest.Wait()
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(newStore(t))
		idle, waiting, busy := login(t, srv), login(t, srv), login(t, srv)
		idle.send("i IDLE\r\n")
		idle.line()
		busy.send("a APPEND INBOX {10+}\r\na: b\r\n")
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- srv.Shutdown(context.Background()) }()
		for _, c := range []*client{idle, waiting} {
			if got := c.line(); !strings.HasPrefix(got, "* BYE [UNAVAILABLE]") {
				t.Errorf("got %q", got)
			}
			if err := <-c.done; err != imapserver.ErrServerClosed {
				t.Errorf("ServeConn: %v", err)
			}
		}
		busy.send("\r\nx\n\r\n")
		got := busy.answer("a")
		wantLines(t, "APPEND", got, []string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."})
		if got := busy.line(); !strings.HasPrefix(got, "* BYE") {
			t.Errorf("got %q", got)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// ZIP: COMPRESS=DEFLATE.
func TestCompress(t *testing.T) {
	store := newStore(t)
	fill(t, store)
	srv := newServer(store)
	t.Run("ZIP-5: before the login", func(t *testing.T) {
		c := dial(t, srv)
		wantLines(t, "COMPRESS", c.cmd("COMPRESS DEFLATE"), []string{"BAD ..."})
	})
	t.Run("ZIP-5: pipelined in clear", func(t *testing.T) {
		c := login(t, srv)
		c.send("a COMPRESS DEFLATE\r\nb CREATE injected\r\n")
		wantLines(t, "COMPRESS", c.answer("a"), []string{"OK ..."})
		if got := c.line(); !strings.HasPrefix(got, "* BYE") {
			t.Errorf("got %q", got)
		}
		if len(store.Names("u")) != 1 {
			t.Error("it was run")
		}
	})
	t.Run("ZIP-4: a broken stream", func(t *testing.T) {
		c := login(t, srv)
		c.ok("COMPRESS DEFLATE")
		c.send("\xff\xff\xff\xff\xff\xff")
		c.r.Reset(flate.NewReader(c.conn))
		if got := c.line(); !strings.HasPrefix(got, "* BYE") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("ZIP-1, ZIP-2", func(t *testing.T) {
		c := login(t, srv)
		wantLines(t, "unknown", c.cmd("COMPRESS LZW"), []string{"NO ..."})
		c.ok("COMPRESS DEFLATE")
		w, _ := flate.NewWriter(c.conn, flate.BestCompression)
		c.r.Reset(flate.NewReader(c.conn))
		ask := func(octets string) []string {
			tag, _, _ := strings.Cut(octets, " ")
			io.WriteString(w, octets)
			w.Flush()
			return c.answer(tag)
		}
		wantLines(t, "FETCH", ask("a FETCH 1 BODY.PEEK[TEXT]\r\n"), []string{`* 1 FETCH (BODY[TEXT] {8}"Hello.\r\n")`, "OK done"})
		wantLines(t, "again", ask("b COMPRESS DEFLATE\r\n"), []string{"NO [COMPRESSIONACTIVE] ..."})
		big := strings.Repeat("0123456789", 20000)
		got := ask(fmt.Sprintf("c APPEND INBOX {%d+}\r\nA: b\r\n\r\n%s\r\n", len(big)+8, big))
		wantLines(t, "APPEND", got, []string{"* 3 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."})
		if got := ask("d FETCH 3 BODY[TEXT]\r\n"); !strings.Contains(got[0], big) {
			t.Error("the message has changed")
		}
		io.WriteString(w, "e UNAUTHENTICATE\r\n")
		w.Close()
		wantLines(t, "UNAUTHENTICATE", c.answer("e"), []string{"OK ..."})
		if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil { // up to the last block: what follows is in clear
			t.Errorf("behind the reply %q, %v", rest, err)
		}
		c.send("f LOGIN u p\r\n")
		c.r.Reset(c.conn)
		if got := c.line(); !strings.HasPrefix(got, "f OK") {
			t.Errorf("got %q", got)
		}
	})
}

// The limits of sessions, and a backend that panics.
func TestLimits(t *testing.T) {
	store := newStore(t)
	srv := newServer(store)
	srv.Conns.PerUser = 2
	login(t, srv)
	a := login(t, srv)
	c := dial(t, srv)
	wantLines(t, "LOGIN", c.cmd("LOGIN u p"), []string{"NO [LIMIT] ..."})
	a.ok("LOGOUT")
	<-a.done
	c.ok("LOGIN u p")
	t.Run("too many failures", func(t *testing.T) {
		c := dial(t, newServer(store))
		for range 2 {
			wantLines(t, "LOGIN", c.cmd("LOGIN u x"), []string{"NO [AUTHENTICATIONFAILED] authentication failed"})
		}
		wantLines(t, "LOGIN", c.cmd("LOGIN u x"), []string{"* BYE ...", "NO [AUTHENTICATIONFAILED] ..."})
		<-c.done
	})
	t.Run("turned away", func(t *testing.T) {
		srv := newServer(store)
		srv.Conns.Total = 1
		dial(t, srv)
		near := dial(t, srv) // whose greeting is the BYE
		if err := <-near.done; err == nil {
			t.Error("let in")
		}
	})
	t.Run("SASL", func(t *testing.T) {
		srv := newServer(store)
		srv.Auth = &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny, Floor: -1}
		c := dial(t, srv)
		wantLines(t, "cancel", c.exchange("a AUTHENTICATE PLAIN\r\n*\r\n"), []string{"+ ", "BAD AUTHENTICATE cancelled"})
		wantLines(t, "garbage", c.exchange("b AUTHENTICATE PLAIN !!\r\n"), []string{"BAD ..."})
		wantLines(t, "unknown", c.exchange("c AUTHENTICATE FOO\r\n"), []string{"NO ..."})
		wantLines(t, "good", c.exchange("d AUTHENTICATE PLAIN\r\nAHUAcA==\r\n"), []string{"+ ", "OK [CAPABILITY ..."})
	})
}

// A trusted proxy names the client; one that does not is not served.
func TestProxy(t *testing.T) {
	srv := newServer(newStore(t))
	srv.Trust.Proxy = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	var seen netip.AddrPort
	srv.Caps = func(c *imapserver.Conn, have []imap.Cap) []imap.Cap {
		seen = c.Remote()
		return have
	}
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan error, 1)
	go func() { done <- srv.ServeConn(context.Background(), far) }()
	io.WriteString(near, "PROXY TCP4 198.51.100.7 192.0.2.25 5000 143\r\na LOGOUT\r\n")
	out, err := io.ReadAll(near)
	if err != nil || !strings.HasSuffix(string(out), "a OK LOGOUT done\r\n") {
		t.Errorf("got %q, %v", out, err)
	}
	if err := <-done; err != nil || seen.Addr().String() != "198.51.100.7" {
		t.Errorf("ServeConn: %v; the client is %v", err, seen)
	}
	near, far = memnet.Pipe(memnet.Options{})
	go func() { done <- srv.ServeConn(context.Background(), far) }()
	io.WriteString(near, "a LOGIN u p\r\nb LOGOUT\r\n")
	if out, _ := io.ReadAll(near); len(out) > 0 {
		t.Errorf("without a header: %q", out)
	}
	if err := <-done; err == nil {
		t.Error("without a header: no error")
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A store that tells nothing is asked every 30 seconds inside IDLE.
func TestIdlePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		store.Mask(imapserver.HasWatch)
		c := login(t, newServer(store))
		c.send("i IDLE\r\n")
		c.line()
		synctest.Wait() // it has looked once
		began := time.Now()
		for range 2 {
			deliver(t, store, "m")
			if got := c.line(); !strings.HasSuffix(got, "EXISTS") {
				t.Errorf("got %q", got)
			}
			c.line()
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("took %v, want a minute", took)
		}
		c.send("DONE\r\n")
		c.answer("i")
		c.ok("LOGOUT")
		<-c.done
	})
}

// One message that cannot be read costs the client no other.
func TestUnreadableMessage(t *testing.T) {
	store := newStore(t)
	fill(t, store)
	c := login(t, newServer(store))
	got := c.cmd("FETCH 1:2 (UID BINARY.PEEK[1])")
	if len(got) != 3 {
		t.Errorf("got %q", got)
	}
	c.exchange("a APPEND INBOX {41+}\r\nContent-Transfer-Encoding: x-odd\r\n\r\nabc\r\n\r\n")
	wantLines(t, "FETCH", c.cmd("FETCH 1:3 (BINARY.SIZE[1])"), []string{
		"* 1 FETCH (BINARY.SIZE[1] 8)", "* 2 FETCH (BINARY.SIZE[1] 18)", "NO [UNKNOWN-CTE] unknown transfer encoding",
	})
}

// News that were held back when an IDLE ended do not keep the next one from
// hearing of its own.
func TestIdleAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		c := login(t, newServer(store))
		for i := range 3 {
			c.send("i IDLE\r\n")
			if got := c.line(); got != "+ idling" {
				t.Fatalf("got %q", got)
			}
			deliver(t, store, "m")
			if got, want := c.line(), fmt.Sprintf("* %d EXISTS", 2*i+1); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			c.line()
			deliver(t, store, "m") // is held back for 50 ms, which do not pass
			synctest.Wait()
			c.send("DONE\r\n")
			c.answer("i")
		}
		c.ok("LOGOUT")
		<-c.done
	})
}

package imapserver_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/mailwire/mailwire/auth"
)

// buffer is a log that may be written to by several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Credentials are never logged, in whatever form they come.
func TestSecretsAreNotLogged(t *testing.T) {
	store := newStore(t)
	srv := newServer(store)
	srv.Auth = &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny, Floor: -1}
	var log buffer
	srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv.Limits.AuthFails = -1
	c := dial(t, srv)
	const secret = "tAnsTaaf"
	c.cmd("LOGIN u " + secret)
	c.exchange("a LOGIN {1+}\r\nu {8+}\r\n" + secret + "\r\n")
	c.exchange("b LOGIN u \"" + secret + "\" junk\r\n")
	c.exchange("c AUTHENTICATE PLAIN AHUAdEFuc1RhYWY=\r\n")
	c.exchange("d AUTHENTICATE PLAIN\r\nAHUAdEFuc1RhYWY=\r\n")
	c.exchange("* LOGIN u " + secret + "\r\n")
	c.exchange("e LOGON u " + secret + "\r\n")
	c.ok("LOGIN u p")
	c.exchange("f LOGIN u " + secret + "\r\n")
	c.ok("CREATE shown")
	for _, s := range []string{secret, "dEFuc1RhYWY"} {
		if strings.Contains(log.String(), s) {
			t.Errorf("%q is in the log:\n%s", s, log.String())
		}
	}
	if !strings.Contains(log.String(), "CREATE shown") {
		t.Error("other commands are not logged")
	}
}

// A backend that panics ends its session, in whole lines, and no other.
func TestPanic(t *testing.T) {
	store := newStore(t)
	deliver(t, store, "m1")
	srv := newServer(store)
	srv.Backend = panicking{store}
	a, b := login(t, srv), login(t, srv)
	a.send("x STATUS INBOX (MESSAGES)\r\n")
	if got := a.line(); !strings.HasPrefix(got, "* BYE [SERVERBUG]") {
		t.Errorf("got %q", got)
	}
	if err := <-a.done; err == nil {
		t.Error("no error")
	}
	b.ok("NOOP")
}

package imapserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
)

// A login proxy: the session goes on at another server.
func TestRedirect(t *testing.T) {
	store := newStore(t)
	fill(t, store)
	shard := newServer(store)
	shardDone := make(chan error, 1)
	proxy := newServer(imapserver.Redirect(func(_ context.Context, id auth.Identity) (net.Conn, []imap.Cap, error) {
		if id.Authzid != "u" {
			return nil, nil, imap.No("UNAVAILABLE", "no shard")
		}
		near, far := memnet.Pipe(memnet.Options{})
		go func() { shardDone <- shard.ServeConn(context.Background(), far) }()
		r := bufio.NewReader(near)
		fmt.Fprint(near, "x LOGIN u p\r\n")
		for range 2 {
			if _, err := r.ReadString('\n'); err != nil {
				return nil, nil, err
			}
		}
		return near, []imap.Cap{imap.CapRev1, "X-SHARD"}, nil
	}))
	c := dial(t, proxy)
	wantLines(t, "LOGIN", c.cmd("LOGIN u p"), []string{"OK [CAPABILITY IMAP4rev1 X-SHARD] logged in"})
	c.ok("SELECT INBOX")
	wantLines(t, "FETCH", c.cmd("FETCH 1 BODY.PEEK[TEXT]"), []string{`* 1 FETCH (BODY[TEXT] {8}"Hello.\r\n")`, "OK done"})
	c.ok("LOGOUT")
	if err := <-c.done; err != nil {
		t.Errorf("the proxy: %v", err)
	}
	if err := <-shardDone; err != nil {
		t.Errorf("the shard: %v", err)
	}
	t.Run("refused", func(t *testing.T) {
		proxy.Auth = &auth.Authenticator{
			CheckPassword: func(context.Context, string, auth.Secret) error { return nil },
			Cleartext:     auth.CleartextAny,
		}
		c := dial(t, proxy)
		wantLines(t, "LOGIN", c.cmd("LOGIN v p"), []string{"NO [UNAVAILABLE] no shard"})
	})
	t.Run("commands behind the login", func(t *testing.T) {
		c := dial(t, proxy)
		c.send("a LOGIN u p\r\nb NOOP\r\n")
		if got := c.line(); !strings.HasPrefix(got, "* BYE") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("shutdown", func(t *testing.T) {
		c := dial(t, proxy)
		c.ok("LOGIN u p")
		if err := proxy.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-c.done
		<-shardDone
	})
}

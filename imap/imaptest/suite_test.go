package imaptest_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/internal/memnet"
)

var me = auth.Credentials{Username: "mrc", Password: "tanstaaf"}

// ourServer offers all that there is.
func ourServer(t testing.TB) *imapserver.Server {
	t.Helper()
	store := imapmem.New()
	if err := store.AddUser(me.Username, me.Password); err != nil {
		t.Fatal(err)
	}
	a := imaptest.Accept(me.Username, me.Password)
	a.Cleartext = auth.CleartextAny
	return &imapserver.Server{Hostname: "mail.example", Backend: store, Auth: a, Conns: imapserver.Conns{PerUser: -1}}
}

func inMemory(srv *imapserver.Server) *imaptest.Target {
	return &imaptest.Target{
		Dial: func(context.Context) (net.Conn, error) {
			near, far := memnet.Pipe(memnet.Options{})
			go srv.ServeConn(context.Background(), far)
			return near, nil
		},
		Login: &me,
	}
}

// The suite against our server, in memory and over TLS of both kinds. No case
// may be skipped everywhere.
func TestOurServer(t *testing.T) {
	run := make(map[string]bool)
	suite := func(t *testing.T, target *imaptest.Target, ids string) {
		for _, c := range imaptest.Cases() {
			if !strings.HasPrefix(c.ID, ids) {
				continue
			}
			t.Run(c.ID, func(t *testing.T) {
				switch o := c.Run(t.Context(), target); o.Verdict {
				case imaptest.Failed:
					t.Error(o)
				case imaptest.Passed:
					run[c.ID] = true
				default:
					t.Skip(o)
				}
			})
		}
	}
	t.Run("memory", func(t *testing.T) { suite(t, inMemory(ourServer(t)), "") })
	t.Run("prefix", func(t *testing.T) {
		target := inMemory(ourServer(t))
		target.Prefix = "Test/"
		suite(t, target, "MBX-")
	})
	t.Run("LITERAL-", func(t *testing.T) {
		srv := ourServer(t)
		srv.LiteralMinus = true
		suite(t, inMemory(srv), "FRM-6")
	})
	t.Run("STARTTLS", func(t *testing.T) {
		srv := ourServer(t)
		srv.Auth.Cleartext = auth.CleartextNone
		s := imaptest.NewServer(t, srv)
		suite(t, &imaptest.Target{
			Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", s.Addr) },
			TLS:  s.TLS, Login: &me,
		}, "")
	})
	t.Run("TLS", func(t *testing.T) {
		s := imaptest.NewServer(t, ourServer(t))
		suite(t, &imaptest.Target{
			Dial: func(ctx context.Context) (net.Conn, error) {
				return (&tls.Dialer{Config: s.TLS}).DialContext(ctx, "tcp", s.TLSAddr)
			},
			TLS: s.TLS, Login: &me,
		}, "")
	})
	t.Run("a client that does not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // of which the server tires in two minutes
			target := inMemory(ourServer(t))
			target.Stall = 3 * time.Minute
			for _, c := range imaptest.Cases() {
				if c.ID != "FRM-20b" {
					continue
				}
				if o := c.Run(t.Context(), target); o.Verdict != imaptest.Passed {
					t.Error(o)
				}
				run[c.ID] = true
			}
		})
	})
	for _, c := range imaptest.Cases() {
		if !run[c.ID] {
			t.Errorf("%s never passed", c.ID)
		}
	}
}

func TestRunBackend(t *testing.T) {
	store := imapmem.New()
	if err := store.AddUser("ann", "x"); err != nil {
		t.Fatal(err)
	}
	imaptest.RunBackend(t, &imaptest.Store{Backend: store, User: "ann"})
}

func TestScript(t *testing.T) {
	srv := ourServer(t)
	imaptest.Script(t, "testdata/session.txt", func(c net.Conn) { srv.ServeConn(t.Context(), c) })
}

package imapclient_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

// A world is a server with one user, in memory.
type world struct {
	store  *imapmem.Store
	server *imapserver.Server
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	store := imapmem.New()
	if err := store.AddUser("ann", "secret"); err != nil {
		tb.Fatal(err)
	}
	return &world{store, &imapserver.Server{
		Hostname: "mail.example", Backend: store,
		Auth: &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny},
	}}
}

// dialer returns one that speaks to the server without TLS.
func (w *world) dialer() *imapclient.Dialer {
	d := plainDialer()
	d.Credentials = auth.Credentials{Username: "ann", Password: "secret"}
	d.Dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := memnet.Pipe(memnet.Options{})
		go w.server.ServeConn(context.Background(), far)
		return near, nil
	}
	return d
}

func plainDialer() *imapclient.Dialer {
	return &imapclient.Dialer{
		Addr: "mail.example:143", TLS: auth.TLSPolicy{Level: auth.TLSNever},
		Auth: auth.ClientPolicy{Cleartext: auth.CleartextAny},
	}
}

// connect logs in; change adapts the Dialer, nil: not.
func (w *world) connect(tb testing.TB, change func(*imapclient.Dialer)) *imapclient.Client {
	tb.Helper()
	d := w.dialer()
	if change != nil {
		change(d)
	}
	c, err := d.Connect(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// selected is connect and the selection of INBOX.
func (w *world) selected(tb testing.TB, change func(*imapclient.Dialer)) (*imapclient.Client, *imapclient.Selected) {
	tb.Helper()
	c := w.connect(tb, change)
	box, err := c.Select(tb.Context(), "inbox", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c, box
}

// fill delivers messages to INBOX, whose subjects are "m1", "m2" …
func (w *world) fill(tb testing.TB, n int) {
	tb.Helper()
	for i := range n {
		w.deliver(tb, message(fmt.Sprint("m", i+1), 10))
	}
}

func (w *world) deliver(tb testing.TB, octets string) imap.UID {
	tb.Helper()
	u, err := w.store.Deliver("ann", imap.INBOX, []byte(octets))
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// message returns one with so many octets of content.
func message(subject string, content int) string {
	line := "0123456789abcdefghijklmnopqrstuvwxyz\r\n"
	text := strings.Repeat(line, content/len(line)+1)
	return "Subject: " + subject + "\r\n\r\n" + text[:max(content-2, 0)] + "\r\n"
}

// scripted connects to a server that follows a script, where it is logged in from
// the start. use gets the client; both have to come to their ends.
func scripted(t *testing.T, d *imapclient.Dialer, script string, use func(c *imapclient.Client) error) {
	t.Helper()
	s, err := transcript.Parse(t.Name(), []byte(script))
	if err != nil {
		t.Fatal(err)
	}
	near, far := memnet.Pipe(memnet.Options{})
	defer near.Close() // if use gives up
	played := make(chan error, 1)
	go func() {
		err := s.PlayServer(far, &transcript.Options{Timeout: -1})
		if err != nil {
			far.Close()
		}
		played <- err
	}()
	c, err := imapclient.NewClient(t.Context(), near, d)
	if err == nil {
		err = use(c)
		c.Close() // or the script might wait for what does not come
	}
	if err := <-played; err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Errorf("client: %v", err)
	}
}

func read(tb testing.TB, r io.Reader) string {
	tb.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// collect runs a Fetch to its end.
func collect(tb testing.TB, rows func(func(*imapclient.Message, error) bool), each func(m *imapclient.Message)) {
	tb.Helper()
	for m, err := range rows {
		if err != nil {
			tb.Fatal(err)
		}
		each(m)
	}
}

func uids(s string) imap.UIDSet {
	set, err := imap.ParseNumSet[imap.UID]([]byte(s))
	if err != nil {
		panic(err)
	}
	return set
}

// refused is scripted for a connection that must not come to be.
func refused(t *testing.T, d *imapclient.Dialer, script string) {
	t.Helper()
	s, err := transcript.Parse(t.Name(), []byte(script))
	if err != nil {
		t.Fatal(err)
	}
	near, far := memnet.Pipe(memnet.Options{})
	played := make(chan error, 1)
	go func() { played <- s.PlayServer(far, &transcript.Options{Timeout: -1}) }()
	if c, err := imapclient.NewClient(t.Context(), near, d); err == nil {
		t.Error("connected")
		c.Close()
	}
	if err := <-played; err != nil {
		t.Error(err)
	}
}

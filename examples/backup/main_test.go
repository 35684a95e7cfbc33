package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// A server is one of IMAP, with an account that a test changes.
type server struct {
	net.Listener
	left atomic.Int64 // octets that each connection sends before it breaks; 0: all
	c    *imapclient.Client
}

func (s *server) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if left := s.left.Load(); err == nil && left > 0 {
		c = &breaking{c, left}
	}
	return c, err
}

// A breaking connection sends so many octets and no more.
type breaking struct {
	net.Conn
	left int64
}

func (b *breaking) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		b.Close()
	}
	return n, err
}

func serve(t *testing.T) *server {
	t.Helper()
	store := imapmem.New()
	store.AddUser("ann", "secret")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	imap := &imapserver.Server{Backend: store, Auth: &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny, Floor: -1}}
	go imap.Serve(s)
	t.Cleanup(func() { imap.Close() })
	d := imapclient.Dialer{
		Addr: l.Addr().String(), TLS: auth.TLSPolicy{Level: auth.TLSNever}, Auth: auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: auth.Credentials{Username: "ann", Password: "secret"},
	}
	if s.c, err = d.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.c.Close() })
	return s
}

// change carries out the changes that a test asks for.
func (s *server) change(t *testing.T, mailbox string, do func(ctx context.Context, c *imapclient.Client) error) {
	t.Helper()
	if _, err := s.c.Select(t.Context(), mailbox, nil); err != nil {
		t.Fatal(err)
	}
	if err := do(t.Context(), s.c); err != nil {
		t.Fatal(err)
	}
}

func (s *server) appendTo(t *testing.T, mailbox string, n int, flags ...imap.Flag) {
	t.Helper()
	for range n {
		m := imapclient.NewMessage([]byte("Subject: hi\r\n\r\n"+strings.Repeat("a line\r\n", 40)), flags...)
		if _, err := s.c.Append(t.Context(), mailbox, m); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are those of a mailbox: flags and octets by UID.
type contents map[imap.UID][2]string

func (s *server) contents(t *testing.T, mailbox string) contents {
	t.Helper()
	all := make(contents)
	s.change(t, mailbox, func(ctx context.Context, c *imapclient.Client) error {
		for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.ItemFlags, imap.Peek("")) {
			if err != nil {
				return err
			}
			b, err := io.ReadAll(m.Body(""))
			if err != nil {
				return err
			}
			flags, _ := m.Flags()
			letters, keywords := split(flags)
			all[m.UID] = [2]string{fmt.Sprint(letters, keywords), string(b)}
		}
		return nil
	})
	return all
}

// mirrored are those of a folder.
func mirrored(t *testing.T, dir, mailbox string) contents {
	t.Helper()
	f := folderOf(dir, mailbox)
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	all := make(contents)
	for uid, name := range f.files {
		b, err := os.ReadFile(f.cur(name))
		if err != nil {
			t.Fatal(err)
		}
		_, letters, _ := strings.Cut(name, ":2,")
		all[uid] = [2]string{fmt.Sprint(letters, f.state.Keywords[uid]), string(b)}
	}
	return all
}

// backup runs the program.
func (s *server) backup(t *testing.T, dir string, args ...string) (string, error) {
	t.Setenv("MAIL_PASSWORD", "secret")
	var out strings.Builder
	err := run(t.Context(), append([]string{"-server", s.Addr().String(), "-user", "ann", "-insecure", "-dir", dir}, args...), &out)
	return out.String(), err
}

// level runs the program, wants it to say so, and the mirror to be one.
func (s *server) level(t *testing.T, dir, mailbox, want string, args ...string) {
	t.Helper()
	out, err := s.backup(t, dir, args...)
	if err != nil || !strings.Contains(out, mailbox+": "+want) {
		t.Errorf("got %v, %q, want %q", err, out, want)
	}
	s.same(t, dir, mailbox)
}

// same wants the mirror to be one.
func (s *server) same(t *testing.T, dir, mailbox string) {
	t.Helper()
	if diff := cmp.Diff(s.contents(t, mailbox), mirrored(t, dir, mailbox)); diff != "" {
		t.Errorf("(-server +mirror):\n%s", diff)
	}
}

// TestMirror: each way of hearing of changes gives the same mirror.
func TestMirror(t *testing.T) {
	for how, without := range map[string]string{"QRESYNC": "", "CONDSTORE": "QRESYNC", "lists of UIDs": "QRESYNC,CONDSTORE"} {
		t.Run(how, func(t *testing.T) {
			s, dir := serve(t), t.TempDir()
			s.appendTo(t, "INBOX", 5)
			s.appendTo(t, "INBOX", 1, imap.FlagSeen, "$Work")
			args := []string{"-without", without}
			out, err := s.backup(t, dir, args...)
			if err != nil || !strings.HasPrefix(out, "changes by "+how+"\n") {
				t.Fatalf("got %v, %q", err, out)
			}
			s.level(t, dir, "INBOX", "0 new, 0 removed, ", args...)

			s.change(t, "INBOX", func(ctx context.Context, c *imapclient.Client) error {
				if _, err := c.Store(ctx, imap.UIDs(1, 2), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagAnswered, imap.FlagSeen, "$Home"}}); err != nil {
					return err
				}
				if _, err := c.Store(ctx, imap.UIDs(3, 4), imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
					return err
				}
				return c.Expunge(ctx)
			})
			s.appendTo(t, "INBOX", 2, imap.FlagDraft)
			s.level(t, dir, "INBOX", "2 new, 2 removed, ", args...)
		})
	}
}

// TestNames: mailboxes of all names have a folder below -dir, and one that is gone
// keeps it.
func TestNames(t *testing.T) {
	s, dir := serve(t), filepath.Join(t.TempDir(), "mirror")
	for _, name := range []string{"..", "a/b", "Entwürfe", "tmp"} {
		if err := s.c.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		s.appendTo(t, name, 1)
	}
	if out, err := s.backup(t, dir); err != nil {
		t.Fatal(err, out)
	}
	for _, name := range []string{"..", "a/b", "Entwürfe", "tmp"} {
		s.same(t, dir, name)
	}
	if err := s.c.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	out, err := s.backup(t, dir)
	if err != nil || !strings.Contains(out, "a%2Fb: not on the server any more, kept here\n") || len(mirrored(t, dir, "a/b")) != 1 {
		t.Errorf("got %v, %q", err, out)
	}
	if beside, err := os.ReadDir(filepath.Dir(dir)); len(beside) != 1 || err != nil {
		t.Errorf("%v, %v", beside, err)
	}
}

// TestCutOff: wherever the connection breaks, the next runs go on, and the mirror is
// one in the end.
func TestCutOff(t *testing.T) {
	for _, without := range []string{"", "QRESYNC,CONDSTORE"} {
		s, dir := serve(t), t.TempDir()
		s.appendTo(t, "INBOX", 8)
		args := []string{"-without", without + ",COMPRESS=DEFLATE"}
		failed := 0
		for left := int64(100); left < 6000; left += 590 {
			s.left.Store(left)
			if _, err := s.backup(t, dir, args...); err != nil {
				failed++
			}
		}
		if failed == 0 {
			t.Error("nothing was cut off")
		}
		s.left.Store(0)
		s.level(t, dir, "INBOX", "", args...)
	}
}

// TestGap: what came before a crash may have gaps, and state of before.
func TestGap(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	s.appendTo(t, "INBOX", 3)
	s.level(t, dir, "INBOX", "3 new")
	f := folderOf(dir, "INBOX")
	before, err := os.ReadFile(filepath.Join(f.path, "mirror.json"))
	if err != nil {
		t.Fatal(err)
	}
	s.appendTo(t, "INBOX", 3)
	s.level(t, dir, "INBOX", "3 new")
	if err := os.Remove(f.cur("5.imap:2,")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.path, "mirror.json"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	s.level(t, dir, "INBOX", "1 new, 0 removed")

	if err := os.Remove(f.cur("2.imap:2,")); err != nil {
		t.Fatal(err)
	}
	s.level(t, dir, "INBOX", "1 new, 0 removed", "-check")

	if err := os.Remove(filepath.Join(f.path, "mirror.json")); err != nil {
		t.Fatal(err)
	}
	s.level(t, dir, "INBOX", "6 new, 0 removed")
}

// TestNumberedAnew: what had the UIDs of another mailbox of the same name is dropped.
func TestNumberedAnew(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	for _, n := range []int{3, 2} {
		if err := s.c.Create(t.Context(), "list"); err != nil {
			t.Fatal(err)
		}
		s.appendTo(t, "list", n)
		s.level(t, dir, "list", fmt.Sprint(n, " new"))
		if err := s.c.Unselect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.c.Delete(t.Context(), "list"); err != nil {
			t.Fatal(err)
		}
	}
	var st state
	if b, err := os.ReadFile(filepath.Join(dir, "list", "mirror.json")); err != nil || json.Unmarshal(b, &st) != nil || st.UIDNext != 3 {
		t.Errorf("%s, %v", b, err)
	}
}

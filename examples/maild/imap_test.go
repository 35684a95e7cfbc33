package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// imapConn is just enough of an IMAP client to show what a session is told.
type imapConn struct {
	*tls.Conn
	t testing.TB
	r *bufio.Reader
}

// imap is a session over TLS that has the inbox of a user selected.
func (d *testDaemon) imap(t testing.TB, user string) *imapConn {
	t.Helper()
	conn, err := tls.Dial("tcp", d.addr(imapsService), d.trust)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	c := &imapConn{conn, t, bufio.NewReader(conn)}
	c.line()
	c.do("LOGIN %s %s", user, d.passwords[user])
	c.do("SELECT INBOX")
	return c
}

func (c *imapConn) line() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

func (c *imapConn) send(s string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, "%s\r\n", s); err != nil {
		c.t.Fatal(err)
	}
}

// do carries out a command, which has to succeed. It returns the lines before
// the last, and behind them the code of that one.
func (c *imapConn) do(format string, args ...any) []string {
	c.t.Helper()
	command := fmt.Sprintf(format, args...)
	c.send("a " + command)
	lines := []string{}
	for {
		line := c.line()
		rest, last := strings.CutPrefix(line, "a ")
		if !last {
			lines = append(lines, line)
			continue
		}
		text, ok := strings.CutPrefix(rest, "OK ")
		if !ok {
			c.t.Fatalf("%s: %s", command, line)
		}
		if code, _, found := strings.Cut(text, "]"); found {
			lines = append(lines, code+"]")
		}
		return lines
	}
}

func (c *imapConn) want(got []string, want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		c.t.Errorf("what was told (-want +got):\n%s", diff)
	}
}

// What one session does another one is told of, each as its own command allows.
func TestIMAPSessions(t *testing.T) {
	d := start(t, testConfig(t))
	a, b := d.imap(t, "demo"), d.imap(t, "demo")
	a.do("ENABLE QRESYNC")

	a.do("APPEND INBOX (\\Seen) {5+}\r\n\r\none")
	a.do("APPEND INBOX {5+}\r\n\r\ntwo")
	b.want(b.do("NOOP"), "* 2 EXISTS", "* 0 RECENT")
	b.want(b.do("STORE 1 +FLAGS (Done)"), `* FLAGS (\Answered \Flagged \Deleted \Seen \Draft Done)`,
		`* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft Done \*)] flags that stay`, `* 1 FETCH (FLAGS (\Seen Done))`)
	told := a.do("NOOP")
	if got := told[len(told)-1]; !strings.HasPrefix(got, "* 1 FETCH (UID 1 MODSEQ (") || !strings.HasSuffix(got, `FLAGS (\Seen Done \Recent))`) {
		t.Errorf("a change of flags: %q", told)
	}
	told = b.do("UID STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Deleted)")
	b.want(told[len(told)-1:], "[MODIFIED 1]")
	b.do("STORE 2 +FLAGS.SILENT (\\Deleted)")
	b.want(b.do("EXPUNGE"), "* 2 EXPUNGE")
	told = a.do("NOOP")
	if got := told[len(told)-1]; got != "* VANISHED 2" {
		t.Errorf("a removal: %q", told)
	}
	if got := a.do("UID MOVE 1 Archive"); len(got) != 3 || !strings.Contains(got[0], "[COPYUID ") || got[1] != "* VANISHED 1" {
		t.Errorf("MOVE: %q", got)
	}
	b.want(b.do("NOOP"), "* 1 EXPUNGE")
	b.want(b.do("STATUS Archive (MESSAGES UNSEEN SIZE UIDNEXT)"), "* STATUS Archive (MESSAGES 1 UNSEEN 0 SIZE 5 UIDNEXT 2)")
	b.want(b.do("UID SEARCH ALL"), "* SEARCH")

	a.do("SELECT Archive")
	a.want(a.do("RENAME Archive Store/2026"))
	a.want(a.do("FETCH 1 BODY.PEEK[]"), "* 1 FETCH (BODY[] {5}", "", "one)")
	b.do("DELETE Store/2026")
	a.do("NOOP")
	if line := a.line(); !strings.HasPrefix(line, "* BYE") {
		t.Errorf("the mailbox is deleted, and its session told %q", line)
	}
}

// Mail that comes by SMTP wakes all sessions in IDLE that have the inbox selected,
// and no other; what POP3 deletes wakes them too.
func TestIMAPIdle(t *testing.T) {
	d := start(t, testConfig(t))
	first, second, elsewhere, stranger := d.imap(t, "demo"), d.imap(t, "demo"), d.imap(t, "demo"), d.imap(t, "other")
	elsewhere.do("SELECT Sent")
	all := []*imapConn{first, second, elsewhere, stranger}
	for _, c := range all {
		c.do("ENABLE IMAP4rev2") // whose mail is recent would be a matter of luck
		c.send("a IDLE")
		if line := c.line(); !strings.HasPrefix(line, "+") {
			t.Fatal(line)
		}
	}
	mx := d.mx(t)
	for i := range 3 {
		if err := send(mx, "x@example.org", content, "demo@maild.localhost"); err != nil {
			t.Fatal(err)
		}
		for _, c := range all[:2] {
			c.want([]string{c.line()}, fmt.Sprintf("* %d EXISTS", i+1))
		}
	}
	p, err := dialPOP(d.addr(pop3sService), d.trust)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.login("demo", d.passwords["demo"]); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"DELE 2", "QUIT"} {
		if _, err := p.cmd(cmd); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range all[:2] {
		c.want([]string{c.line()}, "* 2 EXPUNGE")
	}
	for _, c := range all {
		c.send("DONE")
		if line := c.line(); !strings.HasPrefix(line, "a OK") {
			t.Error(line)
		}
	}
}

// Who comes back is told what has gone since. Beyond what is remembered that is
// all that is not there: RFC 7162, section 3.2.5.1.
func TestIMAPResync(t *testing.T) {
	for history, want := range map[string]string{"20000": "* VANISHED (EARLIER) 3", "0": "* VANISHED (EARLIER) 1,3"} {
		t.Run("history "+history, func(t *testing.T) {
			d := start(t, testConfig(t, "-history", history))
			a := d.imap(t, "demo")
			a.do("ENABLE QRESYNC")
			for range 4 {
				a.do("APPEND INBOX {5+}\r\n\r\none")
			}
			remove := func(uid string) {
				a.do("UID STORE %s +FLAGS.SILENT (\\Deleted)", uid)
				a.do("UID EXPUNGE %s", uid)
			}
			remove("1")
			var validity, modSeq uint64
			told := a.do("STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)")
			if _, err := fmt.Sscanf(told[len(told)-1], "* STATUS INBOX (UIDVALIDITY %d HIGHESTMODSEQ %d)", &validity, &modSeq); err != nil {
				t.Fatalf("%v: %q", err, told)
			}
			remove("3")
			told = a.do("SELECT INBOX (QRESYNC (%d %d))", validity, modSeq)
			told = slices.DeleteFunc(told, func(line string) bool { return !strings.HasPrefix(line, "* VANISHED") })
			a.want(told, want)
		})
	}
}

package imapserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// exchange sends octets and returns the answers up to the tagged one.
func (c *client) exchange(octets string) []string {
	c.tb.Helper()
	tag, _, _ := strings.Cut(octets, " ")
	c.send(octets)
	return c.answer(tag)
}

func TestAppend(t *testing.T) {
	const msg = "Subject: x\r\n\r\nbody\r\n"
	tests := []struct {
		name   string
		server func(*imapserver.Server)
		send   string
		want   []string
		inbox  string // what was stored
	}{
		{
			"one", nil, "a APPEND INBOX (\\Seen kw) \"01-Feb-2020 10:00:00 +0100\" {20+}\r\n" + msg + "\r\n",
			[]string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."},
			"1 [\\Seen kw] 20\n",
		},
		{
			"several: RFC 3502", nil, "a APPEND INBOX {20+}\r\n" + msg + " (\\Flagged) {20+}\r\n" + msg + "\r\n",
			[]string{"* 2 EXISTS", "* 2 RECENT", "OK [APPENDUID ..."},
			"1 [] 20\n2 [\\Flagged] 20\n",
		},
		{
			"none of several, with octets missing: MBX-7", nil, "a APPEND INBOX {20+}\r\n" + msg + " {0+}\r\n\r\n",
			[]string{"NO a message without octets"}, "",
		},
		{
			"none of several, with a mistake at the end", nil, "a APPEND INBOX {20+}\r\n" + msg + " (\\Flagged\r\n",
			[]string{"BAD ..."}, "",
		},
		{"no mailbox: MBX-7", nil, "a APPEND nope {20+}\r\n" + msg + "\r\n", []string{"NO [TRYCREATE] no such mailbox"}, ""},
		{"a name that cannot be", nil, "a APPEND a//b {20+}\r\n" + msg + "\r\n", []string{"NO [CANNOT] ..."}, ""},
		{"too big: MBX-7", nil, "a APPEND INBOX {70000000}\r\n", []string{"NO [TOOBIG] message too big"}, ""},
		{"too big, and sent: FRM-2", nil, "a APPEND INBOX {1001+}\r\n" + strings.Repeat("Z CREATE inj\r\n", 1001)[:1001] + "\r\n", []string{"NO [TOOBIG] message too big"}, ""},
		{"NUL", nil, "a APPEND INBOX {5+}\r\na\x00b\r\n\r\n", []string{"NO NUL in a message that does not come as binary"}, ""},
		{"8-bit header: MBX-8", nil, "a APPEND INBOX {16+}\r\nSubject: \xC3\xA4\r\n\r\nx\r\n", []string{"NO 8-bit octets in a header ..."}, ""},
		{
			"8-bit body", nil, "a APPEND INBOX {18+}\r\nSubject: x\r\n\r\n\xC3\xA4\r\n\r\n",
			[]string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."}, "1 [] 18\n",
		},
		{
			"8-bit header, allowed", func(s *imapserver.Server) { s.Append8Bit = true },
			"a APPEND INBOX {16+}\r\nSubject: \xC3\xA4\r\n\r\nx\r\n",
			[]string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."}, "1 [] 16\n",
		},
		{
			"UTF8: RFC 6855, section 4", nil, "a APPEND INBOX UTF8 (~{16+}\r\nSubject: \xC3\xA4\r\n\r\nx)\r\n",
			[]string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."}, "1 [] 16\n",
		},
		{"\\Recent: refused", nil, "a APPEND INBOX (\\Recent) {20+}\r\n" + msg + "\r\n", []string{"BAD ..."}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore(t)
			srv := newServer(store)
			srv.Limits.Message = 1000
			if tt.server != nil {
				tt.server(srv)
			}
			c := login(t, srv)
			wantLines(t, "APPEND", c.exchange(tt.send), tt.want)
			if got := store.Dump("u", "INBOX"); got != tt.inbox {
				t.Errorf("INBOX is %q, want %q", got, tt.inbox)
			}
			if len(store.Names("u")) != 1 {
				t.Errorf("mailboxes %q", store.Names("u"))
			}
			c.ok("NOOP")
		})
	}
}

// A client that waits for "+" does not upload what will not be stored.
func TestAppendIsSpared(t *testing.T) {
	store := newStore(t)
	c := login(t, newServer(store))
	wantLines(t, "APPEND", c.cmd("APPEND nope {100}"), []string{"NO [TRYCREATE] no such mailbox"})
	store.Fail("Append", imap.No("OVERQUOTA", "full"))
	wantLines(t, "APPEND", c.cmd("APPEND INBOX {100}"), []string{"NO [OVERQUOTA] full"})
	store.Fail("Append", nil)
	c.send("a APPEND INBOX {10}\r\n")
	if got := c.line(); got != "+ go ahead" {
		t.Fatalf("got %q", got)
	}
	c.send("A: b\r\n\r\nxy\r\n")
	wantLines(t, "APPEND", c.answer("a"), []string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."})
}

// FET-17: what comes as a literal8 with NUL is stored so that BODY[] has none, and
// BINARY gives the octets that were sent. RFC 3516, sections 4.4 and 6.
func TestAppendBinary(t *testing.T) {
	msg := "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00b\r\n\xFF"
	store := newStore(t)
	c := login(t, newServer(store))
	got := c.exchange(fmt.Sprintf("a APPEND INBOX ~{%d+}\r\n%s\r\n", len(msg), msg))
	wantLines(t, "APPEND", got, []string{"* 1 EXISTS", "* 1 RECENT", "OK [APPENDUID ..."})
	wantLines(t, "FETCH", c.cmd("FETCH 1 (BODY.PEEK[1] BINARY.PEEK[1] BINARY.SIZE[1])"), []string{
		`* 1 FETCH (BODY[1] {10}"YQBiDQr/\r\n" BINARY[1] ~{6}"a\x00b\r\n\xff" BINARY.SIZE[1] 6)`, "OK done",
	})
	if s := c.ok("FETCH 1 BODYSTRUCTURE")[0]; !strings.Contains(s, `"BASE64"`) {
		t.Errorf("BODYSTRUCTURE is %s", s)
	}
	bad := "X: a\x00b\r\n\r\n"
	wantLines(t, "NUL in a header", c.exchange(fmt.Sprintf("b APPEND INBOX ~{%d+}\r\n%s\r\n", len(bad), bad)), []string{"NO [UNKNOWN-CTE] ..."})
	c.ok("NOOP")
}

// FRM: octets that were refused as data are never run.
func TestRefusedLiterals(t *testing.T) {
	inject := "\r\nZ CREATE injected\r\n"
	tests := []struct{ name, send string }{
		{"FRM-1: of SELECT", "x SELECT {300000+}\r\n" + strings.Repeat(inject, 300000/len(inject)+1)[:300000] + "\r\n"},
		{"FRM-3: synchronising", "x SELECT {999999999}\r\n"},
		{"FRM-5: behind a mistake", "x STATUS ( {40+}\r\n" + strings.Repeat(inject, 2)[:40] + " foo\r\n"},
		{"FRM-8: a literal8", "x SELECT ~{40+}\r\n" + strings.Repeat(inject, 2)[:40] + "\r\n"},
		{"unknown command", "x FROB {40+}\r\n" + strings.Repeat(inject, 2)[:40] + "\r\n"},
		{"in quotes", "x SELECT \"a {40+}\r\n" + strings.Repeat(inject, 2)[:40] + "\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore(t)
			c := login(t, newServer(store))
			got := c.exchange(tt.send)
			if last := got[len(got)-1]; !strings.HasPrefix(last, "NO") && !strings.HasPrefix(last, "BAD") {
				t.Errorf("answer %q", got)
			}
			wantLines(t, "NOOP", c.cmd("NOOP"), []string{"OK done"})
			if names := store.Names("u"); len(names) != 1 {
				t.Errorf("mailboxes %q", names)
			}
		})
	}
	t.Run("FRM-2: numbers that do not fit", func(t *testing.T) {
		for _, n := range []string{"9999999999", "99999999999999999999"} {
			store := newStore(t)
			c := login(t, newServer(store))
			c.send("x APPEND INBOX {" + n + "+}\r\nZ CREATE injected\r\nZ2 CREATE injected\r\n")
			for {
				l := c.line()
				if strings.HasPrefix(l, "Z") {
					t.Fatalf("run: %q", l)
				}
				if strings.HasPrefix(l, "* BYE") {
					break
				}
			}
			<-c.done
			if names := store.Names("u"); len(names) != 1 {
				t.Errorf("mailboxes %q", names)
			}
		}
	})
}

// Errors of the backend end their command, and say nothing of what they are.
func TestBackendErrors(t *testing.T) {
	store := newStore(t)
	deliver(t, store, "m1")
	c := login(t, newServer(store))
	secret := errors.New("secret of the backend")
	tests := []struct{ op, command string }{
		{"Append", "APPEND INBOX {3+}\r\na: "}, {"Store", "STORE 1 FLAGS ()"}, {"Messages", "FETCH 1 FLAGS"},
		{"Messages", "SEARCH ALL"}, {"Copy", "COPY 1 INBOX"}, {"Move", "MOVE 1 INBOX"}, {"Expunge", "EXPUNGE"},
		{"Create", "CREATE x"}, {"Delete", "DELETE x"}, {"Rename", "RENAME x y"}, {"Mailboxes", "LIST \"\" *"},
		{"Status", "STATUS INBOX (MESSAGES)"}, {"Subscribe", "SUBSCRIBE x"},
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			store.Fail(tt.op, secret)
			defer store.Fail(tt.op, nil)
			got := c.cmd(tt.command)
			wantLines(t, tt.command, got[len(got)-1:], []string{"NO [SERVERBUG] internal error ..."})
			if strings.Contains(strings.Join(got, ""), "secret") {
				t.Errorf("told: %q", got)
			}
			c.ok("NOOP")
		})
	}
	t.Run("Open", func(t *testing.T) {
		store.Fail("Open", imap.No("INUSE", "later"))
		defer store.Fail("Open", nil)
		wantLines(t, "SELECT", c.cmd("SELECT INBOX"), []string{"* OK [CLOSED] ...", "NO [INUSE] later"})
	})
}

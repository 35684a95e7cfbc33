package imapserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
)

// A client speaks to a server over memory, a command at a time.
type client struct {
	tb   testing.TB
	conn net.Conn
	r    *bufio.Reader
	n    int
	done chan error // what ServeConn returned
}

func newServer(store imapserver.Backend) *imapserver.Server {
	return &imapserver.Server{Hostname: "mail.example", Backend: store, Auth: testAuth(auth.CleartextAny)}
}

// dial connects, and reads the greeting.
func dial(tb testing.TB, srv *imapserver.Server) *client {
	tb.Helper()
	near, far := memnet.Pipe(memnet.Options{})
	c := &client{tb: tb, conn: near, r: bufio.NewReader(near), done: make(chan error, 1)}
	go func() { c.done <- srv.ServeConn(context.Background(), far) }()
	tb.Cleanup(func() { near.Close() })
	c.line()
	return c
}

// login connects, logs in and selects INBOX.
func login(tb testing.TB, srv *imapserver.Server) *client {
	tb.Helper()
	c := dial(tb, srv)
	c.ok("LOGIN u p")
	c.ok("SELECT INBOX")
	return c
}

// line reads a line with its literals, which are quoted.
func (c *client) line() string {
	c.tb.Helper()
	var out strings.Builder
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			c.tb.Fatalf("after %q: %v", out.String()+l, err)
		}
		l = strings.TrimSuffix(l, "\r\n")
		out.WriteString(l)
		size, ok := announced(l)
		if !ok {
			return out.String()
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(c.r, b); err != nil {
			c.tb.Fatal(err)
		}
		fmt.Fprintf(&out, "%q", b)
	}
}

func announced(l string) (size int, ok bool) {
	i := strings.LastIndexByte(l, '{')
	if i < 0 || !strings.HasSuffix(l, "}") {
		return 0, false
	}
	size, err := strconv.Atoi(l[i+1 : len(l)-1])
	return size, err == nil
}

func (c *client) send(octets string) {
	c.tb.Helper()
	if _, err := io.WriteString(c.conn, octets); err != nil {
		c.tb.Fatal(err)
	}
}

// cmd sends a command and returns its answer, the tag left out.
func (c *client) cmd(command string) []string {
	c.tb.Helper()
	c.n++
	tag := fmt.Sprint("t", c.n)
	c.send(tag + " " + command + "\r\n")
	return c.answer(tag)
}

func (c *client) answer(tag string) []string {
	c.tb.Helper()
	var out []string
	for {
		l := c.line()
		if rest, ok := strings.CutPrefix(l, tag+" "); ok {
			return append(out, rest)
		}
		out = append(out, l)
	}
}

// ok is cmd for a command that has to succeed.
func (c *client) ok(command string) []string {
	c.tb.Helper()
	out := c.cmd(command)
	if last := out[len(out)-1]; !strings.HasPrefix(last, "OK") {
		c.tb.Fatalf("%s: %s", command, last)
	}
	return out
}

// matches compares a line with what is wanted, where "..." at the end stands for
// anything.
func matches(got, want string) bool {
	if prefix, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, prefix)
	}
	return got == want
}

func wantLines(tb testing.TB, what string, got, want []string) {
	tb.Helper()
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = matches(got[i], want[i])
	}
	if !same {
		tb.Fatalf("%s\n got:\n\t%s\n want:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// A scene is a dialogue of several sessions:
//
//	A command             A, B or C sends it
//	  * line              and this is all of its answer, the tag left out;
//	  OK...               without such lines it has to be OK
//	deliver text          a message with that subject arrives in INBOX
//	dump INBOX            what the store has
//	  1 [] 35
//
// All sessions have INBOX selected from the start, with the messages that fill
// says: four with the UIDs 1 to 4.
type scene struct {
	name   string
	mask   imapserver.Ability
	server func(*imapserver.Server)
	script string
}

func (s *scene) run(t *testing.T) {
	store := newStore(t)
	store.Mask(s.mask)
	for i := range 4 {
		deliver(t, store, fmt.Sprint("m", i+1))
	}
	srv := newServer(store)
	if s.server != nil {
		s.server(srv)
	}
	sessions := make(map[string]*client)
	lines := strings.Split(strings.Trim(s.script, "\n"), "\n")
	for i := 0; i < len(lines); {
		who, what, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		where := fmt.Sprintf("line %d: %s", i+1, strings.TrimSpace(lines[i]))
		i++
		var want []string
		for i < len(lines) && strings.HasPrefix(lines[i], "\t\t\t\t") {
			want = append(want, strings.TrimSpace(lines[i]))
			i++
		}
		switch who {
		case "":
			continue
		case "deliver":
			deliver(t, store, what)
			continue
		case "dump":
			wantLines(t, where, strings.Split(strings.TrimSuffix(store.Dump("u", what), "\n"), "\n"), want)
			continue
		}
		for _, name := range []string{"A", "B", "C"} { // all are there before anything happens
			if sessions[name] == nil && strings.Contains(s.script, "\n\t\t\t"+name+" ") {
				sessions[name] = login(t, srv)
			}
		}
		if want == nil {
			sessions[who].ok(what)
			continue
		}
		wantLines(t, where, sessions[who].cmd(what), want)
	}
}

func deliver(tb testing.TB, store *imapmem.Store, subject string) {
	tb.Helper()
	if _, err := store.Deliver("u", "INBOX", []byte("Subject: "+subject+"\r\n\r\nbody\r\n")); err != nil {
		tb.Fatal(err)
	}
}

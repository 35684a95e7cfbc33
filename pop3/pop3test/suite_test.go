package pop3test_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3client"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

var me = auth.Credentials{Username: "mrose", Password: "tanstaaf"}

func setter(m *pop3test.Memory) func(context.Context, []string) error {
	return func(_ context.Context, messages []string) error {
		m.Set(messages...)
		return nil
	}
}

// ourServer offers all that there is.
func ourServer(t *testing.T, b pop3server.Backend) *pop3server.Server {
	t.Helper()
	v, err := auth.NewVerifier("PLAIN", me.Password, auth.VerifierOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &pop3server.Server{
		Hostname: "mail.example", Backend: b, APOP: true, Cleartext: true,
		Languages: []pop3server.Language{{Tag: "en", Name: "English"}, {Tag: "de", Name: "Deutsch"}},
		Auth: &auth.Authenticator{Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) {
			if user != me.Username {
				return nil, auth.ErrCredentials
			}
			return []auth.Verifier{v}, nil
		}, Cleartext: auth.CleartextAny, Allow: []string{"PLAIN"}, Floor: -1},
	}
}

// The suite against our server, in memory and over TLS of both kinds. No case
// may be skipped everywhere.
func TestOurServer(t *testing.T) {
	run := make(map[string]bool)
	suite := func(t *testing.T, target *pop3test.Target) {
		for _, c := range pop3test.Cases() {
			o := c.Run(t.Context(), target)
			if o.Verdict == pop3test.Failed {
				t.Error(o)
			}
			if o.Verdict == pop3test.Passed {
				run[c.ID] = true
			}
		}
	}
	t.Run("memory", func(t *testing.T) {
		m := pop3test.NewMemory()
		srv := ourServer(t, m)
		suite(t, &pop3test.Target{
			Dial: func(context.Context) (net.Conn, error) {
				near, far := memnet.Pipe(memnet.Options{})
				go srv.ServeConn(context.Background(), far)
				return near, nil
			},
			Login: &me, Reset: setter(m),
		})
	})
	t.Run("STLS", func(t *testing.T) {
		m := pop3test.NewMemory()
		srv := ourServer(t, m)
		srv.Cleartext = false
		s := pop3test.NewServer(t, srv)
		suite(t, &pop3test.Target{
			Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", s.Addr) },
			TLS:  s.TLS, Login: &me, Reset: setter(m),
		})
	})
	t.Run("TLS", func(t *testing.T) {
		m := pop3test.NewMemory()
		s := pop3test.NewServer(t, ourServer(t, m))
		suite(t, &pop3test.Target{
			Dial: func(ctx context.Context) (net.Conn, error) {
				return (&tls.Dialer{Config: s.TLS}).DialContext(ctx, "tcp", s.TLSAddr)
			},
			TLS: s.TLS, Login: &me, Reset: setter(m),
		})
	})
	for _, c := range pop3test.Cases() {
		if !run[c.ID] {
			t.Errorf("%s was never run", c.ID)
		}
	}
}

// A suite that finds nothing is worth nothing: each mutant breaks a rule, and the
// case that is about it has to say so.
func TestSuiteFindsBugs(t *testing.T) {
	tests := []struct {
		bug    string
		mutate func(line string) string // what a command becomes before our server sees it
		answer func(s string) string    // what becomes of its answers
		id     string
	}{
		{"DELE 0 is DELE 1", func(l string) string { return strings.Replace(l, "DELE 0\r\n", "DELE 1\r\n", 1) }, nil, "NUM-1"},
		{"dots are doubled twice", nil, func(s string) string { return strings.ReplaceAll(s, "\n..\r\n", "\n...\r\n") }, "STUFF-7b"},
		{"dots are not doubled", nil, func(s string) string { return strings.ReplaceAll(s, "\n..x", "\n.x") }, "STUFF-7c"},
		{"QUIT x is QUIT", func(l string) string { return strings.Replace(l, "QUIT now", "QUIT", 1) }, nil, "QUIT-5"},
		{"commands end in LF", func(l string) string { return strings.Replace(l, "NOOP\nDELE", "NOOP\r\nDELE", 1) }, nil, "BARE-44"},
		{"passwords are trimmed", func(l string) string {
			if strings.HasPrefix(l, "PASS") {
				return strings.TrimRight(l, " \r\n") + "\r\n"
			}
			return l
		}, nil, "PASS-10b"},
		{"TOP is RETR", func(l string) string {
			if strings.HasPrefix(l, "TOP 1 0") {
				return "RETR 1\r\n"
			}
			return l
		}, nil, "TOP-9"},
		{"replies end in LF", nil, func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }, "GREET-40"},
		{"STAT counts one too many", nil, func(s string) string { return strings.Replace(s, "+OK 3 ", "+OK 4 ", 1) }, "LIST-46"},
		{"RSET does nothing", func(l string) string { return strings.Replace(l, "RSET\r\n", "NOOP\r\n", 1) }, nil, "RSET-6"},
		{"unique-ids change", nil, func() func(string) string {
			n := 0
			return func(s string) string {
				if strings.Contains(s, "1 uid-") {
					n++
					return strings.ReplaceAll(s, "uid-", "uid-"+strings.Repeat("x", n))
				}
				return s
			}
		}(), "UID-26"},
	}
	for _, tt := range tests {
		t.Run(tt.bug, func(t *testing.T) {
			m := pop3test.NewMemory()
			srv := ourServer(t, m)
			target := &pop3test.Target{
				Dial: func(context.Context) (net.Conn, error) {
					near, middle := memnet.Pipe(memnet.Options{})
					other, far := memnet.Pipe(memnet.Options{})
					go srv.ServeConn(context.Background(), far)
					go pass(other, middle, tt.mutate)
					go pass(middle, other, tt.answer)
					return near, nil
				},
				Login: &me, Reset: setter(m),
			}
			for _, c := range pop3test.Cases() {
				if c.ID != tt.id {
					continue
				}
				o := c.Run(t.Context(), target)
				if o.Verdict != pop3test.Failed {
					t.Errorf("%s: %s", c.ID, o)
				}
				target.Known = map[string]string{c.ID: "as it was made"}
				if o := c.Run(t.Context(), target); o.Verdict != pop3test.Excused && tt.bug != "unique-ids change" {
					t.Errorf("known, and yet: %s", o)
				}
			}
		})
	}
}

// pass carries what one side writes to the other.
func pass(to, from net.Conn, change func(string) string) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		s := string(buf[:n])
		if change != nil {
			s = change(s)
		}
		if _, err := io.WriteString(to, s); err != nil {
			return
		}
	}
}

func TestKnownThatPasses(t *testing.T) {
	m := pop3test.NewMemory()
	srv := ourServer(t, m)
	target := &pop3test.Target{
		Dial: func(context.Context) (net.Conn, error) {
			near, far := memnet.Pipe(memnet.Options{})
			go srv.ServeConn(context.Background(), far)
			return near, nil
		},
		Login: &me, Reset: setter(m), Known: map[string]string{"GREET-40": "no longer true"},
	}
	for _, c := range pop3test.Cases() {
		if c.ID == "GREET-40" {
			if o := c.Run(t.Context(), target); o.Verdict != pop3test.Failed {
				t.Errorf("%s", o)
			}
		}
	}
}

func TestRunBackend(t *testing.T) {
	m := pop3test.NewMemory()
	pop3test.RunBackend(t, &pop3test.Store{Backend: m, User: "mrose", Reset: setter(m)})
}

// Our own client against what servers do.
func TestRunClient(t *testing.T) {
	pop3test.RunClient(t, func(ctx context.Context, addr string) (map[string][]byte, error) {
		d := &pop3client.Dialer{
			Addr: addr, TLS: auth.TLSPolicy{Level: auth.TLSNever},
			Auth:        auth.ClientPolicy{Cleartext: auth.CleartextAny},
			Credentials: auth.Credentials{Username: pop3test.User, Password: pop3test.Password},
		}
		c, err := d.Connect(ctx)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		if _, err := c.List(ctx); err != nil {
			return nil, err
		}
		all, err := c.UIDs(ctx)
		if err != nil {
			return nil, err
		}
		var nums []int
		for _, e := range all {
			nums = append(nums, e.N)
		}
		got := make(map[string][]byte)
		i := 0
		for m, err := range c.RetrAll(ctx, nums) {
			if err != nil {
				return nil, err
			}
			if got[all[i].UID], err = io.ReadAll(m); err != nil {
				return nil, err
			}
			i++
		}
		return got, c.Quit(ctx)
	})
}

func TestScript(t *testing.T) {
	srv := ourServer(t, pop3test.NewMemory("Subject: x\n\n.\n"))
	pop3test.Script(t, "testdata/session.txt", func(c net.Conn) { srv.ServeConn(t.Context(), c) })
}

// A store that fails is told as a *pop3.Reject where it wants to, and Memory does
// what it is told.
func TestMemoryFailCommit(t *testing.T) {
	m := pop3test.NewMemory("a", "b", "c")
	m.FailCommit(1)
	d, err := m.Open(t.Context(), auth.Identity{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Open(t.Context(), auth.Identity{}, nil); !errors.As(err, new(*pop3.Reject)) {
		t.Errorf("second Open: %v", err)
	}
	all, err := d.Messages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), all[:2]); err == nil {
		t.Error("Commit does not fail")
	}
	if got := m.Contents(); len(got) != 2 || got[0] != "b" {
		t.Errorf("left %q", got)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if unlock, ok := m.Lock(); !ok {
		t.Error("locked")
	} else {
		unlock()
	}
}

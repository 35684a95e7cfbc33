package pop3server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// RFC 1939, section 6: without QUIT nothing is removed, however the session ends.
func TestRFC1939_6_NoQuitNoUpdate(t *testing.T) {
	large := "Subject: large\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 100_000)
	tests := []struct {
		name string
		end  func(c *client, srv *pop3server.Server)
	}{
		{"dropped", func(c *client, _ *pop3server.Server) { c.conn.Close() }},
		{"dropped inside a command", func(c *client, _ *pop3server.Server) {
			io.WriteString(c.conn, "QUI")
			c.conn.Close()
		}},
		{"dropped inside a message", func(c *client, _ *pop3server.Server) {
			c.send("RETR 2")
			c.want("+OK")
			c.conn.Close()
		}},
		{"half closed inside a message", func(c *client, _ *pop3server.Server) {
			c.send("RETR 2")
			c.conn.CloseWrite()
			io.Copy(io.Discard, c.conn)
		}},
		{"idle", func(c *client, _ *pop3server.Server) { io.Copy(io.Discard, c.conn) }},
		{"shutdown", func(c *client, srv *pop3server.Server) {
			synctest.Wait()
			srv.Shutdown(context.Background())
		}},
		{"close", func(c *client, srv *pop3server.Server) { srv.Close() }},
		{"too many errors", func(c *client, _ *pop3server.Server) {
			for range 10 {
				c.send("XYZZY")
				c.want("-ERR")
			}
		}},
		{"QUIT with an argument", func(c *client, _ *pop3server.Server) {
			c.send("QUIT now")
			c.want("-ERR")
			c.conn.Close()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := pop3test.NewMemory("Subject: small\r\n\r\nx\r\n", large)
				srv := openServer(m)
				c := login(t, srv)
				c.send("DELE 1")
				c.want("+OK")
				tt.end(c, srv)
				c.conn.Close()
				<-c.done
				wantCalls(t, m, 0, 1)
				if n := len(m.Contents()); n != 2 {
					t.Errorf("%d messages are left", n)
				}
			})
		})
	}
}

// A connection on TLS that ends without close_notify is one that was cut.
func TestNoCloseNotify(t *testing.T) {
	m := pop3test.NewMemory(exampleMessages()...)
	srv := &pop3server.Server{Backend: m, Auth: accounts(auth.CleartextNone)}
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan error, 1)
	go func() { done <- srv.ServeConn(t.Context(), tls.Server(far, testTLS())) }()
	tc := tls.Client(near, clientConfig())
	io.WriteString(tc, "USER mrose\r\nPASS tanstaaf\r\nDELE 1\r\n")
	buf := make([]byte, 1)
	for lines := 0; lines < 4; {
		if _, err := tc.Read(buf); err != nil {
			t.Fatal(err)
		}
		if buf[0] == '\n' {
			lines++
		}
	}
	near.Close() // not tc.Close
	if err := <-done; err == nil {
		t.Error("the session ended well")
	}
	wantCalls(t, m, 0, 1)
}

// RFC 1939, section 6: QUIT removes what is marked, and -ERR says if it did not.
func TestRFC1939_6_Update(t *testing.T) {
	m := pop3test.NewMemory("1", "2", "3")
	srv := openServer(m)
	c := login(t, srv)
	c.send("DELE 1", "DELE 3", "QUIT")
	c.want("+OK", "+OK", "+OK")
	c.wantEnd(nil)
	wantCalls(t, m, 1, 1)
	if got := m.Contents(); len(got) != 1 || got[0] != "2" {
		t.Errorf("left %q", got)
	}

	m.Set("1", "2")
	m.FailCommit(1)
	c = login(t, srv)
	c.send("DELE 1", "DELE 2", "QUIT")
	c.want("+OK", "+OK", "-ERR [SYS/TEMP] some deleted messages not removed")
	c.wantEnd(nil)
	wantCalls(t, m, 2, 2)
	c = login(t, srv)
	c.send("LIST")
	c.want("+OK 1 message (3 octets)", "1 3", ".")

	m.Set("1", "2")
	c.send("DELE 1", "RSET", "QUIT")
	c.want("+OK", "+OK", "+OK")
	c.wantEnd(nil)
	if got := m.Contents(); len(got) != 2 {
		t.Errorf("after RSET %q are left", got)
	}
}

// RFC 1939, section 4; RFC 2449, section 8.1.2: one session at a time, told to
// nobody who does not know the password.
func TestLock(t *testing.T) {
	m := pop3test.NewMemory()
	srv := openServer(m)
	first := login(t, srv)
	second := dial(t, srv)
	second.send("USER mrose", "PASS wrong", "USER mrose", "PASS tanstaaf")
	second.want("+OK", "-ERR [AUTH]", "+OK", "-ERR [IN-USE] another session has the maildrop")
	first.conn.Close()
	<-first.done
	second.login()
}

func TestQuitUnlocksBeforeItsReply(t *testing.T) {
	m := pop3test.NewMemory()
	srv := openServer(m)
	for range 50 {
		c := login(t, srv)
		c.send("QUIT")
		c.want("+OK")
	}
}

// RFC 2595, section 4: nothing behind STLS is executed, on either side of TLS.
func TestRFC2595_4_Injection(t *testing.T) {
	for _, behind := range []string{"USER mrose\r\nPASS tanstaaf\r\n", "USER vic", "\x16\x03"} {
		m := pop3test.NewMemory()
		srv := openServer(m)
		srv.TLS = testTLS()
		c := dial(t, srv)
		io.WriteString(c.conn, "STLS\r\n"+behind)
		c.want("+OK begin TLS")
		c.wantEnd(auth.ErrInjected)
		if got := m.Calls().Open; got != 0 {
			t.Errorf("behind %q a maildrop was opened", behind)
		}
	}
}

func TestSTLSWithoutCertificate(t *testing.T) {
	c := dial(t, openServer(nil))
	c.send("STLS")
	c.want("-ERR command not offered")
}

func TestImplicitTLS(t *testing.T) {
	l := memnet.Listen(memnet.Options{})
	srv := &pop3server.Server{Backend: pop3test.NewMemory(exampleMessages()...), Auth: accounts(auth.CleartextNone), TLS: testTLS()}
	served := make(chan error, 1)
	config := testTLS().Clone()
	config.NextProtos = []string{"pop3"}
	go func() { served <- srv.Serve(t.Context(), tls.NewListener(l, config)) }()
	nc, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cc := clientConfig()
	cc.NextProtos = []string{"pop3"}
	tc := tls.Client(nc, cc)
	io.WriteString(tc, "STLS\r\nUSER mrose\r\nPASS tanstaaf\r\nRETR 2\r\nQUIT\r\n")
	got, err := io.ReadAll(tc)
	if err != nil {
		t.Error(err)
	}
	for i, want := range []string{"-ERR TLS is on already", "+OK send PASS", "+OK maildrop has 2", "+OK 200 octets", "Subject: second"} {
		if line := strings.Split(string(got), "\r\n")[i+1]; !strings.HasPrefix(line, want) {
			t.Errorf("line %d is %q, want %q", i+1, line, want)
		}
	}
	if p := tc.ConnectionState().NegotiatedProtocol; p != "pop3" {
		t.Errorf("ALPN gives %q", p)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != pop3server.ErrServerClosed {
		t.Errorf("Serve returned %v", err)
	}
}

// RFC 1939, section 7: the stamp is another each time, and APOP works with it.
func TestRFC1939_7_APOP(t *testing.T) {
	v, err := auth.NewVerifier("PLAIN", "tanstaaf", auth.VerifierOptions{})
	if err != nil {
		t.Fatal(err)
	}
	srv := openServer(pop3test.NewMemory())
	srv.APOP = true
	srv.Limits.AuthFailures = 10
	srv.Auth = &auth.Authenticator{
		Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) {
			if user != "mrose" {
				return nil, auth.ErrCredentials
			}
			return []auth.Verifier{v}, nil
		},
		Cleartext: auth.CleartextHashed, Floor: -1,
	}
	seen := make(map[string]bool)
	for range 3 {
		c := connect(t, srv, memnet.Options{})
		greeting, err := c.r.ReadString('\n')
		stamp := pop3.FindStamp(greeting)
		if err != nil || stamp == "" || seen[stamp] {
			t.Fatalf("greeting %q", greeting)
		}
		seen[stamp] = true
		digest := pop3.Digest(stamp, []byte("tanstaaf"))
		c.send("APOP mrose "+strings.ToUpper(digest), "APOP mrose "+digest[:31], "APOP nobody "+digest, "USER mrose", "APOP mrose "+digest)
		c.want("-ERR [AUTH]", "-ERR [AUTH]", "-ERR [AUTH]", "-ERR command not offered", "+OK maildrop has 0 messages")
		c.send("QUIT")
		c.want("+OK")
		c.wantEnd(nil)
	}
	srv.APOP = false
	c := connect(t, srv, memnet.Options{})
	if greeting, _ := c.r.ReadString('\n'); strings.ContainsAny(greeting, "<>") {
		t.Errorf("greeting without APOP: %q", greeting)
	}
}

// RFC 1939, section 3: a session that says nothing is closed without a word.
func TestTimeouts(t *testing.T) {
	tests := []struct {
		name  string
		srv   pop3server.Timeouts
		after time.Duration // when the server gives up
		talk  func(c *client)
	}{
		{"silent before login", pop3server.Timeouts{}, 3 * time.Minute, func(c *client) {}},
		{"busy before login", pop3server.Timeouts{}, 3 * time.Minute, func(c *client) {
			for range 17 {
				c.send("CAPA")
				c.want("+OK")
				c.body()
				time.Sleep(10 * time.Second)
			}
		}},
		{"idle", pop3server.Timeouts{}, 10 * time.Minute, func(c *client) { c.login() }},
		{"idle is never shorter", pop3server.Timeouts{Idle: time.Minute}, 10 * time.Minute, func(c *client) { c.login() }},
		{"idle longer", pop3server.Timeouts{Idle: time.Hour}, time.Hour, func(c *client) { c.login() }},
		{"a command resets it", pop3server.Timeouts{}, 19 * time.Minute, func(c *client) {
			c.login()
			time.Sleep(9 * time.Minute)
			c.send("NOOP")
			c.want("+OK")
		}},
		{"inside a command", pop3server.Timeouts{}, time.Minute + 30*time.Second, func(c *client) {
			c.login()
			time.Sleep(time.Minute)
			for range 25 {
				io.WriteString(c.conn, "N")
				time.Sleep(time.Second)
			}
		}},
		{"life", pop3server.Timeouts{Life: time.Hour}, time.Hour, func(c *client) {
			c.login()
			for range 7 {
				time.Sleep(8 * time.Minute)
				c.send("NOOP")
				c.want("+OK")
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := pop3test.NewMemory()
				srv := openServer(m)
				srv.Timeouts = tt.srv
				began := time.Now()
				c := dial(t, srv)
				tt.talk(c)
				if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
					t.Errorf("the server said %q, %v", rest, err)
				}
				if took := time.Since(began); took < tt.after-2*time.Second || took > tt.after+2*time.Second {
					t.Errorf("closed after %v, want %v", took, tt.after)
				}
				if err := <-c.done; err == nil {
					t.Error("the session ended well")
				}
				wantCalls(t, m, 0, m.Calls().Open)
			})
		})
	}
}

// A client that takes nothing, or too little, is not waited for.
func TestSlowReader(t *testing.T) {
	large := strings.Repeat("0123456789abcdef\r\n", 1<<16)
	tests := []struct {
		name     string
		timeouts pop3server.Timeouts
		conns    pop3server.Conns
		pace     time.Duration // between two reads of 100 octets; 0: none
		most     time.Duration
	}{
		{"stalled", pop3server.Timeouts{}, pop3server.Conns{}, 0, 62 * time.Second},
		{"under the rate", pop3server.Timeouts{Write: -1}, pop3server.Conns{MinRate: 1000}, time.Second, 4 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := openServer(pop3test.NewMemory(large))
				srv.Timeouts, srv.Conns = tt.timeouts, tt.conns
				c := connect(t, srv, memnet.Options{ToClient: memnet.Flow{Window: 4096}})
				c.want("+OK")
				c.login()
				began := time.Now()
				c.send("RETR 1")
				taken := make(chan struct{})
				go func() {
					defer close(taken)
					for buf := make([]byte, 100); tt.pace > 0; time.Sleep(tt.pace) {
						if _, err := c.conn.Read(buf); err != nil {
							return
						}
					}
				}()
				if err := <-c.done; err == nil {
					t.Error("the session ended well")
				}
				if took := time.Since(began); took > tt.most {
					t.Errorf("the client was waited for %v", took)
				}
				c.conn.Close()
				<-taken
			})
		})
	}
}

// RFC 2449, section 6.6: replies of a pipelined batch come in order, in few
// writes, and a client that reads slowly ties up only itself.
func TestRFC2449_6_6_Pipelining(t *testing.T) {
	message := "Subject: x\r\n\r\n" + strings.Repeat("y", 70) + "\r\n"
	srv := openServer(pop3test.NewMemory(message, strings.Repeat(message, 1000)))
	c := login(t, srv)
	before := c.conn.Received().Writes
	c.send(strings.Repeat("NOOP\r\n", 49) + "RETR 1")
	for range 49 {
		c.want("+OK\r\n")
	}
	c.want(fmt.Sprintf("+OK %d octets", len(message)))
	if got := c.body(); got != message+".\r\n" {
		t.Errorf("got %q", got)
	}
	if got := c.conn.Received().Writes - before; got != 1 {
		t.Errorf("%d writes for the batch, want 1", got)
	}
	go io.WriteString(c.conn, strings.Repeat("RETR 2\r\n", 99)+"NOOP\r\n")
	for range 99 {
		c.want("+OK")
		if got := c.body(); len(got) != 1000*len(message)+3 {
			t.Fatalf("got %d octets", len(got))
		}
	}
	c.want("+OK\r\n")
}

// RFC 1939, sections 3 and 11: what is sent is what LIST says, and cannot end
// before its end.
func TestNastyMessages(t *testing.T) {
	for _, message := range nastyMessages() {
		t.Run(fmt.Sprintf("%.20q", message), func(t *testing.T) {
			c := login(t, openServer(pop3test.NewMemory(message)))
			c.send("LIST 1", "RETR 1", "NOOP")
			line, _ := c.r.ReadString('\n')
			var n, size int64
			fmt.Sscanf(line, "+OK %d %d", &n, &size)
			c.want(fmt.Sprintf("+OK %d octets\r\n", size))
			wire := c.body()
			got, err := io.ReadAll(pop3.NewReader(strings.NewReader(wire)).Body(0))
			if err != nil || int64(len(got)) != size {
				t.Errorf("%d octets, %v; LIST says %d", len(got), err, size)
			}
			normal := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(message)
			if normal != "" && !strings.HasSuffix(normal, "\r\n") {
				normal += "\r\n"
			}
			if string(got) != normal {
				t.Errorf("got %.100q, want %.100q", got, normal)
			}
			c.want("+OK\r\n")
		})
	}
}

func nastyMessages() []string {
	edge := strings.Repeat("x", 16<<10-1)
	return []string{
		"", ".", ".\r\n", "..\r\n", ".\n.\n", "x", "x\r", "x\n", "\r\n.\r\n", "a\r.\rb", "a\n.\nb", "a\x00b\r\n",
		edge + "\r\n.\r\n", edge[1:] + "\r\n.\r\n", edge[2:] + "\r\n.\r\n", edge[3:] + "\r\n.", strings.Repeat(".\n", 16<<10), strings.Repeat("x", 1<<20),
	}
}

// RFC 6856, section 5.
func TestNeedsUTF8(t *testing.T) {
	message := "Subject: Grüße\r\n\r\nHallo\r\n"
	srv := openServer(pop3test.NewMemory(message))
	c := login(t, srv)
	c.send("RETR 1", "TOP 1 0", "LIST 1", "QUIT")
	c.want("-ERR [UTF8]", "-ERR [UTF8]", "+OK 1", "+OK")
	c.wantEnd(nil)
	c = dial(t, srv)
	c.send("UTF8")
	c.want("+OK")
	c.login()
	c.send("RETR 1")
	c.want("+OK")
	if got := c.body(); got != message+".\r\n" {
		t.Errorf("got %q", got)
	}
	c.conn.Close()
	<-c.done
	srv.Surrogate = true
	c = login(t, srv)
	c.send("RETR 1")
	c.want("+OK")
}

// faulty is a backend that goes wrong where it is told to.
type faulty struct {
	*pop3test.Memory
	open, messages, fetch, commit, read error
	panics                              string
	uids                                []string
}

func (f *faulty) Open(ctx context.Context, id auth.Identity, c *pop3server.Conn) (pop3server.Maildrop, error) {
	f.panicAt("Open")
	if f.open != nil {
		return nil, f.open
	}
	d, err := f.Memory.Open(ctx, id, c)
	return &faultyDrop{d, f}, err
}

func (f *faulty) panicAt(where string) {
	if f.panics == where {
		panic("as asked")
	}
}

type faultyDrop struct {
	pop3server.Maildrop
	f *faulty
}

func (d *faultyDrop) Messages(ctx context.Context) ([]pop3server.Message, error) {
	d.f.panicAt("Messages")
	if d.f.messages != nil {
		return nil, d.f.messages
	}
	m, err := d.Maildrop.Messages(ctx)
	for i, uid := range d.f.uids {
		m[i].UID = uid
	}
	return m, err
}

func (d *faultyDrop) Fetch(ctx context.Context, m pop3server.Message, lines int) (io.ReadCloser, error) {
	d.f.panicAt("Fetch")
	if d.f.fetch != nil {
		return nil, d.f.fetch
	}
	r, err := d.Maildrop.Fetch(ctx, m, lines)
	if d.f.read != nil {
		return io.NopCloser(io.MultiReader(io.LimitReader(r, 10), errReader{d.f.read})), nil
	}
	return r, err
}

func (d *faultyDrop) Commit(ctx context.Context, deleted []pop3server.Message) error {
	d.f.panicAt("Commit")
	if d.f.commit != nil {
		return d.f.commit
	}
	return d.Maildrop.Commit(ctx, deleted)
}

func (d *faultyDrop) Close() error {
	err := d.Maildrop.Close()
	d.f.panicAt("Close")
	return err
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// RFC 3206, section 4; RFC 1939, section 7: what goes wrong in a store is told in
// our words, what it tells on purpose in its own, on one line.
func TestBackendErrors(t *testing.T) {
	secret := errors.New("disk /dev/secret on fire\r\n+OK")
	tests := []struct {
		name   string
		f      faulty
		send   []string
		want   []string
		closes int
	}{
		{"Open", faulty{open: secret}, nil, []string{"-ERR [SYS/TEMP] the maildrop is not available\r\n"}, 0},
		{"Open refused", faulty{open: fmt.Errorf("x: %w", &pop3.Reject{Code: pop3.LoginDelay, Text: "too soon\r\n.\r\n+OK"})}, nil, []string{"-ERR [LOGIN-DELAY] too soon??.??+OK\r\n"}, 0},
		{"bracket", faulty{open: &pop3.Reject{Text: "[AUTH] no"}}, nil, []string{"-ERR - [AUTH] no\r\n"}, 0},
		{"Messages", faulty{messages: secret}, nil, []string{"-ERR [SYS/TEMP] the maildrop is not available\r\n"}, 1},
		{"UID with a space", faulty{uids: []string{"a b"}}, nil, []string{"-ERR [SYS/PERM] the maildrop cannot be served\r\n"}, 1},
		{"UID with a line", faulty{uids: []string{"a\r\n+OK"}}, nil, []string{"-ERR [SYS/PERM] the maildrop cannot be served\r\n"}, 1},
		{"UID twice", faulty{uids: []string{"a", "a"}}, nil, []string{"-ERR [SYS/PERM] the maildrop cannot be served\r\n"}, 1},
		{"Fetch", faulty{fetch: secret}, []string{"RETR 1", "NOOP"}, []string{"+OK", "-ERR [SYS/TEMP] the maildrop is not available\r\n", "+OK"}, 0},
		{"Fetch refused", faulty{fetch: &pop3.Reject{Text: "gone"}}, []string{"TOP 1 1", "NOOP"}, []string{"+OK", "-ERR gone\r\n", "+OK"}, 0},
		{"Commit refused", faulty{commit: &pop3.Reject{Code: pop3.SysPerm, Text: "read only"}}, []string{"DELE 1", "QUIT"}, []string{"+OK", "+OK", "-ERR [SYS/PERM] read only\r\n"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.f.Memory = pop3test.NewMemory(exampleMessages()...)
			c := dial(t, openServer(&tt.f))
			c.send(append([]string{"USER mrose", "PASS tanstaaf"}, tt.send...)...)
			c.want("+OK")
			c.want(tt.want...)
			if got := tt.f.Calls().Close; got != tt.closes {
				t.Errorf("closed %d times, want %d", got, tt.closes)
			}
		})
	}
}

// A message that breaks off never looks whole.
func TestReadFails(t *testing.T) {
	f := &faulty{Memory: pop3test.NewMemory(exampleMessages()...), read: io.ErrNoProgress}
	c := login(t, openServer(f))
	c.send("RETR 1", "NOOP")
	c.want("+OK 120 octets")
	rest, err := io.ReadAll(c.r)
	if err != nil || strings.Contains(string(rest), "\r\n.\r\n") || strings.Contains(string(rest), "+OK") {
		t.Errorf("got %q, %v", rest, err)
	}
	if err := <-c.done; err != io.ErrNoProgress {
		t.Errorf("ended with %v", err)
	}
	wantCalls(t, f.Memory, 0, 1)
}

// A panic ends one connection, closes its maildrop, and leaves the others alone.
func TestPanics(t *testing.T) {
	for _, where := range []string{"Open", "Messages", "Fetch", "Commit", "Close"} {
		t.Run(where, func(t *testing.T) {
			f := &faulty{Memory: pop3test.NewMemory(exampleMessages()...)}
			srv := openServer(f)
			other := dial(t, srv)
			f.panics = where
			c := dial(t, srv)
			c.send("USER mrose", "PASS tanstaaf", "RETR 1", "QUIT")
			io.Copy(io.Discard, c.r)
			if err := <-c.done; err == nil {
				t.Error("the session ended well")
			}
			f.panics = ""
			if where != "Open" {
				wantCalls(t, f.Memory, f.Calls().Commit, 1)
			}
			other.login()
		})
	}
}

func TestShutdown(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := openServer(pop3test.NewMemory())
			before, after := dial(t, srv), login(t, srv)
			synctest.Wait()
			began := time.Now()
			if err := srv.Shutdown(t.Context()); err != nil || time.Since(began) > 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			before.wantEnd(pop3server.ErrServerClosed)
			after.wantEnd(pop3server.ErrServerClosed)
			late := connect(t, srv, memnet.Options{})
			late.want("-ERR [SYS/TEMP] shutting down")
			late.wantEnd(pop3server.ErrServerClosed)
		})
	})
	t.Run("a message is finished", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			message := strings.Repeat("x", 1<<20)
			srv := openServer(pop3test.NewMemory(message))
			c := login(t, srv)
			c.send("RETR 1")
			synctest.Wait() // the window is full
			done := make(chan error, 1)
			go func() { done <- srv.Shutdown(t.Context()) }()
			synctest.Wait()
			c.want("+OK")
			if got := c.body(); got != message+"\r\n.\r\n" {
				t.Errorf("got %d octets", len(got))
			}
			c.wantEnd(pop3server.ErrServerClosed)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := openServer(pop3test.NewMemory(strings.Repeat("x", 1<<20)))
			c := login(t, srv)
			c.send("RETR 1")
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := srv.Shutdown(ctx); err != context.DeadlineExceeded {
				t.Errorf("Shutdown returned %v", err)
			}
			<-c.done
		})
	})
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := memnet.Listen(memnet.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			srv := openServer(pop3test.NewMemory())
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ctx, l) }()
			c, err := l.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			cancel()
			if err := <-served; err != context.Canceled {
				t.Errorf("Serve returned %v", err)
			}
			if got, err := io.ReadAll(c); err != nil || !bytes.HasPrefix(got, []byte("+OK")) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	})
}

func TestTooManyConnections(t *testing.T) {
	from := func(a string) memnet.Options { return memnet.Options{Client: netip.MustParseAddrPort(a)} }
	srv := openServer(nil)
	srv.Conns = pop3server.Conns{Total: 3, PerIP: 2}
	connect(t, srv, from("192.0.2.1:1")).want("+OK")
	connect(t, srv, from("192.0.2.1:2")).want("+OK")
	connect(t, srv, from("192.0.2.1:3")).want("-ERR [SYS/TEMP] too many connections from your address")
	connect(t, srv, from("[2001:db8::1]:1")).want("+OK")
	connect(t, srv, from("192.0.2.2:1")).want("-ERR [SYS/TEMP] too many connections")

	srv = openServer(nil)
	srv.Conns = pop3server.Conns{PerIP: 1}
	connect(t, srv, from("[2001:db8::1]:1")).want("+OK")
	connect(t, srv, from("[2001:db8::2]:1")).want("-ERR [SYS/TEMP]")
	connect(t, srv, from("[2001:db8:0:1::1]:1")).want("+OK")
	connect(t, srv, from("127.0.0.1:1")).want("+OK")
	connect(t, srv, from("127.0.0.1:2")).want("+OK")
}

// A server that lets nobody in says so, and says no more.
func TestZeroServer(t *testing.T) {
	c := dial(t, &pop3server.Server{})
	c.send("USER mrose", "PASS x", "AUTH PLAIN", "APOP a b", "STLS", "CAPA")
	c.want("-ERR", "-ERR", "-ERR", "-ERR", "-ERR", "+OK")
	if got := c.body(); strings.Contains(got, "SASL") || strings.HasPrefix(got, "USER") || strings.Contains(got, "\r\nUSER") {
		t.Errorf("CAPA lists %q", got)
	}
}

// RFC 1939, section 13: no password and no line of SASL reaches the log.
func TestLogKeepsSecrets(t *testing.T) {
	var log bytes.Buffer
	srv := openServer(pop3test.NewMemory())
	srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv.Limits.AuthFailures = 10
	c := dial(t, srv)
	c.send("USER mrose", "PASS hush1", "pass hush2", "AUTH PLAIN AGEAaHVzaDM=", "AUTH PLAIN", "AGEAaHVzaDQ=", " PASS hush5", "AUTH NOPE", "AGEAaHVzaDY=", "QUIT")
	io.Copy(io.Discard, c.r)
	<-c.done
	for _, secret := range []string{"hush", "aHVza"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "USER mrose") {
		t.Errorf("the log is empty:\n%s", log.String())
	}
}

// RFC 2449, section 6.6: 100,000 commands in one burst have 100,000 replies, and
// take no more memory than one has.
func TestRFC2449_6_6_Flood(t *testing.T) {
	const commands = 100_000
	c := login(t, openServer(pop3test.NewMemory()))
	burst := strings.Repeat("NOOP\r\n", commands) + "QUIT\r\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go io.WriteString(c.conn, burst)
	replies := 0
	for {
		line, err := c.r.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(line) == "+OK\r\n" {
			replies++
		}
	}
	runtime.ReadMemStats(&after)
	if replies != commands {
		t.Errorf("%d replies, want %d", replies, commands)
	}
	if err := <-c.done; err != nil {
		t.Error(err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<20 && !raceDetector {
		t.Errorf("%d octets were allocated", took)
	}
}

// A client that sends without end and reads nothing is not read either.
func TestFloodWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := login(t, openServer(pop3test.NewMemory()))
		burst := strings.Repeat("NOOP\r\n", 1_000_000)
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			io.WriteString(c.conn, burst)
		}()
		synctest.Wait()
		// A window full of replies has 79 KiB of commands before it, and the window
		// of commands is full too.
		if sent := c.conn.Sent().Octets; sent > 200<<10 {
			t.Errorf("%d octets of commands were taken", sent)
		}
		if err := <-c.done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the session ended with %v", err)
		}
		c.conn.Close()
		<-wrote
	})
}

// A line that does not end takes no memory.
func TestEndlessLine(t *testing.T) {
	c := dial(t, openServer(pop3test.NewMemory()))
	x := strings.Repeat("x", 32<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		for {
			if _, err := io.WriteString(c.conn, x); err != nil {
				return
			}
		}
	}()
	c.want("-ERR line without end")
	if err := <-c.done; err == nil {
		t.Error("the session ended well")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 && !raceDetector {
		t.Errorf("%d octets were allocated", took)
	}
}

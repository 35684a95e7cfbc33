package pop3client_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3client"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// testTLS is a certificate for mail.example, made once.
var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
})

func roots() *x509.CertPool {
	leaf, err := x509.ParseCertificate(testTLS().Certificates[0].Certificate[0])
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool
}

var me = auth.Credentials{Username: "mrose", Password: "tanstaaf"}

// server serves a maildrop with SCRAM and PLAIN under TLS.
func server(t testing.TB, b pop3server.Backend) *pop3server.Server {
	t.Helper()
	v, err := auth.NewVerifier("SCRAM-SHA-256", me.Password, auth.VerifierOptions{Iterations: 4096})
	if err != nil {
		t.Fatal(err)
	}
	return &pop3server.Server{
		Hostname: "mail.example", Backend: b, TLS: testTLS(),
		Auth: &auth.Authenticator{Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) {
			if user != me.Username {
				return nil, auth.ErrCredentials
			}
			return []auth.Verifier{v}, nil
		}, Floor: -1},
	}
}

// dialer connects to a server of its own in memory.
func dialer(t testing.TB, srv *pop3server.Server) *pop3client.Dialer {
	return &pop3client.Dialer{
		Addr: "mail.example", Credentials: me, TLS: auth.TLSPolicy{Roots: roots()},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := memnet.Pipe(memnet.Options{})
			go srv.ServeConn(t.Context(), far)
			return near, nil
		},
	}
}

func connect(t testing.TB, d *pop3client.Dialer) *pop3client.Client {
	t.Helper()
	c, err := d.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func messages(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("Subject: %d\r\n\r\n.%s\r\n\xff\x00\r\n", i+1, strings.Repeat("x", i*i)))
	}
	return out
}

// The usual program: what is new is fetched, and deleted once it is safe.
func TestFetchAndDelete(t *testing.T) {
	ctx := t.Context()
	want := messages(20)
	m := pop3test.NewMemory(want...)
	c := connect(t, dialer(t, server(t, m)))
	if c.TLS() == nil {
		t.Fatal("no TLS")
	}
	n, size, err := c.Stat(ctx)
	list, lerr := c.List(ctx)
	var sum int64
	for _, e := range list {
		sum += e.Size
	}
	if err != nil || lerr != nil || n != 20 || len(list) != 20 || sum != size {
		t.Errorf("STAT %d %d, %v; LIST %d messages, %d octets, %v", n, size, err, len(list), sum, lerr)
	}
	all, err := c.UIDs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range all {
		if e.N != i+1 || e.UID != fmt.Sprintf("uid-%d", i+1) {
			t.Errorf("UIDL gives %+v", e)
		}
		r, err := c.Retr(ctx, e.N)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want[i] {
			t.Errorf("message %d: %q, %v", e.N, got, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Dele(ctx, e.N); err != nil {
			t.Error(err)
		}
	}
	if n := len(m.Contents()); n != 20 {
		t.Errorf("before QUIT %d are left", n)
	}
	if err := c.Quit(ctx); err != nil {
		t.Error(err)
	}
	if n := len(m.Contents()); n != 0 {
		t.Errorf("after QUIT %d are left", n)
	}
}

func TestRetrAll(t *testing.T) {
	ctx := t.Context()
	want := messages(50)
	c := connect(t, dialer(t, server(t, pop3test.NewMemory(want...))))
	if err := c.Dele(ctx, 3, 7); err != nil {
		t.Fatal(err)
	}
	var nums []int
	for i := range want {
		nums = append(nums, i+1)
	}
	i := 0
	for m, err := range c.RetrAll(ctx, nums) {
		i++
		if m.N != i {
			t.Fatalf("message %d, want %d", m.N, i)
		}
		if i == 3 || i == 7 {
			if _, refused := errors.AsType[*pop3.ReplyError](err); !refused {
				t.Errorf("message %d: %v", i, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			io.ReadFull(m, make([]byte, 3)) // the rest is skipped
			continue
		}
		if got, err := io.ReadAll(m); err != nil || string(got) != want[i-1] {
			t.Errorf("message %d: %q, %v", i, got, err)
		}
	}
	if i != 50 {
		t.Errorf("%d messages", i)
	}
	for m, err := range c.RetrAll(ctx, nums[10:]) { // stopped half way, with others on their way
		if err != nil {
			t.Fatal(err)
		}
		if io.ReadFull(m, make([]byte, 5)); m.N == 15 {
			break
		}
	}
	if n, _, err := c.Stat(ctx); n != 48 || err != nil {
		t.Errorf("out of step: %d, %v", n, err)
	}
	if err := c.Dele(ctx, 3, 4, 7, 99); err == nil || strings.Count(err.Error(), "DELE") != 3 {
		t.Errorf("DELE: %v", err)
	}
	if n, _, err := c.Stat(ctx); n != 47 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// A message that is not read to its end does not bring the client out of step,
// and Close never commits.
func TestUnreadBody(t *testing.T) {
	ctx := t.Context()
	m := pop3test.NewMemory(strings.Repeat("x", 1<<20))
	c := connect(t, dialer(t, server(t, m)))
	r, err := c.Retr(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(r, make([]byte, 10))
	if err := c.Noop(ctx); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a message that was skipped seems whole: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if r, err = c.Retr(ctx, 1); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := io.Copy(&b, r); n != 1<<20+2 || err != nil {
		t.Errorf("%d octets, %v", n, err)
	}
	r, err = c.Retr(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Dele(ctx, 1); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("reading goes on behind Close")
	}
	if err := c.Noop(ctx); err == nil {
		t.Error("a closed client sends")
	}
	if got := m.Calls().Commit; got != 0 {
		t.Errorf("%d commits", got)
	}
}

func TestTop(t *testing.T) {
	c := connect(t, dialer(t, server(t, pop3test.NewMemory("A: b\n\n.c\nd\n"))))
	r, err := c.Top(t.Context(), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "A: b\r\n\r\n.c\r\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := c.Top(t.Context(), 2, 0); err == nil {
		t.Error("TOP 2")
	}
}

func TestLanguages(t *testing.T) {
	srv := server(t, pop3test.NewMemory())
	srv.Languages = []pop3server.Language{{Tag: "en", Name: "English"}, {Tag: "de", Name: "Deutsch"}}
	c := connect(t, dialer(t, srv))
	got, err := c.Languages(t.Context())
	if diff := cmp.Diff([]pop3.Language{{Tag: "en", Name: "English"}, {Tag: "de", Name: "Deutsch"}}, got); diff != "" || err != nil {
		t.Errorf("%v: -want +got\n%s", err, diff)
	}
	if tag, err := c.Lang(t.Context(), "de"); tag != "de" || err != nil {
		t.Errorf("LANG de: %q, %v", tag, err)
	}
}

func TestUTF8(t *testing.T) {
	d := dialer(t, server(t, pop3test.NewMemory("Subject: ü\r\n\r\n")))
	if _, err := connect(t, d).Retr(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "[UTF8]") {
		t.Errorf("without UTF8: %v", err)
	}
	d = dialer(t, server(t, pop3test.NewMemory("Subject: ü\r\n\r\n")))
	d.UTF8 = true
	if r, err := connect(t, d).Retr(t.Context(), 1); err != nil {
		t.Error(err)
	} else if got, _ := io.ReadAll(r); string(got) != "Subject: ü\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// RFC 2595, section 2: without the TLS that is asked for, not one octet of
// credentials is sent.
func TestTLSPolicy(t *testing.T) {
	plain := server(t, pop3test.NewMemory())
	plain.TLS, plain.Cleartext = nil, true
	plain.Auth.Cleartext = auth.CleartextAny
	d := dialer(t, plain)
	if _, err := d.Connect(t.Context()); !errors.Is(err, auth.ErrTLSRequired) {
		t.Errorf("no STLS: %v", err)
	}
	d.TLS.Level = auth.TLSOpportunistic
	if _, err := d.Connect(t.Context()); !errors.Is(err, auth.ErrTLSRequired) {
		t.Errorf("no STLS, opportunistic: %v", err)
	}
	d.Auth.Cleartext = auth.CleartextHashed
	connect(t, d).Close()

	d = dialer(t, server(t, pop3test.NewMemory()))
	d.TLS.ServerName = "other.example"
	if _, err := d.Connect(t.Context()); err == nil {
		t.Error("another's certificate is good")
	}
	d = dialer(t, server(t, pop3test.NewMemory()))
	d.TLS.Implicit = true
	d.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
		if addr != "mail.example:995" {
			t.Errorf("dials %s", addr)
		}
		near, far := memnet.Pipe(memnet.Options{})
		go server(t, pop3test.NewMemory("x")).ServeConn(t.Context(), tls.Server(far, testTLS()))
		return near, nil
	}
	c := connect(t, d)
	if n, _, err := c.Stat(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestWrongPassword(t *testing.T) {
	d := dialer(t, server(t, pop3test.NewMemory()))
	d.Credentials.Password = "wrong"
	_, err := d.Connect(t.Context())
	if e, refused := errors.AsType[*pop3.ReplyError](err); !refused || e.Reply.Code != pop3.BadCredentials || e.Temporary() {
		t.Errorf("wrong password: %v", err)
	}
	m := pop3test.NewMemory()
	unlock, _ := m.Lock()
	d = dialer(t, server(t, m))
	_, err = d.Connect(t.Context())
	if e, refused := errors.AsType[*pop3.ReplyError](err); !refused || e.Reply.Code != pop3.InUse || !e.Temporary() {
		t.Errorf("in use: %v", err)
	}
	unlock()
	d.Credentials = auth.Credentials{}
	c := connect(t, d)
	if err := c.Noop(t.Context()); !errors.Is(err, pop3.ErrSequence) {
		t.Errorf("without login: %v", err)
	}
	if err := c.Login(t.Context(), me); err != nil {
		t.Error(err)
	}
}

// play runs f against a server that follows a script.
func play(t *testing.T, script string, f func(ctx context.Context, c net.Conn) error) error {
	t.Helper()
	s, err := transcript.Parse(t.Name(), []byte("# "+t.Name()+"\n"+script))
	if err != nil {
		t.Fatal(err)
	}
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan error, 1)
	go func() { done <- f(t.Context(), near) }()
	perr := s.PlayServer(far, nil)
	far.Close()
	err = <-done
	near.Close()
	if perr != nil {
		t.Errorf("%v\nthe client returned %v", perr, err)
	}
	return err
}

// open is a Dialer that logs in without TLS by USER and PASS.
func open() *pop3client.Dialer {
	return &pop3client.Dialer{
		Credentials: me, TLS: auth.TLSPolicy{Level: auth.TLSNever}, Auth: auth.ClientPolicy{Cleartext: auth.CleartextAny},
	}
}

const begin = `S: +OK hi
C: CAPA
S: -ERR what
C: USER mrose
S: +OK
C: PASS tanstaaf
S: +OK
`

// What servers are known to do, and worse. RFC 1939, section 5.
func TestQuirks(t *testing.T) {
	stat := func(ctx context.Context, c *pop3client.Client) (any, error) {
		n, size, err := c.Stat(ctx)
		return fmt.Sprint(n, " ", size), err
	}
	list := func(ctx context.Context, c *pop3client.Client) (any, error) {
		all, err := c.List(ctx)
		return fmt.Sprint(all), err
	}
	uids := func(ctx context.Context, c *pop3client.Client) (any, error) {
		all, err := c.UIDs(ctx)
		return fmt.Sprint(all), err
	}
	retr := func(ctx context.Context, c *pop3client.Client) (any, error) {
		r, err := c.Retr(ctx, 1)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		return string(b), err
	}
	tests := []struct {
		name, script string
		do           func(context.Context, *pop3client.Client) (any, error)
		want         any // nil: an error
	}{
		{"bare +OK to STAT", "C: STAT\nS: +OK\n", stat, nil},
		{"lower case", "C: STAT\nS: +ok 1 2\n", stat, "1 2"},
		{"spaces", "C: STAT\nS: +OK  1   2 octets\n", stat, "1 2"},
		{"no number", "C: STAT\nS: +OK one two\n", stat, nil},
		{"20 digits", "C: STAT\nS: +OK 1 99999999999999999999\n", stat, nil},
		{"+OKx", "C: STAT\nS: +OKx\n", stat, nil},
		{"empty line", "C: STAT\nS:\n", stat, nil},
		{"LIST", "C: LIST\nS: +OK\nS: 1  5\nS: 2 6 more\nS: .\n", list, "[{1 5  false} {2 6  false}]"},
		{"LIST of nonsense", "C: LIST\nS: +OK\nS: x y\nS: .\n", list, nil},
		{"LIST without sizes", "C: LIST\nS: +OK\nS: 1\nS: .\n", list, nil},
		{"LIST of nothing", "C: LIST\nS: +OK\nS: .\n", list, "[]"},
		{"UIDL without some", "C: UIDL\nS: +OK\nS: 2 b\nS: 3\nS: .\n", uids, "[{2 0 b false} {3 0  false}]"},
		{"no UIDL", "C: UIDL\nS: -ERR\n", uids, nil},
		{"stuffing", "C: RETR 1\nS: +OK\nS: ..x\nS: a.\nS: ..\nS: .\n", retr, ".x\r\na.\r\n.\r\n"},
		{"lost in a message", "C: RETR 1\nS: +OK\nS: x\n", retr, nil},
		{"lost in the dot", "C: RETR 1\nS: +OK\nS: x\nS~ \".\\r\"\n", retr, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got any
			err := play(t, begin+tt.script, func(ctx context.Context, nc net.Conn) error {
				c, err := pop3client.NewClient(ctx, nc, open())
				if err != nil {
					return err
				}
				defer c.Close()
				got, err = tt.do(ctx, c)
				return err
			})
			if (err != nil) != (tt.want == nil) || err == nil && got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if strings.HasPrefix(tt.name, "lost") && err != io.ErrUnexpectedEOF {
				t.Errorf("%v, want io.ErrUnexpectedEOF", err)
			}
		})
	}
}

// How a client logs in, and what it never does.
func TestLogin(t *testing.T) {
	capa := func(lines string) string { return "S: +OK hi <1.2@host>\nC: CAPA\nS: +OK\n" + lines + "S: .\n" }
	digest := pop3.Digest("<1.2@host>", []byte("tanstaaf"))
	long := auth.Credentials{Username: "mrose", Password: auth.Secret(strings.Repeat("p", 200))}
	tests := []struct {
		name, script string
		edit         func(*pop3client.Dialer)
		want         error
	}{
		{"PLAIN", capa("S: sasl PLAIN\n") + "C: AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\nS: +OK\n", nil, nil},
		{"PLAIN that is long", capa("S: SASL PLAIN\n") + "C: AUTH PLAIN\nS~ \"+ \\r\\n\"\nC: " + string(auth.AppendOctets(nil, []byte("\x00mrose\x00"+strings.Repeat("p", 200)))) + "\nS: +OK\n",
			func(d *pop3client.Dialer) { d.Credentials = long }, nil},
		{"+OK for a challenge", capa("S: SASL PLAIN\n") + "C: AUTH PLAIN\nS: +OK\nC: " + string(auth.AppendOctets(nil, []byte("\x00mrose\x00"+strings.Repeat("p", 200)))) + "\nS: +OK\n",
			func(d *pop3client.Dialer) { d.Credentials = long }, nil},
		{"malformed challenge", capa("S: SASL LOGIN\n") + "C: AUTH LOGIN\nS: + Username:\nC: *\nS: -ERR\n",
			func(d *pop3client.Dialer) { d.Auth.Prefer = []string{"LOGIN"} }, errAny},
		{"USER", capa("S: USER\nS: RESP-CODES\n") + "C: USER mrose\nS: +OK\nC: PASS tanstaaf\nS: -ERR [IN-USE] x\n", nil, errAny},
		{"APOP", capa("S: USER\n") + "C: APOP mrose " + digest + "\nS: +OK\n", func(d *pop3client.Dialer) { d.APOP = true }, nil},
		{"APOP without a stamp", "S: +OK <a@b@c> <x>\nC: CAPA\nS: +OK\nS: USER\nS: .\nC: USER mrose\nS: +OK\nC: PASS tanstaaf\nS: +OK\n", func(d *pop3client.Dialer) { d.APOP = true }, nil},
		{"APOP hashed only", capa("S: USER\n") + "C: APOP mrose " + digest + "\nS: +OK\n", func(d *pop3client.Dialer) { d.APOP, d.Auth.Cleartext = true, auth.CleartextHashed }, nil},
		{"USER not in the clear", capa("S: USER\n"), func(d *pop3client.Dialer) { d.Auth.Cleartext = auth.CleartextHashed }, auth.ErrTLSRequired},
		{"nothing in the clear", capa("S: USER\nS: SASL PLAIN\n"), func(d *pop3client.Dialer) { d.APOP, d.Auth.Cleartext = true, auth.CleartextNone }, auth.ErrTLSRequired},
		{"no USER", capa("S: TOP\n"), nil, auth.ErrMechanism},
		{"no STLS", capa("S: USER\n"), func(d *pop3client.Dialer) { d.TLS = auth.TLSPolicy{ServerName: "x"} }, auth.ErrTLSRequired},
		{"STLS injection", capa("S: STLS\nS: USER\n") + "C: STLS\nS~ \"+OK\\r\\n+OK injected\\r\\n\"\n", func(d *pop3client.Dialer) { d.TLS = auth.TLSPolicy{ServerName: "x"} }, auth.ErrInjected},
		{"STLS refused", capa("S: STLS\nS: USER\n") + "C: STLS\nS: -ERR\n", func(d *pop3client.Dialer) { d.TLS = auth.TLSPolicy{ServerName: "x"} }, errAny},
		{"greeting refuses", "S: -ERR [SYS/TEMP] full\n", nil, errAny},
		{"greeting of SMTP", "S: 220 hi\n", nil, errAny},
		{"CRLF in the name", capa("S: USER\n"), func(d *pop3client.Dialer) { d.Credentials.Username = "bob\r\nDELE 1" }, errAny},
		{"CRLF in the password", capa("S: USER\n"), func(d *pop3client.Dialer) { d.Credentials.Password = "b\r\nDELE 1" }, errAny},
		{"CRLF kept by Prepare", capa("S: USER\n"), func(d *pop3client.Dialer) {
			d.Credentials.Username = "bob\r\nDELE 1"
			d.Credentials.Prepare = func(s string) (string, error) { return s, nil }
		}, errAny},
		{"UTF-8 not offered", capa("S: USER\n"), func(d *pop3client.Dialer) { d.Credentials.Username = "grüße" }, pop3.ErrUTF8},
		{"too long a line", "S: {{3000*x}}\n", nil, pop3.ErrLineTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open()
			if tt.edit != nil {
				tt.edit(d)
			}
			err := play(t, tt.script, func(ctx context.Context, nc net.Conn) error {
				c, err := pop3client.NewClient(ctx, nc, d)
				if err == nil {
					err = c.Close()
				}
				return err
			})
			if err == nil != (tt.want == nil) || tt.want != errAny && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

var errAny = errors.New("some error")

// QUIT that fails is an error, and closes.
func TestQuitFails(t *testing.T) {
	m := pop3test.NewMemory("a", "b")
	c := connect(t, dialer(t, server(t, m)))
	if err := c.Dele(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	m.FailCommit(1)
	err := c.Quit(t.Context())
	if e, refused := errors.AsType[*pop3.ReplyError](err); !refused || !e.Temporary() {
		t.Errorf("QUIT: %v", err)
	}
	if err := c.Noop(t.Context()); err == nil {
		t.Error("the client goes on")
	}
}

// Whatever a server does, a limit or a deadline ends it.
func TestLimits(t *testing.T) {
	tests := []struct {
		name  string
		limit pop3.Limits
		line  string
		do    func(context.Context, *pop3client.Client) error
		want  error
	}{
		{"body", pop3.Limits{Body: 1 << 20}, "x\r\n", func(ctx context.Context, c *pop3client.Client) error {
			r, err := c.Retr(ctx, 1)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			return err
		}, pop3.ErrBodyTooLong},
		{"LIST", pop3.Limits{Messages: 1000}, "1 1\r\n", func(ctx context.Context, c *pop3client.Client) error {
			_, err := c.List(ctx)
			return err
		}, pop3.ErrBodyTooLong},
		{"a line of LIST", pop3.Limits{}, "1", func(ctx context.Context, c *pop3client.Client) error {
			_, err := c.List(ctx)
			return err
		}, pop3.ErrEndless},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			near, far := memnet.Pipe(memnet.Options{})
			go func() {
				for _, l := range []string{"+OK", "-ERR", "+OK", "+OK", "+OK"} {
					io.WriteString(far, l+"\r\n")
				}
				b := bytes.Repeat([]byte(tt.line), 1000)
				for {
					if _, err := far.Write(b); err != nil {
						return
					}
				}
			}()
			d := open()
			d.Limits = tt.limit
			c, err := pop3client.NewClient(t.Context(), near, d)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.do(t.Context(), c); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if err := c.Noop(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("the client goes on: %v", err)
			}
			c.Close()
		})
	}
}

func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		began := time.Now()
		_, err := pop3client.NewClient(t.Context(), near, open())
		if took := time.Since(began); err == nil || took != time.Minute {
			t.Errorf("%v after %v", err, took)
		}
		far.Close()
	})
}

// A context cuts whatever is waited for, and the client says so from then on.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		go func() {
			io.WriteString(far, "+OK\r\n-ERR\r\n+OK\r\n+OK\r\n+OK\r\nhalf a message")
		}()
		c, err := pop3client.NewClient(t.Context(), near, open())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := c.Retr(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := io.ReadAll(r)
		if err != context.DeadlineExceeded || string(got) != "half a message" || time.Since(began) != time.Second {
			t.Errorf("%q, %v after %v", got, err, time.Since(began))
		}
		if err := c.Noop(t.Context()); err != context.DeadlineExceeded {
			t.Errorf("then %v", err)
		}
		c.Close()
		far.Close()
	})
	c := connect(t, dialer(t, server(t, pop3test.NewMemory())))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Noop(ctx); err != context.Canceled {
		t.Errorf("with a context that is done: %v", err)
	}
	if err := c.Noop(t.Context()); err != nil { // nothing was sent
		t.Errorf("then: %v", err)
	}
}

func TestCaps(t *testing.T) {
	c := connect(t, dialer(t, server(t, pop3test.NewMemory())))
	caps, err := c.Caps(t.Context())
	if err != nil || caps.STLS || !caps.Pipelining || !slices.Contains(caps.SASL, "SCRAM-SHA-256") {
		t.Errorf("%+v, %v", caps, err)
	}
}

// RetrAll ends with the error that ends it, and what it cannot do breaks nothing.
func TestRetrAllErrors(t *testing.T) {
	d := dialer(t, server(t, pop3test.NewMemory(messages(3)...)))
	d.Credentials = auth.Credentials{}
	c := connect(t, d)
	for _, err := range c.RetrAll(t.Context(), []int{1}) {
		if err != pop3.ErrSequence {
			t.Errorf("before login: %v", err)
		}
	}
	if err := c.Dele(t.Context(), 1); err != pop3.ErrSequence {
		t.Errorf("before login: %v", err)
	}
	if err := c.Login(t.Context(), me); err != nil {
		t.Fatal(err)
	}
	for range c.RetrAll(t.Context(), nil) {
		t.Error("a message of none")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for m, err := range c.RetrAll(ctx, []int{1, 2, 3}) {
		if n++; n == 1 {
			cancel() // behind it all is on its way, and may or may not be read
		}
		if err == nil {
			_, err = io.Copy(io.Discard, m)
		}
		if err != nil && err != context.Canceled {
			t.Error(err)
		}
	}
	if n == 0 || n > 3 {
		t.Errorf("%d messages", n)
	}

	err := play(t, begin+"C: RETR 1\nS: +OK\nS: x\nS: .\nC: RETR 2\nS: -ERR no\nC: RETR 3\nS: +OK\nS: y\n", func(ctx context.Context, nc net.Conn) error {
		c, err := pop3client.NewClient(ctx, nc, open())
		if err != nil {
			return err
		}
		defer c.Close()
		var got []string
		for m, err := range c.RetrAll(ctx, []int{1, 2, 3}) {
			var b []byte
			if err == nil {
				b, err = io.ReadAll(m)
			}
			got = append(got, fmt.Sprintf("%d %q %v", m.N, b, err))
		}
		want := []string{`1 "x\r\n" <nil>`, `2 "" pop3: server answered RETR with "-ERR no"`, `3 "y\r\n" unexpected EOF`, `3 "" unexpected EOF`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		return c.Noop(ctx)
	})
	if err != io.ErrUnexpectedEOF {
		t.Errorf("then: %v", err)
	}
}

// A connection on TLS that somebody else made has to satisfy the policy too.
func TestNewClientOnTLS(t *testing.T) {
	srv := server(t, pop3test.NewMemory("x"))
	dial := func() net.Conn {
		near, far := memnet.Pipe(memnet.Options{})
		go srv.ServeConn(t.Context(), tls.Server(far, testTLS()))
		return tls.Client(near, &tls.Config{RootCAs: roots(), ServerName: "mail.example"})
	}
	d := &pop3client.Dialer{Credentials: me, TLS: auth.TLSPolicy{Roots: roots(), ServerName: "mail.example"}}
	c, err := pop3client.NewClient(t.Context(), dial(), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(t.Context()); err != nil {
		t.Error(err)
	}
	d.TLS.ServerName = "other.example"
	if _, err := pop3client.NewClient(t.Context(), dial(), d); err == nil {
		t.Error("another's certificate is good")
	}
}

func TestDialFails(t *testing.T) {
	d := &pop3client.Dialer{Addr: "mail.example", Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
		if network != "tcp" || addr != "mail.example:110" {
			t.Errorf("dials %s %s", network, addr)
		}
		return nil, errAny
	}}
	if _, err := d.Connect(t.Context()); err != errAny {
		t.Errorf("%v", err)
	}
}

// A list that is kept has its bounds. RFC 2449, section 5.
func TestEndlessCAPA(t *testing.T) {
	near, far := memnet.Pipe(memnet.Options{})
	go func() {
		io.WriteString(far, "+OK\r\n+OK\r\n")
		for {
			if _, err := far.Write(bytes.Repeat([]byte("X-CAPABILITY\r\n"), 1000)); err != nil {
				return
			}
		}
	}()
	if _, err := pop3client.NewClient(t.Context(), near, open()); err != pop3.ErrBodyTooLong {
		t.Errorf("%v", err)
	}
}

// The log has no secrets.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	d := dialer(t, server(t, pop3test.NewMemory("x")))
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := connect(t, d)
	if err := c.Rset(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "RSET") || strings.Contains(log.String(), string(me.Password)) {
		t.Errorf("log %s", log.String())
	}
}

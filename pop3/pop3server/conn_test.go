package pop3server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// A witness is a backend that says what it is told of a connection.
type witness struct {
	*pop3test.Memory
	saw chan string
}

type contextKey struct{}

func (w witness) Open(ctx context.Context, id auth.Identity, c *pop3server.Conn) (pop3server.Maildrop, error) {
	w.saw <- fmt.Sprintf("%d %s %s as %s by %s, tls %v, %q, utf8 %v, %v", c.ID(), c.Remote(), id.Authcid, id.Authzid, id.Mechanism, c.TLS() != nil, c.Lang(), c.UTF8(), ctx.Value(contextKey{}))
	return w.Memory.Open(ctx, id, c)
}

func TestWhatABackendSees(t *testing.T) {
	w := witness{pop3test.NewMemory(), make(chan string, 1)}
	srv := openServer(w)
	srv.Languages = []pop3server.Language{{Tag: "en"}}
	srv.BaseContext = func(net.Listener) context.Context { return context.WithValue(t.Context(), contextKey{}, "ours") }
	l := memnet.Listen(memnet.Options{})
	go srv.Serve(t.Context(), l)
	defer srv.Close()
	nc, err := l.DialFrom(t.Context(), netip.MustParseAddrPort("[::ffff:192.0.2.7]:4711"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(nc, "UTF8\r\nLANG en\r\nUSER mrose\r\nPASS tanstaaf\r\nQUIT\r\n")
	io.Copy(io.Discard, nc)
	if got, want := <-w.saw, `1 192.0.2.7:4711 mrose as mrose by LOGIN, tls false, "en", utf8 true, ours`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A client behind a proxy that is trusted is the client, for limits and backends;
// what a trusted proxy must not do is to be a client itself.
func TestProxy(t *testing.T) {
	w := witness{pop3test.NewMemory(), make(chan string, 3)}
	srv := openServer(w)
	srv.Trust.Proxy = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	srv.Conns.PerIP = 1
	for i, client := range []string{"198.51.100.7 192.0.2.25 4711 110", "198.51.100.8 192.0.2.25 4712 110"} {
		c := connect(t, srv, memnet.Options{})
		c.send("PROXY TCP4 "+client, "USER mrose", "PASS tanstaaf", "QUIT")
		c.want("+OK", "+OK", "+OK", "+OK")
		c.wantEnd(nil)
		if got, want := <-w.saw, fmt.Sprintf("198.51.100.%d:471%d", 7+i, 1+i); !strings.Contains(got, want) {
			t.Errorf("the backend sees %s, want %s", got, want)
		}
	}
	first := connect(t, srv, memnet.Options{})
	first.send("PROXY TCP4 198.51.100.9 192.0.2.25 4711 110")
	first.want("+OK")
	second := connect(t, srv, memnet.Options{})
	second.send("PROXY TCP4 198.51.100.9 192.0.2.25 4712 110")
	second.want("-ERR [SYS/TEMP] too many connections from your address")

	c := connect(t, srv, memnet.Options{})
	c.send("USER mrose", "PASS tanstaaf")
	if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
		t.Errorf("a proxy without a header gets %q", rest)
	}
	if err := <-c.done; err == nil {
		t.Error("a proxy without a header is served")
	}
	other := connect(t, srv, memnet.Options{Client: netip.MustParseAddrPort("203.0.113.1:1")})
	other.want("+OK")
	other.send("PROXY TCP4 198.51.100.7 192.0.2.25 4711 110")
	other.want("-ERR unknown command")
}

// streams is a backend whose messages are nothing but io.Readers, as those of
// a store on disk are.
type streams struct {
	*pop3test.Memory
	wrap func(io.Reader) io.Reader
}

func (s streams) Open(ctx context.Context, id auth.Identity, c *pop3server.Conn) (pop3server.Maildrop, error) {
	d, err := s.Memory.Open(ctx, id, c)
	return streamsDrop{d, s.wrap}, err
}

type streamsDrop struct {
	pop3server.Maildrop
	wrap func(io.Reader) io.Reader
}

func (d streamsDrop) Fetch(ctx context.Context, m pop3server.Message, lines int) (io.ReadCloser, error) {
	r, err := d.Maildrop.Fetch(ctx, m, lines)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{d.wrap(r), r}, nil
}

// However a store gives its messages, the same arrives, and TOP is cut.
func TestReaders(t *testing.T) {
	message := "Subject: x\r\n\r\n" + strings.Repeat(".line\n", 20_000)
	want := "Subject: x\r\n\r\n" + strings.Repeat("..line\r\n", 20_000) + ".\r\n"
	plain := func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"plain": plain, "octets": iotest.OneByteReader, "half": iotest.HalfReader, "err": iotest.DataErrReader,
		"WriterTo": func(r io.Reader) io.Reader { return r },
	} {
		t.Run(name, func(t *testing.T) {
			c := login(t, openServer(streams{pop3test.NewMemory(message), wrap}))
			c.send("RETR 1", "TOP 1 2", "TOP 1 0", "NOOP")
			c.want("+OK 140014 octets")
			if got := c.body(); got != want {
				t.Errorf("RETR gives %d octets, want %d", len(got), len(want))
			}
			c.want("+OK")
			if got, want := c.body(), "Subject: x\r\n\r\n..line\r\n..line\r\n.\r\n"; got != want {
				t.Errorf("TOP 1 2 gives %q, want %q", got, want)
			}
			c.want("+OK")
			if got, want := c.body(), "Subject: x\r\n\r\n.\r\n"; got != want {
				t.Errorf("TOP 1 0 gives %q, want %q", got, want)
			}
			c.want("+OK\r\n")
		})
	}
	c := login(t, openServer(streams{pop3test.NewMemory(message), func(io.Reader) io.Reader { return iotest.ErrReader(io.ErrNoProgress) }}))
	c.send("RETR 1")
	c.want("+OK")
	c.wantEnd(io.ErrNoProgress)
}

// What an exchange ends with is told by code, and never by the text of an error.
func TestAuthErrors(t *testing.T) {
	down := errors.New("the database is at 10.0.0.1")
	srv := openServer(pop3test.NewMemory())
	srv.Auth = &auth.Authenticator{
		CheckPassword: func(context.Context, string, auth.Secret) error { return down },
		Cleartext:     auth.CleartextAny, Floor: -1,
	}
	c := dial(t, srv)
	c.send("USER mrose", "PASS x", "AUTH PLAIN AGEAYg==", "AUTH PLAIN YWJj")
	c.want("+OK", "-ERR [SYS/TEMP] authentication is not possible now\r\n", "-ERR [SYS/TEMP] authentication is not possible now\r\n", "-ERR response is not as the mechanism has it\r\n")
	c.send("QUIT")
	c.want("+OK")

	srv = openServer(pop3test.NewMemory())
	srv.APOP = true // but nobody's password can be looked up
	c = dial(t, srv)
	c.send("APOP mrose 00000000000000000000000000000000")
	c.want("-ERR mechanism not offered")
}

// SCRAM binds to the certificate where the server knows which one it has, and the
// client is told that it can.
func TestChannelBinding(t *testing.T) {
	v, err := auth.NewVerifier("SCRAM-SHA-256", "tanstaaf", auth.VerifierOptions{Iterations: 4096})
	if err != nil {
		t.Fatal(err)
	}
	certs, err := auth.LoadCertificates(func() ([]tls.Certificate, error) { return testTLS().Certificates, nil })
	if err != nil {
		t.Fatal(err)
	}
	srv := &pop3server.Server{
		Backend: pop3test.NewMemory(), TLS: certs.Config(), Certs: certs,
		Auth: &auth.Authenticator{Lookup: func(context.Context, string) ([]auth.Verifier, error) { return []auth.Verifier{v}, nil }},
	}
	near, far := memnet.Pipe(memnet.Options{})
	go srv.ServeConn(t.Context(), tls.Server(far, certs.Config()))
	tc := tls.Client(near, clientConfig())
	defer near.Close()
	io.WriteString(tc, "CAPA\r\nQUIT\r\n")
	if got, err := io.ReadAll(tc); err != nil || !strings.Contains(string(got), "\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN\r\n") {
		t.Errorf("CAPA gives %q, %v", got, err)
	}
}

// Without a Hostname the greeting has that of the system.
func TestHostname(t *testing.T) {
	c := connect(t, &pop3server.Server{}, memnet.Options{})
	line, err := c.r.ReadString('\n')
	if fields := strings.Fields(line); err != nil || len(fields) != 4 || fields[0] != "+OK" {
		t.Errorf("greeting %q, %v", line, err)
	}
}

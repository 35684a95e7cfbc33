package pop3server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// A message is removed when its client had it, or at least the network: who sends
// all his commands at once and goes away loses nothing.
func TestRFC1939_6_NoUpdateBehindAFailedWrite(t *testing.T) {
	m := pop3test.NewMemory(exampleMessages()...)
	c := connect(t, openServer(m), memnet.Options{ToClient: memnet.Flow{Fault: memnet.FailWriteAt(200, io.ErrClosedPipe)}})
	c.want("+OK")
	c.login()
	c.send("RETR 1", "DELE 1", "QUIT")
	if err := <-c.done; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("ended with %v", err)
	}
	wantCalls(t, m, 0, 1)
}

// What the backend takes to read a message is not held against the client.
func TestSlowBackend(t *testing.T) {
	message := "Subject: x\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 5000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"Read":    func(r io.Reader) io.Reader { return struct{ io.Reader }{lagging{r}} },
		"WriteTo": func(r io.Reader) io.Reader { return laggingWriterTo{r} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := login(t, openServer(streams{pop3test.NewMemory(message), wrap}))
				c.send("RETR 1", "QUIT")
				c.want("+OK")
				if got := c.body(); got != message+".\r\n" {
					t.Errorf("got %d octets", len(got))
				}
				c.want("+OK")
				c.wantEnd(nil)
			})
		})
	}
}

type lagging struct{ r io.Reader }

func (l lagging) Read(p []byte) (int, error) {
	time.Sleep(5 * time.Minute)
	return l.r.Read(p[:min(len(p), 10_000)])
}

type laggingWriterTo struct{ io.Reader }

func (l laggingWriterTo) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{lagging{l.Reader}})
}

// STLS whose reply does not leave is the end, whatever stands behind it.
func TestSTLSBehindAFailedWrite(t *testing.T) {
	var log strings.Builder
	srv := openServer(pop3test.NewMemory())
	srv.TLS = testTLS()
	srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	c := connect(t, srv, memnet.Options{ToClient: memnet.Flow{Fault: memnet.FailWriteAt(30, io.ErrClosedPipe)}})
	c.want("+OK")
	c.send("STLS", "NOOP")
	if err := <-c.done; !errors.Is(err, io.ErrClosedPipe) || log.Len() > 0 {
		t.Errorf("ended with %v, and the log:\n%s", err, &log)
	}
}

// Only where nothing is cut off is a session closed as TLS has it. RFC 8446,
// section 6.1.
func TestCloseNotify(t *testing.T) {
	for _, tt := range []struct {
		name  string
		where string // the backend panics
		line  string
		want  bool
	}{
		{"QUIT", "", "QUIT", true},
		{"turned out", "", "QUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x\r\nQUIT x", true},
		{"shutdown", "", "NOOP", true},
		{"panic", "Fetch", "RETR 1", false},
		{"panic in UPDATE", "Commit", "QUIT", false},
		{"lost", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &faulty{Memory: pop3test.NewMemory(exampleMessages()...), panics: tt.where}
			near, far := memnet.Pipe(memnet.Options{})
			srv := &pop3server.Server{Backend: f, Auth: accounts(auth.CleartextNone)}
			go srv.ServeConn(t.Context(), tls.Server(far, testTLS()))
			wire := &tap{Conn: near}
			tc := tls.Client(wire, clientConfig())
			io.WriteString(tc, "USER mrose\r\nPASS tanstaaf\r\n"+tt.line+"\r\n")
			switch tt.name {
			case "lost":
				near.CloseWrite()
			case "shutdown":
				r := bufio.NewReader(tc)
				for range 4 {
					r.ReadString('\n')
				}
				srv.Shutdown(t.Context())
			}
			io.ReadAll(tc)
			const alert = "\x17\x03\x03\x00\x13" // how a record of TLS 1.3 begins that has room for one
			got := len(wire.got) > 24 && string(wire.got[len(wire.got)-24:][:5]) == alert
			if got != tt.want {
				t.Errorf("close_notify was sent: %v, want %v", got, tt.want)
			}
		})
	}
}

// A tap keeps all that is read.
type tap struct {
	net.Conn
	got []byte
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got = append(c.got, p[:n]...)
	return n, err
}

// Connections that wait for the header of their proxy are connections as others
// are: they count, and they end with the server.
func TestProxyHeaderIsWaitedFor(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	synctest.Test(t, func(t *testing.T) {
		srv := openServer(pop3test.NewMemory())
		srv.Trust.Proxy, srv.Conns = proxy, pop3server.Conns{Total: 3, PerIP: 1}
		for range 2 {
			c := connect(t, srv, memnet.Options{}) // the proxy's own are not counted by address
			c.send("PROXY UNKNOWN")
			c.want("+OK")
		}
		waiting := connect(t, srv, memnet.Options{})
		synctest.Wait()
		connect(t, srv, memnet.Options{}).want("-ERR [SYS/TEMP] too many connections")
		began := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		waiting.wantEnd(pop3server.ErrServerClosed)
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// However a session ends, no goroutine of it is left (synctest sees to that), its
// maildrop is closed once.
func TestNothingIsLeftBehind(t *testing.T) {
	lines := []string{"CAPA", "USER mrose", "PASS tanstaaf", "LIST", "DELE 1", "RETR 2", "NOOP", "QUIT"}
	ends := map[string]func(c *client, srv *pop3server.Server){
		"client closes":    func(c *client, _ *pop3server.Server) { c.conn.Close() },
		"client is silent": func(*client, *pop3server.Server) {},
		"half closed":      func(c *client, _ *pop3server.Server) { c.conn.CloseWrite() },
		"Close":            func(_ *client, srv *pop3server.Server) { srv.Close() },
		"Shutdown":         func(_ *client, srv *pop3server.Server) { srv.Shutdown(context.Background()) },
	}
	for name, end := range ends {
		for n := range len(lines) + 1 {
			synctest.Test(t, func(t *testing.T) {
				m := pop3test.NewMemory("x", strings.Repeat("y", 1<<20))
				srv := openServer(m)
				c := dial(t, srv)
				c.send(lines[:n]...)
				synctest.Wait()
				if name == "Shutdown" || name == "half closed" { // a message is finished first
					go io.Copy(io.Discard, c.conn)
				}
				end(c, srv)
				<-c.done
				calls := m.Calls()
				if calls.Close != calls.Open || calls.Commit > calls.Close || calls.Commit > 0 && n < len(lines) {
					t.Errorf("%s behind %d lines: %+v", name, n, calls)
				}
			})
		}
	}
}

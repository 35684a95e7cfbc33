package smtpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
)

// Sessions of a proxy that speaks for others end one by one, each once, also
// where the next one cannot begin.
func TestXClientSessions(t *testing.T) {
	trust := Trust{XClient: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	t.Run("NewSession panics", func(t *testing.T) {
		var closed []string
		c := dial(t, &Server{Trust: trust, Handler: newSession(func(_ context.Context, c *Conn) (*Session, error) {
			x, is := c.XClient()
			if x.Name == "panic.example" {
				panic("as asked")
			}
			name := "proxy"
			if is {
				name = x.Name
			}
			return &Session{Close: func(error) { closed = append(closed, name) }}, nil
		})})
		c.send("XCLIENT NAME=a.example", "XCLIENT NAME=panic.example")
		c.want("220", "421")
		<-c.done
		if got := strings.Join(closed, " "); got != "proxy a.example" {
			t.Errorf("closed %q", got)
		}
	})
	t.Run("Close panics", func(t *testing.T) {
		closes := 0
		c := dial(t, &Server{Trust: trust, Handler: newSession(func(context.Context, *Conn) (*Session, error) {
			return &Session{Close: func(error) { closes++; panic("as asked") }}, nil
		})})
		c.send("XCLIENT NAME=a.example")
		c.want("421")
		if <-c.done; closes != 1 {
			t.Errorf("closed %d times", closes)
		}
	})
	t.Run("the offer of one is not that of the next", func(t *testing.T) {
		c := dial(t, &Server{Trust: trust, Handler: newSession(func(_ context.Context, c *Conn) (*Session, error) {
			if _, is := c.XClient(); is {
				return nil, nil
			}
			return &Session{Offer: &smtp.Offer{DSN: true}}, nil
		})})
		c.send("XCLIENT NAME=a.example", "EHLO x", "MAIL FROM:<> RET=HDRS")
		c.want("220", "250", "555")
	})
	t.Run("IPv4 is never IPv6", func(t *testing.T) {
		seen := ""
		c := dial(t, &Server{Trust: trust, Handler: newSession(func(_ context.Context, c *Conn) (*Session, error) {
			seen = c.Remote().String()
			return nil, nil
		})})
		c.send("XCLIENT ADDR=IPV6:::ffff:198.51.100.7 PORT=4711", "QUIT")
		c.want("220", "221")
		if <-c.done; seen != "198.51.100.7:4711" {
			t.Errorf("the client is %s", seen)
		}
	})
	t.Run("the log tells for whom", func(t *testing.T) {
		var log bytes.Buffer
		c := dial(t, &Server{Trust: trust, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		c.send("XCLIENT ADDR=198.51.100.7 LOGIN=somebody", "QUIT")
		c.want("220", "221")
		<-c.done
		if out := log.String(); !strings.Contains(out, "198.51.100.7") || !strings.Contains(out, "somebody") {
			t.Errorf("the log:\n%s", out)
		}
	})
}

// No password and no line of SASL reaches the log, also where AUTH was not taken
// and the client sends on.
func TestLogKeepsSecrets(t *testing.T) {
	var log bytes.Buffer
	srv := testServer(sink)
	srv.Auth = testAccounts(auth.CleartextAny)
	srv.Limits.AuthFailures = 10
	srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := dial(t, srv)
	c.send("EHLO x", "AUTH PLAIN AGEAaHVzaDE=", "AUTH PLAIN", "AGEAaHVzaDI=", "auth\tPLAIN AGEAaHVzaDM=", "AUTH NOPE", "AGEAaHVzaDQ=", "AGEAaHVzaDQx",
		"AUTH PLAIN AGEAaHVzaDU", "AUTH PLAIN", "AGEAaHVzaDY", "AGEAaHVzaDc=", "NOOP seen", "XLOST", "QUIT")
	io.Copy(io.Discard, c.r)
	<-c.done
	if strings.Contains(log.String(), "aHVza") || strings.Contains(log.String(), "hush") {
		t.Errorf("the log:\n%s", log.String())
	}
	for _, want := range []string{"NOOP seen", "XLOST"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
}

// What a client does is no failure of the handler's, and not logged as one.
func TestErrorsOfThePeerAreNotOurs(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
	}{
		{"gone in DATA", []string{"DATA", "x"}},
		{"gone in a chunk", []string{"BDAT 9", "x"}},
		{"gone between chunks", []string{"BDAT 3", "x"}},
		{"RSET between chunks", []string{"BDAT 3", "x", "RSET", "QUIT"}},
		{"refused content", []string{"DATA", "x\n", ".", "QUIT"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			c := dial(t, &Server{Handler: sink, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
			c.send(append([]string{"EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>"}, tt.lines...)...)
			c.conn.CloseWrite()
			io.ReadAll(c.r)
			if <-c.done; log.Len() > 0 {
				t.Errorf("the log:\n%s", &log)
			}
		})
	}
}

// A hook that runs while Data's own goroutine reads may panic as any other.
func TestPanicWhileReading(t *testing.T) {
	panicky := func(data func(context.Context, *Message) error) *Server {
		return &Server{Handler: newSession(func(context.Context, *Conn) (*Session, error) {
			return &Session{
				Rcpt:  func(context.Context, *Message, smtp.Rcpt) error { return nil },
				Data:  data,
				Query: func(context.Context, smtp.Query) (smtp.Reply, error) { panic("as asked") },
			}, nil
		})}
	}
	read := func(_ context.Context, m *Message) error {
		_, err := io.Copy(io.Discard, m)
		if err == nil {
			t.Error("read to the end")
		}
		return err
	}
	piped := func(ctx context.Context, m *Message) error {
		done := make(chan error)
		go func() { done <- read(ctx, m) }()
		return <-done
	}
	for name, data := range map[string]func(context.Context, *Message) error{"here": read, "elsewhere": piped} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, panicky(data))
			c.send("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 3", "x", "VRFY a", "BDAT 0 LAST", "NOOP")
			c.want("250", "250", "250", "250", "421 4.3.0")
			if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
				t.Errorf("then %q", rest)
			}
			if err := <-c.done; err == nil {
				t.Error("the session ended well")
			}
		})
	}
}

// Data panics while a goroutine of its own reads: nobody writes beside that one.
func TestPanicBesideReading(t *testing.T) {
	var wg sync.WaitGroup
	c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
		first := make(chan bool)
		wg.Go(func() {
			m.Read(make([]byte, 1))
			close(first)
			io.Copy(io.Discard, m)
		})
		<-first
		panic("as asked")
	})})
	c.send("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>")
	c.want("250", "250", "250")
	go func() {
		for range 1000 {
			if _, err := io.WriteString(c.conn, "BDAT 3\r\nx\r\nNOOP\r\n"); err != nil {
				return
			}
		}
		c.conn.CloseWrite()
	}()
	io.Copy(io.Discard, c.r)
	<-c.done
	wg.Wait()
}

// A certificate that cannot be found, badly, ends the connection, and at once.
func TestPanicInHandshake(t *testing.T) {
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("as asked") }}
	for _, implicit := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			srv := testServer(sink)
			srv.TLS = config
			near, far := memnet.Pipe(memnet.Options{})
			done := make(chan error, 1)
			if implicit {
				go func() { done <- srv.ServeConn(t.Context(), tls.Server(far, config)) }()
			} else {
				go func() { done <- srv.ServeConn(t.Context(), far) }()
				io.WriteString(near, "STARTTLS\r\n")
				io.ReadFull(near, make([]byte, len("220 mail.example ESMTP ready\r\n220 2.0.0 begin TLS\r\n")))
			}
			if err := tls.Client(near, &tls.Config{ServerName: "mail.example"}).Handshake(); err == nil {
				t.Error("a handshake without certificate")
			}
			if err := <-done; err == nil {
				t.Error("the session ended well")
			}
		})
	}
}

// Who is told that the session is over, is told so by TLS too.
func TestCloseNotify(t *testing.T) {
	for _, tt := range []struct {
		name string
		line string
		want bool
	}{
		{"QUIT", "QUIT", true},
		{"421", "GET / HTTP/1.1", true},
		{"panic", "HELO panic", true}, // the 421 is the last word
		{"lost", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := memnet.Pipe(memnet.Options{})
			srv := testServer(newSession(func(context.Context, *Conn) (*Session, error) {
				return &Session{Hello: func(context.Context, smtp.Verb, string) error { panic("as asked") }}, nil
			}))
			go srv.ServeConn(t.Context(), tls.Server(far, testTLS()))
			wire := &tap{Conn: near}
			tc, err := startClientTLS(wire)
			if err != nil {
				t.Fatal(err)
			}
			if tt.line == "" {
				near.CloseWrite()
			} else {
				io.WriteString(tc, tt.line+"\r\n")
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

// However a session ends, no goroutine of it is left (synctest sees to that) and
// its context is done.
func TestNothingIsLeftBehind(t *testing.T) {
	lines := []string{"EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 3", "x", "VRFY a", "BDAT 3", "x", "RSET",
		"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "x", ".", "QUIT"}
	ends := map[string]func(c *client, srv *Server){
		"client closes":    func(c *client, _ *Server) { c.conn.Close() },
		"client is silent": func(*client, *Server) {},
		"half closed":      func(c *client, _ *Server) { c.conn.CloseWrite() },
		"Close":            func(_ *client, srv *Server) { srv.Close() },
		"Shutdown": func(_ *client, srv *Server) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			srv.Shutdown(ctx)
		},
	}
	for name, end := range ends {
		for n := range lines {
			synctest.Test(t, func(t *testing.T) {
				var hooks context.Context
				opened, closed, mails, done := 0, 0, 0, 0
				srv := &Server{Conns: Conns{MinRate: -1}}
				srv.Handler = newSession(func(ctx context.Context, _ *Conn) (*Session, error) {
					hooks = ctx
					opened++
					return &Session{
						Mail:  func(context.Context, *Message) error { mails++; return nil },
						Rcpt:  func(context.Context, *Message, smtp.Rcpt) error { return nil },
						Data:  sink,
						End:   func(*Message, EndReason) { done++ },
						Close: func(error) { closed++ },
					}, nil
				})
				c := dial(t, srv)
				c.send(lines[:n]...)
				synctest.Wait()
				end(c, srv)
				if err := <-c.done; n == len(lines) && err != nil {
					t.Errorf("%s behind %d lines: %v", name, n, err)
				}
				if opened != 1 || closed != 1 || mails != done || hooks.Err() == nil {
					t.Errorf("%s behind %d lines: %d sessions, %d closed; %d mails, %d ended; context %v", name, n, opened, closed, mails, done, hooks.Err())
				}
			})
		}
	}
}

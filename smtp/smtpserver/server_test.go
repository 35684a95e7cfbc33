package smtpserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
)

// A client is the other end of a server under test, in memory.
type client struct {
	t    *testing.T
	conn *memnet.Conn
	r    *bufio.Reader
	done chan error // what ServeConn returned
}

// dial starts a session of srv and reads the greeting.
func dial(t *testing.T, srv *Server) *client {
	t.Helper()
	c := connect(t, srv)
	c.want("220")
	return c
}

func connect(t *testing.T, srv *Server) *client {
	t.Helper()
	near, far := memnet.Pipe(memnet.Options{})
	c := &client{t: t, conn: near, r: bufio.NewReader(near), done: make(chan error, 1)}
	go func() { c.done <- srv.ServeConn(t.Context(), far) }()
	t.Cleanup(func() { near.Close() })
	return c
}

// send writes lines, in one write.
func (c *client) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		c.t.Fatal("write:", err)
	}
}

// want reads replies and compares how their last lines begin.
func (c *client) want(replies ...string) {
	c.t.Helper()
	for _, want := range replies {
		for {
			line, err := c.r.ReadString('\n')
			if err != nil {
				c.t.Fatalf("got %q and %v, want %q", line, err, want)
			}
			if len(line) > 3 && line[3] == '-' {
				continue
			}
			if !strings.HasPrefix(line, want) {
				c.t.Fatalf("got %q, want %q", line, want)
			}
			break
		}
	}
}

// wantEnd expects that the server has closed, and says with what.
func (c *client) wantEnd(want error) {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("got %q, %v; want the end", rest, err)
	}
	if err := <-c.done; !errors.Is(err, want) {
		c.t.Fatalf("the session ended with %v, want %v", err, want)
	}
}

// start goes on to where content is expected.
func (c *client) start() {
	c.t.Helper()
	c.send("EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA")
	c.want("250", "250", "250", "354")
}

var sink = HandlerFunc(func(_ context.Context, m *Message) error {
	_, err := io.Copy(io.Discard, m)
	return err
})

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name  string
		srv   *Server
		after time.Duration // when the server gives up
		talk  func(c *client)
		reply string
	}{
		{"RFC5321_4_5_3_2_7_silent", &Server{}, 5 * time.Minute, func(c *client) {}, "421 4.4.2 timeout"},
		{
			"a command octet by octet", &Server{Timeouts: Timeouts{Command: 10 * time.Second}}, 10 * time.Second,
			func(c *client) {
				for range 9 {
					io.WriteString(c.conn, "N")
					time.Sleep(time.Second)
				}
			}, "421 4.4.2 timeout",
		},
		{"silence in content", &Server{Conns: Conns{MinRate: -1}}, 3 * time.Minute, (*client).start, "421 4.4.2 timeout"},
		{"content too slow", &Server{}, 0, func(c *client) {
			c.start()
			for range 60 { // 10 octets a second: over 30 s and a bit
				if _, err := io.WriteString(c.conn, "NOOP\r\n\r\n\r\n"); err != nil {
					break
				}
				time.Sleep(time.Second)
			}
		}, "421 4.4.2 too slow"},
		{"a whole session", &Server{}, time.Hour, func(c *client) {
			for range 59 {
				c.send("NOOP")
				c.want("250")
				time.Sleep(time.Minute)
			}
		}, "421 4.4.2 timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				tt.srv.Handler = sink
				c := dial(t, tt.srv)
				tt.talk(c)
				c.want(tt.reply)
				if took := time.Since(began); tt.after > 0 && (took < tt.after-2*time.Second || took > tt.after+2*time.Second) {
					t.Errorf("closed after %v, want %v", took, tt.after)
				}
				c.conn.Close()
				if err := <-c.done; err == nil {
					t.Error("the session ended well")
				}
			})
		})
	}
}

// The rate of a message is that of all its chunks: who sends one octet in each
// has no more time for it than who sends them in one piece.
func TestSlowChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, &Server{Handler: sink})
		c.send("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>")
		c.want("250", "250", "250")
		for range 2 {
			c.send("BDAT 1")
			time.Sleep(13 * time.Second)
			io.WriteString(c.conn, "x")
			c.want("250")
		}
		c.send("BDAT 1")
		time.Sleep(13 * time.Second)
		io.WriteString(c.conn, "x")
		c.want("421 4.4.2 too slow")
		c.conn.Close()
		<-c.done
		c = dial(t, &Server{Handler: sink})
		c.send("EHLO x")
		c.want("250")
		for range 5 { // each message has its own time
			c.send("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 1 LAST")
			time.Sleep(13 * time.Second)
			io.WriteString(c.conn, "x")
			c.want("250", "250", "250")
		}
		c.conn.Close()
		<-c.done
	})
}

// A transaction does not keep a session alive for ever.
func TestSessionEndsInTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := dial(t, &Server{Handler: sink, Timeouts: Timeouts{Session: time.Hour}})
		c.send("EHLO x", "MAIL FROM:<a@b.example>")
		c.want("250", "250")
		for time.Since(began) < time.Hour+50*time.Minute { // it may end behind the hour
			time.Sleep(4 * time.Minute)
			c.send("NOOP")
			c.want("250")
		}
		var err error
		for err == nil && time.Since(began) < 3*time.Hour {
			time.Sleep(4 * time.Minute)
			_, err = io.WriteString(c.conn, "NOOP\r\n")
		}
		if took := time.Since(began); took > 2*time.Hour+10*time.Minute {
			t.Errorf("it ended after %v, want 2 h at most", took)
		}
		if out, _ := io.ReadAll(c.r); !strings.HasSuffix(string(out), "421 4.4.2 timeout\r\n") {
			t.Errorf("got %q", out)
		}
		<-c.done
	})
}

// A peer that takes no replies is not waited for.
func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{ToClient: memnet.Flow{Window: 4096}})
		done := make(chan error, 1)
		go func() { done <- (&Server{Handler: sink}).ServeConn(t.Context(), far) }()
		go func() {
			for {
				if _, err := io.WriteString(near, strings.Repeat("NOOP\r\n", 1000)); err != nil {
					return
				}
			}
		}()
		if err := <-done; err == nil {
			t.Error("the session ended well")
		}
		near.Close()
	})
}

// Content may be slow while the handler is: only waiting for the peer counts.
func TestSlowHandlerIsNotSlowContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
			buf := make([]byte, 10)
			for {
				if _, err := m.Read(buf); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				time.Sleep(time.Minute)
			}
		})})
		c.start()
		c.send("1234567890123456", "1234567890123456", ".")
		c.want("250")
	})
}

func TestShutdown(t *testing.T) {
	t.Run("RFC5321_3_8_idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Handler: sink}
			c := dial(t, srv)
			synctest.Wait()
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.want("421 4.3.2")
			c.wantEnd(ErrServerClosed)
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Error("twice:", err)
			}
			if err := srv.Close(); err != nil {
				t.Error("Close behind Shutdown:", err)
			}
		})
	})
	t.Run("behind the message", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Handler: sink}
			c := dial(t, srv)
			c.start()
			down := make(chan error)
			go func() { down <- srv.Shutdown(t.Context()) }()
			synctest.Wait()
			c.send("hello", ".", "MAIL FROM:<a@b.example>")
			c.want("250", "421 4.3.2")
			c.wantEnd(ErrServerClosed)
			if err := <-down; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a MAIL that was being decided on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := new(Server)
			down := make(chan error, 1)
			srv.Handler = newSession(func(context.Context, *Conn) (*Session, error) {
				return &Session{
					Mail: func(context.Context, *Message) error {
						go func() { down <- srv.Shutdown(t.Context()) }()
						synctest.Wait()
						return nil
					},
					Rcpt: func(context.Context, *Message, smtp.Rcpt) error { return nil },
					Data: sink,
				}, nil
			})
			c := dial(t, srv)
			c.start()
			c.send("hello", ".")
			c.want("250", "421 4.3.2")
			c.wantEnd(ErrServerClosed)
			if err := <-down; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("while the greeting is held back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Handler: sink, Timeouts: Timeouts{GreetDelay: time.Minute}}
			c := connect(t, srv)
			synctest.Wait()
			began := time.Now()
			if err := srv.Shutdown(t.Context()); err != nil || time.Since(began) > 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			c.want("421 4.3.2")
			c.wantEnd(ErrServerClosed)
		})
	})
	t.Run("while a handshake is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var log strings.Builder
			srv := &Server{Handler: sink, TLS: testTLS(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
			c := dial(t, srv)
			c.send("STARTTLS")
			c.want("220")
			synctest.Wait()
			began := time.Now()
			if err := srv.Shutdown(t.Context()); err != nil || time.Since(began) > 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			c.wantEnd(ErrServerClosed)
			if log.Len() > 0 {
				t.Errorf("the log:\n%s", &log)
			}
		})
	})
	t.Run("while a PROXY header is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Handler: sink, Trust: Trust{Proxy: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
			c := connect(t, srv)
			synctest.Wait()
			began := time.Now()
			if err := srv.Shutdown(t.Context()); err != nil || time.Since(began) > 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			c.wantEnd(ErrServerClosed)
			if took := time.Since(began); took > 0 {
				t.Errorf("it waited for %v", took)
			}
		})
	})
	t.Run("no longer than asked", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Handler: sink, Conns: Conns{MinRate: -1}}
			c := dial(t, srv)
			c.start()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := srv.Shutdown(ctx); err != context.DeadlineExceeded {
				t.Errorf("got %v", err)
			}
			if err := <-c.done; err == nil {
				t.Error("the session ended well")
			}
		})
	})
	t.Run("a new connection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Handler: sink}
			srv.Shutdown(t.Context())
			c := connect(t, srv)
			c.want("421 4.3.2")
			c.wantEnd(ErrServerClosed)
		})
	})
	t.Run("the context of ServeConn", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			near, far := memnet.Pipe(memnet.Options{})
			done := make(chan error, 1)
			go func() { done <- (&Server{Handler: sink}).ServeConn(ctx, far) }()
			r := bufio.NewReader(near)
			r.ReadString('\n')
			cancel()
			if line, _ := r.ReadString('\n'); !strings.HasPrefix(line, "421 4.3.2") {
				t.Errorf("got %q", line)
			}
			<-done
		})
	})
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen(memnet.Options{})
		srv := &Server{Handler: sink, Conns: Conns{Total: 3, PerIP: 2}}
		served := make(chan error)
		go func() { served <- srv.Serve(l) }()
		from := func(ip string) *bufio.Reader {
			c, err := l.DialFrom(t.Context(), netip.MustParseAddrPort(ip))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return bufio.NewReader(c)
		}
		tests := []struct{ ip, want string }{
			{"[2001:db8::1]:0", "220"},
			{"[2001:db8::ffff]:0", "220"},
			{"[2001:db8::2]:0", "421 4.7.0 too many connections from your address"},
			{"[2001:db8:1::]:0", "220"},
			{"198.51.100.1:0", "421 4.7.0 too many connections"},
		}
		for _, tt := range tests {
			if line, err := from(tt.ip).ReadString('\n'); !strings.HasPrefix(line, tt.want[:3]) || !strings.Contains(line, tt.want[3:]) {
				t.Errorf("from %s: %q, %v; want %q", tt.ip, line, err, tt.want)
			}
		}
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
		if err := srv.Serve(memnet.Listen(memnet.Options{})); err != ErrServerClosed {
			t.Errorf("Serve on a closed server returned %v", err)
		}
	})
}

func TestGreetDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &Server{Handler: sink, Timeouts: Timeouts{GreetDelay: 5 * time.Second}}
		began := time.Now()
		patient := dial(t, srv)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("greeted after %v", took)
		}
		patient.send("NOOP")
		patient.want("250")

		early := connect(t, srv)
		early.send("HELO x", "MAIL FROM:<a@b.example>")
		early.want("421 4.7.0")
		early.conn.Close()
	})
}

func TestGreeting(t *testing.T) {
	reject := func(code int) *Server {
		return &Server{Hostname: "mail.example", Handler: newSession(func(context.Context, *Conn) (*Session, error) {
			return nil, &smtp.Reject{Code: code, Text: "go away"}
		})}
	}
	t.Run("RFC5321_3_1_554", func(t *testing.T) {
		c := connect(t, reject(554))
		c.want("554 mail.example go away")
		c.send("EHLO x", "NOOP", "QUIT")
		c.want("503", "503 5.5.1", "221")
		c.wantEnd(nil)
	})
	t.Run("421", func(t *testing.T) {
		c := connect(t, reject(421))
		c.want("421 mail.example go away")
		if _, err := io.ReadAll(c.r); err != nil {
			t.Error(err)
		}
	})
	t.Run("failed", func(t *testing.T) {
		c := connect(t, &Server{Handler: newSession(func(context.Context, *Conn) (*Session, error) {
			return nil, errors.New("secret of ours")
		})})
		line, _ := c.r.ReadString('\n')
		if !strings.HasPrefix(line, "554 ") || strings.Contains(line, "secret") {
			t.Errorf("got %q", line)
		}
	})
}

// newSession makes a Handler of a function.
type newSession func(context.Context, *Conn) (*Session, error)

func (f newSession) NewSession(ctx context.Context, c *Conn) (*Session, error) { return f(ctx, c) }

// The nil hooks: nobody relays, delivers or verifies by accident.
func TestZeroServer(t *testing.T) {
	c := dial(t, new(Server))
	c.send("EHLO x", "VRFY a", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "NOOP")
	c.want("250", "252", "250", "550 5.7.1", "503", "250")
	c.send("QUIT")
	c.want("221")
	c.wantEnd(nil)
}

func TestHandlerErrors(t *testing.T) {
	upstream := &smtp.ReplyError{Command: smtp.DATA, Reply: smtp.Reply{Code: 550, Text: "their words"}}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"reject", &smtp.Reject{Code: 552, Enhanced: smtp.EnhancedCode{5, 2, 2}, Text: "full"}, "552 5.2.2 full"},
		{"wrapped reject", fmt.Errorf("store: %w", &smtp.Reject{Code: 452, Text: "full"}), "452 4.0.0 full"},
		{"class of the code wins", &smtp.Reject{Code: 451, Enhanced: smtp.EnhancedCode{5, 2, 2}, Text: "x"}, "451 4.2.2 x"},
		{"RFC5321_4_2_lines", &smtp.Reject{Code: 550, Text: "a\r\nQUIT\r\n"}, "550 5.0.0 QUIT"},
		{"not a refusal", &smtp.Reject{Code: 250, Text: "fine"}, "451 4.3.0 local error"},
		{"not ours", upstream, "451 4.3.0 local error"},
		{"internal", errors.New("password of the database"), "451 4.3.0 local error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
				io.Copy(io.Discard, m)
				return tt.err
			})})
			c.start()
			c.send("x", ".", "NOOP")
			c.want(tt.want, "250")
		})
	}
}

// A panic costs the connection it happened in, and no other.
func TestPanic(t *testing.T) {
	for _, where := range []string{"rcpt", "data", "end", "close"} {
		t.Run(where, func(t *testing.T) {
			closed := make(chan error, 1)
			srv := &Server{Handler: newSession(func(_ context.Context, c *Conn) (*Session, error) {
				trip := func(at string) {
					if at == where && c.Hello() == "bad.example" {
						panic("as asked")
					}
				}
				return &Session{
					Rcpt: func(context.Context, *Message, smtp.Rcpt) error { trip("rcpt"); return nil },
					Data: func(_ context.Context, m *Message) error { trip("data"); return nil },
					End:  func(*Message, EndReason) { trip("end") },
					Close: func(err error) {
						if c.Hello() == "bad.example" {
							closed <- err
						}
						trip("close")
					},
				}, nil
			})}
			other := dial(t, srv)
			c := dial(t, srv)
			c.send("EHLO bad.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "x", ".", "QUIT")
			out, _ := io.ReadAll(c.r)
			err := <-c.done
			if where != "close" {
				if !bytes.Contains(out, []byte("421 4.3.0 internal error\r\n")) || err == nil {
					t.Errorf("got %q, %v", out, err)
				}
			}
			<-closed
			other.start()
			other.send(".")
			other.want("250")
		})
	}
}

// End comes once for each MAIL that was accepted, whatever happens.
func TestEnd(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"done", []string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "DATA", ".", "QUIT"}, "Done"},
		{"refused at DATA's end", []string{"MAIL FROM:<no@b.example>", "RCPT TO:<c@d.example>", "DATA", ".", "QUIT"}, "Refused"},
		{"reset", []string{"MAIL FROM:<>", "RSET", "QUIT"}, "Rset"},
		{"hello", []string{"MAIL FROM:<>", "EHLO x", "QUIT"}, "Hello"},
		{"quit", []string{"MAIL FROM:<>", "QUIT"}, "Closed"},
		{"lost", []string{"MAIL FROM:<>"}, "Closed"},
		{"lost in content", []string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "DATA", "x"}, "Closed"},
		{"two", []string{"MAIL FROM:<>", "RSET", "MAIL FROM:<>", "RCPT TO:<c@d.example>", "BDAT 0 LAST", "QUIT"}, "Rset Done"},
		{"reset between chunks", []string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "BDAT 2", "", "RSET", "QUIT"}, "Rset"},
		{"refused hello between chunks", []string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "BDAT 2", "", "EHLO bad", "BDAT 0 LAST", "QUIT"}, "Refused"},
		{"chunk too big", []string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "BDAT 2", "", "BDAT 100 LAST", strings.Repeat("x", 98), "QUIT"}, "Refused"},
		{"turned out between chunks", append([]string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "BDAT 2", ""}, strings.Split(strings.Repeat("NO SUCH VERB", 25), " ")...), "Closed"},
		{"lost between chunks", []string{"MAIL FROM:<>", "RCPT TO:<c@d.example>", "BDAT 2", ""}, "Closed"},
		{"refused MAIL has none", []string{"MAIL FROM:<never@b.example>", "QUIT"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ends []string
			delivered := 0
			c := dial(t, &Server{Limits: smtp.Limits{Message: 50}, Handler: newSession(func(context.Context, *Conn) (*Session, error) {
				return &Session{
					Hello: func(_ context.Context, _ smtp.Verb, name string) error {
						if name == "bad" {
							return &smtp.Reject{Code: 550, Text: "no"}
						}
						return nil
					},
					Mail: func(_ context.Context, m *Message) error {
						if m.From.Local == "never" {
							return &smtp.Reject{Code: 550, Text: "no"}
						}
						return nil
					},
					Rcpt: func(context.Context, *Message, smtp.Rcpt) error { return nil },
					Data: func(_ context.Context, m *Message) error {
						if m.From.Local == "no" {
							return &smtp.Reject{Code: 550, Text: "no"}
						}
						if _, err := io.Copy(io.Discard, m); err != nil {
							return err
						}
						delivered++
						return nil
					},
					End: func(_ *Message, why EndReason) { ends = append(ends, why.String()) },
				}, nil
			})})
			c.send(append([]string{"EHLO x"}, tt.lines...)...)
			c.conn.CloseWrite()
			io.ReadAll(c.r)
			<-c.done
			if got := strings.Join(ends, " "); got != tt.want {
				t.Errorf("ends %q, want %q", got, tt.want)
			}
			if want := strings.Count(tt.want, "Done"); delivered != want {
				t.Errorf("%d delivered, want %d", delivered, want)
			}
		})
	}
}

// Data may return early: what it leaves is dropped to the genuine end, and the
// session lives. Half a message that Data calls good is good, since it said so.
func TestDataReturnsEarly(t *testing.T) {
	for _, tt := range []struct {
		name string
		read int
		err  error
		want string
	}{
		{"unread", 0, nil, "250"},
		{"half read", 5, nil, "250"},
		{"unread and refused", 0, &smtp.Reject{Code: 550, Text: "no"}, "550"},
		{"half read and refused", 5, &smtp.Reject{Code: 550, Text: "no"}, "550"},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/chunked=%v", tt.name, chunked), func(t *testing.T) {
				c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
					io.ReadFull(m, make([]byte, tt.read))
					return tt.err
				})})
				c.send("EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>")
				c.want("250", "250", "250")
				if !chunked {
					c.send("DATA", "MAIL FROM:<evil@b.example>", "NOOP", ".", "NOOP")
					c.want("354", tt.want, "250")
					return
				}
				c.send("BDAT 10", "NOOP", "NO", "BDAT 10 LAST", "QUIT", "QU", "NOOP")
				if tt.want == "250" {
					c.want("250", "250", "250")
				} else {
					c.want("550", "503", "250")
				}
			})
		}
	}
}

// What reads on after Data has returned gets nothing: neither content of the
// next message nor commands.
func TestReadAfterData(t *testing.T) {
	messages := make(chan *Message, 2)
	c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
		messages <- m
		return nil
	})})
	c.start()
	c.send("first", ".", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA")
	c.want("250", "250", "250", "354")
	m := <-messages
	if n, err := m.Read(make([]byte, 100)); n != 0 || err != ErrMessageDone {
		t.Errorf("Read: %d, %v", n, err)
	}
	if n, err := m.WriteTo(io.Discard); n != 0 || err != ErrMessageDone {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
	c.send("second", ".", "NOOP")
	c.want("250", "250")
}

// A goroutine that Data leaves behind in Read takes content at most.
func TestReadLeftBehind(t *testing.T) {
	var wg sync.WaitGroup
	c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
		wg.Go(func() { io.Copy(io.Discard, m) })
		return nil
	})})
	for range 50 {
		c.send("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "hello", ".", "NOOP")
		c.want("250", "250", "250", "354", "250", "250")
	}
	wg.Wait()
}

// A writer that fails is told apart from content that does.
func TestWriteToError(t *testing.T) {
	full := errors.New("disk full")
	c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
		if _, err := m.WriteTo(failingWriter{full}); err != full {
			t.Errorf("WriteTo: %v", err)
		}
		return full
	})})
	c.start()
	c.send("x", ".", "NOOP")
	c.want("451 4.3.0", "250")
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// Replies of a pipelined batch leave in one write. RFC 2920, section 3.2.
func TestReplyWrites(t *testing.T) {
	c := dial(t, &Server{Handler: sink})
	c.send("EHLO x")
	c.want("250")
	tests := []struct {
		name   string
		flight []string
		want   []string
		writes int
	}{
		{"MAIL RCPT DATA", []string{"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RCPT TO:<e@d.example>", "DATA"}, []string{"250", "250", "250", "354"}, 1},
		{"content", []string{"hello", "."}, []string{"250"}, 1},
		{"a whole message by BDAT", []string{"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 6 LAST", "abcd"}, []string{"250", "250", "250"}, 1},
		{"RFC2920_3_2_NOOP is not held", []string{"NOOP", "NOOP"}, []string{"250", "250"}, 2},
	}
	for _, tt := range tests {
		before := c.conn.Received().Writes
		c.send(tt.flight...)
		c.want(tt.want...)
		if got := c.conn.Received().Writes - before; got != tt.writes {
			t.Errorf("%s: %d writes, want %d", tt.name, got, tt.writes)
		}
	}
}

// The replies to one message of LMTP leave together.
func TestReplyWritesOfLMTP(t *testing.T) {
	c := dial(t, &Server{Handler: sink, Protocol: smtp.LMTP})
	c.send("LHLO x")
	c.want("250")
	for range 2 {
		c.send("MAIL FROM:<>", "RCPT TO:<a@d.example>", "RCPT TO:<b@d.example>", "RCPT TO:<e@d.example>", "DATA")
		c.want("250", "250", "250", "250", "354")
		before := c.conn.Received().Writes
		c.send("hello", ".")
		c.want("250", "250", "250")
		if got := c.conn.Received().Writes - before; got != 1 {
			t.Errorf("%d writes, want 1", got)
		}
	}
}

// A reply is not held back because the next line has begun.
func TestReplyBeforeHalfALine(t *testing.T) {
	c := dial(t, &Server{Handler: sink})
	io.WriteString(c.conn, "EHLO x\r\nRSET\r\nRS")
	c.want("250", "250")
	io.WriteString(c.conn, "ET\r\n")
	c.want("250")
}

func TestImplicitTLS(t *testing.T) {
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan error, 1)
	identified := make(chan *tls.ConnectionState, 1)
	srv := &Server{Hostname: "mail.example", TLS: testTLS(), Handler: newSession(func(_ context.Context, c *Conn) (*Session, error) {
		identified <- c.TLS()
		return nil, nil
	})}
	go func() { done <- srv.ServeConn(t.Context(), tls.Server(far, testTLS())) }()
	tc, err := startClientTLS(near)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(tc)
	io.WriteString(tc, "EHLO x\r\nQUIT\r\n")
	out, err := io.ReadAll(r)
	if err != nil || bytes.Contains(out, []byte("STARTTLS")) || !bytes.Contains(out, []byte("221 2.0.0")) {
		t.Errorf("got %q, %v", out, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if state := <-identified; state == nil || !state.HandshakeComplete {
		t.Error("NewSession does not see TLS")
	}
}

// A failed handshake ends the connection: RFC 3207, section 4.1.
func TestFailedHandshake(t *testing.T) {
	srv := testServer(sink)
	srv.TLS = testTLS()
	c := dial(t, srv)
	c.send("STARTTLS")
	c.want("220")
	c.send("NOOP", "NOOP")
	out, _ := io.ReadAll(c.r)
	if bytes.Contains(out, []byte("250")) {
		t.Errorf("served in the clear: %q", out)
	}
	if err := <-c.done; err == nil {
		t.Error("the session ended well")
	}
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testServer(sink)
		srv.TLS = testTLS()
		c := dial(t, srv)
		c.send("STARTTLS")
		c.want("220")
		began := time.Now()
		<-c.done
		if took := time.Since(began); took != time.Minute {
			t.Errorf("gave up after %v, want 1 min", took)
		}
	})
}

func TestTLSRequired(t *testing.T) {
	srv := testServer(sink)
	srv.TLS, srv.TLSRequired = testTLS(), true
	c := dial(t, srv)
	c.send("EHLO x", "NOOP", "MAIL FROM:<a@b.example>", "VRFY a", "FOO")
	c.want("250", "250", "530 5.7.0", "530 5.7.0", "530 5.7.0")
}

// What was AppendReceived says, for what the brief of each field is.
func TestAppendReceived(t *testing.T) {
	var got []string
	c := dial(t, &Server{Hostname: "mail.example", Handler: HandlerFunc(func(_ context.Context, m *Message) error {
		m.Queued("4711")
		got = append(got, string(m.AppendReceived(nil, time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))))
		return nil
	})})
	c.send("EHLO (evil; by x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", ".", "HELO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RCPT TO:<e@d.example>", "DATA", ".")
	c.want("250", "250", "250", "354", "250 2.0.0 OK queued as 4711", "250", "250", "250", "250", "354", "250")
	want := []string{
		"Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby mail.example with ESMTP id 4711\r\n\tfor <c@d.example>;\r\n\tWed, 25 Nov 2026 12:00:00 +0000\r\n",
		"Received: from client.example ([192.0.2.1])\r\n\tby mail.example with SMTP id 4711;\r\n\tWed, 25 Nov 2026 12:00:00 +0000\r\n",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %q\nwant %q", got[i], want[i])
		}
	}
}

func TestQueuedRefusesWhatIsNoID(t *testing.T) {
	c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
		m.Queued("a\r\n250 b")
		return nil
	})})
	c.start()
	c.send(".")
	c.want("250 2.0.0 OK\r\n")
}

// SMTP has one reply for all recipients.
func TestSetRcpt(t *testing.T) {
	no := &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no"}
	later := &smtp.Reject{Code: 450, Enhanced: smtp.EnhancedCode{4, 2, 1}, Text: "later"}
	tests := []struct {
		name    string
		results []error
		err     error
		want    string
	}{
		{"all good", []error{nil, nil}, nil, "250"},
		{"one good", []error{no, nil}, nil, "250"},
		{"one not set", []error{no}, nil, "250"},
		{"none", []error{no, no}, nil, "550 5.1.1"},
		{"one may yet", []error{no, later}, nil, "450 4.2.1"},
		{"Data's error wins", []error{nil, nil}, later, "450 4.2.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, &Server{Handler: HandlerFunc(func(_ context.Context, m *Message) error {
				for i, err := range tt.results {
					m.SetRcpt(i, err)
				}
				return tt.err
			})})
			c.send("EHLO x", "MAIL FROM:<>", "RCPT TO:<c@d.example>", "RCPT TO:<e@d.example>", "DATA", ".")
			c.want("250", "250", "250", "250", "354", tt.want)
		})
	}
}

// A pipelining client does not know that its MAIL was refused while it sends the
// rest: that is no mistake of its own, however much there is of it.
func TestHonestSequences(t *testing.T) {
	long := func(line string, n int) []string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = line
		}
		return lines
	}
	tests := []struct {
		name   string
		first  []string // refused
		answer []string
		rest   string
		reply  string
	}{
		{"RCPT behind a refused MAIL", []string{"MAIL FROM:<a@b.example> SIZE=999999999999"}, []string{"552"}, "RCPT TO:<c@d.example>", "503 5.5.1 send MAIL first"},
		{"DATA behind it", []string{"MAIL FROM:<a@b.example> SIZE=999999999999"}, []string{"552"}, "DATA", "503"},
		{"BDAT behind it", []string{"MAIL FROM:<a@b.example> SIZE=999999999999"}, []string{"552"}, "BDAT 0", "503"},
		{"DATA behind refused RCPTs", []string{"MAIL FROM:<a@b.example>", "RCPT TO:<bad@d.example>"}, []string{"250", "550"}, "DATA", "503"},
		{"BDAT behind a refused one", []string{"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 3", "\n"}, []string{"250", "250", "550"}, "BDAT 0", "503"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, &Server{Handler: newRecorder()})
			c.send("EHLO x")
			c.want("250")
			c.send(tt.first...)
			c.want(tt.answer...)
			c.send(long(tt.rest, 100)...)
			c.want(long(tt.reply, 100)...)
			c.send("NOOP")
			c.want("250")
		})
	}
}

// A trusted proxy says for whom it stands before anything else, TLS too; who
// does not is not served, and from others the header is a command that nobody
// knows.
func TestProxy(t *testing.T) {
	trust := Trust{Proxy: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	seen := make(chan string, 1)
	handler := newSession(func(_ context.Context, c *Conn) (*Session, error) {
		seen <- c.Remote().String()
		return nil, nil
	})
	t.Run("trusted", func(t *testing.T) {
		c := connect(t, &Server{Handler: handler, Trust: trust})
		c.send("PROXY TCP4 198.51.100.7 192.0.2.25 4711 25", "EHLO x", "PROXY TCP4 198.51.100.8 192.0.2.25 4711 25")
		c.want("220", "250", "500")
		if got := <-seen; got != "198.51.100.7:4711" {
			t.Errorf("the client is %s", got)
		}
	})
	t.Run("trusted, with TLS behind it", func(t *testing.T) {
		near, far := memnet.Pipe(memnet.Options{})
		srv := &Server{Hostname: "mail.example", Handler: handler, Trust: trust}
		go srv.ServeConn(t.Context(), tls.Server(far, testTLS()))
		io.WriteString(near, "PROXY TCP4 198.51.100.7 192.0.2.25 4711 25\r\n")
		tc, err := startClientTLS(near)
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(tc).ReadString('\n'); !strings.HasPrefix(line, "220") {
			t.Errorf("%q, %v", line, err)
		}
		if got := <-seen; got != "198.51.100.7:4711" {
			t.Errorf("the client is %s", got)
		}
		near.Close()
	})
	t.Run("trusted, without header", func(t *testing.T) {
		c := connect(t, &Server{Handler: handler, Trust: trust})
		c.send("EHLO x, which is long enough")
		if out, _ := io.ReadAll(c.r); len(out) > 0 {
			t.Errorf("got %q", out)
		}
	})
	t.Run("not trusted", func(t *testing.T) {
		c := dial(t, &Server{Handler: handler})
		<-seen
		c.send("PROXY TCP4 198.51.100.7 192.0.2.25 4711 25", "NOOP")
		c.want("500", "250")
	})
	t.Run("its own connections are not counted by address", func(t *testing.T) {
		srv := &Server{Trust: trust, Conns: Conns{PerIP: 1}}
		for range 3 {
			c := connect(t, srv)
			c.send("PROXY UNKNOWN")
			c.want("220")
		}
	})
	t.Run("those that wait for a header count", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := &Server{Trust: trust, Conns: Conns{Total: 2}}
			for range 2 {
				connect(t, srv)
			}
			synctest.Wait()
			connect(t, srv).want("421 4.7.0")
			srv.Close()
		})
	})
	t.Run("counted by client", func(t *testing.T) {
		srv := &Server{Trust: trust, Conns: Conns{PerIP: 1}}
		for _, tt := range []struct{ ip, want string }{{"198.51.100.7", "220"}, {"198.51.100.8", "220"}, {"198.51.100.7", "421 4.7.0"}} {
			c := connect(t, srv)
			c.send("PROXY TCP4 " + tt.ip + " 192.0.2.25 4711 25")
			line, _ := c.r.ReadString('\n')
			if !strings.HasPrefix(line, tt.want[:3]) {
				t.Errorf("%s got %q, want %s", tt.ip, line, tt.want)
			}
		}
	})
}

package smtpclient

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// scripted returns a Dialer that reaches a server which answers each read with
// the next of the replies, and then says nothing any more.
func scripted(replies ...string) *Dialer {
	return &Dialer{
		Addr: "mx.example:25", LocalName: "client.example", TLS: auth.TLSPolicy{Level: auth.TLSNever},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := memnet.Pipe(memnet.Options{})
			go func() {
				buf := make([]byte, 64<<10)
				io.WriteString(server, replies[0])
				for _, r := range replies[1:] {
					if _, err := server.Read(buf); err != nil {
						return
					}
					io.WriteString(server, r)
				}
				io.Copy(io.Discard, server)
				server.Close()
			}()
			return client, nil
		},
	}
}

const (
	greets     = "220 mx.example\r\n"
	pipelines  = "250-mx.example\r\n250-8BITMIME\r\n250 PIPELINING\r\n"
	takesGroup = "250 OK\r\n250 OK\r\n354 go\r\n"
)

// RFC 5321, section 4.5.3.2: each phase has its patience, and the context may
// have less of it.
func TestRFC5321_4_5_3_2_Timeouts(t *testing.T) {
	tests := []struct {
		name    string
		replies []string
		want    time.Duration
	}{
		{"greeting", []string{""}, 5 * time.Minute},
		{"half a greeting", []string{"220-mx.example\r\n"}, 5 * time.Minute},
		{"EHLO", []string{greets}, 5 * time.Minute},
		{"MAIL", []string{greets, pipelines}, 5 * time.Minute},
		{"RCPT", []string{greets, pipelines, "250 OK\r\n"}, 5 * time.Minute},
		{"DATA", []string{greets, pipelines, "250 OK\r\n250 OK\r\n"}, 2 * time.Minute},
		{"content", []string{greets, pipelines, takesGroup}, 10 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := scripted(test.replies...).Send(t.Context(), oneTo, strings.NewReader(hello))
				e, ok := errors.AsType[*SendError](err)
				if got := time.Since(start); got != test.want || !errors.Is(err, os.ErrDeadlineExceeded) || !ok || !e.Temporary() {
					t.Errorf("after %v: %v; want %v", got, err, test.want)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
				defer cancel()
				start := time.Now()
				_, err := scripted(test.replies...).Send(ctx, oneTo, strings.NewReader(hello))
				if got := time.Since(start); got != 7*time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("with a context of 7 s: after %v: %v", got, err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				why := errors.New("enough")
				time.AfterFunc(3*time.Second, func() { cancel(why) })
				_, err := scripted(test.replies...).Send(ctx, oneTo, strings.NewReader(hello))
				if !errors.Is(err, why) {
					t.Errorf("cancelled: %v", err)
				}
			})
		})
	}
}

// A server that takes no more octets is given up as well.
func TestBlockTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(greets, pipelines, takesGroup)
		dial := d.Dial
		var conn *memnet.Conn
		d.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			conn = c.(*memnet.Conn)
			conn.SetFault(memnet.StallAt(200))
			return c, err
		}
		start := time.Now()
		_, err := d.Send(t.Context(), oneTo, strings.NewReader(strings.Repeat("x\r\n", 100_000)))
		if got := time.Since(start); got != 3*time.Minute || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %v: %v", got, err)
		}
		conn.SetFault(memnet.Fault{})
	})
}

// QUIT does not wait for those who do not answer.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := scripted(greets, pipelines).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := c.Close(); err != ErrClosed {
			t.Errorf("a second Close: %v", err)
		}
		if _, err := c.Send(t.Context(), oneTo, strings.NewReader("")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send behind Close: %v", err)
		}
	})
}

// Two at once do not mix: the second is told.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := scripted(greets, pipelines).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first := make(chan error)
		go func() {
			_, err := c.Send(t.Context(), oneTo, strings.NewReader(hello))
			first <- err
		}()
		synctest.Wait()
		if _, err := c.Send(t.Context(), oneTo, strings.NewReader(hello)); !errors.Is(err, ErrBusy) {
			t.Errorf("Send: %v", err)
		}
		if _, err := c.Query(t.Context(), smtp.NOOP, ""); !errors.Is(err, ErrBusy) {
			t.Errorf("Query: %v", err)
		}
		c.Close() // cuts the first one off
		if err := <-first; !errors.Is(err, ErrClosed) {
			t.Errorf("the first one: %v", err)
		}
	})
}

// RFC 3207, section 4.2: octets behind the 220 are not from the server.
func TestRFC3207_4_2_Injected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(greets, "250-mx.example\r\n250 STARTTLS\r\n", "220 go\r\n250 injected\r\n")
		d.TLS.Level = auth.TLSEncrypted
		if _, err := d.Send(t.Context(), oneTo, strings.NewReader(hello)); !errors.Is(err, auth.ErrInjected) {
			t.Errorf("error %v", err)
		}
	})
}

// A server that claims success without proof is not believed.
func TestUnprovenServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(greets, "250-mx.example\r\n250 AUTH SCRAM-SHA-256\r\n", "235 2.7.0 welcome\r\n")
		d.Credentials = auth.Credentials{Username: "user", Password: "pencil"}
		d.Auth.Cleartext = auth.CleartextHashed
		if _, err := d.Send(t.Context(), oneTo, strings.NewReader(hello)); !errors.Is(err, auth.ErrUnproven) {
			t.Errorf("error %v", err)
		}
	})
}

// A server that never stops asking is not answered for ever.
func TestEndlessChallenges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replies := []string{greets, "250-mx.example\r\n250 AUTH PLAIN\r\n"}
		for range 50 {
			replies = append(replies, "334 \r\n")
		}
		d := scripted(replies...)
		d.Credentials = auth.Credentials{Username: "user", Password: "pencil"}
		d.Auth.Cleartext = auth.CleartextAny
		start := time.Now()
		if _, err := d.Connect(t.Context()); err == nil || time.Since(start) > time.Second {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

// RFC 4954, section 4: a challenge may have 12288 octets, other reply lines not so
// many.
func TestRFC4954_4_LongChallenge(t *testing.T) {
	for _, test := range []struct {
		octets int
		want   error
	}{{12288, auth.ErrUnproven}, {12292, smtp.ErrLineTooLong}} {
		synctest.Test(t, func(t *testing.T) {
			d := scripted(greets, "250-mx.example\r\n250 AUTH X-LONG\r\n", "334 "+strings.Repeat("QUFB", test.octets/4)+"\r\n", "235 2.7.0 in\r\n")
			d.Credentials = auth.Credentials{Username: "user", Password: "pencil"}
			d.Auth = auth.ClientPolicy{Cleartext: auth.CleartextHashed, Extra: map[string]func(auth.Credentials, auth.ConnInfo) (auth.Client, error){
				"X-LONG": func(auth.Credentials, auth.ConnInfo) (auth.Client, error) { return patient{}, nil },
			}}
			if _, err := d.Connect(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("%d octets: error %v, want %v", test.octets, err, test.want)
			}
		})
	}
}

// patient is a mechanism that takes every challenge, and no success.
type patient struct{}

func (patient) Mechanism() string                            { return "X-LONG" }
func (patient) Start(context.Context) ([]byte, error)        { return nil, nil }
func (patient) Next(context.Context, []byte) ([]byte, error) { return []byte{}, nil }
func (patient) Finish() error                                { return auth.ErrUnproven }

// RFC 5321, section 3.8: a 421 is the reason of all that follows.
func TestRFC5321_3_8_Retired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := scripted(greets, pipelines, "250 OK\r\n421 4.3.2 bye\r\n").Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err := c.Send(t.Context(), oneTo, strings.NewReader(hello))
			if r, ok := errors.AsType[*smtp.ReplyError](err); !ok || r.Reply.Code != 421 || r.Command != smtp.RCPT {
				t.Errorf("error %v", err)
			}
		}
		if c.Usable() {
			t.Error("usable behind 421")
		}
		c.Close()
	})
}

func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.start(t)
		dials := 0
		p := &Pool{Dialer: *s.dialer(), MaxConns: 2, MaxPerConn: 3}
		p.Dialer.Dial = func(ctx context.Context, n, a string) (net.Conn, error) {
			dials++
			return s.listener.DialContext(ctx, n, a)
		}
		send := func() {
			t.Helper()
			if _, err := p.Send(t.Context(), oneTo, strings.NewReader(hello)); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			send()
		}
		if dials != 1 {
			t.Errorf("%d dials for 3 messages", dials)
		}
		send() // MaxPerConn
		if dials != 2 {
			t.Errorf("%d dials for 4 messages", dials)
		}
		time.Sleep(61 * time.Second) // IdleTimeout
		synctest.Wait()
		if len(p.idle) != 0 {
			t.Error("an idle connection is kept")
		}
		send()
		if dials != 3 {
			t.Errorf("%d dials", dials)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, err := p.Send(t.Context(), oneTo, strings.NewReader(hello)); !errors.Is(err, ErrClosed) {
			t.Errorf("Send behind Close: %v", err)
		}
		if len(s.messages()) != 5 {
			t.Errorf("%d messages", len(s.messages()))
		}
	})
}

// Many goroutines share a few connections, one message each at a time.
func TestPoolConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.start(t)
		p := &Pool{Dialer: *s.dialer(), MaxConns: 3}
		defer p.Close()
		errs := make(chan error)
		for range 100 {
			go func() {
				_, err := p.Send(t.Context(), oneTo, strings.NewReader(hello))
				errs <- err
			}()
		}
		for range 100 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := len(s.messages()); n != 100 || len(p.idle) > 3 {
			t.Errorf("%d messages, %d idle", n, len(p.idle))
		}
		// One that waits for its turn can be called off.
		held := make(chan struct{})
		s.data = func(*smtpserver.Message, []byte) error { <-held; return nil }
		for range 3 {
			go func() {
				_, err := p.Send(context.Background(), oneTo, strings.NewReader(hello))
				errs <- err
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Send(ctx, oneTo, strings.NewReader(hello)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(held)
		for range 3 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// A connection that died while it was idle is replaced, once; one that dies later
// is not.
func TestPoolStale(t *testing.T) {
	for _, goodbye := range []string{"", "421 4.4.2 idle for too long\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{}
			s.start(t)
			p := &Pool{Dialer: *s.dialer()}
			defer p.Close()
			var conns []*memnet.Conn
			p.Dialer.Dial = func(ctx context.Context, n, a string) (net.Conn, error) {
				if len(conns) == 0 { // the first one dies behind its message
					client, server := memnet.Pipe(memnet.Options{})
					conns = append(conns, client)
					go func() {
						buf := make([]byte, 4096)
						for _, r := range []string{greets, pipelines, takesGroup, "250 OK\r\n" + goodbye} {
							io.WriteString(server, r)
							if r[0:1] != "2" || !strings.HasPrefix(r, "250 OK\r\n4") && r != "250 OK\r\n" {
								server.Read(buf)
							}
						}
						server.Close()
					}()
					return client, nil
				}
				return s.listener.DialContext(ctx, n, a)
			}
			for range 2 {
				if _, err := p.Send(t.Context(), oneTo, strings.NewReader(hello)); err != nil {
					t.Fatalf("%q: %v", goodbye, err)
				}
				synctest.Wait()
			}
			if len(s.messages()) != 1 {
				t.Errorf("%d messages", len(s.messages()))
			}
		})
	}
}

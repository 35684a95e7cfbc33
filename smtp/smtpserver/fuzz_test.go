package smtpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
	"github.com/mailwire/mailwire/smtp"
)

// FuzzContent: whatever a message holds, it draws one reply, none of its octets
// is a command, what the handler reads is what was sent or the message is
// refused, and the session goes on behind it. The content goes by DATA, stuffed
// by the definition, or in chunks of BDAT.
func FuzzContent(f *testing.F) {
	for _, body := range []string{
		"", ".", "\r\n.\r\n", "x\n.\nRCPT TO:<canary@d.example>\r\n", "x\r\n.\r\r\nQUIT\r\n", "a\r\n.\nQUIT\r\n", "\x00.\r\n",
		"NOOP\r\nRSET\r\nMAIL FROM:<canary@d.example>\r\nQUIT\r\n", strings.Repeat("RCPT TO:<canary@d.example>\r\n", 50), "BDAT 5 LAST\r\nQUIT\r\n", "a\r",
	} {
		for _, chunk := range []uint8{0, 1, 7} {
			f.Add([]byte(body), chunk, uint8(3), uint8(0))
			f.Add([]byte(body), chunk, uint8(0), uint8(2))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, chunk, split, early uint8) {
		if len(body) > 4096 {
			return
		}
		var got []byte
		var readErr error
		srv := &Server{Limits: smtp.Limits{Message: 1000}, Handler: newSession(func(context.Context, *Conn) (*Session, error) {
			return &Session{
				Mail: func(_ context.Context, m *Message) error { return canary(m.From) },
				Rcpt: func(_ context.Context, _ *Message, to smtp.Rcpt) error { return canary(to.Path) },
				Data: func(_ context.Context, m *Message) error {
					if early > 0 {
						io.ReadFull(m, make([]byte, early-1))
						return nil
					}
					got, readErr = io.ReadAll(m)
					return readErr
				},
			}, nil
		})}
		near, far := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(int(split))}})
		done := make(chan error, 1)
		go func() { done <- srv.ServeConn(context.Background(), far) }()
		io.WriteString(near, "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
		sent, replies := inChunks(body, int(chunk))
		if chunk == 0 {
			sent, replies = stuffed(body), 2
		}
		near.Write(sent)
		io.WriteString(near, "NOOP\r\nQUIT\r\n")
		out, err := io.ReadAll(near)
		if err != nil || <-done != nil {
			t.Fatalf("%q: %q, %v", sent, out, err)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\r\n"), "\r\n")
		lines = lines[1+8+2:] // greeting, EHLO, MAIL, RCPT
		if len(lines) != replies+2 || !strings.HasPrefix(lines[replies], "250 2.0.0 OK") || !strings.HasPrefix(lines[replies+1], "221") {
			t.Fatalf("%q drew %q, want %d replies, NOOP and QUIT", sent, lines, replies)
		}
		accepted := strings.HasPrefix(lines[replies-1], "250")
		want := string(body)
		if chunk == 0 && want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		bare := strings.ContainsAny(strings.ReplaceAll(want, "\r\n", ""), "\r\n")
		if fits := len(want) <= 1000 && !bare; accepted != fits {
			t.Fatalf("%q: accepted %v, but fits %v: %q", sent, accepted, fits, lines)
		}
		if accepted && early == 0 && string(got) != want {
			t.Fatalf("%q: the handler read %q, want %q", sent, got, want)
		}
		if !accepted && early == 0 && readErr == nil {
			t.Fatalf("%q: the handler read a refused message to its end", sent)
		}
	})
}

// canary panics on an address that stands in content only. The panic ends the
// session, and the test sees the 421.
func canary(p smtp.Path) error {
	if p.Local == "canary" {
		panic(errors.New("content was executed"))
	}
	return nil
}

// stuffed is DATA and the content as RFC 5321, section 4.5.2 has it.
func stuffed(body []byte) []byte {
	s := strings.ReplaceAll("\r\n"+string(body), "\r\n.", "\r\n..")[2:]
	if s != "" && !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	return []byte("DATA\r\n" + s + ".\r\n")
}

// inChunks is the content in chunks of so many octets, and how many replies they
// draw.
func inChunks(body []byte, size int) (out []byte, replies int) {
	size = max(size, 1)
	for len(body) > size {
		out = fmt.Appendf(out, "BDAT %d\r\n%s", size, body[:size])
		body = body[size:]
		replies++
	}
	return append(fmt.Appendf(out, "BDAT %d LAST\r\n", len(body)), bytes.Clone(body)...), replies + 1
}

// A ledger is the Handler of FuzzServer: it counts what must come out even. How
// much of a message Data reads, and where, is up to its sender's name.
type ledger struct {
	opened, closed, mails, ended int
	running                      int // hooks
	twice                        bool
}

func (l *ledger) NewSession(context.Context, *Conn) (*Session, error) {
	l.opened++
	return &Session{
		Mail: func(_ context.Context, m *Message) error {
			l.mails++
			return nil
		},
		Rcpt:      func(_ context.Context, _ *Message, to smtp.Rcpt) error { return refuse(to.Path.Local) },
		Hello:     func(_ context.Context, _ smtp.Verb, name string) error { return refuse(name) },
		BodyStart: func(_ context.Context, m *Message) error { return refuse(m.From.Domain) },
		Data: func(_ context.Context, m *Message) (err error) {
			l.running++
			l.twice = l.twice || l.running > 1
			defer func() { l.running-- }()
			switch m.From.Local {
			case "none":
			case "half":
				_, err = m.Read(make([]byte, 3))
			case "elsewhere":
				done := make(chan error)
				go func() { done <- quietSink(context.Background(), m) }()
				err = <-done
			default:
				err = quietSink(context.Background(), m)
			}
			for i, to := range m.To {
				if to.Path.Domain == "full" {
					m.SetRcpt(i, refuse("bad"))
				}
			}
			if err == io.EOF {
				err = nil
			}
			return err
		},
		End:   func(*Message, EndReason) { l.ended++ },
		Close: func(error) { l.closed++ },
	}, nil
}

func refuse(name string) error {
	if name == "bad" {
		return &smtp.Reject{Code: 550, Text: "no"}
	}
	return nil
}

// FuzzServer: any octets at all, in any pieces. The server answers in replies,
// the same however the octets are cut, never by mistake, never hangs, and ends
// when its client does; each transaction that began has ended then, and each
// Session, once.
func FuzzServer(f *testing.F) {
	transcript.Seed(f, transcript.Client, "testdata/*/*.txt")
	start := "EHLO x\r\nMAIL FROM:<%s@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<c@full>\r\n"
	for _, who := range []string{"all", "none", "half", "elsewhere"} {
		for _, rest := range []string{
			"DATA\r\nx\r\n.\r\nNOOP\r\n", "BDAT 3\r\nx\r\nVRFY a\r\nBDAT 99\r\nRSET\r\n", "BDAT 3\r\nx\r\nEHLO bad\r\nBDAT 0 LAST\r\nQUIT\r\n",
			"BDAT 3\r\nx\r\nBDAT 99 LAST\r\nMAIL FROM:<a@bad>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\n\nBDAT 1 LAST\r\n\n", "BDAT 3\r\nx\r\nQUIT\r\n", "BDAT 3\r\nx\r\nBDAT x\r\n",
		} {
			f.Add([]byte(fmt.Sprintf(start, who) + rest))
		}
	}
	f.Add([]byte("XCLIENT LOGIN=u\r\nEHLO x\r\nMAIL FROM:<>\r\nXCLIENT NAME=a\r\nRSET\r\nXCLIENT NAME=a\r\nQUIT\r\n"))
	f.Add([]byte("BDAT 5\r\nQUIT\r\n\x00\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN AHUAc2VjcmV0\r\nGET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, octets []byte) {
		for _, protocol := range []smtp.Protocol{smtp.SMTP, smtp.LMTP, smtp.Submission} {
			whole := serveOctets(t, protocol, octets, 0)
			if again := serveOctets(t, protocol, octets, 1); again != whole {
				t.Errorf("%v: %q\nis answered  %q\none by one   %q", protocol, octets, whole, again)
			}
			if strings.Contains(whole, "internal error") {
				t.Errorf("%v: %q\nis answered %q", protocol, octets, whole)
			}
			r := smtp.NewReader(strings.NewReader(whole))
			for {
				reply, err := r.ReadReply(nil)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%v: %q drew no reply: %v", protocol, octets, err)
				}
				if class := reply.Code / 100; reply.Enhanced != (smtp.EnhancedCode{}) && int(reply.Enhanced[0]) != class {
					t.Fatalf("%v: %q drew %v", protocol, octets, reply)
				}
			}
		}
	})
}

// serveOctets serves a client that sends these octets, in pieces that the server
// reads at most split of, and closes. It returns all replies.
func serveOctets(t *testing.T, protocol smtp.Protocol, octets []byte, split int) string {
	t.Helper()
	l := new(ledger)
	srv := &Server{
		Protocol: protocol, Hostname: "mail.example", Handler: l, Limits: smtp.Limits{Message: 100},
		Auth: testAccounts(auth.CleartextAny), Trust: Trust{XClient: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
	}
	near, far := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(split)}})
	done := make(chan error, 1)
	go func() { done <- srv.ServeConn(context.Background(), far) }()
	go func() {
		near.Write(octets)
		near.CloseWrite()
	}()
	out, err := io.ReadAll(near)
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	<-done
	if l.opened != l.closed || l.mails != l.ended || l.twice {
		t.Errorf("%v: %q left %+v", protocol, octets, *l)
	}
	return string(out)
}

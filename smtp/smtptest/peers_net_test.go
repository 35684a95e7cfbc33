package smtptest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// TestClientToPostfix sends in every way that Postfix knows, and looks at what
// Postfix delivers to a server of ours.
func TestClientToPostfix(t *testing.T) {
	next := NewServer(t, &smtpserver.Server{Offer: smtp.Offer{SMTPUTF8: true, DSN: true}})
	addr, roots := startPostfix(t, next.Addr, "")
	body := strings.Join([]string{
		"Subject: hello", "", ".", "..", ".leading", "MAIL FROM:<x>", "caf\xe9 \u00e9 \xff", "trailing space ", "\t", "", "",
	}, "\r\n")
	tests := []struct {
		name string
		edit func(d *smtpclient.Dialer, e *smtp.Envelope)
		body string
	}{
		{"plain", nil, body},
		{"unix line ends", nil, strings.ReplaceAll(body, "\r\n", "\n")},
		{"chunks", func(d *smtpclient.Dialer, _ *smtp.Envelope) { d.Chunking = true }, body},
		{"in clear", func(d *smtpclient.Dialer, _ *smtp.Envelope) { d.TLS.Level = auth.TLSNever }, body},
		{"DSN", func(_ *smtpclient.Dialer, e *smtp.Envelope) {
			e.Options.EnvID, e.Options.Ret = "id+1 =", smtp.RetHdrs
			e.To[0].Options = smtp.RcptOptions{Notify: smtp.NotifyFailure | smtp.NotifyDelay, ORcpt: smtp.ORcpt{Type: "rfc822", Addr: "orig+1@x.example"}}
		}, body},
		{"SMTPUTF8", func(_ *smtpclient.Dialer, e *smtp.Envelope) {
			e.From = smtp.Path{Local: "caf\u00e9", Domain: "x.example"}
		}, body},
		{"quoted", func(_ *smtpclient.Dialer, e *smtp.Envelope) {
			e.From = smtp.Path{Local: `a "b\ c`, Domain: "x.example"}
		}, body},
		{"long", func(d *smtpclient.Dialer, _ *smtp.Envelope) { d.Chunking = true }, body + strings.Repeat(".a line of text\r\n", 10_000)},
	}
	d := smtpclient.Dialer{Addr: addr, LocalName: "client.example", TLS: auth.TLSPolicy{Roots: roots, ServerName: "mx.example"}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token := "X-Token: " + strings.ReplaceAll(test.name, " ", "-")
			d, e := d, smtp.NewEnvelope("me@x.example", "u1@x.example", "u2@x.example")
			if test.edit != nil {
				test.edit(&d, e)
			}
			if res, err := d.Send(t.Context(), e, strings.NewReader(token+"\r\n"+test.body)); err != nil || len(res.Dropped) > 0 {
				t.Fatal(res, err)
			}
			m := awaitDelivery(t, next, token)
			want := strings.ReplaceAll(strings.ReplaceAll(test.body, "\r\n", "\n"), "\n", "\r\n")
			_, want, _ = strings.Cut(want, "\r\n\r\n")
			if _, got, _ := bytes.Cut(m.Content, []byte("\r\n\r\n")); string(got) != want {
				t.Errorf("arrived as %.200q, want %.200q", got, want)
			}
			if m.From != e.From {
				t.Errorf("from %v, want %v", m.From, e.From)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		_, err := d.Send(t.Context(), smtp.NewEnvelope("me@x.example", "u1@x.example", "nobody@x.example"), strings.NewReader("X-Token: refused\r\n\r\n"))
		if err == nil || !strings.Contains(err.Error(), "1 of 2 recipients failed") {
			t.Errorf("error %v", err)
		}
		awaitDelivery(t, next, "X-Token: refused")
	})
	t.Run("pool", func(t *testing.T) {
		const n = 1000
		p := &smtpclient.Pool{Dialer: d, MaxConns: 8}
		defer p.Close()
		before := len(next.Messages())
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range n / 8 {
					if _, err := p.Send(t.Context(), smtp.NewEnvelope("me@x.example", "u3@x.example"), strings.NewReader("Subject: pool\r\n\r\n")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		waitFor(t, func() bool { return len(next.Messages()) >= before+n })
	})
}

func awaitDelivery(t *testing.T, s *Server, token string) (m Delivery) {
	t.Helper()
	waitFor(t, func() bool {
		for _, d := range s.Messages() {
			if bytes.Contains(d.Content, []byte(token+"\r\n")) {
				m = d
				return true
			}
		}
		return false
	})
	return m
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not arrive")
		}
	}
}

// TestClientToSink sends to Postfix's test sink, as SMTP and as LMTP.
func TestClientToSink(t *testing.T) {
	sink, err := exec.LookPath("smtp-sink")
	if err != nil {
		t.Skip("no smtp-sink is installed")
	}
	for _, test := range []struct {
		name  string
		args  []string
		proto smtp.Protocol
	}{
		{"SMTP", nil, smtp.SMTP},
		{"without PIPELINING", []string{"-p"}, smtp.SMTP},
		{"without ESMTP", []string{"-e"}, smtp.SMTP},
		{"LMTP", []string{"-L"}, smtp.LMTP},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			l.Close()
			args := append(test.args, "-u", "nobody", addr, "100")
			if os.Getuid() != 0 {
				args = append(test.args, addr, "100")
			}
			cmd := exec.Command(sink, args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Kill()
				cmd.Wait()
			}()
			waitFor(t, func() bool {
				c, err := net.Dial("tcp", addr)
				if err == nil {
					c.Close()
				}
				return err == nil
			})
			p := &smtpclient.Pool{Dialer: smtpclient.Dialer{Addr: addr, Protocol: test.proto, TLS: auth.TLSPolicy{Level: auth.TLSNever}}}
			defer p.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for i := range 200 {
				e := smtp.NewEnvelope("me@x.example", "u1@x.example", "u2@x.example", "u1@x.example")
				if _, err := p.Send(ctx, e, strings.NewReader(fmt.Sprintf("Subject: %d\r\n\r\n.\r\n", i))); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

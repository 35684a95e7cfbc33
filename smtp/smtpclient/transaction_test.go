package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// proxy is a handler that passes every transaction on to an upstream, one
// connection for each of its own.
type proxy struct{ upstream *Dialer }

func (p proxy) NewSession(ctx context.Context, _ *smtpserver.Conn) (*smtpserver.Session, error) {
	up, err := p.upstream.Connect(ctx)
	if err != nil {
		return nil, Relay(err)
	}
	var tx *Transaction
	return &smtpserver.Session{
		Mail: func(ctx context.Context, m *smtpserver.Message) (err error) {
			tx, err = up.Begin(ctx, m.From, m.Options)
			return Relay(err)
		},
		Rcpt: func(ctx context.Context, _ *smtpserver.Message, to smtp.Rcpt) error { return Relay(tx.Rcpt(ctx, to)) },
		Data: func(ctx context.Context, m *smtpserver.Message) error {
			res, err := tx.Send(ctx, m)
			for i, r := range res.Rcpts {
				m.SetRcpt(i, Relay(r.Err))
			}
			return Relay(err)
		},
		End:   func(*smtpserver.Message, smtpserver.EndReason) { tx.Abort(context.Background()) },
		Close: func(error) { up.Close() },
	}, nil
}

// A client that speaks through a proxy learns what the upstream said, and the
// message is the same at the end.
func TestProxy(t *testing.T) {
	for _, proto := range []smtp.Protocol{smtp.SMTP, smtp.LMTP} {
		for _, chunking := range []bool{false, true} {
			t.Run(fmt.Sprint(proto, chunking), func(t *testing.T) {
				upstream := &sink{Server: &smtpserver.Server{Protocol: proto}, mail: func(m *smtpserver.Message) error {
					if m.From.Local == "spammer" {
						return &smtp.Reject{Code: 554, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "not \x1b[1m you"}
					}
					return nil
				}, rcpt: func(_ *smtpserver.Message, to smtp.Rcpt) error {
					if to.Path.Local == "no" {
						return refuse(550)
					}
					return nil
				}, data: func(m *smtpserver.Message, _ []byte) error {
					if proto == smtp.LMTP {
						m.SetRcpt(1, refuse(452))
					}
					return nil
				}}
				upstream.Offer.DSN = true
				upstream.start(t)
				d := upstream.dialer()
				d.Chunking = chunking
				front := &smtpserver.Server{Hostname: "proxy.example", Protocol: proto, Handler: proxy{d}, Offer: smtp.Offer{DSN: true}}
				listener := memnet.Listen(memnet.Options{})
				done := make(chan struct{})
				go func() { front.Serve(listener); close(done) }()
				defer func() { front.Close(); <-done }()
				near := upstream.dialer()
				near.Dial, near.Chunking = listener.DialContext, chunking
				c, err := near.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()

				_, err = c.Send(t.Context(), smtp.NewEnvelope("spammer@x.example", "a@x.example"), strings.NewReader("hi"))
				if r, ok := errors.AsType[*smtp.ReplyError](err); !ok || r.Reply.Code != 554 || r.Reply.Text != "upstream said: not ?[1m you" {
					t.Errorf("MAIL refused upstream: %v", err)
				}
				e := smtp.NewEnvelope("me@x.example", "a@x.example", "no@x.example", "b@x.example")
				e.Options.EnvID = "id 1"
				e.To[2].Options.Notify = smtp.NotifyDelay
				for n := range 2 {
					res, err := c.Send(t.Context(), e, strings.NewReader("Subject: x\r\n\r\n.\r\nhi\r\n"))
					want := []int{1}
					if proto == smtp.LMTP {
						want = []int{1, 2}
					}
					if f, ok := errors.AsType[*SendError](err); !ok || cmp.Diff(f.Failed, want) != "" {
						t.Fatalf("message %d: %v, %+v", n, err, res)
					}
					if got := upstream.messages(); len(got) != n+1 || got[n].Content != "Subject: x\r\n\r\n.\r\nhi\r\n" || got[n].Options.EnvID != "id 1" || got[n].To[1].Options.Notify != smtp.NotifyDelay {
						t.Fatalf("upstream has %+v", got)
					}
				}
			})
		}
	}
}

func TestTransaction(t *testing.T) {
	s := &sink{rcpt: func(_ *smtpserver.Message, to smtp.Rcpt) error {
		if to.Path.Local == "no" {
			return refuse(550)
		}
		return nil
	}}
	s.start(t)
	c, err := s.dialer().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	rcpt := func(local string) smtp.Rcpt {
		return smtp.Rcpt{Path: smtp.Path{Local: local, Domain: "x.example"}}
	}
	tx, err := c.Begin(ctx, smtp.Path{}, smtp.MailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Usable() {
		t.Error("usable inside a transaction")
	}
	if _, err := c.Begin(ctx, smtp.Path{}, smtp.MailOptions{}); err != ErrBusy {
		t.Errorf("a second transaction: %v", err)
	}
	if _, err := c.Send(ctx, oneTo, strings.NewReader("")); !errors.Is(err, ErrBusy) {
		t.Errorf("Send inside a transaction: %v", err)
	}
	if r, err := c.Query(ctx, smtp.VRFY, "a"); err != nil || r.Code != 252 { // RFC 5321, section 4.1.4: at any time
		t.Errorf("VRFY: %v, %v", r, err)
	}
	if err := tx.Rcpt(ctx, rcpt("no")); err == nil {
		t.Error("a recipient that is refused")
	}
	if _, ok := errors.AsType[*smtp.SyntaxError](tx.Rcpt(ctx, rcpt("a\r\n"))); !ok {
		t.Error("a recipient that cannot be sent")
	}
	if _, err := tx.Send(ctx, strings.NewReader("")); !errors.Is(err, smtp.ErrSequence) {
		t.Errorf("Send without a recipient: %v", err)
	}
	if err := tx.Abort(ctx); err != nil || !c.Usable() {
		t.Errorf("Abort behind Send: %v, usable %v", err, c.Usable())
	}
	tx, err = c.Begin(ctx, smtp.Path{}, smtp.MailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tx.Rcpt(ctx, rcpt("a")), tx.Abort(ctx)); err != nil || !c.Usable() {
		t.Errorf("Abort: %v, usable %v", err, c.Usable())
	}
	if err := tx.Rcpt(ctx, rcpt("a")); err != smtp.ErrSequence {
		t.Errorf("Rcpt behind Abort: %v", err)
	}
	if _, err := c.Send(ctx, oneTo, strings.NewReader("hi")); err != nil || len(s.messages()) != 1 {
		t.Errorf("%v, %d messages", err, len(s.messages()))
	}
}

func TestRelay(t *testing.T) {
	reply := func(code int, e smtp.EnhancedCode, text string) error {
		return fmt.Errorf("wrapped: %w", &smtp.ReplyError{Command: smtp.MAIL, Reply: smtp.Reply{Code: code, Enhanced: e, Text: text}})
	}
	tests := []struct {
		name string
		err  error
		want *smtp.Reject
	}{
		{"as it is", reply(550, smtp.EnhancedCode{5, 1, 1}, "no"), &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "upstream said: no"}},
		{"lines and controls", reply(451, smtp.EnhancedCode{}, "a\nb\r\x00é"), &smtp.Reject{Code: 451, Enhanced: smtp.EnhancedCode{4, 0, 0}, Text: "upstream said: a / b???"}},
		{"its end is not ours", reply(421, smtp.EnhancedCode{4, 3, 2}, "bye"), &smtp.Reject{Code: 451, Enhanced: smtp.EnhancedCode{4, 4, 0}, Text: "upstream said: bye"}},
		{"no refusal", reply(250, smtp.EnhancedCode{2, 0, 0}, "ok"), &smtp.Reject{Code: 451, Enhanced: smtp.EnhancedCode{4, 4, 0}, Text: "upstream said: ok"}},
		{"long", reply(550, smtp.EnhancedCode{5, 0, 0}, strings.Repeat("x", 5000)), &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 0, 0}, Text: "upstream said: " + strings.Repeat("x", 300) + "..."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(error(test.want), Relay(test.err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if other := errors.New("x"); Relay(other) != other || Relay(nil) != nil {
		t.Error("what is no reply has to stay what it is")
	}
}

func TestQuery(t *testing.T) {
	s := &sink{Server: new(smtpserver.Server)}
	s.start(t)
	c, err := s.dialer().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, test := range []struct {
		verb smtp.Verb
		arg  string
		code int
		bad  bool
	}{
		{smtp.VRFY, "a", 252, false}, {smtp.EXPN, "a", 502, true}, {smtp.HELP, "", 214, false}, {smtp.NOOP, "x", 250, false},
		{smtp.ETRN, "x.example", 0, true}, {smtp.MAIL, "FROM:<>", 0, true}, {smtp.VRFY, "a\r\nRSET", 0, true},
	} {
		if r, err := c.Query(t.Context(), test.verb, test.arg); r.Code != test.code || (err != nil) != test.bad {
			t.Errorf("%v %q: %v, %v", test.verb, test.arg, r, err)
		}
	}
	for _, name := range []string{"QUIT", "rset", "XCLIENT", "STARTTLS", "AUTH", "DATA", "", "A B"} {
		if _, err := c.Command(t.Context(), name, ""); err == nil {
			t.Errorf("%q was sent", name)
		}
	}
	if r, err := c.Command(t.Context(), "X-FOO", "bar"); r.Code != 500 || err == nil {
		t.Errorf("%v, %v", r, err)
	}
	if !c.Usable() {
		t.Error("not usable any more")
	}
	if err := c.XClient(t.Context(), smtp.XClient{Given: smtp.XClientName}); err == nil {
		t.Error("XCLIENT was sent, and is not offered")
	}
}

func TestXClient(t *testing.T) {
	d := scripted(greets, "250-mx.example\r\n250 XCLIENT NAME ADDR\r\n", "220 mx.example\r\n", pipelines)
	c, err := d.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.tcp.Close()
	if err := c.XClient(t.Context(), smtp.XClient{Given: smtp.XClientLogin}); err == nil {
		t.Error("an attribute was sent that is not offered")
	}
	if err := c.XClient(t.Context(), smtp.XClient{Given: smtp.XClientName, Name: "a b\r\n"}); err != nil || !c.Usable() || !c.Extensions().Pipelining {
		t.Errorf("%v, usable %v", err, c.Usable())
	}
	if got := c.tcp.(*memnet.Conn).Sent().Octets; got != int64(len("EHLO client.example\r\nXCLIENT NAME=a+20b+0D+0A\r\nEHLO client.example\r\n")) {
		t.Errorf("%d octets were sent", got)
	}
}

// What a server says before it closes in the middle of content is the reason.
func TestLastWords(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{})
	d := scripted("")
	d.Dial = dialOnce(client)
	go func() {
		buf := make([]byte, 4096)
		for _, r := range []string{greets, pipelines, takesGroup} {
			server.Write([]byte(r))
			server.Read(buf)
		}
		server.Write([]byte("552 5.3.4 too big\r\n"))
		server.Close()
	}()
	_, err := d.Send(t.Context(), oneTo, strings.NewReader(strings.Repeat("x\r\n", 500_000)))
	if r, ok := errors.AsType[*smtp.ReplyError](err); !ok || r.Reply.Code != 552 {
		t.Errorf("error %v", err)
	}
}

package smtpclient

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// Every way of sending gets the same message through.
func TestSendWays(t *testing.T) {
	long := strings.Repeat("..0123456789\r\n.\r\nx\ry\nz\r\n", 20_000)
	bodies := []struct{ name, body, want string }{
		{"empty", "", ""},
		{"dot", ".", ".\r\n"},
		{"unix", "Subject: x\n\nhi\n.\n", "Subject: x\r\n\r\nhi\r\n.\r\n"},
		{"no line end", "hi", "hi\r\n"},
		{"smuggling", "a\n.\nMAIL\r.\rb\r\n.\r\n", "a\r\n.\r\nMAIL\r\n.\r\nb\r\n.\r\n"},
		{"8-bit", "caf\xe9\r\n", "caf\xe9\r\n"},
		{"long", "\r\n" + long, "\r\n" + strings.ReplaceAll(strings.ReplaceAll(long, "\ry", "\r\ny"), "y\nz", "y\r\nz")},
	}
	for _, proto := range []smtp.Protocol{smtp.SMTP, smtp.LMTP} {
		for _, hide := range []string{"", "PIPELINING", "CHUNKING", "SIZE"} {
			for _, chunking := range []bool{false, true} {
				for _, b := range bodies {
					t.Run(proto.String()+"/"+hide+"/"+map[bool]string{true: "BDAT", false: "DATA"}[chunking]+"/"+b.name, func(t *testing.T) {
						s := &sink{Server: &smtpserver.Server{Protocol: proto}}
						s.Offer.Hide = []string{hide}
						s.start(t)
						d := s.dialer()
						d.Chunking = chunking
						e := smtp.NewEnvelope("me@a.example", "you@b.example", "you@b.example", `"he \"x"@c.example`)
						res, err := d.Send(t.Context(), e, strings.NewReader(b.body))
						if err != nil {
							t.Fatal(err)
						}
						for i, r := range res.Rcpts {
							if r.Err != nil || r.Rcpt.Code != 250 || r.Final.Code != 250 {
								t.Errorf("recipient %d: %+v", i, r)
							}
						}
						want := b.want
						if chunking && hide != "CHUNKING" && !strings.HasSuffix(b.body, "\n") {
							want = b.body // BDAT does not complete the last line
						}
						got := s.messages()
						if len(got) != 1 || got[0].Content != want {
							t.Fatalf("got %d messages, want 1 with %.200q, got %.200q", len(got), want, append(got, received{})[0].Content)
						}
						if diff := cmp.Diff(e.To, got[0].To); diff != "" || got[0].From != e.From {
							t.Errorf("envelope: %s", diff)
						}
					})
				}
			}
		}
	}
}

// Recipients that are refused are named, the others are delivered to.
func TestSendPartial(t *testing.T) {
	for _, proto := range []smtp.Protocol{smtp.SMTP, smtp.LMTP} {
		for _, hide := range []string{"", "PIPELINING"} {
			t.Run(proto.String()+"/"+hide, func(t *testing.T) {
				s := &sink{Server: &smtpserver.Server{Protocol: proto}, rcpt: func(m *smtpserver.Message, to smtp.Rcpt) error {
					switch to.Path.Local {
					case "never":
						return refuse(550)
					case "later":
						return refuse(452)
					}
					return nil
				}}
				s.Offer.Hide = []string{hide}
				s.start(t)
				c, err := s.dialer().Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				res, err := c.Send(t.Context(), smtp.NewEnvelope("a@x.example", "ok@x.example", "never@x.example", "ok@x.example"), strings.NewReader("hi"))
				e, ok := errors.AsType[*SendError](err)
				if !ok || cmp.Diff(e.Failed, []int{1}) != "" || e.Temporary() {
					t.Fatalf("error %v", err)
				}
				if r, ok := errors.AsType[*smtp.ReplyError](res.Rcpts[1].Err); !ok || r.Command != smtp.RCPT || r.Reply.Code != 550 {
					t.Errorf("the refused one: %v", res.Rcpts[1].Err)
				}
				if res.Rcpts[0].Err != nil || res.Rcpts[2].Err != nil || len(s.messages()) != 1 || len(s.messages()[0].To) != 2 {
					t.Errorf("%+v, %+v", res.Rcpts, s.messages())
				}
				// All refused: nothing is delivered, and the connection is as good as before.
				_, err = c.Send(t.Context(), smtp.NewEnvelope("a@x.example", "later@x.example", "never@x.example"), strings.NewReader("hi"))
				if e, ok := errors.AsType[*SendError](err); !ok || len(e.Failed) != 2 || !e.Temporary() || !c.Usable() {
					t.Fatalf("error %v, usable %v", err, c.Usable())
				}
				if _, err := c.Send(t.Context(), smtp.NewEnvelope("a@x.example", "ok@x.example"), strings.NewReader("hi")); err != nil || len(s.messages()) != 2 {
					t.Errorf("%v, %d messages", err, len(s.messages()))
				}
			})
		}
	}
}

func TestSendRefused(t *testing.T) {
	s := &sink{rcpt: func(_ *smtpserver.Message, to smtp.Rcpt) error {
		if to.Path.Local == "no" {
			return refuse(550)
		}
		return nil
	}, data: func(_ *smtpserver.Message, content []byte) error {
		if strings.Contains(string(content), "virus") {
			return refuse(554)
		}
		return nil
	}}
	s.start(t)
	d := s.dialer()
	to := smtp.NewEnvelope("a@x.example", "b@x.example", "c@x.example")
	res, err := d.Send(t.Context(), to, strings.NewReader("virus"))
	if e, ok := errors.AsType[*SendError](err); !ok || len(e.Failed) != 2 || res.Reply.Code != 554 || res.Rcpts[1].Final.Code != 554 {
		t.Errorf("content refused: %v, %+v", err, res)
	}
	d.AllOrNothing = true
	_, err = d.Send(t.Context(), smtp.NewEnvelope("a@x.example", "b@x.example", "no@x.example"), strings.NewReader("hi"))
	if e, ok := errors.AsType[*SendError](err); !ok || len(e.Failed) != 2 || !errors.Is(e.Result.Rcpts[0].Err, ErrRefusedOthers) || len(s.messages()) > 0 {
		t.Errorf("all or nothing: %v", err)
	}
}

// What is wrong with an envelope or a body is found before anything leaves.
func TestSendValidates(t *testing.T) {
	s := &sink{}
	s.Server = new(smtpserver.Server)
	s.Offer.Hide = []string{"8BITMIME"}
	s.Limits.Message = 1000
	s.start(t)
	c, err := s.dialer().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	env := func(f func(*smtp.Envelope)) *smtp.Envelope {
		e := smtp.NewEnvelope("a@x.example", "b@x.example")
		f(e)
		return e
	}
	tests := []struct {
		name string
		e    *smtp.Envelope
		body string
		want error // nil: a *smtp.SyntaxError
	}{
		{"no address", smtp.NewEnvelope("a@x.example", "nobody"), "", nil},
		{"injected line", smtp.NewEnvelope("a@x.example", "b@x.example>\r\nRCPT TO:<c@x.example"), "", nil},
		{"injected ENVID", env(func(e *smtp.Envelope) { e.Options.EnvID = "a\r\nDATA" }), "", nil},
		{"no recipient", smtp.NewEnvelope("a@x.example"), "", nil},
		{"SMTPUTF8", smtp.NewEnvelope("a@x.example", "é@x.example"), "", &smtp.NotOffered{Keyword: "SMTPUTF8"}},
		{"BINARYMIME", env(func(e *smtp.Envelope) { e.Options.Body = smtp.BodyBinaryMIME }), "", &smtp.NotOffered{Keyword: "BINARYMIME"}},
		{"DELIVERBY", env(func(e *smtp.Envelope) { e.Options.DeliverBy = &smtp.DeliverBy{In: 1e9, Return: true} }), "", &smtp.NotOffered{Keyword: "DELIVERBY"}},
		{"FUTURERELEASE", env(func(e *smtp.Envelope) { e.Options.HoldFor = 1e9 }), "", &smtp.NotOffered{Keyword: "FUTURERELEASE"}},
		{"REQUIRETLS", env(func(e *smtp.Envelope) { e.Options.RequireTLS = true }), "", &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 10}, Text: "encryption needed"}},
		{"too big", env(func(e *smtp.Envelope) {}), strings.Repeat("x", 1001), ErrTooBig},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Send(t.Context(), test.e, strings.NewReader(test.body))
			e, ok := errors.AsType[*SendError](err)
			if !ok || len(e.Failed) != len(test.e.To) || e.Temporary() || !c.Usable() {
				t.Fatalf("error %v, usable %v", err, c.Usable())
			}
			if _, syntax := errors.AsType[*smtp.SyntaxError](err); test.want == nil && !syntax {
				t.Errorf("error %v, want a SyntaxError", err)
			}
			if test.want != nil && !strings.Contains(err.Error(), test.want.Error()) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	// What is found only when MAIL has been said leaves nothing behind.
	late := smtp.NewEnvelope("a@x.example", "b@x.example", "b@x.example")
	late.To[1].Options.Extra = []smtp.Param{{Keyword: "X", Value: strings.Repeat("x", 3000), HasValue: true}}
	if _, err := c.Send(t.Context(), late, strings.NewReader("")); err == nil || !c.Usable() {
		t.Errorf("a parameter of 3000 octets: %v, usable %v", err, c.Usable())
	}
	// Without 8BITMIME, the connection goes rather than the octets.
	_, err = c.Send(t.Context(), smtp.NewEnvelope("a@x.example", "b@x.example"), io.MultiReader(strings.NewReader("ok\r\n"), strings.NewReader("caf\xe9")))
	if !errors.Is(err, Err8Bit) || c.Usable() || len(s.messages()) > 0 {
		t.Errorf("8-bit: %v, usable %v, messages %v", err, c.Usable(), s.messages())
	}
}

func TestSendDrops(t *testing.T) {
	s := &sink{Server: new(smtpserver.Server)}
	s.Offer.Hide = []string{"SIZE"}
	s.start(t)
	p := int8(1)
	e := smtp.NewEnvelope("a@x.example", "b@x.example", "b@bücher.example")
	e.Options = smtp.MailOptions{Size: 2, Ret: smtp.RetFull, EnvID: "x", AuthAs: &smtp.Path{}, Priority: &p, DeliverBy: &smtp.DeliverBy{In: 1e9}}
	e.To[0].Options = smtp.RcptOptions{Notify: smtp.NotifyNever, ORcpt: smtp.ORcpt{Type: "rfc822", Addr: "b@x.example"}}
	res, err := s.dialer().Send(t.Context(), e, strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SIZE", "RET", "ENVID", "AUTH", "MT-PRIORITY", "BY", "NOTIFY", "ORCPT"}
	if diff := cmp.Diff(want, res.Dropped); diff != "" {
		t.Errorf("dropped, -want +got:\n%s", diff)
	}
	got := s.messages()[0]
	if diff := cmp.Diff(smtp.MailOptions{Body: smtp.Body8BitMIME}, got.Options, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("options, -want +got:\n%s", diff)
	}
	if got.To[1].Path.Domain != "xn--bcher-kva.example" { // RFC 5891, section 5.5: the same domain, in ASCII
		t.Errorf("domain %q", got.To[1].Path.Domain)
	}
}

// 5000 recipients are more than may be without an answer, and than the connection
// has room for.
func TestRFC2920_3_1_NoDeadlock(t *testing.T) {
	s := &sink{Server: new(smtpserver.Server)}
	s.Limits.Rcpts = -1
	s.net.ToServer.Window, s.net.ToClient.Window = 4096, 4096
	s.start(t)
	var to []string
	for range 5000 {
		to = append(to, "recipient@with.a.rather.long.domain.example")
	}
	res, err := s.dialer().Send(t.Context(), smtp.NewEnvelope("a@x.example", to...), strings.NewReader("hi"))
	if err != nil || len(res.Rcpts) != 5000 || len(s.messages()[0].To) != 5000 {
		t.Errorf("%v", err)
	}
}

func TestRFC9422_4_RcptMax(t *testing.T) {
	s := &sink{Server: new(smtpserver.Server)}
	s.Limits.Rcpts, s.Limits.Mails = 2, 1
	s.Offer.Limits = true
	s.start(t)
	c, err := s.dialer().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Send(t.Context(), smtp.NewEnvelope("a@x.example", "a@x.example", "b@x.example", "c@x.example"), strings.NewReader("hi"))
	e, ok := errors.AsType[*SendError](err)
	if !ok || cmp.Diff(e.Failed, []int{2}) != "" || !e.Temporary() || len(s.messages()) != 1 {
		t.Errorf("%v", err)
	}
	if c.Usable() {
		t.Error("MAILMAX is reached, and the client is usable")
	}
}

// Writes are what costs: the flight of a small message is two, and one with BDAT.
func TestSendWrites(t *testing.T) {
	for _, test := range []struct {
		chunking bool
		want     int
	}{{false, 2}, {true, 1}} {
		s := &sink{}
		s.start(t)
		d := s.dialer()
		d.Chunking = test.chunking
		c, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 2 {
			conn := c.tcp.(*memnet.Conn)
			before := conn.Sent().Writes
			if _, err := c.Send(t.Context(), smtp.NewEnvelope("a@x.example", "b@x.example", "c@x.example"), strings.NewReader(strings.Repeat("x\n", 2048))); err != nil {
				t.Fatal(err)
			}
			if got := conn.Sent().Writes - before; got != test.want {
				t.Errorf("chunking %v: %d writes, want %d", test.chunking, got, test.want)
			}
		}
	}
}

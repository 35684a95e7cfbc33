package smtp_test

import (
	"net/netip"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

// A steady is a session in its steady state, with a buffer for its replies.
type steady struct {
	s   *smtp.ServerSession
	out []byte
}

func newSteady() *steady {
	d := &steady{s: newSession(smtp.ServerConfig{Hostname: "mx.example"}), out: make([]byte, 0, 4096)}
	d.line([]byte("EHLO c.example"))
	return d
}

// line gives a line to the session, accepts whatever it asks for, and appends the reply.
func (d *steady) line(line []byte) {
	v := smtp.Reply{Code: 250}
	if r, refused := d.s.Step(line).(*smtp.Refused); refused {
		v = r.Reply
	}
	d.out = smtp.AppendReply(d.out[:0], d.s.Settle(v))
}

var (
	noopLine = []byte("NOOP")
	rsetLine = []byte("RSET")
	mailLine = []byte("MAIL FROM:<sender@a.example> SIZE=4096 BODY=8BITMIME")
	rcptLine = []byte("RCPT TO:<recipient@b.example>")
	dataLine = []byte("DATA")
	bdatLine = []byte("BDAT 4096 LAST")
)

func (d *steady) message() {
	d.line(mailLine)
	d.line(rcptLine)
	d.line(dataLine)
	d.s.Received(nil)
	d.out = smtp.AppendReply(d.out[:0], d.s.Settle(smtp.Reply{Code: 250}))
}

func TestAllocs(t *testing.T) {
	d := newSteady()
	received := smtp.Received{
		Helo: "c.example", Addr: netip.MustParseAddr("192.0.2.1"), By: "mx.example", With: "ESMTPS", ID: "q1", For: smtp.Path{Local: "you", Domain: "b.example"}, Time: someTime,
	}
	tests := []struct {
		name string
		most float64
		do   func()
	}{
		{"NOOP", 0, func() { d.line(noopLine) }},
		{"RSET", 0, func() { d.line(rsetLine) }},
		{"MAIL, RCPT, RSET", 0, func() { d.line(mailLine); d.line(rcptLine); d.line(rsetLine) }},
		{"message by DATA", 0, d.message},
		{"message by BDAT", 0, func() {
			d.line(mailLine)
			d.line(rcptLine)
			d.s.Step(bdatLine)
			d.s.Received(nil)
			d.out = smtp.AppendReply(d.out[:0], d.s.Settle(smtp.Reply{Code: 250}))
		}},
		{"refused out of order", 0, func() { d.line(rcptLine); d.s.Config.Limits.Errors = -1 }},
		{"AppendReceived", 0, func() { d.out = smtp.AppendReceived(d.out[:0], received) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d.s.Config.Limits.Errors = -1; d.s.State() == smtp.Closed {
				t.Fatal("closed")
			}
			tt.do()
			if got := testing.AllocsPerRun(200, tt.do); got > tt.most {
				t.Errorf("%v allocations, want at most %v", got, tt.most)
			}
		})
	}
}

// Paths come from the memory of the last few, and are the right ones for all that.
func TestPathsAreRemembered(t *testing.T) {
	s := newSession(smtp.ServerConfig{Offer: smtp.Offer{SMTPUTF8: true}})
	step := func(line string) smtp.Event {
		e := s.Step([]byte(line))
		s.Settle(replyTo(e, smtp.Reply{Code: 250}))
		return e
	}
	step("EHLO c")
	for round := range 3 {
		step("RSET")
		step("MAIL FROM:<a@d>")
		for i := range 20 {
			name := string(rune('a' + i))
			if e, ok := step("RCPT TO:<" + name + "@d>").(*smtp.RcptEvent); !ok || e.To.Local != name || e.Index != i {
				t.Errorf("round %d, recipient %s: %+v", round, name, e)
			}
		}
	}
	// What was remembered under SMTPUTF8 is none without it.
	step("RSET")
	if _, ok := step("MAIL FROM:<\u00f6@d> SMTPUTF8").(*smtp.MailEvent); !ok {
		t.Error("with SMTPUTF8: refused")
	}
	step("RSET")
	if _, ok := step("MAIL FROM:<\u00f6@d>").(*smtp.Refused); !ok {
		t.Error("without SMTPUTF8, and seen before: not refused")
	}
}

func BenchmarkParseCommand(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if c, err := smtp.ParseCommand(mailLine); err != nil || c.Verb != smtp.MAIL {
			b.Fatal(c, err)
		}
	}
}

func BenchmarkServerSession(b *testing.B) {
	for _, bench := range []struct {
		name string
		do   func(d *steady)
	}{
		{"noop", func(d *steady) { d.line(noopLine) }},
		{"mail_rcpt", func(d *steady) { d.line(mailLine); d.line(rcptLine); d.line(rsetLine) }},
		{"message", (*steady).message},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := newSteady()
			b.ReportAllocs()
			for b.Loop() {
				bench.do(d)
			}
		})
	}
}

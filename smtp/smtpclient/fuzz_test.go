package smtpclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// A setup is what a fuzzed octet says about the two sides.
type setup byte

const (
	noPipelining setup = 1 << iota
	noChunking
	byChunks
	lmtp
	allOrNothing
	refuseMail
	refuseContent
	reuse
)

// FuzzDelivery sends fuzzed messages to a server whose verdicts are fuzzed, over
// a connection cut at fuzzed places. What is sent is what arrives, at those who
// were accepted and nobody else, and each result is the verdict on its recipient.
func FuzzDelivery(f *testing.F) {
	f.Add(byte(0), byte(7), uint32(0), []byte{0, 1, 0, 2}, []byte("Subject: x\r\n\r\n.\r\n..\r\n"))
	f.Add(byte(byChunks), byte(1), uint32(0), []byte{0, 0}, []byte("a\nb\r.\r\n"))
	f.Add(byte(lmtp), byte(3), uint32(0), []byte{0, 3, 1, 0}, []byte("x"))
	f.Add(byte(lmtp|byChunks|noPipelining), byte(0), uint32(0), []byte{3, 0}, []byte(".\n.\r"))
	f.Add(byte(refuseMail), byte(2), uint32(0), []byte{0}, []byte("x"))
	f.Add(byte(refuseContent|byChunks), byte(2), uint32(0), []byte{0}, []byte("x"))
	f.Add(byte(allOrNothing|reuse), byte(2), uint32(0), []byte{0, 1}, []byte("x"))
	f.Add(byte(byChunks), byte(0), uint32(150_000), []byte{0}, []byte("a line of text\n"))
	f.Add(byte(0), byte(200), uint32(150_000), []byte{0}, []byte("a line of text\r\n."))
	f.Fuzz(func(t *testing.T, how, cut byte, length uint32, verdicts, body []byte) {
		if len(verdicts) == 0 || len(verdicts) > 40 || len(body) > 1000 {
			return
		}
		if length = min(length, 200_000); cut > 0 && cut < 100 {
			length = min(length, 5000) // octet by octet is slow
		}
		if n := int(length); len(body) > 0 && n > len(body) {
			body = bytes.Repeat(body, n/len(body))
		}
		x := &delivery{t: t, how: setup(how), verdicts: verdicts, body: body}
		x.run(int(cut))
	})
}

// A delivery is one run of FuzzDelivery. Verdict 1 refuses a recipient at RCPT, 2
// does so for now, 3 refuses it behind the content in LMTP.
type delivery struct {
	t        *testing.T
	how      setup
	verdicts []byte
	body     []byte
}

func (x *delivery) has(s setup) bool { return x.how&s != 0 }

func index(p smtp.Path) (i int) {
	fmt.Sscanf(p.Local, "r%d", &i)
	return i
}

func (x *delivery) run(cut int) {
	s := &sink{Server: new(smtpserver.Server)}
	s.Limits.Errors = -1
	if x.has(lmtp) {
		s.Protocol = smtp.LMTP
	}
	if x.has(noPipelining) {
		s.Offer.Hide = append(s.Offer.Hide, "PIPELINING")
	}
	if x.has(noChunking) {
		s.Offer.Hide = append(s.Offer.Hide, "CHUNKING")
	}
	if cut > 0 {
		s.net.ToServer.Chunk, s.net.ToClient.Chunk = memnet.Chunks(cut, 1, cut/2+1), memnet.Chunks(cut/3+1, 2)
	}
	s.rcpt = func(_ *smtpserver.Message, to smtp.Rcpt) error {
		switch i := index(to.Path); x.verdicts[i] {
		case 1:
			return &smtp.Reject{Code: 550, Text: fmt.Sprint("verdict on ", i)}
		case 2:
			return &smtp.Reject{Code: 450, Text: fmt.Sprint("verdict on ", i)}
		}
		return nil
	}
	s.data = func(m *smtpserver.Message, _ []byte) error {
		if x.has(refuseContent) {
			return &smtp.Reject{Code: 554, Text: "verdict on all"}
		}
		if x.has(lmtp) {
			for n, to := range m.To {
				if i := index(to.Path); x.verdicts[i] == 3 {
					m.SetRcpt(n, &smtp.Reject{Code: 552, Text: fmt.Sprint("verdict on ", i)})
				}
			}
		}
		return nil
	}
	s.mail = func(*smtpserver.Message) error {
		if x.has(refuseMail) {
			return &smtp.Reject{Code: 550, Text: "verdict on all"}
		}
		return nil
	}
	s.start(x.t)
	d := s.dialer()
	d.Chunking, d.AllOrNothing = x.has(byChunks), x.has(allOrNothing)
	c, err := d.Connect(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	defer c.Close()
	for n := range 2 {
		x.send(c, s, n)
		if !x.has(reuse) {
			break
		}
	}
}

// send sends the message and looks at what became of it.
func (x *delivery) send(c *Client, s *sink, before int) {
	e := &smtp.Envelope{From: smtp.Path{Local: "from", Domain: "x.example"}}
	refused := 0
	for i, v := range x.verdicts {
		e.To = append(e.To, smtp.Rcpt{Path: smtp.Path{Local: fmt.Sprint("r", i), Domain: "x.example"}})
		if v == 1 || v == 2 {
			refused++
		}
	}
	res, err := c.Send(x.t.Context(), e, bytes.NewReader(x.body))
	if !c.Usable() {
		x.t.Fatalf("the client is not usable: %v", c.broken)
	}
	failed := 0
	for i, r := range res.Rcpts {
		want := x.want(i, refused)
		if r.Err != nil {
			failed++
		}
		if got := verdictOf(r.Err); got != want {
			x.t.Errorf("recipient %d: %q (%v), want %q", i, got, r.Err, want)
		}
	}
	if (err == nil) != (failed == 0) {
		x.t.Errorf("error %v, and %d failed", err, failed)
	}
	got := s.messages()
	if x.has(refuseMail) || x.has(refuseContent) || refused == len(e.To) || refused > 0 && x.has(allOrNothing) {
		if len(got) > 0 {
			x.t.Fatalf("delivered: %+v", got)
		}
		return
	}
	if len(got) != before+1 {
		x.t.Fatalf("%d messages, want %d", len(got), before+1)
	}
	m := got[before]
	if want := x.content(); m.Content != want {
		x.t.Errorf("content %.300q, want %.300q", m.Content, want)
	}
	if len(m.To) != len(e.To)-refused || m.From != e.From {
		x.t.Errorf("delivered from %v to %v", m.From, m.To)
	}
}

// want is the text of the verdict on recipient i, "" if it is accepted.
func (x *delivery) want(i, refused int) string {
	v := x.verdicts[i]
	own := fmt.Sprint("verdict on ", i)
	switch {
	case x.has(refuseMail):
		return "verdict on all"
	case v == 1 || v == 2:
		return own
	case refused > 0 && x.has(allOrNothing):
		return "others"
	case x.has(refuseContent):
		return "verdict on all"
	case v == 3 && x.has(lmtp):
		return own
	}
	return ""
}

func verdictOf(err error) string {
	if r, ok := errors.AsType[*smtp.ReplyError](err); ok {
		return r.Reply.Text
	}
	if errors.Is(err, ErrRefusedOthers) {
		return "others"
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// content is what must arrive: every CR, LF and CRLF is a line end, and DATA
// completes the last line.
func (x *delivery) content() string {
	s := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(string(x.body))
	if (!x.has(byChunks) || x.has(noChunking)) && s != "" && !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	return s
}

// FuzzReplies lets a server say whatever it likes. The client ends, with an
// error or without, and takes no more memory than its limits grant.
func FuzzReplies(f *testing.F) {
	scripts, err := transcript.Load("../smtpserver/testdata/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range scripts {
		f.Add(byte(0), s.Octets(transcript.Server))
	}
	f.Add(byte(0), []byte("220 a\r\n250-a\r\n250 PIPELINING\r\n250 a\r\n250 a\r\n354 a\r\n250 a\r\n221 a\r\n"))
	f.Add(byte(2), []byte("220 a\r\n250-a\r\n250 CHUNKING\r\n250 a\r\n250 a\r\n250 a\r\n250 a\r\n"))
	f.Add(byte(4), []byte("220 a\r\n250-a\r\n250 AUTH PLAIN LOGIN\r\n334 \r\n334 \r\n334 \r\n"))
	f.Add(byte(8), []byte("220 a\r\n250-a\r\n250 STARTTLS\r\n220 a\r\n250 a\r\n"))
	f.Add(byte(1), []byte("220 a\r\n250 a\r\n250 a\r\n250 a\r\n550 a\r\n354 a\r\n250 a\r\n421 a\r\n"))
	f.Add(byte(0), []byte("220 a\r\n250 a\r\n250 a\r\n250 a\r\n550 a\r\n354 a\r\n250 a\r\n221 a\r\n"))
	f.Add(byte(16), []byte("220 a\r\n250 a\r\n250 a\r\n250 a\r\n"))
	f.Add(byte(0), []byte("554 a\r\n"))
	f.Fuzz(func(t *testing.T, how byte, replies []byte) {
		var o memnet.Options
		if how&16 == 0 { // reply by reply; else all are there at once
			o.ToClient.Chunk = oneReply(replies)
		}
		client, server := memnet.Pipe(o)
		d := &Dialer{Addr: "x.example", LocalName: "c.example", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Chunking: how&2 != 0,
			Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
		if how&1 != 0 {
			d.Protocol = smtp.LMTP
		}
		if how&4 != 0 {
			d.Credentials = auth.Credentials{Username: "u", Password: "p"}
			d.Auth.Cleartext = auth.CleartextAny
			d.Auth.Prefer = []string{"PLAIN", "LOGIN"}
		}
		if how&8 != 0 {
			d.TLS.Level = auth.TLSOpportunistic
		}
		server.Write(replies)
		server.CloseWrite()
		go io.Copy(io.Discard, server)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		e := smtp.NewEnvelope("a@x.example", "b@x.example", "c@x.example")
		res, err := d.Send(ctx, e, strings.NewReader("x\r\n"))
		if ctx.Err() != nil {
			t.Fatalf("no end: %v", err)
		}
		server.Close()
		for i, r := range res.Rcpts {
			accepted := r.Rcpt.Positive() && r.Final.Positive() && r.Rcpt.Code > 0 && r.Final.Code > 0
			if (r.Err == nil) != accepted {
				t.Errorf("recipient %d: %+v", i, r)
			}
		}
	})
}

// oneReply is a Flow.Chunk that lets one reply through at each Read.
func oneReply(replies []byte) func() int {
	return func() int {
		n := 0
		for line := range bytes.Lines(replies) {
			n += len(line)
			if len(line) < 4 || line[3] != '-' {
				break
			}
		}
		replies = replies[n:]
		return n
	}
}

package smtptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// RunHandler drives a handler through sessions that end in every way: complete
// messages by DATA and by BDAT, several of them, RSET and EHLO in the middle,
// content that is refused, connections that are lost; some of them at once. rcpts
// are recipients that the handler accepts, or perhaps accepts; none: <postmaster>.
//
// It is an error if a hook panics; if it returns a Reject whose code is none of
// 400 to 599; if Data accepts a message that it has not read to io.EOF, or whose
// reading has failed. What the server owes the handler is looked at too: End once
// for each MAIL that was accepted, Close once for each session, and no octet of a
// message once Data has returned. Run it with the race detector.
func RunHandler(t *testing.T, h smtpserver.Handler, rcpts ...smtp.Path) {
	t.Helper()
	if len(rcpts) == 0 {
		rcpts = []smtp.Path{{Local: "postmaster"}}
	}
	for _, protocol := range []smtp.Protocol{smtp.SMTP, smtp.LMTP} {
		w := &watch{h: h}
		s := &smtpserver.Server{Hostname: "mx.example", Handler: w, Protocol: protocol, Limits: smtp.Limits{Message: 1 << 20}}
		var all sync.WaitGroup
		for _, end := range handlerScripts(rcpts) {
			all.Go(func() { playHandler(w, s, end) })
		}
		all.Wait()
		s.Close()
		for _, wrong := range w.finish() {
			t.Errorf("%s: %s", protocol, wrong)
		}
	}
}

// A handlerScript is what a client does in one session. What the handler accepts
// is its own affair, so that replies are hardly looked at.
type handlerScript struct {
	name  string
	steps []handlerStep
	lost  bool // the connection ends without QUIT
}

type handlerStep struct {
	octets  string
	content bool // of DATA, which comes before; left out if that is refused
}

func envelopeFor(rcpts []smtp.Path) string {
	var b strings.Builder
	b.WriteString("MAIL FROM:<smtptest@x.example>\r\n")
	for _, to := range rcpts {
		b.WriteString("RCPT TO:" + path(to) + "\r\n")
	}
	return b.String()
}

func handlerScripts(rcpts []smtp.Path) []handlerScript {
	envelope := envelopeFor(rcpts)
	text := "Subject: test\r\n\r\nx\r\n"
	lines := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 20_000) // over 1 MiB
	chunk := func(s, last string) string { return fmt.Sprintf("BDAT %d%s\r\n%s", len(s), last, s) }
	send := func(octets ...string) (steps []handlerStep) {
		for _, o := range octets {
			steps = append(steps, handlerStep{octets: o})
		}
		return steps
	}
	data := func(content ...string) (steps []handlerStep) {
		steps = send(envelope)
		for _, o := range content {
			steps = append(steps, handlerStep{o, true})
		}
		return steps
	}
	return []handlerScript{
		{name: "nothing"},
		{name: "nothing, lost", lost: true},
		{name: "DATA", steps: data(text, ".\r\n")},
		{name: "two messages", steps: append(data(text, ".\r\n"), data(".\r\n")...)},
		{name: "large", steps: data(text, lines[:len(lines)/4], ".\r\n")},
		{name: "too large", steps: data(text, lines, ".\r\n")},
		{name: "bare LF", steps: data("Subject: test\n\nx\n", "\r\n.\r\n")},
		{name: "bare LF late", steps: data(text, "x\n", "\r\n.\r\n")},
		{name: "BDAT", steps: send(envelope, chunk(text, ""), chunk("y\r\n", ""), chunk("", " LAST"))},
		{name: "BDAT at once", steps: send(envelope + chunk(text, " LAST"))},
		{name: "BDAT out of order", steps: send(chunk(text, " LAST"), envelope, "RSET\r\n", chunk(text, " LAST"))},
		{name: "BDAT and RSET", steps: send(envelope, chunk(text, ""), "RSET\r\n", envelope, chunk(text, " LAST"))},
		{name: "BDAT and QUIT", steps: send(envelope, chunk(text, ""))},
		{name: "BDAT, lost", steps: send(envelope, chunk(text, ""), "BDAT 100\r\nabc"), lost: true},
		{name: "BDAT too large", steps: send(envelope, chunk(text, ""), chunk(lines, ""), chunk("", " LAST"))},
		{name: "RSET", steps: append(send(envelope, "RSET\r\n"), data(text, ".\r\n")...)},
		{name: "EHLO", steps: send(envelope, "EHLO c.example\r\nLHLO c.example\r\n")},
		{name: "QUIT in a transaction", steps: send(envelope)},
		{name: "lost in a transaction", steps: send(envelope), lost: true},
		{name: "lost in content", steps: data(text), lost: true},
		{name: "lost at the dot", steps: data(text, "."), lost: true},
		{name: "nested MAIL", steps: append(send(envelope), data(text, ".\r\n")...)},
		{name: "queries", steps: send("VRFY a\r\nEXPN b\r\nHELP\r\nFOO bar\r\nNOOP\r\n")},
	}
}

// playHandler plays one session.
func playHandler(w *watch, s *smtpserver.Server, script handlerScript) {
	c, done := Pipe(s)
	defer c.Close()
	d := newDialogue(context.Background(), &Target{Protocol: s.Protocol, Patience: time.Minute}, suite.Any)
	d.conn = c
	d.reply()
	d.do(d.ehlo()+" client.example", "2", "4", "5")
	inContent := false
	for _, step := range script.steps {
		switch {
		case d.err != nil: // the handler has ended the session
		case !step.content:
			inContent = false
			d.send(step.octets)
		default:
			if !inContent {
				inContent = d.startContent()
			}
			if inContent {
				d.send(step.octets)
				inContent = step.octets != ".\r\n"
			}
		}
	}
	if !script.lost {
		d.trySend("QUIT\r\n")
		c.SetReadDeadline(time.Now().Add(time.Minute))
		io.Copy(io.Discard, c)
	}
	c.Close()
	<-done
}

// startContent sends DATA once all that came before is answered, for which there
// is a refusal that nothing else draws, and reports whether content may follow.
func (d *dialogue) startContent() bool {
	d.send("QUIT now\r\n")
	for d.err == nil && d.reply().code != "501" {
	}
	d.send("DATA\r\n")
	return d.reply().code == "354"
}

// A watch is a handler that passes everything on and looks at it.
type watch struct {
	h smtpserver.Handler

	mu    sync.Mutex
	wrong []string
	open  map[*watchSession]bool // Close has not been called
}

type watchSession struct {
	w        *watch
	messages map[*smtpserver.Message]bool // accepted at MAIL; End has not been called
	ended    bool
}

func (w *watch) complain(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// finish returns what was wrong, once all sessions are over.
func (w *watch) finish() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.open {
		w.wrong = append(w.wrong, "Close was not called for a session")
		if len(s.messages) > 0 {
			w.wrong = append(w.wrong, "End was not called for a message")
		}
	}
	return w.wrong
}

// guard reports a panic of the handler's, and lets it go on.
func (w *watch) guard(hook string) {
	if p := recover(); p != nil {
		w.complain("%s panics: %v\n%s", hook, p, debug.Stack())
		panic(p)
	}
}

// judge looks at what a hook returned.
func (w *watch) judge(hook string, err error) error {
	if r, ok := errors.AsType[*smtp.Reject](err); ok && (r.Code < 400 || r.Code > 599) {
		w.complain("%s refuses with the code %d", hook, r.Code)
	}
	return err
}

// NewSession implements smtpserver.Handler.
func (w *watch) NewSession(ctx context.Context, c *smtpserver.Conn) (*smtpserver.Session, error) {
	defer w.guard("NewSession")
	inner, err := w.h.NewSession(ctx, c)
	if w.judge("NewSession", err) != nil || inner == nil {
		return inner, err
	}
	s := &watchSession{w: w, messages: make(map[*smtpserver.Message]bool)}
	w.mu.Lock()
	if w.open == nil {
		w.open = make(map[*watchSession]bool)
	}
	w.open[s] = true
	w.mu.Unlock()
	return s.wrap(*inner), nil
}

// wrap puts itself around the hooks.
func (s *watchSession) wrap(h smtpserver.Session) *smtpserver.Session {
	o := h
	if h.Hello != nil {
		o.Hello = func(ctx context.Context, v smtp.Verb, name string) error {
			defer s.w.guard("Hello")
			return s.w.judge("Hello", h.Hello(ctx, v, name))
		}
	}
	o.Mail = func(ctx context.Context, m *smtpserver.Message) (err error) {
		defer s.w.guard("Mail")
		if h.Mail != nil {
			err = s.w.judge("Mail", h.Mail(ctx, m))
		}
		if err == nil {
			s.messages[m] = true
		}
		return err
	}
	if h.Rcpt != nil {
		o.Rcpt = func(ctx context.Context, m *smtpserver.Message, to smtp.Rcpt) error {
			defer s.w.guard("Rcpt")
			return s.w.judge("Rcpt", h.Rcpt(ctx, m, to))
		}
	}
	if h.BodyStart != nil {
		o.BodyStart = func(ctx context.Context, m *smtpserver.Message) error {
			defer s.w.guard("BodyStart")
			return s.w.judge("BodyStart", h.BodyStart(ctx, m))
		}
	}
	if h.Data != nil {
		o.Data = func(ctx context.Context, m *smtpserver.Message) error {
			defer s.w.guard("Data")
			return s.data(m, s.w.judge("Data", h.Data(ctx, m)))
		}
	}
	o.End = func(m *smtpserver.Message, why smtpserver.EndReason) {
		defer s.w.guard("End")
		s.end(m)
		if h.End != nil {
			h.End(m, why)
		}
	}
	o.Close = func(err error) {
		defer s.w.guard("Close")
		s.close()
		if h.Close != nil {
			h.Close(err)
		}
	}
	return &o
}

// data looks at a message that Data has accepted: had it been read, another Read
// would say io.EOF.
func (s *watchSession) data(m *smtpserver.Message, err error) error {
	if err != nil {
		return err
	}
	if n, rerr := m.Read(make([]byte, 1)); n > 0 || rerr != io.EOF {
		s.w.complain("Data accepts a message that it has not read to its end (the next Read gives %d octets, %v)", n, rerr)
	}
	return nil
}

func (s *watchSession) end(m *smtpserver.Message) {
	if !s.messages[m] {
		s.w.complain("End is called for a message that has ended, or was never accepted")
	}
	delete(s.messages, m)
	if n, err := m.Read(make([]byte, 1)); n > 0 || err != smtpserver.ErrMessageDone {
		s.w.complain("a message can be read when it has ended: %d octets, %v", n, err)
	}
}

func (s *watchSession) close() {
	if s.ended {
		s.w.complain("Close is called twice")
	}
	s.ended = true
	if n := len(s.messages); n > 0 {
		s.w.complain("Close is called, and End was not for %d messages", n)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	delete(s.w.open, s)
}

package smtpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

// What Message.Read returns beside io.EOF and the errors of the connection.
var (
	// ErrMessageDone: Data has returned. What is read after that would be
	// somebody else's.
	ErrMessageDone = errors.New("smtpserver: the message is over")
	// ErrReset: the client gave the message up between two chunks.
	ErrReset = errors.New("smtpserver: the client reset the transaction")
)

// A Message is one transaction: the envelope as far as it is known, and, in
// Data, the content. It is made for each MAIL; its values may be kept. Only Read
// and WriteTo may be called by another goroutine than the hook's, and they fail
// once Data has returned.
type Message struct {
	smtp.Envelope
	Conn *Conn

	content smtp.Content
	queued  string
	results []rcptResult // by recipient; shorter than To: the rest is not set

	mu      sync.Mutex          // held while content is read
	ctx     context.Context     // of Data, for what happens between chunks
	reader  *smtp.ContentReader // of the piece that is being read; nil: none
	last    bool                // no more pieces follow it
	writer  copyWriter          // of WriteTo
	running bool                // Data has been called and has not returned
	called  bool                // Data has been called
	err     error               // of reading: io.EOF at the genuine end
	verdict smtp.Reply          // Data's, once it has returned
}

type rcptResult struct {
	set bool
	err error
}

// Read reads the content. io.EOF comes only at its genuine end. Else:
// a *smtp.ContentError as soon as it is clear that the content is refused,
// io.ErrUnexpectedEOF if the connection was lost, ErrReset if the client gave
// up between chunks, ErrMessageDone after Data has returned, or another error of
// the connection. After any of these nothing may be delivered.
func (m *Message) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if err := m.readable(); err != nil {
			return 0, err
		}
		n, err := m.reader.Read(p)
		if err == nil {
			return n, nil
		}
		m.endOfPiece(err)
	}
}

// WriteTo writes the content to w, straight from the read buffer. It returns nil
// at the genuine end; errors are those of Read, or of w.
func (m *Message) WriteTo(w io.Writer) (total int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if err := m.readable(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
		m.writer = copyWriter{w: w}
		n, err := m.reader.WriteTo(&m.writer)
		total += n
		if m.writer.err != nil {
			return total, m.writer.err
		}
		if err == nil {
			err = io.EOF
		}
		m.endOfPiece(err)
	}
}

// A copyWriter tells errors of the writer from errors of the content.
type copyWriter struct {
	w   io.Writer
	err error
}

func (c *copyWriter) Write(p []byte) (n int, err error) {
	if n, err = c.w.Write(p); err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	c.err = err
	return n, err
}

func (m *Message) readable() error {
	if !m.running {
		return ErrMessageDone
	}
	return m.err
}

// endOfPiece is told why the current piece cannot be read on. Behind a chunk that
// is not the last it goes on to the next one, as the client sends it.
func (m *Message) endOfPiece(err error) {
	switch {
	case err != io.EOF || m.last:
		m.err = err
	default:
		m.err = m.Conn.nextChunk(m)
	}
}

// Size returns how many octets of content have been read off the wire so far.
func (m *Message) Size() int64 { return m.content.Size() }

// SetRcpt says what became of recipient i of To: nil for delivered, else what
// a hook would return. In LMTP each recipient gets its reply so, and one that
// is not set gets Data's. SMTP has one reply for all: it is positive if Data
// returns nil and any recipient is, and then the handler owes a bounce to the
// sender for the others. RFC 2033, section 4.2; RFC 5321, section 4.2.5.
func (m *Message) SetRcpt(i int, err error) {
	if i < 0 || i >= len(m.To) {
		panic("smtpserver: SetRcpt of a recipient that was not accepted")
	}
	for len(m.results) <= i {
		m.results = append(m.results, rcptResult{})
	}
	m.results[i] = rcptResult{true, err}
}

// Queued names the message in the reply that accepts it: printable ASCII without
// space, 64 octets at most. Any other id is ignored, and logged.
func (m *Message) Queued(id string) {
	visible := func(c rune) bool { return c > ' ' && c < 0x7f }
	if id == "" || len(id) > 64 || strings.TrimLeftFunc(id, visible) != "" {
		m.Conn.log.Warn("queue id not fit for a reply", "id", id)
		return
	}
	m.queued = id
}

// AppendReceived appends the trace field for this message. The server never adds
// it by itself: a handler puts it on top of what it stores. RFC 5321, section 4.4.
func (m *Message) AppendReceived(dst []byte, t time.Time) []byte {
	c := m.Conn
	r := smtp.Received{
		Helo: c.hello, Addr: c.remote.Addr(), By: c.s.Config.Hostname, With: m.protocol(), ID: m.queued, Time: t,
	}
	if state := c.TLS(); state != nil {
		r.TLS = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	}
	if len(m.To) == 1 { // more would tell one recipient of the others
		r.For = m.To[0].Path
	}
	return smtp.AppendReceived(dst, r)
}

// protocol is the keyword of the with clause: RFC 3848, section 1; RFC 6531,
// section 4.3.
func (m *Message) protocol() string {
	c := m.Conn
	name := "ESMTP"
	switch {
	case c.server.Protocol == smtp.LMTP && m.Options.UTF8:
		name = "UTF8LMTP"
	case c.server.Protocol == smtp.LMTP:
		name = "LMTP"
	case m.Options.UTF8:
		name = "UTF8SMTP"
	case !c.extended:
		return "SMTP"
	}
	if c.TLS() != nil {
		name += "S"
	}
	if c.identity != nil {
		name += "A"
	}
	return name
}

// finish ends all reading. A Read that another goroutine is in is waited for:
// what it takes is content, and nothing else may be read meanwhile.
func (m *Message) finish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = false
}

// verdictOn is the verdict on what Data, or SetRcpt, says of a message. Where
// reading has failed the message is not delivered, whatever they say, and if they
// say nothing else it was the peer that failed and not the handler. Content that
// is refused is so by the session, for the reason that holds at its end.
func (m *Message) verdictOn(ctx context.Context, err error) smtp.Reply {
	_, refused := errors.AsType[*smtp.ContentError](m.err)
	switch {
	case m.err == nil, m.err == io.EOF, err != nil && !errors.Is(err, m.err):
		return m.Conn.verdict(ctx, err)
	case refused:
		return ok
	}
	return localError
}

// replyFor returns the verdict on recipient i at the end of a message of LMTP.
func (m *Message) replyFor(ctx context.Context, i int) smtp.Reply {
	if i < len(m.results) && m.results[i].set {
		return m.named(m.verdictOn(ctx, m.results[i].err))
	}
	return m.named(m.verdict)
}

// reply returns the one verdict of SMTP.
func (m *Message) reply(ctx context.Context) smtp.Reply {
	if !m.verdict.Positive() || len(m.results) < len(m.To) {
		return m.named(m.verdict)
	}
	worst := m.verdict
	for i, r := range m.results {
		if !r.set || r.err == nil {
			return m.named(m.verdict)
		}
		v := m.verdictOn(ctx, r.err)
		if i == 0 || worst.Code/100 == 5 && v.Code/100 == 4 {
			worst = v
		}
	}
	return worst
}

// named puts the queue id into a positive reply.
func (m *Message) named(v smtp.Reply) smtp.Reply {
	if v.Positive() && m.queued != "" {
		v.Text = "OK queued as " + m.queued
	}
	return v
}

// mail carries out MAIL.
func (c *Conn) mail(ctx context.Context, e *smtp.MailEvent) {
	m := &Message{Conn: c}
	m.From, m.Options = e.From, e.Options
	m.content.LineEnds = c.server.LineEnds
	m.content.Limits = &c.s.Config.Limits
	if e.Options.Body == smtp.BodyBinaryMIME { // RFC 3030, section 3: any octets
		m.content.LineEnds = smtp.KeepBare
	}
	v := ok
	switch {
	case c.link.Stopping():
		v = errShutdown.Reply()
	case c.session.Mail != nil:
		v = c.verdict(ctx, c.session.Mail(ctx, m))
	}
	if v.Positive() {
		c.message = m
		c.clock.pace.Start()
	}
	c.settle(v, Closed)
}

// rcpt carries out RCPT.
func (c *Conn) rcpt(ctx context.Context, e *smtp.RcptEvent) {
	to := smtp.Rcpt{Path: e.To, Options: e.Options}
	v := smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "no mail for this recipient here"}
	if c.session.Rcpt != nil {
		v = c.verdict(ctx, c.session.Rcpt(ctx, c.message, to))
	}
	if v.Positive() {
		c.message.To = append(c.message.To, to)
	}
	c.settle(v, Closed)
}

package smtp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

// An opcode of FuzzServerSession is one octet: the low five bits choose what the
// peer sends, the high three what the application answers. So every octet does
// something, and a short input goes deep: by text, the fuzzer would spend its
// time on spelling MAIL.
var opLines = [32]string{
	"EHLO c.example", "HELO c.example", "LHLO c.example", "MAIL FROM:<a@d.example>", "MAIL FROM:<> SIZE=20 BODY=8BITMIME", "MAIL FROM:<a@d.example> SIZE=99",
	"RCPT TO:<b@d.example>", "RCPT TO:<postmaster>", "RCPT TO:<>", "DATA", "BDAT 0", "BDAT 7", "BDAT 9 LAST", "BDAT 0 LAST", "BDAT 33", "BDAT x",
	"RSET", "NOOP x", "QUIT", "VRFY joe", "STARTTLS", "AUTH LOGIN", "AUTH PLAIN AGEAYg==", "*", "YWJj", "XFOO \r\xff", "", opBadLine, opFail, "XCLIENT ADDR=192.0.2.1 LOGIN=joe", "EXPN list SMTPUTF8", "ETRN d",
}

const (
	opBadLine = "(bad line)"
	opFail    = "(fail)"
)

var opVerdicts = [8]smtp.Reply{
	{Code: 250},
	{Code: 250, Text: "fine\r\n550 or not"},
	{Code: 334, Text: "YQ=="},
	{Code: 550, Enhanced: smtp.EnhancedCode{2, 1, 1}, Text: strings.Repeat("no \xff", 200)},
	{Code: 450, Enhanced: smtp.EnhancedCode{4, 2000, 1}},
	{Code: 250, Enhanced: smtp.EnhancedCode{5, 0, 0}},
	{Code: 421, Text: "bye"},
	{Code: 0},
}

// A model is what an onlooker knows who hears every line and every reply, and
// nothing of the session's fields.
type model struct {
	t   testing.TB
	s   *smtp.ServerSession
	log []string

	protocol smtp.Protocol
	required bool // AUTH, TLS or both are required
	needsTLS bool
	xclient  bool // the peer may speak for others

	tls, authed bool
	hello       smtp.Verb // accepted since TLS began
	mail        bool      // accepted, and nothing has ended it
	rcpts       int       // accepted since
	chunks      bool      // a chunk was accepted since
	failed      bool      // a chunk was refused since
	auth        bool      // inside an exchange
	down        bool      // a verdict was 421 that had to wait for other replies

	octets, dropped, taken int64 // of BDAT: announced, skipped, asked for
}

func (m *model) failf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nstate %v, dialogue:\n%s", fmt.Sprintf(format, args...), m.s.State(), strings.Join(m.log, "\n"))
}

// forget leaves only what was never said by the peer.
func (m *model) forget() {
	*m = model{
		t: m.t, s: m.s, log: m.log, protocol: m.protocol, required: m.required, needsTLS: m.needsTLS, xclient: m.xclient,
		tls: m.tls, octets: m.octets, dropped: m.dropped, taken: m.taken,
	}
}

func (m *model) endTransaction() { m.mail, m.rcpts, m.chunks, m.failed = false, 0, false, false }

// settle settles once, and asserts what holds of every reply.
func (m *model) settle(v smtp.Reply) smtp.Reply {
	if !mustPanic(func() { m.s.Step([]byte("NOOP")) }) || !mustPanic(func() { m.s.BadLine(smtp.ErrNUL) }) {
		m.failf("Step behind Step does not panic")
	}
	r := m.s.Settle(v)
	wire := smtp.AppendReply(nil, r)
	m.log = append(m.log, fmt.Sprintf("  %d: %.80q", v.Code, wire))
	code := checkReplyOnWire(m.t, wire)
	parsed, err := smtp.ParseReply(wire)
	if err != nil || parsed.Code != r.Code || parsed.Enhanced != r.Enhanced {
		m.failf("%q is read as %+v, %v", wire, parsed, err)
	}
	closed := m.s.State() == smtp.Closed
	if code == 421 && !closed || closed && code != 421 && code != 221 && code != 501 && !m.down { // 501: BDAT of unknown length
		m.failf("code %d leads to %v", code, m.s.State())
	}
	return r
}

// do carries out one opcode.
func (m *model) do(op byte) {
	line, v := opLines[op&31], opVerdicts[op>>5]
	before := m.s.State()
	if m.auth != (before == smtp.Authing) {
		m.failf("inside an exchange: %v", m.auth)
	}
	m.log = append(m.log, line)
	var e smtp.Event
	switch line {
	case opFail:
		if r := m.s.Fail(nil); r.Code != 421 || m.s.State() != smtp.Closed {
			m.failf("Fail: %v", r)
		}
		return
	case opBadLine:
		e = m.s.BadLine(smtp.ErrLineTooLong)
	default:
		e = m.s.Step([]byte(line))
	}
	m.log = append(m.log, "  "+showEvent(e))
	var size int64
	if n, _ := fmt.Sscanf(line, "BDAT %d", &size); n == 1 && !m.auth {
		m.octets += size
	}
	switch e := e.(type) {
	case *smtp.Refused:
		m.refused(e, before, line)
	case *smtp.HelloEvent:
		if r := m.settle(v); r.Code == 250 {
			m.hello = e.Verb
			m.endTransaction()
		} else if m.unmoved(before, r); r.Positive() {
			m.failf("hello answered with %v", r)
		}
	case *smtp.MailEvent:
		if m.hello == 0 || m.mail || m.needsTLS && !m.tls || m.required && !m.authed {
			m.failf("MAIL is asked")
		}
		if r := m.settle(v); r.Code == 250 {
			m.endTransaction()
			m.mail = true
		} else {
			m.unmoved(before, r)
		}
	case *smtp.RcptEvent:
		if !m.mail || m.chunks || m.failed || e.Index != m.rcpts || e.To.IsNull() {
			m.failf("RCPT is asked with index %d", e.Index)
		}
		if r := m.settle(v); r.Positive() {
			m.rcpts++
		} else {
			m.unmoved(before, r)
		}
	case *smtp.DataEvent:
		m.content("DATA")
		if r := m.settle(v); r.Code != 354 {
			m.unmoved(before, r)
		} else if m.chunks {
			m.failf("DATA behind BDAT")
		} else {
			m.end(op, true)
		}
	case *smtp.ChunkEvent:
		m.content("BDAT")
		if m.taken += e.Size; e.First == m.chunks || e.Size != size {
			m.failf("a chunk of %d, first %v", e.Size, e.First)
		}
		m.end(op, e.Last)
	case *smtp.AuthEvent:
		if !m.auth && (m.authed || m.mail || m.hello == 0 || m.hello == smtp.HELO) {
			m.failf("AUTH is asked")
		}
		r := m.settle(v)
		m.auth = r.Code == 334
		m.authed = m.authed || r.Code == 235
		if r.Positive() && r.Code != 334 && r.Code != 235 {
			m.failf("AUTH answered with %v", r)
		}
	case *smtp.StartTLSEvent:
		if m.tls || m.mail {
			m.failf("STARTTLS is asked")
		}
		if r := m.settle(v); r.Code != 220 {
			m.unmoved(before, r)
			return
		}
		m.s.TLSDone()
		m.forget()
		m.tls = true
		if m.s.State() != smtp.Greeted || m.s.Secret() {
			m.failf("behind TLSDone")
		}
	case *smtp.XClientEvent:
		if !m.xclient || m.mail {
			m.failf("XCLIENT is asked")
		}
		r := m.settle(v)
		m.forget()
		m.authed = true // as joe
		if want, known := map[int]smtp.State{220: smtp.Greeted, 554: smtp.Turned, 421: smtp.Closed}[r.Code]; !known || m.s.State() != want {
			m.failf("XCLIENT answered with %v leads to %v", r, m.s.State())
		}
	case *smtp.ResetEvent:
		if r := m.settle(v); r.Code == 250 {
			m.endTransaction()
		} else if r.Code != 421 {
			m.failf("RSET answered with %v", r)
		}
	case *smtp.QuitEvent:
		if r := m.settle(v); r.Code != 221 && r.Code != 421 || m.s.State() != smtp.Closed {
			m.failf("QUIT answered with %v", r)
		}
	case *smtp.NoopEvent:
		m.unmoved(before, m.settle(v))
	case *smtp.QueryEvent, *smtp.CommandEvent:
		r := m.settle(v)
		if m.unmoved(before, r); r.Code/100 == 3 {
			m.failf("answered with %v", r)
		}
	default:
		m.failf("event %T", e)
	}
}

// content asserts that content may follow.
func (m *model) content(verb string) {
	if !m.mail || m.rcpts == 0 || m.failed {
		m.failf("%s is asked with %d recipients", verb, m.rcpts)
	}
}

// unmoved asserts that the reply left the state.
func (m *model) unmoved(before smtp.State, r smtp.Reply) {
	if s := m.s.State(); s != before && !(r.Code == 421 && s == smtp.Closed) {
		m.failf("%v leads from %v to %v", r, before, s)
	}
}

// refused carries out what the session refuses by itself.
func (m *model) refused(e *smtp.Refused, before smtp.State, line string) {
	m.dropped += e.Skip
	isBdat := strings.HasPrefix(line, "BDAT") && !m.auth
	last := strings.HasSuffix(line, "LAST")
	replies := 1
	if isBdat && last && m.rcpts > 0 && m.protocol == smtp.LMTP {
		replies = m.rcpts
	}
	if e.Replies != replies {
		m.failf("%d replies, want %d", e.Replies, replies)
	}
	if e.Reply.Positive() {
		m.failf("refused with %v", e.Reply)
	}
	var r smtp.Reply
	for range e.Replies {
		r = m.settle(e.Reply)
	}
	switch after := m.s.State(); {
	case r.Code == 421 || e.Close:
		if after != smtp.Closed {
			m.failf("%v leads to %v", r, after)
		}
	case m.auth:
		m.auth = false
		if after != smtp.Ready {
			m.failf("a refused response leads to %v", after)
		}
	case isBdat && m.rcpts > 0 && last:
		m.endTransaction()
	case isBdat && m.rcpts > 0:
		m.failed = true
		if after != smtp.Failed {
			m.failf("a refused chunk leads to %v", after)
		}
	default:
		m.unmoved(before, r)
	}
}

// end takes the content off the wire and settles it.
func (m *model) end(op byte, last bool) {
	var err error
	if op&0x40 != 0 {
		err = &smtp.ContentError{Reason: smtp.BareLineEnd}
	}
	e := m.s.Received(err)
	want := 1
	if last && m.protocol == smtp.LMTP {
		want = m.rcpts
	}
	if e.Replies != want || e.Last != last {
		m.failf("end of content: %+v, want %d replies", e, want)
	}
	accepted := true
	for i := range want {
		v := opVerdicts[(int(op>>5)+i)%len(opVerdicts)]
		m.down = m.down || v.Code == 421
		r := m.settle(v)
		accepted = accepted && r.Positive()
		if r.Positive() && (err != nil || r.Code != 250) {
			m.failf("content is answered with %v", r)
		}
	}
	switch {
	case m.s.State() == smtp.Closed:
	case last:
		if m.endTransaction(); m.s.State() != smtp.Ready {
			m.failf("the end of content leads to %v", m.s.State())
		}
	case accepted:
		m.chunks = true
	default:
		m.failed = true
	}
}

// FuzzServerSession plays opcodes, and asserts of each step what the RFCs want:
// no content without an accepted recipient, nothing that survives TLS, a
// refusal that moves nothing, as many replies as are due, each octet of BDAT
// accounted for, and replies that are replies.
func FuzzServerSession(f *testing.F) {
	f.Add(byte(0), []byte{0, 3, 6, 9, 0, 3, 6, 11, 12, 18})
	f.Add(byte(1), []byte{2, 3, 6, 7, 0x69, 3, 6, 6, 0x0b, 0x2d})
	f.Add(byte(2), []byte{0, 22, 20, 0, 3, 0x46, 6, 14, 12})
	f.Add(byte(0x5c), []byte{0, 20, 0, 29, 0, 3, 6, 9, 0x7d, 18})
	f.Add(byte(0xfc), []byte{0, 0x35, 24, 0x38, 23, 20, 26, 27, 28})
	f.Fuzz(func(t *testing.T, config byte, ops []byte) {
		if len(ops) > 200 {
			return
		}
		c := smtp.ServerConfig{
			Protocol: smtp.Protocol(config & 3 % 3), StartTLS: config&4 != 0, TLSRequired: config&8 != 0 && config&4 != 0, AuthRequired: config&16 != 0,
			Mechanisms: []string{"LOGIN", "PLAIN"}, AuthAfterTLS: config&32 != 0, Limits: smtp.Limits{Message: 40, Errors: 30},
			Offer: smtp.Offer{SMTPUTF8: true, ETRN: config&64 != 0, XClient: config&64 != 0},
		}
		if config&128 != 0 {
			c.Offer.Hide = []string{"ENHANCEDSTATUSCODES", "CHUNKING"}
		}
		s := newSession(c)
		m := &model{t: t, s: s, protocol: c.Protocol, required: c.AuthRequired || c.Protocol == smtp.Submission, needsTLS: c.TLSRequired, xclient: c.Offer.XClient}
		for _, op := range ops {
			if s.State() == smtp.Closed {
				break
			}
			m.do(op)
			if m.octets != m.dropped+m.taken {
				m.failf("BDAT announced %d octets, of which %d were dropped and %d taken", m.octets, m.dropped, m.taken)
			}
		}
	})
}

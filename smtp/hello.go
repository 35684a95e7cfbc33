package smtp

import (
	"bytes"
	"strings"
	"time"
)

// An Offer says which extensions a server offers beyond those that this package
// serves by itself: PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES, CHUNKING, SIZE,
// VRFY and HELP. Turn on what the application, or the next hop, can honour.
type Offer struct {
	SMTPUTF8   bool // addresses and headers in UTF-8: RFC 6531
	DSN        bool // reports as the sender asks for them: RFC 3461
	BinaryMIME bool // content without lines, by BDAT: RFC 3030
	RequireTLS bool // offered under TLS only: RFC 8689, section 2
	RRVS       bool // refuse a mailbox that has changed hands: RFC 7293
	Limits     bool // announce Limits.Rcpts, RcptDomains and Mails: RFC 9422
	EXPN       bool // the application answers it as a Query
	ETRN       bool // likewise: RFC 1985
	XClient    bool // to peers only that may speak for others

	FutureRelease *FutureRelease // in Submission only: RFC 4865, section 3
	DeliverBy     *time.Duration // the shortest time; 0: none stated
	Priority      *string        // the profile; "": none named

	Extra []Keyword // of the application's own
	Hide  []string  // keywords that are not announced, of the default ones or any
}

// extensions returns what is offered now.
func (s *ServerSession) extensions() Extensions {
	c, o := &s.Config, &s.Config.Offer
	x := Extensions{
		Pipelining: true, EightBitMIME: true, EnhancedStatusCodes: true, Chunking: true, VRFY: true, HELP: true,
		BinaryMIME: o.BinaryMIME, SMTPUTF8: o.SMTPUTF8, DSN: o.DSN, RRVS: o.RRVS, ETRN: o.ETRN, EXPN: o.EXPN,
		RequireTLS: o.RequireTLS && s.tls,
		StartTLS:   c.StartTLS && !s.tls,
		DeliverBy:  o.DeliverBy,
		Priority:   o.Priority,
		Extra:      o.Extra,
	}
	size := max(0, c.Limits.Message)
	if c.Limits.Message == 0 {
		size = c.Limits.message()
	}
	x.Size = &size
	if s.tls || !c.AuthAfterTLS {
		x.Auth = c.Mechanisms
	}
	if c.Protocol == Submission {
		x.FutureRelease = o.FutureRelease
	}
	if o.XClient {
		x.XClient = XClientAttrs(^XClientAttrs(0)).Names()
	}
	if o.Limits {
		x.Limits = &OfferedLimits{RcptMax: c.Limits.rcpts(), MailMax: max(0, c.Limits.Mails), RcptDomainMax: max(0, c.Limits.RcptDomains)}
		if c.Limits.Rcpts < 0 {
			x.Limits.RcptMax = 0
		}
	}
	x.hide(o.Hide)
	return x
}

// Greet takes the verdict on the connection and returns the greeting: 220 lets
// the session begin, 554 leaves only QUIT, 421 closes. It comes first, once.
// RFC 5321, section 3.1.
func (s *ServerSession) Greet(v Reply) Reply {
	if s.state != Connected {
		panic("smtp: Greet in state " + s.state.String())
	}
	return s.greeting(v)
}

// greeting makes a greeting of a verdict. It has no enhanced code: RFC 2034,
// section 4.
func (s *ServerSession) greeting(v Reply) Reply {
	switch {
	case v.Positive():
		s.state = Greeted
		v.Code = 220
		if v.Text == "" && s.Config.Protocol == LMTP {
			v.Text = "LMTP ready"
		} else if v.Text == "" {
			v.Text = "ESMTP ready"
		}
	case v.Code == 421:
		s.state = Closed
	default:
		s.state = Turned
		v.Code = 554
	}
	v.Text = strings.TrimRight(s.hostname()+" "+v.Text, " ")
	v.Enhanced = EnhancedCode{} // RFC 2034, section 4
	return v
}

// stepXClient: XCLIENT.
func (s *ServerSession) stepXClient(arg []byte) Event {
	x, err := ParseXClient(arg)
	if err != nil {
		return s.badArgument("want XCLIENT and attributes, each once")
	}
	s.events.xclient = XClientEvent{x}
	return s.ask(&s.events.xclient)
}

// settleXClient takes the session back to its greeting, now of another client:
// nothing that was said before was said by that one.
func (s *ServerSession) settleXClient(e *XClientEvent, v Reply) Reply {
	authed := e.Login != "" // e is the session's, and forgotten with the rest
	s.forget()
	s.verb, s.authed = XCLIENT, authed
	return s.greeting(v)
}

// stepHello: HELO, EHLO and LHLO. RFC 5321, section 4.1.1.1.
func (s *ServerSession) stepHello(v Verb, arg []byte) Event {
	name, _, _ := bytes.Cut(arg, []byte(" "))
	if len(name) == 0 {
		return s.refuse(501, EnhancedCode{}, v.String()+" needs the name of the client")
	}
	s.events.hello = HelloEvent{Verb: v, Name: string(name)}
	return s.ask(&s.events.hello)
}

// settleHello: a hello that is accepted ends whatever was open, and one that is
// not leaves everything as it was. RFC 5321, section 4.1.4.
func (s *ServerSession) settleHello(e *HelloEvent, v Reply) Reply {
	if !v.Positive() {
		return v
	}
	s.state, s.hello = Ready, e.Verb
	s.endTransaction()
	v.Code = 250
	v.Text = s.helloLine(v.Text)
	if e.Verb == HELO {
		s.offered = Extensions{}
		return v
	}
	s.offered = s.extensions()
	v.Text = v.Text + "\n" + strings.Join(s.offered.lines(), "\n")
	return v
}

// helloLine is the first line of the reply. Whatever the application says, it is
// one line: of a second one the client would take the first word for an
// extension.
func (s *ServerSession) helloLine(text string) string {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	line := s.hostname() + " " + text
	return strings.TrimRight(line[:min(len(line), maxReplyText)], " ")
}

// stepStartTLS: RFC 3207, section 4.
func (s *ServerSession) stepStartTLS(arg []byte) Event {
	switch {
	case s.tls:
		return s.badSequence("TLS is on already")
	case len(arg) > 0:
		return s.badArgument("STARTTLS takes no argument")
	}
	return s.ask(&s.events.startTLS)
}

func (s *ServerSession) settleStartTLS(v Reply) Reply {
	if v.Positive() {
		v = affirm(v, 220, EnhancedCode{2, 0, 0}, "begin TLS")
		s.state = Upgrading
	}
	return v
}

// TLSDone says that TLS is on: behind STARTTLS, or before Greet where it starts
// with the connection. Behind STARTTLS the session knows nothing of what was
// said before: RFC 3207, section 4.2. Only the counters of limits go on, so that
// STARTTLS is no way around them.
func (s *ServerSession) TLSDone() {
	switch s.state {
	case Connected:
		s.tls = true
	case Upgrading:
		s.forget()
		s.state, s.tls = Greeted, true
	default:
		panic("smtp: TLSDone in state " + s.state.String())
	}
}

// forget makes the session know nothing of what was said before, but that TLS is
// on. Only the counters of limits go on, so that there is no way around them.
func (s *ServerSession) forget() {
	*s = ServerSession{
		Config: s.Config, tls: s.tls, heard: true,
		errors: s.errors, badRcpts: s.badRcpts, authFailures: s.authFailures, mails: s.mails,
	}
}

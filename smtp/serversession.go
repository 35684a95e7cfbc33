package smtp

import "github.com/mailwire/mailwire/internal/ascii"

// A ServerConfig says what a ServerSession offers and insists on. The zero
// value is a server of SMTP without TLS and AUTH.
type ServerConfig struct {
	Protocol     Protocol
	Hostname     string // stands first in the greeting and the reply to EHLO; "": localhost
	Offer        Offer
	StartTLS     bool     // TLS can be started
	TLSRequired  bool     // nothing goes on without TLS. Not for a public MX: RFC 3207, section 4
	Mechanisms   []string // of SASL, in upper case; none: AUTH is unknown
	AuthAfterTLS bool     // Mechanisms are offered under TLS only
	AuthRequired bool     // no MAIL without AUTH. Always so in Submission: RFC 6409, section 4.3
	Limits       Limits
	LineEnds     LineEnds // what the driver gives to Content; default: RejectBare
}

// A ServerSession is the server's half of the dialogue: a machine that takes
// lines and says what is to be done about them. It does no I/O, reads no clock
// and calls nobody. A driver loops over
//
//	Step(line) → Event → (ask the application) → Settle(verdict) → Reply to send
//
// with BadLine for what ReadLine refuses, and Received between the content of
// a message and its verdict. Set Config, then Greet. It is not safe for
// concurrent use. Calling Step or Settle out of turn panics: that is a mistake
// of the driver, never of the peer.
type ServerSession struct {
	Config ServerConfig

	state   State
	tls     bool
	authed  bool
	hello   Verb       // the last one accepted
	offered Extensions // in reply to it
	heard   bool       // a line has come
	secret  bool       // what came since the last known verb may be credentials
	tx      transaction

	mailRefused bool // the last MAIL was, and nothing has come between

	// What Step left for Settle.
	open    Event // nil: Step comes next
	verb    Verb  // of the line that open is about
	next    State // where a Refused leads
	replies int   // how many Settles open still takes
	failed  bool  // EndEvent: one of its verdicts was negative
	closing bool  // EndEvent: one of its verdicts was 421

	errors, badRcpts, authFailures, mails int
	domains                               []string // of accepted recipients, as long as Limits.RcptDomains at the most

	paths   pathCache
	options options
	authBuf []byte
	events  events
}

// events is one of each, so that Step need not allocate.
type events struct {
	hello    HelloEvent
	mail     MailEvent
	rcpt     RcptEvent
	data     DataEvent
	chunk    ChunkEvent
	end      EndEvent
	auth     AuthEvent
	startTLS StartTLSEvent
	reset    ResetEvent
	noop     NoopEvent
	query    QueryEvent
	xclient  XClientEvent
	command  CommandEvent
	quit     QuitEvent
	refused  Refused
}

// State returns where the session is.
func (s *ServerSession) State() State { return s.state }

// LineLimit is what to give to ReadLine for the next line.
func (s *ServerSession) LineLimit() int {
	if s.state == Authing {
		return s.Config.Limits.authLine() + len("\r\n")
	}
	return s.Config.Limits.line()
}

// Secret reports whether the line that came last, or the one that comes next,
// may hold credentials and must not be logged: AUTH, all within its exchange, and
// what is no command behind an AUTH that was refused.
func (s *ServerSession) Secret() bool { return s.secret || s.state == Authing }

// MustFlush reports whether the last reply must leave at once, even though
// more commands are waiting: RFC 2920, section 3.2, items 5 and 6. Of the replies
// to one message of LMTP it is the last that must.
func (s *ServerSession) MustFlush() bool { return s.open == nil && unbuffered.has(s.verb) }

// Step takes a command line, or a response of SASL, without CRLF, and says what
// it asks for. Exactly one Settle follows, except that a ChunkEvent is first
// answered with Received.
func (s *ServerSession) Step(line []byte) Event {
	s.begin()
	if s.state == Authing {
		return s.stepResponse(line)
	}
	s.verb = UnknownVerb
	c, err := ParseCommand(line)
	if err != nil {
		s.secret = s.secret || ascii.HasPrefixFold(line, "AUTH")
		return s.refuse(500, EnhancedCode{5, 5, 2}, "command not recognized")
	}
	if !s.heard && isHTTP(c) {
		return s.refuseAndClose(421, EnhancedCode{4, 7, 0}, "this is not a web server")
	}
	s.heard = true
	s.verb = c.Verb
	s.secret = c.Verb == AUTH || s.secret && c.Verb == UnknownVerb
	if c.Verb == MAIL && s.state == Ready {
		s.mailRefused = true // until it is not
	}
	if r := s.outOfOrder(c.Verb); r != nil {
		return r
	}
	switch c.Verb {
	case HELO, EHLO, LHLO:
		return s.stepHello(c.Verb, c.Arg)
	case MAIL:
		return s.stepMail(c.Arg)
	case RCPT:
		return s.stepRcpt(c.Arg)
	case DATA:
		return s.stepData(c.Arg)
	case BDAT:
		return s.stepBdat(c.Arg)
	case RSET:
		return s.stepReset(c.Arg)
	case NOOP:
		return s.ask(&s.events.noop)
	case QUIT:
		return s.stepQuit(c.Arg)
	case VRFY, EXPN, HELP, ETRN:
		return s.stepQuery(c.Verb, c.Arg)
	case STARTTLS:
		return s.stepStartTLS(c.Arg)
	case AUTH:
		return s.stepAuth(c.Arg)
	case XCLIENT:
		return s.stepXClient(c.Arg)
	}
	s.events.command = CommandEvent{Name: string(c.Name), Arg: string(c.Arg)}
	return s.ask(&s.events.command)
}

// BadLine is Step for a line that ReadLine refused with err.
func (s *ServerSession) BadLine(err error) Event {
	s.begin()
	s.heard = true
	if s.state == Authing {
		return s.badResponse(err)
	}
	s.verb = UnknownVerb
	switch err {
	case ErrEndless:
		return s.refuseAndClose(421, EnhancedCode{4, 7, 0}, "line without end")
	case ErrLineTooLong:
		return s.refuse(500, EnhancedCode{5, 5, 2}, "line too long")
	case ErrNUL:
		return s.refuse(500, EnhancedCode{5, 5, 2}, "NUL in a command line")
	}
	return s.refuse(500, EnhancedCode{5, 5, 2}, "bare CR or LF in a command line: lines end in CRLF")
}

func (s *ServerSession) begin() {
	if s.open != nil {
		panic("smtp: Step before the last event was settled")
	}
	switch s.state {
	case Connected, Receiving, Upgrading, Closed:
		panic("smtp: Step in state " + s.state.String())
	}
}

// ask opens an event that the application decides on.
func (s *ServerSession) ask(e Event) Event {
	s.open = e
	return e
}

// refuse opens an event that is decided already. The state stays.
func (s *ServerSession) refuse(code int, enhanced EnhancedCode, text string) *Refused {
	s.events.refused = Refused{Reply: Reply{code, enhanced, text}, Replies: 1}
	s.open, s.next, s.replies = &s.events.refused, s.state, 1
	return &s.events.refused
}

func (s *ServerSession) refuseAndClose(code int, enhanced EnhancedCode, text string) *Refused {
	r := s.refuse(code, enhanced, text)
	r.Close = true
	return r
}

// badSequence is the refusal of a command that is right, but not now.
func (s *ServerSession) badSequence(text string) *Refused {
	return s.refuse(503, EnhancedCode{5, 5, 1}, text)
}

// badArgument is the refusal of a command whose argument is wrong.
func (s *ServerSession) badArgument(text string) *Refused {
	return s.refuse(501, EnhancedCode{5, 5, 4}, text)
}

// outOfOrder refuses verbs that do not belong here, or not now. BDAT passes:
// see stepBdat.
func (s *ServerSession) outOfOrder(v Verb) *Refused {
	c := &s.Config
	lmtp := c.Protocol == LMTP
	switch {
	case v == BDAT:
		return nil
	case s.state == Turned && v != QUIT: // RFC 5321, section 3.1
		return s.badSequence(s.whyNotNow(v))
	case lmtp && (v == HELO || v == EHLO), !lmtp && v == LHLO: // RFC 2033, section 4.1
		return s.refuse(500, EnhancedCode{5, 5, 1}, "this server speaks "+c.Protocol.String())
	case s.needsTLS() && !beforeTLS.has(v):
		return s.refuseWithoutTLS()
	case v == STARTTLS && !c.StartTLS, v == AUTH && len(c.Mechanisms) == 0, v == ETRN && !c.Offer.ETRN:
		return s.refuse(502, EnhancedCode{5, 5, 1}, "command not offered")
	case v == XCLIENT && !c.Offer.XClient:
		return s.refuse(550, EnhancedCode{5, 7, 0}, "you may speak for nobody else")
	case !allowed[s.state].has(v):
		r := s.badSequence(s.whyNotNow(v))
		// What a pipelining client sent behind a MAIL or RCPT that was refused.
		r.honest = v == DATA && s.state == Mailing || (v == RCPT || v == DATA) && s.state == Ready && s.mailRefused
		return r
	case v == MAIL && !s.authed && (c.AuthRequired || c.Protocol == Submission): // RFC 4954, section 6
		return s.refuse(530, EnhancedCode{5, 7, 0}, "authentication required")
	}
	return nil
}

// needsTLS reports whether nothing goes on before STARTTLS: RFC 3207, section 4.
func (s *ServerSession) needsTLS() bool { return s.Config.TLSRequired && !s.tls }

func (s *ServerSession) refuseWithoutTLS() *Refused {
	return s.refuse(530, EnhancedCode{5, 7, 0}, "send STARTTLS first")
}

func (s *ServerSession) whyNotNow(v Verb) string {
	switch {
	case s.state == Turned:
		return "no service here: send QUIT"
	case s.state == Greeted:
		return "send EHLO first"
	case s.state == Chunking, s.state == Failed:
		return "inside a message sent with BDAT: send BDAT or RSET"
	case v == MAIL:
		return "a transaction is open already"
	case v == RCPT:
		return "send MAIL first"
	case v == DATA && s.state == Mailing:
		return "no valid recipients"
	case v == DATA:
		return "send MAIL and RCPT first"
	}
	return "not inside a transaction"
}

// isHTTP recognises a request that a browser was tricked into sending, of which
// not one line may be taken for mail.
func isHTTP(c Command) bool {
	switch string(c.Name) {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE":
		return true
	}
	return false
}

// Settle takes the verdict on the open event and returns the reply to send. It
// is where the state moves: only on a positive verdict, but for the few events
// that say otherwise. It completes the reply (enhanced code, EHLO lines, codes
// that are fixed), and makes it a 421 when a limit is reached. After it, State
// says whether the connection is to be closed.
func (s *ServerSession) Settle(v Reply) Reply {
	if s.open == nil {
		panic("smtp: Settle without an event")
	}
	if v.Code < 200 || v.Code > 599 {
		v = localError
	}
	switch e := s.open.(type) {
	case *HelloEvent:
		v = s.settleHello(e, v)
	case *MailEvent:
		v = s.settleMail(e, v)
	case *RcptEvent:
		v = s.settleRcpt(v)
	case *DataEvent:
		v = s.settleData(v)
	case *ChunkEvent:
		panic("smtp: Settle on a ChunkEvent: Received comes first")
	case *EndEvent:
		return s.settleEnd(e, v)
	case *AuthEvent:
		v = s.settleAuth(v)
	case *StartTLSEvent:
		v = s.settleStartTLS(v)
	case *ResetEvent:
		s.endTransaction()
		v = affirm(v, 250, EnhancedCode{2, 0, 0}, "OK")
	case *NoopEvent:
		v = affirm(v, 250, EnhancedCode{2, 0, 0}, "OK")
	case *QuitEvent:
		v = affirm(v, 221, EnhancedCode{2, 0, 0}, s.hostname()+" closing the connection")
		s.state = Closed
	case *QueryEvent:
		v = finish(v)
	case *XClientEvent:
		return s.settleXClient(e, v)
	case *CommandEvent:
		if v = finish(v); v.Code == 500 {
			v = s.countError(v)
		}
	case *Refused:
		return s.settleRefused(e)
	}
	s.open = nil
	return s.complete(v)
}

// localError is what the peer gets for a verdict that makes no sense.
var localError = Reply{451, EnhancedCode{4, 3, 0}, "local error"}

// finish refuses a verdict of 3xx where nothing follows: the peer would send
// what is then read as commands.
func finish(v Reply) Reply {
	if v.Code/100 == 3 {
		return localError
	}
	return v
}

// affirm makes v the positive reply of a command: the code that the RFC gives
// it, and a text if it has none. A 421 stands: the application may end any
// session with it.
func affirm(v Reply, code int, enhanced EnhancedCode, text string) Reply {
	if v.Code == 421 {
		return v
	}
	if v.Text == "" {
		v.Text = text
	}
	if !v.Positive() || v.Enhanced.IsZero() {
		v.Enhanced = enhanced
	}
	v.Code = code
	return v
}

func (s *ServerSession) settleRefused(e *Refused) Reply {
	v := e.Reply
	if s.replies--; s.replies > 0 {
		return s.complete(v)
	}
	s.open = nil
	if s.state != s.next {
		if s.state = s.next; s.state == Ready {
			s.endTransaction()
		}
	}
	switch {
	case e.Close:
		s.state = Closed
	case !e.honest:
		v = s.countError(v)
	}
	return s.complete(v)
}

// countError counts a mistake of the peer, and ends the session at the last one.
func (s *ServerSession) countError(v Reply) Reply {
	s.errors++
	if s.errors >= s.Config.Limits.errors() {
		return Reply{421, EnhancedCode{4, 7, 0}, "too many errors"}
	}
	return v
}

// complete gives the reply its enhanced code, and closes the session behind
// a 421. No reply to HELO or EHLO, or to LHLO in LMTP, has one: RFC 2034, section 4.
func (s *ServerSession) complete(v Reply) Reply {
	if v.Code == 421 {
		s.state = Closed
	}
	v.Enhanced = v.Enhanced.ForReply(v.Code)
	hello := s.verb == HELO || s.verb == EHLO || s.verb == LHLO && s.Config.Protocol == LMTP
	if hello || s.hidden("ENHANCEDSTATUSCODES") {
		v.Enhanced = EnhancedCode{}
	}
	return v
}

func (s *ServerSession) hidden(keyword string) bool {
	for _, h := range s.Config.Offer.Hide {
		if ascii.EqualFold(h, keyword) {
			return true
		}
	}
	return false
}

// Fail ends the session for a reason of the driver's: a timeout, a shutdown, a
// limit. It returns the 421 to send, which is err if that is a *Reject of 421.
// RFC 5321, section 3.8.
func (s *ServerSession) Fail(err error) Reply {
	v := Reply{421, EnhancedCode{4, 3, 0}, s.hostname() + " closing the connection"}
	if r, ok := err.(*Reject); ok && r.Code == 421 {
		v = r.Reply()
	}
	s.open, s.verb = nil, UnknownVerb
	s.wipe()
	s.endTransaction()
	return s.complete(v)
}

// A transaction is what the session knows of the message it is taking: RFC 5321,
// section 3.3.
type transaction struct {
	body     BodyType
	utf8     bool
	rcpts    int   // accepted
	received int64 // octets of the chunks taken so far
}

// endTransaction forgets the transaction, but not who the client is.
func (s *ServerSession) endTransaction() {
	s.tx, s.mailRefused = transaction{}, false
	if s.state != Greeted {
		s.state = Ready
	}
}

func (s *ServerSession) hostname() string {
	if s.Config.Hostname == "" {
		return "localhost"
	}
	return s.Config.Hostname
}

func (s *ServerSession) stepReset(arg []byte) Event {
	if len(arg) > 0 {
		return s.badArgument("RSET takes no argument")
	}
	return s.ask(&s.events.reset)
}

func (s *ServerSession) stepQuit(arg []byte) Event {
	if len(arg) > 0 {
		return s.badArgument("QUIT takes no argument")
	}
	return s.ask(&s.events.quit)
}

func (s *ServerSession) stepQuery(v Verb, arg []byte) Event {
	if len(arg) == 0 && v != HELP {
		return s.badArgument(v.String() + " needs an argument")
	}
	q := Query{Verb: v}
	if n := len(arg) - len(" SMTPUTF8"); n > 0 && (v == VRFY || v == EXPN) && s.offered.SMTPUTF8 && ascii.EqualFold(arg[n:], " SMTPUTF8") {
		q.UTF8, arg = true, trimSpaces(arg[:n]) // RFC 6531, section 3.7.4.2
	}
	q.Arg = string(arg)
	s.events.query = QueryEvent{q}
	return s.ask(&s.events.query)
}

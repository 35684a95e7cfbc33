package pop3

import (
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A ServerConfig says what a ServerSession offers. The zero value offers USER
// and PASS under TLS, and no login without it.
type ServerConfig struct {
	Mechanisms     []string // of SASL, in upper case; none: AUTH is not offered
	Stamp          string   // makes APOP offered and stands in the greeting: see ValidStamp. Another each time
	StartTLS       bool     // STLS is offered
	Cleartext      bool     // USER, AUTH and APOP are offered without TLS too
	Surrogate      bool     // messages that need UTF8 can be sent to clients that did not ask for it
	Delay          Period   // LOGIN-DELAY before login: the largest of any user. RFC 2449, section 6.5
	Expire         Period   // EXPIRE before login: the smallest of any user. RFC 2449, section 6.7
	Implementation string   // printable ASCII; "": not announced
	Languages      []Language
	Hide           []string // capabilities that are not offered: TOP, UIDL, USER, PIPELINING, RESP-CODES, AUTH-RESP-CODE, UTF8
	Limits         Limits
}

// A Language is one in which replies can be had: RFC 6856, section 3. The first
// of several is what the range "*" means.
type Language struct {
	Tag  string // "de", "en-boont"
	Name string // of the language in itself, in UTF-8; may be empty
}

// A ServerSession is the server's half of the dialogue: a machine that takes
// lines and says what is to be done about them. It owns the snapshot of the
// maildrop: numbers, sizes, unique-ids and marks, and answers by itself what can
// be answered from it. It does no I/O, reads no clock and calls nobody. A driver
// loops over
//
//	Step(line) → Event → (ask the application) → Settle(verdict) → Reply to send
//
// with Challenge and Open as further verdicts, BadLine for what ReadLine
// refuses, AppendLines for the body of an Answer, and Sent behind a message.
// It is not safe for concurrent use. Calls out of turn panic: they are a
// mistake of the driver, never of the client.
type ServerSession struct {
	// Config may be changed before Greet and between TLSDone and the next Step.
	Config ServerConfig

	state   State
	tls     bool
	heard   bool   // a line has come
	utf8    bool   // UTF8 was accepted
	lang    string // the tag, after LANG
	hasUser bool
	user    string
	drop    maildrop

	// What Step left for the verdict.
	open    Event // nil: Step comes next
	verb    Verb  // of the line that open is about
	next    State // where a Refused leads
	counted bool  // a Refused is a mistake of the client
	name    string
	index   int

	listing Verb // what AppendLines has to give; UnknownVerb: nothing
	listed  int  // how many of it are out

	errors, authFailures int

	authBuf []byte
	events  events
}

// events is one of each, so that Step need not allocate.
type events struct {
	pass    PassEvent
	apop    ApopEvent
	auth    AuthEvent
	stls    StlsEvent
	lang    LangEvent
	retr    RetrEvent
	update  UpdateEvent
	answer  Answer
	refused Refused
}

// NewServerSession returns a session before its greeting. onTLS: TLS began with
// the connection. RFC 8314, section 3.3.
func NewServerSession(c ServerConfig, onTLS bool) *ServerSession {
	return &ServerSession{Config: c, tls: onTLS}
}

// State returns where the session is.
func (s *ServerSession) State() State { return s.state }

// Lang returns the tag of the language chosen with LANG, "" before.
func (s *ServerSession) Lang() string { return s.lang }

// UTF8 reports whether the client asked for UTF8. RFC 6856, section 2.1.
func (s *ServerSession) UTF8() bool { return s.utf8 }

// LineLimit is what to give to ReadLine for the next line.
func (s *ServerSession) LineLimit() int {
	if s.state == Authing {
		return s.Config.Limits.authLine() + len("\r\n")
	}
	return s.Config.Limits.line()
}

// Secret reports whether the line that came last, or the one that comes next,
// holds credentials and must not be logged. An unknown command may: " PASS x", or
// a response behind an AUTH that was refused.
func (s *ServerSession) Secret() bool {
	return logins.has(s.verb) || s.verb == UnknownVerb || s.state == Authing
}

// Data reports whether the text of a positive reply to the last command is data
// for programs, and not to be translated into the language of LANG.
func (s *ServerSession) Data() bool {
	return set(STAT, LIST, UIDL, RETR, TOP, LANG).has(s.verb)
}

// Greet takes the verdict on the connection and returns the greeting, with the
// stamp of APOP in it where that is offered. A negative verdict closes. It comes
// first, once. RFC 1939, sections 4 and 7.
func (s *ServerSession) Greet(v Reply) Reply {
	if s.state != Greeting {
		panic("pop3: Greet in state " + s.state.String())
	}
	// Only the stamp may look like one. RFC 2449, section 3: gchar.
	v.Text = strings.ReplaceAll(v.Text, "<", "(")
	if !v.OK {
		s.state = Closed
		return s.complete(v)
	}
	s.state = Authorization
	if v.Text == "" {
		v.Text = "POP3 ready"
	}
	if s.offers(APOP) && s.mayLogin() {
		v.Text += " " + s.Config.Stamp
	}
	return s.complete(v)
}

// Step takes a command line, or a response of SASL, without CRLF, and says what
// it asks for. Exactly one verdict follows: Settle, Challenge or Open.
func (s *ServerSession) Step(line []byte) Event {
	s.begin()
	if s.state == Authing {
		return s.stepResponse(line)
	}
	c := ParseCommand(line)
	if !s.heard && isHTTP(c) {
		return s.refuseAndClose("this is not a web server")
	}
	s.heard = true
	s.verb = c.Verb
	if r := s.outOfOrder(c.Verb); r != nil {
		return r
	}
	switch c.Verb {
	case USER:
		return s.stepUser(c.Arg)
	case PASS:
		return s.stepPass(c.Arg)
	case APOP:
		return s.stepApop(c.Arg)
	case AUTH:
		return s.stepAuth(c.Arg)
	case LANG:
		return s.stepLang(trimSpaces(c.Arg))
	case LIST, UIDL:
		return s.stepList(trimSpaces(c.Arg))
	case RETR, TOP:
		return s.stepRetr(trimSpaces(c.Arg))
	case DELE:
		return s.stepDele(trimSpaces(c.Arg))
	}
	if len(trimSpaces(c.Arg)) > 0 {
		return s.refuse("no argument expected")
	}
	switch c.Verb {
	case STLS:
		return s.stepStls()
	case UTF8:
		return s.answer("UTF8 enabled", false)
	case CAPA:
		return s.answer("capability list follows", true)
	case STAT:
		return s.answer(s.drop.stat(), false)
	case RSET:
		return s.answer("marks removed", false)
	case NOOP:
		return s.answer("", false)
	}
	return s.stepQuit()
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
		return s.refuseAndClose("line without end")
	case ErrLineTooLong:
		return s.refuse("line too long")
	case ErrNUL:
		return s.refuse("NUL in a command line")
	}
	return s.refuse("bare CR or LF in a command line: lines end in CRLF")
}

func (s *ServerSession) begin() {
	switch {
	case s.open != nil:
		panic("pop3: Step before the last event had its verdict")
	case s.listing != UnknownVerb:
		panic("pop3: Step before AppendLines was done")
	}
	switch s.state {
	case Authorization, Authing, Transaction:
	default:
		panic("pop3: Step in state " + s.state.String())
	}
}

// ask opens an event that the application decides on.
func (s *ServerSession) ask(e Event) Event {
	s.open = e
	return e
}

// answer opens an event that succeeds.
func (s *ServerSession) answer(text string, multi bool) Event {
	s.events.answer = Answer{Reply: Reply{OK: true, Text: text}, Multi: multi}
	return s.ask(&s.events.answer)
}

// refuse opens an event that is a mistake of the client. The state stays.
func (s *ServerSession) refuse(text string) *Refused {
	r := s.decline("", text)
	s.counted = true
	return r
}

// decline opens an event that fails without being a mistake.
func (s *ServerSession) decline(code RespCode, text string) *Refused {
	s.events.refused = Refused{Reply: Reply{Code: code, Text: text}}
	s.open, s.next, s.counted = &s.events.refused, s.state, false
	return &s.events.refused
}

func (s *ServerSession) refuseAndClose(text string) *Refused {
	r := s.refuse(text)
	r.Close = true
	return r
}

// outOfOrder refuses commands that are not known, not offered, or not valid now.
func (s *ServerSession) outOfOrder(v Verb) *Refused {
	switch {
	case v == UnknownVerb:
		return s.refuse("unknown command")
	case v == STLS && s.tls: // RFC 2595, section 4
		return s.refuse("TLS is on already")
	case !s.offers(v):
		return s.refuse("command not offered")
	case !allowed[s.state].has(v):
		if s.state == Authorization {
			return s.refuse("log in first")
		}
		return s.refuse("logged in already")
	case (v == USER || logins.has(v)) && !s.mayLogin(): // RFC 2595, section 2.3
		return s.refuse("send STLS first")
	}
	return nil
}

// offers reports whether a command exists in this session, at any time.
func (s *ServerSession) offers(v Verb) bool {
	switch v {
	case USER, PASS:
		return !s.hidden("USER")
	case APOP:
		return ValidStamp(s.Config.Stamp)
	case AUTH:
		return len(s.Config.Mechanisms) > 0
	case STLS:
		return s.Config.StartTLS
	case UTF8:
		return !s.hidden("UTF8")
	case LANG:
		return len(s.Config.Languages) > 0
	case TOP:
		return !s.hidden("TOP")
	case UIDL:
		return !s.hidden("UIDL")
	}
	return true
}

// mayLogin reports whether credentials may cross this connection.
func (s *ServerSession) mayLogin() bool { return s.tls || s.Config.Cleartext }

func (s *ServerSession) hidden(tag string) bool {
	for _, h := range s.Config.Hide {
		if ascii.EqualFold(h, tag) {
			return true
		}
	}
	return false
}

// isHTTP recognises a request that a browser was tricked into sending, of which
// not one line may be taken for a command.
func isHTTP(c Command) bool {
	switch string(c.Name) {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE":
		return true
	}
	return false
}

// Settle takes the verdict on the open event and returns the reply to send. It
// is where the state moves. A refusal leaves the state as it was, but for the
// exchange that it ends. It completes the reply, and makes it the last one when
// a limit is reached: after it, State says whether the connection is to be
// closed. A positive verdict on a login is given with Open.
func (s *ServerSession) Settle(v Reply) Reply {
	switch e := s.open.(type) {
	case nil:
		panic("pop3: Settle without an event")
	case *PassEvent, *ApopEvent, *AuthEvent:
		v = s.settleLogin(v)
	case *StlsEvent:
		v = s.settleStls(v)
	case *LangEvent:
		v = s.settleLang(e, v)
	case *RetrEvent:
		v = s.settleRetr(e, v)
	case *UpdateEvent:
		v = s.settleUpdate(v)
	case *Answer:
		s.settleAnswer(e)
		v = e.Reply
	case *Refused:
		v = s.settleRefused(e)
	}
	s.open = nil
	return s.complete(v)
}

func (s *ServerSession) settleRefused(e *Refused) Reply {
	s.state = s.next
	if logins.has(s.verb) || s.verb == STLS {
		s.forgetUser()
	}
	if s.counted {
		s.errors++
	}
	switch {
	case e.Close:
		s.state = Closed
	case s.counted && s.errors >= s.Config.Limits.errors():
		s.state = Closed
		return Reply{Text: "too many errors"}
	}
	return e.Reply
}

func (s *ServerSession) forgetUser() { s.user, s.hasUser = "", false }

// complete makes a reply fit what the client was told to expect: no response
// codes if they are hidden, ASCII unless it asked for more. RFC 2449, section
// 6.4; RFC 6856, sections 2.1 and 3.2.
func (s *ServerSession) complete(v Reply) Reply {
	if v.Code != "" && s.hidden("RESP-CODES") {
		v.Code = ""
	}
	if s.lang == "" && !s.utf8 && !isASCII(v.Text) {
		v.Text = strings.Map(toASCII, v.Text)
	}
	return v
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7F {
			return false
		}
	}
	return true
}

func toASCII(r rune) rune {
	if r > 0x7F {
		return '?'
	}
	return r
}

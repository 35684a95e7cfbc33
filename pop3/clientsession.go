package pop3

import (
	"bytes"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A ClientSession is the client's half of the dialogue: a machine that knows
// which answer belongs to which command, which answers have a body, and what must
// not be sent now. It does no I/O and reads no clock. A driver sends what Send
// gives, and hands every line that comes to Step, but for the lines of bodies:
//
//	Step(line) → ReplyEvent with Body → read a Body to its end → BodyDone
//
// It is not safe for concurrent use. The zero value is a session before its
// greeting, without TLS.
type ClientSession struct {
	Limits Limits // ReplyLine and AuthLine are what LineLimit goes by

	state State
	tls   bool
	utf8  bool // UTF8 was accepted
	caps  Caps

	queue    []sent // unanswered, in order
	head     int    // of queue
	octets   int    // of the commands unanswered
	body     bool   // a body is on its way
	started  bool   // AUTH: octets of the client have been sent
	awaiting bool   // AUTH: a challenge has come, and SendOctets is next

	octetBuf []byte
	events   struct {
		greeting  GreetingEvent
		reply     ReplyEvent
		challenge ChallengeEvent
	}
}

// sent is a command that was sent.
type sent struct {
	verb Verb
	body bool // its answer has one, if it is positive
	size int
}

// MaxUnanswered is how many octets of commands a client may have unanswered
// where the server offers PIPELINING: more could fill both directions with what
// nobody reads. RFC 2449, section 6.6.
const MaxUnanswered = 4 << 10

// A ClientEvent is what came from the server. It is the session's own, and valid
// until the next Step.
type ClientEvent interface{ clientEvent() }

type (
	// GreetingEvent comes first. A negative one ends the session.
	GreetingEvent struct {
		Reply Reply
		Stamp string // for APOP; "": none that is safe to use. See ValidStamp
	}

	// ReplyEvent answers the oldest command unanswered.
	ReplyEvent struct {
		Verb  Verb
		Reply Reply // Code is empty where the server did not list RESP-CODES
		Body  bool  // a body follows: read it, then call BodyDone
	}

	// ChallengeEvent: AUTH goes on. Answer with SendOctets.
	ChallengeEvent struct {
		Octets []byte // decoded, borrowed
		// Malformed: what came is not base64. The only answer is SendOctets(nil).
		Malformed bool
	}
)

func (*GreetingEvent) clientEvent()  {}
func (*ReplyEvent) clientEvent()     {}
func (*ChallengeEvent) clientEvent() {}

// NewClientSession returns a session before its greeting. onTLS: TLS began with
// the connection.
func NewClientSession(onTLS bool) *ClientSession { return &ClientSession{tls: onTLS} }

// LineLimit is what to give to ReadLine for the next line that is no part of
// a body.
func (s *ClientSession) LineLimit() int {
	if s.state == Authing {
		return max(s.Limits.replyLine(), s.Limits.authLine()+len("+ \r\n"))
	}
	return s.Limits.replyLine()
}

// State returns where the session is: Greeting, Authorization, Authing,
// Upgrading, Transaction or Closed.
func (s *ClientSession) State() State { return s.state }

// UTF8 reports whether the server has accepted UTF8.
func (s *ClientSession) UTF8() bool { return s.utf8 }

// Pending returns how many commands are unanswered.
func (s *ClientSession) Pending() int { return len(s.queue) - s.head }

// Offered tells the session what the server has listed last: PIPELINING lets
// Send go on, RESP-CODES makes codes of what else is text, UTF8 USER allows more
// than ASCII in names and passwords. TLSDone forgets it.
func (s *ClientSession) Offered(c Caps) { s.caps = c }

// Send appends a command. Errors: ErrSequence if it cannot be sent now (not in
// this state, not before AUTH or STLS is answered, not before the last answer
// where there is no PIPELINING, STLS behind UTF8), ErrFull if MaxUnanswered would
// be exceeded, ErrUTF8, and *SyntaxError. dst is then returned as it was, and the
// session is unchanged.
func (s *ClientSession) Send(dst []byte, v Verb, args ...string) ([]byte, error) {
	if err := s.maySend(v); err != nil {
		return dst, err
	}
	if (v == USER || v == PASS || v == APOP) && !s.caps.UTF8User {
		for _, arg := range args {
			if !isASCII(arg) {
				return dst, ErrUTF8
			}
		}
	}
	out, err := AppendCommand(dst, v, args...)
	if err != nil {
		return dst, err
	}
	size := len(out) - len(dst)
	if s.Pending() > 0 && s.octets+size > MaxUnanswered {
		clear(out[len(dst):])
		return dst, ErrFull
	}
	if s.head > 0 && (s.head == len(s.queue) || s.head >= 64) {
		s.queue, s.head = append(s.queue[:0], s.queue[s.head:]...), 0
	}
	s.queue = append(s.queue, sent{v, bodies.has(v) || listings.has(v) && len(args) == 0, size})
	s.octets += size
	if v == AUTH {
		s.state = Authing
		s.started = len(args) > 1
	}
	return out, nil
}

// maySend looks at the order of things.
func (s *ClientSession) maySend(v Verb) error {
	pending := s.Pending()
	switch {
	case v == UnknownVerb, v >= numVerbs, !allowed[s.state].has(v):
		return ErrSequence
	case pending > 0 && (!s.caps.Pipelining || alone.has(v) || last.has(s.queue[len(s.queue)-1].verb)):
		return ErrSequence
	case v == STLS && (s.tls || s.utf8): // RFC 2595, section 4; RFC 6856, section 2.1
		return ErrSequence
	}
	return nil
}

// alone are the commands that wait until all others are answered, and last those
// behind which nothing is sent until they are. RFC 2595, section 4.
var (
	alone = set(STLS, AUTH)
	last  = set(STLS, AUTH, QUIT)
)

// SendOctets appends the response to a challenge. nil gives the exchange up.
func (s *ClientSession) SendOctets(dst, octets []byte) []byte {
	if !s.awaiting {
		panic("pop3: SendOctets without a challenge")
	}
	s.awaiting, s.started = false, true
	if octets == nil {
		return append(dst, "*\r\n"...)
	}
	dst = ascii.AppendBase64(dst, octets)
	return append(dst, "\r\n"...)
}

// Step takes a line of the server, without CRLF, that is no part of a body. The
// error is ErrUnasked or a *SyntaxError; after it nothing that comes can be
// assigned any more, and the connection is to be closed.
func (s *ClientSession) Step(line []byte) (ClientEvent, error) {
	switch {
	case s.body:
		panic("pop3: Step before BodyDone")
	case s.awaiting:
		return nil, ErrUnasked
	case s.state == Greeting:
		return s.stepGreeting(line)
	case s.state == Upgrading, s.Pending() == 0:
		return nil, ErrUnasked
	}
	if s.state == Authing {
		if e := s.challenge(line); e != nil {
			return e, nil
		}
	}
	r, err := ParseReply(line)
	if err != nil {
		return nil, err
	}
	c := s.queue[s.head]
	s.head++
	s.octets -= c.size
	s.move(c.verb, r.OK)
	s.body = r.OK && c.body
	s.events.reply = ReplyEvent{Verb: c.verb, Reply: s.uncode(r), Body: s.body}
	return &s.events.reply, nil
}

func (s *ClientSession) stepGreeting(line []byte) (ClientEvent, error) {
	r, err := ParseReply(line)
	if err != nil {
		return nil, err
	}
	s.state = Closed
	if r.OK {
		s.state = Authorization
	}
	s.events.greeting = GreetingEvent{Reply: r, Stamp: FindStamp(r.Text)}
	return &s.events.greeting, nil
}

// challenge returns the challenge that a line of the server is, or nil. There
// are servers that send "+OK" where "+ " is meant: as long as we have not sent
// one octet of the exchange it cannot be a success. RFC 5034, section 4.
func (s *ClientSession) challenge(line []byte) *ChallengeEvent {
	text, plain := bytes.CutPrefix(line, []byte("+"))
	if plain = plain && (len(text) == 0 || text[0] == ' '); !plain {
		if s.started || !ascii.HasPrefixFold(line, "+OK") || len(line) > 3 && line[3] != ' ' {
			return nil
		}
		text = line[3:]
	}
	octets, err := ascii.ParseBase64(s.octetBuf[:0], bytes.Trim(text, " "))
	if err != nil && !plain {
		return nil
	}
	s.octetBuf = octets
	s.awaiting = true
	s.events.challenge = ChallengeEvent{Octets: octets, Malformed: err != nil}
	if err != nil {
		s.events.challenge.Octets = nil
	}
	return &s.events.challenge
}

// move moves the state when a command is answered.
func (s *ClientSession) move(v Verb, ok bool) {
	switch {
	case v == AUTH && !ok:
		s.state = Authorization
	case v == QUIT:
		s.state = Closed // whatever the answer: RFC 1939, section 6
	case !ok:
	case logins.has(v):
		s.state = Transaction
	case v == STLS:
		s.state = Upgrading
	case v == UTF8:
		s.utf8 = true
	}
}

// uncode makes text of what looks like a response code where the server has not
// said that it gives any. RFC 2449, section 6.4.
func (s *ClientSession) uncode(r Reply) Reply {
	if r.Code != "" && !s.caps.RespCodes {
		r.Text = strings.TrimRight("["+string(r.Code)+"] "+r.Text, " ")
		r.Code = ""
	}
	return r
}

// BodyDone says that the body of the last ReplyEvent was read to its end.
func (s *ClientSession) BodyDone() {
	if !s.body {
		panic("pop3: BodyDone without a body")
	}
	s.body = false
}

// TLSDone says that TLS is on, behind STLS. What the server has offered before
// is forgotten: RFC 2595, section 4.
func (s *ClientSession) TLSDone() {
	if s.state != Upgrading {
		panic("pop3: TLSDone in state " + s.state.String())
	}
	*s = ClientSession{Limits: s.Limits, state: Authorization, tls: true}
}

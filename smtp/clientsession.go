package smtp

import (
	"slices"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A ClientConfig says what a ClientSession speaks.
type ClientConfig struct {
	Protocol Protocol
}

// A ClientSession is the client's half of the dialogue: a machine that says which
// command may be sent now and what each reply means. It does no I/O, reads no
// clock and calls nobody.
//
// Each method named after a command appends its line to dst and queues the reply
// that it will draw, or refuses and leaves both as they were. The errors are
// ErrSequence, ErrLimit, *NotOffered, *SyntaxError and ErrUTF8. Whether commands
// travel in groups or one by one is not another way of use: without PIPELINING
// every command has to wait for its reply, which MaySend tells. A driver loops
//
//	while MaySend: append commands → write → while Pending: ReadReply → Step → Outcome
//
// The zero value awaits the greeting; Config is set before that. It is not safe
// for concurrent use.
type ClientSession struct {
	Config ClientConfig

	state      State
	tls        bool
	authed     bool
	extensions Extensions

	queue      []expected // replies that are due, the oldest first
	ended      bool       // what was sent last ends its group
	content    bool       // content, or the lone dot, is to be sent and ContentSent called
	challenged bool       // a response of SASL is to be sent
	withheld   bool       // AUTH left out its initial response

	mails   int // MAIL commands sent
	tx      clientTransaction
	domains []string // of the recipients sent in this session, if there is a limit on them
	line    []byte   // of the command that is being made
	options options  // likewise
}

// An expected is a reply that is due.
type expected struct {
	what  expectation
	verb  Verb
	last  bool // BDAT: LAST; it becomes toContent when its reply is taken
	index int  // RCPT, and content in LMTP: which recipient; else -1
	mail  int  // the transaction that it belongs to
}

type expectation uint8

const (
	toCommand expectation = iota
	toContent             // a final reply to content behind DATA
)

// A clientTransaction is what the session knows of the message it is sending.
type clientTransaction struct {
	binary   bool  // BODY=BINARYMIME
	utf8     bool  // SMTPUTF8
	rcpts    int   // RCPT commands sent
	refused  bool  // MAIL was
	accepted []int // recipients, by their place among the RCPT commands

	chunkRefused bool
}

// State returns where the server is, if it accepts what it has not answered yet.
// See also RFC 2920, section 3.1.
func (s *ClientSession) State() State { return s.state }

// Extensions returns what the server offers, which is nothing before the first
// EHLO and after HELO. It is the session's own and not to be changed.
func (s *ClientSession) Extensions() *Extensions { return &s.extensions }

// Pending returns how many replies are due now; the greeting is one. At the end
// of content in LMTP each recipient's counts.
func (s *ClientSession) Pending() int {
	if s.state == Connected {
		return 1
	}
	return len(s.queue)
}

// Awaited returns the command whose reply is due next, and whether that reply is
// one to content: how long to wait depends on it. RFC 5321, section 4.5.3.2. The
// greeting is UnknownVerb.
func (s *ClientSession) Awaited() (v Verb, content bool) {
	if len(s.queue) == 0 {
		return UnknownVerb, false
	}
	e := s.queue[0]
	return e.verb, e.what == toContent || e.last
}

// Hello appends EHLO, LHLO or HELO with the name of the client: a domain or an
// address literal. RFC 5321, section 4.1.1.1.
func (s *ClientSession) Hello(dst []byte, v Verb, name string) ([]byte, error) {
	if v != HELO && v != EHLO && v != LHLO {
		return dst, ErrSequence
	}
	if err := checkDomain(name, true); err != nil {
		return dst, err
	}
	if !isASCII(name) {
		return dst, ErrUTF8
	}
	return s.send(dst, v, func(b []byte) ([]byte, error) { return append(b, name...), nil })
}

// StartTLS appends STARTTLS. When it is accepted the state is Upgrading: start
// TLS and call TLSDone. RFC 3207, section 4.
func (s *ClientSession) StartTLS(dst []byte) ([]byte, error) {
	return s.send(dst, STARTTLS, nil)
}

// TLSDone says that TLS is on: behind STARTTLS, where all that the server said
// before is forgotten, or before the greeting. RFC 3207, section 4.2.
func (s *ClientSession) TLSDone() {
	switch s.state {
	case Connected:
		s.tls = true
	case Upgrading:
		*s = ClientSession{Config: s.Config, state: Greeted, tls: true, mails: s.mails}
	default:
		panic("smtp: TLSDone in state " + s.state.String())
	}
}

// Mail appends MAIL. Every parameter that is set must be one that the server
// offers, else the error is a *NotOffered: what to leave out is for the caller to
// say. Those in Extra are sent as they are. RFC 5321, section 4.1.1.2.
func (s *ClientSession) Mail(dst []byte, from Path, o *MailOptions) ([]byte, error) {
	if o.Body == BodyBinaryMIME && !(s.extensions.BinaryMIME && s.extensions.Chunking) {
		return dst, &NotOffered{"BINARYMIME"}
	}
	if o.Body == Body8BitMIME && !s.extensions.EightBitMIME {
		return dst, &NotOffered{"8BITMIME"}
	}
	s.options = options{mail: o, check: s.options.check}
	if err := s.checkOffered(from, mailParams[:], o.UTF8); err != nil {
		return dst, err
	}
	dst, err := s.send(dst, MAIL, func(b []byte) ([]byte, error) {
		return appendEnvelopeArg(b, "FROM:", from, mailParams[:], &s.options)
	})
	if err == nil {
		s.tx.binary, s.tx.utf8 = o.Body == BodyBinaryMIME, o.UTF8
	}
	return dst, err
}

// Rcpt appends RCPT, as Mail does MAIL. RFC 5321, section 4.1.1.3.
func (s *ClientSession) Rcpt(dst []byte, to Path, o *RcptOptions) ([]byte, error) {
	if to.IsNull() {
		return dst, &SyntaxError{What: "recipient", Want: "a mailbox", Got: `"<>"`}
	}
	s.options = options{rcpt: o, check: s.options.check}
	if err := s.checkOffered(to, rcptParams[:], s.tx.utf8); err != nil {
		return dst, err
	}
	return s.send(dst, RCPT, func(b []byte) ([]byte, error) {
		b, err := appendEnvelopeArg(b, "TO:", to, rcptParams[:], &s.options)
		if err == nil && s.tooManyDomains(to.Domain) {
			err = ErrLimit
		}
		return b, err
	})
}

// checkOffered looks for what the server does not take.
func (s *ClientSession) checkOffered(p Path, table []param, utf8 bool) error {
	for i := range table {
		if row := &table[i]; row.isSet(&s.options) && !row.offered(&s.extensions) {
			return &NotOffered{row.keyword}
		}
	}
	return p.Check(utf8)
}

// Data appends DATA. RFC 5321, section 4.1.1.4.
func (s *ClientSession) Data(dst []byte) ([]byte, error) { return s.send(dst, DATA, nil) }

// Bdat appends BDAT, whose size octets the caller appends behind it. Where the
// server offers PIPELINING other commands may follow at once; in LMTP, and behind
// the last chunk, none may. RFC 3030, section 2.
func (s *ClientSession) Bdat(dst []byte, size int64, last bool) ([]byte, error) {
	if size < 0 {
		return dst, &SyntaxError{What: "chunk", Want: "a size that is not negative", Got: strconv.FormatInt(size, 10)}
	}
	return s.send(dst, BDAT, func(b []byte) ([]byte, error) {
		b = strconv.AppendInt(b, size, 10)
		if last {
			b = append(b, " LAST"...)
			s.queue[len(s.queue)-1].last = true
		}
		return b, nil
	})
}

// ContentSent says that the content behind DATA has been sent to its end, which
// is to be done when an Outcome asks for it. Its replies are due from now on: in
// LMTP one for each recipient that was accepted. RFC 2033, section 4.2.
func (s *ClientSession) ContentSent() {
	if !s.content {
		panic("smtp: ContentSent, but no content was asked for")
	}
	s.content = false
	s.expectContent(expected{what: toContent, verb: DATA, index: -1, mail: s.mails})
}

// expectContent queues the replies that the end of content draws, of which e is
// the pattern. Their number is fixed here. A server that was sent content
// although it had accepted no recipient gives one.
func (s *ClientSession) expectContent(e expected) {
	if s.Config.Protocol != LMTP || len(s.tx.accepted) == 0 {
		s.queue = append(s.queue, e)
		return
	}
	for _, i := range s.tx.accepted {
		e.index = i
		s.queue = append(s.queue, e)
	}
}

// Command appends any other command: RSET, NOOP, QUIT, VRFY, EXPN, HELP, ETRN,
// XCLIENT, or one that this package does not know. Commands that have a method of
// their own are refused. When XCLIENT succeeds the session is where it was behind
// the greeting.
func (s *ClientSession) Command(dst []byte, name, arg string) ([]byte, error) {
	v := ParseVerb([]byte(name))
	if ownMethod.has(v) {
		return dst, &SyntaxError{What: "command", Want: "one that has no method of its own", Got: quote(name)}
	}
	if name == "" || !ascii.All(keywordClass, name) {
		return dst, &SyntaxError{What: "command", Want: "letters, digits and hyphens", Got: quote(name)}
	}
	if !ascii.All(argClass, arg) {
		return dst, &SyntaxError{What: "argument", Want: "printable characters", Got: quote(arg)}
	}
	return s.sendNamed(dst, v, name, func(b []byte) ([]byte, error) { return append(b, arg...), nil })
}

var (
	ownMethod = set(HELO, EHLO, LHLO, MAIL, RCPT, DATA, BDAT, STARTTLS, AUTH)
	argClass  = ascii.Print.Or(ascii.High)
)

func (s *ClientSession) send(dst []byte, v Verb, arg func([]byte) ([]byte, error)) ([]byte, error) {
	return s.sendNamed(dst, v, v.String(), arg)
}

// maxCommand is the longest command line that is sent: what servers grant with
// all extensions, by far. RFC 5321, section 4.5.3.1.4.
const maxCommand = 2048

// sendNamed appends a command line, moves the state as if it were accepted, and
// queues its reply; or does nothing of all that.
func (s *ClientSession) sendNamed(dst []byte, v Verb, name string, arg func([]byte) ([]byte, error)) ([]byte, error) {
	if err := s.refusal(v); err != nil {
		return dst, err
	}
	e := expected{verb: v, index: -1, mail: s.mails}
	switch v {
	case MAIL:
		e.mail++
	case RCPT:
		e.index = s.tx.rcpts
	}
	s.queue = append(s.queue, e)
	line, err := append(append(s.line[:0], name...), ' '), error(nil)
	if arg != nil {
		line, err = arg(line)
	}
	line = append(trimSpaces(line), "\r\n"...)
	s.line = line[:0]
	if err == nil && len(line) > maxCommand && v != AUTH {
		err = &SyntaxError{What: "command", Offset: maxCommand, Want: "at most 2048 octets", Got: quote(line)}
	}
	if err != nil {
		s.queue = s.queue[:len(s.queue)-1]
		return dst, err
	}
	s.ended = !s.extensions.Pipelining || !inGroup.has(v) || v == BDAT && (s.Config.Protocol == LMTP || s.queue[len(s.queue)-1].last)
	s.advance(v)
	return append(dst, line...), nil
}

// advance moves the state as a command that is accepted will.
func (s *ClientSession) advance(v Verb) {
	switch v {
	case MAIL:
		s.state = Mailing
		s.mails++
		s.tx = clientTransaction{accepted: s.tx.accepted[:0]}
	case RCPT:
		s.state = Addressed
		s.tx.rcpts++
	case DATA:
		s.state = Receiving
	case BDAT:
		s.state = Chunking
		if s.queue[len(s.queue)-1].last {
			s.state = Receiving
		}
	case RSET:
		if s.state != Greeted {
			s.state = Ready
		}
	}
}

// Auth appends AUTH with a mechanism that the server offers. ir is the initial
// response: nil if there is none. It is left out if the line would be too long,
// and is then the answer to the empty challenge that the server sends for it:
// see SendInitial. The line is a secret. RFC 4954, section 4.
func (s *ClientSession) Auth(dst []byte, mechanism string, ir []byte) ([]byte, error) {
	if err := s.refusal(AUTH); err != nil {
		return dst, err
	}
	if !slices.ContainsFunc(s.extensions.Auth, func(m string) bool { return ascii.EqualFold(m, mechanism) }) {
		return dst, &NotOffered{"AUTH " + mechanism}
	}
	const maxAuth = 512 // RFC 4954, section 4, item 3
	withheld := false
	dst, err := s.send(dst, AUTH, func(b []byte) ([]byte, error) {
		b = append(b, mechanism...)
		if !ascii.All(mechanismClass, mechanism) {
			return b, &SyntaxError{What: "mechanism", Want: "letters, digits, hyphens and underscores", Got: quote(mechanism)}
		}
		if ir == nil {
			return b, nil
		}
		n := len(b)
		b = append(b, ' ')
		if len(ir) == 0 {
			return append(b, '='), nil
		}
		if b = ascii.AppendBase64(b, ir); len(b)+2 > maxAuth {
			clear(b[n:])
			b, withheld = b[:n], true
		}
		return b, nil
	})
	clear(s.line[:cap(s.line)])
	s.withheld = withheld
	return dst, err
}

// mechanismClass is what names of SASL mechanisms are made of: RFC 4422, section 3.1.
var mechanismClass = keywordClass.Or(ascii.Of("_"))

// Respond appends a response to the challenge that came last. The line is a
// secret.
func (s *ClientSession) Respond(dst, response []byte) ([]byte, error) {
	if !s.challenged {
		return dst, ErrSequence
	}
	s.respond()
	return append(ascii.AppendBase64(dst, response), "\r\n"...), nil
}

// Cancel appends the line that gives the exchange up. RFC 4954, section 4.
func (s *ClientSession) Cancel(dst []byte) ([]byte, error) {
	if !s.challenged {
		return dst, ErrSequence
	}
	s.respond()
	return append(dst, "*\r\n"...), nil
}

func (s *ClientSession) respond() {
	s.challenged = false
	s.queue = append(s.queue, expected{verb: AUTH, index: -1, mail: s.mails})
}

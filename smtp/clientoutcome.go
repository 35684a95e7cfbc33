package smtp

import (
	"errors"

	"github.com/mailwire/mailwire/internal/ascii"
)

// What the methods of a ClientSession refuse, beside syntax.
var (
	// ErrSequence: the command does not belong here, or has to wait for replies.
	ErrSequence = errors.New("smtp: command out of sequence")
	// ErrLimit: the server has announced that it would refuse. RFC 9422, section 4.
	ErrLimit = errors.New("smtp: over a limit that the server announced")
)

// What Step refuses, beside syntax. After any of these the two sides no longer
// agree on what is being answered, and the connection is of no more use.
var (
	ErrUnsolicited = errors.New("smtp: a reply that nothing was asked for")
	ErrWrongReply  = errors.New("smtp: a reply that cannot answer this command")
)

// NotOffered is the refusal to send what the server has not said that it takes.
type NotOffered struct {
	Keyword string // of the extension, the parameter or the command
}

func (e *NotOffered) Error() string { return "smtp: the server does not offer " + e.Keyword }

// An Action is what a reply asks of the driver.
type Action uint8

const (
	Wait         Action = iota // nothing: go on
	SendContent                // 354: send the content and its end, then ContentSent
	SendLoneDot                // 354, but no recipient was accepted: send ".\r\n", then ContentSent. RFC 2920, section 3.1
	SendResponse               // 334: Respond to Outcome.Challenge, or Cancel
	SendInitial                // 334: Respond with the initial response that Auth left out
	SendCancel                 // 334 that is no base64: Cancel
	BeginTLS                   // 220: start TLS, then TLSDone
	Retire                     // the server is leaving: nothing more can be sent. RFC 5321, section 3.8
)

func (a Action) String() string {
	return [...]string{"Wait", "SendContent", "SendLoneDot", "SendResponse", "SendInitial", "SendCancel", "BeginTLS", "Retire"}[a]
}

// An Outcome is a reply with its meaning: which command it answers, and what is
// to be done now.
type Outcome struct {
	Verb      Verb   // UnknownVerb: the greeting, or a command that this package does not know
	Content   bool   // the reply is to content, by DATA or a last chunk
	Index     int    // RCPT, and content in LMTP: which of the RCPT commands of the transaction; else -1
	Reply     Reply  // 552 to RCPT reads 452: RFC 5321, section 4.5.3.1.10
	Challenge []byte // SendResponse: decoded, never nil
	Next      Action
}

// Err returns the reply as an error, or nil if it is positive.
func (o *Outcome) Err() error {
	if o.Reply.Positive() {
		return nil
	}
	v := o.Verb
	if o.Content {
		v = UnknownVerb
	}
	return &ReplyError{v, o.Reply}
}

// Step takes the next reply, the one to the oldest command that has none. An
// error retires the connection: ErrUnsolicited, ErrWrongReply.
func (s *ClientSession) Step(r Reply) (Outcome, error) {
	o := Outcome{Index: -1, Reply: r}
	if s.state == Closed || s.state == Upgrading {
		return o, ErrUnsolicited
	}
	if s.state == Connected {
		return s.greeted(o)
	}
	if len(s.queue) == 0 {
		s.state = Closed
		if r.Code == 421 {
			o.Next = Retire
			return o, nil
		}
		return o, ErrUnsolicited
	}
	e := s.next()
	o.Verb, o.Index, o.Content = e.verb, e.index, e.what == toContent
	if r.Code == 421 {
		s.queue, s.state = nil, Closed
		o.Next = Retire
		return o, nil
	}
	if !s.fits(&e, r.Code) {
		s.queue, s.state = nil, Closed
		return o, ErrWrongReply
	}
	s.step(&e, &o)
	// A transaction whose MAIL was refused leaves nothing behind.
	if s.state == Failed && len(s.queue) == 0 && s.tx.refused && !s.tx.chunkRefused {
		s.state = Ready
	}
	return o, nil
}

// next takes the oldest expected reply off the queue. At the last chunk it is
// known by now how many replies there are.
func (s *ClientSession) next() expected {
	e := s.queue[0]
	s.queue = append(s.queue[:0], s.queue[1:]...)
	if !e.last {
		return e
	}
	s.expectContent(expected{what: toContent, verb: BDAT, index: -1, mail: e.mail})
	return s.next()
}

// fits reports whether a reply code can answer the command: the first digit
// decides. RFC 5321, section 4.2.1.
func (s *ClientSession) fits(e *expected, code int) bool {
	switch code / 100 {
	case 2:
		return e.verb != DATA || e.what == toContent
	case 3:
		// In LMTP nobody could say how many replies the content would have that a
		// server asks for without a recipient. RFC 2033, section 4.2.
		return e.verb == AUTH || e.verb == DATA && e.what == toCommand &&
			(s.Config.Protocol != LMTP || len(s.tx.accepted) > 0)
	}
	return true
}

func (s *ClientSession) greeted(o Outcome) (Outcome, error) {
	switch {
	case o.Reply.Code == 421:
		s.state, o.Next = Closed, Retire
	case o.Reply.Code/100 == 2:
		s.state = Greeted
	case o.Reply.Code/100 == 3:
		s.state = Closed
		return o, ErrWrongReply
	default: // RFC 5321, section 3.1: QUIT, and nothing else
		s.state = Turned
	}
	return o, nil
}

// step is Step for the reply o.Reply to e.
func (s *ClientSession) step(e *expected, o *Outcome) {
	yes := o.Reply.Positive()
	if e.what == toContent {
		s.stepContent(e, yes)
		return
	}
	switch e.verb {
	case HELO, EHLO, LHLO:
		if yes {
			s.state = Ready
			s.extensions = Extensions{}
			if e.verb != HELO {
				s.extensions = ParseExtensions(o.Reply)
			}
		}
	case MAIL:
		if !yes && e.mail == s.mails {
			s.tx.refused = true
			s.fail()
		}
	case RCPT:
		s.stepRcpt(e, o, yes)
	case DATA:
		s.stepData(o, yes)
	case BDAT:
		if !yes {
			s.tx.chunkRefused = true
			s.fail()
		}
	case RSET:
		if !yes && e.mail == s.mails {
			s.state = Failed
		}
	case STARTTLS:
		if yes {
			s.state, o.Next = Upgrading, BeginTLS
		}
	case AUTH:
		s.stepAuth(o)
	case QUIT:
		s.state = Closed
	case XCLIENT:
		if yes {
			*s = ClientSession{Config: s.Config, tls: s.tls, mails: s.mails, state: Greeted}
		}
	}
}

// fail notes that the transaction cannot be finished. What has been sent already
// is still answered, and Receiving ends only then.
func (s *ClientSession) fail() {
	if s.state.InTransaction() && s.state != Receiving {
		s.state = Failed
	}
}

func (s *ClientSession) stepRcpt(e *expected, o *Outcome, yes bool) {
	if o.Reply.Code == 552 {
		o.Reply.Code = 452
		if !o.Reply.Enhanced.IsZero() {
			o.Reply.Enhanced = o.Reply.Enhanced.ForReply(452)
		}
	}
	if yes && e.mail == s.mails && !s.tx.refused { // else: of a transaction that is no more
		s.tx.accepted = append(s.tx.accepted, e.index)
	}
}

// stepData: the reply to DATA itself.
func (s *ClientSession) stepData(o *Outcome, yes bool) {
	switch {
	case !yes:
		s.state = Failed
	case len(s.tx.accepted) == 0:
		s.content, o.Next = true, SendLoneDot
	default:
		s.content, o.Next = true, SendContent
	}
}

// stepContent: a reply to content. Where a chunk was refused the state of the
// server is indeterminate, even behind the last. RFC 3030, section 2.
func (s *ClientSession) stepContent(e *expected, yes bool) {
	if !yes && e.verb == BDAT {
		s.tx.chunkRefused = true
	}
	switch {
	case len(s.queue) > 0:
	case s.tx.chunkRefused:
		s.state = Failed
	default:
		s.state = Ready
	}
}

func (s *ClientSession) stepAuth(o *Outcome) {
	switch {
	case o.Reply.Code/100 == 2:
		s.authed, s.state = true, Ready
	case o.Reply.Code/100 == 3:
		s.state, s.challenged = Authing, true
		challenge, err := ascii.ParseBase64([]byte{}, []byte(o.Reply.Text))
		switch {
		case err != nil:
			o.Next = SendCancel
		case s.withheld && len(challenge) == 0:
			o.Next = SendInitial
		default:
			o.Next, o.Challenge = SendResponse, challenge
		}
		s.withheld = false
	default:
		s.state = Ready
	}
}

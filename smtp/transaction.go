package smtp

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// stepMail: RFC 5321, section 4.1.1.2.
func (s *ServerSession) stepMail(arg []byte) Event {
	if s.mails >= s.Config.Limits.mails() {
		return s.refuseAndClose(421, EnhancedCode{4, 7, 0}, "too many messages in one session")
	}
	e := &s.events.mail
	*e = MailEvent{}
	s.options = options{mail: &e.Options, x: &s.offered}
	from, err := parseEnvelopeArg(arg, "FROM:", mailParams[:], &s.options, MAIL, s.paths.parse)
	if err != nil {
		return s.refuseArgument(MAIL, err)
	}
	e.From = from
	if r := s.refuseMail(e); r != nil {
		return r
	}
	return s.ask(e)
}

// refuseMail looks at what the values of MAIL mean here.
func (s *ServerSession) refuseMail(e *MailEvent) *Refused {
	o, x := &e.Options, &s.offered
	switch {
	case o.Size > s.Config.Limits.message(): // RFC 1870, section 6.1
		reply := contentReplies[TooBig]
		return s.refuse(reply.Code, reply.Enhanced, reply.Text)
	case o.HoldFor > 0 && o.HoldFor > x.FutureRelease.MaxHold,
		!o.HoldUntil.IsZero() && o.HoldUntil.After(x.FutureRelease.MaxUntil): // RFC 4865, section 5
		return s.refuse(554, EnhancedCode{5, 7, 0}, "cannot hold a message for so long")
	case o.DeliverBy != nil && o.DeliverBy.Return && o.DeliverBy.In < *x.DeliverBy: // RFC 2852, section 4
		return s.badArgument("cannot deliver in so short a time")
	case !s.qualified(e.From):
		return s.refuse(554, EnhancedCode{5, 1, 8}, "domain of the sender is not fully qualified")
	}
	return nil
}

// qualified reports whether the domain of an address may be submitted: with a
// dot in it, or an address literal. RFC 6409, section 4.2.
func (s *ServerSession) qualified(p Path) bool {
	return s.Config.Protocol != Submission || p.Domain == "" || strings.ContainsAny(p.Domain, ".[")
}

func (s *ServerSession) settleMail(e *MailEvent, v Reply) Reply {
	if !v.Positive() {
		return v
	}
	s.state, s.mailRefused = Mailing, false
	s.mails++
	s.tx = transaction{body: e.Options.Body, utf8: e.Options.UTF8}
	return affirm(v, 250, EnhancedCode{2, 1, 0}, "sender OK")
}

// stepRcpt: RFC 5321, section 4.1.1.3.
func (s *ServerSession) stepRcpt(arg []byte) Event {
	if s.tx.rcpts >= s.Config.Limits.rcpts() { // RFC 5321, section 4.5.3.1.10
		return s.tooMany("recipients")
	}
	e := &s.events.rcpt
	*e = RcptEvent{Index: s.tx.rcpts}
	s.options = options{rcpt: &e.Options, x: &s.offered, utf8: s.tx.utf8}
	to, err := parseEnvelopeArg(arg, "TO:", rcptParams[:], &s.options, RCPT, s.paths.parse)
	switch {
	case err != nil:
		return s.refuseArgument(RCPT, err)
	case to.IsNull():
		return s.refuse(501, EnhancedCode{5, 1, 3}, "<> is no recipient")
	case !s.qualified(to):
		return s.refuse(554, EnhancedCode{5, 1, 2}, "domain of the recipient is not fully qualified")
	case len(s.domains) >= s.Config.Limits.rcptDomains() && !s.knowsDomain(to.Domain):
		return s.tooMany("domains of recipients")
	}
	e.To = to
	return s.ask(e)
}

// tooMany refuses what may be sent in another transaction or session. It is no
// mistake of the peer's: RFC 5321, section 4.5.3.1.10.
func (s *ServerSession) tooMany(of string) *Refused {
	r := s.refuse(452, EnhancedCode{4, 5, 3}, "too many "+of)
	r.honest = true
	return r
}

// knowsDomain reports whether a recipient of the domain was accepted before.
func (s *ServerSession) knowsDomain(domain string) bool {
	return slices.ContainsFunc(s.domains, func(d string) bool { return ascii.EqualFold(d, domain) })
}

func (s *ServerSession) settleRcpt(v Reply) Reply {
	if v.Positive() {
		s.state = Addressed
		s.tx.rcpts++
		if domain := s.events.rcpt.To.Domain; s.Config.Limits.RcptDomains > 0 && !s.knowsDomain(domain) {
			s.domains = append(s.domains, domain)
		}
		if v.Code != 251 { // will forward
			v.Code = 250
		}
		return affirm(v, v.Code, EnhancedCode{2, 1, 5}, "recipient OK")
	}
	s.badRcpts++
	if s.badRcpts >= s.Config.Limits.badRcpts() {
		return Reply{421, EnhancedCode{4, 7, 0}, "too many bad recipients"}
	}
	return v
}

// refuseArgument says to the peer why the argument of MAIL or RCPT is refused,
// in our words and none of its own.
func (s *ServerSession) refuseArgument(v Verb, err error) *Refused {
	address, utf8Code := EnhancedCode{5, 1, 7}, 550
	if v == RCPT {
		address, utf8Code = EnhancedCode{5, 1, 3}, 553
	}
	if err == ErrUTF8 { // RFC 6531, section 3.5
		return s.refuse(utf8Code, EnhancedCode{5, 6, 7}, "UTF-8 address without SMTPUTF8")
	}
	if e, ok := errors.AsType[*ParamError](err); ok {
		if e.Twice {
			return s.badArgument("parameter given twice")
		}
		return s.refuse(555, EnhancedCode{5, 5, 4}, "parameter not recognized or not offered")
	}
	e, _ := errors.AsType[*SyntaxError](err)
	switch e.What {
	case "path", "source route", "local part", "quoted local part", "domain", "address literal":
		return s.refuse(501, address, "bad "+e.What+": want "+e.Want)
	}
	return s.badArgument("bad " + e.What + ": want " + e.Want)
}

// stepData: RFC 5321, section 4.1.1.4.
func (s *ServerSession) stepData(arg []byte) Event {
	switch {
	case len(arg) > 0:
		return s.badArgument("DATA takes no argument")
	case s.tx.body == BodyBinaryMIME: // RFC 3030, section 3
		return s.badSequence("BODY=BINARYMIME goes with BDAT")
	}
	return s.ask(&s.events.data)
}

func (s *ServerSession) settleData(v Reply) Reply {
	if v.Positive() {
		v = affirm(v, 354, EnhancedCode{}, "send the message, end it with a line of one dot")
		s.state = Receiving
	}
	return v
}

// stepBdat: RFC 3030, section 2. The octets of a chunk follow the command
// without waiting for a reply, so that however the command is judged they have to
// be dropped or taken, and are never lines.
func (s *ServerSession) stepBdat(arg []byte) Event {
	number, word, hasWord := bytes.Cut(arg, []byte(" "))
	last := ascii.EqualFold(word, "LAST")
	n, err := ascii.ParseUint(number, math.MaxInt64)
	if err != nil || hasWord && !last {
		return s.refuseAndClose(501, EnhancedCode{5, 5, 4}, "want BDAT size [LAST]; where the chunk ends is unknown")
	}
	size := int64(n)
	if r := s.refuseChunk(size); r != nil {
		r.Skip = size
		switch {
		case s.state != Addressed && s.state != Chunking && s.state != Failed: // no message that could fail
		case !last:
			s.next = Failed
		default:
			s.next = Ready
			r.Replies = s.repliesAtEnd()
			s.replies = r.Replies
		}
		return r
	}
	s.events.chunk = ChunkEvent{Size: size, First: s.state == Addressed, Last: last}
	s.state = Receiving
	return s.ask(&s.events.chunk)
}

func (s *ServerSession) refuseChunk(size int64) *Refused {
	switch {
	case s.needsTLS() && s.state != Turned:
		return s.refuseWithoutTLS()
	case s.hidden("CHUNKING"):
		return s.refuse(502, EnhancedCode{5, 5, 1}, "command not offered")
	case s.state == Failed:
		r := s.badSequence("the message was refused already")
		r.honest = true
		return r
	case s.state != Addressed && s.state != Chunking:
		r := s.badSequence("send MAIL and RCPT first")
		r.honest = s.state == Mailing || s.mailRefused
		return r
	case size > s.Config.Limits.message()-s.tx.received:
		reply := contentReplies[TooBig]
		return s.refuse(reply.Code, reply.Enhanced, reply.Text)
	}
	return nil
}

// Received says that the content has been taken off the wire to its genuine end:
// the whole message behind DATA, one chunk behind BDAT. err condemns it,
// whatever the application says later; a *ContentError or a *Reject names the
// reply. Settle the EndEvent as often as it says.
func (s *ServerSession) Received(err error) *EndEvent {
	e := &s.events.end
	*e = EndEvent{Replies: 1, Last: true, Err: err}
	switch open := s.open.(type) {
	case *ChunkEvent:
		s.tx.received += open.Size
		e.Last = open.Last
	case nil:
		if s.state != Receiving {
			panic("smtp: Received in state " + s.state.String())
		}
	default:
		panic("smtp: Received before the event was settled")
	}
	if e.Last {
		e.Replies = s.repliesAtEnd()
	}
	s.open, s.replies, s.failed, s.closing = e, e.Replies, false, false
	return e
}

// repliesAtEnd is how many replies the end of the content draws: in LMTP one for
// each accepted recipient, whatever they are. RFC 2033, section 4.2.
func (s *ServerSession) repliesAtEnd() int {
	if s.Config.Protocol == LMTP {
		return s.tx.rcpts
	}
	return 1
}

func (s *ServerSession) settleEnd(e *EndEvent, v Reply) Reply {
	if v.Positive() && e.Err != nil {
		v = condemned(e.Err)
	}
	if v.Positive() {
		v = affirm(v, 250, EnhancedCode{2, 0, 0}, "OK")
	} else {
		s.failed = true
	}
	if s.replies--; v.Code == 421 && s.replies > 0 {
		// The other recipients must have their replies before the channel closes.
		v.Code, s.closing = 451, true
	}
	if s.replies == 0 {
		s.open = nil
		switch {
		case e.Last:
			s.state = Ready
			s.endTransaction()
		case s.failed:
			s.state = Failed
		default:
			s.state = Chunking
		}
		if s.closing {
			s.state = Closed
		}
	}
	return s.complete(v)
}

// condemned is the refusal of content for err.
func condemned(err error) Reply {
	if e, ok := errors.AsType[*ContentError](err); ok {
		return e.Reply()
	}
	if e, ok := errors.AsType[*Reject](err); ok && e.Code >= 400 && e.Code <= 599 {
		return e.Reply()
	}
	return localError
}

// A pathCache keeps the last paths, so that senders and recipients that come
// again cost no allocation.
type pathCache struct {
	entries [8]struct {
		raw  string
		utf8 bool
		path Path
	}
	next uint8
}

// parse is ParsePath with a memory.
func (c *pathCache) parse(raw []byte, utf8OK bool) (Path, error) {
	for i := range c.entries {
		if e := &c.entries[i]; e.raw == string(raw) && e.utf8 == utf8OK {
			return e.path, nil
		}
	}
	p, err := ParsePath(raw, utf8OK)
	if err == nil && len(raw) <= maxPath {
		e := &c.entries[c.next%uint8(len(c.entries))]
		e.raw, e.utf8, e.path = string(raw), utf8OK, p
		c.next++
	}
	return p, err
}

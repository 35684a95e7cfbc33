package smtp

import "github.com/mailwire/mailwire/internal/ascii"

// The states of a ClientSession are those of the server's machine, as far as the
// client can know them: where the server is once it has accepted all that was
// sent. Two of them read differently here. Receiving begins when DATA is sent,
// or the last chunk, and ends with the last reply to the content. In Failed the
// server refused a part of the transaction and may hold the rest of it: RSET
// comes next.

// inSequence says what a client sends where. In the states that are missing it is
// content that is to be sent, or a response of SASL, or TLS to be begun, or it is
// all over. RFC 5321, section 4.1.4.
var inSequence = [numStates]verbs{
	Turned:    set(QUIT),
	Greeted:   set(QUIT, HELO, EHLO, LHLO, RSET, NOOP, HELP, VRFY, EXPN, UnknownVerb),
	Ready:     anyTime | set(MAIL, AUTH, STARTTLS, XCLIENT),
	Mailing:   anyTime | set(RCPT),
	Addressed: anyTime | set(RCPT, DATA, BDAT),
	Chunking:  anyTime | set(BDAT),
	Failed:    anyTime,
}

var anyTime = set(QUIT, HELO, EHLO, LHLO, RSET, NOOP, HELP, VRFY, EXPN, ETRN, UnknownVerb)

// inGroup is what may be followed by another command before its reply has come,
// if the server offers PIPELINING: RFC 2920, section 3.1. Every other command
// ends its group, and without PIPELINING these do too. For chunks see RFC 3030,
// section 4.2.
var inGroup = set(MAIL, RCPT, RSET, BDAT)

// MaySend reports whether the command is in sequence, offered, within the
// server's limits, and need not wait for replies.
func (s *ClientSession) MaySend(v Verb) bool { return s.refusal(v) == nil }

// refusal says why the command cannot be sent now.
func (s *ClientSession) refusal(v Verb) error {
	switch {
	case s.ended && len(s.queue) > 0, s.challenged, s.content, !inSequence[s.state].has(v):
		return ErrSequence
	case !s.offers(v):
		return &NotOffered{v.String()}
	case v == AUTH && s.authed: // RFC 4954, section 4
		return ErrSequence
	case v == DATA && s.tx.binary: // RFC 3030, section 3
		return ErrSequence
	case v == MAIL && s.overLimit(s.mails, func(l *OfferedLimits) int { return l.MailMax }),
		v == RCPT && s.overLimit(s.tx.rcpts, func(l *OfferedLimits) int { return l.RcptMax }):
		return ErrLimit
	}
	return nil
}

// offers reports whether the server lets the verb be used at all.
func (s *ClientSession) offers(v Verb) bool {
	switch lmtp := s.Config.Protocol == LMTP; v {
	case HELO, EHLO: // RFC 2033, section 4.1
		return !lmtp
	case LHLO:
		return lmtp
	case STARTTLS:
		return s.extensions.StartTLS && !s.tls
	case AUTH:
		return len(s.extensions.Auth) > 0
	case BDAT:
		return s.extensions.Chunking
	case ETRN:
		return s.extensions.ETRN
	case XCLIENT:
		return s.extensions.XClient != nil
	}
	return true
}

// overLimit reports whether n is at a limit that the server has announced:
// RFC 9422, section 4.
func (s *ClientSession) overLimit(n int, limit func(*OfferedLimits) int) bool {
	l := s.extensions.Limits
	return l != nil && limit(l) > 0 && n >= limit(l)
}

// tooManyDomains reports whether a recipient's domain is one too many for the
// session; if not, it is remembered. RFC 9422, section 4.
func (s *ClientSession) tooManyDomains(domain string) bool {
	l := s.extensions.Limits
	if l == nil || l.RcptDomainMax <= 0 {
		return false
	}
	for _, d := range s.domains {
		if ascii.EqualFold(d, domain) {
			return false
		}
	}
	if len(s.domains) >= l.RcptDomainMax {
		return true
	}
	s.domains = append(s.domains, domain)
	return false
}

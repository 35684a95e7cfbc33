package smtp

import (
	"bytes"
	"slices"

	"github.com/mailwire/mailwire/internal/ascii"
)

// stepAuth: RFC 4954, section 4. The session knows when an exchange begins and
// ends and how its octets travel; what they mean is for the mechanism.
func (s *ServerSession) stepAuth(arg []byte) Event {
	mechanism, ir, hasIR := bytes.Cut(arg, []byte(" "))
	name := string(ascii.AppendUpper(nil, mechanism))
	switch {
	case s.authed:
		return s.badSequence("authenticated already")
	case s.hello == HELO:
		return s.badSequence("send EHLO first")
	case len(mechanism) == 0:
		return s.badArgument("AUTH needs a mechanism")
	case s.Config.AuthAfterTLS && !s.tls:
		return s.refuse(538, EnhancedCode{5, 7, 11}, "send STARTTLS first")
	case !slices.Contains(s.Config.Mechanisms, name):
		return s.refuse(504, EnhancedCode{5, 5, 4}, "mechanism not offered")
	}
	s.events.auth = AuthEvent{Mechanism: name}
	switch {
	case !hasIR:
		return s.ask(&s.events.auth)
	case string(ir) == "=": // empty, which is not the same as absent
		s.events.auth.Response = []byte{}
		return s.ask(&s.events.auth)
	}
	return s.stepOctets(ir)
}

// stepResponse takes a line within an exchange.
func (s *ServerSession) stepResponse(line []byte) Event {
	if string(line) == "*" {
		return s.refuseExchange(501, EnhancedCode{5, 7, 0}, "authentication cancelled")
	}
	return s.stepOctets(line)
}

// stepOctets decodes a response, or the initial one.
func (s *ServerSession) stepOctets(line []byte) Event {
	octets, err := ascii.ParseBase64(s.authBuf[:0], line)
	if err != nil {
		return s.refuseExchange(501, EnhancedCode{5, 5, 2}, "bad base64")
	}
	if octets == nil {
		octets = []byte{} // a response that is empty is not one that is absent
	}
	s.authBuf = octets
	s.events.auth.Response = octets
	return s.ask(&s.events.auth)
}

// badResponse is stepResponse for a line that could not be read.
func (s *ServerSession) badResponse(err error) Event {
	switch err {
	case ErrEndless:
		return s.refuseAndClose(421, EnhancedCode{4, 7, 0}, "line without end")
	case ErrLineTooLong:
		return s.refuseExchange(500, EnhancedCode{5, 5, 6}, "response too long")
	}
	return s.refuseExchange(501, EnhancedCode{5, 5, 2}, "bad base64")
}

// refuseExchange ends the exchange, if one is open, without the mechanism.
func (s *ServerSession) refuseExchange(code int, enhanced EnhancedCode, text string) Event {
	r := s.refuse(code, enhanced, text)
	s.next = Ready
	return r
}

// settleAuth wipes the response and moves into the exchange or out of it.
func (s *ServerSession) settleAuth(v Reply) Reply {
	s.wipe()
	s.state = Ready
	switch {
	case v.Code == codeChallenge:
		s.state = Authing
		return v
	case v.Code/100 == 3: // no other goes on
		return localError
	case v.Positive():
		s.authed = true
		return affirm(v, 235, EnhancedCode{2, 7, 0}, "authenticated")
	}
	if v.Code/100 == 5 {
		s.authFailures++
	}
	if s.authFailures >= s.Config.Limits.authFailures() {
		return Reply{421, EnhancedCode{4, 7, 0}, "too many failed authentications"}
	}
	return v
}

// wipe overwrites the response.
func (s *ServerSession) wipe() {
	clear(s.authBuf)
	s.events.auth.Response = nil
}

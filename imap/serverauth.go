package imap

import (
	"github.com/mailwire/mailwire/internal/ascii"
)

// stepLogin: RFC 9051, section 6.2.3. Where LOGIN is disabled the password is
// not even looked at.
func (s *ServerSession) stepLogin(a *LoginArgs) Event {
	if s.Caps().Has(CapLoginDisabled) {
		clear(a.Password)
		return s.refuse(No("PRIVACYREQUIRED", "LOGIN is disabled on this connection"))
	}
	s.events.login = LoginEvent{a.Username, a.Password}
	return s.ask(&s.events.login)
}

// stepAuthenticate: RFC 9051, section 6.2.2.
func (s *ServerSession) stepAuthenticate(a *AuthenticateArgs) Event {
	offered := false
	for _, c := range s.Caps() {
		m, ok := c.Auth()
		offered = offered || ok && m == a.Mechanism
	}
	switch {
	case !offered:
		return s.refuse(No("", "mechanism not offered"))
	case a.Initial != nil && !s.Caps().HasAny(CapSASLIR, CapRev2): // RFC 4959, section 3
		clear(a.Initial)
		return s.refuse(Bad("", "initial response not offered"))
	}
	s.events.auth = AuthEvent{a.Mechanism, a.Initial}
	return s.ask(&s.events.auth)
}

// stepAuthLine takes a response: base64, or "*" to cancel.
func (s *ServerSession) stepAuthLine(line []byte) Event {
	if string(line) == "*" {
		return s.refuse(Bad("", "AUTHENTICATE cancelled"))
	}
	buf := s.events.authLine.Response
	response, err := ascii.ParseBase64(buf[:0], line)
	if err != nil {
		clear(buf[:cap(buf)]) // what was decoded of it
		return s.refuse(Bad("", "not base64"))
	}
	s.events.authLine.Response = response
	return s.ask(&s.events.authLine)
}

// Challenge answers an AuthEvent or AuthLine with a challenge: AUTHENTICATE goes
// on with the next line.
func (s *ServerSession) Challenge(b []byte) Reply {
	switch s.open.(type) {
	case *AuthEvent, *AuthLine:
	default:
		panic("imap: Challenge outside of AUTHENTICATE")
	}
	s.wipe()
	s.open, s.sub = nil, Authenticating
	return Reply{Tag: "+", Status: Status{Text: string(ascii.AppendBase64(nil, b))}}
}

// wipe overwrites the secrets of the open event.
func (s *ServerSession) wipe() {
	switch e := s.open.(type) {
	case *LoginEvent:
		clear(e.Password)
	case *AuthEvent:
		clear(e.Initial)
	case *AuthLine:
		clear(e.Response)
	}
}

// settleLogin ends LOGIN and AUTHENTICATE.
func (s *ServerSession) settleLogin(st Status) Reply {
	s.wipe()
	if st.Kind == OK {
		s.authFails = 0
		s.move(Authenticated)
		return s.tagged(s.withCaps(st))
	}
	if s.authFails++; s.authFails >= s.Limits.authFails() {
		return s.bye(st, "too many failures")
	}
	return s.tagged(st)
}

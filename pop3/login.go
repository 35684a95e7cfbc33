package pop3

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// stepUser: RFC 1939, section 7. The answer is the same whoever it names.
func (s *ServerSession) stepUser(arg []byte) Event {
	if r := s.badText(arg); r != nil {
		return r
	}
	s.name = string(arg)
	return s.answer("send PASS", false)
}

// stepPass: RFC 1939, section 7. Spaces are part of the password.
func (s *ServerSession) stepPass(arg []byte) Event {
	if !s.hasUser {
		return s.refuse("send USER first")
	}
	if r := s.badText(arg); r != nil {
		return r
	}
	s.events.pass = PassEvent{User: s.user, Password: Password(arg)}
	return s.ask(&s.events.pass)
}

// stepApop: RFC 1939, section 7. What is no digest goes on all the same, so that
// it is refused as late as a wrong one.
func (s *ServerSession) stepApop(arg []byte) Event {
	if r := s.badText(arg); r != nil {
		return r
	}
	i := bytes.LastIndexByte(arg, ' ')
	if i <= 0 || i == len(arg)-1 {
		return s.refuse("want a name and a digest")
	}
	s.events.apop = ApopEvent{User: string(arg[:i]), Stamp: s.Config.Stamp, Digest: string(arg[i+1:])}
	return s.ask(&s.events.apop)
}

// badText refuses names and passwords that are empty or not UTF-8: RFC 6856,
// section 2.2.
func (s *ServerSession) badText(arg []byte) *Refused {
	switch {
	case len(arg) == 0:
		return s.refuse("argument missing")
	case !utf8.Valid(arg):
		return s.refuse("argument is not UTF-8")
	}
	return nil
}

// stepAuth: RFC 5034, section 4. The session knows when an exchange begins and
// ends and how its octets travel; what they mean is for the mechanism. AUTH
// without argument is not in the RFC, but clients ask for the list with it.
func (s *ServerSession) stepAuth(arg []byte) Event {
	mechanism, ir, hasIR := bytes.Cut(arg, []byte(" "))
	if len(mechanism) == 0 && !hasIR {
		return s.answer("mechanisms follow", true)
	}
	name := string(ascii.AppendUpper(nil, mechanism))
	if !slices.Contains(s.Config.Mechanisms, name) {
		return s.refuse("mechanism not offered")
	}
	s.events.auth = AuthEvent{Mechanism: name}
	switch {
	case !hasIR:
		return s.ask(&s.events.auth)
	case string(ir) == "=": // empty, which is not the same as absent
		s.events.auth.Response = []byte{}
		return s.ask(&s.events.auth)
	case len(ir) == 0:
		return s.refuse("bad base64")
	}
	return s.stepOctets(ir)
}

// stepResponse takes a line within an exchange.
func (s *ServerSession) stepResponse(line []byte) Event {
	if string(line) == "*" {
		return s.refuseExchange("authentication cancelled")
	}
	s.events.auth = AuthEvent{}
	return s.stepOctets(line)
}

// stepOctets decodes a response, or the initial one.
func (s *ServerSession) stepOctets(line []byte) Event {
	octets, err := ascii.ParseBase64(s.authBuf[:0], line)
	if err != nil {
		return s.refuseExchange("bad base64")
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
		return s.refuseAndClose("line without end")
	case ErrLineTooLong:
		return s.refuseExchange("response too long")
	}
	return s.refuseExchange("bad base64")
}

// refuseExchange ends the exchange, if one is open, without the mechanism.
func (s *ServerSession) refuseExchange(text string) Event {
	r := s.refuse(text)
	s.next = Authorization
	return r
}

// Challenge is the verdict on an AuthEvent that makes the exchange go on. It
// appends the line to send. RFC 5034, section 4.
func (s *ServerSession) Challenge(dst, octets []byte) []byte {
	if _, ok := s.open.(*AuthEvent); !ok {
		panic("pop3: Challenge without an AuthEvent")
	}
	s.wipe()
	s.open, s.state = nil, Authing
	dst = append(dst, "+ "...)
	dst = ascii.AppendBase64(dst, octets)
	return append(dst, "\r\n"...)
}

// wipe overwrites the response.
func (s *ServerSession) wipe() {
	clear(s.authBuf)
	s.events.auth.Response = nil
	s.events.pass.Password = ""
}

// Open is the positive verdict on a PassEvent, an ApopEvent or an AuthEvent, once
// the maildrop is locked: msgs is what is in it, in the order of the numbers,
// whatever Entry.N says. It returns the reply to send. If msgs cannot be served (a
// unique-id that ValidUID refuses or that stands twice, a negative size, more
// than Limits.Messages) the error is a *MaildropError, the reply a refusal, the
// session where it was, and the maildrop is to be closed. msgs is not kept.
func (s *ServerSession) Open(msgs []Entry, v Reply) (Reply, error) {
	switch s.open.(type) {
	case *PassEvent, *ApopEvent, *AuthEvent:
	default:
		panic("pop3: Open without a login")
	}
	if !v.OK {
		panic("pop3: Open with a refusal")
	}
	s.wipe()
	s.open, s.state = nil, Authorization
	s.forgetUser()
	if err := s.drop.load(msgs, s.Config.Limits.messages()); err != nil {
		s.drop.policy = false
		return s.complete(Reply{Code: SysPerm, Text: "the maildrop cannot be served"}), err
	}
	s.state = Transaction
	if s.drop.policy {
		s.Config.Delay, s.Config.Expire = s.drop.delay, s.drop.expire
	}
	if v.Text == "" {
		v.Text = "maildrop has " + s.drop.summary()
	}
	return s.complete(v), nil
}

// settleLogin refuses a login. Only credentials count as failures: a maildrop in
// use, or a server in trouble, says nothing against the client.
func (s *ServerSession) settleLogin(v Reply) Reply {
	if v.OK {
		panic("pop3: a login is settled with Open")
	}
	s.wipe()
	s.forgetUser()
	s.drop.policy = false // it was that of another user, perhaps
	s.state = Authorization
	if v.Text == "" {
		v.Text = "login refused"
	}
	if v.Code != "" && !v.Code.Within(BadCredentials) {
		return v
	}
	if s.authFailures++; s.authFailures >= s.Config.Limits.authFailures() {
		s.state = Closed
	}
	return v
}

// stepStls: RFC 2595, section 4; RFC 6856, section 2.1.
func (s *ServerSession) stepStls() Event {
	if s.utf8 {
		return s.refuse("STLS cannot follow UTF8")
	}
	return s.ask(&s.events.stls)
}

func (s *ServerSession) settleStls(v Reply) Reply {
	s.forgetUser()
	if v.OK {
		s.state = Upgrading
		if v.Text == "" {
			v.Text = "begin TLS"
		}
	}
	return v
}

// TLSDone says that TLS is on, behind STLS. The session knows nothing of what was
// said before, and a stamp that crossed the wire in the clear is worth nothing
// any more: RFC 2595, section 4. Only the counters of limits go on, so that STLS
// is no way around them.
func (s *ServerSession) TLSDone() {
	if s.state != Upgrading {
		panic("pop3: TLSDone in state " + s.state.String())
	}
	*s = ServerSession{
		Config: s.Config, state: Authorization, tls: true, heard: true,
		errors: s.errors, authFailures: s.authFailures,
	}
	s.Config.Stamp = ""
}

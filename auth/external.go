package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NewExternalClient returns a client for EXTERNAL, RFC 4422, appendix A: the
// connection says who the client is. authzid may be empty.
func NewExternalClient(authzid string) ClientExchange {
	c := &oneMessage{name: "EXTERNAL", message: authzid}
	c.run = c
	return c
}

// NewAnonymousClient returns a client for ANONYMOUS, RFC 4505. trace is an address,
// a word without "@", or empty.
func NewAnonymousClient(trace string) ClientExchange {
	c := &oneMessage{name: "ANONYMOUS", message: trace}
	c.run = c
	return c
}

// oneMessage is a client whose one message is a string without secret.
type oneMessage struct {
	clientExchange
	name, message string
}

func (c *oneMessage) Mechanism() string { return c.name }

func (c *oneMessage) step(in []byte) (Question, Outcome) {
	switch {
	case in != nil:
		return fail(c.syntax(0, "no challenge", sample(in)))
	case !validName(c.message):
		return fail(c.syntax(0, "at most 255 octets of UTF-8 without NUL", ""))
	}
	c.complete = true
	return send([]byte(c.message))
}

func (c *oneMessage) settle(Answer) Outcome { return Outcome{} }

// NewExternalServer returns a server for EXTERNAL. It asks a CertQuestion.
func NewExternalServer() Exchange {
	s := &externalServer{}
	s.run = s
	return s
}

type externalServer struct {
	exchange
	prompted bool
	authzid  string
}

func (*externalServer) Mechanism() string { return "EXTERNAL" }

func (s *externalServer) step(in []byte) (Question, Outcome) {
	if in == nil && !s.prompted {
		s.prompted = true
		return send([]byte{})
	}
	s.authzid = string(in)
	if !validName(s.authzid) {
		return fail(s.syntax(0, "an authzid", sample(in)))
	}
	return CertQuestion{Authzid: s.authzid}, Outcome{}
}

func (s *externalServer) settle(a Answer) Outcome {
	return asSubject(a, s.authzid, "EXTERNAL")
}

// asSubject is success in the name of whoever the answer says it is.
func asSubject(a Answer, authzid, mechanism string) Outcome {
	switch {
	case a.Err != nil:
		return Outcome{Err: a.Err}
	case a.Subject == "":
		return Outcome{Err: fmt.Errorf("%w: nobody's token or certificate", ErrCredentials)}
	}
	return Outcome{Done: true, Identity: newIdentity(a.Subject, authzid, mechanism)}
}

// NewAnonymousServer returns a server for ANONYMOUS. It asks an AuthorizeQuestion
// for the identity "anonymous", whose Trace is what the client says of itself.
func NewAnonymousServer() Exchange {
	s := &anonymousServer{}
	s.run = s
	return s
}

type anonymousServer struct {
	exchange
	prompted bool
	id       Identity
}

func (*anonymousServer) Mechanism() string { return "ANONYMOUS" }

func (s *anonymousServer) step(in []byte) (Question, Outcome) {
	if in == nil && !s.prompted {
		s.prompted = true
		return send([]byte{})
	}
	if !validTrace(string(in)) {
		return fail(s.syntax(0, "an address, or up to 255 characters without @", sample(in)))
	}
	s.id = newIdentity("anonymous", "", "ANONYMOUS")
	s.id.Trace = string(in)
	return AuthorizeQuestion{s.id}, Outcome{}
}

func (s *anonymousServer) settle(Answer) Outcome { return Outcome{Done: true, Identity: s.id} }

// validTrace is message of RFC 4505, section 2, with the prohibitions of its
// section 3.
func validTrace(s string) bool {
	const most = 255 // characters
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most || !bidiOK(s) {
		return false
	}
	for _, r := range s {
		if unicode.Is(prohibited, r) && (r < 0x2FF0 || r > 0x2FFB) {
			return false
		}
	}
	local, domain, at := strings.Cut(s, "@")
	return !at || local != "" && domain != "" && !strings.ContainsAny(s, " ") && !strings.Contains(domain, "@")
}

package auth

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// NewPlainClient returns a client for PLAIN, RFC 4616. The names and the
// password are sent as they are: prepare them first.
func NewPlainClient(user, authzid string, password Secret) ClientExchange {
	c := &plainClient{user: user, authzid: authzid, password: password}
	c.run = c
	return c
}

type plainClient struct {
	clientExchange
	user, authzid string
	password      Secret
}

func (*plainClient) Mechanism() string { return "PLAIN" }

func (c *plainClient) step(in []byte) (Question, Outcome) {
	if in != nil {
		return fail(c.syntax(0, "no challenge", sample(in)))
	}
	out := make([]byte, 0, len(c.authzid)+len(c.user)+len(c.password)+2)
	out = append(append(out, c.authzid...), 0)
	out = append(append(out, c.user...), 0)
	out = append(out, c.password...)
	// A NUL inside a field would shift the fields behind it.
	if bytes.Count(out, []byte{0}) != 2 {
		return fail(c.syntax(0, "names and a password without NUL", ""))
	}
	c.complete = true
	return send(out)
}

func (c *plainClient) settle(Answer) Outcome { return Outcome{} }

// NewPlainServer returns a server for PLAIN. It asks a PasswordQuestion.
func NewPlainServer() Exchange {
	s := &plainServer{}
	s.run = s
	return s
}

type plainServer struct {
	exchange
	prompted bool
	id       Identity
}

func (*plainServer) Mechanism() string { return "PLAIN" }

func (s *plainServer) step(in []byte) (Question, Outcome) {
	if in == nil && !s.prompted {
		s.prompted = true
		return send([]byte{})
	}
	authzid, user, password, ok := parsePlain(in)
	if !ok {
		return fail(s.syntax(0, "[authzid] NUL authcid NUL password", ""))
	}
	s.id = newIdentity(user, authzid, "PLAIN")
	return PasswordQuestion{User: user, Authzid: authzid, Password: Secret(password)}, Outcome{}
}

func (s *plainServer) settle(Answer) Outcome { return Outcome{Done: true, Identity: s.id} }

// parsePlain splits a PLAIN message. Exactly two NULs: what follows a third
// would be read as part of the password by some and cut off by others.
// RFC 4616, section 2.
func parsePlain(in []byte) (authzid, user, password string, ok bool) {
	if len(in) > 2*maxName+maxPassword+2 {
		return "", "", "", false
	}
	authzid, rest, ok1 := strings.Cut(string(in), "\x00")
	user, password, ok2 := strings.Cut(rest, "\x00")
	ok = ok1 && ok2 && validName(authzid) && user != "" && validName(user) && validPassword(password)
	return authzid, user, password, ok
}

func validPassword(s string) bool {
	return s != "" && len(s) <= maxPassword && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

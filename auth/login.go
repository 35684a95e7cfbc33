package auth

// NewLoginClient returns a client for LOGIN, which no RFC defines
// (draft-murchison-sasl-login). It sends no initial response, counts challenges
// and ignores what they say: servers prompt in every way. authzid does not exist.
func NewLoginClient(user string, password Secret) ClientExchange {
	c := &loginClient{user: user, password: password}
	c.run = c
	return c
}

type loginClient struct {
	clientExchange
	user     string
	password Secret
	prompts  int
}

func (*loginClient) Mechanism() string { return "LOGIN" }

func (c *loginClient) step(in []byte) (Question, Outcome) {
	if in == nil {
		return send(nil)
	}
	switch c.prompts++; c.prompts {
	case 1:
		return send([]byte(c.user))
	case 2:
		c.complete = true
		return send([]byte(c.password))
	}
	return fail(c.syntax(0, "no third challenge", sample(in)))
}

func (c *loginClient) settle(Answer) Outcome { return Outcome{} }

// NewLoginServer returns a server for LOGIN. It takes the user name as an initial
// response or on its prompt, and asks a PasswordQuestion.
func NewLoginServer() Exchange {
	s := &loginServer{}
	s.run = s
	return s
}

type loginServer struct {
	exchange
	prompted bool
	user     string
}

func (*loginServer) Mechanism() string { return "LOGIN" }

func (s *loginServer) step(in []byte) (Question, Outcome) {
	switch {
	case in == nil && !s.prompted:
		s.prompted = true
		return send([]byte("Username:"))
	case s.user == "":
		if s.user = string(in); s.user == "" || !validName(s.user) {
			return fail(s.syntax(0, "a user name", ""))
		}
		return send([]byte("Password:"))
	case !validPassword(string(in)):
		return fail(s.syntax(0, "a password", ""))
	}
	return PasswordQuestion{User: s.user, Password: Secret(in)}, Outcome{}
}

func (s *loginServer) settle(Answer) Outcome {
	return Outcome{Done: true, Identity: newIdentity(s.user, "", "LOGIN")}
}

package auth

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
)

// ApopDigest is what APOP sends: the lower-case hexadecimal MD5 of the stamp, with
// its angle brackets, followed by the password. RFC 1939, section 7.
func ApopDigest(stamp string, password Secret) string {
	sum := md5.Sum([]byte(stamp + string(password)))
	return hex.EncodeToString(sum[:])
}

// loginCommand is the exchange of a login command: one question, nothing sent.
type loginCommand struct {
	exchange
	user     string
	password Secret
}

func newLoginCommand(user string, password Secret) Exchange {
	s := &loginCommand{user: user, password: password}
	s.run = s
	return s
}

func (*loginCommand) Mechanism() string { return "LOGIN" }

func (s *loginCommand) step([]byte) (Question, Outcome) {
	if s.user == "" || !validName(s.user) || !validPassword(string(s.password)) {
		return fail(fmt.Errorf("%w: user name or password unusable", ErrCredentials))
	}
	return PasswordQuestion{User: s.user, Password: s.password}, Outcome{}
}

func (s *loginCommand) settle(Answer) Outcome {
	return Outcome{Done: true, Identity: newIdentity(s.user, "", "LOGIN")}
}

// apopCommand is the exchange of POP3's APOP command: one question, nothing sent.
type apopCommand struct {
	exchange
	user, stamp, digest string
}

func newApopCommand(user, stamp, digest string) Exchange {
	s := &apopCommand{user: user, stamp: stamp, digest: digest}
	s.run = s
	return s
}

func (*apopCommand) Mechanism() string { return "APOP" }

func (s *apopCommand) step([]byte) (Question, Outcome) {
	if s.user == "" || !validName(s.user) || s.stamp == "" {
		return fail(fmt.Errorf("%w: user name or stamp unusable", ErrCredentials))
	}
	return VerifierQuestion{User: s.user, Scheme: "PLAIN"}, Outcome{}
}

func (s *apopCommand) settle(a Answer) Outcome {
	for _, v := range a.Verifiers {
		if v.Scheme() != "PLAIN" {
			continue
		}
		want := ApopDigest(s.stamp, Secret(v.p.key))
		if subtle.ConstantTimeCompare([]byte(want), []byte(s.digest)) == 1 {
			return Outcome{Done: true, Identity: newIdentity(s.user, "", "APOP")}
		}
	}
	return Outcome{Err: errWrongPassword}
}

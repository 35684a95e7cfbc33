package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// NewCramMD5Client returns a client for CRAM-MD5, RFC 2195: the server speaks first.
func NewCramMD5Client(user string, password Secret) ClientExchange {
	c := &cramClient{user: user, password: password}
	c.run = c
	return c
}

type cramClient struct {
	clientExchange
	user     string
	password Secret
}

func (*cramClient) Mechanism() string { return "CRAM-MD5" }

func (c *cramClient) step(in []byte) (Question, Outcome) {
	switch {
	case c.complete:
		return fail(c.syntax(0, "no second challenge", sample(in)))
	case in == nil:
		return send(nil)
	case len(in) == 0:
		// A MAC of nothing could be asked for by anyone, once, and replayed.
		return fail(c.syntax(0, "a challenge", ""))
	}
	m := hmac.New(md5.New, []byte(c.password))
	m.Write(in)
	c.complete = true
	return send(hex.AppendEncode(append([]byte(c.user), ' '), m.Sum(nil)))
}

func (c *cramClient) settle(Answer) Outcome { return Outcome{} }

// NewCramMD5Server returns a server for CRAM-MD5. challenge is fresh for every
// exchange, in angle brackets: "<random.number@host>". It asks a VerifierQuestion
// of scheme "CRAM-MD5" and takes verifiers of that scheme or of PLAIN.
func NewCramMD5Server(challenge string) Exchange {
	s := &cramServer{challenge: challenge}
	s.run = s
	return s
}

type cramServer struct {
	exchange
	challenge string
	prompted  bool
	user      string
	digest    []byte
}

func (*cramServer) Mechanism() string { return "CRAM-MD5" }

func (s *cramServer) step(in []byte) (Question, Outcome) {
	if !s.prompted {
		if in != nil {
			return fail(s.syntax(0, "no initial response", ""))
		}
		s.prompted = true
		return send([]byte(s.challenge))
	}
	// A user name may hold spaces: the digest is behind the last one.
	user, digest, ok := cutLast(string(in), ' ')
	if !ok || user == "" || !validName(user) ||
		len(digest) != 2*md5.Size || !ascii.All(lowerHex, digest) {
		return fail(s.syntax(0, "a user name, a space and 32 lower-case hexadecimal digits", ""))
	}
	s.user = user
	s.digest, _ = hex.DecodeString(digest)
	return VerifierQuestion{User: user, Scheme: "CRAM-MD5"}, Outcome{}
}

func (s *cramServer) settle(a Answer) Outcome {
	for _, v := range a.Verifiers {
		if v.Scheme() != "CRAM-MD5" && v.Scheme() != "PLAIN" {
			continue
		}
		if hmac.Equal(v.p.cramMAC([]byte(s.challenge)), s.digest) {
			return Outcome{Done: true, Identity: newIdentity(s.user, "", "CRAM-MD5")}
		}
	}
	return Outcome{Err: errWrongPassword}
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

var lowerHex = ascii.Digit.Or(ascii.Range('a', 'f'))

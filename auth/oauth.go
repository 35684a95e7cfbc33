package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// OAuthError is the error document of RFC 7628, section 3.2.2, in either role: what
// a server said about a token, or, returned from CheckToken, what to say. It is
// ErrCredentials. A client's fields are text of the server, quoted when printed.
type OAuthError struct {
	Status        string // "invalid_token"; XOAUTH2: a number like "401"
	Scope         string // that a token must have
	Configuration string // URL of the OpenID provider configuration
}

func (e *OAuthError) Error() string {
	if e.Status == "" {
		return "auth: token refused, and no reason given"
	}
	s := "auth: token refused: " + sample(e.Status)
	if e.Scope != "" {
		s += ", scope " + strconv.QuoteToASCII(e.Scope[:min(len(e.Scope), 256)])
	}
	return s
}

// Is makes every such error a matter of credentials.
func (e *OAuthError) Is(target error) bool { return target == ErrCredentials }

// NewOAuthBearerClient returns a client for OAUTHBEARER, RFC 7628. user is sent as
// authzid if set. host and port are the server's, and are sent along where known.
// It asks a BearerQuestion when the exchange starts.
func NewOAuthBearerClient(user, host string, port uint16) ClientExchange {
	c := &oauthClient{name: "OAUTHBEARER", user: user, host: host, port: port}
	c.run = c
	return c
}

// NewXOAuth2Client returns a client for XOAUTH2, the mechanism that Google and
// Microsoft had before OAUTHBEARER.
func NewXOAuth2Client(user, host string, port uint16) ClientExchange {
	c := &oauthClient{name: "XOAUTH2", user: user, host: host, port: port}
	c.run = c
	return c
}

type oauthClient struct {
	clientExchange
	name, user, host string
	port             uint16
}

func (c *oauthClient) Mechanism() string { return c.name }

func (c *oauthClient) step(in []byte) (Question, Outcome) {
	switch {
	case !c.complete && in != nil:
		return fail(c.syntax(0, "no challenge yet", sample(in)))
	case !c.complete:
		return BearerQuestion{Host: c.host, Port: c.port}, Outcome{}
	}
	// Any challenge is the error document, and is to be answered although the
	// answer says nothing: else the server does not send its failure. RFC 7628,
	// section 3.2.3; for XOAUTH2 the answer is empty.
	c.complete = false
	answer := []byte{1}
	if c.name == "XOAUTH2" {
		answer = []byte{}
	}
	return NoQuestion{}, Outcome{Send: answer, Err: parseOAuthError(in)}
}

func (c *oauthClient) settle(a Answer) Outcome {
	switch {
	case a.Err != nil:
		return Outcome{Err: a.Err}
	case a.Token == "" || len(a.Token) > maxToken || !ascii.All(ascii.VChar, string(a.Token)):
		return Outcome{Err: fmt.Errorf("%w: token empty, longer than 8192 octets, or not printable", ErrCredentials)}
	case !validName(c.user) || strings.IndexByte(c.user, 1) >= 0 || !ascii.All(ascii.VChar, c.host):
		return Outcome{Err: c.syntax(0, "a user name and host without control characters", "")}
	}
	c.complete = true
	if c.name == "XOAUTH2" {
		return Outcome{Send: []byte("user=" + c.user + "\x01auth=Bearer " + string(a.Token) + "\x01\x01")}
	}
	out := append(gs2Header{flag: 'n', authzid: c.user}.append(nil), 1)
	if c.host != "" {
		out = append(out, "host="+c.host+"\x01"...)
	}
	if c.port != 0 {
		out = append(appendInt(append(out, "port="...), int(c.port)), 1)
	}
	return Outcome{Send: append(out, "auth=Bearer "+string(a.Token)+"\x01\x01"...)}
}

func parseOAuthError(in []byte) error {
	var doc struct {
		Status        any    `json:"status"`
		Scope         string `json:"scope"`
		Configuration string `json:"openid-configuration"`
	}
	if json.Unmarshal(in, &doc) != nil || doc.Status == nil {
		return &OAuthError{}
	}
	return &OAuthError{Status: fmt.Sprint(doc.Status), Scope: doc.Scope, Configuration: doc.Configuration}
}

// NewOAuthBearerServer returns a server for OAUTHBEARER. It asks a TokenQuestion. A
// negative answer sends the error document as a challenge, and whatever the client
// makes of it, the exchange fails.
func NewOAuthBearerServer() Exchange {
	s := &oauthServer{name: "OAUTHBEARER", parse: parseOAuthBearer}
	s.run = s
	return s
}

// NewXOAuth2Server is likewise for XOAUTH2.
func NewXOAuth2Server() Exchange {
	s := &oauthServer{name: "XOAUTH2", parse: parseXOAuth2}
	s.run = s
	return s
}

type oauthServer struct {
	exchange
	name     string
	parse    func(string) (TokenQuestion, *fault)
	prompted bool
	authzid  string
}

func (s *oauthServer) Mechanism() string { return s.name }

func (s *oauthServer) step(in []byte) (Question, Outcome) {
	if in == nil && !s.prompted {
		s.prompted = true
		return send([]byte{})
	}
	q, f := s.parse(string(in))
	if f != nil {
		return fail(s.syntax(f.off, f.want, "")) // a sample could hold the token
	}
	if q.Token == "" {
		// How a client asks for the scope that is wanted: RFC 7628, section 4.3.
		return NoQuestion{}, s.settle(Answer{Err: &OAuthError{}})
	}
	s.authzid = q.Authzid
	return q, Outcome{}
}

func (s *oauthServer) settle(a Answer) Outcome {
	o := asSubject(a, s.authzid, s.name)
	if o.Err != nil && errors.Is(o.Err, ErrCredentials) {
		o.Send = s.document(o.Err)
	}
	return o
}

// document is the error document for err, of which only an *OAuthError is told.
func (s *oauthServer) document(err error) []byte {
	doc := struct {
		Status        string `json:"status"`
		Schemes       string `json:"schemes,omitempty"`
		Scope         string `json:"scope,omitempty"`
		Configuration string `json:"openid-configuration,omitempty"`
	}{Status: "invalid_token"}
	if s.name == "XOAUTH2" {
		doc.Status, doc.Schemes = "401", "Bearer"
	}
	if e, ok := errors.AsType[*OAuthError](err); ok {
		if e.Status != "" {
			doc.Status = e.Status
		}
		doc.Scope, doc.Configuration = e.Scope, e.Configuration
	}
	out, _ := json.Marshal(doc) // strings alone
	return out
}

// parseOAuthBearer is client-resp of RFC 7628, section 3.1, without the lone kvsep,
// which answers an error only.
func parseOAuthBearer(s string) (q TokenQuestion, f *fault) {
	h, n, f := parseGS2(s)
	switch {
	case f != nil:
		return q, f
	case h.flag != 'n':
		return q, &fault{want: "n: there is no channel binding"}
	}
	q.Authzid = h.authzid
	body, ok := strings.CutPrefix(s[n:], "\x01")
	body, ok2 := strings.CutSuffix(body, "\x01")
	if !ok || !ok2 {
		return q, &fault{off: n, want: "pairs between ^A and ^A"}
	}
	off, seen := n+1, ""
	for body != "" {
		pair, rest, ok := strings.Cut(body, "\x01")
		key, value, ok2 := strings.Cut(pair, "=")
		if !ok || !ok2 || key == "" || !ascii.All(ascii.Alpha, key) || !ascii.All(oauthValue, value) {
			return q, &fault{off: off, want: "key=value^A"}
		}
		// Of two tokens, one peer checks the first and another the last.
		if strings.Contains(seen, "\x01"+key+"\x01") {
			return q, &fault{off: off, want: "each key once"}
		}
		seen += "\x01" + key + "\x01"
		if f := q.set(key, value, off); f != nil {
			return q, f
		}
		body, off = rest, off+len(pair)+1
	}
	if !strings.Contains(seen, "\x01auth\x01") {
		return q, &fault{off: off, want: "auth="}
	}
	return q, nil
}

// set takes one pair; keys that are not known are ignored.
func (q *TokenQuestion) set(key, value string, off int) (f *fault) {
	switch key {
	case "auth":
		var ok bool
		if q.Token, ok = bearer(value); !ok {
			return &fault{off: off, want: "auth=Bearer and a token"}
		}
	case "host":
		q.Host = value
	case "port":
		port, err := ascii.ParseUint(value, 65535)
		if err != nil || value[0] == '0' {
			return &fault{off: off, want: "port= and a positive number"}
		}
		q.Port = uint16(port)
	}
	return nil
}

var (
	oauthValue = ascii.Print.Or(ascii.Of("\t\r\n"))
	// b64token of RFC 6750, section 2.1.
	tokenChar = ascii.LetDig.Or(ascii.Of("-._~+/="))
)

// bearer takes the value of an Authorization header apart; empty is no token.
func bearer(value string) (Secret, bool) {
	if value == "" {
		return "", true
	}
	scheme, token, ok := strings.Cut(value, " ")
	token = strings.TrimLeft(token, " ")
	return Secret(token), ok && ascii.EqualFold(scheme, "Bearer") && token != "" &&
		len(token) <= maxToken && ascii.All(tokenChar, token)
}

// parseXOAuth2 is "user=" name ^A "auth=Bearer " token ^A ^A.
func parseXOAuth2(s string) (q TokenQuestion, f *fault) {
	user, rest, ok := strings.Cut(s, "\x01")
	user, isUser := strings.CutPrefix(user, "user=")
	if !ok || !isUser || user == "" || !validName(user) {
		return q, &fault{want: "user= and a name"}
	}
	auth, isAuth := strings.CutPrefix(rest, "auth=")
	auth, ended := strings.CutSuffix(auth, "\x01\x01")
	token, isBearer := bearer(auth)
	if !isAuth || !ended || !isBearer {
		return q, &fault{off: len(user) + 6, want: "auth=Bearer, a token, ^A^A"}
	}
	return TokenQuestion{Authzid: user, Token: token}, nil
}

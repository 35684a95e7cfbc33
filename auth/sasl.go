package auth

import (
	"strings"
	"unicode/utf8"
)

// Exchange is one run of one mechanism in one role. It does no I/O, reads no
// clock, takes no randomness and calls nobody back: Step takes what the peer
// sent and asks at most one question, Settle takes the answer and says what
// goes out. The two alternate; breaking that order panics.
//
// Step's argument is decoded, and nil differs from empty: nil starts a client's
// exchange, and tells a server that the command carried no initial response.
// The slice is not kept.
//
// After an Outcome with Err or Done set, every further turn yields an error.
type Exchange interface {
	// Mechanism is the SASL name, such as "SCRAM-SHA-256-PLUS".
	Mechanism() string
	Step(in []byte) Question
	Settle(a Answer) Outcome
}

// ClientExchange is an Exchange in the client's role.
type ClientExchange interface {
	Exchange
	// Finish is called on the protocol's success reply. It returns
	// ErrUnproven while the server owes its proof or the exchange is not
	// complete, and the error of an exchange that failed.
	Finish() error
}

// Question is what an Exchange needs to know from the world: exactly one of the
// types below, so that one switch answers them all.
type Question interface{ question() }

type (
	// NoQuestion: nothing is asked. Settle with the zero Answer.
	NoQuestion struct{}
	// VerifierQuestion: what is stored for this user? Answer.Verifiers must
	// hold one of the scheme, else the user is refused. A server that wants
	// to hide which users exist answers with a decoy.
	VerifierQuestion struct{ User, Scheme string }
	// PasswordQuestion: is this the user's password? Authzid is empty where
	// the client asked for none.
	PasswordQuestion struct {
		User, Authzid string
		Password      Secret
	}
	// TokenQuestion: whose token is this? Answer.Subject. Host and Port are
	// what the client believes to be connected to, zero where it did not say.
	TokenQuestion struct {
		Authzid string
		Token   Secret
		Host    string
		Port    uint16
	}
	// CertQuestion: whose certificate is it on this connection? Answer.Subject.
	CertQuestion struct{ Authzid string }
	// AuthorizeQuestion: the proof is good; may this identity come in? Asked
	// before the server's own proof leaves.
	AuthorizeQuestion struct{ Identity Identity }
	// KeysQuestion: the client's SCRAM keys for these parameters, derived
	// (expensive, so do it under a context) or remembered. Answer.Keys.
	KeysQuestion struct {
		Hash       string // as in ScramOptions
		Salt       []byte // to be kept, if the caller likes
		Iterations int    // within the bounds of ScramOptions
	}
	// BearerQuestion: a token for this server, wanted now. Answer.Token.
	BearerQuestion struct {
		Host string
		Port uint16
	}
)

func (NoQuestion) question()        {}
func (VerifierQuestion) question()  {}
func (PasswordQuestion) question()  {}
func (TokenQuestion) question()     {}
func (CertQuestion) question()      {}
func (AuthorizeQuestion) question() {}
func (KeysQuestion) question()      {}
func (BearerQuestion) question()    {}

// Answer settles a Question. Err nil means yes; the other fields are read by
// the question that names them.
type Answer struct {
	Verifiers []Verifier
	Keys      Keys
	Token     Secret
	Subject   string // who the token or certificate really is
	Err       error
}

// Outcome is what one turn led to.
type Outcome struct {
	// Send goes to the peer, base64 left to the protocol. nil: nothing;
	// empty: an empty challenge or response. With Err set too, it is the
	// last word (OAUTHBEARER's error document, SCRAM's e=): send it, and
	// whatever comes back, the exchange has failed.
	Send []byte
	// Done: a server reports success now. Send is nil then, as none of the
	// three protocols carries data with success: SCRAM's v= went out as a
	// challenge and drew an empty response.
	Done bool
	// Identity is set with Done. Names are as the client sent them.
	Identity Identity
	// Err: the exchange is over. A client with nothing to Send cancels
	// it with "*".
	Err error
}

// Identity is who a client proved to be and whom it acts as.
type Identity struct {
	Authcid   string // whose secret it was
	Authzid   string // whom it acts as; Authcid where nothing else was asked for
	Mechanism string // SASL name, "LOGIN" for a login command, "APOP"
	Binding   string // channel binding type that was checked; empty: none
	Trace     string // ANONYMOUS only: what the client says of itself, unchecked
}

func newIdentity(authcid, authzid, mechanism string) Identity {
	if authzid == "" {
		authzid = authcid
	}
	return Identity{Authcid: authcid, Authzid: authzid, Mechanism: mechanism}
}

// Bounds of what a peer may say.
const (
	maxRounds   = 16
	maxMessage  = 48 << 10 // decoded form of the largest line a protocol may allow
	maxName     = 255      // user, authzid
	maxPassword = 1024
	maxToken    = 8192
)

// mechanism is what differs between exchanges. step's Outcome counts only where
// it asks NoQuestion.
type mechanism interface {
	Mechanism() string
	step(in []byte) (Question, Outcome)
	settle(a Answer) Outcome
}

// exchange holds the rules that all mechanisms share: Step and Settle alternate,
// an end is final, rounds and sizes are bounded, a negative answer never leads
// to success. A mechanism embeds it and points run at itself.
type exchange struct {
	redacted
	run    mechanism
	asked  bool    // Step was called, Settle was not
	open   bool    // Step asked something
	ready  Outcome // what Settle returns if nothing was asked
	ended  error
	rounds int
}

func (x *exchange) Step(in []byte) Question {
	if x.asked {
		panic("auth: Step called twice without Settle")
	}
	x.asked, x.open = true, false
	switch x.rounds++; {
	case x.ended != nil:
		x.ready = Outcome{Err: x.ended}
		return NoQuestion{}
	case x.rounds > maxRounds:
		x.ready = Outcome{Err: x.syntax(0, "an end after 16 rounds", "")}
		return NoQuestion{}
	case len(in) > maxMessage:
		x.ready = Outcome{Err: x.syntax(maxMessage, "a shorter message", "")}
		return NoQuestion{}
	}
	q, o := x.run.step(in)
	_, none := q.(NoQuestion)
	x.open, x.ready = !none, o
	return q
}

func (x *exchange) Settle(a Answer) Outcome {
	if !x.asked {
		panic("auth: Settle called without Step")
	}
	x.asked = false
	o := x.ready
	if x.open {
		if o = x.run.settle(a); a.Err != nil && o.Err == nil {
			o = Outcome{Err: a.Err}
		}
	}
	switch {
	case o.Err != nil:
		x.ended = o.Err
		o.Done, o.Identity = false, Identity{}
	case o.Done:
		x.ended = errOver
		o.Send = nil
	}
	return o
}

func (x *exchange) syntax(offset int, want, got string) error {
	return &SyntaxError{Mechanism: x.run.Mechanism(), Offset: offset, Want: want, Got: got}
}

// clientExchange adds the client's end.
type clientExchange struct {
	exchange
	complete bool // all was sent, and the server's proof, if it owes one, was good
}

func (x *clientExchange) Finish() error {
	if x.ended != nil {
		return x.ended
	}
	if !x.complete {
		return ErrUnproven
	}
	return nil
}

// send and fail are the two Outcomes of a turn that asks nothing.
func send(octets []byte) (Question, Outcome) { return NoQuestion{}, Outcome{Send: octets} }
func fail(err error) (Question, Outcome)     { return NoQuestion{}, Outcome{Err: err} }

// validName reports whether s can be a user name or authzid on the wire. What
// a name means is for Prepare and Lookup to say.
func validName(s string) bool {
	return len(s) <= maxName && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

package auth

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// NewScramServer returns a server for SCRAM, RFC 5802 and RFC 7677. It asks a
// VerifierQuestion and, when the proof is good and before its own leaves, an
// AuthorizeQuestion.
func NewScramServer(o ScramOptions) Exchange {
	s := &scramServer{o: o}
	s.hash, _ = findHash(o.Hash)
	s.run = s
	return s
}

type scramServer struct {
	exchange
	o           ScramOptions
	hash        scramHash
	state       scramServerState
	client      clientFirst
	bindingData []byte
	nonce       string
	verifier    *params
	signed      []byte // the AuthMessage, growing
	id          Identity
}

type scramServerState uint8

const (
	scramBegin       scramServerState = iota // no message yet
	scramPrompted                            // the empty challenge is out
	scramClientFirst                         // client-first is in
	scramClientFinal                         // server-first is out
	scramSigned                              // v= is out, an empty response is due
)

func (s *scramServer) Mechanism() string { return scramMechanism(s.o.Hash, s.o.Plus) }

func (s *scramServer) step(in []byte) (Question, Outcome) {
	if in == nil && s.state == scramBegin {
		s.state = scramPrompted
		return send([]byte{})
	}
	msg, f := scramText(in)
	if f == nil {
		switch s.state {
		case scramBegin, scramPrompted:
			return s.stepFirst(msg)
		case scramClientFinal:
			return s.stepFinal(msg)
		case scramSigned:
			if msg == "" {
				return NoQuestion{}, Outcome{Done: true, Identity: s.id}
			}
		}
		f = &fault{want: "an empty response"}
	}
	return NoQuestion{}, f.outcome(&s.exchange, msg)
}

func (s *scramServer) settle(a Answer) Outcome {
	switch {
	case a.Err != nil:
		return Outcome{Err: a.Err}
	case s.state == scramClientFirst:
		return s.sendFirst(a.Verifiers)
	}
	s.state = scramSigned
	v := s.hash.mac(s.verifier.server, s.signed)
	return Outcome{Send: ascii.AppendBase64(append(make([]byte, 0, scramRoom), "v="...), v)}
}

func (s *scramServer) stepFirst(msg string) (Question, Outcome) {
	m, f := parseClientFirst(msg)
	if f == nil {
		f = s.bind(m.gs2Header)
	}
	if f != nil {
		return NoQuestion{}, f.outcome(&s.exchange, msg)
	}
	s.client, s.state = m, scramClientFirst
	return VerifierQuestion{User: m.user, Scheme: scramMechanism(s.o.Hash, false)}, Outcome{}
}

// bind decides about the client's channel binding flag. RFC 5802, section 6: "y"
// from a client that was offered -PLUS means that somebody took it off the list.
// Any side may bind without -PLUS, which Cyrus' client does.
func (s *scramServer) bind(h gs2Header) *fault {
	switch {
	case h.flag == 'p':
		for _, b := range s.o.Bindings {
			if b.Type == h.binding {
				s.bindingData = b.Data
				return nil
			}
		}
		if s.o.Plus || len(s.o.Bindings) > 0 {
			return &fault{e: scramBindingType}
		}
		return &fault{e: scramNoBinding}
	case s.o.Plus:
		return &fault{e: scramOther}
	case h.flag == 'y' && s.o.CouldBind:
		return &fault{e: scramDowngrade}
	}
	return nil
}

func (s *scramServer) sendFirst(vs []Verifier) Outcome {
	for _, v := range vs {
		if v.Scheme() == scramMechanism(s.o.Hash, false) {
			s.verifier = v.p
			break
		}
	}
	switch {
	case s.verifier == nil:
		return Outcome{Err: errNoSuchUser}
	case s.hash.new == nil || !validNonce(s.o.Nonce):
		return Outcome{Err: fmt.Errorf("%w: hash or nonce missing", ErrMechanism)}
	}
	s.nonce = s.client.nonce + s.o.Nonce
	out := serverFirst{s.nonce, s.verifier.salt, s.verifier.cost}.append(make([]byte, 0, scramRoom))
	s.signed = appendFirsts(s.client.bare, string(out))
	s.state = scramClientFinal
	return Outcome{Send: out}
}

func (s *scramServer) stepFinal(msg string) (Question, Outcome) {
	m, f := parseClientFinal(msg)
	switch {
	case f != nil:
	case m.nonce != s.nonce:
		f = &fault{want: "c= and the nonce of this exchange"}
	case len(m.proof) != s.hash.size:
		f = &fault{off: len(m.bare), want: "a proof of the hash's size"}
	case m.binding != s.wantBinding():
		f = &fault{e: scramMismatch}
	}
	if f != nil {
		return NoQuestion{}, f.outcome(&s.exchange, msg)
	}
	s.signed = append(s.signed, m.bare...)
	if !s.proves(m.proof) {
		return fail(errWrongPassword)
	}
	s.id = newIdentity(s.client.user, s.client.authzid, s.Mechanism())
	s.id.Binding = s.client.binding
	return AuthorizeQuestion{s.id}, Outcome{}
}

// wantBinding is the only c= that is right: canonical base64 leaves no choice.
func (s *scramServer) wantBinding() string {
	var room [scramRoom]byte
	input := append(append(room[:0], s.client.header...), s.bindingData...)
	return base64.StdEncoding.EncodeToString(input)
}

// proves recovers the ClientKey from the proof: its hash is the StoredKey.
func (s *scramServer) proves(proof []byte) bool {
	key := s.hash.mac(s.verifier.key, s.signed)
	subtle.XORBytes(key, key, proof)
	return subtle.ConstantTimeCompare(s.hash.sum(key), s.verifier.key) == 1
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

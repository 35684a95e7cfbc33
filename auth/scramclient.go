package auth

import (
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// NewScramClient returns a client for SCRAM, RFC 5802 and RFC 7677. Names are sent
// as they are, and authzid whenever it is set. It asks a KeysQuestion.
func NewScramClient(user, authzid string, o ScramOptions) ClientExchange {
	c := &scramClient{user: user, authzid: authzid, o: o}
	c.hash, _ = findHash(o.Hash)
	if c.o.MinIterations <= 0 {
		c.o.MinIterations = minIterations
	}
	if c.o.MaxIterations <= 0 {
		c.o.MaxIterations = capIterations
	}
	c.run = c
	return c
}

type scramClient struct {
	clientExchange
	user, authzid string
	o             ScramOptions
	hash          scramHash
	state         scramClientState
	header, bare  string
	first         serverFirst
	signed        []byte // client-first-message-bare "," server-first-message ","
	signature     []byte // that the server must show
}

type scramClientState uint8

const (
	scramSendFirst   scramClientState = iota // nothing sent yet
	scramServerFirst                         // client-first is out
	scramServerFinal                         // the proof is out
	scramProven                              // and the server's was good
)

func (c *scramClient) Mechanism() string { return scramMechanism(c.o.Hash, c.o.Plus) }

func (c *scramClient) step(in []byte) (Question, Outcome) {
	if c.state == scramSendFirst {
		return c.sendFirst(in)
	}
	s, f := scramText(in)
	if f == nil {
		switch c.state {
		case scramServerFirst:
			return c.stepFirst(s)
		case scramServerFinal:
			return c.stepFinal(s)
		}
		f = &fault{want: "no further challenge"}
	}
	return c.refuse(f, s)
}

// refuse ends the exchange; a client has no e= to send.
func (c *scramClient) refuse(f *fault, s string) (Question, Outcome) {
	o := f.outcome(&c.exchange, s)
	o.Send = nil
	return NoQuestion{}, o
}

func (c *scramClient) sendFirst(in []byte) (Question, Outcome) {
	gs2 := gs2Header{flag: 'n', authzid: c.authzid}
	switch {
	case in != nil:
		return fail(c.syntax(0, "no challenge yet", sample(in)))
	case c.hash.new == nil, c.o.Plus && len(c.o.Bindings) == 0:
		return fail(fmt.Errorf("%w: hash or binding missing", ErrMechanism))
	case !validNonce(c.o.Nonce) || c.user == "" || !validName(c.user) || !validName(c.authzid):
		return fail(c.syntax(0, "names in UTF-8 without NUL, and a nonce", ""))
	case c.o.Plus:
		gs2.flag, gs2.binding = 'p', c.o.Bindings[0].Type
	case c.o.CouldBind:
		gs2.flag = 'y'
	}
	out := gs2.append(make([]byte, 0, scramRoom))
	c.header = string(out)
	out = clientFirst{user: c.user, nonce: c.o.Nonce}.appendBare(out)
	c.bare = string(out[len(c.header):])
	c.state = scramServerFirst
	return send(out)
}

func (c *scramClient) stepFirst(s string) (Question, Outcome) {
	if strings.HasPrefix(s, "e=") {
		return c.stepError(s)
	}
	m, f := parseServerFirst(s, c.o.MinIterations, c.o.MaxIterations)
	if f != nil {
		return c.refuse(f, s)
	}
	// A nonce that is not ours and more lets an old dialogue be replayed.
	if !strings.HasPrefix(m.nonce, c.o.Nonce) || len(m.nonce) < len(c.o.Nonce)+minScramNonce {
		return c.refuse(&fault{want: "our nonce and 8 characters of the server's"}, s)
	}
	c.first = m
	c.signed = appendFirsts(c.bare, s)
	return KeysQuestion{Hash: c.o.Hash, Salt: m.salt, Iterations: m.iterations}, Outcome{}
}

func (c *scramClient) settle(a Answer) Outcome {
	if a.Err != nil {
		return Outcome{Err: a.Err}
	}
	if len(a.Keys.Client) != c.hash.size || len(a.Keys.Server) != c.hash.size {
		return Outcome{Err: fmt.Errorf("%w: keys of another hash", ErrCredentials)}
	}
	var room [scramRoom]byte
	input := append(room[:0], c.header...)
	if c.o.Plus {
		input = append(input, c.o.Bindings[0].Data...)
	}
	out := ascii.AppendBase64(append(make([]byte, 0, scramRoom), "c="...), input)
	out = append(append(out, ",r="...), c.first.nonce...)
	signed := append(c.signed, out...)
	key := []byte(a.Keys.Client)
	proof := c.hash.mac(c.hash.sum(key), signed)
	subtle.XORBytes(proof, proof, key)
	c.signature = c.hash.mac([]byte(a.Keys.Server), signed)
	c.state = scramServerFinal
	return Outcome{Send: clientFinal{proof: proof}.appendProof(out)}
}

func (c *scramClient) stepFinal(s string) (Question, Outcome) {
	signature, e, f := parseServerFinal(s)
	switch {
	case f != nil:
		return c.refuse(f, s)
	case e != "":
		return fail(&ScramError{e})
	case subtle.ConstantTimeCompare(signature, c.signature) != 1:
		return fail(fmt.Errorf("%w: its signature is wrong", ErrUnproven))
	}
	c.state, c.complete = scramProven, true
	return send([]byte{})
}

// stepError is an e= in place of the first message, where the grammar has none but
// servers that refuse the channel binding flag send it.
func (c *scramClient) stepError(s string) (Question, Outcome) {
	_, e, f := parseServerFinal(s)
	if f != nil {
		return c.refuse(f, s)
	}
	return fail(&ScramError{e})
}

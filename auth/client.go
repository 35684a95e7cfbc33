package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// Client is one exchange in the client's role, as the protocols drive it. It is
// not reusable and not safe for concurrent use.
//
// Start gives the initial response: nil where the mechanism has none, empty
// where it is empty. Where the protocol cannot carry it with the command, it
// answers the server's empty first challenge instead. Next answers a challenge;
// what is returned is never nil without an error. On the protocol's success
// reply Finish must be called and its error obeyed: the server may not have
// proved itself, and the connection is to be closed.
//
// A response that comes together with an error is still to be sent, and one
// reply read, which will be a failure; the error says why. With an error alone,
// cancel with "*".
type Client interface {
	Mechanism() string
	Start(ctx context.Context) (ir []byte, err error)
	Next(ctx context.Context, challenge []byte) (response []byte, err error)
	Finish() error
}

// Credentials are what a client has to show. Fill in what there is; Choose takes
// what the server offers and the connection allows.
type Credentials struct {
	Username string // whose secret it is
	Authzid  string // whom to act as; empty: the user
	Password Secret // empty: no mechanism that needs one
	// Token fetches an OAuth access token for this server; it is called when
	// the exchange needs it, and not before TLS is verified.
	Token func(ctx context.Context, host string, port uint16) (Secret, error)
	// External asks for EXTERNAL: the client certificate of the TLS
	// configuration, or whatever else the server goes by.
	External bool
	// Keys remembers derived SCRAM keys; nil: none kept.
	Keys *KeyCache
	// Prepare is applied to names and password; nil: SASLprep.
	Prepare func(string) (string, error)
}

// prepared returns c with names and password prepared. An empty one stays empty.
func (c Credentials) prepared() (Credentials, error) {
	query, stored := prepareQuery, prepareStored
	if c.Prepare != nil {
		query, stored = c.Prepare, c.Prepare
	}
	var err error
	for _, f := range []struct {
		s       *string
		prepare func(string) (string, error)
		what    string
	}{
		{&c.Username, query, "user name"},
		{&c.Authzid, query, "authzid"},
		{(*string)(&c.Password), stored, "password"},
	} {
		if *f.s == "" {
			continue
		}
		if *f.s, err = f.prepare(*f.s); err != nil {
			return Credentials{}, fmt.Errorf("%w: %s", ErrPrepare, f.what)
		}
	}
	return c, nil
}

// clientDriver answers the questions of a client's machine.
type clientDriver struct {
	redacted
	x ClientExchange
	c Credentials
}

func (d *clientDriver) Mechanism() string { return d.x.Mechanism() }

func (d *clientDriver) Start(ctx context.Context) ([]byte, error) {
	return d.turn(ctx, nil)
}

func (d *clientDriver) Next(ctx context.Context, challenge []byte) ([]byte, error) {
	if challenge == nil {
		challenge = []byte{}
	}
	return d.turn(ctx, challenge)
}

func (d *clientDriver) Finish() error { return d.x.Finish() }

func (d *clientDriver) turn(ctx context.Context, in []byte) ([]byte, error) {
	o := d.x.Settle(d.answer(ctx, d.x.Step(in)))
	return o.Send, o.Err
}

func (d *clientDriver) answer(ctx context.Context, q Question) Answer {
	switch q := q.(type) {
	case NoQuestion:
		return Answer{}
	case KeysQuestion:
		keys, err := d.keys(ctx, q)
		return Answer{Keys: keys, Err: err}
	case BearerQuestion:
		token, err := d.c.Token(ctx, q.Host, q.Port)
		return Answer{Token: token, Err: err}
	}
	return Answer{Err: ErrMechanism}
}

func (d *clientDriver) keys(ctx context.Context, q KeysQuestion) (Keys, error) {
	if k, ok := d.c.Keys.get(d.c.Username, d.c.Password, q); ok {
		return k, nil
	}
	k, err := DeriveKeys(ctx, q, d.c.Password)
	if err == nil {
		d.c.Keys.put(d.c.Username, d.c.Password, q, k)
	}
	return k, err
}

// nonce is 18 random octets in base64: no comma, no padding.
func nonce() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

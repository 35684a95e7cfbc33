package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// maxVerifiers is how many verifiers of one user are looked at.
const maxVerifiers = 8

// decoys are what unknown users have instead of verifiers.
type decoys struct {
	key      []byte
	password Verifier // of the site's usual shape, for a password that nobody knows
	err      error    // DecoyShape is not usable
}

// ready prepares what must exist before the first exchange.
func (a *Authenticator) ready() error {
	a.once.Do(func() {
		n := a.MaxKDF
		if n <= 0 {
			n = runtime.GOMAXPROCS(0)
		}
		a.slots = make(chan struct{}, n)
		a.decoy.key = []byte(a.Decoy)
		if len(a.decoy.key) == 0 {
			a.decoy.key = make([]byte, 32)
			rand.Read(a.decoy.key)
		}
		a.decoy.password, a.decoy.err = NewVerifier(a.schemes()[0], Secret(rand.Text()), a.DecoyShape)
	})
	if a.decoy.err != nil {
		return fmt.Errorf("%w: decoy: %w", ErrTemporary, a.decoy.err)
	}
	return nil
}

func (a *Authenticator) schemes() []string {
	if len(a.Schemes) == 0 {
		return []string{"SCRAM-SHA-256"}
	}
	return a.Schemes
}

// lookup returns the verifiers of a user; none: unknown.
func (a *Authenticator) lookup(ctx context.Context, user string) ([]Verifier, error) {
	if err := a.ready(); err != nil {
		return nil, err
	}
	vs, err := a.Lookup(ctx, user)
	if err != nil && !errors.Is(err, ErrCredentials) {
		return nil, verdict(err)
	}
	if err != nil {
		return nil, nil
	}
	return vs[:min(len(vs), maxVerifiers)], nil
}

// checkPassword is the check behind PLAIN, LOGIN and the login commands.
func (a *Authenticator) checkPassword(ctx context.Context, user string, password Secret) error {
	password, err := a.preparePassword(password)
	if err != nil {
		return err
	}
	if a.CheckPassword != nil {
		return verdict(a.CheckPassword(ctx, user, password))
	}
	vs, err := a.lookup(ctx, user)
	if err != nil {
		return err
	}
	v, known := a.decoy.password, len(vs) > 0 && vs[0].Scheme() != ""
	if known {
		v = vs[0]
	}
	ok, rehash, err := a.derive(ctx, v, string(password))
	switch {
	case errors.Is(err, ErrVerifier):
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	case !known:
		return errNoSuchUser
	case !ok:
		return errWrongPassword
	}
	if rehash && a.Rehash != nil {
		a.Rehash(ctx, user, password)
	}
	return nil
}

// Which check failed, for After alone.
var (
	errNoSuchUser    = fmt.Errorf("%w: no such user, or no verifier for the mechanism", ErrCredentials)
	errWrongPassword = fmt.Errorf("%w: wrong password", ErrCredentials)
)

// derive checks a password when one of the slots for key derivations is free.
// The slot is held until the derivation has really ended, and not only until
// ctx has: argon2, scrypt and bcrypt cannot be stopped half-way, and memory
// would grow with every client that hangs up.
func (a *Authenticator) derive(ctx context.Context, v Verifier, password string) (ok, rehash bool, err error) {
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return false, false, ctx.Err()
	}
	done := make(chan struct{})
	var result struct {
		ok, rehash bool
		err        error
	}
	go func() {
		result.ok, result.rehash, result.err = v.check(ctx, password)
		<-a.slots
		close(done) // last: who has the answer finds the slot free
	}()
	select {
	case <-done:
		return result.ok, result.rehash, result.err
	case <-ctx.Done():
		return false, false, ctx.Err()
	}
}

// verifiers answers a VerifierQuestion; fake says that they are decoys.
func (a *Authenticator) verifiers(ctx context.Context, user, scheme string) (vs []Verifier, fake bool, err error) {
	all, err := a.lookup(ctx, user)
	if err != nil {
		return nil, false, err
	}
	for _, v := range all {
		if v.Scheme() == scheme || v.Scheme() == "PLAIN" && scheme == "CRAM-MD5" {
			vs = append(vs, v)
		}
	}
	if len(vs) > 0 {
		return vs, false, nil
	}
	return []Verifier{a.decoy.verifier(scheme, user, a)}, true, nil
}

// verifier is a fake that a client cannot tell from a true one: the salt is the
// same on every try, and the keys fit no password.
func (d *decoys) verifier(scheme, user string, a *Authenticator) Verifier {
	h, ok := findHash(strings.TrimPrefix(scheme, "SCRAM-"))
	if !ok {
		return Verifier{&params{scheme: scheme, key: d.octets("key", scheme, user)[:32]}}
	}
	cost, salt := defaultIterations, orDefault(a.DecoyShape.SaltLen, defaultSalt)
	if strings.HasPrefix(a.schemes()[0], "SCRAM-") {
		cost = orDefault(a.DecoyShape.Iterations, defaultIterations)
	}
	return newScramVerifier(h, cost, d.octets("salt", scheme, user)[:min(salt, 64)],
		d.octets("key", scheme, user)[:h.size], d.octets("server", scheme, user)[:h.size])
}

func (d *decoys) octets(what, scheme, user string) []byte {
	m := hmac.New(sha512.New, d.key)
	m.Write([]byte(what + "\x00" + scheme + "\x00" + user))
	return m.Sum(nil)
}

package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// serverDriver answers the questions of a server's machine.
type serverDriver struct {
	redacted
	a          *Authenticator
	ci         ConnInfo
	x          Exchange
	user       string // whose secret is checked, prepared
	known      bool   // user is, and Before has been asked
	id         Identity
	authorized bool
	decoy      bool  // the verifiers given were fakes
	failed     error // what Next returns from now on
	done       bool
}

func (s *serverDriver) Mechanism() string { return s.x.Mechanism() }

func (s *serverDriver) Identity() Identity {
	if !s.done {
		return Identity{}
	}
	return s.id
}

func (s *serverDriver) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	if s.failed != nil {
		return nil, false, s.failed
	}
	began := time.Now()
	o := s.x.Settle(s.answer(ctx, s.x.Step(response)))
	if o.Done && !s.authorized {
		if err := s.authorize(ctx, o.Identity); err != nil {
			o = Outcome{Err: err}
		}
	}
	switch {
	case o.Err != nil:
		s.failed = s.a.refuse(ctx, s.ci, s.soFar(), o.Err, began)
		if o.Send == nil {
			return nil, false, s.failed
		}
	case o.Done:
		s.done = true
		s.failed = errOver
		if s.a.After != nil {
			s.a.After(ctx, s.ci, s.id, nil)
		}
		return nil, true, nil
	}
	return o.Send, false, nil
}

// soFar is as much of the identity as a failure knows.
func (s *serverDriver) soFar() Identity {
	id := s.id
	if id.Authcid == "" {
		id.Authcid = s.user
	}
	id.Mechanism = s.x.Mechanism()
	return id
}

// answer settles what the machine asks.
func (s *serverDriver) answer(ctx context.Context, q Question) Answer {
	switch q := q.(type) {
	case NoQuestion:
		return Answer{}
	case VerifierQuestion:
		return s.answerVerifier(ctx, q)
	case PasswordQuestion:
		err := s.claim(ctx, q.User)
		if err == nil {
			err = s.a.checkPassword(ctx, s.user, q.Password)
		}
		if err == nil {
			err = s.authorize(ctx, newIdentity(q.User, q.Authzid, s.x.Mechanism()))
		}
		return Answer{Err: err}
	case TokenQuestion:
		return s.answerSubject(ctx, q.Authzid, func(authzid string) (string, error) {
			if !s.hostMatches(q.Host) {
				return "", errOtherHost
			}
			return s.a.CheckToken(ctx, authzid, q.Token)
		})
	case CertQuestion:
		return s.answerSubject(ctx, q.Authzid, func(authzid string) (string, error) {
			return s.a.CheckCert(ctx, authzid, s.ci.TLS.VerifiedChains)
		})
	case AuthorizeQuestion:
		var err error
		if !s.known { // ANONYMOUS: nobody was looked up
			err = s.claim(ctx, "")
		}
		if err == nil {
			err = s.authorize(ctx, q.Identity)
		}
		return Answer{Err: err}
	}
	return Answer{Err: ErrMechanism}
}

func (s *serverDriver) answerVerifier(ctx context.Context, q VerifierQuestion) Answer {
	err := s.claim(ctx, q.User)
	if err != nil {
		return Answer{Err: err}
	}
	var vs []Verifier
	vs, s.decoy, err = s.a.verifiers(ctx, s.user, q.Scheme)
	return Answer{Verifiers: vs, Err: err}
}

// answerSubject asks who it is, and at once whether that one may act as authzid:
// with a refusal coming later, it would look different from a bad token.
func (s *serverDriver) answerSubject(ctx context.Context, authzid string, check func(authzid string) (string, error)) Answer {
	if err := s.claim(ctx, authzid); err != nil {
		return Answer{Err: err}
	}
	authzid, s.user = s.user, "" // asked for, not proved
	subject, err := check(authzid)
	if err == nil && subject != "" {
		err = s.authorize(ctx, newIdentity(subject, authzid, s.x.Mechanism()))
	} else {
		s.id.Authzid = authzid
	}
	return Answer{Subject: subject, Err: verdict(err)}
}

// hostMatches compares the host that an OAuth client believes to be connected to
// with the one it named to TLS. RFC 7628, section 3.2. The port is not compared:
// behind a forwarder the two ends know it by different numbers.
func (s *serverDriver) hostMatches(host string) bool {
	name := s.ci.TLS.ServerName
	return host == "" || name == "" || ascii.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(name, "."))
}

// Which check failed, for After alone.
var (
	errOtherHost = fmt.Errorf("%w: the token is for another host", ErrCredentials)
	errOtherUser = fmt.Errorf("%w: may not act as another user", ErrCredentials)
)

// claim is called once the user is known: prepares the name and asks Before.
func (s *serverDriver) claim(ctx context.Context, user string) error {
	var err error
	s.known = true
	if user != "" {
		if s.user, err = s.a.prepareName(user); err != nil {
			return err
		}
	}
	if s.a.Before == nil {
		return nil
	}
	if err := s.a.Before(ctx, s.ci, s.user); err != nil {
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	return nil
}

// authorize completes id from what the machine knows, with names prepared, and
// asks once whether it may come in.
func (s *serverDriver) authorize(ctx context.Context, id Identity) error {
	authzid, err := id.Authzid, error(nil)
	switch {
	case s.decoy:
		return errNoSuchUser
	case authzid == id.Authcid:
		authzid = ""
	case authzid != "":
		if authzid, err = s.a.prepareName(authzid); err != nil {
			return err
		}
	}
	if s.user != "" {
		id.Authcid = s.user
	}
	id.Authzid = authzid
	if authzid == "" {
		id.Authzid = id.Authcid
	}
	s.id, s.authorized = id, true
	if s.a.Authorize == nil {
		return unless(id.Authzid == id.Authcid, errOtherUser)
	}
	return refusal(s.a.Authorize(ctx, id))
}

// refusal makes every error of Authorize a matter of credentials, unless it
// says that it is temporary.
func refusal(err error) error {
	if err == nil || errors.Is(err, ErrTemporary) || errors.Is(err, ErrCredentials) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCredentials, err)
}

// verdict makes every error of a check temporary, unless it refuses.
func verdict(err error) error {
	_, syntax := errors.AsType[*SyntaxError](err)
	if err == nil || syntax || errors.Is(err, ErrTemporary) || errors.Is(err, ErrCredentials) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTemporary, err)
}

func (a *Authenticator) prepareName(name string) (string, error) {
	prepare := a.Prepare
	if prepare == nil {
		prepare = prepareQuery
	}
	out, err := prepare(name)
	if err != nil || out == "" {
		return "", fmt.Errorf("%w: name: %w", ErrCredentials, ErrPrepare)
	}
	return out, nil
}

func (a *Authenticator) preparePassword(password Secret) (Secret, error) {
	prepare := a.PreparePassword
	if prepare == nil {
		prepare = prepareStored
	}
	out, err := prepare(string(password))
	if err != nil || out == "" {
		return "", fmt.Errorf("%w: password: %w", ErrCredentials, ErrPrepare)
	}
	return Secret(out), nil
}

// refuse tells After, sits out the floor and returns what the protocol may know.
func (a *Authenticator) refuse(ctx context.Context, ci ConnInfo, id Identity, err error, began time.Time) error {
	if a.After != nil {
		a.After(ctx, ci, id, err)
	}
	a.sitOut(ctx, began)
	if errors.Is(err, ErrTemporary) {
		return err
	}
	if syntax, ok := errors.AsType[*SyntaxError](err); ok {
		return syntax
	}
	return ErrCredentials
}

// sitOut waits until Floor has passed since began. A floor and not a random
// delay, which averages out over many tries.
func (a *Authenticator) sitOut(ctx context.Context, began time.Time) {
	floor := a.Floor
	if floor == 0 {
		floor = defaultFloor
	}
	wait := floor - time.Since(began)
	if wait <= 0 {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

const defaultFloor = 300 * time.Millisecond

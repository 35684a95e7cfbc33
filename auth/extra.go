package auth

import (
	"context"
	"time"
)

// extraServer puts Authorize, After and Floor around an application's mechanism.
type extraServer struct {
	redacted
	a      *Authenticator
	ci     ConnInfo
	s      Server
	id     Identity
	failed error
}

func (e *extraServer) Mechanism() string  { return e.s.Mechanism() }
func (e *extraServer) Identity() Identity { return e.id }

func (e *extraServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if e.failed != nil {
		return nil, false, e.failed
	}
	began := time.Now()
	challenge, done, err := e.s.Next(ctx, response)
	id := e.s.Identity()
	if id.Mechanism == "" {
		id.Mechanism = e.s.Mechanism()
	}
	if done && err == nil {
		err = e.authorize(ctx, &id)
	}
	switch {
	case err != nil:
		e.failed = e.a.refuse(ctx, e.ci, id, verdict(err), began)
		return nil, false, e.failed
	case done:
		e.id, e.failed = id, errOver
		if e.a.After != nil {
			e.a.After(ctx, e.ci, id, nil)
		}
		return nil, true, nil
	}
	return challenge, false, nil
}

func (e *extraServer) authorize(ctx context.Context, id *Identity) error {
	d := serverDriver{a: e.a}
	err := d.authorize(ctx, *id)
	*id = d.id
	return err
}

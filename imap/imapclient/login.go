package imapclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
)

// Login logs in, and enables what the Dialer says. Connect has done so where the
// Dialer has Credentials. A refusal is an *imap.StatusError, and another try is
// possible; an error of auth that is about the server, as when it cannot prove
// itself, ends the connection.
//
// The best mechanism of SASL is taken that the server has and the policy allows.
// LOGIN counts as PLAIN, and is used where there is none. RFC 9051, sections 6.2.2
// and 6.2.3.
func (c *Client) Login(ctx context.Context, cred auth.Credentials) error {
	secure := c.tlsState != nil && c.policy.Level.AtLeast(auth.TLSVerified)
	host, port := c.d.hostPort()
	number, _ := strconv.ParseUint(port, 10, 16)
	caps := c.Caps()
	x, err := c.d.Auth.Choose(cred, auth.ConnInfo{
		TLS: c.tlsState, Verified: secure, Offered: caps.Mechanisms(), Service: "imap", Host: host, Port: uint16(number),
	})
	if err == nil {
		err = c.authenticate(ctx, x)
	} else {
		err = c.loginCommand(ctx, cred, secure, caps, err)
	}
	if err != nil {
		return err
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "logged in")
	return c.begun(ctx)
}

// loginCommand logs in by LOGIN, if nothing speaks against it. why is what it was
// that spoke against SASL.
func (c *Client) loginCommand(ctx context.Context, cred auth.Credentials, secure bool, caps imap.Caps, why error) error {
	if _, none := errors.AsType[*auth.NoMechanismError](why); !none || c.d.Auth.RequireBinding || !c.mayPlain() ||
		cred.Username == "" || cred.Password == "" || cred.Authzid != "" {
		return why
	}
	if caps.Has(imap.CapLoginDisabled) {
		return fmt.Errorf("%w: %w", why, imap.ErrLoginDisabled)
	}
	if !secure && c.d.Auth.Cleartext < auth.CleartextAny {
		return fmt.Errorf("%w, and verified, for LOGIN", auth.ErrTLSRequired)
	}
	name, err := prepare(cred, cred.Username, false)
	if err != nil {
		return err
	}
	password, err := prepare(cred, string(cred.Password), true)
	if err != nil {
		return err
	}
	args := &imap.LoginArgs{Username: name, Password: []byte(password)}
	defer clear(args.Password)
	_, err = c.run(ctx, "LOGIN", args, nil)
	return err
}

// mayPlain reports whether the policy has what LOGIN amounts to.
func (c *Client) mayPlain() bool {
	for _, m := range c.d.Auth.Prefer {
		if m == "PLAIN" || m == "LOGIN" {
			return true
		}
	}
	return c.d.Auth.Prefer == nil
}

// prepare applies SASLprep, or what the credentials have in its place.
func prepare(cred auth.Credentials, s string, stored bool) (string, error) {
	if cred.Prepare != nil {
		return cred.Prepare(s)
	}
	return auth.SASLprep(s, stored)
}

// authenticate logs in by AUTHENTICATE. RFC 9051, section 6.2.2; RFC 4959, section
// 3.
func (c *Client) authenticate(ctx context.Context, x auth.Client) error {
	ir, err := x.Start(ctx)
	if err != nil {
		return err
	}
	args := &imap.AuthenticateArgs{Mechanism: x.Mechanism()}
	late := ir != nil // it answers the first challenge
	if late && c.Has(imap.CapSASLIR, imap.CapRev2) {
		args.Initial, late = ir, false
	}
	k := &call{name: "AUTHENTICATE"}
	if err := c.begin(ctx, k, args); err != nil {
		return err
	}
	defer c.watch(ctx)()
	var why error
	for answered := 0; ; answered++ {
		if answered > maxChallenges {
			return c.fail(errChallenges)
		}
		if err := c.await(nil, func() bool { return k.done || k.plus > answered }); err != nil {
			return err
		}
		if c.isDone(k) {
			break
		}
		var response []byte
		switch {
		case why != nil, k.last.Err != nil:
			why = cmp.Or(why, k.last.Err)
		case late && len(k.last.Challenge) == 0:
			response, late = ir, false
		default:
			response, err = x.Next(ctx, k.last.Challenge)
			why = err
		}
		if err := c.respond(response); err != nil {
			return c.sendFailed(err)
		}
	}
	if k.ended.Kind != imap.OK {
		return cmp.Or(why, k.err())
	}
	if why = cmp.Or(why, x.Finish()); why != nil {
		return c.fail(why) // the server may be another's
	}
	return nil
}

// maxChallenges is how often a server may ask. No mechanism needs more than four.
const maxChallenges = 32

var errChallenges = errors.New("imapclient: the server goes on asking within AUTHENTICATE")

// respond answers a challenge; nil: by giving up. Nothing else is sent as long as
// AUTHENTICATE is in flight: who has the role of the writer now waits for that.
func (c *Client) respond(response []byte) error {
	if response == nil {
		return c.link.write(c.s.AppendCancel(nil))
	}
	line := c.s.AppendResponse(nil, response)
	defer clear(line)
	return c.link.write(line)
}

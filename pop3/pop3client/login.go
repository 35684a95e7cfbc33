package pop3client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
)

// Login logs in. Connect has done so where the Dialer has Credentials. An error
// of the server is a *pop3.ReplyError, and the client can then try again.
func (c *Client) Login(ctx context.Context, cred auth.Credentials) error {
	secure := c.state != nil && c.d.TLS.Level.AtLeast(auth.TLSVerified)
	host, port := c.d.hostPort()
	number, _ := strconv.ParseUint(port, 10, 16)
	x, err := c.d.Auth.Choose(cred, auth.ConnInfo{
		TLS: c.state, Verified: secure, Offered: c.caps.SASL, Service: "pop", Host: host, Port: uint16(number),
	})
	if err == nil {
		return c.sasl(ctx, x)
	}
	if _, none := errors.AsType[*auth.NoMechanismError](err); !none || c.d.Auth.RequireBinding || cred.Username == "" || cred.Password == "" {
		return err
	}
	switch clear := c.d.Auth.Cleartext; {
	case c.d.APOP && c.stamp != "" && (secure || clear >= auth.CleartextHashed):
		return c.apop(ctx, cred)
	case c.caps.User && c.mayUser() && (secure || clear >= auth.CleartextAny):
		return c.user(ctx, cred)
	case c.caps.User && c.mayUser() && len(c.caps.SASL) == 0:
		return fmt.Errorf("%w, and verified, for USER and PASS", auth.ErrTLSRequired)
	}
	return err
}

// mayUser reports whether the policy has what USER and PASS amount to.
func (c *Client) mayUser() bool {
	for _, m := range c.d.Auth.Prefer {
		if m == "PLAIN" || m == "LOGIN" {
			return true
		}
	}
	return c.d.Auth.Prefer == nil
}

// prepare applies SASLprep, or what the credentials have in its place. stored:
// as for a string that is kept. RFC 6856, section 2.2.
func prepare(cred auth.Credentials, s string, stored bool) (string, error) {
	if cred.Prepare != nil {
		return cred.Prepare(s)
	}
	return auth.SASLprep(s, stored)
}

// user logs in by USER and PASS. RFC 1939, section 7.
func (c *Client) user(ctx context.Context, cred auth.Credentials) error {
	name, err := prepare(cred, cred.Username, false)
	if err != nil {
		return err
	}
	password, err := prepare(cred, string(cred.Password), false)
	if err != nil {
		return err
	}
	if _, err := c.command(ctx, pop3.USER, name); err != nil {
		return err
	}
	_, err = c.command(ctx, pop3.PASS, password)
	return err
}

// apop logs in by APOP. RFC 1939, section 7.
func (c *Client) apop(ctx context.Context, cred auth.Credentials) error {
	name, err := prepare(cred, cred.Username, false)
	if err != nil {
		return err
	}
	password, err := prepare(cred, string(cred.Password), true)
	if err != nil {
		return err
	}
	_, err = c.command(ctx, pop3.APOP, name, pop3.Digest(c.stamp, []byte(password)))
	return err
}

// sasl logs in by AUTH. The initial response goes with the command where the
// line has room for it. RFC 5034, section 4.
func (c *Client) sasl(ctx context.Context, x auth.Client) (err error) {
	if err := c.ready(ctx); err != nil {
		return err
	}
	ir, err := x.Start(ctx)
	if err != nil {
		return err
	}
	args := []string{x.Mechanism()}
	if ir != nil {
		args = append(args, string(auth.AppendInitial(nil, ir)))
	}
	done := c.watch(ctx)
	out, err := c.s.Send(nil, pop3.AUTH, args...)
	late := false // the initial response answers the first challenge
	if _, long := errors.AsType[*pop3.SyntaxError](err); long && ir != nil {
		out, err = c.s.Send(nil, pop3.AUTH, args[0])
		late = true
	}
	if err != nil {
		done(nil)
		return err
	}
	reply, why, err := c.exchange(ctx, x, out, ir, late)
	clear(out)
	if err := done(err); err != nil {
		return err
	}
	if reply.OK {
		if why = cmp.Or(why, x.Finish()); why != nil {
			c.broken = why // the server may be another's
		}
		return why
	}
	return cmp.Or(why, error(&pop3.ReplyError{Verb: pop3.AUTH, Reply: reply}))
}

// exchange sends AUTH and answers challenges until the server decides. why is
// what went wrong on our side.
func (c *Client) exchange(ctx context.Context, x auth.Client, out, ir []byte, late bool) (reply pop3.Reply, why, err error) {
	for {
		if err := c.write(out); err != nil {
			return pop3.Reply{}, nil, err
		}
		line, err := c.r.ReadLine(c.s.LineLimit())
		if err != nil {
			return pop3.Reply{}, nil, err
		}
		e, err := c.s.Step(line)
		if err != nil {
			return pop3.Reply{}, nil, err
		}
		switch e := e.(type) {
		case *pop3.ReplyEvent:
			return e.Reply, why, nil
		case *pop3.ChallengeEvent:
			var response []byte
			switch {
			case why != nil, e.Malformed:
				why = cmp.Or(why, errMalformed)
			case late && len(e.Octets) == 0:
				response, late = ir, false
			default:
				if response, err = x.Next(ctx, e.Octets); err != nil {
					why = err
				}
			}
			out = c.s.SendOctets(out[:0], response)
		}
	}
}

var errMalformed = errors.New("pop3client: the server sent a challenge that is not base64")

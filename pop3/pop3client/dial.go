package pop3client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
)

// A Dialer says how to connect and log in. It is not changed once in use, and
// may then be used by many goroutines.
type Dialer struct {
	Addr string         // "pop.example:995"; without a port: 995 under TLS.Implicit, else 110
	TLS  auth.TLSPolicy // zero: verified TLS, by STLS. ServerName "": the host of Addr

	// Credentials to log in with. With none, clients stay in the Authorization
	// state: see Client.Login.
	Credentials auth.Credentials
	// Auth chooses how. USER and PASS count as PLAIN, and are used where the
	// server has no mechanism of SASL that would do.
	Auth auth.ClientPolicy
	APOP bool // APOP may be used where no SASL would do, under the rules of a hashed mechanism
	UTF8 bool // ask for UTF8 before login, if the server offers it

	// Dial connects; nil: a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Limits   pop3.Limits
	Timeouts Timeouts
	Logger   *slog.Logger // nil: no log
}

// Timeouts bound what a client waits for. In each field zero means the default
// that the comment gives, and a negative value means no limit. The context of
// a call ends it too.
type Timeouts struct {
	Dial    time.Duration // for a connection: 1 min
	Command time.Duration // for each read and write to come to something: 1 min
}

// Connect connects, reads the greeting, starts TLS and logs in as d says.
func (d *Dialer) Connect(ctx context.Context) (*Client, error) {
	nc, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	return NewClient(ctx, nc, d)
}

// dial connects, with TLS where the policy has it from the first octet.
func (d *Dialer) dial(ctx context.Context) (net.Conn, error) {
	if timeout := cmp.Or(d.Timeouts.Dial, time.Minute); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, "tcp", net.JoinHostPort(d.hostPort()))
	if err != nil || !d.TLS.Implicit || d.TLS.Level == auth.TLSNever {
		return nc, err
	}
	policy := d.policy()
	if policy.ALPN == nil && (policy.Base == nil || len(policy.Base.NextProtos) == 0) {
		policy.ALPN = []string{"pop3"}
	}
	tc := tls.Client(nc, policy.Config())
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("pop3client: TLS handshake: %w", err)
	}
	return tc, nil
}

func (d *Dialer) hostPort() (host, port string) {
	host, port, err := net.SplitHostPort(d.Addr)
	if err != nil {
		host, port = d.Addr, "110"
		if d.TLS.Implicit {
			port = "995"
		}
	}
	return host, port
}

// policy is the TLS policy with a name to verify.
func (d *Dialer) policy() auth.TLSPolicy {
	p := d.TLS
	if p.ServerName == "" {
		p.ServerName, _ = d.hostPort()
	}
	return p
}

// NewClient is Connect over a connection that is there already. A *tls.Conn
// whose handshake is done has to satisfy d's policy. c is closed on error.
func NewClient(ctx context.Context, c net.Conn, d *Dialer) (*Client, error) {
	cl := newClient(c, d)
	if err := cl.begin(ctx); err != nil {
		cl.Close()
		return nil, err
	}
	return cl, nil
}

// begin goes from the greeting to the end of the login.
func (c *Client) begin(ctx context.Context) error {
	if c.tls != nil {
		c.extend()
		if err := c.tls.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("pop3client: TLS handshake: %w", err)
		}
		state := c.tls.ConnectionState()
		c.state = &state
		if err := c.d.policy().Check(c.state); err != nil {
			return err
		}
	}
	if err := c.greet(ctx); err != nil {
		return err
	}
	if _, err := c.Caps(ctx); err != nil {
		return err
	}
	if c.tls == nil {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if c.d.UTF8 && c.caps.UTF8 {
		if err := c.UTF8(ctx); err != nil {
			return err
		}
	}
	if !hasLogin(c.d.Credentials) {
		return nil
	}
	return c.Login(ctx, c.d.Credentials)
}

func hasLogin(c auth.Credentials) bool {
	return c.Username != "" || c.Token != nil || c.External
}

// greet reads the greeting.
func (c *Client) greet(ctx context.Context) error {
	done := c.watch(ctx)
	line, err := c.r.ReadLine(c.s.LineLimit())
	var e pop3.ClientEvent
	if err == nil {
		e, err = c.s.Step(line)
	}
	if err = done(err); err != nil {
		return err
	}
	g := e.(*pop3.GreetingEvent)
	if !g.Reply.OK {
		return &pop3.ReplyError{Reply: g.Reply}
	}
	c.stamp = g.Stamp
	return nil
}

// startTLS starts TLS where the policy has it. Before it no name, no password and
// no digest is sent. RFC 2595, section 4.
func (c *Client) startTLS(ctx context.Context) error {
	policy := c.d.policy()
	use, err := policy.Upgrade(c.caps.STLS)
	if err != nil || !use {
		return err
	}
	if _, err := c.command(ctx, pop3.STLS); err != nil {
		return err
	}
	tc, err := auth.StartClientTLS(ctx, c.conn, (*upgrader)(c), policy)
	if err != nil {
		c.broken = err
		return err
	}
	c.tls = tc
	state := tc.ConnectionState()
	c.state = &state
	c.s.TLSDone()
	c.stamp = "" // it came over the wire in the clear
	_, err = c.Caps(ctx)
	return err
}

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

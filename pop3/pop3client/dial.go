package pop3client

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
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

	Limits   pop3.Limits  // of what the server may send
	Timeouts Timeouts     // of every wait
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

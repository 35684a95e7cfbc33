package smtpclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// connect does all that comes before the first message.
func (c *Client) connect(ctx context.Context) error {
	if err := c.implicitTLS(ctx); err != nil {
		return err
	}
	o, err := c.read(ctx)
	if err == nil {
		err = o.Err()
	}
	if err != nil {
		c.leave(ctx)
		return err
	}
	if err := c.session(ctx); err != nil {
		c.leave(ctx)
		return err
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "connected", slog.Bool("tls", c.tlsState != nil))
	return nil
}

// session is what follows the greeting: EHLO, TLS, EHLO again, AUTH.
func (c *Client) session(ctx context.Context) error {
	if err := c.hello(ctx); err != nil {
		return err
	}
	if c.tlsState == nil {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if !c.d.wantsAuth() {
		return nil
	}
	return c.authenticate(ctx)
}

// implicitTLS begins TLS with the first octet, if the policy says so, or takes
// note of TLS that whoever dialled has begun.
func (c *Client) implicitTLS(ctx context.Context) error {
	tc, is := c.conn.(*tls.Conn)
	if !is {
		if !c.policy.Implicit || c.policy.Level == auth.TLSNever {
			return nil
		}
		tc = tls.Client(c.tcp, c.policy.Config())
	}
	ctx, cancel := withTimeout(ctx, c.d.Timeouts.TLS, time.Minute)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("smtpclient: TLS handshake: %w", err)
	}
	state := tc.ConnectionState()
	if is && c.policy.Level != auth.TLSNever {
		if err := c.policy.Check(&state); err != nil {
			return err
		}
	}
	c.conn, c.tlsState = tc, &state
	c.s.TLSDone()
	return nil
}

// hello says EHLO or LHLO. HELO is for servers that do not know EHLO, and only if
// nothing that is needed comes with it. RFC 5321, section 3.2.
func (c *Client) hello(ctx context.Context) error {
	verb := smtp.EHLO
	if c.d.Protocol == smtp.LMTP {
		verb = smtp.LHLO
	}
	name := c.localName()
	out, err := c.s.Hello(c.out, verb, name)
	o, err := c.expect(ctx, out, err)
	if err == nil || verb == smtp.LHLO || o.Reply.Positive() || c.broken != nil || !c.wouldDoWithHELO(o.Reply.Code) {
		return err
	}
	out, err = c.s.Hello(c.out, smtp.HELO, name)
	_, err = c.expect(ctx, out, err)
	return err
}

func (c *Client) wouldDoWithHELO(code int) bool {
	switch code {
	case 500, 501, 502, 504, 550:
	default:
		return false
	}
	if c.tlsState == nil {
		if _, err := c.policy.Upgrade(false); err != nil {
			return false
		}
	}
	return !c.d.wantsAuth()
}

// localName is what we call ourselves. A host name that is not fully qualified
// gives way to the address that we come from: RFC 5321, section 4.1.4.
func (c *Client) localName() string {
	if c.d.LocalName != "" {
		return c.d.LocalName
	}
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		if _, err := smtp.ParseMailbox("x@" + name); err == nil {
			return name
		}
	}
	a, ok := c.tcp.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case a.IP.To4() != nil:
		return "[" + a.IP.To4().String() + "]"
	}
	return "[IPv6:" + a.IP.String() + "]"
}

// startTLS follows the policy about STARTTLS. Nothing that was said before it
// counts behind it. RFC 3207, section 4.
func (c *Client) startTLS(ctx context.Context) error {
	use, err := c.policy.Upgrade(c.s.MaySend(smtp.STARTTLS))
	if err != nil || !use {
		return err
	}
	out, err := c.s.StartTLS(c.out)
	o, err := c.expect(ctx, out, err)
	if err != nil {
		if refused, is := errors.AsType[*smtp.ReplyError](err); is && c.broken == nil && c.policy.Level == auth.TLSOpportunistic {
			c.log.LogAttrs(ctx, slog.LevelWarn, "STARTTLS refused", slog.String("reply", refused.Error()))
			return nil
		}
		return err
	}
	if o.Next != smtp.BeginTLS {
		return smtp.ErrWrongReply
	}
	if err := c.tcp.SetDeadline(time.Time{}); err != nil {
		return c.lost(ctx, err)
	}
	tctx, cancel := withTimeout(ctx, c.d.Timeouts.TLS, time.Minute)
	defer cancel()
	tc, err := auth.StartClientTLS(tctx, c.tcp, (*upgrader)(c), c.policy)
	if err != nil {
		c.broken = err
		return err
	}
	state := tc.ConnectionState()
	c.conn, c.tlsState = tc, &state
	c.s.TLSDone()
	return c.hello(ctx)
}

// authenticate runs the exchange of the best mechanism that the server offers
// and the policy allows. RFC 4954, section 4.
func (c *Client) authenticate(ctx context.Context) error {
	if len(c.s.Extensions().Auth) == 0 {
		return ErrAuthNotOffered
	}
	host, port := c.d.hostPort()
	service := "smtp"
	if c.d.Protocol == smtp.LMTP {
		service = "lmtp"
	}
	m, err := c.d.Auth.Choose(c.d.Credentials, auth.ConnInfo{
		TLS: c.tlsState, Verified: c.verified(), Offered: c.s.Extensions().Auth,
		Service: service, Host: cmp.Or(host, c.policy.ServerName), Port: port,
	})
	if err != nil {
		return err
	}
	ir, err := m.Start(ctx)
	if err != nil {
		return err
	}
	out, err := c.s.Auth(c.out, m.Mechanism(), ir)
	o, err := c.ask(ctx, out, err)
	for why := error(nil); err == nil; o, err = c.ask(ctx, out, err) {
		switch o.Next {
		case smtp.SendInitial, smtp.SendResponse, smtp.SendCancel:
			if why != nil { // a server that goes on asking might never stop
				return c.lost(ctx, why)
			}
		}
		switch o.Next {
		case smtp.SendInitial:
			out, err = c.s.Respond(c.out, ir)
		case smtp.SendResponse:
			var response []byte
			response, why = m.Next(ctx, o.Challenge)
			if why != nil && response == nil {
				out, err = c.s.Cancel(c.out)
			} else {
				out, err = c.s.Respond(c.out, response)
			}
		case smtp.SendCancel:
			why = errors.New("smtpclient: a challenge that is no base64")
			out, err = c.s.Cancel(c.out)
		default:
			return c.authenticated(ctx, m, &o, why)
		}
	}
	return err
}

// authenticated judges the end of an exchange. The server's success counts only
// if the mechanism agrees.
func (c *Client) authenticated(ctx context.Context, m auth.Client, o *smtp.Outcome, why error) error {
	err := o.Err()
	if why != nil { // we gave up, whatever the server says of that
		if err == nil {
			c.retire(why)
		}
		return why
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, authRefusal(o.Reply.Code))
	}
	if err := m.Finish(); err != nil {
		return c.lost(ctx, err)
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "authenticated", slog.String("mechanism", m.Mechanism()))
	return nil
}

func authRefusal(code int) error {
	switch {
	case code/100 == 4:
		return auth.ErrTemporary
	case code == 504:
		return auth.ErrMechanism
	case code == 538:
		return auth.ErrTLSRequired
	}
	return auth.ErrCredentials
}

// verified reports whether TLS is on and the policy has authenticated the server.
func (c *Client) verified() bool {
	return c.tlsState != nil && c.policy.Level.AtLeast(auth.TLSVerified)
}

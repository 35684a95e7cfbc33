package smtpclient

import (
	"context"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/smtp"
)

// Query asks with VRFY, EXPN, HELP, NOOP or ETRN. The reply is returned whatever it
// is; the error is a *smtp.ReplyError if it is negative.
func (c *Client) Query(ctx context.Context, v smtp.Verb, arg string) (smtp.Reply, error) {
	switch v {
	case smtp.VRFY, smtp.EXPN, smtp.HELP, smtp.NOOP, smtp.ETRN:
		return c.Command(ctx, v.String(), arg)
	}
	return smtp.Reply{}, &smtp.SyntaxError{What: "query", Want: "VRFY, EXPN, HELP, NOOP or ETRN", Got: v.String()}
}

// Command sends a command that package smtp does not know, or NOOP and its like,
// and returns its reply, as Query does. Commands of the transaction, of TLS and of
// AUTH cannot be sent so.
func (c *Client) Command(ctx context.Context, name, arg string) (smtp.Reply, error) {
	var reply smtp.Reply
	err := c.use(ctx, func(ctx context.Context) error {
		if v := smtp.ParseVerb([]byte(name)); v == smtp.RSET || v == smtp.QUIT || strings.EqualFold(name, "XCLIENT") {
			return smtp.ErrSequence // there are Abort, Close and XClient
		}
		out, err := c.s.Command(c.out, name, arg)
		o, err := c.expect(ctx, out, err)
		reply = o.Reply
		return err
	})
	return reply, err
}

// XClient tells a server that trusts us for whom we speak, then says EHLO again.
// What the server did not list is an error: smtp.ParseXClientAttrs of
// Extensions.XClient is what may be in x.Given. See Postfix's XCLIENT_README.
func (c *Client) XClient(ctx context.Context, x smtp.XClient) error {
	return c.use(ctx, func(ctx context.Context) error {
		for _, name := range x.Given.Names() {
			if !slices.Contains(c.s.Extensions().XClient, name) {
				return &smtp.NotOffered{Keyword: "XCLIENT " + name}
			}
		}
		out, err := c.s.Command(c.out, "XCLIENT", string(smtp.AppendXClient(nil, x)))
		if _, err := c.expect(ctx, out, err); err != nil {
			return err
		}
		return c.hello(ctx)
	})
}

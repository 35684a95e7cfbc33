package imapclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
)

// connect goes from the greeting to what the Dialer wants enabled.
func (c *Client) connect(ctx context.Context) error {
	defer c.watch(ctx)()
	if tc, ok := c.link.conn.(*tls.Conn); ok {
		if err := c.haveTLS(ctx, tc); err != nil {
			return err
		}
	}
	c.s.Start(c.tlsState != nil)
	if err := c.greet(ctx); err != nil {
		return err
	}
	if c.tlsState == nil {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if c.State() != imap.NotAuthenticated {
		return c.begun(ctx)
	}
	if !c.d.hasLogin() {
		return nil
	}
	return c.Login(ctx, c.d.Credentials)
}

// haveTLS takes a connection with TLS on it.
func (c *Client) haveTLS(ctx context.Context, tc *tls.Conn) error {
	ctx, cancel := withTimeout(ctx, c.d.Timeouts.Dial, time.Minute)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("imapclient: TLS handshake: %w", err)
	}
	state := tc.ConnectionState()
	c.tlsState = &state
	return c.policy.Check(&state)
}

// greet reads the greeting. RFC 9051, section 7.1.
func (c *Client) greet(ctx context.Context) error {
	if err := c.await(nil, func() bool { return c.greeting != nil }); err != nil {
		return err
	}
	switch g := c.greeting; {
	case g.Err != nil:
		return g.Err
	case g.Status.Kind == imap.BYE:
		return &imap.StatusError{Status: g.Status}
	}
	return c.learnCaps(ctx)
}

// learnCaps asks for the capabilities if the server has not told them. RFC 9051,
// section 6.1.1.
func (c *Client) learnCaps(ctx context.Context) error {
	c.mu.Lock()
	_, known := c.s.Caps()
	c.mu.Unlock()
	if known {
		return nil
	}
	_, err := c.run(ctx, "CAPABILITY", nil, nil)
	return err
}

// startTLS starts TLS where the policy has it. Before it no name and no password is
// sent, and nothing that was said before it counts. RFC 9051, section 6.2.1.
func (c *Client) startTLS(ctx context.Context) error {
	if c.State() != imap.NotAuthenticated { // PREAUTH, which the policy allows
		return c.policy.Check(nil)
	}
	use, err := c.policy.Upgrade(c.Has(imap.CapStartTLS))
	if err != nil || !use {
		return err
	}
	if _, err := c.run(ctx, "STARTTLS", nil, nil); err != nil {
		return err
	}
	hctx, cancel := withTimeout(ctx, c.d.Timeouts.Dial, time.Minute)
	defer cancel()
	tc, err := auth.StartClientTLS(hctx, c.link.conn, (*upgrader)(c), c.policy)
	if err != nil {
		return err
	}
	c.link.conn = tc
	state := tc.ConnectionState()
	c.tlsState = &state
	c.mu.Lock()
	c.s.TLSDone()
	c.wake()
	c.mu.Unlock()
	return c.learnCaps(ctx)
}

// begun switches on what the Dialer wants, behind the login.
func (c *Client) begun(ctx context.Context) error {
	if err := c.learnCaps(ctx); err != nil {
		return err
	}
	if c.d.Compress && c.Has(imap.CapCompressDeflate) {
		if err := c.Compress(ctx); err != nil {
			return err
		}
	}
	if c.d.ID != nil && c.Has(imap.CapID) {
		if _, err := c.ID(ctx, c.d.ID); err != nil {
			return err
		}
	}
	return c.enable(ctx)
}

// useful is what this package makes use of.
var useful = []imap.Cap{imap.CapRev2, imap.CapQResync, imap.CapCondstore, imap.CapUTF8Accept}

func (c *Client) enable(ctx context.Context) error {
	want := c.d.Enable
	if want == nil {
		want = useful
	}
	var caps []imap.Cap
	for _, w := range want {
		if c.Has(w) {
			caps = append(caps, w)
		}
	}
	if len(caps) == 0 || !c.Has(imap.CapEnable, imap.CapRev2) {
		return nil
	}
	return c.Enable(ctx, caps...)
}

// Enable switches extensions on. It is to be called while no mailbox is selected.
// What the server does not know it ignores: see Enabled. RFC 5161, section 3.1.
func (c *Client) Enable(ctx context.Context, caps ...imap.Cap) error {
	if err := c.need(imap.CapEnable, imap.CapRev2); err != nil {
		return err
	}
	_, err := c.run(ctx, "ENABLE", &imap.EnableArgs{Caps: caps}, func(_ string, d *imap.Data) bool { return d.Name == "ENABLED" })
	return err
}

// Compress compresses all that follows, both ways. RFC 4978, section 3. Together
// with TLS it tells an eavesdropper who can also choose what is sent something of
// the rest.
func (c *Client) Compress(ctx context.Context) error {
	if err := c.need(imap.CapCompressDeflate); err != nil {
		return err
	}
	if _, err := c.run(ctx, "COMPRESS", &imap.CompressArgs{Mechanism: "DEFLATE"}, nil); err != nil {
		return err
	}
	c.reading <- struct{}{} // whoever had it has seen the answer, and gone
	defer func() { <-c.reading }()
	err := c.r.Upgrade(&c.link)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if err != nil {
		return c.failLocked(fmt.Errorf("%w between COMPRESS and what is compressed: %w", auth.ErrInjected, err))
	}
	c.link.compress()
	c.s.Compressed()
	c.wake()
	return nil
}

// ID tells the server who we are, nil for nothing, and returns who it says it is.
// What it says is for logs. RFC 2971, section 3.
func (c *Client) ID(ctx context.Context, who imap.IDFields) (imap.IDFields, error) {
	if err := c.need(imap.CapID); err != nil {
		return nil, err
	}
	var its imap.IDFields
	_, err := c.run(ctx, "ID", who, func(_ string, d *imap.Data) bool {
		fields, ok := d.Value.(imap.IDFields)
		if ok {
			its = fields
		}
		return ok
	})
	return its, err
}

// Noop does nothing, but lets the server say what is new: see Events.
func (c *Client) Noop(ctx context.Context) error {
	_, err := c.run(ctx, "NOOP", nil, nil)
	return err
}

package imapclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
)

// A Client is one connection. It is safe for concurrent use. See the package
// comment for how contexts and errors work.
type Client struct {
	d      *Dialer
	policy auth.TLSPolicy
	log    *slog.Logger
	began  time.Time

	link     link
	tlsState *tls.ConnectionState
	closed   atomic.Bool

	// Two roles, which are held by whoever has put a value in. Neither is held while
	// code of the caller runs, but for a Read of a body.
	reading chan struct{} // r, row and what is on the wire
	writing chan struct{} // out: a command is sent whole before the next
	r       imap.Reader
	out     []byte

	mu      sync.Mutex
	s       imap.ClientSession
	calls   []*call       // without an answer, in the order in which they were sent
	answers int           // how many Done and Plus have come
	changed chan struct{} // closed when something comes, if anybody waits
	waiters int
	broken  error // why nothing more can be done

	greeting *imap.Greeting
	leaving  bool // LOGOUT was sent
	row      row  // the FETCH that has begun and not ended
	drained  int64

	box    mailbox
	events []Event
	kept   int64 // octets of them
	size   int64 // octets of the response that is being dealt with
	hears  bool  // somebody is inside Events
	idle   *call // IDLE that has no answer yet
	ending bool  // DONE was sent, or is to be sent as soon as that may be
}

// NewClient is Connect over a connection that is there already. A *tls.Conn has to
// satisfy the policy of d. On error c is closed. The error is an *imap.StatusError
// if the server refused, wraps auth.ErrTLSRequired, auth.ErrInjected,
// auth.ErrMechanism or imap.ErrInsecure, or says what else went wrong.
func NewClient(ctx context.Context, nc net.Conn, d *Dialer) (*Client, error) {
	c := &Client{
		d: d, policy: d.policy(), log: d.logger(), began: time.Now(),
		reading: make(chan struct{}, 1), writing: make(chan struct{}, 1), changed: make(chan struct{}),
	}
	if c.log.Enabled(ctx, slog.LevelError) {
		c.log = c.log.With("remote", nc.RemoteAddr().String())
	}
	c.link.tcp, c.link.conn, c.link.timeouts = nc, nc, &d.Timeouts
	c.r.Responses = true
	c.r.Reset(&c.link)
	c.s.Grammar, c.s.Limits, c.s.Strict = d.grammar(), d.Limits, d.Strict
	c.s.NeedTLS = c.policy.Level.AtLeast(auth.TLSEncrypted)
	if err := c.connect(ctx); err != nil {
		c.log.LogAttrs(ctx, slog.LevelInfo, "connecting failed", slog.Any("err", err))
		c.fail(err)
		return nil, err
	}
	return c, nil
}

// Caps returns what the server can do, without what Dialer.Mask takes away.
func (c *Client) Caps() imap.Caps {
	c.mu.Lock()
	defer c.mu.Unlock()
	caps, _ := c.s.Caps()
	return slices.DeleteFunc(slices.Clone(caps), func(have imap.Cap) bool { return have == masked })
}

// Has reports whether the server has one of caps.
func (c *Client) Has(caps ...imap.Cap) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.has(caps...)
}

func (c *Client) has(caps ...imap.Cap) bool {
	have, _ := c.s.Caps()
	return have.HasAny(caps...)
}

// need returns a *CapError unless the server has one of caps.
func (c *Client) need(caps ...imap.Cap) error {
	if c.Has(caps...) {
		return nil
	}
	return &CapError{caps}
}

// Enabled reports whether the server has enabled cap.
func (c *Client) Enabled(cap imap.Cap) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s.Enabled(cap)
}

// masked is what stands in place of a capability that is not to be believed.
const masked imap.Cap = "X-MASKED"

// mask takes out of what the server says what the Dialer does not believe.
func (c *Client) mask() {
	caps, _ := c.s.Caps()
	for i := range caps {
		for _, m := range c.d.Mask {
			if caps[i].Is(m) {
				caps[i] = masked
			}
		}
	}
}

// State returns where the session is.
func (c *Client) State() imap.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s.State()
}

// TLS returns the state of TLS, nil without TLS. It is not to be changed.
func (c *Client) TLS() *tls.ConnectionState { return c.tlsState }

// Close closes the connection at once, and ends every call that is under way with
// ErrClosed. Logout takes leave. The error is nil, but for a second Close:
// ErrClosed.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return ErrClosed
	}
	if c.tlsState != nil {
		// The alert that nothing was cut off; nobody may read it.
		c.link.tcp.SetDeadline(time.Now().Add(time.Second))
		c.link.conn.Close()
	}
	c.fail(ErrClosed)
	return nil
}

// Logout takes leave and closes the connection. It waits for the server to say
// that it has understood, no longer than ctx and Timeouts.Silence allow. A server
// that has hung up, or does so now, is no error, whether it said BYE or nothing:
// that is what was asked of it.
func (c *Client) Logout(ctx context.Context) error {
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	_, err := c.run(ctx, "LOGOUT", nil, nil)
	c.fail(ErrClosed)
	if hungUp(err) {
		return nil
	}
	return err
}

// hungUp reports whether err is that the server has ended the connection.
func hungUp(err error) bool {
	st, _ := imap.ErrorOf(err)
	op, _ := errors.AsType[*net.OpError](err)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		st.Kind == imap.BYE || op != nil && !op.Timeout()
}

// fail ends the connection, and returns why it is of no more use, which is err
// unless another reason came first.
func (c *Client) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failLocked(err)
}

func (c *Client) failLocked(err error) error {
	if c.broken == nil {
		c.broken = err
		c.log.LogAttrs(context.Background(), slog.LevelInfo, "connection closed",
			slog.Any("why", err), slog.Duration("after", time.Since(c.began)))
	}
	c.link.tcp.Close()
	c.wake()
	return c.broken
}

// wake lets those that wait look again.
func (c *Client) wake() {
	if c.waiters > 0 {
		close(c.changed)
		c.changed = make(chan struct{})
		c.waiters = 0
	}
}

// lost returns what to call an error of the connection.
func (c *Client) lost(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("imapclient: the server is silent: %w", err)
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("imapclient: the server closed the connection: %w", err)
	}
	return err
}

// watch makes the end of ctx the end of the connection, until stop is called.
func (c *Client) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	s := context.AfterFunc(ctx, func() { c.fail(fmt.Errorf("imapclient: %w", context.Cause(ctx))) })
	return func() { s() }
}

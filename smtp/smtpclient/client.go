package smtpclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// A Client is one connection, greeted and ready to send. It is for one goroutine
// at a time: a call that comes while another is under way fails with ErrBusy.
type Client struct {
	d      *Dialer
	policy auth.TLSPolicy
	log    *slog.Logger

	tcp      net.Conn // closes everything
	conn     net.Conn // what is read and written: tcp, or TLS on it
	tlsState *tls.ConnectionState
	r        smtp.Reader
	s        smtp.ClientSession
	out      []byte // commands that have not left
	chunk    int    // octets at the end of out that belong to a chunk
	unread   int    // octets of commands sent whose replies have not been read

	busy   atomic.Bool
	tx     *Transaction // open
	broken error        // why nothing more can be sent
	closed atomic.Bool

	began time.Time
	sent  int // messages
}

// NewClient makes a Client of a connection that has just been made: greeting,
// EHLO, TLS as the policy has it, EHLO again, AUTH. A *tls.Conn counts as TLS if
// it satisfies the policy. On error c is closed. The error is a *smtp.ReplyError
// if the server refused, wraps auth.ErrTLSRequired, auth.ErrInjected,
// auth.ErrMechanism or ErrAuthNotOffered, or says what else went wrong.
func NewClient(ctx context.Context, c net.Conn, d *Dialer) (*Client, error) {
	cl := &Client{d: d, policy: d.policy(), log: d.logger(), tcp: c, conn: c, began: time.Now()}
	if cl.log.Enabled(ctx, slog.LevelError) {
		cl.log = cl.log.With("remote", c.RemoteAddr().String())
	}
	cl.s.Config.Protocol = d.Protocol
	cl.r.Reset((*source)(cl))
	err := cl.use(ctx, cl.connect)
	if err != nil {
		cl.log.LogAttrs(ctx, slog.LevelInfo, "connecting failed", slog.Any("err", err))
		cl.hangUp(err)
		return nil, err
	}
	return cl, nil
}

// Extensions returns what the server offers.
func (c *Client) Extensions() smtp.Extensions { return *c.s.Extensions() }

// TLS returns the state of TLS, nil without TLS. It is not to be changed.
func (c *Client) TLS() *tls.ConnectionState { return c.tlsState }

// Usable reports whether another message can be sent: the connection is sound as
// far as is known, no transaction is open, and no limit of the server's reached.
func (c *Client) Usable() bool {
	return c.broken == nil && !c.closed.Load() && c.tx == nil && c.s.MaySend(smtp.MAIL)
}

// Close takes leave with QUIT, if the server still listens, and closes. It waits
// no longer than Timeouts.Quit. While another call is under way, which is then
// cut off, it just closes. The error is nil, but for a second Close: ErrClosed.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return ErrClosed
	}
	if !c.busy.CompareAndSwap(false, true) {
		c.tcp.Close()
		return nil
	}
	defer c.busy.Store(false)
	c.leave(context.Background())
	if c.tlsState != nil && c.broken == nil {
		c.conn.Close() // tells the peer that nothing was cut off
	}
	c.hangUp(ErrClosed)
	return nil
}

// leave says QUIT to a server that is still listening, as it may be behind a
// greeting of 554 too. RFC 5321, section 3.1; section 4.1.1.10.
func (c *Client) leave(ctx context.Context) {
	if c.broken != nil || !c.s.MaySend(smtp.QUIT) {
		return
	}
	ctx, cancel := withTimeout(ctx, c.d.Timeouts.Quit, 5*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { c.tcp.SetDeadline(past) })()
	out, err := c.s.Command(c.out, "QUIT", "")
	c.ask(ctx, out, err)
}

// past is a deadline that ends every call at once.
var past = time.Unix(1, 0)

// hangUp closes the connection for good.
func (c *Client) hangUp(why error) {
	c.retire(why)
	c.r.Release()
	c.log.LogAttrs(context.Background(), slog.LevelInfo, "connection closed", slog.Int("messages", c.sent), slog.Duration("after", time.Since(c.began)))
}

// use runs f as the only user of the connection, cut short when ctx is done.
func (c *Client) use(ctx context.Context, f func(context.Context) error) error {
	if !c.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer c.busy.Store(false)
	switch {
	case c.closed.Load():
		return ErrClosed
	case c.broken != nil:
		return c.broken
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { c.tcp.SetDeadline(past) })
	}
	err := c.quiet(ctx)
	if err == nil {
		err = f(ctx)
	}
	if !stop() {
		// The deadline may move under the feet of whoever comes next.
		c.retire(context.Cause(ctx))
	}
	return err
}

// quiet makes sure that the server has said nothing that it was not asked for:
// that would be taken for an answer to what is sent next.
func (c *Client) quiet(ctx context.Context) error {
	if c.r.Buffered() == 0 || c.s.Pending() > 0 {
		return nil
	}
	_, err := c.read(ctx)
	return err
}

// retire closes the connection, and notes why it is of no more use if that is
// not known yet.
func (c *Client) retire(err error) {
	if c.broken == nil {
		c.broken = err
	}
	c.tcp.Close()
}

// lost is retire for an error of the connection, and returns what to call it.
func (c *Client) lost(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("smtpclient: %w", context.Cause(ctx))
	case c.closed.Load():
		err = ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		v, content := c.s.Awaited()
		what := v.String()
		if content {
			what = "content"
		}
		err = fmt.Errorf("smtpclient: no reply to %s in time: %w", what, err)
	case err == io.EOF:
		err = fmt.Errorf("smtpclient: the server closed the connection: %w", io.ErrUnexpectedEOF)
	}
	c.retire(err)
	return c.broken
}

// source is a Client as what its Reader reads from.
type source Client

func (s *source) Read(p []byte) (int, error) { return s.conn.Read(p) }

// upgrader is a Client as auth.StartClientTLS sees its Reader: whatever the new
// connection is, the Reader goes on reading from the source.
type upgrader Client

func (u *upgrader) Buffered() int { return u.r.Buffered() }

func (u *upgrader) Upgrade(io.Reader) error { return u.r.Upgrade((*source)(u)) }

// deadline gives the connection d from now, unless ctx is done already: then
// the deadline of the past that it set stands.
func (c *Client) deadline(ctx context.Context, set func(time.Time) error, d time.Duration) error {
	t := time.Time{}
	if d >= 0 {
		t = time.Now().Add(d)
	}
	if err := set(t); err != nil {
		return err
	}
	return ctx.Err()
}

// write sends b.
func (c *Client) write(ctx context.Context, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	err := c.deadline(ctx, c.tcp.SetWriteDeadline, cmp.Or(c.d.Timeouts.Block, 3*time.Minute))
	if err == nil {
		_, err = c.conn.Write(b)
	}
	if err != nil {
		return c.lost(ctx, c.lastWords(ctx, err))
	}
	return nil
}

// lastWords looks for what the server said before it closed the connection on
// which writing now fails: that is the better reason.
func (c *Client) lastWords(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || c.tcp.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return err
	}
	for range c.s.Pending() + 1 {
		r, readErr := c.r.ReadReply(&c.d.Limits)
		if readErr != nil {
			break
		}
		if !r.Positive() {
			v, _ := c.s.Awaited()
			return &smtp.ReplyError{Command: v, Reply: r}
		}
	}
	return err
}

// flush sends the commands that wait.
func (c *Client) flush(ctx context.Context) error {
	if len(c.out) == 0 {
		return nil
	}
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.logCommands(ctx)
	}
	err := c.write(ctx, c.out)
	c.unread += len(c.out) - c.chunk
	clear(c.out) // there may be a secret
	c.out, c.chunk = c.out[:0], 0
	return err
}

// read reads the reply that is due next. A reply that refuses is no error here;
// one that ends the connection is.
func (c *Client) read(ctx context.Context) (smtp.Outcome, error) {
	err := c.deadline(ctx, c.tcp.SetReadDeadline, c.patience())
	var r smtp.Reply
	if err == nil {
		r, err = c.r.ReadReply(c.limits())
	}
	if err != nil {
		return smtp.Outcome{}, c.lost(ctx, err)
	}
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.LogAttrs(ctx, slog.LevelDebug, "reply", slog.String("text", fmt.Sprintf("%.200q", r.String())))
	}
	o, err := c.s.Step(r)
	switch {
	case err != nil:
		return o, c.lost(ctx, fmt.Errorf("%w: %q", err, r.String()))
	case o.Next == smtp.Retire:
		return o, c.lost(ctx, &smtp.ReplyError{Command: o.Verb, Reply: o.Reply})
	}
	if c.s.Pending() == 0 {
		c.unread = 0
	}
	return o, nil
}

// limits bounds the next reply. A challenge of SASL may be longer than other
// replies are: RFC 4954, section 4.
func (c *Client) limits() *smtp.Limits {
	const challenge = len("334 ") + 12288 + len("\r\n")
	if v, _ := c.s.Awaited(); v != smtp.AUTH || c.d.Limits.ReplyLine < 0 || c.d.Limits.ReplyLine >= challenge {
		return &c.d.Limits
	}
	l := c.d.Limits
	l.ReplyLine = challenge
	return &l
}

// sync sends what waits and reads all replies, up to one that asks for something.
// What they say is for m, if there is a message.
func (c *Client) sync(ctx context.Context, m *message) error {
	if err := c.flush(ctx); err != nil {
		return err
	}
	for c.s.Pending() > 0 {
		o, err := c.read(ctx)
		if err != nil {
			return err
		}
		if m != nil {
			m.hear(o)
		}
		if o.Next != smtp.Wait {
			return nil
		}
	}
	return nil
}

// ask sends a command that stands alone and returns its reply.
func (c *Client) ask(ctx context.Context, out []byte, err error) (smtp.Outcome, error) {
	if c.out = out; err != nil {
		return smtp.Outcome{}, err
	}
	if err := c.flush(ctx); err != nil {
		return smtp.Outcome{}, err
	}
	return c.read(ctx)
}

// expect is ask for a command that has to succeed.
func (c *Client) expect(ctx context.Context, out []byte, err error) (smtp.Outcome, error) {
	o, err := c.ask(ctx, out, err)
	if err == nil {
		err = o.Err()
	}
	return o, err
}

// patience is how long to wait for the next reply: RFC 5321, section 4.5.3.2.
func (c *Client) patience() time.Duration {
	t := &c.d.Timeouts
	v, content := c.s.Awaited()
	switch {
	case content:
		return cmp.Or(t.Final, 10*time.Minute)
	case c.s.State() == smtp.Connected:
		return cmp.Or(t.Greeting, 5*time.Minute)
	case v == smtp.MAIL:
		return cmp.Or(t.Mail, 5*time.Minute)
	case v == smtp.RCPT:
		return cmp.Or(t.Rcpt, 5*time.Minute)
	case v == smtp.DATA, v == smtp.BDAT:
		return cmp.Or(t.Data, 2*time.Minute)
	}
	return cmp.Or(t.Command, 5*time.Minute)
}

// logCommands logs the commands that are about to leave. What belongs to SASL is
// known by the state and not by its looks. Content is not logged at all.
func (c *Client) logCommands(ctx context.Context) {
	if v, _ := c.s.Awaited(); v == smtp.AUTH {
		c.log.LogAttrs(ctx, slog.LevelDebug, "authentication", slog.Int("octets", len(c.out)))
		return
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "commands", slog.String("lines", fmt.Sprintf("%.1000q", c.out[:len(c.out)-c.chunk])))
}

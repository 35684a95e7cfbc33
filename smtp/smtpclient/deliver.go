package smtpclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// A Host is one of the hosts that take mail for a destination, as a plan of
// package dnsmx has it: who made the plan has looked everything up.
type Host struct {
	Name  string         // for results and, if TLS names none, for certificates; not looked up
	Addrs []netip.Addr   // in the order to be tried
	TLS   auth.TLSPolicy // zero: verified TLS
}

// A Deliverer brings messages to the hosts of their destinations, and keeps the
// connections for a moment, in case that more mail for the same hosts follows. It
// is safe for concurrent use; the fields are set before. The zero value works.
type Deliverer struct {
	// Dialer says how to speak to every host. Its Addr and TLS are not used.
	// Without Timeouts.Dial it is 30 s: there are other hosts.
	Dialer Dialer
	Port   uint16 // zero: 25

	// As in a Pool, which keeps connections to one destination: here IdleTimeout
	// zero means 10 s, and MaxIdle bounds what is kept for all, 64 if zero.
	MaxPerConn          int
	IdleTimeout, MaxAge time.Duration
	MaxIdle             int

	once sync.Once
	kept Pool
}

// A Delivery says what became of a message at the hosts that were tried.
type Delivery struct {
	// Result is that of all attempts together. The Err of a recipient is a
	// *smtp.ReplyError if a server has refused it, or the message; a *HostError if
	// no server came to be asked; ErrUncertain or an error of Send otherwise.
	Result
	Attempts []Attempt // in their order
	// By says which attempt the result of each recipient comes from; -1: none.
	By []int
}

// An Attempt is one address that was tried.
type Attempt struct {
	Host       string
	Addr       netip.AddrPort
	Level      auth.TLSLevel        // what the policy for the host demanded
	Reused     bool                 // the connection had been used for another message
	TLS        *tls.ConnectionState // nil: no TLS, or no connection
	Extensions smtp.Extensions      // what the server offered
	Dropped    []string             // as in Result
	Err        error                // *HostError: the server did not come to see the message
}

// A HostError says why a host was not given a message.
type HostError struct {
	Host  string
	Addr  netip.AddrPort
	Stage Stage
	Err   error
}

func (e *HostError) Error() string {
	return fmt.Sprintf("smtpclient: %q (%s): %s: %v", e.Host, e.Addr, e.Stage, e.Err)
}

func (e *HostError) Unwrap() error { return e.Err }

// Stage is how far the work with a host came.
type Stage uint8

const (
	StageConnect Stage = iota // no connection
	StageGreet                // the greeting, EHLO or AUTH
	StageTLS                  // TLS, as the policy for the host demands it
)

func (s Stage) String() string {
	switch s {
	case StageConnect:
		return "connect"
	case StageGreet:
		return "greet"
	case StageTLS:
		return "TLS"
	}
	return fmt.Sprintf("Stage(%d)", uint8(s))
}

var (
	// ErrNoAddress: there was no address to deliver to.
	ErrNoAddress = errors.New("smtpclient: no host with an address")
	// ErrUncertain: all of the message was sent and the connection broke before the
	// reply. The server may have taken it, and so no other was tried: to send it
	// again may make a second copy. RFC 5321, section 4.5.3.2.6.
	ErrUncertain = errors.New("smtpclient: connection lost before the reply to the message")
)

// Deliver brings a message to the first of the hosts that takes it. The addresses
// are tried in order, once each, until every recipient is settled: accepted, or
// refused for good by a server that was asked about it. What one server puts off,
// another may take; so only those recipients are offered to the next address that
// the one before did not settle. A server that limits how many recipients it takes
// at once is given the rest in further transactions. RFC 5321, section 5.1.
//
// open returns the content from its beginning, for each transaction anew. When it
// or reading fails, no other host is tried.
//
// The error is as that of [Client.Send]. Its Temporary, and that of Delivery for one
// recipient, is true as long as any attempt failed in a way that may pass.
func (d *Deliverer) Deliver(ctx context.Context, hosts []Host, e *smtp.Envelope, open func() (io.ReadCloser, error)) (*Delivery, error) {
	x := &delivering{d: d, e: e, open: open, out: &Delivery{By: make([]int, len(e.To))}}
	x.out.Rcpts = make([]RcptResult, len(e.To))
	for i := range e.To {
		x.out.By[i], x.out.Rcpts[i].Err = -1, ErrNoAddress
		x.left = append(x.left, i)
	}
	if err := e.Check(); err != nil {
		x.fail(err)
		return x.out, x.out.error(err)
	}
	for i := range hosts {
		for _, addr := range hosts[i].Addrs {
			if len(x.left) > 0 && ctx.Err() == nil {
				x.try(ctx, &hosts[i], addr)
			}
		}
	}
	if ctx.Err() != nil {
		x.fail(context.Cause(ctx))
	}
	return x.out, x.out.error(nil)
}

// Temporary reports whether recipient i was not accepted and may be later.
func (r *Delivery) Temporary(i int) bool {
	return r.Rcpts[i].Err != nil && temporary(r.Rcpts[i].Err)
}

// Close closes the connections that are kept. Deliver still works, and keeps none.
func (d *Deliverer) Close() error { return d.connections().Close() }

// delivering is one call of Deliver.
type delivering struct {
	d    *Deliverer
	e    *smtp.Envelope
	open func() (io.ReadCloser, error)
	out  *Delivery
	left []int // the recipients that are not settled
}

// fail gives up, for a reason that is not the hosts'.
func (x *delivering) fail(err error) {
	for _, i := range x.left {
		x.out.Rcpts[i].Err = err
	}
	x.left = nil
}

// try works with one address.
func (x *delivering) try(ctx context.Context, h *Host, addr netip.Addr) {
	x.out.Attempts = append(x.out.Attempts, Attempt{Host: h.Name, Addr: netip.AddrPortFrom(addr, cmp.Or(x.d.Port, 25)), Level: h.TLS.Level})
	a := &x.out.Attempts[len(x.out.Attempts)-1]
	policy := h.TLS
	policy.ServerName = cmp.Or(policy.ServerName, h.Name)
	if c := x.d.take(a.Addr, policy); c != nil {
		a.Reused = true
		if x.transactions(ctx, a, c) {
			return
		}
		a.Reused = false
	}
	c, err := x.d.connect(ctx, a, policy)
	if err != nil {
		a.Err = err
		for _, i := range x.left {
			x.hear(i, RcptResult{Err: err})
		}
		return
	}
	x.transactions(ctx, a, c)
}

// transactions sends the message over c, to as many recipients at a time as the
// server takes. It is false if a connection that was kept turned out to be dead
// before the server can have seen anything.
func (x *delivering) transactions(ctx context.Context, a *Attempt, c *Client) bool {
	defer x.d.keep(c)
	a.TLS, a.Extensions = c.TLS(), c.Extensions()
	for n := 0; ; n++ {
		before := len(x.left)
		limited, early := x.transaction(ctx, a, c)
		if early && n == 0 && a.Reused && c.broken != nil && ctx.Err() == nil {
			return false
		}
		if !limited || len(x.left) == before || len(x.left) == 0 || !c.Usable() {
			return true
		}
	}
}

// transaction sends the message once. limited says that the server took some
// recipients and had no room for others: RFC 5321, section 4.5.3.1.10; RFC 9422.
func (x *delivering) transaction(ctx context.Context, a *Attempt, c *Client) (limited, early bool) {
	file, err := x.open()
	if err != nil {
		x.fail(fmt.Errorf("smtpclient: opening the message: %w", err))
		return false, false
	}
	defer file.Close()
	e, asked := *x.e, x.left
	e.Options.Size = cmp.Or(e.Options.Size, sizeOf(file))
	e.To = make([]smtp.Rcpt, len(asked))
	for n, i := range asked {
		e.To[n] = x.e.To[i]
	}
	body := &watched{Reader: file}
	result, _, early := c.send(ctx, &e, body)
	if early && c.broken != nil && a.Reused {
		return false, true
	}
	if body.err != nil {
		x.fail(fmt.Errorf("smtpclient: reading the message: %w", body.err))
		return false, false
	}
	a.Dropped = result.Dropped
	for _, keyword := range a.Dropped {
		if !slices.Contains(x.out.Dropped, keyword) {
			x.out.Dropped = append(x.out.Dropped, keyword)
		}
	}
	if result.Reply.Code != 0 {
		x.out.Reply = result.Reply
	}
	uncertain := c.uncertain()
	for n, i := range asked {
		r := result.Rcpts[n]
		unsent := errors.Is(r.Err, smtp.ErrLimit)
		if uncertain && r.Err != nil && !unsent && (r.Rcpt == smtp.Reply{} || r.Rcpt.Positive()) {
			r.Err = fmt.Errorf("%w: %w", ErrUncertain, r.Err)
		}
		limited = limited || unsent || r.Rcpt.Code == 452
		x.hear(i, r)
	}
	return limited, false
}

// uncertain reports whether the connection broke when the server had all of the
// message and had not said what becomes of it. Chunks leave together with the
// envelope, so that then no reply need have come before.
func (c *Client) uncertain() bool {
	if c.broken == nil {
		return false
	}
	if _, ok := errors.AsType[*smtp.ReplyError](c.broken); ok {
		return false
	}
	_, content := c.s.Awaited()
	return content || c.d.Chunking && c.s.Extensions().Chunking && c.s.Pending() > 0
}

// hear takes over what one attempt says of recipient i.
func (x *delivering) hear(i int, r RcptResult) {
	old := x.out.Rcpts[i].Err
	_, host := errors.AsType[*HostError](r.Err)
	reply, refused := errors.AsType[*smtp.ReplyError](r.Err)
	settled := r.Err == nil || errors.Is(r.Err, ErrUncertain) || refused && !host && !reply.Temporary()
	if settled {
		x.left = slices.DeleteFunc(slices.Clone(x.left), func(n int) bool { return n == i })
	} else if x.out.By[i] >= 0 && temporary(old) && !temporary(r.Err) {
		return // one host cannot take it, but another may later
	}
	x.out.Rcpts[i], x.out.By[i] = r, len(x.out.Attempts)-1
}

// watched remembers whether it was the reader that failed.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// connect makes a connection to the address of an attempt. The error is a
// *HostError.
func (d *Deliverer) connect(ctx context.Context, a *Attempt, policy auth.TLSPolicy) (*Client, error) {
	dialer := d.Dialer
	dialer.Addr, dialer.TLS = a.Addr.String(), policy
	dialer.Timeouts.Dial = cmp.Or(dialer.Timeouts.Dial, 30*time.Second)
	dial := dialer.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	stage := StageConnect
	dialer.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil {
			stage = StageGreet
		}
		return c, err
	}
	c, err := dialer.Connect(ctx)
	if err == nil {
		return c, nil
	}
	if stage == StageGreet && aboutTLS(err) {
		stage = StageTLS
	}
	if reply, ok := errors.AsType[*smtp.ReplyError](err); ok && reply.Command == smtp.STARTTLS {
		// Final as it may sound, it says nothing about the message.
		err = fmt.Errorf("%w: %v", auth.ErrTLSRequired, err)
	}
	return nil, &HostError{Host: a.Host, Addr: a.Addr, Stage: stage, Err: err}
}

// aboutTLS reports whether TLS is what a connection failed by.
func aboutTLS(err error) bool {
	for _, known := range []error{auth.ErrTLSRequired, auth.ErrInjected, auth.ErrTLSAMatch, auth.ErrNoTLSA} {
		if errors.Is(err, known) {
			return true
		}
	}
	if reply, ok := errors.AsType[*smtp.ReplyError](err); ok {
		return reply.Command == smtp.STARTTLS
	}
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return verification || alert || record
}

// connections returns those that are kept.
func (d *Deliverer) connections() *Pool {
	d.once.Do(func() {
		d.kept.MaxPerConn, d.kept.MaxAge = d.MaxPerConn, d.MaxAge
		d.kept.IdleTimeout = cmp.Or(d.IdleTimeout, 10*time.Second)
	})
	return &d.kept
}

// take returns a kept connection to the address that is good enough for the
// policy, whatever it was made under; nil if there is none.
func (d *Deliverer) take(addr netip.AddrPort, policy auth.TLSPolicy) *Client {
	p := d.connections()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reap()
	for n, i := range slices.Backward(p.idle) {
		c := i.c
		if c.d.Addr != addr.String() || c.tlsState == nil && policy.Level != c.policy.Level || policy.Check(c.tlsState) != nil {
			continue
		}
		c.policy = policy // which says whether the server is authenticated
		p.idle = slices.Delete(p.idle, n, n+1)
		return c
	}
	return nil
}

// keep takes a connection back.
func (d *Deliverer) keep(c *Client) {
	p := d.connections()
	p.give(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > cmp.Or(d.MaxIdle, 64) {
		leave(p.idle[0].c)
		p.idle = slices.Delete(p.idle, 0, 1)
	}
}

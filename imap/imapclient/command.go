package imapclient

import (
	"context"
	"errors"

	"github.com/mailwire/mailwire/imap"
)

// A Command is a command that this package does not have, with what its answer
// means. Its grammar is in Dialer.Features, or in imap.
type Command[T any] interface {
	// Name is as in imap.CommandSpec, with "UID " in front for that form. Args are
	// what its entry in the grammar prints; nil: none.
	Name() string
	Args() any
	// Claim reports whether untagged data belongs to the answer, and takes from it
	// what it needs. tag is that of the command. It may be called from any goroutine
	// that waits for the Client, and must not call the Client. Rows with literals
	// that are streamed, which are those of FetchRow.Open, are not for it.
	Claim(tag string, d *imap.Data) bool
	// Done is called for an OK, and makes the result.
	Done(st imap.Status) (T, error)
}

// Do carries a command out. A refusal is an *imap.StatusError.
func Do[T any](ctx context.Context, c *Client, cmd Command[T]) (T, error) {
	return Start(ctx, c, cmd).Wait(ctx)
}

// Start sends a command without waiting for its answer. It is held back while it
// could not stand beside those in flight without a change of meaning. RFC 9051,
// section 5.5.
func Start[T any](ctx context.Context, c *Client, cmd Command[T]) *Pending[T] {
	p := &Pending[T]{c: c, cmd: cmd, call: call{name: cmd.Name(), claim: cmd.Claim}}
	switch p.call.name {
	case "STARTTLS", "AUTHENTICATE", "COMPRESS", "IDLE":
		p.err = errDialogue
	default:
		p.err = c.begin(ctx, &p.call, cmd.Args())
	}
	return p
}

// errDialogue is for commands that take more than an answer.
var errDialogue = errors.New("imapclient: the Client has a method of its own for this command")

// Pending is a command on its way.
type Pending[T any] struct {
	c    *Client
	cmd  Command[T]
	call call
	err  error
}

// Wait waits for the answer. It may be called again, with the same result, but
// not by two goroutines at a time.
func (p *Pending[T]) Wait(ctx context.Context) (t T, err error) {
	if p.err == nil {
		p.err = p.c.finish(ctx, &p.call)
	}
	if p.err != nil {
		return t, p.err
	}
	return p.cmd.Done(p.call.ended)
}

package imapserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
)

// Redirect returns the Backend of a login proxy: users prove here who they are,
// and from then on every octet goes to another server. dial returns a connection
// to that, on which the user is logged in and nothing is on its way, and the
// capabilities that it offers now, which the client is told. Its errors are as
// those of Backend.Open.
//
// The proxy has no part in the session any more: no time limit but that of
// writing, no extension and no mask of its own.
func Redirect(dial func(ctx context.Context, id auth.Identity) (net.Conn, []imap.Cap, error)) Backend {
	return redirect(dial)
}

type redirect func(ctx context.Context, id auth.Identity) (net.Conn, []imap.Cap, error)

// Open implements Backend; it is not how a redirect is used.
func (redirect) Open(context.Context, auth.Identity, *Conn) (Account, error) {
	return nil, ErrUnsupported
}

// redirect carries out a login that leads to another server.
func (c *Conn) redirect(ctx context.Context, id auth.Identity, dial redirect) {
	if c.r.Buffered() > 0 { // it cannot know yet what is offered behind its login
		c.fail(&imap.Reject{Kind: imap.BYE, Text: "wait for the end of a login"})
		return
	}
	up, caps, err := dial(ctx, id)
	if err != nil {
		c.settle(c.status(ctx, err))
		return
	}
	defer up.Close()
	c.identity = &id
	c.log.LogAttrs(ctx, slog.LevelInfo, "redirected", slog.String("user", id.Authzid), slog.String("to", up.RemoteAddr().String()))
	c.settle(imap.Status{Code: imap.Code{Name: "CAPABILITY", Arg: imap.Caps(caps)}, Text: "logged in"})
	if c.rest() == nil {
		c.relay(up)
	}
	c.s.Fail(nil)
	c.quit = true
}

// relay copies octets both ways until one side ends.
func (c *Conn) relay(up net.Conn) {
	c.clock.waitFor(relayWait)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := io.Copy(progress{&c.out}, up)
		if err != nil && !errors.Is(err, net.ErrClosed) {
			c.log.Warn("redirected session broke", "err", err)
		}
		c.link.Abort() // the other direction has nobody to talk to
	}()
	io.Copy(up, &c.link)
	up.Close()
	<-done
}

package main

import (
	"context"
	"net"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// imap returns a server that knows TLS and logins, and redirects what comes after.
func (p *proxy) imap() *imapserver.Server {
	return &imapserver.Server{
		Backend: imapserver.Redirect(p.dialIMAP),
		Auth:    p.auth, TLS: p.certs.Config(), Certs: p.certs,
		Logger: p.log,
	}
}

// dialIMAP logs in at the server behind for a user who has proved who he is, and gives
// the connection away: from here on octets are copied, in pieces of bounded size.
func (p *proxy) dialIMAP(ctx context.Context, id auth.Identity) (net.Conn, []imap.Cap, error) {
	d := imapclient.Dialer{
		Addr: p.imapBackend, TLS: backendTLS, Auth: backendAuth,
		Credentials: p.credentials(id.Authzid),
		Enable:      []imap.Cap{}, // that is the client's to say
	}
	c, err := d.Connect(ctx)
	if err != nil {
		// A wrong password would be the proxy's own: the user is told to come again.
		p.log.Error("no session at the server behind", "user", id.Authzid, "err", err)
		return nil, nil, imap.No("UNAVAILABLE", "the server behind is not available")
	}
	nc, caps, err := c.Detach(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &quiet{nc, p.idle}, caps, nil
}

// A quiet connection ends when neither side has said anything for a while: a server of
// IMAP says something now and then also to a client that only waits.
type quiet struct {
	net.Conn
	most time.Duration
}

func (q *quiet) Read(b []byte) (int, error) {
	if err := q.SetReadDeadline(time.Now().Add(q.most)); err != nil {
		return 0, err
	}
	return q.Conn.Read(b)
}

// Write is what the client says, which counts for the Read that is waiting too.
func (q *quiet) Write(b []byte) (int, error) {
	if err := q.SetDeadline(time.Now().Add(q.most)); err != nil {
		return 0, err
	}
	return q.Conn.Write(b)
}

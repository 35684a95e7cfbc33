package imapserver_test

import (
	"context"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// panicking is a Backend whose accounts panic in Status. Wrapping by embedding
// keeps all else.
type panicking struct{ imapserver.Backend }

func (p panicking) Open(ctx context.Context, id auth.Identity, c *imapserver.Conn) (imapserver.Account, error) {
	a, err := p.Backend.Open(ctx, id, c)
	return panickingAccount{a}, err
}

type panickingAccount struct{ imapserver.Account }

func (panickingAccount) Status(context.Context, string, imap.StatusItems) (imap.MailboxStatus, error) {
	panic("as asked")
}

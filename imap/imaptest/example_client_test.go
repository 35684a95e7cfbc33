package imaptest_test

import (
	"context"
	"io"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imaptest"
)

// fetchAll is a small client: all that is in INBOX, by UID.
func fetchAll(ctx context.Context, addr string) (map[uint32][]byte, error) {
	d := imapclient.Dialer{
		Addr: addr, TLS: auth.TLSPolicy{Level: auth.TLSNever}, Auth: auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: auth.Credentials{Username: imaptest.User, Password: imaptest.Password},
	}
	c, err := d.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Select(ctx, "INBOX", nil); err != nil {
		return nil, err
	}
	got := make(map[uint32][]byte)
	for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")) {
		if err != nil {
			return nil, err
		}
		if got[uint32(m.UID)], err = io.ReadAll(m.Body("")); err != nil {
			return nil, err
		}
	}
	return got, c.Logout(ctx)
}

// A client is tested by what it can be asked to do. This one can only fetch; cases
// that need more are skipped.
func ExampleRunClient() {
	_ = func(t *testing.T) { // in a program: func TestClient(t *testing.T)
		imaptest.RunClient(t, &imaptest.Client{Fetch: fetchAll})
	}
}

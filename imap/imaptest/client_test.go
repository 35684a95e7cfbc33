package imaptest_test

import (
	"context"
	"crypto/tls"
	"io"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imaptest"
)

// Our own client against what servers do.
func TestRunClient(t *testing.T) {
	imaptest.RunClient(t, &imaptest.Client{
		Fetch: func(ctx context.Context, addr string) (map[uint32][]byte, error) { return fetch(ctx, dialer(addr)) },
		Strict: func(ctx context.Context, addr string) (map[uint32][]byte, error) {
			d := dialer(addr)
			d.Strict = true
			return fetch(ctx, d)
		},
		FetchFrom: func(ctx context.Context, addr string, from uint32) (got []uint32, err error) {
			err = inbox(ctx, dialer(addr), func(c *imapclient.Client) error {
				for m, err := range c.Fetch(ctx, imap.UIDs(imap.UID(from), imap.Star), imap.ItemUID) {
					if err != nil {
						return err
					}
					got = append(got, uint32(m.UID))
				}
				return nil
			})
			return got, err
		},
		Mark: func(ctx context.Context, addr string) (map[uint32][]byte, error) {
			d := dialer(addr)
			d.Limits.ResponseLiteral = 1000 // contents stay on the wire
			seen := imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}
			return fetchAnd(ctx, d, func(c *imapclient.Client, m *imapclient.Message) error {
				_, err := c.Store(ctx, imap.UIDs(m.UID, m.UID), seen)
				return err
			})
		},
		Move: func(ctx context.Context, addr string, uid uint32, mailbox string) error {
			return inbox(ctx, dialer(addr), func(c *imapclient.Client) error {
				_, err := c.Move(ctx, imap.UIDs(imap.UID(uid), imap.UID(uid)), mailbox)
				return err
			})
		},
		Append: func(ctx context.Context, addr, mailbox string, message []byte) error {
			return connected(ctx, dialer(addr), func(c *imapclient.Client) error {
				_, err := c.Append(ctx, mailbox, imapclient.NewMessage(message))
				return err
			})
		},
		List: func(ctx context.Context, addr string) (names []string, err error) {
			err = connected(ctx, dialer(addr), func(c *imapclient.Client) error {
				for m, err := range c.List(ctx, imap.ListArgs{Patterns: []string{"*"}}) {
					if err != nil {
						return err
					}
					names = append(names, m.Name)
				}
				return nil
			})
			return names, err
		},
		StartTLS: func(ctx context.Context, addr string, config *tls.Config) error {
			d := dialer(addr)
			d.TLS = auth.TLSPolicy{Roots: config.RootCAs, ServerName: config.ServerName}
			d.Auth = auth.ClientPolicy{}
			return connected(ctx, d, func(*imapclient.Client) error { return nil })
		},
	})
}

func dialer(addr string) *imapclient.Dialer {
	return &imapclient.Dialer{
		Addr: addr, TLS: auth.TLSPolicy{Level: auth.TLSNever}, Auth: auth.ClientPolicy{Cleartext: auth.CleartextAny},
		Credentials: auth.Credentials{Username: imaptest.User, Password: imaptest.Password},
	}
}

// connected logs in, and out.
func connected(ctx context.Context, d *imapclient.Dialer, use func(*imapclient.Client) error) error {
	c, err := d.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := use(c); err != nil {
		return err
	}
	return c.Logout(ctx)
}

// inbox is connected with INBOX selected.
func inbox(ctx context.Context, d *imapclient.Dialer, use func(*imapclient.Client) error) error {
	return connected(ctx, d, func(c *imapclient.Client) error {
		if _, err := c.Select(ctx, "INBOX", nil); err != nil {
			return err
		}
		return use(c)
	})
}

func fetch(ctx context.Context, d *imapclient.Dialer) (map[uint32][]byte, error) {
	return fetchAnd(ctx, d, func(*imapclient.Client, *imapclient.Message) error { return nil })
}

// fetchAnd fetches all messages, and does something before it reads each.
func fetchAnd(ctx context.Context, d *imapclient.Dialer, each func(*imapclient.Client, *imapclient.Message) error) (map[uint32][]byte, error) {
	got := make(map[uint32][]byte)
	err := inbox(ctx, d, func(c *imapclient.Client) error {
		for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")) {
			if err != nil {
				return err
			}
			if err := each(c, m); err != nil {
				return err
			}
			b, err := io.ReadAll(m.Body(""))
			if err != nil {
				return err
			}
			got[uint32(m.UID)] = b
		}
		return nil
	})
	return got, err
}

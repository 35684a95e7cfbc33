package imapclient

import (
	"context"

	"github.com/mailwire/mailwire/imap"
)

// Create makes a mailbox, for a special use if any are given: RFC 6154, section 3.
// RFC 9051, section 6.3.4.
func (c *Client) Create(ctx context.Context, name string, use ...imap.Attr) error {
	args := &imap.CreateArgs{Mailbox: name}
	if len(use) > 0 {
		if err := c.need(imap.CapCreateSpecialUse); err != nil {
			return err
		}
		args.Params = imap.Params{{Name: "USE", Arg: use}}
	}
	_, err := c.run(ctx, "CREATE", args, nil)
	return err
}

// Delete removes a mailbox with its messages. RFC 9051, section 6.3.5.
func (c *Client) Delete(ctx context.Context, name string) error {
	_, err := c.run(ctx, "DELETE", &imap.MailboxArgs{Mailbox: name}, nil)
	return err
}

// Rename renames a mailbox, with those below it. INBOX gives its messages away and
// stays. RFC 9051, section 6.3.6.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	_, err := c.run(ctx, "RENAME", &imap.RenameArgs{From: from, To: to}, nil)
	return err
}

// Subscribe adds a name to those that the user wants to see. RFC 9051, section
// 6.3.7.
func (c *Client) Subscribe(ctx context.Context, name string) error {
	_, err := c.run(ctx, "SUBSCRIBE", &imap.MailboxArgs{Mailbox: name}, nil)
	return err
}

// Unsubscribe takes a name away from them. RFC 9051, section 6.3.8.
func (c *Client) Unsubscribe(ctx context.Context, name string) error {
	_, err := c.run(ctx, "UNSUBSCRIBE", &imap.MailboxArgs{Mailbox: name}, nil)
	return err
}

// Namespace returns where mailboxes are. RFC 9051, section 6.3.10.
func (c *Client) Namespace(ctx context.Context) (*imap.Namespaces, error) {
	if err := c.need(imap.CapNamespace, imap.CapRev2); err != nil {
		return nil, err
	}
	n := new(imap.Namespaces)
	_, err := c.run(ctx, "NAMESPACE", nil, func(_ string, d *imap.Data) bool {
		v, ok := d.Value.(*imap.Namespaces)
		if ok {
			n = v
		}
		return ok
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Status asks for numbers of a mailbox without opening it, by the names of RFC
// 9051, section 6.3.11, as "MESSAGES". What the server cannot tell is missing in
// MailboxStatus.Has.
func (c *Client) Status(ctx context.Context, name string, items ...string) (*imap.MailboxStatus, error) {
	name = imap.CanonicalMailbox(name, 0)
	var got *imap.MailboxStatus
	_, err := c.run(ctx, "STATUS", &imap.StatusArgs{Mailbox: name, Items: items}, func(_ string, d *imap.Data) bool {
		v, ok := d.Value.(*imap.MailboxStatus)
		if !ok || v.Mailbox != name {
			return false
		}
		got = v
		return true
	})
	if err != nil {
		return nil, err
	}
	if got == nil {
		got = &imap.MailboxStatus{Mailbox: name}
	}
	return got, nil
}

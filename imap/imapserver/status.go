package imapserver

import (
	"context"
	"fmt"

	"github.com/mailwire/mailwire/imap"
)

// mailboxStatus carries out STATUS. RFC 9051, section 6.3.11.
func mailboxStatus(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a := ev.Args.(*imap.StatusArgs)
	name, err := c.name(a.Mailbox)
	if err != nil {
		return err
	}
	return c.printStatus(ctx, name, a.Items)
}

// printStatus prints the STATUS of a mailbox.
func (c *Conn) printStatus(ctx context.Context, name string, items imap.StatusItems) error {
	st, err := c.account.Status(ctx, name, items)
	if err != nil {
		return err
	}
	for item, complete := range c.table.status {
		if items.Has(item) {
			complete(c, &st)
		}
	}
	st.Mailbox, st.Has = name, items
	c.encoder().Data("STATUS", 0, &st)
	return nil
}

// appendLimit is the largest message that is taken. negative: any.
func (c *Conn) appendLimit() int64 {
	if n := c.server.Limits.Message; n != 0 {
		return n
	}
	return 64 << 20
}

// appendLimitCaps offers the limit. RFC 7889, section 2.
func appendLimitCaps(c *Conn) []imap.Cap {
	n := c.appendLimit()
	if n < 0 {
		return nil
	}
	return []imap.Cap{imap.Cap(fmt.Sprintf("APPENDLIMIT=%d", n))}
}

var appendLimitStatus = map[string]func(*Conn, *imap.MailboxStatus){
	"APPENDLIMIT": func(c *Conn, st *imap.MailboxStatus) {
		if n := c.appendLimit(); n >= 0 && st.AppendLimit == nil {
			limit := uint64(n)
			st.AppendLimit = &limit
		}
	},
}

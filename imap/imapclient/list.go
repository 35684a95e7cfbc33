package imapclient

import (
	"context"
	"iter"
	"slices"

	"github.com/mailwire/mailwire/imap"
)

// A Mailbox is a row of List.
type Mailbox struct {
	imap.MailboxInfo
	Status *imap.MailboxStatus // nil: not asked for, or not told
}

// Is reports whether an attribute is set: \Noselect is implied by \NonExistent.
// RFC 9051, section 7.3.1.
func (m *Mailbox) Is(a imap.Attr) bool {
	return m.Has(a) || a.Is(imap.AttrNoselect) && m.Has(imap.AttrNonExistent)
}

// maxRows is how many rows a List keeps.
const maxRows = 1 << 20

// List lists mailboxes: RFC 9051, section 6.3.9. The zero ListArgs are all of them.
//
// STATUS in a.Return is asked for mailbox by mailbox where the server has no
// LIST-STATUS. CHILDREN and SPECIAL-USE there are left out where it has no
// LIST-EXTENDED, since it tells what it knows unasked; other options are a
// *CapError then. The rows are there before the loop begins, so that it may do
// whatever it likes. Single-use.
func (c *Client) List(ctx context.Context, a imap.ListArgs) iter.Seq2[*Mailbox, error] {
	return func(yield func(*Mailbox, error) bool) {
		items, err := c.plain(&a)
		if err != nil {
			yield(nil, err)
			return
		}
		rows, err := c.list(ctx, "LIST", &a)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, m := range rows {
			if items != nil && !m.Is(imap.AttrNoselect) {
				m.Status, err = c.Status(ctx, m.Name, items...)
				if _, refused := imap.ErrorOf(err); err != nil && !refused {
					yield(nil, err)
					return
				}
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// Lsub lists the names that are subscribed: RFC 3501, section 6.3.9. Servers of
// IMAP4rev2 have it in List, by the option SUBSCRIBED.
func (c *Client) Lsub(ctx context.Context, reference, pattern string) ([]*Mailbox, error) {
	return c.list(ctx, "LSUB", &imap.ListArgs{Reference: reference, Patterns: []string{pattern}})
}

// plain takes out of the arguments what the server does not have, and returns the
// items of STATUS that have to be asked for one by one.
func (c *Client) plain(a *imap.ListArgs) (items imap.StatusItems, err error) {
	if a.Patterns == nil {
		a.Patterns = []string{"*"}
	}
	a.Return = slices.Clone(a.Return)
	if v, ok := a.Return.Get("STATUS"); ok && !c.Has(imap.CapListStatus, imap.CapRev2) {
		items, _ = v.(imap.StatusItems)
		a.Return = slices.DeleteFunc(a.Return, func(p imap.Param) bool { return p.Name == "STATUS" })
	}
	if c.Has(imap.CapListExtended, imap.CapRev2) {
		return items, nil
	}
	a.Return = slices.DeleteFunc(a.Return, func(p imap.Param) bool { return p.Name == "CHILDREN" || p.Name == "SPECIAL-USE" })
	extended := len(a.Select) > 0 || len(a.Return) > 0 || len(a.Patterns) > 1
	onlyUse := len(a.Select) == 1 && a.Select.Has("SPECIAL-USE") && len(a.Return) == 0 && len(a.Patterns) == 1
	if !extended || onlyUse && c.Has(imap.CapSpecialUse) || len(a.Select) == 0 && len(a.Patterns) == 1 && c.Has(imap.CapListStatus) {
		return items, nil
	}
	return nil, &CapError{[]imap.Cap{imap.CapListExtended, imap.CapRev2}}
}

// list collects the rows of LIST or LSUB, with their STATUS.
func (c *Client) list(ctx context.Context, name string, a *imap.ListArgs) ([]*Mailbox, error) {
	var rows []*Mailbox
	byName := make(map[string]*Mailbox)
	over := false
	_, err := c.run(ctx, name, a, func(_ string, d *imap.Data) bool {
		switch v := d.Value.(type) {
		case *imap.MailboxInfo:
			if d.Name != name {
				return false
			}
			if over = over || len(rows) == maxRows; over {
				return true
			}
			m := &Mailbox{MailboxInfo: *v}
			rows = append(rows, m)
			byName[m.Name] = m
			return true
		case *imap.MailboxStatus:
			m := byName[v.Mailbox]
			if m == nil || !a.Return.Has("STATUS") {
				return false
			}
			m.Status = v
			return true
		}
		return false
	})
	if over && err == nil {
		err = ErrTooMuch
	}
	return rows, err
}

package imapclient

import (
	"context"

	"github.com/mailwire/mailwire/imap"
)

// SelectOptions say how a mailbox is opened. nil: as SELECT.
type SelectOptions struct {
	ReadOnly bool // EXAMINE
	// Resync asks for what has changed since: the answer is in Selected.Vanished and
	// Changed. QRESYNC must have been enabled, as the zero Dialer does it. RFC 7162,
	// section 3.2.5.
	Resync *imap.Resync
}

// Selected is what the server says of a mailbox that it has opened. RFC 9051,
// section 6.3.2. What it did not say is zero.
type Selected struct {
	Name           string
	ReadOnly       bool
	Exists         uint32
	Recent         uint32      // RFC 3501, section 7.3.2
	Unseen         imap.SeqNum // the first one. RFC 3501, section 7.1
	Flags          []imap.Flag
	PermanentFlags []imap.Flag // imap.FlagWildcard: keywords can be made
	UIDNext        imap.UID
	UIDValidity    uint32
	HighestModSeq  imap.ModSeq // 0: the mailbox has none. RFC 7162, section 3.1.2
	MailboxID      string      // RFC 8474, section 4.2

	Vanished imap.UIDSet // gone since SelectOptions.Resync
	Changed  []*Message  // changed since, or new: flags, UID and mod-sequence
}

// maxChanged bounds Selected.Changed, as a server could go on for ever.
const maxChanged = 1 << 20

// Select opens a mailbox, and closes the one that is open without expunging. If it
// fails with NO nothing is selected: RFC 9051, section 6.3.2. CONDSTORE is asked
// for where the server has it, so that mod-sequences are told.
func (c *Client) Select(ctx context.Context, name string, o *SelectOptions) (*Selected, error) {
	if o == nil {
		o = new(SelectOptions)
	}
	args := &imap.SelectArgs{Mailbox: name}
	switch {
	case o.Resync != nil && !c.Enabled(imap.CapQResync):
		return nil, &CapError{[]imap.Cap{imap.CapQResync}}
	case o.Resync != nil:
		args.Params = imap.Params{{Name: "QRESYNC", Arg: o.Resync}}
	case c.Has(imap.CapCondstore, imap.CapQResync):
		args.Params = imap.Params{{Name: "CONDSTORE"}}
	}
	box := &Selected{Name: imap.CanonicalMailbox(name, 0), ReadOnly: o.ReadOnly}
	verb := "SELECT"
	if o.ReadOnly {
		verb = "EXAMINE"
	}
	st, err := c.run(ctx, verb, args, func(_ string, d *imap.Data) bool { return box.claim(d) })
	if err != nil {
		return nil, err
	}
	switch st.Code.Name {
	case "READ-ONLY":
		box.ReadOnly = true
	case "READ-WRITE":
		box.ReadOnly = false
	}
	return box, nil
}

// claim takes what belongs to the answer, which is all that comes.
func (s *Selected) claim(d *imap.Data) bool {
	switch v := d.Value.(type) {
	case nil:
		switch d.Name {
		case "EXISTS":
			s.Exists = d.Num
		case "RECENT":
			s.Recent = d.Num
		default:
			return false
		}
	case []imap.Flag:
		s.Flags = v
	case *imap.Vanished:
		if !v.Earlier {
			return false
		}
		s.Vanished = s.Vanished.Union(v.UIDs)
	case *imap.FetchRow:
		if v.Open || len(s.Changed) >= maxChanged {
			return false
		}
		s.Changed = append(s.Changed, newMessage(v))
	case *imap.MailboxInfo: // RFC 9051, section 6.3.2
		return d.Name == "LIST"
	case imap.Status:
		return s.code(v.Code)
	default:
		return false
	}
	return true
}

func (s *Selected) code(c imap.Code) bool {
	switch v := c.Arg.(type) {
	case []imap.Flag:
		s.PermanentFlags = v
	case uint32:
		switch c.Name {
		case "UIDNEXT":
			s.UIDNext = imap.UID(v)
		case "UIDVALIDITY":
			s.UIDValidity = v
		case "UNSEEN":
			s.Unseen = imap.SeqNum(v)
		}
	case imap.ModSeq:
		s.HighestModSeq = v
	case string:
		if c.Name != "MAILBOXID" {
			return false
		}
		s.MailboxID = v
	default:
		switch c.Name {
		case "CLOSED": // all that came until now was of the mailbox before
			*s = Selected{Name: s.Name, ReadOnly: s.ReadOnly}
		case "NOMODSEQ", "UIDNOTSTICKY":
		default:
			return false
		}
	}
	return true
}

// newMessage makes a Message of a row that is whole.
func newMessage(r *imap.FetchRow) *Message {
	m := &Message{row: r, Seq: r.Seq, whole: true}
	m.UID = uidOf(r)
	return m
}

// Unselect closes the mailbox without expunging. RFC 3691, section 2. Where the
// server does not have it, a read-only mailbox can be closed by CloseMailbox.
func (c *Client) Unselect(ctx context.Context) error {
	if err := c.need(imap.CapUnselect, imap.CapRev2); err != nil {
		return err
	}
	_, err := c.run(ctx, "UNSELECT", nil, nil)
	return err
}

// CloseMailbox closes the mailbox and removes what is \Deleted in it, unless it was
// opened read-only. RFC 9051, section 6.4.1.
func (c *Client) CloseMailbox(ctx context.Context) error {
	_, err := c.run(ctx, "CLOSE", nil, nil)
	return err
}

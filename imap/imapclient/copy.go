package imapclient

import (
	"context"

	"github.com/mailwire/mailwire/imap"
)

// A CopyResult says which message has become which: the lists are as long as each
// other, and in the same order. It is zero where the server does not tell. RFC
// 4315, section 3.
type CopyResult struct {
	UIDValidity  uint32 // of the target
	Source, Dest imap.UIDList
}

// copied takes the result out of a status.
func (r *CopyResult) copied(st imap.Status) bool {
	v, ok := st.Code.Arg.(*imap.CopyCode)
	if ok {
		*r = CopyResult{v.Validity, v.Source, v.Dest}
	}
	return ok
}

// Copy copies messages, all of them or none. RFC 9051, section 6.4.7.
func (c *Client) Copy(ctx context.Context, r imap.Ref, to string) (CopyResult, error) {
	return c.transfer(ctx, "COPY", r, to)
}

func (c *Client) transfer(ctx context.Context, name string, r imap.Ref, to string) (res CopyResult, err error) {
	if c.namesNothing(r) {
		return res, nil
	}
	name = uidForm(name, r)
	st, err := c.run(ctx, name, &imap.CopyArgs{Ref: r, Mailbox: to}, func(_ string, d *imap.Data) bool {
		st, ok := d.Status()
		return ok && res.copied(st)
	})
	if err == nil {
		res.copied(st)
	}
	return res, err
}

// Move moves messages. RFC 9051, section 6.4.8. A server without MOVE is asked to
// COPY, and only when that is done to delete exactly those messages; without
// UIDPLUS that is not possible, and the error is a *CapError. RFC 6851, section
// 3.3.
func (c *Client) Move(ctx context.Context, r imap.Ref, to string) (CopyResult, error) {
	if c.Has(imap.CapMove, imap.CapRev2) {
		return c.transfer(ctx, "MOVE", r, to)
	}
	if err := c.need(imap.CapMove, imap.CapUIDPlus, imap.CapRev2); err != nil {
		return CopyResult{}, err
	}
	uids, err := c.exactly(ctx, r)
	if err != nil || uids.IsEmpty() {
		return CopyResult{}, err
	}
	res, err := c.Copy(ctx, imap.InUIDs(uids), to)
	if err != nil {
		return res, err
	}
	if len(res.Source) > 0 {
		uids = uids.Intersect(res.Source.Set())
	}
	if uids.IsEmpty() {
		return res, nil
	}
	op := imap.FlagOp{Mode: imap.FlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if _, err := c.Store(ctx, imap.InUIDs(uids), op); err != nil {
		return res, err
	}
	return res, c.UIDExpunge(ctx, uids)
}

// exactly returns the UIDs of a reference, which names the same messages however
// much time goes by.
func (c *Client) exactly(ctx context.Context, r imap.Ref) (imap.UIDSet, error) {
	if r.ByUID && !r.Saved && !r.UID.HasStar() {
		return r.UID, nil
	}
	if c.namesNothing(r) {
		return imap.UIDSet{}, nil
	}
	found, err := c.Search(ctx, imap.InSet{Ref: r}, nil)
	if err != nil {
		return imap.UIDSet{}, err
	}
	return found.UIDs(), nil
}

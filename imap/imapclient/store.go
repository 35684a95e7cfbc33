package imapclient

import (
	"context"

	"github.com/mailwire/mailwire/imap"
)

// A StoreResult is what STORE has come to.
type StoreResult struct {
	// Rows are the new flags, and mod-sequences, as far as the server tells them.
	Rows []*Message
	// Modified are the messages that were left alone, since they had changed behind
	// FlagOp.UnchangedSince: by UID for a reference by UID, else by number. RFC 7162,
	// section 3.1.3.
	Modified imap.Ref
}

// Store changes flags. RFC 9051, section 6.4.6. A message that is gone is skipped.
func (c *Client) Store(ctx context.Context, r imap.Ref, op imap.FlagOp) (*StoreResult, error) {
	res := new(StoreResult)
	if c.namesNothing(r) {
		return res, nil
	}
	if op.UnchangedSince != nil {
		if err := c.need(imap.CapCondstore, imap.CapQResync); err != nil {
			return nil, err
		}
	}
	k := &call{name: uidForm("STORE", r)}
	k.apart = func(other *call) bool { return other.name == "STORE" || other.name == "UID STORE" }
	k.claim = func(_ string, d *imap.Data) bool {
		v, ok := d.Value.(*imap.FetchRow)
		if !ok || v.Open || len(res.Rows) >= maxChanged || !onlyLight(v) || !c.box.named(r, v) {
			return false
		}
		res.Rows = append(res.Rows, newMessage(v))
		return true
	}
	st, err := c.runCall(ctx, k, &imap.StoreArgs{Ref: r, Op: op})
	if s, ok := imap.ErrorOf(err); ok {
		st = s // NO may say what was modified, too
	}
	if set, ok := st.Code.Arg.(imap.NumSet[uint32]); ok && st.Code.Name == "MODIFIED" {
		res.Modified = refOf(set, r.ByUID)
	}
	return res, err
}

func onlyLight(r *imap.FetchRow) bool {
	for i := range r.Items {
		if !isLight(&r.Items[i].Item) {
			return false
		}
	}
	return true
}

// refOf makes a reference of numbers that are UIDs or not.
func refOf(set imap.NumSet[uint32], uid bool) imap.Ref {
	if uid {
		return imap.InUIDs(convert[imap.UID](set))
	}
	return imap.Ref{Seq: convert[imap.SeqNum](set)}
}

// convert returns the same numbers as another kind.
func convert[N ~uint32](set imap.NumSet[uint32]) (out imap.NumSet[N]) {
	for run := range set.Runs() {
		out.AddRange(N(run.Lo), N(run.Hi))
	}
	return out
}

// Expunge removes every message that has \Deleted. RFC 9051, section 6.4.3. What
// others have marked goes too: see UIDExpunge.
func (c *Client) Expunge(ctx context.Context) error {
	_, err := c.run(ctx, "EXPUNGE", nil, nil)
	return err
}

// UIDExpunge removes those of the messages that have \Deleted, and no others. RFC
// 4315, section 2.1.
func (c *Client) UIDExpunge(ctx context.Context, uids imap.UIDSet) error {
	if uids.IsEmpty() {
		return nil
	}
	if err := c.need(imap.CapUIDPlus, imap.CapRev2); err != nil {
		return err
	}
	_, err := c.run(ctx, "UID EXPUNGE", &imap.ExpungeArgs{Ref: imap.InUIDs(uids)}, nil)
	return err
}

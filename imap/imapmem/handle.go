package imapmem

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

// handle is a mailbox that one session has open.
type handle struct {
	imapserver.BaseMailbox
	box     *mailbox
	account *account
}

// lock takes the user's lock, for a mailbox that still exists.
func (h *handle) lock(ctx context.Context, op string) error {
	if err := h.account.failing(ctx, op); err != nil {
		return err
	}
	h.box.user.mu.Lock()
	if h.box.gone {
		h.box.user.mu.Unlock()
		return errNonExistent
	}
	return nil
}

func (h *handle) unlock() { h.box.user.mu.Unlock() }

// snapshot returns the messages of now. They may be read without the lock, also
// those of a mailbox that is gone.
func (h *handle) snapshot(ctx context.Context, op string) ([]*message, error) {
	if err := h.account.failing(ctx, op); err != nil {
		return nil, err
	}
	h.box.user.mu.RLock()
	defer h.box.user.mu.RUnlock()
	return h.box.messages, nil
}

// Status implements imapserver.Mailbox, and so do those below.
func (h *handle) Status(ctx context.Context) (imap.MailboxStatus, error) {
	able := h.account.Abilities()
	if err := h.lock(ctx, "Status"); err != nil {
		return imap.MailboxStatus{}, err
	}
	defer h.unlock()
	return h.box.status(able), nil
}

func (h *handle) UIDs(ctx context.Context) (imap.UIDSet, error) {
	if err := h.lock(ctx, "UIDs"); err != nil {
		return imap.UIDSet{}, err
	}
	defer h.unlock()
	return h.box.uids.Clone(), nil
}

func (h *handle) Messages(ctx context.Context, uids imap.UIDSet, _ imapserver.Need) iter.Seq2[*imapserver.Message, error] {
	return func(yield func(*imapserver.Message, error) bool) {
		messages, err := h.snapshot(ctx, "Messages")
		if err != nil {
			yield(nil, err)
			return
		}
		var current *message
		out := imapserver.Message{Open: func() (imapserver.Content, error) { return (*octets)(&current.octets), nil }}
		within(messages, uids, func(m *message) bool {
			current = m
			s := m.state.Load()
			out.UID, out.Flags, out.ModSeq = m.uid, s.flags, s.modSeq
			out.Received, out.Size = m.received, int64(len(m.octets))
			out.Index, out.Envelope, out.Body = m.index.Parts, m.index.Envelope, m.index.Body
			return yield(&out, nil)
		})
	}
}

// octets is content in memory: a pointer, so that to open it allocates nothing.
type octets []byte

func (o *octets) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(*o)) {
		return 0, io.EOF
	}
	n := copy(p, (*o)[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (*octets) Close() error { return nil }

func (h *handle) Store(ctx context.Context, uids imap.UIDSet, op *imap.FlagOp) iter.Seq2[imapserver.Stored, error] {
	return func(yield func(imapserver.Stored, error) bool) {
		messages, err := h.snapshot(ctx, "Store")
		if err != nil {
			yield(imapserver.Stored{}, err)
			return
		}
		within(messages, uids, func(m *message) bool {
			stored, there := h.storeOne(m, op)
			return !there || yield(stored, nil)
		})
	}
}

// storeOne changes a message that is still there.
func (h *handle) storeOne(m *message, op *imap.FlagOp) (imapserver.Stored, bool) {
	h.box.user.mu.Lock()
	defer h.box.user.mu.Unlock()
	if _, there := find(h.box.messages, m.uid); !there || h.box.gone {
		return imapserver.Stored{}, false
	}
	return h.box.store(h, m, op), true
}

func (h *handle) Copy(ctx context.Context, uids imap.UIDSet, to string) (imap.CopyCode, error) {
	if err := h.lock(ctx, "Copy"); err != nil {
		return imap.CopyCode{}, err
	}
	defer h.unlock()
	return h.copy(uids, to)
}

func (h *handle) copy(uids imap.UIDSet, to string) (code imap.CopyCode, err error) {
	target := h.box.user.mailboxes[to]
	if target == nil {
		return code, imap.No("TRYCREATE", "no such mailbox")
	}
	var copies []*message
	within(h.box.messages, uids, func(m *message) bool {
		code.Source.Add(m.uid)
		copies = append(copies, m.copy())
		return true
	})
	if len(copies) != uids.Len() {
		return imap.CopyCode{}, imap.No("EXPUNGEISSUED", "some of the messages are gone")
	}
	if len(copies) == 0 {
		return code, nil
	}
	for u := range target.append(copies...).All() {
		code.Dest.Add(u)
	}
	code.Validity = h.box.user.mailboxes[to].validity
	return code, nil
}

func (h *handle) Move(ctx context.Context, uids imap.UIDSet, to string) (imap.CopyCode, imap.ModSeq, error) {
	if err := h.lock(ctx, "Move"); err != nil {
		return imap.CopyCode{}, 0, err
	}
	defer h.unlock()
	code, err := h.copy(uids, to)
	if err != nil {
		return code, 0, err
	}
	removed := h.box.remove(h, uids, func(*message) bool { return true })
	return code, removed.ModSeq, nil
}

func (h *handle) Expunge(ctx context.Context, uids imap.UIDSet, force bool) (imapserver.Removed, error) {
	if err := h.lock(ctx, "Expunge"); err != nil {
		return imapserver.Removed{}, err
	}
	defer h.unlock()
	return h.box.remove(h, uids, func(m *message) bool {
		return force || imap.HasFlag(m.state.Load().flags, imap.FlagDeleted)
	}), nil
}

func (h *handle) Vanished(ctx context.Context, since imap.ModSeq) (imap.UIDSet, bool, error) {
	if err := h.lock(ctx, "Vanished"); err != nil {
		return imap.UIDSet{}, false, err
	}
	defer h.unlock()
	u, complete := h.box.vanished(since)
	return u, complete, nil
}

func (h *handle) Keywords(ctx context.Context) ([]imap.Flag, error) {
	if err := h.lock(ctx, "Keywords"); err != nil {
		return nil, err
	}
	defer h.unlock()
	return slices.Clone(h.box.keywords), nil
}

func (h *handle) ClaimRecent(ctx context.Context, claim bool) (imap.UIDSet, error) {
	if err := h.lock(ctx, "ClaimRecent"); err != nil {
		return imap.UIDSet{}, err
	}
	defer h.unlock()
	if h.box.recent >= h.box.uidNext {
		return imap.UIDSet{}, nil
	}
	u := imap.NumSetRange(h.box.recent, h.box.uidNext-1)
	if claim {
		h.box.recent = h.box.uidNext
	}
	return u, nil
}

func (h *handle) Watch(push func(imapview.Change)) (stop func()) {
	if !h.account.Abilities().Has(imapserver.HasWatch) {
		return h.BaseMailbox.Watch(push)
	}
	h.box.user.mu.Lock()
	defer h.box.user.mu.Unlock()
	h.box.watchers[h] = push
	return func() {
		h.box.user.mu.Lock()
		defer h.box.user.mu.Unlock()
		delete(h.box.watchers, h)
	}
}

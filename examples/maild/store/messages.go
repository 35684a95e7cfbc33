package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imapview"
)

// message is a message in a transaction.
type message struct {
	uid     imap.UID
	modSeq  imap.ModSeq
	flags   string
	date    time.Time
	content int64
}

// flagsOf takes apart what a message has stored.
func flagsOf(text string) []imap.Flag {
	flags := []imap.Flag{}
	for word := range strings.FieldsSeq(text) {
		flags = append(flags, imap.Flag(word))
	}
	return flags
}

func textOf(flags []imap.Flag) string {
	var b strings.Builder
	for i, f := range flags {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(f))
	}
	return b.String()
}

// dateOf gives a time the zone that it came with.
func dateOf(seconds int64, zone int) time.Time {
	if zone == 0 {
		return time.Unix(seconds, 0).UTC()
	}
	return time.Unix(seconds, 0).In(time.FixedZone("", zone))
}

// messages returns those of a set that are there, in order.
func (t *tx) messages(mailbox int64, uids imap.UIDSet) (all []message, err error) {
	for run := range uids.Runs() {
		err := t.query("SELECT uid, modseq, flags, internal_date, zone, content FROM messages WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
			[]any{mailbox, run.Lo, run.Hi}, func(r *sql.Rows) error {
				var m message
				var seconds int64
				var zone int
				err := r.Scan(&m.uid, &m.modSeq, &m.flags, &seconds, &zone, &m.content)
				m.date = dateOf(seconds, zone)
				all = append(all, m)
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// add gives messages the next UIDs of a mailbox.
func (t *tx) add(mailbox int64, list []message) (code imap.UIDCode, err error) {
	var next, modSeq int64
	err = t.scan([]any{&next, &modSeq, &code.Validity}, `
		UPDATE mailboxes SET uidnext = uidnext + ?1, highestmodseq = highestmodseq + 1
		WHERE id = ?2 RETURNING uidnext - ?1, highestmodseq, uidvalidity`, len(list), mailbox)
	if err != nil {
		return code, err
	}
	for i, m := range list {
		flags, err := t.intern(mailbox, flagsOf(m.flags))
		if err != nil {
			return code, err
		}
		_, zone := m.date.Zone()
		err = t.exec("INSERT INTO messages (mailbox, uid, modseq, flags, internal_date, zone, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
			mailbox, next+int64(i), modSeq, textOf(flags), m.date.Unix(), zone, m.content)
		if err != nil {
			return code, err
		}
		code.UIDs.Add(imap.UID(next) + imap.UID(i))
	}
	t.tell(mailbox, nil, imapview.Change{Kind: imapview.Added, UIDs: code.UIDs.Set(), ModSeq: imap.ModSeq(modSeq)})
	return code, nil
}

// intern gives keywords the spelling that they had first in a mailbox.
func (t *tx) intern(mailbox int64, flags []imap.Flag) ([]imap.Flag, error) {
	var out []imap.Flag
	for _, f := range flags {
		if imap.HasFlag(out, f) {
			continue
		}
		if !f.System() {
			if err := t.exec("INSERT OR IGNORE INTO keywords (mailbox, name) VALUES (?, ?)", mailbox, string(f)); err != nil {
				return nil, err
			}
			if err := t.scan([]any{&f}, "SELECT name FROM keywords WHERE mailbox = ? AND name = ?", mailbox, string(f)); err != nil {
				return nil, err
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// modSeq takes the next modification sequence of a mailbox; ErrNotFound.
func (t *tx) modSeq(mailbox int64) (n imap.ModSeq, err error) {
	err = t.scan([]any{&n}, "UPDATE mailboxes SET highestmodseq = highestmodseq + 1 WHERE id = ? RETURNING highestmodseq", mailbox)
	return n, err
}

// expunge removes messages, all under one modification sequence, and leaves
// their UIDs behind.
func (t *tx) expunge(mailbox int64, list []message, by any) (out imapserver.Removed, err error) {
	if len(list) == 0 {
		return out, nil
	}
	if out.ModSeq, err = t.modSeq(mailbox); err != nil {
		return out, err
	}
	for _, m := range list {
		if err := t.exec("INSERT INTO expunged (mailbox, modseq, uid) VALUES (?, ?, ?)", mailbox, int64(out.ModSeq), m.uid); err != nil {
			return out, err
		}
		if err := t.exec("DELETE FROM messages WHERE mailbox = ? AND uid = ?", mailbox, m.uid); err != nil {
			return out, err
		}
		out.UIDs.Add(m.uid)
	}
	if err := t.remember(mailbox, len(list)); err != nil {
		return out, err
	}
	t.tell(mailbox, by, imapview.Change{Kind: imapview.Removed, UIDs: out.UIDs, ModSeq: out.ModSeq})
	return out, nil
}

// Expunge removes messages for good, all or none; UIDs that are gone already do
// not matter. Each leaves its UID behind under the modification sequence of this change.
func (s *Store) Expunge(mailbox int64, uids []uint32) error {
	var set imap.UIDSet
	for _, u := range uids {
		set.Add(imap.UID(u))
	}
	_, err := s.Remove(mailbox, set, true, nil)
	return err
}

// Remove is Expunge of those that have \Deleted, or of all if force is set. by:
// see Watch.
func (s *Store) Remove(mailbox int64, uids imap.UIDSet, force bool, by any) (out imapserver.Removed, err error) {
	if uids.IsEmpty() {
		return out, nil
	}
	err = s.change(0, func(t *tx) error {
		all, err := t.messages(mailbox, uids)
		if err != nil {
			return err
		}
		doomed := all[:0]
		for _, m := range all {
			if force || imap.HasFlag(flagsOf(m.flags), imap.FlagDeleted) {
				doomed = append(doomed, m)
			}
		}
		if len(doomed) == 0 {
			return t.scan([]any{new(int)}, "SELECT 1 FROM mailboxes WHERE id = ?", mailbox)
		}
		out, err = t.expunge(mailbox, doomed, by)
		return err
	})
	return out, err
}

// Copy copies messages with flags and date to a mailbox of the account; their
// octets are shared. All or none: ErrGone, ErrTarget.
func (s *Store) Copy(account, mailbox int64, uids imap.UIDSet, to string) (code imap.CopyCode, err error) {
	err = s.change(0, func(t *tx) error {
		code, _, err = t.copy(account, mailbox, uids, to)
		return err
	})
	return code, err
}

// Move is Copy and Remove in one step.
func (s *Store) Move(account, mailbox int64, uids imap.UIDSet, to string, by any) (code imap.CopyCode, modSeq imap.ModSeq, err error) {
	err = s.change(0, func(t *tx) error {
		var list []message
		if code, list, err = t.copy(account, mailbox, uids, to); err != nil {
			return err
		}
		removed, err := t.expunge(mailbox, list, by)
		modSeq = removed.ModSeq
		return err
	})
	return code, modSeq, err
}

// target finds the mailbox that messages go to; ErrTarget.
func (t *tx) target(account int64, name string) (id int64, err error) {
	err = t.scan([]any{&id}, "SELECT id FROM mailboxes WHERE account = ? AND name = ?", account, name)
	if errors.Is(err, ErrNotFound) {
		err = ErrTarget
	}
	return id, err
}

func (t *tx) copy(account, mailbox int64, uids imap.UIDSet, to string) (code imap.CopyCode, list []message, err error) {
	target, err := t.target(account, to)
	if err != nil {
		return code, nil, err
	}
	if list, err = t.messages(mailbox, uids); err != nil {
		return code, nil, err
	}
	if len(list) != uids.Len() {
		return code, nil, ErrGone
	}
	if len(list) == 0 {
		return code, nil, nil
	}
	for _, m := range list {
		code.Source.Add(m.uid)
	}
	added, err := t.add(target, list)
	code.Validity, code.Dest = added.Validity, added.UIDs
	return code, list, err
}

// page is how many messages a query takes in, and a transaction changes, at most:
// readers that are slow between two of them hold up nobody.
const page = 128

// SetFlags changes the flags of messages, a page at a time, in ascending order;
// see imapserver.Mailbox.Store. by: see Watch.
func (s *Store) SetFlags(ctx context.Context, mailbox int64, uids imap.UIDSet, op *imap.FlagOp, by any) iter.Seq2[imapserver.Stored, error] {
	return func(yield func(imapserver.Stored, error) bool) {
		for part := range pages(uids) {
			var done []imapserver.Stored
			err := ctx.Err()
			if err == nil {
				err = s.change(0, func(t *tx) error {
					done, err = t.setFlags(mailbox, part, op, by)
					return err
				})
			}
			if err != nil {
				yield(imapserver.Stored{}, err)
				return
			}
			for _, st := range done {
				if !yield(st, nil) {
					return
				}
			}
		}
	}
}

// pages cuts a set into sets of at most page UIDs.
func pages(uids imap.UIDSet) iter.Seq[imap.UIDSet] {
	return func(yield func(imap.UIDSet) bool) {
		var part imap.UIDSet
		room := page
		for run := range uids.Runs() {
			for lo := uint64(run.Lo); lo <= uint64(run.Hi); {
				hi := min(lo+uint64(room)-1, uint64(run.Hi))
				part.AddRange(imap.UID(lo), imap.UID(hi))
				room -= int(hi - lo + 1)
				lo = hi + 1
				if room == 0 {
					if !yield(part) {
						return
					}
					part, room = imap.UIDSet{}, page
				}
			}
		}
		if !part.IsEmpty() {
			yield(part)
		}
	}
}

func (t *tx) setFlags(mailbox int64, uids imap.UIDSet, op *imap.FlagOp, by any) (done []imapserver.Stored, err error) {
	list, err := t.messages(mailbox, uids)
	if err != nil {
		return nil, err
	}
	var modSeq imap.ModSeq // of all that this changes
	for _, m := range list {
		st := imapserver.Stored{UID: m.uid, Flags: flagsOf(m.flags), ModSeq: m.modSeq}
		if op.UnchangedSince != nil && m.modSeq > *op.UnchangedSince {
			st.Failed = true
			done = append(done, st)
			continue
		}
		flags, err := t.intern(mailbox, op.Apply(st.Flags))
		if err != nil {
			return nil, err
		}
		if sameFlags(flags, st.Flags) { // RFC 7162, section 3.1: nothing happened
			done = append(done, st)
			continue
		}
		if modSeq == 0 {
			if modSeq, err = t.modSeq(mailbox); err != nil {
				return nil, err
			}
		}
		if err := t.exec("UPDATE messages SET flags = ?, modseq = ? WHERE mailbox = ? AND uid = ?", textOf(flags), int64(modSeq), mailbox, m.uid); err != nil {
			return nil, err
		}
		if flags == nil {
			flags = []imap.Flag{}
		}
		st.Flags, st.ModSeq, st.Changed = flags, modSeq, true
		t.tell(mailbox, by, imapview.Change{Kind: imapview.Flagged, UIDs: imap.NumSetOf(m.uid), ModSeq: modSeq, Flags: flags})
		done = append(done, st)
	}
	return done, nil
}

func sameFlags(a, b []imap.Flag) bool {
	for _, f := range a {
		if !imap.HasFlag(b, f) {
			return false
		}
	}
	return len(a) == len(b)
}

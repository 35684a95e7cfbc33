package store

import (
	"context"
	"iter"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// UIDs returns all messages of a mailbox.
func (s *Store) UIDs(ctx context.Context, mailbox int64) (set imap.UIDSet, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT uid FROM messages WHERE mailbox = ? ORDER BY uid", mailbox)
	if err != nil {
		return set, err
	}
	defer rows.Close()
	for rows.Next() {
		var u imap.UID
		if err := rows.Scan(&u); err != nil {
			return set, err
		}
		set.Add(u)
	}
	return set, rows.Err()
}

// deep is all that is not in the row of a message itself, nor its size.
const deep = imapserver.NeedIndex | imapserver.NeedEnvelope | imapserver.NeedBody | imapserver.NeedContent

// Rows returns messages in ascending order; see imapserver.Mailbox.Messages. A
// page of them is read at a time, and while it is used the contents stay, if they
// are needed.
func (s *Store) Rows(ctx context.Context, mailbox int64, uids imap.UIDSet, need imapserver.Need) iter.Seq2[*imapserver.Message, error] {
	return func(yield func(*imapserver.Message, error) bool) {
		for part := range stretches(uids) {
			for lo := part.Min(); lo <= part.Max(); {
				list, err := s.rows(ctx, mailbox, lo, part.Max(), need)
				if err != nil {
					yield(nil, err)
					return
				}
				if !s.give(ctx, list, part, need, yield) {
					return
				}
				if len(list) < page {
					break
				}
				lo = list[len(list)-1].UID + 1
			}
		}
	}
}

// give yields a page, and lets go of what it has pinned.
func (s *Store) give(ctx context.Context, list []row, wanted imap.UIDSet, need imapserver.Need, yield func(*imapserver.Message, error) bool) bool {
	if need&deep != 0 {
		defer func() {
			for i := range list {
				s.writer.pins.drop(list[i].content)
			}
		}()
	}
	for i := range list {
		r := &list[i]
		if !wanted.Contains(r.UID) {
			continue
		}
		r.Open = func() (imapserver.Content, error) { return s.open(ctx, r.content), nil }
		if !yield(&r.Message, nil) {
			return false
		}
	}
	return true
}

// stretches cuts a set where it has large gaps: small ones are read over, which
// costs less than a query for each run.
func stretches(uids imap.UIDSet) iter.Seq[imap.UIDSet] {
	const gap = page
	return func(yield func(imap.UIDSet) bool) {
		var part imap.UIDSet
		for run := range uids.Runs() {
			if !part.IsEmpty() && run.Lo-part.Max() > gap {
				if !yield(part) {
					return
				}
				part = imap.UIDSet{}
			}
			part.AddRange(run.Lo, run.Hi)
		}
		if !part.IsEmpty() {
			yield(part)
		}
	}
}

// row is a message, and where its octets are.
type row struct {
	imapserver.Message
	content int64
}

// rows reads a page, and pins its contents if they are needed.
func (s *Store) rows(ctx context.Context, mailbox int64, lo, hi imap.UID, need imapserver.Need) ([]row, error) {
	p := &s.writer.pins
	if need&deep != 0 {
		p.sweep.RLock()
		defer p.sweep.RUnlock()
	}
	const columns = "SELECT uid, modseq, flags, internal_date, zone, content"
	const where = " WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?"
	query := columns + " FROM messages" + where
	switch {
	case need&deep != 0:
		query = columns + ", size, mime, imap_envelope, imap_body FROM messages JOIN contents ON id = content" + where
	case need&imapserver.NeedSize != 0:
		query = columns + ", size FROM messages JOIN contents ON id = content" + where
	}
	rows, err := s.read.QueryContext(ctx, query, mailbox, lo, hi, page)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := make([]row, 0, min(page, int(hi-lo)+1))
	for rows.Next() {
		var r row
		var flags string
		var seconds int64
		var zone int
		dest := []any{&r.UID, &r.ModSeq, &flags, &seconds, &zone, &r.content, &r.Size, &r.Index, &r.Envelope, &r.Body}
		switch {
		case need&deep != 0:
		case need&imapserver.NeedSize != 0:
			dest = dest[:7]
		default:
			dest = dest[:6]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		r.Flags, r.Received = flagsOf(flags), dateOf(seconds, zone)
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if need&deep != 0 {
		for _, r := range list {
			p.add(r.content)
		}
	}
	return list, nil
}

// Status fills in what STATUS knows; the sum of sizes only if it is wanted.
// ErrNotFound if there is no such mailbox.
func (s *Store) Status(ctx context.Context, mailbox int64, size bool) (st imap.MailboxStatus, err error) {
	st.Has = imap.StatusItems{"MESSAGES", "RECENT", "UNSEEN", "DELETED", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ"}
	sum, join := "0", ""
	if size {
		st.Has = append(st.Has, "SIZE")
		sum, join = "coalesce(sum(size), 0)", "JOIN contents AS c ON c.id = content"
	}
	// One statement, so that all of it is of the same moment.
	err = s.read.QueryRowContext(ctx, `
		SELECT b.uidnext, b.uidvalidity, b.highestmodseq, count(uid), coalesce(sum(uid >= b.recent), 0),
			coalesce(sum(instr(' ' || flags || ' ', ' \Seen ') = 0), 0), coalesce(sum(instr(' ' || flags || ' ', ' \Deleted ') > 0), 0), `+sum+`
		FROM mailboxes AS b LEFT JOIN (messages `+join+`) ON mailbox = b.id WHERE b.id = ? GROUP BY b.id`, mailbox,
	).Scan(&st.UIDNext, &st.UIDValidity, &st.HighestModSeq, &st.Messages, &st.Recent, &st.Unseen, &st.Deleted, &st.Size)
	return st, found(err)
}

// Keywords returns the keywords of a mailbox.
func (s *Store) Keywords(ctx context.Context, mailbox int64) ([]imap.Flag, error) {
	return column[imap.Flag](ctx, s, "SELECT name FROM keywords WHERE mailbox = ?", mailbox)
}

// Recent returns the messages that nobody has claimed, and claims them if claim
// is set. RFC 3501, section 2.3.2.
func (s *Store) Recent(ctx context.Context, mailbox int64, claim bool) (set imap.UIDSet, err error) {
	var lo, next imap.UID
	query := "SELECT recent, uidnext FROM mailboxes WHERE id = ?"
	if err := s.read.QueryRowContext(ctx, query, mailbox).Scan(&lo, &next); err != nil || lo >= next {
		return set, found(err)
	}
	if claim {
		err = s.change(0, func(t *tx) error {
			if err := t.scan([]any{&lo, &next}, query, mailbox); err != nil {
				return err
			}
			return t.exec("UPDATE mailboxes SET recent = uidnext WHERE id = ?", mailbox)
		})
	}
	if err != nil || lo >= next {
		return set, err
	}
	return imap.NumSetRange(lo, next-1), nil
}

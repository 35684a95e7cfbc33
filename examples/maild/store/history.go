package store

import (
	"context"

	"github.com/mailwire/mailwire/imap"
)

// DefaultHistory is how many removals a mailbox remembers at least.
const DefaultHistory = 20_000

// KeepRemovals sets how many removals each mailbox remembers at least, from the
// next one on. Without a bound a mailbox that all mail passes through would
// grow for ever; with it a client that was away for longer gets a longer answer,
// and is right all the same. RFC 7162, section 5.
func (s *Store) KeepRemovals(n int) error {
	return s.change(0, func(t *tx) error {
		t.history = n
		return nil
	})
}

// Vanished returns the UIDs removed after the given modification sequence.
// complete: false if the history does not go back so far, and there may be more.
func (s *Store) Vanished(ctx context.Context, mailbox int64, since imap.ModSeq) (set imap.UIDSet, complete bool, err error) {
	// One statement, so that what is forgotten and what is left are of the same moment.
	rows, err := s.read.QueryContext(ctx, `
		SELECT forgotten, uid FROM mailboxes LEFT JOIN expunged ON mailbox = id AND modseq > ?2
		WHERE id = ?1 ORDER BY uid`, mailbox, int64(since))
	if err != nil {
		return set, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var forgotten imap.ModSeq
		var uid *imap.UID
		if err := rows.Scan(&forgotten, &uid); err != nil {
			return set, false, err
		}
		complete = since >= forgotten
		if uid != nil {
			set.Add(*uid)
		}
	}
	return set, complete, rows.Err()
}

// remember notes that n removals were added to the history of a mailbox. When it
// is twice as long as it has to be, the older half goes: so most removals cost
// nothing, and the others in proportion to what they take away.
func (t *tx) remember(mailbox int64, n int) error {
	var all int
	if err := t.scan([]any{&all}, "UPDATE mailboxes SET removals = removals + ? WHERE id = ? RETURNING removals", n, mailbox); err != nil {
		return err
	}
	if all <= 2*t.history {
		return nil
	}
	var last int64 // what went under one modification sequence is forgotten as a whole
	err := t.scan([]any{&last}, "SELECT modseq FROM expunged WHERE mailbox = ? ORDER BY modseq DESC, uid DESC LIMIT 1 OFFSET ?", mailbox, t.history)
	if err != nil {
		return err
	}
	if err := t.exec("DELETE FROM expunged WHERE mailbox = ? AND modseq <= ?", mailbox, last); err != nil {
		return err
	}
	return t.exec("UPDATE mailboxes SET forgotten = ?, removals = (SELECT count(*) FROM expunged WHERE mailbox = id) WHERE id = ?", last, mailbox)
}

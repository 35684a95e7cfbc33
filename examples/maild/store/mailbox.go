package store

import (
	"context"
	"fmt"
	"time"
)

// Mailbox is what IMAP reports when a mailbox is selected.
type Mailbox struct {
	ID            int64
	Name          string
	SpecialUse    string
	UIDValidity   uint32
	UIDNext       uint32
	HighestModSeq uint64
}

// Message is one message of a mailbox. Its UID is never given to another one
// there, also after it is gone.
type Message struct {
	UID          uint32
	ModSeq       uint64
	Flags        string // flags and keywords, separated by SP
	InternalDate time.Time
	Size         int64 // octets as stored
	TextSize     int64 // octets with every line end as CRLF
	UTF8         bool  // a header has more than ASCII
	content      int64
}

// CreateMailbox adds a mailbox to an account. ErrExists: the name is taken.
func (s *Store) CreateMailbox(account, name, specialUse string) error {
	return s.change(0, func(t *tx) error {
		var id int64
		if err := t.scan([]any{&id}, "SELECT id FROM accounts WHERE name = ?", account); err != nil {
			return fmt.Errorf("account %q: %w", account, err)
		}
		_, err := createMailbox(t, id, name, specialUse)
		return err
	})
}

// createMailbox gives the mailbox a UIDVALIDITY above every earlier one. It
// follows the clock, so that a database restored from an old copy does not
// repeat values either. RFC 9051, section 2.3.1.1.
func createMailbox(t *tx, account int64, name, use string) (id int64, err error) {
	var validity int64
	err = t.scan([]any{&validity}, "UPDATE uidvalidity SET last = max(last + 1, ?) RETURNING last", time.Now().Unix())
	if err != nil {
		return 0, err
	}
	id, err = t.insert("INSERT INTO mailboxes (account, name, special_use, uidvalidity) VALUES (?, ?, ?, ?)", account, name, use, validity)
	if isUnique(err) {
		return 0, fmt.Errorf("%w: mailbox %q", ErrExists, name)
	}
	return id, err
}

// Mailbox looks up one mailbox of an account; ErrNotFound.
func (s *Store) Mailbox(ctx context.Context, account, name string) (Mailbox, error) {
	m := Mailbox{Name: name}
	err := s.read.QueryRowContext(ctx, `
		SELECT m.id, special_use, uidvalidity, uidnext, highestmodseq
		FROM mailboxes AS m JOIN accounts AS a ON a.id = account WHERE a.name = ? AND m.name = ?`, account, name,
	).Scan(&m.ID, &m.SpecialUse, &m.UIDValidity, &m.UIDNext, &m.HighestModSeq)
	return m, found(err)
}

// Inbox is the mailbox that mail for the account is delivered to.
func (s *Store) Inbox(ctx context.Context, account string) (Mailbox, error) {
	return s.Mailbox(ctx, account, inbox)
}

// Messages lists a mailbox in the order of UIDs.
func (s *Store) Messages(ctx context.Context, mailbox int64) ([]Message, error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT uid, modseq, flags, internal_date, zone, size, text_size, utf8, content
		FROM messages JOIN contents ON id = content WHERE mailbox = ? ORDER BY uid`, mailbox)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Message
	for rows.Next() {
		var m Message
		var date int64
		var zone int
		if err := rows.Scan(&m.UID, &m.ModSeq, &m.Flags, &date, &zone, &m.Size, &m.TextSize, &m.UTF8, &m.content); err != nil {
			return nil, err
		}
		m.InternalDate = dateOf(date, zone)
		all = append(all, m)
	}
	return all, rows.Err()
}

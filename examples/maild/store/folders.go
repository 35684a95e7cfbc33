package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

var (
	ErrInbox  = errors.New("store: the inbox stays")
	ErrInside = errors.New("store: a mailbox cannot be below itself")
	ErrUse    = errors.New("store: no mailbox can be for that, or another one is")
	ErrTarget = errors.New("store: no such mailbox to put messages into")
	ErrGone   = errors.New("store: some of the messages are gone")
)

// Delim separates the levels of names of mailboxes.
const Delim = "/"

// Folder is a mailbox as a list of mailboxes shows it.
type Folder struct {
	Name       string
	SpecialUse string // separated by SP
	Subscribed bool
	Missing    bool // only subscribed to: there is no mailbox
}

// Folders lists the mailboxes of an account, and what it has subscribed to besides.
func (s *Store) Folders(ctx context.Context, account int64) ([]Folder, error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT m.name, special_use, s.name IS NOT NULL, 0
		FROM mailboxes AS m LEFT JOIN subscriptions AS s ON s.account = m.account AND s.name = m.name WHERE m.account = ?1
		UNION ALL
		SELECT name, '', 1, 1 FROM subscriptions AS s
		WHERE account = ?1 AND NOT EXISTS (SELECT 1 FROM mailboxes AS m WHERE m.account = ?1 AND m.name = s.name)
		ORDER BY 1`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Folder
	for rows.Next() {
		var f Folder
		if err := rows.Scan(&f.Name, &f.SpecialUse, &f.Subscribed, &f.Missing); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, rows.Err()
}

// Account returns the id of an account; ErrNotFound.
func (s *Store) Account(ctx context.Context, name string) (id int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT id FROM accounts WHERE name = ?", name).Scan(&id)
	return id, found(err)
}

// Folder returns the id of a mailbox; ErrNotFound.
func (s *Store) Folder(ctx context.Context, account int64, name string) (id int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT id FROM mailboxes WHERE account = ? AND name = ?", account, name).Scan(&id)
	return id, found(err)
}

// Subscribe puts a name on the list of subscriptions, or takes it off.
func (s *Store) Subscribe(account int64, name string, on bool) error {
	return s.change(0, func(t *tx) error {
		if on {
			return t.exec("INSERT OR IGNORE INTO subscriptions (account, name) VALUES (?, ?)", account, name)
		}
		return t.exec("DELETE FROM subscriptions WHERE account = ? AND name = ?", account, name)
	})
}

// storable are the uses that a mailbox of this store can have: the others would
// be views of many mailboxes. RFC 6154, section 2.
var storable = []imap.Attr{imap.AttrArchive, imap.AttrDrafts, imap.AttrJunk, imap.AttrSent, imap.AttrTrash}

// Create makes a mailbox, and what is missing above it. ErrExists, ErrUse.
func (s *Store) Create(account int64, name string, use []imap.Attr) (id int64, err error) {
	err = s.change(0, func(t *tx) error {
		boxes, err := t.folders(account)
		if err != nil {
			return err
		}
		if _, taken := boxes[name]; taken {
			return fmt.Errorf("%w: mailbox %q", ErrExists, name)
		}
		var uses []string
		for _, u := range use {
			if !slices.ContainsFunc(storable, u.Is) || inUse(boxes, u) {
				return fmt.Errorf("%w: %s", ErrUse, u)
			}
			uses = append(uses, string(u))
		}
		if err := t.parents(account, name, boxes); err != nil {
			return err
		}
		id, err = createMailbox(t, account, name, strings.Join(uses, " "))
		return err
	})
	return id, err
}

func inUse(boxes map[string]folder, use imap.Attr) bool {
	for _, b := range boxes {
		for word := range strings.FieldsSeq(b.use) {
			if use.Is(imap.Attr(word)) {
				return true
			}
		}
	}
	return false
}

// folder is a row of a transaction.
type folder struct {
	id  int64
	use string
}

// folders returns the mailboxes of an account by name.
func (t *tx) folders(account int64) (map[string]folder, error) {
	all := make(map[string]folder)
	return all, t.query("SELECT name, id, special_use FROM mailboxes WHERE account = ?", []any{account}, func(r *sql.Rows) error {
		var name string
		var f folder
		err := r.Scan(&name, &f.id, &f.use)
		all[name] = f
		return err
	})
}

// parents makes what is missing above a name.
func (t *tx) parents(account int64, name string, boxes map[string]folder) error {
	for i := range len(name) {
		if name[i:i+1] != Delim {
			continue
		}
		if _, ok := boxes[name[:i]]; ok {
			continue
		}
		if _, err := createMailbox(t, account, name[:i], ""); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a mailbox with its mail, and nothing below it. ErrNotFound,
// ErrInbox.
func (s *Store) Delete(account int64, name string) error {
	if name == inbox {
		return ErrInbox
	}
	return s.change(0, func(t *tx) error {
		var id int64
		if err := t.scan([]any{&id}, "SELECT id FROM mailboxes WHERE account = ? AND name = ?", account, name); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM messages WHERE mailbox = ?", id); err != nil { // for its trigger
			return err
		}
		t.tell(id, nil, imapview.Change{Kind: imapview.Gone})
		return t.exec("DELETE FROM mailboxes WHERE id = ?", id)
	})
}

// Rename renames a mailbox with all below it, and makes what is missing above the
// new name. The inbox stays: only its mail goes, to a new mailbox. ErrNotFound,
// ErrExists, ErrInside.
func (s *Store) Rename(account int64, from, to string) error {
	return s.change(0, func(t *tx) error {
		boxes, err := t.folders(account)
		if err != nil {
			return err
		}
		moved := moved(boxes, from, to)
		_, taken := boxes[to]
		switch {
		case len(moved) == 0:
			return ErrNotFound
		case taken:
			return ErrExists
		case from == inbox:
			return t.renameInbox(account, boxes, to)
		case strings.HasPrefix(to, from+Delim):
			return ErrInside
		}
		for _, name := range moved {
			if _, taken := boxes[name]; taken {
				return ErrExists
			}
		}
		if err := t.parents(account, to, boxes); err != nil {
			return err
		}
		for id, name := range moved {
			if err := t.exec("UPDATE mailboxes SET name = ? WHERE id = ?", name, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// moved returns what the mailboxes are called, by id, that a rename concerns.
func moved(boxes map[string]folder, from, to string) map[int64]string {
	out := make(map[int64]string)
	for name, b := range boxes {
		if name == from || strings.HasPrefix(name, from+Delim) {
			out[b.id] = to + name[len(from):]
		}
	}
	return out
}

// renameInbox is RENAME of INBOX: RFC 9051, section 6.3.6.
func (t *tx) renameInbox(account int64, boxes map[string]folder, to string) error {
	if err := t.parents(account, to, boxes); err != nil {
		return err
	}
	id, err := createMailbox(t, account, to, "")
	if err != nil {
		return err
	}
	list, err := t.messages(boxes[inbox].id, imap.NumSetRange[imap.UID](1, 1<<32-1))
	if err != nil || len(list) == 0 {
		return err
	}
	if _, err := t.add(id, list); err != nil {
		return err
	}
	_, err = t.expunge(boxes[inbox].id, list, nil)
	return err
}

package store

import (
	"context"
	"fmt"
)

// firstMailboxes are those of a new account, with their special use (RFC 6154, section 2).
var firstMailboxes = []struct{ name, use string }{
	{inbox, ""}, {"Drafts", `\Drafts`}, {"Sent", `\Sent`}, {"Archive", `\Archive`}, {"Junk", `\Junk`}, {"Trash", `\Trash`},
}

// inbox is where mail is delivered to.
const inbox = "INBOX"

// CreateAccount makes an account with its first mailboxes. Secrets map the scheme
// of each stored verifier to its text. ErrExists: the name is taken.
func (s *Store) CreateAccount(name string, secrets map[string]string) error {
	return s.change(0, func(t *tx) error {
		account, err := t.insert("INSERT INTO accounts (name) VALUES (?)", name)
		if isUnique(err) {
			return fmt.Errorf("%w: account %q", ErrExists, name)
		}
		if err != nil {
			return err
		}
		for _, m := range firstMailboxes {
			if _, err := createMailbox(t, account, m.name, m.use); err != nil {
				return err
			}
			if err := t.exec("INSERT INTO subscriptions (account, name) VALUES (?, ?)", account, m.name); err != nil {
				return err
			}
		}
		return setVerifiers(t, account, secrets)
	})
}

// SetVerifiers replaces all that an account proves itself with.
func (s *Store) SetVerifiers(name string, secrets map[string]string) error {
	return s.change(0, func(t *tx) error {
		var account int64
		if err := t.scan([]any{&account}, "SELECT id FROM accounts WHERE name = ?", name); err != nil {
			return fmt.Errorf("account %q: %w", name, err)
		}
		if err := t.exec("DELETE FROM verifiers WHERE account = ?", account); err != nil {
			return err
		}
		return setVerifiers(t, account, secrets)
	})
}

func setVerifiers(t *tx, account int64, secrets map[string]string) error {
	for scheme, text := range secrets {
		if err := t.exec("INSERT INTO verifiers (account, scheme, text) VALUES (?, ?, ?)", account, scheme, text); err != nil {
			return err
		}
	}
	return nil
}

// Verifiers returns the stored secrets of an account; none if there is no such account.
func (s *Store) Verifiers(ctx context.Context, name string) ([]string, error) {
	return column[string](ctx, s, "SELECT text FROM verifiers JOIN accounts ON id = account WHERE name = ?", name)
}

// Accounts returns the names of all accounts, the oldest first.
func (s *Store) Accounts(ctx context.Context) ([]string, error) {
	return column[string](ctx, s, "SELECT name FROM accounts ORDER BY id")
}

// HasAccount reports whether there is an account of this name.
func (s *Store) HasAccount(ctx context.Context, name string) (ok bool, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM accounts WHERE name = ?)", name).Scan(&ok)
	return ok, err
}

// column collects an answer of one column.
func column[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

// Outgoing is a message in the queue.
type Outgoing struct {
	Name    string // what replies, trace and log call it
	Arrived time.Time
	Sender
	Skip  int64 // octets on top of the content that other hosts do not get
	Size  int64 // of what they do get
	Rcpts []Waiting

	id, content int64
}

// Sender is what concerns all recipients of a message.
type Sender struct {
	From    smtp.Path
	Options smtp.MailOptions
	Relaxed bool // the message must arrive more than it must be secret: RFC 8689, section 3
}

// Waiting is a recipient that a message in the queue is still for.
type Waiting struct {
	smtp.Rcpt
	Domain   string // of the address, as the DNS has it
	Attempts int
	Next     time.Time // when to try again
	Warn     time.Time // when to tell the sender that it takes long; zero: never, or that is done
	Expires  time.Time // when to give up
	Last     string    // what came of the last attempt

	id int64
}

// Busy are the messages that are being worked on, by the ID that Outgoing has.
type Busy map[int64]bool

// ID tells messages apart, also in time.
func (m *Outgoing) ID() int64 { return m.id }

func enqueue(t *tx, m *Outgoing, content int64) error {
	envelope, err := json.Marshal(m.Sender)
	if err != nil {
		return err
	}
	id, err := t.insert("INSERT INTO queue (name, content, skip, arrived, envelope) VALUES (?, ?, ?, ?, ?)",
		m.Name, content, m.Skip, m.Arrived.UnixMilli(), string(envelope))
	if err != nil {
		return err
	}
	for i := range m.Rcpts {
		w := &m.Rcpts[i]
		rcpt, err := json.Marshal(w.Rcpt)
		if err != nil {
			return err
		}
		err = t.exec("INSERT INTO queue_rcpts (message, domain, rcpt, attempts, next, warn, expires, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id, w.Domain, string(rcpt), w.Attempts, millis(w.Next), millis(w.Warn), millis(w.Expires), w.Last)
		if err != nil {
			return err
		}
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// Due is a domain with mail that should be sent now.
type Due struct {
	Domain   string
	Messages int
}

// Due returns the domains with mail whose time has come, the longest overdue first.
func (s *Store) Due(ctx context.Context, now time.Time) ([]Due, error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT domain, count(DISTINCT message) FROM queue_rcpts WHERE next <= ? GROUP BY domain ORDER BY min(next)`, millis(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Due
	for rows.Next() {
		var d Due
		if err := rows.Scan(&d.Domain, &d.Messages); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

// NextDue returns when the first of the recipients comes due that is not yet; zero:
// there is none.
func (s *Store) NextDue(ctx context.Context, now time.Time) (time.Time, error) {
	var next sql.NullInt64
	err := s.read.QueryRowContext(ctx, "SELECT min(next) FROM queue_rcpts WHERE next > ?", millis(now)).Scan(&next)
	return fromMillis(next.Int64), err
}

// Take returns the message for a domain that is the longest overdue and not busy,
// with its recipients there whose time has come; ErrNotFound if there is none.
func (s *Store) Take(ctx context.Context, domain string, now time.Time, busy Busy) (*Outgoing, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT message FROM queue_rcpts WHERE domain = ? AND next <= ? ORDER BY next, id", domain, millis(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		if !busy[id] {
			rows.Close() // before the next query, or enough of us would wait for each other's connections
			return s.outgoing(ctx, id, "domain = ? AND next <= ?", domain, millis(now))
		}
	}
	return nil, errors.Join(rows.Err(), ErrNotFound)
}

// outgoing reads a message with those of its recipients that the condition holds for.
func (s *Store) outgoing(ctx context.Context, id int64, condition string, args ...any) (*Outgoing, error) {
	m := &Outgoing{id: id}
	var arrived int64
	var envelope []byte
	err := s.read.QueryRowContext(ctx, `
		SELECT name, content, skip, arrived, envelope, size - skip FROM queue JOIN contents ON contents.id = content WHERE queue.id = ?`, id,
	).Scan(&m.Name, &m.content, &m.Skip, &arrived, &envelope, &m.Size)
	if err != nil {
		return nil, found(err)
	}
	m.Arrived = fromMillis(arrived)
	if err := json.Unmarshal(envelope, &m.Sender); err != nil {
		return nil, fmt.Errorf("store: message %s: %w", m.Name, err)
	}
	rows, err := s.read.QueryContext(ctx, `
		SELECT id, domain, rcpt, attempts, next, warn, expires, last
		FROM queue_rcpts WHERE message = ? AND `+condition+" ORDER BY id", append([]any{id}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w Waiting
		var rcpt []byte
		var next, warn, expires int64
		if err := rows.Scan(&w.id, &w.Domain, &rcpt, &w.Attempts, &next, &warn, &expires, &w.Last); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(rcpt, &w.Rcpt); err != nil {
			return nil, fmt.Errorf("store: message %s: %w", m.Name, err)
		}
		w.Next, w.Warn, w.Expires = fromMillis(next), fromMillis(warn), fromMillis(expires)
		m.Rcpts = append(m.Rcpts, w)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(m.Rcpts) == 0 {
		return nil, ErrNotFound // settled meanwhile
	}
	return m, nil
}

// OutgoingContent opens the octets of a message as other hosts get them.
func (s *Store) OutgoingContent(ctx context.Context, m *Outgoing) (io.ReadCloser, error) {
	c := &content{ctx: ctx, store: s, id: m.content, left: m.Skip + m.Size}
	_, err := io.CopyN(io.Discard, c, m.Skip)
	return c, err
}

// Settle writes down what an attempt has brought: recipients that are done leave
// the queue, others stay as they are given here, and the notices are delivered; all
// of it or nothing. The message goes with its last recipient.
func (s *Store) Settle(done, later []Waiting, notices []Notice, now time.Time) error {
	var octets int64
	for _, n := range notices {
		octets += int64(len(n.Content))
	}
	return s.change(octets, func(t *tx) error {
		for i := range later {
			w := &later[i]
			err := t.exec("UPDATE queue_rcpts SET attempts = ?, next = ?, warn = ?, last = ? WHERE id = ?",
				w.Attempts, millis(w.Next), millis(w.Warn), w.Last, w.id)
			if err != nil {
				return err
			}
		}
		for i := range done {
			if err := t.exec("DELETE FROM queue_rcpts WHERE id = ?", done[i].id); err != nil {
				return err
			}
		}
		return s.notify(t, notices, now)
	})
}

// Postpone puts off all mail for a domain that is due, except what has a date
// with its sender. It counts as no attempt.
func (s *Store) Postpone(domain string, now, until time.Time, why string) error {
	return s.change(0, func(t *tx) error {
		return t.exec(`
			UPDATE queue_rcpts SET next = ?, last = ?
			WHERE domain = ? AND next <= ? AND expires > ? AND (warn = 0 OR warn > ?)`,
			millis(until), why, domain, millis(now), millis(now), millis(now))
	})
}

// Queue returns everything in the queue, in the order of arrival.
func (s *Store) Queue(ctx context.Context) ([]*Outgoing, error) {
	ids, err := column[int64](ctx, s, "SELECT id FROM queue ORDER BY id")
	if err != nil {
		return nil, err
	}
	var all []*Outgoing
	for _, id := range ids {
		m, err := s.outgoing(ctx, id, "true")
		if errors.Is(err, ErrNotFound) { // has left meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// RetryQueued makes a message due at once; ErrNotFound.
func (s *Store) RetryQueued(name string, now time.Time) error {
	return s.onQueued(name, "UPDATE queue_rcpts SET next = min(next, ?) WHERE message = ?", millis(now))
}

// RemoveQueued takes a message out of the queue, without a word to anybody.
func (s *Store) RemoveQueued(name string) error {
	return s.onQueued(name, "DELETE FROM queue_rcpts WHERE message = ?")
}

func (s *Store) onQueued(name, query string, args ...any) error {
	return s.change(0, func(t *tx) error {
		var id int64
		if err := t.scan([]any{&id}, "SELECT id FROM queue WHERE name = ?", name); err != nil {
			return fmt.Errorf("message %q: %w", name, err)
		}
		return t.exec(query, append(args, id)...)
	})
}

// STSPolicy returns what SetSTSPolicy has stored for a domain; ErrNotFound.
func (s *Store) STSPolicy(ctx context.Context, domain string) (entry []byte, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT entry FROM sts_policies WHERE domain = ?", domain).Scan(&entry)
	return entry, found(err)
}

// SetSTSPolicy remembers the MTA-STS policy of a domain.
func (s *Store) SetSTSPolicy(domain string, entry []byte) error {
	return s.change(int64(len(entry)), func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO sts_policies (domain, entry) VALUES (?, ?)", domain, string(entry))
	})
}

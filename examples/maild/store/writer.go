package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// change is what one caller wants written, all or nothing.
type change struct {
	do     func(*tx) error
	octets int64      // roughly what it adds to the database
	result chan error // buffered
}

// A transaction ends when nobody waits or when it holds this much: those who are
// in it wait for the others, and the journal grows with it.
const (
	maxChanges = 256
	maxOctets  = 16 << 20
)

// change runs do in a transaction and returns when it is durable. Changes of
// several callers share a transaction and so a single fsync, which is what
// delivery costs; each runs under a savepoint, so that one that fails takes
// nothing of the others along.
func (s *Store) change(octets int64, do func(*tx) error) error {
	c := &change{do: do, octets: octets, result: make(chan error, 1)}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return ErrClosed
	}
	s.changes <- c
	s.mu.RUnlock()
	return <-c.result
}

// writer is the owner of the writing connection.
type writer struct {
	tx
	hub  hub
	pins pins
}

func newWriter(db *sql.DB) (*writer, error) {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	w := &writer{tx: tx{conn: conn, stmts: map[string]*sql.Stmt{}, history: DefaultHistory}}
	c := &change{do: migrate, result: make(chan error, 1)}
	w.transaction(c, nil)
	if err := <-c.result; err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *writer) run(changes <-chan *change) {
	for c := range changes {
		w.transaction(c, changes)
	}
}

// transaction carries out first and whatever else is waiting. While it commits,
// the next ones gather.
func (w *writer) transaction(first *change, more <-chan *change) {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		first.result <- err
		return
	}
	w.events = nil
	var open []*change
	var octets int64
	for c := first; c != nil; c = w.next(more, len(open), octets) {
		failed, err := w.savepoint(c)
		if err != nil { // the whole transaction is gone
			w.finish(append(open, c), err)
			return
		}
		if failed != nil {
			c.result <- failed
			continue
		}
		open = append(open, c)
		octets += c.octets
	}
	w.finish(open, w.commit())
}

// next is a change that waits now, if there is still room; nil: commit.
func (w *writer) next(more <-chan *change, n int, octets int64) *change {
	if n >= maxChanges || octets >= maxOctets {
		return nil
	}
	select {
	case c := <-more: // nil when closed
		return c
	default:
		return nil
	}
}

// savepoint runs one change. failed concerns this change alone, which has left no
// trace. err means that the transaction cannot go on: a full disk, for example,
// has made SQLite roll back everything and forget the savepoint.
func (w *writer) savepoint(c *change) (failed, err error) {
	if err := w.exec("SAVEPOINT one"); err != nil {
		return nil, err
	}
	told := len(w.events)
	if failed = c.do(&w.tx); failed != nil {
		w.events = w.events[:told]
		if err := w.exec("ROLLBACK TO one"); err != nil {
			return nil, errors.Join(failed, err)
		}
	}
	return failed, w.exec("RELEASE one")
}

// finish tells everyone in the transaction how it ended.
func (w *writer) finish(open []*change, err error) {
	if err != nil {
		err = fmt.Errorf("store: transaction of %d changes: %w", len(open), err)
		w.exec("ROLLBACK") // fails if SQLite has done it already, which is as good
	} else {
		w.hub.publish(w.events)
	}
	for _, c := range open {
		c.result <- err
	}
}

// tx is the writing connection within a transaction. Its statements are prepared
// once. No context is passed down: an interrupted statement would undo the
// whole transaction, and with it the mail of others.
type tx struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	events []event // what those who watch will be told

	history int // removals that each mailbox remembers at least
}

func (t *tx) exec(query string, args ...any) error {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	_, err = s.Exec(args...)
	return err
}

// insert is exec for one new row, whose id it returns.
func (t *tx) insert(query string, args ...any) (id int64, err error) {
	s, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// scan puts the first row of the answer into dest; ErrNotFound if there is none.
func (t *tx) scan(dest []any, query string, args ...any) error {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	return found(s.QueryRow(args...).Scan(dest...))
}

// query calls each for all rows of the answer. each runs no statements itself.
func (t *tx) query(query string, args []any, each func(*sql.Rows) error) error {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t *tx) prepare(query string) (*sql.Stmt, error) {
	if s, ok := t.stmts[query]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), query)
	if err == nil {
		t.stmts[query] = s
	}
	return s, err
}

func (t *tx) Close() error {
	for _, s := range t.stmts {
		s.Close()
	}
	return t.conn.Close()
}

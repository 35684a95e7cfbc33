// Package store keeps accounts and mail in one SQLite file.
//
// One goroutine owns the one writing connection and lets waiting changes share
// a transaction (see [Store.change]); readers have a pool of their own and never
// wait for it. A method that changes something returns nil only when the change
// is on disk. The tables, in schema, are those that IMAP needs.
//
// A Store is safe for concurrent use. Several processes may have the same file
// open: what one writes, the others see at their next call.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite" // registers the database driver
)

var (
	ErrNotFound = errors.New("store: not found")
	ErrExists   = errors.New("store: exists already")
	ErrClosed   = errors.New("store: closed")
)

// Store is an open database.
type Store struct {
	dir    string // of the database, and of messages on their way in
	read   *reader
	write  *sql.DB // exactly one connection
	writer *writer

	mu      sync.RWMutex // held shared while a change is handed to the writer
	closed  bool
	changes chan *change
	done    chan struct{} // the writer has ended
}

// Open opens or creates the database maild.db in the folder dir, which must
// exist, and brings its tables up to date.
func Open(dir string) (*Store, error) {
	sweepSpool(dir)
	name := filepath.Join(dir, "maild.db")
	s := &Store{dir: dir, changes: make(chan *change), done: make(chan struct{})}
	var err error
	if s.write, err = connect(name, 1); err != nil {
		return nil, err
	}
	if s.writer, err = newWriter(s.write); err != nil {
		s.write.Close()
		return nil, fmt.Errorf("store: %s: %w", name, err)
	}
	read, err := connect(name, readers, "query_only(1)")
	if err != nil {
		s.write.Close()
		return nil, err
	}
	s.read = &reader{DB: read, stmts: map[string]*sql.Stmt{}}
	go func() {
		defer close(s.done)
		s.writer.run(s.changes)
	}()
	return s, nil
}

// readers is the number of connections that read at the same time.
const readers = 8

// connect opens a pool of at most n connections. synchronous and fullfsync have
// each commit wait until the disk itself has it; with WAL that is one fsync.
func connect(name string, n int, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	// The mail of others is nobody else's to read; SQLite gives its journal the same mode.
	f, err := os.OpenFile(abs, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	pragmas = append([]string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "foreign_keys(1)"}, pragmas...)
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// Close waits for the changes already handed over and closes the database.
// Changes after it fail with ErrClosed. Only the first call does anything.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.changes)
	<-s.done
	return errors.Join(s.read.Close(), s.writer.Close(), s.write.Close())
}

//go:embed schema/*.sql
var schema embed.FS

// migrate runs the files of schema that this database has not seen. Their count
// is its version; a file is never edited once a database may hold it.
func migrate(t *tx) error {
	files, err := schema.ReadDir("schema") // sorted by name
	if err != nil {
		return err
	}
	var version int
	if err := t.scan([]any{&version}, "PRAGMA user_version"); err != nil {
		return err
	}
	if version > len(files) {
		return fmt.Errorf("written by a newer maild: version %d, known up to %d", version, len(files))
	}
	for _, f := range files[version:] {
		script, err := schema.ReadFile("schema/" + f.Name())
		if err != nil {
			return err
		}
		if _, err := t.conn.ExecContext(context.Background(), string(script)); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	_, err = t.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA user_version = %d", len(files)))
	return err
}

// found turns the database's word for an empty answer into ours.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// isUnique reports whether err says that a UNIQUE column would hold a value twice.
func isUnique(err error) bool {
	const constraintUnique = 2067 // SQLITE_CONSTRAINT_UNIQUE
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == constraintUnique
}

package store

import (
	"context"
	"database/sql"
	"sync"
)

// reader is the pool of connections that read. Each prepares a statement once: to
// parse it takes longer than most of them run.
type reader struct {
	*sql.DB
	mu    sync.Mutex
	stmts map[string]*sql.Stmt // by text; closed with the DB
}

func (r *reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := r.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (r *reader) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := r.prepare(ctx, query)
	if err != nil {
		return r.DB.QueryRowContext(ctx, query, args...) // fails too: a Row cannot be made of an error
	}
	return s.QueryRowContext(ctx, args...)
}

func (r *reader) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.Lock()
	s, ok := r.stmts[query]
	r.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := r.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if earlier, ok := r.stmts[query]; ok {
		s.Close()
		return earlier, nil
	}
	r.stmts[query] = s
	return s, nil
}

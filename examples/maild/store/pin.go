package store

import (
	"context"
	"database/sql"
	"sync"
)

// pins are the contents that are being read. They stay until that is over, also
// when the last message that had them is gone.
type pins struct {
	// sweep is held exclusively while unused contents are removed, up to the end of
	// the transaction, and shared from a look at the database until what was seen
	// there is pinned.
	sweep sync.RWMutex

	mu    sync.Mutex
	count map[int64]int // by content
}

func (p *pins) add(content int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == nil {
		p.count = make(map[int64]int)
	}
	p.count[content]++
}

// drop ends what add began. Content that is unused goes with the next transaction.
func (p *pins) drop(content int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[content]--; p.count[content] == 0 {
		delete(p.count, content)
	}
}

func (p *pins) has(content int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[content] > 0
}

// commit removes what is unused and makes the transaction durable.
func (w *writer) commit() error {
	var unused []int64
	err := w.query("SELECT content FROM unused", nil, func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		unused = append(unused, id)
		return err
	})
	if err != nil {
		return err
	}
	if len(unused) > 0 {
		w.pins.sweep.Lock()
		defer w.pins.sweep.Unlock()
	}
	for _, id := range unused {
		if w.pins.has(id) {
			continue
		}
		if err := w.exec("DELETE FROM contents WHERE id = ?", id); err != nil {
			return err
		}
	}
	return w.exec("COMMIT")
}

// Octets are the content of a message, to be read at any place by one goroutine.
// They stay until Close, whatever becomes of the message.
type Octets struct {
	random
	pins   *pins
	seq    int64 // of chunk
	chunk  []byte
	closed bool
}

// open is for a content that is pinned.
func (s *Store) open(ctx context.Context, content int64) *Octets {
	p := &s.writer.pins
	p.add(content)
	return &Octets{random: random{ctx: ctx, store: s, id: content}, pins: p}
}

// ReadAt implements io.ReaderAt. The chunk that was read last is kept, because
// most reads are short and go on where the last one ended.
func (o *Octets) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		seq, skip := off/chunkSize, off%chunkSize
		if o.chunk == nil || seq != o.seq {
			if o.chunk, err = o.read(seq); err != nil {
				o.chunk = nil
				return n, err
			}
			o.seq = seq
		}
		k, err := copyFrom(p[n:], o.chunk, skip)
		if err != nil {
			return n, err
		}
		n += k
		off += int64(k)
	}
	return n, nil
}

// Close lets go of the content.
func (o *Octets) Close() error {
	if !o.closed {
		o.closed = true
		o.pins.drop(o.id)
	}
	return nil
}

package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/mime"
)

// chunkSize is how much of a message is in memory at a time, on its way in and out.
const chunkSize = 64 << 10

// Incoming is a message that has come, or was made here, and where it goes.
type Incoming struct {
	Accounts []string // each named once
	Received time.Time
	Queue    *Outgoing // for recipients at other hosts; nil: there are none
	Notices  []Notice  // stored with it, or not at all
}

// Notice is a message to an account that has to do with another one.
type Notice struct {
	Account string
	Content []byte
}

// Deliver stores one message for all of the accounts, or for none of them.
func (s *Store) Deliver(ctx context.Context, accounts []string, received time.Time, content io.Reader) error {
	return s.Accept(ctx, &Incoming{Accounts: accounts, Received: received}, content)
}

// Accept stores one message for everyone it is for, or for nobody: ErrNotFound
// says that an account has gone. content is read to its end first, so that a slow
// sender holds up nobody; its error is returned as it is. in may be completed
// until then. ctx is looked at before the change and not again: what has begun
// ends in a transaction with others.
func (s *Store) Accept(ctx context.Context, in *Incoming, content io.Reader) error {
	a := arrival{spool: spool{dir: s.dir}}
	defer a.Close()
	if err := a.read(content); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.change(a.size, func(t *tx) error {
		id, err := a.insert(t)
		if err != nil {
			return err
		}
		for _, account := range in.Accounts {
			if err := deliverTo(t, account, in.Received, id); err != nil {
				return err
			}
		}
		if in.Queue != nil {
			if err := enqueue(t, in.Queue, id); err != nil {
				return err
			}
		}
		return s.notify(t, in.Notices, in.Received)
	})
}

// An arrival is the octets of a message, and what is to be known of them.
type arrival struct {
	spool
	textSize int64
	utf8     bool // a header has more than ASCII
	index    imapserver.Index
}

// read takes in all of the message. Its parts are found while the octets stream by.
func (a *arrival) read(content io.Reader) (err error) {
	var parts mime.Indexer
	if _, err := io.Copy(io.MultiWriter(&a.spool, &parts), content); err != nil {
		return err
	}
	m := parts.Finish(a.spool.at())
	a.index = imapserver.NewIndex(m)
	if a.utf8, err = hasUTF8(m, a.spool.at()); err != nil {
		return err
	}
	a.textSize, err = a.spool.textSize()
	return err
}

// hasUTF8 reports whether the header of the message or of one of its parts has
// octets that are not ASCII, which RFC 6531 and RFC 6532 brought.
func hasUTF8(m *mime.Message, r io.ReaderAt) (bool, error) {
	buf := make([]byte, 4096)
	for p := range m.Parts() {
		for at, body, _ := p.Span(); at < body; {
			n, err := r.ReadAt(buf[:min(int64(len(buf)), body-at)], at)
			if n == 0 && err != nil {
				return false, err
			}
			if bytes.ContainsFunc(buf[:n], func(c rune) bool { return c > 0x7F }) {
				return true, nil
			}
			at += int64(n)
		}
	}
	return false, nil
}

func (a *arrival) insert(t *tx) (id int64, err error) {
	id, err = t.insert("INSERT INTO contents (size, text_size, utf8, mime, imap_envelope, imap_body) VALUES (?, ?, ?, ?, ?, ?)",
		a.size, a.textSize, a.utf8, a.index.Parts, a.index.Envelope, a.index.Body)
	if err != nil {
		return 0, err
	}
	return id, a.chunks(func(seq int, data []byte) error {
		return t.exec("INSERT INTO chunks (content, seq, data) VALUES (?, ?, ?)", id, seq, data)
	})
}

// notify delivers notices. One for an account that has gone is for nobody.
func (s *Store) notify(t *tx, all []Notice, now time.Time) error {
	for _, n := range all {
		var account int64
		err := t.scan([]any{&account}, "SELECT id FROM accounts WHERE name = ?", n.Account)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.deliverNotice(t, n, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) deliverNotice(t *tx, n Notice, now time.Time) error {
	a := arrival{spool: spool{dir: s.dir}}
	defer a.Close()
	if err := a.read(bytes.NewReader(n.Content)); err != nil {
		return err
	}
	id, err := a.insert(t)
	if err != nil {
		return err
	}
	return deliverTo(t, n.Account, now, id)
}

// deliverTo takes the next UID of the account's inbox for the content.
func deliverTo(t *tx, account string, received time.Time, content int64) error {
	var mailbox int64
	err := t.scan([]any{&mailbox}, "SELECT m.id FROM mailboxes AS m JOIN accounts AS a ON a.id = account WHERE a.name = ? AND m.name = ?", account, inbox)
	if err != nil {
		return fmt.Errorf("account %q: %w", account, err)
	}
	_, err = t.add(mailbox, []message{{date: received, content: content}})
	return err
}

// Content opens the octets of a message. Reading fails with ErrNotFound if the
// message goes away meanwhile: each chunk is fetched on its own, since one long
// query would keep the journal from being emptied for as long as the client is slow.
func (s *Store) Content(ctx context.Context, m Message) io.ReadCloser {
	return &content{ctx: ctx, store: s, id: m.content, left: m.Size}
}

type content struct {
	ctx   context.Context // of the one call that reads; Read has no other way to learn of its end
	store *Store
	id    int64
	seq   int
	left  int64 // octets not yet fetched
	chunk []byte
}

func (c *content) Read(p []byte) (int, error) {
	if len(c.chunk) == 0 {
		if c.left == 0 {
			return 0, io.EOF
		}
		if err := c.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.chunk)
	c.chunk = c.chunk[n:]
	return n, nil
}

func (c *content) fetch() error {
	err := c.store.read.QueryRowContext(c.ctx, "SELECT data FROM chunks WHERE content = ? AND seq = ?", c.id, c.seq).Scan(&c.chunk)
	if err != nil {
		return found(err)
	}
	c.seq++
	c.left -= int64(len(c.chunk))
	return nil
}

func (c *content) Close() error { return nil }

// Parse returns the message with its parts, which were found when it came in: it
// is not read again but for what is asked of its parts. ErrNotFound as in
// Content. ctx is for all that is read through the result.
func (s *Store) Parse(ctx context.Context, m Message) (*mime.Message, error) {
	var index []byte
	err := s.read.QueryRowContext(ctx, "SELECT mime FROM contents WHERE id = ?", m.content).Scan(&index)
	if err != nil {
		return nil, found(err)
	}
	return mime.LoadIndex(index, &random{ctx: ctx, store: s, id: m.content}, nil)
}

// A random reads the octets of a message at any place, a chunk at a time.
type random struct {
	ctx   context.Context
	store *Store
	id    int64
}

func (r *random) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		chunk, err := r.read(off / chunkSize)
		if err != nil {
			return n, err
		}
		k, err := copyFrom(p[n:], chunk, off%chunkSize)
		if err != nil {
			return n, err
		}
		n += k
		off += int64(k)
	}
	return n, nil
}

// read fetches a chunk. io.EOF: it is behind the last, or the message has gone.
func (r *random) read(seq int64) (chunk []byte, err error) {
	err = r.store.read.QueryRowContext(r.ctx, "SELECT data FROM chunks WHERE content = ? AND seq = ?", r.id, seq).Scan(&chunk)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, io.EOF
	}
	return chunk, err
}

// copyFrom copies what is in a chunk from a place on.
func copyFrom(p, chunk []byte, skip int64) (int, error) {
	if skip >= int64(len(chunk)) {
		return 0, io.EOF
	}
	return copy(p, chunk[skip:]), nil
}

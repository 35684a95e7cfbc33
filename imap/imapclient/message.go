package imapclient

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// A Message is one row of FETCH: what the server says of one message. Its values
// are kept as they came and decoded when they are asked for. What is streamed may
// still be on its way: asking for an item that comes behind it waits for that.
//
// Values that were got may be kept, and changed: they share no memory with the
// Message, but for what Raw and Row return. Readers, and what has not come yet, end
// when the loop takes its next step. The Message may be kept too, with what had come
// by then; it shares an allocation with up to 15 others that came beside it, so that
// a program which keeps a few of many does better to keep their values.
type Message struct {
	Seq imap.SeqNum
	UID imap.UID // 0: not told

	f      *fetch // nil: the row is whole
	row    *imap.FetchRow
	bodies []*body // of the items that are streamed, in their order
	whole  bool
	closed bool // the loop has gone on
	err    error
	cost   int64
}

var (
	// ErrNoItem is what reading an item gives that is not in the row.
	ErrNoItem = errors.New("imapclient: the server has not sent this item")
	errPassed = errors.New("imapclient: the loop over the messages has gone on")
)

// part takes note of what has come. The caller holds the mutex, as for ready.
func (m *Message) part(r *imap.FetchRow, err error) {
	if m.UID == 0 {
		m.UID = uidOf(r)
	}
	m.err = err
	if m.whole = !r.Open; m.whole {
		return
	}
	i := len(r.Items) - 1
	m.bodies = append(m.bodies, &body{m: m, item: i, size: r.Items[i].Size, live: true})
}

// ready reports whether the message can be handed out.
func (m *Message) ready() bool {
	return m.whole || len(m.bodies) > 0 && m.bodies[len(m.bodies)-1].live && (m.UID != 0 || !m.f.wantsUID)
}

// close ends the readers of a message.
func (m *Message) close() {
	c := m.f.c
	c.mu.Lock()
	defer c.mu.Unlock()
	m.closed = true
}

// find waits until an item has come, and returns its index, or -1. wait is false
// for a row that is whole, of which the mutex is not needed.
func (m *Message) find(match func(*imap.FetchItem) bool) (int, error) {
	seen, found := 0, -1
	look := func() bool {
		for ; seen < len(m.row.Items) && found < 0; seen++ {
			if match(&m.row.Items[seen].Item) {
				found = seen
			}
		}
		return found >= 0 || m.whole || m.closed
	}
	if m.f == nil {
		look()
		return found, nil
	}
	c := m.f.c
	c.mu.Lock()
	done := look()
	c.mu.Unlock()
	if !done {
		if err := c.await(m.f, look); err != nil {
			return -1, err
		}
	}
	if found < 0 && m.err != nil {
		return -1, m.err
	}
	return found, nil
}

// get decodes an item without a section.
func get[T any](m *Message, name string, decode func(*imap.FetchRow) (T, bool)) (t T, ok bool) {
	i, err := m.find(func(it *imap.FetchItem) bool { return it.Section == nil && it.Name == name })
	if i < 0 || err != nil {
		return t, false
	}
	if m.f == nil {
		return decode(m.row)
	}
	m.f.c.mu.Lock()
	defer m.f.c.mu.Unlock()
	return decode(m.row)
}

// uidOf returns the UID of a row, 0 if it is not told. It is FetchRow.UID for what
// is done with every row.
func uidOf(r *imap.FetchRow) (u imap.UID) {
	raw := r.Get("UID")
	for _, b := range raw {
		if b < '0' || b > '9' || u > (1<<32-1-9)/10 {
			slow, _ := r.UID()
			return slow
		}
		u = u*10 + imap.UID(b-'0')
	}
	return u
}

// value returns an item that has come.
func (m *Message) value(i int) imap.FetchValue {
	if m.f == nil {
		return m.row.Items[i]
	}
	m.f.c.mu.Lock()
	defer m.f.c.mu.Unlock()
	return m.row.Items[i]
}

// Flags returns the flags. ok is false, here and below, if they are not in the row
// or not well formed.
func (m *Message) Flags() (flags []imap.Flag, ok bool) {
	return get(m, "FLAGS", (*imap.FetchRow).Flags)
}

// Size returns RFC822.SIZE, in octets.
func (m *Message) Size() (octets uint64, ok bool) {
	return get(m, "RFC822.SIZE", (*imap.FetchRow).Size)
}

// InternalDate returns INTERNALDATE.
func (m *Message) InternalDate() (t time.Time, ok bool) {
	return get(m, "INTERNALDATE", (*imap.FetchRow).InternalDate)
}

// Envelope returns ENVELOPE.
func (m *Message) Envelope() (e *imap.Envelope, ok bool) {
	return get(m, "ENVELOPE", (*imap.FetchRow).Envelope)
}

// BodyStructure returns BODYSTRUCTURE, or else BODY.
func (m *Message) BodyStructure() (b *imap.Body, ok bool) {
	if b, ok = get(m, "BODYSTRUCTURE", (*imap.FetchRow).BodyStructure); ok {
		return b, ok
	}
	return get(m, "BODY", (*imap.FetchRow).BodyStructure)
}

// ModSeq returns MODSEQ. RFC 7162, section 3.1.2.
func (m *Message) ModSeq() (n imap.ModSeq, ok bool) {
	return get(m, "MODSEQ", (*imap.FetchRow).ModSeq)
}

// Body returns the octets of BODY[section], as imap.Peek and imap.ParseSection spell
// it. NIL reads as empty, and what is not in the row as ErrNoItem. A message that
// is cut off gives io.ErrUnexpectedEOF, never a short one.
func (m *Message) Body(section string) io.Reader { return m.section("BODY", section) }

// Binary returns the octets of BINARY[part], decoded. RFC 3516, section 4.3.
func (m *Message) Binary(part string) io.Reader { return m.section("BINARY", part) }

func (m *Message) section(name, section string) io.Reader {
	s, err := imap.ParseSection(section)
	if err != nil {
		return failing{err}
	}
	return m.open(func(it *imap.FetchItem) bool { return it.Name == name && it.Section.Equal(s) })
}

// Open returns the octets of an item that was asked for as such, a range included.
func (m *Message) Open(asked imap.FetchItem) io.Reader {
	return m.open(func(it *imap.FetchItem) bool { return it.Answers(&asked) })
}

func (m *Message) open(match func(*imap.FetchItem) bool) io.Reader {
	i, err := m.find(match)
	switch {
	case err != nil:
		return failing{err}
	case i < 0:
		return failing{ErrNoItem}
	}
	v := m.value(i)
	if v.Raw != nil {
		return bytes.NewReader(v.Octets())
	}
	for _, b := range m.bodies {
		if b.item == i {
			return b
		}
	}
	return failing{ErrNoItem}
}

// Raw returns the value of an item as it came, of one that has no section: for
// items that this package does not know. It is nil for one that is streamed.
func (m *Message) Raw(name string) (value []byte, ok bool) {
	i, err := m.find(func(it *imap.FetchItem) bool { return it.Section == nil && imap.Cap(it.Name).Is(imap.Cap(name)) })
	if i < 0 || err != nil {
		return nil, false
	}
	return m.value(i).Raw, true
}

// Row returns the whole row, for which it waits.
func (m *Message) Row() (*imap.FetchRow, error) {
	if _, err := m.find(func(*imap.FetchItem) bool { return false }); err != nil {
		return nil, err
	}
	return m.row, nil
}

// failing is a reader that has nothing.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A body is an item that is streamed: on the wire, and from the moment on when
// somebody needs the connection in the store.
type body struct {
	m    *Message
	item int
	size uint64

	// Under the mutex of the Client.
	live bool  // on the wire
	err  error // why the rest is not there

	taken  uint64 // what was read from the wire
	off, n int64  // what is in the store, and not read
}

// Read gives octets from where they are. It waits for them only, and not for
// whoever else is reading.
func (b *body) Read(p []byte) (int, error) {
	c := b.m.f.c
	for {
		c.mu.Lock()
		changed, live, closed, broken := c.changed, b.live, b.m.closed, c.broken
		if live {
			c.waiters++
		}
		c.mu.Unlock()
		switch {
		case closed:
			return 0, errPassed
		case !live:
			return b.readStore(p)
		case broken != nil:
			return 0, broken
		case len(p) == 0:
			return 0, nil
		}
		select {
		case <-changed:
		case c.reading <- struct{}{}:
			n, read, err := b.readWire(p)
			<-c.reading
			if read {
				return n, err
			}
		}
	}
}

// readWire reads from the connection, unless the octets are not there any more.
func (b *body) readWire(p []byte) (n int, read bool, err error) {
	c := b.m.f.c
	c.mu.Lock()
	live := b.live && c.broken == nil
	c.mu.Unlock()
	if !live {
		return 0, false, nil
	}
	n, err = c.r.Literal().Read(p)
	b.taken += uint64(n)
	if err == nil && b.taken < b.size {
		return n, true, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && err != io.EOF {
		err = c.failLocked(c.lost(err))
		b.live, b.err = false, err
		return n, true, err
	}
	b.live, c.row.onWire = false, false
	c.wake()
	if n > 0 {
		err = nil
	}
	return n, true, err
}

func (b *body) readStore(p []byte) (int, error) {
	if b.n == 0 {
		if b.err != nil {
			return 0, b.err
		}
		return 0, io.EOF
	}
	n, err := b.m.f.store.ReadAt(p[:min(int64(len(p)), b.n)], b.off)
	b.off, b.n = b.off+int64(n), b.n-int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// fill puts what is left on the wire into the store. The error is that of the
// connection.
func (b *body) fill(literal io.Reader) error {
	f := b.m.f
	off := f.store.end()
	w := &storeWriter{store: &f.store}
	_, err := io.Copy(w, literal)
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	b.live, b.off, b.n, b.err = false, off, w.n, w.err
	if err != nil {
		b.err = err
	}
	return err
}

// A storeWriter goes on when the store does not: the connection has to.
type storeWriter struct {
	store *store
	n     int64
	err   error
}

func (w *storeWriter) Write(p []byte) (int, error) {
	if w.err == nil {
		var n int
		n, w.err = w.store.Write(p)
		w.n += int64(n)
	}
	return len(p), nil
}

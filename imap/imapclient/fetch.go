package imapclient

import (
	"context"
	"iter"

	"github.com/mailwire/mailwire/imap"
)

// maxQueued is how many octets of rows one Fetch keeps in memory that nobody has
// taken. What is longer than smallLiteral is not among them.
const maxQueued = 64 << 20

// A fetch is a FETCH under way: it claims the rows that were asked for, and
// queues them. All but c and args is under the mutex of the Client.
type fetch struct {
	c        *Client
	call     call
	args     *imap.FetchArgs
	light    bool // nothing is asked for that servers tell unasked
	wantsUID bool

	free    []Message // see message
	made    int       // how many were made together
	queue   []*Message
	room    [4]*Message // where queue begins
	queued  int64
	full    bool // a row was left out
	dropped bool // nobody wants the rest
	store   store
}

// Fetch asks for items of messages: RFC 9051, section 6.4.5. The rows come as the
// server sends them; what is streamed is read from the connection while the loop
// reads it. Where an item sets \Seen use imap.Peek.
//
// Every method of the Client may be called inside the loop, and the loop may be
// left at any time. Where n is the highest UID or above, "n:*" names the last
// message: RFC 9051, section 9. By number an empty mailbox has no rows and no
// error. The error comes last and once. Single-use.
func (c *Client) Fetch(ctx context.Context, r imap.Ref, items ...imap.FetchItem) iter.Seq2[*Message, error] {
	return c.FetchWith(ctx, &imap.FetchArgs{Ref: r, Items: items})
}

// FetchWith is Fetch with modifiers, as CHANGEDSINCE: RFC 7162, section 3.1.4.
func (c *Client) FetchWith(ctx context.Context, args *imap.FetchArgs) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		if c.namesNothing(args.Ref) {
			return
		}
		f := c.newFetch(args)
		if err := c.begin(ctx, &f.call, args); err != nil {
			yield(nil, err)
			return
		}
		defer c.watch(ctx)()
		defer f.drop()
		for {
			m, err := f.next()
			if err != nil {
				yield(nil, err)
				return
			}
			if m == nil || !yield(m, nil) {
				return
			}
			m.close()
		}
	}
}

// namesNothing reports whether a reference needs no server: a set that is empty, or
// one by number in an empty mailbox.
func (c *Client) namesNothing(r imap.Ref) bool {
	if r.IsEmpty() {
		return true
	}
	if r.ByUID || r.Saved {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s.State() == imap.Selected && c.box.exists == 0 && len(c.calls) == 0
}

func (c *Client) newFetch(args *imap.FetchArgs) *fetch {
	f := &fetch{c: c, args: args, light: true, wantsUID: args.Ref.ByUID}
	f.queue = f.room[:0]
	f.store.limit = or(c.d.SpoolLimit, 1<<30)
	if f.store.make = c.d.Spool; f.store.make == nil {
		f.store.make = func() (Spool, error) { return new(spool), nil }
	}
	for i := range args.Items {
		it := &args.Items[i]
		f.wantsUID = f.wantsUID || it.Name == "UID"
		f.light = f.light && isLight(it)
	}
	f.call = call{name: uidForm("FETCH", args.Ref), fetch: f, apart: f.conflicts}
	return f
}

// uidForm returns the name of the form of a command that a reference needs.
func uidForm(name string, r imap.Ref) string {
	if r.ByUID {
		return "UID " + name
	}
	return name
}

// isLight reports whether servers tell an item unasked.
func isLight(it *imap.FetchItem) bool {
	return it.Name == "FLAGS" || it.Name == "UID" || it.Name == "MODSEQ"
}

// conflicts reports whether rows could not be told from those of another FETCH.
func (f *fetch) conflicts(other *call) bool {
	if other.fetch == nil {
		return false
	}
	a, b := f.args.Ref, other.fetch.args.Ref
	return !a.ByUID || !b.ByUID || a.Saved || b.Saved || a.UID.HasStar() || b.UID.HasStar() || !a.UID.Intersect(b.UID).IsEmpty()
}

// claims reports whether a row was asked for: by its message, and by what is in it.
// A server may tell of flags at any time, and that is not what a FETCH of something
// else is waiting for.
func (f *fetch) claims(r *imap.FetchRow) bool {
	asked := 0
	for i := range f.args.Items {
		it := &f.args.Items[i]
		if isLight(it) != f.light {
			continue
		}
		if has(r, it) {
			asked++
		} else if f.light && it.Name != "UID" {
			return false
		}
	}
	if asked == 0 && !(f.light && len(f.args.Items) == 1) {
		return false
	}
	return f.c.box.named(f.args.Ref, r)
}

// has reports whether a row has an item.
func has(r *imap.FetchRow, asked *imap.FetchItem) bool {
	for i := range r.Items {
		if r.Items[i].Item.Answers(asked) {
			return true
		}
	}
	return false
}

// add queues a row. It returns nil if nobody wants it.
func (f *fetch) add(r *imap.FetchRow) *Message {
	cost := int64(256)
	for i := range r.Items {
		cost += int64(len(r.Items[i].Raw))
	}
	switch {
	case f.dropped:
		f.c.drained += cost
		return nil
	case f.full || f.queued+cost > maxQueued:
		f.full = true
		return nil
	}
	m := f.message(cost)
	*m = Message{f: f, row: r, Seq: r.Seq, UID: uidOf(r), whole: !r.Open, cost: cost}
	f.queued += cost
	f.queue = append(f.queue, m)
	return m
}

// message returns room for one of that size. Small ones are made together, and the
// first of them alone: whoever keeps one keeps those beside it.
func (f *fetch) message(size int64) *Message {
	if size > 4<<10 {
		return new(Message)
	}
	if len(f.free) == 0 {
		f.made = min(max(1, 2*f.made), 16)
		f.free = make([]Message, f.made)
	}
	m := &f.free[0]
	f.free = f.free[1:]
	return m
}

// next returns the next row, nil behind the last one.
func (f *fetch) next() (m *Message, err error) {
	over := false
	err = f.c.await(f, func() bool {
		if len(f.queue) > 0 {
			if !f.queue[0].ready() {
				return false
			}
			m = f.queue[0]
			f.queue[0] = nil
			if f.queue = f.queue[1:]; len(f.queue) == 0 {
				f.queue = f.room[:0]
			}
			f.queued -= m.cost
			return true
		}
		over = f.call.done
		return over || f.full
	})
	switch {
	case err != nil:
		return nil, err
	case m != nil:
		return m, nil
	case f.full:
		return nil, ErrTooMuch
	}
	return nil, f.call.err()
}

// drop says that nobody wants what is left.
func (f *fetch) drop() {
	f.c.mu.Lock()
	f.dropped = true
	for _, m := range f.queue {
		m.closed = true
	}
	if m := f.c.row.m; m != nil && m.f == f {
		m.closed = true
	}
	f.queue = nil
	f.c.mu.Unlock()
	f.store.close()
}

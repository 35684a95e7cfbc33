package imapclient

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// EventKind says what an Event is about, and which of its fields are set.
type EventKind uint8

const (
	// Exists: the mailbox has N messages now, which are more than before.
	Exists EventKind = iota + 1
	// Expunged: messages are gone. UIDs are those of them that are known; N is how
	// many there are left. Of EXPUNGE Seq is the number that it had.
	Expunged
	// Changed: Message has what is new, which is flags as a rule.
	Changed
	// Notice: the server has something to say: Status. What has the code ALERT must
	// be shown to the user. RFC 9051, section 7.1.
	Notice
	// Listed: Mailbox is a row of LIST that nobody has asked for.
	Listed
	// StatusChanged: MailboxStatus is one that nobody has asked for.
	StatusChanged
	// Other: Data is what this package does not know.
	Other
	// Resync: so much has happened, or the numbers of the server have gone so wrong,
	// that the mailbox has to be looked at anew, as by Sync.
	Resync
)

func (k EventKind) String() string {
	names := [...]string{"EventKind(0)", "Exists", "Expunged", "Changed", "Notice", "Listed", "StatusChanged", "Other", "Resync"}
	if int(k) < len(names) {
		return names[k]
	}
	return "EventKind(?)"
}

// An Event is what the server says without being asked.
type Event struct {
	Kind          EventKind
	N             uint32
	Seq           imap.SeqNum
	UIDs          imap.UIDSet
	Message       *Message
	Status        imap.Status
	Mailbox       *imap.MailboxInfo
	MailboxStatus *imap.MailboxStatus
	Data          *imap.Data

	size int64
}

// maxEvents is how many events wait for a loop over Events, and maxKept how many
// octets they may have. Beyond, one Resync stands for all.
const (
	maxEvents = 10_000
	maxKept   = 16 << 20
)

// push keeps an event until somebody asks.
func (c *Client) push(e Event) {
	switch {
	case len(c.events) > 0 && c.events[0].Kind == Resync && (e.Kind != Notice || len(c.events) > 100):
		return // whoever looks anew sees it
	case e.Kind == Resync || len(c.events) >= maxEvents || c.kept+c.size > maxKept:
		clear(c.events)
		c.events, c.kept = c.events[:0], 0
		e = Event{Kind: Resync}
	}
	e.size = c.size
	c.kept += e.size
	c.events = append(c.events, e)
}

// tell makes an event of data that is nobody's.
func (c *Client) tell(d *imap.Data) {
	switch v := d.Value.(type) {
	case imap.UID: // see mailbox.expunge
		var set imap.UIDSet
		if v != 0 {
			set.Add(v)
		}
		c.push(Event{Kind: Expunged, N: c.box.exists, Seq: imap.SeqNum(d.Num), UIDs: set})
	case *imap.Vanished:
		c.push(Event{Kind: Expunged, N: c.box.exists, UIDs: v.UIDs})
	case *imap.FetchRow:
		c.push(Event{Kind: Changed, Message: newMessage(ownRow(v))})
	case *imap.MailboxInfo:
		c.push(Event{Kind: Listed, Mailbox: v})
	case *imap.MailboxStatus:
		c.push(Event{Kind: StatusChanged, MailboxStatus: v})
	case imap.Status:
		if v.Kind != imap.OK || v.Code.Name != "" && v.Code.Name != "CAPABILITY" && v.Code.Name != "CLOSED" {
			c.push(Event{Kind: Notice, Status: v})
		}
	case nil:
		switch d.Name {
		case "EXISTS":
			c.push(Event{Kind: Exists, N: d.Num})
		case "EXPUNGE":
			c.push(Event{Kind: Expunged, N: c.box.exists, Seq: imap.SeqNum(d.Num)})
		case "RECENT":
		default:
			c.other(d)
		}
	case []imap.Flag, imap.Caps: // nothing has happened
	default:
		c.other(d)
	}
}

// other tells of data that this package does not know. What waits for long does not
// share memory with what came beside it, as data and rows do.
func (c *Client) other(d *imap.Data) {
	own := *d
	c.push(Event{Kind: Other, Data: &own})
}

// ownRow returns a row with memory of its own: see other.
func ownRow(r *imap.FetchRow) *imap.FetchRow {
	own := &imap.FetchRow{Seq: r.Seq, Items: slices.Clone(r.Items)}
	for i := range own.Items {
		own.Items[i].Raw = bytes.Clone(own.Items[i].Raw)
	}
	return own
}

// Events tells what happens to the selected mailbox, from its selection on: what
// came between commands is told first. While the loop waits the server is in
// IDLE, which is left when a command is issued, from the loop or from another
// goroutine, taken up again behind it, and renewed before the server can take the
// client for dead. Without IDLE the loop asks by NOOP, every Timeouts.Poll.
//
// When ctx is done the loop ends with its error, and the connection is sound. Any
// other error is that of the connection. One loop at a time: ErrBusy. Single-use.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		c.mu.Lock()
		busy := c.hears
		c.hears = true
		c.mu.Unlock()
		if busy {
			yield(Event{}, ErrBusy)
			return
		}
		defer func() {
			c.mu.Lock()
			c.hears = false
			c.endIdle()
			c.mu.Unlock()
		}()
		for {
			e, err := c.event(ctx)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// event returns the next event.
func (c *Client) event(ctx context.Context) (Event, error) {
	for {
		c.mu.Lock()
		if len(c.events) > 0 {
			e := c.events[0]
			c.events[0] = Event{}
			c.events = c.events[1:]
			c.kept -= e.size
			c.mu.Unlock()
			return e, nil
		}
		idles := c.has(imap.CapIdle, imap.CapRev2)
		c.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return Event{}, context.Cause(ctx)
		}
		hear := c.poll
		if idles {
			hear = c.hear
		}
		if err := hear(ctx); err != nil {
			return Event{}, err
		}
	}
}

// hear waits for an event in IDLE, which goes on behind it.
func (c *Client) hear(ctx context.Context) error {
	c.mu.Lock()
	k := c.idle
	c.mu.Unlock()
	if k == nil {
		if !c.quiet(ctx) {
			return nil
		}
		k = &call{name: "IDLE"}
		// What ends ctx ends IDLE, and not the connection.
		if err := c.begin(context.WithoutCancel(ctx), k, nil); err != nil {
			return err
		}
	}
	defer context.AfterFunc(ctx, c.stopIdle)()
	err := c.await(nil, func() bool { return k.done || len(c.events) > 0 && ctx.Err() == nil })
	if err == nil && c.isDone(k) {
		err = k.err()
	}
	return err
}

// patience is how long a Fetch may stand still before others read its rows.
const patience = time.Second

// quiet waits until no Fetch is in flight, and reports whether there is still
// nothing to tell. It does not read for those that loop over rows, as long as they
// go on: they would lose what holds a server back that sends faster than they take.
func (c *Client) quiet(ctx context.Context) bool {
	for ctx.Err() == nil {
		c.mu.Lock()
		busy := false
		for _, k := range c.calls {
			busy = busy || k.fetch != nil && !k.fetch.dropped
		}
		busy = busy && c.broken == nil && len(c.events) == 0
		told, changed := len(c.events) > 0, c.changed
		c.waiters++
		c.mu.Unlock()
		if !busy {
			return !told
		}
		timer := time.NewTimer(patience)
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
			return true
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return false
}

func (c *Client) stopIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endIdle()
}

// endIdle sends DONE, or sees to it that it is sent as soon as that is allowed,
// which is behind the server's "+". The caller holds the mutex.
func (c *Client) endIdle() {
	if c.idle == nil || c.ending {
		return
	}
	c.ending = true
	c.link.idle(false)
	if c.s.State() == imap.Idling {
		c.sendDone()
	}
}

// sendDone ends IDLE. No command can be on its way beside it, and so few octets
// always have room.
func (c *Client) sendDone() {
	if err := c.link.write(c.s.AppendDone(nil)); err != nil {
		c.failLocked(c.lost(err))
	}
}

// poll asks for news, now and then.
func (c *Client) poll(ctx context.Context) error {
	if err := c.Noop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	every := cmp.Or(c.d.Timeouts.Poll, time.Minute)
	timer := time.NewTimer(max(every, time.Second))
	defer timer.Stop()
	for {
		c.mu.Lock()
		told, broken, changed := len(c.events) > 0, c.broken, c.changed
		c.waiters++
		c.mu.Unlock()
		switch {
		case broken != nil:
			return broken
		case told:
			return nil
		}
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

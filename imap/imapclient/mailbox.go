package imapclient

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// maxMirror is how many messages a mailbox may have for numbers and UIDs to be
// matched: a line of a few octets must not take more memory than this needs.
const maxMirror = 1 << 20

// A mailbox is what is known of the one that is selected.
type mailbox struct {
	exists uint32
	mirror imapview.Mirror
	blind  bool // the mirror is of no use
}

// started takes note of a command that has been sent.
func (c *Client) started(k *call) {
	switch k.name {
	case "SELECT", "EXAMINE":
		c.leave()
	case "IDLE":
		c.idle, c.ending = k, false
	}
}

// ended takes note of a command that is done.
func (c *Client) ended(k *call) {
	switch k.name {
	case "CLOSE", "UNSELECT", "SELECT", "EXAMINE":
		if c.s.State() != imap.Selected {
			c.leave()
		}
	case "IDLE":
		c.idle, c.ending = nil, false
		c.link.idle(false)
		if k.timer != nil {
			k.timer.Stop()
		}
	}
	if k.fetch != nil && k.fetch.dropped {
		c.drained = 0
	}
}

// leave forgets the mailbox, with what has happened to it.
func (c *Client) leave() {
	c.box = mailbox{}
	c.events, c.kept = nil, 0
}

// learn takes from untagged data what the Client has to know of its mailbox.
func (c *Client) learn(d *imap.Data) error {
	if d.Err != nil && c.d.Strict {
		return fmt.Errorf("imapclient: %s: %w", quote(d.Name), d.Err)
	}
	var err error
	switch v := d.Value.(type) {
	case nil:
		switch {
		case d.Err != nil:
			c.log.LogAttrs(context.Background(), slog.LevelWarn, "damaged data", slog.String("name", quote(d.Name)), slog.Any("why", d.Err))
		case d.Name == "EXISTS":
			err = c.box.grow(d.Num)
		case d.Name == "EXPUNGE":
			err = c.box.expunge(d)
		}
	case *imap.FetchRow:
		if !c.selecting() { // or EXISTS may be still to come
			err = c.box.learn(v)
		}
	case *imap.Vanished:
		if !v.Earlier {
			err = c.box.vanished(v.UIDs)
		}
	case imap.Status:
		if v.Code.Name == "CLOSED" {
			c.leave()
		}
	}
	if err == nil {
		return nil
	}
	if c.d.Strict {
		return err
	}
	c.log.LogAttrs(context.Background(), slog.LevelWarn, "numbers do not fit together", slog.String("data", quote(d.Name)))
	c.box.blind = true
	c.box.mirror = imapview.Mirror{}
	c.push(Event{Kind: Resync})
	return nil
}

// selecting reports whether a mailbox is being opened.
func (c *Client) selecting() bool {
	return len(c.calls) > 0 && (c.calls[0].name == "SELECT" || c.calls[0].name == "EXAMINE")
}

// learnRow takes what the end of a row that was streamed has told.
func (c *Client) learnRow(r *imap.FetchRow) {
	c.learn(&imap.Data{Response: imap.Response{Name: "FETCH", Value: r}})
}

func (b *mailbox) grow(n uint32) error {
	fewer := n < b.exists
	b.exists = n
	switch {
	case fewer:
		return imapview.ErrServer
	case b.blind:
		return nil
	case n > maxMirror:
		b.blind, b.mirror = true, imapview.Mirror{}
		return nil
	}
	return b.mirror.Exists(n, maxMirror)
}

// expunge takes EXPUNGE.
func (b *mailbox) expunge(d *imap.Data) error {
	if d.Num == 0 || d.Num > b.exists {
		return imapview.ErrServer
	}
	b.exists--
	if b.blind {
		return nil
	}
	u, err := b.mirror.Expunge(imap.SeqNum(d.Num))
	d.Value = u // for the event
	return err
}

func (b *mailbox) vanished(uids imap.UIDSet) error {
	if uids.HasStar() || uids.Len() > int(b.exists) {
		return imapview.ErrServer
	}
	b.exists -= uint32(uids.Len())
	if b.blind {
		return nil
	}
	return b.mirror.Vanished(uids)
}

func (b *mailbox) learn(r *imap.FetchRow) error {
	u := uidOf(r)
	if u == 0 || b.blind {
		return nil
	}
	return b.mirror.Learn(r.Seq, u)
}

// named reports whether a row is of one of the messages of a reference, as far as
// that can be told.
func (b *mailbox) named(ref imap.Ref, r *imap.FetchRow) bool {
	switch {
	case ref.Saved:
		return true
	case !ref.ByUID:
		return ref.Seq.HasStar() || ref.Seq.Contains(r.Seq)
	case ref.UID.HasStar():
		return true // "n:*" names the last message, wherever n is
	}
	u := uidOf(r)
	if u == 0 {
		u, _ = b.mirror.UID(r.Seq)
	}
	return u == 0 || ref.UID.Contains(u)
}

// Exists returns how many messages the selected mailbox has, as far as the server
// has said.
func (c *Client) Exists() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box.exists
}

// UIDOf returns the UID of a message by its number of this moment, if a row has
// told it.
func (c *Client) UIDOf(seq imap.SeqNum) (imap.UID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box.mirror.UID(seq)
}

// SeqOf is the reverse of UIDOf.
func (c *Client) SeqOf(u imap.UID) (imap.SeqNum, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box.mirror.Seq(u)
}

// quote makes text of the server fit for logs.
func quote(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most]
	}
	return strconv.QuoteToASCII(s)
}

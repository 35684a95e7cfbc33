package pop3server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/pop3"
)

// A Backend opens maildrops. It may be called by many goroutines at once.
//
// Errors of a Backend and a Maildrop: a *pop3.Reject is what the client gets.
// Any other error is logged and becomes [SYS/TEMP] with a fixed text; its own
// text is never sent. A method that panics ends this connection and no other.
type Backend interface {
	// Open opens and locks the maildrop of id.Authzid, who has proved to be
	// id.Authcid. Where another session has it, the answer is
	// &pop3.Reject{Code: pop3.InUse}: a maildrop that two sessions have open
	// can lose mail that the one deletes and the other has not seen. RFC 1939,
	// section 4. Do not wait for the lock.
	Open(ctx context.Context, id auth.Identity, c *Conn) (Maildrop, error)
}

// A Maildrop is one that is open and locked. Its methods are never called at the
// same time.
type Maildrop interface {
	// Messages is called once. What it returns numbers the messages for the
	// whole session, and is not changed.
	Messages(ctx context.Context) ([]Message, error)

	// Fetch opens the content of a message. lines is negative for all of it, or
	// the number of lines of the body that are wanted: more may be given, the
	// rest is cut. Line ends may be of any kind. An error is a refusal; one that
	// comes in reading ends the session. Without Conn.UTF8, a message that
	// NeedsUTF8 is asked for only if Server.Surrogate is set, and then what
	// comes must be the downgraded form.
	Fetch(ctx context.Context, m Message, lines int) (io.ReadCloser, error)

	// Commit removes the messages for good, all or as many as it can, and
	// returns nil only if all are gone. It is called behind QUIT and never
	// else, at most once, and with none if none is marked.
	Commit(ctx context.Context, deleted []Message) error

	// Close unlocks. It is called exactly once, however the session ends.
	Close() error
}

// A Message is one in a maildrop.
type Message struct {
	Key any // the backend's own

	// UID names the message in this maildrop for ever: no other message ever
	// has it, and it is the same in every session. See pop3.ValidUID. RFC 1939,
	// section 7.
	UID string

	// Size is what pop3.Size says of the content that Fetch gives. Where it is
	// wrong, clients that trust LIST cut messages or wait for what never comes.
	Size int64

	NeedsUTF8 bool // it has UTF-8 in its header. RFC 6856, section 2.1
}

// verdict makes a reply of what the backend returned.
func (c *Conn) verdict(ctx context.Context, what string, err error) pop3.Reply {
	if r, is := errors.AsType[*pop3.Reject](err); is {
		return r.Reply()
	}
	c.log.LogAttrs(ctx, slog.LevelError, "backend failed", slog.String("in", what), slog.Any("err", err))
	return pop3.Reply{Code: pop3.SysTemp, Text: "the maildrop is not available"}
}

// open gives the maildrop to whom has logged in. RFC 1939, section 4.
func (c *Conn) open(ctx context.Context, id auth.Identity) {
	if c.server.Backend == nil {
		c.reply(c.s.Settle(pop3.Reply{Code: pop3.SysPerm, Text: "there are no maildrops here"}))
		return
	}
	drop, err := c.server.Backend.Open(ctx, id, c)
	if err != nil {
		c.reply(c.s.Settle(c.verdict(ctx, "Open", err)))
		return
	}
	c.drop = drop
	messages, err := drop.Messages(ctx)
	if err != nil {
		c.closeDrop(ctx)
		c.reply(c.s.Settle(c.verdict(ctx, "Messages", err)))
		return
	}
	entries := make([]pop3.Entry, len(messages))
	for i := range messages {
		m := &messages[i]
		entries[i] = pop3.Entry{Size: m.Size, UID: m.UID, NeedsUTF8: m.NeedsUTF8}
	}
	reply, err := c.s.Open(entries, pop3.Reply{OK: true})
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "maildrop cannot be served", slog.String("user", id.Authzid), slog.Any("err", err))
		c.closeDrop(ctx)
	} else {
		c.messages = messages
		c.log.LogAttrs(ctx, slog.LevelInfo, "maildrop opened", slog.String("user", id.Authzid),
			slog.String("mechanism", id.Mechanism), slog.Int("messages", len(messages)))
	}
	c.reply(reply)
}

// closeDrop closes the maildrop, if one is open.
func (c *Conn) closeDrop(ctx context.Context) {
	drop := c.drop
	c.drop, c.messages = nil, nil
	if drop == nil {
		return
	}
	if err := drop.Close(); err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "maildrop not closed well", slog.Any("err", err))
	}
}

// update is the UPDATE state: RFC 1939, section 6. Nothing is removed before all
// that the client has asked for has left: it may have sent RETR, DELE and QUIT at
// once, and be gone. The maildrop is unlocked before the reply leaves, so that the
// client finds it free when it comes again.
func (c *Conn) update(ctx context.Context, e *pop3.UpdateEvent) {
	if c.flush(); c.broken != nil {
		return
	}
	deleted := make([]Message, len(e.Deleted))
	for i, n := range e.Deleted {
		deleted[i] = c.messages[n-1]
	}
	v := pop3.Reply{OK: true}
	if err := c.drop.Commit(ctx, deleted); err != nil {
		v = c.verdict(ctx, "Commit", err)
		if _, is := errors.AsType[*pop3.Reject](err); !is {
			v.Text = "some deleted messages not removed"
		}
	} else if len(deleted) > 0 {
		c.log.LogAttrs(ctx, slog.LevelInfo, "messages removed", slog.Int("messages", len(deleted)))
	}
	c.closeDrop(ctx)
	c.reply(c.s.Settle(v))
	c.quit = true
}

// retr carries out RETR and TOP.
func (c *Conn) retr(ctx context.Context, e *pop3.RetrEvent) {
	content, err := c.drop.Fetch(ctx, c.messages[e.Entry.N-1], e.Lines)
	if err != nil {
		c.reply(c.s.Settle(c.verdict(ctx, "Fetch", err)))
		return
	}
	defer content.Close()
	c.reply(c.s.Settle(pop3.Reply{OK: true}))
	err = c.send(content, e.Lines)
	if err != nil && c.broken == nil {
		// What is out cannot be taken back, so the message must not seem whole.
		c.log.LogAttrs(ctx, slog.LevelError, "message broke off", slog.Int("message", e.Entry.N), slog.Any("err", err))
		c.link.Flush()
		c.broken = err
	}
	c.s.Sent(err)
}

// send writes a message as the client is to have it.
func (c *Conn) send(content io.Reader, lines int) error {
	c.clock.pace.Start()
	c.clock.sending = true
	defer func() { c.clock.sending = false }()
	b := &c.body
	*b = body{c: c, w: pop3.BodyWriter{Top: lines >= 0, Lines: lines}}
	var err error
	if from, is := content.(io.WriterTo); is {
		_, err = from.WriteTo(b)
	} else {
		err = b.readFrom(content)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	c.keep(b.w.Finish(c.link.Piece()))
	return c.broken
}

// errEnough stops a WriterTo when TOP has all that it needs.
var errEnough = errors.New("pop3server: enough of the message")

// A body encodes what is written to it, and lets it go a piece at a time.
type body struct {
	c *Conn
	w pop3.BodyWriter
}

func (b *body) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k := min(len(p)-n, netserver.PieceSize)
		out, done := b.w.Append(b.c.link.Piece(), p[n:n+k])
		n += k
		began := time.Now()
		b.c.keep(out)
		b.c.clock.pace.Count(k, time.Since(began))
		if b.c.broken != nil {
			return n, b.c.broken
		}
		if done {
			return n, errEnough
		}
	}
	return n, nil
}

var readBuffers = sync.Pool{New: func() any { return new([netserver.PieceSize]byte) }}

// readFrom is Write for all of r.
func (b *body) readFrom(r io.Reader) error {
	buf := readBuffers.Get().(*[netserver.PieceSize]byte)
	defer readBuffers.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if _, werr := b.Write(buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

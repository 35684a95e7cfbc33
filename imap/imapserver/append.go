package imapserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// A NewMessage is a message that APPEND brings. It is valid until the next one
// is asked for. While it is read it is indexed.
type NewMessage struct {
	Flags    []imap.Flag
	Received time.Time // zero: not given, which means now
	Size     int64     // octets to come

	src     io.Reader
	indexer *mime.Indexer
	check   contentCheck
	came    int64
	err     error // of src, or what is wrong with the octets
}

// Read gives the octets of the message, up to io.EOF. Another error is one of
// the connection or a refusal; Account.Append then returns it.
func (m *NewMessage) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.src.Read(p)
	m.saw(p[:n])
	if err != nil && m.err == nil {
		m.err = err
	}
	if m.err != nil && m.err != io.EOF {
		return 0, m.err
	}
	return n, m.err
}

// saw takes note of octets that have come.
func (m *NewMessage) saw(p []byte) {
	m.came += int64(len(p))
	m.indexer.Write(p)
	if err := m.check.write(p); err != nil && m.err == nil {
		m.err = err
	}
}

// WriteTo writes the octets to w, without a buffer between.
func (m *NewMessage) WriteTo(w io.Writer) (int64, error) {
	if m.err != nil {
		return 0, m.result()
	}
	tee := &teeWriter{m: m, w: w}
	src, ok := m.src.(io.WriterTo)
	var err error
	if ok {
		_, err = src.WriteTo(tee)
	} else {
		_, err = io.Copy(tee, m.src)
	}
	if m.err == nil {
		m.err = err
	}
	if m.err == nil {
		m.err = io.EOF
	}
	return tee.n, m.result()
}

// result is the error of m for those to whom the end is none.
func (m *NewMessage) result() error {
	if m.err == io.EOF {
		return nil
	}
	return m.err
}

type teeWriter struct {
	m *NewMessage
	w io.Writer
	n int64
}

func (t *teeWriter) Write(p []byte) (int, error) {
	t.m.saw(p)
	if t.m.err != nil {
		return 0, t.m.err
	}
	n, err := t.w.Write(p)
	t.n += int64(n)
	return n, err
}

// Index returns what is to be stored beside the message, which has been read to
// its end and can be read again from src. Only headers are read from there, and
// nothing is parsed a second time.
func (m *NewMessage) Index(src io.ReaderAt) Index { return NewIndex(m.indexer.Finish(src)) }

// contentCheck finds octets that a message may not have: NUL, where it did not
// come as binary (RFC 9051, section 4.3), and 8-bit octets in its header, where
// UTF8 was offered and is not used (RFC 6855, section 4).
type contentCheck struct {
	nulOK, headerOK bool
	behind          bool // the header
	empty           bool // the line has no octet yet
	begun           bool
}

var (
	errNUL        = imap.No("", "NUL in a message that does not come as binary")
	errHeader8Bit = imap.No("", "8-bit octets in a header need UTF8 (~{n})")
)

func (c *contentCheck) write(p []byte) error {
	if !c.nulOK && bytes.IndexByte(p, 0) >= 0 {
		return errNUL
	}
	if c.headerOK || c.behind {
		return nil
	}
	if !c.begun {
		c.begun, c.empty = true, true
	}
	for _, b := range p {
		switch {
		case b == '\n':
			if c.empty {
				c.behind = true
				return nil
			}
			c.empty = true
		case b >= 0x80:
			return errHeader8Bit
		case b != '\r':
			c.empty = false
		}
	}
	return nil
}

// append carries out APPEND. The backend pulls the messages; each is read from
// the connection while it is stored. RFC 9051, section 6.3.12; RFC 3502.
func (c *Conn) append(ctx context.Context, e *imap.AppendEvent) {
	c.link.SetBusy(true) // a shutdown waits
	defer c.link.SetBusy(false)
	defer c.closeSpools()
	x := indexers.Get().(*mime.Indexer)
	defer indexers.Put(x)
	a := &appending{c: c, ctx: ctx, message: e.Message, indexer: x}
	name, err := c.name(e.Mailbox)
	var code imap.UIDCode
	if err == nil {
		code, err = c.account.Append(ctx, name, a.messages())
	}
	if err == nil && a.end == nil {
		err = errors.New("imapserver: the backend did not read all of an APPEND")
	}
	switch {
	case c.broken != nil || c.s.State() == imap.Closed:
		return
	case a.end != nil:
		c.appended(ctx, a.end, code, err)
		return
	}
	// The rest is not wanted: a client that waits for "+" is spared the upload.
	st := c.status(ctx, err)
	if err := c.r.Abandon(c.bounds()); err != nil {
		c.abandoned(err)
		return
	}
	c.settle(st)
}

// abandoned ends a session in which what belongs to a refused message could not
// be dropped.
func (c *Conn) abandoned(err error) {
	if e, ok := errors.AsType[*imap.FrameError](err); ok {
		c.settle(e.Reject.Status())
		return
	}
	c.lost(err)
}

func (c *Conn) closeSpools() {
	for _, s := range c.spools {
		s.Close()
	}
	c.spools = nil
}

// appended answers an APPEND that has come to its end.
func (c *Conn) appended(ctx context.Context, end *imap.AppendEnd, code imap.UIDCode, err error) {
	switch {
	case end.Err != nil:
		c.settle(end.Err.Status())
	case err != nil:
		c.settle(c.status(ctx, err))
	default:
		c.tell(ctx)
		st := imap.Status{Text: "APPEND done"}
		if len(code.UIDs) > 0 {
			st.Code = imap.Code{Name: "APPENDUID", Arg: &code}
		}
		c.settle(st)
	}
	c.lookAfter()
}

// indexers are for messages that come.
var indexers = sync.Pool{New: func() any { return new(mime.Indexer) }}

// appending is an APPEND in progress.
type appending struct {
	c       *Conn
	ctx     context.Context
	indexer *mime.Indexer
	message imap.AppendMessage // that comes next
	end     *imap.AppendEnd
}

// messages gives the messages one after the other.
func (a *appending) messages() iter.Seq2[*NewMessage, error] {
	return func(yield func(*NewMessage, error) bool) {
		for a.end == nil {
			m := a.open()
			if !yield(m, nil) {
				return
			}
			err := m.result()
			if err == nil && m.came != m.Size {
				err = errors.New("imapserver: the backend did not read a message to its end")
			}
			if err == nil {
				err = a.next()
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
		if a.end.Err != nil {
			yield(nil, a.end.Err)
		}
	}
}

// open returns the message whose octets come next.
func (a *appending) open() *NewMessage {
	c := a.c
	a.indexer.Reset(nil)
	m := &NewMessage{
		Flags: a.message.Flags, Received: a.message.Date, Size: int64(a.message.Size),
		src: &literal{c: c, r: c.r.Literal()}, indexer: a.indexer,
	}
	utf8 := c.s.Enabled(imap.CapUTF8Accept) || !c.s.Caps().Has(imap.CapUTF8Accept)
	m.check = contentCheck{
		nulOK:    a.message.Binary,
		headerOK: a.message.UTF8 || utf8 || c.server.Append8Bit,
	}
	if a.message.Binary {
		c.unbinary(m)
	}
	return m
}

// next takes what stands behind the octets of a message.
func (a *appending) next() error {
	c := a.c
	c.await()
	event := c.nextEvent(a.ctx)
	switch e := event.(type) {
	case *imap.AppendPart:
		a.message = e.Message
		return nil
	case *imap.AppendEnd:
		a.end = e
		return nil
	case *imap.Answer: // the session ends
		c.settle(e.Status)
		return errClosed
	}
	return c.broken
}

// literal reads the octets of a message. Only the first read asks for them.
type literal struct {
	c     *Conn
	r     io.Reader
	asked bool
}

func (l *literal) ask() {
	if !l.asked {
		l.asked = true
		l.c.clock.waitFor(contentWait)
		l.c.askForLiteral()
	}
}

func (l *literal) Read(p []byte) (int, error) {
	l.ask()
	n, err := l.r.Read(p)
	if err != nil && err != io.EOF {
		l.c.lost(err)
	}
	return n, err
}

// WriteTo implements io.WriterTo.
func (l *literal) WriteTo(w io.Writer) (int64, error) {
	l.ask()
	t := &sink{w: w}
	n, err := l.r.(io.WriterTo).WriteTo(t)
	if err != nil && t.err == nil {
		l.c.lost(err)
	}
	return n, err
}

// sink tells errors of the writer from those of the reader.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, err = s.w.Write(p)
	s.err = err
	return n, err
}

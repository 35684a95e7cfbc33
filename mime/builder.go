package mime

import (
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Builder composes a message. The zero value is ready; methods return the
// Builder, and the first error is kept for WriteTo. The shape is
//
//	mixed(related(alternative(text, html, calendar), inline...), attachments...)
//
// with each level only where it is needed. Fields that are in Header win over
// what the methods say. Where Date or MessageID is zero, the first WriteTo takes
// the time of Now and random octets and keeps them: writing again gives the same
// octets. Bcc is never written.
type Builder struct {
	Header    Header           // further fields
	Mode      Mode             // zero: Mode7Bit, for every relay
	Date      time.Time        // zero: the time of the first WriteTo
	MessageID string           // without brackets
	Now       func() time.Time // nil: time.Now

	from, to, cc, bcc, replyTo []Address
	subject                    string
	text, html, calendar       *Entity
	inline, attached           []*Entity
	references                 []string
	report                     *Entity
	err                        error
	random                     string // for the Message-ID and boundaries, drawn once
}

// boundaryMark is how a boundary starts: neither base64 nor quoted-printable
// can contain it.
const boundaryMark = "=_"

func newBoundary() string { return boundaryMark + rand.Text() }

// boundary is that of the multipart of a subtype. Levels differ in the octet
// behind the mark, so that none is the start of another.
func (b *Builder) boundary(sub string) string { return boundaryMark + sub[:1] + b.draw() }

// draw returns the 130 random bits of this message.
func (b *Builder) draw() string {
	if b.random == "" {
		b.random = rand.Text()
	}
	return b.random
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *Builder) addresses(to *[]Address, list []Address) *Builder {
	for _, a := range list {
		if err := a.check(); err != nil {
			b.fail(err)
			return b
		}
	}
	*to = append((*to)[:len(*to):len(*to)], list...)
	return b
}

// From adds authors. A message needs one.
func (b *Builder) From(a ...Address) *Builder { return b.addresses(&b.from, a) }

// To adds recipients.
func (b *Builder) To(a ...Address) *Builder { return b.addresses(&b.to, a) }

// Cc adds recipients of a copy.
func (b *Builder) Cc(a ...Address) *Builder { return b.addresses(&b.cc, a) }

// Bcc adds recipients that no header shows.
func (b *Builder) Bcc(a ...Address) *Builder { return b.addresses(&b.bcc, a) }

// ReplyTo adds addresses for replies.
func (b *Builder) ReplyTo(a ...Address) *Builder { return b.addresses(&b.replyTo, a) }

// Recipients returns the envelope: To, Cc and Bcc, each mailbox once.
func (b *Builder) Recipients() []Address {
	var out []Address
	seen := make(map[string]bool)
	for _, list := range [][]Address{b.to, b.cc, b.bcc} {
		for _, a := range list {
			if spec := a.Spec(); !seen[spec] {
				seen[spec] = true
				out = append(out, a)
			}
		}
	}
	return out
}

// Subject sets the subject; it is encoded as needed.
func (b *Builder) Subject(s string) *Builder {
	if err := checkField("Subject", s); err != nil {
		b.fail(err)
		return b
	}
	b.subject = s
	return b
}

// Text sets the plain text, in UTF-8; LF or CRLF end lines.
func (b *Builder) Text(s string) *Builder {
	b.text = textEntity(plainField, s)
	return b
}

// Flowed sets the plain text as Text does, of paragraphs on one line each, which
// the reader's program fits to its window: text/plain; format=flowed. See
// AppendFlowed.
func (b *Builder) Flowed(s string) *Builder {
	b.text = newEntity(flowedField)
	b.text.Body = AppendFlowed(nil, toValid(s), false)
	return b
}

// HTML sets the HTML body, in UTF-8.
func (b *Builder) HTML(s string) *Builder {
	b.html = textEntity(htmlField, s)
	return b
}

// Calendar sets an iCalendar object with its method ("REQUEST"), as an
// alternative of the text. RFC 6047, section 2.4.
func (b *Builder) Calendar(method, ics string) *Builder {
	b.calendar = b.leaf(MediaType{"text", "calendar", Params{{Name: "charset", Value: "utf-8"}, {Name: "method", Value: method}}}, MediaType{})
	b.calendar.Body = lend(toValid(ics))
	return b
}

// The types that most messages have.
var (
	plainField       = contentType("text/plain; charset=utf-8")
	flowedField      = contentType("text/plain; charset=utf-8; format=flowed")
	htmlField        = contentType("text/html; charset=utf-8")
	alternativeField = contentType("multipart/alternative")
	mixedField       = contentType("multipart/mixed")
)

func contentType(body string) field {
	const name = "Content-Type"
	return field{raw: []byte(name + ": " + body + "\r\n"), name: int32(len(name)), colon: int32(len(name))}
}

// newEntity makes an entity with room for fields in one allocation.
func newEntity(first ...field) *Entity {
	e := new(struct {
		Entity
		fields [2]field
	})
	e.Header.fields = append(e.fields[:0], first...)
	return &e.Entity
}

func textEntity(typ field, s string) *Entity {
	e := newEntity(typ)
	e.Body = lend(toValid(s))
	return e
}

// leaf makes a part of a type and, if there is one, a disposition.
func (b *Builder) leaf(t, disposition MediaType) *Entity {
	e := newEntity()
	h := &e.Header
	h.room = make([]byte, 0, 2*usualField)
	if err := h.SetMediaType("Content-Type", t); err != nil {
		b.fail(err)
	}
	if disposition.Type != "" {
		if err := h.SetMediaType("Content-Disposition", disposition); err != nil {
			b.fail(err)
		}
	}
	h.room = nil
	return e
}

// Attach adds an attachment that open gives, for each WriteTo anew. The name is
// for the reader's file system and may be any text; typ may be empty and have
// parameters. The content arrives octet for octet.
func (b *Builder) Attach(name, typ string, open func() (io.ReadCloser, error)) *Builder {
	e := b.file("attachment", name, typ)
	e.Open = open
	b.attached = append(b.attached, e)
	return b
}

// file makes the part of an attachment or inline file.
func (b *Builder) file(disposition, name, typ string) *Entity {
	if typ == "" {
		typ = typeOf(name)
	}
	t, bad := ParseMediaType(typ)
	for _, d := range bad {
		b.fail(fmt.Errorf("%w: type %s", ErrField, d.Note))
	}
	d := MediaType{Type: disposition}
	if name != "" {
		d.Params = Params{{Name: "filename", Value: name}}
	}
	e := b.leaf(t, d)
	if t.Type != "message" {
		e.Encoding = Base64
	}
	return e
}

// AttachBytes attaches octets; see Attach. It keeps data.
func (b *Builder) AttachBytes(name, typ string, data []byte) *Builder {
	e := b.file("attachment", name, typ)
	e.Body = data
	b.attached = append(b.attached, e)
	return b
}

// AttachFS attaches a file of a file system under the last element of its path.
func (b *Builder) AttachFS(fsys fs.FS, name string) *Builder {
	return b.Attach(path.Base(name), "", func() (io.ReadCloser, error) { return fsys.Open(name) })
}

// AttachMessage attaches a message as message/rfc822, or message/global if its
// header needs that. It is never encoded: ErrNeeds8Bit from WriteTo if Mode7Bit
// cannot carry it.
func (b *Builder) AttachMessage(m *Message) *Builder {
	b.attached = append(b.attached, b.embed(m))
	return b
}

func (b *Builder) embed(m *Message) *Entity {
	t := MediaType{Type: "message", Subtype: "rfc822"}
	if b.Mode == ModeUTF8 && m.Header().high() {
		t.Subtype = "global"
	}
	e := b.leaf(t, MediaType{})
	e.Open = func() (io.ReadCloser, error) { return io.NopCloser(m.open(0, m.size, m.bare)), nil }
	return e
}

// Inline adds a file that the HTML shows by cid: in the HTML it is "cid:" and
// the id, which is given without brackets. See Attach.
func (b *Builder) Inline(cid, name, typ string, open func() (io.ReadCloser, error)) *Builder {
	e := b.file("inline", name, typ)
	e.Open = open
	if err := checkID(cid); err != nil {
		b.fail(err)
	} else if err := e.Header.Add("Content-ID", "<"+cid+">"); err != nil {
		b.fail(err)
	}
	b.inline = append(b.inline, e)
	return b
}

// checkID refuses what cannot stand between the brackets of a message id.
func checkID(id string) error {
	if id == "" || !ascii.All(ascii.VChar, id) || strings.ContainsAny(id, "<>") {
		return fmt.Errorf("%w: id %s", ErrField, note(id))
	}
	return nil
}

// Reply makes the message a reply: recipients, "Re:", In-Reply-To, References.
// With all, the other recipients get a copy, but none that is in From: set that
// first. Of more than 100 references the first and the last are kept. RFC 5322,
// section 3.6.4.
func (b *Builder) Reply(to *Message, all bool) *Builder {
	h := to.Header()
	skip := make(map[string]bool)
	for _, a := range b.from {
		skip[lower(a.Spec())] = true
	}
	add := func(dst *[]Address, list []Address) {
		good := list[:0]
		for _, a := range list {
			if hasControl(a.Name) {
				a.Name = ""
			}
			if !a.writable() {
				continue
			}
			if spec := lower(a.Spec()); !skip[spec] {
				skip[spec] = true
				a.Route = ""
				good = append(good, a)
			}
		}
		*dst = slices.Concat(*dst, good)
	}
	author := h.Addresses("Reply-To").Mailboxes
	if len(author) == 0 {
		author = h.Addresses("From").Mailboxes
	}
	add(&b.to, author)
	if all {
		add(&b.cc, h.Addresses("To").Mailboxes)
		add(&b.cc, h.Addresses("Cc").Mailboxes)
	}
	if s := h.Text("Subject"); ascii.HasPrefixFold(s, "re:") {
		b.Subject(s)
	} else {
		b.Subject("Re: " + s)
	}
	b.references = goodIDs(ParseMessageIDs(h.Get("References")))
	if len(b.references) == 0 {
		if ids := goodIDs(ParseMessageIDs(h.Get("In-Reply-To"))); len(ids) == 1 {
			b.references = ids
		}
	}
	if ids := goodIDs([]string{h.MessageID()}); len(ids) > 0 {
		b.references = append(b.references, ids[0])
		if err := b.Header.Set("In-Reply-To", "<"+ids[0]+">"); err != nil {
			b.fail(err)
		}
	}
	return b
}

// mostReferences bounds what a thread of any length adds to a reply.
const mostReferences = 100

// goodIDs keeps the ids that can be written; of too many the first, which names
// the thread, and the last.
func goodIDs(ids []string) []string {
	ids = slices.DeleteFunc(ids, func(id string) bool { return checkID(id) != nil || len(id) >= mostLine-100 })
	if n := len(ids) - mostReferences; n > 0 {
		ids = slices.Delete(ids, 1, 1+n)
	}
	return ids
}

// WriteTo writes the message. Errors: the first that a method kept, ErrNoField
// without a From, ErrAddress for addresses and ErrField for fields beyond ASCII
// without ModeUTF8, those of attachments, ErrNeeds8Bit, and those of w.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	e, err := b.entity()
	if err != nil {
		return 0, err
	}
	return e.WriteTo(w)
}

// Entity returns the message as a tree, to be changed or signed.
func (b *Builder) Entity() (*Entity, error) {
	for _, e := range []*Entity{b.text, b.html, b.calendar} {
		if e != nil { // the octets of a string must not change
			e.Body = slices.Clone(e.Body)
		}
	}
	return b.entity()
}

func (b *Builder) entity() (*Entity, error) {
	if b.err != nil {
		return nil, b.err
	}
	e := b.shape()
	return e, b.fields(e)
}

// complete fixes what the caller left open, once.
func (b *Builder) complete() {
	if b.Date.IsZero() {
		now := time.Now
		if b.Now != nil {
			now = b.Now
		}
		b.Date = now()
	}
	if b.MessageID == "" {
		domain := "localhost.invalid"
		from := b.from
		if len(from) == 0 {
			from = b.Header.Addresses("From").Mailboxes
		}
		if len(from) > 0 && isDotAtom(from[0].Domain) && ascii.All(ascii.VChar, from[0].Domain) {
			domain = from[0].Domain
		}
		b.MessageID = b.draw() + "@" + domain
	}
}

package mime

import (
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"path"
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
	boundaries                 map[string]string // by subtype, drawn once
}

// newBoundary returns a boundary of 130 random bits that neither base64 nor
// quoted-printable can contain.
func newBoundary() string { return "=_" + rand.Text() }

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
	b.text = b.leaf("text/plain", Param{Name: "charset", Value: "utf-8"})
	b.text.Body = []byte(toValid(s))
	return b
}

// HTML sets the HTML body, in UTF-8.
func (b *Builder) HTML(s string) *Builder {
	b.html = b.leaf("text/html", Param{Name: "charset", Value: "utf-8"})
	b.html.Body = []byte(toValid(s))
	return b
}

// Calendar sets an iCalendar object with its method ("REQUEST"), as an
// alternative of the text. RFC 6047, section 2.4.
func (b *Builder) Calendar(method, ics string) *Builder {
	b.calendar = b.leaf("text/calendar", Param{Name: "charset", Value: "utf-8"}, Param{Name: "method", Value: method})
	b.calendar.Body = []byte(toValid(ics))
	return b
}

// leaf makes a part of a type.
func (b *Builder) leaf(typ string, params ...Param) *Entity {
	e := new(Entity)
	t, bad := ParseMediaType(typ)
	for _, d := range bad {
		b.fail(fmt.Errorf("%w: type %s", ErrField, d.Note))
	}
	t.Params = append(t.Params, params...)
	if err := e.Header.SetMediaType("Content-Type", t); err != nil {
		b.fail(err)
	}
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
	e := b.leaf(typ)
	d := MediaType{Type: disposition}
	if name != "" {
		d.Params = Params{{Name: "filename", Value: name}}
	}
	if err := e.Header.SetMediaType("Content-Disposition", d); err != nil {
		b.fail(err)
	}
	if t := e.Header.ContentType(); t.Type != "message" {
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
	typ := "message/rfc822"
	if b.Mode == ModeUTF8 && hasHigh(m.Header().Append(nil)) {
		typ = "message/global"
	}
	e := b.leaf(typ)
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
// first. RFC 5322, section 3.6.4.
func (b *Builder) Reply(to *Message, all bool) *Builder {
	h := to.Header()
	skip := make(map[string]bool)
	for _, a := range b.from {
		skip[lower(a.Spec())] = true
	}
	add := func(dst *[]Address, list []Address) {
		for _, a := range list {
			if hasControl(a.Name) {
				a.Name = ""
			}
			if spec := lower(a.Spec()); !skip[spec] && a.check() == nil {
				skip[spec] = true
				a.Route = ""
				b.addresses(dst, []Address{a})
			}
		}
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

// goodIDs keeps the ids that can be written.
func goodIDs(ids []string) []string {
	var out []string
	for _, id := range ids {
		if checkID(id) == nil && len(id) < mostLine-100 {
			out = append(out, id)
		}
	}
	return out
}

// WriteTo writes the message. Errors: the first that a method kept, ErrNoField
// without a From, ErrAddress for addresses and ErrField for fields beyond ASCII
// without ModeUTF8, those of attachments, ErrNeeds8Bit, and those of w.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	e, err := b.Entity()
	if err != nil {
		return 0, err
	}
	return e.WriteTo(w)
}

// Entity returns the message as a tree, to be changed or signed.
func (b *Builder) Entity() (*Entity, error) {
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
		b.MessageID = strings.ToLower(rand.Text()) + "@" + domain
	}
}

package mime

import (
	"bytes"
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
	Header    Header
	Mode      Mode
	Date      time.Time
	MessageID string           // without brackets
	Now       func() time.Time // nil: time.Now

	from, to, cc, bcc, replyTo []Address
	subject                    string
	text, html, calendar       *Entity
	inline, attached           []*Entity
	references                 []string
	report                     *Entity
	err                        error
	built                      *Entity
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
	b.built = nil
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
	b.built = nil
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
	b.built = nil
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
	if id := h.MessageID(); checkID(id) == nil {
		b.references = append(b.references, id)
		b.Header.Del("In-Reply-To")
		if err := b.Header.Add("In-Reply-To", "<"+id+">"); err != nil {
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

// Report makes the message a delivery report: RFC 3464. human is for people; of
// the original the header is returned, or with full the whole, and nothing if
// it is nil. Text, HTML and attachments are then not used.
func (b *Builder) Report(d *DeliveryStatus, human string, original *Message, full bool) *Builder {
	status, err := AppendDeliveryStatus(nil, d)
	if err != nil {
		b.fail(err)
		return b
	}
	kind := "delivery-status"
	if hasHigh(status) {
		kind = "global-delivery-status"
	}
	return b.reportParts("delivery-status", kind, human, status, original, full)
}

// ReportFields makes the message a report of another kind, with fields instead
// of a status: "disposition-notification" (RFC 8098), "feedback-report" (RFC
// 5965). See Report.
func (b *Builder) ReportFields(kind string, fields *Header, human string, original *Message, full bool) *Builder {
	return b.reportParts(kind, kind, human, fields.Append(nil), original, full)
}

func (b *Builder) reportParts(kind, subtype, human string, status []byte, original *Message, full bool) *Builder {
	text := b.leaf("text/plain", Param{Name: "charset", Value: "utf-8"})
	text.Body = []byte(toValid(human))
	part := b.leaf("message/" + subtype)
	part.Body = status
	b.report = b.leaf("multipart/report", Param{Name: "report-type", Value: kind})
	b.report.Children = []*Entity{text, part}
	switch {
	case original == nil:
	case full:
		b.report.Children = append(b.report.Children, b.embed(original))
	default:
		e := b.leaf("text/rfc822-headers")
		e.Body = original.Header().Append(nil)
		b.report.Children = append(b.report.Children, e)
	}
	return b
}

// WriteTo writes the message. Errors: the first that a method kept, ErrNoField
// without a From, ErrAddress for addresses beyond ASCII without ModeUTF8, those
// of attachments, ErrNeeds8Bit, and those of w.
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
	if b.built == nil {
		e := b.shape()
		if err := b.fields(e); err != nil {
			return nil, err
		}
		b.built = e
	}
	return b.built, nil
}

// shape puts the parts together.
func (b *Builder) shape() *Entity {
	if b.report != nil {
		return b.report.shallow()
	}
	var bodies []*Entity
	for _, e := range []*Entity{b.text, b.html, b.calendar} {
		if e != nil {
			bodies = append(bodies, e)
		}
	}
	if len(bodies) == 0 && len(b.attached)+len(b.inline) == 0 {
		bodies = append(bodies, b.leaf("text/plain", Param{Name: "charset", Value: "utf-8"}))
	}
	e := group("alternative", bodies)
	if len(b.inline) > 0 {
		if e != nil {
			e = group("related", append([]*Entity{e}, b.inline...))
		} else {
			e = group("related", b.inline)
		}
	}
	if len(b.attached) > 0 {
		if e != nil {
			e = group("mixed", append([]*Entity{e}, b.attached...))
		} else {
			e = forceGroup("mixed", b.attached)
		}
	}
	return e.shallow()
}

// shallow copies e, so that the message's fields are not added to a part that
// is used again.
func (e *Entity) shallow() *Entity {
	c := *e
	return &c
}

// group wraps several entities in a multipart; one stays as it is.
func group(sub string, list []*Entity) *Entity {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return forceGroup(sub, list)
}

func forceGroup(sub string, list []*Entity) *Entity {
	e := &Entity{Children: list, boundary: newBoundary()}
	t := MediaType{Type: "multipart", Subtype: sub}
	if sub == "related" { // RFC 2387, section 3.1: the type of the root is required
		root := list[0].Header.ContentType()
		t.Params = Params{{Name: "type", Value: root.Type + "/" + root.Subtype}}
	}
	t.Params = append(t.Params, Param{Name: "boundary", Value: e.boundary})
	_ = e.Header.SetMediaType("Content-Type", t) // constant but for a checked type
	return e
}

// fields puts the message's own fields in front of those of the body.
func (b *Builder) fields(e *Entity) error {
	e.Mode = b.Mode
	body := e.Header
	e.Header = *b.Header.Clone()
	h := &e.Header
	if len(b.from) == 0 && !h.Has("From") {
		return fmt.Errorf("%w: From", ErrNoField)
	}
	b.complete()
	date := func() error { return h.SetDate("Date", b.Date) }
	id := func() error {
		if err := checkID(b.MessageID); err != nil {
			return err
		}
		return h.Set("Message-ID", "<"+b.MessageID+">")
	}
	steps := []struct {
		name string
		set  func() error
	}{
		{"Date", date},
		{"From", b.list(h, "From", b.from)},
		{"Reply-To", b.list(h, "Reply-To", b.replyTo)},
		{"To", b.list(h, "To", b.to)},
		{"Cc", b.list(h, "Cc", b.cc)},
		{"Message-ID", id},
		{"References", func() error { return setReferences(h, b.references) }},
		{"Subject", func() error { return b.setSubject(h) }},
		{"MIME-Version", func() error { return h.Set("MIME-Version", "1.0") }},
	}
	for _, s := range steps {
		if h.Has(s.name) {
			continue
		}
		if err := s.set(); err != nil {
			return err
		}
	}
	for _, f := range body.fields {
		if !h.Has(Field{f: f}.Name()) {
			h.addField(f)
		}
	}
	return nil
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

func (b *Builder) list(h *Header, name string, list []Address) func() error {
	return func() error {
		for _, a := range list {
			if b.Mode != ModeUTF8 && !ascii.All(ascii.Print, a.Local+a.Domain) {
				return badAddress(a.Spec())
			}
		}
		if len(list) == 0 {
			return nil
		}
		return h.SetAddresses(name, list...)
	}
}

func (b *Builder) setSubject(h *Header) error {
	switch {
	case b.subject == "":
		return nil
	case b.Mode == ModeUTF8 && plainUTF8(b.subject):
		return h.Set("Subject", b.subject)
	}
	return h.SetText("Subject", b.subject)
}

// plainUTF8 reports whether text may stand in a header in UTF-8 and reads back.
func plainUTF8(s string) bool {
	return toValid(s) == s && !hasControl(s) && !strings.Contains(s, "=?") && collapse(s) == s && len(s) < mostLine-100
}

func setReferences(h *Header, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	var body bytes.Buffer
	for i, id := range ids {
		if i > 0 {
			body.WriteByte(' ')
		}
		body.WriteString("<" + id + ">")
	}
	return h.Set("References", body.String())
}

// typeOf knows the types of the files that people attach. What it does not know
// is application/octet-stream.
func typeOf(name string) string {
	if t, ok := fileTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

var fileTypes = map[string]string{
	".txt": "text/plain; charset=utf-8", ".html": "text/html; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".ics": "text/calendar; charset=utf-8", ".vcf": "text/vcard; charset=utf-8", ".pdf": "application/pdf",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".svg": "image/svg+xml", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".zip": "application/zip",
	".gz": "application/gzip", ".json": "application/json", ".xml": "application/xml", ".eml": "message/rfc822",
	".doc":  "application/msword",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text",
}

package mime

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// shape puts the parts together. What it returns may be changed.
func (b *Builder) shape() *Entity {
	if b.report != nil {
		return b.report.shallow()
	}
	bodies := make([]*Entity, 0, 3)
	for _, e := range []*Entity{b.text, b.html, b.calendar} {
		if e != nil {
			bodies = append(bodies, e)
		}
	}
	if len(bodies) == 0 && len(b.attached)+len(b.inline) == 0 {
		return textEntity(plainField, "")
	}
	e := b.group("alternative", bodies)
	e = b.group("related", join(e, b.inline))
	if len(b.attached) > 0 { // an attachment alone is one too
		return b.multipart("mixed", join(e, b.attached))
	}
	return e.shallow()
}

// shallow copies e, so that the message's fields are not added to a part that
// is used again.
func (e *Entity) shallow() *Entity {
	c := *e
	return &c
}

// join puts e, if there is one, in front of list.
func join(e *Entity, list []*Entity) []*Entity {
	switch {
	case e == nil:
		return list
	case len(list) == 0:
		return []*Entity{e}
	}
	return append(append(make([]*Entity, 0, 1+len(list)), e), list...)
}

// group wraps several entities in a multipart; one stays as it is.
func (b *Builder) group(sub string, list []*Entity) *Entity {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return b.multipart(sub, list)
}

func (b *Builder) multipart(sub string, list []*Entity) *Entity {
	var e *Entity
	switch sub {
	case "mixed":
		e = newEntity(mixedField)
	case "alternative":
		e = newEntity(alternativeField)
	default: // RFC 2387, section 3.1: the type of the root is required
		root := list[0].Header.ContentType()
		e = b.leaf(MediaType{"multipart", sub, Params{{Name: "type", Value: root.Type + "/" + root.Subtype}}}, MediaType{})
	}
	e.Children, e.boundary = list, b.boundary(sub)
	return e
}

// fields puts the message's own fields in front of those of the body.
func (b *Builder) fields(e *Entity) error {
	e.Mode = b.Mode
	body := e.Header.fields
	e.Header = *b.Header.Clone()
	h := &e.Header
	h.fields = slices.Grow(h.fields, 8)
	h.room = make([]byte, 0, 4*usualField)
	if len(b.from) == 0 && !h.Has("From") {
		return fmt.Errorf("%w: From", ErrNoField)
	}
	b.complete()
	for _, name := range []string{"Date", "From", "Reply-To", "To", "Cc", "Message-ID", "References", "Subject", "MIME-Version"} {
		if h.Has(name) {
			continue
		}
		if err := b.setField(h, name); err != nil {
			return err
		}
	}
	for _, f := range body {
		if !h.Has(view(f.raw[:f.name])) {
			h.addField(f)
		}
	}
	h.room = nil
	return b.checkMode(h)
}

// setField sets one of the message's fields, if there is anything to say.
func (b *Builder) setField(h *Header, name string) error {
	switch name {
	case "Date":
		return h.SetDate(name, b.Date)
	case "From":
		return b.setList(h, name, b.from)
	case "Reply-To":
		return b.setList(h, name, b.replyTo)
	case "To":
		return b.setList(h, name, b.to)
	case "Cc":
		return b.setList(h, name, b.cc)
	case "Message-ID":
		if err := checkID(b.MessageID); err != nil {
			return err
		}
		return h.Set(name, "<"+b.MessageID+">")
	case "References":
		return setReferences(h, b.references)
	case "Subject":
		return b.setSubject(h)
	}
	return h.Set(name, "1.0") // MIME-Version
}

// checkMode refuses fields of the caller that need UTF-8 all the way.
func (b *Builder) checkMode(h *Header) error {
	if b.Mode == ModeUTF8 {
		return nil
	}
	for _, f := range h.Fields() {
		if hasHigh(f.Raw()) {
			return fmt.Errorf("%w: 8-bit octets in %s; use SetText, or ModeUTF8", ErrField, note(f.Name()))
		}
	}
	return nil
}

func (b *Builder) setList(h *Header, name string, list []Address) error {
	for _, a := range list {
		if b.Mode != ModeUTF8 && !(ascii.All(ascii.Print, a.Local) && ascii.All(ascii.Print, a.Domain)) {
			return badAddress(a.Spec())
		}
	}
	if len(list) == 0 {
		return nil
	}
	return h.SetAddresses(name, list...)
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

package mime

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

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
	e := b.group("alternative", bodies)
	e = b.group("related", join(e, b.inline))
	if len(b.attached) > 0 { // an attachment alone is one too
		e = b.multipart("mixed", join(e, b.attached))
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
	if e == nil {
		return list
	}
	return append([]*Entity{e}, list...)
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
	if b.boundaries[sub] == "" {
		if b.boundaries == nil {
			b.boundaries = make(map[string]string, 3)
		}
		b.boundaries[sub] = newBoundary()
	}
	e := &Entity{Children: list}
	t := MediaType{Type: "multipart", Subtype: sub}
	if sub == "related" { // RFC 2387, section 3.1: the type of the root is required
		root := list[0].Header.ContentType()
		t.Params = Params{{Name: "type", Value: root.Type + "/" + root.Subtype}}
	}
	t.Params = append(t.Params, Param{Name: "boundary", Value: b.boundaries[sub]})
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
	return b.checkMode(h)
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

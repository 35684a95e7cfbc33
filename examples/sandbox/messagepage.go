package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// messagePage is one view of a message. Each view has an address of its own, so
// that it works without scripts and can be passed on.
type messagePage struct {
	ID             imap.UID
	Subject        string
	People         []people
	Received, Date time.Time
	Size           int64
	Attachments    []attachment
	Tabs           []tab
	View           string
	Newer, Older   imap.UID // 0: there is none
	Text           string
	Cut            bool // there is more than is shown
	Links          []string
	Headers        []field
	Session        session
	Source         string
	Parts          []partRow
	Defects        []mime.Defect
	HasHTML        bool
}

type tab struct {
	View, Name string
	Current    bool
}

// people are the addresses of one field.
type people struct {
	Name string
	List []address
}

// partRow is a part in the structure of a message.
type partRow struct {
	Number, Type, Encoding, Filename, URL string
	Size                                  int64 // as it lies there
	File                                  bool  // it has content to keep
}

const (
	pageAddresses = 1000 // of a field on the page of its message
	maxParts      = 1000
)

func (w *web) message(rw http.ResponseWriter, r *http.Request, m *opened) {
	h := m.Header()
	c := readContent(m)
	p := &messagePage{ID: m.uid, Subject: h.Text("Subject"), Received: m.received, Date: m.date, Size: m.size,
		Attachments: c.Attachments, Session: m.session, HasHTML: c.HTML != ""}
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"} {
		if list := addresses(h, name, pageAddresses); len(list) > 0 || name == "From" || name == "To" {
			p.People = append(p.People, people{name, list})
		}
	}
	if m.at > 0 {
		p.Older = m.now.entries[m.at-1].uid
	}
	if m.at+1 < len(m.now.entries) {
		p.Newer = m.now.entries[m.at+1].uid
	}
	if !p.choose(r.FormValue("view")) {
		w.fail(rw, r, errGone)
		return
	}
	switch p.View {
	case "html":
		p.Cut = len(c.HTML) >= maxShown
	case "text":
		p.Text, p.Cut = c.Text, len(c.Text) >= maxShown
	case "links":
		p.Links = c.links()
	case "headers":
		p.Headers = headerFields(m)
		p.Cut = len(p.Headers) < h.Len()
	case "parts":
		p.Parts, p.Defects = partRows(m), m.Check()
		p.Cut = len(p.Parts) == maxParts
	case "source":
		p.Source, p.Cut = sourceText(m)
	}
	w.show(rw, http.StatusOK, "message", p)
}

// choose makes the tabs and reports whether there is such a view. Without a name
// it is what a mail program would show.
func (p *messagePage) choose(view string) bool {
	p.Tabs = []tab{{View: "text", Name: "Text"}, {View: "links", Name: "Links"}, {View: "headers", Name: "Headers"},
		{View: "parts", Name: "Parts"}, {View: "envelope", Name: "Envelope"}, {View: "source", Name: "Source"}}
	if p.HasHTML {
		p.Tabs = slices.Insert(p.Tabs, 0, tab{View: "html", Name: "HTML"})
	}
	if view == "" {
		view = p.Tabs[0].View
	}
	i := slices.IndexFunc(p.Tabs, func(t tab) bool { return t.View == view })
	if i < 0 {
		return false
	}
	p.Tabs[i].Current, p.View = true, view
	return true
}

// partRows is the structure of a message.
func partRows(m *opened) []partRow {
	var rows []partRow
	for p := range m.Parts() {
		if len(rows) == maxParts {
			break
		}
		row := partRow{Number: p.Number(), Type: cut(typeOf(p), maxText), Size: p.Octets(), File: p.Kind() != mime.Multipart, URL: partURL(m.uid, p)}
		if row.File {
			row.Encoding, row.Filename = p.Encoding().String(), p.Filename()
		}
		rows = append(rows, row)
	}
	return rows
}

// sourceText is the message as it came, as far as it fits a page.
func sourceText(m *opened) (text string, short bool) {
	section, _ := m.Section(everything)
	b := make([]byte, min(maxShown, section.Size()))
	n, _ := section.ReadAt(b, 0)
	return strings.ToValidUTF8(string(b[:n]), "\ufffd"), section.Size() > int64(n)
}

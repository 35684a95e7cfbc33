package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	stdhtml "html"

	"github.com/mailwire/mailwire/mime"
)

// everything is the section that is a whole message.
var everything = mime.Section{}

const (
	maxShown = 1 << 20 // octets of text on a page; the source has them all
	maxLinks = 200
)

// content is what a message says, for people and tests.
type content struct {
	Text        string       `json:"text"`
	HTML        string       `json:"html"` // as it came, not made safe
	Attachments []attachment `json:"attachments"`
}

// attachment is a part that is offered as a file.
type attachment struct {
	Part      string `json:"part"` // its number, as in IMAP
	Filename  string `json:"filename"`
	Type      string `json:"type"`
	Size      int64  `json:"size"` // octets, decoded
	ContentID string `json:"contentId"`
	URL       string `json:"url"`
}

func readContent(m *opened) content {
	c := content{Attachments: []attachment{}}
	views := m.Views()
	c.Text = textOf(views.Text)
	c.HTML = htmlOf(views.HTML)
	for _, p := range views.Attachments[:min(maxParts, len(views.Attachments))] {
		size, _ := p.DecodedSize() // from memory: the source has no errors
		c.Attachments = append(c.Attachments, attachment{p.Number(), filename(p), typeOf(p), size, p.ContentID(), partURL(m.uid, p)})
	}
	return c
}

// links are where HTML and text lead, each place once.
func (c *content) links() []string {
	all := []string{}
	for _, link := range append(linksOfHTML(c.HTML), linksOfText(c.Text)...) {
		if len(all) < maxLinks && !slices.Contains(all, link) {
			all = append(all, link)
		}
	}
	return all
}

// textOf joins the parts of a text body that are text.
func textOf(parts []mime.Part) string {
	var b strings.Builder
	for _, p := range parts {
		if !p.Is("text/*") || p.Is("text/html") || b.Len() >= maxShown {
			continue
		}
		var r io.Reader = p.Text()
		if t := p.Type(); strings.EqualFold(t.Params.Get("format"), "flowed") {
			r = mime.NewFlowedReader(r, strings.EqualFold(t.Params.Get("delsp"), "yes"))
		}
		io.Copy(&b, io.LimitReader(r, int64(maxShown-b.Len())))
	}
	return strings.ToValidUTF8(b.String(), "")
}

// htmlOf joins the parts of an HTML body: what is plain text among them is
// shown as such.
func htmlOf(parts []mime.Part) string {
	if !slices.ContainsFunc(parts, func(p mime.Part) bool { return p.Is("text/html") }) {
		return ""
	}
	var b strings.Builder
	for _, p := range parts {
		if !p.Is("text/*") || b.Len() >= maxShown {
			continue
		}
		text, _ := p.ReadText(int64(maxShown - b.Len())) // with the error comes what fits
		if !p.Is("text/html") {
			text = "<pre>" + stdhtml.EscapeString(text) + "</pre>"
		}
		b.WriteString(text)
	}
	return b.String()
}

func typeOf(p mime.Part) string {
	t := p.Type()
	return t.Type + "/" + t.Subtype
}

// filename is the name that the sender gives to a part, which mime has made one
// element of a path, or one of ours.
func filename(p mime.Part) string {
	name := p.Filename()
	switch {
	case name != "":
		return name
	case p.Is("message/rfc822"), p.Is("message/global"):
		return fmt.Sprintf("part-%d.eml", p.Index())
	}
	return fmt.Sprintf("part-%d", p.Index())
}

var (
	hrefs = regexp.MustCompile(`(?i)<a\s[^>]*?href\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)`)
	urls  = regexp.MustCompile(`(?i)\b(?:https?://|mailto:)[^\s<>"]+`)
)

// linksOfHTML finds where its links lead: with html/template such a value is a
// link on the page only if its scheme is harmless.
func linksOfHTML(s string) []string {
	var all []string
	for _, m := range hrefs.FindAllStringSubmatch(s, maxLinks) {
		if link := strings.TrimSpace(stdhtml.UnescapeString(strings.Trim(m[1], `"'`))); link != "" {
			all = append(all, cut(link, 4000))
		}
	}
	return all
}

func linksOfText(s string) []string {
	var all []string
	for _, link := range urls.FindAllString(s, maxLinks) {
		all = append(all, cut(strings.TrimRight(link, ".,;:!?)'"), 4000))
	}
	return all
}

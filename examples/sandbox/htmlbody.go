package main

import (
	"encoding/base64"
	stdhtml "html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/mailwire/mailwire/mime"
)

// htmlPolicy is for a document that a stranger wrote. By sandbox it has an origin
// of its own, and no scripts, forms, popups or way out of its frame, also where
// it is opened alone; whatever it would load is refused, but for what comes
// inside of it. No request leaves the browser because a message is looked at.
const htmlPolicy = "sandbox; default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// html serves the HTML body by itself, for the frame.
func (w *web) html(rw http.ResponseWriter, r *http.Request, m *opened) {
	body := htmlOf(m.Views().HTML)
	if body == "" {
		w.fail(rw, r, errGone)
		return
	}
	rw.Header().Set("Content-Security-Policy", htmlPolicy)
	rw.Header().Set("Content-Type", "text/html; charset=utf-8") // whatever a meta element says
	io.WriteString(rw, unlink(resolve(body, m.Message)))
}

// linkElement is the start of a link element. Browsers may resolve names and
// open connections for rel=dns-prefetch and preconnect, which no policy forbids.
var linkElement = regexp.MustCompile(`(?i)<link\b`)

func unlink(s string) string { return linkElement.ReplaceAllString(s, "<x-link") }

// cidURL is a URL that names a part by its Content-ID, where a value begins: RFC 2392.
var cidURL = regexp.MustCompile(`(?i)(["'=(]\s*)cid:([^"'()<>\s]+)`)

// maxInline bounds the octets of URLs that are put into a document.
const maxInline = 16 << 20

// resolve puts the images that a document names by Content-ID into it. That is
// how a document that may load nothing shows them. It is no sanitizer: what is
// not found is left as it is, and the policy makes it harmless.
func resolve(s string, m *mime.Message) string {
	if !cidURL.MatchString(s) {
		return s
	}
	byID := make(map[string]func() string)
	for p := range m.Parts() {
		if id := p.ContentID(); id != "" && p.Kind() == mime.Leaf {
			byID[id] = sync.OnceValue(func() string { return dataURL(p) })
		}
	}
	left := maxInline
	return cidURL.ReplaceAllStringFunc(s, func(found string) string {
		sub := cidURL.FindStringSubmatch(found)
		id, err := url.PathUnescape(stdhtml.UnescapeString(sub[2]))
		data, known := byID[id]
		if err != nil || !known || data() == "" || len(data()) > left {
			return found
		}
		left -= len(data())
		return sub[1] + data()
	})
}

// dataURL is a part as a URL, "" for one that is too large.
func dataURL(p mime.Part) string {
	octets, err := p.ReadDecoded(maxInline)
	if err != nil {
		return ""
	}
	return "data:" + dataType(p) + ";base64," + base64.StdEncoding.EncodeToString(octets)
}

var plainType = regexp.MustCompile(`^[a-z]+/[a-z0-9.+-]+$`)

// dataType is a type that can stand in a URL inside of markup.
func dataType(p mime.Part) string {
	if t := typeOf(p); plainType.MatchString(t) && !strings.HasPrefix(t, "text/") {
		return t
	}
	return "application/octet-stream"
}

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	stdmime "mime"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// filePolicy is for octets that a stranger wrote and a browser may show.
const filePolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"

// source serves a message as it came, to be read or, with ?download, kept.
func (w *web) source(rw http.ResponseWriter, r *http.Request, m *opened) {
	rw.Header().Set("Content-Security-Policy", filePolicy)
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Query().Has("download") {
		rw.Header().Set("Content-Type", "message/rfc822")
		rw.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="message-%d.eml"`, m.uid))
	}
	rw.Header().Set("Content-Length", strconv.FormatInt(m.size, 10))
	m.WriteTo(rw)
}

func partURL(uid imap.UID, p mime.Part) string {
	return fmt.Sprintf("/messages/%d/parts/%d", uid, p.Index())
}

// harmless are types that nothing runs in. Everything else is octets: what the
// sender says of them must not decide what a browser does.
var harmless = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip"}

// part serves the decoded content of one part as a file.
func (w *web) part(rw http.ResponseWriter, r *http.Request, m *opened) {
	i, err := strconv.Atoi(r.PathValue("part"))
	p := mime.Part{}
	for q := range m.Parts() {
		if err == nil && q.Index() == i {
			p = q
			break
		}
	}
	if p.IsZero() {
		w.fail(rw, r, errGone)
		return
	}
	kind := typeOf(p)
	if !slices.Contains(harmless, kind) {
		kind = "application/octet-stream"
	}
	rw.Header().Set("Content-Security-Policy", filePolicy)
	rw.Header().Set("Content-Type", kind)
	rw.Header().Set("Content-Disposition", stdmime.FormatMediaType("attachment", map[string]string{"filename": filename(p)}))
	p.Decoded().WriteTo(rw)
}

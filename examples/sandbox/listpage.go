package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/mailwire/mailwire/imap"
)

const perPage = 50

// listPage is the list, all of it or what a search has found.
type listPage struct {
	Query, Error string
	State        string // see web.state
	Rows         []listRow
	Matches      int
	First, Last  int // of Matches, from 1
	Newer, Older string
	Newest       imap.UID
	Kept         int
	Octets       int64
	Dropped      int
	Bounds       bounds
	SMTP         string
}

// listRow is a message in the list.
type listRow struct {
	ID            imap.UID
	From, To      []address
	Subject, Text string
	Received      time.Time
	Size          int64
	Attachments   int
}

// MaxMessages and MaxOctets are for the template, which sees exported names only.
func (p *listPage) MaxMessages() int { return p.Bounds.messages }
func (p *listPage) MaxOctets() int64 { return p.Bounds.octets }

func (w *web) list(rw http.ResponseWriter, r *http.Request) {
	now := w.shelf.snapshot()
	p := &listPage{Query: r.FormValue("q"), State: w.stateOf(now), Newest: now.newest(), Kept: len(now.entries), Octets: now.octets,
		Dropped: now.dropped, Bounds: w.shelf.keep, SMTP: w.address(smtpService)}
	page, err := number(r, "page", 1, 1, 1<<20)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	status := http.StatusOK
	q, err := parseQuery(p.Query)
	if err != nil {
		p.Error, status = err.Error(), http.StatusBadRequest
	} else {
		found, err := q.search(r.Context(), w.shelf, now.entries)
		if err != nil {
			w.fail(rw, r, err)
			return
		}
		p.fill(found, page)
	}
	w.show(rw, status, "list", p)
}

// fill puts one page of what was found on the page. One behind the last page is
// the last: messages may have gone since the link was made.
func (p *listPage) fill(found []*entry, page int) {
	p.Matches = len(found)
	page = min(page, max(1, (len(found)+perPage-1)/perPage))
	from, to := (page-1)*perPage, min(page*perPage, len(found))
	p.First, p.Last = from+1, to
	if page > 1 {
		p.Newer = p.link(page - 1)
	}
	if to < len(found) {
		p.Older = p.link(page + 1)
	}
	for _, e := range found[from:to] {
		p.Rows = append(p.Rows, listRow{e.uid, e.from, e.to, e.subject, e.preview, e.received, e.size, e.attachments})
	}
}

func (p *listPage) link(page int) string {
	v := url.Values{"page": {fmt.Sprint(page)}}
	if p.Query != "" {
		v.Set("q", p.Query)
	}
	return "/?" + v.Encode()
}

// state says in a few octets whether an open page is still right.
func (w *web) state(rw http.ResponseWriter, _ *http.Request) {
	now := w.shelf.snapshot()
	writeJSON(rw, http.StatusOK, map[string]string{"state": w.stateOf(now)})
}

// stateOf names the state of the shelf: no other has the same, not even in
// another run of the sandbox.
func (w *web) stateOf(now snapshot) string { return fmt.Sprintf("%d-%d", w.shelf.validity, now.change) }

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
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

// clear removes what the page that asks for it could show: up to its newest
// message. What came since stays.
func (w *web) clear(rw http.ResponseWriter, r *http.Request) {
	upto, err := number(r, "upto", 0, 1, math.MaxUint32)
	if err == nil {
		err = w.removeUpTo(r.Context(), imap.UID(upto))
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	http.Redirect(rw, r, "/", http.StatusSeeOther)
}

// removeUpTo removes all messages up to a UID; with 0, all that there are.
func (w *web) removeUpTo(ctx context.Context, uid imap.UID) error {
	if uid == 0 {
		uid = w.shelf.snapshot().newest()
	}
	if uid == 0 {
		return nil
	}
	_, err := w.shelf.remove(ctx, imap.NumSetRange(1, uid))
	return err
}

func (w *web) delete(rw http.ResponseWriter, r *http.Request) {
	if err := w.removeOne(r); err != nil {
		w.fail(rw, r, err)
		return
	}
	http.Redirect(rw, r, "/", http.StatusSeeOther)
}

func (w *web) removeOne(r *http.Request) error {
	uid, err := parseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	removed, err := w.shelf.remove(r.Context(), imap.NumSetOf(uid))
	if err == nil && removed == 0 {
		return errGone
	}
	return err
}

// when is a time as short as it is clear.
func when(t time.Time) string {
	switch now := time.Now(); {
	case t.IsZero():
		return ""
	case t.Local().Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Local().Format(time.TimeOnly)
	}
	return t.Local().Format("2006-01-02 15:04")
}

func sizeText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// count is a number with its thousands apart.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// names are addresses as a list shows them: the names of those who have one.
func names(all []address) string {
	var b strings.Builder
	for i, a := range all {
		if i == 3 {
			fmt.Fprintf(&b, " and %d more", len(all)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if a.Name != "" {
			b.WriteString(a.Name)
		} else {
			b.WriteString(a.Address)
		}
	}
	return b.String()
}

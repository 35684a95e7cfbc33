package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// The API is for tests of applications: list and search, wait for a message,
// look at it, remove it. README.md has it in a table.

// summary is a message in a list.
type summary struct {
	ID          imap.UID   `json:"id"`
	Received    time.Time  `json:"received"`
	Date        *time.Time `json:"date"` // null if the message states none
	From        []address  `json:"from"`
	To          []address  `json:"to"`
	Subject     string     `json:"subject"`
	Preview     string     `json:"preview"`
	Size        int64      `json:"size"`
	Attachments int        `json:"attachmentCount"`
	Envelope    session    `json:"envelope"`
}

func newSummary(e *entry) summary {
	s := summary{e.uid, e.received, nil, e.from, e.to, e.subject, e.preview, e.size, e.attachments, e.session}
	if !e.date.IsZero() {
		s.Date = &e.date
	}
	return s
}

// full is a message with all that is known of it.
type full struct {
	summary
	Headers []field `json:"headers"`
	content
	Links   []string `json:"links"`
	Defects []string `json:"defects"`
	Source  string   `json:"sourceUrl"`
}

// field is a header field, its value as text.
type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func newFull(m *opened) full {
	c := readContent(m)
	f := full{newSummary(m.entry), headerFields(m), c, c.links(), []string{}, fmt.Sprintf("/messages/%d/source", m.uid)}
	for _, d := range m.Check() {
		f.Defects = append(f.Defects, d.Error())
	}
	return f
}

// maxFields is how many header fields are shown; the source has them all.
const maxFields = 2000

func headerFields(m *opened) []field {
	all := []field{}
	for i, f := range m.Header().Fields() {
		if i == maxFields {
			break
		}
		all = append(all, field{f.Name(), f.Text()})
	}
	return all
}

func (w *web) apiList(rw http.ResponseWriter, r *http.Request) {
	limit, err := number(r, "limit", perPage, 1, 1000)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	q, after, err := w.asked(r)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	now := w.shelf.snapshot()
	found, err := q.search(r.Context(), w.shelf, now.after(after))
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	list := []summary{}
	for _, e := range found[:min(limit, len(found))] {
		list = append(list, newSummary(e))
	}
	writeJSON(rw, http.StatusOK, map[string]any{"total": len(found), "dropped": now.dropped, "messages": list})
}

func (w *web) apiMessage(rw http.ResponseWriter, _ *http.Request, m *opened) {
	writeJSON(rw, http.StatusOK, newFull(m))
}

const (
	usualWait = 10 * time.Second
	maxWait   = 5 * time.Minute
)

var errNone = errors.New("no such message came in time")

// apiWait answers with the newest message that matches as soon as there is one.
func (w *web) apiWait(rw http.ResponseWriter, r *http.Request) {
	timeout := usualWait
	q, after, err := w.asked(r)
	if s := r.FormValue("timeout"); s != "" && err == nil {
		if timeout, err = time.ParseDuration(s); err != nil || timeout < 0 || timeout > maxWait {
			err = fmt.Errorf("%w: timeout is a time like 10s, up to %v", errRequest, maxWait)
		}
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	e, err := w.shelf.wait(r.Context(), timeout, q, after)
	var m *opened
	if err == nil {
		m, err = w.open(r.Context(), fmt.Sprint(e.uid))
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	writeJSON(rw, http.StatusOK, newFull(m))
}

// asked reads what is looked for: q, and after, the id that is too old.
func (w *web) asked(r *http.Request) (query, imap.UID, error) {
	after, err := number(r, "after", 0, 0, 1<<32-1)
	if err != nil {
		return nil, 0, err
	}
	q, err := parseQuery(r.FormValue("q"))
	return q, imap.UID(after), err
}

// wait returns the newest message behind a UID that matches, as soon as there is
// one, or errNone. Each message is looked at once.
func (s *shelf) wait(ctx context.Context, timeout time.Duration, q query, after imap.UID) (*entry, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		now := s.snapshot()
		found, err := q.search(ctx, s, now.after(after))
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			return found[0], nil
		}
		after = max(after, now.newest())
		select {
		case <-now.changed:
		case <-timer.C:
			return nil, errNone
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	var answer bytes.Buffer
	e := json.NewEncoder(&answer)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // it is no HTML, and said not to be
	if err := e.Encode(v); err != nil {
		http.Error(rw, "The answer could not be made.", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	rw.Write(answer.Bytes())
}

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

//go:embed static templates
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"when": when, "size": sizeText, "names": names, "count": count, "plural": plural,
}).ParseFS(files, "templates/*.html"))

// web is the page and the API. A page is made anew for each request from what is
// on the shelf, and all of it works without scripts.
type web struct {
	shelf   *shelf
	names   []string                 // that the page may be called by
	address func(service int) string // of the servers, to be shown
}

func newWeb(s *shelf, names []string, address func(int) string) *web {
	return &web{s, names, address}
}

func (w *web) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.list)
	mux.HandleFunc("POST /clear", w.clear)
	mux.HandleFunc("GET /messages/{id}", w.withMessage(w.message))
	mux.HandleFunc("GET /messages/{id}/html", w.withMessage(w.html))
	mux.HandleFunc("GET /messages/{id}/source", w.withMessage(w.source))
	mux.HandleFunc("GET /messages/{id}/parts/{part}", w.withMessage(w.part))
	mux.HandleFunc("POST /messages/{id}/delete", w.delete)
	mux.Handle("GET /static/", http.FileServerFS(files))
	mux.HandleFunc("GET /state", w.state)
	mux.HandleFunc("GET /api/v1/messages", w.apiList)
	mux.HandleFunc("GET /api/v1/messages/{id}", w.withMessage(w.apiMessage))
	mux.HandleFunc("GET /api/v1/wait", w.apiWait)
	mux.HandleFunc("DELETE /api/v1/messages", w.apiClear)
	mux.HandleFunc("DELETE /api/v1/messages/{id}", w.apiDelete)
	return w.guard(http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(mux), maxBody))
}

// maxBody bounds what a request may bring, in octets: forms of a few numbers.
const maxBody = 16 << 10

// pagePolicy lets a page load what is its own, and nothing be loaded or run that
// a message has brought into it. frame-src keeps links inside the frame of an
// HTML message from leading the frame elsewhere.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard refuses what is called by a foreign name: a site that has its own name
// lead to loopback could read the mail (DNS rebinding). The cross-origin check
// behind it refuses changes that another site asks for.
func (w *web) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-DNS-Prefetch-Control", "off")
		h.Set("Cache-Control", "no-store")
		if !w.ownName(r.Host) {
			http.Error(rw, "This is not a name of the sandbox; -host adds names.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// ownName reports whether a Host is the sandbox's: an address, which no DNS can
// make lead elsewhere, localhost, or a name that the command line gives.
func (w *web) ownName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(w.names, name)
}

// show answers with a page, or not at all: half a page would be taken for one.
func (w *web) show(rw http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(rw, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	rw.Write(page.Bytes())
}

// fail answers with what is wrong: in JSON where the API was asked.
func (w *web) fail(rw http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, errGone), errors.Is(err, errNone):
		status = http.StatusNotFound
	case errors.Is(err, errQuery), errors.Is(err, errRequest):
		status = http.StatusBadRequest
	case errors.Is(err, context.Canceled):
		status, err = http.StatusServiceUnavailable, errEnds // or nobody is there to be told
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeJSON(rw, status, map[string]string{"error": err.Error()})
		return
	}
	w.show(rw, status, "problem", map[string]any{"Title": http.StatusText(status), "Error": err.Error()})
}

var (
	errRequest = errors.New("the request cannot be understood")
	errEnds    = errors.New("the sandbox ends")
)

// opened is a message that a request is about.
type opened struct {
	*entry
	*mime.Message
	now snapshot
	at  int // place in now
}

// withMessage finds the message of the path.
func (w *web) withMessage(serve func(http.ResponseWriter, *http.Request, *opened)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		m, err := w.open(r.Context(), r.PathValue("id"))
		if err != nil {
			w.fail(rw, r, err)
			return
		}
		serve(rw, r, m)
	}
}

func (w *web) open(ctx context.Context, id string) (*opened, error) {
	uid, err := parseID(id)
	if err != nil {
		return nil, err
	}
	now := w.shelf.snapshot()
	i, found := now.find(uid)
	if !found {
		return nil, errGone
	}
	m, err := w.shelf.message(ctx, uid)
	return &opened{now.entries[i], m, now, i}, err
}

// parseID reads a UID. What is none is no message.
func parseID(s string) (imap.UID, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, errGone
	}
	return imap.UID(n), nil
}

// number reads a number of the query, from least to most.
func number(r *http.Request, name string, unset, least, most int) (int, error) {
	s := r.FormValue(name)
	if s == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%w: %s is a number from %d to %d", errRequest, name, least, most)
	}
	return n, nil
}

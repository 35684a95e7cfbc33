package main

import (
	"context"
	"math"
	"net/http"

	"github.com/mailwire/mailwire/imap"
)

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

func (w *web) apiClear(rw http.ResponseWriter, r *http.Request) {
	w.removed(rw, r, w.removeUpTo(r.Context(), 0))
}

func (w *web) apiDelete(rw http.ResponseWriter, r *http.Request) { w.removed(rw, r, w.removeOne(r)) }

func (w *web) removed(rw http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

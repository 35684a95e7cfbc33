package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answer is what the API says, as a client reads it.
type answer map[string]any

func api(t *testing.T, h http.Handler, method, target string, want int) answer {
	t.Helper()
	rw := ask(h, method, target)
	if rw.Code != want {
		t.Fatalf("%s %s: %d, want %d\n%s", method, target, rw.Code, want, rw.Body)
	}
	var a answer
	if rw.Body.Len() > 0 {
		if err := json.Unmarshal(rw.Body.Bytes(), &a); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, target, err, rw.Body)
		}
	}
	return a
}

func TestAPI(t *testing.T) {
	s := testShelf(t)
	h := testWeb(s)
	if got, want := api(t, h, "GET", "/api/v1/messages", 200), (answer{"total": 0.0, "dropped": 0.0, "messages": []any{}}); !cmp.Equal(got, want) {
		t.Errorf("an empty shelf: %v", got)
	}
	put(t, s, letter("one", "See https://example.org/reset?a=1&b=2."))
	put(t, s, newsletter, "hidden@example.org")
	put(t, s, letter("three", "x"))

	ids := func(a answer) (all []float64) {
		for _, m := range a["messages"].([]any) {
			all = append(all, m.(map[string]any)["id"].(float64))
		}
		return all
	}
	for target, want := range map[string][]float64{
		"/api/v1/messages":                       {3, 2, 1},
		"/api/v1/messages?limit=2":               {3, 2},
		"/api/v1/messages?after=1":               {3, 2},
		"/api/v1/messages?after=3":               nil,
		"/api/v1/messages?q=subject:three":       {3},
		"/api/v1/messages?q=subject:one&after=1": nil,
	} {
		if diff := cmp.Diff(want, ids(api(t, h, "GET", target, 200))); diff != "" {
			t.Errorf("%s: -want +got\n%s", target, diff)
		}
	}

	one := api(t, h, "GET", "/api/v1/messages/1", 200)
	want := answer{
		"id": 1.0, "received": "2026-11-26T08:00:00Z", "date": "2026-11-26T09:00:00+01:00", "subject": "one",
		"from": []any{map[string]any{"name": "Ann", "address": "ann@example.org"}},
		"to":   []any{map[string]any{"name": "Bob", "address": "bob@example.org"}},
		"text": "See https://example.org/reset?a=1&b=2.\r\n", "html": "", "preview": "See https://example.org/reset?a=1&b=2.",
		"links": []any{"https://example.org/reset?a=1&b=2"}, "attachments": []any{}, "attachmentCount": 0.0, "defects": []any{},
		"sourceUrl": "/messages/1/source",
	}
	for name, value := range want {
		if diff := cmp.Diff(value, one[name]); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if got := one["headers"].([]any)[0]; !cmp.Equal(got, any(map[string]any{"name": "From", "value": "Ann <ann@example.org>"})) {
		t.Errorf("headers: %v", got)
	}

	two := api(t, h, "GET", "/api/v1/wait?q=to:hidden", 200)
	if got := two["envelope"].(map[string]any)["to"]; !cmp.Equal(got, any([]any{"hidden@example.org"})) {
		t.Errorf("envelope: %v", got)
	}
	file := two["attachments"].([]any)[0].(map[string]any)
	if diff := cmp.Diff(map[string]any{"part": "1.2.2", "filename": "logo.png", "type": "image/png", "size": float64(len(pixel)),
		"contentId": "logo@nord", "url": "/messages/2/parts/5"}, file); diff != "" {
		t.Errorf("attachment: -want +got\n%s", diff)
	}
	if got := ask(h, "GET", file["url"].(string)).Body.String(); got != string(pixel) {
		t.Errorf("the file at its url: %q", got)
	}

	api(t, h, "DELETE", "/api/v1/messages/2", 204)
	api(t, h, "DELETE", "/api/v1/messages/2", 404)
	api(t, h, "GET", "/api/v1/messages/2", 404)
	api(t, h, "DELETE", "/api/v1/messages", 204)
	if got := ids(api(t, h, "GET", "/api/v1/messages", 200)); got != nil {
		t.Errorf("after all were removed: %v", got)
	}
}

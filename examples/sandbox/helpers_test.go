package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// testShelf is a shelf of the usual size, or of another.
func testShelf(t testing.TB, keep ...bounds) *shelf {
	t.Helper()
	keep = append(keep, bounds{messages: 5000, octets: 64 << 20})
	s, err := newShelf("sandbox", "secret", keep[0])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put puts a message on the shelf as if it had come by SMTP from a@example.org.
// Line ends are LF here, for the eye, and CRLF there.
func put(t testing.TB, s *shelf, message string, to ...string) imap.UID {
	t.Helper()
	octets := []byte(strings.ReplaceAll(message, "\n", "\r\n"))
	e := newEntry(octets, session{Peer: "127.0.0.1:9", Hello: "EHLO test", From: "a@example.org", To: to,
		Mail: "MAIL FROM:<a@example.org>"}, testTime)
	if err := s.put(octets, e); err != nil {
		t.Fatal(err)
	}
	return e.uid
}

// letter is a small message.
func letter(subject, text string) string {
	return "From: Ann <ann@example.org>\nTo: Bob <bob@example.org>\nDate: Thu, 26 Nov 2026 09:00:00 +0100\nMessage-ID: <" +
		strings.ReplaceAll(subject, " ", ".") + "@example.org>\nSubject: " + subject + "\n\n" + text + "\n"
}

// testWeb is the page over a shelf.
func testWeb(s *shelf) http.Handler {
	return newWeb(s, []string{"mail.test"}, func(int) string { return "127.0.0.1:1025" }).handler()
}

// ask makes a request of the page, as a browser with these headers would.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:8025"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	rw := httptest.NewRecorder()
	h.ServeHTTP(rw, r)
	return rw
}

// get asks for a page that has to be there, and returns it.
func get(t testing.TB, h http.Handler, target string) string {
	t.Helper()
	rw := ask(h, "GET", target)
	if rw.Code != http.StatusOK {
		t.Fatalf("GET %s: %d\n%s", target, rw.Code, rw.Body)
	}
	return rw.Body.String()
}

// running is a whole sandbox in this process.
type running struct {
	*sandbox
	stop func() error // ends it and returns what serve does; once
}

// start starts a sandbox on ports that the system chooses.
func start(t testing.TB, args ...string) *running {
	t.Helper()
	for _, s := range services {
		args = append(args, "-"+s.flag, "127.0.0.1:0")
	}
	c, err := parseConfig(append(args, "-password", "secret"), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSandbox(c, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.serve(ctx) }()
	r := &running{s, sync.OnceValue(func() error { cancel(); return <-served })}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

func (r *running) url(path string) string { return "http://" + r.address(webService) + path }

// testTime is when the messages of put have come.
var testTime = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)

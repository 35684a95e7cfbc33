package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// A name that somebody's DNS leads here is refused: DNS rebinding.
func TestHost(t *testing.T) {
	h := testWeb(testShelf(t))
	for host, want := range map[string]int{
		"127.0.0.1:8025": 200, "127.0.0.1": 200, "[::1]:8025": 200, "192.0.2.7:80": 200,
		"localhost:8025": 200, "LocalHost": 200, "mail.localhost:8025": 200, "mail.test:8025": 200, "MAIL.test": 200,
		"evil.example:8025": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "notlocalhost": 421,
		"localhost@evil.example": 421, "": 421,
	} {
		for _, path := range []string{"/", "/state", "/api/v1/messages", "/static/style.css"} {
			if got := ask(h, "GET", path, "Host", host).Code; got != want {
				t.Errorf("Host %q, %s: %d, want %d", host, path, got, want)
			}
		}
	}
}

// Another site cannot have anything removed: CSRF.
func TestForeignChange(t *testing.T) {
	s := testShelf(t)
	h := testWeb(s)
	for _, row := range []struct {
		name    string
		headers []string
		refused bool
	}{
		{"cross-site", []string{"Sec-Fetch-Site", "cross-site"}, true},
		{"same-site", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:3000"}, true},
		{"older browser, other origin", []string{"Origin", "http://evil.example"}, true},
		{"older browser, other port", []string{"Origin", "http://127.0.0.1:3000"}, true},
		{"sandboxed frame", []string{"Origin", "null"}, true},
		{"the page", []string{"Sec-Fetch-Site", "same-origin"}, false},
		{"older browser, the page", []string{"Origin", "http://127.0.0.1:8025"}, false},
		{"curl", nil, false},
	} {
		for _, request := range []string{"POST /messages/%d/delete", "POST /clear", "DELETE /api/v1/messages/%d", "DELETE /api/v1/messages"} {
			uid := put(t, s, letter("x", "x"))
			method, path, _ := strings.Cut(request, " ")
			code := ask(h, method, strings.ReplaceAll(path, "%d", fmt.Sprint(uid)), row.headers...).Code
			if (code == http.StatusForbidden) != row.refused {
				t.Errorf("%s, %s: %d", row.name, request, code)
			}
			now := s.snapshot()
			if _, there := now.find(uid); there != row.refused {
				t.Errorf("%s, %s: the message is there: %v", row.name, request, there)
			}
		}
	}
}

// What removes is never a GET, which a link or an image could make.
func TestGetRemovesNothing(t *testing.T) {
	s := testShelf(t)
	uid := put(t, s, letter("x", "x"))
	h := testWeb(s)
	for _, path := range []string{"/clear", "/messages/1/delete"} {
		if code := ask(h, "GET", path).Code; code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, code)
		}
	}
	if now := s.snapshot(); now.newest() != uid {
		t.Error("the message is gone")
	}
}

func TestHeaders(t *testing.T) {
	s := testShelf(t)
	put(t, s, hostile)
	h := testWeb(s)
	for path, policy := range map[string]string{
		"/": pagePolicy, "/messages/1": pagePolicy, "/messages/7": pagePolicy, "/api/v1/messages": pagePolicy,
		"/messages/1/html": htmlPolicy, "/messages/1/source": filePolicy, "/messages/1/parts/1": filePolicy,
	} {
		got := ask(h, "GET", path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got.Get(name), want)
			}
		}
	}
	for _, need := range []string{"sandbox;", "default-src 'none'"} {
		if !strings.Contains(htmlPolicy, need) || !strings.Contains(filePolicy, need) {
			t.Errorf("a policy for strangers is without %s", need)
		}
	}
	if strings.Contains(htmlPolicy, "allow-") || strings.Contains(htmlPolicy, "script-src") {
		t.Errorf("the policy of HTML bodies allows scripts: %s", htmlPolicy)
	}
}

func TestBadRequests(t *testing.T) {
	s := testShelf(t)
	put(t, s, letter("x", "x"))
	h := testWeb(s)
	for target, want := range map[string]int{
		"/messages/2": 404, "/messages/0": 404, "/messages/-1": 404, "/messages/x": 404, "/messages/1x": 404,
		"/messages/4294967297": 404, "/messages/99999999999999999999999": 404, "/messages/..%2f1": 404, "/messages/%00": 404,
		"/messages/1?view=nothing": 404, "/messages/1?view=html": 404, "/messages/1/html": 404,
		"/messages/1/parts/1": 404, "/messages/1/parts/-1": 404, "/messages/1/parts/x": 404, "/messages/1/parts/..%2f..%2fmain.go": 404,
		"/messages/2/source": 404, "/messages/2/html": 404, "/messages/2/parts/0": 404,
		"/nothing": 404, "/static/../web.go": 404, "/static/nothing": 404, "/templates/list.html": 404,
		"/?page=0": 400, "/?page=x": 400, "/?page=-1": 400, "/?page=99999999999": 400, "/?page=700": 200,
		"/?q=" + strings.Repeat("a+", 30):       400,
		"/api/v1/messages/2":                    404,
		"/api/v1/messages?limit=0":              400,
		"/api/v1/messages?limit=1001":           400,
		"/api/v1/messages?after=x":              400,
		"/api/v1/messages?after=99999999999999": 400,
		"/api/v1/wait?timeout=x":                400,
		"/api/v1/wait?timeout=-1s":              400,
		"/api/v1/wait?timeout=100h":             400,
		"/api/v1/wait?timeout=0s&q=nothing":     404,
		"/api/v1/wait?timeout=0s":               200,
	} {
		rw := ask(h, "GET", target)
		if rw.Code != want && !(want == 404 && rw.Code/100 == 3) { // a redirect to a path that is cleaned
			t.Errorf("GET %s: %d, want %d", target, rw.Code, want)
		}
		if strings.HasPrefix(target, "/api/") && rw.Header().Get("Content-Type") != "application/json" {
			t.Errorf("GET %s: %s", target, rw.Header().Get("Content-Type"))
		}
	}
}

// hostile is a message that has markup wherever a page shows something of it.
const hostile = `From: "<script>alert(1)</script>" <"<script>alert(2)</script>"@example.org>
To: "\"><img src=x onerror=alert(3)>" <bob@example.org>
Cc: <script>alert(4)</script>
Reply-To: "<script>alert(5)</script>" <x@example.org>
Subject: </title><script>alert(6)</script> "'><svg onload=alert(7)> {{.}}
Date: <script>alert(8)</script>
Message-ID: <script>alert(9)</script>
X-<script>alert(10)</script>: <script>alert(11)</script>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

</pre><script>alert(12)</script> javascript:alert(13) https://x.example/"onclick="alert(14)
--b
Content-Type: text/html; x="<script>alert(15)</script>"

<a href="javascript:alert(16)">x</a><a href='&quot;><script>alert(17)</script>'>y</a>
--b
Content-Type: text/html; x="<script>alert(18)</script>"
Content-Disposition: attachment; filename="\"><script>alert(19)</script>.html"
Content-ID: <script>alert(20)</script>

<script>alert(21)</script>
--b
Content-Type: application/<script>alert(22)</script>
Content-Disposition: attachment; filename="../../etc/passwd<script>.html"

x
--b--
`

// ownTags are the elements that our templates make.
var ownTags = regexp.MustCompile(`^</?(!doctype html|html|head|meta|title|link|script src="/static/live.js" defer|body|a|header|main|div|nav|p|h1|h2|q|form|label|input|button|details|summary|ul|li|span|time|footer|strong|article|dl|dt|dd|small|section|iframe src="/messages/1/html" sandbox|pre|table|caption|thead|tbody|tr|th|td|code|img src="/static/icon.svg"|/script|/iframe)[\s>]`)

// Nothing of a message is markup on a page.
func TestMarkupIsText(t *testing.T) {
	s := testShelf(t)
	m := strings.ReplaceAll(hostile, "\n", "\r\n")
	e := newEntry([]byte(m), session{Peer: "<script>", Hello: "EHLO <script>alert(23)</script>", User: "<script>alert(24)</script>",
		Mail: "MAIL FROM:<script>alert(25)</script>", Rcpt: []string{"RCPT TO:<script>alert(26)</script>"}, To: []string{"<script>"}}, testTime)
	if err := s.put([]byte(m), e); err != nil {
		t.Fatal(err)
	}
	h := testWeb(s)
	tag, value, handler := regexp.MustCompile(`<[^>]*>`), regexp.MustCompile(`"[^"]*"`), regexp.MustCompile(`(?i)\bon\w+\s*=`)
	for _, target := range []string{
		"/", "/?q=%3Cscript%3Ealert(27)%3C/script%3E", "/?q=%22%3E%3Csvg+onload=alert(28)%3E", "/messages/1", "/messages/1?view=text", "/messages/1?view=html", "/messages/1?view=links",
		"/messages/1?view=headers", "/messages/1?view=parts", "/messages/1?view=envelope", "/messages/1?view=source",
	} {
		page := get(t, h, target)
		for _, found := range tag.FindAllString(page, -1) {
			if !ownTags.MatchString(found) || handler.MatchString(value.ReplaceAllString(found, "")) || strings.Contains(strings.ToLower(found), `="javascript:`) {
				t.Errorf("%s has %s", target, found)
			}
		}
	}
	if page := get(t, h, "/messages/1?view=headers"); !strings.Contains(page, "&lt;script&gt;alert(11)&lt;/script&gt;") {
		t.Error("the header is not shown")
	}
}

func TestList(t *testing.T) {
	s := testShelf(t)
	h := testWeb(s)
	if page := get(t, h, "/"); !strings.Contains(page, "No mail yet") || !strings.Contains(page, "smtp://127.0.0.1:1025") {
		t.Errorf("an empty shelf does not say where mail goes:\n%s", page)
	}
	for i := range 120 {
		put(t, s, letter(fmt.Sprintf("number %03d", i), "x"))
	}
	subject := regexp.MustCompile(`number (\d{3})`)
	shown := func(target string) (first, last string, rows int) {
		all := subject.FindAllString(get(t, h, target), -1)
		if len(all) == 0 {
			return "", "", 0
		}
		return all[0], all[len(all)-1], len(all)
	}
	for _, row := range []struct {
		target, first, last string
		rows                int
	}{
		{"/", "number 119", "number 070", 50},
		{"/?page=2", "number 069", "number 020", 50},
		{"/?page=3", "number 019", "number 000", 20},
		{"/?page=9", "number 019", "number 000", 20},
	} {
		if first, last, rows := shown(row.target); first != row.first || last != row.last || rows != row.rows {
			t.Errorf("%s: %d rows from %q to %q, want %+v", row.target, rows, first, last, row)
		}
	}
	page := get(t, h, "/?q=%22number+1%22&page=1")
	for _, want := range []string{"20 messages with", `value="&#34;number 1&#34;"`, "1–20 of 20", "Ann", "to Bob"} {
		if !strings.Contains(page, want) {
			t.Errorf("a search: no %q", want)
		}
	}
	page = get(t, h, "/?q=number&page=2")
	for _, want := range []string{`href="/?page=1&amp;q=number"`, `href="/?page=3&amp;q=number"`, "51–100 of 120"} {
		if !strings.Contains(page, want) {
			t.Errorf("a page of a search: no %q", want)
		}
	}
	if page := get(t, h, "/?q=absent"); !strings.Contains(page, "Nothing matches") {
		t.Error("a search that finds nothing does not say so")
	}
	if page := ask(h, "GET", "/?q="+strings.Repeat("a+", 30)).Body.String(); !strings.Contains(page, "at most 20 words") {
		t.Error("a search that is refused does not say why")
	}
}

func TestDroppedIsSaid(t *testing.T) {
	s := testShelf(t, bounds{messages: 2, octets: 1 << 20})
	for range 5 {
		put(t, s, letter("x", "x"))
	}
	page := get(t, testWeb(s), "/")
	for _, want := range []string{"Up to 2 messages and 1.0 MiB are kept", "3 messages have been dropped"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestRemove(t *testing.T) {
	s := testShelf(t)
	h := testWeb(s)
	for i := range 4 {
		put(t, s, letter(fmt.Sprint("m", i), "x"))
	}
	if rw := ask(h, "POST", "/messages/2/delete"); rw.Code != http.StatusSeeOther || rw.Header().Get("Location") != "/" {
		t.Errorf("delete: %d to %q", rw.Code, rw.Header().Get("Location"))
	}
	if rw := ask(h, "POST", "/messages/2/delete"); rw.Code != http.StatusNotFound {
		t.Errorf("delete again: %d", rw.Code)
	}
	if got, want := subjects(s), []string{"m0", "m2", "m3"}; !cmp.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if rw := ask(h, "POST", "/clear?upto=3"); rw.Code != http.StatusSeeOther {
		t.Errorf("clear: %d", rw.Code)
	}
	if got, want := subjects(s), []string{"m3"}; !cmp.Equal(got, want) {
		t.Errorf("clear takes what came later: %q, want %q", got, want)
	}
	if rw := ask(h, "POST", "/clear?upto=x"); rw.Code != http.StatusBadRequest || len(subjects(s)) != 1 {
		t.Errorf("clear up to nothing: %d, %q", rw.Code, subjects(s))
	}
	if rw := ask(h, "POST", "/clear"); rw.Code != http.StatusSeeOther || len(subjects(s)) != 0 {
		t.Errorf("clear all: %d, %q", rw.Code, subjects(s))
	}
}

// The list has the state that an open page compares itself with.
func TestState(t *testing.T) {
	s := testShelf(t)
	h := testWeb(s)
	seen := map[string]bool{}
	for range 3 {
		state := regexp.MustCompile(`data-state="([^"]+)"`).FindStringSubmatch(get(t, h, "/"))[1]
		if seen[state] {
			t.Errorf("state %s a second time", state)
		}
		seen[state] = true
		if got := get(t, h, "/state"); !strings.Contains(got, `"`+state+`"`) {
			t.Errorf("state %s on the page, %s behind it", state, got)
		}
		put(t, s, letter("x", "x"))
	}
}

// A client that waits for mail when the sandbox ends is told so.
func TestEndWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := testWeb(testShelf(t))
		ctx, end := context.WithCancel(t.Context())
		rw := httptest.NewRecorder()
		answered := make(chan bool)
		go func() {
			h.ServeHTTP(rw, httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1/api/v1/wait?timeout=5m", nil))
			close(answered)
		}()
		synctest.Wait() // it waits
		end()
		<-answered
		if rw.Code != http.StatusServiceUnavailable || !strings.Contains(rw.Body.String(), errEnds.Error()) {
			t.Errorf("%d %s, want %d", rw.Code, rw.Body, http.StatusServiceUnavailable)
		}
	})
}

func TestTexts(t *testing.T) {
	for _, row := range [][2]string{
		{sizeText(0), "0 B"}, {sizeText(999), "999 B"}, {sizeText(1000), "1.0 KiB"}, {sizeText(1536 << 10), "1.5 MiB"},
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(1234567), "1,234,567"},
		{plural(1, "message", "messages"), "1 message"}, {plural(1000, "message", "messages"), "1,000 messages"},
		{names([]address{{"Ann", "a@x"}, {"", "b@x"}}), "Ann, b@x"},
		{names([]address{{"A", ""}, {"B", ""}, {"C", ""}, {"D", ""}, {"E", ""}}), "A, B, C and 2 more"},
		{names(make([]address, maxAddresses)), ", ,  and many more"},
		{cut("äöü", 3), "äöü"}, {cut("äöü", 2), "äö…"}, {cut("", 2), ""},
	} {
		if row[0] != row[1] {
			t.Errorf("got %q, want %q", row[0], row[1])
		}
	}
}

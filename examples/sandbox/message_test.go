package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	stdmime "mime"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pixel is a small image.
var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x01\x02")

// newsletter is a message with everything: text and HTML, an image in it, files.
var newsletter = `From: =?utf-8?q?J=C3=BCrgen?= <j@nord.example>
To: bob@example.org, Carl <carl@example.org>
Cc: dora@example.org
Date: Thu, 26 Nov 2026 09:00:00 +0100
Subject: News
Message-ID: <1@nord.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=koi8-r; format=flowed
Content-Transfer-Encoding: quoted-printable

=F0=D2=C9=D7=C5=D4 =
and
welcome. See https://nord.example/a?b=3D1.
--b
Content-Type: multipart/related; boundary=c

--c
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<link rel=3D"stylesheet" href=3D"http://x.example/x.css"><p>Gr=FC=DFe</p>
<a href=3D"https://nord.example/b?c=3D1&amp;d=3D2">b</a>
<img src=3D"cid:logo@nord"><img src=3Dcid:LOGO@nord><div style=3D"background:url('cid:logo@nord')">
<img src=3D"CID:%6cogo@nord"> in text cid:logo@nord stays
--c
Content-Type: image/png
Content-ID: <logo@nord>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

` + base64.StdEncoding.EncodeToString(pixel) + `
--c--

--b--

--a
Content-Type: text/html
Content-Disposition: attachment; filename*=utf-8''..%2F..%2F%C3%BCber%22%0d%0aX-Evil:%20x.html

<script>alert(1)</script>
--a
Content-Type: message/rfc822

Subject: inner

x
--a--
`

func TestViews(t *testing.T) {
	s := testShelf(t)
	put(t, s, letter("before", "x"))
	put(t, s, newsletter, "bob@example.org", "hidden@example.org")
	put(t, s, letter("after", "x"))
	h := testWeb(s)
	for view, wants := range map[string][]string{
		"": {`src="/messages/2/html" sandbox`, "Jürgen &lt;j@nord.example&gt;", "Carl &lt;carl@example.org&gt;", "dora@example.org",
			"Thu, 26 Nov 2026 09:00:00 &#43;0100", `href="/messages/3">Newer`, `href="/messages/1">Older`, "logo.png"},
		"text":     {"Привет and\nwelcome. See"},
		"links":    {`href="https://nord.example/a?b=1"`, `href="https://nord.example/b?c=1&amp;d=2"`, `rel="noopener noreferrer"`},
		"headers":  {"<th scope=\"row\">From</th><td>Jürgen &lt;j@nord.example&gt;</td>"},
		"parts":    {"multipart/related", "1.2.2", "image/png", "base64", "message/rfc822", "bad parameter"},
		"envelope": {"EHLO test", "MAIL FROM:&lt;a@example.org&gt;", "127.0.0.1:9"},
		"source":   {"=?utf-8?q?J=C3=BCrgen?=", "--a--"},
	} {
		target := "/messages/2"
		if view != "" {
			target += "?view=" + view
		}
		page := get(t, h, target)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in %s", target, want, page[strings.Index(page, "<section"):])
			}
		}
		if got := strings.Count(page, "aria-current"); got != 1 {
			t.Errorf("%s: %d current tabs", target, got)
		}
	}
	if page := get(t, h, "/messages/1"); strings.Contains(page, "iframe") || !strings.Contains(page, `<pre class="text"`) {
		t.Error("a message without HTML does not begin with its text")
	}
}

func TestHTMLBody(t *testing.T) {
	s := testShelf(t)
	put(t, s, newsletter)
	rw := ask(testWeb(s), "GET", "/messages/1/html")
	if got := rw.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	data := "data:image/png;base64," + base64.StdEncoding.EncodeToString(pixel)
	want := `<x-link rel="stylesheet" href="http://x.example/x.css"><p>Grüße</p>
<a href="https://nord.example/b?c=1&amp;d=2">b</a>
<img src="` + data + `"><img src=cid:LOGO@nord><div style="background:url('` + data + `')">
<img src="` + data + `"> in text cid:logo@nord stays`
	if diff := cmp.Diff(want, strings.ReplaceAll(rw.Body.String(), "\r\n", "\n")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Images are put in once per use, which must not make a small message a large page.
func TestInlineIsBounded(t *testing.T) {
	s := testShelf(t)
	image := base64.StdEncoding.EncodeToString(make([]byte, 1<<20))
	put(t, s, "Content-Type: multipart/related; boundary=c\n\n--c\nContent-Type: text/html\n\n"+strings.Repeat("<img src=cid:a>\n", 1000)+
		"--c\nContent-Type: image/png\nContent-ID: <a>\nContent-Transfer-Encoding: base64\n\n"+image+"\n--c--\n")
	body := get(t, testWeb(s), "/messages/1/html")
	if got := strings.Count(body, "data:image/png"); got != maxInline/(4<<20/3+100) {
		t.Errorf("%d images are put in, want %d", got, maxInline/(4<<20/3+100))
	}
}

func TestSource(t *testing.T) {
	s := testShelf(t)
	put(t, s, newsletter)
	want := strings.ReplaceAll(newsletter, "\n", "\r\n")
	rw := ask(testWeb(s), "GET", "/messages/1/source")
	if rw.Body.String() != want || rw.Header().Get("Content-Type") != "text/plain; charset=utf-8" || rw.Header().Get("Content-Disposition") != "" {
		t.Errorf("source: %v, octets as they came: %v", rw.Header(), rw.Body.String() == want)
	}
	rw = ask(testWeb(s), "GET", "/messages/1/source?download")
	if rw.Body.String() != want || rw.Header().Get("Content-Disposition") != `attachment; filename="message-1.eml"` {
		t.Errorf("download: %v, octets as they came: %v", rw.Header(), rw.Body.String() == want)
	}
}

// A file has the type and the name of the sender only as far as both are harmless.
func TestAttachments(t *testing.T) {
	for _, row := range []struct {
		name, header, filename, kind string
	}{
		{"an image", "Content-Type: image/png\nContent-Disposition: attachment; filename=a.png", "a.png", "image/png"},
		{"HTML", "Content-Type: text/html\nContent-Disposition: attachment; filename=a.html", "a.html", "application/octet-stream"},
		{"SVG", "Content-Type: image/svg+xml\nContent-Disposition: attachment; filename=a.svg", "a.svg", "application/octet-stream"},
		{"a script", "Content-Type: text/javascript; name=a.js", "a.js", "application/octet-stream"},
		{"no name", "Content-Type: application/pdf\nContent-Disposition: attachment", "part-2", "application/pdf"},
		{"no type that can be", "Content-Type: a/b\"c<d\nContent-Disposition: attachment; filename=a", "a", "application/octet-stream"},
		{"a path", "Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"../../etc/passwd\"", "passwd", "application/pdf"},
		{"a path of Windows", "Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"C:\\\\x\\\\..\\\\a.pdf\"", "a.pdf", "application/pdf"},
		{"the folder above", "Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"..\"", "part-2", "application/pdf"},
		{"another header", "Content-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''a%0d%0aX-Evil:%20b", "a X-Evil: b", "application/pdf"},
		{"quotes", "Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"a\\\"; x=\\\"b\"", `a"; x="b`, "application/pdf"},
		{"another script", "Content-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''%C3%BCber%20%E2%82%AC.pdf", "über €.pdf", "application/pdf"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := testShelf(t)
			put(t, s, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n"+row.header+"\nContent-Transfer-Encoding: base64\n\nAAEC\n--b--\n")
			rw := ask(testWeb(s), "GET", "/messages/1/parts/2")
			if rw.Code != http.StatusOK {
				t.Fatalf("%d\n%s", rw.Code, rw.Body)
			}
			disposition, params, err := stdmime.ParseMediaType(rw.Header().Get("Content-Disposition"))
			if err != nil || disposition != "attachment" || params["filename"] != row.filename || len(params) != 1 {
				t.Errorf("%s: %q %q, %v; want %q", rw.Header().Get("Content-Disposition"), disposition, params, err, row.filename)
			}
			if got := rw.Header().Get("Content-Type"); got != row.kind {
				t.Errorf("type %q, want %q", got, row.kind)
			}
			if rw.Header().Get("X-Evil") != "" || strings.ContainsAny(rw.Header().Get("Content-Disposition"), "\r\n") {
				t.Errorf("the name makes a header: %v", rw.Header())
			}
			if !bytes.Equal(rw.Body.Bytes(), []byte{0, 1, 2}) {
				t.Errorf("content %x", rw.Body.Bytes())
			}
		})
	}
}

// A stranger can make a message large, but no page of ours.
func TestHugeMessage(t *testing.T) {
	s := testShelf(t)
	var addresses strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&addresses, "Somebody %d <somebody%d@example.org>,\n ", i, i)
	}
	put(t, s, "From: a@example.org\nTo: "+addresses.String()+"z@example.org\nSubject: "+strings.Repeat("long ", 10_000)+"\n\n"+strings.Repeat("text ", 300_000)+"\n")
	put(t, s, "Content-Type: multipart/mixed; boundary=b\n\n"+strings.Repeat("--b\n\n", 3_000))
	put(t, s, strings.Repeat("a:\n", 20_000)+"\nx\n")
	h := testWeb(s)
	for target, most := range map[string]int{
		"/messages/3?view=headers": 1 << 20, "/api/v1/messages/3": 1 << 20, "/": 50 << 10, "/api/v1/messages": 50 << 10, "/messages/1?view=text": 2 << 20, "/messages/1?view=parts": 1 << 20,
		"/messages/1?view=source": 2 << 20, "/messages/2?view=parts": 2 << 20,
	} {
		if got := len(get(t, h, target)); got > most {
			t.Errorf("%s has %d octets, want at most %d", target, got, most)
		}
	}
	for _, target := range []string{"/messages/1?view=text", "/messages/1?view=source", "/messages/2?view=parts", "/messages/3?view=headers"} {
		if page := get(t, h, target); !strings.Contains(page, "Only the start is shown") {
			t.Errorf("%s does not say that it is cut", target)
		}
	}
	if got := len(get(t, h, "/messages/1/source")); got < maxShown*3/2 {
		t.Errorf("the source has %d octets only", got)
	}
}

func TestDefectsAreShown(t *testing.T) {
	s := testShelf(t)
	put(t, s, "From: a@example.org\nContent-Type: multipart/mixed; boundary=\"<b>\"\n\n--<b>\nContent-Transfer-Encoding: x-<script>\n\nx\n")
	page := get(t, testWeb(s), "/messages/1?view=parts")
	for _, d := range []string{"no close delimiter", "unknown encoding"} {
		if !strings.Contains(page, d) {
			t.Errorf("no %q", d)
		}
	}
}

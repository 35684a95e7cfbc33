package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"

	gomessage "github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"
	"github.com/jhillyerd/enmime/v2"

	"github.com/mailwire/mailwire/mime"
)

var mimeCalls = append(letterCalls(), []call{
	{name: "mime structure, 64 KiB", target: 0.20, allocs: 2, octets: len(letter), ways: []way{
		{"mailwire", on(letter, walk)},
		{"std", on(letter, stdParts)},
		{"go-message", on(letter, goParts)},
		{"enmime", on(letter, enmimeRead)},
	}},
	{name: "mime structure and decoding, 64 KiB", target: 0.50, allocs: 10, octets: len(letter), ways: []way{
		{"mailwire", on(letter, decodeAll)},
		{"std", on(letter, stdDecode)},
		{"go-message", on(letter, goDecode)},
		{"enmime", on(letter, enmimeRead)},
	}},
	{name: "mime date", target: 0.50, ways: []way{
		{"mailwire", func() int {
			t, err := mime.ParseDate(aDate)
			return found(t, err)
		}},
		{"std", func() int {
			t, err := netmail.ParseDate(aDate)
			return found(t, err)
		}},
	}},
	{name: "mime build of text, HTML and 2 KiB", target: 0.50, allocs: 40, ways: buildWays(attachment[:2<<10])},
	{name: "mime build of text, HTML and 64 KiB", target: 0.50, allocs: 40, ways: buildWays(attachment)},
}...)

// letterCalls are the rows about small mail.
func letterCalls() []call {
	of := fmt.Sprintf(", %d letters of 1 to 8 KiB (%s)", lettersInSet, letterSource())
	return []call{
		{name: "mime structure" + of, target: 0.20, allocs: 2 * lettersInSet, ways: []way{
			{"mailwire", each(walk)},
			{"std", each(stdParts)},
			{"go-message", each(goParts)},
			{"enmime", each(enmimeRead)},
		}},
		{name: "mime structure and decoding" + of, target: 0.50, allocs: 10 * lettersInSet, ways: []way{
			{"mailwire", each(decodeAll)},
			{"std", each(stdDecode)},
			{"go-message", each(goDecode)},
			{"enmime", each(enmimeRead)},
		}},
		{name: "mime header: subject, from, to, date" + of, target: 0.33, ways: []way{
			{"mailwire", each(headerValues)},
			{"std", each(stdHeaderValues)},
			{"go-message", each(goHeaderValues)},
		}},
	}
}

func on(msg []byte, f func(msg []byte) int) func() int {
	return func() int { return f(msg) }
}

func buildWays(data []byte) []way {
	return []way{
		{"mailwire", func() int { return build(data) }},
		{"enmime", func() int { return enmimeBuild(data) }},
		{"go-message", func() int { return goBuild(data) }},
	}
}

const aDate = "Fri, 1 Mar 2024 10:20:30 +0100"

func found(t time.Time, err error) int {
	if err != nil {
		return 0
	}
	return t.Day()
}

var (
	plain      = strings.Repeat("Liebe Ann, hier ist der Text mit ein paar Umlauten: ä ö ü.\n", 20)
	html       = "<html><body>" + strings.Repeat("<p>Liebe <b>Ann</b>, hier ist der Text.</p>\n", 40) + "</body></html>"
	attachment = bytes.Repeat([]byte("%PDF-\x00\xff\x80abc"), 64<<10/11)

	letter = newLetter()
)

// newLetter is mixed(alternative(text, html), pdf).
func newLetter() []byte {
	b := newBuilder(attachment)
	b.Date, b.MessageID = time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC), "1@sender.example"
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func newBuilder(data []byte) *mime.Builder {
	return new(mime.Builder).From(mime.Addr("Jörg Weber", "joerg@sender.example")).To(mime.Addr("Ann Example", "ann@example.com")).
		Subject("Grüße aus dem schönen München, und die Rechnung für März").
		Text(plain).HTML(html).AttachBytes("Rechnung.pdf", "application/pdf", data)
}

func walk(msg []byte) (n int) {
	for range mime.Parse(msg, nil).Parts() {
		n++
	}
	return n
}

func decodeAll(msg []byte) (n int) {
	m := mime.Parse(msg, nil)
	for p := range m.Parts() {
		if p.Kind() == mime.Leaf {
			k, err := io.Copy(io.Discard, p.Decoded())
			if err != nil {
				panic(err)
			}
			n += int(k)
		}
	}
	return n
}

func stdParts(msg []byte) int { return stdWalk(msg, false) }

func stdDecode(msg []byte) int { return stdWalk(msg, true) }

// stdWalk visits the parts with the standard library.
func stdWalk(msg []byte, decode bool) int {
	m, err := netmail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return 0
	}
	return stdPart(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, decode)
}

func stdPart(contentType, encoding string, body io.Reader, decode bool) (n int) {
	typ, params, err := stdmime.ParseMediaType(contentType)
	if err != nil {
		return 0
	}
	if strings.HasPrefix(typ, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err != nil {
				return n
			}
			n += stdPart(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, decode) + 1
		}
	}
	if decode {
		switch strings.ToLower(encoding) {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		}
	}
	k, _ := io.Copy(io.Discard, body)
	return int(k)
}

func goParts(msg []byte) int { return goWalk(msg, false) }

func goDecode(msg []byte) int { return goWalk(msg, true) }

// goWalk visits the parts with go-message, which decodes as it reads; without
// decoding it stops at their headers.
func goWalk(msg []byte, decode bool) (n int) {
	e, err := gomessage.Read(bytes.NewReader(msg))
	if err != nil && !gomessage.IsUnknownCharset(err) {
		return 0
	}
	e.Walk(func(path []int, entity *gomessage.Entity, err error) error {
		n++
		if decode && entity.MultipartReader() == nil {
			k, _ := io.Copy(io.Discard, entity.Body)
			n += int(k)
		}
		return nil
	})
	return n
}

func enmimeRead(msg []byte) int {
	e, err := enmime.ReadEnvelope(bytes.NewReader(msg))
	if err != nil {
		return 0
	}
	return len(e.Text) + len(e.Attachments)
}

func headerValues(msg []byte) int {
	h, _ := mime.ParseHeader(msg, nil)
	date, _ := h.Date()
	return len(h.Addresses("From").Mailboxes) + len(h.Addresses("To").Mailboxes) + len(h.Text("Subject")) + date.Day()
}

var stdWords = new(stdmime.WordDecoder)

func stdHeaderValues(msg []byte) int {
	m, err := netmail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return 0
	}
	date, _ := m.Header.Date()
	from, _ := m.Header.AddressList("From")
	to, _ := m.Header.AddressList("To")
	subject, _ := stdWords.DecodeHeader(m.Header.Get("Subject"))
	return len(from) + len(to) + len(subject) + date.Day()
}

func goHeaderValues(msg []byte) int {
	r, err := gomail.CreateReader(bytes.NewReader(msg))
	if err != nil {
		return 0
	}
	date, _ := r.Header.Date()
	from, _ := r.Header.AddressList("From")
	to, _ := r.Header.AddressList("To")
	subject, _ := r.Header.Subject()
	return len(from) + len(to) + len(subject) + date.Day()
}

// A counter counts what is written.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func build(data []byte) int {
	var n counter
	if _, err := newBuilder(data).WriteTo(&n); err != nil {
		return 0
	}
	return int(n)
}

func enmimeBuild(data []byte) int {
	part, err := enmime.Builder().From("Jörg Weber", "joerg@sender.example").To("Ann Example", "ann@example.com").
		Subject("Grüße aus dem schönen München, und die Rechnung für März").
		Text([]byte(plain)).HTML([]byte(html)).AddAttachment(data, "application/pdf", "Rechnung.pdf").Build()
	if err != nil {
		return 0
	}
	var n counter
	if err := part.Encode(&n); err != nil {
		return 0
	}
	return int(n)
}

func goBuild(data []byte) int {
	var n counter
	var h gomail.Header
	h.SetDate(time.Now())
	h.SetAddressList("From", []*gomail.Address{{Name: "Jörg Weber", Address: "joerg@sender.example"}})
	h.SetAddressList("To", []*gomail.Address{{Name: "Ann Example", Address: "ann@example.com"}})
	h.SetSubject("Grüße aus dem schönen München, und die Rechnung für März")
	w, err := gomail.CreateWriter(&n, h)
	if err != nil {
		return 0
	}
	inline, err := w.CreateInline()
	if err != nil {
		return 0
	}
	for _, p := range []struct{ typ, text string }{{"text/plain", plain}, {"text/html", html}} {
		var ih gomail.InlineHeader
		ih.SetContentType(p.typ, map[string]string{"charset": "utf-8"})
		ih.Set("Content-Transfer-Encoding", "quoted-printable")
		pw, err := inline.CreatePart(ih)
		if err != nil {
			return 0
		}
		io.WriteString(pw, p.text)
		pw.Close()
	}
	inline.Close()
	var ah gomail.AttachmentHeader
	ah.SetContentType("application/pdf", nil)
	ah.SetFilename("Rechnung.pdf")
	ah.Set("Content-Transfer-Encoding", "base64")
	aw, err := w.CreateAttachment(ah)
	if err != nil {
		return 0
	}
	aw.Write(data)
	aw.Close()
	w.Close()
	return int(n)
}

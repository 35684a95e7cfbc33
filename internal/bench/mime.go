package main

import (
	"bytes"
	"encoding/base64"
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

var mimeCalls = []call{
	{name: "mime structure, 64 KiB", target: 0.20, allocs: 2, octets: len(letter), ways: []way{
		{"mailwire", func() int { return int(mime.Parse(letter, nil).Root().Octets()) }},
		{"std", func() int { return stdWalk(letter, false) }},
		{"go-message", func() int { return goWalk(letter, false) }},
		{"enmime", enmimeRead},
	}},
	{name: "mime structure and decoding, 64 KiB", target: 0.50, allocs: 10, octets: len(letter), ways: []way{
		{"mailwire", decodeAll},
		{"std", func() int { return stdWalk(letter, true) }},
		{"go-message", func() int { return goWalk(letter, true) }},
		{"enmime", enmimeRead},
	}},
	{name: "mime header: subject, from, to, date", target: 0.33, octets: len(letterHeader), ways: []way{
		{"mailwire", headerValues},
		{"std", stdHeaderValues},
		{"go-message", goHeaderValues},
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
	{name: "mime build of text, HTML and 64 KiB", target: 0.50, ways: []way{
		{"mailwire", build},
		{"enmime", enmimeBuild},
		{"go-message", goBuild},
	}},
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

	letter       = newLetter()
	letterHeader = letter[:bytes.Index(letter, []byte("\r\n\r\n"))+4]
)

// newLetter is mixed(alternative(text, html), pdf).
func newLetter() []byte {
	b := newBuilder()
	b.Date, b.MessageID = time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC), "1@sender.example"
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func newBuilder() *mime.Builder {
	return new(mime.Builder).From(mime.Addr("Jörg Weber", "joerg@sender.example")).To(mime.Addr("Ann Example", "ann@example.com")).
		Subject("Grüße aus dem schönen München, und die Rechnung für März").
		Text(plain).HTML(html).AttachBytes("Rechnung.pdf", "application/pdf", attachment)
}

func decodeAll() (n int) {
	m := mime.Parse(letter, nil)
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

func enmimeRead() int {
	e, err := enmime.ReadEnvelope(bytes.NewReader(letter))
	if err != nil {
		return 0
	}
	return len(e.Text) + len(e.Attachments)
}

func headerValues() int {
	h, _ := mime.ParseHeader(letterHeader, nil)
	date, err := h.Date()
	if err != nil {
		return 0
	}
	return len(h.Addresses("From").Mailboxes) + len(h.Addresses("To").Mailboxes) + len(h.Text("Subject")) + date.Day()
}

var stdWords = new(stdmime.WordDecoder)

func stdHeaderValues() int {
	m, err := netmail.ReadMessage(bytes.NewReader(letterHeader))
	if err != nil {
		return 0
	}
	date, err1 := m.Header.Date()
	from, err2 := m.Header.AddressList("From")
	to, err3 := m.Header.AddressList("To")
	subject, err4 := stdWords.DecodeHeader(m.Header.Get("Subject"))
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return 0
	}
	return len(from) + len(to) + len(subject) + date.Day()
}

func goHeaderValues() int {
	r, err := gomail.CreateReader(bytes.NewReader(letterHeader))
	if err != nil {
		return 0
	}
	date, err1 := r.Header.Date()
	from, err2 := r.Header.AddressList("From")
	to, err3 := r.Header.AddressList("To")
	subject, err4 := r.Header.Subject()
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return 0
	}
	return len(from) + len(to) + len(subject) + date.Day()
}

// A counter counts what is written.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func build() int {
	var n counter
	if _, err := newBuilder().WriteTo(&n); err != nil {
		return 0
	}
	return int(n)
}

func enmimeBuild() int {
	part, err := enmime.Builder().From("Jörg Weber", "joerg@sender.example").To("Ann Example", "ann@example.com").
		Subject("Grüße aus dem schönen München, und die Rechnung für März").
		Text([]byte(plain)).HTML([]byte(html)).AddAttachment(attachment, "application/pdf", "Rechnung.pdf").Build()
	if err != nil {
		return 0
	}
	var n counter
	if err := part.Encode(&n); err != nil {
		return 0
	}
	return int(n)
}

func goBuild() int {
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
	aw.Write(attachment)
	aw.Close()
	w.Close()
	return int(n)
}

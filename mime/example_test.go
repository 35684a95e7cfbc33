package mime_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing/fstest"
	"time"

	"github.com/mailwire/mailwire/mime"
)

const mail = "From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.com>\r\n" +
	"To: Ann <ann@example.org>, Team: bob@example.org, carol@example.org;\r\n" +
	"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_?=\r\n =?utf-8?Q?aus_M=C3=BCnchen?=\r\n" +
	"Date: Fri, 1 Mar 2024 10:20:30 +0100\r\n" +
	"Content-Type: multipart/mixed; boundary=B\r\n\r\n" +
	"--B\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=DFe!\r\n" +
	"--B\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''M%C3%A4rz.pdf\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--B--\r\n"

// Show a mail: subject, the start of its text, its bodies.
func Example() {
	m := mime.Parse([]byte(mail), nil)
	fmt.Println(m.Header().Text("Subject"))
	fmt.Println(m.Preview(256))
	for _, p := range m.Views().Text {
		io.Copy(os.Stdout, p.Text())
	}
	// Output:
	// Grüße aus München
	// Schöne Grüße!
	// Schöne Grüße!
}

// Save what is attached.
func ExampleMessage_Views() {
	m := mime.Parse([]byte(mail), nil)
	for _, p := range m.Views().Attachments {
		n, err := io.Copy(io.Discard, p.Decoded())
		fmt.Println(p.Number(), p.Filename(), n, err)
	}
	// Output: 2 März.pdf 5 <nil>
}

// Index a message while it is stored, keep the index, and answer from it without
// parsing again.
func ExampleIndexer() {
	var stored bytes.Buffer
	var x mime.Indexer
	io.Copy(io.MultiWriter(&stored, &x), strings.NewReader(mail))
	index := x.Finish(nil).AppendIndex(nil)

	m, err := mime.LoadIndex(index, bytes.NewReader(stored.Bytes()), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, ok := m.Section(mime.Section{Path: []uint32{2}})
	fmt.Println(ok, r.Size())
	io.Copy(os.Stdout, io.NewSectionReader(r, 0, 4)) // BODY[2]<0.4>
	// Output:
	// true 8
	// JVBE
}

func ExampleLoadIndex() {
	index := mime.Parse([]byte(mail), nil).AppendIndex(nil)
	_, err := mime.LoadIndex(index[:len(index)-1], nil, nil)
	fmt.Println(err)
	// Output: mime: not a valid index
}

// Add a trace field; all else stays octet for octet.
func ExampleMessage_Rewrite() {
	m := mime.Parse([]byte("Subject:   odd\r\n\tfolding \r\n\r\nbody\r\n"), nil)
	h := m.Header()
	if err := h.Prepend("Received", "from a by b; Fri, 1 Mar 2024 10:20:30 +0100"); err != nil {
		fmt.Println(err)
	}
	var out strings.Builder
	m.Rewrite(&out, mime.Edit{Part: m.Root(), Header: h})
	fmt.Printf("%q\n", out.String())
	// Output: "Received: from a by b; Fri, 1 Mar 2024 10:20:30 +0100\r\nSubject:   odd\r\n\tfolding \r\n\r\nbody\r\n"
}

// Drop attachments that are programs.
func ExampleEdit() {
	m := mime.Parse([]byte(mail), nil)
	var edits []mime.Edit
	for p := range m.Parts() {
		if strings.HasSuffix(p.Filename(), ".pdf") {
			edits = append(edits, mime.Edit{Part: p, Drop: true})
		}
	}
	var out bytes.Buffer
	m.Rewrite(&out, edits...)
	for p := range mime.Parse(out.Bytes(), nil).Parts() {
		fmt.Println(p.Number(), p.Type())
	}
	// Output:
	//  multipart/mixed; boundary=B
	// 1 text/plain; charset=iso-8859-1
}

// Build a message. The envelope has the recipients that no header shows.
func ExampleBuilder() {
	files := fstest.MapFS{"docs/a.pdf": {Data: []byte("%PDF-")}}
	b := new(mime.Builder).
		From(mime.Addr("Jörg", "joerg@example.com")).
		To(mime.Addr("Ann", "ann@example.org")).
		Bcc(mime.Addr("Eve", "eve@example.org")).
		Subject("März").
		Text("Hello\n").
		HTML("<p>Hello</p>\n").
		AttachFS(files, "docs/a.pdf")
	b.Date = time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC)
	b.MessageID = "1@example.com"

	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		fmt.Println(err)
	}
	fmt.Println(b.Recipients())
	m := mime.Parse(out.Bytes(), nil)
	for _, f := range m.Header().Fields() {
		if !f.Is("Content-Type") { // its boundary is random
			fmt.Println(f.Name()+":", f.Value())
		}
	}
	for p := range m.Parts() {
		fmt.Println(p.Number(), p.Kind(), p.Type().Type+"/"+p.Type().Subtype)
	}
	// Output:
	// [Ann <ann@example.org> Eve <eve@example.org>]
	// Date: Fri, 1 Mar 2024 10:20:30 +0000
	// From: =?utf-8?B?SsO2cmc=?= <joerg@example.com>
	// To: Ann <ann@example.org>
	// Message-ID: <1@example.com>
	// Subject: =?utf-8?B?TcOkcno=?=
	// MIME-Version: 1.0
	//  Multipart multipart/mixed
	// 1 Multipart multipart/alternative
	// 1.1 Leaf text/plain
	// 1.2 Leaf text/html
	// 2 Leaf application/pdf
}

// A part of any shape, by hand.
func ExampleEntity() {
	var e mime.Entity
	e.Header.SetText("Subject", "by hand")
	e.Header.SetMediaType("Content-Type", mime.MediaType{Type: "text", Subtype: "plain", Params: mime.Params{{Name: "charset", Value: "utf-8"}}})
	e.Body = []byte("ein schöner Text\n")
	var out strings.Builder
	e.WriteTo(&out)
	fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
	// Output:
	// Subject: by hand
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: quoted-printable
	// MIME-Version: 1.0
	//
	// ein sch=C3=B6ner Text
}

// See what is wrong with a message, as a content filter does.
func ExampleMessage_Check() {
	m := mime.Parse([]byte("From: ann@example.org, bad bad\nSubject: =?x-none?Q?a?=\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nx"), nil)
	for _, d := range m.Check() {
		fmt.Println(d.Kind)
	}
	// Output:
	// no close delimiter
	// bare LF
	// bad address
	// unknown charset
}

func ExampleMessage_Envelope() {
	e := mime.Parse([]byte(mail), nil).Envelope()
	fmt.Printf("%s\n", e.Subject)
	for _, a := range e.To {
		fmt.Printf("%q %q %q\n", a.Name, a.Mailbox, a.Host)
	}
	// Output:
	// =?utf-8?Q?Gr=C3=BC=C3=9Fe_?= =?utf-8?Q?aus_M=C3=BCnchen?=
	// "Ann" "ann" "example.org"
	// "" "Team" ""
	// "" "bob" "example.org"
	// "" "carol" "example.org"
	// "" "" ""
}

func ExampleMessage_BodyStructure() {
	b := mime.Parse([]byte(mail), nil).BodyStructure()
	for _, c := range b.Children {
		fmt.Println(c.Type, c.Subtype, c.Encoding, c.Octets, c.Disposition, c.DispositionParams)
	}
	// Output:
	// text plain quoted-printable 19  []
	// application pdf base64 8 attachment [{filename* März.pdf utf-8 }]
}

func ExampleMatcher() {
	x := mime.NewMatcher("GRÜßE")
	fmt.Println(x.MatchBody(mime.Parse([]byte(mail), nil)))
	// Output: true <nil>
}

func ExampleNewFlowedReader() {
	r := mime.NewFlowedReader(strings.NewReader("> a quoted \r\n> paragraph\r\nmine\r\n"), false)
	io.Copy(os.Stdout, r)
	// Output:
	// > a quoted paragraph
	// mine
}

// Paragraphs become lines of 78 characters, with a space where a paragraph goes on.
func ExampleAppendFlowed() {
	text := "> A paragraph of a reply quotes another one, and is longer than the line of a terminal is wide.\nYes.\n"
	fmt.Printf("%q\n", mime.AppendFlowed(nil, text, false))
	// Output: "> A paragraph of a reply quotes another one, and is longer than the line of a \r\n> terminal is wide.\r\nYes.\r\n"
}

// What is wrong with a message is told beside the result.
func ExampleParse() {
	m := mime.Parse([]byte("Subject: x\r\nno field\r\n\r\nbody\r\n"), nil)
	fmt.Printf("%q\n", m.Header().Get("Subject"))
	for _, d := range m.Defects() {
		fmt.Println(d.Kind, "at octet", d.Offset)
	}
	// Output:
	// "x"
	// header cut at octet 12
}

// A message in a file is read once, in sequence, and what is asked for later is
// read where it lies.
func ExampleParseAt() {
	file := strings.NewReader(mail) // an *os.File, say
	m, err := mime.ParseAt(file, file.Size(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, _ := m.Lookup(1)
	text, err := p.ReadText(1 << 20)
	fmt.Println(p.Number(), p.Octets(), text, err)
	// Output: 1 19 Schöne Grüße! <nil>
}

// The sections of IMAP's FETCH, with a partial.
func ExampleMessage_Section() {
	m := mime.Parse([]byte(mail), nil)
	for _, s := range []mime.Section{
		{Kind: mime.SectionFields, Fields: []string{"Date", "X-None"}},
		{Path: []uint32{1}},
		{Path: []uint32{2}, Kind: mime.SectionMIME},
	} {
		r, ok := m.Section(s)
		if !ok {
			fmt.Println("no such section")
			continue
		}
		b, _ := io.ReadAll(io.NewSectionReader(r, 0, 30))
		fmt.Printf("%d %q\n", r.Size(), b)
	}
	// Output:
	// 40 "Date: Fri, 1 Mar 2024 10:20:30"
	// 19 "Sch=F6ne Gr=FC=DFe!"
	// 133 "Content-Type: application/pdf\r"
}

// A forwarded message is a message of its own.
func ExamplePart_Message() {
	outer := "Subject: see below\r\nContent-Type: message/rfc822\r\n\r\nSubject: the original\r\n\r\ntext\r\n"
	inner, err := mime.Parse([]byte(outer), nil).Root().Message()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(inner.Header().Get("Subject"), inner.Size())
	// Output: the original 31
}

// What protection a message shows; nothing is verified.
func ExampleMessage_Security() {
	m := mime.Parse([]byte("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n"), nil)
	fmt.Println(m.Security())
	// Output: SMIMEEncrypted
}

// A store with local line ends answers with the sizes that IMAP demands.
func ExampleMessage_CRLF() {
	m := mime.Parse([]byte("Subject: x\n\nbody\n"), nil)
	fmt.Println(m.Size(), m.CRLF().Size())
	// Output: 17 20
}

package mime_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mailwire/mailwire/mime"
)

// Fields that are not touched stay octet for octet, whatever they look like.
func ExampleHeader() {
	h, body := mime.ParseHeader([]byte("SUBJECT:odd\r\nX-Old: 1\r\nTo:  ann@example.org ,\r\n\tbob@example.org\r\n\r\nbody"), nil)
	h.Prepend("Received", "from a by b; Fri, 1 Mar 2024 10:20:30 +0100")
	h.Set("Subject", "even")
	h.Del("X-Old")
	h.SetText("Comments", "schön")
	h.SetDate("Date", time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC))
	fmt.Println(strings.ReplaceAll(string(h.Append(nil)), "\r\n", "\n") + string(body))
	// Output:
	// Received: from a by b; Fri, 1 Mar 2024 10:20:30 +0100
	// Subject: even
	// To:  ann@example.org ,
	// 	bob@example.org
	// Comments: =?utf-8?B?c2Now7Zu?=
	// Date: Fri, 1 Mar 2024 10:20:30 +0000
	// body
}

// A line end in a value would be a field, or a body, of an attacker's.
func ExampleHeader_Set() {
	var h mime.Header
	fmt.Println(h.Set("Subject", "hello\r\nBcc: eve@example.org"))
	// Output: mime: not allowed in a header field: control character in "Subject"
}

func ExampleParseHeader() {
	h, rest := mime.ParseHeader([]byte("From: Ann <ann@example.org>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nbody"), nil)
	for i, f := range h.Fields() {
		fmt.Println(i, f.Name(), f.Text())
	}
	fmt.Printf("%s\n", rest)
	// Output:
	// 0 From Ann <ann@example.org>
	// 1 Subject Grüße
	// body
}

func ExampleHeader_Addresses() {
	h, _ := mime.ParseHeader([]byte("To: ann@example.org\r\nTo: Bob <bob@example.org>\r\n\r\n"), nil)
	fmt.Println(h.Addresses("To").Mailboxes)
	// Output: [ann@example.org Bob <bob@example.org>]
}

func ExampleParseAddresses() {
	l := mime.ParseAddresses(`"Doe, John" <john@example.com>, n@y.test <n@y.test>, , bad bad, Team: ann@example.org;`)
	for _, a := range l.Mailboxes {
		fmt.Printf("%q %s\n", a.Name, a.Spec())
	}
	for _, g := range l.Groups {
		fmt.Println(g.Name, l.Mailboxes[g.From:g.To])
	}
	// Output:
	// "Doe, John" john@example.com
	// "n@y.test" n@y.test
	// "" ann@example.org
	// Team [ann@example.org]
}

func ExampleParseDate() {
	for _, s := range []string{"Tue, 1 Jul 2003 10:52:37 EST", "Fri Nov 21 09:55:06 1997", "31 Feb 2024 00:00 Z"} {
		t, err := mime.ParseDate(s)
		fmt.Println(t.Format(time.RFC3339), err)
	}
	// Output:
	// 2003-07-01T10:52:37-05:00 <nil>
	// 1997-11-21T09:55:06Z <nil>
	// 0001-01-01T00:00:00Z mime: not a date: "31 Feb 2024 00:00 Z"
}

func ExampleDecodeWords() {
	// The two octets of one character lie in two words.
	fmt.Println(mime.DecodeWords("=?gb2312?B?xOO6?= =?gb2312?B?ww==?="))
	// Output: 你好
}

func ExampleAppendWords() {
	fmt.Printf("%q\n", mime.AppendWords([]byte("Subject: "), "Grüße aus München und von überall sonst auf der Welt", 9))
	// Output: "Subject: =?utf-8?B?R3LDvMOfZSBhdXMgTcO8bmNoZW4gdW5kIHZvbiDDvGJlcmFsbA==?=\r\n sonst auf der Welt"
}

func ExampleParseMediaType() {
	t, defects := mime.ParseMediaType("text/plain charset=utf-8; name*0*=utf-8''%e2%82; name*1*=%ac.txt")
	fmt.Println(t.Is("text/*"), t.Params.Get("charset"), t.Params.Get("name"), len(defects))
	// Output: true utf-8 €.txt 0
}

func ExampleBaseSubject() {
	fmt.Println(mime.BaseSubject("Re: [list] Fwd: plans (fwd)"))
	// Output: plans true
}

// One mailbox, strictly: for what is written and what is trusted.
func ExampleParseAddress() {
	for _, s := range []string{`"ann b"@example.org`, "ann.@example.org", "Ann ann@example.org"} {
		a, err := mime.ParseAddress(s)
		fmt.Printf("%q %v\n", a.Local, err)
	}
	// Output:
	// "ann b" <nil>
	// "" mime: not an address: "ann.@example.org"
	// "" mime: not an address: "Ann ann@example.org"
}

func ExampleAddr() {
	fmt.Println(mime.Addr("Weber, Jörg", "joerg@example.com"))
	fmt.Println(mime.Addr("Ann B. Example", "ann@example.org"))
	// Output:
	// =?utf-8?B?V2ViZXIsIErDtnJn?= <joerg@example.com>
	// "Ann B. Example" <ann@example.org>
}

func ExampleAppendDate() {
	fmt.Printf("%s\n", mime.AppendDate(nil, time.Date(2024, 3, 1, 10, 20, 30, 0, time.FixedZone("", 3600))))
	// Output: Fri, 1 Mar 2024 10:20:30 +0100
}

// Names beyond ASCII are written as RFC 2231 demands, not as encoded-words.
func ExampleAppendMediaType() {
	d := mime.MediaType{Type: "attachment", Params: mime.Params{{Name: "filename", Value: "März.pdf"}}}
	fmt.Printf("%s\n", mime.AppendMediaType(nil, d, 0))
	// Output: attachment; filename*=utf-8''M%C3%A4rz.pdf
}

func ExampleParseDisposition() {
	d, _ := mime.ParseDisposition(`attachment; filename="=?utf-8?Q?M=C3=A4rz.pdf?="; size=5`)
	fmt.Println(d.Type, d.Params.Get("filename"), d.Params.Get("size"))
	// Output: attachment März.pdf 5
}

func ExampleParseMessageIDs() {
	fmt.Println(mime.ParseMessageIDs("<1@example.org>\r\n\t(comment) <2@exam\r\n ple.org>"))
	// Output: [1@example.org 2@example.org]
}

func ExampleParseReceived() {
	r, err := mime.ParseReceived("from a.example (a.example [192.0.2.1]) by mx.example.org with ESMTPS id 17 for <ann@example.org>; Fri, 1 Mar 2024 10:20:30 +0100")
	fmt.Println(r.From, r.By, r.With, r.For, r.Date.UTC().Format(time.RFC3339), err)
	// Output: a.example (a.example [192.0.2.1]) mx.example.org ESMTPS ann@example.org 2024-03-01T09:20:30Z <nil>
}

func ExampleCharset() {
	for _, label := range []string{"iso-8859-1", "gb2312", "x-none"} {
		fmt.Println(label, "is", mime.Charset(label))
	}
	// Output:
	// iso-8859-1 is Windows 1252
	// gb2312 is GB18030
	// x-none is <nil>
}

func ExampleNewEncoder() {
	w := mime.NewEncoder(mime.QuotedPrintable, os.Stdout)
	fmt.Fprint(w, "ein schöner Text, 1 = 1")
	w.Close()
	// Output: ein sch=C3=B6ner Text, 1 =3D 1
}

// Decoding cannot fail on content; the defects say what was wrong.
func ExampleNewDecoder() {
	r := mime.NewDecoder(mime.Base64, strings.NewReader("SGVs bG8=\r\n-- list footer --\r\n"))
	r.WriteTo(os.Stdout)
	fmt.Println()
	for _, d := range r.Defects() {
		fmt.Println(d.Kind)
	}
	// Output:
	// Hello
	// bad base64
}

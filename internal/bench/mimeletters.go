package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/mime"
)

// corpus is where the mail of other projects lies, seen from this folder.
const corpus = "../../../shared/corpus"

const (
	lettersInSet = 40
	leastLetter  = 1 << 10
	mostLetter   = 8 << 10
)

// letterSource says which letters the rows of small mail are about.
func letterSource() string {
	if _, err := os.Stat(corpus); err == nil {
		return "corpus"
	}
	return "own words"
}

// letters are small mails of common shapes: out of the corpus those that the
// standard library reads to their ends, evenly spread; without a corpus mails of
// our own words.
var letters = sync.OnceValue(func() [][]byte {
	all := corpusLetters()
	if len(all) < lettersInSet {
		all = ownLetters()
	}
	set := make([][]byte, lettersInSet)
	for i := range set {
		set[i] = all[i*len(all)/lettersInSet]
	}
	return set
})

func corpusLetters() (all [][]byte) {
	filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read is not in the set
		}
		info, err := d.Info()
		if err != nil || info.Size() < leastLetter || info.Size() > mostLetter {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && isLetter(b) {
			all = append(all, b)
		}
		return nil
	})
	return all
}

// isLetter reports whether the standard library reads all of b, and b has what
// the rows ask for: a peer that stops at an error would have less to do.
func isLetter(b []byte) bool {
	m, err := netmail.ReadMessage(bytes.NewReader(b))
	if err != nil || stdWalk(b, true) == 0 {
		return false
	}
	_, err1 := m.Header.Date()
	_, err2 := m.Header.AddressList("From")
	_, err3 := m.Header.AddressList("To")
	return err1 == nil && err2 == nil && err3 == nil
}

// ownLetters has each shape in several lengths: text, text and HTML, pictures
// in HTML, a signed mail, a forwarded one, a delivery report.
func ownLetters() (all [][]byte) {
	for i := range 8 {
		lines := 8 + 4*i
		text := strings.Repeat("The minutes of our last meeting are below, as promised.\n", lines/2)
		page := "<html><body>" + strings.Repeat("<p>The <b>minutes</b> of our last meeting, für alle.</p>\n", lines/2) + "</body></html>"
		small := bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, byte(i)}, 15*lines)
		for _, b := range []*mime.Builder{
			letterTo(i).Text(text + text),
			letterTo(i).Text(text).HTML(page),
			letterTo(i).Text(text).HTML(page).Inline("logo@sender.example", "logo.png", "image/png", opened(small)),
			letterTo(i).Text(text).AttachBytes("minutes.pdf", "application/pdf", small),
			letterTo(i).Text("Have a look.\n").AttachMessage(mime.Parse(written(letterTo(i+1).Text(text).HTML(page)), nil)),
			letterTo(i).Report(&mime.DeliveryStatus{ReportingMTA: "dns; mx.example.com", Recipients: []mime.RecipientStatus{
				{Final: "rfc822; bob@example.net", Action: "failed", Status: "5.1.1", Diagnostic: "smtp; 550 5.1.1 no such mailbox"},
			}}, text, mime.Parse(written(letterTo(i+1).Text(text)), nil), false),
		} {
			all = append(all, written(b))
		}
		all = append(all, signed(i, text, small))
	}
	return all
}

func letterTo(i int) *mime.Builder {
	b := new(mime.Builder).From(mime.Addr("Jörg Weber", "joerg@sender.example")).To(mime.Addr("Ann Example", "ann@example.com")).
		Subject("Minutes of the meeting in München")
	b.Date = time.Date(2024, 3, 1+i, 10, 20, 30, 0, time.UTC)
	b.MessageID = fmt.Sprintf("%d@sender.example", i)
	for hop := range 3 {
		trace := fmt.Sprintf("from mx%d.sender.example (mx%d.sender.example [192.0.2.%d]) by mx.example.com with ESMTPS id %d; Fri, 1 Mar 2024 10:20:31 +0000",
			hop, hop, hop, i)
		if err := b.Header.Add("Received", trace); err != nil {
			panic(err)
		}
	}
	return b
}

// signed is a mail in the shape of S/MIME; its signature is none.
func signed(i int, text string, signature []byte) []byte {
	signature = signature[:min(len(signature), 1200)]
	b := letterTo(i)
	e, err := b.Text(text).Entity()
	if err != nil {
		panic(err)
	}
	content := &mime.Entity{Body: []byte(text)}
	proof := &mime.Entity{Body: signature, Encoding: mime.Base64}
	must(proof.Header.Set("Content-Type", `application/pkcs7-signature; name="smime.p7s"`))
	must(proof.Header.Set("Content-Disposition", `attachment; filename="smime.p7s"`))
	must(e.Header.Set("Content-Type", `multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="=_signed"`))
	e.Body, e.Children = nil, []*mime.Entity{content, proof}
	var out bytes.Buffer
	if _, err := e.WriteTo(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func written(b *mime.Builder) []byte {
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// each adds up what f finds in the letters.
func each(f func(msg []byte) int) func() int {
	return func() (n int) {
		for _, msg := range letters() {
			n += f(msg)
		}
		return n
	}
}

func opened(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

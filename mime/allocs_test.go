package mime

import (
	"bytes"
	"io"
	"testing"
)

// TestAllocs keeps the hot paths from allocating: a regression is a failing test.
func TestAllocs(t *testing.T) {
	msg := newsletter(64 << 10)
	letter := newsletter(0)
	m := Parse(msg, nil)
	var x Indexer
	x.Reset(nil)
	x.Write(msg)
	index := m.AppendIndex(nil)
	const (
		date      = "Tue, 1 Jul 2003 10:52:37 +0200"
		words     = "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?iso-8859-1?B?IE38bmNoZW4=?= und mehr"
		addresses = `Ann Example <ann@example.com>, "Bob, B." <bob@example.org>, carol@example.net`
		ct        = `multipart/mixed; boundary="=_abcdefghijklmnop"; charset=utf-8`
	)
	h := m.Header()
	subject, _ := h.Field("Subject")
	leaf, _ := m.Lookup(1)
	for _, c := range []struct {
		name string
		most float64
		f    func()
	}{
		{"Parse", 2, func() { Parse(msg, nil) }},
		{"Parse of few parts", 1, func() { Parse(letter, nil) }},
		{"Indexer", 0, func() { x.Reset(nil); x.Write(msg); x.finish() }},
		{"AppendIndex", 0, func() { index = m.AppendIndex(index[:0]) }},
		{"decode all", 10, func() {
			m := Parse(msg, nil)
			for p := range m.Parts() {
				r := p.Decoded()
				if p.Is("text/*") {
					r = p.Text()
				}
				r.WriteTo(io.Discard)
			}
		}},
		{"six values", 12, func() {
			h := m.Header()
			h.Text("Subject")
			h.Addresses("From")
			h.Addresses("To")
			h.Date()
			h.MessageID()
			h.ContentType()
		}},
		{"addresses", 2, func() { ParseAddresses(addresses) }},
		{"words", 1, func() { DecodeWords(words) }},
		{"plain text", 0, func() { DecodeWords("plain text") }},
		{"date", 0, func() { ParseDate(date) }},
		{"type", 2, func() { ParseMediaType(ct) }},
		{"Envelope and BodyStructure", 25, func() {
			m, err := LoadIndex(index, bytes.NewReader(msg), nil)
			if err != nil {
				t.Fatal(err)
			}
			m.Envelope()
			m.BodyStructure()
		}},
		{"build", 34, func() {
			b := new(Builder).From(Addr("Jörg", "joerg@sender.example")).To(Addr("Ann", "ann@example.com")).
				Subject("März").Text("text\n").HTML("<p>text</p>\n").AttachBytes("a.pdf", "", msg)
			if _, err := b.WriteTo(io.Discard); err != nil {
				t.Fatal(err)
			}
		}},
		{"Is", 0, func() { leaf.Is("text/*") }},
		{"name", 0, func() { subject.Name() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f()
			if got := testing.AllocsPerRun(50, c.f); got > c.most && !raceEnabled {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}

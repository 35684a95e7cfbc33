package mime

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// newsletter is a mail of common shape: mixed(alternative(text, html), pdf).
func newsletter(attachment int) []byte {
	b := new(Builder).From(Addr("Jörg Weber", "joerg@sender.example")).To(Addr("Ann Example", "ann@example.com")).
		Subject("Grüße aus dem schönen München, und die Rechnung für März").
		Text(strings.Repeat("Liebe Ann, hier ist der Text mit ein paar Umlauten: ä ö ü.\n", 20)).
		HTML("<html><body>" + strings.Repeat("<p>Liebe <b>Ann</b>, hier ist der Text.</p>\n", 40) + "</body></html>")
	b.Date, b.MessageID = time.Date(2024, 3, 1, 10, 20, 30, 0, time.UTC), "1@sender.example"
	if attachment > 0 {
		b.AttachBytes("Rechnung März.pdf", "application/pdf", bytes.Repeat([]byte("%PDF-\x00\xff\x80abc"), attachment/11))
	}
	for i := range 4 {
		trace := fmt.Sprintf("from mx%d.sender.example (mx%d.sender.example [192.0.2.%d]) by mx.example.com with ESMTPS id %d for <ann@example.com>; Fri, 1 Mar 2024 10:20:31 +0000", i, i, i, i)
		if err := b.Header.Add("Received", trace); err != nil {
			panic(err)
		}
	}
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// BenchmarkVisitLF is the measure for the scan: what visiting every line end
// costs on this machine.
func BenchmarkVisitLF(b *testing.B) {
	for _, msg := range benchMessages() {
		b.Run(msg.name, func(b *testing.B) {
			b.SetBytes(int64(len(msg.data)))
			for b.Loop() {
				n := 0
				for p := msg.data; ; n++ {
					i := bytes.IndexByte(p, '\n')
					if i < 0 {
						break
					}
					p = p[i+1:]
				}
				if n == 0 {
					b.Fatal("no lines")
				}
			}
		})
	}
}

type benchMessage struct {
	name string
	data []byte
}

func benchMessages() []benchMessage {
	return []benchMessage{
		{"small", newsletter(0)},
		{"64KiB", newsletter(64 << 10)},
		{"4MiB", newsletter(4 << 20)},
	}
}

func BenchmarkParse(b *testing.B) {
	for _, msg := range benchMessages() {
		b.Run(msg.name, func(b *testing.B) {
			b.SetBytes(int64(len(msg.data)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(msg.data, nil)
			}
		})
	}
}

func BenchmarkParseCorpus(b *testing.B) {
	var files [][]byte
	total := 0
	for _, f := range corpusFiles(b) {
		files = append(files, f)
		total += len(f)
	}
	b.Run("visit LF", func(b *testing.B) {
		b.SetBytes(int64(total))
		for b.Loop() {
			n := 0
			for _, p := range files {
				for i := bytes.IndexByte(p, '\n'); i >= 0; i = bytes.IndexByte(p, '\n') {
					p = p[i+1:]
					n++
				}
			}
			if n == 0 {
				b.Fatal("no lines")
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(total))
		b.ReportAllocs()
		for b.Loop() {
			for _, f := range files {
				Parse(f, nil)
			}
		}
	})
}

func BenchmarkIndexer(b *testing.B) {
	for _, msg := range benchMessages() {
		b.Run(msg.name, func(b *testing.B) {
			b.SetBytes(int64(len(msg.data)))
			b.ReportAllocs()
			var x Indexer
			for b.Loop() {
				x.Reset(nil)
				for p := msg.data; len(p) > 0; {
					n := min(len(p), 32<<10)
					x.Write(p[:n])
					p = p[n:]
				}
				x.finish()
			}
		})
	}
}

func BenchmarkDecodeAll(b *testing.B) {
	for _, msg := range benchMessages() {
		b.Run(msg.name, func(b *testing.B) {
			b.SetBytes(int64(len(msg.data)))
			b.ReportAllocs()
			for b.Loop() {
				m := Parse(msg.data, nil)
				for p := range m.Parts() {
					r := p.Decoded()
					if p.Is("text/*") {
						r = p.Text()
					}
					r.WriteTo(io.Discard)
				}
			}
		})
	}
}

func BenchmarkHeaderValues(b *testing.B) {
	m := Parse(newsletter(0), nil)
	b.SetBytes(m.recs[0].body)
	b.ReportAllocs()
	for b.Loop() {
		h := m.Header()
		h.Text("Subject")
		h.Addresses("From")
		h.Addresses("To")
		h.Date()
		h.MessageID()
		h.ContentType()
	}
}

func BenchmarkValues(b *testing.B) {
	const addresses = `Ann Example <ann@example.com>, "Bob, B." <bob@example.org>, carol@example.net`
	const words = "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?utf-8?B?IE3DvG5jaGVu?= und mehr"
	const date = "Tue, 1 Jul 2003 10:52:37 +0200"
	const ct = `multipart/mixed; boundary="=_abcdefghijklmnop"; charset=utf-8`
	b.Run("addresses", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ParseAddresses(addresses)
		}
	})
	b.Run("words", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			DecodeWords(words)
		}
	})
	b.Run("date", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ParseDate(date)
		}
	})
	b.Run("mediatype", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ParseMediaType(ct)
		}
	})
}

func BenchmarkDecoders(b *testing.B) {
	var qp, b64 bytes.Buffer
	e := NewEncoder(QuotedPrintable, &qp)
	io.WriteString(e, strings.Repeat("Liebe Ann, hier ist der Text mit ein paar Umlauten: ä ö ü.\r\n", 4000))
	e.Close()
	e = NewEncoder(Base64, &b64)
	e.Write(bytes.Repeat([]byte{1, 2, 3, 4, 5, 250}, 40000))
	e.Close()
	for _, c := range []struct {
		e    Encoding
		data []byte
	}{{QuotedPrintable, qp.Bytes()}, {Base64, b64.Bytes()}} {
		b.Run(c.e.String(), func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				r := Reader{mem: c.data}
				r.setDecode(c.e)
				r.WriteTo(io.Discard)
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		m := new(Builder).From(Addr("Jörg", "joerg@sender.example")).To(Addr("Ann", "ann@example.com")).
			Subject("März").Text("text\n").HTML("<p>text</p>\n").AttachBytes("a.pdf", "", data)
		if _, err := m.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromIndex(b *testing.B) {
	msg := newsletter(64 << 10)
	index := Parse(msg, nil).AppendIndex(nil)
	b.ReportMetric(float64(len(index)), "index-octets")
	b.ReportAllocs()
	for b.Loop() {
		m, err := LoadIndex(index, bytes.NewReader(msg), nil)
		if err != nil {
			b.Fatal(err)
		}
		m.Envelope()
		m.BodyStructure()
	}
}

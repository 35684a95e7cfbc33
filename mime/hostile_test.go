package mime

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// hostile makes inputs of about n octets that cost other libraries seconds.
var hostile = []struct {
	name string
	make func(n int) []byte
}{
	{"field groups", func(n int) []byte { return repeatTo("A:b\n\n", n) }},
	{"address fields", func(n int) []byte { return append(repeatTo("To: a,,b,,c,,d,,e,,f\n", n), "\nx"...) }},
	{"depth", func(n int) []byte {
		var b bytes.Buffer
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return b.Bytes()
	}},
	{"embedded", func(n int) []byte { return repeatTo("Content-Type: message/rfc822\r\n\r\n", n) }},
	{"encoded messages", func(n int) []byte {
		return repeatTo("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", n)
	}},
	{"combining characters", func(n int) []byte {
		return append([]byte("Content-Type: text/plain; charset=utf-8\r\n\r\n"), repeatTo("\u0301", n)...)
	}},
	{"parts", func(n int) []byte { return []byte(mp("B", string(repeatTo("--B\r\n\r\nx\r\n", n)))) }},
	{"parts in header", func(n int) []byte { return []byte(mp("B", string(repeatTo("--B\r\n", n)))) }},
	{"levels of same boundary", func(n int) []byte {
		return repeatTo("Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n", n)
	}},
	{"parameters", func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("Content-Type: text/plain")
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "; p%d=%d", i, i)
		}
		return append(b.Bytes(), "\r\n\r\nx"...)
	}},
	{"sections", func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("Content-Disposition: attachment")
		for i := 99_999; b.Len() < n; i-- {
			fmt.Fprintf(&b, "; a*%d*=x", i)
		}
		return append(b.Bytes(), "\r\n\r\nx"...)
	}},
	{"extended names", func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("Content-Disposition: attachment")
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "; a%d*=x", i)
		}
		return append(b.Bytes(), "\r\n\r\nx"...)
	}},
	{"recipients", func(n int) []byte { return hostileField("To", "a@b.example.com, ", n) }},
	{"other recipients", func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("To: ")
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "a%d@b.example, ", i)
		}
		return append(b.Bytes(), "\r\n\r\nx"...)
	}},
	{"commas", func(n int) []byte { return hostileField("To", ",", n) }},
	{"names", func(n int) []byte { return hostileField("To", "a,", n) }},
	{"angles", func(n int) []byte { return hostileField("To", "<", n) }},
	{"quotes", func(n int) []byte { return hostileField("To", `"a\`, n) }},
	{"escaped quotes", func(n int) []byte { return hostileField("To", `\"`, n) }},
	{"comments", func(n int) []byte { return hostileField("To", "(", n) }},
	{"comments in a parameter", func(n int) []byte { return hostileField("Content-Type", "text/plain; a=(x)(y)", n) }},
	{"open comments in a parameter", func(n int) []byte { return hostileField("Content-Disposition", "x;a=b(", n) }},
	{"comments in a name", func(n int) []byte { return hostileField("To: a", "(", n, " <b@c>") }},
	{"quotes in a name", func(n int) []byte { return hostileField("To: a", `"\`, n, " <b@c>") }},
	{"brackets", func(n int) []byte { return hostileField("To", "a@[", n) }},
	{"groups", func(n int) []byte { return hostileField("To", "a:;", n) }},
	{"words", func(n int) []byte { return hostileField("Subject", "=?x?y?", n) }},
	{"word starts", func(n int) []byte { return hostileField("Subject", "=?utf-8?Q?", n) }},
	{"many words", func(n int) []byte { return hostileField("Subject", "=?gb2312?B?xOM=?= =?big5?Q?=A4?= ", n) }},
	{"short words", func(n int) []byte { return hostileField("Subject", "=?utf-7?Q?+?=", n) }},
	{"open words", func(n int) []byte { return hostileField("Subject", "=?utf-8?Q?x", n) }},
	{"blobs", func(n int) []byte { return hostileField("Subject", "[a]", n) }},
	{"replies", func(n int) []byte { return hostileField("Subject", "Re: ", n) }},
	{"forwards", func(n int) []byte { return hostileField("Subject", "[fwd:", n) }},
	{"ids", func(n int) []byte { return hostileField("References", "<a@b>", n) }},
	{"open ids", func(n int) []byte { return hostileField("References", "<a", n) }},
	{"date", func(n int) []byte { return hostileField("Date", "(1 ", n) }},
	{"received", func(n int) []byte { return hostileField("Received", "from a by (b ", n) }},
	{"header line", func(n int) []byte { return hostileField("X", "a", n) }},
	{"folds", func(n int) []byte { return hostileField("X", "a\r\n ", n) }},
	{"header fields", func(n int) []byte { return append(repeatTo("A: b\r\n", n), "\r\nx"...) }},
	{"junk lines", func(n int) []byte { return append(repeatTo("A: b\r\nx\r\n", n), "\r\nx"...) }},
	{"dashes in the header", func(n int) []byte {
		return append([]byte("Content-Type: multipart/mixed; boundary=B\r\n"), repeatTo("--x\r\n y\r\n", n)...)
	}},
	{"CR", func(n int) []byte { return append([]byte("A: b\r\n\r\n"), repeatTo("\r", n)...) }},
	{"CR LF dashes", func(n int) []byte { return []byte(mp("B", string(repeatTo("\r\n--", n)))) }},
	{"almost delimiters", func(n int) []byte {
		bound := strings.Repeat("b", 4000)
		return []byte(mp(bound, string(repeatTo("--"+bound+"x\r\n", n))))
	}},
	{"long delimiters", func(n int) []byte {
		bound := strings.Repeat("b", 5000)
		return []byte(mp(bound, string(repeatTo("--"+bound+"\r\n\r\nx\r\n", n))))
	}},
	{"many long boundaries", func(n int) []byte {
		var b bytes.Buffer
		for i := range 90 {
			bound := strings.Repeat("b", 100) + fmt.Sprint(i)
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n", bound, bound)
		}
		b.WriteString("\r\n")
		b.Write(repeatTo("--"+strings.Repeat("b", 103)+"\r\n", n))
		return b.Bytes()
	}},
	{"padding", func(n int) []byte { return []byte(mp("B", "--B"+string(repeatTo(" ", n))+"\r\n\r\nx")) }},
	{"padding and text", func(n int) []byte { return []byte(mp("B", "--B"+string(repeatTo(" ", n))+"x\r\n\r\nx")) }},
	{"base64", func(n int) []byte {
		return append([]byte("Content-Transfer-Encoding: base64\r\n\r\n"), repeatTo("YQ==\r\n", n)...)
	}},
	{"quoted-printable", func(n int) []byte {
		return append([]byte("Content-Transfer-Encoding: quoted-printable\r\n\r\n"), repeatTo("= \t", n)...)
	}},
	{"markup", func(n int) []byte { return append([]byte("Content-Type: text/html\r\n\r\n"), repeatTo("<a&", n)...) }},
	{"NUL", func(n int) []byte {
		return append([]byte("Content-Type: text/plain\r\n\r\n"), repeatTo("\x00\xff", n)...)
	}},
}

func repeatTo(s string, n int) []byte { return bytes.Repeat([]byte(s), n/len(s)+1) }

func hostileField(name, s string, n int, end ...string) []byte {
	if len(end) == 0 {
		name += ": "
	}
	return append(append([]byte(name), repeatTo(s, n)...), strings.Join(end, "")+"\r\n\r\nx"...)
}

// operations are what a server does that stores and shows a message.
var operations = []struct {
	name string
	do   func(m *Message)
}{
	{"Header", func(m *Message) { m.Header() }},
	{"Text", func(m *Message) { m.Header().Text("Subject") }},
	{"BaseSubject", func(m *Message) { BaseSubject(m.Header().Get("Subject")) }},
	{"Addresses", func(m *Message) { m.Header().Addresses("To") }},
	{"FieldGroups", func(m *Message) { ParseFieldGroups(m.buf, nil) }},
	{"References", func(m *Message) { m.Header().References() }},
	{"Date", func(m *Message) { m.Header().Date() }},
	{"ParseReceived", func(m *Message) { ParseReceived(m.Header().Get("Received")) }},
	{"ContentType", func(m *Message) { m.Header().ContentType() }},
	{"Envelope", func(m *Message) { m.Envelope() }},
	{"BodyStructure", func(m *Message) { m.BodyStructure() }},
	{"Views", func(m *Message) { m.Views() }},
	{"Preview", func(m *Message) { m.Preview(256) }},
	{"Security", func(m *Message) { m.Security() }},
	{"Check", func(m *Message) { m.Check() }},
	{"Envelope of a stored index", func(m *Message) { stored(m).Envelope() }},
	{"BodyStructure of a stored index", func(m *Message) { stored(m).BodyStructure() }},
	{"AppendFlowed", func(m *Message) { AppendFlowed(nil, view(m.buf), true) }},
	{"Reply", func(m *Message) { new(Builder).From(Addr("", "a@example.com")).Reply(m, true) }},
	{"MatchText", func(m *Message) { _, _ = NewMatcher("no such text").MatchText(m) }},
	{"Filename", func(m *Message) {
		for p := range m.Parts() {
			p.Filename()
		}
	}},
	{"decode", func(m *Message) {
		for p := range m.Parts() {
			p.Text().WriteTo(io.Discard)
		}
	}},
}

// stored is m as a server finds it again.
func stored(m *Message) *Message {
	m, err := LoadIndex(m.AppendIndex(nil), bytes.NewReader(m.buf), unlimited)
	if err != nil {
		panic(err)
	}
	return m
}

// unlimited lets the parsers of values see all of a hostile header.
var unlimited = &Options{MaxHeader: -1, MaxHeaders: -1}

func examine(b []byte) {
	m := Parse(b, unlimited)
	for _, op := range operations {
		op.do(m)
	}
}

// TestHostile bounds what a hostile MiB makes the package allocate, and that it
// grows no faster than the input.
func TestHostile(t *testing.T) {
	const mib = 1 << 20
	if raceEnabled {
		t.Skip("pools drop what they hold under the race detector: allocations say nothing")
	}
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			b, quarter := c.make(mib), c.make(mib/4)
			m, small := Parse(b, unlimited), Parse(quarter, unlimited)
			if got := allocated(func() { Parse(b, nil) }); got > 16*mib {
				t.Errorf("Parse allocates %d octets", got)
			}
			for _, op := range operations {
				got, less := allocated(func() { op.do(m) }), allocated(func() { op.do(small) })
				if got > 16*mib {
					t.Errorf("%s allocates %d octets", op.name, got)
				}
				if got > 8*less+mib {
					t.Errorf("%s allocates %d octets for a quarter, %d for the whole", op.name, less, got)
				}
			}
			if len(m.recs) > 10_000 {
				t.Errorf("%d parts", len(m.recs))
			}
			checkSpans(t, Parse(b, nil))
			checkSpans(t, m)
			var out bytes.Buffer
			if _, err := m.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), b) {
				t.Errorf("WriteTo is not the identity")
			}
		})
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestIndexerMemory: what the Indexer keeps does not depend on what it reads.
func TestIndexerMemory(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			b := c.make(1 << 16)
			var x Indexer
			x.Reset(nil)
			for _, o := range b {
				x.Write([]byte{o})
			}
			kept := cap(x.held) + cap(x.bounds.arena) + cap(x.hdr.ct) + cap(x.hdr.cte)
			if kept > 8*maxValue {
				t.Errorf("keeps %d octets of the message", kept)
			}
			if n := cap(x.recs); n > 16_000 {
				t.Errorf("keeps %d records", n)
			}
		})
	}
}

// BenchmarkHostile shows linear growth: the time per octet at 1, 2 and 4 MiB.
func BenchmarkHostile(b *testing.B) {
	for _, c := range hostile {
		for _, n := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/MiB=%d", strings.ReplaceAll(c.name, " ", "_"), n), func(b *testing.B) {
				msg := c.make(n << 20)
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				for b.Loop() {
					examine(msg)
				}
			})
		}
	}
}

package mime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// kindsOf returns the kinds of defects, each once.
func kindsOf(list []Defect) (kinds []DefectKind) {
	for _, d := range list {
		if !slices.Contains(kinds, d.Kind) {
			kinds = append(kinds, d.Kind)
		}
	}
	slices.Sort(kinds)
	return
}

func TestStructure(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		kinds          []DefectKind
	}{
		{"delimiter in mid-line", mp("B", "--B\r\n\r\nsee --B\r\nx--B\r\n--B--\r\n"), `multipart/mixed{text/plain:"see --B\nx--B"}`, nil},
		{"longer boundary", mp("B", "--B\r\n\r\n--B1\r\n--B--\r\n"), `multipart/mixed{text/plain:"--B1"}`, nil},
		{"boundary ends in dashes", mp("B--", "--B--\r\n\r\nx\r\n--B----\r\n"), `multipart/mixed{text/plain:"x"}`, nil},
		{"boundary of a close delimiter, inner", mp("B", "--B\r\nContent-Type: multipart/mixed; boundary=\"B--\"\r\n\r\n--B--\r\n\r\nx\r\n--B----\r\n--B--\r\n"),
			`multipart/mixed{multipart/mixed{text/plain:"x"}}`, nil},
		{"outer delimiter ends inner parts", mp("A", "--A\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nin\r\n--A\r\n\r\nout\r\n--A--\r\n"),
			`multipart/mixed{multipart/mixed{text/plain:"in"},text/plain:"out"}`, []DefectKind{DefectNoClose}},
		{"through an embedded message", mp("A", "--A\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nin\r\n--A\r\n\r\nout\r\n--A--\r\n"),
			`multipart/mixed{message/rfc822{multipart/mixed{text/plain:"in"}},text/plain:"out"}`, []DefectKind{DefectNoClose}},
		{"epilogue has no parts", mp("B", "--B\r\n\r\nx\r\n--B--\r\n--B\r\n\r\nno\r\n"), `multipart/mixed{text/plain:"x"}`, nil},
		{"text after a close delimiter", mp("B", "--B\r\n\r\nx\r\n--B--text\r\n"), `multipart/mixed{text/plain:"x"}`, []DefectKind{DefectJunkAfterClose}},
		{"text after white space after a close delimiter", mp("B", "--B\r\n\r\nx\r\n--B--  text\r\n"), `multipart/mixed{text/plain:"x"}`, []DefectKind{DefectJunkAfterClose}},
		{"only a close delimiter", mp("B", "--B--\r\n"), `multipart/mixed{}`, nil},
		{"no delimiter", mp("B", "x\r\n"), `text/plain:"x\n"`, []DefectKind{DefectNoDelimiter}},
		{"no boundary", "Content-Type: multipart/mixed\r\n\r\nx\r\n", `text/plain:"x\n"`, []DefectKind{DefectNoBoundary}},
		{"empty boundary", mp("", "--\r\n\r\nx\r\n"), `text/plain:"--\n\nx\n"`, []DefectKind{DefectNoBoundary}},
		{"not closed", mp("B", "--B\r\n\r\nx"), `multipart/mixed{text/plain:"x"}`, []DefectKind{DefectNoClose}},
		{"same boundary twice", mp("B", "--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nx\r\n--B--\r\n--B\r\n\r\ny\r\n--B--\r\n"),
			`multipart/mixed{multipart/mixed{text/plain:"x"},text/plain:"y"}`, nil},
		{"white space at the end of the parameter", mp("B ", "--B\r\n\r\nx\r\n--B--\r\n"), `multipart/mixed{text/plain:"x"}`, nil},
		{"folded quoted boundary", "Content-Type: multipart/mixed; boundary=\"a\r\n b\"\r\n\r\n--a b\r\n\r\nx\r\n--a b--\r\n", `multipart/mixed{text/plain:"x"}`, nil},
		{"boundary in sections", "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\nx\r\n--ab--\r\n", `multipart/mixed{text/plain:"x"}`, nil},
		{"header runs into the delimiter", "Content-Type: multipart/mixed; boundary=B\r\n--B\r\n\r\nx\r\n--B--\r\n", `multipart/mixed{text/plain:"x"}`, nil},
		{"junk, then the delimiter", "Content-Type: multipart/mixed; boundary=B\r\njunk\r\n--B\r\n\r\nx\r\n--B--\r\n", `multipart/mixed{text/plain:"x"}`, []DefectKind{DefectHeaderCut}},
		{"parameter on an unfolded line", "Content-Type: multipart/mixed;\r\nboundary=B\r\nX: y\r\n\r\n--B\r\n\r\nx\r\n--B--\r\n", `multipart/mixed{text/plain:"x"}`, []DefectKind{DefectNoColon}},
		{"digest", "Content-Type: multipart/digest; boundary=B\r\n\r\n--B\r\n\r\nSubject: x\r\n\r\na\r\n--B\r\nContent-Type: text/plain\r\n\r\nb\r\n--B--\r\n",
			`multipart/digest{message/rfc822{text/plain:"a"},text/plain:"b"}`, nil},
		{"encoded multipart", "Content-Type: multipart/mixed; boundary=B\r\nContent-Transfer-Encoding: base64\r\n\r\n--B\r\n\r\nx\r\n--B--\r\n",
			`multipart/mixed{text/plain:"x"}`, []DefectKind{DefectEncodedMultipart}},
		{"quoted-printable message", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSubject: x\r\n\r\na=3Db", `message/rfc822{text/plain:"a=b"}`, nil},
		{"message/global", "Content-Type: message/global\r\n\r\nSubject: ü\r\n\r\nx", `message/global{text/plain:"x"}`, nil},
		{"message/partial", "Content-Type: message/partial\r\n\r\nSubject: x\r\n\r\ny", `message/partial:"Subject: x\n\ny"`, nil},
		{"unknown encoding", "Content-Transfer-Encoding: x-odd\r\n\r\n=41", `text/plain:"=41"`, []DefectKind{DefectUnknownEncoding}},
		{"two types", "Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx", `text/html:"x"`, []DefectKind{DefectDuplicateField}},
		{"no header", "\r\nx", `text/plain:"x"`, nil},
		{"no header, no empty line", "just text\r\nmore text\r\n", `text/plain:"just text\nmore text\n"`, []DefectKind{DefectHeaderCut}},
		{"header only", "Subject: x\r\n", `text/plain:""`, nil},
		{"nothing", "", `text/plain:""`, nil},
		{"bare LF", strings.ReplaceAll(mp("B", "--B\r\n\r\nx\r\n--B--\r\n"), "\r\n", "\n"), `multipart/mixed{text/plain:"x"}`, nil},
		{"mixed line ends", "Subject: x\r\n\r\na\nb\r\n", `text/plain:"a\nb\n"`, []DefectKind{DefectBareLF}},
		{"CR only", "Subject: x\r\rbody\r", `text/plain:""`, []DefectKind{DefectBareCR}},
		{"runs of CR", "Content-Type: multipart/mixed; boundary=B\r\r\n\r\r\n--B\r\r\n\r\r\nx\r\r\n--B--\r\r\n", `multipart/mixed{text/plain:"x"}`, nil},
		{"NUL in a name", "A\x00B: c\r\nSubject: x\r\n\r\ny", `text/plain:"y"`, []DefectKind{DefectNoColon, DefectNUL}},
		{"mbox line", "From a@b Thu Jan 1 00:00:00 1970\r\nSubject: x\r\n\r\ny", `text/plain:"y"`, []DefectKind{DefectMboxLine}},
		{"byte order mark", "\xef\xbb\xbfSubject: x\r\n\r\ny", `text/plain:"y"`, []DefectKind{DefectByteOrderMark}},
		{"first line folded", " x\r\nSubject: x\r\n\r\ny", `text/plain:"y"`, []DefectKind{DefectFirstLineFolded}},
		{"odd names", ": x\r\n\xff: y\r\n\r\nz", `text/plain:"z"`, []DefectKind{DefectBadFieldName}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Parse([]byte(c.in), nil)
			if got := showTree(t, m.Root()); got != c.want {
				t.Errorf("%q\n got  %s\n want %s", c.in, got, c.want)
			}
			if d := cmp.Diff(c.kinds, kindsOf(m.Defects()), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%q: defects (-want +got):\n%s", c.in, d)
			}
			checkSplits(t, []byte(c.in), nil, 1, 2, 3)
			checkSections(t, []byte(c.in))
		})
	}
}

// TestPaddingOverWrites: white space of a MiB behind a delimiter is not kept.
func TestPaddingOverWrites(t *testing.T) {
	pad := strings.Repeat(" \t", 1<<19)
	for _, c := range []struct{ name, in, want string }{
		{"delimiter", mp("B", "--B"+pad+"\r\n\r\nx\r\n--B--"), `multipart/mixed{text/plain:"x"}`},
		{"text after all", mp("B", "--B\r\n\r\n--B"+pad+"y\r\n--B--"), `multipart/mixed{text/plain:"--B` + pad + `y"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := showTree(t, Parse([]byte(c.in), nil).Root()); got != c.want {
				t.Errorf("got %.200s", got)
			}
			checkSplits(t, []byte(c.in), nil, 1000)
		})
	}
}

func TestOctetsAndLines(t *testing.T) {
	m := Parse([]byte(mp("B", "--B\r\n\r\nhello\r\n\r\n--B\r\n\r\nhello\r\n--B\n\nx\ny\n--B--\r\n")), nil)
	var got []string
	for p := range m.Root().Children() {
		got = append(got, fmt.Sprintf("%d/%d", p.Octets(), p.Lines()))
	}
	if d := cmp.Diff([]string{"7/1", "5/0", "3/1"}, got); d != "" {
		t.Error(d)
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return []byte(b.String() + "\r\nx")
	}
	for _, c := range []struct {
		name  string
		in    []byte
		o     Options
		parts int
		kind  DefectKind
	}{
		{"depth", deep(200), Options{}, 100, DefectTooDeep},
		{"own depth", deep(200), Options{MaxDepth: 5}, 5, DefectTooDeep},
		{"no depth", deep(200), Options{MaxDepth: -1}, 201, 0},
		{"parts", []byte(mp("B", strings.Repeat("--B\r\n\r\nx\r\n", 20_000))), Options{}, 10_000, DefectTooManyParts},
		{"own parts", []byte(mp("B", strings.Repeat("--B\r\n\r\nx\r\n", 50))), Options{MaxParts: 10}, 10, DefectTooManyParts},
		{"no parts limit", []byte(mp("B", strings.Repeat("--B\r\n\r\nx\r\n", 20_000))), Options{MaxParts: -1}, 20_001, 0},
		{"header", []byte("X: " + strings.Repeat("a", 100) + "\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n"), Options{MaxHeader: 50}, 1, DefectHeaderTooLong},
		{"headers", []byte(mp("B", strings.Repeat("--B\r\nX: y\r\n\r\nx\r\n", 50))), Options{MaxHeaders: 100}, 51, DefectHeaderTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Parse(c.in, &c.o)
			if len(m.recs) != c.parts {
				t.Errorf("%d parts, want %d", len(m.recs), c.parts)
			}
			if found := slices.Contains(kindsOf(m.Defects()), c.kind); c.kind != 0 && !found {
				t.Errorf("defects %v lack %v", kindsOf(m.Defects()), c.kind)
			}
			checkSpans(t, m)
			checkSplits(t, c.in, &c.o, 1000)
			if last := m.recs[len(m.recs)-1]; c.kind == DefectTooManyParts && last.end != m.size {
				t.Errorf("the last part ends at %d of %d", last.end, m.size)
			}
		})
	}
	h := Parse([]byte("A: b\r\nX: "+strings.Repeat("a", 100)+"\r\nC: d\r\n\r\nx"), &Options{MaxHeader: 50}).Header()
	if h.Len() != 1 || h.Get("A") != "b" {
		t.Errorf("fields over the limit: %q", h.Append(nil))
	}
	many := Parse([]byte(strings.Repeat(": x\r\n", 300)), nil).Defects()
	if len(many) != 101 || many[100].Kind != DefectMore {
		t.Errorf("%d defects", len(many))
	}
}

const nested = "Content-Type: multipart/mixed; boundary=A\r\n\r\n" +
	"--A\r\nContent-Type: text/plain\r\n\r\none\r\n" +
	"--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=B\r\n\r\n" +
	"--B\r\n\r\ntwo one\r\n--B\r\nContent-Type: text/html\r\n\r\n<p>two two\r\n--B--\r\n" +
	"--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: leaf\r\n\r\nthree one\r\n--A--\r\n"

func TestPartNumbers(t *testing.T) {
	m := Parse([]byte(nested), nil)
	var got []string
	for p := range m.Parts() {
		got = append(got, p.Number()+" "+p.Type().Type+"/"+p.Type().Subtype)
	}
	want := []string{" multipart/mixed", "1 text/plain", "2 message/rfc822", "2 multipart/alternative", "2.1 text/plain",
		"2.2 text/html", "3 message/rfc822", "3.1 text/plain"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, path := range [][]uint32{{0}, {4}, {1, 1}, {2, 3}, {3, 2}, {3, 1, 1}, {1 << 31}} {
		if p, ok := m.Lookup(path...); ok {
			t.Errorf("Lookup(%v) is part %d", path, p.Index())
		}
	}
	leaf := Parse([]byte("Subject: x\r\n\r\ny"), nil)
	if p, ok := leaf.Lookup(1); !ok || p != leaf.Root() {
		t.Error("part 1 of a message without parts is not its body")
	}
}

func TestSection(t *testing.T) {
	m := Parse([]byte(nested), nil)
	for _, c := range []struct {
		s    Section
		want string
	}{
		{Section{Kind: SectionHeader}, "Content-Type: multipart/mixed; boundary=A\r\n\r\n"},
		{Section{Path: []uint32{1}}, "one"},
		{Section{Path: []uint32{1}, Kind: SectionMIME}, "Content-Type: text/plain\r\n\r\n"},
		{Section{Path: []uint32{1}, Kind: SectionText}, "NIL"},
		{Section{Path: []uint32{1}, Kind: SectionHeader}, "NIL"},
		{Section{Kind: SectionMIME}, "NIL"},
		{Section{Path: []uint32{9}}, "NIL"},
		{Section{Path: []uint32{3}, Kind: SectionHeader}, "Subject: leaf\r\n\r\n"},
		{Section{Path: []uint32{3}, Kind: SectionText}, "three one"},
		{Section{Path: []uint32{3, 1}}, "three one"},
		{Section{Path: []uint32{2, 1}}, "two one"},
		{Section{Path: []uint32{2}, Kind: SectionFields, Fields: []string{"SUBJECT", "From"}}, "Subject: inner\r\n\r\n"},
		{Section{Path: []uint32{2}, Kind: SectionFieldsNot, Fields: []string{"subject"}}, "Content-Type: multipart/alternative; boundary=B\r\n\r\n"},
		{Section{Kind: SectionFields, Fields: []string{"none"}}, "\r\n"},
	} {
		r, ok := m.Section(c.s)
		got := "NIL"
		if ok {
			b, _ := io.ReadAll(r)
			got = string(b)
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.s, got, c.want)
		}
	}
	bare := Parse([]byte("A: b\nC: d"), nil).CRLF()
	if got := string(readSection(t, bare, Section{Kind: SectionFields, Fields: []string{"A"}})); got != "A: b\r\n" {
		t.Errorf("no empty line in the message, section %q", got)
	}
}

func TestEnvelope(t *testing.T) {
	b := func(s string) []byte { return []byte(s) }
	m := Parse([]byte("Date: Fri, 21 Nov 1997\r\n 09:55:06 -0600\r\nSubject: =?utf-8?Q?=C3=BC?=\r\nFrom: \"Q \\\"x\\\"\" <a@b>, c@d (Comment)\r\n"+
		"To: G: x@y, z@w;, <@r,@s:p@q>, E:;\r\nReply-To: \r\nBcc:\r\nIn-Reply-To:\r\n\r\n"), nil)
	from := []EnvelopeAddress{{Name: b(`Q "x"`), Mailbox: b("a"), Host: b("b")}, {Name: b("Comment"), Mailbox: b("c"), Host: b("d")}}
	want := Envelope{
		Date: b("Fri, 21 Nov 1997 09:55:06 -0600"), Subject: b("=?utf-8?Q?=C3=BC?="), InReplyTo: []byte{},
		From: from, Sender: from, ReplyTo: from,
		To: []EnvelopeAddress{{Mailbox: b("G")}, {Mailbox: b("x"), Host: b("y")}, {Mailbox: b("z"), Host: b("w")}, {},
			{Route: b("@r,@s"), Mailbox: b("p"), Host: b("q")}, {Mailbox: b("E")}, {}},
	}
	if d := cmp.Diff(want, m.Envelope()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if e := Parse(nil, nil).Envelope(); e.Subject != nil || e.From != nil {
		t.Errorf("envelope of nothing: %+v", e)
	}
}

func TestBodyStructure(t *testing.T) {
	in := mp("A", "--A\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: QUOTED-PRINTABLE\r\nContent-ID: <1@x>\r\nContent-Description: d e\r\n"+
		"Content-Disposition: attachment; filename*=utf-8'de'%C3%BC\r\nContent-Language: de, en\r\nContent-Location: http://x/\r\nContent-MD5: abc=\r\n\r\na\r\nb\r\n"+
		"--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: i\r\n\r\nx\r\n"+
		"--A\r\nContent-Type: multipart/mixed; boundary=E\r\n\r\n--E--\r\n"+
		"--A\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n"+
		"--A\r\nContent-Transfer-Encoding: x-odd\r\n\r\n\r\n--A--\r\n")
	got := Parse([]byte(in), nil).BodyStructure()
	ascii := Params{{Name: "charset", Value: "us-ascii"}}
	want := &BodyStructure{Type: "multipart", Subtype: "mixed", Params: Params{{Name: "boundary", Value: "A"}}, Children: []BodyStructure{
		{Type: "text", Subtype: "html", Encoding: "quoted-printable", Params: ascii, Octets: 4, Lines: 1, ID: []byte("<1@x>"), Description: []byte("d e"),
			Disposition: "attachment", DispositionParams: Params{{Name: "filename*", Value: "ü", Charset: "utf-8", Lang: "de"}},
			Language: []string{"de", "en"}, Location: []byte("http://x/"), MD5: []byte("abc=")},
		{Type: "message", Subtype: "rfc822", Encoding: "7bit", Octets: 15, Lines: 2, Envelope: &Envelope{Subject: []byte("i")},
			Body: &BodyStructure{Type: "text", Subtype: "plain", Encoding: "7bit", Params: ascii, Octets: 1}},
		{Type: "multipart", Subtype: "mixed", Params: Params{{Name: "boundary", Value: "E"}},
			Children: []BodyStructure{{Type: "text", Subtype: "plain", Encoding: "7bit", Params: ascii}}},
		{Type: "application", Subtype: "octet-stream", Encoding: "base64", Octets: 4},
		{Type: "text", Subtype: "plain", Encoding: "x-odd", Params: ascii},
	}}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCRLF(t *testing.T) {
	m := Parse([]byte("A: b\n\nx\ny\r\nz"), nil)
	c := m.CRLF()
	if c.Size() != m.Size()+3 || c.Root().Octets() != m.Root().Octets()+1 || c.CRLF() != c {
		t.Errorf("size %d, octets %d", c.Size(), c.Root().Octets())
	}
	var out bytes.Buffer
	c.WriteTo(&out)
	if out.String() != "A: b\r\n\r\nx\r\ny\r\nz" {
		t.Errorf("%q", out.String())
	}
	crlf := Parse([]byte("A: b\r\n\r\nx"), nil)
	if crlf.CRLF() != crlf {
		t.Error("a message with CRLF has another CRLF form")
	}
	long := []byte("A: b\n\n" + strings.Repeat("line\n", 100_000))
	r := Parse(long, nil).CRLF().Root().Raw()
	want := toCRLF(long)[8:]
	for _, off := range []int64{500_000, 7, 300_001, 599_990, 0} {
		p := make([]byte, 1000)
		n, _ := r.ReadAt(p, off)
		if !bytes.Equal(p[:n], want[off:min(off+1000, int64(len(want)))]) {
			t.Errorf("at %d: %.40q", off, p)
		}
	}
}

// repeated is a source that gives the same octets over and over, after a head.
type repeated struct {
	head, body string
	size       int64
}

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		at := off + int64(i)
		switch {
		case at >= r.size:
			return i, io.EOF
		case at < int64(len(r.head)):
			p[i] = r.head[at]
		default:
			p[i] = r.body[(at-int64(len(r.head)))%int64(len(r.body))]
		}
	}
	return len(p), nil
}

// TestHugeOffsets: nothing in the index is counted in 32 bits.
func TestHugeOffsets(t *testing.T) {
	head := mp("B", "--B\r\n\r\n")
	line := strings.Repeat("x", 1<<20-2) + "\r\n"
	var x Indexer
	x.Write([]byte(head))
	b := []byte(line)
	const lines = 5 << 10 // of a MiB
	for range lines {
		x.off += int64(len(b)) // as if it had been written: no line end lies inside
		x.lf++
	}
	x.lineOff = x.off
	tail := "--B\r\nX: y\r\n\r\nend\r\n--B--\r\n"
	x.eol = 2
	x.Write([]byte(tail))
	size := x.off
	m := x.Finish(repeated{head: head, body: line, size: size})
	back, err := LoadIndex(m.AppendIndex(nil), m.src, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := back.Lookup(1)
	if want := int64(lines)<<20 - 2; !ok || p.Octets() != want || p.Lines() != lines-1 {
		t.Fatalf("part 1: %d octets, %d lines", p.Octets(), p.Lines())
	}
	end := make([]byte, 4)
	if n, err := p.Raw().ReadAt(end, p.Octets()-4); n != 4 || err != nil && err != io.EOF || string(end) != "xxxx" {
		t.Errorf("the end of part 1 is %q, %v", end[:n], err)
	}
	if q, ok := back.Lookup(2); !ok || q.Octets() != 3 {
		t.Error("part 2")
	}
}

func TestEmbeddedMessage(t *testing.T) {
	m := Parse([]byte(nested), nil)
	p, _ := m.Lookup(2)
	in, err := p.Message()
	if err != nil {
		t.Fatal(err)
	}
	if in.Header().Get("Subject") != "inner" || shape(in.Root()) != "multipart/alternative(text/plain text/html)" {
		t.Errorf("inner message %s", shape(in.Root()))
	}
	b, _ := io.ReadAll(p.Raw())
	if d := cmp.Diff(Parse(b, nil).recs, in.recs, records); d != "" {
		t.Errorf("index of the inner message (-parsed +cut out):\n%s", d)
	}
	text, _ := m.Lookup(1)
	if _, err := text.Message(); err != ErrNotMessage {
		t.Errorf("text: %v", err)
	}
}

// TestOpenedMessages: encoded messages in each other are opened to a few levels.
func TestOpenedMessages(t *testing.T) {
	m := Parse(bytes.Repeat([]byte("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"), 50), nil)
	levels := 0
	var err error
	for err == nil && levels < 50 {
		if m, err = m.Root().Message(); err == nil {
			levels++
		}
	}
	if levels != maxOpened || err != ErrTooLarge {
		t.Errorf("%d levels, %v", levels, err)
	}
}

func TestReadLimits(t *testing.T) {
	p := Parse([]byte("\r\n0123456789"), nil).Root()
	if b, err := p.ReadDecoded(4); err != ErrTooLarge || string(b) != "0123" {
		t.Errorf("%q, %v", b, err)
	}
	if s, err := p.ReadText(10); err != nil || s != "0123456789" {
		t.Errorf("%q, %v", s, err)
	}
	if n, err := p.DecodedSize(); n != 10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	q := Parse([]byte("Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n"), nil).Root()
	if n, err := q.DecodedSize(); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestFilename(t *testing.T) {
	for in, want := range map[string]string{
		"Content-Disposition: attachment; filename=a.pdf":                                                     "a.pdf",
		"Content-Disposition: attachment; filename=a.pdf\r\nContent-Type: x/y; name=b.pdf":                    "a.pdf",
		"Content-Type: x/y; name=b.pdf":                                                                       "b.pdf",
		"Content-Disposition: attachment; filename=\"..\\\\..\\\\etc/passwd\"":                                "passwd",
		"Content-Disposition: attachment; filename=\"../..\"":                                                 "",
		"Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEfdp.exe":                                 "afdp.exe",
		"Content-Disposition: attachment; filename=\"a\tb\x01c\"":                                             "abc",
		"Content-Disposition: attachment; filename=\"=?utf-8?B?w7wucGRm?=\"":                                  "ü.pdf",
		"Content-Disposition: attachment; filename=old.pdf; filename*=utf-8''neu%C3%BC.pdf":                   "neuü.pdf",
		"Content-Type: x/y; name*=utf-8''b%2Fc.pdf; name=z":                                                   "c.pdf",
		"Content-Disposition: attachment":                                                                     "",
		"Content-Disposition: inline; filename*0=\"a\"; filename*1=\"b\"; filename*2*=c\r\nContent-Type: x/y": "abc",
	} {
		if got := Parse([]byte(in+"\r\n\r\n"), nil).Root().Filename(); got != want {
			t.Errorf("%q: filename %q, want %q", in, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"utf-8", "Content-Type: text/plain; charset=utf-8\r\n\r\nü\xff", "ü\uFFFD"},
		{"no label, UTF-8", "\r\nü", "ü"},
		{"no label, Latin-1", "\r\n\xfc", "ü"},
		{"us-ascii with 8 bits", "Content-Type: text/plain; charset=us-ascii\r\n\r\nü", "ü"},
		{"unknown label", "Content-Type: text/plain; charset=x-none\r\n\r\n\xfc", "ü"},
		{"byte order mark", "Content-Type: text/plain; charset=utf-8\r\n\r\n\xef\xbb\xbfa", "a"},
		{"gb2312 in base64", "Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: base64\r\n\r\nxOO6ww==", "你好"},
		{"utf-16 with a mark", "Content-Type: text/plain; charset=utf-16\r\n\r\n\xff\xfea\x00", "a"},
		{"label in sections", "Content-Type: text/plain; charset*0=iso-; charset*1=8859-15\r\n\r\n\xa4", "€"},
		{"second label", "Content-Type: text/plain; charset=utf-8; charset=koi8-r\r\n\r\nü", "ü"},
		{"any type", "Content-Type: application/x; charset=iso-8859-15\r\n\r\n\xa4", "€"},
		{"uuencode", "Content-Transfer-Encoding: x-uuencode\r\n\r\ntext\r\nbegin 644 x\r\n#86)C\r\n`\r\nend\r\nmore", "abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Parse([]byte(c.in), nil).Root().ReadText(-1); got != c.want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// TestDecoders: the rules of RFC 2045, sections 6.7 and 6.8, and of mail that
// breaks them.
func TestDecoders(t *testing.T) {
	for _, c := range []struct {
		e        Encoding
		in, want string
		bad      bool
	}{
		{QuotedPrintable, "a=3Db", "a=b", false},
		{QuotedPrintable, "a=3db", "a=b", false},
		{QuotedPrintable, "a \t\r\nb", "a\r\nb", false},
		{QuotedPrintable, "a= \t\r\nb", "ab", false},
		{QuotedPrintable, "a=\nb", "ab", false},
		{QuotedPrintable, "a=", "a", false},
		{QuotedPrintable, "a=4", "a=4", true},
		{QuotedPrintable, "a=ZZ==41", "a=ZZ=A", true},
		{QuotedPrintable, "\xff\x01", "\xff\x01", false},
		{QuotedPrintable, "a\n\nb\r\n", "a\n\nb\r\n", false},
		{QuotedPrintable, "a =20\r\nb", "a  \r\nb", false},
		{Base64, "aGVsbG8=", "hello", false},
		{Base64, "aGVs\r\nbG8=\r\n", "hello", false},
		{Base64, "aGVsbG8", "hello", true},
		{Base64, "aGV!sbG8=", "hello", true},
		{Base64, "aG Vs\tbG8=", "hello", false},
		{Base64, "aGVsbG8=\r\n\r\n-- \r\nfooter\r\n", "hello", true},
		{Base64, "YQ==\r\nYg==\r\n", "ab", true},
		{Base64, "YQ==Yg==\r\n", "a", true},
		{Base64, "YQ==\r\nnot base64!\r\nYg==", "a", true},
		{Base64, "A", "", true},
		{Base64, "", "", false},
	} {
		r := NewDecoder(c.e, strings.NewReader(c.in))
		got, err := io.ReadAll(r)
		if string(got) != c.want || err != nil || (len(r.Defects()) > 0) != c.bad {
			t.Errorf("%v %q: %q, %v, defects %v, want %q", c.e, c.in, got, err, r.Defects(), c.want)
		}
	}
	if _, err := NewEncoder(UUEncode, io.Discard).Write([]byte("x")); err == nil {
		t.Error("uuencode is written")
	}
}

func TestFlowed(t *testing.T) {
	long := strings.Repeat("a", mostFlowedLine+2*blockSize)
	for _, c := range []struct {
		name, in string
		delSp    bool
		want     string
	}{
		{"joined", "a \r\nb\r\nc\r\n", false, "a b\nc\n"},
		{"DelSp", "a \r\nb\r\n", true, "ab\n"},
		{"stuffing", " From x\r\n  y\r\n", false, "From x\n y\n"},
		{"quotes", ">> a \r\n>> b\r\n> c\r\n", false, ">> a b\n> c\n"},
		{"depth changes", "> a \r\nb\r\n", false, "> a \nb\n"},
		{"signature", "a \r\n-- \r\nx\r\n", false, "a \n-- \nx\n"},
		{"end in a paragraph", "a \r\n", false, "a \n"},
		{"empty lines", "a\r\n\r\nb", false, "a\n\nb\n"},
		{"long line", long + ">x\r\nb\r\n", false, long + ">x\nb\n"},
		{"long line in a paragraph", "> " + long + " \r\n> b\r\n", true, "> " + long + "b\n"},
		{"long line at the end", long, false, long + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := io.ReadAll(NewFlowedReader(strings.NewReader(c.in), c.delSp))
			if string(got) != c.want || err != nil {
				t.Errorf("%.100q, %v, want %.100q", got, err, c.want)
			}
		})
	}
}

func TestAppendFlowed(t *testing.T) {
	ten := strings.Repeat("words and ", 10) // 100 characters
	for _, c := range []struct {
		name, in string
		delSp    bool
		want     string
	}{
		{"short", "a\nb", false, "a\r\nb\r\n"},
		{"CRLF", "a\r\n\r\nb\r\n", false, "a\r\n\r\nb\r\n"},
		{"spaces at the end", "a  \n   \n", false, "a\r\n\r\n"},
		{"long", ten + "end", false, strings.Repeat("words and ", 7) + "words \r\nand words and words and end\r\n"},
		{"long with DelSp", ten + "end", true, strings.Repeat("words and ", 7) + "words  \r\nand words and words and end\r\n"},
		{"quoted", ">>" + ten + "end", false, ">> " + strings.Repeat("words and ", 7) + "\r\n>> words and words and words and end\r\n"},
		{"empty quoted", ">\n> \n", false, ">\r\n>\r\n"},
		{"stuffing", " a\nFrom b\n> >c\n", false, "  a\r\n From b\r\n> >c\r\n"},
		{"signature", "x\n-- \nAnn", false, "x\r\n-- \r\nAnn\r\n"},
		{"no signature", "-- " + strings.Repeat("x", 80), false, "-- " + strings.Repeat("x", 80) + "\r\n"},
		{"a word", strings.Repeat("x", 100) + " y", false, strings.Repeat("x", 100) + " \r\ny\r\n"},
		{"a word with DelSp", strings.Repeat("語", 100), true, strings.Repeat("語", 77) + " \r\n" + strings.Repeat("語", 23) + "\r\n"},
		{"deep quotes are not repeated", strings.Repeat(">", 60) + " " + ten + "end", false, strings.Repeat(">", 60) + " " + ten + "end\r\n"},
		{"fits", strings.Repeat("x", 78), true, strings.Repeat("x", 78) + "\r\n"},
		{"nothing", "", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, string(AppendFlowed(nil, c.in, c.delSp))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// paragraphs is what NewFlowedReader has to give of AppendFlowed(s).
func paragraphs(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		text := strings.TrimLeft(line, ">")
		if quote := line[:len(line)-len(text)]; quote != "" {
			out.WriteString(quote + " ")
			text = strings.TrimPrefix(text, " ")
		}
		if text != "-- " {
			text = strings.TrimRight(text, " ")
		}
		out.WriteString(text + "\n")
	}
	return out.String()
}

func FuzzFlowed(f *testing.F) {
	for _, s := range []string{"a b", "> x\n>> y ", "-- \nx", "--  y", " From\nFrom x", strings.Repeat("wörter und ", 20), strings.Repeat("-- ", 40),
		strings.Repeat("語", 200), strings.Repeat(">", 90) + " deep " + strings.Repeat("x ", 50)} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, delSp bool) {
		s = strings.ReplaceAll(s, "\r", "")
		b := AppendFlowed(nil, s, delSp)
		got, err := io.ReadAll(NewFlowedReader(bytes.NewReader(b), delSp))
		if want := paragraphs(s); string(got) != want || err != nil {
			t.Fatalf("%q was written as %q and read as %q, %v", s, b, got, err)
		}
		for line := range strings.Lines(string(b)) {
			line, crlf := strings.CutSuffix(line, "\r\n")
			quote := len(line) - len(strings.TrimLeft(line, ">"))
			if long := delSp && quote <= mostFlowed-leastFlowed && utf8.RuneCountInString(line) > mostFlowed; !crlf || long {
				t.Fatalf("line %q of %q", line, s)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	m := Parse([]byte("From: bad bad\r\nDate: never\r\nSubject: =?x-none?Q?a?= =?utf-8?Q?=zz?=\r\nSubject: again\r\n"+
		"Content-Type: text/plain; charset=x-none; x\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ!\r\n"), nil)
	want := []DefectKind{DefectDuplicateField, DefectBadWord, DefectUnknownCharset, DefectBadAddress, DefectBadDate, DefectBadParameter, DefectBadBase64}
	slices.Sort(want)
	if d := cmp.Diff(want, kindsOf(m.Check())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, d := range m.Check() {
		if s := d.Error(); !strings.HasPrefix(s, "mime: ") || strings.ContainsAny(s, "\r\n\x00") || d.Kind.String() == "" {
			t.Errorf("%q", s)
		}
	}
	if !errors.Is(error(m.Check()[0]), m.Check()[0]) {
		t.Error("a defect is no comparable error")
	}
}

// TestConcurrent reads one message from several goroutines.
func TestConcurrent(t *testing.T) {
	msg := []byte(strings.ReplaceAll(nested, "\r\n", "\n"))
	m, err := ParseAt(bytes.NewReader(msg), int64(len(msg)), nil)
	if err != nil {
		t.Fatal(err)
	}
	x := NewMatcher("two two")
	var wg sync.WaitGroup
	raw := m.CRLF().Root().Raw()
	for range 8 {
		wg.Go(func() {
			checkWalk(t, m)
			m.CRLF().BodyStructure()
			if ok, err := x.MatchBody(m); !ok || err != nil {
				t.Errorf("no match, %v", err)
			}
			b := make([]byte, raw.Size())
			if n, err := raw.ReadAt(b, 0); n != len(b) || err != nil && err != io.EOF || !bytes.HasSuffix(toCRLF(msg), b) {
				t.Errorf("read %d octets, %v", n, err)
			}
		})
	}
	wg.Wait()
}

package mime

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// records compares all that a scan finds.
var records = cmp.Options{
	cmp.AllowUnexported(record{}, span{}),
	cmpopts.EquateEmpty(),
}

// scan indexes b in writes of n octets.
func scan(b []byte, n int, o *Options) *Message {
	var x Indexer
	x.Reset(o)
	for len(b) > 0 {
		k := min(n, len(b))
		x.Write(b[:k])
		b = b[k:]
	}
	return x.Finish(nil)
}

// checkSplits fails unless cuts of the input leave no trace in the index.
func checkSplits(t testing.TB, b []byte, o *Options, sizes ...int) {
	t.Helper()
	want := Parse(b, o)
	for _, n := range sizes {
		got := scan(b, n, o)
		if d := cmp.Diff(want.recs, got.recs, records); d != "" {
			t.Fatalf("records differ in writes of %d octets of %.500q (-whole +cut):\n%s", n, b, d)
		}
		if d := cmp.Diff(want.defects, got.defects, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("defects differ in writes of %d octets of %.500q (-whole +cut):\n%s", n, b, d)
		}
	}
}

// checkSpans fails unless spans nest, follow each other and cover the message.
func checkSpans(t testing.TB, m *Message) {
	t.Helper()
	if len(m.recs) == 0 || m.recs[0].header != 0 || m.recs[0].end != m.size || int(m.recs[0].next) != len(m.recs) {
		t.Fatalf("root does not cover the message: %+v", m.recs)
	}
	for i, r := range m.recs {
		if r.header > r.body || r.body > r.end {
			t.Fatalf("part %d: header %d, body %d, end %d", i, r.header, r.body, r.end)
		}
		last := r.body
		for c := range (Part{m, int32(i)}).Children() {
			k := c.rec()
			if k.parent != int32(i) || k.header < last || k.end > r.end || k.next > r.next {
				t.Fatalf("part %d does not nest in %d: %+v in %+v", c.i, i, *k, r)
			}
			last = k.end
		}
	}
}

// seeds are inputs that show one rule each; tests and fuzzing start from them.
var seeds = []string{
	"",
	"\r\n",
	"Subject: a\r\n\r\nb\r\n",
	"Subject: a",
	"Subject: a\n\nb\nc",
	"a\r\nb\r\n",
	"\xef\xbb\xbfSubject: a\r\n\r\nx",
	"\xef\xbbSubject: a\r\n\r\nx",
	"From a@b Mon\r\nSubject: x\r\n\r\n>From y",
	" fold\r\nA: b\r\n\r\n",
	"Content-Type: text/plain;\r\ncharset=utf-8\r\nSubject: joined\r\n\r\nx",
	"A: b\r\njunk\r\nB: c\r\n\r\nx",
	"A: b\r\njunk\r\n\r\nx",
	"A: b\r\njunk",
	"A: b\r\r\n\r\r\nx\r\r\ny",
	"A: b\rc\r\n\r\nd\re\r",
	"A\x00: b\r\n\r\n\x00",
	"A: b\r\n \r\n\tc\r\n\r\n",
	mp("B", "--B\r\n\r\nx\r\n--B--\r\n"),
	mp("B", "pre\r\n--B \t\r\nA: b\r\n\r\nx\r\n\r\n--B\r\n--B\r\n\r\n--B--junk\r\n--B\r\n\r\nno\r\n"),
	mp("B", "--B\r\n\r\nx"),
	mp("B", "--B--"),
	mp("B", "--B"),
	mp("B", "--B  "),
	mp("B", "--B \rx\r\n--B\r\r\n\r\ny"),
	mp("B", "x--B\r\n--Bx\r\n--C\r\n-"),
	mp("B--", "--B--\r\n\r\nx\r\n--B----"),
	"Content-Type: multipart/mixed; boundary=B\r\n--B\r\n\r\nno empty line\r\n--B--",
	"Content-Type: multipart/mixed; boundary=B\r\njunk\r\n--B\r\n\r\nx\r\n--B--",
	"Content-Type: multipart/mixed;\r\n boundary*0=a;\r\n boundary*1=b\r\n\r\n--ab\r\n\r\nx",
	"Content-Type: multipart/mixed; boundary=\"a b  \"\r\n\r\n--a b\r\n\r\nx\r\n--a b--",
	mp("A", "--A\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nin\r\n--A\r\n\r\nout\r\n--A--"),
	mp("A", "--A\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n\r\nsame\r\n--A--\r\n--A--"),
	mp("A", "--A\r\nContent-Type: multipart/digest; boundary=D\r\n\r\n--D\r\n\r\nSubject: d\r\n\r\nx\r\n--D\r\nContent-Type: text/plain\r\n\r\ny\r\n--D--\r\n--A--\r\n"),
	mp("A", "--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: i\r\n--A\r\nContent-Type: message/rfc822\r\n\r\n--A--"),
	mp("A", "--A\r\nContent-Type: message/rfc822\r\njunk\r\n\r\nx\r\n--A--"),
	"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ndeep",
	"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogaQ0KDQppbm5lcg0K",
	// Lines of one size, in one of which another line, or a delimiter, hides.
	mp("B", "--B\r\n\r\n0123456\r\n0123456\r\n0123\n56\r\n0123456\r\n\r\r\n3456\r\n0123456\r\n--B--"),
	mp("B", "--B\r\n\r\n0123456\r\n0123456\r\n0\n--B\n7\r\n0123456\r\n0123456\r\n--B--\r\n"),
	"Content-Type: multipart/mixed\r\n\r\nx",
	"Content-Type: text/plain\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: x-odd\r\n\r\nx",
}

func mp(boundary, body string) string {
	return "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" + body
}

var tight = &Options{MaxDepth: 3, MaxParts: 4, MaxHeader: 64, MaxHeaders: 200, MaxDefects: 3}

func TestSplitInvariance(t *testing.T) {
	for i, s := range seeds {
		for name, o := range map[string]*Options{"default": nil, "tight": tight} {
			t.Run(fmt.Sprintf("%d/%s", i, name), func(t *testing.T) {
				b := []byte(s)
				checkSplits(t, b, o, 1, 2, 3, 7)
				checkSpans(t, Parse(b, o))
				for n := 1; n < len(b); n++ { // one cut, at every octet
					var x Indexer
					x.Reset(o)
					x.Write(b[:n])
					x.Write(b[n:])
					if d := cmp.Diff(Parse(b, o).recs, x.Finish(nil).recs, records); d != "" {
						t.Fatalf("cut at %d: %s", n, d)
					}
				}
			})
		}
	}
}

// naivePart is a part as forty lines of recursion find it.
type naivePart struct {
	kind         Kind
	header, body string
	kids         []naivePart
}

// naiveSplit is the definition of RFC 2046, section 5.1.1 in few lines, for
// messages with proper headers: lines first, then the lines of each part again.
func naiveSplit(msg string) naivePart {
	h, b, ok := strings.Cut(msg, "\n\n")
	if strings.HasPrefix(msg, "\n") {
		h, b, ok = "", msg[1:], true
	}
	if !ok {
		h, b = msg, ""
	}
	block, _ := ParseHeader([]byte(h+"\n"), nil)
	mt := block.ContentType()
	p := naivePart{header: h, body: b}
	if mt.Type != "multipart" || mt.Params.Get("boundary") == "" {
		return p
	}
	bound := mt.Params.Get("boundary")
	var cur []string
	inPart, closed := false, false
	flush := func() {
		if inPart {
			p.kids = append(p.kids, naiveSplit(strings.Join(cur, "\n")))
		}
		cur = nil
	}
	for line := range strings.SplitSeq(b, "\n") {
		switch {
		case closed:
		case strings.TrimRight(line, " \t") == "--"+bound:
			flush()
			inPart, p.kind = true, Multipart
		case strings.HasPrefix(line, "--"+bound+"--"):
			flush()
			inPart, closed, p.kind = false, true, Multipart
		default:
			cur = append(cur, line)
		}
	}
	flush()
	return p
}

func treeOf(p Part) naivePart {
	h := p.m.read(p.rec().header, p.rec().body)
	n := naivePart{kind: p.Kind(), header: strings.TrimSuffix(strings.TrimSuffix(string(h), "\n"), "\n")}
	n.body = string(p.m.read(p.rec().body, p.rec().end))
	for c := range p.Children() {
		n.kids = append(n.kids, treeOf(c))
	}
	return n
}

// buildNaive makes a well-formed message of LF lines from opcodes: nested
// multiparts with text that looks like delimiters.
func buildNaive(ops []byte, depth int) (string, []byte) {
	if len(ops) == 0 {
		return "\nend", nil
	}
	op := ops[0]
	ops = ops[1:]
	texts := []string{"", "plain", "x --b0", "--b", "--b0x", "--b1 x", "- -b0", "--", "-", "--b2x--", "a\n--b9\nb", "\n", "a\n"}
	if op%4 != 0 || depth > 3 {
		return "X: y\n\n" + texts[int(op/4)%len(texts)], ops
	}
	bound := fmt.Sprintf("b%d", depth)
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=" + bound + "\n\npreamble\n")
	for range int(op/4)%3 + 1 {
		var kid string
		kid, ops = buildNaive(ops, depth+1)
		b.WriteString("--" + bound + strings.Repeat(" ", int(op/16)%3) + "\n" + kid + "\n")
	}
	b.WriteString("--" + bound + "--\nepilogue")
	return b.String(), ops
}

func FuzzBoundaryOracle(f *testing.F) {
	f.Add([]byte{0, 4, 8, 12, 1, 2, 3, 5})
	f.Add([]byte{8, 8, 8, 8, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49})
	f.Fuzz(func(t *testing.T, ops []byte) {
		msg, _ := buildNaive(ops[:min(len(ops), 64)], 0)
		want := naiveSplit(msg)
		got := treeOf(Parse([]byte(msg), nil).Root())
		if d := cmp.Diff(want, got, cmp.AllowUnexported(naivePart{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%q (-naive +ours):\n%s", msg, d)
		}
	})
}

func FuzzIndexer(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		if len(b) > 1<<14 {
			return
		}
		for _, o := range []*Options{nil, tight} {
			checkSplits(t, b, o, 1, int(n)+1)
			m := Parse(b, o)
			checkSpans(t, m)
			var out bytes.Buffer
			if n, err := m.WriteTo(&out); err != nil || n != int64(len(b)) || !bytes.Equal(out.Bytes(), b) {
				t.Fatalf("WriteTo of %q gave %q, %v", b, out.Bytes(), err)
			}
		}
	})
}

// corpusFiles returns the files of the shared corpus.
func corpusFiles(t testing.TB) map[string][]byte {
	t.Helper()
	dir := shared(t, "corpus")
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "SOURCES.md" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		files[name] = b
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("corpus has only %d files", len(files))
	}
	return files
}

func TestCorpusIndex(t *testing.T) {
	for name, b := range corpusFiles(t) {
		t.Run(name, func(t *testing.T) {
			checkSplits(t, b, nil, 1, 4096)
			m := Parse(b, nil)
			checkSpans(t, m)
			var out bytes.Buffer
			if _, err := m.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), b) {
				t.Errorf("WriteTo is not the identity (%v)", err)
			}
		})
	}
}

package mime

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseHeader(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string // name=value
		rest     string
	}{
		{"empty", "", nil, ""},
		{"simple", "A: b\r\nC: d\r\n\r\nx", []string{"A=b", "C=d"}, "x"},
		{"LF", "A: b\n\nx", []string{"A=b"}, "x"},
		{"no line end", "A: b", []string{"A=b"}, ""},
		{"folds", "A: b\r\n c\r\n\td\r\n\r\n", []string{"A=b c d"}, ""},
		{"fold of white space", "A: b\r\n \r\n c\r\n\r\n", []string{"A=b c"}, ""},
		{"fold first", "A:\r\n b\r\n\r\n", []string{"A=b"}, ""},
		{"space before the colon", "A \t: b\r\n\r\n", []string{"A=b"}, ""},
		{"empty value", "A:\r\nB: \r\n\r\n", []string{"A=", "B="}, ""},
		{"mbox line", "From x y\r\nA: b\r\n\r\n", []string{"A=b"}, ""},
		{"quoted mbox line", ">From x y\r\nA: b\r\n\r\n", []string{"A=b"}, ""},
		{"From with a space", "From : a@b\r\n\r\n", []string{"From=a@b"}, ""},
		{"byte order mark", "\xef\xbb\xbfA: b\r\n\r\n", []string{"A=b"}, ""},
		{"junk joined", "A: b\r\njunk\r\nC: d\r\n\r\n", []string{"A=b junk", "C=d"}, ""},
		{"junk joined to a fold", "A: b\r\njunk\r\n c\r\n\r\n", []string{"A=b junk c"}, ""},
		{"junk ends", "A: b\r\njunk\r\nmore\r\n", []string{"A=b"}, "junk\r\nmore\r\n"},
		{"junk and the empty line", "A: b\r\njunk\r\n\r\nx", []string{"A=b"}, "junk\r\n\r\nx"},
		{"text", "just text", nil, "just text"},
		{"bare CR stays", "A: b\rc\r\n\r\n", []string{"A=b\rc"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, rest := ParseHeader([]byte(c.in), nil)
			var got []string
			for i, f := range h.Fields() {
				got = append(got, f.Name()+"="+f.Value())
				if h.At(i).Name() != f.Name() || !f.Is(strings.ToUpper(f.Name())) {
					t.Errorf("field %d", i)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" || string(rest) != c.rest {
				t.Errorf("rest %q, want %q (-want +got):\n%s", rest, c.rest, d)
			}
		})
	}
}

func TestHeaderEdit(t *testing.T) {
	const block = "A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\nC: 4\r\n"
	for _, c := range []struct {
		name string
		edit func(h *Header) error
		want string
	}{
		{"nothing", func(h *Header) error { return nil }, block},
		{"prepend", func(h *Header) error { return h.Prepend("R", "x") }, "R: x\r\n" + block},
		{"add", func(h *Header) error { return h.Add("R", "x") }, block + "R: x\r\n"},
		{"set", func(h *Header) error { return h.Set("A", "x") }, "A: x\r\nB: 2\r\n\tfolded\r\nC: 4\r\n"},
		{"set what is not there", func(h *Header) error { return h.Set("D", "x") }, block + "D: x\r\n"},
		{"del", func(h *Header) error { h.Del("A"); return nil }, "B: 2\r\n\tfolded\r\nC: 4\r\n"},
		{"remove", func(h *Header) error { h.Remove(1); return nil }, "A:  1\r\na: 3\r\nC: 4\r\n"},
		{"replace", func(h *Header) error { return h.Replace(1, []byte("X: y\r\n z\r\n")) }, "A:  1\r\nX: y\r\n z\r\na: 3\r\nC: 4\r\n"},
		{"empty body", func(h *Header) error { return h.Set("C", "") }, "A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\nC:\r\n"},
		{"text", func(h *Header) error { return h.SetText("C", "ü") }, "A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\nC: =?utf-8?B?w7w=?=\r\n"},
		{"addresses", func(h *Header) error { return h.SetAddresses("C", Addr("A, B", "a@b"), Addr("", "c@d")) },
			"A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\nC: \"A, B\" <a@b>, c@d\r\n"},
		{"no addresses", func(h *Header) error { return h.SetAddresses("C") }, "A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\n"},
		{"type", func(h *Header) error { return h.SetMediaType("C", MediaType{Type: "a", Subtype: "b"}) }, "A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\nC: a/b\r\n"},
		{"date", func(h *Header) error { return h.SetDate("C", builtAt) }, "A:  1\r\nB: 2\r\n\tfolded\r\na: 3\r\nC: Thu, 29 Feb 2024 23:59:58 +0100\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _ := ParseHeader([]byte(block+"\r\n"), nil)
			other := h.Clone()
			if err := c.edit(h); err != nil {
				t.Fatal(err)
			}
			if got := string(h.Append(nil)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := string(other.Append(nil)); got != block {
				t.Errorf("the copy has changed:\n%s", got)
			}
		})
	}
}

func TestHeaderEditKeepsStyle(t *testing.T) {
	h, _ := ParseHeader([]byte("A: b\nC: d"), nil)
	h.Add("E", strings.Repeat("word ", 20)+"x")
	if got := string(h.Append(nil)); strings.Contains(got, "\r") || !strings.HasPrefix(got, "A: b\nC: d\nE: ") || strings.Count(got, "\n") != 4 {
		t.Errorf("%q", got)
	}
	h, _ = ParseHeader([]byte("From x y\r\nA: b\r\n\r\n"), nil)
	h.Prepend("R", "x")
	if got := string(h.Append(nil)); got != "From x y\r\nR: x\r\nA: b\r\n" {
		t.Errorf("%q", got)
	}
}

// TestHeaderEditAppends: two copies that grow do not write into each other.
func TestHeaderEditAppends(t *testing.T) {
	var h Header
	h.Add("A", "1")
	a, b := h.Clone(), h.Clone()
	a.Add("B", "a")
	b.Add("B", "b")
	h.Add("B", "h")
	for _, c := range []struct {
		h    *Header
		want string
	}{{a, "a"}, {b, "b"}, {&h, "h"}} {
		if got := c.h.Get("B"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestHeaderRefuses(t *testing.T) {
	h, _ := ParseHeader([]byte("A: b\r\n\r\n"), nil)
	for name, err := range map[string]error{
		"line end":          h.Add("X", "a\r\nBcc: b"),
		"bare LF":           h.Set("X", "a\nb"),
		"NUL":               h.Prepend("X", "a\x00"),
		"empty name":        h.Add("", "x"),
		"name with a colon": h.Add("X:", "x"),
		"name with a space": h.Add("X Y", "x"),
		"name beyond ASCII": h.Add("Ü", "x"),
		"text":              h.SetText("X", "a\rb"),
		"long word":         h.Add("X", strings.Repeat("a", 1000)),
		"type":              h.SetMediaType("X", MediaType{Type: "a", Subtype: "b\r\n"}),
		"parameter":         h.SetMediaType("X", MediaType{Type: "a", Params: Params{{Name: "x", Value: "\n"}}}),
		"parameter name":    h.SetMediaType("X", MediaType{Type: "a", Params: Params{{Name: "x;y", Value: ""}}}),
		"two fields":        h.Replace(0, []byte("A: b\r\nC: d\r\n")),
		"no line end":       h.Replace(0, []byte("A: b")),
		"a body":            h.Replace(0, []byte("A: b\r\n\r\nx\r\n")),
		"bare CR":           h.Replace(0, []byte("A: b\rC: d\r\n")),
		"a fold":            h.Replace(0, []byte(" A: b\r\n")),
	} {
		if !errors.Is(err, ErrField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.SetAddresses("X", Address{Local: "a", Domain: "b c"}); !errors.Is(err, ErrAddress) {
		t.Errorf("address: %v", err)
	}
	if err := h.SetDate("X", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, ErrDate) {
		t.Errorf("date: %v", err)
	}
	if got := string(h.Append(nil)); got != "A: b\r\n" {
		t.Errorf("a refused edit has changed the header: %q", got)
	}
}

func TestHeaderValues(t *testing.T) {
	h, _ := ParseHeader([]byte("To: a@b, G: c@d;\r\nTo: H: e@f;\r\nReferences: \r\nIn-Reply-To: <1@x>\r\nMessage-Id: <2@x>\r\nSubject: a\r\n =?utf-8?Q?=0D=0Ab?=\r\n\r\n"), nil)
	l := h.Addresses("to")
	if got := showAddresses(l); got != "<a@b>|<c@d>|<e@f>" {
		t.Error(got)
	}
	if d := cmp.Diff([]Group{{"G", 1, 2}, {"H", 2, 3}}, l.Groups); d != "" {
		t.Error(d)
	}
	if got := strings.Join(h.References(), " "); got != "1@x" {
		t.Errorf("references %q", got)
	}
	if h.MessageID() != "2@x" || h.Text("Subject") != "a  b" && h.Text("Subject") != "a b" || h.Get("none") != "" || h.Text("none") != "" {
		t.Errorf("%q, %q", h.MessageID(), h.Text("Subject"))
	}
	if _, err := h.Date(); err != ErrNoField {
		t.Errorf("date: %v", err)
	}
	n := 0
	for range h.All("TO") {
		n++
	}
	if n != 2 || !h.Has("subject") {
		t.Errorf("%d fields", n)
	}
}

// TestValuesAreCopies: no string that is handed out lies in the message.
func TestValuesAreCopies(t *testing.T) {
	msg := []byte("Subject: plain\r\nX: a\r\n b\r\nFrom: Ann <a@b>\r\nMessage-ID: <1@x>\r\nContent-Type: text/html; charset=utf-8\r\nContent-ID: <2@x>\r\n" +
		"Content-Disposition: attachment; filename=x.pdf\r\n\r\nbody")
	m := Parse(msg, nil)
	h, p := m.Header(), m.Root()
	got := func() string {
		return fmt.Sprint(h.Text("Subject"), h.Get("X"), h.Addresses("From").Mailboxes, h.MessageID(), p.Type(), p.ContentID(), p.Filename(), m.Preview(9))
	}
	values := []string{h.Text("Subject"), h.Get("Subject"), h.Get("X"), h.MessageID(), p.ContentID(), p.Filename(), m.Preview(9),
		p.Type().Subtype, p.Type().Params.Get("charset"), h.Addresses("From").Mailboxes[0].Name, string(m.Envelope().Subject)}
	before := strings.Join(values, "|") + got()
	keep := bytes.Clone(msg)
	clear(msg)
	if after := strings.Join(values, "|"); !strings.HasPrefix(before, after) {
		t.Errorf("values changed with the message: %q, were %q", after, before)
	}
	copy(msg, keep)
}

func TestRewrite(t *testing.T) {
	msg := mp("B", "--B\r\n\r\none\r\n--B \r\nX: y\r\n\r\ntwo\r\n--B\r\n\r\nthree\r\n--B--\r\nepilogue")
	m := Parse([]byte(msg), nil)
	part := func(n uint32) Part {
		p, ok := m.Lookup(n)
		if !ok {
			t.Fatalf("no part %d", n)
		}
		return p
	}
	head := mp("B", "")
	for _, c := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"nothing", nil, msg},
		{"drop the first", []Edit{{Part: part(1), Drop: true}}, head + "--B\r\nX: y\r\n\r\ntwo\r\n--B\r\n\r\nthree\r\n--B--\r\nepilogue"},
		{"drop the middle", []Edit{{Part: part(2), Drop: true}}, head + "--B\r\n\r\none\r\n--B \r\n\r\nthree\r\n--B--\r\nepilogue"},
		{"drop the last", []Edit{{Part: part(3), Drop: true}}, head + "--B\r\n\r\none\r\n--B \r\nX: y\r\n\r\ntwo\r\n--B--\r\nepilogue"},
		{"drop the last two", []Edit{{Part: part(3), Drop: true}, {Part: part(2), Drop: true}}, head + "--B\r\n\r\none\r\n--B--\r\nepilogue"},
		{"drop the first two", []Edit{{Part: part(1), Drop: true}, {Part: part(2), Drop: true}}, head + "--B\r\n\r\nthree\r\n--B--\r\nepilogue"},
		{"drop all", []Edit{{Part: part(1), Drop: true}, {Part: part(2), Drop: true}, {Part: part(3), Drop: true}}, head + "--B\r\n\r\n\r\n--B--\r\nepilogue"},
		{"body", []Edit{{Part: part(2), Body: strings.NewReader("new\r\ntext")}}, strings.Replace(msg, "two", "new\r\ntext", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			n, err := m.Rewrite(&out, c.edits...)
			if err != nil || n != int64(out.Len()) || out.String() != c.want {
				t.Errorf("%v\ngot\n%s\nwant\n%s", err, out.String(), c.want)
			}
		})
	}
	h := part(2).Header()
	h.Set("X", "new")
	var out bytes.Buffer
	if _, err := m.Rewrite(&out, Edit{Part: part(2), Header: h, Body: strings.NewReader("2")}); err != nil ||
		out.String() != strings.Replace(msg, "X: y\r\n\r\ntwo", "X: new\r\n\r\n2", 1) {
		t.Errorf("header and body: %v\n%s", err, out.String())
	}
	for name, e := range map[string][]Edit{
		"root":          {{Part: m.Root(), Drop: true}},
		"no part":       {{Drop: true}},
		"other message": {{Part: Parse(nil, nil).Root(), Body: strings.NewReader("")}},
		"overlap":       {{Part: part(2), Drop: true}, {Part: part(2), Body: strings.NewReader("")}},
	} {
		if _, err := m.Rewrite(&out, e...); !errors.Is(err, ErrEdit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A message of LF stays one, and its CRLF form becomes CRLF.
	lf := Parse([]byte("A: b\n\nx\n"), nil)
	h = lf.Header()
	h.Prepend("R", "x")
	out.Reset()
	if lf.Rewrite(&out, Edit{Part: lf.Root(), Header: h}); out.String() != "R: x\nA: b\n\nx\n" {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	c := lf.CRLF()
	n, _ := c.Rewrite(&out, Edit{Part: c.Root(), Header: h})
	if out.String() != "R: x\r\nA: b\r\n\r\nx\r\n" || n != int64(out.Len()) {
		t.Errorf("%d octets: %q", n, out.String())
	}
	// Without a header there is no empty line: it comes with the first field.
	none := Parse([]byte("text one\ntext two\n"), nil)
	h = none.Header()
	h.Add("A", "b")
	out.Reset()
	if none.Rewrite(&out, Edit{Part: none.Root(), Header: h}); Parse(out.Bytes(), nil).Header().Get("A") != "b" ||
		!strings.HasSuffix(out.String(), "\n\ntext one\ntext two\n") && !strings.HasSuffix(out.String(), "\r\n\r\ntext one\ntext two\n") {
		t.Errorf("%q", out.String())
	}
}

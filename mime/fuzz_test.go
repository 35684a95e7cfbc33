package mime

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The properties that the fuzz targets check are functions, so that the corpus
// test asks the same of real mail.

func FuzzIndex(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), []byte(nil), uint32(0))
		f.Add([]byte(s), Parse([]byte(s), nil).AppendIndex(nil), uint32(0x010203))
	}
	f.Fuzz(func(t *testing.T, msg, index []byte, edit uint32) {
		checkIndex(t, msg)
		// Any octets load or are refused; with a right checksum too, and one
		// number of a good index changed.
		for _, b := range [][]byte{index, resum(index), forge(msg, edit)} {
			m, err := LoadIndex(b, bytes.NewReader(msg), nil)
			if err != nil {
				if !errors.Is(err, ErrIndex) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			checkSpans(t, m)
			for p := range m.Parts() {
				p.Type()
				p.Number()
				p.Header()
				_, _ = p.ReadText(1 << 16)
			}
			m.Envelope()
			m.BodyStructure()
			if again := m.AppendIndex(nil); !bytes.Equal(again, b) && len(again) > len(b) {
				t.Fatalf("index of %d octets came back as %d", len(b), len(again))
			}
		}
	})
}

// forge changes one number of one record of a good index.
func forge(msg []byte, edit uint32) []byte {
	m := Parse(msg, nil)
	r := &m.recs[int(edit&0xff)%len(m.recs)]
	delta := int64(int8(edit >> 16))
	switch (edit >> 8 & 0xff) % 12 {
	case 0:
		r.parent += int32(delta)
	case 1:
		r.next += int32(delta)
	case 2:
		r.header += delta
	case 3:
		r.body += delta
	case 4:
		r.end += delta
	case 5:
		r.typ.from += int32(delta)
	case 6:
		r.typ.to += int32(delta)
	case 7:
		r.cte.to += int32(delta)
	case 8:
		r.lines += delta
	case 9:
		r.bareBefore += delta
	case 10:
		r.bareBody += delta
	case 11:
		r.kind = Kind(delta)
	}
	return m.AppendIndex(nil)
}

// resum puts the right checksum on an index.
func resum(index []byte) []byte {
	if len(index) < 5 {
		return nil
	}
	m := bytes.Clone(index[:len(index)-4])
	m[0] = indexVersion
	return binary.BigEndian.AppendUint32(m, checksum(m))
}

// FuzzLimits: at limits of any size the spans nest, the cuts of the input do not
// matter, the index loads under the limits that it was made with, and the scan
// and the Header agree on whether there is a Content-Type and what it is.
func FuzzLimits(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(30), uint16(80), uint8(2), uint8(3))
	}
	f.Add([]byte(mp("A", "--A\r\nContent-Type: message/rfc822\r\n--A\r\n\r\nx")), uint8(0), uint16(0), uint8(0), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, header uint8, headers uint16, depth, parts uint8) {
		o := &Options{MaxHeader: int(header), MaxHeaders: int(headers), MaxDepth: int(depth), MaxParts: int(parts)}
		m := Parse(b, o)
		checkSpans(t, m)
		checkSplits(t, b, o, 1, 7)
		loaded, err := LoadIndex(m.AppendIndex(nil), bytes.NewReader(b), o)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		for p := range m.Parts() {
			h := p.Header()
			if got, want := (Part{loaded, p.i}).Header().Append(nil), h.Append(nil); !bytes.Equal(got, want) {
				t.Fatalf("%q: header %q, from the index %q", b, want, got)
			}
			r := p.rec()
			field, ok := h.Field("Content-Type")
			if r.flags&flagSkipped != 0 {
				continue
			}
			if ok != (r.typ.to != 0) || ok && unfold(view(m.value(p.i, r.typ))) != unfold(view(field.Body())) {
				t.Fatalf("%q: Content-Type %q in the header, at %v for the scan", b, field.Body(), r.typ)
			}
		}
	})
}

func checkIndex(t testing.TB, msg []byte) {
	t.Helper()
	m := Parse(msg, nil)
	index := m.AppendIndex(nil)
	got, err := LoadIndex(index, bytes.NewReader(msg), nil)
	if err != nil {
		t.Fatalf("index of %.500q does not load", msg)
	}
	if d := cmp.Diff(m.recs, got.recs, records); d != "" {
		t.Fatalf("records of %.500q (-scanned +loaded):\n%s", msg, d)
	}
	if d := cmp.Diff(m.defects, got.defects, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Defect{}, "Note")); d != "" {
		t.Fatalf("defects of %.500q (-scanned +loaded):\n%s", msg, d)
	}
	for n := range index {
		if n < 64 || n > len(index)-8 {
			if _, err := LoadIndex(index[:n], nil, nil); err == nil {
				t.Fatalf("index cut to %d of %d octets loads", n, len(index))
			}
		}
	}
}

func FuzzWrite(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(0), "text ü")
		f.Add([]byte(s), uint8(1), "=?utf-8?Q?x?=")
	}
	f.Fuzz(func(t *testing.T, msg []byte, k uint8, text string) {
		checkFieldEdit(t, msg, int(k), text)
	})
}

// checkFieldEdit sets field k of the message to text: it has to read back, and
// all other octets have to stay.
func checkFieldEdit(t testing.TB, msg []byte, k int, text string) {
	t.Helper()
	m := Parse(msg, nil)
	h := m.Header()
	if h.Len() == 0 {
		return
	}
	f := h.At(k % h.Len())
	name := f.Name()
	before, after := splitAt(t, msg, h, k%h.Len())
	if checkField(name, text) != nil || !utf8.ValidString(text) {
		if err := h.SetText(name, text); utf8.ValidString(text) && err == nil {
			t.Fatalf("SetText(%q, %q) was accepted", name, text)
		}
		return
	}
	// Only this field: Set would take the others of the name away.
	var one Header
	one.lf = h.lf
	if err := one.SetText(name, text); err != nil {
		return // a name that no line holds
	}
	raw := one.Append(nil)
	if err := h.Replace(k%h.Len(), raw); err != nil {
		t.Fatalf("Replace(%q): %v", raw, err)
	}
	if got := h.At(k % h.Len()).Text(); got != text {
		t.Fatalf("field set to %q reads %q from %q", text, got, raw)
	}
	var out bytes.Buffer
	if _, err := m.Rewrite(&out, Edit{Part: m.Root(), Header: h}); err != nil {
		t.Fatal(err)
	}
	got := out.Bytes()
	if !bytes.HasPrefix(got, before) || !bytes.HasPrefix(got[len(before):], raw) ||
		!bytes.Equal(got[len(before)+len(raw):], after) {
		t.Fatalf("setting field %d of %.300q to %q gave %.300q", k%h.Len(), msg, text, got)
	}
	if back := Parse(got, nil).Header(); back.Len() <= k%h.Len() || back.At(k%h.Len()).Text() != text {
		t.Fatalf("field %d set to %q is not in %.300q", k%h.Len(), text, got)
	}
}

// splitAt returns the octets of the message before and after field k. A header
// that lacks its empty line gets one in front of a body.
func splitAt(t testing.TB, msg []byte, h *Header, k int) (before, after []byte) {
	t.Helper()
	off := len(h.prefix)
	for i := range k {
		off += len(h.fields[i].raw)
	}
	end := off + len(h.fields[k].raw)
	if !bytes.Equal(msg[off:end], h.fields[k].raw) {
		t.Fatalf("field %d is not where it should be in %.300q", k, msg)
	}
	after = bytes.Clone(msg[end:])
	r := Parse(msg, nil).recs[0]
	block := msg[:r.body]
	if len(emptyLine(block)) == 0 && r.body < r.end {
		after = append(append(bytes.Clone(msg[end:r.body]), h.lineEnd()...), msg[r.body:]...)
	}
	return msg[:off], after
}

func FuzzHeader(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Add([]byte(byteOrderMark + "\n\x80t: x"))
	f.Add([]byte("From\tx@b Mon\r\nSubject: x\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest := ParseHeader(b, nil)
		joined := h.Append(nil)
		used := b[:len(b)-len(rest)]
		if want := used[:len(used)-len(emptyLine(used))]; !bytes.Equal(joined, want) {
			t.Fatalf("fields of %q join to %q, want %q", b, joined, want)
		}
		for _, f := range h.Fields() {
			for _, s := range []string{f.Text(), decodeText(f.Name(), nil)} {
				checkText(t, s)
			}
		}
		// The scan ends the header in the same place.
		if !bytes.Contains(bytes.ToLower(used), []byte("content-")) {
			if got := Parse(b, nil).recs[0].body; got != int64(len(used)) {
				t.Fatalf("header of %q: scan ends at %d, ParseHeader at %d", b, got, len(used))
			}
		}
		if h.Has("X-New") {
			return
		}
		n := h.Len()
		if err := h.Add("X-New", "a b"); err != nil || h.Len() != n+1 {
			t.Fatalf("Add: %v", err)
		}
		again, _ := ParseHeader(append(h.Append(nil), "\r\n"...), nil)
		if again.Get("X-New") != "a b" {
			t.Fatalf("added field is not in %q", h.Append(nil))
		}
	})
}

func checkText(t testing.TB, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00") {
		t.Fatalf("text %q is not valid or has CR, LF or NUL", s)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b", "Ann <a@b.c>", `"a b"@c.d`, "G: a@b, c@d;", "a@[1.2.3.4]", `"x@y" <z@w>, (c) q@r`, "a, b <c@d>",
		"=?utf-8?Q?=C3=BC?= <u@v>", "<@a,@b:c@d>", "\"open <a@b>", "((", "a@b(x", `"\"" <a@b>`, `"a\\b" <a@b>`, "ü@ä.de", "a@b>, <<c@d>>", "x@[y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l := ParseAddresses(s)
		for _, a := range l.Mailboxes {
			checkText(t, a.Name)
			checkText(t, a.Local)
			checkText(t, a.Domain)
			if strings.Contains(a.Domain, "@") && !strings.HasPrefix(a.Domain, "[") {
				t.Fatalf("%q: domain %q", s, a.Domain)
			}
		}
		for _, g := range l.Groups {
			if g.From < 0 || g.To < g.From || g.To > len(l.Mailboxes) {
				t.Fatalf("%q: group %+v of %d", s, g, len(l.Mailboxes))
			}
		}
		strict, err := ParseAddress(s)
		made := Addr("n", s)
		if want := (Address{Name: "n", Route: strict.Route, Local: strict.Local, Domain: strict.Domain}); err == nil && strict.Name == "" && made != want || err != nil && made.Domain != "" {
			t.Fatalf("%q: strict gives %+v, %v, made is %+v", s, strict, err, made)
		}
		if err != nil {
			return
		}
		if len(l.Mailboxes) != 1 || l.Mailboxes[0] != strict {
			t.Fatalf("%q: strict gives %+v, recovering %+v", s, strict, l.Mailboxes)
		}
		if strict.check() != nil {
			return
		}
		back, err := ParseAddress(strict.String())
		if err != nil || back != strict {
			t.Fatalf("%q: %+v is written %q and read back as %+v, %v", s, strict, strict.String(), back, err)
		}
	})
}

func FuzzAddressWrite(f *testing.F) {
	f.Add("Ann", "ann", "example.com")
	f.Add(`a "b" \c`, `x y"@\`, "[1.2.3.4]")
	f.Add("=?utf-8?Q?x?= ü", "", "a.b")
	f.Add(" lead, trail ", "..", "d")
	f.Add("x", "a", "[1,2]") // found by fuzzing: cannot be read back, and so is not written
	f.Fuzz(func(t *testing.T, name, local, domain string) {
		a := Address{Name: name, Local: local, Domain: domain}
		if a.check() != nil || !utf8.ValidString(name) {
			return
		}
		l := ParseAddresses(a.String())
		if len(l.Mailboxes) != 1 || l.Mailboxes[0] != a || len(l.Defects) > 0 {
			t.Fatalf("%+v is written %q and read back as %+v with %v", a, a.String(), l.Mailboxes, l.Defects)
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("Grüße", 9)
	f.Add("=?utf-8?Q?=E2=98?= =?utf-8?Q?=BA?=", 0)
	f.Add("a  b \t c ", 70)
	f.Add(strings.Repeat("ü", 200), 9)
	f.Add(strings.Repeat("x", 1200)+" y", 9)
	f.Add("=?x?y?=?x?y?=?utf-8?B?=?=", 200)
	f.Fuzz(func(t *testing.T, s string, col int) {
		checkText(t, DecodeWords(s))
		col = max(0, min(col, 500))
		out := string(AppendWords(nil, s, col))
		want := cleanText(toValid(s))
		if got := DecodeWords(out); got != want {
			t.Fatalf("%q is written %q and read back as %q", want, out, got)
		}
		for i, line := range strings.Split(out, "\r\n") {
			n := len(line)
			if i == 0 {
				n += col
			}
			words := 0
			for w := range strings.FieldsSeq(line) {
				if strings.HasPrefix(w, "=?") && strings.HasSuffix(w, "?=") {
					words++
					if len(w) > 75 {
						t.Fatalf("encoded-word %q has %d octets", w, len(w))
					}
					if strings.Contains(DecodeWords(w), "\uFFFD") && !strings.Contains(want, "\uFFFD") {
						t.Fatalf("encoded-word %q cuts a character", w)
					}
				}
			}
			// A plain word that stood there already may be longer.
			if words > 0 && n > 76 && len(strings.Fields(line)) == words && (i > 0 || col < 60) {
				t.Fatalf("line %q with encoded-words has %d octets", line, n)
			}
			if strings.ContainsAny(line, "\r\n\x00") || n > 998+col {
				t.Fatalf("line %q", line)
			}
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add("attachment; filename*0*=utf-8''a; filename*1=b", "ü.pdf")
	f.Add(`text/plain; name="a\"b\\c"; x=(c) y; z`, `C:\dir "q".txt`)
	f.Add("a/b;;;=;c=d e=f", strings.Repeat("ä", 100))
	f.Add("a/b; x*=''%41; x*0=y", " lead")
	f.Add("a/b; x=\"=?utf-8?Q?=0A?=\"", strings.Repeat("x", 2000))
	f.Fuzz(func(t *testing.T, s, value string) {
		mt, _ := ParseMediaType(s)
		ParseDisposition(s)
		for _, p := range mt.Params {
			checkText(t, p.Value)
		}
		if mt.check() == nil {
			back, _ := ParseMediaType(mt.String())
			if d := cmp.Diff(mt, back, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Param{}, "Charset", "Lang")); d != "" {
				t.Fatalf("%q is written %q (-first +back):\n%s", s, mt.String(), d)
			}
		}
		one := MediaType{Type: "a", Subtype: "b", Params: Params{{Name: "n", Value: value}}}
		if one.check() != nil || !utf8.ValidString(value) {
			return
		}
		back, bad := ParseMediaType(one.String())
		if back.Params.Get("n") != value || len(bad) > 0 {
			t.Fatalf("%q is written %q and read back as %q with %v", value, one.String(), back.Params.Get("n"), bad)
		}
		for line := range strings.SplitSeq(one.String(), "\r\n") {
			if len(line) > 998 {
				t.Fatalf("line of %d octets", len(line))
			}
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"Tue, 1 Jul 2003 10:52:37 +0200", "1 Jan 70 0:0 EST", "Fri Nov 21 09:55:06 1997", "2020-06-28T21:51:24.5Z",
		"Thu, (x) 31 Feb 2000 1:2:3 Z", "1 jan 9999 23:59:60 +9959", "Mon, 2 Jan 06 15:04"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			if !d.IsZero() || !errors.Is(err, ErrDate) {
				t.Fatalf("%q: %v, %v", s, d, err)
			}
			return
		}
		d = d.Truncate(time.Second)
		if _, off := d.Zone(); d.Year() < 1000 || d.Year() > 9999 || off < -99*3600 || off > 99*3600 {
			return // no four-digit year to print
		}
		back, err := ParseDate(string(AppendDate(nil, d)))
		if err != nil || !back.Equal(d) {
			t.Fatalf("%q is %v, printed %s, read back as %v, %v", s, d, AppendDate(nil, d), back, err)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	for _, s := range []string{"aGVsbG8=\r\n", "aGVsbG8\r\n-- \r\nfoot", "aGVs bG8=\n\nQUJD\n", "YQ==YQ==", "a=3Db =\r\nc  \r\n=", "=ZZ=4", "a=\n\t =\r\r\n",
		"begin 644 x\n#86)C\n`\nend\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		for _, e := range []Encoding{Base64, QuotedPrintable, UUEncode} {
			whole := decodeIn(e, b, len(b)+1)
			for _, size := range []int{1, int(n) + 1} {
				if cut := decodeIn(e, b, size); !bytes.Equal(whole, cut) {
					t.Fatalf("%v of %q: whole %q, in blocks of %d %q", e, b, whole, size, cut)
				}
			}
			if len(whole) > len(b) && e != UUEncode {
				t.Fatalf("%v of %q: %d octets of %d", e, b, len(whole), len(b))
			}
		}
		if want, err := base64.StdEncoding.DecodeString(string(b)); err == nil && !bytes.Equal(decodeIn(Base64, b, len(b)+1), want) {
			t.Fatalf("base64 %q: %q, std %q", b, decodeIn(Base64, b, len(b)+1), want)
		}
		// The standard library reads on where a soft break has white space
		// before it, and cuts white space that is escaped; what both take for
		// plain escapes and breaks must agree.
		if want, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b))); err == nil && !bytes.ContainsAny(b, " \t\r") {
			if got := decodeIn(QuotedPrintable, b, len(b)+1); !bytes.Equal(got, want) && !bytes.Contains(b, []byte("=\n")) && !bytes.HasSuffix(b, []byte("=")) {
				t.Fatalf("quoted-printable %q: %q, std %q", b, got, want)
			}
		}
		checkEncode(t, b)
	})
}

func decodeIn(e Encoding, b []byte, n int) []byte {
	var r Reader
	r.setDecode(e)
	f := r.decode
	var out []byte
	for {
		k := min(n, len(b))
		eof := k == len(b)
		out = f.apply(out, b[:k], eof)
		if b = b[k:]; eof {
			return out
		}
	}
}

// checkEncode encodes and decodes again.
func checkEncode(t testing.TB, b []byte) {
	t.Helper()
	for _, e := range []Encoding{Base64, QuotedPrintable} {
		var out bytes.Buffer
		w := NewEncoder(e, &out)
		w.Write(b[:len(b)/2])
		w.Write(b[len(b)/2:])
		w.Close()
		want := b
		if e == QuotedPrintable {
			var text bytes.Buffer
			(&crlfWriter{w: &text}).Write(b)
			want = text.Bytes()
		}
		r := NewDecoder(e, bytes.NewReader(out.Bytes()))
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v of %q is %q, decoded %q", e, b, out.Bytes(), got)
		}
		if len(r.Defects()) > 0 {
			t.Fatalf("%v of %q has %v", e, out.Bytes(), r.Defects())
		}
		for line := range bytes.SplitSeq(out.Bytes(), []byte("\r\n")) {
			if len(line) > 76 || bytes.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("%v: line %q", e, line)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("Gr\xfc\xdfe"), "iso-8859-1", uint8(3))
	f.Add([]byte("\xef\xbb\xbfü"), "", uint8(1))
	f.Add([]byte("\xc4\xe3\xba\xc3"), "gb2312", uint8(1))
	f.Add([]byte("+AOQ-x+-"), "utf-7", uint8(2))
	f.Add([]byte("\xfe\xff\x00a\xd8\x00"), "utf-16", uint8(1))
	f.Add([]byte("\x1b$B$3\x1b(Bx"), "iso-2022-jp", uint8(2))
	f.Add([]byte("\x1b$)C\x0e>H3g\x0fx\x1b$x\x0e>"), "iso-2022-kr", uint8(2))
	f.Add([]byte("x"), "nope", uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, label string, n uint8) {
		enc, _ := (*Options)(nil).charset(label)
		in := func(size int) string {
			f := &textFilter{enc: enc}
			if enc == nil {
				f.begun, f.enc = true, Charset("utf-8") // the guess looks at the first block
			}
			var out []byte
			for p := b; ; {
				k := min(size, len(p))
				eof := k == len(p)
				out = f.apply(out, p[:k], eof)
				if p = p[k:]; eof {
					return string(out)
				}
			}
		}
		whole := in(len(b) + 1)
		if !utf8.ValidString(whole) {
			t.Fatalf("%q in %q gives %q", b, label, whole)
		}
		for _, size := range []int{1, int(n) + 1} {
			if cut := in(size); cut != whole {
				t.Fatalf("%q in %q: whole %q, in blocks of %d %q", b, label, whole, size, cut)
			}
		}
	})
}

func FuzzSection(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkSections(t, b) })
}

// checkSections: a section is its header and its text at every level, part
// numbers lead back to their part, and sizes agree with BODYSTRUCTURE. In the
// CRLF form all of it holds for the message with CRLF.
func checkSections(t testing.TB, b []byte) {
	t.Helper()
	m := Parse(b, nil)
	for _, m := range []*Message{m, m.CRLF()} {
		want := b
		if m.base != nil {
			want = toCRLF(b)
		}
		if got := readSection(t, m, Section{}); !bytes.Equal(got, want) {
			t.Fatalf("BODY[] of %.300q is %.300q", want, got)
		}
		head, text := readSection(t, m, Section{Kind: SectionHeader}), readSection(t, m, Section{Kind: SectionText})
		if !bytes.Equal(append(head, text...), want) {
			t.Fatalf("HEADER and TEXT of %.300q are %.300q and %.300q", want, head, text)
		}
		for p := range m.Parts() {
			path := p.Path()
			if q, ok := m.Lookup(path...); !ok || q != p && !(p.Kind() == Multipart && m.isMessage(p.i)) {
				t.Fatalf("%.300q: part %d has path %v, which is part %d", want, p.i, path, q.i)
			}
			h, body, end := p.Span()
			if got := readAt(t, p.Raw()); !bytes.Equal(got, want[body:end]) {
				t.Fatalf("%.300q: part %s is %.300q, want %.300q", want, p.Number(), got, want[body:end])
			}
			if p.Kind() == Embedded {
				head, text := readSection(t, m, Section{Path: path, Kind: SectionHeader}), readSection(t, m, Section{Path: path, Kind: SectionText})
				if !bytes.Equal(append(head, text...), want[body:end]) {
					t.Fatalf("%.300q: message %s is %.300q and %.300q", want, p.Number(), head, text)
				}
			}
			if len(path) > 0 && !(p.Kind() == Multipart && m.isMessage(p.i)) {
				if mh := readSection(t, m, Section{Path: path, Kind: SectionMIME}); !bytes.Equal(mh, want[h:body]) {
					t.Fatalf("%.300q: MIME of %s is %.300q", want, p.Number(), mh)
				}
			}
			if p.Lines() != int64(bytes.Count(want[body:end], []byte("\n"))) {
				t.Fatalf("%.300q: part %s has %d lines", want, p.Number(), p.Lines())
			}
		}
		checkStructure(t, m.Root(), m.BodyStructure())
	}
}

func checkStructure(t testing.TB, p Part, b *BodyStructure) {
	t.Helper()
	if p.Kind() != Multipart && b.Octets != p.Octets() {
		t.Fatalf("part %s: %d octets in the structure, %d in the index", p.Number(), b.Octets, p.Octets())
	}
	if p.Kind() == Embedded {
		if b.Body == nil || b.Envelope == nil {
			t.Fatalf("part %s: no body", p.Number())
		}
		checkStructure(t, Part{p.m, p.i + 1}, b.Body)
		return
	}
	i := 0
	for c := range p.Children() {
		checkStructure(t, c, &b.Children[i])
		i++
	}
	if i != len(b.Children) && !(i == 0 && len(b.Children) == 1 && p.Kind() == Multipart) {
		t.Fatalf("part %s: %d children, %d in the structure", p.Number(), i, len(b.Children))
	}
}

func readSection(t testing.TB, m *Message, s Section) []byte {
	t.Helper()
	r, ok := m.Section(s)
	if !ok {
		t.Fatalf("no section %+v", s)
	}
	return readAt(t, r)
}

// readAt reads a section whole, then in pieces out of order.
func readAt(t testing.TB, r *io.SectionReader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != r.Size() {
		t.Fatalf("read %d octets of %d, %v", len(b), r.Size(), err)
	}
	for _, off := range []int64{r.Size() / 2, 0, r.Size() / 3, max(r.Size()-1, 0)} {
		p := make([]byte, 7)
		n, err := r.ReadAt(p, off)
		if want := b[off:min(off+7, r.Size())]; !bytes.Equal(p[:n], want) || n < 7 && err != io.EOF {
			t.Fatalf("partial at %d: %q, %v, want %q", off, p[:n], err, want)
		}
	}
	return b
}

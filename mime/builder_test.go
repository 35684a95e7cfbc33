package mime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var builtAt = time.Date(2024, 2, 29, 23, 59, 58, 0, time.FixedZone("", 3600))

func build(t testing.TB, b *Builder) []byte {
	t.Helper()
	var out bytes.Buffer
	n, err := b.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatalf("WriteTo: %d octets of %d, %v", n, out.Len(), err)
	}
	return out.Bytes()
}

// shape prints the types of a tree.
func shape(p Part) string {
	s := p.Type().Type + "/" + p.Type().Subtype
	if p.Kind() == Leaf {
		return s
	}
	var kids []string
	for c := range p.Children() {
		kids = append(kids, shape(c))
	}
	return s + "(" + strings.Join(kids, " ") + ")"
}

func open(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

func TestBuilderShape(t *testing.T) {
	ann := Addr("Ann", "ann@example.com")
	base := func() *Builder { return new(Builder).From(ann) }
	inner := Parse([]byte("Subject: i\r\n\r\nx\r\n"), nil)
	for _, c := range []struct {
		name string
		b    *Builder
		want string
	}{
		{"nothing", base(), "text/plain"},
		{"text", base().Text("x"), "text/plain"},
		{"html", base().HTML("x"), "text/html"},
		{"both", base().HTML("x").Text("y"), "multipart/alternative(text/plain text/html)"},
		{"invitation", base().Text("y").HTML("x").Calendar("REQUEST", "BEGIN:VCALENDAR\r\n"), "multipart/alternative(text/plain text/html text/calendar)"},
		{"inline", base().HTML("x").Inline("a@b", "a.png", "", open("x")), "multipart/related(text/html image/png)"},
		{"attachment", base().Text("x").AttachBytes("a.pdf", "", nil), "multipart/mixed(text/plain application/pdf)"},
		{"only an attachment", base().AttachBytes("a.pdf", "", nil), "multipart/mixed(application/pdf)"},
		{"message", base().Text("x").AttachMessage(inner), "multipart/mixed(text/plain message/rfc822(text/plain))"},
		{"all", base().Text("x").HTML("y").Inline("a@b", "a.png", "", open("x")).AttachBytes("a", "", nil),
			"multipart/mixed(multipart/related(multipart/alternative(text/plain text/html) image/png) application/octet-stream)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := build(t, c.b)
			m := Parse(first, nil)
			if got := shape(m.Root()); got != c.want {
				t.Errorf("got %s, want %s\n%s", got, c.want, first)
			}
			if d := m.Check(); len(d) > 0 {
				t.Errorf("defects: %v\n%s", d, first)
			}
			if again := build(t, c.b); !bytes.Equal(first, again) {
				t.Errorf("written again:\n%s\nfirst:\n%s", again, first)
			}
			checkLines(t, first)
		})
	}
}

// checkLines: CRLF only, no line over 998 octets.
func checkLines(t testing.TB, b []byte) {
	t.Helper()
	for line := range bytes.SplitSeq(b, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n\x00") || len(line) > 998 {
			t.Fatalf("line %.200q of %d octets", line, len(line))
		}
	}
}

func TestBuilderFields(t *testing.T) {
	long := strings.Repeat("ü", 200)
	b := new(Builder).From(Addr("Jörg Weber", "joerg@example.com")).To(Addr("Bob, B.", "bob@example.org"), Addr("", `"a b"@example.org`)).
		Cc(Addr("C", "c@example.org")).Bcc(Addr("Eve", "eve@example.org"), Addr("", "bob@example.org")).
		ReplyTo(Addr("", "reply@example.com")).Subject(long).Text("hello\nworld")
	b.Date, b.MessageID = builtAt, "id@example.com"
	out := build(t, b)
	m := Parse(out, nil)
	h := m.Header()
	if got := h.Text("Subject"); got != long {
		t.Errorf("subject %q", got)
	}
	for line := range bytes.Lines(out[:m.recs[0].body]) {
		if len(line) > 78 || bytes.Contains(line, []byte("=?")) && len(line) > 78 {
			t.Errorf("header line of %d octets: %q", len(line)-2, line)
		}
	}
	if d, err := h.Date(); err != nil || !d.Equal(builtAt) {
		t.Errorf("date %v, %v", d, err)
	}
	if h.MessageID() != "id@example.com" || h.Get("MIME-Version") != "1.0" {
		t.Errorf("id %q, version %q", h.MessageID(), h.Get("MIME-Version"))
	}
	if bytes.Contains(bytes.ToLower(out), []byte("eve@")) {
		t.Errorf("Bcc was written:\n%s", out)
	}
	if got, want := showAddresses(h.Addresses("To")), `Bob, B. <bob@example.org>|<"a b"@example.org>`; got != want {
		t.Errorf("To %s, want %s", got, want)
	}
	var specs []string
	for _, a := range b.Recipients() {
		specs = append(specs, a.Spec())
	}
	if got, want := strings.Join(specs, " "), `bob@example.org "a b"@example.org c@example.org eve@example.org`; got != want {
		t.Errorf("recipients %s, want %s", got, want)
	}
	if s, _ := m.Root().ReadText(-1); s != "hello\r\nworld" {
		t.Errorf("text %q", s)
	}
}

func TestBuilderDefaults(t *testing.T) {
	b := new(Builder).From(Addr("", "a@example.com"))
	b.Now = func() time.Time { return builtAt }
	h := Parse(build(t, b), nil).Header()
	if d, _ := h.Date(); !d.Equal(builtAt) {
		t.Errorf("date %v", d)
	}
	if id := h.MessageID(); !strings.HasSuffix(id, "@example.com") || len(id) < 30 {
		t.Errorf("message id %q", id)
	}
	other := new(Builder).From(Addr("", "a@example.com"))
	if d, err := Parse(build(t, other), nil).Header().Date(); err != nil || time.Since(d).Abs() > time.Hour {
		t.Errorf("date without a clock of the caller: %v, %v", d, err)
	}
	if other.MessageID == b.MessageID {
		t.Error("two messages with one id")
	}
	// Fields in Header win.
	own := new(Builder).From(Addr("", "a@example.com")).Subject("no")
	own.Header.Add("Subject", "yes")
	own.Header.Add("Date", "Thu, 1 Jan 1970 00:00:00 +0000")
	h = Parse(build(t, own), nil).Header()
	if h.Get("Subject") != "yes" || !strings.HasPrefix(h.Get("Date"), "Thu, 1 Jan 1970") {
		t.Errorf("Header did not win: %s", h.Append(nil))
	}
}

// TestBuilderChanges: what is set after a first write counts in the next.
func TestBuilderChanges(t *testing.T) {
	b := new(Builder).From(Addr("", "a@example.com")).Text("x").HTML("y")
	first := build(t, b)
	b.Header.Add("X-Later", "1")
	b.Subject("later")
	second := build(t, b)
	h := Parse(second, nil).Header()
	if h.Get("X-Later") != "1" || h.Get("Subject") != "later" {
		t.Errorf("header %s", h.Append(nil))
	}
	was := Parse(first, nil)
	if h.MessageID() != was.Header().MessageID() || h.ContentType().String() != was.Root().Type().String() {
		t.Error("message id or boundary has changed")
	}
}

func TestBuilderRefuses(t *testing.T) {
	ann := Addr("Ann", "ann@example.com")
	eight := Parse([]byte("Subject: x\r\n\r\n\xc3\xbc\r\n"), nil)
	for _, c := range []struct {
		name string
		b    *Builder
		want error
	}{
		{"no author", new(Builder).Text("x"), ErrNoField},
		{"bad address", new(Builder).From(Addr("", "no domain")), ErrAddress},
		{"line end in a name", new(Builder).From(Address{Name: "a\r\nBcc: x", Local: "a", Domain: "b"}), ErrAddress},
		{"line end in a local part", new(Builder).From(Address{Local: "a\nb", Domain: "b"}), ErrAddress},
		{"domain with a bracket", new(Builder).From(Address{Local: "a", Domain: "b>, <c@d"}), ErrAddress},
		{"line end in the subject", new(Builder).From(ann).Subject("a\r\nBcc: x"), ErrField},
		{"NUL in the subject", new(Builder).From(ann).Subject("a\x00"), ErrField},
		{"line end in a filename", new(Builder).From(ann).AttachBytes("a\r\nb", "", nil), ErrField},
		{"bracket in a cid", new(Builder).From(ann).Inline("a>", "", "", open("")), ErrField},
		{"bad type", new(Builder).From(ann).AttachBytes("a", "x", nil), ErrField},
		{"8-bit message in 7 bits", new(Builder).From(ann).AttachMessage(eight), ErrNeeds8Bit},
		{"field beyond ASCII", &Builder{Header: utf8Header(t)}, ErrField},
		{"attachment that says it is a multipart", new(Builder).From(ann).AttachBytes("a", "multipart/mixed; boundary=b", []byte("x")), ErrEdit},
		{"address beyond ASCII", new(Builder).From(Addr("", "ü@example.com")), ErrAddress},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if _, err := c.b.WriteTo(&out); !errors.Is(err, c.want) || out.Len() > 0 {
				t.Errorf("error %v, want %v; wrote %q", err, c.want, out.Bytes())
			}
		})
	}
}

func utf8Header(t *testing.T) (h Header) {
	t.Helper()
	for _, body := range []string{"a@b", "Grüße"} {
		if err := h.Add("From", body); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// TestAddressLines: no line that has encoded-words is over 76 octets, with
// names and addresses of all lengths. RFC 2047, section 2.
func TestAddressLines(t *testing.T) {
	for n := range 80 {
		for k := 1; k < 60; k++ {
			a := Addr(strings.Repeat("ü", n/4)+strings.Repeat("a", n), strings.Repeat("l", k)+"@x.example")
			var h Header
			if err := h.SetAddresses("To", a, Addr("x y", "z@x.example"), a); err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(string(h.Append(nil)), "\r\n") {
				if len(line) > 76 && strings.Contains(line, "=?") || len(strings.TrimSpace(line)) == 0 && line != "" {
					t.Fatalf("%d octets: %q", len(line), line)
				}
			}
		}
	}
}

// TestBase64Text: text has CRLF inside base64 too, RFC 2045, section 6.8; what
// is no text stays as it is.
func TestBase64Text(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"text", strings.Repeat("日本\n", 9), strings.Repeat("日本\r\n", 9)},
		{"binary", strings.Repeat("日\x00\n", 9), strings.Repeat("日\x00\n", 9)},
	} {
		m := Parse(build(t, new(Builder).From(Addr("", "a@b.test")).Text(c.text)), nil)
		got, err := m.Root().ReadDecoded(-1)
		if m.Root().Encoding() != Base64 || string(got) != c.want || err != nil {
			t.Errorf("%s: %v %q, %v, want %q", c.name, m.Root().Encoding(), got, err, c.want)
		}
	}
}

func TestBuilderModes(t *testing.T) {
	eight := Parse([]byte("Subject: x\r\n\r\n\xc3\xbc\r\n"), nil)
	b := new(Builder).From(Addr("", "ü@ä.example")).Subject("Grüße").Text("ü\n").AttachMessage(eight)
	b.Mode = ModeUTF8
	out := build(t, b)
	m := Parse(out, nil)
	if !bytes.Contains(out, []byte("Subject: Grüße\r\n")) || showAddresses(m.Header().Addresses("From")) != "<ü@ä.example>" {
		t.Errorf("header is not in UTF-8:\n%s", out)
	}
	for p := range m.Parts() {
		if p.Kind() == Leaf && bytes.IndexByte(out[p.rec().body:p.rec().end], 0xc3) < 0 {
			t.Errorf("part %s is encoded", p.Number())
		}
		if p.Kind() == Multipart && p.Encoding() != EightBit {
			t.Errorf("multipart with 8-bit parts says %v", p.Encoding())
		}
	}
	if d := m.Check(); len(d) > 0 {
		t.Errorf("defects %v", d)
	}
}

func TestContentEncoding(t *testing.T) {
	for _, c := range []struct {
		name, body string
		mode       Mode
		want       Encoding
		text       string // "" means body with CRLF
	}{
		{"plain", "a\nb\n", Mode7Bit, SevenBit, ""},
		{"no last line end", "a\nb", Mode7Bit, SevenBit, ""},
		{"CRLF", "a\r\nb\r\n", Mode7Bit, SevenBit, ""},
		{"few umlauts", "Grüße aus München, mehr steht hier nicht", Mode7Bit, QuotedPrintable, ""},
		{"mostly umlauts", strings.Repeat("ü", 50), Mode7Bit, Base64, ""},
		{"umlauts in 8 bits", "ü\n", Mode8Bit, EightBit, ""},
		{"long line", strings.Repeat("a", 1000), Mode7Bit, QuotedPrintable, ""},
		{"long line in 8 bits", strings.Repeat("a", 1000), Mode8Bit, QuotedPrintable, ""},
		{"line of 998", strings.Repeat("a", 998) + "\n", Mode7Bit, SevenBit, ""},
		{"line of 998 and CRLF", strings.Repeat("a", 998) + "\r\nb", Mode7Bit, SevenBit, ""},
		{"bare CR", "a\rb\n", Mode7Bit, QuotedPrintable, ""},
		{"NUL", "a\x00b text text text text\n", Mode8Bit, QuotedPrintable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &Entity{Body: []byte(c.body), Mode: c.mode}
			e.Header.Add("Content-Type", "text/plain; charset=utf-8")
			var out bytes.Buffer
			if _, err := e.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			p := Parse(out.Bytes(), nil).Root()
			if p.Encoding() != c.want {
				t.Errorf("encoding %v, want %v", p.Encoding(), c.want)
			}
			var text bytes.Buffer
			(&crlfWriter{w: &text}).Write([]byte(c.body))
			want := text.String()
			if c.want == Base64 {
				want = c.body
			}
			if got, _ := p.ReadDecoded(-1); string(got) != want {
				t.Errorf("content %q, want %q", got, want)
			}
			checkLines(t, out.Bytes())
		})
	}
}

func TestAttachments(t *testing.T) {
	fsys := fstest.MapFS{"dir/März.pdf": {Data: []byte("%PDF\n\r\n\x00\xff")}}
	b := new(Builder).From(Addr("", "a@example.com")).Text("see attachment").AttachFS(fsys, "dir/März.pdf").
		Attach(strings.Repeat("ä", 100)+".txt", "", open("a\nb")).Attach(`C:\x "y".bin`, "", open(""))
	m := Parse(build(t, b), nil)
	var names, contents []string
	for _, p := range m.Views().Attachments {
		content, err := p.ReadDecoded(-1)
		if err != nil {
			t.Fatal(err)
		}
		names, contents = append(names, p.Filename()), append(contents, string(content))
	}
	if d := cmp.Diff([]string{"März.pdf", strings.Repeat("ä", 100) + ".txt", `x "y".bin`}, names); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"%PDF\n\r\n\x00\xff", "a\nb", ""}, contents); d != "" {
		t.Error(d)
	}
	b = new(Builder).From(Addr("", "a@example.com")).AttachFS(fsys, "none")
	if _, err := b.WriteTo(io.Discard); err == nil {
		t.Error("a file that is not there is no error")
	}
}

func TestReply(t *testing.T) {
	m := Parse([]byte("From: Ann <ann@example.com>\r\nTo: me@example.org, Bob <bob@example.org>\r\nCc: ann@example.com, Me@example.org, c@example.org\r\n"+
		"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n\r\nhi"), nil)
	b := new(Builder).From(Addr("", "me@example.org")).Reply(m, true)
	h := Parse(build(t, b), nil).Header()
	for _, c := range []struct{ got, want string }{
		{h.Text("Subject"), "Re: Grüße"},
		{showAddresses(h.Addresses("To")), "Ann <ann@example.com>"},
		{showAddresses(h.Addresses("Cc")), "Bob <bob@example.org>|<c@example.org>"},
		{h.Get("In-Reply-To"), "<3@x>"},
		{h.Get("References"), "<1@x> <2@x> <3@x>"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestReplyInThread: a thread of any length adds a bounded number of references.
func TestReplyInThread(t *testing.T) {
	var refs strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&refs, "<%d@x>\r\n ", i)
	}
	m := Parse([]byte("From: a@example.com\r\nMessage-ID: <last@x>\r\nReferences: "+refs.String()+"\r\n\r\nhi"), nil)
	h := Parse(build(t, new(Builder).From(Addr("", "me@example.org")).Reply(m, true)), nil).Header()
	ids := h.References()
	if len(ids) != mostReferences+1 || ids[0] != "0@x" || ids[1] != "901@x" || ids[mostReferences] != "last@x" {
		t.Errorf("%d references: %.100q", len(ids), ids)
	}
}

// TestReplyToHostile: what cannot be written again is left out of the reply.
func TestReplyToHostile(t *testing.T) {
	m := Parse([]byte("From: a\x1bb <a@example.com>\r\nMessage-ID: <"+strings.Repeat("i", 1200)+"@x>\r\n\r\nhi"), nil)
	h := Parse(build(t, new(Builder).From(Addr("", "me@example.org")).Reply(m, true)), nil).Header()
	if got := showAddresses(h.Addresses("To")); got != "<a@example.com>" || h.Has("In-Reply-To") {
		t.Errorf("To %s\n%s", got, h.Append(nil))
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("Grüße", "text\r\n", "<p>", "März.pdf", []byte("%PDF\x00"), uint8(0))
	f.Add("a  b ", strings.Repeat("x", 2000), "", "..", []byte{}, uint8(1))
	f.Add("=?utf-8?Q?x?=", "--=_\n.\nFrom x\n", "\x00\r", "a\"\\b", []byte("\r\n.\r\n"), uint8(2))
	f.Add("s", "日本\n語\n", "日\x00本\n語\n", "a", []byte("\n"), uint8(0))
	f.Fuzz(func(t *testing.T, subject, text, html, name string, data []byte, mode uint8) {
		for _, s := range []string{subject, text, html, name} {
			if !utf8.ValidString(s) {
				return
			}
		}
		b := new(Builder).From(Addr(subject, "a@example.com")).To(Addr(name, "b@example.com"), Addr("", `"`+"x y"+`"@example.com`)).
			Subject(subject).Text(text).HTML(html).AttachBytes(name, "", data).Inline("c@d", name, "image/png", open(text))
		b.Mode, b.Date, b.MessageID = Mode(mode%3), builtAt, "id@example.com"
		var out bytes.Buffer
		if _, err := b.WriteTo(&out); err != nil {
			if out.Len() > 0 {
				t.Fatalf("wrote %d octets before %v", out.Len(), err)
			}
			return
		}
		first := out.Bytes()
		checkLines(t, first)
		m := Parse(first, nil)
		if d := m.Check(); len(d) > 0 {
			t.Fatalf("%v in\n%s", d, first)
		}
		if got := m.Header().Text("Subject"); got != subject {
			t.Fatalf("subject %q reads %q in\n%s", subject, got, first)
		}
		checkBuiltParts(t, m, text, html, name, data)
	})
}

func checkBuiltParts(t *testing.T, m *Message, text, html, name string, data []byte) {
	t.Helper()
	crlf := func(s string) string {
		var b bytes.Buffer
		(&crlfWriter{w: &b}).Write([]byte(s))
		return b.String()
	}
	var leaves []Part
	for p := range m.Parts() {
		if p.Kind() == Leaf {
			leaves = append(leaves, p)
		}
	}
	if len(leaves) != 4 {
		t.Fatalf("%d leaves", len(leaves))
	}
	for i, want := range []string{text, html, text, string(data)} {
		got, err := leaves[i].ReadDecoded(-1)
		if err != nil {
			t.Fatal(err)
		}
		odd := strings.Contains(want, "\x00") || strings.Count(want, "\r") != strings.Count(want, "\r\n")
		if i < 2 && (leaves[i].Encoding() != Base64 || !odd) {
			want = crlf(want)
		}
		if string(got) != want {
			t.Fatalf("part %d is %q, want %q", i, got, want)
		}
	}
	if got := leaves[3].Disposition().Params.Get("filename"); got != name {
		t.Fatalf("filename %q reads %q", name, got)
	}
}

func TestReports(t *testing.T) {
	original := Parse([]byte("From: a@example.com\r\nSubject: x\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"), nil)
	d := DeliveryStatus{
		ReportingMTA: "mx.example.com", EnvelopeID: "env+1", Arrival: builtAt,
		Recipients: []RecipientStatus{
			{Final: "bob@example.org", Action: "failed", Status: "5.1.1", RemoteMTA: "mx.example.org", Diagnostic: "550 5.1.1 no such user", LastAttempt: builtAt},
			{Final: "rfc822; carol@example.org", Original: "c@example.org", Action: "delayed", Status: "4.4.1", WillRetryUntil: builtAt.Add(time.Hour)},
		},
	}
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprint(full), func(t *testing.T) {
			b := new(Builder).From(Addr("Mail system", "mailer@example.com")).To(Addr("", "a@example.com")).
				Subject("Undelivered").Report(&d, "Sorry.\n", original, full)
			out := build(t, b)
			m := Parse(out, nil)
			if bad := m.Check(); len(bad) > 0 {
				t.Errorf("defects %v", bad)
			}
			r, ok := m.Report()
			if !ok || r.Type != "delivery-status" || !r.Text.Is("text/plain") || !r.Status.Is("message/delivery-status") {
				t.Fatalf("report %+v, %v of\n%s", r, ok, out)
			}
			if want := map[bool]string{false: "text/rfc822-headers", true: "message/rfc822"}[full]; !r.Original.Is(want) {
				t.Errorf("original is %v", r.Original.Type())
			}
			content, _ := r.Status.ReadDecoded(-1)
			got, bad := ParseDeliveryStatus(content)
			if len(bad) > 0 {
				t.Errorf("defects %v", bad)
			}
			want := d
			want.ReportingMTA = "dns; mx.example.com"
			want.Recipients = []RecipientStatus{d.Recipients[0], d.Recipients[1]}
			want.Recipients[0].Final, want.Recipients[0].RemoteMTA = "rfc822; bob@example.org", "dns; mx.example.org"
			want.Recipients[0].Diagnostic = "smtp; 550 5.1.1 no such user"
			want.Recipients[1].Original = "rfc822; c@example.org"
			if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []DeliveryStatus{
		{},
		{ReportingMTA: "x"},
		{ReportingMTA: "x", Recipients: []RecipientStatus{{Final: "a@b", Action: "lost", Status: "5.0.0"}}},
		{ReportingMTA: "x", Recipients: []RecipientStatus{{Final: "a@b", Action: "failed", Status: "5.0"}}},
		{ReportingMTA: "x", Recipients: []RecipientStatus{{Final: "a@b", Action: "failed", Status: "3.0.0"}}},
	} {
		if _, err := AppendDeliveryStatus(nil, &bad); !errors.Is(err, ErrReport) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := AppendDeliveryStatus(nil, &DeliveryStatus{ReportingMTA: "x\r\ny", Recipients: []RecipientStatus{{Final: "a", Action: "failed", Status: "5.0.0"}}}); !errors.Is(err, ErrField) {
		t.Errorf("line end in a value: %v", err)
	}
}

// TestFieldReport: RFC 8098, section 3, and RFC 5965, section 2.
func TestFieldReport(t *testing.T) {
	var fields Header
	fields.Add("Final-Recipient", "rfc822; bob@example.org")
	fields.Add("Disposition", "manual-action/MDN-sent-manually; displayed")
	b := new(Builder).From(Addr("", "bob@example.org")).ReportFields("disposition-notification", &fields, "Seen.", nil, false)
	m := Parse(build(t, b), nil)
	r, ok := m.Report()
	if !ok || r.Type != "disposition-notification" || !r.Original.IsZero() {
		t.Fatalf("%+v, %v", r, ok)
	}
	content, _ := r.Status.ReadDecoded(-1)
	groups := ParseFieldGroups(content, nil)
	if len(groups) != 1 || groups[0].Get("Disposition") != "manual-action/MDN-sent-manually; displayed" {
		t.Errorf("groups of %q", content)
	}
}

// TestFeedbackReport: RFC 5965, section 3.
func TestFeedbackReport(t *testing.T) {
	var fields Header
	fields.Add("Feedback-Type", "abuse")
	fields.Add("User-Agent", "Complaints/1.0")
	fields.Add("Version", "1")
	original := Parse([]byte("From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n"), nil)
	b := new(Builder).From(Addr("", "abuse@example.org")).ReportFields("feedback-report", &fields, "A complaint.", original, true)
	m := Parse(build(t, b), nil)
	r, ok := m.Report()
	if !ok || r.Type != "feedback-report" || !r.Status.Is("message/feedback-report") || !r.Original.Is("message/rfc822") {
		t.Fatalf("%+v, %v", r, ok)
	}
	content, _ := r.Status.ReadDecoded(-1)
	if groups := ParseFieldGroups(content, nil); len(groups) != 1 || groups[0].Get("Feedback-Type") != "abuse" {
		t.Errorf("groups of %q", content)
	}
	inner, err := r.Original.Message()
	if err != nil || inner.Header().Get("Subject") != "x" {
		t.Errorf("the original is %v, %v", inner, err)
	}
}

// TestBuilderFlowed: paragraphs come back, in an encoding or without.
func TestBuilderFlowed(t *testing.T) {
	for _, word := range []string{"word", "wörd"} {
		text := "> quoted " + strings.Repeat(word+" ", 50) + "end\n\n" + strings.Repeat(word+" ", 30) + "end\n-- \nAnn\n"
		m := Parse(build(t, new(Builder).From(Addr("", "a@example.com")).Flowed(text).HTML("<p>")), nil)
		p := m.Views().Text[0]
		if p.Type().Params.Get("format") != "flowed" || len(m.Check()) > 0 {
			t.Errorf("%v, %v", p.Type(), m.Check())
		}
		got, err := io.ReadAll(NewFlowedReader(p.Text(), false))
		if string(got) != text || err != nil {
			t.Errorf("%v: got %q, %v, want %q", p.Encoding(), got, err, text)
		}
	}
}

package mime

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var pageBreak = regexp.MustCompile(`\n+[^\n]*\[Page \d+\]\n\f?\n*RFC \d+ [^\n]*\n+`)

// rfcText returns the text of an RFC without its page breaks.
func rfcText(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(shared(t, "rfc/"+name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return pageBreak.ReplaceAllString(string(b), "\n")
}

// dedent removes n spaces in front of each line and makes line ends CRLF.
func dedent(s string, n int) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, strings.Repeat(" ", n))
	}
	return strings.Join(lines, "\r\n")
}

// The sample of RFC 2049, appendix A, as it stands there.
func TestRFC2049_A(t *testing.T) {
	text := rfcText(t, "rfc2049")
	_, text, ok := strings.Cut(text, "\nAppendix A -- A Complex Multipart Example")
	_, text, ok2 := strings.Cut(text, "\n     MIME-Version:")
	text, _, ok3 := strings.Cut(text, "\nAppendix B")
	if !ok || !ok2 || !ok3 {
		t.Fatal("the sample is not where it was")
	}
	m := Parse([]byte("MIME-Version:"+dedent(text, 5)), nil)
	want := "multipart/mixed(text/plain text/plain multipart/parallel(audio/basic image/jpeg) text/enriched message/rfc822(text/plain))"
	if got := shape(m.Root()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d := m.Defects(); len(d) > 0 {
		t.Errorf("defects %v", d)
	}
	if p, _ := m.Lookup(5); p.Kind() != Embedded {
		t.Error("part 5 is no message")
	} else if in, _ := p.Message(); in.Root().Encoding() != QuotedPrintable || in.Root().Type().Params.Get("charset") != "ISO-8859-1" {
		t.Errorf("the inner message is %v in %v", in.Root().Type(), in.Root().Encoding())
	}
}

// The messages of RFC 5322, appendix A, as they stand there.
func TestRFC5322_A(t *testing.T) {
	text := rfcText(t, "rfc5322")
	_, text, _ = strings.Cut(text, "\nAppendix A.  Example Messages")
	text, _, _ = strings.Cut(text, "\nAppendix B.")
	samples := strings.Split(text, "\n   ----\n")
	n := 0
	for i := 1; i < len(samples); i += 2 {
		m := Parse([]byte(strings.TrimLeft(dedent(samples[i], 3), "\r\n")), nil)
		h := m.Header()
		if !h.Has("Date") && !h.Has("From") {
			continue
		}
		n++
		if _, err := h.Date(); err != nil {
			t.Errorf("sample %d: %v", n, err)
		}
		if l := h.Addresses("From"); len(l.Mailboxes) != 1 || slices.Contains(kindsOf(l.Defects), DefectBadAddress) {
			t.Errorf("sample %d: From %v, %v of %s", n, l.Mailboxes, l.Defects, h.Append(nil))
		}
		for _, name := range []string{"To", "Cc", "Reply-To", "Sender"} {
			if l := h.Addresses(name); slices.Contains(kindsOf(l.Defects), DefectBadAddress) {
				t.Errorf("sample %d: %s %v", n, name, l.Defects)
			}
		}
		if h.MessageID() == "" {
			t.Errorf("sample %d: no message id", n)
		}
		if f, ok := h.Field("Received"); ok {
			if _, err := ParseReceived(f.Value()); err != nil {
				t.Errorf("sample %d: %v", n, err)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d samples found", n)
	}
}

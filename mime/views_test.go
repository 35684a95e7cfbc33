package mime

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/unicode/norm"
)

// views prints a view as part numbers.
func numbers(parts []Part) (out []string) {
	for _, p := range parts {
		out = append(out, p.Number())
	}
	return
}

// multi makes a multipart of parts.
func multi(sub, boundary string, parts ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/" + sub + "; boundary=" + boundary + "\r\n\r\n")
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func leaf(typ string, more ...string) string {
	return "Content-Type: " + typ + "\r\n" + strings.Join(more, "\r\n") + strings.Repeat("\r\n", min(len(more), 1)) + "\r\nx"
}

// The example of RFC 8621, section 4.1.4, and mail of common shapes.
func TestViews(t *testing.T) {
	attached, inline := "Content-Disposition: attachment", "Content-Disposition: inline"
	for _, c := range []struct {
		name, in                string
		text, html, attachments []string
		has                     bool
	}{
		{"text", leaf("text/plain"), []string{"1"}, []string{"1"}, nil, false},
		{"html", leaf("text/html"), []string{"1"}, []string{"1"}, nil, false},
		{"alternative", multi("alternative", "A", leaf("text/plain"), leaf("text/html")), []string{"1"}, []string{"2"}, nil, false},
		{"only html in the alternative", multi("alternative", "A", leaf("text/html")), []string{"1"}, []string{"1"}, nil, false},
		{"attachment", multi("mixed", "A", leaf("text/plain"), leaf("application/pdf", attached)), []string{"1"}, []string{"1"}, []string{"2"}, true},
		{"attached text", multi("mixed", "A", leaf("text/plain"), leaf("text/plain", attached)), []string{"1"}, []string{"1"}, []string{"2"}, true},
		{"named text", multi("mixed", "A", leaf("text/plain"), leaf("text/plain; name=a.txt")), []string{"1"}, []string{"1"}, []string{"2"}, true},
		{"inline image by cid", multi("related", "A", leaf("text/html"), leaf("image/png", "Content-ID: <a@b>")), []string{"1"}, []string{"1"}, []string{"2"}, false},
		{"embedded message", multi("mixed", "A", leaf("text/plain"), "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny"), []string{"1"}, []string{"1"}, []string{"2"}, true},
		{"RFC 8621", multi("mixed", "A",
			leaf("text/plain", inline),
			multi("mixed", "B",
				multi("alternative", "C",
					multi("mixed", "D", leaf("text/plain", inline), leaf("image/jpeg", inline), leaf("text/plain", inline)),
					multi("related", "E", leaf("text/html"), leaf("image/jpeg"))),
				leaf("image/jpeg", attached), leaf("application/x-excel"), "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny"),
			leaf("text/plain", inline)),
			[]string{"1", "2.1.1.1", "2.1.1.2", "2.1.1.3", "3"}, []string{"1", "2.1.2.1", "3"}, []string{"2.1.1.2", "2.1.2.2", "2.2", "2.3", "2.4"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Parse([]byte(c.in), nil)
			v := m.Views()
			got := [][]string{numbers(v.Text), numbers(v.HTML), numbers(v.Attachments)}
			if d := cmp.Diff([][]string{c.text, c.html, c.attachments}, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("text, html, attachments (-want +got):\n%s", d)
			}
			if m.HasAttachment() != c.has {
				t.Errorf("HasAttachment is %v", m.HasAttachment())
			}
		})
	}
	v := Parse([]byte(multi("alternative", "A", leaf("text/plain"), leaf("text/calendar; method=REQUEST"))), nil).Views()
	if d := cmp.Diff([]string{"2"}, numbers(v.Calendar)); d != "" {
		t.Error(d)
	}
}

func TestPreview(t *testing.T) {
	for _, c := range []struct {
		name, in string
		max      int
		want     string
	}{
		{"text", "\r\n  Hello \r\n\r\n\tworld \r\n", 100, "Hello world"},
		{"cut", "\r\nHello world", 5, "Hello"},
		{"no space at the end", "\r\nHello world", 6, "Hello"},
		{"characters", "\r\nüüüü", 3, "üüü"},
		{"html", "Content-Type: text/html\r\n\r\n<html><head><title>no</title><style>p{}</style></head><body><p>Gr&uuml;&#223;e <b>au</b>s<br>M&amp;M<!-- no <p> --> &bogus; <script>if (a<b) no()</script>x</body>", 100,
			"Grüße aus M&M &bogus; x"},
		{"attribute with an angle", "Content-Type: text/html\r\n\r\n<a title=\"a>b\" href='>'>x</a>", 100, "x"},
		{"open reference", "Content-Type: text/html\r\n\r\na & b &lt", 100, "a & b"},
		{"the text of an alternative", multi("alternative", "A", "\r\nplain", leaf("text/html")), 100, "plain"},
		{"nothing", leaf("application/pdf"), 100, ""},
		{"zero", "\r\nx", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Parse([]byte(c.in), nil).Preview(c.max); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSecurity(t *testing.T) {
	for in, want := range map[string]Security{
		leaf("text/plain"): SecurityNone,
		multi("signed; protocol=\"application/pgp-signature\"", "A", leaf("text/plain"), leaf("application/pgp-signature")):     PGPSigned,
		multi("signed; protocol=\"application/pkcs7-signature\"", "A", leaf("text/plain"), leaf("application/pkcs7-signature")): SMIMESigned,
		multi("encrypted", "A", leaf("application/pgp-encrypted"), leaf("application/octet-stream")):                            PGPEncrypted,
		leaf("application/pkcs7-mime; smime-type=signed-data"):                                                                  SMIMESigned,
		leaf("application/x-pkcs7-mime; smime-type=enveloped-data"):                                                             SMIMEEncrypted,
		multi("signed; protocol=\"APPLICATION/X-PKCS7-signature\"", "A", leaf("text/plain"), leaf("x/y")):                       SMIMESigned,
		multi("signed", "A", leaf("text/plain"), leaf("application/pkcs7-signature")):                                           SMIMESigned,
		multi("signed", "A", leaf("text/plain"), leaf("application/pgp-signature")):                                             PGPSigned,
		multi("signed; protocol=\"application/other\"", "A", leaf("text/plain"), leaf("application/other")):                     SecurityNone,
		multi("signed", "A"): SecurityNone,
		multi("encrypted; protocol=\"application/other\"", "A", leaf("application/other"), leaf("application/octet-stream")): SecurityNone,
		multi("mixed", "A", leaf("text/plain"), multi("signed", "B", leaf("text/plain"), leaf("application/pgp-signature"))): PGPSigned,
		leaf("application/pkcs7-mime; smime-type=certs-only"):                                                                SMIMESigned,
		leaf("application/pkcs7-mime; smime-type=authEnveloped-data"):                                                        SMIMEEncrypted,
		leaf("application/pkcs7-mime; smime-type=compressed-data"):                                                           SecurityNone,
		leaf("application/octet-stream; name=smime.P7M"):                                                                     SMIMEEncrypted,
		leaf("application/octet-stream", "Content-Disposition: attachment; filename=smime.p7m"):                              SMIMEEncrypted,
		leaf("application/octet-stream; name=a.bin"):                                                                         SecurityNone,
		"\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n":                                                     PGPInline,
		"\r\nsee -----BEGIN PGP MESSAGE-----\r\n":                                                                            SecurityNone,
		"\r\n-----BEGIN PGP MESSAGE-----\r\n":                                                                                PGPInline,
	} {
		if got := Parse([]byte(in), nil).Security(); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestMatcher(t *testing.T) {
	m := Parse([]byte("Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"+multi("mixed", "A",
		"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\nTfxuY2hlbg==",
		"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhidden text",
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogZW5jb2RlZCBpbm5lcg0KDQpkZWVw",
		"Content-Type: application/pdf\r\n\r\nbinary")), nil)
	for _, c := range []struct {
		s                  string
		body, text, header bool
	}{
		{"münchen", true, true, false}, {"MÜNCHEN", true, true, false}, {"mu\u0308nchen", true, true, false}, {"munchen", false, false, false},
		{"grüße", false, true, true}, {"inner", true, true, false}, {"encoded INNER", true, true, false}, {"deep", true, true, false},
		{"hidden", true, true, false}, {"binary", false, false, false}, {"", true, true, true}, {"TfxuY", false, false, false},
	} {
		x := NewMatcher(c.s)
		body, err := x.MatchBody(m)
		text, _ := x.MatchText(m)
		if header := x.MatchHeader(m.Header(), "subject"); body != c.body || text != c.text || header != c.header || err != nil {
			t.Errorf("%q: body %v, text %v, header %v, %v", c.s, body, text, header, err)
		}
	}
	if NewMatcher("").MatchHeader(m.Header(), "X-None") {
		t.Error("a field that is not there matches")
	}
	// A match over the edge of blocks.
	for pad := blockSize - 8; pad < blockSize+2; pad++ {
		m := Parse([]byte("\r\n"+strings.Repeat("x", pad)+"grüße"), nil)
		if ok, _ := NewMatcher("GRÜSSE").MatchBody(m); ok {
			t.Error("matches what RFC 5051 keeps apart")
		}
		if ok, _ := NewMatcher("GRÜßE").MatchBody(m); !ok {
			t.Errorf("no match at %d", pad)
		}
	}
}

// TestCasemap compares the fast ways with the definition of RFC 5051, section 2:
// title case of each character, then compatibility decomposition.
func TestCasemap(t *testing.T) {
	check := func(s string) {
		t.Helper()
		var title []byte
		for _, r := range s {
			title = utf8.AppendRune(title, unicode.ToTitle(r))
		}
		if got, want := appendCasemap([]byte("x"), []byte(s)), "x"+norm.NFKD.String(string(title)); string(got) != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	marks := []rune{0x300, 0x323, 0x345, 0x483, 0x5b0} // of several classes: their order is fixed
	for r := range rune(0x600) {
		check(string(r))
		for i, m := range marks {
			check(string([]rune{'a', marks[len(marks)-1-i], r, m, 'ß'}))
		}
	}
	check("ﬁ語\u3099が\u0301\u0323")
}

package mime

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// The samples of RFC 2047, section 8, as text in a field.
func TestRFC2047_8(t *testing.T) {
	for in, want := range map[string]string{
		"(=?ISO-8859-1?Q?a?=)":                           "(a)",
		"(=?ISO-8859-1?Q?a?= b)":                         "(a b)",
		"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)":        "(ab)",
		"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)":       "(ab)",
		"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)": "(ab)",
		"(=?ISO-8859-1?Q?a_b?=)":                         "(a b)",
		"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)":       "(a b)",
		"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=":          "Keld Jørn Simonsen",
		"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=": "If you can read this you understand the example.",
	} {
		if got := DecodeWords(in); got != want {
			t.Errorf("DecodeWords(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDecodeWords(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"plain", "just text", "just text"},
		{"trimmed", " \ta b \r\n", "a b"},
		{"spaces inside stay", "a  b", "a  b"},
		{"text between words", "=?utf-8?Q?a?= x =?utf-8?Q?b?=", "a x b"},
		{"no space between words", "=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
		{"in quotes", `"=?utf-8?Q?a?="`, `"a"`},
		{"lower case", "=?UTF-8?q?=c3=bc?=", "ü"},
		{"unknown charset stays", "=?x-none?Q?a?= =?utf-8?Q?b?=", "=?x-none?Q?a?= b"},
		{"unknown charset between", "=?utf-8?Q?a?= =?x-none?Q?b?= =?utf-8?Q?c?=", "a =?x-none?Q?b?= c"},
		{"other encoding", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
		{"not closed", "=?utf-8?Q?a", "=?utf-8?Q?a"},
		{"inner starts anew", "=?utf-8?Q?a =?utf-8?Q?b?=", "=?utf-8?Q?a b"},
		{"space in the text", "=?utf-8?Q?a b?=", "a b"},
		{"bad hex", "=?utf-8?Q?a=ZZ=4?=", "a=ZZ=4"},
		{"foreign octets in base64", "=?utf-8?B?YQ!==?=", "a"},
		{"two paddings", "=?utf-8?B?YQ==Yg==?=", "ab"},
		{"no padding", "=?utf-8?B?YQ?=", "a"},
		{"empty base64", "=?utf-8?B??=x", "x"},
		{"invalid UTF-8", "=?utf-8?Q?a=FFb?=", "a\uFFFDb"},
		{"raw UTF-8 beside a word", "ü =?utf-8?Q?=C3=BC?=", "ü ü"},
		{"line end, NUL and line end", "=?utf-8?Q?a=0D=0A=00=0D=0Ab?=", "a b"},
		{"controls over two words", "=?utf-8?Q?a=0D?= =?utf-8?Q?=0Ab?=", "a b"},
		{"utf-7", "=?utf-7?Q?+AOQ-?=", "ä"},
		{"iso-2022-jp", "=?iso-2022-jp?B?GyRCJDMbKEI=?=", "こ"},
		{"label of a sender that does not know", "=?unknown-8bit?Q?=FC?=", "ü"},
		{"language", "=?utf-8*de?Q?a?=", "a"},
		{"question marks", "a =? b ?= c", "a =? b ?= c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := DecodeWords(c.in); got != c.want {
				t.Errorf("DecodeWords(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestAppendWords(t *testing.T) {
	for _, c := range []struct {
		name, in string
		col      int
		want     string
	}{
		{"plain", "just text", 9, "just text"},
		{"only what needs it", "Gruß aus X", 9, "=?utf-8?B?R3J1w58=?= aus X"},
		{"from the first to the last", "a ü b ü c", 9, "a =?utf-8?B?w7wgYiDDvA==?= c"},
		{"like a word", "=?utf-8?Q?x?=", 0, "=?utf-8?B?PT91dGYtOD9RP3g/PQ==?="},
		{"two spaces", "a  b", 0, "=?utf-8?Q?a__b?="},
		{"tab", "a\tb", 0, "=?utf-8?B?YQli?="},
		{"space at the end", "a ", 0, "=?utf-8?Q?a_?="},
		{"line end", "a\r\nBcc: x", 0, "a Bcc: x"},
		{"fold at a space", strings.Repeat("word ", 20) + "end", 9,
			strings.TrimSuffix(strings.Repeat("word ", 14), " ") + "\r\n " + strings.Repeat("word ", 6) + "end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(AppendWords(nil, c.in, c.col)); got != c.want {
				t.Errorf("AppendWords(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

// Appendix A of RFC 5322: addresses.
func TestRFC5322_A_Addresses(t *testing.T) {
	for _, c := range []struct {
		in, want string
		strict   bool
	}{
		{"John Doe <jdoe@machine.example>", "John Doe <jdoe@machine.example>", true},
		{`"Joe Q. Public" <john.q.public@example.com>`, "Joe Q. Public <john.q.public@example.com>", true},
		{`Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>`, "Mary Smith <mary@x.test>|<jdoe@example.org>|Who? <one@y.test>", false},
		{`<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>`, `<boss@nil.test>|Giant; "Big" Box <sysservices@example.net>`, false},
		{"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", "Ed Jones <c@a.test>|<joe@where.test>|John <jdoe@one.test>", false},
		{"Undisclosed recipients:;", "", false},
		{`Pete(A nice \) chap) <pete(his account)@silly.test(his host)>`, "Pete <pete@silly.test>", true},
		{"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
			"Chris Jones <c@public.example>|<joe@example.org>|John <jdoe@one.test>", false},
		{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "", false},
		{"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public <john.q.public@example.com>", false},
		{"john . doe@x.test", "<john.doe@x.test>", false},
	} {
		l := ParseAddresses(c.in)
		if got := showAddresses(l); got != c.want {
			t.Errorf("ParseAddresses(%q) = %s, want %s", c.in, got, c.want)
		}
		if _, err := ParseAddress(c.in); (err == nil) != c.strict {
			t.Errorf("ParseAddress(%q): %v, want accepted: %v", c.in, err, c.strict)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		groups         []Group
		kinds          []DefectKind
	}{
		{name: "empty"},
		{name: "plain", in: "a@b.test", want: "<a@b.test>"},
		{name: "group", in: "G: a@b, c@d;, e@f", want: "<a@b>|<c@d>|<e@f>", groups: []Group{{"G", 0, 2}}},
		{name: "empty group", in: "a@b, G:;", want: "<a@b>", groups: []Group{{"G", 1, 1}}},
		{name: "unclosed group", in: "G: a@b", want: "<a@b>", groups: []Group{{"G", 0, 1}}, kinds: []DefectKind{DefectUnclosed}},
		{name: "comma in a name", in: "Doe, John <jd@x.test>, a@b.test", want: "Doe, John <jd@x.test>|<a@b.test>", kinds: []DefectKind{DefectBadAddress}},
		{name: "no domain", in: "root", want: "<root>", kinds: []DefectKind{DefectNoDomain}},
		{name: "several words", in: "bad bad, a@b", want: "<a@b>", kinds: []DefectKind{DefectBadAddress}},
		{name: "quoted at sign", in: `"a@evil"@b.test`, want: `<"a@evil"@b.test>`},
		{name: "quoted angle", in: `"x <evil@y>" <a@b>`, want: "x <evil@y> <a@b>"},
		{name: "encoded angle", in: "=?utf-8?Q?x_=3Cevil=40y=3E=2C?= <a@b>", want: "x <evil@y>, <a@b>"},
		{name: "route", in: "<@r.test:a@b>", want: "<a@b>", kinds: []DefectKind{DefectObsAddress}},
		{name: "unclosed angle", in: "Ann <a@b.test, c@d", want: "Ann <a@b.test>|<c@d>", kinds: []DefectKind{DefectUnclosed}},
		{name: "empty angle", in: "<>, a@b", want: "<a@b>", kinds: []DefectKind{DefectBadAddress}},
		{name: "two at signs", in: "a@b@c, d@e", want: "<a@b>|<d@e>", kinds: []DefectKind{DefectBadAddress}},
		{name: "leading dot", in: ".a@b", want: `<".a"@b>`, kinds: []DefectKind{DefectBadAddress}},
		{name: "two dots", in: "a..b@c", want: `<"a..b"@c>`, kinds: []DefectKind{DefectBadAddress}},
		{name: "semicolon as separator", in: "a@b; c@d", want: "<a@b>|<c@d>", kinds: []DefectKind{DefectBadAddress}},
		{name: "literal", in: "a@[192.0.2.1]", want: "<a@[192.0.2.1]>"},
		{name: "comment name beside a name", in: "Ann <a@b> (x)", want: "Ann <a@b>"},
		{name: "not UTF-8", in: "\xfc@b.test", want: "<\uFFFD@b.test>"},
		{name: "neighbouring words", in: "=?utf-8?Q?a?= =?utf-8?Q?b?= <a@b>", want: "ab <a@b>"},
		{name: "Latin-1 name", in: "J\xf6rg <a@b>", want: "Jörg <a@b>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := ParseAddresses(c.in)
			if got := showAddresses(l); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if d := cmp.Diff(c.groups, l.Groups, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
			var kinds []DefectKind
			for _, d := range l.Defects {
				kinds = append(kinds, d.Kind)
			}
			if d := cmp.Diff(c.kinds, kinds, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestAddressLimit: members over the limit are left out and reported, in one
// field and in many.
func TestAddressLimit(t *testing.T) {
	o := &Options{MaxAddresses: 3}
	for _, c := range []struct {
		name, header      string
		mailboxes, groups int
		defects           []DefectKind
	}{
		{"at the limit", "To: a@x, b@x, c@x\r\n\r\n", 3, 0, nil},
		{"over it", "To: a@x, b@x, c@x, d@x\r\n\r\n", 3, 0, []DefectKind{DefectTooManyAddresses}},
		{"open group", "To: g: a@x, b@x, c@x, d@x;\r\n\r\n", 3, 1, []DefectKind{DefectTooManyAddresses, DefectUnclosed}},
		{"groups", "To: a:;, b:;, c:;, d:;\r\n\r\n", 0, 3, []DefectKind{DefectTooManyAddresses}},
		{"fields", "To: a@x\r\nTo: b@x, c@x\r\nTo: d@x\r\n\r\n", 3, 0, []DefectKind{DefectTooManyAddresses}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _ := ParseHeader([]byte(c.header), o)
			l := h.Addresses("To")
			if len(l.Mailboxes) != c.mailboxes || len(l.Groups) != c.groups {
				t.Errorf("%d mailboxes, %d groups", len(l.Mailboxes), len(l.Groups))
			}
			slices.Sort(c.defects)
			if d := cmp.Diff(c.defects, kindsOf(l.Defects)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"RFC 5322", "Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
		{"no day", "21 Nov 1997 09:55:06 +0000", "1997-11-21T09:55:06Z"},
		{"no seconds", "21 Nov 97 09:55 GMT", "1997-11-21T09:55:00Z"},
		{"comments and folds", "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"},
		{"comments between", "Fri(x), 21 (y) Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"},
		{"leap second", "31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		{"one-digit hour", "1 Jan 2020 1:02:03 Z", "2020-01-01T01:02:03Z"},
		{"two-digit years", "1 Jan 49 00:00 Z", "2049-01-01T00:00:00Z"},
		{"fifty", "1 Jan 50 00:00 Z", "1950-01-01T00:00:00Z"},
		{"daylight", "1 Jul 2020 12:00 PDT", "2020-07-01T12:00:00-07:00"},
		{"unknown letters", "1 Jul 2020 12:00 CEST", "2020-07-01T12:00:00Z"},
		{"letters and digits", "1 Jul 2020 12:00 GMT+0200", "2020-07-01T12:00:00+02:00"},
		{"zone with a colon", "1 Jul 2020 12:00 +02:00", "2020-07-01T12:00:00+02:00"},
		{"month name", "1 July 2020 12:00 Z", "2020-07-01T12:00:00Z"},
		{"hyphens", "1-Jul-2020 12:00 Z", "2020-07-01T12:00:00Z"},
		{"asctime", "Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z"},
		{"asctime with a zone", "Fri Nov 21 09:55:06 EST 1997", "1997-11-21T09:55:06-05:00"},
		{"month first", "Nov 21, 1997 09:55", "1997-11-21T09:55:00Z"},
		{"ISO 8601", "2020-06-28T21:51:24.5+02:00", "2020-06-28T21:51:24+02:00"},
		{"ISO 8601 with a space", "2020-06-28 21:51", "2020-06-28T21:51:00Z"},
		{"no time", "1 Jul 2020", "2020-07-01T00:00:00Z"},
		{"29 February", "29 Feb 2024 00:00 Z", "2024-02-29T00:00:00Z"},
		{"large zone", "1 Jan 2020 00:00 +9959", ""},
		{"no 29 February", "29 Feb 2023 00:00 Z", "error"},
		{"31 April", "31 Apr 2023 00:00 Z", "error"},
		{"hour 24", "1 Jan 2020 24:00 Z", "error"},
		{"year 10000", "1 Jan 10000 00:00 Z", "error"},
		{"no month", "1 Foo 2020 00:00 Z", "error"},
		{"text", "yesterday", "error"},
		{"empty", "", "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := ParseDate(c.in)
			switch {
			case c.want == "error":
				if !errors.Is(err, ErrDate) || !d.IsZero() {
					t.Errorf("%v, %v", d, err)
				}
			case err != nil:
				t.Error(err)
			case c.want != "" && d.Format(time.RFC3339) != c.want:
				t.Errorf("got %s, want %s", d.Format(time.RFC3339), c.want)
			}
		})
	}
}

// The examples of RFC 2231, sections 3 to 4.1.
func TestRFC2231(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Params
	}{
		{"message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
			Params{{Name: "access-type", Value: "URL"}, {Name: "URL", Value: "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"}}},
		{"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
			Params{{Name: "title", Value: "This is ***fun***", Charset: "us-ascii", Lang: "en-us"}}},
		{"application/x-stuff\r\n ;title*0*=us-ascii'en'This%20is%20even%20more%20\r\n ;title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n ;title*2=\"isn't it!\"",
			Params{{Name: "title", Value: "This is even more ***fun*** isn't it!", Charset: "us-ascii", Lang: "en"}}},
	} {
		mt, bad := ParseMediaType(c.in)
		if d := cmp.Diff(c.want, mt.Params); d != "" || len(bad) > 0 {
			t.Errorf("%q: %v (-want +got):\n%s", c.in, bad, d)
		}
	}
}

func TestParams(t *testing.T) {
	for _, c := range []struct{ name, in, key, want string }{
		{"extended wins over plain, first", "a/b; n*=utf-8''x; n=y", "n", "x"},
		{"extended wins over plain, last", "a/b; n=y; n*=utf-8''x", "n", "x"},
		{"extended wins over sections", "a/b; n*0=y; n*=utf-8''x", "n", "x"},
		{"sections in any order", "a/b; n*1=b; n*2=c; n*0=a", "n", "abc"},
		{"sections over plain", "a/b; n=z; n*0=a; n*1=b", "n", "ab"},
		{"sections without the first", "a/b; n*1=b; n=z", "n", "z"},
		{"character cut across sections", "a/b; n*0*=utf-8''%C3; n*1*=%BC", "n", "ü"},
		{"character of two octets in gb2312", "a/b; n*0*=gb2312''%C4; n*1*=%E3", "n", "你"},
		{"no quotes in the extended value", "a/b; n*=%41", "n", "A"},
		{"unknown charset", "a/b; n*=x-none''a%20b%FF", "n", "a b\uFFFD"},
		{"bad percent", "a/b; n*=utf-8''a%4", "n", "a%4"},
		{"windows path", `a/b; n="C:\dir\file.txt"`, "n", `C:\dir\file.txt`},
		{"escaped quote", `a/b; n="a\"b\\c"`, "n", `a"b\c`},
		{"no semicolon after the type", "text/plain charset=utf-8", "charset", "utf-8"},
		{"no semicolon between", "text/plain; charset=utf-8 format=flowed", "format", "flowed"},
		{"spaces around the equals sign", "text/plain; charset = utf-8", "charset", "utf-8"},
		{"empty parameters", "text/plain;;; charset=utf-8;", "charset", "utf-8"},
		{"parentheses in a name", "a/b; n=report (1).pdf", "n", "report (1).pdf"},
		{"comment in front of a semicolon", "a/b; n=x (c); m=y", "n", "x"},
		{"text behind the quotes", `a/b; n="x" y; m=z`, "m", "z"},
		{"line end in an escaped value", "a/b; n*=utf-8''a%0D%0Ab", "n", "a b"},
		{"word in a value", "a/b; n=\"=?utf-8?Q?=C3=BC.pdf?=\"", "n", "ü.pdf"},
		{"comment before the type", "(x) text/plain (y); (z) charset=(w)utf-8", "charset", "(w)utf-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mt, _ := ParseMediaType(c.in)
			if got := mt.Params.Get(c.key); got != c.want {
				t.Errorf("%q: %s is %q, want %q", c.in, c.key, got, c.want)
			}
		})
	}
	for in, want := range map[string]string{
		"text": "text/plain", "": "text/plain", "/x": "text/plain", "text/": "text/plain", "TEXT/Html": "text/html",
		"text / html": "text/html", `"text/html"`: "text/plain",
	} {
		mt, bad := ParseMediaType(in)
		if got := mt.Type + "/" + mt.Subtype; got != want || (len(bad) == 0) == (want == "text/plain") {
			t.Errorf("ParseMediaType(%q) = %s with %v, want %s", in, got, bad, want)
		}
	}
	d, _ := ParseDisposition("filename=x.pdf")
	if d.Type != "attachment" || d.Params.Get("filename") != "x.pdf" {
		t.Errorf("disposition without a type: %+v", d)
	}
}

func TestMediaTypeString(t *testing.T) {
	mt := MediaType{Type: "a", Subtype: "b", Params: Params{{Name: "x", Value: "a b"}, {Name: "y", Value: "ü"}, {Name: "z", Value: ""}, {Name: "bad", Value: "\r\n"}, {Name: "b d", Value: ""}}}
	if got, want := mt.String(), `a/b; x="a b"; y*=utf-8''%C3%BC; z=""`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	long := MediaType{Type: "attachment", Params: Params{{Name: "filename", Value: strings.Repeat("ü", 40)}}}
	for line := range strings.SplitSeq(long.String(), "\r\n") {
		if len(line) > 76 {
			t.Errorf("line of %d octets: %s", len(line), line)
		}
	}
	if !mt.Is("A/*") || mt.Is("a/c") || !mt.Is("*/*") {
		t.Error("Is")
	}
}

func TestMessageIDs(t *testing.T) {
	for in, want := range map[string]string{
		"<a@b> <c@d>": "a@b c@d", "<a@b><c@d>": "a@b c@d", "<a@b>\r\n\t(x) <c@d>": "a@b c@d", "<a@\r\n b>": "a@b",
		"<a@b <c@d>": "c@d", "a@b, c@d": "a@b c@d", "no id": "", "": "", "<>": "", "<a@b": "a@b",
	} {
		if got := strings.Join(ParseMessageIDs(in), " "); got != want {
			t.Errorf("ParseMessageIDs(%q) = %q, want %q", in, got, want)
		}
		if got, _, _ := strings.Cut(want, " "); firstID([]byte(in)) != got {
			t.Errorf("firstID(%q) = %q, want %q", in, firstID([]byte(in)), got)
		}
	}
}

// RFC 5256, section 2.1.
func TestBaseSubject(t *testing.T) {
	for _, c := range []struct {
		in, want string
		reply    bool
	}{
		{"x", "x", false},
		{"Re: x", "x", true},
		{"re : FW: fwd[3]: x", "x", true},
		{"Re[2]: x", "x", true},
		{"Re: [x] Re[2]: [y] (no subject) (fwd)", "(no subject)", true},
		{"[list] x", "x", false},
		{"[list] [b]", "[b]", false},
		{"[only]", "[only]", false},
		{"x (fwd) (FWD)", "x", true},
		{"[fwd: Re: x]", "x", true},
		{"[Fwd: [fwd: x] (fwd)]", "x", true},
		{"Regarding: x", "Regarding: x", false},
		{"Re: ", "", true},
		{"a \t b", "a b", false},
		{"=?utf-8?Q?Re=3A_=C3=BC?=", "ü", true},
		{"", "", false},
	} {
		got, reply := BaseSubject(c.in)
		if got != c.want || reply != c.reply {
			t.Errorf("BaseSubject(%q) = %q, %v, want %q, %v", c.in, got, reply, c.want, c.reply)
		}
	}
}

func TestParseReceived(t *testing.T) {
	got, err := ParseReceived("from mail.example.org (mail.example.org [192.0.2.1] (may be forged))\r\n by mx.example.com (Mailer 1.0; x) with ESMTPS (TLS1.3) id abc123\r\n for <ann@example.com>; Fri, 21 Nov 1997 09:55:06 -0600")
	want := Received{From: "mail.example.org (mail.example.org [192.0.2.1] (may be forged))", By: "mx.example.com (Mailer 1.0; x)",
		With: "ESMTPS", ID: "abc123", For: "ann@example.com", Date: time.Date(1997, 11, 21, 15, 55, 6, 0, time.UTC)}
	if d := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for _, in := range []string{"", "from a by b", "from a; no date"} {
		if _, err := ParseReceived(in); !errors.Is(err, ErrReceived) {
			t.Errorf("ParseReceived(%q): %v", in, err)
		}
	}
}

func TestCharset(t *testing.T) {
	for _, c := range []struct{ label, octets, want string }{
		{"utf-8", "\xc3\xbc", "ü"}, {"UTF8", "\xc3\xbc", "ü"}, {"iso-8859-1", "\x80", "€"}, {"us-ascii", "\xfc", "ü"},
		{"latin1", "\xfc", "ü"}, {"ISO_8859-1:1987", "\xfc", "ü"}, {"csISOLatin1", "\xfc", "ü"}, {"iso-8859-15", "\xa4", "€"},
		{"cp1252", "\x80", "€"}, {"gb2312", "\xc4\xe3", "你"}, {"gbk", "\xc4\xe3", "你"}, {"hz-gb-2312", "~{Dc~}", "你"},
		{"big5", "\xa7\x41", "你"}, {"ks_c_5601-1987", "\xbe\xc8", "안"}, {"euc-kr", "\xbe\xc8", "안"}, {"cp949", "\xbe\xc8", "안"},
		{"shift_jis", "\x82\xb1", "こ"}, {"x-sjis", "\x82\xb1", "こ"}, {"euc-jp", "\xa4\xb3", "こ"}, {"koi8-r", "\xc1", "а"},
		{"windows-1251", "\xe0", "а"}, {"x-mac-cyrillic", "\xe0", "а"}, {"utf-16", "\x00a", "a"}, {"utf-16", "\xff\xfea\x00", "a"},
		{"utf-16le", "a\x00", "a"}, {"utf-7", "+AOQ-+-", "ä+"}, {`"utf-8"`, "\xc3\xbc", "ü"}, {" charset=utf-8 ", "\xc3\xbc", "ü"},
		{"x-gbk", "\xc4\xe3", "你"}, {"cp437", "\x81", "ü"}, {"ibm850", "\x81", "ü"}, {"utf-32be", "\x00\x00\x00a", "a"},
		{"iso-2022-kr", "\x1b$)C\x0e>H3g\x0fx\n\x0e>H\n>H", "안녕x\n안\n>H"}, {"windows-874", "\xa1", "ก"}, {"tis-620", "\xa1", "ก"}, {"iso-8859-8-i", "\xe0", "א"}, {"ansi_x3.110-1983", "\xfc", "ü"},
	} {
		e := Charset(c.label)
		if e == nil {
			t.Errorf("charset %q is unknown", c.label)
			continue
		}
		if got := string(appendCharset(nil, []byte(c.octets), e, nil)); got != c.want {
			t.Errorf("%q in %s is %q, want %q", c.octets, c.label, got, c.want)
		}
	}
	for _, label := range []string{"", "x-none", "unknown-8bit", "iso-2022-cn", "replacement", strings.Repeat("x-", 1000)} {
		if e := Charset(label); e != nil {
			t.Errorf("charset %.20q is %v", label, e)
		}
	}
}

// TestCharsetsEverywhere sends text in each charset through a parameter, a header
// and a body. Sections of RFC 2231 and encoded-words cut it at every octet.
func TestCharsetsEverywhere(t *testing.T) {
	for _, c := range []struct{ text, labels string }{
		{"Grüße, São Tomé", "utf-8 iso-8859-1 iso-8859-15 windows-1252 macintosh ibm850 gb18030 utf-16 utf-16le utf-32be"},
		{"Zażółć gęślą", "utf-8 iso-8859-2 windows-1250 iso-8859-16"},
		{"Привет, мир", "utf-8 koi8-r koi8-u windows-1251 iso-8859-5 ibm866 x-mac-cyrillic gb2312 shift_jis"},
		{"Καλημέρα", "utf-8 iso-8859-7 windows-1253"},
		{"Günaydın İş", "utf-8 iso-8859-9 windows-1254"},
		{"Labdien ąž", "utf-8 iso-8859-13 windows-1257"},
		{"שלום", "utf-8 iso-8859-8 windows-1255"},
		{"مرحبا", "utf-8 iso-8859-6 windows-1256"},
		{"สวัสดี", "utf-8 tis-620 windows-874"},
		{"Chào bạn đ", "utf-8"},
		{"こんにちは、世界", "utf-8 iso-2022-jp shift_jis euc-jp cp932"},
		{"你好，世界", "utf-8 gb2312 gbk gb18030 hz-gb-2312 big5"},
		{"안녕하세요", "utf-8 euc-kr ks_c_5601-1987 cp949"},
	} {
		for label := range strings.FieldsSeq(c.labels) {
			t.Run(label, func(t *testing.T) {
				octets, err := Charset(label).NewEncoder().Bytes([]byte(c.text))
				if err != nil {
					t.Fatal(err)
				}
				d := []byte("attachment")
				for i, o := range octets {
					head := ""
					if i == 0 {
						head = label + "''"
					}
					d = fmt.Appendf(d, "; filename*%d*=%s%%%02X", i, head, o)
				}
				if got, bad := ParseDisposition(string(d)); got.Params.Get("filename") != c.text || len(bad) > 0 {
					t.Errorf("%q reads %q, %v", d, got.Params.Get("filename"), bad)
				}
				for i := range octets {
					words := fmt.Sprintf("=?%s?B?%s?=\r\n =?%s?B?%s?=", label, base64.StdEncoding.EncodeToString(octets[:i]),
						label, base64.StdEncoding.EncodeToString(octets[i:]))
					if got := DecodeWords(words); got != c.text {
						t.Fatalf("%q reads %q", words, got)
					}
				}
				m := Parse(fmt.Appendf(nil, "Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n%s",
					label, base64.StdEncoding.EncodeToString(octets)), nil)
				if got, err := m.Root().ReadText(-1); got != c.text || err != nil {
					t.Errorf("the body reads %q, %v", got, err)
				}
			})
		}
	}
}

func TestCharsetOptions(t *testing.T) {
	o := &Options{Fallback: "iso-8859-2", Charset: func(label string) encoding.Encoding {
		if label == "x-mine" {
			return charmap.KOI8R
		}
		return nil
	}}
	m := Parse([]byte("Subject: \xb1\r\nX: =?x-mine?Q?=C1?=\r\nContent-Type: text/plain; charset=x-mine\r\n\r\n\xc1"), o)
	h := m.Header()
	if got := h.Text("Subject") + h.Text("X"); got != "ąа" {
		t.Errorf("header %q", got)
	}
	if got, _ := m.Root().ReadText(-1); got != "а" {
		t.Errorf("text %q", got)
	}
}

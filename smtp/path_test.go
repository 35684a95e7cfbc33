package smtp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

func TestRFC5321_4_1_2_Path(t *testing.T) {
	l64, l65 := strings.Repeat("l", 64), strings.Repeat("l", 65)
	domain := func(n int) string { // of n octets, in labels of at most 63
		return strings.Repeat(strings.Repeat("d", 59)+".", n/60) + strings.Repeat("e", n%60)
	}
	tests := []struct {
		name, in string
		local    string
		domain   string
		bad      bool
	}{
		{"null: 21", "<>", "", "", false},
		{"plain", "<a@d.example>", "a", "d.example", false},
		{"case is kept", "<JoE@D.Example>", "JoE", "D.Example", false},
		{"one label", "<a@localhost>", "a", "localhost", false},
		{"atext", "<!#$%&'*+-/=?^_`{|}~@d>", "!#$%&'*+-/=?^_`{|}~", "d", false},
		{"postmaster: 22", "<postmaster>", "postmaster", "", false},
		{"postmaster in any case: 22", "<PostMaster>", "PostMaster", "", false},
		{"postmaster with a domain", "<postmaster@d>", "postmaster", "d", false},
		{"source route: 23", "<@a,@b:u@d>", "u", "d", false},
		{"source route of one: 23", "<@a.example:u@d>", "u", "d", false},
		{"route and quotes: 23", `<@a:"x:y"@d>`, "x:y", "d", false},
		{"quoted space: 24", `<"a b"@d>`, "a b", "d", false},
		{"quoted quote: 24", `<"a\"b"@d>`, `a"b`, "d", false},
		{"quoted backslash: 24", `<"a\\b"@d>`, `a\b`, "d", false},
		{"needless quoted pair: 24", `<"a\b\c"@d>`, "abc", "d", false},
		{"needless quotes: 24", `<"joe"@d>`, "joe", "d", false},
		{"at sign in quotes: 24", `<"a@b"@d>`, "a@b", "d", false},
		{"empty quotes: 24", `<""@d>`, "", "d", false},
		{"> in quotes: 25", `<"a> BODY=8BITMIME"@d>`, "a> BODY=8BITMIME", "d", false},
		{"> behind a quoted quote: 25", `<"a\">"@d>`, `a">`, "d", false},
		{"dots in quotes: 27", `<".a..b."@d>`, ".a..b.", "d", false},
		{"local part of 64: 28", "<" + l64 + "@d>", l64, "d", false},
		{"path of 256: 28", "<" + l64 + "@" + domain(256-3-64) + ">", l64, domain(256 - 3 - 64), false},
		{"domain of 252: 28", "<u@" + domain(252) + ">", "u", domain(252), false},
		{"IPv4: 29", "<a@[127.0.0.1]>", "a", "[127.0.0.1]", false},
		{"IPv6: 29", "<a@[IPv6:::1]>", "a", "[IPv6:::1]", false},
		{"IPv6 in any case: 29", "<a@[ipv6:2001:db8::7]>", "a", "[ipv6:2001:db8::7]", false},
		{"IPv6 with IPv4: 29", "<a@[IPv6:::ffff:192.0.2.1]>", "a", "[IPv6:::ffff:192.0.2.1]", false},
		{"general literal: 29", "<a@[x400:c=de;a=b]>", "a", "[x400:c=de;a=b]", false},
		{"digits only", "<a@123.45>", "a", "123.45", false},
		{"hyphen inside a label", "<a@b-c.d>", "a", "b-c.d", false},
		{"underscore", "<a@b_c.d>", "", "", true},

		{"no brackets", "a@d", "", "", true},
		{"empty", "", "", "", true},
		{"no end", "<a@d", "", "", true},
		{"no start", "a@d>", "", "", true},
		{"text behind", "<a@d>x", "", "", true},
		{"two paths", "<a@d><b@d>", "", "", true},
		{"no domain", "<a>", "", "", true},
		{"no domain behind @", "<a@>", "", "", true},
		{"no local part", "<@d>", "", "", true},
		{"at sign alone", "<@>", "", "", true},
		{"quotes alone are not the null path", `<"">`, "", "", true},
		{"route and quotes alone", `<@a:"">`, "", "", true},
		{"quoted without domain", `<"a b">`, "", "", true},
		{"two at signs", "<a@b@c>", "", "", true},
		{"space around: mail from people", "< a@d >", "", "", true},
		{"space inside", "<a b@d>", "", "", true},
		{"open quote", `<"a@d>`, "", "", true},
		{"text behind quotes", `<"a"b@d>`, "", "", true},
		{"quote in an atom", `<a"b"@d>`, "", "", true},
		{"angle bracket in an atom", "<a<b@d>", "", "", true},
		{"comma", "<a,b@d>", "", "", true},
		{"route without mailbox: 23", "<@a:>", "", "", true},
		{"route without colon: 23", "<@a,@b>", "", "", true},
		{"route with a bad hop: 23", "<@a,b:u@d>", "", "", true},
		{"route with an empty hop: 23", "<@a,:u@d>", "", "", true},
		{"route with a bad domain: 23", "<@-a:u@d>", "", "", true},
		{"control in quotes: 26", "<\"a\x01\"@d>", "", "", true},
		{"quoted control: 26", "<\"a\\\x01\"@d>", "", "", true},
		{"tab in quotes: 26", "<\"a\t\"@d>", "", "", true},
		{"NUL: 26", "<\"\x00\"@d>", "", "", true},
		{"DEL: 26", "<\"\x7f\"@d>", "", "", true},
		{"CR: 26", "<\"a\rb\"@d>", "", "", true},
		{"LF: 26", "<\"a\\\nb\"@d>", "", "", true},
		{"control in an atom: 26", "<a\x01@d>", "", "", true},
		{"NUL in the domain: 26", "<a@d\x00>", "", "", true},
		{"dot first: 27", "<.a@d>", "", "", true},
		{"dot last: 27", "<a.@d>", "", "", true},
		{"two dots: 27", "<a..b@d>", "", "", true},
		{"hyphen first: 27", "<a@-d>", "", "", true},
		{"hyphen last: 27", "<a@d->", "", "", true},
		{"hyphen last in a label: 27", "<a@d-.e>", "", "", true},
		{"empty label: 27", "<a@d..e>", "", "", true},
		{"dot first in the domain: 27", "<a@.d>", "", "", true},
		{"dot last in the domain: 27", "<a@d.>", "", "", true},
		{"local part of 65: 28", "<" + l65 + "@d>", "", "", true},
		{"domain of 256: 28", "<u@" + domain(256) + ">", "", "", true},
		{"path of 257: 28", "<" + l64 + "@" + domain(257-3-64) + ">", "", "", true},
		{"IPv4 of nonsense: 29", "<a@[999.1.1.1]>", "", "", true},
		{"IPv4 short: 29", "<a@[127.1]>", "", "", true},
		{"IPv4 without brackets inside: 29", "<a@[127.0.0.1>", "", "", true},
		{"IPv4 under the tag: 29", "<a@[IPv6:127.0.0.1]>", "", "", true},
		{"IPv6 without tag: 29", "<a@[::1]>", "", "", true},
		{"IPv6 with zone: 29", "<a@[IPv6:fe80::1%eth0]>", "", "", true},
		{"IPv6 of nonsense: 29", "<a@[IPv6:::1::2]>", "", "", true},
		{"empty literal: 29", "<a@[]>", "", "", true},
		{"literal without content: 29", "<a@[x:]>", "", "", true},
		{"literal with a space: 29", "<a@[x:a b]>", "", "", true},
		{"bracket inside a literal: 29", "<a@[x:[y]>", "", "", true},
		{"angle bracket inside a literal", "<a@[x:y>z]>", "", "", true},
		{"text behind a literal: 29", "<a@[127.0.0.1]x>", "", "", true},
		{"percent-hack is a local part", "<a%b@d>", "a%b", "d", false},
		{"bang path is a local part", "<h!a@d>", "h!a", "d", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := smtp.Path{Local: tt.local, Domain: tt.domain}
			for _, utf8 := range []bool{false, true} {
				got, err := smtp.ParsePath([]byte(tt.in), utf8)
				if (err != nil) != tt.bad || got != want {
					t.Errorf("ParsePath(%q, %v) = %+v, %v; want %+v, bad %v", tt.in, utf8, got, err, want, tt.bad)
				}
				if _, isSyntax := errors.AsType[*smtp.SyntaxError](err); tt.bad && !isSyntax {
					t.Errorf("ParsePath(%q, %v): error %T %v, want *SyntaxError", tt.in, utf8, err, err)
				}
			}
		})
	}
}

// RFC 6531, section 3.3. Cases 35 and 36.
func TestRFC6531_3_3_PathUTF8(t *testing.T) {
	tests := []struct {
		name, in string
		want     smtp.Path
		bad      bool // with SMTPUTF8 too
	}{
		{"local part", "<j\u00f6@d>", smtp.Path{Local: "j\u00f6", Domain: "d"}, false},
		{"domain", "<a@\u4f8b\u3048.example>", smtp.Path{Local: "a", Domain: "\u4f8b\u3048.example"}, false},
		{"quoted", "<\"j \u00f6\"@d>", smtp.Path{Local: "j \u00f6", Domain: "d"}, false},
		{"beyond the BMP", "<\U0001f600@d>", smtp.Path{Local: "\U0001f600", Domain: "d"}, false},
		{"in a dropped route", "<@\u00f6.example:a@d>", smtp.Path{Local: "a", Domain: "d"}, false},
		{"invalid", "<j\xff@d>", smtp.Path{}, true},
		{"cut short", "<j\xc3@d>", smtp.Path{}, true},
		{"overlong slash", "<j\xc0\xaf@d>", smtp.Path{}, true},
		{"overlong NUL", "<j\xc0\x80@d>", smtp.Path{}, true},
		{"surrogate", "<j\xed\xa0\x80@d>", smtp.Path{}, true},
		{"over U+10FFFF", "<j\xf4\x90\x80\x80@d>", smtp.Path{}, true},
		{"invalid in the domain", "<a@d\xff>", smtp.Path{}, true},
		{"invalid in quotes", "<\"\xff\"@d>", smtp.Path{}, true},
		{"invalid in a dropped route", "<@d\xff:a@d>", smtp.Path{}, true},
		{"65 octets of 33 characters", "<" + strings.Repeat("\u00f6", 32) + "x@d>", smtp.Path{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := smtp.ParsePath([]byte(tt.in), true)
			if (err != nil) != tt.bad || got != tt.want {
				t.Errorf("with SMTPUTF8: %+v, %v", got, err)
			}
			got, err = smtp.ParsePath([]byte(tt.in), false)
			if got != (smtp.Path{}) || err == nil || (err == smtp.ErrUTF8) == tt.bad {
				t.Errorf("without SMTPUTF8: %+v, %v; want ErrUTF8 only if it would be right with it", got, err)
			}
		})
	}
}

func TestAppendPath(t *testing.T) {
	tests := []struct {
		name string
		in   smtp.Path
		want string // "": refused
	}{
		{"null", smtp.Path{}, "<>"},
		{"plain", smtp.Path{Local: "a", Domain: "d"}, "<a@d>"},
		{"postmaster", smtp.Path{Local: "Postmaster"}, "<Postmaster>"},
		{"quoted", smtp.Path{Local: "a b", Domain: "d"}, `<"a b"@d>`},
		{"escaped", smtp.Path{Local: `a"\`, Domain: "d"}, `<"a\"\\"@d>`},
		{"dots", smtp.Path{Local: "a..b", Domain: "d"}, `<"a..b"@d>`},
		{"empty local part", smtp.Path{Domain: "d"}, `<""@d>`},
		{"literal", smtp.Path{Local: "a", Domain: "[IPv6:::1]"}, "<a@[IPv6:::1]>"},
		{"UTF-8", smtp.Path{Local: "\u00f6", Domain: "\u00f6.example"}, "<\u00f6@\u00f6.example>"},
		{"a bracket in the local part is quoted", smtp.Path{Local: "a>", Domain: "d"}, `<"a>"@d>`},

		{"CRLF in the local part: 80", smtp.Path{Local: "a\r\nRSET", Domain: "d"}, ""},
		{"LF", smtp.Path{Local: "a\n", Domain: "d"}, ""},
		{"NUL", smtp.Path{Local: "a\x00", Domain: "d"}, ""},
		{"CRLF in the domain: 80", smtp.Path{Local: "a", Domain: "d\r\nRSET"}, ""},
		{"> in the domain: 80", smtp.Path{Local: "a", Domain: "d> SIZE=1"}, ""},
		{"> in a literal: 80", smtp.Path{Local: "a", Domain: "[x:>]"}, ""},
		{"< in a literal: 80", smtp.Path{Local: "a", Domain: "[x:<]"}, ""},
		{"space in the domain: 80", smtp.Path{Local: "a", Domain: "d e"}, ""},
		{"comma in the domain", smtp.Path{Local: "a", Domain: "d,e"}, ""},
		{"at sign in the domain", smtp.Path{Local: "a", Domain: "d@e"}, ""},
		{"no domain", smtp.Path{Local: "a"}, ""},
		{"invalid UTF-8", smtp.Path{Local: "\xff", Domain: "d"}, ""},
		{"65 octets", smtp.Path{Local: strings.Repeat("l", 65), Domain: "d"}, ""},
		{"too long by its quotes", smtp.Path{Local: strings.Repeat(`"`, 64), Domain: strings.Repeat("d", 130)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := smtp.AppendPath([]byte("x"), tt.in)
			if string(got) != "x"+tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("AppendPath(%+v) = %q, %v; want %q", tt.in, got[1:], err, tt.want)
			}
			if s := tt.in.String(); tt.want != "" && "<"+strings.Trim(s, "<>") != strings.TrimSuffix(tt.want, ">") && tt.in.Local != "a>" {
				t.Errorf("String() = %q, want as in %q", s, tt.want)
			}
		})
	}
}

func TestParseMailbox(t *testing.T) {
	tests := []struct {
		name, in string
		want     smtp.Path
		bad      bool
	}{
		{"plain", "a@d", smtp.Path{Local: "a", Domain: "d"}, false},
		{"quoted", `"a b"@d`, smtp.Path{Local: "a b", Domain: "d"}, false},
		{"UTF-8", "\u00f6@d", smtp.Path{Local: "\u00f6", Domain: "d"}, false},
		{"empty", "", smtp.Path{}, true},
		{"null path", "<>", smtp.Path{}, true},
		{"brackets", "<a@d>", smtp.Path{}, true},
		{"postmaster needs a domain here", "postmaster", smtp.Path{}, true},
		{"open quote", `"a@d`, smtp.Path{}, true},
		{"empty quotes", `""`, smtp.Path{}, true},
		{"route", "@a:b@c", smtp.Path{}, true},
		{"display name", "A <a@d>", smtp.Path{}, true},
		{"CRLF", "a@d\r\n", smtp.Path{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := smtp.ParseMailbox(tt.in)
			if got != tt.want || (err != nil) != tt.bad {
				t.Errorf("ParseMailbox(%q) = %+v, %v", tt.in, got, err)
			}
		})
	}
}

// Errors show what came, but never as it came.
func TestSyntaxErrorQuotes(t *testing.T) {
	_, err := smtp.ParsePath([]byte("<\"\x1b[31m\r\n"+strings.Repeat("x", 500)), false)
	if s := err.Error(); strings.ContainsAny(s, "\x1b\r\n") || len(s) > 200 {
		t.Errorf("Error() = %q", s)
	}
}

// What is read can be written and is then read as the same; what is written
// holds nothing that ends a line or the path. Strict accepts no more than lenient.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"<>", "<a@d>", "<postmaster>", `<"a\" >b"@d.e>`, "<@a,@b:c@[IPv6:::1]>", "<\u00f6@\u00f6>", `<"">`, "<a@[x:>]>", "<a@d> SIZE=1", `<""@d>`,
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, utf8 bool) {
		p, err := smtp.ParsePath(b, utf8)
		if err != nil {
			if p != (smtp.Path{}) {
				t.Fatalf("%q: an error and %+v", b, p)
			}
			return
		}
		if p.IsNull() && string(b) != "<>" {
			t.Fatalf("%q is taken for the null path", b)
		}
		wire, err := smtp.AppendPath(nil, p)
		if err != nil {
			t.Fatalf("%q was read as %+v, which cannot be written: %v", b, p, err)
		}
		if got, err := smtp.ParsePath(wire, utf8); err != nil || got != p {
			t.Fatalf("%q was read as %+v, written as %q, read as %+v, %v", b, p, wire, got, err)
		}
		if len(wire) > 256 {
			t.Fatalf("%q: %d octets", wire, len(wire))
		}
		for _, c := range wire {
			if c < 0x20 || c == 0x7f || c >= 0x80 && !utf8 {
				t.Fatalf("%q was read from %q", wire, b)
			}
		}
		if lenient, err := smtp.ParsePath(b, true); err != nil || lenient != p {
			t.Fatalf("%q: without SMTPUTF8 %+v, with it %+v, %v", b, p, lenient, err)
		}
		if p.Domain != "" {
			if m, err := smtp.ParseMailbox(p.String()); err != nil || m != p {
				t.Fatalf("%+v: String() %q is read as %+v, %v", p, p.String(), m, err)
			}
		}
	})
}

// A path of any octets is written so that it is read as itself, or refused.
func FuzzPathWrite(f *testing.F) {
	f.Add("a", "d")
	f.Add("a b\"", "[x:>]")
	f.Add("a\r\n", "d> X")
	f.Fuzz(func(t *testing.T, local, domain string) {
		p := smtp.Path{Local: local, Domain: domain}
		wire, err := smtp.AppendPath(nil, p)
		if err != nil {
			return
		}
		if got, err := smtp.ParsePath(wire, true); err != nil || got != p {
			t.Fatalf("%+v was written as %q, and read as %+v, %v", p, wire, got, err)
		}
	})
}

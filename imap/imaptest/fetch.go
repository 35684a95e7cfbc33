package imaptest

import (
	"fmt"
	"strings"
)

const someHeader = "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: a long\r\n subject\r\nX-Test: one\r\nreceived: by b\r\nReceived: by a\r\n"

var fetchCases = []Case{
	{ID: "FET-1", Title: "numbers of partial FETCH do not overflow", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5"},
		run: func(d *dialogue) {
			m := numbered(1)[0]
			s := d.selected("A", d.box(m))
			for _, p := range []string{"5.9223372036854775807", "5.9223372036854775803", "5.4294967295", "1.18446744073709551615"} {
				if a := s.want("FETCH 1 (BODY.PEEK[]<"+p+">)", "OK", "BAD"); a.name == "OK" {
					origin := p[:1]
					s.wantIn(a, 1, "BODY[]<"+origin+">", m[origin[0]-'0':])
				}
			}
			for _, p := range []string{"9223372036854775807.10", "4294967295.4294967295", "18446744073709551615.1"} {
				if a := s.want("FETCH 1 (BODY.PEEK[]<"+p+">)", "OK", "BAD"); a.name == "OK" {
					origin, _, _ := strings.Cut(p, ".")
					s.wantIn(a, 1, "BODY[]<"+origin+">", "")
				}
			}
		}},
	{ID: "FET-2", Title: "parts of a section begin where they say", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5"},
		run: func(d *dialogue) {
			m := numbered(1)[0]
			s := d.selected("A", d.box(m))
			n := len(m)
			for _, row := range []struct {
				from, count int
				want        string
			}{{0, 5, m[:5]}, {3, 4, m[3:7]}, {n - 2, 100, m[n-2:]}, {n, 1, ""}, {n + 100, 5, ""}, {0, n, m}, {0, 100_000, m}} {
				a := s.ok(fmt.Sprintf("FETCH 1 (BODY.PEEK[]<%d.%d> RFC822.SIZE)", row.from, row.count))
				s.wantIn(a, 1, fmt.Sprintf("BODY[]<%d>", row.from), row.want)
				s.wantIn(a, 1, "RFC822.SIZE", fmt.Sprint(n))
			}
			a := s.ok("FETCH 1 (BODY.PEEK[TEXT]<5.3>)")
			s.wantIn(a, 1, "BODY[TEXT]<5>", "of ")
		}},
	{ID: "FET-2b", Title: "what is no part is refused", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.bad("FETCH 1 (BODY.PEEK[]<0.0>)", "FETCH 1 (BODY.PEEK[]<5>)", "FETCH 1 (BODY.PEEK[]<-1.5>)", "FETCH 1 (BODY.PEEK[]<1.>)", "FETCH 1 (BODY.PEEK[]<.5>)", "FETCH 1 (BODY.PEEK[]<1.2)")
		}},
	{ID: "FET-3", Title: "a part that is not there is NIL or empty, and the rest of the row is right", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5.1"},
		run: func(d *dialogue) {
			m := numbered(1)[0]
			s := d.selected("A", d.box(m))
			for _, section := range []string{"2", "1.1", "1.HEADER", "9.9.9", "2.MIME", "1.TEXT"} {
				a := s.ok("FETCH 1 (UID BODY.PEEK[" + section + "] RFC822.SIZE)")
				v, ok := a.item(1, "BODY["+section+"]")
				if !d.over() && (!ok || v.text != "" && v.kind != null) {
					s.fail("BODY[%s] is %s, want NIL or an empty string", section, v)
				}
				s.wantIn(a, 1, "UID", "1")
				s.wantIn(a, 1, "RFC822.SIZE", fmt.Sprint(len(m)))
			}
			s.wantItem("1", 1, "BODY.PEEK[1]", "body of m1\r\n")
		}},
	{ID: "FET-4", Title: "sections that are none are refused; 1.MIME of a single part is its header", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5.1"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(mail("x", "Subject: s", "Content-Type: text/plain", "MIME-Version: 1.0")))
			s.bad("FETCH 1 (BODY.PEEK[MIME])", "FETCH 1 (BODY.PEEK[0])", "FETCH 1 (BODY.PEEK[1.0])", "FETCH 1 (BODY.PEEK[1.])", "FETCH 1 (BODY.PEEK[.1])", "FETCH 1 (BODY.PEEK[HEADER.FIELDS])", "FETCH 1 (BODY.PEEK[HEADER.FIELDS ()])", "FETCH 1 (BODY.PEEK[XYZZY])", "FETCH 1 (BODY.PEEK[1", "FETCH 1 (XYZZY)", "FETCH 1 ()", "FETCH 1", "FETCH 1 (FAST)", "FETCH 1 (BODY.PEEK[4294967296])")
			a := s.ok("FETCH 1 (BODY.PEEK[1.MIME])")
			if v, ok := a.item(1, "BODY[1.MIME]"); !d.over() && (!ok || !strings.Contains(v.text, "Content-Type: text/plain\r\n")) {
				s.fail("BODY[1.MIME] is %s", v)
			}
		}},
	{ID: "FET-6", Title: "header fields come whole, in order, and .NOT is the rest", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5.1"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(someHeader+"\r\nx\r\n"))
			for _, row := range []struct{ section, want string }{
				{"HEADER", someHeader + "\r\n"},
				{"HEADER.FIELDS (X-NONE)", "\r\n"},
				{"HEADER.FIELDS (SUBJECT)", "Subject: a long\r\n subject\r\n\r\n"},
				{"HEADER.FIELDS (x-test From)", "From: Ann <ann@example.org>\r\nX-Test: one\r\n\r\n"},
				{"HEADER.FIELDS (RECEIVED)", "received: by b\r\nReceived: by a\r\n\r\n"},
				{"HEADER.FIELDS.NOT (received subject FROM)", "To: Bob <bob@example.org>\r\nX-Test: one\r\n\r\n"},
				{"HEADER.FIELDS.NOT (X-NONE)", someHeader + "\r\n"},
				{`HEADER.FIELDS ("to")`, "To: Bob <bob@example.org>\r\n\r\n"},
			} {
				rows := s.ok("FETCH 1 (BODY.PEEK[" + row.section + "])").all("FETCH")
				if d.over() {
					return
				}
				if len(rows) != 1 || len(rows[0].args[0].list) != 2 || rows[0].args[0].list[1].text != row.want {
					s.fail("BODY[%s] is not %.200q", row.section, row.want)
				}
			}
		}},
	{ID: "FET-12", Title: "RFC822.SIZE is the octets of BODY[], and parts of it make the whole", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 2.3.4"},
		run: func(d *dialogue) {
			messages := []string{numbered(1)[0], "Subject: bare\n\none\ntwo\n", "no header at all", "\r\n", "Subject: x\r\n\r\n" + strings.Repeat("line\r\n", 500), "Subject: x\r\n\r\nno end", "Subject: only a header\r\n"}
			s := d.selected("A", d.box(messages...))
			for i := range messages {
				n := int64(i + 1)
				a := s.ok(fmt.Sprintf("FETCH %d (RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT])", n))
				whole, _ := a.item(n, "BODY[]")
				size, _ := a.item(n, "RFC822.SIZE")
				header, _ := a.item(n, "BODY[HEADER]")
				text, _ := a.item(n, "BODY[TEXT]")
				if !d.over() && size.number() != int64(len(whole.text)) {
					s.fail("message %d: RFC822.SIZE %s, and BODY[] has %d octets", n, size, len(whole.text))
				}
				if !d.over() && header.text+text.text != whole.text && !strings.HasSuffix(messages[i], "only a header\r\n") && messages[i] != "no header at all" {
					s.fail("message %d: header %.60q and text %.60q are not the whole %.60q", n, header.text, text.text, whole.text)
				}
				var joined strings.Builder
				for from := 0; from < len(whole.text); from += 700 {
					v, _ := s.ok(fmt.Sprintf("FETCH %d (BODY.PEEK[]<%d.700>)", n, from)).item(n, fmt.Sprintf("BODY[]<%d>", from))
					joined.WriteString(v.text)
				}
				if !d.over() && joined.String() != whole.text {
					s.fail("message %d: parts make %d octets of %d", n, joined.Len(), len(whole.text))
				}
			}
			s.wantItem("1", 1, "BODY.PEEK[]", messages[0])
		}},
	{ID: "FET-14", Title: "BINARY decodes", Level: Must, Harm: Changes, Refs: []string{"RFC 3516, section 4.3"}, Needs: []string{"BINARY"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(
				mail("aGVsbG8gd29ybGQ=\r\n", "Content-Type: text/plain", "Content-Transfer-Encoding: base64", "MIME-Version: 1.0"),
				mail("AAEC\r\n", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", "MIME-Version: 1.0"),
				mail("x\r\n", "Content-Type: text/plain", "Content-Transfer-Encoding: x-unknown", "MIME-Version: 1.0"),
				mail("a=\r\nb=3Dc\r\n", "Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable", "MIME-Version: 1.0"),
			))
			s.wantItem("1", 1, "BINARY.PEEK[1]", "hello world")
			s.wantItem("1", 1, "BINARY.SIZE[1]", "11")
			s.wantIn(s.ok("FETCH 1 (BINARY.PEEK[1]<6.3>)"), 1, "BINARY[1]<6>", "wor")
			if v := s.wantItem("2", 2, "BINARY.PEEK[1]", "\x00\x01\x02"); !d.over() && v.kind != literal8 {
				s.fail("NUL is not in a literal8")
			}
			s.wantItem("2", 2, "BINARY.SIZE[1]", "3")
			s.want("FETCH 3 (BINARY.PEEK[1])", "NO [UNKNOWN-CTE]")
			s.wantItem("4", 4, "BINARY.PEEK[1]", "ab=c\r\n")
			s.wantFlags(1, "")
			s.ok("FETCH 1 (BINARY[1])")
			s.wantFlags(1, `\Seen`)
		}},
	{ID: "FET-15", Title: `BODY[] sets \Seen and says so, PEEK does not`, Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5"},
		run: func(d *dialogue) {
			_, a, b := d.two(5)
			a.ok("FETCH 1 (BODY.PEEK[] RFC822.HEADER ENVELOPE BODYSTRUCTURE)")
			a.wantFlags(1, "")
			for i, item := range []string{"BODY[]", "BODY[TEXT]<0.1>", "RFC822", "RFC822.TEXT", "FLAGS BODY[1]"} {
				n := int64(i + 1)
				got := a.ok(fmt.Sprintf("FETCH %d (%s)", n, item))
				if f := got.flags(n); !d.over() && f != `\SEEN` {
					a.fail("%s of message %d tells the flags %q", item, n, f)
				}
			}
			got := b.ok("NOOP")
			for n := int64(1); n <= 5; n++ {
				if f := got.flags(n); !d.over() && f != `\SEEN` {
					b.fail("flags of message %d are told as %q", n, f)
				}
			}
		}},
	{ID: "FET-17", Title: "a binary part comes back, as BODY[] without NUL and as BINARY as it was", Level: Must, Harm: Changes, Refs: []string{"RFC 3516, section 4.4", "RFC 3516, section 6"}, Needs: []string{"BINARY"},
		run: func(d *dialogue) {
			box, s := d.box(), d.open("A")
			a := s.want("APPEND "+box+" ~"+lit(mail("a\x00b\x01\xff", "MIME-Version: 1.0", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: binary")), "OK", "NO [UNKNOWN-CTE]")
			if a.name == "NO" {
				return
			}
			s.ok("SELECT " + box)
			got := s.ok("FETCH 1 (BODY.PEEK[1] BINARY.PEEK[1] BINARY.SIZE[1] BODYSTRUCTURE)")
			s.wantIn(got, 1, "BINARY[1]", "a\x00b\x01\xff")
			s.wantIn(got, 1, "BINARY.SIZE[1]", "5")
			if v, _ := got.item(1, "BODYSTRUCTURE"); !d.over() && !strings.EqualFold(v.at(5).text, "base64") {
				s.fail("the encoding is %s", v.at(5))
			}
		}},
	{ID: "FET-19", Title: "macros and names of before are taken", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5", "RFC 3501, section 6.4.5"},
		run: func(d *dialogue) {
			m := numbered(1)[0]
			header, text, _ := strings.Cut(m, "\r\n\r\n")
			s := d.selected("A", d.box(m))
			for _, row := range []struct {
				macro string
				items []string
			}{
				{"FAST", []string{"FLAGS", "INTERNALDATE", "RFC822.SIZE"}},
				{"ALL", []string{"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}},
				{"FULL", []string{"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}},
				{"(UID fast)", nil},
			} {
				if row.items == nil {
					s.bad("FETCH 1 " + row.macro)
					continue
				}
				a := s.ok("FETCH 1 " + row.macro)
				for _, item := range row.items {
					if _, ok := a.item(1, item); !ok && !d.over() {
						s.fail("%s has no %s", row.macro, item)
					}
				}
			}
			s.wantItem("1", 1, "RFC822.HEADER", header+"\r\n\r\n")
			s.wantItem("1", 1, "RFC822.TEXT", text)
			s.wantItem("1", 1, "RFC822", m)
			s.wantIn(s.ok("UID FETCH 1 FLAGS"), 1, "UID", "1")
		}},
}

package imaptest

import (
	"fmt"
	"strings"
)

// nested is RFC 9051's example of part numbers, more or less: text, an image, a
// message that has parts of its own, and a digest.
const (
	innermost = "Subject: innermost\r\n\r\ndeep\r\n"
	inner     = "From: in@example.org\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n" +
		"--in\r\nContent-Type: text/html\r\n\r\n<p>\r\n--in\r\nContent-Type: message/rfc822\r\n\r\n" + innermost + "\r\n--in--\r\n"
	nested = "From: out@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"out\"\r\n\r\npreamble\r\n" +
		"--out\r\n\r\nfirst\r\n--out\r\nContent-Type: image/png; name=x.png\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\nContent-MD5: Q2hlY2s=\r\nContent-Language: de, en\r\nContent-Location: http://example.org/\r\nContent-ID: <i@example.org>\r\nContent-Description: d\r\n\r\nAAAA\r\n" +
		"--out\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--out\r\nContent-Type: multipart/digest; boundary=dig\r\n\r\n--dig\r\n\r\n" + innermost + "\r\n--dig--\r\n--out--\r\nepilogue\r\n"
)

var structureCases = []Case{
	{ID: "FET-5", Title: "parts are numbered, also those of messages in messages", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.5.1"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(nested, "Subject: root\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n"+innermost))
			header := func(m string) string { h, _, _ := strings.Cut(m, "\r\n\r\n"); return h + "\r\n\r\n" }
			text := func(m string) string { return strings.TrimPrefix(m, header(m)) }
			for _, row := range []struct {
				n             int64
				section, want string
			}{
				{1, "1", "first"}, {1, "2", "AAAA"}, {1, "3", inner}, {1, "3.HEADER", header(inner)}, {1, "3.TEXT", text(inner)}, {1, "3.1", "<p>"}, {1, "3.1.MIME", "Content-Type: text/html\r\n\r\n"},
				{1, "3.2", innermost}, {1, "3.2.HEADER", header(innermost)}, {1, "3.2.TEXT", "deep\r\n"}, {1, "3.2.1", "deep\r\n"}, {1, "3.HEADER.FIELDS (SUBJECT)", "Subject: inner\r\n\r\n"},
				{1, "4.1", innermost}, {1, "4.1.HEADER", header(innermost)}, {1, "4.1.1", "deep\r\n"}, {1, "3.MIME", "Content-Type: message/rfc822\r\n\r\n"}, {1, "HEADER", header(nested)}, {1, "TEXT", text(nested)},
				{2, "1", innermost}, {2, "1.HEADER", header(innermost)}, {2, "1.1", "deep\r\n"}, {2, "1.TEXT", "deep\r\n"},
			} {
				rows := s.ok(fmt.Sprintf("FETCH %d (BODY.PEEK[%s])", row.n, row.section)).all("FETCH")
				if d.over() {
					return
				}
				if len(rows) != 1 || len(rows[0].args[0].list) != 2 {
					s.fail("no BODY[%s]", row.section)
				} else if got := rows[0].args[0].list[1].text; strings.TrimSuffix(got, "\r\n") != strings.TrimSuffix(row.want, "\r\n") {
					s.fail("BODY[%s] of message %d is %.200q, want %.200q", row.section, row.n, got, row.want)
				}
			}
		}},
	{ID: "FET-5b", Title: "BODYSTRUCTURE of messages in messages", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.2"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(nested))
			v, _ := s.ok("FETCH 1 (BODYSTRUCTURE)").item(1, "BODYSTRUCTURE")
			for _, row := range []struct {
				path []int
				want string
			}{
				{[]int{4}, `"mixed"`}, {[]int{5}, `("boundary" "out")`}, {[]int{0, 0}, `"text"`}, {[]int{0, 1}, `"plain"`}, {[]int{0, 2}, `("charset" "us-ascii")`}, {[]int{0, 5}, `"7bit"`},
				{[]int{1, 0}, `"image"`}, {[]int{1, 2}, `("name" "x.png")`}, {[]int{1, 3}, `"<i@example.org>"`}, {[]int{1, 4}, `"d"`}, {[]int{1, 5}, `"base64"`}, {[]int{1, 6}, "4"}, {[]int{1, 7}, `"Q2hlY2s="`}, {[]int{1, 8}, `("attachment" NIL)`}, {[]int{1, 9}, `("de" "en")`}, {[]int{1, 10}, `"http://example.org/"`},
				{[]int{2, 0}, `"message"`}, {[]int{2, 1}, `"rfc822"`}, {[]int{2, 7, 1}, `"inner"`}, {[]int{2, 8, 0, 0}, `"text"`}, {[]int{2, 8, 0, 1}, `"html"`}, {[]int{2, 8, 1, 7, 1}, `"innermost"`}, {[]int{2, 8, 1, 8, 0}, `"text"`}, {[]int{2, 8, 2}, `"mixed"`},
				{[]int{3, 0, 0}, `"message"`}, {[]int{3, 0, 7, 1}, `"innermost"`}, {[]int{3, 1}, `"digest"`},
			} {
				if got := v.at(row.path...).String(); !d.over() && !strings.EqualFold(got, row.want) {
					s.fail("at %v of BODYSTRUCTURE is %s, want %s", row.path, got, row.want)
				}
			}
		}},
	{ID: "FET-7", Title: "a multipart that is none has a grammatical structure", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			messages := []string{
				mail("x\r\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed"),
				mail("x\r\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"),
				mail("--b--\r\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"),
				mail("--b\r\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"),
				mail("", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"\""),
				mail("", "MIME-Version: 1.0", "Content-Type: message/rfc822"),
				mail("", "MIME-Version: 1.0", "Content-Type: ;;;", "Content-Disposition: ;x", "Content-Language: ,"),
				mail("x", "MIME-Version: 1.0", "Content-Type: text"),
			}
			s := d.selected("A", d.box(messages...))
			for i := range messages {
				n := int64(i + 1)
				a := s.ok(fmt.Sprintf("FETCH %d (BODYSTRUCTURE BODY ENVELOPE UID)", n))
				for _, item := range []string{"BODYSTRUCTURE", "BODY"} {
					v, ok := a.item(n, item)
					if err := checkBody(v); !d.over() && (!ok || err != nil) {
						s.fail("%s of message %d, %s: %v", item, n, v, err)
					}
				}
			}
		}},
	{ID: "FET-8", Title: "monsters have a structure in time", Level: Practice, Harm: Changes | Loads, Refs: []string{"RFC 9051, section 7.5.2"},
		run: func(d *dialogue) {
			var deep strings.Builder
			deep.WriteString("MIME-Version: 1.0\r\n")
			for i := range 600 {
				fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
			}
			var params strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&params, ";\r\n x*%d=a", i)
			}
			for _, m := range []string{
				deep.String() + "\r\nx\r\n",
				mail(strings.Repeat("--b\r\n\r\nx\r\n", 10_000)+"--b--\r\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"),
				mail("x\r\n", "MIME-Version: 1.0", "Content-Type: text/plain"+params.String()),
				mail("x\r\n", "To: "+strings.Repeat("a@example.org,\r\n ", 10_000)+"b@example.org"),
			} {
				s := d.selected("A", d.box(m))
				a := s.ok("FETCH 1 (BODYSTRUCTURE ENVELOPE)")
				v, _ := a.item(1, "BODYSTRUCTURE")
				if err := checkBody(v); !d.over() && err != nil {
					s.fail("BODYSTRUCTURE: %v", err)
				}
				s.mayEnd = true
				s.conn.Close()
			}
		}},
	{ID: "FET-9", Title: "ENVELOPE has groups, routes, literals, and the good addresses beside a bad one", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.2"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(mail("x",
				"From: Ann <@relay.example:ann@example.org>",
				"To: Friends: bob@example.org, Cid <cid@example.org>;, dan@[192.0.2.1]",
				"Cc: good@example.org, <<>>, fine@example.org",
				"Bcc: Nobody:;")))
			for _, row := range []struct {
				at   int
				want string
			}{
				{2, `(("Ann" "@relay.example" "ann" "example.org"))`},
				{5, `((NIL NIL "Friends" NIL) (NIL NIL "bob" "example.org") ("Cid" NIL "cid" "example.org") (NIL NIL NIL NIL) (NIL NIL "dan" "[192.0.2.1]"))`},
				{7, `((NIL NIL "Nobody" NIL) (NIL NIL NIL NIL))`},
			} {
				v, _ := s.ok("FETCH 1 (ENVELOPE)").item(1, "ENVELOPE")
				if got := v.at(row.at).String(); !d.over() && got != row.want {
					s.fail("at %d of ENVELOPE is %s, want %s", row.at, got, row.want)
				}
			}
			v, _ := s.ok("FETCH 1 (ENVELOPE)").item(1, "ENVELOPE")
			if got := v.at(6).String(); !d.over() && (!strings.Contains(got, `"good" "example.org"`) || !strings.Contains(got, `"fine" "example.org"`)) {
				s.fail("Cc with one bad address is %s", got)
			}
		}},
	{ID: "FET-10", Title: "ENVELOPE has fields as they are, and tells absent from empty", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.2"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(
				mail("x", "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)", "Subject: =?utf-8?Q?a?= b\r\n c", "From: a@example.org", "In-Reply-To: <r@example.org>", "Message-ID: <m@example.org>"),
				mail("x", "Date: no date", "Subject:", "From: a@example.org", "Sender: s@example.org", "Reply-To: r@example.org"),
				mail("x", "X: y")))
			addr := func(local string) string { return `((NIL NIL "` + local + `" "example.org"))` }
			for i, want := range [][]string{
				{`"Mon, 7 Feb 1994 21:52:25 -0800 (PST)"`, `"=?utf-8?Q?a?= b c"`, addr("a"), addr("a"), addr("a"), "NIL", "NIL", "NIL", `"<r@example.org>"`, `"<m@example.org>"`},
				{`"no date"`, `""`, addr("a"), addr("s"), addr("r"), "NIL", "NIL", "NIL", "NIL", "NIL"},
				{"NIL", "NIL", "NIL", "NIL", "NIL", "NIL", "NIL", "NIL", "NIL", "NIL"},
			} {
				n := int64(i + 1)
				v, _ := s.ok(fmt.Sprintf("FETCH %d (ENVELOPE)", n)).item(n, "ENVELOPE")
				if !d.over() && len(v.list) != 10 {
					s.fail("ENVELOPE of message %d has %d values", n, len(v.list))
				}
				for j, w := range want {
					if got := v.at(j).String(); !d.over() && got != w {
						s.fail("at %d of the ENVELOPE of message %d is %s, want %s", j, n, got, w)
					}
				}
			}
		}},
	{ID: "FET-11", Title: "8-bit octets are never in quotes, and NUL is nowhere", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 4.3.1", "RFC 6855, section 3"},
		run: func(d *dialogue) {
			s := d.open("A")
			box := d.box()
			if s.offers("UTF8=ACCEPT") {
				s.ok("ENABLE UTF8=ACCEPT")
				s.utf8 = true
			}
			m := "Subject: Gr\u00fc\u00dfe\r\nFrom: \u00c4nn <ann@example.org>\r\nContent-Type: text/plain; name=\"\u00fc\"\r\nMIME-Version: 1.0\r\n\r\n\u00fc\r\n"
			text := "APPEND " + box + " " + lit(m)
			if s.utf8 {
				text = "APPEND " + box + " UTF8 (~" + lit(m) + ")"
			}
			s.want(text, "OK", "NO")
			b := d.selected("B", box) // whose reader does not take 8 bits in quotes
			for n := int64(1); n <= int64(b.mirror.exists); n++ {
				b.ok(fmt.Sprintf("FETCH %d (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[])", n))
			}
		}},
	{ID: "FET-13", Title: "BODYSTRUCTURE has defaults, and all that there is", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.2"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(
				mail("one\r\ntwo\r\n", "Subject: s"),
				mail("--a b\r\n\r\nx\r\n--a b--\r\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed;\r\n boundary=\"a b\""),
				mail("x", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", `Content-Disposition: attachment; filename="a \"b\""`)))
			for _, row := range []struct {
				n    int64
				path []int
				want string
			}{
				{1, []int{0}, `"text"`}, {1, []int{1}, `"plain"`}, {1, []int{2}, `("charset" "us-ascii")`}, {1, []int{3}, "NIL"}, {1, []int{4}, "NIL"}, {1, []int{5}, `"7bit"`}, {1, []int{6}, "10"}, {1, []int{7}, "2"},
				{2, []int{0, 0}, `"text"`}, {2, []int{1}, `"mixed"`}, {2, []int{2}, `("boundary" "a b")`},
				{3, []int{2}, `("charset" "utf-8")`}, {3, []int{9}, `("attachment" ("filename" "a \"b\""))`},
			} {
				v, _ := s.ok(fmt.Sprintf("FETCH %d (BODYSTRUCTURE)", row.n)).item(row.n, "BODYSTRUCTURE")
				if got := v.at(row.path...).String(); !d.over() && !strings.EqualFold(got, row.want) {
					s.fail("at %v of the BODYSTRUCTURE of message %d is %s, want %s", row.path, row.n, got, row.want)
				}
			}
		}},
	{ID: "FET-18", Title: "parameters in pieces are put together", Level: Should, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.2", "RFC 2231, section 3"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(
				mail("x", "MIME-Version: 1.0", "Content-Type: text/plain", `Content-Disposition: attachment; filename*0="a"; filename*1="b"`),
				mail("x", "MIME-Version: 1.0", "Content-Type: text/plain", `Content-Disposition: attachment; filename*0*=utf-8''%C3%BC; filename*1="b"`)))
			v, _ := s.ok("FETCH 1 (BODYSTRUCTURE)").item(1, "BODYSTRUCTURE")
			if got := v.at(9, 1).String(); !d.over() && !strings.EqualFold(got, `("filename" "ab")`) {
				s.fail("the parameters are %s", got)
			}
			v, _ = s.ok("FETCH 2 (BODYSTRUCTURE)").item(2, "BODYSTRUCTURE")
			if got := v.at(9, 1); !d.over() && (len(got.list) != 2 || !strings.EqualFold(got.at(0).text, "filename*")) {
				s.fail("the encoded parameters are %s", got)
			}
		}},
}

// checkBody holds a BODY or BODYSTRUCTURE against the grammar: RFC 9051, section
// 9, body.
func checkBody(v value) error {
	for ; v.kind == list && len(v.list) > 0; v = v.list[0] { // the first part is enough to go down
		if v.list[0].kind != list {
			return checkPart(v)
		}
		parts := 0
		for parts < len(v.list) && v.list[parts].kind == list {
			if parts++; parts > 1 && v.list[parts-1].at(0).kind != list {
				if err := checkPart(v.list[parts-1]); err != nil {
					return err
				}
			}
		}
		if parts == len(v.list) || !isString(v.list[parts]) {
			return fmt.Errorf("a multipart without a subtype")
		}
		if len(v.list) > parts+1 && v.list[parts+1].kind != list && v.list[parts+1].kind != null {
			return fmt.Errorf("parameters of a multipart are %.100s", v.list[parts+1])
		}
	}
	return fmt.Errorf("no list, or an empty one")
}

func isString(v value) bool { return v.kind == quoted || v.kind == literal }

// checkPart checks a part that is no multipart.
func checkPart(v value) error {
	if len(v.list) < 7 || !isString(v.list[0]) || !isString(v.list[1]) {
		return fmt.Errorf("a part without type, subtype and five more: %.200s", v)
	}
	if p := v.list[2]; p.kind != null && (p.kind != list || len(p.list) == 0 || len(p.list)%2 != 0) {
		return fmt.Errorf("parameters are %.100s", p)
	}
	for _, i := range []int{3, 4} {
		if !v.list[i].isNString() {
			return fmt.Errorf("value %d of a part is %.100s", i, v.list[i])
		}
	}
	switch {
	case !isString(v.list[5]):
		return fmt.Errorf("the encoding is %.100s", v.list[5])
	case v.list[6].number() < 0:
		return fmt.Errorf("the size is %.100s", v.list[6])
	}
	switch kind := strings.ToLower(v.list[0].text); {
	case kind == "text" && v.at(7).number() < 0:
		return fmt.Errorf("a text without lines")
	case kind == "message" && strings.EqualFold(v.list[1].text, "rfc822") && (len(v.at(7).list) != 10 || v.at(8).kind != list || v.at(9).number() < 0):
		return fmt.Errorf("a message without ENVELOPE, body and lines")
	}
	return nil
}

package imaptest

import (
	"fmt"
	"strings"
	"time"
)

// wantDate wants INTERNALDATE to be this instant, whatever its zone.
func (s *session) wantDate(num int64, want string) {
	const layout = "_2-Jan-2006 15:04:05 -0700"
	v, _ := s.ok(fmt.Sprintf("FETCH %d (INTERNALDATE)", num)).item(num, "INTERNALDATE")
	got, err := time.Parse(layout, v.text)
	if w, _ := time.Parse(layout, want); !s.over() && (err != nil || !got.Equal(w) || len(v.text) != len(want) || v.kind != quoted) {
		s.fail("INTERNALDATE is %s, want %q", v, want)
	}
}

// mail writes a message: fields, an empty line, and a body.
func mail(body string, fields ...string) string {
	return strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

var searchCases = []Case{
	{ID: "SRCH-1", Title: "an unknown charset is NO [BADCHARSET]", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(2)...))
			s.want("SEARCH CHARSET XYZZY TEXT x", "NO [BADCHARSET]")
			s.wantFound("SEARCH CHARSET US-ASCII SUBJECT m2", "2")
			s.wantFound("SEARCH CHARSET utf-8 SUBJECT m2", "2")
		}},
	{ID: "SRCH-2", Title: "strings are looked for in decoded text, whatever the letter case", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(
				mail("x\r\n", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="),
				mail("a long li=\r\nne here\r\n", "Content-Transfer-Encoding: quoted-printable", "Content-Type: text/plain; charset=utf-8", "Subject: two"),
				mail("caf=E9\r\n", "Content-Transfer-Encoding: quoted-printable", "Content-Type: text/plain; charset=iso-8859-1", "Subject: three"),
				mail("aGVsbG8gd29ybGQ=\r\n", "Content-Transfer-Encoding: base64", "Content-Type: text/plain", "Subject: four"),
			))
			s.wantFound("SEARCH CHARSET UTF-8 SUBJECT "+lit("GRÜ"), "1")
			s.wantFound("SEARCH CHARSET UTF-8 BODY "+lit("long LINE"), "2")
			s.wantFound("SEARCH CHARSET UTF-8 BODY "+lit("CAFÉ"), "3")
			s.wantFound(`SEARCH BODY "Hello World"`, "4")
			s.wantFound(`SEARCH TEXT "hello world"`, "4")
			s.wantFound(`SEARCH SUBJECT "TWO"`, "2")
			s.wantFound(`SEARCH BODY "nowhere"`, "")
		}},
	{ID: "SRCH-3", Title: "all keys have to match, in any order, and however often", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(3)...))
			s.wantFound("SEARCH SMALLER 10 SINCE 1-Jan-2000", "")
			s.wantFound("SEARCH SINCE 1-Jan-2000 SMALLER 10", "")
			s.wantFound("SEARCH LARGER 10 SINCE 1-Jan-2000", "1 2 3")
			s.wantFound("SEARCH SUBJECT m SUBJECT 2", "2")
			s.wantFound("SEARCH SUBJECT m1 SUBJECT m2", "")
			s.wantFound("SEARCH 1:2 2:3", "2")
			s.wantFound("SEARCH SMALLER 1000 SMALLER 10", "")
			s.wantFound("SEARCH SMALLER 10 SMALLER 1000", "")
		}},
	{ID: "SRCH-4", Title: "HEADER with an empty string asks whether there is one", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(mail("x", "X-Test: a"), mail("x", "X-Test:"), mail("x", "Subject: X-Test")))
			s.wantFound(`SEARCH HEADER x-test ""`, "1 2")
			s.wantFound(`SEARCH HEADER X-TEST A`, "1")
			s.wantFound(`SEARCH NOT HEADER X-Test ""`, "3")
		}},
	{ID: "SRCH-5", Title: "OR, NOT and parentheses nest", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(5)...))
			s.ok(`STORE 2,4 +FLAGS.SILENT (\Flagged)`)
			for _, row := range []struct{ keys, want string }{
				{"OR 1 FLAGGED", "1 2 4"}, {"NOT FLAGGED", "1 3 5"}, {"NOT (FLAGGED 2)", "1 3 4 5"}, {"OR (1 UID 1) (2:3 NOT FLAGGED)", "1 3"},
				{"OR OR 1 2 OR 3 UID 4", "1 2 3 4"}, {"NOT OR FLAGGED 1", "3 5"}, {"NOT NOT 2", "2"}, {"(2:4) (UID 3:5)", "3 4"}, {"((((2))))", "2"}, {"UNFLAGGED 2:*", "3 5"}, {"ALL", "1 2 3 4 5"},
			} {
				s.wantFound("SEARCH "+row.keys, row.want)
			}
			s.bad("SEARCH", "SEARCH OR 1", "SEARCH NOT", "SEARCH (1", "SEARCH 1)", "SEARCH ()", "SEARCH XYZZY", "SEARCH OR 1 2 XYZZY", "SEARCH SUBJECT")
		}},
	{ID: "SRCH-6", Title: "dates are days, without time and zone", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			box := d.box()
			add := func(received, date string) {
				d.setup.ok("APPEND " + box + ` "` + received + `" ` + lit(mail("x", "Date: "+date, "Subject: x")))
			}
			add("01-Feb-2020 23:30:00 -0800", "Sat, 1 Feb 2020 23:30:00 -0800")
			add("02-Feb-2020 00:30:00 +0000", "Sun, 2 Feb 2020 00:30:00 +1300")
			add(" 3-Feb-2020 12:00:00 +0000", "Mon, 3 Feb 2020 12:00:00 +0000")
			s := d.selected("A", box)
			for _, row := range []struct{ keys, want string }{
				{"SENTON 1-Feb-2020", "1"}, {"SENTON 2-Feb-2020", "2"}, {"SENTBEFORE 2-Feb-2020", "1"}, {"SENTSINCE 2-Feb-2020", "2 3"}, {"SENTON 03-Feb-2020", "3"},
				{"SINCE 3-Feb-2020", "3"}, {"ON 3-Feb-2020", "3"}, {"BEFORE 3-Feb-2020", "1 2"}, {"BEFORE 1-Feb-2020", ""}, {`ON "3-Feb-2020"`, "3"},
			} {
				s.wantFound("SEARCH "+row.keys, row.want)
			}
			s.wantDate(1, "01-Feb-2020 23:30:00 -0800")
			s.bad("SEARCH SINCE 1-Foo-2020", "SEARCH SINCE 1-Feb-20", "SEARCH SINCE yesterday", "SEARCH SINCE")
		}},
	{ID: "SRCH-6b", Title: "days that no month has are refused", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.bad("SEARCH SINCE 32-Feb-2020", "SEARCH SENTON 31-Feb-2020", "SEARCH BEFORE 0-Feb-2020")
		}},
	{ID: "SRCH-7", Title: "ESEARCH has what was asked for, also when nothing is found", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4.1", "RFC 4731, section 3.1"}, Needs: []string{"ESEARCH"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(5)...))
			s.ok(`STORE 2:4 +FLAGS.SILENT (\Flagged)`)
			for _, row := range []struct{ text, want string }{
				{"SEARCH RETURN () FLAGGED", "ALL 2:4"}, {"UID SEARCH RETURN () FLAGGED", "UID ALL 2:4"}, {"SEARCH RETURN () DELETED", ""}, {"UID SEARCH RETURN (ALL) DELETED", "UID"},
				{"SEARCH RETURN (COUNT) FLAGGED", "COUNT 3"}, {"SEARCH RETURN (MIN MAX COUNT) FLAGGED", "MIN 2 MAX 4 COUNT 3"}, {"SEARCH RETURN (MIN MAX ALL COUNT) DELETED", "COUNT 0"}, {"SEARCH RETURN (MIN) DELETED", ""},
			} {
				a := s.ok(row.text)
				rows := a.all("ESEARCH")
				if s.over() {
					return
				}
				if len(rows) != 1 || len(a.all("SEARCH")) > 0 || len(rows[0].args) == 0 || !strings.EqualFold(rows[0].args[0].at(0).text, "TAG") {
					s.fail("%s: want one ESEARCH with TAG", row.text)
					return
				}
				if tag := rows[0].args[0].at(1); tag.kind != quoted || tag.text != a.tag {
					s.fail("the tag is %s, want %q", tag, a.tag)
				}
				if got := pairs(rows[0].args[1:]); got != pairsOf(row.want) {
					s.fail("%s: ESEARCH has %q, want %q", row.text, got, row.want)
				}
			}
			s.bad("SEARCH RETURN (XYZZY) ALL", "SEARCH RETURN ALL", "SEARCH RETURN (COUNT)")
		}},
	{ID: "SRCH-8", Title: "every key is taken", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4", "RFC 3501, section 6.4.4"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(mail("needle\r\n", "From: Ann <ann@example.org>", "To: bob@example.org", "Cc: cid@example.org", "Bcc: dan@example.org", "Subject: s"), numbered(1)[0]))
			s.ok(`STORE 1 FLAGS.SILENT (\Answered \Deleted \Draft \Flagged \Seen k)`)
			for _, row := range []struct{ keys, want string }{
				{"ANSWERED", "1"}, {"UNANSWERED", "2"}, {"DELETED", "1"}, {"UNDELETED", "2"}, {"DRAFT", "1"}, {"UNDRAFT", "2"}, {"FLAGGED", "1"}, {"UNFLAGGED", "2"}, {"SEEN", "1"}, {"UNSEEN", "2"},
				{"KEYWORD k", "1"}, {"UNKEYWORD k", "2"}, {"FROM ANN@", "1 2"}, {"TO bob", "1"}, {"CC cid", "1"}, {"BCC dan", "1"}, {"BODY needle", "1"}, {"TEXT cid@example", "1"}, {"LARGER 100000", ""}, {"SMALLER 100000", "1 2"}, {"UID 2", "2"}, {"FROM xyzzy", ""},
			} {
				s.wantFound("SEARCH "+row.keys, row.want)
			}
		}},
	{ID: "SRCH-9", Title: "OLDER and YOUNGER count seconds", Level: Must, Harm: Changes, Refs: []string{"RFC 5032, section 3"}, Needs: []string{"WITHIN"},
		run: func(d *dialogue) {
			box := d.box(numbered(1)...)
			d.setup.ok("APPEND " + box + ` "01-Feb-2020 23:30:00 -0800" ` + lit(numbered(1)[0]))
			s := d.selected("A", box)
			s.wantFound("SEARCH YOUNGER 86400", "1")
			s.wantFound("SEARCH OLDER 86400", "2")
			s.bad("SEARCH OLDER 0", "SEARCH YOUNGER -1", "SEARCH OLDER x")
		}},
}

// pairs writes names with their values in the order of names, so that the order
// does not matter.
func pairs(args []value) string {
	var words []string
	for _, v := range args {
		words = append(words, v.String())
	}
	return pairsOf(strings.Join(words, " "))
}

func pairsOf(text string) string {
	words := strings.Fields(strings.ToUpper(text))
	var out strings.Builder
	for _, name := range []string{"UID", "MIN", "MAX", "COUNT", "ALL", "MODSEQ"} {
		for i, w := range words {
			if w != name {
				continue
			}
			out.WriteString(w + " ")
			if name != "UID" && i+1 < len(words) {
				out.WriteString(words[i+1] + " ")
			}
		}
	}
	return out.String()
}

package imaptest

import (
	"fmt"
	"strings"
)

// wantRows sends a FETCH and wants one row each for these messages, by number,
// in any order.
func (s *session) wantRows(text, want string) {
	var got []string
	for n := int64(1); n <= int64(s.mirror.exists)+1; n++ {
		got = append(got, "")
	}
	rows := s.ok(text).all("FETCH")
	for _, r := range rows {
		if r.num < int64(len(got)) {
			got[r.num] += fmt.Sprint(r.num, " ")
		}
	}
	if all := strings.TrimSpace(strings.Join(got, "")); !s.over() && all != want {
		s.fail("%s has rows of %q, want %q", sample(text), all, want)
	}
}

var numberCases = []Case{
	{ID: "NUM-1", Title: "UID * is the last message, whatever UIDs were above", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(4)...))
			s.expunge("3:4")
			s.wantRows("UID FETCH * (UID)", "2")
		}},
	{ID: "NUM-2", Title: "a range beyond the last message has the last message", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(3)...))
			s.wantRows("UID FETCH 4294967295:* (UID)", "3")
			s.wantRows("UID FETCH 4:* (UID)", "3")
			s.wantRows("UID FETCH *:4 (UID)", "3")
			s.wantRows("UID FETCH 4:5 (UID)", "")
			s.wantRows("FETCH *:* (UID)", "3")
			s.wantFound("UID SEARCH UID 100:*", "3")
		}},
	{ID: "NUM-3", Title: "a number that no message has is refused", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(3)...))
			s.bad("FETCH 10 (FLAGS)", `STORE 10 +FLAGS (\Flagged)`, "COPY 10 INBOX", "FETCH 4 (FLAGS)", "FETCH 1,10 (FLAGS)")
			s.wantFound("SEARCH FLAGGED", "")
		}},
	{ID: "NUM-4", Title: "SEARCH of a number that no message has finds nothing", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4", "RFC 7377, section 2"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(3)...))
			s.wantFound("SEARCH 1000", "")
			s.wantFound("SEARCH OR 1000 2", "2")
			s.wantFound("SEARCH NOT 1000", "1 2 3")
			if s.offers("ESEARCH") {
				rows := s.ok("SEARCH RETURN (COUNT) 1000").all("ESEARCH")
				if !s.over() && (len(rows) != 1 || !hasPair(rows[0], "COUNT", "0")) {
					s.fail("no ESEARCH with COUNT 0")
				}
			}
		}},
	{ID: "NUM-5", Title: "what is no number is refused, and no fault of the server", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(3)...))
			for _, set := range []string{"0", "1:0", "0:*", "4294967296", "99999999999999999999", "1,,2", "1,", ",1", "-1", "1:", ":1", "1:2:3", "1.", "+1", "1:4294967296", "*0", "**", "", "$1", "1-2", "١"} {
				for _, text := range []string{"FETCH %s (UID)", "UID FETCH %s (UID)", `STORE %s +FLAGS.SILENT (\Deleted)`, "COPY %s INBOX", "SEARCH UID %s"} {
					a := s.want(fmt.Sprintf(text, set), "BAD")
					if a.code == "SERVERBUG" {
						s.fail("[SERVERBUG] for the set %q", set)
					}
					s.ok("NOOP")
				}
			}
			s.wantFound("SEARCH DELETED", "")
		}},
	{ID: "NUM-6", Title: "* in an empty mailbox", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box())
			s.bad("FETCH * (FLAGS)", "FETCH 1:* (FLAGS)")
			s.wantRows("UID FETCH * (FLAGS)", "")
			s.wantRows("UID FETCH 1:* (FLAGS)", "")
			s.wantFound("SEARCH ALL", "")
		}},
	{ID: "NUM-7", Title: "a set has each message once", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(5)...))
			s.wantRows("FETCH 4:2 (UID)", "2 3 4")
			s.wantRows("FETCH 1,1,1:1 (UID)", "1")
			s.wantRows("FETCH *:1 (UID)", "1 2 3 4 5")
			s.wantRows("FETCH 5,1:2,2:3 (UID)", "1 2 3 5")
			s.wantRows("UID FETCH 4:2,3,* (UID)", "2 3 4 5")
		}},
	{ID: "NUM-8", Title: "UID commands on UIDs that are not there succeed", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(2)...))
			target := d.box()
			s.wantRows("UID FETCH 77 (FLAGS)", "")
			s.ok(`UID STORE 77 +FLAGS (\Flagged)`)
			texts := []string{"UID COPY 77 " + target}
			if s.offers("MOVE") {
				texts = append(texts, "UID MOVE 77 "+target)
			}
			if s.offers("UIDPLUS") {
				texts = append(texts, "UID EXPUNGE 77")
			}
			for _, text := range texts {
				if s.ok(text).withCode("COPYUID") != nil {
					s.fail("COPYUID of nothing for %q", text)
				}
			}
			s.wantRows("UID FETCH 1:2,77 (UID)", "1 2")
		}},
	{ID: "NUM-9", Title: "$ is what was found, less what is gone", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 6.4.4.1", "RFC 5182, section 2.1"}, Needs: []string{"SEARCHRES"},
		run: func(d *dialogue) {
			box := d.box(numbered(5)...)
			s := d.selected("A", box)
			s.wantRows("FETCH $ (UID)", "") // empty, and OK
			if n := len(s.ok("SEARCH RETURN (SAVE) 2:4").all("ESEARCH")); n > 0 {
				s.fail("SAVE alone has an ESEARCH")
			}
			s.wantRows("FETCH $ (UID)", "2 3 4")
			s.wantRows("UID FETCH $ (UID)", "2 3 4")
			s.wantFound("SEARCH $", "2 3 4")
			s.wantFound("UID SEARCH NOT UID $", "1 5")
			s.expunge("3")
			s.wantRows("FETCH $ (UID)", "2 3")
			s.wantFound("UID SEARCH $", "2 4")
			s.ok(`STORE $ +FLAGS.SILENT (\Flagged)`)
			s.wantFound("SEARCH FLAGGED", "2 3")
			s.ok("SELECT " + box)
			s.wantRows("FETCH $ (UID)", "")
			s.ok("COPY $ INBOX")
		}},
	{ID: "NUM-10", Title: "what a SEARCH leaves in $", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4.1", "RFC 9051, section 6.4.4.4"}, Needs: []string{"SEARCHRES", "ESEARCH"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(5)...))
			for _, row := range []struct{ options, want string }{
				{"SAVE MIN", "2"}, {"SAVE MAX", "4"}, {"SAVE MIN MAX", "2 4"}, {"SAVE ALL", "2 3 4"}, {"SAVE COUNT", "2 3 4"}, {"SAVE MIN COUNT", "2 3 4"}, {"SAVE MAX ALL", "2 3 4"},
			} {
				s.ok("SEARCH RETURN (SAVE) ALL")
				s.ok("SEARCH RETURN (" + row.options + ") 2:4")
				s.wantRows("FETCH $ (UID)", row.want)
			}
			s.bad("SEARCH RETURN (SAVE) XYZZY")
			s.wantRows("FETCH $ (UID)", "2 3 4")
			s.no("SEARCH RETURN (SAVE) CHARSET XYZZY TEXT x")
			s.wantRows("FETCH $ (UID)", "")
		}},
}

// hasPair reports whether a name and this value are among the arguments.
func hasPair(r *response, name, want string) bool {
	for i := 0; i+1 < len(r.args); i++ {
		if strings.EqualFold(r.args[i].text, name) && r.args[i+1].String() == want {
			return true
		}
	}
	return false
}

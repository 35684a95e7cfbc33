package imaptest

import "slices"

var rev2Cases = []Case{
	{ID: "REV-1", Title: "IMAP4rev2 is for clients that enable it", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.1", "RFC 9051, appendix A"}, Needs: []string{"IMAP4REV1", "IMAP4REV2", "ENABLE"},
		run: func(d *dialogue) {
			box, s := d.box(numbered(2)...), d.open("A")
			a := s.ok("SELECT " + box)
			if len(a.all("RECENT")) != 1 || len(a.all("LIST")) != 0 {
				s.fail("%d RECENT and %d LIST in SELECT, want 1 and 0", len(a.all("RECENT")), len(a.all("LIST")))
			}
			if a := s.ok("SEARCH ALL"); len(a.all("SEARCH")) != 1 || len(a.all("ESEARCH")) != 0 {
				s.fail("want SEARCH")
			}
		}},
	{ID: "REV-2", Title: "behind ENABLE IMAP4rev2 SELECT has LIST, SEARCH is ESEARCH, and nothing is recent", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.2", "RFC 9051, section 6.4.4"}, Needs: []string{"IMAP4REV2", "ENABLE"},
		run: func(d *dialogue) {
			box, s := d.box(numbered(2)...), d.open("A")
			s.ok("ENABLE IMAP4rev2")
			s.utf8 = true
			a := s.ok("SELECT " + box)
			if len(a.all("RECENT")) != 0 || len(a.all("LIST")) != 1 || a.withCode("UNSEEN") != nil {
				s.fail("%d RECENT and %d LIST in SELECT, want 0 and 1, and no UNSEEN", len(a.all("RECENT")), len(a.all("LIST")))
			}
			for _, r := range s.ok("FETCH 1:2 (FLAGS)").all("FETCH") {
				if v, _ := r.item("FLAGS"); slices.Contains(v.words(), `\RECENT`) {
					s.fail(`message %d is \Recent`, r.num)
				}
			}
			a = s.ok("SEARCH SUBJECT m2")
			if rows := a.all("ESEARCH"); !d.over() && (len(rows) != 1 || len(a.all("SEARCH")) != 0 || !hasPair(rows[0], "ALL", "2")) {
				s.fail("want ESEARCH with ALL 2")
			}
			if rows := s.ok("SEARCH DELETED").all("ESEARCH"); !d.over() && (len(rows) != 1 || pairs(rows[0].args[1:]) != "") {
				s.fail("want an ESEARCH of nothing")
			}
			s.want("SELECT "+d.name("missing"), "NO")
			s.wantListed(`LIST "" `+box, box)
		}},
	{ID: "REV-3", Title: "SELECT says where the old mailbox ends", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 6.3.2", "RFC 9051, section 7.1"}, Needs: []string{"IMAP4REV2"},
		run: func(d *dialogue) {
			box := d.box(numbered(1)...)
			s := d.selected("A", box)
			a := s.ok("SELECT INBOX")
			if len(a.lines) == 0 || a.lines[0].code != "CLOSED" {
				s.fail("the first line is not OK [CLOSED]")
			}
			s.wantCount(0)
		}},
}

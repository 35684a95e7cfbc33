package imaptest

var readOnlyCases = []Case{
	{ID: "RO-1", Title: "CLOSE behind EXAMINE removes nothing", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.1"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.selected("A", box)
			s.ok(`STORE 1:2 +FLAGS.SILENT (\Deleted)`)
			s.ok("EXAMINE " + box)
			s.ok("CLOSE")
			s.ok("EXAMINE " + box)
			s.wantCount(2)
			s.wantFlags(1, `\Deleted`)
		}},
	{ID: "RO-2", Title: "FETCH behind EXAMINE marks nothing as seen or as not recent", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.3", "RFC 3501, section 2.3.2"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.open("A")
			s.ok("EXAMINE " + box)
			a := s.ok("FETCH 1:2 (BODY[] RFC822.TEXT)")
			if got := a.flags(1); !d.over() && got != "-" && got != "" {
				s.fail("flags of message 1 are told as %q", got)
			}
			s.wantFlags(1, "")
			b := d.selected("B", box)
			b.wantFlags(1, "")
			if v, _ := b.ok("FETCH 1 FLAGS").item(1, "FLAGS"); !d.over() && !b.offers("IMAP4REV2") && len(v.list) == 0 {
				b.fail(`\Recent was taken away by EXAMINE`)
			}
		}},
	{ID: "RO-3", Title: "behind EXAMINE nothing can be changed", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 6.3.3"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.selected("A", box)
			s.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
			s.ok("EXAMINE " + box)
			s.no(`STORE 2 +FLAGS (\Flagged)`, `UID STORE 2 +FLAGS.SILENT (x)`, "EXPUNGE")
			if s.offers("UIDPLUS") {
				s.no("UID EXPUNGE 1:*")
			}
			if s.offers("MOVE") {
				s.no("MOVE 1 INBOX", "UID MOVE 1 INBOX")
			}
			s.wantCount(2)
			s.wantFlags(1, `\Deleted`)
			s.wantFlags(2, "")
			s.ok("COPY 1 INBOX")
		}},
	{ID: "RO-4", Title: "UNSELECT keeps what is deleted", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.2"}, Needs: []string{"UNSELECT"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.selected("A", box)
			s.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
			s.ok("UNSELECT")
			s.bad("FETCH 1 FLAGS")
			s.ok("SELECT " + box)
			s.wantCount(2)
			s.wantFlags(1, `\Deleted`)
		}},
	{ID: "RO-4b", Title: "CLOSE removes in silence, and others are told", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.1"},
		run: func(d *dialogue) {
			box := d.box(numbered(3)...)
			s, b := d.selected("A", box), d.selected("B", box)
			s.ok(`STORE 2 +FLAGS.SILENT (\Deleted)`)
			if n := len(s.ok("CLOSE").all("EXPUNGE")); n > 0 {
				s.fail("CLOSE tells of %d EXPUNGE", n)
			}
			b.ok("NOOP")
			b.wantCount(2)
			s.ok("SELECT " + box)
			s.wantCount(2)
			if got := s.uids(); !d.over() && got != "1 3" {
				s.fail("UIDs %s, want 1 3", got)
			}
		}},
	{ID: "RO-5", Title: "SELECT, EXAMINE and STATUS say the same, and READ-ONLY is said", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.2", "RFC 9051, section 6.3.3", "RFC 9051, section 6.3.11"},
		run: func(d *dialogue) {
			box := d.box(numbered(3)...)
			s := d.selected("A", box)
			s.ok(`STORE 2 +FLAGS.SILENT (\Seen)`)
			for _, command := range []string{"SELECT ", "EXAMINE "} {
				a := s.ok(command + box)
				want := "READ-WRITE"
				if command == "EXAMINE " {
					want = "READ-ONLY"
				}
				if a.code != want {
					s.fail("%s[%s], want [%s]", command, a.code, want)
				}
				if len(a.all("FLAGS")) != 1 || len(a.all("EXISTS")) != 1 {
					s.fail("%d FLAGS and %d EXISTS, want one each", len(a.all("FLAGS")), len(a.all("EXISTS")))
				}
				p := a.withCode("PERMANENTFLAGS")
				if want == "READ-ONLY" && p == nil || p != nil && len(p.codeArgs) != 1 {
					s.fail("no PERMANENTFLAGS with a list")
				} else if want == "READ-ONLY" && len(p.codeArgs[0].list) > 0 {
					s.fail("PERMANENTFLAGS %s behind EXAMINE", p.codeArgs[0])
				}
				status := s.status(box, "MESSAGES UIDNEXT UIDVALIDITY UNSEEN")
				for _, code := range []string{"UIDNEXT", "UIDVALIDITY"} {
					r := a.withCode(code)
					if r == nil || len(r.codeArgs) != 1 {
						s.fail("no %s in the answer", code)
					} else if got := r.codeArgs[0].text; got != status[code] {
						s.fail("%s%s %s, and STATUS has %s", command, code, got, status[code])
					}
				}
				if status["MESSAGES"] != "3" || status["UNSEEN"] != "2" {
					s.fail("STATUS has %s messages and %s unseen, want 3 and 2", status["MESSAGES"], status["UNSEEN"])
				}
			}
		}},
}

// status asks for items and returns their values.
func (s *session) status(mailbox, items string) map[string]string {
	out := make(map[string]string)
	for _, r := range s.ok("STATUS " + mailbox + " (" + items + ")").all("STATUS") {
		if len(r.args) != 2 || len(r.args[1].list)%2 != 0 {
			s.fail("STATUS without pairs")
			return out
		}
		for i := 0; i < len(r.args[1].list); i += 2 {
			out[r.args[1].list[i].text] = r.args[1].list[i+1].String()
		}
	}
	return out
}

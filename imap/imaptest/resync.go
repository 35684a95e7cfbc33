package imaptest

import (
	"fmt"
	"strings"
)

var needQResync = []string{"QRESYNC", "ENABLE"}

// resync selects with QRESYNC and returns which UIDs vanished and which have a
// row, separated by spaces.
func (s *session) resync(mailbox, arguments string) (vanished, changed string) {
	a := s.ok("SELECT " + mailbox + " (QRESYNC (" + arguments + "))")
	return s.earlier(a)
}

// earlier looks for VANISHED (EARLIER), which has to come before the rows.
func (s *session) earlier(a *answer) (vanished, changed string) {
	var gone, rows []string
	for _, r := range a.lines {
		switch r.name {
		case "VANISHED":
			if len(r.args) != 2 || strings.Join(r.args[0].words(), "") != "EARLIER" {
				s.fail("want VANISHED (EARLIER) and a set")
				return "", ""
			}
			if len(rows) > 0 {
				s.fail("VANISHED (EARLIER) behind a row")
			}
			gone = append(gone, expand(r.args[1].text)...)
		case "FETCH":
			v, _ := r.item("UID")
			s.modseqIn(&answer{lines: []*response{r}}, r.num)
			rows = append(rows, v.text)
		}
	}
	return strings.Join(gone, " "), strings.Join(rows, " ")
}

// wantResync compares.
func (s *session) wantResync(what, vanished, changed, wantVanished, wantChanged string) {
	if !s.over() && (vanished != wantVanished || changed != wantChanged) {
		s.fail("%s: vanished are %q, want %q; changed are %q, want %q", what, vanished, wantVanished, changed, wantChanged)
	}
}

var resyncCases = []Case{
	{ID: "CST-6", Title: "QRESYNC is to be enabled first", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.2.3", "RFC 7162, section 3.2.5"}, Needs: needQResync,
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.selected("A", box)
			s.bad("SELECT " + box + " (QRESYNC (1 1))")
			s.ok("SELECT " + box)
			s.bad("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
			s.ok("FETCH 1 FLAGS")
		}},
	{ID: "CST-6b", Title: "VANISHED comes first, then what changed, and then in place of EXPUNGE", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.2.5", "RFC 7162, section 3.2.10"}, Needs: needQResync,
		run: func(d *dialogue) {
			box, a, b := d.two(6)
			validity := d.setup.status(box, "UIDVALIDITY")["UIDVALIDITY"]
			s := d.open("C")
			s.ok("ENABLE QRESYNC")
			before := s.ok("SELECT " + box).highest()
			s.ok("UNSELECT")
			a.expunge("2:3")
			b.ok("NOOP")
			b.ok(`STORE 4 +FLAGS (\Flagged)`)
			vanished, changed := s.resync(box, fmt.Sprint(validity, " ", before))
			s.wantResync("SELECT", vanished, changed, "2 3", "6")
			s.wantUIDs("1 4 5 6")
			vanished, changed = s.earlier(s.ok(fmt.Sprintf("UID FETCH 3:* (UID FLAGS) (CHANGEDSINCE %d VANISHED)", before)))
			s.wantResync("UID FETCH 3:*", vanished, changed, "3", "6")
			a.ok("NOOP")
			a.expunge("1:2")
			got := s.ok("NOOP")
			if n := len(got.all("EXPUNGE")); n > 0 || len(got.all("VANISHED")) == 0 {
				s.fail("want VANISHED in place of EXPUNGE")
			}
			s.wantCount(2)
			s.wantUIDs("5 6")
		}},
	{ID: "CST-7", Title: "known UIDs, and what matches, limit what is told", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.2.5.1", "RFC 7162, section 3.2.5.2", "RFC 7162, section 3.2.6"}, Needs: needQResync,
		run: func(d *dialogue) {
			box, a, _ := d.two(9)
			validity := d.setup.status(box, "UIDVALIDITY")["UIDVALIDITY"]
			s := d.open("C")
			s.ok("ENABLE QRESYNC")
			before := s.ok("SELECT " + box).highest()
			a.expunge("2,5,8")
			vanished, changed := s.resync(box, fmt.Sprint(validity, " ", before, " 1:5"))
			s.wantResync("known UIDs 1:5", vanished, changed, "2 5", "")
			vanished, _ = s.resync(box, fmt.Sprint(validity, " ", before, " 1:9 (1,2 1,3)"))
			if !d.over() && !strings.HasSuffix(vanished, "5 8") {
				s.fail("with a match of the first messages vanished are %q, want 5 8", vanished)
			}
			vanished, _ = s.resync(box, fmt.Sprint(validity, " 1 1:9"))
			if !d.over() && vanished != "2 5 8" {
				s.fail("since the beginning vanished are %q, want 2 5 8", vanished)
			}
		}},
	{ID: "CST-7b", Title: "arguments of QRESYNC that are none are refused", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 7"}, Needs: needQResync,
		run: func(d *dialogue) {
			box, s := d.box(numbered(1)...), d.open("A")
			validity := d.setup.status(box, "UIDVALIDITY")["UIDVALIDITY"]
			s.ok("ENABLE QRESYNC")
			s.bad("SELECT "+box+" (QRESYNC ())", "SELECT "+box+" (QRESYNC (0 1))", "SELECT "+box+" (QRESYNC ("+validity+" 0))", "SELECT "+box+" (QRESYNC ("+validity+" 1 *))")
		}},
	{ID: "CST-5c", Title: "HIGHESTMODSEQ is not ahead of an EXPUNGE that was not told", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.2"}, Needs: needQResync,
		run: func(d *dialogue) {
			box := d.box(numbered(4)...)
			a, b := d.open("A"), d.open("B")
			for _, s := range []*session{a, b} {
				s.ok("ENABLE QRESYNC")
				s.ok("SELECT " + box)
			}
			b.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
			a.ok("NOOP")
			removed := b.ok("EXPUNGE").highest()
			b.ok(`STORE 2 +FLAGS.SILENT (\Flagged)`) // which A knows as 3
			if d.over() || removed == 0 {
				return
			}
			// By number, VANISHED has to wait.
			got := a.ok("FETCH 2:4 (FLAGS)")
			changed := a.modseqIn(got, 3)
			if h := got.highest(); !d.over() && changed > removed && (h == 0 || h >= removed) {
				a.fail("a row has MODSEQ %d, the EXPUNGE of %d is not told, and HIGHESTMODSEQ is %d, want one below", changed, removed, h)
			}
			a.ok("NOOP")
			a.wantUIDs("2 3 4")
			if vanished, changed := a.resync(box, fmt.Sprint(d.setup.status(box, "UIDVALIDITY")["UIDVALIDITY"], " ", got.highest())); !d.over() {
				a.wantResync("a client that went away then", vanished, changed, "1", "3")
			}
		}},
	{ID: "CST-8", Title: "EXPUNGE has HIGHESTMODSEQ, CLOSE has not, and another UIDVALIDITY is a plain SELECT", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.2.7", "RFC 7162, section 3.2.8", "RFC 7162, section 3.2.5"}, Needs: needQResync,
		run: func(d *dialogue) {
			box, a, _ := d.two(4)
			a.ok("ENABLE QRESYNC")
			a.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
			got := a.ok("EXPUNGE")
			if !d.over() && got.code != "HIGHESTMODSEQ" {
				a.fail("the OK of EXPUNGE has no HIGHESTMODSEQ")
			}
			if now := d.setup.status(box, "HIGHESTMODSEQ")["HIGHESTMODSEQ"]; !d.over() && now != fmt.Sprint(got.highest()) {
				a.fail("HIGHESTMODSEQ %d behind EXPUNGE, and STATUS has %s", got.highest(), now)
			}
			a.bad("FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)", "UID FETCH 1:* (FLAGS) (VANISHED)")
			a.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
			if got := a.ok("CLOSE"); got.highest() != 0 || len(got.all("VANISHED")) > 0 {
				a.fail("CLOSE has HIGHESTMODSEQ or VANISHED")
			}
			vanished, changed := a.resync(box, "12345 1")
			a.wantResync("another UIDVALIDITY", vanished, changed, "", "")
			a.wantUIDs("3 4")
		}},
}

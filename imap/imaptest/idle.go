package imaptest

var needIdle = []string{"IDLE"}

// idle begins an IDLE and returns its tag.
func (s *session) idle() string {
	tag := s.newTag()
	s.running = "IDLE"
	s.raw(tag + " IDLE\r\n")
	if a := newAnswer(); !s.plus(tag, a) {
		s.fail("IDLE: no continuation request")
	}
	return tag
}

// told reads until a response of this name comes.
func (s *session) told(name string) *response {
	for !s.over() {
		r := s.read()
		if r == nil || r.tag != "*" {
			s.fail("no %s comes", name)
			return &response{num: -1}
		}
		if r.name == name {
			return r
		}
	}
	return &response{num: -1}
}

var idleCases = []Case{
	{ID: "IDL-1", Title: "IDLE, DONE and the next command may come in one packet", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.13"}, Needs: needIdle,
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			for range 3 {
				s.running = "?"
				s.raw("x IDLE\r\nDONE\r\ny NOOP\r\nz UID FETCH 1 FLAGS\r\n")
				if a := newAnswer(); !s.plus("x", a) {
					s.fail("no continuation request")
				}
				s.wantEnd(s.until("x"), "IDLE", "OK")
				s.wantEnd(s.until("y"), "NOOP", "OK")
				s.wantEnd(s.until("z"), "UID FETCH", "OK")
			}
		}},
	{ID: "IDL-1b", Title: "in IDLE one is told of everything that happens", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.13"}, Needs: needIdle,
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s, b := d.selected("A", box), d.selected("B", box)
			tag := s.idle()
			d.add(box, numbered(1)...)
			if r := s.told("EXISTS"); !d.over() && r.num != 3 {
				s.fail("%d EXISTS, want 3", r.num)
			}
			b.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
			s.told("FETCH")
			b.ok("EXPUNGE")
			if r := s.told("EXPUNGE"); !d.over() && r.num != 1 {
				s.fail("EXPUNGE of %d, want 1", r.num)
			}
			s.raw("DONE\r\n")
			s.wantEnd(s.until(tag), "IDLE", "OK")
			s.wantCount(2)
		}},
	{ID: "IDL-2", Title: "done in any letter case ends IDLE; any other line ends it badly and is not executed", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 9"}, Needs: needIdle,
		run: func(d *dialogue) {
			s := d.selected("A", "INBOX")
			for _, done := range []string{"DONE", "done", "DoNe"} {
				tag := s.idle()
				s.raw(done + "\r\n")
				s.wantEnd(s.until(tag), "IDLE", "OK")
			}
			for _, line := range []string{"Z CREATE injected", "DONE now", ""} {
				tag := s.idle()
				s.raw(line + "\r\n")
				s.wantEnd(s.until(tag), "IDLE", "BAD")
				s.ok("NOOP")
			}
			d.wantNoMailbox("injected")
		}},
	{ID: "IDL-2b", Title: "a line that is refused in IDLE takes its literal with it", Level: Practice, Harm: Changes, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"IDLE", "LITERAL+"},
		run: func(d *dialogue) {
			s := d.open("A")
			tag := s.idle()
			s.raw("Z CREATE " + litPlus("injected") + "\r\n")
			s.wantEnd(s.until(tag), "IDLE", "BAD")
			s.ok("NOOP")
			tag = s.idle()
			s.raw("XYZZY " + litPlus("\r\nZ CREATE injected\r\n") + "\r\n")
			s.wantEnd(s.until(tag), "IDLE", "BAD")
			s.ok("NOOP")
			d.wantNoMailbox("injected")
		}},
	{ID: "IDL-3", Title: "IDLE is also for when nothing is selected", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 6.3.13"}, Needs: needIdle,
		run: func(d *dialogue) {
			s := d.open("A")
			tag := s.idle()
			d.add("INBOX", numbered(1)...)
			s.raw("DONE\r\n")
			a := s.until(tag)
			s.wantEnd(a, "IDLE", "OK")
			if n := len(a.all("EXISTS")); n > 0 {
				s.fail("EXISTS without a mailbox")
			}
		}},
	{ID: "IDL-5", Title: "commands of one packet are executed one behind the other", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 5.5"},
		run: func(d *dialogue) {
			box := d.box(numbered(3)...)
			s := d.selected("A", box)
			s.running = "?"
			s.raw("p STORE 1 +FLAGS.SILENT (\\Deleted)\r\nq EXPUNGE\r\nr FETCH 1 (UID)\r\nt UID SEARCH ALL\r\n")
			s.wantEnd(s.until("p"), "STORE", "OK")
			q := s.until("q")
			s.wantEnd(q, "EXPUNGE", "OK")
			if n := len(q.all("EXPUNGE")); n != 1 {
				s.fail("%d EXPUNGE, want 1", n)
			}
			s.wantIn(s.until("r"), 1, "UID", "2")
			if got := s.until("t").found(); !d.over() && got != "2 3" {
				s.fail("UIDs %s, want 2 3", got)
			}
		}},
}

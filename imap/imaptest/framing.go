package imaptest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A place is where a literal may stand: before and behind it.
type place struct{ before, after string }

// Everywhere that a parser may look for a literal, or not.
var (
	placesAlways = []place{
		{"LOGIN ", " x"}, {"LOGIN x ", ""}, {"LOGIN x y ", ""}, {"AUTHENTICATE ", ""}, {"AUTHENTICATE PLAIN ", ""}, {"NOOP ", ""}, {"XYZZY ", " x"}, {"SELECT ", ""}, {`ID ("name" `, ")"}, {"", ""}, {"(", ")"}, {"STARTTLS ", ""},
	}
	placesAuthenticated = []place{
		{"SELECT ", ""}, {"EXAMINE ", " (CONDSTORE)"}, {"CREATE ", ""}, {"DELETE ", ""}, {"RENAME ", " x"}, {"RENAME x ", ""}, {"SUBSCRIBE ", ""}, {"UNSUBSCRIBE ", ""},
		{"LIST ", " x"}, {`LIST "" `, ""}, {`LSUB "" `, ""}, {"STATUS ", " (MESSAGES)"}, {"STATUS INBOX ", ""}, {"APPEND ", " {1+}\r\nx"}, {"ENABLE ", ""}, {"NAMESPACE ", ""},
		{"XYZZY ", ""}, {`"`, `"`}, {"SELECT (", ")"}, {"COMPRESS ", ""}, {"APPEND missing-mailbox ", ""}, {`APPEND missing-mailbox (\Seen) `, ""},
	}
	placesSelected = []place{
		{"SEARCH SUBJECT ", ""}, {"SEARCH CHARSET ", " ALL"}, {"SEARCH CHARSET UTF-8 TEXT ", ""}, {"SEARCH HEADER ", " x"}, {"SEARCH HEADER x ", ""}, {"SEARCH KEYWORD ", ""}, {"SEARCH OR SUBJECT x FROM ", ""}, {"UID SEARCH (BODY ", ")"},
		{"COPY 1 ", ""}, {"UID COPY 1 ", ""}, {"MOVE 1 ", ""}, {"FETCH 1 (BODY.PEEK[HEADER.FIELDS (", ")])"}, {"FETCH ", " FLAGS"}, {"STORE 1 +FLAGS ", ""}, {"STORE 1 +FLAGS (", ")"}, {"UID ", ""}, {"UID XYZZY ", ""}, {"CLOSE ", ""}, {"EXPUNGE ", ""}, {"FETCH 1 ", ""},
	}
)

// injection is a literal of about n octets that has a command in it.
func injection(n int) string {
	const evil = "\r\nZ CREATE injected\r\n"
	return strings.Repeat("a", max(0, n-len(evil))/2) + evil + strings.Repeat("b", max(0, n-len(evil)+1)/2)
}

// inject sends a command with an evil literal at a place. What comes of the
// command itself is not looked at, as long as it is answered once.
func (s *session) inject(p place, size int, eachOctet bool) {
	tag, payload := s.newTag(), injection(size)
	octets := tag + " " + p.before + litPlus(payload) + p.after + "\r\n"
	s.running = "?"
	if eachOctet {
		s.eachOctet(octets)
	} else {
		s.raw(octets)
	}
	s.secret = false
	a := newAnswer()
	if s.plus(tag, a) { // IDLE, or AUTHENTICATE, in spite of it
		s.raw("*\r\n")
		a = s.until(tag)
	}
	s.wantEnd(a, sample(octets), "OK", "NO", "BAD", "")
}

// injectSync is inject with a literal that waits, and which a client does not
// send where it is refused.
func (s *session) injectSync(p place, size int) {
	tag, payload := s.newTag(), injection(size)
	s.running = "?"
	s.raw(fmt.Sprintf("%s %s{%d}\r\n", tag, p.before, len(payload)))
	a := newAnswer()
	if s.plus(tag, a) {
		after := p.after
		if strings.Contains(after, "{") { // another literal that would have to wait
			after = ""
		}
		s.raw(payload + after + "\r\n")
		a = s.until(tag)
	}
	s.wantEnd(a, sample(p.before), "OK", "NO", "BAD", "")
}

// injectAll tries all places, on sessions that open makes.
func injectAll(d *dialogue, places []place, open func(name string) *session, try func(*session, place)) {
	var s *session
	for i, p := range places {
		if d.over() {
			return
		}
		if s == nil || s.ended || s.mayEnd {
			s = open(fmt.Sprint("A", i))
		}
		try(s, p)
		if s.ended || s.cmd("NOOP").name == "" { // BYE is an answer too
			s.mayEnd = true
		}
	}
	d.wantNoMailbox("injected")
}

var framingCases = []Case{
	{ID: "FRM-1", Title: "octets of a refused literal are never commands, in any place", Level: Must, Harm: Empties | Loads, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			for _, size := range []int{21, 5000, 70_000} {
				injectAll(d, placesAuthenticated, d.open, func(s *session, p place) { s.inject(p, size, false) })
			}
		}},
	{ID: "FRM-1b", Title: "octets of a refused literal are never commands, before login", Level: Must, Harm: Empties | Loads | Guesses, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			open := func(name string) *session { s := d.connect(name); s.secure(); return s }
			for _, size := range []int{21, 3000, 70_000} {
				injectAll(d, placesAlways, open, func(s *session, p place) { s.inject(p, size, false) })
			}
		}},
	{ID: "FRM-1c", Title: "octets of a refused literal are never commands, in a selected mailbox", Level: Must, Harm: Empties | Loads, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			box := d.box(numbered(1)...)
			open := func(name string) *session { return d.selected(name, box) }
			for _, size := range []int{21, 5000, 70_000} {
				injectAll(d, placesSelected, open, func(s *session, p place) {
					s.cmd("SELECT " + box)
					s.inject(p, size, false)
				})
			}
			d.wantNoMailbox("bbb")
		}},
	{ID: "FRM-1d", Title: "octets of a refused literal are never commands, when each octet comes alone", Level: Must, Harm: Empties, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			injectAll(d, placesAuthenticated, d.open, func(s *session, p place) { s.inject(p, 40, true) })
			box := d.box(numbered(1)...)
			injectAll(d, placesSelected, func(name string) *session { return d.selected(name, box) }, func(s *session, p place) { s.inject(p, 40, true) })
		}},
	{ID: "FRM-1e", Title: "a literal that waits and is refused leaves the line free for the next command", Level: Must, Harm: Empties, Refs: []string{"RFC 9051, section 4.3"},
		run: func(d *dialogue) {
			injectAll(d, placesAuthenticated, d.open, func(s *session, p place) { s.injectSync(p, 5000) })
			box := d.box(numbered(1)...)
			injectAll(d, placesSelected, func(name string) *session { return d.selected(name, box) }, func(s *session, p place) { s.injectSync(p, 5000) })
		}},
	{ID: "FRM-1f", Title: "octets of a refused literal are never commands, behind IDLE", Level: Must, Harm: Empties, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+", "IDLE"},
		run: func(d *dialogue) {
			for _, size := range []int{21, 5000, 70_000} {
				injectAll(d, []place{{"IDLE ", ""}}, d.open, func(s *session, p place) { s.inject(p, size, false) })
			}
		}},
	{ID: "FRM-2", Title: "sizes that fit no number are literals all the same, and what follows is not executed", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			for i, size := range []string{"9999999999", "99999999999999999999", "18446744073709551616", "4294967296", "18446744073709551618", strings.Repeat("9", 100)} {
				s := d.open(fmt.Sprint("A", i))
				s.raw("x APPEND INBOX {" + size + "+}\r\nZ CREATE injected\r\nZ2 NOOP\r\n")
				s.closeWrite()
				s.swallowed("x")
			}
			d.wantNoMailbox("injected")
		}},
	{ID: "FRM-3", Title: "a literal that is too large is refused before it is sent", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 4.3", "RFC 7888, section 4"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, head := range []string{"SELECT ", "CREATE ", `LIST "" `, "STATUS "} {
				s.running = "?"
				tag := s.newTag()
				s.raw(tag + " " + head + "{999999999}\r\n")
				s.wantEnd(s.until(tag), head+"{999999999}", "NO", "BAD")
				s.ok("NOOP")
			}
		}},
	{ID: "FRM-4", Title: "before login nobody may send large literals", Level: Practice, Refs: []string{"RFC 9051, section 4.3"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			for _, head := range []string{"LOGIN ", "LOGIN x ", "XYZZY "} {
				tag := s.newTag()
				s.raw(tag + " " + head + "{50000000}\r\n")
				a := s.until(tag)
				if s.wantEnd(a, head+"{50000000}", "NO", "BAD", ""); a.name == "" {
					s.mayEnd = true
					break
				}
			}
		}},
	{ID: "FRM-5", Title: "a bad command that ends in a literal is bad to its end", Level: Must, Refs: []string{"RFC 7888, section 3"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, bad := range []string{"XYZZY ((", "SELECT )", "SELECT", "FETCH 1 (FLAGS", `LIST "`} {
				s.raw("x " + bad + " {10+}\r\nZ1 NOOP\r\n\r\n") // ten octets, and a line that is empty
				s.wantEnd(s.until("x"), bad, "NO", "BAD")
				s.raw("x " + bad + " {10+}\r\n0123456789 Z2 {4+}\r\nZ3\r\n NOOP\r\n")
				s.wantEnd(s.until("x"), bad, "NO", "BAD")
				s.ok("NOOP")
			}
		}},
	{ID: "FRM-6", Title: "LITERAL- has a limit of 4096 octets, and is not offered beside LITERAL+", Level: Must, Refs: []string{"RFC 7888, section 5"}, Needs: []string{"LITERAL-"},
		run: func(d *dialogue) {
			if d.offers("LITERAL+") {
				d.fail("both LITERAL+ and LITERAL- are offered")
			}
			s := d.open("A")
			s.ok(`LIST "" ` + litPlus(strings.Repeat("x", 4096)))
			s.raw(`x LIST "" ` + litPlus(strings.Repeat("x", 4097)) + "\r\n")
			if a := s.until("x"); a.name == "" {
				s.mayEnd = true
			} else {
				s.wantEnd(a, "a literal of 4097 octets", "BAD [TOOBIG]")
			}
		}},
	{ID: "FRM-7", Title: "a literal of no octets is the empty string", Level: Must, Refs: []string{"RFC 9051, section 4.3"},
		run: func(d *dialogue) {
			s := d.open("A")
			if n := len(s.ok("LIST " + lit("") + " " + lit("")).all("LIST")); n != 1 {
				s.fail("LIST of two empty strings has %d rows, want 1", n)
			}
			if s.offers("LITERAL+") {
				if n := len(s.ok("LIST " + litPlus("") + " " + litPlus("")).all("LIST")); n != 1 {
					s.fail("LIST of two empty strings has %d rows, want 1", n)
				}
			}
		}},
	{ID: "FRM-8", Title: "~{n} is for APPEND alone; a name may begin with ~", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 4.3.1", "RFC 3516, section 4.4"}, Needs: []string{"BINARY"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, head := range []string{"SELECT ", `LIST "" `, "CREATE "} {
				tag := s.newTag()
				s.running = "?"
				s.raw(tag + " " + head + "~{5}\r\n")
				a := newAnswer()
				if s.plus(tag, a) {
					s.raw("INBOX\r\n")
					a = s.until(tag)
				}
				s.wantEnd(a, head+"~{5}", "BAD")
			}
			s.ok(`LIST "" ~box`)
			name := d.target.Prefix + "~box"
			if a := s.want("CREATE "+name, "OK", "NO"); a.name == "OK" {
				s.ok("SELECT " + name)
			}
		}},
	{ID: "FRM-9", Title: "an empty line is answered, and not with a tag", Level: Must, Refs: []string{"RFC 9051, section 2.2.1", "RFC 9051, section 7.1.3"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.running = "?"
			for range 2 {
				s.raw("\r\n")
				if r := s.read(); r != nil && (r.tag != "*" || r.name != "BAD") {
					s.fail("want * BAD for an empty line")
				}
				s.ok("NOOP")
			}
		}},
	{ID: "FRM-10", Title: "a tag alone is refused", Level: Must, Refs: []string{"RFC 9051, section 2.2.1"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, line := range []string{"x", "x ", "x  NOOP"} {
				s.running = "?"
				s.raw(line + "\r\n")
				if r := s.read(); r != nil && (r.name != "BAD" || r.tag != "x" && r.tag != "*") {
					s.fail("want BAD for %q", line)
				}
				s.ok("NOOP")
			}
		}},
	{ID: "FRM-11", Title: "what is no tag is not echoed as one", Level: Must, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, tag := range []string{"+", "a+b", "*", "(", "\x80", "a\"", "a%", "", "{3}", "a\x01"} {
				s.running = "?"
				s.raw(tag + " NOOP\r\n")
				if r := s.read(); r != nil && (r.tag != "*" || r.name != "BAD") {
					s.fail("want * BAD for the tag %q", tag)
				}
				s.ok("NOOP")
			}
		}},
	{ID: "FRM-12", Title: "NUL and bare CR are nothing for quotes", Level: Must, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.bad("SELECT \"IN\x00BOX\"", "SELECT \"IN\rBOX\"", "SELECT \"INBOX\x00\"", "SELECT INBOX\x00", "SELECT \"INBOX\" \x00", "SELECT INBOX\r", "NOOP\r")
		}},
	{ID: "FRM-13", Title: "a backslash quotes a quote or a backslash, and nothing else", Level: Must, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.bad(`SELECT "IN\BOX"`, `SELECT "INBOX\"`, `SELECT "\INBOX"`, `LIST "" "\n"`)
			s.ok(`LIST "" "\"\\"`)
		}},
	{ID: "FRM-14", Title: "a line ends in quotes too", Level: Must, Refs: []string{"RFC 9051, section 4.3"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.running = "?"
			s.raw("x SELECT \"IN\r\ny NOOP\r\n")
			s.wantEnd(s.until("x"), "quotes that are not closed", "BAD")
			s.wantEnd(s.until("y"), "the line after", "OK")
			s.raw("x SELECT \"IN\r\nBOX\"\r\n")
			s.wantEnd(s.until("x"), "quotes over two lines", "BAD")
			if r := s.read(); r != nil && r.name != "BAD" {
				s.fail("want BAD for the second line")
			}
		}},
	{ID: "FRM-15", Title: "a line of 8000 octets is read, one of a mebioctet is not", Level: Practice, Harm: Changes | Loads, Refs: []string{"RFC 2683, section 3.2.1.5"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(3)...))
			s.ok("SEARCH " + strings.Repeat("1:3,", 1990) + "1")
			s.raw("x " + strings.Repeat("a", 1<<20) + "\r\n")
			if r := s.read(); r == nil || r.name == "BYE" {
				s.mayEnd = true
			} else if r.name != "BAD" {
				s.fail("want BAD or BYE for a line of 1 MiB")
			}
		}},
	{ID: "FRM-15b", Title: "ID may be as long as its pairs", Level: Must, Refs: []string{"RFC 2971, section 3.3"}, Needs: []string{"ID"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			var fields []string
			for i := range 30 {
				fields = append(fields, fmt.Sprintf(`"%s%02d" "%s"`, strings.Repeat("k", 28), i, strings.Repeat("v", 1024)))
			}
			s.ok("ID (" + strings.Join(fields, " ") + ")")
			s.ok("ID NIL")
		}},
	{ID: "FRM-16", Title: "the number of literals in a command is bounded, or harmless", Level: Practice, Harm: Changes, Refs: []string{"RFC 7888, section 9"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.raw("x SEARCH" + strings.Repeat(" SUBJECT "+litPlus("m"), 1500) + "\r\n")
			if a := s.until("x"); a.name == "" {
				s.mayEnd = true
			}
		}},
	{ID: "FRM-17", Title: "thousands of parentheses and of NOT are answered", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.4"},
		run: func(d *dialogue) {
			box := d.box(numbered(1)...)
			for i, text := range []string{
				"SEARCH " + strings.Repeat("(", 3000) + "ALL" + strings.Repeat(")", 3000),
				"SEARCH " + strings.Repeat("NOT ", 5000) + "ALL",
				"SEARCH " + strings.Repeat("OR ", 1500) + strings.Repeat("ALL ", 1500) + "ALL",
				"SEARCH " + strings.Repeat("(", 3000),
				"FETCH 1 " + strings.Repeat("(", 3000),
				"STORE 1 FLAGS " + strings.Repeat("(", 3000),
			} {
				s := d.selected(fmt.Sprint("A", i), box)
				a := s.cmd(text)
				if s.mayEnd = a.name == ""; !s.mayEnd {
					s.ok("NOOP")
				}
			}
			d.setup.ok("NOOP")
		}},
	{ID: "FRM-18", Title: "a flood of parentheses before login ends", Level: Practice, Harm: Loads, Refs: []string{"RFC 2683, section 3.2.1.5"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			for range 64 {
				s.raw(strings.Repeat("(", 32<<10))
			}
			s.raw("\r\n")
			if r := s.read(); r != nil && r.name != "BAD" && r.name != "BYE" {
				s.fail("want BAD or BYE")
			}
			s.mayEnd = true
			d.setup.ok("NOOP")
		}},
	{ID: "FRM-19", Title: "how octets are cut into packets changes nothing", Level: Must, Harm: Changes | Loads, Refs: []string{"RFC 9051, section 2.2"}, Needs: []string{"LITERAL+"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			octets := "x1 SELECT " + litPlus(box) + "\r\nx2 UID FETCH 1:* (UID FLAGS)\r\nx3 XYZZY {4+}\r\nx NO\r\nx4 STORE 1 +FLAGS (\\Flagged)\r\nx5 SEARCH SUBJECT " + litPlus("m2") + "\r\nx6 UNSELECT\r\n"
			play := func(send func(*session)) string {
				d.setup.ok("SELECT " + box) // no message is recent any more
				d.setup.ok("STORE 1:* FLAGS ()")
				d.setup.ok("CLOSE")
				s := d.open("A")
				s.running = "?"
				s.mirror.loose = true
				send(s)
				// Some of the commands may be answered in another order.
				var got []string
				for tagged := 0; tagged < 6 && !d.over(); {
					r := s.read()
					if r == nil {
						break
					}
					if r.tag != "*" {
						tagged++
					}
					if r.code != "HIGHESTMODSEQ" && r.name != "RECENT" {
						got = append(got, fmt.Sprintln(r.tag, r.num, r.name, r.args, r.code, r.codeArgs))
					}
				}
				s.drop()
				slices.Sort(got)
				return strings.Join(got, "")
			}
			want := play(func(s *session) { s.raw(octets) })
			if got := play(func(s *session) { s.eachOctet(octets) }); !d.over() && got != want {
				d.fail("octet by octet the answers are\n%s, and in one piece\n%s", got, want)
			}
			for at := 1; at < len(octets) && !d.over(); at++ {
				if got := play(func(s *session) { s.raw(octets[:at]); s.raw(octets[at:]) }); got != want {
					d.fail("cut at octet %d the answers are\n%s, and in one piece\n%s", at, got, want)
				}
			}
		}},
	{ID: "FRM-20", Title: "a client that does not read holds nobody up", Level: Practice, Harm: Changes | Loads, Refs: []string{"RFC 9051, section 5.5"},
		run: func(d *dialogue) {
			box, _ := d.largeBox(2)
			a, b := d.selected("A", box), d.selected("B", box)
			a.raw("x FETCH 1:* (BODY.PEEK[])\r\n") // and then it sleeps
			a.mayEnd = true
			b.ok(`STORE 1 +FLAGS (\Flagged)`)
			b.ok("FETCH 1:* (FLAGS)")
			b.ok("NOOP")
			d.add(box, numbered(1)...)
			b.ok("NOOP")
			b.wantCount(5)
		}},
	{ID: "FRM-20b", Title: "a client that does not read is left", Level: Practice, Harm: Changes | Loads, Refs: []string{"RFC 9051, section 5.4"},
		run: func(d *dialogue) {
			if d.target.Stall <= 0 {
				d.skip("Target.Stall does not say how long the server waits")
				return
			}
			box, size := d.largeBox(3)
			a := d.selected("A", box)
			a.raw("x FETCH 1:* (BODY.PEEK[])\r\n")
			a.mayEnd = true
			select {
			case <-time.After(d.target.Stall):
			case <-d.ctx.Done():
				d.fail("%w", d.ctx.Err())
			}
			d.setup.ok("NOOP")
			// What was on its way is still there, and not the end of the answer.
			for rest := size; !d.over(); {
				a.conn.SetReadDeadline(d.deadline())
				n, err := io.CopyN(io.Discard, a.conn, min(rest, 1<<20))
				if rest -= n; gone(err) {
					break
				}
				if rest <= 0 || err != nil {
					a.fail("the server still sends, with %d octets to go: %v", rest, err)
				}
			}
			a.ended = true
		}},
	{ID: "FRM-21", Title: "atoms have many octets, and NIL is a name like others", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 4.1", "RFC 9051, section 9"},
		run: func(d *dialogue) {
			name := d.name("NIL")
			s := d.open("A")
			s.ok("CREATE " + name)
			s.ok("STATUS " + name + " (MESSAGES)")
			s.ok("SELECT " + name)
			for _, r := range s.ok(`LIST "" ` + name).all("LIST") {
				if len(r.args) == 3 && r.args[2].kind == null {
					s.fail("the mailbox is listed as nil, without quotes")
				}
			}
			s.ok("SUBSCRIBE " + name)
			d.add("INBOX", numbered(1)...)
			s.ok("SELECT INBOX")
			s.wantFound("SEARCH SUBJECT NIL", "")
			s.wantFound("SEARCH SUBJECT m1", "1")
			s.ok(`SEARCH SUBJECT !#$&'+,-./0123456789:;<=>?@ABCZ[^_abcz|}~]`)
			s.ok("SEARCH KEYWORD NIL")
			s.ok("STORE 1 +FLAGS (NIL)")
			s.wantFound("SEARCH KEYWORD NIL", "1")
		}},
}

// swallowed expects that the server answers at most the command of this tag, or
// says goodbye, and waits a moment only for what would be wrong.
func (s *session) swallowed(tag string) {
	for !s.over() && !s.ended {
		r := s.read()
		if r == nil {
			break
		}
		switch r.tag {
		case "*":
		case "+":
			s.fail("a continuation request for a literal that does not wait")
		case tag:
			if r.name == "OK" {
				s.fail("the command succeeds")
			}
		default:
			s.fail("a literal is executed as command %q", r.tag)
		}
	}
	s.mayEnd = true
}

// largeBox makes a mailbox with more than goes into the buffers of a connection: one
// message of two mebioctets, which is doubled so many times.
func (d *dialogue) largeBox(doubled int) (box string, octets int64) {
	large := "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 30_000)
	box = d.box(large)
	s := d.selected("L", box)
	for range doubled {
		s.ok("COPY 1:* " + box)
		s.ok("NOOP")
	}
	s.drop()
	return box, int64(len(large) << doubled)
}

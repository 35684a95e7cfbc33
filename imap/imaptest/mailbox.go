package imaptest

import (
	"slices"
	"strings"
)

// listed sends a LIST or LSUB and returns the names, sorted, as they are on the
// wire.
func (s *session) listed(text string) []string {
	var out []string
	for _, r := range s.ok(text).all(verb(text)) {
		if len(r.args) < 3 || r.args[0].kind != list {
			s.fail("a row without three values")
			return nil
		}
		out = append(out, r.args[2].text)
	}
	slices.Sort(out)
	return out
}

// wantListed compares.
func (s *session) wantListed(text string, want ...string) {
	got := s.listed(text)
	slices.Sort(want)
	if !s.over() && !slices.Equal(got, want) {
		s.fail("%s has %q, want %q", text, got, want)
	}
}

// attrs returns the attributes of a name in an answer, in capitals; nil if it
// has no row.
func (a *answer) attrs(name string) []string {
	for _, r := range a.all("LIST") {
		if len(r.args) >= 3 && r.args[2].text == name {
			return append(r.args[0].words(), "")
		}
	}
	return nil
}

// wantAttr wants a name to be listed with an attribute, or without it: "!x".
func (s *session) wantAttr(a *answer, name string, attrs ...string) {
	got := a.attrs(name)
	if s.over() {
		return
	}
	if got == nil {
		s.fail("%q is not listed", name)
	}
	for _, attr := range attrs {
		not, plain := strings.HasPrefix(attr, "!"), strings.ToUpper(strings.TrimPrefix(attr, "!"))
		if slices.Contains(got, plain) == not {
			s.fail("%q is listed as %v, want %s", name, got, attr)
		}
	}
}

var mailboxCases = []Case{
	{ID: "MBX-1", Title: "patterns of many wildcards are matched in time", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.9"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, c := range []string{"a", "aa"} {
				s.ok("CREATE " + d.name(strings.Repeat(c, 90)))
			}
			for _, wild := range []string{"*", "%"} {
				s.wantListed(`LIST "" "` + strings.Repeat(wild+"a", 40) + wild + `b"`)
				s.wantListed(`LIST "" "` + strings.Repeat(wild, 200) + `b"`)
			}
			if n := len(s.listed(`LIST "" "` + d.target.Prefix + strings.Repeat("*a", 40) + `"`)); n != 2 {
				s.fail("%d of 2 names match", n)
			}
		}},
	{ID: "MBX-2", Title: "LIST tells the delimiter, and finds INBOX in any letter case", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.9"},
		run: func(d *dialogue) {
			delim, s := d.delim(), d.open("A")
			a := s.ok(`LIST "" ""`)
			rows := a.all("LIST")
			if !d.over() && (len(rows) != 1 || !slices.Contains(rows[0].args[0].words(), `\NOSELECT`) || rows[0].args[2].text != "") {
				s.fail(`want one row of \Noselect with an empty name`)
			}
			for _, text := range []string{`LIST "" inbox`, `LIST "" INBOX`, `LIST "" "InBoX"`, `LIST "" inb%`, `LIST in box`} {
				s.wantListed(text, "INBOX")
			}
			name := d.name("a" + delim + "b")
			s.ok("CREATE " + name)
			s.wantListed(`LIST "" `+d.name("a"+delim+"%"), name)
			s.wantListed(`LIST `+quote(d.name("a"+delim))+` b`, name)
			s.wantListed(`LIST ` + quote(d.name("a")) + ` b`)
			s.wantListed(`LIST "" `+d.name("a*"), d.name("a"), name)
			s.wantListed(`LIST "" `+d.name("%"), append(s.listed(`LIST "" `+d.name("box%")), s.top(d)...)...)
		}},
	{ID: "MBX-3", Title: "names that are no modified UTF-7 are refused, and match nothing", Level: Must, Harm: Changes, Refs: []string{"RFC 3501, section 5.1.3"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, name := range []string{"a&b", "&AOQ", "&AGE-", "&2AA-", "&AOQ-&AOU-", "&", "&-&"} {
				s.refused("CREATE " + quote(d.name(name)))
				s.wantListed(`LIST "" ` + quote(d.name(name)))
			}
			s.ok("CREATE " + d.name("&AOQA9g-x&-y"))
			s.wantListed(`LIST "" `+d.name("*x&-y"), d.name("&AOQA9g-x&-y"))
			s.refused("CREATE " + d.name("&AOQA9g-x&-y"))
			s.ok("DELETE " + d.name("&AOQA9g-x&-y"))
		}},
	{ID: "MBX-4", Title: "CREATE makes parents, RENAME moves children, INBOX stays", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 6.3.4", "RFC 9051, section 6.3.5", "RFC 9051, section 6.3.6"},
		run: func(d *dialogue) {
			delim, s := d.delim(), d.open("A")
			name := func(parts ...string) string { return d.name(strings.Join(parts, delim)) }
			s.no("CREATE INBOX", "CREATE inbox", "DELETE INBOX", "DELETE "+name("missing"), "RENAME "+name("missing")+" "+name("x"))
			s.ok("CREATE " + name("a", "b", "c"))
			s.wantListed(`LIST "" `+name("a*"), name("a"), name("a", "b"), name("a", "b", "c"))
			s.no("CREATE " + name("a", "b", "c"))
			d.add(name("a", "b", "c"), numbered(2)...)
			s.ok("RENAME " + name("a", "b") + " " + name("x", "y"))
			s.wantListed(`LIST "" `+name("x*"), name("x"), name("x", "y"), name("x", "y", "c"))
			s.ok("SELECT " + name("x", "y", "c"))
			s.wantCount(2)
			s.ok("CREATE " + name("z") + delim)
			s.wantListed(`LIST "" `+name("z*"), name("z"))
			s.no("RENAME "+name("z")+" "+name("x"), "RENAME "+name("z")+" INBOX")
			s.ok("DELETE " + name("z"))
			s.wantListed(`LIST "" ` + name("z*"))
		}},
	{ID: "MBX-4b", Title: "RENAME of INBOX moves its mail and leaves it", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 6.3.6"},
		run: func(d *dialogue) {
			d.add("INBOX", numbered(2)...)
			s := d.open("A")
			s.ok("RENAME INBOX " + d.name("old"))
			if got := s.status("INBOX", "MESSAGES")["MESSAGES"]; !d.over() && got != "0" {
				s.fail("INBOX has %s messages", got)
			}
			s.ok("SELECT " + d.name("old"))
			s.wantCount(2)
			d.add("INBOX", numbered(1)...)
			s.ok("SELECT INBOX")
			s.wantCount(1)
		}},
	{ID: "MBX-4c", Title: "a mailbox with children can be deleted, and they stay", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.5"},
		run: func(d *dialogue) {
			delim, s := d.delim(), d.open("A")
			child := d.name("a" + delim + "b")
			s.ok("CREATE " + d.name("a"))
			s.ok("CREATE " + child)
			if a := s.want("DELETE "+d.name("a"), "OK", "NO"); a.name == "OK" {
				s.wantListed(`LIST "" `+child, child)
				s.no("SELECT " + d.name("a"))
				for _, r := range s.ok(`LIST "" ` + d.name("a")).all("LIST") {
					words := r.args[0].words()
					if !slices.Contains(words, `\NOSELECT`) && !slices.Contains(words, `\NONEXISTENT`) {
						s.fail("what was deleted is listed as %v", words)
					}
				}
			}
			s.ok("SELECT " + child)
		}},
	{ID: "MBX-5", Title: "a name never has the same UIDs for other messages", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 2.3.1.1"},
		run: func(d *dialogue) {
			s := d.open("A")
			a, b, c := d.name("a"), d.name("b"), d.name("c")
			seen := make(map[string]bool)
			look := func(when string) {
				st := s.status(a, "UIDVALIDITY UIDNEXT MESSAGES")
				key := st["UIDVALIDITY"] + " " + st["UIDNEXT"]
				if !d.over() && seen[key] {
					s.fail("%s: UIDVALIDITY and UIDNEXT are %s again", when, key)
				}
				seen[key] = true
			}
			s.ok("CREATE " + a)
			d.add(a, numbered(1)...)
			look("made")
			for range 2 {
				s.ok("DELETE " + a)
				s.ok("CREATE " + a)
				d.add(a, numbered(1)...)
				look("deleted and made again")
			}
			s.ok("CREATE " + b)
			d.add(b, numbered(1)...)
			s.ok("RENAME " + a + " " + c)
			s.ok("RENAME " + b + " " + a)
			look("another one renamed to it")
			s.ok("SELECT " + a)
			s.expunge("1")
			before := s.status(a, "UIDNEXT")["UIDNEXT"]
			s.ok("CLOSE")
			d.add(a, numbered(1)...)
			s.ok("SELECT " + a)
			if v, _ := s.ok("FETCH 1 (UID)").item(1, "UID"); !d.over() && v.text != before {
				s.fail("the UID is %s, and UIDNEXT was %s", v, before)
			}
		}},
	{ID: "MBX-6", Title: "subscriptions are names, and LSUB shows what is above them", Level: Must, Harm: Changes, Refs: []string{"RFC 3501, section 6.3.9", "RFC 9051, section 6.3.7"},
		run: func(d *dialogue) {
			delim, s := d.delim(), d.open("A")
			name := func(parts ...string) string { return d.name(strings.Join(parts, delim)) }
			s.ok("CREATE " + name("a", "b"))
			s.ok("SUBSCRIBE " + name("a", "b"))
			s.ok("SUBSCRIBE " + name("a", "b"))
			s.wantListed(`LSUB "" "*"`, name("a", "b"))
			s.wantListed(`LSUB "" `+name("%"), name("a"))
			for _, r := range s.ok(`LSUB "" ` + name("%")).all("LSUB") {
				if !slices.Contains(r.args[0].words(), `\NOSELECT`) {
					s.fail(`the parent is listed without \Noselect`)
				}
			}
			s.ok("DELETE " + name("a", "b"))
			s.wantListed(`LSUB "" "*"`, name("a", "b"))
			s.ok("UNSUBSCRIBE " + name("a", "b"))
			s.wantListed(`LSUB "" "*"`)
			s.want("UNSUBSCRIBE "+name("a", "b"), "OK", "NO")
		}},
	{ID: "MBX-6b", Title: "LIST with options", Level: Must, Harm: Changes, Refs: []string{"RFC 5258, section 3.1", "RFC 5258, section 3.5"}, Needs: []string{"LIST-EXTENDED"},
		run: func(d *dialogue) {
			delim, s := d.delim(), d.open("A")
			name := func(parts ...string) string { return d.name(strings.Join(parts, delim)) }
			s.ok("CREATE " + name("a", "b"))
			s.ok("CREATE " + name("c"))
			s.ok("SUBSCRIBE " + name("a", "b"))
			s.ok("SUBSCRIBE " + name("c"))
			s.ok("DELETE " + name("c"))
			a := s.ok(`LIST (SUBSCRIBED) "" "*"`)
			s.wantAttr(a, name("c"), `\NonExistent`, `\Subscribed`)
			s.wantAttr(a, name("a", "b"), `\Subscribed`, `!\NonExistent`)
			if n := len(a.all("LIST")); n != 2 {
				s.fail("%d subscribed names, want 2", n)
			}
			a = s.ok(`LIST (SUBSCRIBED RECURSIVEMATCH) "" ` + name("%"))
			for _, r := range a.all("LIST") {
				if r.args[2].text == name("a") && (len(r.args) != 4 || strings.ToUpper(strings.ReplaceAll(r.args[3].String(), `"`, "")) != `(CHILDINFO (SUBSCRIBED))`) {
					s.fail(`%q has no CHILDINFO ("SUBSCRIBED")`, name("a"))
				}
			}
			s.wantAttr(a, name("a"), `!\Subscribed`)
			s.bad(`LIST (RECURSIVEMATCH) "" "*"`, `LIST (REMOTE RECURSIVEMATCH) "" "*"`, `LIST (XYZZY) "" "*"`, `LIST "" "*" RETURN (XYZZY)`)
			a = s.ok(`LIST "" (` + name("a") + " " + name("a", "%") + `) RETURN (CHILDREN SUBSCRIBED)`)
			s.wantAttr(a, name("a"), `\HasChildren`, `!\Subscribed`)
			s.wantAttr(a, name("a", "b"), `\HasNoChildren`, `\Subscribed`)
			s.ok(`LIST () "" "%" RETURN ()`)
		}},
	{ID: "MBX-6c", Title: "LIST with STATUS has one behind each mailbox", Level: Must, Harm: Changes, Refs: []string{"RFC 5819, section 2"}, Needs: []string{"LIST-STATUS"},
		run: func(d *dialogue) {
			s := d.open("A")
			box := d.box(numbered(3)...)
			a := s.ok(`LIST "" ("INBOX" ` + box + `) RETURN (STATUS (MESSAGES UIDNEXT))`)
			found := false
			for i, r := range a.lines {
				if r.name == "STATUS" && r.args[0].text == box {
					found = strings.Contains(r.args[1].String(), "MESSAGES 3")
					if i == 0 {
						s.fail("STATUS before LIST")
					}
				}
			}
			if !d.over() && (!found || len(a.all("LIST")) != 2 || len(a.all("STATUS")) != 2) {
				s.fail("want LIST and STATUS of two mailboxes")
			}
		}},
	{ID: "MBX-6d", Title: "children and special use are listed", Level: Must, Harm: Changes, Refs: []string{"RFC 3348, section 3", "RFC 6154, section 3"}, Needs: []string{"CREATE-SPECIAL-USE"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.ok("CREATE " + d.name("rubbish") + ` (USE (\Junk))`)
			s.wantAttr(s.ok(`LIST (SPECIAL-USE) "" "*"`), d.name("rubbish"), `\Junk`)
			s.wantAttr(s.ok(`LIST "" "*" RETURN (SPECIAL-USE)`), d.name("rubbish"), `\Junk`)
			s.want("CREATE "+d.name("x")+` (USE (\Bogus))`, "NO [USEATTR]", "BAD")
			s.wantListed(`LIST "" ` + d.name("x"))
		}},
	{ID: "MBX-7", Title: "APPEND and COPY to a mailbox that is not there say so", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.12", "RFC 9051, section 6.4.7"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.want("COPY 1 "+d.name("missing"), "NO [TRYCREATE]")
			s.want("APPEND "+d.name("missing")+" "+lit(numbered(1)[0]), "NO [TRYCREATE]")
			if s.offers("MOVE") {
				s.want("MOVE 1 "+d.name("missing"), "NO [TRYCREATE]")
			}
			s.wantListed(`LIST "" ` + d.name("missing"))
			s.ok("NOOP")
			s.wantCount(1)
		}},
	{ID: "MBX-7b", Title: "APPEND keeps octets, flags and date", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.12"},
		run: func(d *dialogue) {
			box, s := d.box(), d.open("A")
			message := mail("a\r\n\r\n.\r\n..\r\n\tx \r\n\r\n", "Subject: x", "X-Long: "+strings.Repeat("y", 2000))
			s.ok(`APPEND ` + box + ` (\Seen \Flagged k) "17-Jul-1996 02:44:25 -0700" ` + lit(message))
			s.ok("SELECT " + box)
			s.wantItem("1", 1, "BODY.PEEK[]", message)
			s.wantFlags(1, `K \Flagged \Seen`)
			s.wantDate(1, "17-Jul-1996 02:44:25 -0700")
			s.refused("APPEND " + box + ` (\Recent) ` + lit(message))
			s.ok("NOOP")
			s.wantCount(1)
		}},
	{ID: "MBX-7g", Title: "NUL is for literal8 alone", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 4.3.1", "RFC 3516, section 4.4"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.refused("APPEND INBOX " + lit("Subject: x\r\n\r\n\x00\r\n"))
			s.ok("SELECT INBOX")
			s.wantCount(0)
		}},
	{ID: "MBX-7f", Title: "dates that are none are refused", Level: Practice, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.open("A")
			for _, date := range []string{"32-Jul-1996 02:44:25 -0700", "17-Foo-1996 02:44:25 -0700", "17-Jul-1996 25:44:25 -0700", "17-Jul-1996", "17-Jul-96 02:44:25 -0700"} {
				s.refused("APPEND INBOX " + quote(date) + " " + lit(numbered(1)[0]))
			}
			s.ok("SELECT INBOX")
			s.wantCount(0)
		}},
	{ID: "MBX-7c", Title: "MULTIAPPEND stores all or none", Level: Must, Harm: Changes, Refs: []string{"RFC 3502, section 6.3.11"}, Needs: []string{"MULTIAPPEND"},
		run: func(d *dialogue) {
			box, s := d.box(), d.open("A")
			m := numbered(3)
			a := s.ok("APPEND " + box + ` (\Seen) ` + lit(m[0]) + ` (\Flagged) "17-Jul-1996 02:44:25 -0700" ` + lit(m[1]) + " " + lit(m[2]))
			if r := a.withCode("APPENDUID"); s.offers("UIDPLUS") && (r == nil || len(r.codeArgs) != 2 || strings.Join(expand(r.codeArgs[1].text), " ") != "1 2 3") {
				s.fail("no APPENDUID with three UIDs")
			}
			s.ok("SELECT " + box)
			s.wantCount(3)
			s.wantFlags(1, `\Seen`)
			s.wantFlags(2, `\Flagged`)
			s.wantItem("3", 3, "BODY.PEEK[]", m[2])
			s.refused("APPEND " + box + " " + lit(m[0]) + " " + lit(m[1]) + " (\\Recent) " + lit(m[2]))
			s.ok("NOOP")
			s.wantCount(3)
		}},
	{ID: "MBX-7d", Title: "a message of no octets is refused", Level: Must, Harm: Changes, Refs: []string{"RFC 3502, section 6.3.11"}, Needs: []string{"MULTIAPPEND"},
		run: func(d *dialogue) {
			box, s := d.box(), d.open("A")
			s.refused("APPEND " + box + " " + lit(""))
			s.refused("APPEND " + box + " " + lit(numbered(1)[0]) + " " + lit(""))
			s.ok("SELECT " + box)
			s.wantCount(0)
		}},
	{ID: "MBX-7e", Title: "a message over APPENDLIMIT is refused before it is sent", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 7889, section 4"},
		run: func(d *dialogue) {
			s, limit := d.open("A"), ""
			for _, c := range s.capabilities() {
				if v, ok := strings.CutPrefix(c, "APPENDLIMIT="); ok {
					limit = v
				}
			}
			if limit == "" {
				d.skip("the server does not offer APPENDLIMIT with a number")
			}
			s.running = "?"
			for _, size := range []string{limit + "0", "99999999999999999999"} {
				tag := s.newTag()
				s.raw(tag + " APPEND INBOX {" + size + "}\r\n")
				s.wantEnd(s.until(tag), "APPEND", "NO [TOOBIG]", "BAD [TOOBIG]")
			}
		}},
	{ID: "MBX-8", Title: "UTF8=ACCEPT has UTF-8 in names, and no CHARSET", Level: Must, Harm: Changes, Refs: []string{"RFC 6855, section 3"}, Needs: []string{"UTF8=ACCEPT", "ENABLE"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.ok("ENABLE UTF8=ACCEPT")
			s.utf8 = true
			name := d.name("Gr\u00fc\u00dfe")
			s.ok("CREATE " + quote(name))
			s.wantListed(`LIST "" `+quote(d.name("Gr*")), name)
			s.ok("SELECT " + quote(name))
			s.bad("SEARCH CHARSET UTF-8 ALL")
			s.ok("APPEND " + quote(name) + " UTF8 (~" + lit("Subject: \u00fc\r\n\r\nx\r\n") + ")")
			s.ok("NOOP")
			s.wantFound("SEARCH SUBJECT "+quote("\u00fc"), "1")
			s.refused("CREATE " + quote(d.name("a\u0085b")))
			s.refused("CREATE \"" + d.name("a\xffb") + "\"")
			old := d.open("B")
			old.wantListed(`LIST "" `+d.name("Gr*"), d.name("Gr&APwA3w-e"))
		}},
	{ID: "MBX-8b", Title: "names with 8-bit octets or controls are refused where UTF-8 is not on", Level: Must, Harm: Changes, Refs: []string{"RFC 3501, section 5.1.3", "RFC 6855, section 3"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.refused("CREATE \"" + d.name("Gr\u00fc\u00dfe") + "\"")
			s.refused("CREATE " + lit(d.name("a\tb")))
			s.refused("CREATE " + lit(d.name("a\r\nb")))
			s.refused("CREATE " + lit(d.name("a\x7fb")))
			s.refused("CREATE " + lit(""))
		}},
	{ID: "MBX-8c", Title: "a header with 8-bit octets is refused where UTF8=ACCEPT is offered and off", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 6855, section 4"}, Needs: []string{"UTF8=ACCEPT"},
		run: func(d *dialogue) {
			s := d.open("A")
			s.no("APPEND INBOX " + lit("Subject: \u00fc\r\n\r\nx\r\n"))
		}},
	{ID: "MBX-9", Title: "NAMESPACE has three lists", Level: Must, Refs: []string{"RFC 2342, section 5"}, Needs: []string{"NAMESPACE"},
		run: func(d *dialogue) {
			s := d.open("A")
			rows := s.ok("NAMESPACE").all("NAMESPACE")
			if !d.over() && (len(rows) != 1 || len(rows[0].args) != 3 || len(rows[0].args[0].list) == 0) {
				s.fail("want one NAMESPACE with three values, the first of them not NIL")
			}
		}},
	{ID: "MBX-10", Title: "STATUS has all its items, also of the selected mailbox", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.11", "RFC 8438, section 3"}, Needs: []string{"STATUS=SIZE"},
		run: func(d *dialogue) {
			box, a, b := d.two(3)
			a.ok(`STORE 1 +FLAGS.SILENT (\Seen)`)
			b.ok("NOOP")
			size := len(strings.Join(numbered(3), ""))
			for _, s := range []*session{a, b, d.setup} {
				st := s.status(box, "MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE")
				if !d.over() && (st["MESSAGES"] != "3" || st["UIDNEXT"] != "4" || st["UNSEEN"] != "2" || len(st["SIZE"]) < 3 || len(st) != 5) {
					s.fail("STATUS has %v of three messages with %d octets, of which two are unseen", st, size)
				}
			}
			a.bad("STATUS "+box+" ()", "STATUS "+box, "STATUS "+box+" (XYZZY)", "STATUS "+box+" MESSAGES")
			a.no("STATUS " + d.name("missing") + " (MESSAGES)")
		}},
}

// top returns what the case MBX-2 has at the top.
func (s *session) top(d *dialogue) []string {
	out := []string{d.name("a")}
	if d.target.Prefix == "" {
		out = append(out, "INBOX")
	}
	return out
}

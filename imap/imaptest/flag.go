package imaptest

import (
	"fmt"
	"strconv"
	"strings"
)

var needCondstore = []string{"CONDSTORE"}

// modseq asks for the mod-sequence of a message.
func (s *session) modseq(num int64) int64 {
	return s.modseqIn(s.ok(fmt.Sprintf("FETCH %d (MODSEQ)", num)), num)
}

// modseqIn looks for it in an answer.
func (s *session) modseqIn(a *answer, num int64) int64 {
	v, ok := a.item(num, "MODSEQ")
	n := v.at(0).number()
	if !s.over() && (!ok || len(v.list) != 1 || n < 1) {
		s.fail("MODSEQ of message %d is %s", num, v)
	}
	return n
}

// highest is HIGHESTMODSEQ of an answer, or 0.
func (a *answer) highest() int64 {
	if r := a.withCode("HIGHESTMODSEQ"); r != nil && len(r.codeArgs) == 1 {
		return r.codeArgs[0].number()
	}
	return 0
}

// count returns how often there is a code.
func (a *answer) count(code string) (n int) {
	for _, r := range append(a.lines, a.response) {
		if r.code == code {
			n++
		}
	}
	return n
}

var flagCases = []Case{
	{ID: "CST-1", Title: "flags that are none are refused", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.bad(`STORE 1 +FLAGS (\Recent)`, `STORE 1 +FLAGS (\Bogus)`, `STORE 1 FLAGS (\Seen \Bogus)`, `STORE 1 +FLAGS (a b(c)`, `STORE 1 FLAGS (\*)`, `STORE 1 +FLAGS ("a")`, `STORE 1 FLAGSX (\Seen)`, `STORE 1`)
			s.refused(`STORE 1 +FLAGS (a]b%)`)
			s.wantFlags(1, "")
		}},
	{ID: "CST-1c", Title: "STORE without flags is refused", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 9"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.bad("STORE 1 +FLAGS", "STORE 1 FLAGS ", "STORE 1 +FLAGS (\\Seen", "UID STORE 1 -FLAGS.SILENT")
			s.wantFlags(1, "")
		}},
	{ID: "CST-1b", Title: "flags are set, added and taken away, and told as they are", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.6"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.selected("A", box)
			for _, row := range []struct{ op, want string }{
				{`FLAGS (\Seen \Flagged)`, `\Flagged \Seen`}, {`+FLAGS (\Answered)`, `\Answered \Flagged \Seen`}, {`-FLAGS (\Seen \Draft)`, `\Answered \Flagged`}, {`+FLAGS \Draft`, `\Answered \Draft \Flagged`},
				{`FLAGS \Seen \Deleted`, `\Deleted \Seen`}, {`+FLAGS ()`, `\Deleted \Seen`}, {`FLAGS ()`, ``},
			} {
				a := s.ok("STORE 1 " + row.op)
				if got := a.flags(1); !d.over() && got != strings.ToUpper(row.want) && (got != "-" || row.op != "+FLAGS ()") {
					s.fail("STORE 1 %s tells %q, want %q", row.op, got, row.want)
				}
				s.wantFlags(1, row.want)
			}
			s.wantFlags(2, "")
			s.ok(`UID STORE 2 +FLAGS.SILENT (\Seen)`)
			s.ok("SELECT " + box)
			s.wantFlags(2, `\Seen`)
		}},
	{ID: "CST-2", Title: "keywords are the same in any letter case, and are told of before they are used", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 2.3.2", "RFC 9051, section 7.3.5"},
		run: func(d *dialogue) {
			_, a, b := d.two(2)
			got := a.ok("STORE 1 +FLAGS ($Work)")
			known := false
			for _, r := range got.lines {
				if r.name == "FLAGS" && len(r.args) == 1 && strings.Contains(strings.ToUpper(r.args[0].String()), "$WORK") {
					known = true
				}
				if r.name == "FETCH" && !known {
					a.fail("a row has a keyword that FLAGS did not tell of")
				}
			}
			a.ok("STORE 1 +FLAGS ($wORK)")
			a.wantFlags(1, "$Work")
			a.wantFound("SEARCH KEYWORD $WORK", "1")
			a.wantFound("SEARCH UNKEYWORD $work", "2")
			if f := b.ok("NOOP").flags(1); !d.over() && f != "$WORK" {
				b.fail("flags of message 1 are told as %q", f)
			}
			a.ok("STORE 1 -FLAGS ($work)")
			a.wantFlags(1, "")
		}},
	{ID: "CST-3", Title: "UNCHANGEDSINCE keeps what was changed, and says what", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.1.3"}, Needs: needCondstore,
		run: func(d *dialogue) {
			_, a, b := d.two(4)
			before := a.modseq(3)
			b.ok(`STORE 2 +FLAGS (\Answered)`)
			a.ok("NOOP")
			if now := a.modseq(2); !d.over() && now <= before {
				a.fail("the mod-sequence was %d and is %d", before, now)
			}
			// The mailbox has one mod-sequence for the first three, or one each.
			limit := max(before, a.modseq(4), a.modseq(1))
			got := a.ok(fmt.Sprintf(`STORE 1:3 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\Flagged)`, limit))
			modified := got.withCode("MODIFIED")
			if !d.over() && (modified == nil || len(modified.codeArgs) != 1 || modified.codeArgs[0].text != "2") {
				a.fail("no [MODIFIED 2]")
			}
			for _, n := range []int64{1, 3} {
				a.modseqIn(got, n)
				a.wantFlags(n, `\Flagged`)
			}
			a.wantFlags(2, `\Answered`)
			got = a.ok(`UID STORE 1:2 (UNCHANGEDSINCE 0) +FLAGS (\Seen)`)
			if r := got.withCode("MODIFIED"); !d.over() && (r == nil || len(r.codeArgs) != 1 || strings.Join(expand(r.codeArgs[0].text), " ") != "1 2") {
				a.fail("UNCHANGEDSINCE 0 changes something")
			}
			a.wantFound("SEARCH SEEN", "")
		}},
	{ID: "CST-3b", Title: "MODIFIED is in the numbers of the command", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.1.3"}, Needs: needCondstore,
		run: func(d *dialogue) {
			_, a, _ := d.two(4)
			a.expunge("1:2")
			old := a.modseq(1)
			a.ok(`STORE 1:2 +FLAGS.SILENT (\Answered)`)
			for _, row := range []struct{ text, want string }{{"STORE 1:2", "1 2"}, {"UID STORE 3:4", "3 4"}} {
				got := a.ok(fmt.Sprintf(`%s (UNCHANGEDSINCE %d) -FLAGS (\Answered)`, row.text, old))
				if r := got.withCode("MODIFIED"); !d.over() && (r == nil || len(r.codeArgs) != 1 || strings.Join(expand(r.codeArgs[0].text), " ") != row.want) {
					a.fail("%s: no [MODIFIED] with %s", row.text, row.want)
				}
			}
		}},
	{ID: "CST-4", Title: "a STORE that changes nothing keeps the mod-sequence, others raise it", Level: Should, Harm: Changes, Refs: []string{"RFC 7162, section 3.1"}, Needs: needCondstore,
		run: func(d *dialogue) {
			_, a, _ := d.two(2)
			a.ok(`STORE 1 +FLAGS (\Flagged)`)
			first := a.modseq(1)
			a.ok(`STORE 1 +FLAGS (\Flagged)`)
			if now := a.modseq(1); !d.over() && now != first {
				a.fail("nothing was changed, and the mod-sequence goes from %d to %d", first, now)
			}
			a.ok(`STORE 2 +FLAGS (\Flagged)`)
			second := a.modseq(2)
			a.ok(`STORE 1 -FLAGS (\Flagged)`)
			if third := a.modseq(1); !d.over() && !(first < second && second < third) {
				a.fail("mod-sequences %d, %d, %d do not rise", first, second, third)
			}
		}},
	{ID: "CST-5", Title: "what enables CONDSTORE gets HIGHESTMODSEQ and MODSEQ", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.1", "RFC 7162, section 3.1.2"}, Needs: needCondstore,
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			for i, enable := range []string{"FETCH 1 (MODSEQ)", "SEARCH MODSEQ 1", "FETCH 1 (FLAGS) (CHANGEDSINCE 1)", `STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\Draft)`, "STATUS " + box + " (HIGHESTMODSEQ)", "SELECT " + box + " (CONDSTORE)", "ENABLE CONDSTORE"} {
				if strings.HasPrefix(enable, "ENABLE") && !d.offers("ENABLE") {
					continue
				}
				a, b := d.selected(fmt.Sprint("A", i), box), d.selected(fmt.Sprint("B", i), box)
				got := a.ok(enable)
				if !strings.HasPrefix(enable, "STATUS") && !d.over() && (got.highest() < 1 || got.count("HIGHESTMODSEQ") != 1) {
					// SELECT without it has said it already, which is enough for many servers.
					a.fail("%s: HIGHESTMODSEQ %d times, want once", enable, got.count("HIGHESTMODSEQ"))
				}
				if again := a.ok(enable); !strings.HasPrefix(enable, "SELECT") && again.count("HIGHESTMODSEQ") > 0 {
					a.fail("%s: HIGHESTMODSEQ a second time", enable)
				}
				b.ok(fmt.Sprintf("STORE 2 FLAGS.SILENT (k%d)", i))
				a.modseqIn(a.ok("NOOP"), 2)
			}
		}},
	{ID: "CST-5b", Title: "HIGHESTMODSEQ is that of the mailbox, and STATUS and SELECT agree", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.1.2.1", "RFC 7162, section 3.1.7"}, Needs: needCondstore,
		run: func(d *dialogue) {
			box := d.box(numbered(3)...)
			s := d.open("A")
			first := s.ok("SELECT " + box + " (CONDSTORE)").highest()
			s.ok(`STORE 2 +FLAGS.SILENT (\Flagged)`)
			changed := s.modseq(2)
			if got := d.setup.status(box, "HIGHESTMODSEQ")["HIGHESTMODSEQ"]; !d.over() && (got != strconv.FormatInt(changed, 10) || changed <= first) {
				s.fail("STATUS has %s, the last change %d, and it was %d", got, changed, first)
			}
			s.wantRows(fmt.Sprintf("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)", first), "2")
			a := s.ok(fmt.Sprintf("SEARCH MODSEQ %d", first+1))
			if got := a.found(); !d.over() && !strings.HasPrefix(got, "2") {
				s.fail("SEARCH MODSEQ finds %q, want 2", got)
			}
			s.wantRows(fmt.Sprintf("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)", changed), "")
			s.bad("FETCH 1 (FLAGS) (CHANGEDSINCE)", "FETCH 1 (FLAGS) (CHANGEDSINCE -1)", "FETCH 1 (FLAGS) (CHANGEDSINCE 99999999999999999999)", "STORE 1 (UNCHANGEDSINCE x) FLAGS ()")
		}},
	{ID: "UID-1", Title: "UID EXPUNGE removes those of its set that are deleted", Level: Must, Harm: Changes, Refs: []string{"RFC 4315, section 2.1"}, Needs: []string{"UIDPLUS"},
		run: func(d *dialogue) {
			_, a, b := d.two(5)
			a.ok(`STORE 1:3 +FLAGS.SILENT (\Deleted)`)
			a.ok("UID EXPUNGE 2:5")
			a.wantUIDs("1 4 5")
			b.ok("NOOP")
			b.wantUIDs("1 4 5")
			a.ok("EXPUNGE")
			a.wantUIDs("4 5")
		}},
	{ID: "UID-2", Title: "APPENDUID and COPYUID are true", Level: Must, Harm: Changes, Refs: []string{"RFC 4315, section 3"}, Needs: []string{"UIDPLUS"},
		run: func(d *dialogue) {
			_, a, _ := d.two(3)
			target := d.box(numbered(1)...)
			validity := d.setup.status(target, "UIDVALIDITY")["UIDVALIDITY"]
			code := a.ok("APPEND " + target + " " + lit(numbered(1)[0])).withCode("APPENDUID")
			if !d.over() && (code == nil || len(code.codeArgs) != 2 || code.codeArgs[0].text != validity || code.codeArgs[1].text != "2") {
				a.fail("want [APPENDUID %s 2]", validity)
			}
			code = a.ok("COPY 1,3 " + target).withCode("COPYUID")
			if !d.over() && (code == nil || len(code.codeArgs) != 3 || code.codeArgs[0].text != validity || strings.Join(expand(code.codeArgs[1].text), " ") != "1 3" || strings.Join(expand(code.codeArgs[2].text), " ") != "3 4") {
				a.fail("want [COPYUID %s 1,3 3:4]", validity)
			}
			a.ok("SELECT " + target)
			a.wantItem("4", 4, "BODY.PEEK[TEXT]", "body of m3\r\n")
		}},
}

package imaptest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// two makes a mailbox of n messages, and two sessions that have it selected.
func (d *dialogue) two(n int) (box string, a, b *session) {
	box = d.box(numbered(n)...)
	return box, d.selected("A", box), d.selected("B", box)
}

// expunge removes messages by number.
func (s *session) expunge(set string) {
	s.ok("STORE " + set + ` +FLAGS.SILENT (\Deleted)`)
	s.ok("EXPUNGE")
}

// wantUIDs wants the messages to have these UIDs, by number.
func (s *session) wantUIDs(want string) {
	var got []string
	for _, r := range s.ok("FETCH 1:* (UID)").all("FETCH") {
		v, _ := r.item("UID")
		got = append(got, v.text)
	}
	if text := strings.Join(got, " "); !s.over() && text != want {
		s.fail("the UIDs are %s, want %s", text, want)
	}
}

var viewCases = []Case{
	{ID: "VIEW-1", Title: "FETCH by number keeps the numbers that were told", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			_, a, b := d.two(4)
			b.wantUIDs("1 2 3 4")
			a.expunge("1")
			got := b.ok("FETCH 2:4 (UID)")
			for n := int64(2); n <= 4; n++ {
				b.wantIn(got, n, "UID", fmt.Sprint(n))
			}
			b.ok("NOOP")
			b.wantCount(3)
			b.wantUIDs("2 3 4")
		}},
	{ID: "VIEW-2", Title: "* is the last message that was told", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 2.3.1.2"},
		run: func(d *dialogue) {
			box, a, b := d.two(3)
			b.wantUIDs("1 2 3")
			a.expunge("1")
			b.wantIn(b.ok("FETCH * (UID)"), 3, "UID", "3")
			d.add(box, numbered(1)...)
			got := b.ok("FETCH * (UID)")
			v, ok := got.item(3, "UID")
			if w, told := got.item(4, "UID"); told && w.text == "4" && len(got.all("EXISTS")) > 0 {
				return
			}
			if !d.over() && (!ok || v.text != "3") {
				b.fail("FETCH * is not of the last message that was told")
			}
		}},
	{ID: "VIEW-3", Title: "STORE by number changes the message that the session knows by it", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			box, a, b := d.two(4)
			a.expunge("1")
			b.ok(`STORE 3 +FLAGS (\Flagged)`)
			b.ok("NOOP")
			c := d.selected("C", box)
			for i, want := range []string{"", `\Flagged`, ""} {
				c.wantFlags(int64(i+1), want)
			}
			c.wantUIDs("2 3 4")
		}},
	{ID: "VIEW-3b", Title: "STORE by number of a message that is gone changes no other", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			box, a, b := d.two(4)
			a.expunge("2")
			b.want(`STORE 2 +FLAGS (\Flagged)`, "OK", "NO")
			b.want(`FETCH 2 (FLAGS)`, "OK", "NO")
			b.ok("NOOP")
			c := d.selected("C", box)
			c.wantFound("SEARCH FLAGGED", "")
		}},
	{ID: "VIEW-4", Title: "SEARCH gives the numbers that were told", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			_, a, b := d.two(4)
			a.expunge("1")
			b.wantFound("SEARCH SUBJECT m3", "3")
			b.wantFound("SEARCH 3:4", "3 4")
			b.wantFound("UID SEARCH SUBJECT m3", "3")
			b.ok("NOOP")
			b.wantFound("SEARCH SUBJECT m3", "2")
		}},
	{ID: "VIEW-5", Title: "a message is there from its EXISTS on, also for UID commands", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.4.1"},
		run: func(d *dialogue) {
			box, _, b := d.two(2)
			d.add(box, numbered(1)...)
			b.ok("UID FETCH 1:* (FLAGS)") // the mirror looks at the numbers
			b.ok("NOOP")
			b.wantCount(3)
			b.wantUIDs("1 2 3")
		}},
	{ID: "VIEW-6", Title: "the body of a message that is gone comes, or it is said that it is gone", Level: Must, Harm: Changes, Refs: []string{"RFC 5530, section 3"},
		run: func(d *dialogue) {
			_, a, b := d.two(3)
			b.wantUIDs("1 2 3")
			a.expunge("2")
			got := b.want("FETCH 2 (BODY.PEEK[])", "OK", "NO")
			v, ok := got.item(2, "BODY[]")
			switch {
			case d.over():
			case ok && v.text == numbered(2)[1], got.withCode("EXPUNGEISSUED") != nil:
			default:
				b.fail("the message does not come, and there is no [EXPUNGEISSUED]")
			}
			b.ok("NOOP")
			b.wantCount(2)
		}},
	{ID: "VIEW-7", Title: "the number of messages falls by EXPUNGE only", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 5.2"},
		run: func(d *dialogue) {
			box, a, b := d.two(6)
			for range 3 {
				a.expunge("2")
				d.add(box, numbered(1)...)
				a.ok("NOOP")
				b.ok("UID FETCH 1:* FLAGS")
				b.ok("FETCH 1 FLAGS")
				b.ok("NOOP")
				b.wantCount(6)
			}
			b.wantUIDs("1 5 6 7 8 9")
		}},
	{ID: "VIEW-8", Title: "EXPUNGE lines are right one by one", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			_, a, b := d.two(9)
			a.wantUIDs("1 2 3 4 5 6 7 8 9")
			b.wantUIDs("1 2 3 4 5 6 7 8 9")
			a.expunge("1,3:4,7,9")
			b.ok("NOOP")
			for _, s := range []*session{a, b} {
				s.wantCount(4)
				if !d.over() && !slices.Equal(s.mirror.uids, []uint32{2, 5, 6, 8}) {
					s.fail("what was told leaves the UIDs %v, want 2 5 6 8", s.mirror.uids)
				}
				s.wantUIDs("2 5 6 8")
			}
		}},
	{ID: "VIEW-9", Title: "EXPUNGE may come in UID FETCH, and fits to the rows", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			_, a, b := d.two(5)
			b.wantUIDs("1 2 3 4 5")
			a.expunge("2,4")
			b.ok("UID FETCH 1:* (UID FLAGS)") // the mirror compares
			b.ok("UID FETCH 1:* (UID FLAGS)")
			b.ok("NOOP")
			b.wantUIDs("1 3 5")
		}},
	{ID: "VIEW-10", Title: "MOVE tells COPYUID, and then the EXPUNGE of each", Level: Must, Harm: Changes, Refs: []string{"RFC 6851, section 3.3", "RFC 6851, section 4.3"}, Needs: []string{"MOVE", "UIDPLUS"},
		run: func(d *dialogue) {
			box, a, b := d.two(3)
			a.wantUIDs("1 2 3")
			other := d.box()
			got := a.ok("MOVE 2 " + other)
			copied, expunged := -1, -1
			for i, r := range got.lines {
				if r.code == "COPYUID" {
					copied = i
				}
				if r.name == "EXPUNGE" {
					if expunged >= 0 {
						a.fail("two EXPUNGE of one message")
					}
					expunged = i
				}
			}
			if !d.over() && (copied < 0 || expunged < copied || got.lines[expunged].num != 2) {
				a.fail("want COPYUID, and then EXPUNGE of 2")
			}
			a.wantUIDs("1 3")
			b.ok("NOOP")
			b.wantUIDs("1 3")
			if got.lines != nil && copied >= 0 && !d.over() {
				if args := got.lines[copied].codeArgs; len(args) != 3 || args[1].text != "2" || args[2].text != "1" {
					a.fail("COPYUID %v, want the UID 2 to be 1", args)
				}
			}
			a.ok("MOVE 1 " + box) // to where it is
			a.ok("NOOP")
			a.wantUIDs("3 4")
			a.ok("UID MOVE 3:4 " + other)
			a.ok("NOOP")
			a.wantCount(0)
			a.ok("SELECT " + other)
			a.wantCount(3)
		}},
	{ID: "VIEW-11", Title: "a storm of flags is told once per message, as it is in the end", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 5.2"},
		run: func(d *dialogue) {
			const messages = 300
			_, a, b := d.two(messages)
			for i := range max(1, cmp.Or(d.target.Changes, 300_000)/messages/2) {
				a.running = "?"
				a.raw(fmt.Sprintf("p%d STORE 1:* +FLAGS.SILENT (\\Flagged)\r\nq%d STORE 1:* -FLAGS.SILENT (\\Flagged)\r\n", i, i))
				a.wantEnd(a.until(fmt.Sprint("p", i)), "STORE", "OK")
				a.wantEnd(a.until(fmt.Sprint("q", i)), "STORE", "OK")
			}
			a.ok(`STORE 1:* FLAGS.SILENT (\Answered)`)
			got := b.ok("NOOP")
			if n := len(got.all("FETCH")); n > messages {
				b.fail("%d rows of %d messages", n, messages)
			}
			for n := int64(1); n <= messages; n++ {
				if f := got.flags(n); !d.over() && f != `\ANSWERED` {
					b.fail("flags of message %d are told as %q", n, f)
				}
			}
		}},
	{ID: "VIEW-12", Title: "a mailbox that is deleted under a session leaves it well behaved", Level: Practice, Harm: Changes, Refs: []string{"RFC 2180, section 3"},
		run: func(d *dialogue) {
			box, a, _ := d.two(2)
			d.setup.ok("DELETE " + box)
			a.mayEnd = true
			for _, text := range []string{"NOOP", "FETCH 1 (BODY.PEEK[])", `STORE 1 +FLAGS (\Seen)`, "EXPUNGE", "SEARCH ALL", "SELECT INBOX"} {
				if a.cmd(text); a.ended {
					break
				}
			}
			for _, s := range d.sessions {
				s.mayEnd = s.mayEnd || s.name == "B"
			}
			d.setup.ok("NOOP")
		}},
	{ID: "VIEW-12b", Title: "a mailbox that is renamed goes on for the sessions that have it", Level: Practice, Harm: Changes, Refs: []string{"RFC 2180, section 3"},
		run: func(d *dialogue) {
			box, a, b := d.two(2)
			d.setup.ok("RENAME " + box + " " + d.name("renamed"))
			a.ok("NOOP")
			b.ok("UID FETCH 1:* FLAGS")
			a.wantItem("1", 1, "BODY.PEEK[TEXT]", "body of m1\r\n")
			a.ok(`STORE 1 +FLAGS (\Flagged)`)
			b.ok("NOOP")
			c := d.selected("C", d.name("renamed"))
			c.wantFlags(1, `\Flagged`)
		}},
	{ID: "VIEW-13", Title: "one session alone sees a message as recent", Level: Must, Harm: Changes, Refs: []string{"RFC 3501, section 2.3.2"},
		run: func(d *dialogue) {
			box := d.box(numbered(3)...)
			s := d.open("A")
			recent := func(s *session) (n int) {
				for _, r := range s.ok("FETCH 1:* FLAGS").all("FETCH") {
					if v, _ := r.item("FLAGS"); slices.Contains(v.words(), `\RECENT`) {
						n++
					}
				}
				return n
			}
			s.ok("EXAMINE " + box)
			s.status(box, "RECENT")
			s.ok("CLOSE")
			s.ok("SELECT " + box)
			first := recent(s)
			b := d.selected("B", box)
			if second := recent(b); !d.over() && second > 0 {
				b.fail("%d messages are recent for a second session, and %d were for the first", second, first)
			}
			if !d.over() && first != 3 && first != 0 { // 0: the server has no \Recent, as RFC 9051 allows
				s.fail("%d messages are recent, want 3", first)
			}
			d.add(box, numbered(2)...)
			s.ok("NOOP")
			b.ok("NOOP")
			if n := recent(s) + recent(b); !d.over() && n != first && n != first+2 {
				s.fail("5 messages, and both sessions have %d as recent", n)
			}
		}},
	{ID: "VIEW-14", Title: "nothing is expunged while no command is in progress", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 7.5.1"},
		run: func(d *dialogue) {
			_, a, b := d.two(3)
			b.wantUIDs("1 2 3")
			tag := b.newTag()
			b.running = "FETCH"
			b.raw(tag + " FETCH 1:3 (UID BODY.PEEK[HEADER.FIELDS ({4}\r\n")
			if got := newAnswer(); !b.plus(tag, got) {
				b.fail("no continuation request")
			}
			a.expunge("1")
			b.raw("from)])\r\n")
			got := b.until(tag)
			b.wantEnd(got, "FETCH", "OK", "NO")
			if n := len(got.all("EXPUNGE")); n > 0 {
				b.fail("EXPUNGE in FETCH by number")
			}
			b.wantIn(got, 3, "UID", "3")
			a.expunge("1")
			b.ok("FETCH 3 (UID)") // what came while no command was in progress is found by the mirror
			b.ok("NOOP")
			b.wantCount(1)
		}},
	{ID: "VIEW-15", Title: ".SILENT is silent to the one who asks, and not to others", Level: Should, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.6"},
		run: func(d *dialogue) {
			_, a, b := d.two(2)
			if got := a.ok(`STORE 1 +FLAGS.SILENT (\Flagged)`).flags(1); !d.over() && got != "-" {
				a.fail("a silent STORE tells flags")
			}
			if got := a.ok("NOOP").flags(1); !d.over() && got != "-" {
				a.fail("NOOP tells flags that the session itself has set")
			}
			if got := b.ok("NOOP").flags(1); !d.over() && got != `\FLAGGED` {
				b.fail("flags of message 1 are told as %q", got)
			}
			a.ok(`STORE 2 +FLAGS.SILENT (\Flagged)`)
			stored := b.ok(`STORE 2 +FLAGS.SILENT (\Answered)`)
			stored.lines = append(stored.lines, b.ok("NOOP").lines...)
			if got := stored.flags(2); !d.over() && got != `\ANSWERED \FLAGGED` {
				b.fail("a change of another session at the same time is told as %q", got)
			}
			if got := a.ok("NOOP").flags(2); !d.over() && got != `\ANSWERED \FLAGGED` {
				a.fail("a change of another session is told as %q", got)
			}
		}},
	{ID: "VIEW-16", Title: "COPY of a set with a message that is gone does nothing", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.7", "RFC 5530, section 3"},
		run: func(d *dialogue) {
			_, a, b := d.two(3)
			b.wantUIDs("1 2 3")
			target := d.box()
			a.expunge("2")
			b.want("COPY 1:3 "+target, "NO [EXPUNGEISSUED]", "NO")
			if got := d.setup.status(target, "MESSAGES")["MESSAGES"]; !d.over() && got != "0" {
				b.fail("%s messages were copied", got)
			}
			b.ok("NOOP")
			b.ok("COPY 1:2 " + target)
			if got := d.setup.status(target, "MESSAGES")["MESSAGES"]; !d.over() && got != "2" {
				b.fail("%s messages were copied, want 2", got)
			}
		}},
	{ID: "VIEW-16b", Title: "STORE of a set with a message that is gone changes the others", Level: Should, Harm: Changes, Refs: []string{"RFC 9051, section 6.4.6", "RFC 5530, section 3"},
		run: func(d *dialogue) {
			_, a, b := d.two(3)
			a.expunge("2")
			b.want(`STORE 1:3 +FLAGS (\Flagged)`, "OK", "NO [EXPUNGEISSUED]")
			b.ok("NOOP")
			b.wantFlags(1, `\Flagged`)
			b.wantFlags(2, `\Flagged`)
		}},
	{ID: "VIEW-17", Title: "a message that comes and goes untold is not told of", Level: Must, Harm: Changes, Refs: []string{"RFC 7162, section 3.2.10.2"},
		run: func(d *dialogue) {
			box, a, b := d.two(2)
			d.add(box, numbered(1)...)
			a.ok("NOOP")
			a.expunge("3")
			b.ok("NOOP") // the mirror finds what does not fit
			b.wantCount(2)
			b.wantUIDs("1 2")
		}},
	{ID: "VIEW-18", Title: "three sessions that change everything agree in the end", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 5.2"},
		run: func(d *dialogue) {
			box, a, b := d.two(12)
			c := d.selected("C", box)
			all := []*session{a, b, c}
			for _, s := range all {
				s.wantUIDs("1 2 3 4 5 6 7 8 9 10 11 12")
			}
			for i := range 30 {
				s, t := all[i%3], all[(i*7+1)%3]
				switch i % 5 {
				case 0:
					s.want(fmt.Sprintf(`STORE %d +FLAGS.SILENT (\Deleted)`, i%3+1), "OK", "NO")
				case 1:
					s.ok("EXPUNGE")
				case 2:
					d.add(box, numbered(1)...)
				case 3:
					s.want(`STORE 2:3 FLAGS (\Flagged)`, "OK", "NO")
				case 4:
					s.ok("UID FETCH 1:* (UID FLAGS)")
				}
				t.want("FETCH 1:3 (UID)", "OK", "NO")
			}
			for _, s := range all {
				s.ok("NOOP")
			}
			want := d.setupUIDs(box)
			for _, s := range all {
				s.wantUIDs(want)
			}
		}},
}

// setupUIDs is what a session finds that selects a mailbox now.
func (d *dialogue) setupUIDs(box string) string {
	d.setup.ok("EXAMINE " + box)
	defer d.setup.ok("CLOSE")
	return d.setup.uids()
}

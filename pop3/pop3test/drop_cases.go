package pop3test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// three are messages that nobody can mistake for each other.
var three = []string{
	"Subject: one\r\n\r\n1\r\n",
	"Subject: two\r\n\r\n22\r\n22\r\n",
	"Subject: three\r\n\r\n333\r\n333\r\n333\r\n",
}

// wantLeft logs in and compares what is there.
func (d *dialogue) wantLeft(messages ...string) {
	d.login()
	var got []string
	for _, line := range d.listing("LIST") {
		n, _, _ := strings.Cut(line, " ")
		got = append(got, d.retr("RETR "+n))
	}
	var want []string
	for _, m := range messages {
		want = append(want, normal(m))
	}
	if !d.over() && !slices.Equal(got, want) {
		d.fail("left are %.200q, want %.200q", got, want)
	}
}

// badNumber tries every command with a number that is none.
func badNumber(numbers ...string) func(*dialogue) {
	return func(d *dialogue) {
		d.fill(three...)
		for _, n := range numbers {
			d.login()
			before := d.ok("STAT")
			d.refused("DELE "+n, "RETR "+n, "TOP "+n+" 1", "LIST "+n, "UIDL "+n)
			if after := d.ok("STAT"); after != before {
				d.fail("%s changes STAT from %s to %s", n, sample(before), sample(after))
			}
			d.ok("QUIT")
			d.wantEnd()
		}
		d.wantLeft(three...)
	}
}

var dropCases = []Case{
	{ID: "NUM-1", Title: "0, signs and numbers beyond all measure name no message, and mark none", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 4", "RFC 1939, section 5"},
		run: badNumber("0", "-1", "+1", "99999999999999999999")},
	{ID: "NUM-1b", Title: "a number with a leading zero names no message", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 4"},
		run: badNumber("01")},
	{ID: "NUM-1c", Title: "a number with something behind it names no message", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: badNumber("1x", "1,2", "4294967297")},

	{ID: "DELE-2", Title: "what is marked is gone from lists and for single commands; other numbers stay", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 5", "RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			list, uidl := d.listing("LIST"), d.listing("UIDL")
			if !d.over() && (len(list) != 3 || len(uidl) != 3) {
				d.fail("LIST has %d lines, UIDL %d, want 3", len(list), len(uidl))
				return
			}
			d.ok("DELE 1")
			if got := d.listing("LIST"); !d.over() && !slices.Equal(got, list[1:]) {
				d.fail("LIST gives %q, want %q", got, list[1:])
			}
			if got := d.listing("UIDL"); !d.over() && !slices.Equal(got, uidl[1:]) {
				d.fail("UIDL gives %q, want %q", got, uidl[1:])
			}
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got+" ", fmt.Sprintf("+OK 2 %d ", len(three[1])+len(three[2]))) {
				d.fail("STAT gives %q", got)
			}
			d.refused("LIST 1", "RETR 1", "TOP 1 0", "UIDL 1", "DELE 1")
			d.wantText("RETR 3", d.retr("RETR 3"), three[2])
		}},
	{ID: "DROP-3", Title: "without QUIT nothing is removed: the connection is dropped", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 6"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.ok("DELE 1")
			d.drop()
			d.wantFree()
			d.wantLeft(three...)
		}},
	{ID: "DROP-3b", Title: "without QUIT nothing is removed: dropped inside a message", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 6"},
		run: func(d *dialogue) {
			large := "Subject: large\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 100_000)
			d.fill(three[0], large)
			d.login()
			d.ok("DELE 1", "RETR 2")
			d.drop()
			d.wantFree()
			d.wantLeft(three[0], large)
		}},
	{ID: "DROP-3c", Title: "without QUIT nothing is removed: dropped inside the command", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 6"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.ok("DELE 1")
			d.raw("QUIT")
			d.drop()
			d.wantFree()
			d.wantLeft(three...)
		}},
	{ID: "QUIT-4", Title: "QUIT removes what is marked, all of it and nothing else, and closes", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 6"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.ok("DELE 1", "DELE 3", "QUIT")
			d.wantEnd()
			d.wantLeft(three[1])
		}},
	{ID: "QUIT-5", Title: "QUIT with an argument is no QUIT", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.ok("DELE 1")
			d.refused("QUIT now")
			d.ok("NOOP")
			d.drop()
			d.wantFree()
			d.wantLeft(three...)
		}},
	{ID: "QUIT-5b", Title: "QUIT before login closes", Level: Must, Refs: []string{"RFC 1939, section 4"},
		run: func(d *dialogue) {
			d.start()
			d.ok("QUIT")
			d.wantEnd()
		}},
	{ID: "RSET-6", Title: "RSET takes all marks off", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 5"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			before := d.ok("STAT")
			d.ok("DELE 1", "DELE 2", "RSET")
			if after := d.ok("STAT"); after != before {
				d.fail("STAT gives %q, before %q", after, before)
			}
			d.ok("QUIT")
			d.wantEnd()
			d.wantLeft(three...)
		}},
	{ID: "LOCK-13", Title: "one session at a time has the maildrop", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 4"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			first := d.swap(peer{})
			d.start()
			d.secure()
			codes := d.offers("RESP-CODES")
			if got := d.logIn("-ERR"); !d.over() && codes && !strings.Contains(got, "[IN-USE") {
				d.fail("refused with %q, want the response code IN-USE: RFC 2449, section 8.1.2", got)
			}
			second := d.swap(first)
			d.ok("NOOP")
			d.drop()
			if second.conn != nil {
				second.conn.Close()
			}
			d.wantFree()
		}},
	{ID: "LIST-46", Title: "STAT is the sum of LIST; an empty maildrop has an empty list", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 5"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			var total int64
			for i, line := range d.listing("LIST") {
				var n int
				var size int64
				if _, err := fmt.Sscanf(line, "%d %d", &n, &size); err != nil || n != i+1 || size != int64(len(three[i])) {
					d.fail("LIST gives %q for message %d of %d octets", line, i+1, len(three[i]))
				}
				total += size
			}
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got+" ", fmt.Sprintf("+OK 3 %d ", total)) {
				d.fail("STAT gives %q, want 3 %d", got, total)
			}
			d.ok("QUIT")
			d.fill()
			d.login()
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got+" ", "+OK 0 0 ") {
				d.fail("STAT of nothing gives %q", got)
			}
			if got := append(d.listing("LIST"), d.listing("UIDL")...); !d.over() && len(got) > 0 {
				d.fail("lists of nothing give %q", got)
			}
			d.refused("RETR 1", "DELE 1")
		}},
	{ID: "LIST-47", Title: "LIST and UIDL with a number give the line of the list, on one line", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 5", "RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			for _, command := range []string{"LIST", "UIDL"} {
				for i, line := range d.listing(command) {
					got := d.ok(command + " " + strconv.Itoa(i+1))
					if !d.over() && !strings.HasPrefix(got, "+OK "+line) {
						d.fail("%s %d gives %q, the list %q", command, i+1, got, line)
					}
				}
			}
			d.ok("NOOP")
		}},
	{ID: "UID-26", Title: "unique-ids are 1 to 70 printable octets, unique, the same in the next session, and never used again", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.fill(three[0], three[0], three[1], three[2])
			d.login()
			before := uids(d)
			d.drop()
			d.wantFree()
			d.login()
			if again := uids(d); !d.over() && !slices.Equal(before, again) {
				d.fail("unique-ids %q become %q", before, again)
			}
			d.ok("DELE 1", "QUIT")
			d.wantEnd()
			d.login()
			if again := uids(d); !d.over() && !slices.Equal(before[1:], again) {
				d.fail("behind a deletion unique-ids %q become %q", before[1:], again)
			}
		}},
}

// uids returns the unique-ids in order, and checks them.
func uids(d *dialogue) []string {
	var all []string
	for i, line := range d.listing("UIDL") {
		n, uid, _ := strings.Cut(line, " ")
		switch {
		case n != strconv.Itoa(i+1):
			d.fail("line %d of UIDL is %q", i+1, line)
		case len(uid) < 1 || len(uid) > 70 || strings.ContainsFunc(uid, func(r rune) bool { return r < 0x21 || r > 0x7E }):
			d.fail("bad unique-id %q", uid)
		case slices.Contains(all, uid):
			d.fail("unique-id %q stands twice", uid)
		}
		all = append(all, uid)
	}
	return all
}

// wantFree waits until the maildrop can be opened again, and leaves it alone.
func (d *dialogue) wantFree() {
	d.login()
	d.ok("QUIT")
	d.wantEnd()
}

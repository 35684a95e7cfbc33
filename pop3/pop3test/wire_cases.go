package pop3test

import (
	"strings"
)

var wireCases = []Case{
	{ID: "GREET-40", Title: "the server speaks first, on one line", Level: Must, Refs: []string{"RFC 1939, section 4"},
		run: func(d *dialogue) {
			d.start()
			if len(d.in) > 0 {
				d.fail("behind the greeting comes %s", sample(string(d.in)))
			}
		}},
	{ID: "CASE-41", Title: "keywords are taken in any letter case, and +OK is in capitals", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.ok("stat", "nOOp", "list 1", "Rset")
			d.refused("dele 9")
			d.ok("quit")
		}},
	{ID: "UNKNOWN-42", Title: "an unknown command is refused, and the session goes on", Level: Must, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.refused("XYZZY", "")
			d.secure()
			d.logIn("+OK")
			d.refused("XYZZY", "STATS", "")
			d.ok("NOOP")
		}},
	{ID: "ARGS-43", Title: "arguments where there are none are a syntax error", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.refused("STAT 1", "NOOP 1", "RSET 1", "DELE 1 2", "DELE")
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got, "+OK 3 ") {
				d.fail("STAT gives %q", got)
			}
		}},
	{ID: "BARE-44", Title: "a bare LF ends no command", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.raw("NOOP\nDELE 1\r\n")
			d.want("-ERR")
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got, "+OK 3 ") {
				d.fail("behind a bare LF a command was executed: STAT gives %q", got)
			}
		}},
	{ID: "BARE-44b", Title: "a bare CR ends no command", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.raw("NOOP\rDELE 1\r\n")
			d.want("-ERR")
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got, "+OK 3 ") {
				d.fail("behind a bare CR a command was executed: STAT gives %q", got)
			}
		}},
	{ID: "NUL-45", Title: "a command with NUL is refused, not cut", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.raw("DELE 1\x002\r\n")
			d.want("-ERR")
			if got := d.ok("STAT"); !d.over() && !strings.HasPrefix(got, "+OK 3 ") {
				d.fail("STAT gives %q", got)
			}
		}},
	{ID: "PIPE-17", Title: "pipelined commands are answered in order, with large messages between", Level: Must, Harm: Empties, Refs: []string{"RFC 2449, section 6.6"}, Needs: []string{"PIPELINING"},
		run: func(d *dialogue) {
			large := header + strings.Repeat("0123456789abcdef\r\n", 10_000)
			d.fill(three[0], large)
			d.login()
			d.raw(strings.Repeat("RETR 1\r\nRETR 2\r\nLIST 9\r\n", 33) + "NOOP\r\n")
			for range 33 {
				d.want("+OK")
				d.wantText("RETR 1", d.body(), three[0])
				d.want("+OK")
				d.wantText("RETR 2", d.body(), large)
				d.want("-ERR")
				if d.over() {
					return
				}
			}
			d.want("+OK")
		}},
	{ID: "PIPE-17b", Title: "a login can be pipelined, and its commands", Level: Must, Harm: Empties, Refs: []string{"RFC 2449, section 6.6"}, Needs: []string{"PIPELINING"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.start()
			d.secure()
			d.needUser()
			d.send("USER "+d.user(), "PASS "+d.password(), "STAT", "DELE 2", "RETR 3", "QUIT")
			for range 5 {
				d.want("+OK")
			}
			d.wantText("RETR 3", d.body(), three[2])
			d.want("+OK")
			d.wantEnd()
			d.wantLeft(three[0], three[2])
		}},
	{ID: "LINE-18", Title: "a command of 255 octets is read whole", Level: Must, Harm: Guesses, Refs: []string{"RFC 2449, section 4"}, Needs: []string{"TOP"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.needUser()
			d.ok("USER " + strings.Repeat("a", 248))
			d.refused("PASS " + strings.Repeat("a", 248))
		}},
	{ID: "LINE-18b", Title: "a line of 64 KiB is refused or ends the connection, and no part of it is a command", Level: Practice, Harm: Empties, Refs: []string{"RFC 2449, section 4"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.send(strings.Repeat("DELE 1 ", 9362))
			d.send("STAT")
			for replies := 0; replies < 2 && !d.over(); replies++ {
				switch got := d.reply(); {
				case got == "": // closed
					d.wantFree()
					d.wantLeft(three...)
					return
				case replies == 0 && !strings.HasPrefix(got, "-ERR"):
					d.fail("got %q for a line of 64 KiB", got)
				case replies == 1 && !strings.HasPrefix(got, "+OK 3 ") && !strings.HasPrefix(got, "-ERR"):
					d.fail("STAT gives %q", got)
				}
			}
		}},
	{ID: "LINE-18c", Title: "a line without end ends the connection", Level: Practice, Harm: Loads, Refs: []string{"RFC 2449, section 4"},
		run: func(d *dialogue) {
			d.start()
			d.raw(strings.Repeat("x", 4<<20))
			for !d.over() {
				if got := d.reply(); got == "" {
					return
				}
			}
		}},
	{ID: "HTTP-49", Title: "a request of HTTP ends the connection", Level: Practice, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			d.start()
			d.send("POST / HTTP/1.1", "Host: x", "CAPA", "")
			for !d.over() {
				got := d.reply()
				if got == "" {
					return
				}
				if strings.HasPrefix(got, "+OK") {
					d.fail("a line of a request is executed: %q", got)
				}
			}
		}},
}

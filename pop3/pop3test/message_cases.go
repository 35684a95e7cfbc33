package pop3test

import (
	"fmt"
	"strconv"
	"strings"
)

// exact fetches messages and compares octets, LIST and what RETR says.
func exact(messages ...string) func(*dialogue) {
	return func(d *dialogue) {
		d.fill(messages...)
		d.login()
		for i, m := range messages {
			n := strconv.Itoa(i + 1)
			want := normal(m)
			line := d.ok("LIST " + n)
			if !d.over() && !strings.HasPrefix(line+" ", fmt.Sprintf("+OK %s %d ", n, len(want))) {
				d.fail("LIST %s gives %q for a message of %d octets", n, line, len(want))
			}
			d.wantText("message "+n, d.retr("RETR "+n), want)
			if d.over() {
				return
			}
		}
		d.ok("NOOP")
	}
}

const header = "Subject: test\r\n\r\n"

var messageCases = []Case{
	{ID: "STUFF-7", Title: "a message whose first octet is a dot", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: exact(".hidden: yes\r\n\r\nbody\r\n")},
	{ID: "STUFF-7b", Title: "a message of one dot alone", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: exact(".\r\n")},
	{ID: "STUFF-7c", Title: "dots at the starts of lines, one and many", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: exact(header+".\r\n", header+"..\r\n...\r\n.x\r\n", header+"a\r\n.\r\nb\r\n.\r\n", header+"a.\r\n")},
	{ID: "ENDS-8", Title: "bare LF becomes CRLF, and LIST counts that", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 11"},
		run: exact("Subject: test\n\na\n.\n.b\n", header+"x\ny\r\n")},
	{ID: "ENDS-8b", Title: "a last line without an end gets one, and LIST counts it", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3", "RFC 1939, section 11"},
		run: exact(header+"no end", header+".")},
	{ID: "ENDS-8c", Title: "a line of 1 MiB is sent as one", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: exact(header + strings.Repeat("x", 1<<20) + "\r\n")},
	{ID: "ENDS-8d", Title: "a dot behind a line end is stuffed wherever buffers end", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			var messages []string
			for _, border := range []int{1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
				for off := -3; off <= 1; off++ {
					messages = append(messages, header+strings.Repeat("x", border-len(header)+off)+"\r\n.\r\nend\r\n")
				}
			}
			exact(messages...)(d)
		}},
	{ID: "ENDS-8e", Title: "a bare CR becomes CRLF", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 11"},
		run: exact(header + "a\rb\r\n")},
	{ID: "ENDS-8f", Title: "NUL and 8 bits are sent as they are", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 11"},
		run: exact(header + "a\x00b\xff\xe9\r\n")},
	{ID: "RETR-48", Title: "an empty body, many lines, and 8 bits arrive as they are", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 5"},
		run: exact(header, header+strings.Repeat("line\r\n", 10_000), header+"Gr\xc3\xbc\xc3\x9fe\r\n", header+"\r\n\r\n\r\n")},
	{ID: "TOP-9", Title: "TOP gives the header, the blank line, and as many lines of the body as are asked for", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 7"}, Needs: []string{"TOP"},
		run: func(d *dialogue) {
			d.fill("A: 1\r\nB: 2\r\n\r\n.one\r\ntwo\r\n\r\nfour\r\n")
			d.login()
			head := "A: 1\r\nB: 2\r\n\r\n"
			for lines, want := range []string{"", ".one\r\n", ".one\r\ntwo\r\n", ".one\r\ntwo\r\n\r\n", ".one\r\ntwo\r\n\r\nfour\r\n", ".one\r\ntwo\r\n\r\nfour\r\n"} {
				d.wantText(fmt.Sprint("TOP 1 ", lines), d.retr(fmt.Sprint("TOP 1 ", lines)), head+want)
			}
			d.ok("NOOP")
		}},
	{ID: "TOP-9b", Title: "TOP of a message that is all header", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 7"}, Needs: []string{"TOP"},
		run: func(d *dialogue) {
			d.fill("A: 1\r\nB: 2\r\n")
			d.login()
			if got := d.retr("TOP 1 5"); !d.over() && got != "A: 1\r\nB: 2\r\n" && got != "A: 1\r\nB: 2\r\n\r\n" {
				d.fail("TOP 1 5 gives %q", got)
			}
		}},
	{ID: "TOP-9c", Title: "TOP wants two numbers", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 7"}, Needs: []string{"TOP"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.refused("TOP 1", "TOP 1 -1", "TOP 1 x", "TOP")
			d.ok("NOOP")
		}},
	{ID: "TOP-9d", Title: "TOP with more lines than a number of 32 bits holds gives all, or is refused", Level: Practice, Harm: Empties, Refs: []string{"RFC 1939, section 7"}, Needs: []string{"TOP"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.send("TOP 3 4294967296")
			if got := d.reply(); strings.HasPrefix(got, "+OK") {
				d.wantText("TOP 3 4294967296", d.body(), three[2])
			}
			d.ok("NOOP")
		}},
	{ID: "UTF8-25", Title: "UTF8 is for before login, and with it UTF-8 in headers arrives as it is", Level: Must, Harm: Empties, Refs: []string{"RFC 6856, section 2"}, Needs: []string{"UTF8"},
		run: func(d *dialogue) {
			message := "Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nHallo\r\n"
			d.fill(message)
			d.start()
			d.secure()
			d.ok("UTF8")
			d.logIn("+OK")
			d.refused("UTF8")
			d.wantText("RETR 1", d.retr("RETR 1"), message)
		}},
}

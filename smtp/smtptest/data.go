package smtptest

import (
	"bytes"
	"strings"
	"time"
)

// Content by DATA, and where it ends.
var dataCases = []Case{
	{
		ID: "DATA-53", Title: "CRLF.CRLF ends the content, and .CRLF at once is the empty message", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.4"},
		run: func(d *dialogue) {
			d.start()
			d.message(1, "x\r\n")
			d.arrived("x\r\n\r\n")
			d.data(1)
			d.send(".\r\n")
			d.accepted(1)
			d.alive()
		},
	},
	{
		ID: "DATA-54", Title: "an LF that is not behind a CR ends no line", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.4", "RFC 5321, section 2.3.8"},
		run: func(d *dialogue) { noEnd(d, "\n.\n", "\n.\r\n", "\r\n.\n") },
	},
	{
		ID: "DATA-55", Title: "a CR that is not before an LF ends no line", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 2.3.8"},
		run: func(d *dialogue) { noEnd(d, "\r.\r", "\r.\r\n", "\r.\n", "\r\n.\r", "\n.\r") },
	},
	{
		ID: "DATA-56", Title: "CRLF.CRCRLF is no end", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.4"},
		run: func(d *dialogue) { noEnd(d, "\r\n.\r\r\n") },
	},
	{
		ID: "DATA-57", Title: "CRCRLF.CRLF is an end", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.4"},
		run: func(d *dialogue) {
			d.start()
			d.data(1)
			d.send(d.header() + "x\r\r\n.\r\n")
			d.judged(1)
			d.alive()
		},
	},
	{
		ID: "DATA-58", Title: "NUL beside the dot is data", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.4"},
		run: func(d *dialogue) { noEnd(d, "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\x00\n") },
	},
	{
		ID: "DATA-59", Title: "a smuggled message stays inside the one that carries it", Level: Practice, Harm: Delivers, Refs: []string{"RFC 5321, section 2.3.8"},
		run: func(d *dialogue) {
			for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r\n.\r\r\n", "\r.\r", "\r\n.\r"} {
				d.start()
				d.data(1)
				d.send(d.header() + "x" + end + "MAIL FROM:" + d.sender() + "\r\nRCPT TO:" + d.good(2) + "\r\nDATA\r\n" + d.header() + "smuggled\r\n.\r\n")
				d.judged(1)
				d.finish(0, "a message was smuggled behind "+quote(end))
			}
			if d.err != nil || d.target.Delivered == nil {
				return
			}
			list, err := d.target.Delivered(d.ctx, d.token)
			if err != nil {
				d.fail("%w", err)
			}
			for _, m := range list {
				for _, to := range m.To {
					if to == d.target.Good[2] {
						d.fail("a smuggled message was delivered")
					}
				}
			}
		},
	},
	{
		ID: "DATA-60", Title: "the dot at the start of a line is removed, once", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.2"},
		run: func(d *dialogue) {
			d.start()
			d.data(1)
			d.send(d.header() + "..\r\n.z\r\n...\r\n a.\r\n. \r\n.\r\n")
			d.accepted(1)
			d.arrived(".\r\nz\r\n..\r\n a.\r\n \r\n")
			d.token += "-2"
			d.data(1)
			d.send("..X-First: 1\r\n" + d.header() + ".\r\n")
			d.judged(1)
			for _, m := range d.deliveries(1) {
				if !bytes.Contains(m.Content, []byte(".X-First")) || bytes.Contains(m.Content, []byte("..X-First")) {
					d.fail("the dot on the first line: %.60q", m.Content)
				}
			}
		},
	},
	{
		ID: "DATA-61", Title: "content that is too big is refused once, and no line of it is a command", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.3.1.9", "RFC 1870, section 6.3"}, Needs: []string{"maxmessage"},
		run: func(d *dialogue) {
			d.start()
			d.data(2)
			commands := "NOOP\r\nRSET\r\nMAIL FROM:" + d.sender() + "\r\nRCPT TO:" + d.good(2) + "\r\n"
			d.send(d.header() + strings.Repeat(commands, int(d.target.MaxMessage)/len(commands)+2) + ".\r\n")
			d.refused(2, "552")
			d.alive()
			d.nothingArrived()
			d.message(1, "x\r\n")
			d.deliveries(1)
		},
	},
	{
		ID: "DATA-62", Title: "a message that nobody reads is read to its end", Level: Practice, Harm: Delivers, Needs: []string{"unread"},
		run: func(d *dialogue) {
			d.start()
			for _, size := range []int{10, 100_000} {
				d.mail()
				d.do("RCPT TO:"+path(d.target.Unread), "250")
				d.do("DATA", "354")
				d.send(strings.Repeat("MAIL FROM:<a@x.example>\r\n", size/25+1) + ".\r\n")
				d.judged(1)
				d.alive()
			}
		},
	},
	{
		ID: "DATA-63", Title: "long lines of text are taken, or refused at the end", Level: Should, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.3.1.6"},
		run: func(d *dialogue) {
			d.start()
			for _, n := range []int{998, 1000, 5000, 100_000} {
				d.data(1)
				d.send(d.header() + strings.Repeat("x", n) + "\r\n.\r\n")
				if r := d.judged(1); n == 998 {
					d.check(r, "250")
				}
				d.alive()
			}
		},
	},
	{
		ID: "DATA-64", Title: "a message whose connection is lost is not delivered", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.10", "RFC 5321, section 4.1.1.4"}, Needs: []string{"delivered"},
		run: func(d *dialogue) {
			for _, tail := range []string{"x", "x\r\n", "x\r\n.", "x\r\n.\r"} {
				d.start()
				d.data(1)
				d.send(d.header() + tail)
				if d.err == nil {
					d.conn.Close()
				}
			}
			d.start() // a later session has begun when the others are over
			d.mail()
			d.nothingArrived()
		},
	},
	{
		ID: "DATA-65", Title: "silence inside content ends with 421, and nothing of it is a command", Level: Should, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.3.2.7"}, Needs: []string{"timeout"},
		run: func(d *dialogue) {
			d.start()
			d.data(1)
			d.send(d.header() + "NOOP\r\nQUIT\r\n")
			rs := d.closedWithin(2*d.target.Timeout + d.patience())
			if d.err == nil && (len(rs) > 1 || len(rs) == 1 && rs[0].code != "421") {
				d.fail("want 421 at most, got %d replies, the first %s", len(rs), rs[0])
			}
			d.nothingArrived()
		},
	},
	{
		ID: "DATA-65b", Title: "content that comes octet by octet does not hold a connection for ever", Level: Practice, Harm: Delivers, Needs: []string{"slow"},
		run: slowly,
	},
	{
		ID: "DATA-66", Title: "8-bit octets arrive as they were", Level: Must, Harm: Delivers, Refs: []string{"RFC 6152, section 3", "RFC 5321, section 2.3.7"}, Needs: []string{"8BITMIME"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" BODY=8BITMIME", "250")
			d.rcpt(1)
			d.do("DATA", "354")
			body := "caf\xe9 \u00e9\r\n\r\n\xff\xfe\x80\r\n \t\r\n"
			d.send(d.header() + body + ".\r\n")
			d.accepted(1)
			d.arrived(body)
		},
	},
}

// slowly sends an octet a second until the server has had enough.
func slowly(d *dialogue) {
	d.start()
	d.data(1)
	d.send(d.header())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(2 * d.target.Slow); d.err == nil && time.Now().Before(end); <-tick.C {
		d.conn.SetWriteDeadline(time.Now().Add(d.patience()))
		if _, err := d.conn.Write([]byte("x")); err != nil {
			break
		}
	}
	for _, r := range d.closedWithin(time.Second) {
		d.check(r, "421")
	}
	d.nothingArrived()
}

// noEnd sends content with sequences that end nothing, and commands behind them.
// However the content is judged, it is one message: only one reply comes before
// that to QUIT.
func noEnd(d *dialogue, ends ...string) {
	for _, end := range ends {
		d.start()
		d.data(1)
		d.send(d.header() + "x" + end + "NOOP\r\nRSET\r\nx\r\n.\r\n")
		d.judged(1)
		d.finish(0, "the content ended at "+quote(end))
	}
}

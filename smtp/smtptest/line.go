package smtptest

import (
	"strings"
	"time"
)

// Lines, and how they come.
var lineCases = []Case{
	{
		ID: "LINE-43", Title: "a bare LF ends no command", Level: Must, Refs: []string{"RFC 5321, section 2.3.8"},
		run: func(d *dialogue) {
			d.start()
			d.send("NOOP\nNOOP\r\n")
			d.want("500", "501")
			d.finish(0, "a bare LF ended a command")
		},
	},
	{
		ID: "LINE-44", Title: "a bare CR or a NUL in a command is refused", Level: Must, Refs: []string{"RFC 5321, section 2.3.8"},
		run: func(d *dialogue) {
			d.start()
			for _, line := range []string{"NO\rOP", "NOOP\r", "NOOP a\x00b", "NO\x00OP", "MAIL FROM:<a\x00@x.example>", "NOOP\rNOOP"} {
				d.do(line, "500", "501", "553")
			}
			d.finish(0, "a command was executed")
		},
	},
	{
		ID: "LINE-45", Title: "a line of 512 octets works, and one that is too long is skipped to its CRLF", Level: Must, Refs: []string{"RFC 5321, section 4.5.3.1.4", "RFC 5321, section 4.3.2"},
		run: func(d *dialogue) {
			d.start()
			d.do("NOOP "+strings.Repeat("x", 505), "250")
			for _, n := range []int{5_000, 70_000} {
				d.do("NOOP "+strings.Repeat("x", n), "250", "500", "501")
			}
			d.alive()
		},
	},
	{
		ID: "LINE-46", Title: "a line without end is given up", Level: Practice, Harm: Loads,
		run: func(d *dialogue) {
			d.start()
			for range 64 { // 8 MiB
				if err := d.write(strings.Repeat("x", 128<<10)); err != nil {
					d.log.Note("writing: %v", err)
					d.ended = true
					return // closed: as good an answer as any
				}
			}
			d.trySend("\r\nQUIT\r\n")
			rs := d.closed()
			if d.err == nil && len(rs) > 0 {
				d.check(rs[0], "4", "5")
			}
		},
	},
	{
		ID: "LINE-47", Title: "how the octets are cut changes nothing", Level: Must, Harm: Delivers | Loads, Refs: []string{"RFC 2920, section 3.2"},
		run: cut,
	},
	{
		ID: "LINE-48", Title: "a burst of 100,000 commands is answered in full", Level: Must, Harm: Loads, Refs: []string{"RFC 2920, section 3.2"}, Needs: []string{"PIPELINING"},
		run: burst,
	},
	{
		ID: "LINE-49", Title: "the replies to a group come in its order", Level: Should, Harm: Delivers, Refs: []string{"RFC 2920, section 3.2"}, Needs: []string{"PIPELINING"},
		run: func(d *dialogue) {
			d.start()
			group := "RSET\r\nMAIL FROM:" + d.sender() + "\r\nRCPT TO:" + d.good(0) + "\r\n"
			codes := []string{"250", "250", "250"}
			if !d.target.Bad.IsNull() {
				group += "RCPT TO:" + d.bad() + "\r\n"
				codes = append(codes, "5")
			}
			d.send(group + "RCPT TO:" + d.good(1) + "\r\nDATA\r\n")
			for _, c := range append(codes, "250", "354") {
				d.want(c)
			}
			d.send(d.header() + ".\r\nMAIL FROM:" + d.sender() + "\r\nRCPT TO:" + d.good(0) + "\r\nDATA\r\n")
			d.accepted(2)
			for _, c := range []string{"250", "250", "354"} {
				d.want(c)
			}
			d.send(d.header() + ".\r\nQUIT\r\n")
			d.accepted(1)
			d.want("221")
		},
	},
	{
		ID: "LINE-50", Title: "a session may have many transactions", Level: Practice, Harm: Delivers | Loads,
		run: func(d *dialogue) {
			d.start()
			for range 200 {
				d.message(1, "x\r\n")
			}
		},
	},
	{
		ID: "LINE-51", Title: "a request of HTTP is not answered line by line", Level: Practice, Needs: []string{"smtp", "submission"},
		run: func(d *dialogue) {
			d.open()
			d.trySend("GET /hidden?x HTTP/1.1\r\nHost: x.example\r\nEHLO client.example\r\nMAIL FROM:" + d.sender() + "\r\n\r\n")
			for _, r := range d.closed() {
				d.check(r, "221", "421", "5")
				if strings.Contains(r.text(), "hidden") {
					d.fail("the request is echoed: %s", r)
				}
			}
		},
	},
	{
		ID: "LINE-52", Title: "who talks before the greeting is turned away, or served as others are", Level: May, Refs: []string{"RFC 5321, section 3.1"},
		run: func(d *dialogue) {
			d.dial()
			d.send("NOOP\r\n")
			r := d.reply()
			d.check(r, "220", "421", "521", "554")
			if r.code == "220" {
				d.want("250", "5")
				d.alive()
			}
		},
	},
	{
		ID: "LINE-90", Title: "the reply to NOOP does not wait for what comes later", Level: Must, Refs: []string{"RFC 2920, section 3.2"},
		run: func(d *dialogue) {
			d.start()
			d.send("NOOP\r\nNO")
			d.want("250")
			d.send("OP\r\n")
			d.want("250")
		},
	},
	{
		ID: "LINE-91", Title: "with DSN a line has room for its parameters", Level: Must, Harm: Delivers, Refs: []string{"RFC 3461, section 5.4"}, Needs: []string{"DSN"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			line := "RCPT TO:<" + strings.Repeat("l", 64) + "@" + domainOf(189) + "> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;" + strings.Repeat("o", 480)
			if r := d.do(line, "2", "4", "5"); r.code == "500" {
				d.fail("a line of %d octets: %s", len(line)+2, r)
			}
			d.rcpt(1)
		},
	},
}

// cut sends one stream whole, octet by octet, and in two pieces at each place.
func cut(d *dialogue) {
	stream := d.ehlo() + " c.example\r\nMAIL FROM:" + d.sender() + "\r\nRCPT TO:<\r\nNOOP\r\nRSET\r\nFOO\r\nQUIT\r\n"
	var want string
	for at := -1; at < len(stream) && d.err == nil; at++ {
		d.open()
		switch {
		case at < 0:
			d.send(stream)
		case at == 0:
			for i := range len(stream) {
				d.trySend(stream[i : i+1])
			}
		default:
			d.send(stream[:at])
			d.trySend(stream[at:])
		}
		var got strings.Builder
		for _, r := range d.closed() {
			got.WriteString(r.code + " ")
		}
		if at < 0 {
			want = got.String()
		}
		if d.err == nil && got.String() != want {
			d.fail("cut at %d: replies %swant %s", at, got.String(), want)
		}
		if d.conn != nil {
			d.conn.Close()
		}
	}
}

func burst(d *dialogue) {
	const n = 100_000
	octets := strings.Repeat("NOOP\r\n", n)
	d.start()
	if err := d.guard.Send(octets, 0); err != nil {
		d.fail("%w", err)
	}
	if d.err != nil {
		return
	}
	d.log.Note("C: NOOP, 100,000 times in one burst")
	conn := d.conn
	conn.SetWriteDeadline(time.Time{})
	wrote := make(chan error, 1)
	go func() {
		_, err := conn.Write([]byte(octets))
		wrote <- err
	}()
	for i := range n {
		if d.want("250"); d.err != nil {
			d.fail("reply %d", i)
			break
		}
	}
	if d.err != nil {
		conn.Close()
	}
	if err := <-wrote; err != nil {
		d.fail("writing: %w", err)
	}
	d.finish(0, "more replies than commands")
}

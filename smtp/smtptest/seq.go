package smtptest

import (
	"slices"
	"strings"
)

// tlsFirst is the code of servers that want STARTTLS before anything else, or a
// login. RFC 3207, section 4; RFC 4954, section 6.
const tlsFirst = "530"

// The order of commands, and what replies look like.
var seqCases = []Case{
	{
		ID: "SEQ-1", Title: "the greeting is 220 with the domain first and no enhanced code", Level: Must,
		Refs: []string{"RFC 5321, section 4.2", "RFC 2034, section 4"},
		run: func(d *dialogue) {
			r := d.open()
			if d.err != nil {
				return
			}
			domain, _, _ := strings.Cut(r.lines[0].text, " ")
			if r.lines[0].enhanced != "" || domain == "" || strings.ContainsAny(domain, "<>@,;:()") && domain[0] != '[' {
				d.fail("want a domain behind 220, got %s", r)
			}
		},
	},
	{
		ID: "SEQ-2", Title: "EHLO without an argument is 501", Level: Must, Refs: []string{"RFC 5321, section 4.1.1.1"},
		run: func(d *dialogue) {
			d.open()
			d.do(d.ehlo(), "501")
			d.alive()
		},
	},
	{
		ID: "SEQ-3", Title: "the reply to HELO has no enhanced code", Level: Must, Refs: []string{"RFC 2034, section 4"}, Needs: []string{"smtp", "submission"},
		run: func(d *dialogue) {
			d.open()
			r := d.do("HELO client.example", "250", tlsFirst)
			for _, l := range r.lines {
				if l.enhanced != "" && r.code == "250" {
					d.fail("the reply to HELO has %s", l.enhanced)
				}
			}
		},
	},
	{
		ID: "SEQ-4", Title: "a second EHLO clears the transaction", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.4"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.do(d.ehlo()+" client.example", "250")
			d.do("RCPT TO:"+d.good(1), "503")
			d.do("DATA", "503", "554")
			d.mail()
		},
	},
	{
		ID: "SEQ-5", Title: "MAIL before EHLO is 503", Level: Must, Refs: []string{"RFC 5321, section 4.1.4"},
		run: func(d *dialogue) {
			d.open()
			d.do("MAIL FROM:"+d.sender(), "503", tlsFirst)
			d.alive()
		},
	},
	{
		ID: "SEQ-6", Title: "RCPT before MAIL, and DATA before RCPT, are 503", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.4"},
		run: func(d *dialogue) {
			d.start()
			d.do("RCPT TO:"+d.good(0), "503")
			d.do("DATA", "503", "554") // RFC 5321, section 3.3
			d.mail()
			d.do("DATA", "503", "554")
			d.rcpt(1)
		},
	},
	{
		ID: "SEQ-7", Title: "MAIL inside a transaction is 503 and changes nothing", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.4"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.do("MAIL FROM:<other@"+d.domain()+">", "503")
			d.do("RCPT TO:"+d.good(1), "250")
			d.do("DATA", "354")
			d.send(d.header() + "x\r\n.\r\n")
			d.accepted(2)
			for _, m := range d.deliveries(1) {
				if path(m.From) != d.sender() || !slices.Equal(m.To, d.target.Good[:2]) {
					d.fail("delivered from %s to %v", m.From, m.To)
				}
			}
		},
	},
	{
		ID: "SEQ-8", Title: "DATA behind refused recipients only is 503 or 554", Level: Should, Harm: Delivers, Refs: []string{"RFC 5321, section 3.3", "RFC 2920, section 3.2"}, Needs: []string{"bad"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.do("RCPT TO:"+d.bad(), "5")
			d.do("DATA", "503", "554")
			d.alive()
		},
	},
	{
		ID: "SEQ-9", Title: "RSET is 250 and keeps EHLO", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.5"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.do("RSET", "250")
			d.do("RCPT TO:"+d.good(0), "503")
			d.mail()
			d.do("RSET", "250")
			d.do("RSET", "250")
		},
	},
	{
		ID: "SEQ-10", Title: "QUIT is 221, then the connection is closed", Level: Must, Refs: []string{"RFC 5321, section 4.1.1.10"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.do("QUIT", "221")
			if rs := d.closed(); len(rs) > 0 {
				d.fail("a reply behind 221: %s", rs[0])
			}
		},
	},
	{
		ID: "SEQ-10b", Title: "QUIT with an argument is 501", Level: Should, Refs: []string{"RFC 5321, section 4.3.2"},
		run: func(d *dialogue) {
			d.open()
			d.do("QUIT now", "501")
			d.alive()
		},
	},
	{
		ID: "SEQ-11", Title: "NOOP takes an argument", Level: Should, Refs: []string{"RFC 5321, section 4.1.1.9"},
		run: func(d *dialogue) {
			d.start()
			d.do("NOOP anything", "250")
		},
	},
	{
		ID: "SEQ-12", Title: "VRFY, EXPN and HELP have replies of theirs", Level: Must, Refs: []string{"RFC 5321, section 3.5.3", "RFC 5321, section 7.3"},
		run: func(d *dialogue) {
			d.start()
			d.do("VRFY somebody", "250", "251", "252", "5")
			d.do("EXPN everybody", "250", "252", "5")
			d.do("HELP", "211", "214", "50")
			if !d.target.Bad.IsNull() {
				d.do("VRFY "+strings.Trim(d.bad(), "<>"), "252", "5")
			}
			d.alive()
		},
	},
	{
		ID: "SEQ-13", Title: "what is no command is 500, and the session lives", Level: Should, Refs: []string{"RFC 5321, section 4.2.4"},
		run: func(d *dialogue) {
			for pair := range slices.Chunk([]string{"FOOBAR", "", "X", "XY", "XYZ", "MAI", "FOOBAR WITH ARGUMENT"}, 2) {
				d.start() // few mistakes are forgiven by some
				for _, line := range pair {
					d.do(line, "500", "501", "502")
				}
				d.alive()
			}
		},
	},
	{
		ID: "SEQ-14", Title: "verbs may be in any case", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 2.4"},
		run: func(d *dialogue) {
			d.start()
			d.do("mAiL fRoM:"+d.sender(), "250")
			d.do("rcpt to:"+d.good(0), "250")
			d.do("data", "354")
			d.send(d.header() + ".\r\n")
			d.accepted(1)
			d.do("rset", "250")
		},
	},
	{
		ID: "SEQ-14b", Title: "trailing space is tolerated", Level: Should, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" ", "250")
			d.do("RCPT TO:"+d.good(0)+"  ", "250")
			d.do("RSET ", "250")
			d.do("NOOP ", "250")
			d.do("QUIT ", "221")
		},
	},
	{
		ID: "SEQ-15", Title: "verbs are compared whole", Level: Should, Harm: Delivers, Refs: []string{"RFC 5321, section 4.2.4"},
		run: func(d *dialogue) {
			d.start()
			d.do("STARTTLSX", "500", "502")
			d.mail()
			d.rcpt(1)
			d.do("DATAX", "500", "502")
			d.do("RSETTING", "500", "502")
			d.do("RCPT TO:"+d.good(1), "250") // the transaction is still there
		},
	},
	{
		ID: "SEQ-16", Title: "DATA and RSET with an argument are 501", Level: Should, Harm: Delivers, Refs: []string{"RFC 5321, section 4.3.2"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.do("DATA now", "501")
			d.do("RSET now", "501")
			d.do("RCPT TO:"+d.good(1), "250")
		},
	},
	{
		ID: "SEQ-16b", Title: "STARTTLS with an argument is 501", Level: Must, Refs: []string{"RFC 3207, section 4"}, Needs: []string{"STARTTLS"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			d.do("STARTTLS now", "501")
			d.alive()
		},
	},
	{
		ID: "SEQ-17", Title: "every line of a 2xx, 4xx or 5xx reply has an enhanced code of its class", Level: Must, Harm: Delivers, Refs: []string{"RFC 2034, section 4"}, Needs: []string{"ENHANCEDSTATUSCODES"},
		run: enhancedCodes,
	},
	{
		ID: "SEQ-18", Title: "no reply line is over 512 octets, or has anything but printable ASCII", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.3.1.5", "RFC 6531, section 3.7.4.2"},
		run: replyLines,
	},
	{
		ID: "SEQ-19", Title: "a server that shuts down says 421 to idle clients at once, and to others behind their message", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 3.8"}, Needs: []string{"shutdown"},
		run: shutdown,
	},
	{
		ID: "SEQ-20", Title: "a handler that panics costs one session", Level: Practice, Harm: Delivers, Needs: []string{"panics"},
		run: func(d *dialogue) {
			d.start()
			other := d.conn
			d.start()
			d.mail()
			d.do("RCPT TO:"+path(d.target.Panics), "421", "451")
			d.conn, d.in = other, nil
			d.message(1, "x\r\n")
		},
	},
	{
		ID: "SEQ-88", Title: "NOOP, RSET, HELP and VRFY need no EHLO", Level: Should, Refs: []string{"RFC 5321, section 4.1.4"},
		run: func(d *dialogue) {
			d.open()
			d.do("NOOP", "250")
			d.do("RSET", "250", tlsFirst)
			for _, line := range []string{"HELP", "VRFY somebody"} {
				if r := d.do(line, "2", "5"); r.code == "503" {
					d.fail("%s before EHLO is 503", line)
				}
			}
		},
	},
	{
		ID: "SEQ-89", Title: "an EHLO that is refused leaves the state as it was", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.4"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.do(d.ehlo(), "501")
			d.do("RCPT TO:"+d.good(0), "250")
		},
	},
}

func enhancedCodes(d *dialogue) {
	d.start()
	check := func(r reply) {
		for _, l := range r.lines {
			if d.err == nil && (l.enhanced == "" || l.enhanced[0] != r.code[0]) {
				d.fail("a line of the reply %s has the enhanced code %q", r, l.enhanced)
			}
		}
	}
	for _, line := range []string{
		"NOOP", "FOOBAR", "RCPT TO:" + d.good(0), "DATA", "MAIL FROM:<", "MAIL FROM:<> FOO=bar", "MAIL FROM:" + d.sender(), "RCPT TO:<>", "RCPT TO:" + d.good(0),
		"VRFY somebody", "EXPN everybody", "RSET", "BDAT",
	} {
		if line == "BDAT" { // its size is missing, so that the session may end with it
			if !d.offers("CHUNKING") {
				break
			}
		}
		check(d.do(line, "2", "4", "5"))
	}
	d.start()
	d.data(1)
	d.send(d.header() + ".\r\n")
	for range d.finals(1) {
		check(d.want("250"))
	}
	check(d.do("QUIT", "221"))
}

func replyLines(d *dialogue) {
	d.start()
	long := strings.Repeat("x", 60) + "@" + strings.Repeat("y.", 90) + "example"
	for _, line := range []string{
		"MAIL FROM:<" + long + ">", "RSET", "MAIL FROM:<\"\x01\x7f\"@x.example>", "RSET", "MAIL FROM:<caf\xc3\xa9@x.example>", "RSET",
		"MAIL FROM:<caf\xe9@x.example>", "RSET", "MAIL FROM:" + d.sender(), "RCPT TO:<" + long + ">", "RCPT TO:<caf\xc3\xa9@" + d.domain() + ">",
		"VRFY " + strings.Repeat("v", 400), "VRFY caf\xc3\xa9", "FOO\xffBAR", "EXPN \x1b[1m", strings.Repeat("z", 500),
	} {
		d.send(line + "\r\n")
		r := d.reply()
		for _, l := range r.lines {
			if l.octets > 512 {
				d.fail("a reply line of %d octets to %.40q", l.octets, line)
			}
			if strings.ContainsFunc(l.text, func(c rune) bool { return c < ' ' || c > '~' }) {
				d.fail("a reply line that is not printable ASCII: %q", l.text)
			}
		}
	}
	d.alive()
}

func shutdown(d *dialogue) {
	d.start()
	busy := d.conn
	d.data(1)
	d.start()
	idle := d.conn
	done := make(chan error, 1)
	go func() { done <- d.target.Shutdown(d.ctx) }()
	d.conn = idle
	d.want("421")
	d.closed()
	d.conn = busy
	d.send(d.header() + ".\r\n")
	d.accepted(1)
	for _, r := range d.closed() {
		d.check(r, "421")
	}
	d.arrived("")
	if d.err != nil {
		return
	}
	if err := <-done; err != nil {
		d.fail("Shutdown: %w", err)
	}
}

package smtptest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/smtp"
)

// Addresses and parameters.
var pathCases = []Case{
	{
		ID: "PATH-21", Title: "<> is a sender and no recipient", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.5", "RFC 5321, section 4.1.1.3"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:<>", "250")
			d.do("RCPT TO:<>", "501", "553")
			d.rcpt(1)
		},
	},
	{
		ID: "PATH-22", Title: "<postmaster> is a recipient, in any case", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.1"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			for _, p := range []string{"<postmaster>", "<PostMaster>", "<POSTMASTER>"} {
				d.do("RCPT TO:"+p, "250")
			}
		},
	},
	{
		ID: "PATH-23", Title: "a source route is taken and not followed", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.3"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:<@a.example:"+d.sender()[1:], "250")
			d.do("RCPT TO:<@a.example,@b.example:"+d.good(0)[1:], "250")
			d.do("DATA", "354")
			d.send(d.header() + ".\r\n")
			d.accepted(1)
			for _, m := range d.deliveries(1) {
				if len(m.To) != 1 || m.To[0] != d.target.Good[0] || path(m.From) != d.sender() {
					d.fail("delivered from %s to %v", m.From, m.To)
				}
			}
		},
	},
	{
		ID: "PATH-24", Title: "a quoted local part means what is inside", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.2"},
		run: func(d *dialogue) {
			for _, local := range []string{`a b`, `a"b`, `a\b`, `a@b`, `.a`} {
				d.from(smtp.Path{Local: local, Domain: "x.example"})
			}
			d.start()
			d.do(`MAIL FROM:<"plain"@x.example>`, "250")
			d.do("RSET", "250")
			d.do(`MAIL FROM:<"a\b"@x.example>`, "250") // a quoted pair
		},
	},
	{
		ID: "PATH-25", Title: "> and space inside quotes end nothing", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.2"},
		run: func(d *dialogue) {
			d.from(smtp.Path{Local: "a> BODY=8BITMIME", Domain: "x.example"})
			d.from(smtp.Path{Local: "a>", Domain: "x.example"})
		},
	},
	{
		ID: "PATH-26", Title: "control characters are refused, quoted or not", Level: Must, Refs: []string{"RFC 5321, section 4.1.2"},
		run: func(d *dialogue) {
			d.start()
			for _, p := range []string{"<\"a\x01\"@x.example>", "<a\x01@x.example>", "<\"a\x7f\"@x.example>", "<\"a\\\x02\"@x.example>", "<a@x\x03.example>"} {
				d.do("MAIL FROM:"+p, "500", "501", "553")
			}
			d.mail()
		},
	},
	{
		ID: "PATH-27", Title: "dots and hyphens stand between other characters", Level: Must, Refs: []string{"RFC 5321, section 4.1.2"},
		run: func(d *dialogue) {
			d.start()
			for _, p := range []string{"<.a@x.example>", "<a.@x.example>", "<a..b@x.example>", "<a@-x.example>", "<a@x-.example>", "<a@x..example>", "<a@.x.example>", "<a@>", "<@x.example>"} {
				d.do("MAIL FROM:"+p, "501", "553")
			}
			d.mail()
		},
	},
	{
		ID: "PATH-28", Title: "paths of the greatest length are taken", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.3.1.1", "RFC 5321, section 4.5.3.1.2", "RFC 5321, section 4.5.3.1.3"},
		run: func(d *dialogue) {
			d.from(smtp.Path{Local: strings.Repeat("l", 64), Domain: "x.example"})
			d.from(smtp.Path{Local: strings.Repeat("l", 64), Domain: domainOf(189)}) // a path of 256
			d.from(smtp.Path{Local: "l", Domain: domainOf(252)})
			d.start() // longer ones may be taken or refused
			d.do("MAIL FROM:<"+strings.Repeat("l", 65)+"@x.example>", "250", "5")
			d.do("RSET", "250")
			d.do("MAIL FROM:<l@"+domainOf(256)+">", "250", "5")
			d.alive()
		},
	},
	{
		ID: "PATH-29", Title: "address literals are addresses", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.3"},
		run: func(d *dialogue) {
			d.from(smtp.Path{Local: "a", Domain: "[127.0.0.1]"})
			d.from(smtp.Path{Local: "a", Domain: "[IPv6:::1]"})
			d.start()
			for _, p := range []string{"<a@[999.1.1.1]>", "<a@[127.0.0.1>", "<a@[]>", "<a@[IPv6:zz]>"} {
				d.do("MAIL FROM:"+p, "501", "553")
			}
			d.mail()
		},
	},
	{
		ID: "PATH-30", Title: "brackets are required", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.2"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+strings.Trim(d.sender(), "<>"), "501", "553")
			d.mail()
			d.do("RCPT TO:"+strings.Trim(d.good(0), "<>"), "501", "553")
		},
	},
	{
		ID: "PATH-30b", Title: "a space behind the colon may be taken", Level: May, Refs: []string{"RFC 5321, section 3.3"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM: "+d.sender(), "250", "501")
			d.alive()
		},
	},
	{
		ID: "PATH-31", Title: "a parameter that is unknown, or not offered, is 555", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.1.1.11"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" FOO", "555")
			d.do("MAIL FROM:"+d.sender()+" FOO=bar", "555")
			for _, p := range [][2]string{{"MT-PRIORITY", "MT-PRIORITY=1"}, {"DELIVERBY", "BY=100;N"}, {"FUTURERELEASE", "HOLDFOR=1"}, {"DSN", "RET=FULL"}, {"SMTPUTF8", "SMTPUTF8"}} {
				if !d.offers(p[0]) {
					d.do("MAIL FROM:"+d.sender()+" "+p[1], "555")
				}
			}
			d.mail()
			d.do("RCPT TO:"+d.good(0)+" FOO=bar", "555")
			d.do("RCPT TO:"+d.good(0)+" SIZE=1", "555")
			d.rcpt(1)
		},
	},
	{
		ID: "PATH-32", Title: "a parameter given twice is 501", Level: Should, Refs: []string{"RFC 1870, section 6", "RFC 3461, section 4.5"}, Needs: []string{"SIZE"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" SIZE=1 SIZE=1", "501")
			if d.offers("DSN") {
				d.do("MAIL FROM:"+d.sender()+" ENVID=a ENVID=b", "501")
			}
			d.mail()
		},
	},
	{
		ID: "PATH-33", Title: "SIZE is a number, of any length", Level: Must, Refs: []string{"RFC 1870, section 6"}, Needs: []string{"SIZE"},
		run: sizes,
	},
	{
		ID: "PATH-34", Title: "BODY has the values of its extensions", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 3", "RFC 6152, section 3"}, Needs: []string{"8BITMIME"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" BODY=XX", "501", "504", "555")
			d.do("MAIL FROM:"+d.sender()+" BODY", "501", "555")
			d.do("MAIL FROM:"+d.sender()+" body=8bitmime", "250")
			d.do("RSET", "250")
			if !d.offers("BINARYMIME") {
				d.do("MAIL FROM:"+d.sender()+" BODY=BINARYMIME", "501", "504", "555")
				return
			}
			d.do("MAIL FROM:"+d.sender()+" BODY=BINARYMIME", "250")
			d.rcpt(1)
			d.do("DATA", "503")
		},
	},
	{
		ID: "PATH-35", Title: "UTF-8 without SMTPUTF8 is 550 or 553", Level: Must, Harm: Delivers, Refs: []string{"RFC 6531, section 3.5"}, Needs: []string{"SMTPUTF8"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:<caf\u00e9@x.example>", "550", "553")
			d.mail()
			d.do("RCPT TO:<caf\u00e9@"+d.domain()+">", "550", "553")
			d.rcpt(1)
		},
	},
	{
		ID: "PATH-36", Title: "octets that are no UTF-8 are refused with SMTPUTF8 too", Level: Must, Refs: []string{"RFC 6531, section 3.3"}, Needs: []string{"SMTPUTF8"},
		run: func(d *dialogue) {
			d.start()
			for _, p := range []string{"caf\xe9@x.example", "a\xc0\xafb@x.example", "a\xed\xa0\x80b@x.example", "a@caf\xe9.example", "a\xf4\x90\x80\x80@x.example"} {
				d.do("MAIL FROM:<"+p+"> SMTPUTF8", "500", "501", "553")
			}
			d.do("MAIL FROM:<caf\u00e9@x.example> SMTPUTF8", "250")
		},
	},
	{
		ID: "PATH-37", Title: "xtext is what it is", Level: Must, Refs: []string{"RFC 3461, section 4"}, Needs: []string{"DSN"},
		run: func(d *dialogue) {
			d.start()
			for _, x := range []string{"+", "a+4", "+zz", "+0D+0A", "+2b", "+00"} {
				d.do("MAIL FROM:"+d.sender()+" ENVID="+x, "501")
				if d.offers("AUTH") {
					d.do("MAIL FROM:"+d.sender()+" AUTH="+x, "501")
				}
			}
			d.do("MAIL FROM:"+d.sender()+" ENVID=a+2Bb", "250")
		},
	},
	{
		ID: "PATH-38", Title: "the parameters of DSN have their values only", Level: Must, Harm: Delivers, Refs: []string{"RFC 3461, section 4.1", "RFC 3461, section 4.2", "RFC 3461, section 4.3"}, Needs: []string{"DSN"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" RET=X", "501")
			d.do("MAIL FROM:"+d.sender()+" RET=HDRS", "250")
			for _, p := range []string{"NOTIFY=NEVER,SUCCESS", "NOTIFY=X", "NOTIFY=", "NOTIFY=SUCCESS,", "ORCPT=rfc822", "ORCPT=;a", "ORCPT=rfc822;"} {
				d.do("RCPT TO:"+d.good(0)+" "+p, "501")
			}
			d.do("RCPT TO:"+d.good(0)+" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@x.example", "250")
			d.do("RCPT TO:"+d.good(1)+" notify=never", "250")
		},
	},
	{
		ID: "PATH-39", Title: "BY belongs to MAIL", Level: Must, Harm: Delivers, Refs: []string{"RFC 2852, section 4"}, Needs: []string{"DELIVERBY"},
		run: func(d *dialogue) {
			d.start()
			for _, v := range []string{"", "x;R", "100", "100;X", "0;R", "-1;R", "1234567890;N"} {
				d.do("MAIL FROM:"+d.sender()+" BY="+v, "501")
			}
			d.do("MAIL FROM:"+d.sender()+" BY=-100;NT", "250")
			d.do("RCPT TO:"+d.good(0)+" BY=100;N", "555")
		},
	},
	{
		ID: "PATH-39b", Title: "MT-PRIORITY belongs to MAIL", Level: Must, Harm: Delivers, Refs: []string{"RFC 6710, section 4"}, Needs: []string{"MT-PRIORITY"},
		run: func(d *dialogue) {
			d.start()
			for _, v := range []string{"", "x", "10", "-10", "+1", "-0", "01"} {
				d.do("MAIL FROM:"+d.sender()+" MT-PRIORITY="+v, "501")
			}
			d.do("MAIL FROM:"+d.sender()+" MT-PRIORITY=-9", "250")
			d.do("RCPT TO:"+d.good(0)+" MT-PRIORITY=1", "555")
		},
	},
	{
		ID: "PATH-40", Title: "a message is held for a time or until one, and not for longer than offered", Level: Must, Refs: []string{"RFC 4865, section 5"}, Needs: []string{"FUTURERELEASE"},
		run: func(d *dialogue) {
			d.start()
			fields := strings.Fields(d.offered["FUTURERELEASE"])
			if d.err != nil || len(fields) != 2 {
				d.fail("FUTURERELEASE %q", d.offered["FUTURERELEASE"])
				return
			}
			d.do("MAIL FROM:"+d.sender()+" HOLDFOR=1 HOLDUNTIL="+fields[1], "501")
			d.do("MAIL FROM:"+d.sender()+" HOLDFOR=999999999", "554")
			d.do("MAIL FROM:"+d.sender()+" HOLDFOR="+fields[0], "250")
		},
	},
	{
		ID: "PATH-41", Title: "100 recipients are taken", Level: Must, Harm: Delivers, Refs: []string{"RFC 5321, section 4.5.3.1.8"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			for i := range 100 {
				d.do("RCPT TO:"+d.good(i%3), "250")
			}
			d.do("DATA", "354")
			d.send(d.header() + ".\r\n")
			d.accepted(100)
		},
	},
	{
		ID: "PATH-42", Title: "limits that are announced are the ones that are kept", Level: Must, Harm: Delivers, Refs: []string{"RFC 9422, section 4"}, Needs: []string{"LIMITS"},
		run: announcedLimits,
	},
	{
		ID: "PATH-101", Title: "RRVS belongs to RCPT, and is a time", Level: Must, Harm: Delivers, Refs: []string{"RFC 7293, section 3"}, Needs: []string{"RRVS"},
		run: func(d *dialogue) {
			d.start()
			d.do("MAIL FROM:"+d.sender()+" RRVS=2020-01-01T00:00:00Z", "555")
			d.mail()
			for _, v := range []string{"", "yesterday", "2020-01-01", "2020-01-01T00:00:00Z;X", "2020-01-01T00:00:00Z;"} {
				d.do("RCPT TO:"+d.good(0)+" RRVS="+v, "501")
			}
			d.do("RCPT TO:"+d.good(0)+" RRVS=2020-01-01T00:00:00Z;C", "250", "550")
		},
	},
	{
		ID: "PATH-92", Title: "AUTH= is taken without AUTH", Level: Must, Refs: []string{"RFC 4954, section 5"}, Needs: []string{"login", "smtp", "lmtp"},
		run: func(d *dialogue) {
			d.plainOffered()
			d.do("MAIL FROM:"+d.sender()+" AUTH=<>", "250")
			d.do("RSET", "250")
			d.do("MAIL FROM:"+d.sender()+" AUTH=e+3Dmc2@x.example", "250")
		},
	},
}

// from opens a transaction with that sender and sees it arrive as it was meant.
func (d *dialogue) from(p smtp.Path) {
	d.token = "smtptest-" + fmt.Sprintf("%s-%d", strings.TrimPrefix(d.token, "smtptest-")[:10], len(d.opened))
	d.start()
	r := d.do("MAIL FROM:"+path(p), "250", "5")
	if d.err == nil && r.code != "250" && d.target.Protocol == smtp.Submission && r.lines[0].enhanced == "5.7.1" {
		d.skip("the server takes no sender but the user's own: " + r.String()) // RFC 6409, section 6.1
	}
	d.check(r, "250")
	d.rcpt(1)
	if d.target.Delivered == nil {
		d.do("RSET", "250")
		return
	}
	d.do("DATA", "354")
	d.send("X-Token: " + d.token + "\r\n\r\n.\r\n")
	d.accepted(1)
	for _, m := range d.deliveries(1) {
		if m.From != p {
			d.fail("delivered from %q at %q, want %q at %q", m.From.Local, m.From.Domain, p.Local, p.Domain)
		}
	}
}

// domainOf is a domain of n octets, made of labels of 63 at most.
func domainOf(n int) string {
	const tail = ".example"
	s := tail[1:]
	for len(s) < n {
		label := min(63, n-len(s)-1)
		if rest := n - len(s) - 1 - label; rest == 1 {
			label--
		}
		s = strings.Repeat("d", label) + "." + s
	}
	return s
}

func sizes(d *dialogue) {
	d.start()
	for _, v := range []string{"abc", "-1", "", "1x", "+1"} {
		d.do("MAIL FROM:"+d.sender()+" SIZE="+v, "501")
	}
	limit, _ := strconv.ParseUint(d.offered["SIZE"], 10, 63)
	for _, v := range []uint64{limit + 1, 5_000_000_000} {
		if limit > 0 && v > limit {
			d.do("MAIL FROM:"+d.sender()+fmt.Sprint(" SIZE=", v), "552")
		}
	}
	if limit > 0 {
		d.do("MAIL FROM:"+d.sender()+" SIZE=99999999999999999999", "552")
	}
	d.do("MAIL FROM:"+d.sender()+" SIZE=0000000000000000000000001", "250")
}

func announcedLimits(d *dialogue) {
	d.start()
	limit := func(name string) int {
		for f := range strings.FieldsSeq(d.offered["LIMITS"]) {
			if v, ok := strings.CutPrefix(f, name+"="); ok {
				n, _ := strconv.Atoi(v)
				return n
			}
		}
		return 0
	}
	if n := limit("RCPTMAX"); n > 0 && n <= 1000 {
		d.mail()
		for i := range n {
			d.do("RCPT TO:"+d.good(i%3), "250")
		}
		d.do("RCPT TO:"+d.good(0), "452", "552")
		d.do("DATA", "354")
		d.send(d.header() + ".\r\n")
		d.accepted(n)
	}
	if n := limit("MAILMAX"); n > 0 && n <= 1000 {
		d.start()
		for range n {
			d.mail()
			d.do("RSET", "250")
		}
		d.do("MAIL FROM:"+d.sender(), "421", "45", "55")
	}
}

package smtptest

import (
	"fmt"
	"slices"

	"github.com/mailwire/mailwire/smtp"
)

// LMTP, and what SMTP says to its commands.
var lmtpCases = []Case{
	{
		ID: "LMTP-84", Title: "LHLO is for LMTP, EHLO and HELO are for SMTP", Level: Must, Refs: []string{"RFC 2033, section 4.1"},
		run: func(d *dialogue) {
			d.open()
			if d.target.Protocol == smtp.LMTP {
				d.do("HELO client.example", "50")
				d.do("EHLO client.example", "50")
				d.do("LHLO client.example", "250")
				return
			}
			d.do("LHLO client.example", "50")
			d.do("EHLO client.example", "250")
		},
	},
	{
		ID: "LMTP-85", Title: "one final reply for each accepted recipient, duplicates too", Level: Must, Harm: Delivers, Refs: []string{"RFC 2033, section 4.2"}, Needs: []string{"lmtp"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			if !d.target.Bad.IsNull() {
				d.do("RCPT TO:"+d.bad(), "5")
			}
			d.do("RCPT TO:"+d.good(0), "250")
			d.do("RCPT TO:"+d.good(1), "250")
			d.do("DATA", "354")
			d.send(d.header() + ".\r\n")
			d.accepted(3)
			d.alive()
			var to []smtp.Path
			if d.target.Delivered == nil || d.err != nil {
				return
			}
			list, err := d.target.Delivered(d.ctx, d.token)
			for _, m := range list {
				to = append(to, m.To...)
			}
			if err != nil || !slices.Contains(to, d.target.Good[0]) || !slices.Contains(to, d.target.Good[1]) {
				d.fail("delivered to %v (%v)", to, err)
			}
		},
	},
	{
		ID: "LMTP-86", Title: "a second transaction on the connection works", Level: Must, Harm: Delivers, Refs: []string{"RFC 2033, section 4.2"}, Needs: []string{"lmtp"},
		run: func(d *dialogue) {
			d.start()
			for n := range 3 {
				d.message(3-n, "x\r\n")
			}
			d.alive()
		},
	},
	{
		ID: "LMTP-87", Title: "the last chunk has a reply for each recipient, others one", Level: Must, Harm: Delivers, Refs: []string{"RFC 2033, section 4.2", "RFC 3030, section 2"}, Needs: []string{"lmtp", "CHUNKING"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(3)
			d.chunk(d.header(), "", "250")
			d.send(fmt.Sprintf("BDAT %d LAST\r\n%s", 3, "x\r\n"))
			d.accepted(3)
			d.alive()
		},
	},
	{
		ID: "LMTP-96", Title: "without a recipient DATA is refused", Level: Must, Harm: Delivers, Refs: []string{"RFC 2033, section 4.2"}, Needs: []string{"lmtp", "bad"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.do("RCPT TO:"+d.bad(), "5")
			d.do("DATA", "503", "554")
			d.alive()
		},
	},
}

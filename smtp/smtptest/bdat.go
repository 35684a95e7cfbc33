package smtptest

import (
	"bytes"
	"fmt"
	"strings"
)

// Content in chunks.
var bdatCases = []Case{
	{
		ID: "BDAT-67", Title: "chunks make one message, and their dots are theirs", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.chunk(d.header(), "", "250")
			d.chunk("..\r\n.\r\n.x", "", "250")
			d.chunk("\r\n", "", "250")
			d.do("BDAT 0 LAST", "250")
			d.arrived("..\r\n.\r\n.x\r\n")
			d.alive()
		},
	},
	{
		ID: "BDAT-68", Title: "BDAT out of order is 503, and its octets are dropped", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING"},
		run: func(d *dialogue) {
			d.start()
			d.chunk("NOOP\r\nQUIT\r\n", "", "503")
			d.chunk("NOOP\r\nQUIT\r\n", " LAST", "5")
			d.do("RSET", "250")
			d.mail()
			d.chunk("NOOP\r\nQUIT\r\n", " LAST", "503", "554")
			d.do("RSET", "250")
			d.alive()
		},
	},
	{
		ID: "BDAT-69", Title: "behind a chunk that is too big the message is lost until RSET", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING", "maxmessage"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.chunk(d.header(), "", "250")
			d.chunk(strings.Repeat("NOOP\r\n", int(d.target.MaxMessage)/6+1), "", "552")
			d.chunk("NOOP\r\n", "", "5")
			d.chunk("NOOP\r\n", " LAST", "5")
			d.do("RSET", "250")
			d.nothingArrived()
			d.message(1, "x\r\n")
		},
	},
	{
		ID: "BDAT-70", Title: "6000 octets without a line end in one flight", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING", "PIPELINING"},
		run: func(d *dialogue) {
			d.start()
			content := d.header() + strings.Repeat("#", 6000)
			d.send(fmt.Sprintf("MAIL FROM:%s\r\nRCPT TO:%s\r\nBDAT %d LAST\r\n%sNOOP\r\n", d.sender(), d.good(0), len(content), content))
			for range 3 {
				d.want("250")
			}
			d.want("250")
			for _, m := range d.deliveries(1) { // a line so long may be broken on its way
				if n := bytes.Count(m.Content, []byte("#")); n != 6000 {
					d.fail("%d of 6000 octets were delivered", n)
				}
			}
		},
	},
	{
		ID: "BDAT-71", Title: "DATA, MAIL and RCPT behind the first chunk are 503", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.chunk(d.header(), "", "250")
			d.do("DATA", "503")
			d.do("RSET", "250")
			d.mail()
			d.rcpt(1)
			d.chunk(d.header(), "", "250")
			d.do("MAIL FROM:"+d.sender(), "503")
			d.do("RSET", "250")
			d.nothingArrived()
		},
	},
	{
		ID: "BDAT-71b", Title: "RCPT behind the first chunk is 503", Level: Practice, Harm: Delivers, Needs: []string{"CHUNKING"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.chunk(d.header(), "", "250")
			d.do("RCPT TO:"+d.good(1), "503")
		},
	},
	{
		ID: "BDAT-72", Title: "where the length of a chunk is unknowable, no octet of it is a command", Level: Practice, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING"},
		run: func(d *dialogue) {
			for _, arg := range []string{"-1", "1x", "99999999999999999999", "", "0x10", "5 FIRST"} {
				d.start()
				d.mail()
				d.rcpt(1)
				d.trySend(strings.TrimRight("BDAT "+arg, " ") + "\r\nNOOP\r\n")
				d.want("5", "421")
				d.trySend("QUIT\r\n")
				for _, r := range d.closed() {
					if r.code[0] == '2' && r.code != "221" {
						d.fail("BDAT %s: a command behind it got %s", arg, r)
					}
				}
			}
		},
	},
	{
		ID: "BDAT-72b", Title: "a chunk of nothing is taken, or refused, and nothing else", Level: May, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.do("BDAT 0", "250", "5")
			d.alive()
		},
	},
	{
		ID: "BDAT-73", Title: "every chunk is answered, also in a pipeline", Level: Must, Harm: Delivers, Refs: []string{"RFC 3030, section 2"}, Needs: []string{"CHUNKING", "PIPELINING"},
		run: func(d *dialogue) {
			d.start()
			d.mail()
			d.rcpt(1)
			d.send(fmt.Sprintf("BDAT %d\r\n%s", len(d.header()), d.header()))
			d.want("250") // though no command follows it
			d.send("BDAT 3\r\nabcBDAT 4\r\ndef\rBDAT 1\r\n\nBDAT 0 LAST\r\nNOOP\r\n")
			for range 5 {
				d.want("250")
			}
			d.arrived("abcdef\r\n")
		},
	},
}

// chunk sends a chunk with its octets.
func (d *dialogue) chunk(octets, last string, codes ...string) {
	d.send(fmt.Sprintf("BDAT %d%s\r\n%s", len(octets), last, octets))
	d.want(codes...)
}

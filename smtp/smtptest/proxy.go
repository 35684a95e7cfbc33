package smtptest

// What a trusted proxy may say. The numbers go on behind those of the RFCs: the
// rules are those of Postfix's XCLIENT_README and of HAProxy's proxy-protocol.txt.
var proxyCases = []Case{
	{
		ID: "XCLIENT-97", Title: "XCLIENT takes the session back to its greeting", Level: Practice, Needs: []string{"XCLIENT"},
		run: func(d *dialogue) {
			d.start()
			d.do("XCLIENT ADDR=192.0.2.9 NAME=client.example", "220")
			d.do("MAIL FROM:"+d.sender(), "503")
			d.hello()
		},
	},
	{
		ID: "XCLIENT-98", Title: "XCLIENT is refused inside a transaction, and if it cannot be read", Level: Practice, Harm: Delivers, Needs: []string{"XCLIENT"},
		run: func(d *dialogue) {
			d.start()
			for _, arg := range []string{"", "ADDR", "COLOUR=red", "ADDR=nowhere", "HELO=a+0D+0Ab", "NAME=a NAME=b"} {
				d.do("XCLIENT "+arg, "501")
			}
			d.mail()
			d.do("XCLIENT ADDR=192.0.2.9", "503")
			d.rcpt(1)
		},
	},
	{
		ID: "PROXY-99", Title: "a PROXY header comes once, before the greeting", Level: Practice, Needs: []string{"proxy"},
		run: func(d *dialogue) {
			d.start()
			d.do("PROXY TCP4 192.0.2.8 192.0.2.25 4711 25", "50")
			d.mail()
		},
	},
	{
		ID: "XCLIENT-100", Title: "XCLIENT of those who are not trusted is refused", Level: Practice,
		run: func(d *dialogue) {
			d.start()
			if !d.offers("XCLIENT") {
				d.do("XCLIENT ADDR=192.0.2.9", "5")
				d.mail()
			}
		},
	},
}

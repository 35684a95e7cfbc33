package smtptest

import (
	"encoding/base64"
	"strings"
)

// TLS and AUTH.
var tlsCases = []Case{
	{
		ID: "TLS-74", Title: "a command in the packet of STARTTLS is not executed", Level: Must, Refs: []string{"RFC 3207, section 4.2"}, Needs: []string{"tls", "STARTTLS"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			d.send("STARTTLS\r\nNOOP\r\n")
			if r := d.reply(); r.code != "220" {
				d.check(r, "4", "5")
				return
			}
			if d.err != nil {
				return
			}
			d.handshake()
			if d.err != nil { // the server has nothing to do with such a client
				d.err = nil
				return
			}
			d.hello()
			d.finish(0, "the command in front of TLS was executed")
		},
	},
	{
		ID: "TLS-75", Title: "behind STARTTLS nothing is known of what was before", Level: Must, Harm: Delivers, Refs: []string{"RFC 3207, section 4.2"}, Needs: []string{"tls", "STARTTLS"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			d.startTLS()
			d.do("MAIL FROM:"+d.sender(), "503", "530")
			d.hello()
			d.do("RCPT TO:"+d.good(0), "503", "530")
		},
	},
	{
		ID: "TLS-75b", Title: "STARTTLS inside a transaction ends it, or is refused", Level: Must, Harm: Delivers, Refs: []string{"RFC 3207, section 4.2"}, Needs: []string{"tls", "STARTTLS", "smtp", "lmtp"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			d.mail()
			d.rcpt(1)
			if r := d.do("STARTTLS", "220", "503"); r.code == "503" {
				return
			}
			d.handshake()
			d.do("DATA", "503", "554")
			d.hello()
			d.do("DATA", "503", "554")
		},
	},
	{
		ID: "TLS-76", Title: "a handshake that fails ends the connection", Level: Practice, Refs: []string{"RFC 3207, section 4.1"}, Needs: []string{"tls", "STARTTLS"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			d.do("STARTTLS", "220")
			d.send("EHLO client.example\r\nNOOP\r\n")
			if d.err != nil {
				return
			}
			for {
				if err := d.read(); err != nil { // whatever comes is TLS
					if err.Error() == "nothing in time" {
						d.fail("the connection goes on")
					}
					break
				}
			}
			if strings.Contains(string(d.in), "250") {
				d.fail("a command was served in clear: %q", d.in)
			}
			d.ended = true
		},
	},
	{
		ID: "TLS-77", Title: "STARTTLS is neither listed nor accepted inside TLS", Level: Must, Refs: []string{"RFC 3207, section 4.2"}, Needs: []string{"tls", "STARTTLS"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			d.startTLS()
			d.hello()
			if d.offers("STARTTLS") {
				d.fail("STARTTLS is listed inside TLS")
			}
			d.do("STARTTLS", "50", "554")
			d.alive()
		},
	},
	{
		ID: "TLS-77b", Title: "STARTTLS that is not offered is refused", Level: Must, Refs: []string{"RFC 3207, section 4"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			if !d.offers("STARTTLS") {
				d.do("STARTTLS", "50", "454", "554")
				d.alive()
			}
		},
	},
	{
		ID: "TLS-95", Title: "REQUIRETLS is neither offered nor accepted in clear", Level: Must, Refs: []string{"RFC 8689, section 2"}, Needs: []string{"smtp", "lmtp"},
		run: func(d *dialogue) {
			d.start()
			if d.tls {
				return
			}
			if d.offers("REQUIRETLS") {
				d.fail("REQUIRETLS is offered without TLS")
			}
			d.do("MAIL FROM:"+d.sender()+" REQUIRETLS", "5")
		},
	},
	{
		ID: "AUTH-78", Title: "what is wrong with AUTH has replies of its own", Level: Must, Harm: Guesses, Refs: []string{"RFC 4954, section 4", "RFC 4954, section 6"}, Needs: []string{"login"},
		run: func(d *dialogue) {
			d.plainOffered()
			d.do("AUTH", "501")
			d.do("AUTH X-UNKNOWN", "504")
			d.do("AUTH PLAIN", "334")
			d.do("*", "501")
			d.do("AUTH PLAIN ???", "501")
			d.do("AUTH PLAIN", "334")
			d.do("not base64", "501")
			d.do("AUTH PLAIN =", "5") // an empty response is none that PLAIN knows
			d.alive()
		},
	},
	{
		ID: "AUTH-78b", Title: "AUTH is refused inside a transaction, and behind success", Level: Must, Refs: []string{"RFC 4954, section 4"}, Needs: []string{"login"},
		run: func(d *dialogue) {
			d.plainOffered()
			d.do("AUTH PLAIN "+d.plain(string(d.target.Login.Password)), "235")
			d.do("AUTH PLAIN "+d.plain(string(d.target.Login.Password)), "503")
			d.mail()
			d.do("AUTH PLAIN", "503")
			d.do("RSET", "250") // RFC 5321, section 4.1.1.5: it keeps the identity
			d.do("AUTH PLAIN", "503")
			d.mail()
		},
	},
	{
		ID: "AUTH-78c", Title: "wrong user and wrong password are told the same", Level: Practice, Harm: Guesses, Refs: []string{"RFC 4954, section 6"}, Needs: []string{"login"},
		run: func(d *dialogue) {
			d.plainOffered()
			wrong := d.do("AUTH PLAIN "+d.plain("wrong"), "535")
			nobody := d.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00nobody-of-that-name\x00wrong")), "535")
			if d.err == nil && wrong.String() != nobody.String() {
				d.fail("%q for a wrong password, %q for a wrong user", wrong, nobody)
			}
		},
	},
	{
		ID: "AUTH-78d", Title: "a response of 12288 octets is read", Level: Must, Harm: Guesses, Refs: []string{"RFC 4954, section 4"}, Needs: []string{"login"},
		run: func(d *dialogue) {
			d.plainOffered()
			d.do("AUTH PLAIN", "334")
			if r := d.do(strings.Repeat("QUFB", 12288/4), "4", "5"); r.code == "500" {
				d.fail("%s", r)
			}
			d.alive()
		},
	},
	{
		ID: "AUTH-78e", Title: "no password is asked for in clear", Level: Must, Refs: []string{"RFC 4954, section 4", "RFC 4954, section 6"}, Needs: []string{"login", "STARTTLS"},
		run: func(d *dialogue) {
			d.open()
			d.hello()
			if d.offersPlain() {
				d.fail("PLAIN is offered without TLS")
			}
			d.do("AUTH PLAIN", "538", "530", "50")
		},
	},
	{
		ID: "AUTH-93", Title: "an empty challenge is 334 and a space", Level: Must, Refs: []string{"RFC 4954, section 4"}, Needs: []string{"login"},
		run: func(d *dialogue) {
			d.plainOffered()
			d.send("AUTH PLAIN\r\n")
			if d.err != nil {
				return
			}
			if line, err := d.line(); err != nil || line != "334 " {
				d.fail("want %q, got %q (%v)", "334 ", line, err)
			}
			d.do("*", "501")
		},
	},
}

// plainOffered gets to where AUTH PLAIN can be sent.
func (d *dialogue) plainOffered() {
	d.open()
	d.hello()
	d.private()
	if !d.offersPlain() {
		d.skip("the server does not offer AUTH PLAIN")
	}
}

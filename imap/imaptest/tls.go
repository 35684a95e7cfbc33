package imaptest

import (
	"io"
)

var tlsCases = []Case{
	{ID: "TLS-1", Title: "STARTTLS is for once, and not behind login", Level: Must, Refs: []string{"RFC 9051, section 6.2.1"}, Needs: []string{"tls", "clear"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.offers("STARTTLS") {
				d.skip("the server does not offer STARTTLS")
			}
			s.startTLS()
			if s.offers("STARTTLS") {
				s.fail("STARTTLS is listed on TLS")
			}
			s.bad("STARTTLS")
			s.login()
			s.bad("STARTTLS")
			s.ok("SELECT INBOX")
		}},
	{ID: "TLS-1b", Title: "on TLS from the first octet there is no STARTTLS", Level: Must, Refs: []string{"RFC 8314, section 3.2"}, Needs: []string{"tls"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.tls {
				d.skip("not TLS from the first octet")
			}
			if s.offers("STARTTLS") {
				s.fail("STARTTLS is listed on TLS")
			}
			s.bad("STARTTLS")
		}},
	{ID: "AUT-5", Title: "a command in one packet with STARTTLS is never answered", Level: Must, Refs: []string{"RFC 9051, section 6.2.1"}, Needs: []string{"tls", "clear"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.offers("STARTTLS") {
				d.skip("the server does not offer STARTTLS")
			}
			tag := s.newTag()
			s.raw(tag + " STARTTLS\r\nZ1 CAPABILITY\r\n")
			if a := s.until(tag); a.name == "OK" && len(s.in) == 0 && s.handshake() {
				s.cmd("NOOP") // until does not take a Z1 in front of its answer
			}
			s.mayEnd = true
		}},
	{ID: "TLS-2", Title: "octets behind STARTTLS are never executed", Level: Must, Harm: Changes | Exposes, Refs: []string{"RFC 9051, section 6.2.1"}, Needs: []string{"tls", "clear"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.offers("STARTTLS") {
				d.skip("the server does not offer STARTTLS")
			}
			l := d.login()
			tag := s.newTag()
			s.raw(tag + " STARTTLS\r\nZ1 LOGIN " + quote(l.Username) + " " + quote(string(l.Password)) + "\r\nZ2 CREATE injected\r\n")
			if a := s.until(tag); a.name == "OK" && len(s.in) == 0 && s.handshake() {
				// Whatever of Z1 and Z2 is answered now was plaintext: until does not take it.
				if a := s.cmd("SELECT INBOX"); a.name == "OK" {
					s.fail("the plaintext behind STARTTLS was a login")
				}
			}
			s.mayEnd = true
			d.wantNoMailbox("injected")
		}},
	{ID: "TLS-3", Title: "what was said before the handshake is forgotten", Level: Must, Refs: []string{"RFC 9051, section 6.2.1"}, Needs: []string{"tls", "clear"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.offers("STARTTLS") {
				d.skip("the server does not offer STARTTLS")
			}
			s.cmd(`ID ("name" "x")`)
			s.startTLS()
			s.bad("SELECT INBOX")
			s.login()
			s.ok("SELECT INBOX")
		}},
	{ID: "TLS-5", Title: "a handshake that is none ends the connection", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 6.2.1"}, Needs: []string{"tls", "clear"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.offers("STARTTLS") {
				d.skip("the server does not offer STARTTLS")
			}
			s.ok("STARTTLS")
			s.raw("x CAPABILITY\r\ny CREATE injected\r\n")
			s.mayEnd = true
			for !s.over() { // an alert is no line
				s.conn.SetReadDeadline(d.deadline())
				b := make([]byte, 512)
				if _, err := s.conn.Read(b); gone(err) || err == io.EOF {
					break
				} else if err != nil {
					s.fail("the connection does not end: %w", err)
				}
			}
			s.ended = true
			d.wantNoMailbox("injected")
		}},
}

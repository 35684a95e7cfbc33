package pop3test

import (
	"slices"
	"strings"

	"github.com/mailwire/mailwire/pop3"
)

var loginCases = []Case{
	{ID: "USER-10", Title: "the last USER counts", Level: Practice, Refs: []string{"RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.secure()
			d.needUser()
			d.send("USER not-"+d.user(), "USER "+d.user(), "PASS "+d.password())
			d.reply()
			d.want("+OK")
			d.want("+OK")
		}},
	{ID: "PASS-10b", Title: "spaces around a password are part of it", Level: Practice, Harm: Guesses, Refs: []string{"RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.secure()
			d.needUser()
			d.ok("USER " + d.user())
			d.refused("PASS " + d.password() + " ")
			d.ok("USER " + d.user())
			d.refused("PASS  " + d.password())
		}},
	{ID: "PASS-10c", Title: "PASS wants USER before it", Level: Must, Refs: []string{"RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.needUser()
			d.refused("PASS " + d.password())
		}},
	{ID: "PASS-11", Title: "behind a failed PASS, USER is asked for again", Level: Must, Harm: Guesses, Refs: []string{"RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.secure()
			d.needUser()
			d.ok("USER " + d.user())
			d.refused("PASS wrong", "PASS "+d.password())
		}},
	{ID: "PASS-11b", Title: "unknown users look like wrong passwords", Level: Practice, Harm: Guesses, Refs: []string{"RFC 1939, section 13"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.needUser()
			d.ok("USER " + d.user())
			known := d.refused("PASS wrong")
			d.ok("USER no-such-user-here")
			if unknown := d.refused("PASS wrong"); known != unknown {
				d.fail("a known user is refused with %q, an unknown one with %q", known, unknown)
			}
		}},
	{ID: "ORDER-12", Title: "before login there is nothing to see; CAPA and QUIT work", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 3"},
		run: func(d *dialogue) {
			for _, command := range []string{"NOOP", "STAT", "LIST", "RSET", "RETR 1", "DELE 1", "UIDL"} {
				d.start() // each anew: some servers take few errors before login
				d.refused(command)
				d.offers("TOP")
				d.ok("QUIT")
			}
		}},
	{ID: "ORDER-12b", Title: "after login there is no second one", Level: Must, Harm: Empties, Refs: []string{"RFC 1939, section 7", "RFC 5034, section 4"},
		run: func(d *dialogue) {
			d.fill(three...)
			d.login()
			d.refused("USER "+d.user(), "PASS "+d.password(), "AUTH PLAIN")
			d.ok("STAT")
		}},
	{ID: "CODE-15", Title: "where AUTH-RESP-CODE is offered, a wrong password has the code AUTH", Level: Must, Harm: Guesses, Refs: []string{"RFC 3206, section 6"}, Needs: []string{"AUTH-RESP-CODE"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.needUser()
			d.ok("USER " + d.user())
			if got := d.refused("PASS wrong"); !d.over() && !strings.HasPrefix(strings.ToUpper(got), "-ERR [AUTH") {
				d.fail("got %q, want the response code AUTH", got)
			}
		}},
	{ID: "CAPA-16", Title: "CAPA lists the same before and behind login, but for LOGIN-DELAY and EXPIRE", Level: Must, Refs: []string{"RFC 2449, section 5"}, Needs: []string{"TOP"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.secure()
			before := tags(d)
			d.logIn("+OK")
			d.caps = nil
			after := tags(d)
			for _, tag := range before {
				if !d.over() && !slices.Contains(after, tag) {
					d.fail("%s is listed before login and not behind it", tag)
				}
			}
		}},
	{ID: "CAPA-16b", Title: "under TLS there is no STLS", Level: Must, Refs: []string{"RFC 2595, section 4"}, Needs: []string{"tls", "STLS", "clear"},
		run: func(d *dialogue) {
			d.start()
			d.startTLS()
			if d.offers("STLS") {
				d.fail("STLS is listed under TLS")
			}
		}},
	{ID: "STLS-19", Title: "what is sent behind STLS in the clear is never executed", Level: Must, Refs: []string{"RFC 2595, section 4"}, Needs: []string{"tls", "STLS", "clear"},
		run: func(d *dialogue) {
			d.start()
			d.send("STLS", "CAPA")
			d.want("+OK")
			if len(d.in) > 0 {
				d.fail("the command behind STLS is answered in the clear: %s", sample(string(d.in)))
			}
			if !d.handshake() {
				return // the connection failed: as it should
			}
			d.send("XYZZY")
			d.want("-ERR")
		}},
	{ID: "STLS-20", Title: "a USER from before STLS is not left behind it", Level: Practice, Refs: []string{"RFC 2595, section 4"}, Needs: []string{"tls", "STLS", "clear"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.send("USER " + d.user())
			d.reply()
			d.startTLS()
			d.refused("PASS " + d.password())
		}},
	{ID: "STLS-20b", Title: "half a command from before TLS is not completed under it", Level: Must, Refs: []string{"RFC 2595, section 4"}, Needs: []string{"tls", "STLS", "clear"},
		run: func(d *dialogue) {
			d.start()
			d.raw("STLS\r\nQU")
			d.want("+OK")
			if !d.handshake() {
				return
			}
			d.send("IT")
			d.want("-ERR")
		}},
	{ID: "STLS-21", Title: "STLS is for before login, and once", Level: Must, Refs: []string{"RFC 2595, section 4"}, Needs: []string{"tls", "STLS", "clear"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			d.startTLS()
			d.refused("STLS")
			d.logIn("+OK")
			d.refused("STLS")
			d.ok("NOOP")
		}},
	{ID: "AUTH-22", Title: "AUTH PLAIN with and without an initial response", Level: Must, Refs: []string{"RFC 5034, section 4"}, Needs: []string{"SASL PLAIN"},
		run: func(d *dialogue) {
			d.unlocked()
			response := plain(d.user(), d.password())
			d.start()
			d.secure()
			d.ok("AUTH PLAIN "+response, "STAT", "QUIT")
			d.wantEnd()
			d.start()
			d.secure()
			d.send("AUTH PLAIN")
			d.want("+ ")
			d.ok(response, "STAT")
		}},
	{ID: "AUTH-22b", Title: "an exchange that is cancelled, malformed, or of no mechanism is refused, and the session goes on", Level: Must, Refs: []string{"RFC 5034, section 4"}, Needs: []string{"SASL PLAIN"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.send("AUTH PLAIN")
			d.want("+ ")
			d.refused("*")
			d.send("AUTH PLAIN")
			d.want("+ ")
			d.refused("no!base64", "AUTH NO-SUCH-MECHANISM", "NOOP")
		}},
	{ID: "AUTH-22c", Title: "base64 is taken in its one canonical form", Level: Practice, Harm: Guesses, Refs: []string{"RFC 4648, section 3.5"}, Needs: []string{"SASL PLAIN"},
		run: func(d *dialogue) {
			response := strings.TrimRight(plain(d.user(), d.password()+"\x00"), "=")
			d.start()
			d.secure()
			d.refused("AUTH PLAIN " + response)
		}},
	{ID: "AUTH-23", Title: "a response of 12 KiB is read whole", Level: Practice, Harm: Guesses, Refs: []string{"RFC 5034, section 4"}, Needs: []string{"SASL PLAIN"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.send("AUTH PLAIN")
			d.want("+ ")
			d.refused(plain("x", strings.Repeat("x", 9000)))
			d.refused("NOOP")
		}},
	{ID: "AUTH-23b", Title: "a response of 1 MiB is refused, or ends the connection", Level: Practice, Harm: Loads | Guesses, Refs: []string{"RFC 5034, section 4"}, Needs: []string{"SASL PLAIN"},
		run: func(d *dialogue) {
			d.start()
			d.secure()
			d.send("AUTH PLAIN")
			d.want("+ ")
			d.send(strings.Repeat("A", 1<<20))
			if got := d.reply(); strings.HasPrefix(got, "+") {
				d.fail("got %q", got)
			}
		}},
	{ID: "APOP-24", Title: "the stamp of APOP is another in each greeting, and the digest of it logs in", Level: Must, Harm: Guesses, Refs: []string{"RFC 1939, section 7"},
		run: func(d *dialogue) {
			d.unlocked()
			d.start()
			first := pop3.FindStamp(d.greeting)
			if first == "" {
				d.skip("the server does not offer APOP")
				return
			}
			d.start()
			second := pop3.FindStamp(d.greeting)
			if second == first {
				d.fail("two greetings have the stamp %q", first)
			}
			d.secure() // passwords can be tried on what follows
			for _, stamp := range []string{first, second} {
				digest := pop3.Digest(stamp, []byte(d.password()))
				d.log.Hide(digest)
				d.send("APOP " + d.user() + " " + digest)
				d.want(map[bool]string{true: "-ERR", false: "+OK"}[stamp == first])
			}
		}},
	{ID: "UTF8-25b", Title: "STLS behind UTF8 is refused", Level: Practice, Refs: []string{"RFC 6856, section 2.1"}, Needs: []string{"clear", "STLS", "UTF8"},
		run: func(d *dialogue) {
			d.start()
			d.ok("UTF8")
			d.refused("STLS")
		}},
	{ID: "LANG-25c", Title: "LANG lists languages, takes one of them and any range, and refuses others", Level: Must, Refs: []string{"RFC 6856, section 3"}, Needs: []string{"LANG"},
		run: func(d *dialogue) {
			d.start()
			languages := d.listing("LANG")
			if d.over() || len(languages) == 0 {
				d.skip("no languages")
				return
			}
			tag, _, _ := strings.Cut(languages[0], " ")
			for _, wanted := range []string{tag, strings.ToUpper(tag), "*"} {
				if got := d.ok("LANG " + wanted); !d.over() && !strings.HasPrefix(got, "+OK ") {
					d.fail("LANG %s gives %q, want the tag", wanted, got)
				}
			}
			d.refused("LANG xx-no-such")
		}},
}

// tags returns the tags that CAPA lists.
func tags(d *dialogue) []string {
	d.offers("TOP")
	var out []string
	for _, line := range d.caps {
		if tag, _, _ := strings.Cut(line, " "); tag != "" && tag != "LOGIN-DELAY" && tag != "EXPIRE" {
			out = append(out, tag)
		}
	}
	return out
}

package imaptest

import (
	"strings"
)

var loginCases = []Case{
	{ID: "AUT-1", Title: "commands are for their states", Level: Must, Harm: Changes | Empties, Refs: []string{"RFC 9051, section 3"},
		run: func(d *dialogue) {
			for i, text := range []string{"SELECT INBOX", "FETCH 1 FLAGS", `LIST "" "*"`, "STATUS INBOX (MESSAGES)", "EXPUNGE", "IDLE", "APPEND INBOX " + lit("x: y"), "UID FETCH 1 FLAGS", "CLOSE", "CREATE x"} {
				s := d.connect("A" + string(rune('a'+i))) // few mistakes are forgiven before login
				s.secure()
				s.bad(text)
			}
			s := d.open("A")
			s.bad("FETCH 1 FLAGS", "STORE 1 FLAGS ()", "SEARCH ALL", "EXPUNGE", "COPY 1 INBOX", "UID FETCH 1 FLAGS", "CLOSE", "LOGIN x y", "AUTHENTICATE PLAIN")
			s.ok("SELECT INBOX")
			s.bad("LOGIN x y", "AUTHENTICATE PLAIN")
			s.refused("FETCH 1 FLAGS") // of none
		}},
	{ID: "AUT-2", Title: "a SELECT that fails leaves nothing selected", Level: Must, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.2", "RFC 7162, section 3.2.11"},
		run: func(d *dialogue) {
			box := d.box(numbered(2)...)
			s := d.selected("A", box)
			s.ok(`STORE 1:2 +FLAGS.SILENT (\Deleted)`)
			for _, command := range []string{"SELECT ", "EXAMINE "} {
				a := s.want(command+d.name("missing"), "NO")
				s.bad("FETCH 1 FLAGS", "EXPUNGE", "CLOSE", "UID STORE 1 FLAGS ()")
				if r := a.withCode("CLOSED"); s.offers("IMAP4REV2") && (r == nil || r.tag != "*") {
					s.fail("no OK [CLOSED]")
				}
				s.ok("SELECT " + box)
				s.wantCount(2)
			}
		}},
	{ID: "AUT-2b", Title: "a SELECT that is not grammatical closes nothing", Level: Practice, Harm: Changes, Refs: []string{"RFC 9051, section 6.3.2"},
		run: func(d *dialogue) {
			s := d.selected("A", d.box(numbered(1)...))
			s.bad("SELECT", "SELECT ()", "EXAMINE INBOX x")
			s.mirror.exists, s.mirror.loose = 1, false
			s.ok("FETCH 1 FLAGS")
		}},
	{ID: "AUT-3", Title: "* ends an AUTHENTICATE, which can be tried again", Level: Must, Refs: []string{"RFC 9051, section 6.2.2"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			if !s.offers("AUTH=PLAIN") {
				d.skip("the server does not offer AUTH=PLAIN")
			}
			s.auth("AUTHENTICATE PLAIN", "*", "BAD")
			s.private()
			s.auth("AUTHENTICATE PLAIN", s.plain(), "OK")
			s.ok("SELECT INBOX")
		}},
	{ID: "AUT-4", Title: "initial responses and what is no base64", Level: Must, Harm: Guesses, Refs: []string{"RFC 9051, section 6.2.2", "RFC 4959, section 3"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			if !s.offers("AUTH=PLAIN") || !s.offers("SASL-IR") {
				d.skip("the server does not offer AUTH=PLAIN and SASL-IR")
			}
			s.refused("AUTHENTICATE PLAIN =") // an empty response is not an absent one
			s = d.connect("B")
			s.secure()
			s.bad("AUTHENTICATE PLAIN !!!!", "AUTHENTICATE PLAIN AA=A")
			s.no("AUTHENTICATE XYZZY", "AUTHENTICATE XYZZY =")
			s = d.connect("C")
			s.secure()
			s.auth("AUTHENTICATE PLAIN", "!!!!", "BAD")
			s.private()
			s.ok("AUTHENTICATE PLAIN " + s.plain())
			s.ok("SELECT INBOX")
		}},
	{ID: "AUT-4b", Title: "a wrong password is refused with NO, and a right one is taken after it", Level: Must, Harm: Guesses, Refs: []string{"RFC 9051, section 6.2.3", "RFC 5530, section 3"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			s.no(`LOGIN "nobody at all" wrong`, "LOGIN "+quote(d.login().Username)+" wrong", "LOGIN "+quote(d.login().Username)+` ""`)
			s.mayEnd = true // three are enough for some
			s = d.connect("B")
			s.secure()
			s.no("LOGIN " + quote(d.login().Username) + " wrong")
			s.login()
		}},
	{ID: "AUT-4c", Title: "user name and password may be literals", Level: Must, Refs: []string{"RFC 9051, section 6.2.3"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.private()
			l := d.login()
			tag := s.newTag()
			var a answer
			s.raw(tag + " LOGIN " + strings.SplitAfter(lit(l.Username), "\n")[0])
			if !s.plus(tag, &a) {
				s.fail("no continuation request")
			}
			s.raw(l.Username + " " + strings.SplitAfter(lit(string(l.Password)), "\n")[0])
			if !s.plus(tag, &a) {
				s.fail("no continuation request")
			}
			s.secret = true
			s.raw(string(l.Password) + "\r\n")
			s.secret = false
			s.wantEnd(s.until(tag), "LOGIN", "OK")
		}},
	{ID: "AUT-7", Title: "LOGIN without TLS is refused where LOGINDISABLED says so", Level: Must, Harm: Exposes, Refs: []string{"RFC 9051, section 6.2.3"}, Needs: []string{"clear"},
		run: func(d *dialogue) {
			s := d.connect("A")
			if !s.offers("LOGINDISABLED") {
				d.skip("the server does not have LOGINDISABLED")
			}
			l := d.login()
			s.want("LOGIN "+quote(l.Username)+" "+quote(string(l.Password)), "NO [PRIVACYREQUIRED]")
			s.bad("SELECT INBOX")
		}},
	{ID: "AUT-10", Title: "UNAUTHENTICATE is a new beginning", Level: Must, Harm: Changes, Refs: []string{"RFC 8437, section 3", "RFC 8437, section 4.1"}, Needs: []string{"UNAUTHENTICATE"},
		run: func(d *dialogue) {
			box := d.box(numbered(1)...)
			s := d.open("A")
			s.bad("UNAUTHENTICATE now")
			if s.offers("QRESYNC") {
				s.ok("ENABLE QRESYNC")
			}
			s.ok("SELECT " + box)
			s.ok("UNAUTHENTICATE")
			s.bad("UNAUTHENTICATE", "SELECT "+box, "FETCH 1 (FLAGS)")
			s.caps = nil
			s.login()
			s.bad("FETCH 1 (FLAGS)")
			if s.offers("QRESYNC") {
				s.bad("SELECT " + box + " (QRESYNC (1 1))") // it has to be enabled again
			}
			s.ok("SELECT " + box)
			s.ok("FETCH 1 (FLAGS)")
		}},
	{ID: "AUT-8", Title: "capabilities of a state are those of this state", Level: Must, Refs: []string{"RFC 9051, section 6.1.1"},
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			for _, state := range []string{"before login", "behind login"} {
				s.caps = nil
				a := s.ok("CAPABILITY")
				if len(a.all("CAPABILITY")) != 1 {
					s.fail("%d CAPABILITY responses", len(a.all("CAPABILITY")))
				}
				if !s.offers("IMAP4REV1") && !s.offers("IMAP4REV2") {
					s.fail("neither IMAP4rev1 nor IMAP4rev2 is listed %s", state)
				}
				if s.tls && s.offers("STARTTLS") {
					s.fail("STARTTLS is listed on TLS")
				}
				if state == "before login" {
					s.login()
				}
			}
			if s.offers("LOGINDISABLED") {
				s.fail("LOGINDISABLED is listed behind login")
			}
		}},
	{ID: "AUT-9", Title: "LOGOUT has BYE, OK and the end, in every state", Level: Must, Refs: []string{"RFC 9051, section 6.1.3"},
		run: func(d *dialogue) {
			for i, prepare := range []func(*session){
				func(*session) {},
				func(s *session) { s.secure() },
				func(s *session) { s.login() },
				func(s *session) { s.login(); s.ok("SELECT INBOX") },
			} {
				s := d.connect(string(rune('A' + i)))
				prepare(s)
				a := s.ok("LOGOUT")
				if len(a.all("BYE")) != 1 {
					s.fail("%d BYE before the OK", len(a.all("BYE")))
				}
				if r := s.read(); r != nil {
					s.fail("behind the OK of LOGOUT comes %s %s", r.tag, r.name)
				}
				s.mayEnd = true
			}
		}},
	{ID: "AUT-11", Title: "ENABLE takes names that it does not know, and tells what is new", Level: Must, Refs: []string{"RFC 9051, section 6.3.1"}, Needs: []string{"ENABLE"},
		run: func(d *dialogue) {
			s := d.open("A")
			before := strings.Join(s.capabilities(), " ")
			rows := s.ok("ENABLE XYZZY").all("ENABLED")
			if !s.over() && (len(rows) != 1 || len(rows[0].args) != 0) {
				s.fail("want ENABLED without names")
			}
			if s.offers("CONDSTORE") {
				for i, want := range []int{1, 0} {
					rows := s.ok("ENABLE CONDSTORE XYZZY").all("ENABLED")
					if !s.over() && (len(rows) != 1 || len(rows[0].args) != want) {
						s.fail("ENABLE CONDSTORE, time %d: want one ENABLED with %d names", i+1, want)
					}
				}
			}
			if after := strings.Join(s.capabilities(), " "); after != before {
				s.fail("the capabilities were %s and are %s", before, after)
			}
			s.bad("ENABLE", "ENABLE (CONDSTORE)")
		}},
}

// capabilities asks for them.
func (s *session) capabilities() []string {
	s.caps = nil
	s.ok("CAPABILITY")
	return s.caps
}

// auth sends AUTHENTICATE and one response, and wants it to end so.
func (s *session) auth(text, reply, end string) {
	tag, a := s.newTag(), newAnswer()
	s.raw(tag + " " + text + "\r\n")
	if !s.plus(tag, a) {
		s.fail("%s: no continuation request", text)
		return
	}
	s.secret = true
	s.raw(reply + "\r\n")
	s.secret = false
	s.wantEnd(s.until(tag), text, end)
}

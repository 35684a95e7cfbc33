package imaptest

import (
	"fmt"
	"slices"
	"strings"
)

// before has an answer to a command come behind other lines; verb "": any.
func before(verb, lines string) func(string, string) string {
	return func(v, answer string) string {
		if v == verb || verb == "" {
			return lines + answer
		}
		return answer
	}
}

// items puts items at the beginning of each row.
func items(more string) func(int, string) string {
	return func(n int, row string) string { return strings.Replace(row, "FETCH (", "FETCH ("+more+" ", 1) }
}

// changed replaces texts in all answers.
func changed(pairs ...string) func(string, string) string {
	r := strings.NewReplacer(pairs...)
	return func(_, answer string) string { return r.Replace(answer) }
}

// hushIn falls silent in the answer to a command, so many octets behind a text.
func hushIn(verb, text string, more int) func(string, string) int {
	return func(v, answer string) int {
		if i := strings.Index(answer, text); v == verb && i >= 0 {
			return i + more
		}
		return -1
	}
}

func clientCases() []clientCase {
	return slices.Concat(unaskedCases(), moveCases(), loopCases(), silenceCases(), hostileCases(), mistakeCases(), wholeCases())
}

// unaskedCases: what nobody asked for.
func unaskedCases() []clientCase {
	unasked := clientCase{id: "CLI-1", title: "data that nobody asked for is taken or skipped", refs: []string{"RFC 9051, section 2.2.2"}, level: Must, messages: numbered(3)}
	about := func(name string, reply func(string, string) string, row func(int, string) string) clientCase {
		c := unasked
		c.name, c.reply, c.row = name, reply, row
		return c
	}
	unknown := clientCase{id: "CLI-2", name: "unknown items", title: "items that nobody asked for are skipped", refs: []string{"RFC 9051, section 2.2.2"}, level: Must, messages: numbered(3),
		row: items(`X-ITEM (a (b NIL) {3}` + "\r\n)x( " + `"q\"") X-N 12 BODY[1.2.3.MIME]<7> NIL X-S "s"`)}
	return []clientCase{
		about("unknown data", before("", "* XFOO (a (b) \"c\" {3}\r\nx)y)\r\n* 3 XNUM\r\n* LSUB () \"/\" a\r\n* OK [XCODE \"a]b\" (c)] text\r\n* STATUS other (MESSAGES 3)\r\n* NO a warning\r\n* BAD a complaint\r\n* CAPABILITY IMAP4rev1\r\n"), nil),
		about("VANISHED", before("SELECT", "* VANISHED 3\r\n* VANISHED (EARLIER) 1:2\r\n"), nil),
		about("flags between", nil, func(n int, row string) string {
			return fmt.Sprintf("* 1 FETCH (FLAGS (\\Seen x))\r\n%s* %d FETCH (FLAGS ($y \\XTEST))\r\n", row, n)
		}),
		about("EXISTS at any time", func(v, answer string) string {
			if v == "FETCH" || v == "SEARCH" {
				return "* 3 EXISTS\r\n* 0 RECENT\r\n" + answer
			}
			return answer
		}, nil),
		unknown,
	}
}

// moveCases: MOVE by other means. RFC 6851, section 3.3.
func moveCases() []clientCase {
	move := clientCase{id: "CLI-3", refs: []string{"RFC 6851, section 3.3"}, level: Practice, messages: numbered(3), use: (*clientRun).move}
	about := func(name, title string, change func(*clientCase)) clientCase {
		c := move
		c.name, c.title = name, title
		change(&c)
		return c
	}
	return []clientCase{
		about("COPY refused", "where COPY is refused nothing is deleted", func(c *clientCase) {
			c.refuse, c.wantErr, c.never = "COPY", true, []string{"STORE", "EXPUNGE"}
		}),
		about("STORE refused", "where STORE is refused nothing is expunged", func(c *clientCase) {
			c.refuse, c.wantErr, c.never = "STORE", true, []string{"EXPUNGE"}
		}),
		about("no UIDPLUS", "without UIDPLUS nothing is expunged: there may be others that are deleted", func(c *clientCase) {
			c.caps, c.never = "IMAP4rev1 IDLE", []string{"EXPUNGE", "CLOSE"}
			c.use = func(r *clientRun) { // it may do the rest, or refuse: both are right
				if r.has(r.client.Move != nil) {
					r.client.Move(r.ctx, r.addr, r.uid(1), "other")
				}
			}
		}),
		about("UIDPLUS", "COPY, then STORE, then UID EXPUNGE of what was copied and nothing else", func(c *clientCase) {
			c.use, c.never = (*clientRun).moveByCopy, []string{"CLOSE"}
		}),
		about("MOVE", "MOVE where there is MOVE", func(c *clientCase) {
			c.caps, c.never = "IMAP4rev1 IDLE UIDPLUS MOVE", []string{"COPY", "EXPUNGE"}
		}),
	}
}

// loopCases: sets that name more than they seem to, and commands among rows.
func loopCases() []clientCase {
	large := make([]string, 4)
	for i := range large {
		large[i] = fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat(fmt.Sprintf("%d 0123456789abcdef\r\n", i), 40_000))
	}
	return []clientCase{
		{id: "CLI-4", name: "above the last", title: "200:* names the last message, whatever its UID is", refs: []string{"RFC 9051, section 9"}, level: Must, messages: numbered(3), use: (*clientRun).fetchFrom},
		{id: "CLI-5", name: "small", title: "a command inside a loop over rows", refs: []string{"RFC 9051, section 5.5"}, level: Practice, messages: numbered(20), use: (*clientRun).mark},
		{id: "CLI-5", name: "large", title: "a command while a content is still on its way", refs: []string{"RFC 9051, section 5.5"}, level: Practice, messages: large, use: (*clientRun).mark},
	}
}

// silenceCases: ctx ends when the server has stopped to speak.
func silenceCases() []clientCase {
	silence := clientCase{id: "CLI-6", title: "a server that falls silent is left when the context ends", refs: []string{"RFC 9051, section 5.4"}, level: Practice, messages: numbered(3), wantErr: true}
	about := func(name string, use func(*clientRun), hush func(string, string) int) clientCase {
		c := silence
		c.name, c.use, c.hush = name, silent(use), hush
		return c
	}
	noPlus := about("no +", (*clientRun).append, nil)
	noPlus.plus = "-"
	return []clientCase{
		about("no greeting", (*clientRun).fetch, func(string, string) int { return 0 }),
		about("in the greeting", (*clientRun).fetch, func(string, string) int { return 5 }),
		about("behind LOGIN", (*clientRun).fetch, func(v, _ string) int {
			if v == "LOGIN" || v == "AUTHENTICATE" {
				return 0
			}
			return -1
		}),
		about("in a response", (*clientRun).fetch, hushIn("SELECT", "EXISTS", 2)),
		about("in a row", (*clientRun).fetch, hushIn("FETCH", "FETCH (", 9)),
		about("in a literal", (*clientRun).fetch, hushIn("FETCH", "}\r\n", 20)),
		about("between rows", (*clientRun).fetch, hushIn("FETCH", "* 2 FETCH", 0)),
		noPlus,
		about("behind +", (*clientRun).append, hushIn("APPEND", "", 0)),
	}
}

// hostileCases: sizes that are only stated.
func hostileCases() []clientCase {
	huge := clientCase{id: "CLI-7", title: "a literal of 9999999999 octets takes no memory, and is an error", refs: []string{"RFC 9051, section 4.3"}, level: Practice, messages: numbered(1), wantErr: true}
	row := func(name, octets string) clientCase {
		c := huge
		c.name, c.cut = name, -1
		c.row = func(n int, _ string) string { return fmt.Sprintf("* %d FETCH (%s", n, octets) }
		return c
	}
	mailbox := huge
	mailbox.name, mailbox.use = "in a mailbox name", (*clientRun).list
	mailbox.reply = func(v, answer string) string {
		if v == "LIST" {
			return "* LIST () \"/\" {9999999999}\r\nabc"
		}
		return answer
	}
	return []clientCase{
		mailbox,
		row("in a flag", "UID 7 FLAGS (a {9999999999}\r\nabc"),
		row("in an unknown item", "X {9999999999}\r\nabc"),
		row("beyond 64 bits", "UID 7 BODY[] {99999999999999999999}\r\nabc"),
	}
}

// mistakeCases: what servers are known to get wrong.
func mistakeCases() []clientCase {
	small := clientCase{id: "CLI-8", title: "small mistakes of servers pass", refs: []string{"RFC 9051, section 7"}, level: Practice, messages: numbered(3)}
	about := func(name string, mistake bool, change func(c *clientCase)) clientCase {
		c := small
		c.name, c.mistake = name, mistake
		change(&c)
		return c
	}
	reply := func(f func(string, string) string) func(*clientCase) { return func(c *clientCase) { c.reply = f } }
	odd := func(s string) func(*clientCase) { return func(c *clientCase) { c.row = items(s) } }
	return []clientCase{
		about("no text", true, reply(changed(" OK done\r\n", " OK\r\n"))),
		about("a code and no text", true, reply(changed("[UIDNEXT 37] x", "[UIDNEXT 37]"))),
		about("spaces at the end", true, reply(func(v, answer string) string {
			if v == "FETCH" {
				return answer
			}
			return strings.ReplaceAll(answer, "\r\n", " \r\n")
		})),
		about("a space at the end of a row", true, func(c *clientCase) {
			c.row = func(_ int, row string) string { return strings.TrimSuffix(row, ")\r\n") + " )\r\n" }
		}),
		about("brackets and quotes in codes", false, func(c *clientCase) {
			c.greeting, c.reply = "OK [XCODE (a \"]\") 3] ready", changed(" OK done\r\n", " OK [XYZZY 1 \"2\"] done ] [\r\n")
		}),
		about("UIDVALIDITY 0", true, reply(changed("UIDVALIDITY 1", "UIDVALIDITY 0"))),
		about("an empty STATUS", false, reply(before("SELECT", "* STATUS other ()\r\n"))),
		about("a + for nobody", false, reply(before("SELECT", "+ go on\r\n"))),
		about("a + without text", true, func(c *clientCase) { c.plus, c.use = "+\r\n", (*clientRun).append }),
		about("a size of -1", false, odd("RFC822.SIZE -1")),
		about("an encoding of NIL", false, odd(`BODYSTRUCTURE ("text" "plain" NIL NIL NIL NIL -1 0 NIL NIL NIL NIL)`)),
		about("no capability but the name", false, func(c *clientCase) { c.caps = "IMAP4rev1" }),
	}
}

// strictCases are the mistakes once more, for clients that want none to pass.
func strictCases() []clientCase {
	var strict []clientCase
	for _, c := range mistakeCases() {
		if c.mistake && c.use == nil {
			c.name, c.title = c.name+", strictly", "with Strict no mistake of a server passes"
			c.use, c.wantErr = (*clientRun).strict, true
			strict = append(strict, c)
		}
	}
	return strict
}

// wholeCases: messages are as they are, and what is not whole is an error.
func wholeCases() []clientCase {
	some := numbered(3)
	whole := func(name, title, section string, change func(*clientCase)) clientCase {
		c := clientCase{id: "CLI-9", name: name, title: title, refs: []string{"RFC 9051, section " + section}, level: Must, messages: some}
		change(&c)
		return c
	}
	lost := func(name, title, section string, change func(*clientCase)) clientCase {
		c := whole(name, title, section, change)
		c.id, c.wantErr = "CLI-10", true
		return c
	}
	as := func(messages ...string) func(*clientCase) { return func(c *clientCase) { c.messages = messages } }
	tagged := func(verbs, answer string) func(*clientCase) {
		return func(c *clientCase) {
			c.reply = func(v, all string) string {
				if tag, ok := taggedLine(all); ok && strings.Contains(verbs, v) {
					return tag + answer
				}
				return all
			}
		}
	}
	return []clientCase{
		whole("plain", "messages as they are", "6.4.5", func(*clientCase) {}),
		whole("empty", "a mailbox without messages is no error", "7.4.1", as()),
		whole("octets", "what is in a literal is no response", "4.3", as("Subject: x\r\n\r\n* 9 EXPUNGE\r\na1 OK done\r\n)\r\n", "Subject: y\r\n\r\n"+strings.Repeat("\xff\x80)\"{3}\r\n", 100))),
		whole("large", "a message of a mebioctet and more", "4.3", as("Subject: x\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 80_000))),
		whole("many", "five hundred messages", "6.4.5", as(numbered(500)...)),
		whole("rows apart", "an answer may come in several rows", "7.5.2", func(c *clientCase) {
			c.row = func(n int, row string) string { return fmt.Sprintf("* %d FETCH (FLAGS ())\r\n%s", n, row) }
		}),
		whole("backwards", "rows come in any order", "7.5.2", func(c *clientCase) {
			c.reply = func(v, answer string) string {
				if rows := strings.SplitAfter(answer, ")\r\n"); v == "FETCH" && len(rows) == 4 {
					return rows[2] + rows[1] + rows[0] + rows[3]
				}
				return answer
			}
		}),
		whole("lower case", "names are in any letter case", "9", func(c *clientCase) {
			c.reply = func(v, answer string) string {
				for _, word := range []string{"EXISTS", "FLAGS", "OK", "SEARCH", "CAPABILITY", "UIDVALIDITY", "UIDNEXT"} {
					answer = strings.ReplaceAll(answer, " "+word+" ", " "+strings.ToLower(word)+" ")
				}
				return answer
			}
			c.row = func(_ int, row string) string {
				return strings.NewReplacer("FETCH", "fetch", "UID", "uid", "BODY[]", "body[]").Replace(row)
			}
		}),
		whole("quoted message", "a message may be a quoted string", "9", func(c *clientCase) {
			c.messages = []string{"no line end"}
			c.row = func(_ int, row string) string { return strings.Replace(row, "{11}\r\nno line end", `"no line end"`, 1) }
		}),
		lost("cut", "a connection that ends inside a literal gives no message", "4.3", func(c *clientCase) { c.cut = 60 }),
		lost("cut between rows", "an answer without its tagged line is not whole", "2.2.2", func(c *clientCase) { c.cut = -1 }),
		lost("NO", "FETCH that ends NO is an error", "7.1.2", tagged("FETCH", " NO [UNAVAILABLE] later\r\n")),
		lost("login refused", "a login that is refused is an error", "6.2.3", tagged("LOGIN AUTHENTICATE", " NO [AUTHENTICATIONFAILED] wrong\r\n")),
		lost("BYE", "a greeting of BYE is an error", "7.1.5", func(c *clientCase) { c.greeting, c.noLogin = "BYE [UNAVAILABLE] full", true }),
		lost("no IMAP", "another protocol is an error", "7.1", func(c *clientCase) { c.greeting, c.noLogin = "220 mail.example ESMTP", true }),
		lost("nonsense", "what is no response gives no messages", "7", func(c *clientCase) {
			c.cut = -1
			c.reply = func(v, answer string) string {
				if v == "FETCH" {
					return "\x00\x01\x02\r\n"
				}
				return answer
			}
		}),
		{id: "AUT-7", name: "LOGINDISABLED", title: "no LOGIN where LOGINDISABLED says so", refs: []string{"RFC 9051, section 6.2.3"}, level: Must, messages: some, caps: "IMAP4rev1 LOGINDISABLED", wantErr: true, noLogin: true},
	}
}

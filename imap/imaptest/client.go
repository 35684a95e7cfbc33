package imaptest

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// User and Password are what the servers of RunClient take, by LOGIN or by
// AUTHENTICATE PLAIN.
const (
	User     = "imaptest"
	Password = "tanstaaf"
)

// RunClient tests a client: fetch connects to addr, on loopback and without TLS,
// logs in as User with Password, fetches all messages of INBOX and returns their
// contents by UID. The server does what servers are known to do, and worse. Where
// fetch cannot have all, it has to return an error, within a minute at most.
//
// The server is IMAP4rev1 with IDLE and UIDPLUS. It knows SELECT, EXAMINE, FETCH
// of FLAGS, UID, RFC822.SIZE, INTERNALDATE and whole messages, SEARCH ALL, STATUS,
// LIST and the commands without arguments; all else is BAD.
func RunClient(t *testing.T, fetch func(ctx context.Context, addr string) (map[uint32][]byte, error)) {
	for _, c := range clientCases() {
		t.Run(c.name, func(t *testing.T) {
			s := &scripted{c: c, stop: make(chan struct{})}
			s.serve = s.session
			addr := s.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := fetch(ctx, addr)
			if ctx.Err() != nil {
				t.Fatalf("%s: no end, %v", c.rule, err)
			}
			s.check(t)
			if c.wantErr {
				if err == nil {
					t.Errorf("%s: no error, and %d messages", c.rule, len(got))
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.rule, err)
			}
			for i, m := range c.messages {
				if content, ok := got[c.uid(i)]; !ok || string(content) != m {
					t.Errorf("%s: UID %d: got %.80q, want %.80q", c.rule, c.uid(i), content, m)
				}
			}
			if len(got) != len(c.messages) {
				t.Errorf("%s: UIDs %v, want %d messages", c.rule, slices.Sorted(maps.Keys(got)), len(c.messages))
			}
		})
	}
}

// A clientCase is a server that a client has to cope with.
type clientCase struct {
	name, rule string
	messages   []string
	greeting   string                           // "": OK
	caps       string                           // in place of IMAP4rev1 IDLE UIDPLUS
	reply      func(verb, answer string) string // what becomes of an answer, tagged line and all
	row        func(n int, row string) string   // what becomes of a FETCH row
	cut        int                              // > 0: the connection ends behind so many octets of the answer to FETCH
	wantErr    bool
	noLogin    bool // the client must not say its password
}

func (c *clientCase) uid(i int) uint32 { return uint32(10*i + 7) }

func clientCases() []clientCase {
	some := numbered(3)
	before := func(verb, lines string) func(string, string) string {
		return func(v, answer string) string {
			if v == verb || verb == "" {
				return lines + answer
			}
			return answer
		}
	}
	items := func(more string) func(int, string) string {
		return func(n int, row string) string { return strings.Replace(row, "FETCH (", "FETCH ("+more+" ", 1) }
	}
	return []clientCase{
		{name: "plain", rule: "RFC 9051, section 6.4.5: messages as they are", messages: some},
		{name: "empty", rule: "RFC 9051, section 7.4.1: a mailbox without messages is no error"},
		{name: "octets", rule: "RFC 9051, section 4.3: what is in a literal is no response", messages: []string{"Subject: x\r\n\r\n* 9 EXPUNGE\r\na1 OK done\r\n)\r\n", "Subject: y\r\n\r\n" + strings.Repeat("\xff\x80)\"{3}\r\n", 100)}},
		{name: "large", rule: "RFC 9051, section 4.3: a message of a mebioctet and more", messages: []string{"Subject: x\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 80_000)}},
		{name: "many", rule: "RFC 9051, section 6.4.5: five hundred messages", messages: numbered(500)},
		{name: "unknown data", rule: "RFC 9051, section 2.2.2: what nobody asked for is taken or skipped", messages: some,
			reply: before("", "* XFOO (a (b) \"c\" {3}\r\nx)y)\r\n* 3 XNUM\r\n* LSUB () \"/\" a\r\n* OK [XCODE \"a]b\" (c)] text\r\n* STATUS other (MESSAGES 3)\r\n* NO a warning\r\n* BAD a complaint\r\n* CAPABILITY IMAP4rev1\r\n")},
		{name: "unknown items", rule: "RFC 9051, section 2.2.2: items that nobody asked for are skipped", messages: some, row: items(`X-ITEM (a (b NIL) {3}` + "\r\n)x( " + `"q\"") X-N 12 BODY[1.2.3.MIME]<7> NIL X-S "s"`)},
		{name: "flags between", rule: "RFC 9051, section 7.5.2: rows of other sessions' changes come between", messages: some, row: func(n int, row string) string {
			return fmt.Sprintf("* 1 FETCH (FLAGS (\\Seen x))\r\n%s* %d FETCH (FLAGS ($y \\XTEST))\r\n", row, n)
		}},
		{name: "rows apart", rule: "RFC 9051, section 7.5.2: an answer may come in several rows", messages: some, row: func(n int, row string) string {
			return fmt.Sprintf("* %d FETCH (FLAGS ())\r\n%s", n, row)
		}},
		{name: "backwards", rule: "RFC 9051, section 7.5.2: rows come in any order", messages: some, reply: func(v, answer string) string {
			if rows := strings.SplitAfter(answer, ")\r\n"); v == "FETCH" && len(rows) == 4 {
				return rows[2] + rows[1] + rows[0] + rows[3]
			}
			return answer
		}},
		{name: "lower case", rule: "RFC 9051, section 9: names are in any letter case", messages: some,
			reply: func(v, answer string) string {
				for _, word := range []string{"EXISTS", "FLAGS", "OK", "SEARCH", "CAPABILITY", "UIDVALIDITY", "UIDNEXT"} {
					answer = strings.ReplaceAll(answer, " "+word+" ", " "+strings.ToLower(word)+" ")
				}
				return answer
			},
			row: func(n int, row string) string {
				return strings.NewReplacer("FETCH", "fetch", "UID", "uid", "BODY[]", "body[]").Replace(row)
			}},
		{name: "no text", rule: "servers leave out the text, or the space before it", messages: some, reply: func(v, answer string) string {
			return strings.ReplaceAll(answer, " OK done\r\n", " OK\r\n")
		}},
		{name: "spaces", rule: "servers put spaces at the ends of lines", messages: some, reply: func(v, answer string) string {
			if v == "FETCH" {
				return answer
			}
			return strings.ReplaceAll(answer, "\r\n", " \r\n")
		}},
		{name: "no capability", rule: "RFC 9051, section 6.1.1: CAPABILITY says little", messages: some, caps: "IMAP4rev1"},
		{name: "brackets", rule: "codes of any kind stand in greetings and behind OK", messages: some, greeting: "OK [XCODE (a \"]\") 3] ready", reply: func(v, answer string) string {
			return strings.ReplaceAll(answer, " OK done\r\n", " OK [XYZZY 1 2] done ] [\r\n")
		}},
		{name: "EXISTS at any time", rule: "RFC 9051, section 7.4.1: new messages are told at any time", messages: some, reply: func(v, answer string) string {
			if v == "FETCH" || v == "SEARCH" {
				return "* 3 EXISTS\r\n* 0 RECENT\r\n" + answer
			}
			return answer
		}},
		{name: "quoted message", rule: "RFC 9051, section 9: a message may be a quoted string", messages: []string{"no line end"}, row: func(n int, row string) string {
			return strings.Replace(row, "{11}\r\nno line end", `"no line end"`, 1)
		}},
		{name: "cut", rule: "RFC 9051, section 4.3: a connection that ends inside a literal gives no message", messages: some, cut: 60, wantErr: true},
		{name: "cut between rows", rule: "RFC 9051, section 2.2.2: an answer without its tagged line is not whole", messages: some, cut: -1, wantErr: true},
		{name: "NO", rule: "RFC 9051, section 7.1.2: FETCH that ends NO is an error", messages: some, reply: func(v, answer string) string {
			if tag, ok := taggedLine(answer); ok && v == "FETCH" {
				return tag + " NO [UNAVAILABLE] later\r\n"
			}
			return answer
		}, wantErr: true},
		{name: "login refused", rule: "RFC 9051, section 6.2.3: a login that is refused is an error", messages: some, reply: func(v, answer string) string {
			if tag, ok := taggedLine(answer); ok && (v == "LOGIN" || v == "AUTHENTICATE") {
				return tag + " NO [AUTHENTICATIONFAILED] wrong\r\n"
			}
			return answer
		}, wantErr: true},
		{name: "LOGINDISABLED", rule: "RFC 9051, section 6.2.3: no LOGIN where LOGINDISABLED says so", messages: some, caps: "IMAP4rev1 LOGINDISABLED", wantErr: true, noLogin: true},
		{name: "BYE", rule: "RFC 9051, section 7.1.5: a greeting of BYE is an error", greeting: "BYE [UNAVAILABLE] full", wantErr: true, noLogin: true},
		{name: "no IMAP", rule: "RFC 9051, section 7.1: another protocol is an error", greeting: "220 mail.example ESMTP", wantErr: true, noLogin: true},
		{name: "huge literal", rule: "a literal of 9999999999 octets is no reason to take memory, and an error", messages: some[:1], row: func(n int, row string) string {
			return fmt.Sprintf("* %d FETCH (X {9999999999}\r\nabc", n)
		}, cut: -1, wantErr: true},
		{name: "nonsense", rule: "RFC 9051, section 7: what is no response gives no messages", messages: some, reply: func(v, answer string) string {
			if v == "FETCH" {
				return "\x00\x01\x02\r\n"
			}
			return answer
		}, cut: -1, wantErr: true},
	}
}

// taggedLine returns the tag of the last line.
func taggedLine(answer string) (tag string, ok bool) {
	lines := strings.SplitAfter(strings.TrimSuffix(answer, "\r\n"), "\r\n")
	tag, _, ok = strings.Cut(lines[len(lines)-1], " ")
	return tag, ok && tag != "*" && tag != "+"
}

// scripted is the server of a clientCase.
type scripted struct {
	c     clientCase
	serve func(net.Conn)
	stop  chan struct{}

	mu       sync.Mutex
	password bool     // the client has said it
	offences []string // other things that it must not say
}

// start serves until the end of the test.
func (s *scripted) start(t *testing.T) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				done := make(chan struct{})
				all.Go(func() { // a client that hangs is not waited for
					select {
					case <-s.stop:
					case <-done:
					}
					c.Close()
				})
				s.serve(c)
				close(done)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(s.stop)
		all.Wait()
	})
	return l.Addr().String()
}

// offend notes what the client must not do.
func (s *scripted) offend(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offences = append(s.offences, what)
}

// check reports what the client did wrong.
func (s *scripted) check(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.password && s.c.noLogin {
		t.Errorf("%s: the client said its password", s.c.rule)
	}
	for _, what := range s.offences {
		t.Errorf("%s: the client said %s", s.c.rule, what)
	}
}

func (s *scripted) session(c net.Conn) {
	greeting := s.c.greeting
	if greeting == "" {
		greeting = "OK ready"
	}
	if !strings.HasPrefix(greeting, "220") {
		greeting = "* " + greeting
	}
	if _, err := io.WriteString(c, greeting+"\r\n"); err != nil || strings.HasPrefix(greeting, "* BYE") {
		return
	}
	r := bufio.NewReader(c)
	for {
		line, err := command(r, c)
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(line, " ")
		v := verb(rest)
		out, end := s.answer(r, c, tag, v, rest)
		v = strings.TrimPrefix(v, "UID ")
		if s.c.reply != nil {
			out = s.c.reply(v, out)
		}
		if v == "FETCH" && s.c.cut != 0 && len(s.c.messages) > 0 {
			if s.c.cut > 0 {
				out = out[:min(len(out), s.c.cut)]
			} else if tag, ok := taggedLine(out); ok {
				out = out[:strings.LastIndex(out, tag+" ")]
			}
			end = true
		}
		if _, err := io.WriteString(c, out); err != nil || end {
			return
		}
	}
}

// command reads a command with its literals.
func command(r *bufio.Reader, w io.Writer) (string, error) {
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		size, sync := announced([]byte(line))
		if size < 0 || size > 1<<20 {
			all.WriteString(strings.TrimRight(line, "\r\n"))
			return all.String(), nil
		}
		if sync {
			io.WriteString(w, "+ go ahead\r\n")
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		all.WriteString(line[:strings.LastIndexByte(line, '{')] + quote(string(b)))
	}
}

// answer carries out a command.
func (s *scripted) answer(r *bufio.Reader, w io.Writer, tag, v, text string) (out string, end bool) {
	done := tag + " OK done\r\n"
	caps := s.c.caps
	if caps == "" {
		caps = "IMAP4rev1 IDLE UIDPLUS"
	}
	switch v {
	case "CAPABILITY":
		return "* CAPABILITY " + caps + "\r\n" + done, false
	case "LOGIN", "AUTHENTICATE":
		return s.login(r, w, tag, v, text), false
	case "LOGOUT":
		return "* BYE bye\r\n" + done, true
	case "SELECT", "EXAMINE":
		return fmt.Sprintf("* FLAGS (\\Seen)\r\n* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %d] x\r\n%s OK [READ-WRITE] done\r\n", len(s.c.messages), s.c.uid(len(s.c.messages)), tag), false
	case "STATUS":
		return fmt.Sprintf("* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY 1)\r\n%s", len(s.c.messages), s.c.uid(len(s.c.messages)), done), false
	case "LIST":
		return "* LIST () \"/\" INBOX\r\n" + done, false
	case "SEARCH", "UID SEARCH":
		out = "* SEARCH"
		for i := range s.c.messages {
			if n := uint32(i + 1); v == "SEARCH" {
				out += fmt.Sprint(" ", n)
			} else {
				out += fmt.Sprint(" ", s.c.uid(i))
			}
		}
		return out + "\r\n" + done, false
	case "FETCH", "UID FETCH":
		return s.fetch(tag, v == "UID FETCH", text), false
	case "IDLE":
		io.WriteString(w, "+ idling\r\n")
		if line, err := r.ReadString('\n'); err != nil || !strings.EqualFold(line, "DONE\r\n") {
			return tag + " BAD want DONE\r\n", false
		}
		return done, false
	case "NOOP", "CHECK", "CLOSE":
		return done, false
	}
	return tag + " BAD unknown command\r\n", false
}

// login takes the one password that is right.
func (s *scripted) login(r *bufio.Reader, w io.Writer, tag, v, text string) string {
	right := false
	if v == "LOGIN" {
		right = strings.ReplaceAll(text[len(v):], `"`, "") == " "+User+" "+Password
	} else if fields := strings.Fields(text); len(fields) >= 2 && strings.EqualFold(fields[1], "PLAIN") {
		io.WriteString(w, "+ \r\n")
		line, _ := r.ReadString('\n')
		b, _ := base64.StdEncoding.DecodeString(strings.TrimRight(line, "\r\n"))
		right = string(b) == "\x00"+User+"\x00"+Password || string(b) == User+"\x00"+User+"\x00"+Password
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.password = s.password || right; !right {
		return tag + " NO [AUTHENTICATIONFAILED] wrong\r\n"
	}
	return tag + " OK done\r\n"
}

// fetch answers FETCH: which messages, then which items.
func (s *scripted) fetch(tag string, byUID bool, text string) string {
	if byUID {
		text = text[len("UID "):]
	}
	fields := strings.SplitN(text, " ", 3)
	if len(fields) != 3 {
		return tag + " BAD arguments\r\n"
	}
	var out strings.Builder
	for i, m := range s.c.messages {
		n := uint64(i + 1)
		last := uint64(len(s.c.messages))
		if byUID {
			n, last = uint64(s.c.uid(i)), uint64(s.c.uid(len(s.c.messages)-1))
		}
		if !inSet(fields[1], n, last) {
			continue
		}
		row := fmt.Sprintf("* %d FETCH (UID %d", i+1, s.c.uid(i))
		for item := range strings.FieldsSeq(strings.Trim(strings.ToUpper(fields[2]), "()")) {
			switch item {
			case "UID":
			case "FLAGS":
				row += " FLAGS ()"
			case "RFC822.SIZE":
				row += fmt.Sprint(" RFC822.SIZE ", len(m))
			case "INTERNALDATE":
				row += ` INTERNALDATE "17-Jul-1996 02:44:25 -0700"`
			case "BODY[]", "BODY.PEEK[]":
				row += fmt.Sprintf(" BODY[] {%d}\r\n%s", len(m), m)
			case "RFC822":
				row += fmt.Sprintf(" RFC822 {%d}\r\n%s", len(m), m)
			default:
				return tag + " BAD unknown item " + strconv.Quote(item) + "\r\n"
			}
		}
		row += ")\r\n"
		if s.c.row != nil {
			row = s.c.row(i+1, row)
		}
		out.WriteString(row)
	}
	return out.String() + tag + " OK done\r\n"
}

// inSet reports whether a set has a number.
func inSet(set string, n, last uint64) bool {
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, isRange := strings.Cut(part, ":")
		if !isRange {
			hi = lo
		}
		bound := func(s string) uint64 {
			if s == "*" {
				return last
			}
			v, _ := strconv.ParseUint(s, 10, 32)
			return v
		}
		l, h := bound(lo), bound(hi)
		if n >= min(l, h) && n <= max(l, h) {
			return true
		}
	}
	return false
}

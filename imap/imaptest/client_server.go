package imaptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
)

// scripted is the server of a clientCase.
type scripted struct {
	c     *clientCase
	hush  context.CancelFunc // it has fallen silent
	stop  chan struct{}
	left  chan struct{} // and has waited for the client to close
	gone  sync.Once
	conns sync.WaitGroup

	mu       sync.Mutex
	log      suite.Log
	password bool     // the client has said it
	commands []string // verb and arguments
	offences []string // what it must not say
}

func newScripted(c *clientCase, hush context.CancelFunc) *scripted {
	return &scripted{c: c, hush: hush, stop: make(chan struct{}), left: make(chan struct{})}
}

// start serves until the end of the test.
func (s *scripted) start(t *testing.T) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Go(func() {
				done := make(chan struct{})
				s.conns.Go(func() { // a client that hangs is not waited for
					select {
					case <-s.stop:
					case <-done:
					}
					c.Close()
				})
				s.session(c)
				close(done)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(s.stop)
		s.conns.Wait()
	})
	return l.Addr().String()
}

// offend notes what the client must not do.
func (s *scripted) offend(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offences = append(s.offences, what)
}

// offence says what the client did wrong, "" for nothing.
func (s *scripted) offence() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.password && s.c.noLogin {
		return "the client says its password"
	}
	for _, what := range s.offences {
		return "the client says " + what
	}
	return ""
}

func (s *scripted) transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *scripted) note(side, octets string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Octets(side, octets)
}

// find returns which command was the first to begin like this, or -1. UID counts
// only where it is asked for.
func (s *scripted) find(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.IndexFunc(s.commands, func(c string) bool {
		return strings.HasPrefix(c, prefix) || strings.HasPrefix(strings.TrimPrefix(c, "UID "), prefix)
	})
}

// count returns how many commands there were of a verb, with UID and without.
func (s *scripted) count(verb string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if strings.HasPrefix(strings.TrimPrefix(c, "UID "), verb+" ") {
			n++
		}
	}
	return n
}

// A peer is one connection of a client.
type peer struct {
	*scripted
	conn net.Conn
	r    *bufio.Reader
	tls  bool
}

func (p *peer) say(octets string) error {
	p.note("S", octets)
	_, err := io.WriteString(p.conn, octets)
	return err
}

func (s *scripted) session(c net.Conn) {
	p := &peer{scripted: s, conn: c, r: bufio.NewReader(c)}
	greeting := s.c.greeting
	if greeting == "" {
		greeting = "OK ready"
	}
	if !strings.HasPrefix(greeting, "220") {
		greeting = "* " + greeting
	}
	if s.silenced(p, "", greeting+"\r\n") {
		return
	}
	if err := p.say(greeting + "\r\n"); err != nil || strings.HasPrefix(greeting, "* BYE") {
		return
	}
	for p.exchange() {
	}
}

// silenced says the part of an answer behind which the case has nothing more said,
// if it has, and waits for the client to go.
func (s *scripted) silenced(p *peer, verb, answer string) bool {
	if s.c.hush == nil {
		return false
	}
	n := s.c.hush(verb, answer)
	if n < 0 {
		return false
	}
	p.say(answer[:min(n, len(answer))])
	s.wait(p)
	return true
}

// wait ends the client's context and says nothing until the client has closed, or
// long enough has gone by.
func (s *scripted) wait(p *peer) {
	defer s.gone.Do(func() { close(s.left) })
	s.hush()
	p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, p.r); errors.Is(err, os.ErrDeadlineExceeded) {
		s.offend("nothing, and keeps the connection behind the end of its context")
	}
}

// exchange answers one command. It is false at the end.
func (p *peer) exchange() bool {
	line, ok := p.command()
	if !ok {
		return false
	}
	tag, rest, _ := strings.Cut(line, " ")
	v := verb(rest)
	p.mu.Lock()
	p.commands = append(p.commands, v+strings.TrimPrefix(strings.ToUpper(rest), v))
	p.mu.Unlock()
	short := strings.TrimPrefix(v, "UID ")
	if slices.Contains(p.c.never, short) || slices.Contains(p.c.never, v) {
		p.offend(v)
	}
	if p.c.tls != nil && !p.tls {
		return p.beforeTLS(tag, v, rest)
	}
	out, end := p.answer(tag, v, rest)
	if short == p.c.refuse {
		out = tag + " NO refused\r\n"
	}
	if p.c.reply != nil {
		out = p.c.reply(short, out)
	}
	if p.silenced(p, short, out) {
		return false
	}
	if short == "FETCH" && p.c.cut != 0 && len(p.c.messages) > 0 {
		if p.c.cut > 0 {
			out = out[:min(len(out), p.c.cut)]
		} else if tag, ok := taggedLine(out); ok {
			out = out[:strings.LastIndex(out, tag+" ")]
		}
		end = true
	}
	return p.say(out) == nil && !end
}

// command reads a command with its literals.
func (p *peer) command() (string, bool) {
	var all strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return "", false
		}
		p.note("C", line)
		size, sync := announced([]byte(line))
		if size < 0 || size > 1<<20 {
			all.WriteString(strings.TrimRight(line, "\r\n"))
			return all.String(), true
		}
		switch {
		case !sync:
		case p.c.plus == "-":
			p.wait(p)
			return "", false
		case p.c.plus != "":
			p.say(p.c.plus)
		default:
			p.say("+ go ahead\r\n")
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(p.r, b); err != nil {
			return "", false
		}
		p.note("C", string(b))
		all.WriteString(line[:strings.LastIndexByte(line, '{')] + quote(string(b)))
	}
}

// answer carries out a command.
func (p *peer) answer(tag, v, text string) (out string, end bool) {
	done := tag + " OK done\r\n"
	caps := p.c.caps
	if caps == "" {
		caps = "IMAP4rev1 IDLE UIDPLUS"
	}
	last := p.c.uid(len(p.c.messages))
	switch v {
	case "CAPABILITY":
		return "* CAPABILITY " + caps + "\r\n" + done, false
	case "LOGIN", "AUTHENTICATE":
		return p.login(tag, v, text), false
	case "LOGOUT":
		return "* BYE bye\r\n" + done, true
	case "SELECT", "EXAMINE":
		return fmt.Sprintf("* FLAGS (\\Seen \\Deleted)\r\n* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %d] x\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted)] x\r\n%s OK [READ-WRITE] done\r\n",
			len(p.c.messages), last, tag), false
	case "STATUS":
		return fmt.Sprintf("* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY 1)\r\n%s", len(p.c.messages), last, done), false
	case "LIST":
		return "* LIST () \"/\" INBOX\r\n" + done, false
	case "SEARCH", "UID SEARCH":
		out = "* SEARCH"
		for i := range p.c.messages {
			n := uint32(i + 1)
			if v == "UID SEARCH" {
				n = p.c.uid(i)
			}
			out += fmt.Sprint(" ", n)
		}
		return out + "\r\n" + done, false
	case "FETCH", "UID FETCH":
		return p.fetch(tag, v == "UID FETCH", text), false
	case "COPY", "UID COPY":
		return tag + " OK [COPYUID 1 17 1] done\r\n", false
	case "MOVE", "UID MOVE":
		if strings.Contains(" "+caps+" ", " MOVE ") {
			return "* OK [COPYUID 1 17 1] x\r\n* 2 EXPUNGE\r\n" + done, false
		}
	case "UID EXPUNGE":
		return "* 2 EXPUNGE\r\n" + done, false
	case "APPEND":
		return fmt.Sprintf("%s OK [APPENDUID 1 %d] done\r\n", tag, last), false
	case "IDLE":
		p.say("+ idling\r\n")
		if line, err := p.r.ReadString('\n'); err != nil || !strings.EqualFold(line, "DONE\r\n") {
			return tag + " BAD want DONE\r\n", false
		}
		return done, false
	case "NOOP", "CHECK", "CLOSE", "STORE", "UID STORE", "EXPUNGE":
		return done, false
	}
	return tag + " BAD unknown command\r\n", false
}

// login takes the one password that is right.
func (p *peer) login(tag, v, text string) string {
	right := false
	if v == "LOGIN" {
		right = strings.ReplaceAll(text[len(v):], `"`, "") == " "+User+" "+Password
	} else if fields := strings.Fields(text); len(fields) >= 2 && strings.EqualFold(fields[1], "PLAIN") {
		p.say("+ \r\n")
		line, _ := p.r.ReadString('\n')
		p.note("C", line)
		b, _ := base64.StdEncoding.DecodeString(strings.TrimRight(line, "\r\n"))
		right = string(b) == "\x00"+User+"\x00"+Password || string(b) == User+"\x00"+User+"\x00"+Password
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.password = p.password || right; !right {
		return tag + " NO [AUTHENTICATIONFAILED] wrong\r\n"
	}
	return tag + " OK done\r\n"
}

// fetch answers FETCH: which messages, then which items.
func (p *peer) fetch(tag string, byUID bool, text string) string {
	if byUID {
		text = text[len("UID "):]
	}
	fields := strings.SplitN(text, " ", 3)
	if len(fields) != 3 {
		return tag + " BAD arguments\r\n"
	}
	var out strings.Builder
	for i, m := range p.c.messages {
		n := uint64(i + 1)
		last := uint64(len(p.c.messages))
		if byUID {
			n, last = uint64(p.c.uid(i)), uint64(p.c.uid(len(p.c.messages)-1))
		}
		if !inSet(fields[1], n, last) {
			continue
		}
		row := fmt.Sprintf("* %d FETCH (UID %d", i+1, p.c.uid(i))
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
		if p.c.row != nil {
			row = p.c.row(i+1, row)
		}
		out.WriteString(row)
	}
	return out.String() + tag + " OK done\r\n"
}

// A tlsPart is what the server of a case says before TLS.
type tlsPart struct {
	caps    string // "": IMAP4rev1 STARTTLS AUTH=PLAIN
	answer  string // to STARTTLS, behind the tag; "": OK
	behind  string // what follows in cleartext in the same packet
	config  *tls.Config
	garbage bool // no handshake comes
	stall   bool // nor anything else
}

// beforeTLS is exchange as long as there is no TLS.
func (p *peer) beforeTLS(tag, v, rest string) bool {
	c := p.c.tls
	switch {
	case v == "STARTTLS" && c.answer == "":
		p.say(tag + " OK begin\r\n" + c.behind)
		switch {
		case c.stall:
			p.r.Peek(1) // the handshake has begun
			p.wait(p)
			return false
		case c.garbage:
			return p.say("this is no TLS\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] go on in clear\r\n") == nil
		}
		p.conn = tls.Server(p.conn, c.config)
		p.r, p.tls = bufio.NewReader(p.conn), true
		return true
	case v == "STARTTLS":
		return p.say(tag+" "+c.answer+"\r\n") == nil
	case v == "CAPABILITY":
		caps := c.caps
		if caps == "" {
			caps = "IMAP4rev1 STARTTLS AUTH=PLAIN"
		}
		return p.say("* CAPABILITY "+caps+"\r\n"+tag+" OK done\r\n") == nil
	case v == "LOGIN" || v == "AUTHENTICATE" || v == "SELECT":
		p.offend(v + " in cleartext")
	}
	out, end := p.answer(tag, v, rest)
	return p.say(out) == nil && !end
}

// taggedLine returns the tag of the last line.
func taggedLine(answer string) (tag string, ok bool) {
	lines := strings.SplitAfter(strings.TrimSuffix(answer, "\r\n"), "\r\n")
	tag, _, ok = strings.Cut(lines[len(lines)-1], " ")
	return tag, ok && tag != "*" && tag != "+"
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

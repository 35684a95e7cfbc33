package pop3test

import (
	"context"
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

	"github.com/mailwire/mailwire/pop3"
)

// User and Password are what the servers of RunClient take, by USER and PASS or
// by AUTH PLAIN.
const (
	User     = "pop3test"
	Password = "tanstaaf"
)

// RunClient tests a client: fetch connects to addr, on loopback and without TLS,
// logs in as User with Password, fetches all messages and returns their contents
// by unique-id, line ends as they came. The server does what servers are known to
// do, and worse. Where fetch cannot have all, it has to return an error.
func RunClient(t *testing.T, fetch func(ctx context.Context, addr string) (map[string][]byte, error)) {
	for _, c := range clientCases() {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &scripted{c: c, conns: make(map[net.Conn]bool)}
			served := make(chan struct{})
			go func() {
				defer close(served)
				s.serve(l)
			}()
			defer func() {
				l.Close()
				s.closeAll()
				<-served
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			got, err := fetch(ctx, l.Addr().String())
			if c.wantErr {
				if err == nil {
					t.Errorf("%s: no error, and %d messages", c.rule, len(got))
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.rule, err)
			}
			want := make(map[string]string)
			for i, m := range c.messages {
				want[uid(i)] = normal(m)
			}
			for _, id := range slices.Sorted(maps.Keys(want)) {
				if content, ok := got[id]; !ok || string(content) != want[id] {
					t.Errorf("%s: message %s: got %.80q, want %.80q", c.rule, id, content, want[id])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s: %d messages, want %d", c.rule, len(got), len(want))
			}
		})
	}
}

func uid(i int) string { return "uid-" + strconv.Itoa(i+1) }

// A clientCase is a server that a client has to cope with.
type clientCase struct {
	name, rule string
	messages   []string
	hide       []string                           // capabilities
	reply      func(v pop3.Verb, s string) string // what becomes of a reply or a body, as it is on the wire
	cut        int                                // > 0: the connection ends behind so many octets of the answer to RETR
	wantErr    bool
}

func clientCases() []clientCase {
	some := []string{header + "one\r\n", header + "two\r\n", header + "three\r\n"}
	replace := func(of pop3.Verb, old, with string) func(pop3.Verb, string) string {
		return func(v pop3.Verb, s string) string {
			if v == of {
				return strings.ReplaceAll(s, old, with)
			}
			return s
		}
	}
	return []clientCase{
		{name: "plain", rule: "RFC 1939, section 10: messages as they are", messages: some},
		{name: "empty", rule: "RFC 1939, section 5: an empty maildrop is no error"},
		{name: "stuffing", rule: "RFC 1939, section 3: one dot is taken off lines that begin with one, and a lone one ends", messages: []string{".\r\n", "..\r\n", header + ".x\r\n.\r\n..\r\n", header + "a.\r\n"}},
		{name: "octets", rule: "RFC 1939, section 11: 8 bits and NUL are content", messages: []string{header + "\x00\xff\xe9\r\n"}},
		{name: "long line", rule: "RFC 1939, section 3: a line of a message has no length", messages: []string{header + strings.Repeat("x", 64<<10+1) + "\r\n"}},
		{name: "many", rule: "RFC 1939, section 5: a hundred messages", messages: slices.Repeat(some, 34)},
		{name: "no CAPA", rule: "RFC 2449, section 5: a server without CAPA", messages: some, reply: func(v pop3.Verb, s string) string {
			if v == pop3.CAPA {
				return "-ERR what?\r\n"
			}
			return s
		}},
		{name: "no pipelining", rule: "RFC 2449, section 6.6: one command at a time where PIPELINING is not offered", messages: some, hide: []string{"PIPELINING"}},
		{name: "lower case", rule: "RFC 2449, section 5: capabilities in lower case", messages: some, reply: func(v pop3.Verb, s string) string {
			if v == pop3.CAPA {
				status, list, _ := strings.Cut(s, "\r\n")
				return status + "\r\n" + strings.ToLower(list)
			}
			return s
		}},
		{name: "bare +OK", rule: "RFC 2449, section 3: a reply without text", messages: some, reply: func(v pop3.Verb, s string) string {
			if strings.HasPrefix(s, "+OK ") && v != pop3.STAT && !strings.HasPrefix(s, "+OK 1 ") {
				_, rest, _ := strings.Cut(s, "\r\n")
				return "+OK\r\n" + rest
			}
			return s
		}},
		{name: "spaces", rule: "several spaces, and text behind sizes", messages: some, reply: replace(pop3.LIST, " 2", "   2")},
		{name: "cut", rule: "RFC 1939, section 3: a connection that ends inside a message gives no message", messages: some, cut: 30, wantErr: true},
		{name: "cut in the dot", rule: "RFC 1939, section 3: an end without CRLF.CRLF is none", messages: some[:1], cut: len("+OK 23 octets\r\n") + len(header) + len("one\r\n.\r"), wantErr: true},
		{name: "no messages", rule: "RFC 1939, section 5: RETR that is refused is no message", messages: some, reply: func(v pop3.Verb, s string) string {
			if v == pop3.RETR {
				return "-ERR [SYS/TEMP] not now\r\n"
			}
			return s
		}, wantErr: true},
		{name: "login refused", rule: "RFC 1939, section 4: a login that is refused is an error", messages: some, reply: func(v pop3.Verb, s string) string {
			if v == pop3.PASS || v == pop3.AUTH {
				return "-ERR [IN-USE] another has it\r\n"
			}
			return s
		}, wantErr: true},
		{name: "greeting refuses", rule: "RFC 1939, section 4: a greeting of -ERR is an error", messages: some, reply: func(v pop3.Verb, s string) string {
			if v == pop3.UnknownVerb {
				return "-ERR [SYS/TEMP] full\r\n"
			}
			return s
		}, wantErr: true},
		{name: "no POP3", rule: "RFC 1939, section 4: another protocol is an error", reply: func(v pop3.Verb, s string) string {
			if v == pop3.UnknownVerb {
				return "220 mail.example ESMTP\r\n"
			}
			return s
		}, wantErr: true},
		{name: "nonsense", rule: "RFC 1939, section 3: what is no reply is an error", messages: some, reply: func(v pop3.Verb, s string) string {
			if v == pop3.LIST || v == pop3.UIDL || v == pop3.STAT || v == pop3.RETR {
				return "\x00\x01\r\n"
			}
			return s
		}, wantErr: true},
	}
}

// scripted is the server of a clientCase.
type scripted struct {
	c clientCase

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (s *scripted) serve(l net.Listener) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		all.Go(func() {
			defer c.Close()
			s.session(c)
		})
	}
}

func (s *scripted) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// session serves one connection by a ServerSession, whose answers pass through
// the case.
func (s *scripted) session(c net.Conn) {
	session := pop3.NewServerSession(pop3.ServerConfig{Mechanisms: []string{"PLAIN"}, Cleartext: true, Hide: s.c.hide}, false)
	r := pop3.NewReader(c)
	verb := pop3.UnknownVerb
	out := pop3.AppendReply(nil, session.Greet(pop3.Reply{OK: true}))
	for {
		if s.c.reply != nil {
			out = []byte(s.c.reply(verb, string(out)))
		}
		if verb == pop3.RETR && s.c.cut > 0 && len(out) > s.c.cut {
			c.Write(out[:s.c.cut])
			return
		}
		if _, err := c.Write(out); err != nil || session.State() == pop3.Closed {
			return
		}
		line, err := r.ReadLine(session.LineLimit())
		if err != nil {
			return
		}
		if session.State() != pop3.Authing {
			verb = pop3.ParseCommand(line).Verb
		}
		out = s.answer(session, session.Step(line))
	}
}

// answer carries out an event.
func (s *scripted) answer(session *pop3.ServerSession, e pop3.Event) []byte {
	reply := func(v pop3.Reply) []byte { return pop3.AppendReply(nil, session.Settle(v)) }
	login := func(ok bool) []byte {
		if !ok {
			return reply(pop3.Reply{Code: pop3.BadCredentials, Text: "no"})
		}
		v, err := session.Open(s.entries(), pop3.Reply{OK: true})
		if err != nil {
			panic(fmt.Sprintf("pop3test: %v", err))
		}
		return pop3.AppendReply(nil, v)
	}
	switch e := e.(type) {
	case *pop3.PassEvent:
		return login(e.User == User && e.Password == Password)
	case *pop3.AuthEvent:
		if e.Response == nil {
			return session.Challenge(nil, nil)
		}
		return login(string(e.Response) == "\x00"+User+"\x00"+Password || string(e.Response) == User+"\x00"+User+"\x00"+Password)
	case *pop3.RetrEvent:
		out := reply(pop3.Reply{OK: true})
		w := pop3.BodyWriter{Top: e.Lines >= 0, Lines: e.Lines}
		out, _ = w.Append(out, []byte(s.c.messages[e.Entry.N-1]))
		out = w.Finish(out)
		session.Sent(nil)
		return out
	case *pop3.Answer:
		out := reply(e.Reply)
		for more := e.Multi; more; {
			out, more = session.AppendLines(out)
		}
		return out
	}
	return reply(pop3.Reply{OK: true})
}

func (s *scripted) entries() []pop3.Entry {
	out := make([]pop3.Entry, len(s.c.messages))
	for i, m := range s.c.messages {
		size, err := pop3.Size(strings.NewReader(m))
		if err != nil && err != io.EOF {
			panic(fmt.Sprintf("pop3test: %v", err))
		}
		out[i] = pop3.Entry{Size: size, UID: uid(i)}
	}
	return out
}

package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/internal/transcript"
)

// at returns a client session behind its greeting.
func at(t testing.TB, c Caps) *ClientSession {
	t.Helper()
	s := NewClientSession(false)
	step(t, s, "+OK hello "+stamp)
	s.Offered(c)
	return s
}

func step(t testing.TB, s *ClientSession, line string) ClientEvent {
	t.Helper()
	e, err := s.Step([]byte(line))
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return e
}

func send(t testing.TB, s *ClientSession, v Verb, args ...string) {
	t.Helper()
	if _, err := s.Send(nil, v, args...); err != nil {
		t.Fatalf("%v: %v", v, err)
	}
}

// inTransaction goes on to the transaction state.
func inTransaction(t testing.TB, c Caps) *ClientSession {
	t.Helper()
	s := at(t, c)
	send(t, s, USER, "a")
	step(t, s, "+OK")
	send(t, s, PASS, "b")
	step(t, s, "+OK")
	if s.State() != Transaction {
		t.Fatalf("state %v", s.State())
	}
	return s
}

func TestClientGreeting(t *testing.T) {
	s := NewClientSession(false)
	if diff := cmp.Diff(&GreetingEvent{Reply: Reply{OK: true, Text: "hello " + stamp + " there"}, Stamp: stamp}, step(t, s, "+OK hello "+stamp+" there")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	s = NewClientSession(false)
	step(t, s, "-ERR go away")
	if s.State() != Closed {
		t.Errorf("state %v behind a refusal", s.State())
	}
	for _, line := range []string{"", "220 smtp", "+OKx", "* OK imap"} {
		if e, err := NewClientSession(false).Step([]byte(line)); err == nil {
			t.Errorf("%q is a greeting: %v", line, e)
		}
	}
}

// What must not be sent is not sent, and changes nothing.
func TestClientSendRefuses(t *testing.T) {
	pipelining := Caps{Pipelining: true}
	behind := func(v Verb, args ...string) func(*ClientSession) {
		return func(s *ClientSession) { send(t, s, v, args...) }
	}
	answered := func(v Verb) func(*ClientSession) {
		return func(s *ClientSession) { send(t, s, v); step(t, s, "+OK") }
	}
	nothing := func(*ClientSession) {}
	tests := []struct {
		name   string
		login  bool
		caps   Caps
		before func(*ClientSession)
		verb   Verb
		args   []string
		want   error
	}{
		{"RETR before login", false, pipelining, nothing, RETR, []string{"1"}, ErrSequence},
		{"USER after login", true, pipelining, nothing, USER, []string{"a"}, ErrSequence},
		{"no PIPELINING", true, Caps{}, behind(NOOP), NOOP, nil, ErrSequence},
		{"PIPELINING", true, pipelining, behind(NOOP), NOOP, nil, nil},
		{"RETR behind PASS", false, pipelining, behind(PASS, "b"), RETR, []string{"1"}, ErrSequence},
		{"PASS behind USER", false, pipelining, behind(USER, "a"), PASS, []string{"b"}, nil},
		{"behind STLS", false, pipelining, behind(STLS), CAPA, nil, ErrSequence},
		{"STLS answered, no TLS yet", false, pipelining, answered(STLS), CAPA, nil, ErrSequence},
		{"STLS behind CAPA", false, pipelining, behind(CAPA), STLS, nil, ErrSequence},
		{"STLS behind UTF8", false, pipelining, answered(UTF8), STLS, nil, ErrSequence},
		{"STLS after login", true, pipelining, nothing, STLS, nil, ErrSequence},
		{"behind AUTH", false, pipelining, behind(AUTH, "PLAIN"), CAPA, nil, ErrSequence},
		{"AUTH behind CAPA", false, pipelining, behind(CAPA), AUTH, []string{"PLAIN"}, ErrSequence},
		{"behind QUIT", true, pipelining, behind(QUIT), NOOP, nil, ErrSequence},
		{"QUIT answered", true, pipelining, answered(QUIT), NOOP, nil, ErrSequence},
		{"UTF-8 name", false, Caps{UTF8: true}, nothing, USER, []string{"grüße"}, ErrUTF8},
		{"UTF-8 name, offered", false, Caps{UTF8: true, UTF8User: true}, nothing, USER, []string{"grüße"}, nil},
		{"too much unanswered", true, pipelining, func(s *ClientSession) {
			for s.octets+6 <= MaxUnanswered {
				send(t, s, NOOP)
			}
		}, NOOP, nil, ErrFull},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := at(t, tt.caps)
			if tt.login {
				s = inTransaction(t, tt.caps)
			}
			tt.before(s)
			pending := s.Pending()
			out, err := s.Send([]byte("x"), tt.verb, tt.args...)
			if err != tt.want {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err != nil && (string(out) != "x" || s.Pending() != pending) {
				t.Errorf("refused, but sends %q", out)
			}
		})
	}
	s := at(t, Caps{})
	if _, err := s.Send(nil, USER, "bob\r\nDELE 1"); err == nil || s.Pending() != 0 {
		t.Errorf("two commands in one: %v", err)
	}
}

// Bodies belong to the answers that have one, and to no others.
func TestClientBodies(t *testing.T) {
	for _, tt := range []struct {
		verb Verb
		args []string
		want bool
	}{
		{CAPA, nil, true}, {LIST, nil, true}, {LIST, []string{"1"}, false}, {UIDL, nil, true}, {UIDL, []string{"1"}, false},
		{LANG, nil, true}, {LANG, []string{"de"}, false}, {RETR, []string{"1"}, true}, {TOP, []string{"1", "0"}, true}, {STAT, nil, false}, {DELE, []string{"1"}, false},
	} {
		s := inTransaction(t, Caps{Pipelining: true})
		send(t, s, tt.verb, tt.args...)
		send(t, s, tt.verb, tt.args...)
		if e := step(t, s, "-ERR no").(*ReplyEvent); e.Body || e.Verb != tt.verb {
			t.Errorf("%v %v: -ERR gives %+v", tt.verb, tt.args, e)
		}
		if e := step(t, s, "+OK yes").(*ReplyEvent); e.Body != tt.want || e.Verb != tt.verb {
			t.Errorf("%v %v: +OK gives %+v", tt.verb, tt.args, e)
		}
	}
}

// RFC 5034, section 4, and what servers make of it.
func TestClientAuth(t *testing.T) {
	tests := []struct {
		name string
		args []string
		line string
		want ClientEvent
	}{
		{"challenge", []string{"X"}, "+ YQ==", &ChallengeEvent{Octets: []byte("a")}},
		{"empty challenge", []string{"X"}, "+ ", &ChallengeEvent{Octets: []byte{}}},
		{"no space", []string{"X"}, "+", &ChallengeEvent{Octets: []byte{}}},
		{"malformed", []string{"X"}, "+ YQ", &ChallengeEvent{Malformed: true}},
		{"Exchange", []string{"X"}, "+OK", &ChallengeEvent{Octets: []byte{}}},
		{"Exchange with text", []string{"X"}, "+OK YQ==", &ChallengeEvent{Octets: []byte("a")}},
		{"success at once", []string{"X"}, "+OK logged in", &ReplyEvent{Verb: AUTH, Reply: Reply{OK: true, Text: "logged in"}}},
		{"success", []string{"X", "YQ=="}, "+OK", &ReplyEvent{Verb: AUTH, Reply: Reply{OK: true}}},
		{"success that looks like base64", []string{"X", "YQ=="}, "+OK done", &ReplyEvent{Verb: AUTH, Reply: Reply{OK: true, Text: "done"}}},
		{"failure", []string{"X"}, "-ERR [AUTH] no", &ReplyEvent{Verb: AUTH, Reply: Reply{Text: "[AUTH] no"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := at(t, Caps{})
			send(t, s, AUTH, tt.args...)
			if diff := cmp.Diff(tt.want, step(t, s, tt.line), cmp.Transformer("octets", func(b []byte) string { return string(b) })); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	s := at(t, Caps{})
	send(t, s, AUTH, "X")
	step(t, s, "+ ")
	if got := s.SendOctets(nil, []byte("a")); string(got) != "YQ==\r\n" {
		t.Errorf("response %q", got)
	}
	step(t, s, "+ YQ==")
	if got := s.SendOctets(nil, nil); string(got) != "*\r\n" {
		t.Errorf("giving up %q", got)
	}
	if step(t, s, "-ERR"); s.State() != Authorization {
		t.Errorf("state %v", s.State())
	}
}

// RFC 2449, section 8: codes count only if they were announced.
func TestClientRespCodes(t *testing.T) {
	for _, offered := range []bool{false, true} {
		s := inTransaction(t, Caps{RespCodes: offered})
		send(t, s, NOOP)
		e := step(t, s, "-ERR [SYS/TEMP/DISK] later").(*ReplyEvent)
		want := Reply{Text: "[SYS/TEMP/DISK] later"}
		if offered {
			want = Reply{Code: "SYS/TEMP/DISK", Text: "later"}
		}
		if e.Reply != want || (&ReplyError{NOOP, e.Reply}).Temporary() != offered {
			t.Errorf("offered %v: %+v", offered, e.Reply)
		}
	}
}

// A server that speaks unasked has lost the thread, or was never in it.
func TestClientUnasked(t *testing.T) {
	s := at(t, Caps{})
	if _, err := s.Step([]byte("+OK")); err != ErrUnasked {
		t.Errorf("error %v", err)
	}
	s = at(t, Caps{})
	send(t, s, STLS)
	step(t, s, "+OK")
	if _, err := s.Step([]byte("+OK logged in")); err != ErrUnasked {
		t.Errorf("behind STLS: error %v", err)
	}
	s.TLSDone()
	if s.caps.Pipelining || s.Pending() != 0 || s.State() != Authorization {
		t.Errorf("behind TLS: %+v", s)
	}
}

// A clientLog is what a ClientSession makes of octets of a server.
type clientLog []string

// drive runs a session that has a few commands unanswered over what a server
// sends, as a driver would.
func drive(ops, server []byte, oneByOne bool) clientLog {
	var log clientLog
	s := NewClientSession(false)
	src := &chunked{b: server, all: !oneByOne}
	r := NewReader(src)
	type command struct {
		verb Verb
		body bool // if the answer is positive
	}
	var asked []command
	for range 50 {
		if s.State() != Greeting {
			s.Offered(Caps{Pipelining: len(ops) > 0 && ops[0]%2 == 0, RespCodes: true})
			for len(ops) > 0 && s.Pending() < 5 {
				v := Verb(ops[0]) % numVerbs
				args := [][]string{{"1"}, nil, {"1", "2"}}[int(ops[0])/int(numVerbs)%3]
				ops = ops[1:]
				if _, err := s.Send(nil, v, args...); err != nil {
					continue
				}
				lists := v == LIST || v == UIDL || v == LANG
				asked = append(asked, command{v, v == CAPA || v == RETR || v == TOP || lists && args == nil})
			}
		}
		line, err := r.ReadLine(s.LineLimit())
		if err != nil {
			return append(log, "line: "+err.Error())
		}
		e, err := s.Step(line)
		if err != nil {
			return append(log, "step: "+err.Error())
		}
		switch e := e.(type) {
		case *GreetingEvent:
			log = append(log, fmt.Sprintf("%+v", *e))
		case *ChallengeEvent:
			log = append(log, fmt.Sprintf("%+v", *e))
			s.SendOctets(nil, nil)
		case *ReplyEvent:
			if len(asked) == 0 || e.Verb != asked[0].verb || e.Body != (asked[0].body && e.Reply.OK) {
				return append(log, fmt.Sprintf("BUG: %+v, with %v unanswered", *e, asked))
			}
			asked = asked[1:]
			log = append(log, fmt.Sprintf("%+v", *e))
			if e.Body {
				var b bytes.Buffer
				_, err := r.Body(1 << 16).WriteTo(&b)
				log = append(log, fmt.Sprintf("%q %v", b.String(), err))
				if err != nil {
					return log
				}
				s.BodyDone()
			}
			if s.State() == Upgrading {
				return append(log, "TLS")
			}
		}
		if s.State() == Closed {
			return append(log, "closed")
		}
	}
	return log
}

// chunked gives octets one by one, or all at once.
type chunked struct {
	b   []byte
	all bool
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, errBroken
	}
	n := 1
	if c.all {
		n = len(p)
	}
	n = copy(p, c.b[:min(n, len(c.b))])
	c.b = c.b[n:]
	return n, nil
}

// FuzzClientSession: whatever a server sends, and in whatever pieces, the same
// comes of it; no panic, and no answer to what was not asked.
func FuzzClientSession(f *testing.F) {
	op := func(vs ...Verb) (b []byte) {
		for _, v := range vs {
			b = append(b, byte(v))
		}
		return b
	}
	scripts, err := transcript.Load("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range scripts {
		var ops []byte
		for line := range bytes.Lines(s.Octets(transcript.Client)) {
			ops = append(ops, byte(ParseCommand(bytes.TrimRight(line, "\r\n")).Verb))
		}
		f.Add(ops, s.Octets(transcript.Server))
	}
	f.Add(op(USER, PASS, STAT), []byte("+OK hi\r\n+OK\r\n+OK\r\n+OK 1 2\r\n"))
	f.Add(op(CAPA+numVerbs, STLS+numVerbs), []byte("+OK <a@b>\r\n+OK\r\nTOP\r\n.\r\n+OK\r\n"))
	f.Add(op(AUTH), []byte("+OK\r\n+ YQ==\r\n-ERR [AUTH] x\r\n"))
	f.Add(op(PASS, RETR, LIST+numVerbs), []byte("+OK\r\n+OK\r\n+OK\r\na\r\n..b\r\n.\r\n+OK\r\n1 2\r\n.\r\n"))
	f.Fuzz(func(t *testing.T, ops, server []byte) {
		whole, octets := drive(ops, server, false), drive(ops, server, true)
		if diff := cmp.Diff(whole, octets); diff != "" {
			t.Errorf("ops %v, server %q: -whole +octets\n%s", ops, server, diff)
		}
		if i := slices.IndexFunc(whole, func(l string) bool { return strings.HasPrefix(l, "BUG") }); i >= 0 {
			t.Errorf("ops %v, server %q: %s", ops, server, whole[i])
		}
	})
}

// A pair is the two machines face to face.
type pair struct {
	c     *ClientSession
	toy   *toy
	reply *Reader
	in    bytes.Buffer
}

func newPair(messages []string) *pair {
	p := &pair{c: NewClientSession(false), toy: newToy(fixtures["clear"], messages)}
	p.reply = NewReader(&p.in)
	return p
}

// say sends commands, as a batch, and gives the replies and bodies.
func (p *pair) say(lines ...[]string) (replies []Reply, bodies []string, err error) {
	var out []byte
	for _, l := range lines {
		if out, err = p.c.Send(out, ParseVerb([]byte(l[0])), l[1:]...); err != nil {
			return nil, nil, err
		}
	}
	p.toy.feed(out)
	p.in.Write(p.toy.out)
	p.toy.out = nil
	for range lines {
		line, err := p.reply.ReadLine(p.c.LineLimit())
		if err != nil {
			return nil, nil, err
		}
		e, err := p.c.Step(line)
		if err != nil {
			return nil, nil, err
		}
		r := e.(*ReplyEvent)
		replies, bodies = append(replies, r.Reply), append(bodies, "")
		if r.Body {
			var b bytes.Buffer
			if _, err := p.reply.Body(0).WriteTo(&b); err != nil {
				return nil, nil, err
			}
			bodies[len(bodies)-1] = b.String()
			p.c.BodyDone()
		}
	}
	return replies, bodies, nil
}

// FuzzPair: what RETR gives is the message, line ends made CRLF, as large as LIST
// says, and the two sides agree on what is marked.
func FuzzPair(f *testing.F) {
	f.Add([]byte("a\n.\nb\xff\x00.\r\n"), byte(1))
	f.Add([]byte("\xff\xff.\r\n.\r\n+OK\r\n\xffQUIT\r\n"), byte(5))
	f.Fuzz(func(t *testing.T, data []byte, marks byte) {
		var messages []string
		for m := range bytes.SplitSeq(data, []byte{0xFF}) {
			if len(messages) < 8 {
				messages = append(messages, string(m))
			}
		}
		p := newPair(messages)
		p.in.Write(p.toy.out)
		p.toy.out = nil
		greeting, err := p.reply.ReadLine(512)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.c.Step(greeting); err != nil {
			t.Fatal(err)
		}
		p.c.Offered(Caps{Pipelining: true, RespCodes: true})
		if _, _, err := p.say([]string{"USER", "mrose"}, []string{"PASS", secret}); err != nil {
			t.Fatal(err)
		}
		batch := [][]string{{"LIST"}}
		var want []string
		for i := range messages {
			if marks>>i&1 == 1 {
				batch = append(batch, []string{"DELE", fmt.Sprint(i + 1)})
				want = append(want, fmt.Sprint(i+1))
			}
		}
		for i := range messages {
			batch = append(batch, []string{"RETR", fmt.Sprint(i + 1)})
		}
		batch = append(batch, []string{"QUIT"})
		replies, bodies, err := p.say(batch...)
		if err != nil {
			t.Fatalf("%q: %v", messages, err)
		}
		first := len(batch) - 1 - len(messages)
		for i, m := range messages {
			r, body := replies[first+i], bodies[first+i]
			if marked := marks>>i&1 == 1; r.OK == marked || !marked && body != string(normal([]byte(m))) {
				t.Errorf("message %d, %q, marked %v: %v, %q", i+1, m, marked, r, body)
			}
			line := fmt.Sprintf("%d %d\r\n", i+1, len(normal([]byte(m))))
			if !strings.Contains("\r\n"+bodies[0], "\r\n"+line) {
				t.Errorf("LIST gives %q, want %q in it", bodies[0], line)
			}
		}
		if last := p.toy.events[len(p.toy.events)-1]; last != "update ["+strings.Join(want, " ")+"]" {
			t.Errorf("%s, want %v", last, want)
		}
	})
}

func TestReplyErrorQuotes(t *testing.T) {
	var err error = &ReplyError{PASS, Reply{Text: "a\r\nb\x1b[31m"}}
	if got := err.Error(); strings.ContainsAny(got, "\r\n\x1b") {
		t.Errorf("%q", got)
	}
	if _, ok := errors.AsType[*ReplyError](fmt.Errorf("x: %w", err)); !ok {
		t.Error("no ReplyError")
	}
}

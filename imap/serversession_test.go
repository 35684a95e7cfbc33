package imap

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/internal/transcript"
)

// toyReply is the octets that a session answers with.
func toyReply(s *ServerSession, r Reply) string {
	var e Encoder
	s.Configure(&e)
	e.Reply(r)
	return string(e.Bytes())
}

// TestRefusedLiteralsNeverRun is FRM-1 and FRM-16, with each octet in a packet of
// its own and with all in one.
func TestRefusedLiteralsNeverRun(t *testing.T) {
	many := strings.Repeat("{1+}\r\nx ", 1500)
	tests := []struct{ name, in, want string }{
		{"FRM-1 before login", "b LOGIN {5000+}\r\nZ LOGOUT\r\n" + strings.Repeat("x", 4990) + "\r\nc NOOP\r\n", "b NO [TOOBIG] literal too big\r\nc OK done\r\n"},
		{"FRM-4", "a LOGIN {50000000}\r\nc NOOP\r\n", "a NO [TOOBIG] literal too big\r\nc OK done\r\n"},
		{"FRM-16", "a ID (" + many + ")\r\nc NOOP\r\n", "a NO [LIMIT] too many literals\r\nc OK done\r\n"},
		{"FRM-18", strings.Repeat("(", 70_000) + "\r\nc NOOP\r\n", "* BAD [TOOBIG] line too long\r\nc OK done\r\n"},
		{"FRM-15", "a " + strings.Repeat("x", 1<<20) + "\r\n", "* BYE [TOOBIG] line without end\r\n"},
		{"FRM-15", "a LOGIN " + strings.Repeat("x", 8000) + " y\r\nc NOOP\r\n", "a NO [AUTHENTICATIONFAILED] wrong\r\nc OK done\r\n"},
		{"a command that is not allowed", "a SELECT {5+}\r\nZ X\r\n\r\nc NOOP\r\n", "a BAD log in first\r\nc OK done\r\n"},
	}
	for _, tt := range tests {
		for _, split := range []int{1, 1000, 1 << 21} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, split), func(t *testing.T) {
				if split == 1 && len(tt.in) > 10000 {
					split = 7
				}
				toy := newToy(true, nil)
				defer toy.end()
				toy.take()
				for in := []byte(tt.in); len(in) > 0; {
					n := min(split, len(in))
					toy.feed(in[:n])
					in = in[n:]
				}
				if got := string(toy.take().Octets); got != tt.want {
					t.Errorf("answers %q, want %q", got, tt.want)
				}
			})
		}
	}
}

// TestLiteralMinus is FRM-6: RFC 7888, section 5.
func TestLiteralMinus(t *testing.T) {
	toy := newToy(true, func(s *ServerSession) {
		s.Offer = func(State, bool) []Cap { return Caps{CapRev1, CapID, CapLiteralMinus} }
		s.Limits.Literal = 10000
	})
	defer toy.end()
	toy.take()
	id := func(n int) string { return fmt.Sprintf("a ID (\"x\" {%d+}\r\n%s)\r\n", n, strings.Repeat("y", n)) }
	for _, tt := range []struct {
		n    int
		want string
	}{{1000, "a OK done\r\n"}, {4097, "a BAD [TOOBIG] literal too big to come without being asked for\r\n"}} {
		toy.feed([]byte(id(tt.n)))
		if got := string(toy.take().Octets); got != tt.want {
			t.Errorf("{%d+}: %q, want %q", tt.n, got, tt.want)
		}
	}
}

// FuzzOctets: whatever octets a client sends, the session answers, in responses
// that can be read, and never runs what came as data.
func FuzzOctets(f *testing.F) {
	for _, in := range commandSeeds {
		f.Add([]byte(in+"\r\n"), uint8(1))
	}
	scripts, err := transcript.Load("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range scripts {
		f.Add(s.Octets(transcript.Client), uint8(0))
		f.Add(s.Octets(transcript.Client), uint8(1))
	}
	f.Add([]byte("a SELECT x\r\nb FETCH 1:* (FLAGS)\r\nc STORE 1 FLAGS (\\Seen)\r\nd IDLE\r\nDONE\r\n"), uint8(0))
	f.Add([]byte("a APPEND x {3+}\r\nabc {2}\r\nab\r\nb APPEND missing {9999}\r\nc LOGOUT\r\n"), uint8(3))
	f.Add([]byte("a EXAMINE x\r\na APPEND x ~{3+}\r\nabc\r\nb APPEND x UTF8 (~{3}\r\nc LOGOUT\r\n"), uint8(7))
	f.Add([]byte("a LOGIN {3+}\r\nann secret\r\nb AUTHENTICATE PLAIN\r\n*\r\nc UNAUTHENTICATE\r\n"), uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, mode uint8) {
		toy := &toyServer{tls: true}
		toy.s = ServerSession{Offer: allCaps, Limits: Limits{Message: 1000, Literal: 50}}
		if mode&4 != 0 {
			toy.s.Offer = func(State, bool) []Cap { return Caps{CapRev1, CapLiteralMinus} }
		}
		toy.r = NewReader(bytes.NewReader(in))
		kind := PREAUTH
		if mode%2 == 0 {
			kind = OK
		}
		toy.e.Reply(toy.s.Greet(Status{Kind: kind}, true))
		for toy.s.State() != Closed && toy.command() {
			if toy.s.State() == Upgrading {
				return
			}
		}
		if toy.e.Err() != nil {
			t.Fatalf("%q: %v", in, toy.e.Err())
		}
		if mode%4 >= 2 {
			toy.e.Reply(toy.s.Fail(io.EOF))
		}
		out := toy.e.Bytes()
		r := NewReader(bytes.NewReader(out))
		r.Responses = true
		for {
			piece, err := r.Next(Bounds{1 << 20, 0})
			if err == io.EOF {
				break
			}
			if err != nil || piece.Announce != nil {
				t.Fatalf("%q is answered with %q: %v", in, out, err)
			}
			resp, err := NewParser(piece.Command).ParseResponse()
			if err != nil || resp.Err != nil {
				t.Fatalf("%q is answered with %q: %v", in, piece.Command, err)
			}
		}
	})
}

// TestEnds: BYE in its places.
func TestEnds(t *testing.T) {
	s := new(ServerSession)
	if got, want := toyReply(s, s.Greet(Status{Kind: NO, Text: "full"}, true)), "* BYE full\r\n"; got != want || s.State() != Closed {
		t.Errorf("a greeting that refuses: %q, state %v", got, s.State())
	}
	s = &ServerSession{Offer: toyCaps}
	s.Greet(Status{}, true)
	e := s.Step([]byte("a LOGIN ann secret")).(*LoginEvent)
	if got, want := toyReply(s, s.Fail(&Reject{BYE, Code{Name: "UNAVAILABLE"}, "shutdown"})), "* BYE [UNAVAILABLE] shutdown\r\n"; got != want {
		t.Errorf("Fail: %q", got)
	}
	if string(e.Password) == "secret" || s.State() != Closed {
		t.Errorf("behind Fail the password is %q, the state %v", e.Password, s.State())
	}
	s = new(ServerSession)
	s.Greet(Status{Kind: PREAUTH}, true)
	s.Step([]byte("a NOOP"))
	if got, want := toyReply(s, s.Settle(Status{Kind: BYE, Text: "lost"})), "* BYE lost\r\n"; got != want || s.State() != Closed {
		t.Errorf("a verdict of BYE: %q, state %v", got, s.State())
	}
	s = new(ServerSession)
	s.Greet(Status{Kind: PREAUTH}, true)
	s.Step([]byte("a NOOP"))
	if got, want := toyReply(s, s.Settle(Status{Kind: PREAUTH})), "a NO not done\r\n"; got != want {
		t.Errorf("a verdict that is none: %q", got)
	}
}

// TestSearchLimits is FRM-17.
func TestSearchLimits(t *testing.T) {
	s := &ServerSession{}
	s.Greet(Status{Kind: PREAUTH}, true)
	s.Step([]byte("a SELECT x"))
	s.Settle(Status{})
	for _, tt := range []struct {
		keys string
		ok   bool
	}{
		{strings.Repeat("NOT ", 900) + "ALL", true},
		{strings.Repeat("NOT ", 5000) + "ALL", false},
		{strings.Repeat("ALL ", 1000) + "ALL", false},
		{strings.Repeat("(", 3000) + "ALL" + strings.Repeat(")", 3000), false},
	} {
		a, bad := s.Step([]byte("a SEARCH " + tt.keys)).(*Answer)
		if bad == tt.ok || bad && (a.Status.Kind != BAD || a.Status.Code.Name != "LIMIT") {
			t.Errorf("%.20q…: %v", tt.keys, a)
		}
		s.Settle(Status{})
	}
}

// TestStreamingCommand: a command of an extension that streams a message, as
// REPLACE does (RFC 8508), needs nothing of the session; and what Step would
// refuse is refused while the octets can be dropped.
func TestStreamingCommand(t *testing.T) {
	replace := &Feature{Name: "REPLACE", Commands: []CommandSpec{{
		Name: "REPLACE", In: States(Selected), UID: true, Traits: UsesSeq | Writes,
		Front: func(p *Parser, c *Command) {
			p.SP()
			a := &CopyArgs{Ref: p.Ref(c.UID)}
			p.SP()
			a.Mailbox = p.Mailbox()
			c.Args = a
		},
	}}}
	g := NewGrammar(append(Features(), replace)...)
	for _, tt := range []struct{ name, in, want string }{
		{"streamed", "a UID REPLACE 5 x (\\Seen) {2+}\r\nab\r\nb NOOP\r\n", "a OK done\r\nb OK done\r\n"},
		{"a literal in front", "a UID REPLACE 5 {1+}\r\nx {2+}\r\nab\r\nb NOOP\r\n", "a OK done\r\nb OK done\r\n"},
		{"one message", "a UID REPLACE 5 x {2+}\r\nab {2+}\r\nab\r\nb NOOP\r\n", "a BAD one message at a time\r\nb OK done\r\n"},
		{"bad set", "a UID REPLACE 0 x {6+}\r\nb NO\r\n\r\nb NOOP\r\n", "a BAD syntax error: want a message set\r\nb OK done\r\n"},
		{"read-only", "a EXAMINE y\r\na REPLACE 5 x {6+}\r\nb NO\r\n\r\nb NOOP\r\n", "* OK [CLOSED] left\r\na OK [READ-ONLY] done\r\na NO mailbox is read-only\r\nb OK done\r\n"},
		{"literal8 not offered", "a APPEND x ~{6+}\r\nb NO\r\n\r\nb NOOP\r\n", "a BAD syntax error: want a literal, since BINARY is not offered\r\nb OK done\r\n"},
		{"UTF8 not offered", "a APPEND x UTF8 (~{6+}\r\nb NO\r\n)\r\nb NOOP\r\n", "a BAD syntax error: want a literal, since UTF8=ACCEPT is not offered\r\nb OK done\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			toy := newToy(true, func(s *ServerSession) {
				s.Grammar = g
				s.Offer = func(State, bool) []Cap { return Caps{CapRev1, "REPLACE", CapMultiAppend} }
			})
			defer toy.end()
			toy.feed([]byte("a LOGIN ann secret\r\nb SELECT x\r\n"))
			toy.take()
			toy.feed([]byte(tt.in))
			if got := string(toy.take().Octets); got != tt.want {
				t.Errorf("answers %q, want %q", got, tt.want)
			}
		})
	}
}

// TestUIDOnly: RFC 9586, section 3, as far as the session goes.
func TestUIDOnly(t *testing.T) {
	s := &ServerSession{Offer: func(State, bool) []Cap { return Caps{CapRev2, CapUIDOnly} }}
	s.Grammar = NewGrammar(append(Features(), &Feature{Name: "UIDONLY", Enable: []Cap{CapUIDOnly}})...)
	s.Greet(Status{Kind: PREAUTH}, true)
	s.Settle(s.Step([]byte("a ENABLE UIDONLY")).(*Answer).Status)
	s.Step([]byte("b SELECT x"))
	s.Settle(Status{})
	for line, want := range map[string]string{
		"c FETCH 1 FLAGS":    "UIDREQUIRED",
		"c UID SEARCH NOT 1": "UIDREQUIRED",
		"c UID SEARCH UID 1": "",
	} {
		got := ""
		if a, ok := s.Step([]byte(line)).(*Answer); ok {
			got = a.Status.Code.Name
		}
		s.Settle(Status{})
		if got != want {
			t.Errorf("%s: code %q, want %q", line, got, want)
		}
	}
}

// TestMisuse: calls out of turn are mistakes of the program.
func TestMisuse(t *testing.T) {
	tests := map[string]func(s *ServerSession){
		"Step twice":            func(s *ServerSession) { s.Step([]byte("a NOOP")); s.Step([]byte("b NOOP")) },
		"Settle without event":  func(s *ServerSession) { s.Settle(Status{}) },
		"Challenge of NOOP":     func(s *ServerSession) { s.Step([]byte("a NOOP")); s.Challenge(nil) },
		"TLSDone":               func(s *ServerSession) { s.TLSDone() },
		"Compressed":            func(s *ServerSession) { s.Compressed() },
		"Step behind LOGOUT":    func(s *ServerSession) { s.Step([]byte("a LOGOUT")); s.Settle(Status{}); s.Step([]byte("b NOOP")) },
		"BadLine with io error": func(s *ServerSession) { s.BadLine(ErrPlaintext) },
		"OK before the end of APPEND": func(s *ServerSession) {
			s.Step([]byte("a APPEND x {1}\r\n"))
			s.Settle(Status{})
		},
	}
	for name, misuse := range tests {
		t.Run(name, func(t *testing.T) {
			s := new(ServerSession)
			s.Greet(Status{Kind: PREAUTH}, true)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse(s)
		})
	}
}

// TestSecrets are overwritten once they are used.
func TestSecrets(t *testing.T) {
	s := &ServerSession{Offer: toyCaps}
	s.Greet(Status{}, true)
	e := s.Step([]byte("a LOGIN ann secret")).(*LoginEvent)
	password := e.Password
	if !s.Secret() {
		t.Error("LOGIN is no secret")
	}
	s.Settle(No("", "").Status())
	if string(password) != "\x00\x00\x00\x00\x00\x00" {
		t.Errorf("password is still %q", password)
	}
	s.Step([]byte("a AUTHENTICATE PLAIN"))
	s.Challenge(nil)
	if !s.Secret() {
		t.Error("AUTHENTICATE is no secret")
	}
	response := s.Step([]byte("AGFubgBzZWNyZXQ=")).(*AuthLine).Response
	s.Settle(Status{})
	if strings.Contains(string(response), "secret") {
		t.Errorf("response is still %q", response)
	}
	if s.Step([]byte("b NOOP")); s.Secret() {
		t.Error("NOOP is a secret")
	}
}

// sessionLines are the opcodes of FuzzSession.
var sessionLines = []string{
	"NOOP", "LOGIN ann x", "AUTHENTICATE PLAIN", "AUTHENTICATE X =", "STARTTLS", "SELECT a", "EXAMINE a", "CLOSE", "UNSELECT", "IDLE",
	"APPEND a {3}\r\n", "APPEND a {0}\r\n", "COMPRESS DEFLATE", "UNAUTHENTICATE", "FETCH 1 FLAGS", "UID FETCH 1 FLAGS", "STORE 1 FLAGS ()", "DELETE a",
	"ENABLE CONDSTORE QRESYNC", "EXPUNGE", "COPY 1 b", "UID SEARCH 1", "XYZ", "SELECT", "CAPABILITY", "LOGOUT", "ID NIL", "UID FETCH 1 (MODSEQ)",
}

// FuzzSession plays commands and verdicts, one octet each, and checks the rules
// that hold whatever the dialogue is.
func FuzzSession(f *testing.F) {
	f.Add([]byte{1, 0, 5, 0, 14, 0, 16, 1, 7, 0, 9, 0, 10, 0, 13, 0})
	f.Add([]byte{4, 0, 2, 3, 1, 0, 18, 0, 5, 0, 19, 0, 12, 0})
	f.Add([]byte{1, 0, 10, 0, 3, 0, 6, 0, 16, 0, 25, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		s := &ServerSession{Offer: toyCaps, Limits: Limits{Bad: -1, AuthFails: -1}}
		m := &model{t: t, s: s}
		s.Greet(Status{}, len(ops)%2 == 0)
		for i := 0; i+1 < len(ops) && s.State() != Closed; i += 2 {
			m.turn(i, ops[i], ops[i+1])
		}
	})
}

// model is what the dialogue should be.
type model struct {
	t    *testing.T
	s    *ServerSession
	log  []string
	base State
	sub  State // 0: none
	tag  string
}

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(m.log[max(0, len(m.log)-10):], ", "))
}

// turn is one line of the client and one verdict of the driver.
func (m *model) turn(i int, op, verdict byte) {
	s := m.s
	if s.State() == Upgrading {
		if s.base == NotAuthenticated {
			s.TLSDone()
			if s.enabled != nil || !s.tls {
				m.fail("something is left of the time before TLS")
			}
		} else {
			s.Compressed()
		}
		m.sub = 0
	}
	line, tag := "", fmt.Sprintf("t%d", i)
	switch m.sub {
	case Authenticating:
		line = []string{"YQ==", "*", "?"}[int(op)%3]
	case Idling:
		line = []string{"DONE", "x NOOP"}[int(op)%2]
	case Appending:
		line = []string{"", ")", " {1}\r\n", " (\\Seen) {0}\r\n"}[int(op)%4]
	default:
		line = sessionLines[int(op)%len(sessionLines)]
		m.tag = tag
		line = tag + " " + line
	}
	ev := s.Step([]byte(line))
	m.log = append(m.log, fmt.Sprintf("%q %T", line, ev))
	m.tells(ev)
	st := Status{Kind: []Kind{OK, NO, BAD, OK}[verdict%4], Text: "x"}
	switch e := ev.(type) {
	case *AppendEvent, *AppendPart:
		m.sub = Appending
		if st.Kind == OK {
			return // read on
		}
	case *AppendEnd:
		if e.Err != nil && st.Kind == OK {
			st.Kind = e.Err.Kind
		}
	case *AuthEvent, *AuthLine:
		if verdict%4 == 3 {
			s.Challenge([]byte("c"))
			m.sub = Authenticating
			if s.State() != Authenticating {
				m.fail("Challenge leads to %s", s.State())
			}
			return
		}
	case *Answer:
		st = e.Status
	}
	before := m.base
	reply := s.Settle(st)
	m.log[len(m.log)-1] += " " + st.Kind.String()
	m.moved(ev, st.Kind)
	want := m.base
	if m.sub != 0 {
		want = m.sub
	}
	if s.State() != want {
		m.fail("state is %s, was %s, want %s", s.State(), before, want)
	}
	octets := toyReply(s, reply)
	if m.sub == Idling && strings.HasPrefix(octets, "+ ") {
		return
	}
	if strings.Count("\r\n"+octets, "\r\n"+m.tag+" ") != 1 {
		m.fail("reply %q, want one with tag %s", octets, m.tag)
	}
}

// moved is the diagram of State.
func (m *model) moved(ev Event, k Kind) {
	m.sub = 0
	ok := k == OK
	switch e := ev.(type) {
	case *LoginEvent, *AuthEvent, *AuthLine:
		if ok {
			m.base = Authenticated
		}
	case *StartTLSEvent, *CompressEvent:
		if ok {
			m.sub = Upgrading
		}
	case *SelectEvent:
		if e.Leaves != (m.base == Selected) {
			m.fail("Leaves is %v", e.Leaves)
		}
		if ok {
			m.base = Selected
		} else if k == NO {
			m.base = Authenticated
		}
	case *CloseEvent:
		if ok {
			m.base = Authenticated
		}
	case *IdleEvent:
		if ok {
			m.sub = Idling
		}
	case *UnauthenticateEvent:
		if ok {
			m.base = NotAuthenticated
			if m.s.enabled != nil {
				m.fail("%v is still enabled", m.s.enabled)
			}
		}
	case *LogoutEvent:
		m.base = Closed
	}
}

// tells: an EXPUNGE may be told only while a command is whole and in progress
// that does not use numbers in its answer. RFC 9051, section 7.5.1.
func (m *model) tells(ev Event) {
	tell := m.s.Tell()
	if m.base != Selected && tell != TellNothing {
		m.fail("%s though nothing is selected", tell)
	}
	if tell != TellAll {
		return
	}
	switch e := ev.(type) {
	case *AppendEvent, *AppendPart:
		m.fail("%s inside of APPEND", tell)
	case *CommandEvent:
		if n := e.Spec.Name; !e.UID && (n == "FETCH" || n == "STORE" || n == "SEARCH") {
			m.fail("%s during %s", tell, n)
		}
	}
}

// TestRFC9051_5_5_MayPipeline is the table of ambiguities.
func TestRFC9051_5_5_MayPipeline(t *testing.T) {
	tests := []struct {
		inFlight []string
		next     string
		want     bool
	}{
		{nil, "SELECT a", true},
		{[]string{"FETCH 1 FLAGS"}, "FETCH 2 FLAGS", true},
		{[]string{"FETCH 1 BODY[]"}, "SEARCH SEEN", false},
		{[]string{"FETCH 1 BODY.PEEK[]"}, "SEARCH SEEN", true},
		{[]string{"STORE 1 FLAGS (\\Seen)"}, "FETCH 1 FLAGS", false},
		{[]string{"FETCH 1 FLAGS"}, "STORE 1 FLAGS (\\Seen)", false},
		{[]string{"UID FETCH 1 BODY.PEEK[]"}, "FETCH 1 BODY.PEEK[]", false},
		{[]string{"FETCH 1 BODY.PEEK[]"}, "UID FETCH 1 BODY.PEEK[]", true},
		{[]string{"NOOP"}, "FETCH 1 BODY.PEEK[]", false},
		{[]string{"NOOP"}, "UID SEARCH UID 5", true},
		{[]string{"NOOP"}, "UID SEARCH 5", false},
		{[]string{"COPY 1 a"}, "COPY 2 a", false},
		{[]string{"UID COPY 1 a"}, "UID COPY 2 a", true},
		{[]string{"SELECT a"}, "NOOP", false},
		{[]string{"NOOP"}, "SELECT a", false},
		{[]string{"UID SEARCH RETURN (SAVE) ALL"}, "UID COPY $ a", false},
		{[]string{"UID COPY $ a"}, "UID SEARCH RETURN (SAVE) ALL", false},
		{[]string{"LOGIN a b"}, "CAPABILITY", false},
		{[]string{"STATUS a (MESSAGES)", "LIST \"\" *"}, "STATUS b (MESSAGES)", true},
	}
	traits := func(line string) Traits {
		c, err := NewParser([]byte("a " + line)).ParseCommand()
		if err != nil {
			t.Fatal(line, err)
		}
		return c.Traits
	}
	for _, tt := range tests {
		var inFlight []Traits
		for _, line := range tt.inFlight {
			inFlight = append(inFlight, traits(line))
		}
		if got := MayPipeline(inFlight, traits(tt.next)); got != tt.want {
			t.Errorf("%q behind %q: %v, want %v", tt.next, tt.inFlight, got, tt.want)
		}
	}
}

// TestStepAllocs guards what every command costs.
func TestStepAllocs(t *testing.T) {
	s := &ServerSession{Offer: toyCaps}
	s.Greet(Status{Kind: PREAUTH}, true)
	s.Step([]byte("a SELECT x"))
	s.Settle(Status{})
	var e Encoder
	for _, tt := range []struct {
		line string
		max  float64
	}{
		{"a1 NOOP", 1},                  // the tag
		{"a1 UID FETCH 1:* (FLAGS)", 5}, // and the arguments: set, items, the struct
		{"a1 BOGUS", 4},                 // and the error
	} {
		line := []byte(tt.line)
		n := testing.AllocsPerRun(100, func() {
			ev := s.Step(line)
			st := Status{Text: "done"}
			if a, ok := ev.(*Answer); ok {
				st = a.Status
			}
			s.bad = 0
			e.Reset()
			e.Reply(s.Settle(st))
		})
		if n > tt.max {
			t.Errorf("%s: %v allocations, want at most %v", tt.line, n, tt.max)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, line := range []string{"a1 NOOP", "a1 UID FETCH 1:* (FLAGS)"} {
		b.Run(strings.ReplaceAll(line[3:], " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			s := &ServerSession{Offer: toyCaps}
			s.Greet(Status{Kind: PREAUTH}, true)
			s.Step([]byte("a SELECT x"))
			s.Settle(Status{})
			var e Encoder
			in := []byte(line)
			for b.Loop() {
				s.Step(in)
				e.Reset()
				e.Reply(s.Settle(Status{Text: "done"}))
			}
		})
	}
}

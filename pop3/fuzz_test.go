package pop3

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// pieces feeds s in pieces whose lengths come from cuts, over and over.
func pieces(s []byte, cuts []byte, feed func([]byte) bool) {
	for i := 0; len(s) > 0; i++ {
		n := len(s)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])%7+1)
		}
		if !feed(s[:n]) {
			return
		}
		s = s[n:]
	}
}

// normal is RFC 1939, section 11, in words: every line end is CRLF, the last one
// included.
func normal(message []byte) []byte {
	s := strings.ReplaceAll(string(message), "\r\n", "\n")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r", "\n"), "\n", "\r\n")
	if s != "" && !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	return []byte(s)
}

// FuzzBody: what a server writes, a client reads, in whatever pieces; nothing but
// the end looks like the end; and LIST tells the truth.
func FuzzBody(f *testing.F) {
	for _, s := range []string{"", ".", ".\r\n", "a\n.b", "a\r.\r\n.\r", "\r\r\n..\n.", "a\x00\xff"} {
		f.Add([]byte(s), []byte{1})
		f.Add([]byte(s), []byte{})
	}
	f.Fuzz(func(t *testing.T, message, cuts []byte) {
		var w BodyWriter
		var wire []byte
		pieces(message, cuts, func(p []byte) bool {
			wire, _ = w.Append(wire, p)
			return true
		})
		wire = w.Finish(wire)
		want := normal(message)

		r := NewReader(iotest.OneByteReader(bytes.NewReader(wire)))
		got, err := io.ReadAll(r.Body(0))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %q, pieces %v: read back %q, %v; want %q", message, cuts, got, err, want)
		}
		if _, err := r.ReadLine(255); err != io.EOF {
			t.Errorf("message %q: something follows its end: %v", message, err)
		}
		if i := bytes.Index(append([]byte("\r\n"), wire...), []byte("\r\n.\r\n")); i != len(wire)-3 {
			t.Errorf("message %q: %q ends at %d", message, wire, i)
		}
		size, err := Size(iotest.HalfReader(bytes.NewReader(message)))
		stuffed := bytes.Count(append([]byte("\n"), wire...), []byte("\n..")) // lines that begin with two
		if err != nil || size != int64(len(want)) || int64(len(wire)) != size+int64(stuffed)+3 {
			t.Errorf("message %q: size %d, %v; %d octets sent, %d dots", message, size, err, len(wire), stuffed)
		}
	})
}

// FuzzTop against RFC 1939, section 7, in five lines.
func FuzzTop(f *testing.F) {
	f.Add([]byte("a: b\r\n\r\n.x\ny\r\n"), uint16(1), []byte{1})
	f.Add([]byte("a: b\n\r\r\n\r"), uint16(0), []byte{})
	f.Fuzz(func(t *testing.T, message []byte, lines uint16, cuts []byte) {
		w := BodyWriter{Top: true, Lines: int(lines)}
		var wire []byte
		pieces(message, cuts, func(p []byte) bool {
			var done bool
			wire, done = w.Append(wire, p)
			return !done
		})
		got, err := io.ReadAll(NewReader(bytes.NewReader(w.Finish(wire))).Body(0))

		header, body, _ := strings.Cut("\r\n"+string(normal(message)), "\r\n\r\n")
		want, all := header[min(2, len(header)):], strings.SplitAfter(body, "\r\n")
		if len(want)+2 < len("\r\n"+string(normal(message)))-len(body) {
			want += "\r\n\r\n"
		}
		want += strings.Join(all[:min(int(lines), len(all))], "")
		if header == "" { // the blank line is the first
			want = "\r\n" + strings.Join(all[:min(int(lines), len(all))], "")
		}
		if err != nil || string(got) != want {
			t.Errorf("message %q, %d lines, pieces %v: %q, %v; want %q", message, lines, cuts, got, err, want)
		}
	})
}

// FuzzReply: whatever is in a reply, it is one line of at most 512 octets, and
// what is understood of it is sent alike.
func FuzzReply(f *testing.F) {
	f.Add(true, "", "hello")
	f.Add(false, "SYS/TEMP", "[x] y")
	f.Add(false, "", "[IN-USE] a\r\n.\r\n\x00ü")
	f.Fuzz(func(t *testing.T, ok bool, code, text string) {
		sent := AppendReply(nil, Reply{ok, RespCode(code), text})
		if len(sent) > 512 || bytes.IndexByte(sent, '\n') != len(sent)-1 || bytes.IndexByte(sent, '\r') != len(sent)-2 || bytes.IndexByte(sent, 0) >= 0 {
			t.Fatalf("sent %q", sent)
		}
		got, err := ParseReply(sent[:len(sent)-2])
		if err != nil || got.OK != ok || got.Code != "" && string(got.Code) != code {
			t.Errorf("sent %q, understood %+v, %v", sent, got, err)
		}
		if again := AppendReply(nil, got); !bytes.Equal(again, sent) {
			t.Errorf("sent %q, then %q", sent, again)
		}
	})
}

// FuzzCaps: what is understood of a list is listed alike.
func FuzzCaps(f *testing.F) {
	f.Add("TOP\nUSER\nSASL PLAIN  LOGIN\nEXPIRE NEVER USER\nLOGIN-DELAY 1\nIMPLEMENTATION a  b\nX-Y z\n.\n")
	// Found by fuzzing: a line that makes no sense took another away, and a name
	// that has no room left a list of none.
	f.Add("EXPIRE\nEXPIRE NEVER USER\n")
	f.Add("SASL " + strings.Repeat("X", 600) + "\n")
	f.Fuzz(func(t *testing.T, list string) {
		lines := func(s, sep string) func(func([]byte) bool) {
			return slices.Values(bytes.Split([]byte(s), []byte(sep)))
		}
		first := AppendCaps(nil, ParseCaps(lines(list, "\n")))
		second := ParseCaps(lines(string(first), "\r\n"))
		if again := AppendCaps(nil, second); !bytes.Equal(first, again) {
			t.Errorf("%q, then %q", first, again)
		}
		for line := range bytes.Lines(first) {
			if !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > 512 || line[0] == '.' || bytes.Count(line, []byte("\r")) != 1 {
				t.Errorf("line %q", line)
			}
		}
	})
}

// FuzzCommand: one call is one line, and means what was meant.
func FuzzCommand(f *testing.F) {
	f.Add(byte(PASS), " a b ", true)
	f.Add(byte(TOP), "1", true)
	f.Add(byte(USER), "a\r\nDELE 1", true)
	f.Fuzz(func(t *testing.T, verb byte, arg string, hasArg bool) {
		var args []string
		if hasArg {
			args = append(args, arg)
		}
		line, err := AppendCommand(nil, Verb(verb), args...)
		if err != nil {
			if line != nil {
				t.Errorf("an error, and %q", line)
			}
			return
		}
		got, err := NewReader(bytes.NewReader(line)).ReadLine(255)
		if err != nil || len(got) != len(line)-2 {
			t.Fatalf("%q is read as %q, %v", line, got, err)
		}
		c := ParseCommand(got)
		if c.Verb != Verb(verb) || hasArg && string(c.Arg) != arg || (c.Arg != nil) != hasArg {
			t.Errorf("%q is understood as %v %q", line, c.Verb, c.Arg)
		}
	})
}

// A model is what a session should remember, kept in the plainest way.
type model struct {
	state  State
	tls    bool
	user   string // "": none
	utf8   bool
	lang   string
	marked map[int]bool
	sizes  []int64
}

// opcodes are lines with something to try in each.
var opcodes = []string{
	"USER a", "USER b", "USER", "PASS x", "PASS", "APOP a " + strings.Repeat("0", 32), "APOP a", "AUTH", "AUTH PLAIN", "AUTH PLAIN =", "AUTH NOPE",
	"STLS", "STLS x", "CAPA", "UTF8", "LANG", "LANG de", "LANG xx", "LANG *", "STAT", "LIST", "UIDL", "LIST 1", "UIDL 2", "LIST 0",
	"RETR 1", "RETR 3", "TOP 2 1", "TOP 0 1", "TOP 1", "DELE 1", "DELE 2", "DELE 3", "DELE 0", "DELE 01", "DELE 4", "RSET", "NOOP", "NOOP x",
	"QUIT", "QUIT x", "XYZZY", "", "*", "AGEAYg==", "stat ", "dele  1", "\x80",
}

// FuzzServerSession: an octet chooses the line, the next the verdict. A refusal
// changes nothing, marks are removed by QUIT only and by nothing else, numbers do
// not shift, and nothing but TLS survives STLS.
func FuzzServerSession(f *testing.F) {
	at := func(lines ...string) (ops []byte) {
		for _, l := range lines {
			ops = append(ops, byte(slices.Index(opcodes, l)), 0)
		}
		return ops
	}
	f.Add(at("USER a", "PASS x", "DELE 2", "LIST", "STAT", "RSET", "DELE 1", "RETR 3", "QUIT"))
	f.Add(at("USER a", "STLS", "PASS x", "AUTH PLAIN", "AGEAYg==", "DELE 3", "QUIT"))
	f.Add(at("UTF8", "LANG de", "STLS", "CAPA", "AUTH PLAIN", "*", "APOP a "+strings.Repeat("0", 32), "UIDL"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		s := NewServerSession(ServerConfig{
			Mechanisms: []string{"PLAIN"}, Stamp: stamp, StartTLS: true, Cleartext: true, Languages: []Language{{"en", "E"}, {"de", "D"}},
			Limits: Limits{Errors: -1, AuthFailures: -1},
		}, false)
		s.Greet(Reply{OK: true})
		m := &model{state: Authorization}
		var log []string
		for len(ops) >= 2 && m.state != Closed {
			line, verdict := opcodes[int(ops[0])%len(opcodes)], ops[1]%4 != 1
			ops = ops[2:]
			log = append(log, fmt.Sprintf("%s (%v)", line, verdict))
			if err := m.play(s, line, verdict); err != nil {
				t.Fatalf("%s\n%v", strings.Join(log, "\n"), err)
			}
			if got := (&model{s.State(), s.tls, s.user, s.utf8, s.lang, nil, nil}); *got.plain() != *m.plain() {
				t.Fatalf("%s\nsession %+v\n  model %+v", strings.Join(log, "\n"), *got.plain(), *m.plain())
			}
		}
	})
}

// plain is the part that can be compared.
func (m *model) plain() *struct {
	State      State
	TLS, UTF8  bool
	User, Lang string
} {
	return &struct {
		State      State
		TLS, UTF8  bool
		User, Lang string
	}{m.state, m.tls, m.utf8, m.user, m.lang}
}

// play steps both.
func (m *model) play(s *ServerSession, line string, ok bool) error {
	authing := m.state == Authing
	e := s.Step([]byte(line))
	verb := ParseCommand([]byte(line)).Verb
	switch e := e.(type) {
	case *Refused:
		s.Settle(e.Reply)
		if authing {
			m.state = Authorization
			m.user = ""
		} else if logins.has(verb) || verb == STLS {
			m.user = ""
		}
	case *PassEvent:
		if verb != PASS || e.User != m.user || m.user == "" || m.state != Authorization {
			return fmt.Errorf("PassEvent of %q, want %q", e.User, m.user)
		}
		return m.login(s, ok)
	case *ApopEvent:
		if m.tls {
			return fmt.Errorf("a stamp has survived STLS")
		}
		return m.login(s, ok)
	case *AuthEvent:
		if (e.Mechanism == "") != authing {
			return fmt.Errorf("mechanism %q inside an exchange: %v", e.Mechanism, authing)
		}
		if e.Response == nil {
			s.Challenge(nil, []byte("x"))
			m.state = Authing
			return nil
		}
		return m.login(s, ok)
	case *StlsEvent:
		if s.Settle(Reply{OK: ok}); ok {
			s.TLSDone()
			*m = model{state: Authorization, tls: true}
		}
		m.user = ""
	case *LangEvent:
		if s.Settle(Reply{OK: ok}); ok {
			m.lang = e.Tag
		}
	case *RetrEvent:
		if m.marked[e.Entry.N] || e.Entry.Size != m.sizes[e.Entry.N-1] || e.Entry.UID != strconv.Itoa(e.Entry.N) {
			return fmt.Errorf("RetrEvent of %+v, marks %v", e.Entry, m.marked)
		}
		if s.Settle(Reply{OK: ok}); ok {
			s.Sent(nil)
		}
	case *UpdateEvent:
		var want []int
		for n := range m.sizes {
			if m.marked[n+1] {
				want = append(want, n+1)
			}
		}
		if verb != QUIT || m.state != Transaction || !slices.Equal(e.Deleted, want) {
			return fmt.Errorf("UpdateEvent in %v deletes %v, want %v", m.state, e.Deleted, want)
		}
		s.Settle(Reply{OK: ok})
		m.state = Closed
	case *Answer:
		return m.answer(s, verb, line, e)
	}
	return nil
}

func (m *model) login(s *ServerSession, ok bool) error {
	m.user = ""
	m.state = Authorization
	if !ok {
		s.Settle(Reply{Code: BadCredentials})
		return nil
	}
	m.sizes = []int64{10, 200, 3000}
	m.marked = make(map[int]bool)
	var msgs []Entry
	for i, size := range m.sizes {
		msgs = append(msgs, Entry{Size: size, UID: strconv.Itoa(i + 1)})
	}
	if _, err := s.Open(msgs, Reply{OK: true}); err != nil {
		return err
	}
	m.state = Transaction
	return nil
}

func (m *model) answer(s *ServerSession, verb Verb, line string, e *Answer) error {
	reply := s.Settle(e.Reply)
	var body []byte
	for more := e.Multi; more; {
		body, more = s.AppendLines(body)
	}
	if e.Multi && !bytes.HasSuffix(append([]byte("\r\n"), body...), []byte("\r\n.\r\n")) {
		return fmt.Errorf("body %q", body)
	}
	var count int
	var total int64
	for i, size := range m.sizes {
		if !m.marked[i+1] {
			count++
			total += size
		}
	}
	_, arg, _ := strings.Cut(strings.TrimRight(line, " "), " ")
	switch verb {
	case USER:
		m.user = arg
	case UTF8:
		m.utf8 = true
	case QUIT:
		m.state = Closed
	case RSET:
		clear(m.marked)
	case DELE:
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > len(m.sizes) || m.marked[n] {
			return fmt.Errorf("%q marks", line)
		}
		m.marked[n] = true
	case STAT:
		if n, size, err := ParseStat(reply.Text); n != count || size != total || err != nil {
			return fmt.Errorf("STAT says %q, want %d %d", reply.Text, count, total)
		}
	case LIST, UIDL:
		if e.Multi {
			return m.checkList(verb, body)
		}
		if m.marked[int(arg[0]-'0')] {
			return fmt.Errorf("%q of a marked message", line)
		}
	}
	return nil
}

// checkList compares a listing with the marks.
func (m *model) checkList(verb Verb, body []byte) error {
	var got, want []string
	for line := range NewReader(bytes.NewReader(body)).Body(0).Lines(255) {
		got = append(got, string(line))
	}
	for i, size := range m.sizes {
		if !m.marked[i+1] {
			what := int64(i + 1)
			if verb == LIST {
				what = size
			}
			want = append(want, fmt.Sprint(i+1, " ", what))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("%v: -want +got\n%s", verb, diff)
	}
	return nil
}

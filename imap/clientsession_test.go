package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/internal/transcript"
)

// wire returns what a command sends, "+" where it waits.
func wire(t testing.TB, out *Outgoing) string {
	t.Helper()
	var b bytes.Buffer
	for c := range out.Chunks() {
		if c.Wait {
			b.WriteString("<+>")
		}
		if _, err := c.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// says feeds responses to a client and returns what it makes of them.
func says(t testing.TB, s *ClientSession, lines ...string) []string {
	t.Helper()
	var log []string
	for _, line := range lines {
		ev, err := s.Step([]byte(line))
		if err != nil {
			log = append(log, "error")
			continue
		}
		switch ev := ev.(type) {
		case *Greeting:
			log = append(log, fmt.Sprintf("greeting %v %v", ev.Status.Kind, ev.Err))
		case *Data:
			log = append(log, strings.TrimSpace(fmt.Sprintf("data %s %s", ev.Name, map[bool]string{true: "dropped"}[ev.Dropped])))
		case *Done:
			log = append(log, fmt.Sprintf("done %s %v", ev.Command.Name(), ev.Status.Kind))
		case *Plus:
			log = append(log, fmt.Sprintf("plus %q %q", ev.Tag, ev.Challenge))
		case *Bye:
			log = append(log, "bye")
		}
	}
	return log
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// send sends a command, which must be allowed.
func send(t testing.TB, s *ClientSession, name string, args any) string {
	t.Helper()
	out, err := s.Send(name, args)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return wire(t, out)
}

// TestClientLogin: capabilities are forgotten when they may have changed (AUT-8).
func TestClientLogin(t *testing.T) {
	s := &ClientSession{NeedTLS: true}
	s.Start(false)
	if _, err := s.Send("NOOP", nil); err != ErrState {
		t.Errorf("a command before the greeting: %v", err)
	}
	want(t, says(t, s, "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi"), "greeting OK <nil>")
	if _, err := s.Send("LOGIN", &LoginArgs{"u", []byte("p")}); err != ErrInsecure {
		t.Errorf("LOGIN without TLS: %v", err)
	}
	if got := send(t, s, "STARTTLS", nil); got != "A1 STARTTLS\r\n" {
		t.Errorf("sends %q", got)
	}
	if _, err := s.Send("NOOP", nil); err != ErrHold {
		t.Errorf("a command behind STARTTLS: %v", err)
	}
	want(t, says(t, s, "* LIST () \"/\" injected", "A1 OK go"), "data LIST dropped", "done STARTTLS OK")
	if s.State() != Upgrading {
		t.Errorf("state %v", s.State())
	}
	s.TLSDone()
	if _, known := s.Caps(); known {
		t.Error("capabilities of the time before TLS are believed")
	}
	send(t, s, "LOGIN", &LoginArgs{"u", []byte("p")})
	want(t, says(t, s, "* CAPABILITY IMAP4rev1 OLD", "A2 OK in"), "data CAPABILITY", "done LOGIN OK")
	if _, known := s.Caps(); known {
		t.Error("capabilities of the time before login are believed")
	}
	s.base = NotAuthenticated
	send(t, s, "LOGIN", &LoginArgs{"u", []byte("p")})
	says(t, s, "A3 OK [CAPABILITY IMAP4rev1 MOVE] in")
	if !s.Has(CapMove) || s.State() != Authenticated {
		t.Errorf("state %v, capabilities %v", s.State(), s.caps)
	}
}

func TestClientRefuses(t *testing.T) {
	s := &ClientSession{NeedTLS: true}
	s.Start(false)
	want(t, says(t, s, "* PREAUTH hi"), "greeting PREAUTH "+ErrInsecure.Error()) // AUT-6
	if s.State() != Closed {
		t.Errorf("state %v", s.State())
	}
	s = &ClientSession{}
	s.Start(true)
	says(t, s, "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi")
	if _, err := s.Send("LOGIN", &LoginArgs{"u", []byte("p")}); err != ErrLoginDisabled { // AUT-7
		t.Errorf("LOGIN: %v", err)
	}
	if _, err := s.Send("SELECT", &SelectArgs{Mailbox: "x"}); err != ErrState {
		t.Errorf("SELECT: %v", err)
	}
	for _, bad := range []string{"a1 OK hi", "* NO hi", "* 3 EXISTS", "hello", ""} {
		s := new(ClientSession)
		want(t, says(t, s, bad), "error")
	}
	want(t, says(t, s, "A9 OK of nothing"), "error")
}

// TestClientLiterals: RFC 7888; the command stops where it waits.
func TestClientLiterals(t *testing.T) {
	body := bytesAt(strings.Repeat("x", 5000))
	args := &AppendArgs{"a", []AppendMessage{{Size: 5000, Src: body}}}
	for _, tt := range []struct {
		caps  string
		waits bool
	}{
		{"IMAP4rev1", true},
		{"IMAP4rev1 LITERAL-", true},
		{"IMAP4rev2", true},
		{"IMAP4rev1 LITERAL+", false},
		{"IMAP4rev1 LITERAL+ APPENDLIMIT=4999", true},
		{"IMAP4rev1 LITERAL+ APPENDLIMIT=5000", false},
	} {
		s := new(ClientSession)
		says(t, s, "* PREAUTH [CAPABILITY "+tt.caps+"] hi")
		got := send(t, s, "APPEND", args)
		if strings.Contains(got, "<+>") != tt.waits {
			t.Errorf("%s: sends %.40q", tt.caps, got)
		}
		_, err := s.Send("NOOP", nil)
		if (err == ErrHold) != tt.waits {
			t.Errorf("%s: a command inside of another one: %v", tt.caps, err)
		}
		if tt.waits {
			want(t, says(t, s, "+ go", "+ again"), `plus "A1" ""`, `plus "" ""`)
		}
	}
}

// TestClientDialogues: AUTHENTICATE and IDLE get the continuation requests.
func TestClientDialogues(t *testing.T) {
	s := new(ClientSession)
	says(t, s, "* OK hi")
	send(t, s, "AUTHENTICATE", &AuthenticateArgs{"PLAIN", nil})
	want(t, says(t, s, "+ YWI=", "+ !"), `plus "A1" "ab"`, `plus "A1" ""`)
	if s.State() != Authenticating {
		t.Errorf("state %v", s.State())
	}
	want(t, says(t, s, "A1 OK in"), "done AUTHENTICATE OK")
	send(t, s, "IDLE", nil)
	want(t, says(t, s, "+ idling", "* 5 EXISTS"), `plus "A2" ""`, "data EXISTS")
	if s.State() != Idling {
		t.Errorf("state %v", s.State())
	}
	if got := string(s.AppendDone(nil)); got != "DONE\r\n" {
		t.Errorf("DONE is %q", got)
	}
	want(t, says(t, s, "A2 OK"), "done IDLE OK")
	send(t, s, "SELECT", &SelectArgs{Mailbox: "x"})
	if _, err := s.Send("FETCH", &FetchArgs{Ref: Seqs(1, 1), Items: []FetchItem{ItemFlags}}); err != ErrHold {
		t.Errorf("FETCH while SELECT is in flight: %v", err)
	}
	want(t, says(t, s, "A3 OK"), "done SELECT OK")
	send(t, s, "FETCH", &FetchArgs{Ref: Seqs(1, 1), Items: []FetchItem{ItemFlags}})
	send(t, s, "FETCH", &FetchArgs{Ref: Seqs(2, 2), Items: []FetchItem{ItemUID}})
	send(t, s, "UID FETCH", &FetchArgs{Ref: UIDs(2, 2), Items: []FetchItem{ItemUID}})
	if _, err := s.Send("FETCH", &FetchArgs{Ref: Seqs(1, 1), Items: []FetchItem{ItemUID}}); err != ErrHold {
		t.Errorf("FETCH by number behind UID FETCH: %v", err)
	}
	want(t, says(t, s, "A5 OK", "A4 NO", "A6 OK"), "done FETCH OK", "done FETCH NO", "done UID FETCH OK")
	send(t, s, "ENABLE", &EnableArgs{Caps{CapQResync}})
	want(t, says(t, s, "* ENABLED QRESYNC", "A7 OK"), "data ENABLED", "done ENABLE OK")
	if !s.Enabled(CapCondstore) {
		t.Error("QRESYNC has not brought CONDSTORE")
	}
	send(t, s, "SELECT", &SelectArgs{Mailbox: "y"})
	want(t, says(t, s, "A8 NO none"), "done SELECT NO")
	if s.State() != Authenticated {
		t.Errorf("state behind a SELECT that failed: %v", s.State())
	}
	send(t, s, "LOGOUT", nil)
	want(t, says(t, s, "* BYE", "A9 OK"), "bye", "done LOGOUT OK")
}

// TestClientBadArguments: what has no form on the wire is not sent, and nothing
// has happened.
func TestClientBadArguments(t *testing.T) {
	s := new(ClientSession)
	says(t, s, "* PREAUTH hi")
	s.base = Selected
	for name, args := range map[string]any{
		"FETCH":   &FetchArgs{Items: []FetchItem{ItemUID}}, // no messages
		"STORE":   &StoreArgs{Ref: Seqs(1, 1), Op: FlagOp{Flags: []Flag{"a b"}}},
		"SEARCH":  &SearchArgs{},
		"SELECT":  nil,
		"NOOP":    5,
		"NOSUCH":  nil,
		"UID XYZ": nil,
		"COPY":    &CopyArgs{Ref: UIDs(1, 2), Mailbox: "x"}, // UIDs without UID
		"LIST":    &ListArgs{},
	} {
		out, err := s.Send(name, args)
		if name == "COPY" {
			continue // it is one on the wire
		}
		if err == nil {
			t.Errorf("%s is sent as %q", name, wire(t, out))
		}
	}
	if n := s.InFlight(); n > 1 {
		t.Errorf("%d commands in flight", n)
	}
}

// TestClientStreamedRow: CLI-7, and literals of a FETCH that are streamed.
func TestClientStreamedRow(t *testing.T) {
	s := &ClientSession{Limits: Limits{ResponseLiteral: 10}}
	says(t, s, "* PREAUTH hi")
	s.base = Selected
	in := "* 1 FETCH (UID 5 BODY[] {20}\r\n01234567890123456789 FLAGS (\\Seen) BODY[1] {5}\r\nabcde BODY[2] {12}\r\nabcdefghijkl)\r\n" +
		"* LIST () \"/\" {9999}\r\n" + strings.Repeat("x", 9999) + "\r\n* 2 EXISTS\r\n"
	r := NewReader(&chop{[]byte(in), bytes.Repeat([]byte{3}, 5000)})
	r.Responses = true
	var log []string
	for {
		piece, err := r.Next(s.Bounds())
		var ev ClientEvent
		if e, ok := errors.AsType[*FrameError](err); ok {
			ev, err = s.BadLine(e)
		} else if err == io.EOF {
			break
		} else if a := piece.Announce; a != nil {
			v := s.Literal(a)
			if r.Decide(v); v.Do != Stream {
				continue
			}
			ev, err = s.Step(a.Head)
		} else {
			ev, err = s.Step(piece.Command)
		}
		if err != nil {
			t.Fatal(err)
		}
		d := ev.(*Data)
		if row, ok := d.Value.(*FetchRow); ok {
			log = append(log, fmt.Sprintf("%d items, open %v", len(row.Items), row.Open))
			if row.Open {
				b, err := io.ReadAll(r.Literal())
				log = append(log, fmt.Sprintf("%q %v", b, err))
				continue
			}
			uid, _ := row.UID()
			flags, _ := row.Flags()
			log = append(log, fmt.Sprintf("UID %d %v %q", uid, flags, row.Items[3].Octets()))
			continue
		}
		log = append(log, fmt.Sprintf("%s %d %v", d.Name, d.Num, d.Err != nil))
	}
	want(t, log, "2 items, open true", `"01234567890123456789" <nil>`, "5 items, open true", `"abcdefghijkl" <nil>`,
		"5 items, open false", `UID 5 [\Seen] "abcde"`, "LIST 0 true", "EXISTS 2 false")
}

// TestClientBadLine: a tagged status that is too long still ends its command.
func TestClientBadLine(t *testing.T) {
	s := new(ClientSession)
	says(t, s, "* PREAUTH hi")
	send(t, s, "NOOP", nil)
	ev, err := s.BadLine(&FrameError{Head: []byte("A1 NO [ALERT] too lo")})
	if d, ok := ev.(*Done); !ok || err != nil || d.Status.Kind != NO || d.Err() == nil {
		t.Errorf("%#v, %v", ev, err)
	}
	if st, ok := ErrorOf(ev.(*Done).Err()); !ok || st.Code.Name != "ALERT" {
		t.Errorf("the error holds %v", st)
	}
}

// FuzzClient: whatever octets a server sends, there is no panic, no growth beyond
// them, and each command is done at most once.
func FuzzClient(f *testing.F) {
	transcript.Seed(f, transcript.Server, "testdata/*.txt")
	f.Add([]byte("* OK [CAPABILITY IMAP4rev1] x\r\nA1 OK in\r\n* 1 FETCH (BODY[] {20}\r\n01234567890123456789)\r\nA2 OK\r\n"))
	f.Add([]byte("* PREAUTH x\r\n+ \r\n* VANISHED (EARLIER) 1:4294967295\r\n* ESEARCH ALL 1:*\r\nA1 BAD\r\n"))
	f.Add([]byte("* PREAUTH x\r\n* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n* LIST () {99999999}\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &ClientSession{Limits: Limits{ResponseLiteral: 10, ResponseLine: 1000}}
		r := NewReader(bytes.NewReader(in))
		r.Responses = true
		done := map[string]bool{}
		for {
			for _, name := range []string{"CAPABILITY", "IDLE", "CLOSE"} {
				if out, err := s.Send(name, nil); err == nil {
					done[out.Command.Tag] = false
				}
			}
			if s.State() == Authenticated {
				s.Send("SELECT", &SelectArgs{Mailbox: "x"})
			}
			piece, err := r.Next(s.Bounds())
			var ev ClientEvent
			if e, ok := errors.AsType[*FrameError](err); ok && !e.Fatal {
				ev, err = s.BadLine(e)
			} else if err != nil {
				return
			} else if a := piece.Announce; a != nil {
				v := s.Literal(a)
				if r.Decide(v); v.Do != Stream {
					continue
				}
				ev, err = s.Step(a.Head)
				if d, ok := ev.(*Data); err == nil && (!ok || !d.Value.(*FetchRow).Open) && s.row == nil {
					t.Fatalf("streamed, but no row is open: %#v", ev)
				}
				io.Copy(io.Discard, r.Literal())
			} else {
				ev, err = s.Step(piece.Command)
			}
			if err != nil {
				return
			}
			if d, ok := ev.(*Done); ok {
				if done[d.Tag] {
					t.Fatalf("%s is done twice", d.Tag)
				}
				done[d.Tag] = true
			}
			if s.State() == Upgrading {
				return
			}
		}
	})
}

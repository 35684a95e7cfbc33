package pop3

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mailwire/mailwire/internal/transcript"
)

// Every transcript holds whole and octet by octet.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, "testdata/*.txt", func(t *testing.T, s *transcript.Script) error {
		word, _, _ := strings.Cut(filepath.Base(s.File), "-")
		config, ok := fixtures[word]
		if !ok {
			return fmt.Errorf("no fixture %q", word)
		}
		whole := s.PlaySession(newToy(config, exampleMessages()).session(), 0)
		octets := s.PlaySession(newToy(config, exampleMessages()).session(), 1)
		return errors.Join(whole, octets)
	})
}

// loggedIn returns a session in the transaction state.
func loggedIn(t testing.TB, c ServerConfig, msgs []Entry) *ServerSession {
	t.Helper()
	s := NewServerSession(c, true)
	s.Greet(Reply{OK: true})
	login(s)
	if _, err := s.Open(msgs, Reply{OK: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

// login leaves a PassEvent open.
func login(s *ServerSession) {
	s.Settle(s.Step([]byte("USER a")).(*Answer).Reply)
	_ = s.Step([]byte("PASS b")).(*PassEvent)
}

// RFC 1939, section 7: whatever a store says, no unique-id breaks a listing.
func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		msgs []Entry
		n    int
	}{
		{"space", []Entry{{UID: "a"}, {UID: "b c"}}, 2},
		{"CRLF", []Entry{{UID: "a\r\n.\r\n+OK"}}, 1},
		{"empty", []Entry{{UID: ""}}, 1},
		{"71 octets", []Entry{{UID: strings.Repeat("x", 71)}}, 1},
		{"8 bits", []Entry{{UID: "\xe9"}}, 1},
		{"twice", []Entry{{UID: "a"}, {UID: "b"}, {UID: "a"}}, 3},
		{"negative size", []Entry{{UID: "a", Size: -1}}, 1},
		{"size without end", []Entry{{UID: "a", Size: 1 << 62}, {UID: "b", Size: 1 << 62}}, 2},
		{"too many", []Entry{{UID: "a"}, {UID: "b"}, {UID: "c"}, {UID: "d"}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServerSession(ServerConfig{Limits: Limits{Messages: 3}}, true)
			s.Greet(Reply{OK: true})
			login(s)
			reply, err := s.Open(tt.msgs, Reply{OK: true})
			e, ok := errors.AsType[*MaildropError](err)
			if !ok || e.N != tt.n {
				t.Errorf("error %v, want a MaildropError of message %d", err, tt.n)
			}
			if want := (Reply{Code: SysPerm, Text: "the maildrop cannot be served"}); reply != want {
				t.Errorf("reply %v, want %v", reply, want)
			}
			if s.State() != Authorization {
				t.Errorf("state %v", s.State())
			}
			login(s) // and the next try works
			if _, err := s.Open(tt.msgs[:0], Reply{OK: true}); err != nil || s.State() != Transaction {
				t.Errorf("second login: %v, state %v", err, s.State())
			}
		})
	}
}

func TestOpenOfSeventyOctets(t *testing.T) {
	uid := strings.Repeat("~", 70)
	s := loggedIn(t, ServerConfig{}, []Entry{{UID: uid, Size: 7}})
	if got := s.Settle(s.Step([]byte("UIDL 1")).(*Answer).Reply); got.Text != "1 "+uid {
		t.Errorf("UIDL 1 gives %q", got.Text)
	}
}

// RFC 6856, section 5.
func TestNeedsUTF8(t *testing.T) {
	msgs := []Entry{{UID: "a", Size: 3}, {UID: "b", Size: 4, NeedsUTF8: true}}
	tests := []struct {
		name            string
		surrogate, utf8 bool
		want            Event
	}{
		{"refused", false, false, &Refused{Reply: Reply{Code: NeedUTF8, Text: "the message needs UTF8"}}},
		{"surrogate", true, false, &RetrEvent{Entry: Entry{N: 2, Size: 4, UID: "b", NeedsUTF8: true}, Lines: -1}},
		{"asked for", false, true, &RetrEvent{Entry: Entry{N: 2, Size: 4, UID: "b", NeedsUTF8: true}, Lines: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServerSession(ServerConfig{Surrogate: tt.surrogate}, true)
			s.Greet(Reply{OK: true})
			if tt.utf8 {
				s.Settle(s.Step([]byte("UTF8")).(*Answer).Reply)
			}
			login(s)
			s.Open(msgs, Reply{OK: true})
			if diff := cmp.Diff(tt.want, s.Step([]byte("RETR 2"))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A store that fails in QUIT is told to the client, and the session ends anyway.
// RFC 1939, section 6.
func TestUpdateFails(t *testing.T) {
	s := loggedIn(t, ServerConfig{}, []Entry{{UID: "a"}, {UID: "b"}, {UID: "c"}})
	for _, line := range []string{"DELE 3", "DELE 1"} {
		s.Settle(s.Step([]byte(line)).(*Answer).Reply)
	}
	e := s.Step([]byte("QUIT"))
	if diff := cmp.Diff(&UpdateEvent{Deleted: []int{1, 3}}, e); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s.State() != Update {
		t.Errorf("state %v, want Update", s.State())
	}
	want := Reply{Code: SysTemp, Text: "some deleted messages not removed"}
	if got := s.Settle(Reply{Code: SysTemp}); got != want || s.State() != Closed {
		t.Errorf("reply %v in state %v, want %v in Closed", got, s.State(), want)
	}
}

// A message cut short ends the session: RFC 1939, section 3, knows no way to take
// back an answer.
func TestSentFails(t *testing.T) {
	s := loggedIn(t, ServerConfig{}, []Entry{{UID: "a"}})
	s.Step([]byte("RETR 1"))
	s.Settle(Reply{OK: true})
	s.Sent(errBroken)
	if s.State() != Closed {
		t.Errorf("state %v, want Closed", s.State())
	}
}

// RFC 2449, section 6.4: no code where none was announced; RFC 6856, section
// 3.2: no UTF-8 before LANG.
func TestRepliesFitWhatWasAnnounced(t *testing.T) {
	s := NewServerSession(ServerConfig{Hide: []string{"resp-codes", "USER", "UTF8"}}, true)
	if got := s.Greet(Reply{Code: SysTemp, Text: "zu viel <Last> für uns"}); got.Code != "" || got.Text != "zu viel (Last> f?r uns" {
		t.Errorf("greeting %+v", got)
	}
	s = NewServerSession(ServerConfig{Hide: []string{"resp-codes", "user", "UTF8", "TOP"}, Mechanisms: []string{"PLAIN"}}, true)
	s.Greet(Reply{OK: true})
	for _, line := range []string{"USER a", "UTF8", "TOP 1 1", "STLS", "APOP a b", "LANG"} {
		e, ok := s.Step([]byte(line)).(*Refused)
		if !ok {
			t.Fatalf("%s is not refused", line)
		}
		s.Settle(e.Reply)
	}
	s.Settle(s.Step([]byte("CAPA")).(*Answer).Reply)
	got, _ := s.AppendLines(nil)
	if want := "UIDL\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n"; string(got) != want {
		t.Errorf("CAPA gives %q, want %q", got, want)
	}
}

// A maildrop in use says nothing against the client. RFC 2449, section 8.1.2.
func TestOnlyCredentialsCount(t *testing.T) {
	s := NewServerSession(ServerConfig{}, true)
	s.Greet(Reply{OK: true})
	for range 5 {
		login(s)
		s.Settle(Reply{Code: InUse})
	}
	for i := range 3 {
		if s.State() != Authorization {
			t.Fatalf("closed after %d failures", i)
		}
		login(s)
		s.Settle(Reply{Code: BadCredentials})
	}
	if s.State() != Closed {
		t.Errorf("state %v after three failures", s.State())
	}
}

// The policy of a user who did not get in is not that of the next. RFC 2449,
// section 6.5.
func TestPolicyIsOfOneLogin(t *testing.T) {
	server := Period{Set: true, N: 900, PerUser: true}
	s := NewServerSession(ServerConfig{Delay: server}, true)
	s.Greet(Reply{OK: true})
	for _, fail := range []func(){
		func() { s.Settle(Reply{Code: InUse}) },
		func() { s.Open([]Entry{{UID: ""}}, Reply{OK: true}) },
	} {
		login(s)
		s.SetPolicy(Period{Set: true, N: 1}, Period{})
		fail()
	}
	login(s)
	if _, err := s.Open(nil, Reply{OK: true}); err != nil {
		t.Fatal(err)
	}
	s.Settle(s.Step([]byte("CAPA")).(*Answer).Reply)
	if got, _ := s.AppendLines(nil); !strings.Contains(string(got), "LOGIN-DELAY 900\r\n") {
		t.Errorf("CAPA gives %q", got)
	}
}

// Only the marked state of TLS survives STLS. RFC 2595, section 4.
func TestTLSDoneForgets(t *testing.T) {
	c := ServerConfig{StartTLS: true, Cleartext: true, Stamp: stamp, Mechanisms: []string{"PLAIN"}, Languages: []Language{{Tag: "en"}}}
	s := NewServerSession(c, false)
	s.Greet(Reply{OK: true})
	s.Settle(s.Step([]byte("USER vic")).(*Answer).Reply)
	s.Step([]byte("LANG en"))
	s.Settle(Reply{OK: true})
	s.Step([]byte("STLS"))
	s.Settle(Reply{OK: true})
	s.TLSDone()
	c.Stamp = ""
	want := &ServerSession{Config: c, state: Authorization, tls: true, heard: true}
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(ServerSession{}), cmpopts.IgnoreTypes(events{}, maildrop{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Misuse by a driver panics; nothing that a client says does.
func TestMisusePanics(t *testing.T) {
	tests := []struct {
		name string
		do   func(s *ServerSession)
	}{
		{"two steps", func(s *ServerSession) { s.Step([]byte("NOOP")); s.Step([]byte("NOOP")) }},
		{"settle of nothing", func(s *ServerSession) { s.Settle(Reply{}) }},
		{"open of nothing", func(s *ServerSession) { s.Open(nil, Reply{OK: true}) }},
		{"login settled as a success", func(s *ServerSession) { login(s); s.Settle(Reply{OK: true}) }},
		{"challenge for PASS", func(s *ServerSession) { login(s); s.Challenge(nil, nil) }},
		{"body not taken", func(s *ServerSession) {
			s.Settle(s.Step([]byte("CAPA")).(*Answer).Reply)
			s.Step([]byte("NOOP"))
		}},
		{"no body", func(s *ServerSession) { s.AppendLines(nil) }},
		{"sent of nothing", func(s *ServerSession) { s.Sent(nil) }},
		{"TLS of nothing", func(s *ServerSession) { s.TLSDone() }},
		{"second greeting", func(s *ServerSession) { s.Greet(Reply{OK: true}) }},
		{"step behind the end", func(s *ServerSession) {
			s.Settle(s.Step([]byte("QUIT")).(*Answer).Reply)
			s.Step([]byte("NOOP"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServerSession(ServerConfig{}, true)
			s.Greet(Reply{OK: true})
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			tt.do(s)
		})
	}
}

// Lines with secrets are known as such, before and after. RFC 1939, section 13.
func TestSecret(t *testing.T) {
	s := NewServerSession(ServerConfig{Mechanisms: []string{"PLAIN"}}, true)
	s.Greet(Reply{OK: true})
	login(s)
	if !s.Secret() {
		t.Error("PASS is no secret")
	}
	s.Settle(Reply{})
	s.Step([]byte("AUTH PLAIN"))
	s.Challenge(nil, nil)
	if !s.Secret() {
		t.Error("the line behind a challenge is no secret")
	}
	s.Settle(s.Step([]byte("*")).(*Refused).Reply)
	s.Settle(s.Step([]byte("CAPA")).(*Answer).Reply)
	if s.Secret() {
		t.Error("CAPA is a secret")
	}
	if got := fmt.Sprintf("%v %s %q %+v %#v %x", Password("x"), Password("x"), Password("x"), PassEvent{Password: "x"}, Password("x"), Password("x")); strings.Contains(got, `"x"`) || strings.Contains(got, "78") {
		t.Errorf("a password is printed: %s", got)
	}
}

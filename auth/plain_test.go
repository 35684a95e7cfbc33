package auth

import (
	"context"
	"errors"
	"strings"
	"testing"

	"crypto/tls"
)

// secure stands for a connection with TLS that says nothing else.
func secure() ConnInfo { return ConnInfo{TLS: &tls.ConnectionState{}, Verified: true} }

// checking is a CheckPassword over a map.
func checking(m map[string]Secret) func(context.Context, string, Secret) error {
	return func(_ context.Context, user string, password Secret) error {
		if want, ok := m[user]; !ok || want != password {
			return ErrCredentials
		}
		return nil
	}
}

func TestRFC4616_4_Examples(t *testing.T) {
	a := &Authenticator{Floor: -1, CheckPassword: checking(map[string]Secret{"tim": "tanstaaftanstaaf", "Kurt": "xipj3plmq"})}
	for _, tt := range []struct {
		name, line string
		want       error
	}{
		{"tim", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm", nil},
		{"Kurt as Ursel", "VXJzZWwAS3VydAB4aXBqM3BsbXE=", ErrCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := a.Server("PLAIN", secure())
			if err != nil {
				t.Fatal(err)
			}
			ir, err := ParseOctets([]byte(tt.line), 0)
			if err != nil {
				t.Fatal(err)
			}
			_, done, err := s.Next(t.Context(), ir)
			if !errors.Is(err, tt.want) || done != (tt.want == nil) {
				t.Errorf("Next = %v, %v, want %v", done, err, tt.want)
			}
		})
	}
}

func TestRFC4616_2_Message(t *testing.T) {
	for _, tt := range []struct {
		name, msg string
		want      Question
	}{
		{"no authzid", "\x00tim\x00pw", PasswordQuestion{User: "tim", Password: "pw"}},
		{"authzid", "ann\x00tim\x00pw", PasswordQuestion{User: "tim", Authzid: "ann", Password: "pw"}},
		{"spaces and UTF-8", "\x00t i\u00e9\x00 p w ", PasswordQuestion{User: "t i\u00e9", Password: " p w "}},
		{"authcid of 255 octets", "\x00" + strings.Repeat("a", 255) + "\x00pw", PasswordQuestion{User: strings.Repeat("a", 255), Password: "pw"}},
		{"password of 1024 octets", "\x00tim\x00" + strings.Repeat("p", 1024), PasswordQuestion{User: "tim", Password: Secret(strings.Repeat("p", 1024))}},
		{"empty authcid", "\x00\x00pw", NoQuestion{}},
		{"authzid alone is no user", "ann\x00\x00pw", NoQuestion{}},
		{"empty password", "\x00tim\x00", NoQuestion{}},
		{"third NUL", "\x00tim\x00pw\x00", NoQuestion{}},
		{"NUL in the password", "\x00tim\x00p\x00w", NoQuestion{}},
		{"one NUL", "tim\x00pw", NoQuestion{}},
		{"none", "tim", NoQuestion{}},
		{"empty", "", NoQuestion{}},
		{"authcid of 256 octets", "\x00" + strings.Repeat("a", 256) + "\x00pw", NoQuestion{}},
		{"authzid of 256 octets", strings.Repeat("a", 256) + "\x00tim\x00pw", NoQuestion{}},
		{"password of 1025 octets", "\x00tim\x00" + strings.Repeat("p", 1025), NoQuestion{}},
		{"authcid not UTF-8", "\x00ti\xff\x00pw", NoQuestion{}},
		{"password not UTF-8", "\x00tim\x00p\xc3", NoQuestion{}},
		{"authzid not UTF-8", "\xc3\x00tim\x00pw", NoQuestion{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewPlainServer()
			if got := s.Step([]byte(tt.msg)); got != tt.want {
				t.Errorf("asks %#v, want %#v", got, tt.want)
			}
			o := s.Settle(Answer{})
			if _, refused := tt.want.(NoQuestion); refused != matches(o.Err, errSyntax) || o.Done == refused {
				t.Errorf("Outcome %+v", o)
			}
		})
	}
}

func TestRFC4616_2_NoInitialResponse(t *testing.T) {
	s := NewPlainServer()
	wantTurn(t, s, nil, NoQuestion{}, Answer{}, Outcome{Send: []byte{}})
	id := Identity{Authcid: "tim", Authzid: "tim", Mechanism: "PLAIN"}
	wantTurn(t, s, []byte("\x00tim\x00pw"), PasswordQuestion{User: "tim", Password: "pw"}, Answer{}, Outcome{Done: true, Identity: id})
}

func TestRFC4616_2_Client(t *testing.T) {
	for _, tt := range []struct {
		name, user, authzid string
		password            Secret
		want                string
	}{
		{"user", "tim", "", "pw", "\x00tim\x00pw"},
		{"authzid", "tim", "ann", "pw", "ann\x00tim\x00pw"},
		{"authzid equal to the user is sent", "tim", "tim", "pw", "tim\x00tim\x00pw"},
		{"NUL in the user", "t\x00im", "", "pw", ""},
		{"NUL in the password", "tim", "", "p\x00w", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewPlainClient(tt.user, tt.authzid, tt.password)
			if err := c.Finish(); !errors.Is(err, ErrUnproven) {
				t.Errorf("Finish before the start = %v", err)
			}
			c.Step(nil)
			o := c.Settle(Answer{})
			if string(o.Send) != tt.want || (o.Err == nil) != (tt.want != "") {
				t.Errorf("Outcome %q, %v, want %q", o.Send, o.Err, tt.want)
			}
			if err := c.Finish(); (err == nil) != (tt.want != "") {
				t.Errorf("Finish = %v", err)
			}
			c.Step([]byte("again"))
			if o := c.Settle(Answer{}); o.Send != nil || o.Err == nil {
				t.Errorf("a challenge draws %q, %v", o.Send, o.Err)
			}
		})
	}
}

func TestLoginServer(t *testing.T) {
	id := Identity{Authcid: "tim", Authzid: "tim", Mechanism: "LOGIN"}
	prompt := Outcome{Send: []byte("Username:")}
	secret := Outcome{Send: []byte("Password:")}
	question := PasswordQuestion{User: "tim", Password: "pw"}
	t.Run("prompted", func(t *testing.T) {
		s := NewLoginServer()
		wantTurn(t, s, nil, NoQuestion{}, Answer{}, prompt)
		wantTurn(t, s, []byte("tim"), NoQuestion{}, Answer{}, secret)
		wantTurn(t, s, []byte("pw"), question, Answer{}, Outcome{Done: true, Identity: id})
	})
	t.Run("initial response", func(t *testing.T) {
		s := NewLoginServer()
		wantTurn(t, s, []byte("tim"), NoQuestion{}, Answer{}, secret)
		wantTurn(t, s, []byte("pw"), question, Answer{Err: ErrCredentials}, Outcome{Err: ErrCredentials})
	})
	for _, bad := range [][]string{{""}, {"a\xff"}, {"a\x00b"}, {"tim", ""}, {"tim", "p\x00w"}, {strings.Repeat("a", 256)}, {"tim", strings.Repeat("p", 1025)}} {
		t.Run(strings.Join(bad, ","), func(t *testing.T) {
			s := NewLoginServer()
			var o Outcome
			for _, msg := range bad {
				s.Step([]byte(msg))
				o = s.Settle(Answer{})
			}
			if !matches(o.Err, errSyntax) {
				t.Errorf("Outcome %+v", o)
			}
		})
	}
}

// Prompts differ from server to server; only their number counts.
func TestLoginClient(t *testing.T) {
	for _, prompts := range [][2]string{{"Username:", "Password:"}, {"User Name\x00", "Password\x00"}, {"", ""}, {"Password:", "Username:"}} {
		c := NewLoginClient("tim", "pw")
		wantTurn(t, c, nil, NoQuestion{}, Answer{}, Outcome{})
		wantTurn(t, c, []byte(prompts[0]), NoQuestion{}, Answer{}, Outcome{Send: []byte("tim")})
		if err := c.Finish(); !errors.Is(err, ErrUnproven) {
			t.Errorf("Finish after the user name alone = %v", err)
		}
		wantTurn(t, c, []byte(prompts[1]), NoQuestion{}, Answer{}, Outcome{Send: []byte("pw")})
		if err := c.Finish(); err != nil {
			t.Errorf("Finish = %v", err)
		}
		c.Step([]byte("Third:"))
		if o := c.Settle(Answer{}); o.Send != nil || !matches(o.Err, errSyntax) {
			t.Errorf("third challenge: %+v", o)
		}
	}
}

package auth

import (
	"errors"
	"testing"
)

// The rules that all exchanges share.

func TestExchangeOrder(t *testing.T) {
	for name, misuse := range map[string]func(Exchange){
		"Step twice":             func(x Exchange) { x.Step(nil); x.Step(nil) },
		"Settle first":           func(x Exchange) { x.Settle(Answer{}) },
		"Settle twice":           func(x Exchange) { x.Step(nil); x.Settle(Answer{}); x.Settle(Answer{}) },
		"Step twice, at the end": func(x Exchange) { x.Step([]byte("x")); x.Settle(Answer{}); x.Step(nil); x.Step(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse(NewPlainServer())
		})
	}
}

func TestExchangeEnd(t *testing.T) {
	t.Run("after success", func(t *testing.T) {
		s := NewPlainServer()
		s.Step([]byte("\x00tim\x00pw"))
		if o := s.Settle(Answer{}); !o.Done {
			t.Fatalf("%+v", o)
		}
		s.Step([]byte("\x00tim\x00pw"))
		if o := s.Settle(Answer{}); o.Done || !errors.Is(o.Err, errOver) || o.Identity != (Identity{}) {
			t.Errorf("%+v", o)
		}
	})
	t.Run("an answer that is ignored by its mechanism", func(t *testing.T) {
		s := NewAnonymousServer()
		s.Step([]byte("sirhc"))
		wantOutcome(t, s.Settle(Answer{Err: ErrTemporary}), Outcome{Err: ErrTemporary})
	})
	t.Run("too long", func(t *testing.T) {
		s := NewExternalServer()
		s.Step(make([]byte, maxMessage+1))
		if o := s.Settle(Answer{}); !matches(o.Err, errSyntax) {
			t.Errorf("%+v", o)
		}
	})
	t.Run("too many rounds", func(t *testing.T) {
		x := &endless{}
		x.run = x
		var o Outcome
		for range maxRounds {
			x.Step(nil)
			if o = x.Settle(Answer{}); o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		x.Step(nil)
		if o = x.Settle(Answer{}); !matches(o.Err, errSyntax) {
			t.Errorf("%+v", o)
		}
	})
}

// endless is a mechanism without an end.
type endless struct{ exchange }

func (*endless) Mechanism() string               { return "X-ENDLESS" }
func (*endless) step([]byte) (Question, Outcome) { return send([]byte("more")) }
func (*endless) settle(Answer) Outcome           { return Outcome{} }

func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&ScramError{"other-error"}, `auth: SCRAM refused: "other-error"`},
		{&ScramError{"\x1b[2J\u202e"}, `auth: SCRAM refused: "\x1b[2J\u202e"`},
		{&SyntaxError{"PLAIN", 3, "NUL", ""}, "auth: PLAIN message, offset 3: want NUL"},
		{&SyntaxError{"X", 0, "a", sample("b\n")}, `auth: X message, offset 0: want a, got "b\n"`},
		{&OAuthError{}, "auth: token refused, and no reason given"},
		{&OAuthError{Status: "invalid_token", Scope: "\r\n"}, `auth: token refused: "invalid_token", scope "\r\n"`},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	if got := sample(string(make([]byte, 1000))); len(got) > 200 {
		t.Errorf("a sample of %d octets", len(got))
	}
}

package smtp_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

// RFC 4954, sections 4 and 6. Case AUTH-78.
func TestRFC4954_4_Auth(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	hello := turn{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "250 SIZE 52428800", "250-SIZE 52428800|250 AUTH PLAIN LOGIN", 1), smtp.Ready}
	const done, failed = "235 2.7.0 authenticated", "535 5.7.8 bad credentials"
	tests := []struct {
		name   string
		config smtp.ServerConfig
		turns  []turn
	}{
		{"initial response", smtp.ServerConfig{}, []turn{
			{"auth plain " + b64([]byte("\x00me\x00pw")), `AUTH PLAIN "\x00me\x00pw"`, "235 2.7.0 welcome", "235 2.7.0 welcome", smtp.Ready},
			{"AUTH PLAIN =", "refused", "", "503 5.5.1 authenticated already", smtp.Ready},
			mail,
		}},
		{"no response is nil, = is empty, and an empty line is empty", smtp.ServerConfig{}, []turn{
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 VXNlcm5hbWU6", "334 VXNlcm5hbWU6", smtp.Authing},
			{"", `AUTH LOGIN ""`, failed, failed, smtp.Ready},
			{"AUTH LOGIN =", `AUTH LOGIN ""`, failed, failed, smtp.Ready},
		}},
		{"an exchange", smtp.ServerConfig{}, []turn{
			{"AUTH LOGIN ", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},
			{b64([]byte("me")), `AUTH LOGIN "me"`, "334 UGFzc3dvcmQ6", "334 UGFzc3dvcmQ6", smtp.Authing},
			{b64([]byte("pw")), `AUTH LOGIN "pw"`, "", done, smtp.Ready},
		}},
		{"= is no response within", smtp.ServerConfig{}, []turn{
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},
			{"=", "refused", "", "501 5.5.2 bad base64", smtp.Ready},
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},
		}},
		{"cancelled", smtp.ServerConfig{}, []turn{
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},
			{"*", "refused", "", "501 5.7.0 authentication cancelled", smtp.Ready},
			{"AUTH LOGIN *", "refused", "", "501 5.5.2 bad base64", smtp.Ready},
			{"*", "refused", "", "500 5.5.2 command not recognized", smtp.Ready},
		}},
		{"bad base64", smtp.ServerConfig{Limits: smtp.Limits{Errors: 99}}, []turn{
			{"AUTH PLAIN !", "refused", "", "501 5.5.2 bad base64", smtp.Ready},
			{"AUTH PLAIN AAA", "refused", "", "501 5.5.2 bad base64", smtp.Ready},       // no padding
			{"AUTH PLAIN AAAA AAAA", "refused", "", "501 5.5.2 bad base64", smtp.Ready}, // space
			{"AUTH PLAIN AAF=", "refused", "", "501 5.5.2 bad base64", smtp.Ready},      // unused bits
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},              //
			{"QUI", "refused", "", "501 5.5.2 bad base64", smtp.Ready},                  // no command
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},              //
			{bareLF, "refused", "", "501 5.5.2 bad base64", smtp.Ready},                 //
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},              //
			{"QUIT", `AUTH LOGIN "AB\x13"`, failed, failed, smtp.Ready},                 // a response, whatever it looks like
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},              //
			{tooLong, "refused", "", "500 5.5.6 response too long", smtp.Ready},         //
			{"AUTH LOGIN", "AUTH LOGIN nil", "334 ", "334 ", smtp.Authing},              //
			{endless, "refused close", "", "421 4.7.0 line without end", smtp.Closed},   //
		}},
		{"unknown mechanism", smtp.ServerConfig{}, []turn{
			{"AUTH CRAM-MD5", "refused", "", "504 5.5.4 mechanism not offered", smtp.Ready},
			{"AUTH", "refused", "", "501 5.5.4 AUTH needs a mechanism", smtp.Ready},
			{"AUTH  PLAIN", "refused", "", "501 5.5.4 AUTH needs a mechanism", smtp.Ready},
			{"AUTH PLAINX", "refused", "", "504 5.5.4 mechanism not offered", smtp.Ready},
		}},
		{"only a success authenticates", smtp.ServerConfig{AuthRequired: true}, []turn{
			{"AUTH PLAIN =", `AUTH PLAIN ""`, "354 x", "451 4.3.0 local error", smtp.Ready},
			{"MAIL FROM:<a@d>", "refused", "", "530 5.7.0 authentication required", smtp.Ready},
			{"AUTH PLAIN =", `AUTH PLAIN ""`, failed, failed, smtp.Ready},
			{"MAIL FROM:<a@d>", "refused", "", "530 5.7.0 authentication required", smtp.Ready},
			{"AUTH PLAIN =", `AUTH PLAIN ""`, "", done, smtp.Ready},
			mail,
		}},
		{"in a transaction", smtp.ServerConfig{}, []turn{
			mail,
			{"AUTH PLAIN =", "refused", "", "503 5.5.1 not inside a transaction", smtp.Mailing},
		}},
		{"AUTH survives RSET and EHLO", smtp.ServerConfig{AuthRequired: true}, []turn{
			{"AUTH PLAIN =", `AUTH PLAIN ""`, "", done, smtp.Ready},
			{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Ready},
			hello, mail,
		}},
		{"RFC 4954, section 5: AUTH= from whoever", smtp.ServerConfig{}, []turn{
			{"MAIL FROM:<a@d> AUTH=<>", "MAIL a@d", "", "250 2.1.0 sender OK", smtp.Mailing},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Hostname, tt.config.Mechanisms = "mx", []string{"PLAIN", "LOGIN"}
			play(t, newSession(tt.config), append([]turn{hello}, tt.turns...))
		})
	}
}

func TestAuthNotHere(t *testing.T) {
	play(t, newSession(smtp.ServerConfig{Hostname: "mx"}), []turn{
		ehlo, {"AUTH PLAIN =", "refused", "", "502 5.5.1 command not offered", smtp.Ready},
		{"MAIL FROM:<a@d> AUTH=<>", "refused", "", "555 5.5.4 parameter not recognized or not offered", smtp.Ready},
	})
	play(t, newSession(smtp.ServerConfig{Hostname: "mx", Mechanisms: []string{"PLAIN"}, AuthAfterTLS: true}), []turn{
		ehlo, {"AUTH PLAIN =", "refused", "", "538 5.7.11 send STARTTLS first", smtp.Ready},
		{"AUTH FOO =", "refused", "", "538 5.7.11 send STARTTLS first", smtp.Ready},
	})
	play(t, newSession(smtp.ServerConfig{Hostname: "mx", Mechanisms: []string{"PLAIN"}}), []turn{
		{"AUTH PLAIN =", "refused", "", "503 5.5.1 send EHLO first", smtp.Greeted},
		{"HELO c", "HELO c", "", "250 mx", smtp.Ready},
		{"AUTH PLAIN =", "refused", "", "503 5.5.1 send EHLO first", smtp.Ready},
	})
}

// RFC 4954, section 4: lines of 12288 octets work, within the exchange.
func TestRFC4954_4_LineLimit(t *testing.T) {
	s := inState(t, smtp.Authing, smtp.SMTP)
	if got := s.LineLimit(); got != 12288+2 {
		t.Errorf("LineLimit() = %d", got)
	}
	e := s.Step(bytes.Repeat([]byte("AAAA"), 12288/4))
	if a, ok := e.(*smtp.AuthEvent); !ok || len(a.Response) != 12288/4*3 {
		t.Errorf("event %s", showEvent(e)[:20])
	}
	s.Settle(smtp.Reply{Code: 235})
	if got := s.LineLimit(); got != 2048 {
		t.Errorf("then LineLimit() = %d", got)
	}
}

// Secret is true of each line that holds credentials, before and after it.
func TestSecret(t *testing.T) {
	s := newSession(smtp.ServerConfig{Mechanisms: []string{"LOGIN"}, StartTLS: true})
	check := func(when string, want bool) {
		t.Helper()
		if got := s.Secret(); got != want {
			t.Errorf("%s: Secret() = %v", when, got)
		}
	}
	check("at first", false)
	s.Step([]byte("EHLO c"))
	check("EHLO", false)
	s.Settle(smtp.Reply{Code: 250})
	s.Step([]byte("AUTH LOGIN bWU="))
	check("AUTH with a response", true)
	s.Settle(smtp.Challenge(nil))
	check("before a response", true)
	s.Step([]byte("cHc="))
	check("behind a response", true)
	s.Settle(smtp.Reply{Code: 535})
	s.Step([]byte("NOOP"))
	check("NOOP behind a failure", false)
	s.Settle(smtp.Reply{Code: 250})
	s.Step([]byte("AUTH LOGIN"))
	s.Settle(smtp.Challenge(nil))
	s.BadLine(smtp.ErrLineTooLong)
	check("a response too long", true)
	s.Settle(smtp.Reply{})
	s.Step([]byte("AUTH FOO c2VjcmV0"))
	check("a mechanism that is not offered", true)
}

// The response is wiped as soon as it has been looked at.
func TestResponseIsWiped(t *testing.T) {
	secret := []byte("\x00me\x00password")
	line := []byte("AUTH LOGIN " + base64.StdEncoding.EncodeToString(secret))
	for _, how := range []string{"settled", "refused", "challenged", "failed"} {
		s := inState(t, smtp.Ready, smtp.SMTP)
		e := s.Step(line).(*smtp.AuthEvent)
		response := e.Response
		if !bytes.Equal(response, secret) {
			t.Fatalf("response %q", response)
		}
		switch how {
		case "settled":
			s.Settle(smtp.Reply{Code: 235})
		case "refused":
			s.Settle(smtp.Reply{Code: 535})
		case "challenged":
			s.Settle(smtp.Challenge(nil))
		case "failed":
			s.Fail(nil)
		}
		if bytes.Contains(response, []byte("password")) {
			t.Errorf("%s: the response is still there: %q", how, response)
		}
	}
}

package smtp_test

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

// The order of commands, written independently of state.go: for each state what
// each verb draws at once. "ask" is an event for the application, "-" a panic.
// Inside AUTH there are no verbs: what is asked there is what a response of so
// many letters means, since without an argument they are good base64.
// RFC 5321, section 4.1.4; RFC 3207, section 4; RFC 4954, section 4; RFC 3030, section 2.
const order = `
            HELO EHLO LHLO MAIL RCPT DATA BDAT RSET VRFY EXPN HELP NOOP QUIT STARTTLS AUTH ETRN XFOO XCLIENT
Connected   -    -    -    -    -    -    -    -    -    -    -    -    -    -        -    -    -    -
Turned      503  503  503  503  503  503  503  503  503  503  503  503  ask  503      503  503  503  503
Greeted     ask  ask  500  503  503  503  503  ask  ask  ask  ask  ask  ask  ask      503  ask  ask  ask
Ready       ask  ask  500  ask  503  503  503  ask  ask  ask  ask  ask  ask  ask      ask  ask  ask  ask
Mailing     ask  ask  500  503  ask  503  503  ask  ask  ask  ask  ask  ask  503      503  ask  ask  503
Addressed   ask  ask  500  503  ask  ask  ask  ask  ask  ask  ask  ask  ask  503      503  ask  ask  503
Receiving   -    -    -    -    -    -    -    -    -    -    -    -    -    -        -    -    -    -
Chunking    ask  ask  500  503  503  503  ask  ask  ask  ask  ask  ask  ask  503      503  ask  ask  503
Failed      ask  ask  500  503  503  503  503  ask  ask  ask  ask  ask  ask  503      503  ask  ask  503
Authing     501  501  501  501  501  ask  501  ask  501  501  ask  ask  ask  ask      501  501  ask  501
Upgrading   -    -    -    -    -    -    -    -    -    -    -    -    -    -        -    -    -    -
Closed      -    -    -    -    -    -    -    -    -    -    -    -    -    -        -    -    -    -
`

var argumentOf = map[string]string{
	"HELO": " c", "EHLO": " c", "LHLO": " c", "MAIL": " FROM:<a@d>", "RCPT": " TO:<b@d>", "BDAT": " 3", "VRFY": " x", "EXPN": " x", "AUTH": " LOGIN", "ETRN": " d", "XCLIENT": " ADDR=192.0.2.1",
}

// inState returns a session in that state, which it reached by the front door.
func inState(t *testing.T, want smtp.State, protocol smtp.Protocol) *smtp.ServerSession {
	t.Helper()
	s := &smtp.ServerSession{Config: smtp.ServerConfig{Protocol: protocol, StartTLS: true, Mechanisms: []string{"LOGIN"}, Offer: smtp.Offer{ETRN: true, XClient: true}}}
	if want == smtp.Connected {
		return s
	}
	greeting := 220
	if want == smtp.Turned {
		greeting = 554
	}
	s.Greet(smtp.Reply{Code: greeting})
	hello := "EHLO c"
	if protocol == smtp.LMTP {
		hello = "LHLO c"
	}
	addressed := []string{hello, "MAIL FROM:<a@d>", "RCPT TO:<b@d>"}
	lines := map[smtp.State][]string{
		smtp.Ready: {hello}, smtp.Mailing: addressed[:2], smtp.Addressed: addressed, smtp.Receiving: append(addressed, "DATA"),
		smtp.Chunking: append(addressed, "BDAT 1"), smtp.Failed: append(addressed, "BDAT 1"),
		smtp.Authing: {hello, "AUTH LOGIN"}, smtp.Upgrading: {"STARTTLS"}, smtp.Closed: {"QUIT"},
	}[want]
	for _, line := range lines {
		v := smtp.Reply{Code: 250}
		if _, isChunk := s.Step([]byte(line)).(*smtp.ChunkEvent); isChunk {
			s.Received(nil)
		}
		switch want {
		case smtp.Failed:
			if strings.HasPrefix(line, "BDAT") {
				v.Code = 451
			}
		case smtp.Authing:
			if strings.HasPrefix(line, "AUTH") {
				v = smtp.Challenge([]byte("Username:"))
			}
		}
		s.Settle(v)
	}
	if s.State() != want {
		t.Fatalf("the way to %v leads to %v", want, s.State())
	}
	return s
}

func TestRFC5321_4_1_4_Order(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(order), "\n")
	verbs := strings.Fields(rows[0])
	for i, row := range rows[1:] {
		cells := strings.Fields(row)
		state := smtp.State(i)
		if cells[0] != state.String() || len(cells) != len(verbs)+1 {
			t.Fatalf("row %d is %q, want %v", i, row, state)
		}
		for j, verb := range verbs {
			for _, protocol := range []smtp.Protocol{smtp.SMTP, smtp.LMTP} {
				want := cells[j+1]
				if protocol == smtp.LMTP && want != "-" && state != smtp.Turned && state != smtp.Authing { // RFC 2033, section 4.1
					switch verb {
					case "HELO", "EHLO":
						want = "500"
					case "LHLO":
						want = "ask"
					}
				}
				t.Run(state.String()+"/"+verb+"/"+protocol.String(), func(t *testing.T) {
					checkOrder(t, inState(t, state, protocol), verb+argumentOf[verb], want)
				})
			}
		}
	}
}

// checkOrder gives the line, and asserts what it draws; and that what is refused
// leaves the state.
func checkOrder(t *testing.T, s *smtp.ServerSession, line, want string) {
	t.Helper()
	before := s.State()
	var e smtp.Event
	if mustPanic(func() { e = s.Step([]byte(line)) }) {
		if want != "-" {
			t.Errorf("panic, want %s", want)
		}
		return
	}
	r, refused := e.(*smtp.Refused)
	got := "ask"
	if refused {
		got = r.Reply.String()[:3]
	}
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !refused {
		return
	}
	if strings.HasPrefix(line, "BDAT") && before != smtp.Authing && r.Skip != 3 {
		t.Errorf("Skip is %d, want 3", r.Skip)
	}
	after := before
	if before == smtp.Authing {
		after = smtp.Ready // the exchange is over
	}
	if reply := s.Settle(r.Reply); reply.Code != r.Reply.Code || s.State() != after {
		t.Errorf("settled with %v in state %v, want %v", reply, s.State(), after)
	}
}

// A verdict that is negative leaves the state, whatever was asked.
func TestRefusalsLeaveTheState(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(order), "\n")
	for i := range rows[1:] {
		state := smtp.State(i)
		if state == smtp.Authing { // a refusal ends the exchange
			continue
		}
		for verb := range strings.FieldsSeq(rows[0]) {
			s := inState(t, state, smtp.SMTP)
			var e smtp.Event
			if mustPanic(func() { e = s.Step([]byte(verb + argumentOf[verb])) }) {
				continue
			}
			switch e.(type) {
			case *smtp.Refused, *smtp.ChunkEvent, *smtp.ResetEvent, *smtp.QuitEvent, *smtp.XClientEvent: // the last is a greeting
				continue
			}
			for _, code := range []int{450, 550} {
				s := inState(t, state, smtp.SMTP)
				s.Step([]byte(verb + argumentOf[verb]))
				if s.Settle(smtp.Reply{Code: code}); s.State() != state {
					t.Errorf("%s refused with %d leads from %v to %v", verb, code, state, s.State())
				}
			}
			s = inState(t, state, smtp.SMTP)
			s.Step([]byte(verb + argumentOf[verb]))
			if s.Settle(smtp.Reply{Code: 421}); s.State() != smtp.Closed {
				t.Errorf("%s settled with 421 leads from %v to %v", verb, state, s.State())
			}
		}
	}
}

func TestStateInTransaction(t *testing.T) {
	for s := smtp.Connected; s <= smtp.Closed; s++ {
		want := s == smtp.Mailing || s == smtp.Addressed || s == smtp.Receiving || s == smtp.Chunking || s == smtp.Failed
		if got := s.InTransaction(); got != want {
			t.Errorf("%v: %v", s, got)
		}
	}
}

func TestStringsOutOfRange(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{smtp.State(77).String(), "State(77)"},
		{smtp.Protocol(77).String(), "Protocol(77)"},
		{smtp.LineEnds(77).String(), "LineEnds(77)"},
		{smtp.Verb(77).String(), "unknown"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// A password stays out of the log, also where the command cannot be read.
func TestSecretOfUnreadableAuth(t *testing.T) {
	s := inState(t, smtp.Ready, smtp.SMTP)
	s.Step([]byte("auth\tPLAIN secret"))
	if !s.Secret() {
		t.Error("the line may be logged")
	}
}

// RCPTDOMAINMAX counts the domains of accepted recipients over a whole session.
func TestRcptDomains(t *testing.T) {
	s := &smtp.ServerSession{Config: smtp.ServerConfig{Offer: smtp.Offer{Limits: true}, Limits: smtp.Limits{RcptDomains: 2}}}
	s.Greet(smtp.Reply{Code: 220})
	step := func(line, verdict, want string) {
		t.Helper()
		e := s.Step([]byte(line))
		v := smtp.Reply{Code: 250}
		if verdict == "no" {
			v = smtp.Reply{Code: 550}
		}
		if r, refused := e.(*smtp.Refused); refused {
			v = r.Reply
		}
		if got := s.Settle(v).String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s drew %q, want %q", line, got, want)
		}
	}
	e := s.Step([]byte("EHLO c"))
	if _, is := e.(*smtp.HelloEvent); !is {
		t.Fatalf("%T", e)
	}
	if got := s.Settle(smtp.Reply{Code: 250}).Text; !strings.Contains(got, "\nLIMITS RCPTMAX=1000 RCPTDOMAINMAX=2") {
		t.Errorf("EHLO drew %q", got)
	}
	step("MAIL FROM:<>", "", "250")
	step("RCPT TO:<a@one.example>", "", "250")
	step("RCPT TO:<a@refused.example>", "no", "550")
	step("RCPT TO:<b@ONE.example>", "", "250")
	step("RCPT TO:<a@two.example>", "", "250")
	step("RCPT TO:<a@three.example>", "", "452 4.5.3 too many domains")
	step("RSET", "", "250")
	step("MAIL FROM:<>", "", "250")
	step("RCPT TO:<a@three.example>", "", "452 4.5.3 too many domains")
	step("RCPT TO:<a@two.example>", "", "250")
}

package smtp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dialogue drives a ClientSession by a script of lines:
//
//	C MAIL FROM:<a@b.example>   a command, made by the method that it names
//	C! DATA                     the same, which must be refused with ErrSequence
//	S 250 OK                    a reply, and behind " => " what Step makes of it
func dialogue(t *testing.T, s *ClientSession, script string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "C", "C!":
			got, err := command(s, rest)
			if (err == ErrSequence) != (kind == "C!") || kind == "C" && err != nil {
				t.Fatalf("%s: error %v", line, err)
			}
			if want := rest + "\r\n"; kind == "C" && string(got) != want {
				t.Fatalf("%s: wrote %q", line, got)
			}
		case "S":
			raw, want, _ := strings.Cut(rest, " => ")
			r, err := ParseReply([]byte(strings.ReplaceAll(raw, `\n`, "\r\n") + "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			o, err := s.Step(r)
			if got := describe(o, err); want != "" && got != want {
				t.Fatalf("%s: got %s", line, got)
			}
		case "":
		case "sent":
			s.ContentSent()
		case "tls":
			s.TLSDone()
		default:
			if got := s.State().String(); got != kind {
				t.Fatalf("state %s, want %s", got, kind)
			}
		}
	}
}

func describe(o Outcome, err error) string {
	if err != nil {
		return err.Error()
	}
	d := o.Verb.String()
	if o.Content {
		d += " content"
	}
	if o.Index >= 0 {
		d += fmt.Sprintf(" %d", o.Index)
	}
	if o.Next != Wait {
		d += " " + o.Next.String()
	}
	return d
}

// everyExtension reads all parameters.
var everyExtension = ParseExtensions(Reply{Code: 250, Text: "x\nSIZE\nDSN\n8BITMIME\nSMTPUTF8"})

// command calls the method for a line.
func command(s *ClientSession, line string) ([]byte, error) {
	name, arg, _ := strings.Cut(line, " ")
	switch name {
	case "EHLO", "HELO", "LHLO":
		return s.Hello(nil, ParseVerb([]byte(name)), arg)
	case "STARTTLS":
		return s.StartTLS(nil)
	case "MAIL":
		from, o, err := ParseMail([]byte(arg), &everyExtension)
		if err != nil {
			return nil, err
		}
		return s.Mail(nil, from, &o)
	case "RCPT":
		to, o, err := ParseRcpt([]byte(arg), &everyExtension)
		if err != nil {
			return nil, err
		}
		return s.Rcpt(nil, to, &o)
	case "DATA":
		return s.Data(nil)
	case "BDAT":
		var n int64
		var last string
		fmt.Sscan(arg, &n, &last)
		return s.Bdat(nil, n, last == "LAST")
	}
	return s.Command(nil, name, arg)
}

const greetEHLO = `
	S 220 mx.example => unknown
	Greeted
	C EHLO me.example
	S 250-mx.example\n250-PIPELINING\n250-8BITMIME\n250-CHUNKING\n250-STARTTLS\n250 SIZE => EHLO
	Ready
`

const greetLHLO = `
	S 220 mx.example
	C LHLO me.example
	S 250-mx.example\n250-PIPELINING\n250 CHUNKING
`

func TestClientSession(t *testing.T) {
	tests := []struct {
		name   string
		proto  Protocol
		script string
	}{
		{"RFC 2920, section 3.1: a group ends with DATA", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C RCPT TO:<c@x.example>
			C DATA
			C! QUIT
			S 250 OK => MAIL
			S 250 OK => RCPT 0
			S 550 no => RCPT 1
			S 354 go => DATA SendContent
			C! RSET
			sent
			C! MAIL FROM:<>
			S 250 OK => DATA content
			Ready
			C MAIL FROM:<>`},
		{"without PIPELINING each command waits", SMTP, `
			S 220 mx.example
			C HELO me.example
			S 250 mx.example
			C MAIL FROM:<a@x.example>
			C! RCPT TO:<b@x.example>
			S 250 OK
			C RCPT TO:<b@x.example>
			C! DATA
			S 250 OK
			C DATA
			S 354 go => DATA SendContent`},
		{"RFC 2920, section 3.1: 354 without a recipient draws the lone dot", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 250 OK
			S 550 no
			S 354 go => DATA SendLoneDot
			sent
			S 554 none => DATA content
			Ready`},
		{"354 behind a MAIL that was refused", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 550 no
			S 250 OK
			S 354 go => DATA SendLoneDot`},
		{"DATA refused: RSET is needed", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 250 OK
			S 550 no
			S 503 no => DATA
			Failed
			C! MAIL FROM:<>
			C RSET
			C MAIL FROM:<>
			S 250 OK
			S 250 OK
			Mailing`},
		{"MAIL refused: nothing is left to reset", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 550 no
			S 503 no
			S 503 no
			Ready`},
		{"RFC 5321, section 4.5.3.1.10: 552 to RCPT", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			S 250 OK
			S 552 5.5.3 too many => RCPT 0`},
		{"replies of a transaction that was reset do not count", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C RSET
			C MAIL FROM:<a@x.example>
			C RCPT TO:<c@x.example>
			C DATA
			S 250 OK
			S 250 OK
			S 250 OK => RSET
			S 250 OK
			S 550 no => RCPT 0
			S 354 go => DATA SendLoneDot`},
		{"RFC 5321, section 3.1: behind 554 only QUIT", SMTP, `
			S 554 no service
			Turned
			C! EHLO me.example
			C QUIT
			S 221 bye => QUIT
			Closed`},
		{"RFC 5321, section 3.8: 421 retires", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			S 421 bye => MAIL Retire
			Closed
			C! QUIT`},
		{"421 that nothing asked for", SMTP, greetEHLO + `
			S 421 bye => unknown Retire
			Closed`},
		{"a reply that nothing asked for", SMTP, greetEHLO + `
			S 250 OK => smtp: a reply that nothing was asked for
			Closed`},
		{"250 to DATA", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 250 OK
			S 250 OK
			S 250 OK => smtp: a reply that cannot answer this command`},
		{"354 to MAIL", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			S 354 OK => smtp: a reply that cannot answer this command`},
		{"RFC 3207, section 4.2: TLS forgets the offer", SMTP, greetEHLO + `
			C STARTTLS
			C! EHLO me.example
			S 220 go => STARTTLS BeginTLS
			Upgrading
			tls
			Greeted
			C! MAIL FROM:<>
			C EHLO me.example
			S 250-mx.example\n250 STARTTLS`},
		{"RFC 3030, section 2: chunks in a group", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C BDAT 5
			C BDAT 0 LAST
			C! RSET
			S 250 OK
			S 250 OK
			S 250 OK => BDAT
			S 250 OK => BDAT content
			Ready`},
		{"RFC 3030, section 2: a chunk refused is reset", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C BDAT 5
			S 250 OK
			S 250 OK
			S 552 too big => BDAT
			Failed
			C! BDAT 0 LAST
			C RSET
			S 250 OK
			Ready`},
		{"a last chunk refused is reset, though MAIL was too", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C BDAT 5 LAST
			S 550 no
			S 503 no
			S 503 no => BDAT content
			Failed`},
		{"DATA behind BDAT", SMTP, greetEHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C BDAT 5
			C! DATA`},
		{"RFC 2033, section 4.2: a reply for each accepted recipient", LMTP, greetLHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C RCPT TO:<c@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 250 OK
			S 250 OK
			S 550 no
			S 250 OK
			S 354 go => DATA SendContent
			sent
			S 250 OK => DATA content 0
			Receiving
			S 452 full => DATA content 2
			Ready`},
		{"RFC 2033, section 4.2: behind the last chunk too", LMTP, greetLHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C RCPT TO:<c@x.example>
			C BDAT 3
			C! BDAT 3 LAST
			S 250 OK
			S 250 OK
			S 550 no
			S 250 OK => BDAT
			C BDAT 3 LAST
			S 250 OK => BDAT content 0
			Ready`},
		{"LMTP: 354 without a recipient", LMTP, greetLHLO + `
			C MAIL FROM:<a@x.example>
			C RCPT TO:<b@x.example>
			C DATA
			S 250 OK
			S 550 no
			S 354 go => smtp: a reply that cannot answer this command`},
		{"XCLIENT begins anew", SMTP, `
			S 220 mx.example
			C EHLO me.example
			S 250-mx.example\n250 XCLIENT ADDR
			C XCLIENT ADDR=192.0.2.1
			S 220 mx.example
			Greeted
			C! MAIL FROM:<>`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dialogue(t, &ClientSession{Config: ClientConfig{Protocol: test.proto}}, test.script)
		})
	}
}

func TestClientSession552(t *testing.T) {
	var s ClientSession
	dialogue(t, &s, greetEHLO+"C MAIL FROM:<>\nC RCPT TO:<a@x.example>\nS 250 OK")
	o, _ := s.Step(Reply{552, EnhancedCode{5, 5, 3}, "too many"})
	if want := (Reply{452, EnhancedCode{4, 5, 3}, "too many"}); o.Reply != want {
		t.Errorf("got %v, want %v", o.Reply, want)
	}
	if e, ok := errors.AsType[*ReplyError](o.Err()); !ok || !e.Temporary() || e.Command != RCPT {
		t.Errorf("Err: %v", o.Err())
	}
}

// What cannot be written, or is not offered, leaves no trace.
func TestClientSessionRefuses(t *testing.T) {
	priority := int8(3)
	notOffered := func(k string) error { return &NotOffered{k} }
	tests := []struct {
		name string
		call func(s *ClientSession, dst []byte) ([]byte, error)
		want error // nil: a *SyntaxError
	}{
		{"CR LF in the name", func(s *ClientSession, d []byte) ([]byte, error) { return s.Hello(d, EHLO, "a\r\nMAIL") }, nil},
		{"space in the name", func(s *ClientSession, d []byte) ([]byte, error) { return s.Hello(d, EHLO, "a b") }, nil},
		{"empty name", func(s *ClientSession, d []byte) ([]byte, error) { return s.Hello(d, EHLO, "") }, nil},
		{"name in UTF-8", func(s *ClientSession, d []byte) ([]byte, error) { return s.Hello(d, EHLO, "é.example") }, ErrUTF8},
		{"HELO by another name", func(s *ClientSession, d []byte) ([]byte, error) { return s.Hello(d, QUIT, "a.example") }, ErrSequence},
		{"LHLO in SMTP", func(s *ClientSession, d []byte) ([]byte, error) { return s.Hello(d, LHLO, "a.example") }, notOffered("LHLO")},
		{"bracket in a path", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{"a", "b.example> SIZE=1"}, &MailOptions{})
		}, nil},
		{"control in a path", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{"a\r\nRCPT", "b.example"}, &MailOptions{})
		}, nil},
		{"ENVID with LF", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{}, &MailOptions{EnvID: "a\nb"})
		}, notOffered("ENVID")},
		{"parameter with space", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{}, &MailOptions{Extra: []Param{{"X", "a b", true}}})
		}, nil},
		{"endless parameter", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{}, &MailOptions{Extra: []Param{{"X", strings.Repeat("a", 3000), true}}})
		}, nil},
		{"DSN", func(s *ClientSession, d []byte) ([]byte, error) { return s.Mail(d, Path{}, &MailOptions{Ret: RetFull}) }, notOffered("RET")},
		{"MT-PRIORITY", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{}, &MailOptions{Priority: &priority})
		}, notOffered("MT-PRIORITY")},
		{"SMTPUTF8", func(s *ClientSession, d []byte) ([]byte, error) { return s.Mail(d, Path{}, &MailOptions{UTF8: true}) }, notOffered("SMTPUTF8")},
		{"BINARYMIME", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{}, &MailOptions{Body: BodyBinaryMIME})
		}, notOffered("BINARYMIME")},
		{"UTF-8 path", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Mail(d, Path{"é", "b.example"}, &MailOptions{})
		}, ErrUTF8},
		{"AUTH", func(s *ClientSession, d []byte) ([]byte, error) { return s.Auth(d, "PLAIN", nil) }, notOffered("AUTH")},
		{"ETRN", func(s *ClientSession, d []byte) ([]byte, error) { return s.Command(d, "ETRN", "x.example") }, notOffered("ETRN")},
		{"XCLIENT", func(s *ClientSession, d []byte) ([]byte, error) { return s.Command(d, "XCLIENT", "NAME=a") }, notOffered("XCLIENT")},
		{"MAIL as a command", func(s *ClientSession, d []byte) ([]byte, error) { return s.Command(d, "mail", "FROM:<>") }, nil},
		{"command with space", func(s *ClientSession, d []byte) ([]byte, error) { return s.Command(d, "NOOP x", "") }, nil},
		{"argument with CR", func(s *ClientSession, d []byte) ([]byte, error) { return s.Command(d, "NOOP", "a\rb") }, nil},
		{"RCPT first", func(s *ClientSession, d []byte) ([]byte, error) {
			return s.Rcpt(d, Path{"a", "b.example"}, &RcptOptions{})
		}, ErrSequence},
		{"<> is no recipient", func(s *ClientSession, d []byte) ([]byte, error) { return s.Rcpt(d, Path{}, &RcptOptions{}) }, nil},
		{"a response to no challenge", func(s *ClientSession, d []byte) ([]byte, error) { return s.Respond(d, nil) }, ErrSequence},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s ClientSession
			dialogue(t, &s, greetEHLO)
			got, err := test.call(&s, []byte("before"))
			if string(got) != "before" || s.Pending() != 0 || s.State() != Ready {
				t.Errorf("appended %q, %d replies due, state %v", got, s.Pending(), s.State())
			}
			if _, syntax := errors.AsType[*SyntaxError](err); test.want == nil && !syntax {
				t.Errorf("error %v, want a SyntaxError", err)
			}
			if test.want != nil && err.Error() != test.want.Error() {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestRFC9422_4_Limits(t *testing.T) {
	var s ClientSession
	dialogue(t, &s, `S 220 mx
		C EHLO me.example
		S 250-mx\n250-PIPELINING\n250 LIMITS RCPTMAX=3 MAILMAX=2 RCPTDOMAINMAX=2
		C MAIL FROM:<>
		C RCPT TO:<a@x.example>
		C RCPT TO:<a@y.example>`)
	if _, err := s.Rcpt(nil, Path{"a", "z.example"}, &RcptOptions{}); err != ErrLimit {
		t.Errorf("a third domain: %v", err)
	}
	dialogue(t, &s, "C RCPT TO:<b@X.example>")
	if _, err := s.Rcpt(nil, Path{"c", "x.example"}, &RcptOptions{}); err != ErrLimit {
		t.Errorf("a fourth recipient: %v", err)
	}
	dialogue(t, &s, "C RSET\nC MAIL FROM:<>\nC RCPT TO:<a@y.example>")
	if _, err := s.Rcpt(nil, Path{"a", "z.example"}, &RcptOptions{}); err != ErrLimit {
		t.Errorf("a third domain in another transaction: %v", err)
	}
	dialogue(t, &s, "C RSET")
	if _, err := s.Mail(nil, Path{}, &MailOptions{}); err != ErrLimit || s.MaySend(MAIL) {
		t.Errorf("a third message: %v", err)
	}
}

func TestRFC4954_4_Auth(t *testing.T) {
	const ready = `S 220 mx
		C EHLO me.example
		S 250-mx\n250 AUTH PLAIN X-LONG`
	long := []byte(strings.Repeat("x", 400))
	tests := []struct {
		name      string
		ir        []byte
		wantLine  string
		challenge string
		want      Action
	}{
		{"none", nil, "AUTH PLAIN\r\n", "334 aGk=", SendResponse},
		{"empty", []byte{}, "AUTH PLAIN =\r\n", "334 ", SendResponse},
		{"initial", []byte("hi"), "AUTH PLAIN aGk=\r\n", "334 ", SendResponse},
		{"withheld", long, "AUTH PLAIN\r\n", "334 ", SendInitial},
		{"withheld, but the server has something to say", long, "AUTH PLAIN\r\n", "334 aGk=", SendResponse},
		{"no base64", nil, "AUTH PLAIN\r\n", "334 ???", SendCancel},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s ClientSession
			dialogue(t, &s, ready)
			line, err := s.Auth(nil, "plain", test.ir)
			if got := strings.ToUpper(string(line)); err != nil || got != strings.ToUpper(test.wantLine) {
				t.Fatalf("got %q, %v, want %q", got, err, test.wantLine)
			}
			r, _ := ParseReply([]byte(test.challenge + "\r\n"))
			o, err := s.Step(r)
			if err != nil || o.Next != test.want || o.Next == SendResponse && o.Challenge == nil {
				t.Fatalf("got %v, %v, want %v", o.Next, err, test.want)
			}
			if s.MaySend(MAIL) || s.MaySend(QUIT) || s.State() != Authing {
				t.Error("a command may be sent inside the exchange")
			}
			if line, _ := s.Cancel(nil); string(line) != "*\r\n" {
				t.Errorf("cancelled with %q", line)
			}
			s.Step(Reply{Code: 501})
			dialogue(t, &s, "Ready")
			s.Auth(nil, "PLAIN", []byte{})
			s.Step(Reply{Code: 235})
			if s.MaySend(AUTH) || !s.MaySend(MAIL) {
				t.Error("AUTH may be sent twice")
			}
		})
	}
	var s ClientSession
	dialogue(t, &s, ready)
	if _, err := s.Auth(nil, "LOGIN", nil); cmp.Diff(err, error(&NotOffered{"AUTH LOGIN"})) != "" {
		t.Errorf("LOGIN: %v", err)
	}
}

func TestClientSessionAllocs(t *testing.T) {
	var s ClientSession
	dialogue(t, &s, greetEHLO)
	from, to := Path{"a", "x.example"}, Path{"b", "x.example"}
	var mail MailOptions
	var rcpt RcptOptions
	var buf [256]byte
	ok, more := Reply{Code: 250, Text: "OK"}, Reply{Code: 354}
	n := testing.AllocsPerRun(100, func() {
		b, _ := s.Mail(buf[:0], from, &mail)
		b, _ = s.Rcpt(b, to, &rcpt)
		if _, err := s.Data(b); err != nil {
			t.Fatal(err)
		}
		for _, r := range []Reply{ok, ok, more} {
			s.Step(r)
		}
		s.ContentSent()
		s.Step(ok)
	})
	if n > 0 {
		t.Errorf("%v allocations for a message, want none", n)
	}
}

// A message as the machine sees it: three commands in a group, four replies.
func BenchmarkClientSession(b *testing.B) {
	var s ClientSession
	s.Step(Reply{Code: 220})
	s.Hello(nil, EHLO, "client.example")
	s.Step(Reply{Code: 250, Text: "mx\nPIPELINING"})
	from, to := Path{"a", "x.example"}, Path{"b", "x.example"}
	var buf [256]byte
	var mail MailOptions
	var rcpt RcptOptions
	b.ReportAllocs()
	for b.Loop() {
		out, _ := s.Mail(buf[:0], from, &mail)
		out, _ = s.Rcpt(out, to, &rcpt)
		if _, err := s.Data(out); err != nil {
			b.Fatal(err)
		}
		s.Step(Reply{Code: 250})
		s.Step(Reply{Code: 250})
		s.Step(Reply{Code: 354})
		s.ContentSent()
		s.Step(Reply{Code: 250})
	}
}

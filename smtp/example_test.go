package smtp_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/mailwire/mailwire/smtp"
)

// A server, without a network: a session takes the client's lines and says what
// is to be decided; the content between them goes through the Reader.
func ExampleServerSession() {
	client := strings.Join([]string{
		"EHLO client.example",
		"MAIL FROM:<me@a.example>",
		"RCPT TO:<nobody@b.example>",
		"RCPT TO:<you@b.example>",
		"DATA",
		"Subject: hello\r\n\r\n..\r\n.",
		"QUIT",
	}, "\r\n") + "\r\n"

	r := smtp.NewReader(strings.NewReader(client))
	s := &smtp.ServerSession{Config: smtp.ServerConfig{Hostname: "mx.b.example"}}
	send := func(reply smtp.Reply) {
		wire := string(smtp.AppendReply(nil, reply))
		fmt.Print("S: ", strings.ReplaceAll(strings.TrimSuffix(wire, "\r\n"), "\r\n", "\nS: "), "\n")
	}
	ok := smtp.Reply{Code: 250}

	send(s.Greet(smtp.Reply{Code: 220}))
	for s.State() != smtp.Closed {
		if s.State() == smtp.Receiving {
			c := &smtp.Content{Limits: &s.Config.Limits}
			message, _ := io.ReadAll(r.Data(c))
			fmt.Printf("   message: %q\n", message)
			s.Received(c.Err())
			send(s.Settle(smtp.Reply{Code: 250, Text: "OK queued as q1"}))
			continue
		}
		line, err := r.ReadLine(s.LineLimit())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("C: %s\n", line)
		switch e := s.Step(line).(type) {
		case *smtp.RcptEvent:
			if e.To.Local == "nobody" {
				send(s.Settle(smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}))
			} else {
				send(s.Settle(ok))
			}
		case *smtp.Refused:
			send(s.Settle(e.Reply))
		default:
			send(s.Settle(ok))
		}
	}
	// Output:
	// S: 220 mx.b.example ESMTP ready
	// C: EHLO client.example
	// S: 250-mx.b.example
	// S: 250-PIPELINING
	// S: 250-8BITMIME
	// S: 250-ENHANCEDSTATUSCODES
	// S: 250-CHUNKING
	// S: 250-VRFY
	// S: 250-HELP
	// S: 250 SIZE 52428800
	// C: MAIL FROM:<me@a.example>
	// S: 250 2.1.0 sender OK
	// C: RCPT TO:<nobody@b.example>
	// S: 550 5.1.1 no such user
	// C: RCPT TO:<you@b.example>
	// S: 250 2.1.5 recipient OK
	// C: DATA
	// S: 354 send the message, end it with a line of one dot
	//    message: "Subject: hello\r\n\r\n.\r\n"
	// S: 250 2.0.0 OK queued as q1
	// C: QUIT
	// S: 221 2.0.0 mx.b.example closing the connection
}

func ExampleParsePath() {
	for _, s := range []string{"<joe@a.example>", "<>", "<@relay.example:joe@a.example>", `<"joe > \"smith\""@a.example>`, "<joe@-a.example>"} {
		p, err := smtp.ParsePath([]byte(s), false)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("local part %q, domain %q: %s\n", p.Local, p.Domain, p)
	}
	// Output:
	// local part "joe", domain "a.example": joe@a.example
	// local part "", domain "": <>
	// local part "joe", domain "a.example": joe@a.example
	// local part "joe > \"smith\"", domain "a.example": "joe > \"smith\""@a.example
	// smtp: bad domain at octet 0: want labels of letters, digits and hyphens, got "-a.example"
}

func ExampleAppendReply() {
	fmt.Printf("%q\n", smtp.AppendReply(nil, smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{2, 1, 5}, Text: "recipient OK"}))
	// Whatever the text holds, it stays one reply.
	fmt.Printf("%q\n", smtp.AppendReply(nil, smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "not today,\r\n250 J\u00f6rg"}))
	// Output:
	// "250 2.1.5 recipient OK\r\n"
	// "550-5.7.1 not today,\r\n550 5.7.1 250 J??rg\r\n"
}

// Content takes the octets behind DATA in any pieces.
func ExampleContent() {
	var c smtp.Content
	for _, piece := range []string{"Subject: x\r\n\r\n.", ".one dot\r", "\n.\r", "\nQUIT\r\n"} {
		src := []byte(piece)
		for len(src) > 0 {
			chunk, n, end := c.Dots(src)
			if src = src[n:]; len(chunk) > 0 {
				fmt.Printf("%q\n", chunk)
			}
			if end {
				fmt.Printf("the end; behind it comes %q\n", src)
				break
			}
		}
	}
	fmt.Println(c.Size(), c.Err())
	// Output:
	// "Subject: x\r\n\r\n"
	// ".one dot\r"
	// "\n"
	// the end; behind it comes "QUIT\r\n"
	// 24 <nil>
}

// A message that tries to carry a second one inside is refused, at its end.
func ExampleContent_smuggling() {
	var c smtp.Content
	_, _, end := c.Dots([]byte("hello\n.\r\nMAIL FROM:<evil@a.example>\r\n"))
	fmt.Println(end, c.Err())
	// Output:
	// false smtp: bare CR or LF in the message: lines end in CRLF
}

func ExampleStuffer() {
	var s smtp.Stuffer
	wire, _ := s.Append(nil, []byte("Subject: x\n\n.dot\r\n"))
	wire, _ = s.Append(wire, []byte("no line end"))
	wire, _ = s.Finish(wire)
	fmt.Printf("%q\n", wire)

	strict := smtp.Stuffer{LineEnds: smtp.RejectBare}
	_, err := strict.Append(nil, []byte("Subject: x\n"))
	fmt.Println(err)
	// Output:
	// "Subject: x\r\n\r\n..dot\r\nno line end\r\n.\r\n"
	// smtp: bare CR or LF in content
}

func ExampleNewEnvelope() {
	e := smtp.NewEnvelope("me@a.example", "you@b.example", `"him too"@c.example`)
	e.Options.Ret = smtp.RetHdrs
	e.To[0].Options.Notify = smtp.NotifySuccess | smtp.NotifyFailure

	mail, _ := smtp.AppendMail([]byte("MAIL "), e.From, &e.Options)
	fmt.Printf("%s\n", mail)
	for _, to := range e.To {
		rcpt, _ := smtp.AppendRcpt([]byte("RCPT "), to.Path, &to.Options)
		fmt.Printf("%s\n", rcpt)
	}
	fmt.Println(e.Check())
	fmt.Println(smtp.NewEnvelope("me@a.example", "you@b.example>\r\nRSET").Check())
	// Output:
	// MAIL FROM:<me@a.example> RET=HDRS
	// RCPT TO:<you@b.example> NOTIFY=SUCCESS,FAILURE
	// RCPT TO:<"him too"@c.example>
	// <nil>
	// recipient "\"you@b.example>\r\nRSET\"": smtp: bad path at octet 0: want a domain, got "you@b.example>\r\nRSET"
}

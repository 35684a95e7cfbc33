package smtp_test

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

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

// A Reader cuts what comes into lines, and a line that is none costs no more than
// itself.
func ExampleReader() {
	r := smtp.NewReader(strings.NewReader("EHLO a.example\r\nMAIL\nRCPT\r\nQUIT\r\n"))
	for {
		line, err := r.ReadLine(512)
		if err == io.EOF {
			break
		}
		fmt.Printf("%q %v\n", line, err)
	}
	// Output:
	// "EHLO a.example" <nil>
	// "" bare LF in line
	// "QUIT" <nil>
}

func ExampleReader_ReadReply() {
	r := smtp.NewReader(strings.NewReader("250-mx.example\r\n250 SIZE 1000\r\n550 5.1.1 no such user\r\n"))
	for range 2 {
		reply, err := r.ReadReply(nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(reply.Code, reply.Enhanced, slices.Collect(reply.Lines()), reply.Positive())
	}
	// Output:
	// 250  [mx.example SIZE 1000] true
	// 550 5.1.1 [no such user] false
}

func ExampleParseReply() {
	reply, err := smtp.ParseReply([]byte("452-4.2.2 mailbox full\r\n452 4.2.2 come back later\r\n"))
	fmt.Printf("%d %s %q %v\n", reply.Code, reply.Enhanced, reply.Text, err)
	_, err = smtp.ParseReply([]byte("250-one\r\n251 other\r\n"))
	fmt.Println(err)
	// Output:
	// 452 4.2.2 "mailbox full\ncome back later" <nil>
	// smtp: bad reply at octet 0: want the same code in every line, got "251 other"
}

func ExampleParseCommand() {
	c, err := smtp.ParseCommand([]byte("mail FROM:<a@b.example> SIZE=100"))
	fmt.Printf("%v %q %q %v\n", c.Verb, c.Name, c.Arg, err)
	// Output: MAIL "mail" "FROM:<a@b.example> SIZE=100" <nil>
}

// Parameters that were not offered are none.
func ExampleParseMail() {
	arg := []byte("FROM:<me@a.example> SIZE=1000 RET=HDRS")
	from, options, err := smtp.ParseMail(arg, &smtp.Extensions{Size: new(int64), DSN: true})
	fmt.Println(from, options.Size, options.Ret, err)
	_, _, err = smtp.ParseMail(arg, &smtp.Extensions{Size: new(int64)})
	fmt.Println(err)
	// Output:
	// me@a.example 1000 HDRS <nil>
	// smtp: parameter RET not recognized or not offered
}

func ExampleParseRcpt() {
	to, options, err := smtp.ParseRcpt([]byte("TO:<you@b.example> NOTIFY=SUCCESS,DELAY"), &smtp.Extensions{DSN: true})
	fmt.Println(to, options.Notify, err)
	// Output: you@b.example SUCCESS,DELAY <nil>
}

// Addresses as people write them.
func ExampleParseMailbox() {
	for _, s := range []string{"joe@a.example", `"joe smith"@[192.0.2.1]`, "joe"} {
		p, err := smtp.ParseMailbox(s)
		fmt.Printf("%q %q %v\n", p.Local, p.Domain, err)
	}
	// Output:
	// "joe" "a.example" <nil>
	// "joe smith" "[192.0.2.1]" <nil>
	// "" "" smtp: bad path at octet 3: want @ and a domain, got ""
}

func ExampleParseExtensions() {
	reply, err := smtp.ParseReply([]byte("250-mx.example\r\n250-SIZE 1000\r\n250-auth plain\r\n250 XYZ 1\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	x := smtp.ParseExtensions(reply)
	fmt.Println(*x.Size, x.Auth, x.StartTLS, x.Extra[0].Name, x.Extra[0].Value)
	// Output: 1000 [PLAIN] false XYZ 1
}

// The field that a server puts on top of what it takes.
func ExampleAppendReceived() {
	field := smtp.AppendReceived(nil, smtp.Received{
		Helo: "a.example", Addr: netip.MustParseAddr("192.0.2.1"), By: "mx.example", With: "ESMTPS", ID: "x1",
		Time: time.Date(2026, 11, 26, 10, 20, 30, 0, time.UTC),
	})
	fmt.Print(strings.ReplaceAll(string(field), "\r\n", "\n"))
	// Output:
	// Received: from a.example ([192.0.2.1])
	// 	by mx.example with ESMTPS id x1;
	// 	Thu, 26 Nov 2026 10:20:30 +0000
}

// What a proxy says of its client, and what a server makes of it.
func ExampleParseXClient() {
	x := smtp.XClient{Addr: netip.MustParseAddr("192.0.2.1"), Login: "ann smith"}
	x.Given = (smtp.XClientAddr | smtp.XClientLogin | smtp.XClientName) & smtp.ParseXClientAttrs([]string{"ADDR", "LOGIN"})
	arg := smtp.AppendXClient(nil, x)
	fmt.Printf("%s\n", arg)
	got, err := smtp.ParseXClient(arg)
	fmt.Println(got.Addr, got.Login, got.Given.Names(), err)
	// Output:
	// ADDR=192.0.2.1 LOGIN=ann+20smith
	// 192.0.2.1 ann smith [ADDR LOGIN] <nil>
}

func ExampleAppendXtext() {
	text := smtp.AppendXtext(nil, "ann+smith=a b")
	back, err := smtp.ParseXtext(nil, text)
	fmt.Printf("%s %q %v\n", text, back, err)
	// Output: ann+2Bsmith+3Da+20b "ann+smith=a b" <nil>
}

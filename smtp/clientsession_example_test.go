package smtp_test

import (
	"fmt"

	"github.com/mailwire/mailwire/smtp"
)

// The client's machine without a connection: commands come out, replies go in.
func ExampleClientSession() {
	var s smtp.ClientSession
	hear := func(lines string) smtp.Outcome {
		r, err := smtp.ParseReply([]byte(lines))
		if err != nil {
			fmt.Println(err)
		}
		o, err := s.Step(r)
		if err != nil {
			fmt.Println(err)
		}
		return o
	}
	hear("220 mx.example\r\n")
	s.Hello(nil, smtp.EHLO, "client.example")
	hear("250-mx.example\r\n250 PIPELINING\r\n")
	out, _ := s.Mail(nil, smtp.Path{}, &smtp.MailOptions{})
	out, _ = s.Rcpt(out, smtp.Path{Local: "a", Domain: "x.example"}, &smtp.RcptOptions{})
	out, _ = s.Data(out) // in one flight, since PIPELINING is offered
	fmt.Printf("%q\n%d replies are due\n", out, s.Pending())
	hear("250 OK\r\n")
	fmt.Println(hear("250 OK\r\n").Verb, hear("354 go\r\n").Next)
	s.ContentSent()
	o := hear("250 2.0.0 taken\r\n")
	fmt.Println(o.Content, o.Err())
	// Output:
	// "MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n"
	// 3 replies are due
	// RCPT SendContent
	// true <nil>
}

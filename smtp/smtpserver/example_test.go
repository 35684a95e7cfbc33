package smtpserver_test

import (
	"context"
	"fmt"
	"io"
	"net"
	netsmtp "net/smtp"

	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// A server that takes mail for one domain, and the client of the standard
// library that sends it a message.
func Example() {
	handler := smtpserver.SessionFunc(func(ctx context.Context, c *smtpserver.Conn) (*smtpserver.Session, error) {
		return &smtpserver.Session{
			Rcpt: func(ctx context.Context, m *smtpserver.Message, to smtp.Rcpt) error {
				if to.Path.Domain != "here.example" {
					return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "not our domain"}
				}
				return nil
			},
			Data: func(ctx context.Context, m *smtpserver.Message) error {
				content, err := io.ReadAll(m)
				if err != nil {
					return err // the message did not come to its end
				}
				fmt.Printf("%s to %s: %q\n", m.From, m.To[0].Path, content)
				return nil
			},
		}, nil
	})
	srv := &smtpserver.Server{Hostname: "mail.here.example", Handler: handler}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go srv.Serve(l)
	defer srv.Close()

	for _, to := range []string{"you@here.example", "you@elsewhere.example"} {
		err = netsmtp.SendMail(l.Addr().String(), nil, "me@there.example", []string{to}, []byte("Subject: hi\r\n\r\nhello\r\n"))
		if err != nil {
			fmt.Println("refused for", to)
		}
	}
	// Output:
	// me@there.example to you@here.example: "Subject: hi\r\n\r\nhello\r\n"
	// refused for you@elsewhere.example
}

// LMTP has a reply for each recipient: they are told apart by index, since the
// same recipient may come twice.
func ExampleMessage_SetRcpt() {
	deliver := func(ctx context.Context, m *smtpserver.Message) error {
		for i, to := range m.To {
			if to.Path.Local == "full" {
				m.SetRcpt(i, &smtp.Reject{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "mailbox full"})
			}
		}
		return nil
	}
	srv := &smtpserver.Server{Hostname: "here.example", Protocol: smtp.LMTP, Handler: smtpserver.HandlerFunc(deliver)}
	client, server := net.Pipe()
	go srv.ServeConn(context.Background(), server)
	go io.WriteString(client, "LHLO there.example\r\nMAIL FROM:<>\r\nRCPT TO:<you@here.example>\r\nRCPT TO:<full@here.example>\r\nDATA\r\n.\r\nQUIT\r\n")

	r := smtp.NewReader(client)
	for content := false; ; {
		reply, err := r.ReadReply(nil)
		if err != nil || reply.Code == 221 {
			break
		}
		if content {
			fmt.Println(reply)
		}
		content = content || reply.Code == 354
	}
	// Output:
	// 250 2.0.0 OK
	// 452 4.2.2 mailbox full
}

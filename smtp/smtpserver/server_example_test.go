package smtpserver_test

import (
	"context"
	"fmt"
	"io"
	"net"
	netsmtp "net/smtp"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// A sink takes every message for everyone.
func ExampleHandlerFunc() {
	sink := smtpserver.HandlerFunc(func(_ context.Context, m *smtpserver.Message) error {
		n, err := io.Copy(io.Discard, m)
		fmt.Println(n, "octets for", len(m.To), "recipients")
		return err
	})
	srv := &smtpserver.Server{Hostname: "mx.example", Handler: sink}
	client, server := net.Pipe()
	go io.Copy(io.Discard, client)
	go io.WriteString(client, "EHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<x@b.example>\r\nRCPT TO:<y@c.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n")
	fmt.Println(srv.ServeConn(context.Background(), server))
	// Output:
	// 4 octets for 2 recipients
	// <nil>
}

// Any connection can be served, with TLS on it or not: here one in memory. The error
// says why the session ended.
func ExampleServer_ServeConn() {
	srv := &smtpserver.Server{Hostname: "mx.example"}
	client, server := net.Pipe()
	go io.WriteString(client, "QUIT\r\n")
	go srv.ServeConn(context.Background(), server)
	replies, _ := io.ReadAll(client)
	fmt.Print(strings.ReplaceAll(string(replies), "\r\n", "\n"))
	// Output:
	// 220 mx.example ESMTP ready
	// 221 2.0.0 mx.example closing the connection
}

// A graceful end: who waits is told to go, and what is under way is finished. Serve
// returns when that begins, Shutdown when it is over.
func ExampleServer_Shutdown() {
	srv := &smtpserver.Server{Hostname: "mx.example"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	greeting := make([]byte, len("220 mx.example ESMTP ready\r\n"))
	io.ReadFull(c, greeting)

	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(grace))
	fmt.Println(<-served == smtpserver.ErrServerClosed)
	rest, _ := io.ReadAll(c)
	fmt.Printf("%.3s\n", rest)
	// Output:
	// <nil>
	// true
	// 421
}

// Submission: who may send, and in whose name.
func ExampleConn_Identity() {
	srv := &smtpserver.Server{
		Hostname: "mail.example", Protocol: smtp.Submission,
		Auth: &auth.Authenticator{
			Cleartext: auth.CleartextAny, // without TLS this is for an example only
			CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
				if user != "ann" || password != "secret" {
					return auth.ErrCredentials
				}
				return nil
			},
		},
		Handler: smtpserver.SessionFunc(func(_ context.Context, c *smtpserver.Conn) (*smtpserver.Session, error) {
			return &smtpserver.Session{
				Mail: func(_ context.Context, m *smtpserver.Message) error {
					if id, _ := c.Identity(); m.From.String() != id.Authzid+"@mail.example" {
						return &smtp.Reject{Code: 553, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "that is not you"}
					}
					return nil
				},
				Rcpt: func(context.Context, *smtpserver.Message, smtp.Rcpt) error { return nil },
				Data: func(_ context.Context, m *smtpserver.Message) error {
					_, err := io.Copy(io.Discard, m)
					return err
				},
			}, nil
		}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go srv.Serve(l)
	defer srv.Close()
	login := netsmtp.PlainAuth("", "ann", "secret", "127.0.0.1")
	for _, from := range []string{"ann@mail.example", "bob@mail.example"} {
		fmt.Println(netsmtp.SendMail(l.Addr().String(), login, from, []string{"you@b.example"}, []byte("Subject: hi\r\n\r\n")))
	}
	// Output:
	// <nil>
	// 553 "5.7.1 that is not you"
}

// The trace field is for the handler to put on top of what it stores.
func ExampleMessage_AppendReceived() {
	srv := &smtpserver.Server{Hostname: "mx.example", Handler: smtpserver.HandlerFunc(func(_ context.Context, m *smtpserver.Message) error {
		m.Queued("x1")
		trace := m.AppendReceived(nil, time.Date(2026, 11, 26, 10, 20, 30, 0, time.UTC))
		fmt.Print(strings.ReplaceAll(string(trace), "\r\n", "\n"))
		_, err := io.Copy(io.Discard, m)
		return err
	})}
	client, server := net.Pipe()
	go io.Copy(io.Discard, client)
	go io.WriteString(client, "EHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<x@b.example>\r\nDATA\r\n.\r\nQUIT\r\n")
	srv.ServeConn(context.Background(), server)
	// Output:
	// Received: from a.example
	// 	by mx.example with ESMTP id x1
	// 	for <x@b.example>;
	// 	Thu, 26 Nov 2026 10:20:30 +0000
}

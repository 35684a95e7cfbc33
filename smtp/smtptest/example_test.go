package smtptest_test

import (
	"context"
	"fmt"
	"net"

	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

// The suite without package testing, as a command would use it.
func ExampleCase_Run() {
	server := &smtpserver.Server{Hostname: "mx.example", Handler: new(smtptest.Recorder)}
	target := &smtptest.Target{
		Dial: func(context.Context) (net.Conn, error) {
			c, _ := smtptest.Pipe(server)
			return c, nil
		},
		Good: []smtp.Path{{Local: "a", Domain: "x.example"}, {Local: "b", Domain: "x.example"}, {Local: "c", Domain: "x.example"}},
	}
	for _, c := range smtptest.Cases() {
		if c.ID == "DATA-54" || c.ID == "LMTP-86" {
			o := c.Run(context.Background(), target)
			fmt.Printf("%s (%s): %s %q\n", c.ID, c.Level, o.Verdict, o.Reason)
		}
	}
	// Output:
	// DATA-54 (MUST): passed ""
	// LMTP-86 (MUST): skipped "not for SMTP"
}

// A server in memory, and what it was sent.
func ExamplePipe() {
	record := new(smtptest.Recorder)
	c, done := smtptest.Pipe(&smtpserver.Server{Hostname: "mx.example", Handler: record})
	fmt.Fprint(c, "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n.\r\nQUIT\r\n")
	go func() {
		var buf [512]byte
		for {
			if _, err := c.Read(buf[:]); err != nil {
				return
			}
		}
	}()
	fmt.Println(<-done, len(record.Messages()))
	// Output: <nil> 1
}

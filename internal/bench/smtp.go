package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// serveSMTP is ours: a sink.
func serveSMTP(addr, dir string) error {
	l, err := listen(addr, dir)
	if err != nil {
		return err
	}
	return (&smtpserver.Server{Hostname: "localhost", Handler: smtpserver.HandlerFunc(
		func(_ context.Context, m *smtpserver.Message) error {
			_, err := io.Copy(io.Discard, m)
			return err
		}), Conns: smtpserver.Conns{PerIP: -1}}).Serve(l)
}

// serveGoSMTP is go-smtp's: a sink.
func serveGoSMTP(addr, dir string) error {
	l, err := listen(addr, dir)
	if err != nil {
		return err
	}
	s := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return goSink{}, nil }))
	s.Domain = "localhost"
	s.MaxRecipients = 1000
	return s.Serve(l)
}

// smtpSink is the sink that comes with Postfix, one process and no threads.
func smtpSink(addr, _ string) ([]string, error) {
	return []string{"/usr/sbin/smtp-sink", "-u", user(), addr, "1000"}, nil
}

// user is who smtp-sink runs as: it does not run as root.
func user() string {
	if os.Getuid() == 0 {
		return "nobody"
	}
	return os.Getenv("USER")
}

// goSink is a session of go-smtp that takes everything.
type goSink struct{}

func (goSink) Reset()                                 {}
func (goSink) Logout() error                          { return nil }
func (goSink) Mail(string, *gosmtp.MailOptions) error { return nil }
func (goSink) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (goSink) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

var (
	smtpServers    = []string{"mailwire", "go-smtp", "smtp-sink", "bare smtp"}
	smtpTLSServers = []string{"mailwire", "go-smtp", "bare smtp"} // smtp-sink has none
)

var smtpWorks = []work{
	{name: "smtp 1 KiB pipelined", unit: "message", servers: smtpServers, target: 0.35, load: smtpLoad(1, 1<<10, true, false)},
	{name: "smtp 20 recipients pipelined", unit: "message", servers: smtpServers, target: 0.15, load: smtpLoad(20, 1<<10, true, false)},
	{name: "smtp 100 KiB body", unit: "message", servers: smtpServers, target: 0.15, load: smtpLoad(1, 100<<10, true, false)},
	{name: "smtp 1 KiB lock-step", unit: "message", servers: smtpServers, target: 0.80, load: smtpLoad(1, 1<<10, false, false)},
	{name: "smtp a connection per message", unit: "message", servers: smtpServers, target: 0.65, load: smtpLoad(1, 1<<10, false, true)},
	{name: "smtp 1 KiB pipelined, TLS", unit: "message", tls: true, servers: smtpTLSServers, load: smtpLoad(1, 1<<10, true, false)},
	{name: "smtp 100 KiB body, TLS", unit: "message", tls: true, servers: smtpTLSServers, load: smtpLoad(1, 100<<10, true, false)},
	{name: "smtp a connection per message, TLS", unit: "message", tls: true, servers: smtpTLSServers, load: smtpLoad(1, 1<<10, false, true)},
}

// smtpLoad returns a generator of messages with so many recipients and octets.
// pipelined: MAIL, RCPTs and DATA leave in one write, and so do the content and
// its end. fresh: each message has a connection of its own, with EHLO and QUIT.
func smtpLoad(rcpts, octets int, pipelined, fresh bool) func(string, time.Time) (int, error) {
	envelope := [][]byte{[]byte("MAIL FROM:<sender@client.example>\r\n")}
	for i := range rcpts {
		envelope = append(envelope, fmt.Appendf(nil, "RCPT TO:<recipient%d@server.example>\r\n", i))
	}
	envelope = append(envelope, []byte("DATA\r\n"))
	content := []byte("From: <sender@client.example>\r\nSubject: bench\r\n\r\n")
	for len(content) < octets {
		content = append(content, "The quick brown fox jumps over the lazy dog, and sleeps until noon.\r\n"...)
	}
	content = append(content, ".\r\n"...)

	return func(addr string, until time.Time) (n int, err error) {
		var c *smtpConn
		for time.Now().Before(until) {
			if c == nil {
				if c, err = dialSMTP(addr); err != nil {
					return n, err
				}
			}
			if err := c.send(envelope, content, pipelined); err != nil {
				return n, err
			}
			n++
			if fresh {
				if err := c.exchange([]byte("QUIT\r\n"), 1); err != nil {
					return n, err
				}
				c.Close()
				c = nil
			}
		}
		return n, nil
	}
}

type smtpConn struct {
	net.Conn
	r *bufio.Reader
}

func dialSMTP(addr string) (*smtpConn, error) {
	conn, err := dial(addr)
	if err != nil {
		return nil, err
	}
	c := &smtpConn{conn, bufio.NewReader(conn)}
	if err := c.replies(1); err != nil {
		return nil, err
	}
	return c, c.exchange([]byte("EHLO client.example\r\n"), 1)
}

func (c *smtpConn) send(envelope [][]byte, content []byte, pipelined bool) error {
	if pipelined {
		if err := c.exchange(bytes.Join(envelope, nil), len(envelope)); err != nil {
			return err
		}
	} else {
		for _, command := range envelope {
			if err := c.exchange(command, 1); err != nil {
				return err
			}
		}
	}
	return c.exchange(content, 1)
}

// exchange writes once and reads so many replies.
func (c *smtpConn) exchange(octets []byte, replies int) error {
	if _, err := c.Write(octets); err != nil {
		return err
	}
	return c.replies(replies)
}

func (c *smtpConn) replies(n int) error {
	for n > 0 {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line[0] != '2' && line[0] != '3' {
			return fmt.Errorf("the server said %q", line)
		}
		if line[3] == ' ' {
			n--
		}
	}
	return nil
}

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// trust is the client configuration for a daemon with this certificate file.
func trust(certFile string) (*tls.Config, error) {
	pem, err := os.ReadFile(certFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", certFile)
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}, nil
}

// patience bounds whatever a test waits for: one that waits for ever says nothing.
const patience = 2 * time.Minute

// dialSMTP is smtp.Dial for a connection that has had enough after patience.
func dialSMTP(addr string) (*smtp.Client, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	return smtp.NewClient(conn, "127.0.0.1")
}

// program is a command that is killed when the test ends, or after patience.
func program(t testing.TB, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // for what its children hold open
	return cmd
}

// send gives a message to the SMTP port. content has CRLF line ends.
func send(c *smtp.Client, from, content string, to ...string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, r := range to {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, content); err != nil {
		return err
	}
	return w.Close() // reads the reply
}

// popConn is just enough of a POP3 client to hand out exact octets.
type popConn struct {
	net.Conn
	r     *bufio.Reader
	stamp string // of the greeting, for APOP
}

// dialPOP connects to a POP3S address and reads the greeting.
func dialPOP(addr string, c *tls.Config) (*popConn, error) {
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	p := &popConn{Conn: conn, r: bufio.NewReader(conn)}
	greeting, err := p.reply()
	if i := strings.IndexByte(greeting, '<'); i >= 0 {
		p.stamp = greeting[i:]
	}
	return p, err
}

func (p *popConn) reply() (string, error) {
	line, err := p.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(line, "+OK") {
		return "", fmt.Errorf("pop3: %q", line)
	}
	return strings.TrimSpace(line[len("+OK"):]), nil
}

func (p *popConn) cmd(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(p, format+"\r\n", args...); err != nil {
		return "", err
	}
	return p.reply()
}

func (p *popConn) login(user, password string) error {
	if _, err := p.cmd("USER %s", user); err != nil {
		return err
	}
	_, err := p.cmd("PASS %s", password)
	return err
}

// multi sends a command and returns the lines of the answer, CRLF included.
func (p *popConn) multi(format string, args ...any) (string, error) {
	if _, err := p.cmd(format, args...); err != nil {
		return "", err
	}
	var b strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == ".\r\n" {
			return b.String(), nil
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// fetch logs in and returns all messages of a maildrop; unique-ids in the same order.
func fetch(addr string, c *tls.Config, user, password string) (all, uids []string, err error) {
	p, err := dialPOP(addr, c)
	if err != nil {
		return nil, nil, err
	}
	defer p.Close()
	if err := p.login(user, password); err != nil {
		return nil, nil, err
	}
	stat, err := p.cmd("STAT")
	if err != nil {
		return nil, nil, err
	}
	count, _, _ := strings.Cut(stat, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return nil, nil, err
	}
	for i := range n {
		m, err := p.multi("RETR %d", i+1)
		if err != nil {
			return nil, nil, err
		}
		uid, err := p.cmd("UIDL %d", i+1)
		if err != nil {
			return nil, nil, err
		}
		all, uids = append(all, m), append(uids, uid)
	}
	_, err = p.cmd("QUIT")
	return all, uids, err
}

// belowTrace cuts off the two fields that the daemon puts on top.
func belowTrace(t testing.TB, m string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(m, "Return-Path: <")
	_, rest, cut := strings.Cut(rest, ">\r\n")
	if !ok || !cut || !strings.HasPrefix(rest, "Received: ") {
		t.Fatalf("no trace on top of %.200q", m)
	}
	for first := true; first || strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t"); first = false {
		_, rest, _ = strings.Cut(rest, "\r\n")
	}
	return rest
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

var (
	pop3Servers = []string{"mailwire pop3", "dovecot pop3"}
	retrServers = append(pop3Servers, "bare pop3")
)

var pop3Works = []work{
	{name: "pop3 RETR 4 KiB lock-step", unit: "message", servers: retrServers, target: 0.40, prepare: maildir(1000), load: retrLoad(1)},
	{name: "pop3 RETR 4 KiB pipelined", unit: "message", servers: retrServers, target: 0.40, prepare: maildir(1000), load: retrLoad(20)},
	{name: "pop3 LIST of 10,000", unit: "list", servers: pop3Servers, target: 0.25, prepare: maildir(10_000), load: listLoad},
	{name: "pop3 login", unit: "login", servers: pop3Servers, target: 0.10, prepare: maildir(0), load: loginLoad},
	{name: "pop3 RETR 4 KiB pipelined, TLS", unit: "message", tls: true, servers: retrServers, prepare: maildir(1000), load: retrLoad(20)},
	{name: "pop3 login, TLS", unit: "login", tls: true, servers: pop3Servers, prepare: maildir(0), load: loginLoad},
}

const pop3Message = 4 << 10

// maildir is of messages of 4 KiB and CRLF.
func maildir(messages int) func(dir string) error {
	content := []byte("From: <sender@client.example>\r\nSubject: bench\r\n\r\n")
	for len(content) < pop3Message {
		content = append(content, "The quick brown fox jumps over the lazy dog, and sleeps until noon.\r\n"...)
	}
	return maildirOf(messages, content)
}

// maildirOf fills mail/cur with messages that are seen.
func maildirOf(messages int, content []byte) func(dir string) error {
	return func(dir string) error {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, "mail", sub), 0o755); err != nil {
				return err
			}
		}
		for i := range messages {
			name := fmt.Sprintf("%d.M%dP1.bench,S=%d,W=%d:2,S", 1700000000+i, i, len(content), len(content))
			if err := os.WriteFile(filepath.Join(dir, "mail", "cur", name), content, 0o644); err != nil {
				return err
			}
		}
		// Dovecot's processes run as nobody.
		return filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, _ os.DirEntry, err error) error {
			if err != nil || os.Getuid() != 0 {
				return err
			}
			return os.Chown(path, 65534, 65534)
		})
	}
}

// memory is the backend of our server: the same messages that Dovecot has in
// files, read at the start.
type memory []pop3server.Message

func loadMemory(dir string) (m memory, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		uid, _, _ := strings.Cut(e.Name(), ",")
		m = append(m, pop3server.Message{Key: content, UID: uid, Size: int64(len(content))})
	}
	return m, nil
}

func (m memory) Open(context.Context, auth.Identity, *pop3server.Conn) (pop3server.Maildrop, error) {
	return m, nil
}

func (m memory) Messages(context.Context) ([]pop3server.Message, error) { return m, nil }

func (m memory) Fetch(_ context.Context, msg pop3server.Message, _ int) (io.ReadCloser, error) {
	return content{bytes.NewReader(msg.Key.([]byte))}, nil
}

// content is a bytes.Reader that can be closed and still writes itself.
type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

func (memory) Commit(context.Context, []pop3server.Message) error { return nil }
func (memory) Close() error                                       { return nil }

// servePOP3 is ours.
func servePOP3(addr, dir string) error {
	messages, err := loadMemory(filepath.Join(dir, "mail", "cur"))
	if err != nil {
		return err
	}
	l, err := listen(addr, dir)
	if err != nil {
		return err
	}
	return (&pop3server.Server{
		Hostname: "localhost",
		Backend:  messages,
		Auth: &auth.Authenticator{Cleartext: auth.CleartextAny, CheckPassword: func(_ context.Context, _ string, password auth.Secret) error {
			if password != "secret" {
				return auth.ErrCredentials
			}
			return nil
		}},
		Cleartext: true,
		Limits:    pop3.Limits{Messages: -1},
		Conns:     pop3server.Conns{PerIP: -1},
	}).Serve(context.Background(), l)
}

type pop3Conn struct {
	net.Conn
	r *bufio.Reader
}

func dialPOP3(addr string) (*pop3Conn, error) {
	conn, err := dial(addr)
	if err != nil {
		return nil, err
	}
	c := &pop3Conn{conn, bufio.NewReaderSize(conn, 64<<10)}
	if err := c.oks(1); err != nil {
		return nil, err
	}
	for _, command := range []string{"USER u\r\n", "PASS secret\r\n"} {
		if _, err := io.WriteString(c, command); err != nil {
			return nil, err
		}
		if err := c.oks(1); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *pop3Conn) oks(n int) error {
	for range n {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line[0] != '+' {
			return fmt.Errorf("the server said %q", line)
		}
	}
	return nil
}

// body reads up to the line of one dot.
func (c *pop3Conn) body() (lines int, err error) {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if string(line) == ".\r\n" {
			return lines, nil
		}
		lines++
	}
}

// retrLoad fetches the messages of a maildrop again and again, so many commands
// in one write.
func retrLoad(window int) func(string, time.Time) (int, error) {
	return func(addr string, until time.Time) (n int, err error) {
		c, err := dialPOP3(addr)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		for next := 1; time.Now().Before(until); {
			var flight []byte
			for range window {
				flight = fmt.Appendf(flight, "RETR %d\r\n", next)
				next = next%1000 + 1
			}
			if _, err := c.Write(flight); err != nil {
				return n, err
			}
			for range window {
				if err := c.oks(1); err != nil {
					return n, err
				}
				if _, err := c.body(); err != nil {
					return n, err
				}
				n++
			}
		}
		return n, nil
	}
}

func listLoad(addr string, until time.Time) (n int, err error) {
	c, err := dialPOP3(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for time.Now().Before(until) {
		if _, err := io.WriteString(c, "LIST\r\n"); err != nil {
			return n, err
		}
		if err := c.oks(1); err != nil {
			return n, err
		}
		if lines, err := c.body(); err != nil || lines != 10_000 {
			return n, fmt.Errorf("%d lines, %w", lines, err)
		}
		n++
	}
	return n, nil
}

func loginLoad(addr string, until time.Time) (n int, err error) {
	for time.Now().Before(until) {
		c, err := dialPOP3(addr)
		if err != nil {
			return n, err
		}
		if _, err := io.WriteString(c, "QUIT\r\n"); err != nil {
			return n, err
		}
		if err := c.oks(1); err != nil {
			return n, err
		}
		c.Close()
		n++
	}
	return n, nil
}

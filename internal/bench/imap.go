package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	goimapserver "github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
)

var (
	imapServers    = []string{"mailwire imap", "go-imap", "dovecot imap"}
	commandServers = append(slices.Clip(imapServers), "bare imap")
)

var imapWorks = []work{
	imapFetch("FLAGS of 10,000", 0.15, 10_000, 1<<10, "(FLAGS)"),
	imapFetch("ENVELOPE BODYSTRUCTURE of 1,000", 0.06, 1000, 4<<10, "(ENVELOPE BODYSTRUCTURE)"),
	imapFetch("BODY[] of 4 KiB", 0.20, 1000, 4<<10, "(BODY.PEEK[])"),
	imapFetch("header fields", 0.12, 1000, 4<<10, "(BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])"),
	{name: "imap APPEND 4 KiB", unit: "message", servers: commandServers, target: 0.60, prepare: imapMail(0, 0),
		load: commandLoad(1, fmt.Sprintf("APPEND INBOX (\\Seen) {%d+}\r\n%s", len(imapMessage(4<<10)), imapMessage(4<<10)))},
	{name: "imap STATUS of 10,000", unit: "command", servers: commandServers, target: 0.10, prepare: imapMail(10_000, 1<<10),
		load: commandLoad(1, "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")},
	{name: "imap SELECT of 1,000", unit: "command", servers: commandServers, target: 0.25, prepare: imapMail(1000, 1<<10),
		load: commandLoad(1, "SELECT INBOX")},
	{name: "imap SELECT of 10,000", unit: "command", servers: commandServers, target: 0.25, prepare: imapMail(10_000, 1<<10),
		load: commandLoad(1, "SELECT INBOX")},
	{name: "imap NOOP lock-step", unit: "command", servers: commandServers, target: 0.80, prepare: imapMail(1000, 1<<10),
		load: selectedLoad(1, "NOOP")},
	{name: "imap NOOP pipelined", unit: "command", servers: commandServers, prepare: imapMail(1000, 1<<10),
		load: selectedLoad(20, "NOOP")},
	{name: "imap FETCH BODY[] of 4 KiB, TLS", unit: "message", tls: true, servers: imapServers, prepare: imapMail(1000, 4<<10),
		load: fetchLoad(1000, "(BODY.PEEK[])")},
}

// imapFetch is a row of FETCH: of all messages of a mailbox in one command.
func imapFetch(what string, target float64, messages, octets int, items string) work {
	return work{
		name: "imap FETCH " + what, unit: "message", servers: imapServers, target: target,
		prepare: imapMail(messages, octets), load: fetchLoad(messages, items),
	}
}

// imapMessage is an alternative of text and HTML with the usual header, of so
// many octets.
func imapMessage(octets int) []byte {
	const head = "Return-Path: <ann@client.example>\r\n" +
		"Received: from mail.client.example by mx.server.example with ESMTPS id 4711;\r\n\tMon, 7 Feb 2022 10:00:02 +0100\r\n" +
		"From: Ann <ann@client.example>\r\nTo: Bob <bob@server.example>, carol@server.example\r\nCc: dave@server.example\r\n" +
		"Subject: =?utf-8?q?About_the_meeting_on_Monday=E2=80=A6?=\r\nDate: Mon, 7 Feb 2022 10:00:00 +0100\r\n" +
		"Message-ID: <4711.1@client.example>\r\nIn-Reply-To: <4710.1@server.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/alternative; boundary=\"=_b1\"\r\n\r\n" +
		"--=_b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	const middle = "\r\n--=_b1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>"
	const tail = "</p>\r\n--=_b1--\r\n"
	const line = "The quick brown fox jumps over the lazy dog, and sleeps until noon.\r\n"
	text := strings.Repeat(line, max(0, octets-len(head)-len(middle)-len(tail))/2/len(line))
	m := head + text + middle + text + tail
	return []byte(m + strings.Repeat("x", max(0, octets-len(m)-2)) + "\r\n")
}

// imapMail prepares a mailbox of so many messages, and one of them apart for the
// servers that hold them in memory.
func imapMail(messages, octets int) func(dir string) error {
	return func(dir string) error {
		if messages == 0 {
			return maildirOf(0, nil)(dir)
		}
		return maildirOf(messages, imapMessage(octets))(dir)
	}
}

// eachMessage calls f for the messages that a row has prepared.
func eachMessage(dir string, f func(content []byte) error) error {
	names, err := filepath.Glob(filepath.Join(dir, "mail", "cur", "*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := f(content); err != nil {
			return err
		}
	}
	return nil
}

// serveIMAP is ours.
func serveIMAP(addr, dir string) error {
	store := imapmem.New()
	if err := store.AddUser("u", "secret"); err != nil {
		return err
	}
	err := eachMessage(dir, func(content []byte) error {
		_, err := store.Deliver("u", "INBOX", content)
		return err
	})
	if err != nil {
		return err
	}
	l, err := listen(addr, dir)
	if err != nil {
		return err
	}
	return (&imapserver.Server{
		Backend: store,
		Auth:    &auth.Authenticator{Lookup: store.Lookup, Cleartext: auth.CleartextAny},
		Conns:   imapserver.Conns{PerIP: -1, PerUser: -1},
	}).Serve(l)
}

// serveGoIMAP is go-imap's, with its store in memory.
func serveGoIMAP(addr, dir string) error {
	user := imapmemserver.NewUser("u", "secret")
	if err := user.Create("INBOX", nil); err != nil {
		return err
	}
	err := eachMessage(dir, func(content []byte) error {
		_, err := user.Append("INBOX", bytes.NewReader(content), &goimap.AppendOptions{Time: time.Now()})
		return err
	})
	if err != nil {
		return err
	}
	l, err := listen(addr, dir)
	if err != nil {
		return err
	}
	memory := imapmemserver.New()
	memory.AddUser(user)
	return goimapserver.New(&goimapserver.Options{
		NewSession: func(*goimapserver.Conn) (goimapserver.Session, *goimapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps:         goimap.CapSet{goimap.CapIMAP4rev1: {}, goimap.CapIMAP4rev2: {}},
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0),
	}).Serve(l)
}

// dovecotIMAP has what its documents advise where speed matters more than a loss
// of power.
const dovecotIMAP = `
maildir_very_dirty_syncs = yes
mail_fsync = never
service imap {
  process_limit = 2000
}
`

type imapConn struct {
	net.Conn
	r *bufio.Reader
}

// dialIMAP logs in.
func dialIMAP(addr string) (*imapConn, error) {
	conn, err := dial(addr)
	if err != nil {
		return nil, err
	}
	c := &imapConn{conn, bufio.NewReaderSize(conn, 64<<10)}
	if _, err := c.r.ReadSlice('\n'); err != nil {
		return nil, err
	}
	_, err = c.do("x LOGIN u secret\r\n", 1)
	return c, err
}

// selectIMAP logs in and selects a mailbox whose messages it makes seen, as
// they are in a maildir from the beginning.
func selectIMAP(addr string) (*imapConn, error) {
	c, err := dialIMAP(addr)
	if err != nil {
		return nil, err
	}
	if _, err := c.do("x SELECT INBOX\r\n", 1); err != nil {
		return nil, err
	}
	_, err = c.do("x STORE 1:* +FLAGS.SILENT (\\Seen)\r\n", 1)
	return c, err
}

// do sends commands with the tag x, reads up to the last of their answers, and
// counts the rows of FETCH.
func (c *imapConn) do(commands string, answers int) (rows int, err error) {
	if _, err := io.WriteString(c, commands); err != nil {
		return 0, err
	}
	for answers > 0 {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return rows, err
		}
		switch {
		case bytes.HasPrefix(line, []byte("x OK")):
			answers--
		case bytes.HasPrefix(line, []byte("x ")):
			return rows, fmt.Errorf("the server said %q", line)
		case bytes.HasPrefix(line, []byte("* ")) && bytes.Contains(line, []byte(" FETCH ")):
			rows++
		}
	}
	return rows, nil
}

// fetchLoad fetches items of all messages, again and again.
func fetchLoad(messages int, items string) func(string, time.Time) (int, error) {
	return func(addr string, until time.Time) (n int, err error) {
		c, err := selectIMAP(addr)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		for n == 0 || time.Now().Before(until) { // the first look at a Maildir may take long
			if rows, err := c.do("x FETCH 1:* "+items+"\r\n", 1); err != nil || rows != messages {
				return n, fmt.Errorf("%d rows, %w", rows, err)
			}
			n += messages
		}
		return n, nil
	}
}

// commandLoad sends a command again and again, so many in one write; without a
// mailbox selected at first.
func commandLoad(window int, command string) func(string, time.Time) (int, error) {
	return repeat(dialIMAP, window, command)
}

// selectedLoad is commandLoad with a mailbox selected.
func selectedLoad(window int, command string) func(string, time.Time) (int, error) {
	return repeat(selectIMAP, window, command)
}

func repeat(dial func(string) (*imapConn, error), window int, command string) func(string, time.Time) (int, error) {
	commands := strings.Repeat("x "+command+"\r\n", window)
	return func(addr string, until time.Time) (n int, err error) {
		c, err := dial(addr)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		for n == 0 || time.Now().Before(until) {
			if _, err := c.do(commands, window); err != nil {
				return n, err
			}
			n += window
		}
		return n, nil
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log"
	"net"
	netsmtp "net/smtp"
	"sync"

	goimap "github.com/emersion/go-imap/v2"
	goimapclient "github.com/emersion/go-imap/v2/imapclient"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
)

// Clients talk to a bare loop in this process, whose part in the time is the same
// for all of them; it allocates nothing.

var clientCalls = []call{
	{name: "smtp client, 4 KiB message", ways: []way{
		{"mailwire", later(mailwireSends)},
		{"net/smtp", later(netSends)},
		{"go-smtp", later(goSends)},
	}},
	{name: "imap client, FLAGS of 1,000", ways: []way{
		{"mailwire", later(func() func() int { return mailwireFetches("FLAGS") })},
		{"go-imap", later(func() func() int { return goFetches("FLAGS") })},
	}},
	{name: "imap client, ENVELOPE of 1,000", ways: []way{
		{"mailwire", later(func() func() int { return mailwireFetches("ENVELOPE") })},
		{"go-imap", later(func() func() int { return goFetches("ENVELOPE") })},
	}},
}

// later puts off what has to be made until a row is really measured.
func later(make func() func() int) func() int {
	do := sync.OnceValue(make)
	return func() int { return do()() }
}

// need is for what goes before a measurement.
func need[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// bare starts a bare loop in this process.
func bare(serve func(addr, dir string) error) (addr string) {
	addr = need(freeAddr())
	go func() { log.Fatal(serve(addr, "")) }()
	if err := listening(addr); err != nil {
		log.Fatal(err)
	}
	return addr
}

var clientMessage = imapMessage(4 << 10)

func mailwireSends() func() int {
	ctx := context.Background()
	d := &smtpclient.Dialer{Addr: bare(bareSMTP), TLS: auth.TLSPolicy{Level: auth.TLSNever}}
	c := need(d.Connect(ctx))
	envelope := smtp.NewEnvelope("ann@client.example", "bob@server.example")
	r := bytes.NewReader(nil)
	return func() int {
		r.Reset(clientMessage)
		return len(need(c.Send(ctx, envelope, r)).Rcpts)
	}
}

func netSends() func() int {
	c := need(netsmtp.Dial(bare(bareSMTP)))
	return func() int {
		if c.Mail("ann@client.example") != nil || c.Rcpt("bob@server.example") != nil {
			return 0
		}
		w := need(c.Data())
		if _, err := w.Write(clientMessage); err != nil || w.Close() != nil {
			return 0
		}
		return 1
	}
}

func goSends() func() int {
	c := need(gosmtp.Dial(bare(bareSMTP)))
	r := bytes.NewReader(nil)
	return func() int {
		r.Reset(clientMessage)
		if c.SendMail("ann@client.example", []string{"bob@server.example"}, r) != nil {
			return 0
		}
		return 1
	}
}

const fetched = 1000 // messages

// bareFetch answers FETCH with the same rows again and again, and everything else
// with OK.
func bareFetch(item string) func(addr, dir string) error {
	values := map[string]string{
		"FLAGS": `FLAGS (\Seen \Answered $Forwarded)`,
		"ENVELOPE": `ENVELOPE ("Mon, 7 Feb 2022 10:00:00 +0100" "About the meeting on Monday" (("Ann" NIL "ann" "client.example")) ` +
			`(("Ann" NIL "ann" "client.example")) (("Ann" NIL "ann" "client.example")) (("Bob" NIL "bob" "server.example")) NIL NIL ` +
			`"<4710.1@server.example>" "<4711.1@client.example>")`,
	}
	var rows []byte
	for n := range fetched {
		rows = fmt.Appendf(rows, "* %d FETCH (UID %d %s)\r\n", n+1, n+1, values[item])
	}
	return func(addr, dir string) error {
		return serveBare(addr, dir, "* PREAUTH [CAPABILITY IMAP4rev1] bare\r\n", func(c net.Conn) error {
			var out []byte
			for lines := bufio.NewScanner(c); lines.Scan(); {
				tag, command, _ := bytes.Cut(lines.Bytes(), []byte(" "))
				out = out[:0]
				switch {
				case bytes.Contains(command, []byte("FETCH")):
					out = append(out, rows...)
				case bytes.HasPrefix(command, []byte("SELECT")), bytes.HasPrefix(command, []byte("EXAMINE")):
					out = fmt.Appendf(out, "* %d EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %d] x\r\n", fetched, fetched+1)
				case bytes.HasPrefix(command, []byte("CAPABILITY")):
					out = append(out, "* CAPABILITY IMAP4rev1\r\n"...)
				}
				out = append(append(out, tag...), " OK x\r\n"...)
				if _, err := c.Write(out); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func mailwireFetches(item string) func() int {
	ctx := context.Background()
	d := &imapclient.Dialer{Addr: bare(bareFetch(item)), TLS: auth.TLSPolicy{Level: auth.TLSNever}}
	c := need(d.Connect(ctx))
	need(c.Select(ctx, "INBOX", nil))
	want := imap.ItemFlags
	if item == "ENVELOPE" {
		want = imap.ItemEnvelope
	}
	return func() (n int) {
		for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, want) {
			if err != nil {
				log.Fatal(err)
			}
			if item == "FLAGS" {
				flags, _ := m.Flags()
				n += len(flags)
			} else if e, ok := m.Envelope(); ok {
				n += len(e.From)
			}
		}
		return n
	}
}

func goFetches(item string) func() int {
	c := need(goimapclient.DialInsecure(bare(bareFetch(item)), nil))
	need(c.Select("INBOX", nil).Wait())
	options := &goimap.FetchOptions{UID: true, Flags: item == "FLAGS", Envelope: item == "ENVELOPE"}
	all := goimap.UIDSet{goimap.UIDRange{Start: 1}}
	return func() (n int) {
		rows := c.Fetch(all, options)
		for m := rows.Next(); m != nil; m = rows.Next() {
			b := need(m.Collect())
			n += len(b.Flags)
			if b.Envelope != nil {
				n += len(b.Envelope.From)
			}
		}
		if err := rows.Close(); err != nil {
			log.Fatal(err)
		}
		return n
	}
}

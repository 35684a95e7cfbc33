package main

import (
	"crypto/tls"
	"net/smtp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// say sends octets as they are, and wants a reply.
func say(t *testing.T, c *smtp.Client, octets string, want int) {
	t.Helper()
	if _, err := c.Text.W.WriteString(octets); err != nil {
		t.Fatal(err)
	}
	if err := c.Text.W.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Text.ReadResponse(want); err != nil {
		t.Fatalf("%q: %v", octets, err)
	}
}

func dial(t *testing.T, addr string) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Whatever an application does is taken, and told.
func TestSession(t *testing.T) {
	s := start(t)
	message := "Subject: octets\r\n\r\nA bare\nLF and \x00 and \xff.\r\n"

	c := dial(t, s.address(smtpService))
	if err := c.Hello("app.example"); err != nil {
		t.Fatal(err)
	}
	say(t, c, "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n", 250)
	say(t, c, "RCPT TO:<anyone@any.example>\r\n", 250)
	say(t, c, "RCPT TO:<\"a b\"@[192.0.2.1]>\r\n", 250)
	say(t, c, "DATA\r\n", 354)
	say(t, c, message+".\r\n", 250)

	c = dial(t, s.address(smtpService))
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(smtp.PlainAuth("", "app", "any password", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	say(t, c, "MAIL FROM:<me@app.example> SIZE=7\r\n", 250)
	say(t, c, "RCPT TO:<x@example.org> NOTIFY=NEVER\r\n", 250)
	say(t, c, "RCPT TO:<x@example.org>\r\n", 250)
	say(t, c, "DATA\r\n", 354)
	say(t, c, ".\r\n", 250)

	entries := s.shelf.snapshot().entries
	if len(entries) != 2 {
		t.Fatalf("%d messages", len(entries))
	}
	got := []session{entries[0].session, entries[1].session}
	want := []session{{
		Hello: "EHLO app.example", From: "", To: []string{"anyone@any.example", "\"a b\"@[192.0.2.1]"},
		Mail: "MAIL FROM:<> BODY=8BITMIME SMTPUTF8", Rcpt: []string{"RCPT TO:<anyone@any.example>", "RCPT TO:<\"a b\"@[192.0.2.1]>"},
	}, {
		Hello: "EHLO localhost", TLS: "TLS 1.3, TLS_AES_128_GCM_SHA256", User: "app", From: "me@app.example", To: []string{"x@example.org", "x@example.org"},
		Mail: "MAIL FROM:<me@app.example> SIZE=7", Rcpt: []string{"RCPT TO:<x@example.org> NOTIFY=NEVER", "RCPT TO:<x@example.org>"},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(session{}, "Peer")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.HasPrefix(got[0].Peer, "127.0.0.1:") {
		t.Errorf("peer %q", got[0].Peer)
	}
	m, err := s.shelf.message(t.Context(), entries[0].uid)
	if err != nil {
		t.Fatal(err)
	}
	var octets strings.Builder
	if _, err := m.WriteTo(&octets); err != nil || octets.String() != message {
		t.Errorf("%q, %v; want %q", octets.String(), err, message)
	}
	if entries[1].size != 0 {
		t.Errorf("a message without an octet has %d", entries[1].size)
	}
}

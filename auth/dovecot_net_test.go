package auth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"github.com/mailwire/mailwire/internal/dovecot"
	"net"
	"strings"
	"testing"
	"time"
)

const dovecotConf = `
protocols = pop3
ssl = required
mail_location = maildir:HOME
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = PORT
    ssl = yes
  }
}
`

// Our clients log in to a Dovecot by every mechanism that it has.
func TestDovecot(t *testing.T) {
	const password = "caf\u00e9 x"
	d := dovecot.Start(t, dovecotConf, "ann:{PLAIN}"+password+"\n")
	for _, mech := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
		for _, pw := range []Secret{password, "wrong"} {
			t.Run(mech+"/"+string(pw), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.Addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				tc, err := StartClientTLS(ctx, c, &fakeReader{}, TLSPolicy{ServerName: "localhost", Roots: d.Roots})
				if err != nil {
					t.Fatal(err)
				}
				deadline, _ := ctx.Deadline()
				tc.SetDeadline(deadline)
				reply, finish := popAuth(t, ctx, tc, mech, Credentials{Username: "ann", Password: pw})
				good, ok := pw == password, strings.HasPrefix(reply, "+OK")
				if ok != good || ok && finish != nil {
					t.Errorf("reply %q, Finish %v", reply, finish)
				}
			})
		}
	}
}

// popAuth is the least of POP3 that carries an exchange. RFC 5034, section 4.
func popAuth(t *testing.T, ctx context.Context, tc *tls.Conn, mech string, cred Credentials) (reply string, finish error) {
	t.Helper()
	r := bufio.NewReader(tc)
	line := func() []byte {
		t.Helper()
		l, err := r.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		return bytes.TrimRight(l, "\r\n")
	}
	line() // greeting
	fmt.Fprint(tc, "CAPA\r\n")
	cs := tc.ConnectionState()
	ci := ConnInfo{TLS: &cs, Verified: true}
	for l := line(); string(l) != "."; l = line() {
		if list, ok := strings.CutPrefix(string(l), "SASL "); ok {
			ci.Offered = strings.Fields(list)
		}
	}
	c, err := ClientPolicy{Prefer: []string{mech}}.Choose(cred, ci)
	if err != nil {
		t.Fatal(err)
	}
	ir, err := c.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cmd := []byte("AUTH " + mech)
	if ir != nil {
		cmd = AppendInitial(append(cmd, ' '), ir)
	}
	for range maxRounds {
		tc.Write(append(cmd, "\r\n"...))
		l := line()
		challenge, ok := bytes.CutPrefix(l, []byte("+ "))
		if !ok {
			return string(l), c.Finish()
		}
		octets, err := ParseOctets(challenge, 0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.Next(ctx, octets)
		if err != nil {
			t.Fatalf("%q: %v", octets, err)
		}
		cmd = AppendOctets(nil, out)
	}
	t.Fatal("no end")
	return "", nil
}

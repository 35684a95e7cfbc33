package smtptest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/dovecot"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

const dovecotConf = `
protocols = lmtp
ssl = no
mail_location = maildir:HOME/%u
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = PORT
  }
}
service auth {
  unix_listener DIR/auth {
    mode = 0666
  }
}
`

// startDovecot runs a Dovecot until the test ends: LMTP at addr, and SASL for
// Postfix at the socket. It has the users u1 to u3.
func startDovecot(t *testing.T) (addr, socket, mail string) {
	t.Helper()
	var users strings.Builder
	for _, u := range []smtp.Path{u1, u2, u3} {
		fmt.Fprintf(&users, "%s:{PLAIN}pencil\n", u)
	}
	d := dovecot.Start(t, dovecotConf, users.String())
	return d.Addr, filepath.Join(d.Dir, "auth"), d.Home
}

// TestClientToDovecot delivers by LMTP: by DATA and in chunks, duplicates and a
// user that there is not.
func TestClientToDovecot(t *testing.T) {
	addr, _, mail := startDovecot(t)
	for _, chunking := range []bool{false, true} {
		d := &smtpclient.Dialer{Addr: addr, Protocol: smtp.LMTP, TLS: auth.TLSPolicy{Level: auth.TLSNever}, Chunking: chunking}
		c, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n := range 50 {
			token := fmt.Sprintf("X-Token: %v-%d-", chunking, n)
			res, err := c.Send(t.Context(), smtp.NewEnvelope("me@x.example", "u1@x.example", "nobody@x.example", "u2@x.example", "u1@x.example"),
				strings.NewReader(token+"\n\n.\nhello\n"))
			e, ok := err.(*smtpclient.SendError)
			if !ok || len(e.Failed) != 1 || e.Failed[0] != 1 || res.Rcpts[3].Final.Code != 250 {
				t.Fatalf("message %d: %v, %+v", n, err, res)
			}
		}
		c.Close()
	}
	files, err := filepath.Glob(mail + "/u2@x.example/new/*")
	if err != nil || len(files) != 100 {
		t.Fatalf("%d messages for u2, %v", len(files), err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil || !bytes.HasSuffix(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), []byte("-\n\n.\nhello\n")) {
			t.Errorf("%q, %v", content, err)
		}
	}
}

// TestClientAuthPostfix authenticates with Postfix, whose SASL is Dovecot's.
func TestClientAuthPostfix(t *testing.T) {
	_, socket, _ := startDovecot(t)
	next := NewServer(t, &smtpserver.Server{})
	addr, roots := startPostfix(t, next.Addr, "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = "+socket+"\n")
	for _, mech := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
		d := &smtpclient.Dialer{
			Addr: addr, LocalName: "client.example", TLS: auth.TLSPolicy{Roots: roots, ServerName: "mx.example"},
			Credentials: auth.Credentials{Username: "u1@x.example", Password: "pencil"}, Auth: auth.ClientPolicy{Prefer: []string{mech}},
		}
		token := "X-Token: " + mech
		if _, err := d.Send(t.Context(), smtp.NewEnvelope("u1@x.example", "u2@x.example"), strings.NewReader(token+"\r\n\r\n")); err != nil {
			t.Errorf("%s: %v", mech, err)
			continue
		}
		awaitDelivery(t, next, token)
		d.Credentials.Password = "wrong"
		if _, err := d.Connect(t.Context()); err == nil {
			t.Errorf("%s: a wrong password was right", mech)
		}
	}
}

// TestDovecotLMTP runs the suite against Dovecot's LMTP.
func TestDovecotLMTP(t *testing.T) {
	addr, _, _ := startDovecot(t)
	target := &Target{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
		Protocol: smtp.LMTP, Good: []smtp.Path{u1, u2, u3}, Bad: nobody, Known: dovecotKnown,
	}
	for _, c := range Cases() {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			switch o := c.Run(t.Context(), target); o.Verdict {
			case Failed:
				t.Error(o)
			case Skipped, Excused:
				t.Skip(o)
			}
		})
	}
}

// dovecotKnown is why Dovecot 2.3.19, as Debian 12 has it, fails cases: its LMTP
// is for a server before it that it trusts, and it says so.
var dovecotKnown = map[string]string{
	"SEQ-5":    "LHLO is not required",
	"SEQ-18":   "a long address is echoed in a reply line of more than 512 octets",
	"PATH-22":  "there is a postmaster if there is a user of that name",
	"PATH-27":  "domains are not looked at",
	"PATH-29":  "address literals are not looked at",
	"LINE-43":  "an LF ends a line",
	"DATA-54":  "an LF ends a line",
	"DATA-59":  "an LF ends a line",
	"BDAT-71b": "recipients may be named between chunks",
	"BDAT-72":  "a bad BDAT is a bad command and no more",
}

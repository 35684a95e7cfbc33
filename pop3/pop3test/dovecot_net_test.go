package pop3test_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/dovecot"
	"github.com/mailwire/mailwire/pop3/pop3client"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

const dovecotConfig = `
protocols = pop3
ssl = yes
disable_plaintext_auth = no
auth_mechanisms = plain scram-sha-256 apop
login_trusted_networks =
mail_location = maildir:HOME/Maildir
pop3_lock_session = yes
pop3_uidl_format = %v.%u
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = PORT
  }
  inet_listener pop3s {
    port = 0
  }
}
`

// A maildrop is the one of a Dovecot that offers STLS.
type maildrop struct {
	*dovecot.Server
	sent int
}

func startDovecot(t *testing.T) *maildrop {
	t.Helper()
	d := &maildrop{Server: dovecot.Start(t, dovecotConfig, me.Username+":"+string(me.Password)+"\n")}
	if err := d.reset(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return d
}

// reset fills the maildrop, which is a Maildir.
func (d *maildrop) reset(_ context.Context, messages []string) error {
	maildir := filepath.Join(d.Home, "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.RemoveAll(filepath.Join(maildir, sub)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(maildir, sub), 0o777); err != nil {
			return err
		}
	}
	for _, m := range messages {
		d.sent++ // names give the order, and are not used again
		name := filepath.Join(maildir, "cur", fmt.Sprintf("%d.M%dP1.localhost:2,", 1_600_000_000+d.sent, d.sent))
		if err := os.WriteFile(name, []byte(m), 0o666); err != nil {
			return err
		}
	}
	return filepath.Walk(d.Home, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, 8, 8) // mail, on Debian
	})
}

// What Dovecot 2.3.19 does otherwise.
var dovecotKnown = map[string]string{
	"NUM-1b":   "leading zeros are skipped",
	"QUIT-5":   "arguments of QUIT are not looked at, and the messages are gone",
	"STUFF-7":  "the first octet of a message is not stuffed",
	"STUFF-7b": "the first octet of a message is not stuffed, and so a message of one dot ends at once",
	"ENDS-8b":  "LIST does not count the line end that RETR adds",
	"ENDS-8e":  "a bare CR is sent as it is",
	"LOCK-13":  "the second session is kept waiting for the lock, for minutes, and not refused",
	"CAPA-16":  "USER is not listed behind login",
	"STLS-20":  "USER survives STLS",
	"AUTH-23":  "a response has 8 KiB at most, and a longer one ends the connection",
	"ARGS-43":  "arguments where there are none are not looked at",
	"BARE-44":  "a bare LF ends a command",
	"BARE-44b": "an unknown command is given back as it came, with its bare CR",
	"NUL-45":   "a command ends at NUL",
	"HTTP-49":  "a request is three bad commands, and what follows is executed",
}

func TestDovecot(t *testing.T) {
	d := startDovecot(t)
	pop3test.Run(t, &pop3test.Target{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", d.Addr)
		},
		TLS: &tls.Config{RootCAs: d.Roots, ServerName: "localhost"}, Login: &me, Reset: d.reset, Known: dovecotKnown,
		Patience: 5 * time.Second,
	})
}

// Our client empties a maildrop of 1,000 messages, and has every octet of them.
func TestDovecotEmptied(t *testing.T) {
	d := startDovecot(t)
	const count = 1000
	var messages []string
	for i := range count {
		messages = append(messages, fmt.Sprintf("Subject: %d\r\n\r\n.%s\r\n..\r\nend %d\r\n", i, strings.Repeat("x\r\n.", i%50), i))
	}
	for _, mechanism := range []string{"SCRAM-SHA-256", "PLAIN"} {
		t.Run(mechanism, func(t *testing.T) {
			if err := d.reset(t.Context(), messages); err != nil {
				t.Fatal(err)
			}
			dialer := &pop3client.Dialer{
				Addr: d.Addr, Credentials: me, TLS: auth.TLSPolicy{Roots: d.Roots, ServerName: "localhost"},
				Auth: auth.ClientPolicy{Prefer: []string{mechanism}},
			}
			c, err := dialer.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			all, err := c.UIDs(t.Context())
			if err != nil || len(all) != count {
				t.Fatalf("%d messages, %v", len(all), err)
			}
			var nums []int
			uids := make(map[string]bool)
			for _, e := range all {
				nums = append(nums, e.N)
				uids[e.UID] = true
			}
			if len(uids) != count {
				t.Errorf("%d unique-ids", len(uids))
			}
			sizes, err := c.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for m, err := range c.RetrAll(t.Context(), nums) {
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(m)
				if err != nil || string(got) != messages[m.N-1] {
					t.Fatalf("message %d: %.100q, %v", m.N, got, err)
				}
				if size := sizes[m.N-1].Size; size != int64(len(got)) {
					t.Errorf("message %d: LIST gives %d octets of %d", m.N, size, len(got))
				}
			}
			if err := c.Dele(t.Context(), nums...); err != nil {
				t.Fatal(err)
			}
			if err := c.Quit(t.Context()); err != nil {
				t.Fatal(err)
			}
			c, err = dialer.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n, _, err := c.Stat(t.Context()); n != 0 || err != nil {
				t.Errorf("%d are left, %v", n, err)
			}
			c.Close()
		})
	}
}

package imaptest_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/internal/dovecot"
)

const dovecotConfig = `
protocols = imap
ssl = yes
disable_plaintext_auth = no
auth_mechanisms = plain
mail_max_userip_connections = 200
mail_location = mdbox:HOME/mail
mail_plugins = zlib
protocol imap {
  mail_plugins = zlib imap_zlib
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  chroot =
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = 0
  }
}
`

// What Dovecot 2.3.19 does otherwise.
var dovecotKnown = map[string]string{
	"FRM-1":    "NAMESPACE and others do not look at their arguments, and what is in the literal is executed",
	"FRM-1b":   "a literal behind a refused AUTHENTICATE is read as commands",
	"FRM-1c":   "a literal behind an unknown UID command is read as commands",
	"FRM-1d":   "as FRM-1",
	"FRM-1f":   "as FRM-1: IDLE does not look at arguments",
	"FRM-3":    "BYE in place of NO or BAD",
	"FRM-5":    "a literal behind an unknown command is read as commands",
	"FRM-12":   "a bare CR behind a command without arguments is skipped",
	"FRM-13":   "a backslash quotes anything",
	"AUT-2b":   "SELECT that is BAD closes the mailbox too",
	"AUT-4":    "NO for what is no base64",
	"AUT-11":   "no ENABLED where nothing new is enabled",
	"RO-3":     "STORE in a read-only mailbox is OK, and ignored",
	"VIEW-12b": "BYE for a mailbox that was renamed",
	"NUM-5":    "UIDs of more than 32 bits are taken",
	"MBX-7g":   "NUL is stored, and sent as 0x80",
	"MBX-7f":   "the 32nd of a month is the 1st of the next",
	"CST-1c":   "no flags are an empty list",
	"FET-2b":   "parts of no octets are taken",
	"FET-4":    "BODY[0] is empty",
	"FET-9":    "behind an address that is none the rest is dropped",
	"CST-7b":   "UIDVALIDITY 0 is taken",
	"SRCH-6b":  "days are not looked at",
	"IDL-2b":   "a literal in a refused line of IDLE is read as commands",
	"IDL-5":    "FETCH is not kept waiting for an EXPUNGE before it",
}

func TestDovecot(t *testing.T) {
	d := dovecot.Start(t, dovecotConfig, me.Username+":"+string(me.Password)+"\n")
	imaptest.Run(t, &imaptest.Target{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", d.Addr)
		},
		TLS: &tls.Config{RootCAs: d.Roots, ServerName: "localhost"}, Login: &me, Known: dovecotKnown,
		Patience: 5 * time.Second,
	})
}

package smtptest

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// postfixKnown is why Postfix 3.7, as Debian 12 has it and with the defaults of
// its SMTP server, fails cases. Each is its choice, and none a fault of the case.
var postfixKnown = map[string]string{
	"SEQ-5":   noHelo,
	"TLS-75":  noHelo,
	"PATH-26": notStrict,
	"PATH-27": notStrict,
	"PATH-29": notStrict,
	"PATH-30": notStrict,
	"LINE-43": bareLF,
	"DATA-54": bareLF,
	"DATA-56": bareLF,
	"DATA-59": bareLF,

	"PATH-35": "strict_smtputf8 = no: UTF-8 is taken without SMTPUTF8",
	"SEQ-18":  "strict_smtputf8 = no: an address in UTF-8 is echoed as it came",
	"LINE-48": "smtpd_junk_command_limit = 100",

	"SEQ-10b": quitArg,
	"PATH-32": twice,
	"PATH-37": lowerHex,
	"PATH-38": notifyComma,
	"LINE-44": crDropped,
}

const (
	noHelo    = "smtpd_helo_required = no"
	notStrict = "strict_rfc821_envelopes = no"
	bareLF    = "smtpd_forbid_bare_newline = no"

	quitArg     = "the argument of QUIT is not looked at"
	twice       = "of two equal parameters the last counts"
	lowerHex    = "xtext may have hex digits in lower case"
	notifyComma = "the list of NOTIFY may end in a comma"
	crDropped   = "a CR before CRLF is dropped"
)

// postfixStrict turns on what Postfix leaves off by default.
const postfixStrict = `smtpd_helo_required = yes
strict_rfc821_envelopes = yes
smtpd_forbid_bare_newline = yes
smtpd_forbid_bare_newline_exclusions =
strict_smtputf8 = yes
smtpd_junk_command_limit = 1000000
`

// postfixStrictKnown is what is left then: no option changes it.
var postfixStrictKnown = map[string]string{
	"SEQ-10b": quitArg,
	"PATH-26": "a quoted string may hold any octet",
	"PATH-27": "a local part may begin and end with a dot, and have two in a row",
	"PATH-29": "the bracket that closes an address literal may be missing",
	"PATH-32": twice,
	"PATH-37": lowerHex,
	"PATH-38": notifyComma,
	"LINE-43": "smtpd_forbid_bare_newline is about content: an LF still ends a command",
	"LINE-44": crDropped,
}

// TestPostfix is a test of the suite: every case must pass against a server that
// the world runs on, or the reason must be known. Postfix delivers to a server of
// ours, so that the cases see what arrived.
func TestPostfix(t *testing.T) {
	t.Run("default", func(t *testing.T) { runPostfix(t, "", postfixKnown) })
	t.Run("strict", func(t *testing.T) { runPostfix(t, postfixStrict, postfixStrictKnown) })
}

func runPostfix(t *testing.T, config string, known map[string]string) {
	next := NewServer(t, &smtpserver.Server{})
	addr, roots := startPostfix(t, next.Addr, config)
	target := &Target{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
		TLS:  &tls.Config{RootCAs: roots, ServerName: "mx.example"},
		Good: []smtp.Path{u1, u2, u3}, Bad: nobody,
		MaxMessage: 200_000, Patience: 20 * time.Second,
		Known:     known,
		Delivered: next.record.Delivered,
	}
	for _, c := range Cases() {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel() // most of the time is Postfix's, which waits before it answers mistakes
			switch o := c.Run(t.Context(), target); o.Verdict {
			case Failed:
				t.Error(o)
			case Skipped, Excused:
				t.Skip(o)
			}
		})
	}
}

const postfixMain = `compatibility_level = 3.6
queue_directory = DIR/spool
data_directory = DIR/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = DIR/mail.log
maillog_file_prefixes = DIR
myhostname = mx.example
mydestination = x.example
local_recipient_maps = static:all
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_transport = smtp:[127.0.0.1]:NEXT
default_transport = smtp:[127.0.0.1]:NEXT
relay_transport = smtp:[127.0.0.1]:NEXT
disable_dns_lookups = yes
message_size_limit = 200000
smtpd_tls_security_level = may
smtpd_tls_cert_file = DIR/conf/cert.pem
smtpd_tls_key_file = DIR/conf/key.pem
smtpd_recipient_restrictions = check_recipient_access inline:{ { nobody@x.example = REJECT nobody of that name } }, permit_mynetworks, reject
`

const postfixMaster = `127.0.0.1:PORT inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix of its own until the test ends, with the defaults
// of its server, and returns where it listens.
func startPostfix(t testing.TB, next, config string) (addr string, roots *x509.CertPool) {
	t.Helper()
	if testing.Short() {
		t.Skip("Postfix takes its time")
	}
	postfix, err := exec.LookPath("postfix")
	if err != nil {
		t.Skip("no Postfix is installed")
	}
	if os.Getuid() != 0 {
		t.Skip("Postfix can be started by root only")
	}
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	_, nextPort, _ := net.SplitHostPort(next)
	cert, roots, err := suite.Certificate(time.Now().Add(time.Hour), "mx.example")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("DIR", dir, "NEXT", nextPort, "PORT", port)
	for name, content := range map[string]string{
		"conf/main.cf":   fill.Replace(postfixMain + config),
		"conf/master.cf": fill.Replace(postfixMaster),
		"conf/cert.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
		"conf/key.pem":   string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})),
		"spool/.keep":    "", "data/.keep": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Chmod(dir, 0o755)
	run := func(args ...string) {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("chown", "postfix", dir+"/data")
	t.Cleanup(func() {
		if out, err := exec.Command(postfix, "-c", dir+"/conf", "stop").CombinedOutput(); err != nil {
			t.Errorf("stopping Postfix: %v\n%s", err, out)
		}
		if t.Failed() {
			log, _ := os.ReadFile(dir + "/mail.log")
			t.Logf("the log of Postfix ends with\n%s", log[max(0, len(log)-4000):])
		}
	})
	run(postfix, "-c", dir+"/conf", "start")
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, roots
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatal(fmt.Errorf("Postfix does not listen on %s", addr))
	return "", nil
}

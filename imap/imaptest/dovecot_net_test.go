package imaptest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap/imaptest"
)

const dovecotConfig = `
protocols = imap
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/run
log_path = %[1]s/log
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
mail_max_userip_connections = 200
passdb {
  driver = passwd-file
  args = scheme=PLAIN %[1]s/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=%[1]s/home
}
mail_location = mdbox:%[1]s/home/mail
mail_plugins = zlib
protocol imap {
  mail_plugins = zlib imap_zlib
}
first_valid_uid = 1
first_valid_gid = 1
namespace inbox {
  inbox = yes
  separator = /
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = %[2]d
  }
  inet_listener imaps {
    port = 0
  }
}
`

// startDovecot runs one on loopback for the time of the test, and returns its
// address and what a client needs to trust it. The test is skipped where none is
// installed; it has to be run by root, as Dovecot wants to change its users.
func startDovecot(t *testing.T) (addr string, roots *x509.CertPool) {
	t.Helper()
	if testing.Short() {
		t.Skip("Dovecot takes its time")
	}
	program, err := exec.LookPath("dovecot")
	if err != nil {
		t.Skip("no Dovecot is installed")
	}
	if os.Getuid() != 0 {
		t.Skip("Dovecot is started by root only here")
	}
	dir, err := os.MkdirTemp("", "mailwire-dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	roots = writeCertificate(t, write)
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a port that is free
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	write("dovecot.conf", fmt.Sprintf(dovecotConfig, dir, l.Addr().(*net.TCPAddr).Port))
	l.Close()
	write("users", fmt.Sprintf("%s:%s\n", me.Username, string(me.Password)))
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, 8, 8); err != nil { // mail, on Debian
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("Dovecot's log:\n%.4000s", log)
		}
	})
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr, roots
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func writeCertificate(t *testing.T, write func(name, content string)) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return roots
}

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
	addr, roots := startDovecot(t)
	imaptest.Run(t, &imaptest.Target{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
		TLS: &tls.Config{RootCAs: roots, ServerName: "localhost"}, Login: &me, Known: dovecotKnown,
		Patience: 5 * time.Second,
	})
}

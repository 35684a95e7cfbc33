package pop3test_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3/pop3client"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// A dovecot is one that runs on loopback for the time of a test, with a
// configuration of its own and one account.
type dovecot struct {
	dir   string
	addr  string // STLS is offered
	roots *x509.CertPool
	sent  int
}

const dovecotConfig = `
protocols = pop3
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/run
log_path = %[1]s/log
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain scram-sha-256 apop
auth_failure_delay = 0
login_trusted_networks =
passdb {
  driver = passwd-file
  args = scheme=PLAIN %[1]s/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=%[1]s/home
}
mail_location = maildir:%[1]s/home/Maildir
pop3_lock_session = yes
pop3_uidl_format = %%v.%%u
first_valid_uid = 1
first_valid_gid = 1
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    address = 127.0.0.1
    port = %[2]d
  }
  inet_listener pop3s {
    port = 0
  }
}
`

// startDovecot skips the test where no Dovecot is installed. It has to be run by
// root, as Dovecot wants to change its users.
func startDovecot(t *testing.T) *dovecot {
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
	d := &dovecot{dir: dir, roots: x509.NewCertPool()}
	os.Chmod(dir, 0o755)
	d.writeCertificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a port that is free
	if err != nil {
		t.Fatal(err)
	}
	d.addr = l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	d.write(t, "dovecot.conf", fmt.Sprintf(dovecotConfig, dir, port))
	d.write(t, "users", fmt.Sprintf("%s:%s\n", me.Username, string(me.Password)))
	if err := d.reset(t.Context(), nil); err != nil {
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
		c, err := net.Dial("tcp", d.addr)
		if err == nil {
			c.Close()
			return d
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (d *dovecot) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (d *dovecot) writeCertificate(t *testing.T) {
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
	leaf, _ := x509.ParseCertificate(der)
	d.roots.AddCert(leaf)
	d.write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	d.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// reset fills the maildrop, which is a Maildir.
func (d *dovecot) reset(_ context.Context, messages []string) error {
	maildir := filepath.Join(d.dir, "home", "Maildir")
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
	return filepath.Walk(filepath.Join(d.dir, "home"), func(path string, _ os.FileInfo, err error) error {
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
			return new(net.Dialer).DialContext(ctx, "tcp", d.addr)
		},
		TLS: &tls.Config{RootCAs: d.roots, ServerName: "localhost"}, Login: &me, Reset: d.reset, Known: dovecotKnown,
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
				Addr: d.addr, Credentials: me, TLS: auth.TLSPolicy{Roots: d.roots, ServerName: "localhost"},
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

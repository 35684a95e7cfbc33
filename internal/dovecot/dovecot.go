// Package dovecot runs a Dovecot on loopback for the time of a test, with a
// configuration, users and mail of its own: a server that we did not write, for
// clients and conformance suites.
package dovecot

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
)

// A Server is a Dovecot that runs.
type Server struct {
	Dir   string         // of everything that is its own, short enough for the names of its sockets
	Home  string         // in Dir, owned by the user that Dovecot reads mail as
	Addr  string         // host:port, where PORT of the configuration is
	Roots *x509.CertPool // vouch for its certificate, which is for the name localhost
}

// common is what every test wants. Sockets are not in chroots, since these have
// to be made by an installation; a failed login is answered at once.
const common = `
base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/log
listen = 127.0.0.1
ssl_cert = <DIR/cert.pem
ssl_key = <DIR/key.pem
auth_failure_delay = 0
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u DIR/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=HOME
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
`

// Start runs a Dovecot until the test ends, and returns when it takes connections.
// config comes behind the common part; in it DIR, HOME and PORT are replaced.
// users are lines of a passwd-file. The test is skipped under -short, where no
// Dovecot is installed, and where it cannot change its user.
func Start(t testing.TB, config, users string) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("Dovecot takes its time")
	}
	program, err := exec.LookPath("dovecot")
	if err != nil {
		if program = "/usr/sbin/dovecot"; !executable(program) { // not in everyone's path
			t.Skip("no Dovecot is installed")
		}
	}
	mail, err := user.Lookup("mail")
	if err != nil || os.Getuid() != 0 {
		t.Skip("Dovecot changes its user, which needs root and a user mail")
	}
	s := new(Server)
	if s.Dir, err = os.MkdirTemp("", "dc"); err != nil { // t.TempDir is too long
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.Dir) })
	s.Home = filepath.Join(s.Dir, "home")
	if err := os.Chmod(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Home, 0o755); err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(mail.Uid)
	gid, _ := strconv.Atoi(mail.Gid)
	if err := os.Chown(s.Home, uid, gid); err != nil {
		t.Fatal(err)
	}
	s.writeCertificate(t)
	s.write(t, "users", users)
	for range 5 { // the port that is free now may be taken when Dovecot wants it
		if s.start(t, program, common+config) {
			return s
		}
	}
	log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	t.Fatalf("Dovecot does not start; its log:\n%.4000s", log)
	return nil
}

func executable(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode()&0o111 != 0
}

// start reports whether Dovecot has come up.
func (s *Server) start(t testing.TB, program, config string) bool {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(s.Addr)
	s.write(t, "dovecot.conf", strings.NewReplacer("DIR", s.Dir, "HOME", s.Home, "PORT", port).Replace(config))
	cmd := exec.Command(program, "-F", "-c", filepath.Join(s.Dir, "dovecot.conf"))
	cmd.Stderr = t.Output()
	cmd.WaitDelay = 10 * time.Second // a child of it that lives on has its Stderr too
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	for tries := 0; ; tries++ {
		if c, err := net.Dial("tcp", s.Addr); err == nil {
			c.Close()
			break
		}
		if tries == 1200 {
			cmd.Process.Signal(syscall.SIGTERM)
			<-ended
			return false
		}
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("Dovecot does not end")
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			t.Logf("Dovecot's log:\n%.4000s", log)
		}
	})
	return true
}

func (s *Server) write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) writeCertificate(t testing.TB) {
	t.Helper()
	cert, roots, err := suite.Certificate(time.Now().Add(time.Hour), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots = roots
	s.write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	s.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

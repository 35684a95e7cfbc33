package auth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Dovecot of its own, on loopback, with one user, who has a password of every kind:
// our clients log in to it by every mechanism it has.

const dovecotConf = `
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = /dev/stderr
protocols = pop3
listen = 127.0.0.1
ssl = required
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
mail_location = maildir:%[1]s/mail
auth_failure_delay = 0
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %[1]s/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=%[1]s/mail
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = %[2]d
    ssl = yes
  }
}
service stats {
  chroot =
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`

func startDovecot(t *testing.T, cert tls.Certificate, password string) (addr string) {
	t.Helper()
	path, err := exec.LookPath("dovecot")
	if err != nil {
		t.Skip("dovecot is not installed")
	}
	if who, err := user.Current(); err != nil || who.Uid != "0" {
		t.Skip("dovecot switches users, which needs root")
	}
	// Its sockets have long names, and t.TempDir too.
	dir, err := os.MkdirTemp("", "dc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close() // and hope that nobody takes it before Dovecot does
	for name, content := range map[string][]byte{
		"cert.pem":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		"key.pem":      pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"users":        []byte("ann:{PLAIN}" + password + "\n"),
		"dovecot.conf": fmt.Appendf(nil, dovecotConf, dir, port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{".": 0o755, "mail": 0o777} {
		if err := os.MkdirAll(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, lines := make(chan bool, 1), bufio.NewScanner(log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			t.Log(lines.Text())
			if strings.Contains(lines.Text(), "starting up") {
				ready <- true
			}
		}
		close(ready)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		<-ended
		cmd.Wait()
	})
	if !<-ready {
		t.Skip("dovecot does not start with this configuration; its log is above")
	}
	return fmt.Sprint("127.0.0.1:", port)
}

func TestDovecot(t *testing.T) {
	const password = "caf\u00e9 x"
	ca := newAuthority(t, nil)
	cert := ca.leaf(t, certOptions{})
	addr := startDovecot(t, cert, password)
	for _, mech := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
		for _, pw := range []Secret{password, "wrong"} {
			t.Run(mech+"/"+string(pw), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				tc, err := StartClientTLS(ctx, c, &fakeReader{}, TLSPolicy{ServerName: "mail.example", Roots: poolOf([]*x509.Certificate{ca.cert})})
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

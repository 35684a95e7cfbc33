package imapserver_test

import (
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
)

// serveNet serves two messages on loopback: with STARTTLS, and with TLS from the
// start. cafile has the certificate, for mail.example.
func serveNet(t *testing.T) (store *imapmem.Store, plain, tls, cafile string) {
	t.Helper()
	store = newStore(t)
	fill(t, store)
	srv := newServer(store)
	srv.TLS, srv.Auth = testTLS(), testAuth(auth.CleartextNone)
	var addrs []string
	for _, serve := range []func(net.Listener) error{srv.Serve, srv.ServeTLS} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, l.Addr().String())
		go serve(l)
	}
	t.Cleanup(func() { srv.Close() })
	cafile = filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testTLS().Certificates[0].Certificate[0]})
	if err := os.WriteFile(cafile, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	return store, addrs[0], addrs[1], cafile
}

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

// Every command of Python's imaplib.
func TestImaplib(t *testing.T) {
	python := need(t, "python3")
	_, addr, _, cafile := serveNet(t)
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.CommandContext(t.Context(), python, "testdata/python_imaplib.py", host, port, cafile).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What curl can do with IMAP.
func TestCurl(t *testing.T) {
	curl := need(t, "curl")
	store, plainAddr, tlsAddr, cafile := serveNet(t)
	_, port, _ := net.SplitHostPort(tlsAddr)
	_, plainPort, _ := net.SplitHostPort(plainAddr)
	run := func(args ...string) (string, error) {
		all := append([]string{"-sS", "--max-time", "20", "--cacert", cafile, "--user", "u:p",
			"--resolve", "mail.example:" + port + ":127.0.0.1", "--resolve", "mail.example:" + plainPort + ":127.0.0.1"}, args...)
		out, err := exec.CommandContext(t.Context(), curl, all...).CombinedOutput()
		return string(out), err
	}
	base := "imaps://mail.example:" + port
	upload := filepath.Join(t.TempDir(), "mail.eml")
	if err := os.WriteFile(upload, []byte("Subject: uploaded\r\n\r\nby curl\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string // is in the output
		fail bool
	}{
		{"list", []string{base + "/"}, "* LIST (\\HasNoChildren) \"/\" INBOX", false},
		{"whole message", []string{base + "/INBOX;UID=1"}, string(plain), false},
		{"by number", []string{base + "/INBOX;MAILINDEX=2;SECTION=1"}, "caf=C3=A9", false},
		{"header", []string{base + "/INBOX;UID=2;SECTION=HEADER.FIELDS%20(SUBJECT)"}, "Subject: =?utf-8?q?Gr", false},
		{"text", []string{base + "/INBOX;UID=1;SECTION=TEXT"}, "Hello.", false},
		{"no such message", []string{base + "/INBOX;UID=99"}, "", true},
		{"no such mailbox", []string{base + "/nope;UID=1"}, "", true},
		{"search", []string{base + "/INBOX?SUBJECT%20first"}, "* SEARCH 1", false},
		{"command", []string{"-X", "STATUS INBOX (MESSAGES)", base + "/"}, "* STATUS INBOX (MESSAGES 2)", false},
		{"store", []string{"-X", "STORE 1 +FLAGS (\\Flagged)", base + "/INBOX"}, "\\Flagged", false},
		{"append", []string{"-T", upload, base + "/INBOX"}, "", false},
		{"what was appended", []string{base + "/INBOX;UID=3"}, "Subject: uploaded\r\n\r\nby curl\r\n", false},
		{"STARTTLS", []string{"--ssl-reqd", "imap://mail.example:" + plainPort + "/INBOX;UID=1"}, "Hello.", false},
		{"SASL-IR", []string{"--sasl-ir", "--login-options", "AUTH=PLAIN", base + "/INBOX;UID=1"}, "Hello.", false},
		{"in cleartext", []string{"imap://mail.example:" + plainPort + "/INBOX;UID=1"}, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := run(tt.args...)
			if (err != nil) != tt.fail {
				t.Fatalf("%v\n%s", err, out)
			}
			if !strings.Contains(out, tt.want) {
				t.Errorf("got %q, want %q in it", out, tt.want)
			}
		})
	}
	if got := strings.Count(store.Dump("u", "INBOX"), "\n"); got != 3 {
		t.Errorf("%d messages, want 3", got)
	}
}

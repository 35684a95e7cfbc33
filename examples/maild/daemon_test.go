package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/examples/maild/store"
)

// testDaemon is a daemon in this process with the accounts demo and other.
type testDaemon struct {
	*daemon
	passwords map[string]string
	trust     *tls.Config
	stop      func() error // ends serve and returns its result; once
}

// empty is a database without accounts. To make the tables anew would be half of
// what most tests do.
var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "maild")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "maild.db"))
})

// testConfig listens on ports that the system chooses, and has an empty database.
func testConfig(t testing.TB, args ...string) config {
	t.Helper()
	for _, s := range services {
		args = append(args, "-"+s.flag, "127.0.0.1:0")
	}
	c, words, err := parseConfig(append(args, "-data", filepath.Join(t.TempDir(), "data")), t.Output())
	if err != nil || len(words) != 0 {
		t.Fatal(err, words)
	}
	octets, err := empty()
	if err == nil {
		err = os.Mkdir(c.data, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(c.data, "maild.db"), octets, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fewIterations is the smallest count that is allowed. With the usual one the
// tests would spend most of their time on passwords.
const fewIterations = 4096

func start(t testing.TB, c config) *testDaemon {
	t.Helper()
	d, err := newDaemon(c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	d.accounts.iterations = fewIterations
	_, demo, err := d.accounts.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	td := &testDaemon{daemon: d, passwords: map[string]string{"demo": string(demo)}}
	if demo != "" {
		other, err := d.accounts.add("other")
		if err != nil {
			t.Fatal(err)
		}
		td.passwords["other"] = string(other)
	}
	if td.trust, err = trust(c.certFile()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	td.stop = sync.OnceValue(func() error { cancel(); return <-served })
	t.Cleanup(func() {
		if err := td.stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return td
}

func (d *testDaemon) addr(service int) string { return d.listeners[service].Addr().String() }

// mx is a stranger's connection to the SMTP port.
func (d *testDaemon) mx(t testing.TB) *smtp.Client {
	t.Helper()
	c, err := dialSMTP(d.addr(smtpService))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// submit is a connection to the submission port, logged in over STARTTLS.
func (d *testDaemon) submit(t testing.TB, user string) *smtp.Client {
	t.Helper()
	c, err := dialSMTP(d.addr(submissionService))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.StartTLS(d.trust); err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(strings.ToLower(user), "@")
	if err := c.Auth(smtp.PlainAuth("", user, d.passwords[name], "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	return c
}

// mail returns the contents of an inbox, without the trace.
func (d *testDaemon) mail(t testing.TB, user string) []string {
	t.Helper()
	all, _, err := fetch(d.addr(pop3sService), d.trust, user, d.passwords[user])
	if err != nil {
		t.Fatal(err)
	}
	contents := []string{}
	for _, m := range all {
		contents = append(contents, belowTrace(t, m))
	}
	return contents
}

// code is the reply code in an error of net/smtp; 250: there was none.
func code(err error) int {
	if err == nil {
		return 250
	}
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return e.Code
	}
	return 0
}

const content = "Subject: x\r\n\r\n.dot\r\n..\r\n.\r\nGr\xc3\xbc\xc3\x9fe \xff\x00\r\n"

func TestWhatComesInGoesOut(t *testing.T) {
	d := start(t, testConfig(t))
	large := strings.Repeat(content, 3<<20/len(content))
	for _, m := range []string{content, "\r\n", large} {
		if err := send(d.submit(t, "demo"), "demo@maild.localhost", m, "other@maild.localhost"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{content, "\r\n", large}, d.mail(t, "other")); diff != "" {
		t.Errorf("mail (-sent +fetched):\n%.2000s", diff)
	}
}

// Who may send what to whom, by the code of the first refusal.
func TestPolicy(t *testing.T) {
	d := start(t, testConfig(t))
	for _, tt := range []struct {
		name, user, from, to string
		want                 int
	}{
		{"incoming", "", "x@example.org", "demo@maild.localhost", 250},
		{"incoming bounce", "", "", "demo@maild.localhost", 250},
		{"letter case", "", "x@example.org", "DEMO@Maild.LOCALHOST", 250},
		{"subaddress", "", "x@example.org", "demo+lists+go@maild.localhost", 250},
		{"postmaster", "", "x@example.org", "Postmaster@maild.localhost", 250},
		{"postmaster without a domain", "", "x@example.org", "postmaster", 250},
		{"unknown user", "", "x@example.org", "nobody@maild.localhost", 550},
		{"a letter that only Unicode folds", "", "x@example.org", "\"\u212a\"@maild.localhost", 553},
		{"relaying", "", "x@example.org", "x@example.net", 550},
		{"relaying by percent sign", "", "x@example.org", "x%example.net@maild.localhost", 550},
		{"own domain as a suffix", "", "x@example.org", "demo@evil.maild.localhost", 550},
		{"own mail", "demo", "demo@maild.localhost", "other@maild.localhost", 250},
		{"own subaddress", "demo", "demo+shop@maild.localhost", "other@maild.localhost", 250},
		{"login by address", "Demo@MAILD.localhost", "demo@maild.localhost", "other@maild.localhost", 250},
		{"receipt", "demo", "", "other@maild.localhost", 250},
		{"another's address", "demo", "other@maild.localhost", "other@maild.localhost", 553},
		{"nobody's address", "demo", "nobody@maild.localhost", "other@maild.localhost", 553},
		{"a foreign address", "demo", "demo@example.org", "other@maild.localhost", 553},
		{"recipient elsewhere", "demo", "demo@maild.localhost", "x@example.net", 550},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := d.mx
			if tt.user != "" {
				c = func(t testing.TB) *smtp.Client { return d.submit(t, tt.user) }
			}
			if err := send(c(t), tt.from, content, tt.to); code(err) != tt.want {
				t.Errorf("got %v, want %d", err, tt.want)
			}
		})
	}
}

func TestSubmissionNeedsTLSAndLogin(t *testing.T) {
	d := start(t, testConfig(t))
	c, err := dialSMTP(d.addr(submissionService))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("AUTH is offered in the clear")
	}
	if err := c.Mail("demo@maild.localhost"); code(err) != 530 {
		t.Errorf("MAIL in the clear: %v, want 530", err)
	}
	if err := c.StartTLS(d.trust); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("demo@maild.localhost"); code(err) != 530 {
		t.Errorf("MAIL without a login: %v, want 530", err)
	}
	if err := c.Auth(smtp.PlainAuth("", "demo", "guess", "127.0.0.1")); code(err) != 535 {
		t.Errorf("a wrong password: %v, want 535", err)
	}
	if ok, _ := d.mx(t).Extension("AUTH"); ok {
		t.Error("AUTH is offered to strangers")
	}
}

func TestOneCopyForEachAccount(t *testing.T) {
	d := start(t, testConfig(t))
	to := []string{"demo@maild.localhost", "other@maild.localhost", "demo+x@maild.localhost", "Demo@maild.localhost", "postmaster"}
	if err := send(d.mx(t), "x@example.org", content, to...); err != nil {
		t.Fatal(err)
	}
	for user := range d.passwords {
		if diff := cmp.Diff([]string{content}, d.mail(t, user)); diff != "" {
			t.Errorf("mail of %s (-want +got):\n%s", user, diff)
		}
	}
}

func TestTrace(t *testing.T) {
	d := start(t, testConfig(t))
	if err := send(d.mx(t), "x@example.org", content, "demo@maild.localhost"); err != nil {
		t.Fatal(err)
	}
	all, _, err := fetch(d.addr(pop3sService), d.trust, "demo", d.passwords["demo"])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Return-Path: <x@example.org>\r\nReceived: from localhost", "maild.localhost", "for <demo@maild.localhost>"} {
		if !strings.Contains(all[0], want) {
			t.Errorf("no %q in %q", want, all[0])
		}
	}
}

// RFC 1939, sections 4 and 6: one session at a time, and only QUIT deletes.
func TestMaildrop(t *testing.T) {
	d := start(t, testConfig(t))
	if err := send(d.mx(t), "x@example.org", content, "demo@maild.localhost"); err != nil {
		t.Fatal(err)
	}
	dial := func() *popConn {
		p, err := dialPOP(d.addr(pop3sService), d.trust)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	first, second := dial(), dial()
	if err := first.login("demo", d.passwords["demo"]); err != nil {
		t.Fatal(err)
	}
	if err := second.login("Demo@maild.localhost", d.passwords["demo"]); err == nil || !strings.Contains(err.Error(), "[IN-USE]") {
		t.Errorf("a second session: %v, want [IN-USE]", err)
	}
	if _, err := first.cmd("DELE 1"); err != nil {
		t.Fatal(err)
	}
	// The server closes the connection in answer to our end of it, when it has unlocked.
	if err := first.Conn.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, first.r); err != nil {
		t.Fatal(err)
	}
	if all := d.mail(t, "demo"); len(all) != 1 {
		t.Errorf("%d messages after DELE without QUIT, want 1", len(all))
	}
	third := dial()
	if err := third.login("demo", d.passwords["demo"]); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"DELE 1", "QUIT"} {
		if _, err := third.cmd(cmd); err != nil {
			t.Fatal(err)
		}
	}
	if all := d.mail(t, "demo"); len(all) != 0 {
		t.Errorf("%d messages after DELE and QUIT, want none", len(all))
	}
}

// A message under way when the daemon is told to stop is still taken, and kept.
func TestShutdownFinishesMessages(t *testing.T) {
	c := testConfig(t)
	d := start(t, c)
	busy, idle := d.mx(t), d.mx(t)
	if err := idle.Noop(); err != nil {
		t.Fatal(err)
	}
	if err := busy.Mail("x@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := busy.Rcpt("demo@maild.localhost"); err != nil {
		t.Fatal(err)
	}
	w, err := busy.Data()
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- d.stop() }()
	if _, _, err := idle.Text.ReadResponse(221); code(err) != 421 { // the shutdown has begun
		t.Errorf("the idle connection was told %v, want 421", err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("the busy connection: %v", err)
	}
	busy.Close()
	if err := <-stopped; err != nil {
		t.Errorf("serve: %v", err)
	}
	again := start(t, c)
	again.passwords = d.passwords
	if diff := cmp.Diff([]string{content}, again.mail(t, "demo")); diff != "" {
		t.Errorf("mail after a restart (-want +got):\n%s", diff)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	c := testConfig(t)
	d := start(t, c)
	d.mail(t, "demo")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(c.data, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(d.passwords["demo"])) {
			t.Errorf("%s holds the password", f)
		}
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 && f != c.certFile() {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
}

func TestManage(t *testing.T) {
	c := testConfig(t)
	d := start(t, c)
	run := func(words ...string) (string, error) {
		var out strings.Builder
		err := manage(c, words, &out)
		password := out.String()[strings.LastIndexByte(out.String(), ' ')+1:]
		return strings.TrimSpace(password), err
	}
	for _, words := range [][]string{{"adduser", "third"}, {"passwd", "demo"}} {
		password, err := run(words...)
		if err != nil {
			t.Fatal(err)
		}
		d.passwords[words[1]] = password
		d.mail(t, words[1]) // the running daemon knows it at once
	}
	for _, words := range [][]string{{"adduser", "demo"}, {"adduser", "postmaster"}, {"adduser", "a+b"}, {"adduser", "a.@x"}, {"adduser", ""},
		{"passwd", "nobody"}, {"passwd"}, {"deluser", "demo"}} {
		if _, err := run(words...); err == nil {
			t.Errorf("%q succeeded", words)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"-hostname", "mx.example.org", "-domain", "example.org"}, true},
		{[]string{"-hostname", "localhost"}, false},
		{[]string{"-hostname", "[127.0.0.1]"}, false},
		{[]string{"-domain", "a b.example"}, false},
		{[]string{"-port", "25"}, false},
		{[]string{"-history", "-1"}, false},
	} {
		_, _, err := parseConfig(tt.args, io.Discard)
		if (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{"": "''", "/a/b-c.pem": "/a/b-c.pem", "/a b": "'/a b'", "it's": `'it'\''s'`, "[::1]": "'[::1]'"} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestCertificate(t *testing.T) {
	c := testConfig(t)
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	load := func(c config, now time.Time) string {
		t.Helper()
		certs, err := c.loadCertificate(now)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"localhost", "127.0.0.1", "::1", c.hostname} {
			if err := certs[0].Leaf.VerifyHostname(name); err != nil {
				t.Error(err)
			}
		}
		return string(certs[0].Certificate[0])
	}
	first := load(c, now)
	if load(c, now.Add(certLife-2*certRenew)) != first {
		t.Error("made anew although it was good")
	}
	second := load(c, now.Add(certLife-certRenew/2))
	if second == first {
		t.Error("kept although it runs out")
	}
	c.hostname = "mx.example.org"
	if load(c, now) == second {
		t.Error("kept although the host has another name")
	}
	if err := os.WriteFile(c.keyFile(), []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.loadCertificate(now); err == nil {
		t.Error("a key that does not fit was accepted, or overwritten")
	}
}

// BenchmarkSMTP sends 4 KiB messages over loopback, each durable before its reply.
func BenchmarkSMTP(b *testing.B) {
	for _, conns := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			d := start(b, testConfig(b))
			clients := make([]*smtp.Client, conns)
			for i := range clients {
				clients[i] = d.mx(b)
			}
			m := strings.Repeat("0123456789abcd\r\n", 256)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.SetBytes(int64(len(m)))
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, c := range clients {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := send(c, "x@example.org", m, "demo@maild.localhost"); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

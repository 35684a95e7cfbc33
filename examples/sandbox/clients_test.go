package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// program returns a program of the system, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} { // sbin is in few people's PATH
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func runProgram(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// A burst of Postfix's load generator: none of it is lost, and IMAP, POP3, the
// page and its search all have all of it.
func TestBurst(t *testing.T) {
	source := program(t, "smtp-source")
	const messages, sessions = 1000, 20
	s := start(t)
	runProgram(t, source, "-s", fmt.Sprint(sessions), "-m", fmt.Sprint(messages), "-l", "2000", "-c",
		"-S", "burst", "-f", "from@burst.example", "-t", "to@burst.example", s.address(smtpService))

	if now := s.shelf.snapshot(); len(now.entries) != messages || now.dropped != 0 {
		t.Errorf("%d messages are there, %d dropped; want %d and 0", len(now.entries), now.dropped, messages)
	}
	if got := strings.Count(s.shelf.store.Dump("sandbox", "INBOX"), "\n"); got != messages {
		t.Errorf("the mailbox has %d messages, want %d", got, messages)
	}
	page := get(t, s.web.Handler, "/")
	for _, want := range []string{"1,000 messages", "1–50 of 1,000", `href="/messages/1000"`, `href="/messages/951"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the list has no %q", want)
		}
	}
	if page := get(t, s.web.Handler, "/?page=20"); !strings.Contains(page, `href="/messages/1"`) {
		t.Error("the last page has not the first message")
	}
	if page := get(t, s.web.Handler, "/?q=to:to@burst.example+subject:burst"); !strings.Contains(page, "1,000 messages with") {
		t.Error("the search does not find all of them")
	}
	if page := get(t, s.web.Handler, "/messages/500"); !strings.Contains(page, "from@burst.example") {
		t.Errorf("a message: %s", page)
	}
}

// Clients that we did not write, to send and to read.
func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	s := start(t)
	letter := t.TempDir() + "/letter"
	if err := os.WriteFile(letter, []byte("From: a@example.org\r\nSubject: by curl\r\n\r\nIt works.\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	login := "sandbox:secret"
	runProgram(t, curl, "-sS", "--insecure", "--ssl-reqd", "--user", "app:x", "--mail-from", "a@example.org", "--mail-rcpt", "b@example.org",
		"--upload-file", letter, "smtp://"+s.address(smtpService))
	for name, args := range map[string][]string{
		"API":        {s.url("/api/v1/wait?q=to:b@example.org&timeout=10s")},
		"page":       {s.url("/messages/1?view=text")},
		"source":     {s.url("/messages/1/source")},
		"IMAP":       {"--user", login, "imap://" + s.address(imapService) + "/INBOX;MAILINDEX=1"},
		"IMAP, TLS":  {"--insecure", "--ssl-reqd", "--user", login, "imap://" + s.address(imapService) + "/INBOX;MAILINDEX=1"},
		"POP3":       {"--user", login, "pop3://" + s.address(pop3Service) + "/1"},
		"POP3, TLS":  {"--insecure", "--ssl-reqd", "--user", login, "pop3://" + s.address(pop3Service) + "/1"},
		"POP3, SASL": {"--user", login, "--login-options", "AUTH=PLAIN", "pop3://" + s.address(pop3Service) + "/1"},
	} {
		if out := runProgram(t, curl, append([]string{"-sS", "--fail"}, args...)...); !strings.Contains(out, "It works.") {
			t.Errorf("%s: %q", name, out)
		}
	}
	runProgram(t, curl, "-sS", "--fail", "-X", "DELETE", s.url("/api/v1/messages/1"))
	if now := s.shelf.snapshot(); len(now.entries) != 0 {
		t.Error("the message is still there")
	}
}

// imaplib and poplib see the same mail, and what one of them removes is gone for all.
const readers = `
import imaplib, poplib, sys
imap_port, pop_port = map(int, sys.argv[1:])
m = imaplib.IMAP4('127.0.0.1', imap_port)
m.login('sandbox', 'secret')
assert m.select()[1] == [b'3']
assert m.search(None, 'SUBJECT', 'two', 'BODY', 'teapot')[1] == [b'2']
assert b'Subject: two' in m.fetch('2', '(RFC822)')[1][0][1]
try:
    assert m.append('INBOX', None, None, b'x')[0] == 'NO'
except imaplib.IMAP4.error:
    pass
p = poplib.POP3('127.0.0.1', pop_port)
p.user('sandbox'); p.pass_('secret')
assert p.stat()[0] == 3
assert p.retr(2)[1] == m.fetch('2', '(RFC822)')[1][0][1].split(b'\r\n')[:-1]
assert sum(int(line.split()[1]) for line in p.list()[1]) == p.stat()[1]
p.dele(1)
p.quit()
assert m.noop()[0] == 'OK'
assert m.search(None, 'ALL')[1] == [b'1 2']
m.store('1', '+FLAGS', r'(\Deleted)')
m.expunge()
m.logout()
`

func TestPython(t *testing.T) {
	python := program(t, "python3")
	s := start(t)
	for _, subject := range []string{"one", "two", "three"} {
		put(t, s.shelf, letter(subject, "a teapot\n.\n..and dots"))
	}
	port := func(service int) string { return s.address(service)[strings.LastIndex(s.address(service), ":")+1:] }
	runProgram(t, python, "-c", readers, port(imapService), port(pop3Service))
	if got := subjects(s.shelf); len(got) != 1 || got[0] != "three" {
		t.Errorf("left: %q, want three", got)
	}
	if rw := ask(s.web.Handler, "GET", "/messages/1"); rw.Code != http.StatusNotFound {
		t.Errorf("what POP3 removed: %d", rw.Code)
	}
}

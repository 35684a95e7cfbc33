package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

var me = auth.Credentials{Username: "ann", Password: "correct-horse"}

// A service is a server of ours on loopback.
type service struct {
	name string
	url  string   // of STARTTLS, where there is TLS
	args []string // to reach it and to log in
}

// accounts lets me in, in clear too where the test says so.
func accounts(clear bool) *auth.Authenticator {
	a := imaptest.Accept(me.Username, me.Password)
	if clear {
		a.Cleartext = auth.CleartextAny
	}
	return a
}

// services starts our servers for all protocols. clear: a login needs no TLS, and
// none is used.
func services(t *testing.T, clear bool) []service {
	t.Helper()
	t.Setenv("MAIL_PASSWORD", string(me.Password))
	common := []string{"-user", me.Username}
	trust := func(config *tls.Config) []string {
		if clear {
			return append(slices.Clip(common), "-tls", "never")
		}
		file := filepath.Join(t.TempDir(), "ca.pem")
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: config.Certificates[0].Certificate[0]})
		if err := os.WriteFile(file, cert, 0o600); err != nil {
			t.Fatal(err)
		}
		return append(slices.Clip(common), "-cafile", file, "-servername", "localhost")
	}
	var out []service
	for _, p := range []smtp.Protocol{smtp.SMTP, smtp.Submission, smtp.LMTP} {
		refuse := func(to smtp.Rcpt) error {
			if to.Path.Local == "nobody" {
				return &smtp.Reject{Code: 550, Text: "nobody of that name"}
			}
			return nil
		}
		s := smtptest.NewServer(t, &smtpserver.Server{Protocol: p, Auth: accounts(clear), Handler: &smtptest.Recorder{Refuse: refuse}, Limits: smtp.Limits{Errors: 50, Mails: 500, Rcpts: 120}})
		out = append(out, service{p.String(), strings.ToLower(p.String()) + "://" + s.Addr, trust(s.TLS)})
	}
	store := imapmem.New()
	if err := store.AddUser(me.Username, me.Password); err != nil {
		t.Fatal(err)
	}
	mail := &imapserver.Server{Backend: store, Auth: accounts(clear), Conns: imapserver.Conns{PerUser: -1}}
	i := imaptest.NewServer(t, mail)
	pop3 := &pop3server.Server{Backend: pop3test.NewMemory("Subject: one\r\n\r\n1\r\n"), Auth: accounts(clear), Cleartext: clear}
	p := pop3test.NewServer(t, pop3)
	out = append(out, service{"IMAP", "imap://" + i.Addr, trust(mail.TLS)}, service{"POP3", "pop3://" + p.Addr, trust(pop3.TLS)})
	if !clear {
		out = append(out, service{"IMAPS", "imaps://" + i.TLSAddr, trust(mail.TLS)}, service{"POP3S", "pop3s://" + p.TLSAddr, trust(pop3.TLS)})
	}
	return out
}

// try runs the command and returns what it says.
func try(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(t.Context(), args, &out, &err)
	return status, out.String(), err.String()
}

// Our servers have no fault, by default and with all that may be asked for.
func TestOwnServers(t *testing.T) {
	for _, s := range services(t, false) {
		t.Run(s.name, func(t *testing.T) {
			args := append([]string{s.url}, s.args...)
			switch s.name {
			case "SMTP", "submission", "LMTP":
				args = append(args, "-deliver-to", "u1@x.example,u2@x.example", "-refused", "nobody@x.example", "-guess", "-expose")
			case "IMAP", "IMAPS": // the others are as much the suite's own test
				args = append(args, "-destructive", "Test/", "-empty-account", "-guess", "-expose", "-run", "^(AUT|TLS|RO|MBX|IDL)-")
			default:
				args = append(args, "-guess", "-expose")
			}
			status, stdout, stderr := try(t, args...)
			if status != statusOK {
				t.Fatalf("status %d, %s\n%s", status, stderr, stdout)
			}
			if !strings.Contains(stdout, " 0 failed, ") || strings.Contains(stdout, " 0 passed") {
				t.Error(stdout)
			}
		})
	}
}

// STARTTLS is where sessions begin, if that is asked for.
func TestStartTLSFirst(t *testing.T) {
	s := services(t, false)[0]
	status, stdout, stderr := try(t, append([]string{s.url, "-tls", "starttls", "-run", "SEQ-(9|11)$", "-deliver-to", "u1@x.example", "-format", "json"}, s.args...)...)
	if status != statusOK || !strings.Contains(stdout, `"passed": 2`) {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
}

// LMTP may be on a socket of this machine.
func TestUnixSocket(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lmtp")
	l, err := net.Listen("unix", file)
	if err != nil {
		t.Skip(err)
	}
	s := &smtpserver.Server{Hostname: "mx.example", Protocol: smtp.LMTP, Handler: new(smtptest.Recorder)}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	status, stdout, stderr := try(t, "-run", "^(SEQ-1|LMTP-84)$", "lmtp://"+file)
	if status != statusOK || !strings.Contains(stdout, "2 passed") || !strings.Contains(stdout, "lmtp://"+file+",") {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
	s.Close()
	<-done
}

// A tap stands in front of a server and keeps what the client says.
type tap struct {
	addr string
	mu   sync.Mutex
	said bytes.Buffer
	open int // connections so far
}

func newTap(t *testing.T, server string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{addr: l.Addr().String()}
	var all sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.pass(c, server) })
		}
	})
	return p
}

func (p *tap) pass(c net.Conn, server string) {
	defer c.Close()
	s, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer s.Close()
	p.mu.Lock()
	p.open++
	p.mu.Unlock()
	go func() {
		io.Copy(io.MultiWriter(s, writer(p.keep)), c)
		s.Close()
	}()
	io.Copy(c, s)
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func (p *tap) keep(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

// A server in use is told of no recipient, loses no mail, and is not flooded.
func TestHarmless(t *testing.T) {
	harm := regexp.MustCompile(`(?im)^\S* ?(RCPT|DATA|BDAT|RETR|TOP|DELE|APPEND|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|(UID )?(STORE|COPY|MOVE|EXPUNGE|REPLACE)|CLOSE|SETACL|SETMETADATA|SETQUOTA)\b|BODY\[`)
	for _, s := range services(t, true) {
		t.Run(s.name, func(t *testing.T) {
			scheme, addr, _ := strings.Cut(s.url, "://")
			p := newTap(t, addr)
			// That it lets in without TLS is a fault of this server, and needed here.
			known := filepath.Join(t.TempDir(), "known")
			if err := os.WriteFile(known, []byte("AUTH-78e as the test wants it\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			status, stdout, stderr := try(t, append([]string{scheme + "://" + p.addr, "-known", known}, s.args...)...)
			if status != statusOK {
				t.Fatalf("status %d, %s\n%s", status, stderr, stdout)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if m := harm.FindString(p.said.String()); m != "" || p.said.Len() == 0 {
				t.Errorf("the server is told %q", m)
			}
			if strings.Contains(strings.ToLower(p.said.String()), "wrong") {
				t.Error("a wrong password is tried")
			}
			if p.said.Len() > 1<<20 || p.open > 300 {
				t.Errorf("%d octets on %d connections", p.said.Len(), p.open)
			}
		})
	}
}

// With TLS to be had, a password goes nowhere else.
func TestNoPasswordInClear(t *testing.T) {
	for _, s := range services(t, false) {
		scheme, addr, _ := strings.Cut(s.url, "://")
		if schemes[scheme].implicit {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			p := newTap(t, addr)
			status, stdout, stderr := try(t, append([]string{scheme + "://" + p.addr, "-guess"}, s.args...)...)
			if status != statusOK {
				t.Fatalf("status %d, %s\n%s", status, stderr, stdout)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, secret := range secrets() {
				if bytes.Contains(p.said.Bytes(), []byte(secret)) {
					t.Errorf("%q was said without TLS", secret)
				}
			}
		})
	}
}

// secrets are the forms in which a password might show.
func secrets() []string {
	password := string(me.Password)
	return []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00" + me.Username + "\x00" + password))}
}

// broken listens, and says of everything that it is fine, and what it was.
func broken(t *testing.T, greeting, ok string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprint(c, greeting+"\r\n")
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					tag, _, _ := strings.Cut(line, " ")
					if line == "CAPA\r\n" {
						fmt.Fprint(c, "+OK\r\nUSER\r\n.\r\n")
						continue
					}
					if line == "QUIT\r\n" {
						fmt.Fprint(c, strings.Replace(ok, "250", "221", 1)+" bye\r\n")
						return
					}
					fmt.Fprintf(c, "%s %.300q\r\n", strings.ReplaceAll(ok, "TAG", strings.TrimRight(tag, "\r\n")), line)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// What is wrong is in every format, and the password in none.
func TestBrokenServer(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", string(me.Password))
	for _, tt := range []struct{ scheme, greeting, ok, id string }{
		{"smtp", "220 x.example hello", "250 AUTH PLAIN", "SEQ-10b"},
		{"pop3", "+OK hello", "+OK", "PASS-10c"},
		{"imap", "* OK hello", "TAG OK", "AUT-9"},
	} {
		addr := broken(t, tt.greeting, tt.ok)
		for format := range formats {
			t.Run(tt.scheme+" "+format, func(t *testing.T) {
				status, stdout, stderr := try(t, "-user", me.Username, "-tls", "never", "-patience", "20s", "-format", format, "-guess", "-run", "^(SEQ-10b|AUTH-.*|PASS-.*|USER-.*|AUT-.*)$", tt.scheme+"://"+addr)
				if status != statusFailed {
					t.Errorf("status %d, %s", status, stderr)
				}
				if !strings.Contains(stdout, tt.id) {
					t.Errorf("%s is not reported:\n%s", tt.id, stdout)
				}
				for _, secret := range secrets() {
					if strings.Contains(stdout+stderr, secret) {
						t.Errorf("%q is shown:\n%s", secret, stdout)
					}
				}
			})
		}
	}
}

// The formats are what others read.
func TestFormats(t *testing.T) {
	addr := broken(t, "220 x.example <hello>", "250")
	known := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(known, []byte("# a comment\n\nSEQ-10b their bug 123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"smtp://" + addr, "-known", known, "-patience", "20s", "-run", "^SEQ-(2|5|10b|11|16|20)$"}
	want := map[string]string{"SEQ-2": failed, "SEQ-5": failed, "SEQ-10b": excused, "SEQ-11": passed, "SEQ-16": skipped, "SEQ-20": skipped}
	t.Run("json", func(t *testing.T) {
		_, stdout, _ := try(t, append(slices.Clip(args), "-format", "json")...)
		var got struct {
			Server, Greeting, Date           string
			Passed, Failed, Excused, Skipped int
			Results                          []struct {
				ID, Title, Level, Harm, Verdict, Reason, Transcript string
				Refs, Asks                                          []string
			}
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatalf("%v\n%s", err, stdout)
		}
		if got.Server != "smtp://"+addr || got.Greeting != "220 x.example <hello>" || got.Passed != 1 || got.Failed != 2 || got.Excused != 1 || got.Skipped != 2 || len(got.Results) != 6 {
			t.Errorf("got %+v", got)
		}
		for _, r := range got.Results {
			if r.Verdict != want[r.ID] || r.Title == "" || r.Level == "" || (r.Reason == "") != (r.Verdict == passed) || (r.Transcript == "") != (r.Verdict == skipped) {
				t.Errorf("got %+v, want %s", r, want[r.ID])
			}
			if r.ID == "SEQ-16" && !slices.Equal(r.Asks, []string{"-deliver-to"}) {
				t.Errorf("%s asks for %q", r.ID, r.Asks)
			}
		}
	})
	t.Run("junit", func(t *testing.T) {
		_, stdout, _ := try(t, append(slices.Clip(args), "-format", "junit")...)
		var got junitReport
		if err := xml.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatalf("%v\n%s", err, stdout)
		}
		if got.Tests != 6 || got.Failures != 2 || got.Skipped != 3 {
			t.Errorf("%d tests, %d failures, %d skipped", got.Tests, got.Failures, got.Skipped)
		}
		seen := 0
		for _, s := range got.Suites {
			for _, c := range s.Cases {
				seen++
				id, _, _ := strings.Cut(c.Name, ":")
				if (c.Failure != nil) != (want[id] == failed) || (c.Skipped != nil) != (want[id] == skipped || want[id] == excused) || c.Class != s.Name {
					t.Errorf("got %+v, want %s", c, want[id])
				}
				if c.Failure != nil && (c.Failure.Message == "" || !strings.Contains(c.Failure.Text, "S: 220 x.example <hello>")) {
					t.Errorf("got %+v", c.Failure)
				}
			}
		}
		if seen != 6 || got.Suites[0].Name != "RFC 5321, section 3.8" && !slices.IsSortedFunc(got.Suites, func(a, b junitSuite) int { return compareSections(a.Name, b.Name) }) {
			t.Errorf("%d cases, the first suite is %s", seen, got.Suites[0].Name)
		}
	})
	t.Run("text", func(t *testing.T) {
		_, stdout, _ := try(t, args...)
		for _, want := range []string{"\nRFC 5321, section 4.1.1.1\n", " failed   SEQ-2 ", " excused  SEQ-10b ", "their bug 123 (want 501, got 250", "| C: EHLO", "6 cases: 1 passed, 2 failed, 1 excused, 2 skipped", "want -deliver-to"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("no %q in\n%s", want, stdout)
			}
		}
	})
	t.Run("markdown", func(t *testing.T) {
		_, stdout, _ := try(t, append(slices.Clip(args), "-format", "markdown")...)
		for _, want := range []string{"| RFC 5321, section 4 | 1 | 3 | 1 |\n", "| SEQ-10b | SHOULD |"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("no %q in\n%s", want, stdout)
			}
		}
	})
}

// What cannot be run is told from what fails.
func TestNoRun(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	for _, args := range [][]string{
		{}, {"gopher://localhost"}, {"smtp://" + nobody}, {"smtp:"}, {"smtp://" + nobody, "imap://" + nobody}, {"-format", "pdf", "smtp://" + nobody},
		{"-parallel", "100", "smtp://" + nobody}, {"-run", "(", "smtp://" + nobody}, {"-run", "NOTHING", "smtp://" + nobody}, {"-tls", "never", "imaps://" + nobody},
		{"-tls", "x", "imap://" + nobody}, {"-cafile", "/nowhere", "imap://" + nobody}, {"-deliver-to", "a@b@c", "smtp://" + nobody}, {"-fill", "smtp://x", "pop3://me@" + nobody},
		{"-known", "/nowhere", "smtp://" + nobody}, {"-nonsense"}, {"-user", "me", "imap://" + nobody},
	} {
		status, stdout, stderr := try(t, args...)
		if status != statusNoRun || stderr == "" || stdout != "" {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
	if status, _, stderr := try(t, "smtp://me:sesame@%zz"); status != statusNoRun || strings.Contains(stderr, "sesame") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

// A run that is interrupted says so, and calls nothing a failure because of it.
func TestInterrupted(t *testing.T) {
	s := services(t, true)[0]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, addr, _ := strings.Cut(s.url, "://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newTap(t, addr)
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if n == 3 {
				cancel()
			}
			go p.pass(c, addr)
		}
	}()
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"-tls", "never", "-format", "json", "smtp://" + l.Addr().String()}, &stdout, &stderr)
	if status != statusNoRun || !strings.Contains(stdout.String(), "came to its end") || !strings.Contains(stdout.String(), `"failed": 0`) {
		t.Errorf("status %d, %s\n%s", status, stderr.String(), stdout.String())
	}
}

// List tells what each case would do, and connects to nobody.
func TestList(t *testing.T) {
	for scheme, want := range map[string]string{"smtp": "does: delivers", "imap": "does: empties", "pop3": "does: empties"} {
		status, stdout, stderr := try(t, "-list", scheme+":")
		if status != statusOK || !strings.Contains(stdout, want) || !strings.Contains(stdout, "section") {
			t.Errorf("%s: status %d, %s\n%.2000s", scheme, status, stderr, stdout)
		}
	}
}

// The maildrop is filled by IMAP.
func TestFill(t *testing.T) {
	for _, s := range services(t, false) {
		if s.name != "IMAP" && s.name != "IMAPS" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			o, err := parse(append([]string{"pop3://127.0.0.1", "-fill", s.url}, s.args...), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			for _, messages := range [][]string{{"Subject: 1\r\n\r\n1\r\n", "Subject: 2\r\n\r\n2\r\n"}, {"Subject: 3\r\n\r\n3\r\n"}, nil} {
				if err := o.harm.fill.reset(t.Context(), messages); err != nil {
					t.Fatal(err)
				}
				c, err := o.harm.fill.imap(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				box, err := c.Select(t.Context(), "INBOX", nil)
				if err != nil || int(box.Exists) != len(messages) {
					t.Errorf("%v, want %d messages, %v", box, len(messages), err)
				}
				c.Close()
			}
		})
	}
}

// What does not begin with the prefix stays as it is: the mailboxes, and the INBOX.
func TestDestructive(t *testing.T) {
	for _, s := range services(t, false) {
		if s.name != "IMAPS" {
			continue
		}
		o, err := parse(append([]string{"pop3://127.0.0.1", "-fill", s.url}, s.args...), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.harm.fill.reset(t.Context(), []string{"Subject: 1\r\n\r\n1\r\n", "Subject: 2\r\n\r\n2\r\n"}); err != nil {
			t.Fatal(err)
		}
		c, err := o.harm.fill.imap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Create(t.Context(), "Keep/this"); err != nil {
			t.Fatal(err)
		}
		before := inbox(t, c)
		status, stdout, stderr := try(t, append([]string{s.url, "-destructive", "Test/"}, s.args...)...)
		if status != statusOK || strings.Contains(stdout, "want -destructive\n") {
			t.Errorf("status %d, %s\n%s", status, stderr, stdout)
		}
		if after := inbox(t, c); after != before {
			t.Errorf("INBOX was %s and is %s", before, after)
		}
		if box, err := c.Select(t.Context(), "Keep/this", nil); err != nil {
			t.Errorf("%v, %v", box, err)
		}
	}
}

// inbox is the state of INBOX: UIDs and flags.
func inbox(t *testing.T, c *imapclient.Client) string {
	t.Helper()
	var out strings.Builder
	box, err := c.Select(t.Context(), "INBOX", nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, box.Exists, box.UIDNext, box.UIDValidity)
	for m, err := range c.Fetch(t.Context(), imap.UIDs(1, imap.Star), imap.ItemUID, imap.ItemFlags) {
		if err != nil {
			t.Fatal(err)
		}
		flags, ok := m.Flags()
		fmt.Fprintln(&out, m.UID, slices.DeleteFunc(flags, imap.FlagRecent.Is), ok)
	}
	return out.String()
}

func TestCompareSections(t *testing.T) {
	want := []string{"RFC 1870, section 6", "RFC 5321, section 4.1.1.4", "RFC 5321, section 4.1.1.10", "RFC 5321, section 4.2", "RFC 9051, section 6", "RFC 9051, appendix A", ofNoRFC}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareSections)
	if got[len(got)-1] != ofNoRFC || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("got %q", got)
	}
}

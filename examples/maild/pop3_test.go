package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3client"
)

func (d *testDaemon) pop3Dialer() *pop3client.Dialer {
	return &pop3client.Dialer{Addr: d.addr(pop3Service), Credentials: *d.login("demo"), TLS: auth.TLSPolicy{Roots: d.trust.RootCAs}}
}

func TestPOP3Capabilities(t *testing.T) {
	d := start(t, testConfig(t, "-login-delay", "1h"))
	c, err := d.pop3Dialer().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Caps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got.SASL = nil // the suite looks at these
	want := pop3.Caps{Top: true, UIDL: true, User: true, RespCodes: true, AuthRespCode: true, Pipelining: true, UTF8: true, UTF8User: true, Lang: true,
		LoginDelay: pop3.Period{Set: true, N: 3600}, Expire: pop3.Period{Set: true, Never: true}, Implementation: "Mailwire-maild"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if tag, err := c.Lang(t.Context(), "de"); err != nil || tag != "de" {
		t.Errorf("LANG de: %q, %v", tag, err)
	}
	if _, err := c.Retr(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "diese Nachricht gibt es nicht") {
		t.Errorf("RETR 1: %v", err)
	}
	if err := c.Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = d.pop3Dialer().Connect(t.Context())
	if r, ok := errors.AsType[*pop3.ReplyError](err); !ok || !r.Reply.Code.Within(pop3.LoginDelay) || !r.Temporary() {
		t.Errorf("a second login at once: %v", err)
	}
}

// The wait is counted from the last login that was let in, for each account.
func TestLoginDelay(t *testing.T) {
	d := &maildrops{daemon: &daemon{config: config{loginDelay: time.Minute}}, last: make(map[string]time.Time)}
	begin := time.Unix(1, 0)
	for _, tt := range []struct {
		account string
		at      time.Duration
		want    bool
	}{
		{"ann", 0, false},
		{"ann", 59 * time.Second, true},
		{"bob", 59 * time.Second, false},
		{"ann", 60 * time.Second, false},
		{"ann", 61 * time.Second, true},
	} {
		now := begin.Add(tt.at)
		got := d.tooSoon(tt.account, now)
		if got != tt.want {
			t.Errorf("%s after %v: %v, want %v", tt.account, tt.at, got, tt.want)
		}
		if !got {
			d.letIn(tt.account, now)
		}
	}
}

// Whoever could not be let in, for the store failed, may try again at once.
func TestLoginDelayBehindAFailure(t *testing.T) {
	d := start(t, testConfig(t, "-login-delay", "1h"))
	drops := &maildrops{daemon: d.daemon, last: make(map[string]time.Time)}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	id := auth.Identity{Authzid: "demo"}
	if _, err := drops.Open(gone, id, nil); err == nil {
		t.Fatal("the store did not fail")
	}
	drop, err := drops.Open(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	drop.Close()
	if _, err := drops.Open(t.Context(), id, nil); err == nil {
		t.Error("let in twice at once")
	}
}

func TestEveryTextHasItsTranslation(t *testing.T) {
	for text, translated := range germanTexts {
		if got := german(pop3.Reply{Text: text}); got != translated || translated == "" {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := german(pop3.Reply{Text: "2 messages"}); got != "2 messages" {
		t.Errorf("a text with data became %q", got)
	}
}

// A header in UTF-8 is for clients that have said UTF8. RFC 6856, section 2.1.
func TestPOP3MessageInUTF8(t *testing.T) {
	d := start(t, testConfig(t))
	nested := "Subject: outside\r\nContent-Type: message/rfc822\r\n\r\nSubject: Grüße\r\n\r\nx\r\n"
	for _, m := range []string{"Subject: plain\r\n\r\nüber\r\n", "Subject: Grüße\r\n\r\nx\r\n", nested} {
		if err := send(d.mx(t), "a@example.org", m, "demo@maild.localhost"); err != nil {
			t.Fatal(err)
		}
	}
	for _, utf8 := range []bool{false, true} {
		dialer := d.pop3Dialer()
		dialer.UTF8 = utf8
		c, err := dialer.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var refused []bool
		for n := 1; n <= 3; n++ {
			r, err := c.Retr(t.Context(), n)
			if e, ok := errors.AsType[*pop3.ReplyError](err); ok && e.Reply.Code == "UTF8" {
				refused = append(refused, true)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			refused = append(refused, false)
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		if want := []bool{false, !utf8, !utf8}; !slices.Equal(refused, want) {
			t.Errorf("UTF8 %v: refused %v, want %v", utf8, refused, want)
		}
		if err := c.Quit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// APOP is there for those who ask for it, and for passwords that were set since.
func TestAPOP(t *testing.T) {
	c := testConfig(t, "-readable-passwords")
	d := start(t, c)
	for _, tt := range []struct {
		password string
		ok       bool
	}{{d.passwords["demo"], true}, {"wrong", false}} {
		p, err := dialPOP(d.addr(pop3sService), d.trust)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if !pop3.ValidStamp(p.stamp) {
			t.Fatalf("stamp %q", p.stamp)
		}
		if _, err := p.cmd("APOP demo %s", pop3.Digest(p.stamp, []byte(tt.password))); (err == nil) != tt.ok {
			t.Errorf("APOP with %q: %v", tt.password, err)
		}
	}
	d.stop()
	c.readable = false
	p, err := dialPOP(start(t, c).addr(pop3sService), d.trust)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.stamp != "" {
		t.Errorf("without the flag there is a stamp: %q", p.stamp)
	}
}

// Every method of Python's poplib, with what it must give.
func TestPoplib(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	d := start(t, testConfig(t, "-readable-passwords"))
	for range 3 {
		m := "Subject: hello\r\n\r\n.one\r\ntwo\r\n"
		if err := send(d.mx(t), "a@example.org", m, "demo@maild.localhost"); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "e2e/poplib_methods.py", d.addr(pop3Service), d.addr(pop3sService), d.certFile())
	cmd.Env = append(os.Environ(), "PASSWORD="+d.passwords["demo"])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

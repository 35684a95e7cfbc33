package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
	"github.com/mailwire/mailwire/mime"
)

// lines is the log of a process, for which a test can wait.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count counts the lines that hold all of the words. more is closed behind it.
func (l *lines) count(words ...string) (n int, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more == nil {
		l.more = make(chan struct{})
	}
line:
	for line := range strings.Lines(l.text.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue line
			}
		}
		n++
	}
	return n, l.more
}

// wait returns when the log has n lines that hold all of the words.
func (l *lines) wait(t *testing.T, n int, words ...string) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		have, more := l.count(words...)
		if have >= n {
			return
		}
		select {
		case <-more:
		case <-limit.C:
			t.Fatalf("no %d lines with %q in\n%s", n, words, l)
		}
	}
}

// A town of daemons, each at an address of its own, the DNS that they ask, and
// the web server with the MTA-STS policy of a.test.
type neighbours struct {
	t     *testing.T
	bin   string
	zone  *dnsmxtest.Zone
	args  []string // for all
	port  string   // of SMTP
	dir   map[string]string
	pass  map[string]string
	roots string // file
}

func meet(t *testing.T, retry string) *neighbours {
	t.Helper()
	n := &neighbours{t: t, bin: build(t), zone: new(dnsmxtest.Zone), dir: map[string]string{}, pass: map[string]string{}, roots: filepath.Join(t.TempDir(), "roots.pem")}
	dns := dnsmxtest.Serve(t, n.zone, dnsmxtest.Faults{})
	l, err := net.Listen("tcp", "127.0.0.2:0") // a port that is free at one address will be at the next
	if err != nil {
		t.Skipf("a second loopback address is needed: %v", err)
	}
	_, n.port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	n.args = []string{"-relay", "-dns", dns.String(), "-mx-port", n.port, "-sts-port", n.serveSTS(), "-retry", retry}
	for _, name := range []string{"a", "b"} {
		n.dir[name] = t.TempDir()
		n.pass[name] = addUser(t, n.bin, n.dir[name], "demo")
	}
	return n
}

var loopback = map[string]string{"a": "127.0.0.2", "b": "127.0.0.3"}

// start starts the daemon for the domain name.test.
func (n *neighbours) start(name string, args ...string) *process {
	n.t.Helper()
	args = append(append([]string{"-hostname", "mx." + name + ".test", "-domain", name + ".test", "-smtp", loopback[name] + ":" + n.port}, n.args...), args...)
	return startProcess(n.t, n.bin, n.dir[name], args...)
}

// serveSTS serves the policy of a.test under a certificate that goes to the roots.
func (n *neighbours) serveSTS() (port string) {
	c := config{data: n.t.TempDir(), hostname: "mta-sts.a.test"}
	certs, err := c.loadCertificate(time.Now())
	if err != nil {
		n.t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "mta-sts.a.test" && r.URL.Path == "/.well-known/mta-sts.txt" {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n")
		}
	}))
	s.TLS = &tls.Config{Certificates: certs}
	s.StartTLS()
	n.t.Cleanup(s.Close)
	n.trust(c.certFile())
	_, port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return port
}

// trust adds a certificate to the roots.
func (n *neighbours) trust(certFile string) {
	text, err := os.ReadFile(certFile)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(n.roots, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			defer f.Close()
			_, err = f.Write(text)
		}
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// tlsa is the data of a TLSA record for the key of a daemon.
func (n *neighbours) tlsa(name string) string {
	text, err := os.ReadFile(filepath.Join(n.dir[name], "cert.pem"))
	if err != nil {
		n.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprintf("3 1 1 %x", sha256.Sum256(cert.RawSubjectPublicKeyInfo))
}

// publish sets the DNS: nothing of it may be remembered.
func (n *neighbours) publish(records string) {
	n.t.Helper()
	err := n.zone.Replace(`$ORIGIN test.
test. 0 SOA ns host 1 1 1 1 0
a 0 MX 10 mx.a
b 0 MX 10 mx.b
mx.a 0 A 127.0.0.2
mx.b 0 A 127.0.0.3
mta-sts.a 0 A 127.0.0.1
` + records)
	if err != nil {
		n.t.Fatal(err)
	}
}

// submit is a connection of demo to the submission port.
func (n *neighbours) submit(p *process, name string) *smtp.Client {
	n.t.Helper()
	c, err := dialSMTP(p.addrs["submission"])
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	conf, err := trust(filepath.Join(n.dir[name], "cert.pem"))
	if err == nil {
		err = c.StartTLS(conf)
	}
	if err == nil {
		err = c.Auth(smtp.PlainAuth("", "demo", n.pass[name], "127.0.0.1"))
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// curl submits a message of demo with a program that we did not write.
func (n *neighbours) curl(p *process, name, subject, to string) {
	n.t.Helper()
	from := "demo@" + name + ".test"
	cmd := program(n.t, "curl", "-sS", "--cacert", filepath.Join(n.dir[name], "cert.pem"), "--user", "demo:"+n.pass[name], "--ssl-reqd",
		"--mail-from", from, "--mail-rcpt", to, "--upload-file", "-", "smtp://"+p.addrs["submission"])
	cmd.Stdin = strings.NewReader("From: " + from + "\r\nTo: " + to + "\r\nSubject: " + subject + "\r\n\r\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("curl: %v\n%s", err, out)
	}
}

// imap reads the first message of demo's inbox by IMAP over TLS, with a program
// that we did not write.
func (n *neighbours) imap(p *process, name string) string {
	n.t.Helper()
	out, err := program(n.t, "curl", "-sS", "--cacert", filepath.Join(n.dir[name], "cert.pem"), "--user", "demo:"+n.pass[name],
		"imaps://"+p.addrs["IMAPS"]+"/INBOX;MAILINDEX=1").CombinedOutput()
	if err != nil {
		n.t.Fatalf("curl: %v\n%s", err, out)
	}
	return string(out)
}

// Two daemons on one machine bring each other mail by MX, under the TLS that the
// DNS says: whatever certificate, the one that DANE names, the one that MTA-STS wants.
func TestTwoDaemons(t *testing.T) {
	n := meet(t, "50ms")
	a := n.start("a")
	n.trust(filepath.Join(n.dir["a"], "cert.pem"))
	b := n.start("b", "-roots", n.roots)
	good := "!secure b.test.\n_25._tcp.mx.b 0 TLSA " + n.tlsa("b") + "\n"
	bad := "!secure b.test.\n_25._tcp.mx.b 0 TLSA 3 1 1 " + strings.Repeat("00", 32) + "\n"

	toB, toA := n.submit(a, "a"), n.submit(b, "b")
	sendB := func(subject string) {
		t.Helper()
		if err := send(toB, "demo@a.test", "Subject: "+subject+"\r\n\r\n", "demo@b.test"); err != nil {
			t.Fatal(err)
		}
	}
	sendA := func(subject string) {
		t.Helper()
		if err := send(toA, "demo@b.test", "Subject: "+subject+"\r\n\r\n", "demo@a.test"); err != nil {
			t.Fatal(err)
		}
	}

	n.publish("")
	n.curl(a, "a", "no policy", "demo@b.test")
	a.log.wait(t, 1, "msg=sent", "to=demo@b.test", "host=mx.b.test", "policy=TLSOpportunistic", `tls="TLS 1.3"`)
	if got := n.imap(b, "b"); !strings.Contains(got, "\r\nSubject: no policy\r\n") {
		t.Errorf("the inbox of b holds %q", got)
	}

	n.publish(good)
	sendB("DANE")
	a.log.wait(t, 1, "msg=sent", "policy=TLSDANE", `tls="TLS 1.3"`)

	n.publish(good + "_mta-sts.a 0 TXT \"v=STSv1; id=1;\"\n")
	sendA("MTA-STS")
	b.log.wait(t, 1, "msg=sent", "to=demo@a.test", "host=mx.a.test", "policy=TLSVerified", `tls="TLS 1.3"`)

	// The policy is remembered: an attacker who controls the DNS cannot lead the mail astray.
	n.publish(good + "a 0 MX 5 mx.evil\nmx.evil 0 A 127.0.0.3\n")
	sendA("MTA-STS, attacked")
	b.log.wait(t, 2, "msg=sent", "to=demo@a.test", "host=mx.a.test", "policy=TLSVerified")

	n.publish(bad)
	sendB("wrong TLSA")
	a.log.wait(t, 2, "msg=deferred", "no TLSA record matches")
	list, err := program(t, n.bin, "-data", n.dir["a"], "queue").Output()
	if err != nil || !bytes.Contains(list, []byte("no TLSA record matches")) || !bytes.HasSuffix(list, []byte("\n1 messages\n")) {
		t.Errorf("queue: %s%v", list, err)
	}
	n.publish(good)
	a.log.wait(t, 2, "msg=sent", "policy=TLSDANE")

	b.kill(t)
	sendB("to one who is away")
	a.log.wait(t, 1, "msg=deferred", "connection refused")
	b = n.start("b", "-roots", n.roots)
	a.log.wait(t, 3, "msg=sent", "policy=TLSDANE")

	if err := send(toB, "demo@a.test", "Subject: to nobody\r\n\r\n", "nobody@b.test"); err != nil {
		t.Fatal(err)
	}
	a.log.wait(t, 1, "msg=settled", "reports=1")

	subjects := func(p *process, name string) string {
		var all []string
		for _, m := range p.messages(t, "demo", n.pass[name]) {
			all = append(all, mime.Parse([]byte(m), nil).Header().Get("Subject"))
		}
		return strings.Join(all, "; ")
	}
	if got, want := subjects(b, "b"), "no policy; DANE; wrong TLSA; to one who is away"; got != want {
		t.Errorf("b.test has %q, want %q", got, want)
	}
	if got, want := subjects(a, "a"), "MTA-STS; MTA-STS, attacked; Not delivered"; got != want {
		t.Errorf("a.test has %q, want %q", got, want)
	}
}

var relayMessages = flag.Int("relay-messages", 200, "messages of TestKilledRelayBringsEverything")

// A relay that is killed again and again brings everything that it acknowledged, and
// a second time at most what it had under way: between the host's reply and our note
// of it nothing can tell which of the two got lost.
func TestKilledRelayBringsEverything(t *testing.T) {
	const kills = 3
	messages := *relayMessages
	n := meet(t, "50ms")
	n.publish("")
	a := n.start("a")
	var wg sync.WaitGroup
	for sender := range 4 {
		c := n.submit(a, "a")
		wg.Go(func() {
			for i := range messages / 4 {
				if err := send(c, "demo@a.test", newMessage(fmt.Sprint(sender, ".", i), 2000), "demo@b.test"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	a.kill(t)
	b := n.start("b")
	for i := range kills {
		a = n.start("a")
		b.log.wait(t, (i+1)*messages/(kills+2), "msg=accepted")
		a.kill(t)
	}
	before, _ := b.log.count("msg=accepted")
	a = n.start("a")
	for {
		done, _ := a.log.count("msg=settled") // before the look: the last may settle behind it
		left, err := program(t, n.bin, "-data", n.dir["a"], "queue").Output()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(left, []byte("0 messages")) {
			break
		}
		a.log.wait(t, done+1, "msg=settled")
	}
	seen := map[string]bool{}
	all := b.messages(t, "demo", n.pass["b"])
	for _, m := range all {
		_, content, _ := strings.Cut(m, "\r\nMessage-ID:")
		id, ok := wholeMessage("Message-ID:" + content)
		if !ok {
			t.Errorf("a message is not whole: %.300q", m)
		}
		seen[id] = true
	}
	twice := len(all) - len(seen)
	t.Logf("%d messages, %d of them before the last start; %d came twice", len(all), before, twice)
	if len(seen) != messages {
		t.Errorf("%d messages arrived, want %d", len(seen), messages)
	}
	if twice > kills*maxPerDomain {
		t.Errorf("%d came twice, want at most %d", twice, kills*maxPerDomain)
	}
}

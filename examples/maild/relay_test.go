package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	netsmtp "net/smtp"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/mime"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// relayTest is a daemon that nobody connects to. Its queue runs when the test
// says, at the time that the test says, and asks the zone of the test.
type relayTest struct {
	*daemon
	t    *testing.T
	ctx  context.Context // ends after patience: by then all is done or nothing will be
	zone *dnsmxtest.Zone
	time time.Time
}

var relayArgs = []string{"-hostname", "mx.a.test", "-domain", "a.test", "-relay", "-retry", "10m", "-warn", "4h", "-expire", "120h"}

func newRelayTest(t *testing.T, zone string) *relayTest {
	t.Helper()
	d, err := newDaemon(testConfig(t, append(relayArgs, "-dns", "127.0.0.1:1")...), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	d.accounts.iterations = fewIterations
	if _, _, err := d.accounts.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r := &relayTest{daemon: d, t: t, ctx: ctx, zone: dnsmxtest.MustParseZone(zone), time: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}
	d.queue.now = func() time.Time { return r.time }
	d.queue.random = func() float64 { return 0.5 } // waits are as long as they are called
	d.queue.relay.planner.Resolver, d.queue.relay.planner.STS = r.zone, nil
	return r
}

// pass lets the queue do all that is due now.
func (r *relayTest) pass() {
	r.t.Helper()
	if _, err := r.queue.start(r.ctx, r.ctx); err != nil {
		r.t.Fatal(err)
	}
	r.queue.running.Wait()
}

// put puts a message for the recipients into the queue.
func (r *relayTest) put(name string, sender store.Sender, to ...smtp.Rcpt) {
	r.t.Helper()
	out := &store.Outgoing{Name: name, Arrived: r.time, Sender: sender, Skip: 5}
	for _, to := range to {
		out.Rcpts = append(out.Rcpts, r.queue.recipient(to, to.Path.Domain, r.time))
	}
	text := "top\r\nFrom: demo@a.test\r\nSubject: " + name + "\r\n\r\nThe body of " + name + ".\r\n"
	if err := r.store.Accept(r.t.Context(), &store.Incoming{Received: r.time, Queue: out}, strings.NewReader(text)); err != nil {
		r.t.Fatal(err)
	}
}

var (
	demo   = store.Sender{From: smtp.Path{Local: "demo", Domain: "a.test"}}
	nobody = store.Sender{}
)

func to(address string, notify smtp.Notify) smtp.Rcpt {
	local, domain, _ := strings.Cut(address, "@")
	return smtp.Rcpt{Path: smtp.Path{Local: local, Domain: domain}, Options: smtp.RcptOptions{Notify: notify}}
}

// waiting lists the queue: recipients, attempts, and when the next one is.
func (r *relayTest) waiting() []string {
	r.t.Helper()
	q, err := r.store.Queue(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	list := []string{}
	for _, m := range q {
		for _, w := range m.Rcpts {
			list = append(list, fmt.Sprintf("%s %s %d in %v", m.Name, w.Path, w.Attempts, w.Next.Sub(r.time)))
		}
	}
	return list
}

// reports returns the reports in demo's inbox.
func (r *relayTest) reports() []*mime.Message {
	r.t.Helper()
	inbox, err := r.store.Inbox(r.t.Context(), "demo")
	if err != nil {
		r.t.Fatal(err)
	}
	all, err := r.store.Messages(r.t.Context(), inbox.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	var list []*mime.Message
	for _, m := range all {
		octets, err := io.ReadAll(r.store.Content(r.t.Context(), m))
		if err != nil {
			r.t.Fatal(err)
		}
		list = append(list, mime.Parse(octets, nil))
	}
	return list
}

// summary is what a report says: action, recipient, status, and what is returned.
func summary(t *testing.T, m *mime.Message) string {
	t.Helper()
	report, ok := m.Report()
	if !ok || m.Header().Get("Return-Path") != "<>" || m.Header().Get("Auto-Submitted") == "" {
		t.Fatalf("no report: %q", m.Header().Append(nil))
	}
	content, err := report.Status.ReadText(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	status, defects := mime.ParseDeliveryStatus([]byte(content))
	if len(defects) > 0 || len(m.Check()) > 0 {
		t.Errorf("defects: %v %v", defects, m.Check())
	}
	var lines []string
	for _, s := range status.Recipients {
		lines = append(lines, fmt.Sprintf("%s %s %s", s.Action, strings.TrimPrefix(s.Final, "rfc822; "), s.Status))
	}
	return strings.Join(lines, ", ")
}

// remote is a host of somebody else.
type remote struct {
	*smtpserver.Server
	rcpt func(to smtp.Rcpt) error // nil: accepted
	data func() error

	mu       sync.Mutex
	conns    int
	messages []received
}

type received struct {
	smtp.Envelope
	content string
}

// serveAt starts the host at 127.0.0.n and the port that the queue uses, which the
// first one chooses.
func (r *relayTest) serveAt(n int, h *remote) *remote {
	r.t.Helper()
	l := r.listen(n)
	if h.Server == nil {
		h.Server = &smtpserver.Server{}
	}
	h.Hostname, h.Handler = "mx.b.test", h
	done := make(chan struct{})
	go func() { h.Serve(l); close(done) }()
	r.t.Cleanup(func() { h.Close(); <-done })
	return h
}

func (r *relayTest) listen(n int) net.Listener {
	r.t.Helper()
	port := 0
	if r.queue.relay.deliverer.Port != 25 {
		port = int(r.queue.relay.deliverer.Port)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:%d", n, port))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	r.queue.relay.deliverer.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	return l
}

func (h *remote) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns++
	return &smtpserver.Session{
		Rcpt: func(_ context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
			if h.rcpt == nil {
				return nil
			}
			return h.rcpt(to)
		},
		Data: func(_ context.Context, m *smtpserver.Message) error {
			content, err := io.ReadAll(m)
			if err == nil && h.data != nil {
				err = h.data()
			}
			if err != nil {
				return err
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.messages = append(h.messages, received{m.Envelope, string(content)})
			return nil
		},
	}, nil
}

func (h *remote) got() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.messages)
}

func refuse(code int, e ...uint16) error {
	return &smtp.Reject{Code: code, Enhanced: smtp.EnhancedCode(e), Text: "no (really)"}
}

const zoneB = `
b.test. MX 10 mx.b.test.
mx.b.test. A 127.0.0.2
null.test. MX 0 .
odd.test. MX 10 mx.odd.test.
self.test. MX 10 mx.a.test.
dead.test. A 127.0.0.9
!servfail unknown.test.
`

// What becomes of a message by what the host says, and what its sender hears.
func TestVerdicts(t *testing.T) {
	const failure, success, delay = smtp.NotifyFailure, smtp.NotifySuccess, smtp.NotifyDelay
	for _, tt := range []struct {
		name    string
		sender  store.Sender
		to      string
		notify  smtp.Notify
		host    *remote
		arrived int
		queue   []string
		report  string // "": none
	}{
		{"accepted", demo, "x@b.test", 0, &remote{}, 1, nil, ""},
		{"success wanted, the host does not report", demo, "x@b.test", success, &remote{}, 1, nil, "relayed x@b.test 2.0.0"},
		{"success wanted, the host reports", store.Sender{From: demo.From, Options: smtp.MailOptions{EnvID: "e 1"}}, "x@b.test", success, &remote{Server: &smtpserver.Server{Offer: smtp.Offer{DSN: true}}}, 1, nil, ""},
		{"refused", demo, "x@b.test", 0, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }}, 0, nil, "failed x@b.test 5.1.1"},
		{"refused, failure wanted", demo, "x@b.test", failure, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }}, 0, nil, "failed x@b.test 5.1.1"},
		{"refused, only success wanted", demo, "x@b.test", success, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }}, 0, nil, ""},
		{"refused, never", demo, "x@b.test", smtp.NotifyNever, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }}, 0, nil, ""},
		{"refused, null path", nobody, "x@b.test", 0, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }}, 0, nil, ""},
		{"refused, null path that wants to know", nobody, "x@b.test", failure, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }}, 0, nil, ""},
		{"content refused", demo, "x@b.test", 0, &remote{data: func() error { return refuse(554, 5, 6, 0) }}, 0, nil, "failed x@b.test 5.6.0"},
		{"put off", demo, "x@b.test", delay | failure, &remote{rcpt: func(smtp.Rcpt) error { return refuse(450, 4, 2, 0) }}, 0, []string{"m x@b.test 1 in 10m0s"}, ""},
		{"content put off", demo, "x@b.test", 0, &remote{data: func() error { return refuse(451, 4, 3, 0) }}, 0, []string{"m x@b.test 1 in 10m0s"}, ""},
		{"nobody listens", demo, "x@dead.test", 0, &remote{}, 0, []string{"m x@dead.test 1 in 10m0s"}, ""},
		{"null MX", demo, "x@null.test", 0, &remote{}, 0, nil, "failed x@null.test 5.1.10"},
		{"no such domain", demo, "x@nowhere.test", 0, &remote{}, 0, nil, "failed x@nowhere.test 5.1.2"},
		{"the DNS does not say", demo, "x@unknown.test", 0, &remote{}, 0, []string{"m x@unknown.test 1 in 10m0s"}, ""},
		{"no host with an address", demo, "x@odd.test", 0, &remote{}, 0, []string{"m x@odd.test 1 in 10m0s"}, ""},
		{"a loop by MX", demo, "x@self.test", 0, &remote{}, 0, nil, "failed x@self.test 5.4.6"},
		{"REQUIRETLS, and nobody vouches for the host", store.Sender{From: demo.From, Options: smtp.MailOptions{RequireTLS: true}}, "x@b.test", 0, &remote{}, 0, nil, "failed x@b.test 5.7.10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRelayTest(t, zoneB)
			h := r.serveAt(2, tt.host)
			r.put("m", tt.sender, to(tt.to, tt.notify))
			r.pass()
			if got := h.got(); len(got) != tt.arrived {
				t.Errorf("%d messages arrived, want %d", len(got), tt.arrived)
			} else if len(got) > 0 {
				if want := "From: demo@a.test\r\nSubject: m\r\n\r\nThe body of m.\r\n"; got[0].content != want || got[0].From != tt.sender.From {
					t.Errorf("from %v: %q, want %q", got[0].From, got[0].content, want)
				}
				want := smtp.Envelope{From: tt.sender.From, Options: smtp.MailOptions{EnvID: tt.sender.Options.EnvID}, To: []smtp.Rcpt{to(tt.to, tt.notify)}}
				got[0].Options.Size, got[0].Options.Body = 0, 0 // the client's
				if diff := cmp.Diff(want, got[0].Envelope); h.Offer.DSN && diff != "" {
					t.Errorf("envelope (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(append([]string{}, tt.queue...), r.waiting()); diff != "" {
				t.Errorf("queue (-want +got):\n%s", diff)
			}
			var got []string
			for _, m := range r.reports() {
				got = append(got, summary(t, m))
			}
			if have := strings.Join(got, "; "); have != tt.report {
				t.Errorf("report %q, want %q", have, tt.report)
			}
		})
	}
}

// A host that goes wrong in each way at each stage: a refusal for good goes back to
// the sender, everything else is tried again.
func TestStages(t *testing.T) {
	timeouts := []smtpclient.Timeouts{{Greeting: stalled}, {Command: stalled}, {Mail: stalled}, {Rcpt: stalled}, {Data: stalled}, {Final: stalled}}
	for stage, name := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "content"} {
		for _, way := range []string{"421", "451", "554", "drop", "stall", "noise"} {
			t.Run(name+" "+way, func(t *testing.T) {
				r := newRelayTest(t, zoneB)
				r.queue.relay.deliverer.Dialer.Timeouts = timeouts[stage]
				r.serveBadly(2, stage, way)
				r.put("m", demo, to("x@b.test", 0))
				r.pass()
				want, reports := []string{"m x@b.test 1 in 10m0s"}, ""
				if way == "554" {
					want, reports = []string{}, "failed x@b.test 5.0.0"
				}
				if diff := cmp.Diff(want, r.waiting()); diff != "" {
					t.Errorf("queue (-want +got):\n%s", diff)
				}
				var got strings.Builder
				for _, m := range r.reports() {
					got.WriteString(summary(t, m))
				}
				if got.String() != reports {
					t.Errorf("report %q, want %q", got.String(), reports)
				}
			})
		}
	}
}

// stalled is how long to wait for a host that will never answer.
const stalled = 30 * time.Millisecond

// serveBadly is a host that fails in a way at a stage: commands come one at a time.
func (r *relayTest) serveBadly(n, stage int, way string) {
	r.t.Helper()
	l := r.listen(n)
	replies := []string{"220 mx.b.test\r\n", "250 mx.b.test\r\n", "250 OK\r\n", "250 OK\r\n", "354 go\r\n", "250 OK\r\n"}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var err error
				in := bufio.NewReader(c)
				for _, reply := range replies[:stage] {
					io.WriteString(c, reply)
					if _, err := in.ReadString('\n'); err != nil {
						return
					}
				}
				for line := ""; stage == len(replies)-1 && line != ".\r\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						return
					}
				}
				switch way {
				case "stall":
					io.Copy(io.Discard, in)
				case "drop":
					return
				case "noise":
					io.WriteString(c, "what?\r\n")
				default:
					io.WriteString(c, way+" no\r\n")
				}
				for { // RSET, QUIT
					if _, err := in.ReadString('\n'); err != nil {
						return
					}
					io.WriteString(c, "250 OK\r\n")
				}
			}()
		}
	}()
}

// RFC 8689, section 4.2.1: under REQUIRETLS the host must prove its name, if the DNS
// vouches for that, and must pass the demand on.
func TestRequireTLS(t *testing.T) {
	for _, tt := range []struct {
		name  string
		offer bool
		trust bool
		queue int
		sent  int
	}{
		{"offered and proven", true, true, 0, 1},
		{"not proven", true, false, 1, 0},
		{"not offered", false, true, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRelayTest(t, zoneB+"!secure test.\n")
			c := config{data: t.TempDir(), hostname: "mx.b.test"}
			certs, err := c.loadCertificate(time.Now())
			if err != nil {
				t.Fatal(err)
			}
			r.queue.relay.roots = x509.NewCertPool()
			if tt.trust {
				r.queue.relay.roots.AddCert(certs[0].Leaf)
			}
			h := r.serveAt(2, &remote{Server: &smtpserver.Server{TLS: &tls.Config{Certificates: certs}, Offer: smtp.Offer{RequireTLS: tt.offer}}})
			r.put("m", store.Sender{From: demo.From, Options: smtp.MailOptions{RequireTLS: true}}, to("x@b.test", 0))
			r.pass()
			got := h.got()
			if len(got) != tt.sent || len(got) > 0 && !got[0].Options.RequireTLS || len(r.waiting()) != tt.queue || len(r.reports()) != 1-tt.queue-tt.sent {
				t.Errorf("sent %d, waiting %q, %d reports", len(got), r.waiting(), len(r.reports()))
			}
		})
	}
}

// Recipients of one message part where their fates do.
func TestRecipientsPart(t *testing.T) {
	r := newRelayTest(t, zoneB+"c.test. MX 10 mx.b.test.\n")
	var mu sync.Mutex
	later := error(refuse(450, 4, 2, 1))
	h := r.serveAt(2, &remote{rcpt: func(to smtp.Rcpt) error {
		mu.Lock()
		defer mu.Unlock()
		return map[string]error{"later": later, "never": refuse(550, 5, 1, 1)}[to.Path.Local]
	}})
	r.put("m", demo, to("ok@b.test", 0), to("later@b.test", 0), to("never@b.test", 0), to("other@c.test", 0))
	r.pass()
	if diff := cmp.Diff([]string{"m later@b.test 1 in 10m0s"}, r.waiting()); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	mu.Lock()
	later = nil
	mu.Unlock()
	r.time = r.time.Add(10 * time.Minute)
	r.pass()
	var got []string
	for _, m := range h.got() {
		for _, to := range m.To {
			got = append(got, to.Path.String())
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"later@b.test", "ok@b.test", "other@c.test"}, got); diff != "" {
		t.Errorf("delivered to (-want +got):\n%s", diff)
	}
	if all := r.reports(); len(all) != 1 || summary(t, all[0]) != "failed never@b.test 5.1.1" {
		t.Errorf("%d reports", len(all))
	}
}

// RFC 5321, section 4.5.4.1: attempts come at growing intervals. The sender hears
// once that it takes long, and once that it was in vain.
func TestScheduleAndExpiry(t *testing.T) {
	r := newRelayTest(t, zoneB)
	var attempts atomic.Int64
	r.serveAt(2, &remote{rcpt: func(smtp.Rcpt) error { attempts.Add(1); return refuse(450, 4, 2, 0) }})
	begin := r.time
	r.put("m", demo, to("x@b.test", 0))
	var times []string
	for range 60 {
		r.pass()
		times = append(times, r.time.Sub(begin).String())
		next, err := r.store.NextDue(t.Context(), r.time)
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			break
		}
		r.time = next
		r.pass() // nothing else is due: the second pass of a moment does nothing
	}
	want := []string{"0s", "10m0s", "30m0s", "1h10m0s", "2h30m0s", "5h10m0s", "9h10m0s", "13h10m0s"}
	if len(times) < len(want) || times[len(times)-1] != "120h0m0s" || attempts.Load() != int64(len(times)) {
		t.Fatalf("%d attempts at %v", attempts.Load(), times)
	}
	if diff := cmp.Diff(want, times[:len(want)]); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	var got []string
	for _, m := range r.reports() {
		got = append(got, summary(t, m)+" "+m.Header().Get("Subject"))
	}
	if diff := cmp.Diff([]string{"delayed x@b.test 4.2.0 Delayed", "failed x@b.test 5.4.7 Not delivered"}, got); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	if left := r.waiting(); len(left) != 0 {
		t.Errorf("still waiting: %q", left)
	}
}

func TestBackoff(t *testing.T) {
	q := &queue{daemon: &daemon{config: config{schedule: schedule{retry: 10 * time.Minute}}}}
	for _, tt := range []struct {
		attempts int
		random   float64
		want     time.Duration
	}{
		{1, 0, 450 * time.Second}, {1, 0.5, 10 * time.Minute}, {2, 0.5, 20 * time.Minute}, {5, 0.5, 160 * time.Minute},
		{6, 0.5, 4 * time.Hour}, {1000, 0.5, 4 * time.Hour}, {1000, 0, 3 * time.Hour}, {1, 1 - 1e-12, 750 * time.Second},
	} {
		q.random = func() float64 { return tt.random }
		if got := q.backoff(tt.attempts).Round(time.Second); got != tt.want {
			t.Errorf("backoff(%d) with %v = %v, want %v", tt.attempts, tt.random, got, tt.want)
		}
	}
}

// RFC 3464 and RFC 3461, section 6: what a report holds.
func TestReport(t *testing.T) {
	for _, tt := range []struct {
		ret        smtp.Ret
		requireTLS bool
		full       bool
	}{
		{smtp.RetUnset, false, false}, {smtp.RetHdrs, false, false}, {smtp.RetFull, false, true},
		{smtp.RetFull, true, false}, // RFC 8689, section 5
	} {
		t.Run(fmt.Sprint(tt.ret, tt.requireTLS), func(t *testing.T) {
			r := newRelayTest(t, zoneB)
			r.serveAt(2, &remote{rcpt: func(smtp.Rcpt) error { return refuse(550, 5, 1, 1) }})
			rcpt := to("x@b.test", 0)
			rcpt.Options.ORcpt = smtp.ORcpt{Type: "rfc822", Addr: "ex@old.test"}
			sender := demo
			sender.Options = smtp.MailOptions{Ret: tt.ret, EnvID: "env(1)", RequireTLS: tt.requireTLS}
			r.put("m", sender, rcpt)
			r.pass()
			all := r.reports()
			if len(all) != 1 {
				t.Fatalf("%d reports", len(all))
			}
			report, _ := all[0].Report()
			content, _ := report.Status.ReadText(1 << 20)
			status, _ := mime.ParseDeliveryStatus([]byte(content))
			if status.ReportingMTA != "dns; mx.a.test" || status.EnvelopeID != "env(1)" || !status.Arrival.Equal(r.time) {
				t.Errorf("message: %+v", status)
			}
			got := status.Recipients[0]
			if got.Original != "rfc822; ex@old.test" || got.Final != "rfc822; x@b.test" || !tt.requireTLS &&
				(got.RemoteMTA != "dns; mx.b.test" || got.Diagnostic != "smtp; 550 5.1.1 no (really)" || !got.LastAttempt.Equal(r.time)) {
				t.Errorf("recipient: %+v", got)
			}
			original, _ := report.Original.ReadText(1 << 20)
			body := strings.Contains(original, "The body of m.")
			if !strings.Contains(original, "Subject: m") || strings.Contains(original, "top") || body != tt.full || report.Original.Is("message/rfc822") != tt.full {
				t.Errorf("returned %v: %q", report.Original.Type(), original)
			}
		})
	}
}

// Messages for the same hosts share connections; those for a host that is down
// are not all tried in vain; those that are hopeless do not wait.
func TestWorkers(t *testing.T) {
	r := newRelayTest(t, zoneB)
	h := r.serveAt(2, &remote{})
	const n = 20
	for i := range n {
		r.put(fmt.Sprint("m", i), demo, to("x@b.test", 0))
		r.put(fmt.Sprint("d", i), demo, to("x@dead.test", 0))
		r.put(fmt.Sprint("n", i), demo, to("x@null.test", 0))
	}
	r.pass()
	if got := len(h.got()); got != n || h.conns > maxPerDomain {
		t.Errorf("%d messages over %d connections, want %d over at most %d", got, h.conns, n, maxPerDomain)
	}
	if got := len(r.reports()); got != n {
		t.Errorf("%d messages came back at once from a domain that takes none, want %d", got, n)
	}
	tried := 0
	for _, line := range r.waiting() {
		if strings.Contains(line, " 1 in ") {
			tried++
		}
		if !strings.HasSuffix(line, "in 10m0s") {
			t.Error(line)
		}
	}
	if len(r.waiting()) != n || tried == 0 || tried > maxPerDomain {
		t.Errorf("%d wait for the dead host, %d of them tried", len(r.waiting()), tried)
	}
	if len(r.queue.workers) != 0 || len(r.queue.busy) != 0 || r.queue.total != 0 {
		t.Errorf("left behind: %v %v %d", r.queue.workers, r.queue.busy, r.queue.total)
	}
}

// What a host has taken is not sent again because we could not write that down.
func TestTroubleSendsNothingTwice(t *testing.T) {
	r := newRelayTest(t, zoneB)
	h := r.serveAt(2, &remote{})
	r.put("m", demo, to("x@b.test", 0))
	// Without a timeout a change at the same time as one of the store fails.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.data, "maild.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TRIGGER trouble BEFORE DELETE ON queue_rcpts BEGIN SELECT RAISE(ABORT, 'no'); END"); err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(r.ctx)
	defer giveUp()
	pauses := 0
	r.queue.pause = func(context.Context) {
		if pauses++; pauses == 3 {
			if _, err := db.Exec("DROP TRIGGER trouble"); err != nil {
				t.Error(err)
				giveUp() // or the queue would try for ever
			}
		}
	}
	if _, err := r.queue.start(ctx, r.ctx); err != nil {
		t.Fatal(err)
	}
	r.queue.running.Wait()
	if got := len(h.got()); got != 1 || pauses != 3 || len(r.waiting()) != 0 {
		t.Errorf("%d messages arrived, after %d pauses; waiting: %q", got, pauses, r.waiting())
	}
}

// A delivery under way when the daemon is told to stop is brought to its end.
func TestShutdownFinishesDeliveries(t *testing.T) {
	r := newRelayTest(t, zoneB)
	ctx, stop := context.WithCancel(r.ctx)
	h := r.serveAt(2, &remote{data: func() error { stop(); return nil }})
	for i := range 10 {
		r.put(fmt.Sprint("m", i), demo, to("x@b.test", 0))
	}
	if err := r.serve(ctx); err != nil {
		t.Error(err)
	}
	db, err := store.Open(r.data)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	left, err := db.Queue(t.Context())
	if got := len(h.got()); err != nil || got == 0 || got > maxPerDomain || got+len(left) != 10 {
		t.Errorf("%d delivered, %d left, %v", got, len(left), err)
	}
	for _, m := range left {
		if m.Rcpts[0].Attempts != 0 {
			t.Errorf("%s: %d attempts", m.Name, m.Rcpts[0].Attempts)
		}
	}
}

// What is cut off when the daemon stops was not tried.
func TestCutOffIsNoAttempt(t *testing.T) {
	r := newRelayTest(t, zoneB)
	work, cancel := context.WithCancel(r.ctx)
	r.serveAt(2, &remote{rcpt: func(smtp.Rcpt) error { cancel(); return refuse(450) }})
	r.put("m", demo, to("x@b.test", 0))
	if _, err := r.queue.start(r.ctx, work); err != nil {
		t.Fatal(err)
	}
	r.queue.running.Wait()
	if diff := cmp.Diff([]string{"m x@b.test 0 in 0s"}, r.waiting()); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
}

// RFC 8689, section 3: "TLS-Required: No" goes out where a policy is in the way,
// and nothing else does.
func TestRelaxed(t *testing.T) {
	for _, relaxed := range []bool{false, true} {
		t.Run(fmt.Sprint(relaxed), func(t *testing.T) {
			r := newRelayTest(t, zoneB+"_25._tcp.mx.b.test. TLSA 3 1 1 "+strings.Repeat("00", 32)+"\n!secure b.test.\n")
			h := r.serveAt(2, &remote{})
			sender := demo
			sender.Relaxed = relaxed
			r.put("m", sender, to("x@b.test", 0))
			r.pass()
			if arrived := len(h.got()) == 1; arrived != relaxed {
				t.Errorf("arrived: %v", arrived)
			}
		})
	}
}

func TestQueueCommands(t *testing.T) {
	r := newRelayTest(t, zoneB)
	var open atomic.Bool
	h := r.serveAt(2, &remote{rcpt: func(smtp.Rcpt) error {
		if open.Load() {
			return nil
		}
		return refuse(450, 4, 7, 1)
	}})
	for _, name := range []string{"m1", "m2"} {
		r.put(name, demo, to("x@b.test", 0))
	}
	r.pass()
	run := func(words ...string) string {
		t.Helper()
		var out strings.Builder
		if err := manageQueue(r.store, words, r.time.Add(time.Minute), &out); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	want := "m1  1m0s old, 51 octets, from demo@a.test\n    to x@b.test: 1 attempts, next in 9m0s; the host said: 450 4.7.1 no (really)\n"
	if got := run(); got != want+strings.ReplaceAll(want, "m1  ", "m2  ")+"2 messages\n" {
		t.Errorf("got %q, want %q and more", got, want)
	}
	run("remove", "m1")
	run("retry", "m2")
	open.Store(true)
	r.time = r.time.Add(time.Minute)
	r.pass()
	if got := h.got(); len(got) != 1 || run() != "0 messages\n" {
		t.Errorf("%d messages arrived; queue: %s", len(got), run())
	}
	for _, words := range [][]string{{"retry", "m3"}, {"remove", "m3"}, {"retry"}, {"flush"}} {
		if err := manageQueue(r.store, words, r.time, io.Discard); err == nil {
			t.Errorf("%q succeeded", words)
		}
	}
}

// With -relay, too, mail goes out for those alone who have logged in, and not in circles.
func TestRelayPolicy(t *testing.T) {
	d := start(t, testConfig(t, append(relayArgs, "-dns", "127.0.0.1:1")...))
	loop := strings.Repeat("Received: from x by MX.a.test (maild) with ESMTP; Fri, 2 Jan 2026 12:00:00 +0000\r\n", maxVisits)
	other := strings.Repeat("Received: from mx.a.test by x.test with ESMTP; Fri, 2 Jan 2026 12:00:00 +0000\r\n", maxVisits)
	for _, tt := range []struct {
		name, user, from, to, content string
		want                          int
	}{
		{"a stranger", "", "x@example.org", "x@b.test", content, 550},
		{"a stranger in our name", "", "demo@a.test", "x@b.test", content, 550},
		{"an account", "demo", "demo@a.test", "x@b.test", content, 250},
		{"a null path", "demo", "", "x@b.test", content, 250},
		{"a foreign sender", "demo", "demo@b.test", "x@b.test", content, 553},
		{"an account here", "demo", "demo@a.test", "other@a.test", content, 250},
		{"no account here", "demo", "demo@a.test", "nobody@a.test", content, 550},
		{"an address literal", "demo", "demo@a.test", "x@[127.0.0.1]", content, 550},
		{"a loop", "demo", "demo@a.test", "x@b.test", loop + content, 554},
		{"nearly a loop", "demo", "demo@a.test", "x@b.test", loop[len(loop)/maxVisits:] + content, 250},
		{"the trace of others", "demo", "demo@a.test", "x@b.test", other + content, 250},
		{"a trace in the body", "demo", "demo@a.test", "x@b.test", content + loop, 250},
		{"more trace than the server takes", "demo", "demo@a.test", "x@b.test", strings.Repeat(other, 21) + content, 554},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := d.mx
			if tt.user != "" {
				c = func(t testing.TB) *netsmtp.Client { return d.submit(t, tt.user) }
			}
			before, _ := d.store.Queue(t.Context())
			if err := send(c(t), tt.from, tt.content, tt.to); code(err) != tt.want {
				t.Errorf("got %v, want %d", err, tt.want)
			}
			after, err := d.store.Queue(t.Context())
			if queued := len(after) > len(before); err != nil || queued != (tt.want == 250 && strings.HasSuffix(tt.to, "@b.test")) {
				t.Errorf("queued: %v, %v", queued, err)
			}
		})
	}
}

// One message for both: here at once, elsewhere by the queue, and told so if asked.
func TestLocalAndRemote(t *testing.T) {
	d := start(t, testConfig(t, append(relayArgs, "-dns", "127.0.0.1:1")...))
	c := d.submit(t, "demo")
	for _, cmd := range []string{"MAIL FROM:<demo@a.test> RET=HDRS ENVID=e+2B1", "RCPT TO:<other@a.test> NOTIFY=SUCCESS",
		"RCPT TO:<other+x@a.test> NOTIFY=FAILURE", "RCPT TO:<x@b.test>"} {
		id, err := c.Text.Cmd("%s", cmd)
		if err != nil {
			t.Fatal(err)
		}
		c.Text.StartResponse(id)
		_, _, err = c.Text.ReadResponse(250)
		c.Text.EndResponse(id)
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{content}, d.mail(t, "other")); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	r := &relayTest{daemon: d.daemon, t: t}
	if all := r.reports(); len(all) != 1 || summary(t, all[0]) != "delivered other@a.test 2.0.0" {
		t.Errorf("%d reports", len(all))
	}
	q, err := d.store.Queue(t.Context())
	if err != nil || len(q) != 1 || q[0].Rcpts[0].Path.String() != "x@b.test" || q[0].Options.EnvID != "e+1" {
		t.Errorf("queue: %+v, %v", q, err)
	}
	octets, err := d.store.OutgoingContent(t.Context(), q[0])
	if err != nil {
		t.Fatal(err)
	}
	if sent, err := io.ReadAll(octets); err != nil || !strings.HasPrefix(string(sent), "Received: ") || !strings.HasSuffix(string(sent), content) {
		t.Errorf("the queue has %q, %v", sent, err)
	}
}

func TestRelayConfig(t *testing.T) {
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"-relay", "-hostname", "mx.a.test"}, true},
		{[]string{"-relay"}, false},
		{[]string{"-relay", "-hostname", "MX.Localhost"}, false},
		{[]string{"-mx-port", "0"}, false},
		{[]string{"-sts-port", "65536"}, false},
		{[]string{"-retry", "0s"}, false},
	} {
		if _, _, err := parseConfig(tt.args, io.Discard); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
	for _, args := range [][]string{{"-dns", "localhost"}, {"-roots", "/dev/null"}, {"-roots", "/no such file"}} {
		c := testConfig(t, append(relayArgs, args...)...)
		if d, err := newDaemon(c, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%q: accepted", args)
			d.close()
		}
	}
}

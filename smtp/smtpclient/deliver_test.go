package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

// A town has a host for each way to behave, and addresses to reach them at.
type town struct {
	t     *testing.T
	dials []string // the behaviours of the hosts that were dialled
	at    map[string]string
	sinks map[string]*sink
}

// host returns a Host of addresses that behave so.
func (w *town) host(policy auth.TLSPolicy, behaviours ...string) Host {
	h := Host{Name: "mx.example", TLS: policy}
	for _, b := range behaviours {
		if w.at == nil {
			w.at, w.sinks = map[string]string{}, map[string]*sink{}
		}
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(len(w.at) + 1)})
		w.at[addr.String()+":25"] = b
		h.Addrs = append(h.Addrs, addr)
	}
	return h
}

var unsafe = auth.TLSPolicy{Level: auth.TLSNever}

func (w *town) deliverer() *Deliverer {
	return &Deliverer{Dialer: Dialer{LocalName: "client.example", Dial: w.dial}}
}

func (w *town) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	b := w.at[addr]
	w.dials = append(w.dials, b)
	switch b {
	case "down":
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case "greets 554":
		return scripted("554 no mail here\r\n", "221 bye\r\n").Dial(ctx, network, addr)
	case "greets 421":
		return scripted("421 too busy\r\n").Dial(ctx, network, addr)
	case "drops content":
		client, server := memnet.Pipe(memnet.Options{})
		go func() {
			buf := make([]byte, 4096)
			for _, r := range []string{greets, pipelines, "250 OK\r\n250 OK\r\n250 OK\r\n354 go\r\n"} {
				io.WriteString(server, r)
				server.Read(buf)
			}
			server.Close()
		}()
		return client, nil
	case "greets in tongues":
		return scripted("hello\r\n").Dial(ctx, network, addr)
	case "answers in tongues":
		return scripted(greets, pipelines, "well\r\n").Dial(ctx, network, addr)
	case "drops envelope":
		return scripted(greets, pipelines, "").Dial(ctx, network, addr)
	}
	if w.sinks[b] == nil {
		w.sinks[b] = newBehaviour(w.t, b)
	}
	return w.sinks[b].listener.DialContext(ctx, network, addr)
}

// newBehaviour makes a server. Its name is a code and the command to answer with
// it, for the recipient named "a" if that is RCPT.
func newBehaviour(t *testing.T, b string) *sink {
	s := &sink{}
	var code int
	var verb string
	fmt.Sscanf(b, "%d %s", &code, &verb)
	switch verb {
	case "MAIL":
		s.mail = func(*smtpserver.Message) error { return refuse(code) }
	case "RCPT":
		s.rcpt = func(_ *smtpserver.Message, to smtp.Rcpt) error {
			if to.Path.Local == "a" {
				return refuse(code)
			}
			return nil
		}
	case "content":
		s.data = func(*smtpserver.Message, []byte) error { return refuse(code) }
	}
	if b == "one at a time" {
		s.rcpt = func(m *smtpserver.Message, _ smtp.Rcpt) error {
			if len(m.To) > 0 {
				return refuse(452)
			}
			return nil
		}
	}
	if b == "no 8BITMIME" {
		s.Server = &smtpserver.Server{Offer: smtp.Offer{Hide: []string{"8BITMIME"}}}
	}
	s.start(t)
	return s
}

func openString(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// RFC 5321, section 5.1: the addresses are tried in order, until one takes the
// message; what is final ends the search.
func TestDeliver(t *testing.T) {
	for _, tt := range []struct {
		hosts string // behaviours; | between hosts, / between addresses
		dials int    // how many of them are to be tried
		a, b  string // results: ok, temporary, final; and the attempt they come from
	}{
		{"fine | fine", 1, "ok 0", "ok 0"},
		{"down / fine", 2, "ok 1", "ok 1"},
		{"down | down / fine | fine", 3, "ok 2", "ok 2"},
		{"down", 1, "temporary 0", "temporary 0"},
		{"", 0, "temporary -1", "temporary -1"},
		{"greets 421 | fine", 2, "ok 1", "ok 1"},
		{"greets 554 | fine", 2, "ok 1", "ok 1"},
		{"greets 554 | greets 554", 2, "final 1", "final 1"},
		{"down | greets 554", 2, "temporary 0", "temporary 0"},
		{"greets 554 | down", 2, "temporary 1", "temporary 1"},
		{"greets in tongues", 1, "temporary 0", "temporary 0"},
		{"answers in tongues", 1, "temporary 0", "temporary 0"},
		{"answers in tongues | fine", 2, "ok 1", "ok 1"},
		{"drops envelope | fine", 2, "ok 1", "ok 1"},
		{"drops content | fine", 1, "temporary 0", "temporary 0"},
		{"451 MAIL | fine", 2, "ok 1", "ok 1"},
		{"550 MAIL | fine", 1, "final 0", "final 0"},
		{"450 RCPT | fine", 2, "ok 1", "ok 0"},
		{"450 RCPT | down", 2, "temporary 1", "ok 0"},
		{"550 RCPT | fine", 1, "final 0", "ok 0"},
		{"450 RCPT | 550 RCPT", 2, "final 1", "ok 0"},
		{"451 content | fine", 2, "ok 1", "ok 1"},
		{"554 content | fine", 1, "final 0", "final 0"},
		{"450 RCPT / 451 RCPT | 452 RCPT", 3, "temporary 2", "ok 0"},
		{"one at a time | fine", 1, "ok 0", "ok 0"},
		{"no 8BITMIME | fine", 2, "ok 1", "ok 1"},
		{"no 8BITMIME", 1, "final 0", "final 0"},
		{"down | no 8BITMIME", 2, "temporary 0", "temporary 0"},
	} {
		t.Run(strings.ReplaceAll(tt.hosts, "/", ","), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &town{t: t}
				var hosts []Host
				var all []string
				for host := range strings.SplitSeq(tt.hosts, " | ") {
					if addrs := strings.Split(host, " / "); host != "" {
						hosts, all = append(hosts, w.host(unsafe, addrs...)), append(all, addrs...)
					}
				}
				d := w.deliverer()
				defer d.Close()
				got, err := d.Deliver(t.Context(), hosts, smtp.NewEnvelope("me@x.example", "a@b.example", "b@b.example"), openString("\r\n8 bits: \xff\r\n"))
				if diff := cmp.Diff(all[:tt.dials:tt.dials], w.dials); diff != "" {
					t.Errorf("dialled (-want +got):\n%s", diff)
				}
				for i, want := range []string{tt.a, tt.b} {
					what := "final"
					if got.Rcpts[i].Err == nil {
						what = "ok"
					} else if got.Temporary(i) {
						what = "temporary"
					}
					if have := fmt.Sprint(what, " ", got.By[i]); have != want {
						t.Errorf("recipient %d: %s, want %s: %v", i, have, want, got.Rcpts[i].Err)
					}
				}
				if ok := strings.HasPrefix(tt.a, "ok") && strings.HasPrefix(tt.b, "ok"); ok != (err == nil) {
					t.Errorf("error %v", err)
				}
				if uncertain := errors.Is(err, ErrUncertain); uncertain != strings.HasPrefix(tt.hosts, "drops content") {
					t.Errorf("uncertain: %v: %v", uncertain, err)
				}
				w.checkOnce(tt.a, tt.b)
			})
		})
	}
}

// checkOnce looks for copies: who was delivered to got the message once.
func (w *town) checkOnce(results ...string) {
	var got []string
	for _, s := range w.sinks {
		for _, m := range s.messages() {
			for _, to := range m.To {
				got = append(got, to.Path.Local)
			}
		}
	}
	slices.Sort(got)
	var want []string
	for i, r := range results {
		if strings.HasPrefix(r, "ok") {
			want = append(want, string(rune('a'+i)))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("delivered to (-want +got):\n%s", diff)
	}
}

// A connection serves the messages that follow at once; one that has died meanwhile
// is replaced, and counts as no attempt.
func TestDeliverReuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &town{t: t}
		hosts := []Host{w.host(unsafe, "down", "fine"), w.host(unsafe, "fine")}
		d := w.deliverer()
		defer d.Close()
		send := func(reused bool) {
			t.Helper()
			got, err := d.Deliver(t.Context(), hosts, smtp.NewEnvelope("me@x.example", "a@b.example"), openString(hello))
			if err != nil || got.By[0] != 1 || got.Attempts[1].Reused != reused {
				t.Errorf("by %v of %+v: %v", got.By, got.Attempts, err)
			}
			synctest.Wait()
		}
		send(false)
		send(true)
		w.sinks["fine"].Shutdown(t.Context()) // says 421 to the connection that is kept
		w.sinks["fine"] = nil
		send(false)
		time.Sleep(11 * time.Second)
		send(false)
		if diff := cmp.Diff([]string{"down", "fine", "down", "down", "fine", "down", "fine"}, w.dials); diff != "" {
			t.Errorf("dialled (-want +got):\n%s", diff)
		}
	})
}

// Deliveries at the same time have a connection each.
func TestDeliverConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 8
		var all sync.WaitGroup
		all.Add(n)
		s := &sink{data: func(*smtpserver.Message, []byte) error {
			all.Done()
			all.Wait()
			return nil
		}}
		s.start(t)
		d := &Deliverer{Dialer: *s.dialer(), MaxIdle: 2}
		defer d.Close()
		hosts := []Host{{Name: "mx.example", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, TLS: unsafe}}
		done := make(chan error)
		for range n {
			go func() {
				_, err := d.Deliver(t.Context(), hosts, smtp.NewEnvelope("me@x.example", "a@b.example"), openString(hello))
				done <- err
			}()
		}
		for range n {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := len(s.messages()); got != n {
			t.Errorf("%d messages, want %d", got, n)
		}
		synctest.Wait()
		if kept := len(d.kept.idle); kept > 2 {
			t.Errorf("%d connections kept, want at most 2", kept)
		}
	})
}

// What is wrong at home is no reason to try elsewhere.
func TestDeliverOwnFailure(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		to    string
		open  func() (io.ReadCloser, error)
		dials int
		want  error
	}{
		{"open", t.Context(), "a@b.example", func() (io.ReadCloser, error) { return nil, broken }, 1, broken},
		{"read", t.Context(), "a@b.example", func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(hello), iotest.ErrReader(broken))), nil
		}, 1, broken},
		{"context", ctx, "a@b.example", openString(hello), 0, context.Canceled},
		{"envelope", t.Context(), "a\r\nb@b.example", openString(hello), 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &town{t: t}
			d := w.deliverer()
			defer d.Close()
			hosts := []Host{w.host(unsafe, "fine"), w.host(unsafe, "fine")}
			got, err := d.Deliver(tt.ctx, hosts, smtp.NewEnvelope("me@x.example", tt.to), tt.open)
			if len(w.dials) != tt.dials || err == nil || tt.want != nil && !errors.Is(got.Rcpts[0].Err, tt.want) {
				t.Errorf("dialled %q: %v", w.dials, err)
			}
			w.checkOnce("no")
		})
	}
}

// The policy of a host decides, also about a connection that is kept: it is not
// used under one that it would not have come about under.
func TestDeliverTLS(t *testing.T) {
	secure := smtptest.NewServer(t, &smtpserver.Server{Offer: smtp.Offer{RequireTLS: true}})
	plain := smtptest.NewServer(t, &smtpserver.Server{Offer: smtp.Offer{Hide: []string{"STARTTLS"}}})
	real := map[string]string{"192.0.2.1:25": plain.Addr, "192.0.2.2:25": secure.Addr, "192.0.2.3:25": secure.Addr}
	addr := func(last byte) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last})} }
	d := &Deliverer{Dialer: Dialer{LocalName: "client.example", Dial: func(ctx context.Context, network, a string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, real[a])
	}}}
	defer d.Close()
	verified := auth.TLSPolicy{Roots: secure.Roots()}
	for _, tt := range []struct {
		name    string
		hosts   []Host
		require bool
		stages  string // of the attempts
		reused  bool
	}{
		{"opportunistic, not offered", []Host{{"plain.example", addr(1), auth.TLSPolicy{Level: auth.TLSOpportunistic}}}, false, "ok", false},
		{"opportunistic again", []Host{{"plain.example", addr(1), auth.TLSPolicy{Level: auth.TLSOpportunistic}}}, false, "ok", true},
		{"the kept one has no TLS", []Host{{"plain.example", addr(1), auth.TLSPolicy{Level: auth.TLSEncrypted}}}, false, "TLS", false},
		{"not offered where demanded", []Host{{"plain.example", addr(1), verified}, {"mx.example", addr(2), verified}}, false, "TLS ok", false},
		{"verified again", []Host{{"mx.example", addr(2), verified}}, false, "ok", true},
		{"the kept one has another name", []Host{{"other.example", addr(2), verified}}, false, "TLS", false},
		{"the kept one does not match", []Host{{"mx.example", addr(2), auth.TLSPolicy{Level: auth.TLSDANE,
			TLSA: []auth.TLSA{{Usage: 3, Selector: 1, Match: 1, Data: make([]byte, 32)}}}}}, false, "TLS", false},
		{"weaker than the kept one", []Host{{"mx.example", addr(2), auth.TLSPolicy{Level: auth.TLSOpportunistic}}}, false, "ok", true},
		{"cleartext", []Host{{"mx.example", addr(3), unsafe}}, false, "ok", false},
		{"opportunistic, and the kept one did not ask for TLS", []Host{{"mx.example", addr(3), auth.TLSPolicy{Level: auth.TLSOpportunistic}}}, false, "ok", false},
		{"REQUIRETLS unverified", []Host{{"mx.example", addr(2), auth.TLSPolicy{Level: auth.TLSEncrypted}}}, true, "refused", true},
		{"REQUIRETLS on what was opportunistic", []Host{{"mx.example", addr(2), verified}}, true, "ok", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := smtp.NewEnvelope("me@x.example", "a@b.example")
			e.Options.RequireTLS = tt.require
			got, err := d.Deliver(t.Context(), tt.hosts, e, openString(hello))
			var stages []string
			for i, a := range got.Attempts {
				s := "ok"
				if h, ok := errors.AsType[*HostError](a.Err); ok {
					s = h.Stage.String()
				} else if got.Rcpts[0].Err != nil {
					s = "refused"
				}
				if stages = append(stages, s); a.Reused != (tt.reused && i == len(got.Attempts)-1) {
					t.Errorf("attempt %d: reused is %v", i, a.Reused)
				}
			}
			if have := strings.Join(stages, " "); have != tt.stages {
				t.Errorf("%s, want %s: %v", have, tt.stages, err)
			}
			if strings.HasSuffix(tt.stages, "TLS") && !got.Temporary(0) {
				t.Errorf("final: %v", err)
			}
		})
	}
}

// A refusal of STARTTLS sounds final and is not: the message was not looked at.
func TestDeliverRefusedSTARTTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Deliverer{Dialer: *scripted(greets, "250-mx.example\r\n250 STARTTLS\r\n", "554 no TLS today\r\n", "221 bye\r\n")}
		hosts := []Host{{Name: "mx.example", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, TLS: auth.TLSPolicy{Level: auth.TLSEncrypted}}}
		got, err := d.Deliver(t.Context(), hosts, smtp.NewEnvelope("me@x.example", "a@b.example"), openString(hello))
		h, _ := errors.AsType[*HostError](err)
		if h == nil || h.Stage != StageTLS || !errors.Is(err, auth.ErrTLSRequired) || !got.Temporary(0) {
			t.Errorf("got %v", err)
		}
	})
}

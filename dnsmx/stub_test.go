package dnsmx

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// fakeNet is a network of DNS servers for a Stub in a bubble. serve is given each
// query, without the length of TCP, and returns what comes back: datagrams, or over
// TCP raw octets. nil: nothing, ever.
type fakeNet struct {
	mu    sync.Mutex
	serve func(c call) [][]byte
	fail  func(network string, server netip.AddrPort) error // of Dial
	calls []call
	open  int
}

type call struct {
	network string
	server  netip.AddrPort
	query   []byte
}

func (n *fakeNet) dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		if err := n.fail(network, server); err != nil {
			return nil, err
		}
	}
	n.open++
	c := &fakeConn{net: n, call: call{network: network, server: server}}
	c.wake.L = &n.mu
	return c, nil
}

// fakeConn is one connection; the lock is that of its network.
type fakeConn struct {
	net.Conn
	net     *fakeNet
	call    call
	wake    sync.Cond
	in      [][]byte
	expired bool
	closed  bool
}

func (c *fakeConn) Write(p []byte) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.call.query = slices.Clone(p)
	if c.call.network == "tcp" {
		if int(binary.BigEndian.Uint16(p)) != len(p)-2 {
			panic("a frame of another length")
		}
		c.call.query = c.call.query[2:]
	}
	c.net.calls = append(c.net.calls, c.call)
	c.in = c.net.serve(c.call)
	return len(p), nil
}

func (c *fakeConn) Read(p []byte) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	for len(c.in) == 0 && !c.expired {
		c.wake.Wait()
	}
	if c.expired {
		return 0, os.ErrDeadlineExceeded
	}
	if c.in[0] == nil {
		return 0, io.EOF
	}
	n := copy(p, c.in[0])
	if c.in[0] = c.in[0][n:]; len(c.in[0]) == 0 || c.call.network == "udp" {
		c.in = c.in[1:]
	}
	return n, nil
}

func (c *fakeConn) SetDeadline(t time.Time) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.expired = !t.After(time.Now())
	c.wake.Broadcast()
	return nil
}

func (c *fakeConn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.net.open--
	}
	return nil
}

var (
	loopback = netip.MustParseAddrPort("127.0.0.53:53")
	stranger = netip.MustParseAddrPort("192.0.2.53:53")
)

// reply makes the answer to a query: one address, unless edit changes it.
func (c call) reply(edit func(m *dnsmessage.Message)) []byte {
	var q dnsmessage.Message
	if err := q.Unpack(c.query); err != nil {
		panic(err)
	}
	m := &dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true},
		Questions: q.Questions,
		Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}},
		}},
	}
	if len(q.Additionals) > 0 {
		m.Additionals = []dnsmessage.Resource{rrOPT(0)}
	}
	if edit != nil {
		edit(m)
	}
	msg, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return msg
}

func (c call) edns() bool { return binary.BigEndian.Uint16(c.query[10:]) > 0 }

func frame(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

func truncated(m *dnsmessage.Message) { m.Truncated, m.Answers = true, nil }

func (n *fakeNet) networks() string {
	var b strings.Builder
	for _, c := range n.calls {
		b.WriteString(c.network)
		if !c.edns() {
			b.WriteString("-")
		}
		b.WriteString(" ")
	}
	return strings.TrimSpace(b.String())
}

// A Stub against servers that answer in every way. calls are the
// exchanges, those without EDNS with a minus.
func TestStub(t *testing.T) {
	rcode := func(r dnsmessage.RCode) func(m *dnsmessage.Message) {
		return func(m *dnsmessage.Message) { m.RCode, m.Answers = r, nil }
	}
	secure := func(m *dnsmessage.Message) { m.AuthenticData = true }
	plain := func(m *dnsmessage.Message) { m.Additionals = nil }
	one := []netip.AddrPort{loopback}
	for _, tt := range []struct {
		name   string
		stub   Stub
		serve  func(c call) [][]byte
		calls  string
		secure bool
		err    string // a part of it; "" and no address: see wantErr
		took   time.Duration
	}{
		{name: "answer", serve: func(c call) [][]byte { return [][]byte{c.reply(nil)} }, calls: "udp"},
		{name: "AD from loopback", serve: func(c call) [][]byte { return [][]byte{c.reply(secure)} }, calls: "udp", secure: true},
		{name: "AD from ::1", stub: Stub{Servers: []netip.AddrPort{netip.MustParseAddrPort("[::1]:53")}}, serve: func(c call) [][]byte { return [][]byte{c.reply(secure)} }, calls: "udp", secure: true},
		{name: "AD from mapped loopback", stub: Stub{Servers: []netip.AddrPort{netip.MustParseAddrPort("[::ffff:127.0.0.1]:53")}}, serve: func(c call) [][]byte { return [][]byte{c.reply(secure)} }, calls: "udp", secure: true},
		{name: "AD from a stranger", stub: Stub{Servers: []netip.AddrPort{stranger}}, serve: func(c call) [][]byte { return [][]byte{c.reply(secure)} }, calls: "udp"},
		{name: "AD from a stranger that is trusted", stub: Stub{Servers: []netip.AddrPort{stranger}, TrustAD: TrustAll}, serve: func(c call) [][]byte { return [][]byte{c.reply(secure)} }, calls: "udp", secure: true},
		{name: "AD with no trust at all", stub: Stub{TrustAD: TrustNone}, serve: func(c call) [][]byte { return [][]byte{c.reply(secure)} }, calls: "udp"},

		{name: "silence", serve: func(c call) [][]byte { return nil }, calls: "udp udp", err: "timeout", took: 10 * time.Second},
		{name: "silence with other limits", stub: Stub{Timeout: time.Second, Attempts: 3}, serve: func(c call) [][]byte { return nil }, calls: "udp udp udp", err: "timeout", took: 3 * time.Second},
		{name: "forgeries alone", serve: func(c call) [][]byte {
			return [][]byte{c.reply(func(m *dnsmessage.Message) { m.ID++ }), {}, {1, 2, 3}}
		}, calls: "udp udp", err: "timeout", took: 10 * time.Second},
		{name: "forgeries before the answer", serve: func(c call) [][]byte {
			return [][]byte{
				c.reply(func(m *dnsmessage.Message) { m.ID ^= 0x8000 }),
				c.reply(func(m *dnsmessage.Message) { m.Response = false }),
				c.reply(func(m *dnsmessage.Message) { m.OpCode = 5 }),
				c.reply(func(m *dnsmessage.Message) { m.Questions = nil }),
				c.reply(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }),
				c.reply(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("other.") }),
				c.reply(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("A.example.") }),
				c.reply(func(m *dnsmessage.Message) { m.Questions[0].Type = TypeAAAA }),
				c.reply(func(m *dnsmessage.Message) { m.Questions[0].Class = 3 }),
				c.reply(nil)[:20],
				c.reply(nil),
			}
		}, calls: "udp"},

		{name: "truncated", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			return [][]byte{frame(c.reply(secure))}
		}, calls: "udp tcp", secure: true},
		{name: "truncated with records", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(func(m *dnsmessage.Message) { m.Truncated = true; m.Answers[0].Header.TTL = 1 })}
			}
			return nil
		}, calls: "udp tcp udp tcp", err: "timeout", took: 10 * time.Second},
		{name: "truncated over TCP", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			return [][]byte{frame(c.reply(func(m *dnsmessage.Message) { m.Truncated = true }))}
		}, calls: "udp tcp udp tcp", err: "truncated"},
		{name: "TCP cut in a frame", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			return [][]byte{frame(c.reply(nil))[:30], nil}
		}, calls: "udp tcp udp tcp", err: "unexpected EOF"},
		{name: "TCP cut in the length", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			return [][]byte{{0}, nil}
		}, calls: "udp tcp udp tcp", err: "unexpected EOF"},
		{name: "TCP length 0", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			return [][]byte{{0, 0}}
		}, calls: "udp tcp udp tcp", err: "too short"},
		{name: "TCP with another ID", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			return [][]byte{frame(c.reply(func(m *dnsmessage.Message) { m.ID++ }))}
		}, calls: "udp tcp udp tcp", err: "does not answer"},
		{name: "TCP in pieces", serve: func(c call) [][]byte {
			if c.network == "udp" {
				return [][]byte{c.reply(truncated)}
			}
			var pieces [][]byte
			for _, b := range frame(c.reply(nil)) {
				pieces = append(pieces, []byte{b})
			}
			return pieces
		}, calls: "udp tcp"},

		{name: "FORMERR", serve: func(c call) [][]byte {
			if c.edns() {
				return [][]byte{c.reply(func(m *dnsmessage.Message) { rcode(dnsmessage.RCodeFormatError)(m); plain(m) })}
			}
			return [][]byte{c.reply(secure)}
		}, calls: "udp udp-", secure: true},
		{name: "FORMERR with and without", serve: func(c call) [][]byte { return [][]byte{c.reply(rcode(dnsmessage.RCodeFormatError))} }, calls: "udp udp-", err: "FORMERR"},
		{name: "no OPT in the reply", serve: func(c call) [][]byte { return [][]byte{c.reply(plain)} }, calls: "udp udp-"},
		{name: "two OPT", serve: func(c call) [][]byte {
			return [][]byte{c.reply(func(m *dnsmessage.Message) { m.Additionals = append(m.Additionals, m.Additionals[0]) })}
		}, calls: "udp udp", err: "two OPT"},
		{name: "BADVERS", serve: func(c call) [][]byte {
			return [][]byte{c.reply(func(m *dnsmessage.Message) { m.Answers, m.Additionals = nil, []dnsmessage.Resource{rrOPT(16)} })}
		}, calls: "udp", err: "BADVERS"},
		{name: "SERVFAIL is not asked again", serve: func(c call) [][]byte { return [][]byte{c.reply(rcode(dnsmessage.RCodeServerFailure))} }, calls: "udp", err: "SERVFAIL"},
		{name: "REFUSED, then another", stub: Stub{Servers: []netip.AddrPort{loopback, stranger}}, serve: func(c call) [][]byte {
			if c.server == loopback {
				return [][]byte{c.reply(rcode(dnsmessage.RCodeRefused))}
			}
			return [][]byte{c.reply(secure)}
		}, calls: "udp udp"},
		{name: "SERVFAIL and silence", stub: Stub{Servers: []netip.AddrPort{loopback, stranger}}, serve: func(c call) [][]byte {
			if c.server == loopback {
				return [][]byte{c.reply(rcode(dnsmessage.RCodeServerFailure))}
			}
			return nil
		}, calls: "udp udp udp", err: "SERVFAIL", took: 10 * time.Second},
		{name: "malformed, then another", stub: Stub{Servers: []netip.AddrPort{loopback, stranger}}, serve: func(c call) [][]byte {
			if c.server == loopback {
				return [][]byte{c.reply(func(m *dnsmessage.Message) {
					m.Answers[0].Body = &dnsmessage.UnknownResource{Type: TypeA, Data: []byte{1}}
				})}
			}
			return [][]byte{c.reply(nil)}
		}, calls: "udp udp"},
		{name: "mixed case", stub: Stub{Mixed: true, Rand: bytes.NewReader(bytes.Repeat([]byte{0x55}, 100))}, serve: func(c call) [][]byte {
			if !bytes.Contains(c.query, []byte("A\x07ExAmPlE")) {
				return nil
			}
			lower := c.reply(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("a.example.") })
			return [][]byte{lower, c.reply(nil)}
		}, calls: "udp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &fakeNet{serve: tt.serve}
				s := tt.stub
				s.Dial = n.dial
				if s.Servers == nil {
					s.Servers = one
				}
				start := time.Now()
				a, err := s.Query(t.Context(), mustName("a.example"), TypeA)
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if got := n.networks(); got != tt.calls || n.open != 0 {
					t.Errorf("calls %q, want %q; %d left open", got, tt.calls, n.open)
				}
				if tt.err != "" {
					if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), tt.err) || e.Timeout != (tt.err == "timeout") || a.Records != nil || a.Secure {
						t.Errorf("%+v, %v; want %q", a, err, tt.err)
					}
					return
				}
				if err != nil || len(a.Records) != 1 || a.Records[0].Addr.String() != "192.0.2.1" || a.Secure != tt.secure {
					t.Errorf("%+v, %v", a, err)
				}
			})
		})
	}
}

// Denials and failures, with AD and without.
func TestStubStatus(t *testing.T) {
	for _, ad := range []bool{false, true} {
		for _, tt := range []struct {
			rcode  dnsmessage.RCode
			status Status
			err    bool
		}{{0, NoData, false}, {3, NXDomain, false}, {2, 0, true}, {5, 0, true}, {4, 0, true}} {
			n := &fakeNet{serve: func(c call) [][]byte {
				return [][]byte{c.reply(func(m *dnsmessage.Message) { m.AuthenticData, m.RCode, m.Answers = ad, tt.rcode, nil })}
			}}
			s := Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial}
			a, err := s.Query(t.Context(), mustName("a.example"), TypeA)
			if (err != nil) != tt.err || a.Status != tt.status || a.Secure != (ad && !tt.err) {
				t.Errorf("rcode %v, AD %v: %+v, %v", tt.rcode, ad, a, err)
			}
		}
	}
}

func TestStubBogus(t *testing.T) {
	for ede, bogus := range map[byte]bool{0: false, 5: false, 6: true, 7: true, 12: true, 13: false, 22: false} {
		n := &fakeNet{serve: func(c call) [][]byte {
			return [][]byte{c.reply(func(m *dnsmessage.Message) {
				m.RCode, m.Answers = dnsmessage.RCodeServerFailure, nil
				m.Additionals = []dnsmessage.Resource{rrOPT(0, dnsmessage.Option{Code: 15, Data: append([]byte{0, ede}, "why\n"...)})}
			})}
		}}
		s := Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial}
		_, err := s.Query(t.Context(), mustName("a.example"), TypeA)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Bogus() != bogus || e.EDE != uint16(ede) || e.Info != "why\n" || e.Server != loopback || e.RCode != 2 || strings.Contains(err.Error(), "\n") {
			t.Errorf("EDE %d: %#v", ede, err)
		}
	}
}

// A context ends a query at once, whatever the timeout.
func TestStubContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNet{serve: func(c call) [][]byte { return nil }}
		s := Stub{Servers: []netip.AddrPort{loopback, stranger}, Dial: n.dial}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.Query(ctx, mustName("a.example"), TypeA)
		if e, ok := errors.AsType[*Error](err); !ok || !e.Timeout || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second || len(n.calls) != 1 {
			t.Errorf("deadline: %v after %v, %d calls", err, time.Since(start), len(n.calls))
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = s.Query(ctx, mustName("a.example"), TypeA)
		if e, ok := errors.AsType[*Error](err); !ok || e.Timeout || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if n.open != 0 {
			t.Errorf("%d connections left open", n.open)
		}
	})
}

func TestStubCannotDial(t *testing.T) {
	refused := errors.New("refused")
	n := &fakeNet{
		serve: func(c call) [][]byte { return [][]byte{c.reply(truncated)} },
		fail: func(network string, server netip.AddrPort) error {
			if network == "tcp" {
				return refused
			}
			return nil
		},
	}
	s := Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial}
	if a, err := s.Query(t.Context(), mustName("a.example"), TypeA); !errors.Is(err, refused) || a.Records != nil {
		t.Errorf("no TCP: %+v, %v", a, err)
	}
	if _, err := (&Stub{}).Query(t.Context(), mustName("a.example"), TypeA); !errors.Is(err, errNoServers) {
		t.Errorf("no servers: %v", err)
	}
	broken := errors.New("broken")
	s = Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial, Rand: errReader{broken}}
	if _, err := s.Query(t.Context(), mustName("a.example"), TypeA); !errors.Is(err, broken) {
		t.Errorf("no randomness: %v", err)
	}
	if _, err := s.Query(t.Context(), Name{}, TypeA); err == nil {
		t.Error("no name, and no error")
	}
}

type errReader struct{ error }

func (r errReader) Read([]byte) (int, error) { return 0, r.error }

// Each query has a connection and an ID of its own.
func TestRFC5452_9_2_Randomness(t *testing.T) {
	n := &fakeNet{serve: func(c call) [][]byte { return [][]byte{c.reply(nil)} }}
	s := Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial}
	ids := make(map[uint16]bool)
	const many = 300
	for range many {
		if _, err := s.Query(t.Context(), mustName("a.example"), TypeA); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range n.calls {
		ids[binary.BigEndian.Uint16(c.query)] = true
	}
	// Of 300 out of 65 536, 299.3 are different on average; 280 never happen by chance.
	if len(ids) < 280 || len(n.calls) != many {
		t.Errorf("%d different IDs in %d queries", len(ids), len(n.calls))
	}
}

func TestProbe(t *testing.T) {
	n := &fakeNet{serve: func(c call) [][]byte {
		return [][]byte{c.reply(func(m *dnsmessage.Message) { m.Answers, m.AuthenticData = nil, c.server == loopback })}
	}}
	for _, tt := range []struct {
		name string
		stub Stub
		want string
	}{
		{"validates", Stub{Servers: []netip.AddrPort{loopback}}, ""},
		{"not trusted", Stub{Servers: []netip.AddrPort{loopback, stranger}}, "192.0.2.53:53 is not trusted to validate (TrustLoopback)"},
		{"does not validate", Stub{Servers: []netip.AddrPort{loopback, stranger}, TrustAD: TrustAll}, "192.0.2.53:53 does not validate"},
		{"no servers", Stub{}, "no servers"},
	} {
		tt.stub.Dial = n.dial
		err := tt.stub.Probe(t.Context())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestResolvConf(t *testing.T) {
	addrs := func(s ...string) (out []netip.AddrPort) {
		for _, s := range s {
			out = append(out, netip.AddrPortFrom(netip.MustParseAddr(s), 53))
		}
		return out
	}
	for _, tt := range []struct {
		name, text string
		want       Stub
		err        bool
	}{
		{"empty", "", Stub{Servers: addrs("127.0.0.1")}, false},
		{"usual", "# x\n; y\nsearch example.org\nnameserver 192.0.2.53\nnameserver\t2001:db8::53\noptions edns0 trust-ad timeout:3 attempts:4\n", Stub{Servers: addrs("192.0.2.53", "2001:db8::53"), TrustAD: TrustAll, Timeout: 3 * time.Second, Attempts: 4}, false},
		{"scoped", "nameserver fe80::1%eth0", Stub{Servers: addrs("fe80::1%eth0")}, false},
		{"four servers", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n", Stub{Servers: addrs("192.0.2.1", "192.0.2.2", "192.0.2.3")}, false},
		{"limits", "options timeout:99 attempts:99\n", Stub{Servers: addrs("127.0.0.1"), Timeout: 30 * time.Second, Attempts: 5}, false},
		{"nonsense in options", "options timeout:x attempts:-1 timeout: trust-ad:no ndots:1\n", Stub{Servers: addrs("127.0.0.1")}, false},
		{"trust-ad in a comment", "#options trust-ad\n", Stub{Servers: addrs("127.0.0.1")}, false},
		{"bad server", "nameserver dns.example\n", Stub{}, true},
		{"endless line", strings.Repeat("x", 1<<17), Stub{}, true},
	} {
		got, err := parseResolvConf(strings.NewReader(tt.text))
		if (err != nil) != tt.err {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil && (!slices.Equal(got.Servers, tt.want.Servers) || got.TrustAD != tt.want.TrustAD || got.Timeout != tt.want.Timeout || got.Attempts != tt.want.Attempts) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

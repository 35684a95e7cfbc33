package dnsmx

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

var cmpName = cmp.Options{
	cmp.Comparer(func(a, b Name) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) }),
}

// message packs a response about name.
type message struct {
	name        string
	typ         Type
	header      dnsmessage.Header
	answers     []dnsmessage.Resource
	authorities []dnsmessage.Resource
	additionals []dnsmessage.Resource
}

const testID = 0x1234

func (m message) pack(t testing.TB) []byte {
	t.Helper()
	m.header.ID, m.header.Response = testID, true
	packed, err := (&dnsmessage.Message{
		Header:  m.header,
		Answers: m.answers, Authorities: m.authorities, Additionals: m.additionals,
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(m.name + "."), Type: m.typ, Class: dnsmessage.ClassINET}},
	}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func head(owner string, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(owner + "."), Class: dnsmessage.ClassINET, TTL: ttl}
}

func rrA(owner string, ttl uint32, addr string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: head(owner, ttl), Body: &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()}}
}

func rrCNAME(owner string, ttl uint32, target string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: head(owner, ttl), Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target + ".")}}
}

func rrMX(owner string, pref uint16, target string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: head(owner, 300), Body: &dnsmessage.MXResource{Pref: pref, MX: dnsmessage.MustNewName(target)}}
}

func rrSOA(owner string, ttl, minimum uint32) dnsmessage.Resource {
	ns := dnsmessage.MustNewName("ns.example.")
	return dnsmessage.Resource{Header: head(owner, ttl), Body: &dnsmessage.SOAResource{NS: ns, MBox: ns, MinTTL: minimum}}
}

func rrRaw(owner string, typ Type, data ...byte) dnsmessage.Resource {
	h := head(owner, 300)
	h.Type = typ
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.UnknownResource{Type: typ, Data: data}}
}

func rrOPT(rcode dnsmessage.RCode, options ...dnsmessage.Option) dnsmessage.Resource {
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(1232, rcode, false); err != nil {
		panic(err)
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.OPTResource{Options: options}}
}

func names(s ...string) (n []Name) {
	for _, s := range s {
		n = append(n, mustName(s))
	}
	return n
}

// Only the chain counts, whatever else is in the answer section.
func TestRFC1034_3_6_2_Chain(t *testing.T) {
	var long []dnsmessage.Resource
	for i := range 17 {
		long = append(long, rrCNAME(fmt.Sprintf("n%d", i), 300, fmt.Sprintf("n%d", i+1)))
	}
	sixteen := append(slices.Clone(long[:16]), rrA("n16", 300, "192.0.2.1"))
	foreign := rrA("other", 1, "203.0.113.66")
	for _, tt := range []struct {
		name      string
		answers   []dnsmessage.Resource
		status    Status
		canonical string
		aliases   []Name
		addrs     string
		ttl       int
		err       string
	}{
		{"none", []dnsmessage.Resource{rrA("n0", 60, "192.0.2.1")}, Found, "n0", nil, "192.0.2.1", 60, ""},
		{"one", []dnsmessage.Resource{rrCNAME("n0", 30, "x"), rrA("x", 60, "192.0.2.1")}, Found, "x", names("n0"), "192.0.2.1", 30, ""},
		{"letter case", []dnsmessage.Resource{rrCNAME("N0", 30, "X"), rrA("x", 60, "192.0.2.1")}, Found, "x", names("n0"), "192.0.2.1", 30, ""},
		{"out of order", []dnsmessage.Resource{rrA("y", 60, "192.0.2.1"), rrCNAME("x", 10, "y"), rrCNAME("n0", 30, "x")}, Found, "y", names("n0", "x"), "192.0.2.1", 10, ""},
		{"loop", []dnsmessage.Resource{rrCNAME("n0", 30, "x"), rrCNAME("x", 30, "n0"), rrA("x", 30, "192.0.2.1")}, 0, "", nil, "", 0, "loops"},
		{"self", []dnsmessage.Resource{rrCNAME("n0", 30, "n0")}, 0, "", nil, "", 0, "loops"},
		{"16 hops", sixteen, Found, "n16", names("n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12", "n13", "n14", "n15"), "192.0.2.1", 300, ""},
		{"17 hops", append(slices.Clone(long), rrA("n17", 300, "192.0.2.1")), 0, "", nil, "", 0, "loops"},
		{"foreign owners", []dnsmessage.Resource{foreign, rrA("n0", 60, "192.0.2.1"), foreign}, Found, "n0", nil, "192.0.2.1", 60, ""},
		{"nothing but foreign owners", []dnsmessage.Resource{foreign, rrCNAME("other", 1, "n0")}, NoData, "n0", nil, "", 0, ""},
		{"DNAME through its CNAME", []dnsmessage.Resource{rrRaw("example", 39, 1, 'x', 0), rrCNAME("n0", 30, "x"), rrA("x", 60, "192.0.2.1")}, Found, "x", names("n0"), "192.0.2.1", 30, ""},
		{"CNAME beside an address", []dnsmessage.Resource{rrA("n0", 60, "203.0.113.66"), rrCNAME("n0", 30, "x"), rrA("x", 60, "192.0.2.1")}, Found, "x", names("n0"), "192.0.2.1", 30, ""},
		{"two CNAMEs", []dnsmessage.Resource{rrCNAME("n0", 30, "x"), rrCNAME("n0", 30, "y"), rrA("x", 60, "192.0.2.1")}, 0, "", nil, "", 0, "two different"},
		{"one CNAME twice", []dnsmessage.Resource{rrCNAME("n0", 30, "x"), rrCNAME("n0", 20, "x"), rrA("x", 60, "192.0.2.1")}, Found, "x", names("n0"), "192.0.2.1", 20, ""},
		{"chain into the void", []dnsmessage.Resource{rrCNAME("n0", 30, "x")}, NoData, "x", names("n0"), "", 0, ""},
		{"chain to the root", []dnsmessage.Resource{rrRaw("n0", TypeCNAME, 0)}, 0, "", nil, "", 0, "empty"},
		{"chain to a slash", []dnsmessage.Resource{rrCNAME("n0", 30, "1.0/25.x"), rrA("1.0/25.x", 60, "192.0.2.1")}, Found, "1.0/25.x", names("n0"), "192.0.2.1", 30, ""},
		{"chain to a space", []dnsmessage.Resource{rrCNAME("n0", 30, "a b")}, 0, "", nil, "", 0, "octet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := message{name: "n0", typ: TypeA, answers: tt.answers}.pack(t)
			r, err := ParseResponse(msg, testID, mustName("n0"), TypeA)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%+v, %v; want an error with %q", r, err, tt.err)
				}
				return
			}
			canonical, _ := checkLabels(tt.canonical, aliasSet)
			want := Answer{Status: tt.status, Canonical: Name{lower(tt.canonical, canonical)}, Aliases: tt.aliases, TTL: time.Duration(tt.ttl) * time.Second}
			for s := range strings.FieldsSeq(tt.addrs) {
				want.Records = append(want.Records, Record{Type: TypeA, Addr: netip.MustParseAddr(s)})
			}
			for i := range r.Records {
				r.Records[i].TTL = 0
			}
			if diff := cmp.Diff(want, r.Answer, cmpName); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// A CNAME that is asked for is not followed.
func TestRFC1034_3_6_2_AskedForCNAME(t *testing.T) {
	msg := message{name: "n0", typ: TypeCNAME, answers: []dnsmessage.Resource{rrCNAME("n0", 30, "x"), rrCNAME("x", 30, "n0")}}.pack(t)
	r, err := ParseResponse(msg, testID, mustName("n0"), TypeCNAME)
	if err != nil || len(r.Records) != 1 || r.Records[0].Host != mustName("x") || r.Canonical != mustName("n0") {
		t.Errorf("%+v, %v", r, err)
	}
}

// What is not the answer to this query is not even an error.
func TestRFC5452_9_Mismatch(t *testing.T) {
	good := message{name: "a.example", typ: TypeA, answers: []dnsmessage.Resource{rrA("a.example", 60, "192.0.2.1")}}.pack(t)
	edit := func(off int, value byte) []byte {
		m := slices.Clone(good)
		m[off] = value
		return m
	}
	for _, tt := range []struct {
		name string
		msg  []byte
	}{
		{"ID", edit(1, good[1]^1)},
		{"query", edit(2, good[2]&^0x80)},
		{"opcode", edit(2, good[2]|5<<3)},
		{"no question", edit(5, 0)},
		{"two questions", edit(5, 2)},
		{"name", edit(13, 'b')},
		{"type", edit(headerLen+12, byte(TypeAAAA))},
		{"class", edit(headerLen+14, 3)},
		{"nothing", nil},
		{"header cut", good[:headerLen-1]},
		{"header alone", good[:headerLen]},
		{"question cut", good[:headerLen+13]},
		{"question with a pointer", append(slices.Clone(good[:headerLen]), 0xC0, 12, 0, 1, 0, 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r, err := ParseResponse(tt.msg, testID, mustName("a.example"), TypeA); !errors.Is(err, ErrMismatch) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	if _, err := ParseResponse(good, testID, mustName("a.example"), TypeA); err != nil {
		t.Error(err)
	}
	if _, err := ParseResponse(edit(13, 'A'), testID, mustName("a.example"), TypeA); err != nil {
		t.Errorf("letter case: %v", err)
	}
}

// What no well-formed message has.
func TestRFC1035_4_1_4_Malformed(t *testing.T) {
	const owner = "\xC0\x0C"
	record := func(typ Type, data string) string {
		return owner + string([]byte{byte(typ >> 8), byte(typ), 0, 1, 0, 0, 1, 0x2C, byte(len(data) >> 8), byte(len(data))}) + data
	}
	build := func(typ Type, answers int, body string) []byte {
		m := message{name: "a.example", typ: typ}.pack(t)
		m[7] = byte(answers)
		return append(m, body...)
	}
	self := string([]byte{0xC0, headerLen + 11 + 4}) // where the first record starts
	label63 := "\x3F" + strings.Repeat("x", 63)
	for _, tt := range []struct {
		name string
		typ  Type
		msg  []byte
		err  error
	}{
		{"pointer to itself", TypeA, build(TypeA, 1, self+record(TypeA, "\xC0\x00\x02\x01")[2:]), errPointer},
		{"pointer forwards", TypeA, build(TypeA, 1, "\xC0\x30"+record(TypeA, "\xC0\x00\x02\x01")[2:]+strings.Repeat("\x00", 40)), errPointer},
		{"pointer into the header", TypeA, build(TypeA, 1, "\xC0\x02"+record(TypeA, "\xC0\x00\x02\x01")[2:]), errPointer},
		{"pointers in a loop", TypeMX, build(TypeMX, 1, record(TypeMX, "\x00\x01\x01x\xC0\x29")), errPointer},
		{"pointer cut", TypeA, append(build(TypeA, 1, ""), 0xC0), errCut},
		{"label with a dot", TypeA, build(TypeA, 1, "\x03x.y\x00"+record(TypeA, "\xC0\x00\x02\x01")[2:]), errLabel},
		{"label of a reserved kind", TypeA, build(TypeA, 1, "\x41x\x00"+record(TypeA, "\xC0\x00\x02\x01")[2:]), errLabel},
		{"name of 256 octets", TypeA, build(TypeA, 1, label63+label63+label63+"\x3D"+strings.Repeat("x", 61)+"\x01x\x00"+record(TypeA, "\xC0\x00\x02\x01")[2:]), errLong},
		{"A of 3 octets", TypeA, build(TypeA, 1, record(TypeA, "\xC0\x00\x02")), errLength},
		{"A of 5 octets", TypeA, build(TypeA, 1, record(TypeA, "\xC0\x00\x02\x01\x01")), errLength},
		{"A of 16 octets", TypeA, build(TypeA, 1, record(TypeA, "\xC0\x00\x02\x01\xC0\x00\x02\x01\xC0\x00\x02\x01\xC0\x00\x02\x01")), errLength},
		{"AAAA of 4 octets", TypeAAAA, build(TypeAAAA, 1, record(TypeAAAA, "\xC0\x00\x02\x01")), errLength},
		{"MX without name", TypeMX, build(TypeMX, 1, record(TypeMX, "\x00\x01")), errLength},
		{"MX without preference", TypeMX, build(TypeMX, 1, record(TypeMX, "\x00")), errLength},
		{"MX with a longer name", TypeMX, build(TypeMX, 2, record(TypeMX, "\x00\x01\x01x")+record(TypeMX, "\x00\x01\x00")), errLength},
		{"MX with a shorter name", TypeMX, build(TypeMX, 1, record(TypeMX, "\x00\x01\x01x\x00\x00")), errLength},
		{"SRV without name", TypeSRV, build(TypeSRV, 1, record(TypeSRV, "\x00\x01\x00\x01\x00\x01")), errLength},
		{"CNAME without name", TypeA, build(TypeA, 1, record(TypeCNAME, "")), errLength},
		{"TXT of nothing", TypeTXT, build(TypeTXT, 1, record(TypeTXT, "")), errLength},
		{"TXT with a longer string", TypeTXT, build(TypeTXT, 1, record(TypeTXT, "\x04abc")), errLength},
		{"TXT with a longer second string", TypeTXT, build(TypeTXT, 1, record(TypeTXT, "\x01a\x02b")), errLength},
		{"TXT of 65 535", TypeTXT, build(TypeTXT, 1, owner+"\x00\x10\x00\x01\x00\x00\x00\x00\xFF\xFF"+"\x01a"), errCut},
		{"TLSA of 2 octets", TypeTLSA, build(TypeTLSA, 1, record(TypeTLSA, "\x03\x01")), errLength},
		{"RDLENGTH past the end", TypeA, build(TypeA, 1, record(TypeA, "\xC0\x00\x02\x01")[:15]), errCut},
		{"frame cut", TypeA, build(TypeA, 1, record(TypeA, "")[:9]), errCut},
		{"fewer records than stated", TypeA, build(TypeA, 2, record(TypeA, "\xC0\x00\x02\x01")), errCut},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseResponse(tt.msg, testID, mustName("a.example"), tt.typ)
			if !errors.Is(err, tt.err) {
				t.Errorf("%+v, %v; want %v", r, err, tt.err)
			}
		})
	}
	for _, tt := range []struct{ data, want string }{
		{"\x00", ""}, {"\x03abc", "abc"}, {"\x01a\x00\x02bc", "abc"}, {strings.Repeat("\x7F"+strings.Repeat("x", 127), 500), strings.Repeat("x", 127*500)},
	} {
		r, err := ParseResponse(build(TypeTXT, 1, record(TypeTXT, tt.data)), testID, mustName("a.example"), TypeTXT)
		if err != nil || len(r.Records) != 1 || r.Records[0].Text != tt.want {
			t.Errorf("TXT %.20q: %d records, %v", tt.data, len(r.Records), err)
		}
	}
	if r, err := ParseResponse(build(TypeA, 1, record(TypeA, "\xC0\x00\x02\x01")+"more"), testID, mustName("a.example"), TypeA); err != nil || len(r.Records) != 1 {
		t.Errorf("octets behind the message: %+v, %v", r, err)
	}
}

func TestRFC5321_5_1_BadTargets(t *testing.T) {
	msg := message{name: "a.example", typ: TypeMX, answers: []dnsmessage.Resource{
		rrMX("a.example", 1, "."), rrMX("a.example", 2, "10.0.0.1."), rrMX("a.example", 3, "a b.example."), rrMX("a.example", 4, "mx_1.example."),
	}}.pack(t)
	r, err := ParseResponse(msg, testID, mustName("a.example"), TypeMX)
	want := []Record{
		{Type: TypeMX, TTL: 300 * time.Second, Pref: 1, Root: true},
		{Type: TypeMX, TTL: 300 * time.Second, Pref: 2, Err: errNoName},
		{Type: TypeMX, TTL: 300 * time.Second, Pref: 3, Err: errNoName},
		{Type: TypeMX, TTL: 300 * time.Second, Pref: 4, Host: mustName("mx_1.example")},
	}
	if diff := cmp.Diff(want, r.Records, cmpName); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

var errNoName = errors.New("some error")

func TestMaxRecords(t *testing.T) {
	for n, ok := range map[int]bool{maxRecords: true, maxRecords + 1: false} {
		m := message{name: "a.example", typ: TypeA}
		for range n {
			m.answers = append(m.answers, rrA("a.example", 60, "192.0.2.1"))
		}
		r, err := ParseResponse(m.pack(t), testID, mustName("a.example"), TypeA)
		if (err == nil) != ok || ok != (len(r.Records) == n) {
			t.Errorf("%d records: %d, %v", n, len(r.Records), err)
		}
	}
	m := message{name: "a.example", typ: TypeA}
	for range maxAliases + 1 {
		m.answers = append(m.answers, rrCNAME("x", 60, "y"))
	}
	if r, err := ParseResponse(m.pack(t), testID, mustName("a.example"), TypeA); err == nil {
		t.Errorf("%+v", r)
	}
}

// The TTLs, and what a denial says of itself.
func TestRFC2308_5_Denials(t *testing.T) {
	nx := dnsmessage.Header{RCode: dnsmessage.RCodeNameError}
	for _, tt := range []struct {
		name   string
		m      message
		status Status
		ttl    time.Duration
		err    bool
	}{
		{"NODATA", message{authorities: []dnsmessage.Resource{rrSOA("example", 100, 50)}}, NoData, 50 * time.Second, false},
		{"TTL of the SOA record", message{authorities: []dnsmessage.Resource{rrSOA("example", 40, 50)}}, NoData, 40 * time.Second, false},
		{"NXDOMAIN", message{header: nx, authorities: []dnsmessage.Resource{rrSOA("example", 100, 50)}}, NXDomain, 50 * time.Second, false},
		{"at most three hours", message{header: nx, authorities: []dnsmessage.Resource{rrSOA("example", 86400, 86400)}}, NXDomain, 3 * time.Hour, false},
		{"SOA of the root", message{header: nx, authorities: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: 1, TTL: 7}, Body: rrSOA("x", 1, 7).Body}}}, NXDomain, 7 * time.Second, false},
		{"SOA of another", message{authorities: []dnsmessage.Resource{rrSOA("other", 100, 50)}}, NoData, 0, false},
		{"no SOA", message{}, NoData, 0, false},
		{"top bit", message{authorities: []dnsmessage.Resource{rrSOA("example", 1<<31, 50)}}, NoData, 0, false},
		{"top bit of the minimum", message{authorities: []dnsmessage.Resource{rrSOA("example", 50, 1<<31)}}, NoData, 0, false},
		{"NXDOMAIN after CNAME", message{header: nx, answers: []dnsmessage.Resource{rrCNAME("a.example", 30, "x.example")}, authorities: []dnsmessage.Resource{rrSOA("example", 100, 50)}}, NXDomain, 30 * time.Second, false},
		{"NODATA after CNAME", message{answers: []dnsmessage.Resource{rrCNAME("a.example", 300, "x.example")}, authorities: []dnsmessage.Resource{rrSOA("example", 100, 50)}}, NoData, 50 * time.Second, false},
		{"NXDOMAIN with records", message{header: nx, answers: []dnsmessage.Resource{rrA("a.example", 60, "192.0.2.1")}}, 0, 0, true},
		{"referral", message{authorities: []dnsmessage.Resource{rrRaw("example", TypeNS, 1, 'x', 0)}}, 0, 0, true},
		{"SOA cut", message{authorities: []dnsmessage.Resource{rrRaw("example", dnsmessage.TypeSOA, 0, 0, 1, 2, 3, 4)}}, 0, 0, true},
		{"SOA without names", message{authorities: []dnsmessage.Resource{rrRaw("example", dnsmessage.TypeSOA)}}, 0, 0, true},
		{"TTL with top bit", message{answers: []dnsmessage.Resource{rrA("a.example", 1<<31, "192.0.2.1")}}, Found, 0, false},
		{"greatest TTL", message{answers: []dnsmessage.Resource{rrA("a.example", 1<<31-1, "192.0.2.1")}}, Found, (1<<31 - 1) * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.m.name, tt.m.typ = "a.example", TypeA
			r, err := ParseResponse(tt.m.pack(t), testID, mustName("a.example"), TypeA)
			if (err != nil) != tt.err || err == nil && (r.Status != tt.status || r.TTL != tt.ttl) {
				t.Errorf("%v %v, %v; want %v %v", r.Status, r.TTL, err, tt.status, tt.ttl)
			}
		})
	}
}

// What else a response says.
func TestRFC6891_6_OPT(t *testing.T) {
	ede := func(code byte, text string) dnsmessage.Option {
		return dnsmessage.Option{Code: 15, Data: append([]byte{0, code}, text...)}
	}
	fail := dnsmessage.Header{RCode: dnsmessage.RCodeServerFailure, AuthenticData: true}
	for _, tt := range []struct {
		name string
		m    message
		want Response
		err  error
	}{
		{"SERVFAIL", message{header: fail}, Response{RCode: 2, AD: true}, nil},
		{"REFUSED", message{header: dnsmessage.Header{RCode: dnsmessage.RCodeRefused}}, Response{RCode: 5}, nil},
		{"extended error", message{header: fail, additionals: []dnsmessage.Resource{rrOPT(2, ede(6, "bad\nsignature"))}}, Response{RCode: 2, AD: true, EDNS: true, EDE: 6, Info: "bad\nsignature"}, nil},
		{"the first extended error", message{header: fail, additionals: []dnsmessage.Resource{rrOPT(2, dnsmessage.Option{Code: 10}, ede(7, ""), ede(6, ""))}}, Response{RCode: 2, AD: true, EDNS: true, EDE: 7}, nil},
		{"BADVERS", message{additionals: []dnsmessage.Resource{rrOPT(16)}}, Response{RCode: 16, EDNS: true}, nil},
		{"two OPT", message{header: fail, additionals: []dnsmessage.Resource{rrOPT(0), rrOPT(0)}}, Response{}, errTwoOPT},
		{"OPT not at the root", message{header: fail, additionals: []dnsmessage.Resource{rrRaw("x", dnsmessage.TypeOPT)}}, Response{}, errOPTName},
		{"option cut", message{header: fail, additionals: []dnsmessage.Resource{{Header: rrOPT(0).Header, Body: &dnsmessage.UnknownResource{Type: dnsmessage.TypeOPT, Data: []byte{0, 15, 0, 9}}}}}, Response{}, errLength},
		{"extended error cut", message{header: fail, additionals: []dnsmessage.Resource{rrOPT(0, dnsmessage.Option{Code: 15, Data: []byte{6}})}}, Response{RCode: 2, AD: true, EDNS: true}, nil},
		{"OPT elsewhere", message{header: fail, answers: []dnsmessage.Resource{rrOPT(16)}, authorities: []dnsmessage.Resource{rrOPT(16)}}, Response{RCode: 2, AD: true}, nil},
		{"truncated", message{header: dnsmessage.Header{Truncated: true, AuthenticData: true}, answers: []dnsmessage.Resource{rrA("a.example", 1, "192.0.2.1")}}, Response{TC: true, AD: true}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.m.name, tt.m.typ = "a.example", TypeA
			for i, r := range tt.m.additionals {
				if r.Header.Class == 1232 { // pack takes the length from the body alone
					tt.m.additionals[i].Header.Type = dnsmessage.TypeOPT
				}
			}
			r, err := ParseResponse(tt.m.pack(t), testID, mustName("a.example"), TypeA)
			if tt.err != nil {
				r = Response{}
			}
			if diff := cmp.Diff(tt.want, r, cmpName); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestAppendQuery(t *testing.T) {
	n := mustName("a.example")
	for _, tt := range []struct {
		name string
		o    QueryOptions
		want string
	}{
		{"plain", QueryOptions{}, "\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x01a\x07example\x00\x00\x0F\x00\x01\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00"},
		{"without EDNS", QueryOptions{NoEDNS: true}, "\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x0F\x00\x01"},
		{"case", QueryOptions{NoEDNS: true, Case: []byte{0xFF}}, "\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x00\x01A\x07EXAMPLe\x00\x00\x0F\x00\x01"},
	} {
		got, err := AppendQuery([]byte("x"), testID, n, TypeMX, tt.o)
		if want := "x" + tt.want; string(got) != want || err != nil {
			t.Errorf("%s:\n got %q, %v\nwant %q", tt.name, got, err, want)
		}
	}
	for _, bad := range []question{{Name{}, TypeA}, {n, dnsmessage.TypeALL}, {n, dnsmessage.TypeSOA}} {
		if got, err := AppendQuery([]byte("x"), 1, bad.name, bad.typ, QueryOptions{}); err == nil || string(got) != "x" {
			t.Errorf("%v: %q, %v", bad, got, err)
		}
	}
}

// A response is read without panic, and what is believed is what dnsmessage reads
// too: each record is owned by the end of a chain that starts at the name asked.
func FuzzParseResponse(f *testing.F) {
	seeds := []message{
		{answers: []dnsmessage.Resource{rrMX("a.example", 10, "mx.example."), rrMX("a.example", 0, ".")}},
		{answers: []dnsmessage.Resource{rrCNAME("a.example", 5, "b.example"), rrMX("b.example", 10, "mx.a.example."), rrMX("a.example", 1, "x.")}},
		{answers: []dnsmessage.Resource{rrRaw("a.example", TypeMX, 0, 1, 1, 'x', 0xC0, 12)}, authorities: []dnsmessage.Resource{rrSOA("example", 9, 9)}, additionals: []dnsmessage.Resource{rrOPT(0)}},
		{header: dnsmessage.Header{RCode: 3}, authorities: []dnsmessage.Resource{rrSOA("example", 9, 9)}},
	}
	for _, m := range seeds {
		m.name, m.typ = "a.example", TypeMX
		f.Add(m.pack(f), uint16(TypeMX))
	}
	for _, typ := range []Type{TypeA, TypeAAAA, TypeTXT, TypeSRV, TypeTLSA, TypePTR} {
		f.Add(message{name: "a.example", typ: typ, answers: []dnsmessage.Resource{rrRaw("a.example", typ, 3, 'a', 'b', 'c')}}.pack(f), uint16(typ))
	}
	name := mustName("a.example")
	f.Fuzz(func(t *testing.T, msg []byte, typ uint16) {
		r, err := ParseResponse(msg, testID, name, Type(typ))
		if err != nil {
			return
		}
		if len(msg) < 2 || msg[0] != testID>>8 || msg[1] != testID&0xFF {
			t.Fatal("another ID")
		}
		if len(r.Aliases) > maxHops || len(r.Records) > maxRecords || (r.Status == Found) != (len(r.Records) > 0) && r.RCode == 0 && !r.TC || r.TTL < 0 {
			t.Fatalf("%+v", r)
		}
		if len(r.Records) == 0 {
			return
		}
		want, ok := oracle(msg, r.Canonical.s, Type(typ))
		if !ok {
			t.Skip("dnsmessage refuses")
		}
		if got := describeAll(r.Records); !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, dnsmessage %q", msg, got, want)
		}
		if chain := append(slices.Clone(r.Aliases), r.Canonical); chain[0] != name {
			t.Fatalf("chain starts at %v", chain)
		}
	})
}

// oracle reads the records of an owner with dnsmessage.
func oracle(msg []byte, owner string, typ Type) (out []string, ok bool) {
	var p dnsmessage.Parser
	if _, err := p.Start(msg); err != nil || p.SkipAllQuestions() != nil {
		return nil, false
	}
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return out, true
		}
		if err != nil {
			return nil, false
		}
		if h.Type != typ || h.Class != dnsmessage.ClassINET || strings.TrimSuffix(lowerASCII(h.Name.String()), ".") != owner {
			if p.SkipAnswer() != nil {
				return nil, false
			}
			continue
		}
		r, err := p.Answer()
		if err != nil {
			return nil, false
		}
		switch b := r.Body.(type) {
		case *dnsmessage.AResource:
			out = append(out, netip.AddrFrom4(b.A).String())
		case *dnsmessage.AAAAResource:
			out = append(out, netip.AddrFrom16(b.AAAA).String())
		case *dnsmessage.MXResource:
			out = append(out, fmt.Sprint(b.Pref, " ", lowerASCII(b.MX.String())))
		case *dnsmessage.SRVResource:
			out = append(out, fmt.Sprint(b.Priority, " ", lowerASCII(b.Target.String())))
		case *dnsmessage.PTRResource:
			out = append(out, lowerASCII(b.PTR.String()))
		case *dnsmessage.TXTResource:
			out = append(out, strings.Join(b.TXT, ""))
		default:
			out = append(out, "other")
		}
	}
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func describeAll(records []Record) (out []string) {
	for _, r := range records {
		host := r.Host.s + "."
		if e, ok := errors.AsType[*NameError](r.Err); ok && !r.Root {
			host = e.Name + "."
		}
		switch r.Type {
		case TypeA, TypeAAAA:
			out = append(out, r.Addr.String())
		case TypeMX, TypeSRV:
			out = append(out, fmt.Sprint(r.Pref, " ", host))
		case TypePTR:
			out = append(out, host)
		case TypeTXT:
			out = append(out, r.Text)
		default:
			out = append(out, "other")
		}
	}
	return out
}

func fiveMX(t testing.TB) []byte {
	m := message{name: "example.org", typ: TypeMX, additionals: []dnsmessage.Resource{rrOPT(0)}}
	for i := range 5 {
		m.answers = append(m.answers, rrMX("example.org", uint16(i), fmt.Sprintf("mx%d.example.org.", i)))
	}
	return m.pack(t)
}

// The slice of records, and the name in each.
func TestParseResponseAllocs(t *testing.T) {
	msg, name := fiveMX(t), mustName("example.org")
	if got := testing.AllocsPerRun(100, func() { ParseResponse(msg, testID, name, TypeMX) }); got > 6 {
		t.Errorf("%v allocations", got)
	}
}

// What reading the same message with dnsmessage costs, for comparison.
func BenchmarkDNSMessage(b *testing.B) {
	msg := fiveMX(b)
	b.ReportAllocs()
	for b.Loop() {
		if out, ok := walk(msg); !ok || out != 5 {
			b.Fatal(out)
		}
	}
}

func walk(msg []byte) (n int, ok bool) {
	var p dnsmessage.Parser
	if _, err := p.Start(msg); err != nil || p.SkipAllQuestions() != nil {
		return 0, false
	}
	for {
		if _, err := p.AnswerHeader(); err != nil {
			return n, errors.Is(err, dnsmessage.ErrSectionDone)
		}
		if _, err := p.MXResource(); err != nil {
			return n, false
		}
		n++
	}
}

func BenchmarkParseResponse(b *testing.B) {
	msg, name := fiveMX(b), mustName("example.org")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseResponse(msg, testID, name, TypeMX); err != nil {
			b.Fatal(err)
		}
	}
}

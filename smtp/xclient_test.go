package smtp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseXClient(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		name, arg string
		want      XClient
		bad       bool
	}{
		{name: "name and address", arg: "NAME=spike.example ADDR=192.0.2.1", want: XClient{Given: XClientName | XClientAddr, Name: "spike.example", Addr: addr("192.0.2.1")}},
		{name: "names in any case", arg: "name=a Proto=esmtp", want: XClient{Given: XClientName | XClientProto, Name: "a", Proto: "ESMTP"}},
		{name: "IPv6", arg: "ADDR=IPV6:2001:db8::1 DESTADDR=ipv6:::1", want: XClient{Given: XClientAddr | XClientDestAddr, Addr: addr("2001:db8::1"), DestAddr: addr("::1")}},
		{name: "ports", arg: "PORT=25 DESTPORT=65535", want: XClient{Given: XClientPort | XClientDestPort, Port: 25, DestPort: 65535}},
		{name: "xtext", arg: "LOGIN=a+20b+2B HELO=x", want: XClient{Given: XClientLogin | XClientHelo, Login: "a b+", Helo: "x"}},
		{name: "unavailable", arg: "NAME=[UNAVAILABLE] ADDR=[unavailable] LOGIN=[TEMPUNAVAIL]", want: XClient{Given: XClientName | XClientAddr | XClientLogin}},
		{name: "unavailable for now", arg: "NAME=[TEMPUNAVAIL]", want: XClient{Given: XClientName, NameTemp: true}},
		{name: "nothing", arg: " ", bad: true},
		{name: "no value", arg: "NAME", bad: true},
		{name: "empty value", arg: "NAME=", bad: true},
		{name: "unknown", arg: "COLOUR=red", bad: true},
		{name: "twice", arg: "NAME=a NAME=b", bad: true},
		{name: "CRLF inside", arg: "HELO=a+0D+0Ab", bad: true},
		{name: "bad xtext", arg: "HELO=a+0d", bad: true},
		{name: "IPv6 without its prefix", arg: "ADDR=::1", bad: true},
		{name: "IPv4 with the prefix", arg: "ADDR=IPV6:192.0.2.1", bad: true},
		{name: "zone", arg: "ADDR=IPV6:fe80::1%eth0", bad: true},
		{name: "port too great", arg: "PORT=65536", bad: true},
		{name: "protocol", arg: "PROTO=HTTP", bad: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseXClient([]byte(test.arg))
			if (err != nil) != test.bad {
				t.Fatalf("error %v, want one: %v", err, test.bad)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	_, err := ParseXClient([]byte("PORT=1 port=2"))
	if e, ok := errors.AsType[*ParamError](err); !ok || !e.Twice {
		t.Errorf("a second PORT: %v, want a ParamError", err)
	}
}

func TestXClientAttrs(t *testing.T) {
	for a := range XClientAttrs(1<<len(xclientNames) - 1) {
		if got := ParseXClientAttrs(append(a.Names(), "OTHER", "")); got != a {
			t.Errorf("%q is %b, want %b", a.Names(), got, a)
		}
	}
	if got := ParseXClientAttrs([]string{"login", "LOGIN", "port"}); got != XClientLogin|XClientPort {
		t.Errorf("got %b", got)
	}
}

// What is written is one line, and is read back as it was.
func FuzzXClient(f *testing.F) {
	f.Add(uint8(0xff), "host.example", "192.0.2.1", "helo", "user", uint16(25))
	f.Add(uint8(0x15), "", "2001:db8::1", "a\r\nb", "\x00", uint16(0))
	f.Fuzz(func(t *testing.T, given uint8, name, ip, helo, login string, port uint16) {
		a, _ := netip.ParseAddr(ip)
		x := XClient{Given: XClientAttrs(given), Name: name, Addr: a.WithZone(""), Port: port, Proto: "ESMTP", Helo: helo, Login: login, DestAddr: a.WithZone(""), DestPort: port}
		line := AppendXClient(nil, x)
		if strings.ContainsFunc(string(line), func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%+v is written as %q", x, line)
		}
		y, err := ParseXClient(line)
		if err != nil {
			return // a control character in a value, or nothing given
		}
		if again := AppendXClient(nil, y); string(again) != string(line) && !strings.Contains(strings.ToUpper(string(line)), "[") && !a.Is4In6() {
			t.Errorf("%q is read as %+v and written as %q", line, y, again)
		}
	})
}

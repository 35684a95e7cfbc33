package proxyproto

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
)

// v2 builds a header of version 2.
func v2(command, family byte, body string) string {
	b := append([]byte(signature), 0x20|command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(body)))) + body
}

func TestParse(t *testing.T) {
	v4 := "\xc0\x00\x02\x08\xc0\x00\x02\x19\x12\x67\x00\x19"
	v6 := "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02" + "\x12\x67\x00\x19"
	from4, to4 := netip.MustParseAddrPort("192.0.2.8:4711"), netip.MustParseAddrPort("192.0.2.25:25")
	from6, to6 := netip.MustParseAddrPort("[2001:db8::1]:4711"), netip.MustParseAddrPort("[2001:db8::2]:25")
	tests := []struct {
		name, in string
		want     Header
		rest     string
		err      error
	}{
		{"TCP4", "PROXY TCP4 192.0.2.8 192.0.2.25 4711 25\r\nEHLO", Header{Source: from4, Destination: to4}, "EHLO", nil},
		{"TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n", Header{Source: from6, Destination: to6}, "", nil},
		{"UNKNOWN", "PROXY UNKNOWN\r\nEHLO", Header{Local: true}, "EHLO", nil},
		{"UNKNOWN with more", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Header{Local: true}, "", nil},
		{"v2 IPv4", v2(1, 0x11, v4) + "EHLO", Header{Source: from4, Destination: to4}, "EHLO", nil},
		{"v2 IPv4 with TLVs", v2(1, 0x11, v4+"\x01\x00\x02h2") + "EHLO", Header{Source: from4, Destination: to4}, "EHLO", nil},
		{"v2 IPv6", v2(1, 0x21, v6), Header{Source: from6, Destination: to6}, "", nil},
		{"v2 local", v2(0, 0, "whatever") + "EHLO", Header{Local: true}, "EHLO", nil},
		{"v2 unix", v2(1, 0x31, strings.Repeat("\x00", 216)), Header{}, "", nil},

		{"nothing", "", Header{}, "", ErrMore},
		{"half a word", "PRO", Header{}, "", ErrMore},
		{"half a line", "PROXY TCP4 192.0.2.8", Header{}, "", ErrMore},
		{"half a signature", "\r\n\r\n\x00", Header{}, "", ErrMore},
		{"half of v2", v2(1, 0x11, v4)[:20], Header{}, "", ErrMore},

		{"a command", "EHLO client.example\r\n", Header{}, "", ErrHeader},
		{"an empty line", "\r\nEHLO", Header{}, "", ErrHeader},
		{"lower case", "proxy TCP4 192.0.2.8 192.0.2.25 4711 25\r\n", Header{}, "", ErrHeader},
		{"bare LF", "PROXY TCP4 192.0.2.8 192.0.2.25 4711 25\n", Header{}, "", ErrHeader},
		{"LF at once", "PROXY \n", Header{}, "", ErrHeader},
		{"UDP", "PROXY UDP4 192.0.2.8 192.0.2.25 4711 25\r\n", Header{}, "", ErrHeader},
		{"family and address differ", "PROXY TCP4 2001:db8::1 2001:db8::2 4711 25\r\n", Header{}, "", ErrHeader},
		{"zone", "PROXY TCP6 fe80::1%eth0 fe80::2 4711 25\r\n", Header{}, "", ErrHeader},
		{"port too large", "PROXY TCP4 192.0.2.8 192.0.2.25 65536 25\r\n", Header{}, "", ErrHeader},
		{"port with sign", "PROXY TCP4 192.0.2.8 192.0.2.25 +4711 25\r\n", Header{}, "", ErrHeader},
		{"port with zero", "PROXY TCP4 192.0.2.8 192.0.2.25 04711 25\r\n", Header{}, "", ErrHeader},
		{"two spaces", "PROXY TCP4  192.0.2.8 192.0.2.25 4711 25\r\n", Header{}, "", ErrHeader},
		{"missing port", "PROXY TCP4 192.0.2.8 192.0.2.25 4711\r\n", Header{}, "", ErrHeader},
		{"too long", "PROXY UNKNOWN " + strings.Repeat("x", 107) + "\r\n", Header{}, "", ErrHeader},
		{"endless", "PROXY UNKNOWN " + strings.Repeat("x", 107), Header{}, "", ErrHeader},
		{"version 3", string(signature) + "\x31\x11\x00\x00", Header{}, "", ErrHeader},
		{"command 2", v2(2, 0x11, v4), Header{}, "", ErrHeader},
		{"datagrams", v2(1, 0x12, v4), Header{}, "", ErrHeader},
		{"unspecified family", v2(1, 0x00, v4), Header{}, "", ErrHeader},
		{"short addresses", v2(1, 0x11, v4[:11]), Header{}, "", ErrHeader},
		{"v2 too long", string(signature) + "\x21\x11\xff\xff", Header{}, "", ErrHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, n, err := Parse([]byte(tt.in))
			if got != tt.want || err != tt.err || err == nil && tt.in[n:] != tt.rest || err != nil && n != 0 {
				t.Errorf("Parse(%q) = %+v, %d, %v; want %+v, rest %q, %v", tt.in, got, n, err, tt.want, tt.rest, tt.err)
			}
		})
	}
}

// The header of 107 octets that version 1 allows at the most.
func TestParseLongest(t *testing.T) {
	line := "PROXY UNKNOWN " + strings.Repeat("x", maxV1-len("PROXY UNKNOWN ")-2) + "\r\n"
	if _, n, err := Parse([]byte(line)); n != maxV1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// FuzzParse: a header is found at the same place whatever follows it; no strict
// prefix of it is a header; and it never asks for more than its bound.
func FuzzParse(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.8 192.0.2.25 4711 25\r\nEHLO"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(v2(1, 0x11, "\xc0\x00\x02\x08\xc0\x00\x02\x19\x12\x67\x00\x19")))
	f.Add([]byte(v2(0, 0, "")))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, n, err := Parse(in)
		switch err {
		case nil:
			if n <= 0 || n > len(in) || n > maxV2 {
				t.Fatalf("%q: %d octets", in, n)
			}
			if again, m, err := Parse(in[:n]); again != h || m != n || err != nil {
				t.Fatalf("%q: alone it is %+v, %d, %v", in, again, m, err)
			}
			for k := range n {
				if _, _, err := Parse(in[:k]); err != ErrMore {
					t.Fatalf("%q: %d octets of %d give %v", in, k, n, err)
				}
			}
		case ErrMore:
			if len(in) >= maxV2 {
				t.Fatalf("%d octets and still not enough", len(in))
			}
		case ErrHeader:
			if _, _, err := Parse(append(in, "\r\n"...)); err != ErrHeader {
				t.Fatalf("%q was refused, and with more octets is not: %v", in, err)
			}
		}
	})
}

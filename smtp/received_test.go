package smtp_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

var someTime = time.Date(2026, 3, 9, 8, 7, 6, 0, time.FixedZone("", 2*3600))

// RFC 5321, section 4.4.
func TestRFC5321_4_4_Received(t *testing.T) {
	const end = ";\r\n\tMon, 9 Mar 2026 08:07:06 +0200\r\n"
	addr4, addr6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::7")
	tests := []struct {
		name string
		in   smtp.Received
		want string // without its end
	}{
		{"zero", smtp.Received{}, "Received: from unknown\r\n\tby unknown with SMTP"},
		{
			"all",
			smtp.Received{
				Helo: "c.example", Name: "host.c.example", Addr: addr4, By: "mx.example", With: "ESMTPS", ID: "q1",
				TLS: "TLS1.3 TLS_AES_128_GCM_SHA256", For: smtp.Path{Local: "you", Domain: "b.example"},
			},
			"Received: from c.example (host.c.example [192.0.2.1])\r\n\tby mx.example with ESMTPS id q1\r\n\t(TLS1.3 TLS_AES_128_GCM_SHA256)\r\n\tfor <you@b.example>",
		},
		{"IPv6", smtp.Received{Helo: "c", Addr: addr6, By: "mx", With: "LMTP"}, "Received: from c ([IPv6:2001:db8::7])\r\n\tby mx with LMTP"},
		{"IPv4 in IPv6", smtp.Received{Helo: "c", Addr: netip.MustParseAddr("::ffff:192.0.2.1"), By: "mx"}, "Received: from c ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"zone", smtp.Received{Addr: netip.MustParseAddr("fe80::1%eth0"), By: "mx"}, "Received: from [IPv6:fe80::1] ([IPv6:fe80::1])\r\n\tby mx with SMTP"},
		{"a literal as name", smtp.Received{Helo: "[192.0.2.9]", Addr: addr4, By: "mx"}, "Received: from [192.0.2.9] ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"a helo of nonsense", smtp.Received{Helo: "a b(c", Addr: addr4, By: "mx"}, "Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"a helo of CRLF", smtp.Received{Helo: "a\r\nX-Evil: 1", Addr: addr4, By: "mx"}, "Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"a helo of UTF-8: RFC 6531, section 3.7.1", smtp.Received{Helo: "\u00f6.example", Addr: addr4, By: "mx"}, "Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"a helo of 8-bit", smtp.Received{Helo: "\xff", Addr: addr4, By: "mx"}, "Received: from [192.0.2.1] ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"a name of nonsense", smtp.Received{Helo: "c", Name: "a)b", Addr: addr4, By: "mx"}, "Received: from c ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"a name of UTF-8", smtp.Received{Helo: "c", Name: "\u00f6", Addr: addr4, By: "mx"}, "Received: from c ([192.0.2.1])\r\n\tby mx with SMTP"},
		{"an id of nonsense", smtp.Received{Helo: "c", By: "mx", ID: "a b"}, "Received: from c\r\n\tby mx with SMTP id unknown"},
		{"a protocol of nonsense", smtp.Received{Helo: "c", By: "mx", With: "a;b"}, "Received: from c\r\n\tby mx with SMTP"},
		{"a comment that would end", smtp.Received{Helo: "c", By: "mx", TLS: "a)b\\c\r\nd\u00e9"}, "Received: from c\r\n\tby mx with SMTP\r\n\t(a?b?c??d??)"},
		{"for a quoted local part", smtp.Received{Helo: "c", By: "mx", For: smtp.Path{Local: "a b", Domain: "d"}}, "Received: from c\r\n\tby mx with SMTP\r\n\tfor <\"a b\"@d>"},
		{"for a bad path", smtp.Received{Helo: "c", By: "mx", For: smtp.Path{Local: "a\r\n", Domain: "d"}}, "Received: from c\r\n\tby mx with SMTP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Time = someTime
			if got := string(smtp.AppendReceived([]byte("x"), tt.in)); got != "x"+tt.want+end {
				t.Errorf("got\n%q, want\n%q", got[1:], tt.want+end)
			}
		})
	}
}

// One field, folded, lines of at most 998, no injection.
func FuzzReceived(f *testing.F) {
	f.Add("c.example", "n", []byte{192, 0, 2, 1}, "mx", "ESMTP", "id", "TLS1.3", "a", "d", int64(0))
	f.Add("a\r\nX: y", "\r", make([]byte, 16), "\n", "\r\n", "\x00", strings.Repeat(")", 2000), "\r\n", "d\n", int64(-1)<<40)
	f.Add("\xff", "\u00f6", []byte(nil), strings.Repeat("b", 2000), strings.Repeat("w", 2000), strings.Repeat("i", 2000), "(", strings.Repeat("l", 64), "[x:y]", int64(1)<<40)
	f.Fuzz(func(t *testing.T, helo, name string, addr []byte, by, with, id, tls, local, domain string, when int64) {
		ip, _ := netip.AddrFromSlice(addr)
		field := smtp.AppendReceived(nil, smtp.Received{
			Helo: helo, Name: name, Addr: ip, By: by, With: with, ID: id, TLS: tls, For: smtp.Path{Local: local, Domain: domain}, Time: time.Unix(when, 0).UTC(),
		})
		rest, ok := bytes.CutSuffix(field, []byte("\r\n"))
		if !ok || !bytes.HasPrefix(field, []byte("Received: from ")) {
			t.Fatalf("%q", field)
		}
		for i, line := range bytes.Split(rest, []byte("\r\n")) {
			if len(line) > 998 {
				t.Fatalf("a line of %d octets: %.80q...", len(line), line)
			}
			if folded := len(line) > 1 && line[0] == '\t' && line[1] != ' '; folded != (i > 0) {
				t.Fatalf("line %d is %q", i, line)
			}
			for j, c := range line {
				if c < 0x20 && !(c == '\t' && j == 0 && i > 0) || c == 0x7f {
					t.Fatalf("octet %#x in %q", c, line)
				}
			}
		}
		if bytes.Count(field, []byte(";\r\n\t")) != 1 {
			t.Fatalf("not one date in %q", field)
		}
	})
}

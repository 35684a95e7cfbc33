package dnsmx

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// edits are what a forger, or a broken server, does to a message: an octet of the
// input for the kind, others for where and how.
func edit(msg []byte, ops []byte) []byte {
	msg = slices.Clone(msg)
	next := func() int {
		if len(ops) == 0 {
			return 0
		}
		b := ops[0]
		ops = ops[1:]
		return int(b)
	}
	for len(ops) > 0 && len(msg) > 0 {
		switch op, at := next(), next()%len(msg); op % 7 {
		case 0: // an octet
			msg[at] = byte(next())
		case 1: // a bit
			msg[at] ^= 1 << (next() % 8)
		case 2: // cut
			msg = msg[:at]
		case 3: // more records than there are, or fewer
			if off := 4 + 2*(at%4); off+1 < len(msg) {
				msg[off+1] = byte(next())
			}
		case 4: // a pointer, perhaps to itself
			if at+1 < len(msg) {
				msg[at], msg[at+1] = 0xC0, byte(next()%len(msg))
			}
		case 5: // a piece once more
			if end := at + next()%40; end <= len(msg) {
				msg = slices.Insert(msg, at, msg[at:end]...)
			}
		case 6: // an extra record
			msg = append(msg, "\xC0\x0C\x00\x01\x00\x01\x00\x00\x00\x09\x00\x04\xCB\x00\x71\x42"...)
			if len(msg) > 7 {
				msg[7]++
			}
		}
	}
	return msg
}

// Whatever a forger sends who does not know the ID, or the letter case, the answer is
// that of the server. Whatever the server itself sends, the query ends in its time,
// and what it gives is what ParseResponse makes of one of its messages.
func FuzzHostileServer(f *testing.F) {
	f.Add(byte(0), []byte{0, 13, 'b'}, []byte{4, 30, 30}, []byte{2, 9})
	f.Add(byte(1), []byte{1, 0, 7}, []byte{6, 0, 3, 0, 9}, []byte{})
	f.Add(byte(6), []byte{}, []byte{1, 2, 1}, []byte{0, 0, 0, 1, 1, 2})
	f.Add(byte(3), []byte{5, 12, 11}, []byte{4, 28, 28}, []byte{3, 1, 9})
	f.Fuzz(func(t *testing.T, options byte, forged, udp, tcp []byte) {
		synctest.Test(t, func(t *testing.T) {
			var sent [][]byte // by the server itself
			n := &fakeNet{serve: func(c call) [][]byte {
				answer := c.reply(func(m *dnsmessage.Message) {
					m.AuthenticData = options&1 != 0
					if options&2 != 0 && c.network == "udp" {
						truncated(m)
					}
				})
				if c.network == "tcp" {
					answer = edit(answer, tcp)
					sent = append(sent, answer)
					return [][]byte{frame(answer), nil}
				}
				lie := edit(c.reply(func(m *dnsmessage.Message) {
					m.AuthenticData = true
					m.Answers[0].Body = &dnsmessage.AResource{A: [4]byte{203, 0, 113, 66}}
				}), forged)
				if len(lie) > 1 && lie[0] == c.query[0] && lie[1] == c.query[1] {
					lie[1]++ // a guess that is wrong
				}
				if options&4 == 0 {
					answer = edit(answer, udp)
				}
				sent = append(sent, answer)
				return [][]byte{lie, answer, lie}
			}}
			s := Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial, Mixed: options&8 != 0}
			start := time.Now()
			a, err := s.Query(t.Context(), mustName("a.example"), TypeA)
			// Two rounds, each with and without EDNS, each over UDP and TCP.
			if took := time.Since(start); took > 2*2*2*defaultTimeout || len(n.calls) > 8 || n.open != 0 {
				t.Fatalf("%v, %d calls, %d open", took, len(n.calls), n.open)
			}
			if err != nil {
				if _, ok := errors.AsType[*Error](err); !ok || a.Records != nil || a.Secure {
					t.Fatalf("%+v, %v", a, err)
				}
				if options&6 == 4 {
					t.Fatalf("the true answer was there: %v", err)
				}
				return
			}
			if options&6 == 4 && (len(a.Records) != 1 || a.Records[0].Addr != netip.AddrFrom4([4]byte{192, 0, 2, 1}) || a.Secure != (options&1 != 0)) {
				t.Fatalf("%+v", a)
			}
			for _, msg := range sent {
				if len(msg) < 2 {
					continue
				}
				r, err := ParseResponse(msg, uint16(msg[0])<<8|uint16(msg[1]), mustName("a.example"), TypeA)
				if err == nil && !r.TC && r.Status == a.Status && slices.Equal(describeAll(r.Records), describeAll(a.Records)) && r.AD == a.Secure && r.TTL == a.TTL {
					return
				}
			}
			t.Fatalf("%+v is in none of %q", a, sent)
		})
	})
}

// TestHostile keeps what each attack looks like, with what becomes of it.
func TestHostile(t *testing.T) {
	record := func(data string) string {
		return "\xC0\x0C\x00\x01\x00\x01\x00\x00\x00\x09\x00" + string([]byte{byte(len(data))}) + data
	}
	for _, tt := range []struct{ name, answer, want string }{
		{"a good record", record("\xC0\x00\x02\x01"), ""},
		{"owner that points to itself", "\xC0\x1B" + record("\xC0\x00\x02\x01")[2:], errPointer.Error()},
		{"owner that points forwards", "\xC0\x30" + record("\xC0\x00\x02\x01")[2:], errPointer.Error()},
		{"two owners that point at each other", "\xC0\x1D\xC0\x1B" + record("\xC0\x00\x02\x01")[4:], errPointer.Error()},
		{"a chain of pointers", strings.Repeat("\x01a\xC0\x0C", 3), errCut.Error()},
	} {
		n := &fakeNet{serve: func(c call) [][]byte {
			msg := c.reply(func(m *dnsmessage.Message) { m.Answers, m.Additionals = nil, nil })
			msg[7] = 1
			return [][]byte{append(msg, tt.answer...)}
		}}
		s := Stub{Servers: []netip.AddrPort{loopback}, Dial: n.dial}
		a, err := s.Query(t.Context(), mustName("a.example"), TypeA)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, a, err)
		}
	}
}

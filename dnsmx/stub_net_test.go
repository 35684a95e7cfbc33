package dnsmx_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

// RFC 5452, section 9: an answer from another port, right in all else, is not seen.
// Ports of our own differ from query to query.
func TestRFC5452_9_Port(t *testing.T) {
	zone := dnsmxtest.MustParseZone("a.example. A 192.0.2.1")
	lies := dnsmxtest.MustParseZone("a.example. A 203.0.113.66")
	truth, liar := dnsmxtest.Serve(t, zone, dnsmxtest.Faults{}), dnsmxtest.Serve(t, lies, dnsmxtest.Faults{})

	front, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ports := make(map[string]bool)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, from, err := front.ReadFrom(buf)
			if err != nil {
				return
			}
			ports[from.String()] = true
			other.WriteTo(relay(t, liar, buf[:n]), from)
			front.WriteTo(relay(t, truth, buf[:n]), from)
		}
	}()
	s := &dnsmx.Stub{Servers: []netip.AddrPort{front.LocalAddr().(*net.UDPAddr).AddrPort()}}
	const queries = 20
	for range queries {
		a, err := s.Query(t.Context(), name("a.example"), dnsmx.TypeA)
		if err != nil || len(a.Records) != 1 || a.Records[0].Addr.String() != "192.0.2.1" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	front.Close()
	other.Close()
	<-done
	if len(ports) < queries/2 {
		t.Errorf("%d ports for %d queries", len(ports), queries)
	}
}

// relay asks a server and returns its answer as it is.
func relay(t *testing.T, server netip.AddrPort, query []byte) []byte {
	c, err := net.Dial("udp4", server.String())
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	buf := make([]byte, 4096)
	if _, err := c.Write(query); err != nil {
		t.Error(err)
		return nil
	}
	n, err := c.Read(buf)
	if err != nil {
		t.Error(err)
		return nil
	}
	return buf[:n]
}

// Faults over real sockets: each either costs the server the question, or nothing.
func TestServerFaults(t *testing.T) {
	const text = "a.example. A 192.0.2.1\n!secure a.example."
	cut := func(msg []byte, tcp bool) []byte { return msg[:len(msg)-3] }
	over := func(onTCP bool, f func([]byte, bool) []byte) func([]byte, bool) []byte {
		return func(msg []byte, tcp bool) []byte {
			if tcp != onTCP {
				return msg
			}
			return f(msg, tcp)
		}
	}
	for _, tt := range []struct {
		name   string
		faults dnsmxtest.Faults
		want   string
	}{
		{"none", dnsmxtest.Faults{}, "Found a.example secure [192.0.2.1]"},
		{"no EDNS", dnsmxtest.Faults{NoEDNS: true}, "Found a.example secure [192.0.2.1]"},
		{"truncated", dnsmxtest.Faults{Truncate: true}, "Found a.example secure [192.0.2.1]"},
		{"truncated without EDNS", dnsmxtest.Faults{Truncate: true, NoEDNS: true}, "Found a.example secure [192.0.2.1]"},
		{"truncated without TCP", dnsmxtest.Faults{Truncate: true, NoTCP: true}, "error"},
		{"forged", dnsmxtest.Faults{Forge: true}, "Found a.example secure [192.0.2.1]"},
		{"cut over UDP", dnsmxtest.Faults{Mangle: over(false, cut)}, "error"},
		{"cut over TCP", dnsmxtest.Faults{Truncate: true, Mangle: over(true, cut)}, "error"},
		{"truncated over TCP", dnsmxtest.Faults{Truncate: true, Mangle: over(true, func(msg []byte, _ bool) []byte {
			msg[2] |= 2
			return msg
		})}, "error"},
		{"empty frame", dnsmxtest.Faults{Truncate: true, Mangle: over(true, func([]byte, bool) []byte { return []byte{} })}, "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &dnsmx.Stub{Servers: []netip.AddrPort{dnsmxtest.Serve(t, dnsmxtest.MustParseZone(text), tt.faults)}}
			if got := describe(s.Query(t.Context(), name("a.example"), dnsmx.TypeA)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			// A second server makes up for the first.
			s.Servers = append(s.Servers, dnsmxtest.Serve(t, dnsmxtest.MustParseZone(text), dnsmxtest.Faults{}))
			if got := describe(s.Query(t.Context(), name("a.example"), dnsmx.TypeA)); got != "Found a.example secure [192.0.2.1]" {
				t.Errorf("with another server: %s", got)
			}
		})
	}
}

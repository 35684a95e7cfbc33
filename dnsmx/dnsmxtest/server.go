package dnsmxtest

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
	"golang.org/x/net/dns/dnsmessage"
)

// Faults are what a server does wrong. The zero value does nothing wrong.
type Faults struct {
	Truncate bool // answers over UDP are empty and say to ask over TCP
	NoTCP    bool // connections are closed at once
	NoEDNS   bool // a query with OPT is a format error
	Silent   bool // no answer at all
	// Forge sends, before each answer over UDP, some that a forger would: another
	// ID, another question, no response, and so on, each with other addresses.
	Forge bool
	// Mangle changes an answer before it is sent; nil result: it is not. It runs in
	// the server's goroutines.
	Mangle func(msg []byte, tcp bool) []byte
}

// Serve answers questions about z over UDP and TCP, at one address on loopback with
// a port of the system's choice, until the test ends.
func Serve(t testing.TB, z *Zone, f Faults) netip.AddrPort {
	t.Helper()
	s := &server{zone: z, faults: f, open: make(map[net.Conn]bool)}
	var err error
	for range 20 { // the port of the one may be taken for the other
		if s.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			break
		}
		port := s.udp.LocalAddr().(*net.UDPAddr).Port
		if s.tcp, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			break
		}
		s.udp.Close()
	}
	if err != nil {
		t.Fatalf("dnsmxtest: %v", err)
	}
	s.running.Go(s.serveUDP)
	s.running.Go(s.serveTCP)
	t.Cleanup(s.close)
	return s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

type server struct {
	zone    *Zone
	faults  Faults
	udp     *net.UDPConn
	tcp     *net.TCPListener
	running sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]bool // nil once closed
}

func (s *server) close() {
	s.udp.Close()
	s.tcp.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.running.Wait()
}

func (s *server) serveUDP() {
	buf := make([]byte, 65535)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		for _, msg := range s.respond(buf[:n], false) {
			s.udp.WriteToUDPAddrPort(msg, from)
		}
	}
}

func (s *server) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.open == nil || s.faults.NoTCP {
			c.Close()
		} else {
			s.open[c] = true
			s.running.Go(func() { s.serveConn(c) })
		}
		s.mu.Unlock()
	}
}

func (s *server) serveConn(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		for _, msg := range s.respond(query, true) {
			frame := binary.BigEndian.AppendUint16(nil, uint16(len(msg)))
			c.Write(append(frame, msg...))
		}
	}
}

// respond returns the messages that answer a query: none, one, or before it those
// of a forger.
func (s *server) respond(msg []byte, tcp bool) [][]byte {
	q, ok := readQuery(msg)
	if !ok || s.faults.Silent {
		return nil
	}
	most := q.size
	if tcp {
		most = 65535
	}
	edns := q.edns && !s.faults.NoEDNS
	var r reply
	switch {
	case q.edns && s.faults.NoEDNS:
		r.rcode = dnsmessage.RCodeFormatError
	case s.faults.Truncate && !tcp:
		most = 0
	default:
		r = s.zone.answer(q.name, q.question.Type)
	}
	if r.silent {
		return nil
	}
	out, err := r.message(q, edns, most)
	if err != nil {
		r = reply{fault: fault{rcode: dnsmessage.RCodeServerFailure, info: err.Error()}}
		if out, err = r.message(q, edns, most); err != nil {
			return nil
		}
	}
	if s.faults.Mangle != nil {
		if out = s.faults.Mangle(out, tcp); out == nil {
			return nil
		}
	}
	if s.faults.Forge && !tcp {
		return append(forge(q), out)
	}
	return [][]byte{out}
}

// forge returns answers that nobody who asked q may believe.
func forge(q query) [][]byte {
	lie := reply{Answer: dnsmx.Answer{Canonical: q.name, Secure: true, Records: []dnsmx.Record{
		{Type: dnsmx.TypeA, TTL: time.Hour, Addr: netip.AddrFrom4([4]byte{203, 0, 113, 66})},
	}}}
	wrongID, wrongName, wrongType, wrongCase := q, q, q, q
	wrongID.header.ID++
	wrongName.question.Name = dnsmessage.MustNewName("forged.invalid.")
	wrongType.question.Type++
	for i, c := range wrongCase.question.Name.Data[:wrongCase.question.Name.Length] {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			wrongCase.question.Name.Data[i] ^= 0x20
		}
	}
	var out [][]byte
	for _, wrong := range []query{wrongID, wrongName, wrongType, wrongCase} {
		if msg, err := lie.message(wrong, true, 65535); err == nil {
			out = append(out, msg)
		}
	}
	msg, err := lie.message(q, true, 65535)
	if err != nil {
		return out
	}
	const qr, opcode5 = 1 << 7, 5 << 3 // in the third octet of the header
	asQuery := append([]byte(nil), msg...)
	asQuery[2] &^= qr
	update := append([]byte(nil), msg...)
	update[2] |= opcode5
	two := append([]byte(nil), msg...)
	two[5] = 2
	return append(out, asQuery, update, two, msg[:11], nil)
}

// Package proxyproto parses the header that a load balancer puts in front of
// a connection to say whom it stands for: the PROXY protocol of HAProxy
// (proxy-protocol.txt), versions 1 and 2. It is pure: octets in, a header out.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// The greatest lengths of a header in octets. Version 2 could be longer by its
// length field: what it then holds is nothing that we look at.
const (
	maxV1 = 107
	maxV2 = 2 << 10
)

// ErrHeader is returned for octets that are no header, or none that is allowed.
// Whoever sends them to a port that expects a header is not the proxy.
var ErrHeader = errors.New("proxyproto: not a PROXY header")

// ErrMore is returned for a good beginning.
var ErrMore = errors.New("proxyproto: header not complete")

// A Header says whom the proxy stands for.
type Header struct {
	// Local: the connection is the proxy's own, a health check for example
	// (LOCAL, UNKNOWN). The addresses are invalid then, and those of the connection
	// itself hold.
	Local bool
	// Source is the client, Destination what it connected to. Invalid: the client
	// did not come over IP (version 2 with AF_UNIX).
	Source, Destination netip.AddrPort
}

// signature begins version 2. No text of a mail protocol can be mistaken for it.
var signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// Parse parses the header at the front of b and returns how many octets it has:
// those behind it are the client's. It returns ErrMore until the header is whole;
// at most 2 KiB are ever asked for.
func Parse(b []byte) (h Header, n int, err error) {
	switch {
	case len(b) == 0:
		return Header{}, 0, ErrMore
	case b[0] == signature[0]:
		return parseV2(b)
	}
	return parseV1(b)
}

// parseV1 parses the line of version 1: section 2.1.
func parseV1(b []byte) (Header, int, error) {
	const prefix = "PROXY "
	if k := min(len(b), len(prefix)); string(b[:k]) != prefix[:k] {
		return Header{}, 0, ErrHeader
	}
	end := bytes.IndexByte(b, '\n')
	switch {
	case end < 0 && len(b) < maxV1:
		return Header{}, 0, ErrMore
	case end < 0, end >= maxV1, b[end-1] != '\r':
		return Header{}, 0, ErrHeader
	}
	fields := strings.Split(string(b[len(prefix):end-1]), " ")
	if fields[0] == "UNKNOWN" { // the rest of the line is to be ignored
		return Header{Local: true}, end + 1, nil
	}
	if len(fields) != 5 || fields[0] != "TCP4" && fields[0] != "TCP6" {
		return Header{}, 0, ErrHeader
	}
	source, ok1 := parseAddr(fields[0] == "TCP6", fields[1], fields[3])
	destination, ok2 := parseAddr(fields[0] == "TCP6", fields[2], fields[4])
	if !ok1 || !ok2 {
		return Header{}, 0, ErrHeader
	}
	return Header{Source: source, Destination: destination}, end + 1, nil
}

// parseAddr takes the one form that each family has: no zone, no leading zero in
// the port.
func parseAddr(v6 bool, addr, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(addr)
	p, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || a.Is6() != v6 || a.Zone() != "" || port != strconv.FormatUint(p, 10) {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, uint16(p)), true
}

// parseV2 parses the binary form of version 2: section 2.2.
func parseV2(b []byte) (Header, int, error) {
	if k := min(len(b), len(signature)); !bytes.Equal(b[:k], signature[:k]) {
		return Header{}, 0, ErrHeader
	}
	const fixed = 16
	if len(b) < fixed {
		return Header{}, 0, ErrMore
	}
	version, command, family := b[12]>>4, b[12]&15, b[13]
	n := fixed + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case version != 2, command > 1, n > maxV2:
		return Header{}, 0, ErrHeader
	case len(b) < n:
		return Header{}, 0, ErrMore
	case command == 0:
		return Header{Local: true}, n, nil
	}
	addrs := b[fixed:n]
	var size int
	switch family {
	case 0x11: // TCP over IPv4
		size = 4
	case 0x21: // TCP over IPv6
		size = 16
	case 0x31: // a stream of AF_UNIX
		return Header{}, n, nil
	default: // datagrams, or a family that we could not believe
		return Header{}, 0, ErrHeader
	}
	if len(addrs) < 2*size+4 {
		return Header{}, 0, ErrHeader
	}
	addrPort := func(addr, port []byte) netip.AddrPort {
		a, _ := netip.AddrFromSlice(addr)
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port))
	}
	// What follows are TLVs, of which none changes who the client is.
	return Header{
		Source:      addrPort(addrs[:size], addrs[2*size:]),
		Destination: addrPort(addrs[size:2*size], addrs[2*size+2:]),
	}, n, nil
}

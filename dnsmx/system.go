package dnsmx

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// System returns a Stub as /etc/resolv.conf describes it: nameserver, and of the
// options timeout, attempts and trust-ad. Without a nameserver it is the one at
// 127.0.0.1. Search domains are not used: RFC 5321, section 5.1, forbids them.
//
// Unlike the C library, the Stub believes the AD bit of a server on loopback
// without trust-ad. Set TrustNone if that server only forwards to strangers.
func System() (*Stub, error) {
	f, err := os.Open("/etc/resolv.conf")
	if os.IsNotExist(err) {
		return parseResolvConf(strings.NewReader(""))
	}
	if err != nil {
		return nil, fmt.Errorf("dnsmx: %w", err)
	}
	defer f.Close()
	return parseResolvConf(f)
}

// The bounds of the C library on what the file may say.
const (
	maxServers    = 3
	maxConfTime   = 30
	maxConfRounds = 5
	maxConf       = 1 << 20
)

// parseResolvConf skips what it does not know, as the C library does, but not a
// nameserver that it cannot read: the others may be ones that must not be asked.
func parseResolvConf(r io.Reader) (*Stub, error) {
	s := &Stub{}
	lines := bufio.NewScanner(io.LimitReader(r, maxConf))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		words := strings.Fields(line)
		switch {
		case len(words) >= 2 && words[0] == "nameserver":
			addr, err := netip.ParseAddr(words[1])
			if err != nil {
				return nil, fmt.Errorf("dnsmx: resolv.conf: nameserver %s", quote(words[1]))
			}
			if len(s.Servers) < maxServers {
				s.Servers = append(s.Servers, netip.AddrPortFrom(addr, 53))
			}
		case len(words) >= 2 && words[0] == "options":
			for _, option := range words[1:] {
				s.option(option)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("dnsmx: resolv.conf: %w", err)
	}
	if len(s.Servers) == 0 {
		s.Servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)}
	}
	return s, nil
}

func (s *Stub) option(option string) {
	name, value, _ := strings.Cut(option, ":")
	n, err := strconv.Atoi(value)
	switch {
	case option == "trust-ad":
		s.TrustAD = TrustAll
	case name == "timeout" && err == nil && n > 0:
		s.Timeout = time.Duration(min(n, maxConfTime)) * time.Second
	case name == "attempts" && err == nil && n > 0:
		s.Attempts = min(n, maxConfRounds)
	}
}

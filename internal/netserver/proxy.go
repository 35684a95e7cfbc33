package netserver

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mailwire/mailwire/internal/proxyproto"
)

// proxyTime is how long a trusted proxy has for its header.
const proxyTime = 10 * time.Second

// AcceptProxy reads the PROXY header that stands in front of everything else, TLS
// too, and makes Remote the client that it names. It reads not one octet more.
// Any error leaves nothing to serve: the connection is closed.
func (l *Link) AcceptProxy() error {
	h, err := l.readProxyHeader()
	l.disarm()
	if err != nil {
		l.tcp.Close()
		return err
	}
	if !h.Local {
		l.remote = unmap(h.Source)
	}
	return nil
}

// MeetProxy is AcceptProxy as a server does it: a proxy that fails is logged, and
// the error is ErrClosed where Stop ended the wait. log is the server's; what
// comes back is it with the number of the connection, the client and the proxy.
func (l *Link) MeetProxy(log *slog.Logger, id uint64) (*slog.Logger, error) {
	proxy := l.remote.String()
	err := l.AcceptProxy()
	switch {
	case l.Stopped(err):
		return nil, ErrClosed
	case err != nil:
		log.Warn("no PROXY header from a trusted proxy", slog.Uint64("conn", id), slog.String("remote", proxy), slog.Any("err", err))
		return nil, err
	}
	return log.With("conn", id, "remote", l.remote.String(), "proxy", proxy), nil
}

func (l *Link) readProxyHeader() (proxyproto.Header, error) {
	now := time.Now()
	if err := l.setReadDeadline(now, now.Add(proxyTime)); err != nil {
		return proxyproto.Header{}, err
	}
	var b []byte
	for {
		h, _, err := proxyproto.Parse(b)
		switch err {
		case nil:
			return h, nil
		case proxyproto.ErrMore:
		default:
			return h, err
		}
		// The shortest header has as many octets as want is at first; behind it one
		// read for each octet is what it takes not to read the client's.
		want := max(1, len("PROXY UNKNOWN\r\n")-len(b))
		piece := make([]byte, want)
		n, err := l.tcp.Read(piece)
		if err != nil {
			return h, err
		}
		b = append(b, piece[:n]...)
	}
}

// remoteOf returns the address of a TCP peer.
func remoteOf(c net.Conn) netip.AddrPort {
	if tc, ok := c.(*tls.Conn); ok {
		c = tc.NetConn()
	}
	a, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return unmap(a.AddrPort())
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

package netserver

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/proxyproto"
)

func TestAcceptProxy(t *testing.T) {
	own := "192.0.2.1:49152" // memnet's
	tests := []struct {
		name, header string
		remote       string
	}{
		{"v1", "PROXY TCP4 198.51.100.7 192.0.2.25 4711 25\r\n", "198.51.100.7:4711"},
		{"v1, IPv4 as IPv6", "PROXY TCP6 ::ffff:198.51.100.7 ::1 4711 25\r\n", "198.51.100.7:4711"},
		{"v1 unknown", "PROXY UNKNOWN\r\n", own},
		{"v2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x19\x12\x67\x00\x19", "198.51.100.7:4711"},
		{"v2 local", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", own},
		{"v2 unix", "\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\x00", "invalid AddrPort"},
	}
	for _, tt := range tests {
		for _, chunk := range []int{0, 1} {
			t.Run(tt.name, func(t *testing.T) {
				peer, l := newLink(&stopwatch{read: -1, write: -1}, memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(chunk)}})
				io.WriteString(peer, tt.header+"EHLO")
				if err := l.AcceptProxy(); err != nil {
					t.Fatal(err)
				}
				if got := l.Remote().String(); got != tt.remote {
					t.Errorf("remote %s, want %s", got, tt.remote)
				}
				rest := make([]byte, 4)
				if _, err := io.ReadFull(l, rest); string(rest) != "EHLO" || err != nil {
					t.Errorf("behind the header came %q, %v", rest, err)
				}
			})
		}
	}
}

func TestAcceptProxyFails(t *testing.T) {
	t.Run("a client without header", func(t *testing.T) {
		peer, l := newLink(&stopwatch{read: -1, write: -1}, memnet.Options{})
		io.WriteString(peer, "EHLO client.example\r\n")
		if err := l.AcceptProxy(); err != proxyproto.ErrHeader {
			t.Errorf("got %v", err)
		}
		if _, err := io.ReadAll(peer); err != nil {
			t.Errorf("not closed: %v", err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, l := newLink(&stopwatch{read: -1, write: -1}, memnet.Options{})
			if err := l.AcceptProxy(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	})
}

// A link that is to stop does not wait for a header, whenever it was told.
func TestAcceptProxyStops(t *testing.T) {
	for _, before := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			_, l := newLink(&stopwatch{read: -1, write: -1}, memnet.Options{})
			if before {
				l.Stop()
			} else {
				time.AfterFunc(time.Second, l.Stop)
			}
			began := time.Now()
			if err := l.AcceptProxy(); !l.Stopped(err) || time.Since(began) > time.Second {
				t.Errorf("told before: %v: %v after %v", before, err, time.Since(began))
			}
		})
	}
}

func TestRemote(t *testing.T) {
	_, l := newLink(&stopwatch{}, memnet.Options{Client: netip.MustParseAddrPort("[::ffff:192.0.2.9]:1")})
	if got := l.Remote().String(); got != "192.0.2.9:1" {
		t.Errorf("remote %s", got)
	}
}

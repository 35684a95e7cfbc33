package smtpclient

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

// A yesConn is a connection to a server that says yes to everything and costs
// next to nothing, so that what is measured is the client.
type yesConn struct {
	net.Conn
	replies []byte
	writes  int
	content bool // DATA was said
}

func (c *yesConn) Write(p []byte) (int, error) {
	c.writes++
	switch {
	case c.content:
		if bytes.HasSuffix(p, []byte("\r\n.\r\n")) {
			c.content = false
			c.replies = append(c.replies, "250 2.0.0 OK\r\n"...)
		}
		return len(p), nil
	case bytes.HasPrefix(p, []byte("EHLO")):
		c.replies = append(c.replies, "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 SIZE\r\n"...)
		return len(p), nil
	}
	for line := range bytes.Lines(p) {
		switch {
		case bytes.HasPrefix(line, []byte("DATA")):
			c.content = true
			c.replies = append(c.replies, "354 go\r\n"...)
		case bytes.HasPrefix(line, []byte("BDAT")):
			c.replies = append(c.replies, "250 2.0.0 OK\r\n"...)
			return len(p), nil // its octets are no commands
		default:
			c.replies = append(c.replies, "250 2.1.0 OK\r\n"...)
		}
	}
	return len(p), nil
}

func (c *yesConn) Read(p []byte) (int, error) {
	n := copy(p, c.replies)
	c.replies = c.replies[:copy(c.replies, c.replies[n:])]
	return n, nil
}

func (c *yesConn) Close() error                     { return nil }
func (c *yesConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *yesConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *yesConn) SetDeadline(time.Time) error      { return nil }
func (c *yesConn) SetReadDeadline(time.Time) error  { return nil }
func (c *yesConn) SetWriteDeadline(time.Time) error { return nil }

func yesClient(t testing.TB, chunking bool) (*Client, *yesConn) {
	conn := &yesConn{replies: []byte("220 mx.example\r\n")}
	c, err := NewClient(context.Background(), conn, &Dialer{LocalName: "client.example", TLS: auth.TLSPolicy{Level: auth.TLSNever}, Chunking: chunking})
	if err != nil {
		t.Fatal(err)
	}
	return c, conn
}

var benchBody = strings.Repeat(strings.Repeat("x", 62)+"\r\n", 64) // 4 KiB

func BenchmarkSend(b *testing.B) {
	for _, bench := range []struct {
		name     string
		rcpts    int
		body     string
		chunking bool
	}{
		{"4KiB/rcpts=1", 1, benchBody, false},
		{"4KiB/rcpts=1/BDAT", 1, benchBody, true},
		{"4KiB/rcpts=20", 20, benchBody, false},
		{"1MiB/rcpts=1", 1, strings.Repeat(benchBody, 256), false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c, conn := yesClient(b, bench.chunking)
			to := make([]string, bench.rcpts)
			for i := range to {
				to[i] = "recipient@x.example"
			}
			e := smtp.NewEnvelope("sender@x.example", to...)
			body := strings.NewReader("")
			conn.writes = 0
			b.SetBytes(int64(len(bench.body)))
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(bench.body)
				if _, err := c.Send(context.Background(), e, body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(conn.writes)/float64(b.N), "writes/op")
		})
	}
}

package smtpserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
)

// RFC 2920, section 3.2: 100,000 commands in one burst have 100,000 replies, and
// take no more memory than one has.
func TestRFC2920_3_2_Flood(t *testing.T) {
	const commands = 100_000
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan error, 1)
	go func() { done <- (&Server{Handler: sink}).ServeConn(t.Context(), far) }()
	go func() {
		near.Write(bytes.Repeat([]byte("NOOP\r\n"), commands))
		io.WriteString(near, "QUIT\r\n")
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var count replyCounter
	if _, err := io.Copy(&count, near); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if count.ok != commands {
		t.Errorf("%d replies, want %d", count.ok, commands)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 && !raceDetector {
		t.Errorf("%d octets were allocated for %d commands", took, commands)
	}
}

// A replyCounter counts the replies of 250 that pass through it.
type replyCounter struct {
	ok   int
	tail []byte
}

func (c *replyCounter) Write(p []byte) (int, error) {
	c.tail = append(c.tail, p...)
	for {
		line, rest, found := bytes.Cut(c.tail, []byte("\r\n"))
		if !found {
			break
		}
		if bytes.HasPrefix(line, []byte("250 ")) {
			c.ok++
		}
		c.tail = append(c.tail[:0], rest...)
	}
	return len(p), nil
}

// A line that does not end takes no memory, and ends the session.
func TestEndlessLine(t *testing.T) {
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan error, 1)
	go func() { done <- (&Server{Handler: sink}).ServeConn(t.Context(), far) }()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		x := bytes.Repeat([]byte("x"), 32<<10)
		for range 100 { // 3.2 MiB, of which the server takes 1 MiB
			if _, err := near.Write(x); err != nil {
				return
			}
		}
	}()
	out, err := io.ReadAll(near)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	runtime.ReadMemStats(&after)
	if !bytes.HasSuffix(out, []byte("421 4.7.0 line without end\r\n")) {
		t.Errorf("got %q", out)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 && !raceDetector {
		t.Errorf("%d octets were allocated", took)
	}
}

// One megabyte without a line end, and then one: an error, and on we go.
func TestLongLine(t *testing.T) {
	c := dial(t, &Server{Handler: sink})
	go io.WriteString(c.conn, strings.Repeat("x", 1<<20-100)+"\r\nNOOP\r\n")
	c.want("500 5.5.2 line too long", "250")
}

// Message 6000 on a connection is as cheap as the first: nothing grows.
func TestManyMessages(t *testing.T) {
	c := dial(t, &Server{Handler: sink})
	c.send("EHLO x")
	c.want("250")
	var stats [2]runtime.MemStats
	runtime.ReadMemStats(&stats[0])
	const messages = 6000
	for range messages {
		c.send("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 6 LAST", "abcd")
		c.want("250", "250", "250")
	}
	runtime.ReadMemStats(&stats[1])
	// The client of this test allocates too.
	if per := (stats[1].TotalAlloc - stats[0].TotalAlloc) / messages; per > 4096 {
		t.Errorf("%d octets allocated per message", per)
	}
}

// A loader sends messages to a server as fast as it takes them and reads the
// replies, without allocating.
type loader struct {
	conn net.Conn
	r    smtp.Reader
}

func newLoader(tb testing.TB, srv *Server) *loader {
	near, far := memnet.Pipe(memnet.Options{})
	go srv.ServeConn(context.Background(), far)
	tb.Cleanup(func() { near.Close() })
	l := &loader{conn: near}
	l.r.Reset(near)
	l.lines(tb, 1)
	l.flight(tb, []byte("EHLO client.example\r\n"), 8)
	return l
}

// flight sends octets and reads so many lines.
func (l *loader) flight(tb testing.TB, octets []byte, lines int) {
	if _, err := l.conn.Write(octets); err != nil {
		tb.Fatal(err)
	}
	l.lines(tb, lines)
}

func (l *loader) lines(tb testing.TB, n int) {
	for range n {
		line, err := l.r.ReadLine(512)
		if err != nil || line[0] != '2' && line[0] != '3' {
			tb.Fatalf("%q, %v", line, err)
		}
	}
}

var (
	envelope = []byte("MAIL FROM:<sender@client.example>\r\nRCPT TO:<recipient@server.example>\r\nDATA\r\n")
	content4 = content(4 << 10)
	content1 = content(1 << 20)
)

// content returns about size octets of a message with the end of DATA.
func content(size int) []byte {
	c := []byte("Subject: fox\r\n\r\n")
	for len(c) < size {
		c = append(c, "The quick brown fox jumps over the lazy dog, and sleeps until noon.\r\n"...)
	}
	return append(c, ".\r\n"...)
}

// quietSink takes messages without a copy and without io.Copy's own memory.
var quietSink = HandlerFunc(func(_ context.Context, m *Message) error {
	_, err := m.WriteTo(io.Discard)
	return err
})

// The driver's own allocations for a message whose addresses are not new.
func TestMessageAllocs(t *testing.T) {
	l := newLoader(t, &Server{Handler: quietSink})
	got := testing.AllocsPerRun(200, func() {
		l.flight(t, envelope, 3)
		l.flight(t, content4, 1)
	})
	if got > 2 && !raceDetector {
		t.Errorf("%v allocations for a message, want 2: the Message and its To", got)
	}
}

func TestCommandAllocs(t *testing.T) {
	l := newLoader(t, &Server{Handler: quietSink})
	flight := bytes.Repeat([]byte("RSET\r\nNOOP\r\nMAIL FROM:<a@b.example>\r\n"), 10)
	got := testing.AllocsPerRun(200, func() { l.flight(t, flight, 30) })
	if got > 10 && !raceDetector {
		t.Errorf("%v allocations for 30 commands, want the Message of each MAIL", got)
	}
}

func BenchmarkMessage(b *testing.B) {
	for _, tt := range []struct {
		size    string
		content []byte
	}{{"4KiB", content4}, {"1MiB", content1}} {
		b.Run(tt.size, func(b *testing.B) {
			l := newLoader(b, &Server{Handler: quietSink})
			b.ReportAllocs()
			b.SetBytes(int64(len(tt.content)))
			for b.Loop() {
				l.flight(b, envelope, 3)
				l.flight(b, tt.content, 1)
			}
		})
	}
}

func BenchmarkNoop(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("pipelined=%d", n), func(b *testing.B) {
			l := newLoader(b, &Server{Handler: quietSink})
			flight := bytes.Repeat([]byte("NOOP\r\n"), n)
			b.ReportAllocs()
			for b.Loop() {
				l.flight(b, flight, n)
			}
		})
	}
}

package pop3server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// A loader asks a server for messages as fast as it gives them, without
// allocating.
type loader struct {
	conn net.Conn
	r    *pop3.Reader
}

func newLoader(tb testing.TB, messages ...string) *loader {
	near, far := memnet.Pipe(memnet.Options{})
	srv := openServer(pop3test.NewMemory(messages...))
	go srv.ServeConn(context.Background(), far)
	tb.Cleanup(func() { near.Close() })
	l := &loader{near, pop3.NewReader(near)}
	l.write(tb, []byte("USER mrose\r\nPASS tanstaaf\r\n"))
	l.lines(tb, 3)
	return l
}

func (l *loader) write(tb testing.TB, octets []byte) {
	if _, err := l.conn.Write(octets); err != nil {
		tb.Fatal(err)
	}
}

func (l *loader) lines(tb testing.TB, n int) {
	for range n {
		if line, err := l.r.ReadLine(512); err != nil || line[0] != '+' {
			tb.Fatalf("%q, %v", line, err)
		}
	}
}

func (l *loader) bodies(tb testing.TB, n int) {
	for range n {
		l.lines(tb, 1)
		if _, err := l.r.Body(0).WriteTo(io.Discard); err != nil {
			tb.Fatal(err)
		}
	}
}

func message(size int) string {
	const line = "The quick brown fox jumps over the lazy dog, and sleeps until it is noon.\r\n"
	return "Subject: fox\r\n\r\n" + string(bytes.Repeat([]byte(line), size/len(line)))
}

var (
	noop = []byte("NOOP\r\n")
	retr = []byte("RETR 1\r\n")
)

// The driver takes memory for the text "n octets", and for nothing else.
func TestRetrAllocs(t *testing.T) {
	l := newLoader(t, message(4<<10))
	batch := bytes.Repeat(retr, 10)
	got := testing.AllocsPerRun(100, func() {
		l.write(t, batch)
		l.bodies(t, 10)
	})
	// The store makes two for each message, the text of the reply is a third.
	// Under the race detector pools lose things on purpose.
	if got > 31 && !raceDetector {
		t.Errorf("%v allocations for 10 messages, want 30", got)
	}
}

func TestNoopAllocs(t *testing.T) {
	l := newLoader(t)
	batch := bytes.Repeat(noop, 50)
	got := testing.AllocsPerRun(200, func() {
		l.write(t, batch)
		l.lines(t, 50)
	})
	if got > 1 && !raceDetector {
		t.Errorf("%v allocations for 50 commands, want none", got)
	}
}

func BenchmarkRetr(b *testing.B) {
	for _, tt := range []struct {
		size, batch int
	}{{4 << 10, 1}, {4 << 10, 10}, {1 << 20, 1}} {
		b.Run(fmt.Sprintf("size=%d/pipelined=%d", tt.size, tt.batch), func(b *testing.B) {
			l := newLoader(b, message(tt.size))
			batch := bytes.Repeat(retr, tt.batch)
			b.SetBytes(int64(tt.size * tt.batch))
			b.ReportAllocs()
			for b.Loop() {
				l.write(b, batch)
				l.bodies(b, tt.batch)
			}
		})
	}
}

func BenchmarkNoop(b *testing.B) {
	for _, n := range []int{1, 50} {
		b.Run(fmt.Sprint("pipelined=", n), func(b *testing.B) {
			l := newLoader(b)
			batch := bytes.Repeat(noop, n)
			b.ReportAllocs()
			for b.Loop() {
				l.write(b, batch)
				l.lines(b, n)
			}
		})
	}
}

func BenchmarkSession(b *testing.B) {
	m := pop3test.NewMemory(message(4 << 10))
	srv := openServer(m)
	all := []byte("USER mrose\r\nPASS tanstaaf\r\nLIST\r\nRETR 1\r\nQUIT\r\n")
	b.ReportAllocs()
	for b.Loop() {
		near, far := memnet.Pipe(memnet.Options{})
		done := make(chan error, 1)
		go func() { done <- srv.ServeConn(context.Background(), far) }()
		near.Write(all)
		io.Copy(io.Discard, near)
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		near.Close()
	}
}

// BenchmarkIdle says what a connection costs that has logged in and waits: its
// goroutine, its buffers and the sockets of both ends.
func BenchmarkIdle(b *testing.B) {
	const conns = 1000
	for b.Loop() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		backend := each{}
		srv := openServer(backend)
		go srv.Serve(context.Background(), l)
		before := memoryInUse()
		clients := make([]net.Conn, conns)
		buf := make([]byte, 4096)
		for i := range clients {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			clients[i] = c
			for _, lines := range []string{"", "USER mrose\r\n", "PASS tanstaaf\r\n", "RETR 1\r\n"} {
				io.WriteString(c, lines)
				if n, err := c.Read(buf); n == 0 || err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(memoryInUse()-before)/conns, "B/conn")
		for _, c := range clients {
			c.Close()
		}
		srv.Shutdown(context.Background())
	}
}

// each is a backend that gives everybody a maildrop of his own.
type each struct{}

func (each) Open(ctx context.Context, id auth.Identity, c *pop3server.Conn) (pop3server.Maildrop, error) {
	return pop3test.NewMemory("Subject: x\r\n\r\nx\r\n").Open(ctx, id, c)
}

func memoryInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

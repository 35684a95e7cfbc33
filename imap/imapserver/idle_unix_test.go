//go:build unix

package imapserver_test

import (
	"bytes"
	"iter"
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// mostIdle is what a session without TLS may cost that waits with a mailbox of
// 1,000 messages selected: its goroutine and its buffers, the socket's half in Go
// included.
const mostIdle = 10 << 10

// Sessions that wait are cheap, whether their client polls or is inside IDLE.
func TestIdleMemory(t *testing.T) {
	if raceEnabled || runtime.GOARCH != "amd64" {
		t.Skip("frames have other sizes, and so have stacks")
	}
	for what, octets := range idleMemory(t, 200) {
		t.Logf("%s: %d octets a session", what, octets)
		if octets > mostIdle {
			t.Errorf("%s: %d octets a session, want at most %d", what, octets, mostIdle)
		}
	}
}

func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		for what, octets := range idleMemory(b, 500) {
			b.ReportMetric(float64(octets)/1024, "KiB/"+what)
		}
	}
}

// idleMemory gives what one of so many sessions costs. Only the first figures of
// a process are exact: the stacks that sessions leave behind are counted on.
func idleMemory(tb testing.TB, sessions int) iter.Seq2[string, int] {
	tb.Helper()
	srv := &imapserver.Server{
		Backend: benchStore(tb, 1000, 1<<10), Auth: testAuth(auth.CleartextAny), Conns: imapserver.Conns{PerUser: -1},
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go srv.Serve(l)
	to := &syscall.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	return func(yield func(string, int) bool) {
		defer srv.Close()
		list := []plainClient{dialPlain(tb, to)} // it finds what there is once for all
		defer func() { list[0].close() }()
		before := inUse()
		for range sessions {
			c := dialPlain(tb, to)
			defer c.close()
			list = append(list, c)
		}
		if !yield("selected", int(inUse()-before)/sessions) {
			return
		}
		for _, c := range list {
			c.exchange("i IDLE\r\n", "+ ")
		}
		yield("idling", int(inUse()-before)/sessions)
	}
}

// A plainClient is a client of which Go knows nothing, so that it takes no memory
// here.
type plainClient struct {
	tb testing.TB
	fd int
}

// dialPlain logs in and selects a mailbox.
func dialPlain(tb testing.TB, to syscall.Sockaddr) plainClient {
	tb.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Connect(fd, to)
	}
	if err != nil {
		tb.Fatal(err)
	}
	c := plainClient{tb, fd}
	c.exchange("x LOGIN u p\r\n", "x OK")
	c.exchange("y SELECT INBOX\r\n", "y OK")
	return c
}

// exchange sends a command and reads up to the answer.
func (c plainClient) exchange(command, answer string) {
	c.tb.Helper()
	if _, err := syscall.Write(c.fd, []byte(command)); err != nil {
		c.tb.Fatal(err)
	}
	room := make([]byte, 4<<10)
	for got := []byte(nil); !bytes.Contains(got, []byte(answer)); {
		n, err := syscall.Read(c.fd, room)
		if n <= 0 {
			c.tb.Fatalf("the session ended behind %q with %q, %v", command, got, err)
		}
		got = append(got, room[:n]...)
	}
}

func (c plainClient) close() { syscall.Close(c.fd) }

// inUse is what objects and stacks take. The collector runs often enough that pools
// are empty and stacks that are not needed any more have shrunk.
func inUse() uint64 {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

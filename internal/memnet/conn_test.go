package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
	"golang.org/x/net/nettest"
)

// TestNetConn runs the conformance suite of x/net for implementations of net.Conn.
func TestNetConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		client, server := memnet.Pipe(memnet.Options{})
		return client, server, func() { client.Close(); server.Close() }, nil
	})
}

func TestBothSidesWriteFirst(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{})
	sent := bytes.Repeat([]byte("x"), memnet.DefaultWindow)
	for _, c := range []*memnet.Conn{client, server} {
		if n, err := c.Write(sent); n != len(sent) || err != nil {
			t.Fatalf("Write into an empty window = %d, %v", n, err)
		}
	}
	for _, c := range []*memnet.Conn{client, server} {
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("octets changed on their way, or %v", err)
		}
	}
}

func TestWriteBlocksWhileTheWindowIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Window: 4}})
		written := false
		go func() {
			if n, err := client.Write([]byte("0123456789")); n != 10 || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
			written = true
		}()
		var got []byte
		for _, want := range []string{"0123", "4567"} {
			synctest.Wait()
			if written {
				t.Fatalf("Write returned before octet 6 was read; got %q", got)
			}
			got = append(got, readOnce(t, server, 64, want)...)
		}
		synctest.Wait()
		if !written {
			t.Error("Write still blocks with room in the window")
		}
		readOnce(t, server, 64, "89")
	})
}

func TestConcurrentWritesDoNotMix(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Window: 3}})
	var writers sync.WaitGroup
	for _, word := range []string{"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"} {
		writers.Go(func() { client.Write([]byte(word)) })
	}
	got := make([]byte, 30)
	if _, err := io.ReadFull(server, got); err != nil {
		t.Fatal(err)
	}
	writers.Wait()
	for word := range slices.Chunk(got, 10) {
		if bytes.Count(word, word[:1]) != 10 {
			t.Fatalf("writes are mixed: %q", got)
		}
	}
}

func TestClose(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{})
	client.Write([]byte("last words"))
	server.Write([]byte("never read"))
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	readOnce(t, server, 64, "last words")
	wantErr(t, "Read from a closed peer", io.EOF)(server.Read(make([]byte, 1)))
	wantErr(t, "Write to a closed peer", syscall.EPIPE)(server.Write([]byte("x")))
	wantErr(t, "Read after Close", net.ErrClosed)(client.Read(make([]byte, 1)))
	wantErr(t, "Write after Close", net.ErrClosed)(client.Write([]byte("x")))
	wantErr(t, "CloseWrite after Close", net.ErrClosed)(0, client.CloseWrite())
	wantErr(t, "second Close", net.ErrClosed)(0, client.Close())
	wantErr(t, "SetDeadline after Close", net.ErrClosed)(0, client.SetDeadline(time.Time{}))
}

func TestCloseWrite(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{})
	client.Write([]byte("QUIT\r\n"))
	client.CloseWrite()
	wantErr(t, "Write after CloseWrite", syscall.EPIPE)(client.Write([]byte("x")))
	readOnce(t, server, 64, "QUIT\r\n")
	wantErr(t, "Read after the peer's CloseWrite", io.EOF)(server.Read(make([]byte, 1)))
	if _, err := server.Write([]byte("221\r\n")); err != nil {
		t.Fatalf("the other direction: %v", err)
	}
	readOnce(t, client, 64, "221\r\n")
}

// TestBlockedCallsWake names everything that has to end a blocked call.
func TestBlockedCallsWake(t *testing.T) {
	read := func(c *memnet.Conn) error { _, err := c.Read(make([]byte, 1)); return err }
	write := func(c *memnet.Conn) error { _, err := c.Write(make([]byte, 2)); return err }
	past := time.Unix(1, 0)
	tests := []struct {
		name  string
		block func(*memnet.Conn) error
		wake  func(self, peer *memnet.Conn)
		want  error
	}{
		{"read, past deadline", read, func(c, _ *memnet.Conn) { c.SetDeadline(past) }, os.ErrDeadlineExceeded},
		{"read, deadline", read, func(c, _ *memnet.Conn) { c.SetReadDeadline(time.Now().Add(time.Hour)) }, os.ErrDeadlineExceeded},
		{"read, Close", read, func(c, _ *memnet.Conn) { c.Close() }, net.ErrClosed},
		{"read, peer closes", read, func(_, p *memnet.Conn) { p.Close() }, io.EOF},
		{"read, peer closes its half", read, func(_, p *memnet.Conn) { p.CloseWrite() }, io.EOF},
		{"read, cut", read, func(c, _ *memnet.Conn) { c.SetFault(memnet.CutAt(0)) }, io.EOF},
		{"read, failure", read, func(_, p *memnet.Conn) { p.SetFault(memnet.FailReadAt(0, io.ErrNoProgress)) }, io.ErrNoProgress},
		{"write, past deadline", write, func(c, _ *memnet.Conn) { c.SetDeadline(past) }, os.ErrDeadlineExceeded},
		{"write, deadline", write, func(c, _ *memnet.Conn) { c.SetWriteDeadline(time.Now().Add(time.Hour)) }, os.ErrDeadlineExceeded},
		{"write, Close", write, func(c, _ *memnet.Conn) { c.Close() }, net.ErrClosed},
		{"write, CloseWrite", write, func(c, _ *memnet.Conn) { c.CloseWrite() }, syscall.EPIPE},
		{"write, peer closes", write, func(_, p *memnet.Conn) { p.Close() }, syscall.EPIPE},
		{"write, cut", write, func(c, _ *memnet.Conn) { c.SetFault(memnet.CutAt(1)) }, syscall.EPIPE},
		{"write, failure", write, func(c, _ *memnet.Conn) { c.SetFault(memnet.FailWriteAt(1, io.ErrNoProgress)) }, io.ErrNoProgress},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				self, peer := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Window: 1}})
				returned := make(chan error, 2)
				for range 2 {
					go func() { returned <- tt.block(self) }()
				}
				synctest.Wait()
				if len(returned) != 0 {
					t.Fatalf("did not block: %v", <-returned)
				}
				tt.wake(self, peer)
				time.Sleep(time.Hour) // in the bubble: until the deadlines above
				synctest.Wait()
				if len(returned) != 2 {
					t.Fatalf("%d of 2 blocked calls woke", len(returned))
				}
				for range 2 {
					if got := <-returned; !errors.Is(got, tt.want) {
						t.Errorf("got %v, want %v", got, tt.want)
					}
				}
			})
		})
	}
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.Pipe(memnet.Options{})
		start := time.Now()
		server.SetReadDeadline(start.Add(time.Minute))
		server.SetReadDeadline(start.Add(5 * time.Minute)) // moved, so the first is void
		_, err := server.Read(make([]byte, 1))
		if got := time.Since(start); got != 5*time.Minute {
			t.Errorf("timed out after %v, want 5m", got)
		}
		if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
			t.Errorf("%v is not a time-out for net.Error", err)
		}

		client.Write([]byte("late"))
		wantErr(t, "Read after the deadline, with octets there", os.ErrDeadlineExceeded)(server.Read(make([]byte, 1)))
		if _, err := server.Write([]byte("x")); err != nil {
			t.Errorf("the read deadline stopped a Write: %v", err)
		}
		server.SetReadDeadline(time.Time{})
		readOnce(t, server, 64, "late")

		server.SetDeadline(time.Now().Add(time.Second))
		server.SetDeadline(time.Time{})
		client.Write([]byte("never"))
		time.Sleep(time.Hour)
		readOnce(t, server, 64, "never")
	})
}

func TestChunk(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(1, 3, 0)}})
	client.Write([]byte("abcdefghijkl"))
	for _, want := range []string{"a", "bcd", "efgh", "i", "jkl"} {
		readOnce(t, server, 4, want)
	}
}

func TestCut(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Fault: memnet.CutAt(6)}})
	server.Write([]byte("220 hi\r\n"))
	if n, err := client.Write([]byte("DATA\r\nbody")); n != 6 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write over the cut = %d, %v; want 6, EPIPE", n, err)
	}
	readOnce(t, server, 64, "DATA\r\n")
	wantErr(t, "reader behind the cut", io.EOF)(server.Read(make([]byte, 1)))
	wantErr(t, "write by the reader", syscall.EPIPE)(server.Write([]byte("x")))
	readOnce(t, client, 64, "220 hi\r\n")
	wantErr(t, "read by the writer", io.EOF)(client.Read(make([]byte, 1)))
}

func TestCutBeforeAnything(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{ToClient: memnet.Flow{Fault: memnet.CutAt(0)}})
	wantErr(t, "client", io.EOF)(client.Read(make([]byte, 1)))
	wantErr(t, "server", syscall.EPIPE)(server.Write([]byte("220\r\n")))
}

func TestFailRead(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Fault: memnet.FailReadAt(2, syscall.ECONNRESET)}})
	client.Write([]byte("abcd"))
	readOnce(t, server, 64, "ab")
	for range 2 {
		wantErr(t, "behind octet 2", syscall.ECONNRESET)(server.Read(make([]byte, 1)))
	}
	client.SetFault(memnet.Fault{})
	readOnce(t, server, 64, "cd")
}

func TestFailWrite(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Fault: memnet.FailWriteAt(2, syscall.ENOBUFS)}})
	if n, err := client.Write([]byte("abcd")); n != 2 || err != syscall.ENOBUFS {
		t.Errorf("Write = %d, %v; want 2, ENOBUFS", n, err)
	}
	client.SetFault(memnet.Fault{})
	client.Write([]byte("cd"))
	readOnce(t, server, 64, "abcd")
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Window: 4, Fault: memnet.StallAt(1)}})
		go func() {
			client.Write([]byte("abcdef"))
			client.CloseWrite()
		}()
		readOnce(t, server, 64, "a")
		server.SetReadDeadline(time.Now().Add(time.Second))
		wantErr(t, "Read in a stall", os.ErrDeadlineExceeded)(server.Read(make([]byte, 1)))
		if got := client.Sent().Octets; got != 5 {
			t.Errorf("%d octets were written, want 1 read and a window of 4", got)
		}
		server.SetReadDeadline(time.Time{})
		client.SetFault(memnet.Fault{})
		if got, err := io.ReadAll(server); string(got) != "bcdef" || err != nil {
			t.Errorf("after the stall: %q, %v", got, err)
		}
	})
}

func TestStallHoldsTheEndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Fault: memnet.StallAt(0)}})
		client.Close()
		server.SetReadDeadline(time.Now().Add(time.Second))
		wantErr(t, "Read in a stall", os.ErrDeadlineExceeded)(server.Read(make([]byte, 1)))
	})
}

func TestCounts(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{})
	server.Write([]byte("250 a\r\n250 b\r\n"))
	server.Write(nil)
	server.Write([]byte("x"))
	want := memnet.Count{Writes: 2, Octets: 15}
	if got := server.Sent(); got != want {
		t.Errorf("Sent = %+v, want %+v", got, want)
	}
	if got := client.Received(); got != want {
		t.Errorf("Received = %+v, want %+v", got, want)
	}
	if got := client.Sent(); got != (memnet.Count{}) {
		t.Errorf("the other direction counted %+v", got)
	}
}

func TestListener(t *testing.T) {
	ctx := context.Background()
	l := memnet.Listen(memnet.Options{Server: netip.MustParseAddrPort("[2001:db8::1]:465")})
	if got := l.Addr().String(); got != "[2001:db8::1]:465" {
		t.Errorf("Addr = %s", got)
	}
	var clients []net.Conn
	for _, from := range []string{"198.51.100.7:0", "198.51.100.8:1000"} {
		c, err := l.DialFrom(ctx, netip.MustParseAddrPort(from))
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	c, err := l.DialContext(ctx, "tcp", "mx.example.org:25")
	if err != nil {
		t.Fatal(err)
	}
	clients = append(clients, c)

	for i, want := range []string{"198.51.100.7:49152", "198.51.100.8:1000", "192.0.2.1:49153"} {
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := server.RemoteAddr().(*net.TCPAddr).AddrPort().String(); got != want {
			t.Errorf("accepted a connection from %s, want %s", got, want)
		}
		if got := clients[i].LocalAddr().String(); got != want {
			t.Errorf("dialled from %s, want %s", got, want)
		}
		server.Write([]byte(want))
		readOnce(t, clients[i], 64, want)
	}
}

func TestListenerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen(memnet.Options{})
		var accepted error
		go func() { _, accepted = l.Accept() }()
		synctest.Wait()
		l.Close()
		synctest.Wait()
		wantErr(t, "blocked Accept", net.ErrClosed)(0, accepted)
		_, err := l.Accept()
		wantErr(t, "later Accept", net.ErrClosed)(0, err)
		wantErr(t, "second Close", net.ErrClosed)(0, l.Close())
		c, err := l.Dial(t.Context())
		wantErr(t, "Dial", syscall.ECONNREFUSED)(0, err)
		if c != nil {
			t.Errorf("Dial returned %v with an error", c)
		}
	})
}

func TestListenerCloseClosesWhatNobodyAccepted(t *testing.T) {
	l := memnet.Listen(memnet.Options{})
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	wantErr(t, "Read", io.EOF)(c.Read(make([]byte, 1)))
}

func TestDialWithDoneContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := memnet.Listen(memnet.Options{}).Dial(ctx)
	wantErr(t, "Dial", context.Canceled)(0, err)
}

func TestNoAllocations(t *testing.T) {
	client, server := memnet.Pipe(memnet.Options{})
	line, buf := []byte("RCPT TO:<a@example.org>\r\n"), make([]byte, 64)
	got := testing.AllocsPerRun(1000, func() {
		server.SetReadDeadline(time.Now().Add(time.Minute))
		client.Write(line)
		server.Read(buf)
	})
	if got != 0 {
		t.Errorf("%v allocations for a deadline, a Write and a Read", got)
	}
}

// readOnce makes one Read of at most size octets.
func readOnce(t *testing.T, c net.Conn, size int, want string) []byte {
	t.Helper()
	buf := make([]byte, size)
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != want {
		t.Fatalf("Read = %q, %v; want %q", buf[:n], err, want)
	}
	return buf[:n]
}

// wantErr returns a function that takes the results of a call.
func wantErr(t *testing.T, call string, want error) func(int, error) {
	t.Helper()
	return func(n int, err error) {
		t.Helper()
		if n != 0 || !errors.Is(err, want) {
			t.Errorf("%s: %d, %v; want 0, %v", call, n, err, want)
		}
	}
}

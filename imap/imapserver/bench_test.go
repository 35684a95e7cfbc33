package imapserver_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
)

// benchMessage is a message of about n octets, with the usual header.
func benchMessage(n int) []byte {
	head := "Return-Path: <ann@example.org>\r\nReceived: from a.example by b.example with ESMTPS id 1;\r\n Mon, 7 Feb 2022 10:00:00 +0100\r\n" +
		"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>, carol@example.org\r\nCc: dave@example.org\r\nSubject: about the meeting\r\n" +
		"Date: Mon, 7 Feb 2022 10:00:00 +0100\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	tail := "\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello.</p>\r\n--b--\r\n"
	body := strings.Repeat("some text of this message\r\n", max(0, n-len(head)-len(tail))/27+1)
	return []byte(head + body + tail)
}

// loopback is a client over a socket that throws answers away.
type loopback struct {
	tb   testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func serveBench(tb testing.TB, store *imapmem.Store) string {
	tb.Helper()
	srv := &imapserver.Server{Backend: store, Auth: testAuth(auth.CleartextAny)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go srv.Serve(l)
	tb.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

func dialBench(tb testing.TB, addr string) *loopback {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	c := &loopback{tb, conn, bufio.NewReaderSize(conn, 64<<10)}
	c.r.ReadSlice('\n')
	c.do("x LOGIN u p\r\n")
	c.do("x SELECT INBOX\r\n")
	return c
}

// do sends commands whose last one has the tag x, and reads up to its answer.
func (c *loopback) do(octets string) (n int) {
	if _, err := io.WriteString(c.conn, octets); err != nil {
		c.tb.Fatal(err)
	}
	for {
		l, err := c.r.ReadSlice('\n')
		n += len(l)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			c.tb.Fatal(err)
		}
		if len(l) > 2 && l[0] == 'x' && l[1] == ' ' {
			if !bytes.HasPrefix(l, []byte("x OK")) {
				c.tb.Fatalf("%s: %s", octets, l)
			}
			return n
		}
	}
}

func benchStore(tb testing.TB, n, size int) *imapmem.Store {
	store := newStore(tb)
	msg := benchMessage(size)
	for range n {
		if _, err := store.Deliver("u", "INBOX", msg); err != nil {
			tb.Fatal(err)
		}
	}
	return store
}

func BenchmarkFetch(b *testing.B) {
	const n = 1000
	addr := serveBench(b, benchStore(b, n, 4<<10))
	for _, items := range []struct{ name, items string }{
		{"flags", "(FLAGS)"},
		{"uid+flags+size+date", "(UID FLAGS RFC822.SIZE INTERNALDATE)"},
		{"envelope", "(ENVELOPE)"},
		{"envelope+bodystructure", "(ENVELOPE BODYSTRUCTURE)"},
		{"body[]", "(BODY.PEEK[])"},
		{"body[]<0.10>", "(BODY.PEEK[]<0.10>)"},
		{"header.fields", "(BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])"},
		{"header", "(BODY.PEEK[HEADER])"},
		{"body[1]", "(BODY.PEEK[1])"},
	} {
		b.Run(fmt.Sprintf("%s/n=%d", items.name, n), func(b *testing.B) {
			c := dialBench(b, addr)
			b.ReportAllocs()
			for b.Loop() {
				b.SetBytes(int64(c.do("x FETCH 1:* " + items.items + "\r\n")))
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) {
	const n = 1000
	addr := serveBench(b, benchStore(b, n, 4<<10))
	for _, key := range []string{"UNSEEN", "SUBJECT meeting", "TEXT nowhere", "BODY text"} {
		b.Run(fmt.Sprintf("%s/n=%d", key, n), func(b *testing.B) {
			c := dialBench(b, addr)
			b.ReportAllocs()
			for b.Loop() {
				c.do("x SEARCH " + key + "\r\n")
			}
		})
	}
}

func BenchmarkCommand(b *testing.B) {
	store := benchStore(b, 1000, 1<<10)
	addr := serveBench(b, store)
	for _, command := range []string{"NOOP", "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)", "SELECT INBOX", "LIST \"\" *", "STORE 1:1000 +FLAGS.SILENT (\\Seen)"} {
		b.Run(command, func(b *testing.B) {
			c := dialBench(b, addr)
			b.ReportAllocs()
			for b.Loop() {
				c.do("x " + command + "\r\n")
			}
		})
	}
	b.Run("NOOP/pipelined=100", func(b *testing.B) {
		c := dialBench(b, addr)
		batch := strings.Repeat("y NOOP\r\n", 99) + "x NOOP\r\n"
		b.ReportAllocs()
		for b.Loop() {
			c.do(batch)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			addr := serveBench(b, newStore(b))
			c := dialBench(b, addr)
			c.do("x UNSELECT\r\n")
			msg := benchMessage(size)
			command := fmt.Sprintf("x APPEND INBOX {%d+}\r\n%s\r\n", len(msg), msg)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				c.do(command)
			}
		})
	}
}

// BenchmarkNotify is how long 1000 sessions inside IDLE wait for a message that
// another one appends.
func BenchmarkNotify(b *testing.B) {
	const idlers = 1000
	srv := newServer(newStore(b))
	srv.Conns.PerUser, srv.Conns.PerIP = -1, -1
	list := make([]*client, idlers)
	for i := range list {
		list[i] = login(b, srv)
		list[i].send("i IDLE\r\n")
		list[i].line()
	}
	a := dial(b, srv)
	a.ok("LOGIN u p")
	var worst time.Duration
	for b.Loop() {
		began := time.Now()
		a.exchange("a APPEND INBOX {8+}\r\nA: b\r\n\r\n\r\n")
		var wg sync.WaitGroup
		for _, c := range list {
			wg.Go(func() { c.line(); c.line() })
		}
		wg.Wait()
		worst = max(worst, time.Since(began))
		b.StopTimer()
		time.Sleep(60 * time.Millisecond) // news again leave at once
		b.StartTimer()
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

// A thousand rows leave in few writes.
func TestWrites(t *testing.T) {
	srv := newServer(benchStore(t, 1000, 100))
	near, far := memnet.Pipe(memnet.Options{})
	defer near.Close()
	counting := &countingConn{Conn: far}
	go srv.ServeConn(context.Background(), counting)
	c := &loopback{t, near, bufio.NewReaderSize(near, 64<<10)}
	c.r.ReadSlice('\n')
	c.do("x LOGIN u p\r\n")
	c.do("x SELECT INBOX\r\n")
	before := counting.writes
	c.do("x FETCH 1:* (FLAGS)\r\n")
	if n := counting.writes - before; n > 4 {
		t.Errorf("%d writes, want at most 4", n)
	}
	before = counting.writes
	c.do(strings.Repeat("y NOOP\r\n", 49) + "x NOOP\r\n")
	if n := counting.writes - before; n > 1 {
		t.Errorf("%d writes for a batch of NOOPs, want 1", n)
	}
	c.do("x COMPRESS DEFLATE\r\n")
	w, err := flate.NewWriter(near, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	c.conn, c.r = &deflated{near, w}, bufio.NewReaderSize(flate.NewReader(near), 64<<10)
	before = counting.writes
	c.do("x FETCH 1:* (FLAGS)\r\n")
	if n := counting.writes - before; n > 3 {
		t.Errorf("%d writes compressed, want at most 3", n)
	}
}

// deflated compresses what is written.
type deflated struct {
	net.Conn
	w *flate.Writer
}

func (d *deflated) Write(p []byte) (int, error) {
	d.w.Write(p)
	return len(p), d.w.Flush()
}

// What hot paths allocate, per message; the client allocates nothing.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 1000
	addr := serveBench(t, benchStore(t, n, 4<<10))
	tests := []struct {
		items string
		most  float64
	}{
		{"(FLAGS)", 0.1},
		{"(UID FLAGS RFC822.SIZE INTERNALDATE)", 0.1},
		{"(ENVELOPE BODYSTRUCTURE)", 0.1},
		{"(BODY.PEEK[])", 0.1},
		{"(BODY.PEEK[]<0.10>)", 0.1},
		{"(BODY.PEEK[HEADER.FIELDS (SUBJECT)])", 0.1},
	}
	for _, tt := range tests {
		c := dialBench(t, addr)
		command := "x FETCH 1:* " + tt.items + "\r\n"
		if got := testing.AllocsPerRun(5, func() { c.do(command) }) / n; got > tt.most {
			t.Errorf("%s: %.2f allocations per message, want at most %v", tt.items, got, tt.most)
		}
	}
}

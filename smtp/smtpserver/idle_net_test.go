package smtpserver

import (
	"context"
	"net"
	"runtime"
	"testing"
)

// BenchmarkIdle says what a connection costs that has taken a message and waits
// for the next: its goroutine, its buffers and the sockets of both ends.
func BenchmarkIdle(b *testing.B) {
	const conns = 1000
	for b.Loop() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		srv := &Server{Handler: quietSink}
		go srv.Serve(l)
		before := memoryInUse()
		clients := make([]net.Conn, conns)
		buf := make([]byte, 4096)
		for i := range clients {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			clients[i] = c
			for _, flight := range [][]byte{nil, []byte("HELO x\r\n"), envelope, content4} {
				c.Write(flight)
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

func memoryInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

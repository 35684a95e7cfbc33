package memnet_test

import (
	"io"
	"testing"

	"github.com/mailwire/mailwire/internal/memnet"
)

// BenchmarkExchange is a command and its reply, with a goroutine at each end.
func BenchmarkExchange(b *testing.B) {
	client, server := memnet.Pipe(memnet.Options{})
	go func() {
		io.Copy(server, server)
		server.Close()
	}()
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		client.Write(buf)
		client.Read(buf)
	}
	client.Close()
}

// BenchmarkStream is one side writing and the other reading.
func BenchmarkStream(b *testing.B) {
	client, server := memnet.Pipe(memnet.Options{})
	go func() {
		buf := make([]byte, 32<<10)
		for {
			if _, err := server.Read(buf); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		client.Write(buf)
	}
	client.Close()
}

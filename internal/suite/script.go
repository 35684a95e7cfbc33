package suite

import (
	"net"
	"testing"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

// Script plays the client of the transcripts that match a pattern against what
// serve makes of a connection in memory.
func Script(t testing.TB, pattern string, serve func(net.Conn)) {
	t.Helper()
	for _, s := range load(t, pattern) {
		client, server := memnet.Pipe(memnet.Options{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			serve(server)
		}()
		if err := s.PlayClient(client, nil); err != nil {
			t.Error(err)
		}
		client.Close()
		<-done
	}
}

// ScriptServer plays the server of a transcript, for one connection to the
// address of loopback that it returns. The test fails where the client leaves
// the script, and where it does not connect at all.
func ScriptServer(t testing.TB, file string) (addr string) {
	t.Helper()
	s := load(t, file)[0]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = s.PlayServer(c, nil)
			c.Close()
		}
		done <- err
	}()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// Seed adds what the client says in the transcripts that match a pattern to the
// corpus of a fuzz target that takes octets.
func Seed(f *testing.F, pattern string) {
	f.Helper()
	for _, s := range load(f, pattern) {
		f.Add(s.Octets(transcript.Client))
	}
}

func load(t testing.TB, pattern string) []*transcript.Script {
	t.Helper()
	scripts, err := transcript.Load(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return scripts
}

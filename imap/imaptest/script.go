package imaptest

import (
	"net"
	"os"
	"testing"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

// Script plays the client of a transcript against serve, in memory. The file
// has lines of the server, "S: * OK ...", and the client, "C: a NOOP", behind a first
// line that says which rule is shown; " ..." at an end stands for anything.
func Script(t *testing.T, file string, serve func(net.Conn)) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := transcript.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(far)
	}()
	if err := s.PlayClient(near, nil); err != nil {
		t.Error(err)
	}
	near.Close()
	<-done
}

package pop3server_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// serveOctets serves a client that sends these octets and closes.
func serveOctets(t *testing.T, octets []byte, chunk int) (answers []byte, m *pop3test.Memory) {
	m = pop3test.NewMemory(exampleMessages()...)
	near, far := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(chunk)}})
	done := make(chan error, 1)
	go func() { done <- openServer(m).ServeConn(context.Background(), far) }()
	go func() {
		near.Write(octets)
		near.CloseWrite()
	}()
	answers, err := io.ReadAll(near)
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	<-done
	return answers, m
}

// FuzzServeConn: whatever a client sends, and in whatever pieces, the same comes
// of it; what is opened is closed, and nothing is removed without QUIT.
func FuzzServeConn(f *testing.F) {
	transcript.Seed(f, transcript.Client, "../testdata/clear-*.txt")
	f.Add([]byte("USER mrose\r\nPASS tanstaaf\r\nDELE 1\r\nRETR 2\r\nQUIT\r\n"))
	f.Fuzz(func(t *testing.T, octets []byte) {
		answers, m := serveOctets(t, octets, 0)
		if again, _ := serveOctets(t, octets, 1); !bytes.Equal(answers, again) {
			t.Errorf("%q is answered with %q, octet by octet with %q", octets, answers, again)
		}
		if !bytes.HasSuffix(answers, []byte("\r\n")) || bytes.Contains(answers, []byte("\n\n")) {
			t.Errorf("%q is answered with %q", octets, answers)
		}
		calls := m.Calls()
		if calls.Open != calls.Close || calls.Commit > 1 {
			t.Errorf("%q: %+v", octets, calls)
		}
		quit := bytes.Contains(bytes.ToUpper(octets), []byte("QUIT"))
		if gone := len(m.Contents()) < 2; gone && (!quit || calls.Commit == 0) || !gone && !slices.Equal(m.Contents(), exampleMessages()) {
			t.Errorf("%q: left are %q, %+v", octets, m.Contents(), calls)
		}
	})
}

package smtptest

import (
	"net"
	"testing"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

// Script plays the client of a transcript against what serve makes of a
// connection in memory. The file is a dialogue, one line each:
//
//	# RFC 5321, section 4.1.4: MAIL needs EHLO.
//	S: 220 ...
//	C: MAIL FROM:<a@x.example>
//	S: 503 ...
//	C: QUIT
//	S: 221 ...
//	S: <closed>
//
// The first line says which rule is shown. "..." at the end of an expected line
// is any rest, and "S: ..." any lines up to the next one. "C~" and "S~" lines are
// raw octets as a Go string. Lines of the client with nothing between them leave
// in one write.
func Script(t *testing.T, file string, serve func(net.Conn)) {
	t.Helper()
	scripts, err := transcript.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
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

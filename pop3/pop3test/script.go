package pop3test

import (
	"net"
	"testing"

	"github.com/mailwire/mailwire/internal/suite"
)

// Script plays the client of a transcript against what serve makes of a
// connection in memory. The file is a dialogue, one line each:
//
//	# RFC 1939, section 5: there is no message 0.
//	S: +OK ...
//	C: USER mrose
//	S: +OK ...
//	C: PASS tanstaaf
//	S: +OK ...
//	C: RETR 0
//	S: -ERR ...
//
// The first line says which rule is shown. "..." at the end of an expected line
// is any rest, and "S: ..." any lines up to the next one. "C~" and "S~" lines are
// raw octets as a Go string. Lines of the client with nothing between them leave
// in one write.
//
// The file may be a pattern for several. What an [Outcome] has as its transcript
// can be kept as such a file, if it is about one connection.
func Script(t *testing.T, file string, serve func(net.Conn)) {
	t.Helper()
	suite.Script(t, file, serve)
}

// ScriptServer plays the server of a transcript for a client: it serves one
// connection to the address of loopback that it returns, without TLS. The test
// fails where the client leaves the script.
func ScriptServer(t testing.TB, file string) (addr string) {
	t.Helper()
	return suite.ScriptServer(t, file)
}

// Seed adds what the client says in the transcripts that match a pattern to the
// corpus of a fuzz target that takes octets.
func Seed(f *testing.F, pattern string) {
	f.Helper()
	suite.Seed(f, pattern)
}

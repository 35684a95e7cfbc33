// Package pop3test tests servers, clients and stores of POP3, whoever wrote them,
// against the RFCs.
//
// # A server
//
//	func TestMyServer(t *testing.T) {
//		pop3test.Run(t, &pop3test.Target{
//			Dial:  func(ctx context.Context) (net.Conn, error) { ... },
//			Login: &auth.Credentials{Username: "u", Password: "secret"},
//			Reset: func(ctx context.Context, messages []string) error { ... },
//			Known: map[string]string{"QUIT-5": "their bug 123"},
//		})
//	}
//
// Each [Case] names the rule that it is about, and how binding that is. It writes
// raw octets, and when it fails it shows the dialogue, what was wanted and what
// came. A case that needs what the server does not offer is skipped and tells
// so. [Cases] and [Case.Run] are the same suite without package testing.
//
// A case that fails for a reason that is understood is listed in [Target.Known].
// If it passes one day, that is a failure too: the list is then wrong.
//
// Each case says what [Harm] it does, and is kept to it where it sends. A server
// that people use is tested with [Target.Forbid]; the program examples/conform does
// so for any server.
//
// # A client
//
// [RunClient] is a server that does what servers are known to do, and worse, and
// looks at what a client makes of it.
//
// # A store
//
// [RunBackend] holds a store of package pop3server against its contract. [Memory]
// is one in memory, for tests of other things. [NewServer] serves on loopback,
// with TLS; [Script] and [ScriptServer] play a transcript, [Seed] fuzzes with it.
package pop3test

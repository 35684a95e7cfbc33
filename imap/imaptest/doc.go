// Package imaptest tests servers, clients and stores of IMAP, whoever wrote them,
// against the RFCs.
//
// # A server
//
//	func TestMyServer(t *testing.T) {
//		imaptest.Run(t, &imaptest.Target{
//			Dial:  func(ctx context.Context) (net.Conn, error) { ... },
//			Login: &auth.Credentials{Username: "u", Password: "secret"},
//			Known: map[string]string{"VIEW-6": "their bug 123"},
//		})
//	}
//
// Each [Case] names the rule that it is about, and how binding that is. It writes
// raw octets and reads answers with a reader of its own, so that nothing illegal
// is hidden on either side. When it fails it shows the dialogue, what was wanted
// and what came. A case that needs what the server does not offer is skipped and
// tells so. [Cases] and [Case.Run] are the same suite without package testing.
//
// Whatever a case is about, everything that the server says is checked: that it
// is grammatical, that no tag is answered that nobody used, and that EXISTS,
// EXPUNGE, VANISHED and FETCH fit to what was said before. Each case ends with a
// NOOP on all its connections.
//
// The account is for the suite alone: each case begins by deleting all that is
// in it.
//
// A case that fails for a reason that is understood is listed in [Target.Known].
// If it passes one day, that is a failure too: the list is then wrong.
//
// # A client
//
// [RunClient] is a server that does what servers are known to do, and worse, and
// looks at what a client makes of it: a [Client] says what it can be asked to do.
//
// # A store
//
// [RunBackend] holds a store of package imapserver against its contract.
// [NewServer] serves on loopback, with TLS; [Script] plays a transcript.
// [Play] is for fuzzing: any octets, one connection.
package imaptest

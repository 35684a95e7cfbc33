// Package smtptest tests SMTP, submission and LMTP: servers and clients of any
// make against the RFCs, and handlers of package smtpserver against its contract.
//
// # A server
//
//	func TestMyServer(t *testing.T) {
//		smtptest.Run(t, &smtptest.Target{
//			Dial: func(ctx context.Context) (net.Conn, error) { ... },
//			Good: []smtp.Path{u1, u2, u3},
//			Known: map[string]string{"DATA-54": "their bug 123"},
//		})
//	}
//
// Each [Case] names the rule that it is about, and how binding that is. It writes
// raw octets, so that nothing illegal is hidden behind a codec, and when it fails
// it shows the dialogue, what was wanted and what came. A case that needs what
// the server does not offer, or what the [Target] does not say, is skipped and
// tells so. [Cases] and [Case.Run] are the same suite without package testing.
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
// [RunClient] is a server that follows a script, and misbehaves in each way that
// a client has to withstand.
//
// # A handler
//
// [RunHandler] drives a handler of package smtpserver through sessions that end
// in every way. [Script] and [ScriptServer] play a transcript, [Seed] fuzzes with
// it. [NewServer] and [Pipe] are servers for tests of one's own, on loopback with
// TLS, and in memory.
package smtptest

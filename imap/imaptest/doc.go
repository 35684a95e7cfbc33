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
// The account is for the suite alone: cases begin by deleting all that is in it,
// as far as Target.Forbid lets them.
//
// A case that fails for a reason that is understood is listed in [Target.Known].
// If it passes one day, that is a failure too: the list is then wrong.
//
// Each case says what [Harm] it does, and is kept to it where it sends. A server
// that people use is tested with [Target.Forbid]; the program examples/conform does
// so for any server.
//
// The topics are FRM for framing and literals, AUT for states and logins, TLS, RO
// for what is read-only, VIEW for several sessions and their numbers, NUM for
// numbers and sets, FET for FETCH, CST for flags and mod-sequences, SRCH for SEARCH,
// MBX for mailboxes, IDL for IDLE and pipelines, ZIP for compression, UID for
// UIDPLUS and REV for what is of IMAP4rev2 alone. "VIEW-12b" is a second case about
// what VIEW-12 is about. [Harm] says which of them a server in use would feel, and
// [Target.Forbid] leaves those out.
//
// # A client
//
//	func TestMyClient(t *testing.T) {
//		imaptest.RunClient(t, &imaptest.Client{
//			Fetch: func(ctx context.Context, addr string) (map[uint32][]byte, error) { ... },
//			Move:  func(ctx context.Context, addr string, uid uint32, mailbox string) error { ... },
//		})
//	}
//
// [RunClient] is a server that does what servers are known to do, and worse, and
// looks at what a client makes of it. A [Client] is what the client can be asked to
// do, as far as it can: what is not there is skipped. Cases are subtests, named CLI,
// and AUT and TLS for the client's half of those. Where one fails it shows the
// dialogue.
//
// For a dialogue of one's own, [ScriptServer] plays the server's half of a transcript.
//
// # A store
//
// [RunBackend] holds a store of package imapserver against its contract.
// [NewServer] serves on loopback, with TLS; [Script] plays the client's half of a
// transcript. [Play] is for fuzzing: any octets, one connection.
package imaptest

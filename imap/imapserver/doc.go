// Package imapserver serves IMAP4rev1 and IMAP4rev2, with extensions, from a
// [Backend] that knows nothing of IMAP: it has UIDs and octets. Numbers, patterns,
// search keys, sections, structure and all that is said about a mailbox while
// others change it are evaluated here.
//
// # Terms
//
// A session is one connection. A handle is a [Mailbox] that a session has open.
// The view is what a session has been told of its mailbox, which is what the
// numbers of its client mean: package imapview. An [Index] is what was found out
// about a message when it came, and is stored beside it.
//
// # Layers
//
//	imap.Reader ── command, literal ──► imap.ServerSession ── Event ──► Conn.do
//	     ▲                                                                │
//	     │ source: output leaves before a read waits                      ▼
//	  socket ◄── output ◄── imap.Encoder ◄── rows ── imapview.View, Account, Mailbox
//
// One goroutine serves a connection, command after command. While it waits inside
// IDLE, whoever changes the mailbox hands the session to a flusher, which writes;
// so an idle session holds neither buffer nor second goroutine, and nobody who
// stores mail waits for a client.
//
// # Three ways to use it
//
// Set Backend and Auth of a [Server] and call Serve; imapmem is a Backend in
// memory, to try and to read. Implement [Account] and [Mailbox] over a store of
// your own: embed [BaseAccount] and [BaseMailbox], and say by Abilities what is
// real. Add an [Extension]: the grammar as an imap.Feature, and functions for its
// commands, items and keys.
//
// # Deviations
//
//   - ENABLE is accepted while a mailbox is selected; RFC 5161, section 3.1, has
//     clients send it before.
//   - Octets behind STARTTLS close the connection, where RFC 9051, section 6.2.1,
//     would have the server drop them or take them for the handshake: an attack
//     should show. Those behind COMPRESS too.
//   - SEARCH knows the charsets US-ASCII and UTF-8; both mean UTF-8.
//   - The key MODSEQ with the name of a flag is about its message: RFC 7162,
//     section 3.1.5, allows that.
//   - A client that deletes the mailbox which it has selected keeps an empty one;
//     others who have it selected are told BYE.
//   - Message octets are stored and counted as they come, also with bare LF.
//
// # Security
//
// Without TLS nothing is offered that shows a password, unless Auth.Cleartext
// says so. What a peer states is checked against imap.Limits before memory is
// taken, messages go through without being held, and octets refused as data are
// never run as commands. Credentials never reach the log, other text of peers
// only in quotes. A panic of the backend ends its session and no other.
package imapserver

// Package imapclient is a client of IMAP4rev1 and IMAP4rev2 over a connection:
// package imap says what may be said and what it means, this one does it.
//
//	d := imapclient.Dialer{Addr: "imap.example.org:993", Credentials: …}
//	c, err := d.Connect(ctx)
//	box, err := c.Select(ctx, "INBOX", nil)
//	for m, err := range c.Fetch(ctx, imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")) {
//		io.Copy(w, m.Body(""))
//	}
//
// # Three ways to use it
//
// The methods of a [Client] are the commands, typed. [Do] and [Start] send a
// [Command] that another package has written, whose grammar is an imap.Feature
// in Dialer.Features. [Client.Sync] and [Client.Events] are what most programs
// are made of: to get level with a mailbox, and to hear what happens to it.
//
// # Who reads
//
// There is no goroutine behind a Client. Whoever waits for an answer reads the
// connection for all: what belongs to others is put where they find it. So nothing
// is read that nobody waits for, a program that is slow slows the server down and
// not its own memory, and there is no goroutine to leak. (Only a command whose
// context ends while it waits for its turn leaves one behind, which reads on to the
// next answer.)
//
// A Client is safe for concurrent use. Commands are pipelined as far as their
// meaning cannot change by that (RFC 9051, section 5.5); others wait for their
// turn. Inside a loop over Fetch, List or Events every method may be called: what
// is left of a row whose body is still on the wire is put away first, in memory
// or in a temporary file, and can be read as before.
//
// # Contexts and errors
//
// A context that ends before its command was begun costs nothing. One that ends
// while the command is under way ends the connection, since nothing can take a
// command back; the exception is Events, which takes its leave. The server may be
// silent for Dialer.Timeout, however long the whole answer takes.
//
// A refusal is an *imap.StatusError, and the client goes on. After any other error
// of the connection every call returns that error; BYE is an *imap.StatusError
// whose Command is empty. [CapError] means that the server cannot do it, and that
// nothing was sent.
//
// # Deviations
//
//   - A MOVE that the server does not have is COPY, STORE and UID EXPUNGE of exactly
//     the messages that were copied; without UIDPLUS it is an error, and never a
//     plain EXPUNGE. RFC 6851, section 3.3.
//   - Messages by number of an empty mailbox are answered here: "1:*" would be BAD.
//   - Small mistakes of servers pass unless Dialer.Strict is set.
//
// # Security
//
// The zero Dialer demands verified TLS and sends no password without it. Nothing
// that was said before TLS counts behind it, and octets behind the answer to
// STARTTLS end the connection. Arguments cannot become syntax: what does not fit
// a quoted string is a literal. Lines, literals, rows that wait and everything
// else that a server can send is bounded: see imap.Limits, Dialer.SpoolLimit and
// Dialer.Drain.
package imapclient

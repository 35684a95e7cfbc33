// Package pop3server serves POP3 over the machine of package pop3: sockets, TLS,
// deadlines, goroutines and logging are here, and no rule of the protocol is.
// Where mail is kept is for a [Backend], who its owners are for
// [auth.Authenticator].
//
//	s := &pop3server.Server{Backend: store, Auth: &accounts, TLS: certs.Config()}
//	go s.Serve(ctx, plain)                         // port 110, with STLS
//	go s.Serve(ctx, tls.NewListener(secure, s.TLS)) // port 995
//
// # What a store must know
//
// One session at a time has a maildrop: [Backend].Open takes its lock, or
// refuses with the code IN-USE, and [Maildrop].Close gives it back, however the
// session ends. The messages of a session are those of its first moment; mail
// that comes later is seen by the next. Nothing may be removed but in
// Maildrop.Commit, which comes behind QUIT and never else. A unique-id names one
// message for ever. pop3test.RunBackend tests all of this.
//
// # Deadlines and limits
//
// [Timeouts], [Conns] and pop3.Limits have defaults that hold on the open
// internet. A session that waits too long is closed without a word, since
// a client would take whatever is said for the answer to its next command:
// RFC 1939, section 3. A client that is slow to take a message is closed when it
// takes less than 16 KiB in Timeouts.Write, or falls below Conns.MinRate.
//
// # Security
//
//   - Without TLS there is no login, unless Server.Cleartext and the Authenticator
//     both say otherwise. Octets behind STLS end the connection.
//   - Nothing is removed but by QUIT; a session that is cut off removes nothing.
//   - Errors of a store go to the log and never to the client; text of clients goes
//     there in quotes, and passwords not at all.
//   - A panic of the store ends its session and no other, and the lock is given back.
//
// A connection that waits takes about 7 KiB, the stack of its goroutine, its
// socket and its buffers included.
package pop3server

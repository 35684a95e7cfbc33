// Package smtpserver serves SMTP, submission and LMTP: it is the driver of
// [smtp.ServerSession]. Sockets, TLS, deadlines, goroutines and the log are here;
// the rules of the protocol are there, and this package uses nothing of package
// smtp that another driver could not.
//
// # Use
//
// A [Server] has a [Handler], which makes a [Session] for each connection: a
// struct of functions, one for each decision. The nil function is the safe
// answer, so that a Session without Rcpt relays for nobody. [SessionFunc] is a
// Handler that is one function, [HandlerFunc] that of a sink.
//
// A [Message] is one transaction, in all hooks from Mail to End. In Data it is
// read like a file, however the client sends it, and what Data returns is what
// the client is told. Data that returns nil has taken the message over: store it
// first, durably.
//
//   - A server for everyone: set Rcpt and Data.
//   - Submission: [smtp.Submission] and Server.Auth; [Conn.Identity] says who.
//   - LMTP: [smtp.LMTP] and [Message.SetRcpt], one result for each recipient.
//   - A proxy: hooks around one transaction of package smtpclient.
//   - One connection, of any kind: [Server.ServeConn].
//
// # Concurrency
//
// Each connection has one goroutine, in which all its hooks run, one at a time.
// Data runs in it too: Read itself carries on the dialogue between two chunks of
// BDAT. The server starts no other goroutine for a connection.
//
// # Security
//
//   - Only CRLF.CRLF ends content. A message with a bare CR or LF is refused at
//     its genuine end (Server.LineEnds); none of its octets is ever a command.
//   - Octets behind STARTTLS end the connection, as does a handshake that fails.
//   - Passwords are asked for under TLS only, unless the Authenticator says
//     otherwise. Lines of SASL are logged by length.
//   - Text of a peer reaches the log quoted, errors of a hook reach the log and
//     never the peer.
//   - Every wait has an end, and content a least rate: Timeouts, Conns.MinRate.
//     A waiting connection holds about 7 KiB with its goroutine.
//   - What Server.Auth delays, and for whom, is in package auth. This package
//     never sleeps to slow a peer down: it counts and closes.
//
// # Deviations
//
//   - A session that has lasted for Timeouts.Session ends between two
//     transactions, even if the client is not idle; a transaction that is open
//     then has as long again to come to its content.
//   - STARTTLS inside a transaction is refused with 503: RFC 3207 would have it
//     forget the transaction.
package smtpserver

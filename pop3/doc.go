// Package pop3 is the language of POP3 and the rules of its dialogue, without
// sockets: RFC 1939, with CAPA and response codes (RFC 2449, RFC 3206), STLS
// (RFC 2595), AUTH (RFC 5034) and UTF8 and LANG (RFC 6856).
//
// # Layers
//
//   - Wire: [ParseCommand], [AppendReply], [ParseScan], [Caps] and the like turn
//     octets into values and back; a [Reader] frames what comes; a [BodyWriter]
//     and a [Body] are the two ends of a multi-line answer.
//   - Session: [ServerSession] and [ClientSession] are the two halves of the
//     dialogue, as machines that do no I/O and read no clock.
//   - Drivers with sockets, time-outs and TLS are pop3server and pop3client, and
//     pop3test tests servers, clients and stores. They use nothing that is not
//     exported here, so a driver of your own can do all that they do.
//
// # Terms
//
// A maildrop is the messages that a session sees: a snapshot, numbered from 1 for
// this session only. A message that is deleted is marked, and gone only after
// QUIT. Its size is what [Size] says: octets with CRLF line ends. Its unique-id
// is what stays the same from session to session.
//
// # Three ways to use it
//
// As the vocabulary of pop3server and pop3client, whose users meet [Reply], [Reject],
// [Entry] and [Caps]. As a machine, for a driver, a proxy or a fuzzer of one's own:
// the example of [ServerSession] is a whole server in memory. As a codec: [Size],
// [BodyWriter] and [Body] are what stores and tools need of it.
//
// # Deviations
//
//   - RFC 1939, section 3 has an autologout timer of at least 10 minutes. The
//     server of this module holds to that once a client has logged in; a login
//     has to be done within 3 minutes, so that nobody can keep connections who has
//     no account.
//   - RFC 1939, section 7 lets two copies of one message share a unique-id. This
//     server does not serve such a maildrop, because clients that keep a list of
//     what they have would lose one; the client copes.
//   - RFC 1939, section 7 wants PASS immediately behind USER. Commands that do
//     not concern the login may stand between; whatever fails to log in makes
//     the server forget USER.
//   - RFC 1939, section 3 has arguments of at most 40 octets of printable ASCII:
//     RFC 2449, section 4 has lines of 255 instead, and RFC 6856, section 2.2
//     UTF-8 in names and passwords, which must then be valid.
//   - RFC 5034, section 4 knows AUTH only with an argument. Without one it lists
//     the mechanisms, for clients that ask in this way.
//   - RFC 2449, section 6.7 lets a server delete what was fetched where it announces
//     EXPIRE 0. This one deletes what DELE has marked and nothing else.
//
// # Security
//
//   - Only CRLF ends a command, and only CRLF.CRLF an answer. A line with a bare
//     CR or LF, or NUL, is refused whole; what is refused is never executed.
//   - Nothing is removed but by QUIT, with exactly the marks that the client saw
//     confirmed. A session that ends otherwise, for whatever reason, removes
//     nothing: RFC 1939, section 6.
//   - Behind STLS nothing is remembered of what came before, not even the stamp of
//     APOP. Octets in the clear behind STLS end the connection on both sides:
//     RFC 2595, section 4.
//   - Whatever text a store, a user or a server provides, a reply is one line, no
//     line of a body ends it, and nothing passes for a response code.
//   - APOP rests on MD5, and on passwords that the server stores readably. It is
//     off unless asked for; a client computes it over nothing but a stamp that
//     [ValidStamp] takes (CVE-2007-1558).
//   - [ServerSession.Secret] says which lines must not be logged; [Password] does
//     not print itself.
package pop3

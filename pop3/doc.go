// Package pop3 is the language of POP3 and the rules of its dialogue, without
// sockets: RFC 1939, with CAPA and response codes (RFC 2449, RFC 3206), STLS
// (RFC 2595), AUTH (RFC 5034) and UTF8 and LANG (RFC 6856).
//
// # Layers
//
//   - Wire: [ParseCommand], [AppendReply], [ParseScan], [Caps] and the like turn
//     octets into values and back; a [Reader] frames what comes, a [Body] and a
//     [BodyWriter] are the two sides of a multi-line answer.
//   - Session: [ServerSession] is the server's half of the dialogue as a machine.
//     It does no I/O and reads no clock.
//   - Drivers with sockets, time-outs and TLS live in the packages below this
//     one and use nothing that is not exported here.
package pop3

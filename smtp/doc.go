// Package smtp is the language of SMTP, Submission and LMTP, and the rules of
// their dialogue: RFC 5321, RFC 6409, RFC 2033 and the extensions that are in
// use. It is pure: it opens no connection, reads no clock, starts no goroutine
// and logs nothing, so a whole session can be tested, fuzzed and replayed in
// memory. The drivers are in smtpserver and smtpclient, and use nothing of this
// package that is not exported.
//
// # Terms
//
// The names are those of the RFCs. An [Envelope] is what travels beside a
// message: a reverse-path and recipients, each a [Path] with parameters
// ([MailOptions], [RcptOptions]). A [Command] has a [Verb]; what it draws is a
// [Reply], with an [EnhancedCode]. [Content] is the message itself, as octets.
// [Extensions] is what a server offers. A transaction is all from MAIL to the
// reply to the content. A [Reject] is a refusal that we give, a [ReplyError] one
// that we were given.
//
// # Layers
//
// The wire: functions between octets and values. ParseX takes octets without
// their CRLF, AppendX appends them; neither keeps what it is given. [Reader]
// frames lines, replies and content; Content and [Stuffer] are the two
// directions of the content of DATA, and take their octets in any pieces.
//
// The session: [ServerSession] and [ClientSession] know what is allowed when,
// what each reply means, and where the next command begins after something went
// wrong. They decide nothing that an application could want to decide, but ask
// for it.
//
// # Three ways to use it
//
// As a codec, for tools that look at mail traffic: [ParseCommand], [ParseMail],
// [ParseReply], [ParseExtensions] and their counterparts.
//
// As a machine, for a driver, a proxy or a fuzzer of one's own: Step gives a
// ServerSession a line and returns an [Event]; Settle takes the verdict and
// returns the reply to send.
//
//	switch e := s.Step(line).(type) {
//	case *smtp.RcptEvent:
//		reply = s.Settle(lookUp(e.To))
//	case *smtp.Refused:
//		reply = s.Settle(e.Reply)
//	...
//	}
//
// As the vocabulary of the drivers: handlers of smtpserver and callers of
// smtpclient meet this package's values and little else of it.
//
// # Deviations
//
// Where the text of an RFC is not followed to the letter:
//
//   - A space behind the colon of FROM: and TO: is accepted (RFC 5321, section
//     3.3 has none), since too many senders put one there.
//   - MAIL FROM:<postmaster> is accepted like the recipient of that name, and so
//     is one in quotes.
//   - The limit of 64 octets for a local part counts it unquoted. The path as a
//     whole keeps to its 256 octets as written, less a source route.
//   - An address literal of IPv4 has no leading zeros, and one of another kind
//     neither < nor >, which dcontent allows: software that looks for the first >
//     would take the rest for parameters.
//   - A source route is checked and dropped, never followed.
//   - Two spaces between the parameters of MAIL and RCPT, and tabs anywhere in a
//     command, are refused, as the grammar has it and few servers do.
//   - base64 has to be canonical: RFC 4648, section 3.5 leaves that open.
//   - Lines of text may have any length unless [Limits].TextLine says otherwise.
//     RFC 5321, section 4.5.3.1.6 lets a server refuse those over 1000 octets.
//   - Replies are ASCII, also to a VRFY that asks for UTF-8 by RFC 6531, section
//     3.7.4.2: each octet that is not becomes "?".
//   - RCPT answered positively is answered 250 or 251, DATA 354, AUTH 235, and so
//     on, whatever positive code the application gave.
//   - HELP, VRFY, EXPN, NOOP, RSET and unknown verbs are taken before EHLO.
//   - In LMTP a verdict of 421 to a recipient that is not the last is sent as
//     451, and the connection closes behind the replies to the others.
//   - The times of HOLDUNTIL and RRVS are kept in whole seconds of UTC.
//
// # Security
//
// Only CRLF.CRLF ends content, and only CRLF ends a line. A bare CR or LF in
// content is refused, made CRLF, or kept, as [LineEnds] says, but never starts a
// line; a Stuffer never sends one. So no message can be smuggled inside another,
// in or out.
//
// Octets that are refused as data are never read as commands: content that is
// too big is taken off the wire to its end, and the octets of a BDAT command are
// skipped whatever is wrong with it. Where their number cannot be known, the
// session ends.
//
// After STARTTLS nothing is known that was said before, and [Reader.Upgrade]
// refuses to go on if octets of the old connection are waiting.
//
// Every length that a peer states is checked before memory is taken, and the
// zero [Limits] are safe. Values that come from a peer hold no control
// characters, apart from the name in [HelloEvent] and the arguments in
// [QueryEvent] and [CommandEvent]: print those with %q. What is written cannot be
// read as anything else: a value with a CR, LF, NUL, space or > in the wrong
// place is an error, and nothing of it is appended. Replies are printable ASCII
// whatever text they are given.
//
// [ServerSession.Secret] says which lines hold credentials. The response in an
// [AuthEvent] is wiped when it is settled.
package smtp

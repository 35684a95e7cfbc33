// Package imap is the language of IMAP4rev1 and IMAP4rev2, and the rules of its
// dialogue, for both sides: RFC 9051, RFC 3501 and their extensions. It does no
// I/O, reads no clock and holds no connection; packages imapserver and
// imapclient are drivers of it, written with nothing but what is exported here.
//
// # Layers
//
// Octets and values: a [Reader] frames commands and responses with their
// literals, a [Parser] reads one of them, an [Encoder] prints. What they read
// and print is said in tables: a [Feature] is the grammar of one RFC as one
// value, and a [Grammar] is Features put together.
//
// Rules: a [ServerSession] takes commands and gives Events that ask for a
// verdict; a [ClientSession] says what may be sent, and what responses mean. Both
// are machines without I/O. What a session may tell of its mailbox, and when, is
// for package imapview, which Tell connects with the session.
//
// # Values
//
// Texts of headers stay octets ([Text]); nil is NIL and empty is "". Names of
// mailboxes are UTF-8 everywhere, with INBOX in that spelling; modified UTF-7
// exists on the wire alone. Sets of messages are runs ([NumSet]) and are never
// expanded. What was parsed may be kept, but for the fields whose comments say
// otherwise.
//
// # A driver of the server
//
// One goroutine reads, asks the backend and writes:
//
//	r := imap.NewReader(conn)
//	s := imap.ServerSession{Offer: …}
//	e.Reply(s.Greet(imap.Status{Text: "ready"}, false))
//	for s.State() != imap.Closed {
//		flush e, unless r.Buffered() > 0 // replies of a batch leave together
//		piece, err := r.Next(s.Bounds())
//		var ev imap.Event
//		if frame, ok := errors.AsType[*imap.FrameError](err); ok {
//			ev = s.BadLine(frame)
//		} else if err != nil {
//			return err // the connection; or e.Reply(s.Fail(reason)) for a timeout
//		} else if a := piece.Announce; a != nil {
//			v := s.Literal(a)
//			r.Decide(v)
//			if v.Do == imap.Inline && !a.NonSync {
//				write "+ go on" and flush
//			}
//			if v.Do != imap.Stream {
//				continue
//			}
//			ev = s.Step(a.Head)
//		} else {
//			ev = s.Step(piece.Command)
//		}
//		s.Configure(e)
//		handle(ev)
//	}
//
// where handle is a switch over the types of Event that ends in one of
//
//	view.Flush(s.Tell(), print); e.Reply(s.Settle(verdict)) // nearly all
//	e.Reply(s.Challenge(octets))                            // AuthEvent, AuthLine
//	return                                                  // AppendEvent, AppendPart: read r.Literal(), then Next
//
// Behind AppendEvent and AppendPart write "+ go on", if the literal is
// synchronising, in front of the first Read of r.Literal(): a backend that refuses
// before it reads spares the client the upload. To refuse early call r.Abandon,
// then Settle. An Answer is settled with its own Status, behind its Data. Behind
// an OK to STARTTLS flush, call r.Upgrade with the TLS connection (which
// refuses what was sent in cleartext behind the command), then TLSDone; COMPRESS
// likewise, with Compressed.
//
// # A driver of the client
//
// One goroutine reads; those that send hold a mutex over the session:
//
//	out, err := s.Send("UID FETCH", &imap.FetchArgs{…}) // ErrHold: wait for a Done, try again
//	for c := range out.Chunks() {
//		if c.Wait { flush, and wait for the Plus or the Done of out.Command.Tag }
//		c.WriteTo(w)
//	}
//
//	r := imap.NewReader(conn)
//	r.Responses = true
//	for {
//		piece, err := r.Next(s.Bounds())
//		var ev imap.ClientEvent
//		if frame, ok := errors.AsType[*imap.FrameError](err); ok && !frame.Fatal {
//			ev, err = s.BadLine(frame)
//		} else if err == nil && piece.Announce != nil {
//			v := s.Literal(piece.Announce)
//			r.Decide(v)
//			if v.Do != imap.Stream {
//				continue
//			}
//			ev, err = s.Step(piece.Announce.Head)
//		} else if err == nil {
//			ev, err = s.Step(piece.Command)
//		}
//		if err != nil {
//			return err
//		}
//		give ev to whom it concerns; of a FetchRow that is Open, read r.Literal() to its end
//	}
//
// # Deviations
//
//   - ENABLE is accepted while a mailbox is selected: clients must not send it
//     then, but servers need not check. RFC 5161, section 3.1.
//   - Octets behind STARTTLS or COMPRESS in the same packet end the connection.
//     RFC 9051, section 6.2.1, would feed them to the handshake: an attack
//     should show.
//   - A line that ends in LF alone is one, and gets BAD, so that a person at a
//     terminal has an answer.
//   - "n:*" with n above the number of messages contains the last one also where
//     numbers, not UIDs, are meant. RFC 9051, section 9, says it for UIDs.
//   - A name that cannot be a mailbox's is answered NO and not BAD, but in SELECT.
//   - What RFC 3501 has and RFC 9051 has no more (CHECK, LSUB, RECENT, RFC822) is
//     understood whatever is enabled.
//
// # Security
//
// Every size that a peer states is judged before memory is taken, and memory is
// taken as octets come. Octets that came as data are never read as commands,
// whatever was wrong with the command (RFC 7888, section 3). What a peer sent
// is in no text that we send. Nothing that was said before TLS counts behind it.
// Reader.Wipe, and Settle, overwrite passwords; ServerSession.Secret says which
// lines must not be logged.
package imap

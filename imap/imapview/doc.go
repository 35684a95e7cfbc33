// Package imapview is what one IMAP session knows of its selected mailbox: which
// message has which number, what has changed since the client was last told,
// and what may be told of it when.
//
// # Terms
//
// A message is announced once EXISTS has counted it, and stays announced until
// an EXPUNGE or VANISHED has told that it is gone. Numbers are about announced
// messages and nothing else: RFC 9051, section 2.3.1.2. So the numbers that a
// client sends mean what it was told, whatever other sessions have done since;
// and a message that was never announced does not exist for any command.
//
// # For a server: View
//
//	v := imapview.New(uids, next, imapview.Options{})
//	stop := mailbox.Watch(func(c imapview.Change) { lock; v.Push(c); unlock })
//	…
//	live, gone, err := v.Resolve(args.Ref)     // err: BAD
//	…                                          // work on live; gone: EXPUNGEISSUED
//	v.Rows(modSeq)                             // the greatest of the rows that were printed
//	if v.NeedsResync() { v.Resync(uids, next) } // the truth, from the store
//	v.Flush(session.Tell(), func(u imapview.Update) { print it })
//
// The session says when something may be told, the View what: Flush joins the
// two. Everything pending is coalesced and bounded: of flags the last state of
// each message counts, and a message that comes and goes unseen is never told
// of. A View takes memory by the runs of its UIDs, not by its messages.
//
// # For a client: Mirror
//
// A Mirror follows the numbers from the other end, as far as their UIDs are known.
//
// Neither is safe for concurrent use: the driver holds one mutex. Nothing here
// calls back but the function given to Flush, which must not use the View.
package imapview

package imapserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// What one session sees while others change its mailbox. The names are those of
// the conformance cases.
func TestScenes(t *testing.T) {
	scenes := []scene{
		{name: "VIEW-1, VIEW-3, VIEW-4: numbers are those that were told", script: `
			A STORE 1 +FLAGS (\Deleted)
			B NOOP
			A EXPUNGE
				* 1 EXPUNGE
				OK done
			B FETCH 2:4 UID
				* 2 FETCH (UID 2)
				* 3 FETCH (UID 3)
				* 4 FETCH (UID 4)
				OK done
			B STORE 3 +FLAGS (\Flagged)
				* 3 FETCH (FLAGS (\Flagged))
				OK done
			B SEARCH FLAGGED
				* SEARCH 3
				OK done
			B SEARCH UID 3
				* SEARCH 3
				OK done
			B NOOP
				* 1 EXPUNGE
				OK done
			B FETCH 2 (UID FLAGS)
				* 2 FETCH (UID 3 FLAGS (\Flagged))
				OK done
		`},
		{name: "VIEW-2: * is the last that was told", script: `
			B NOOP
			deliver m5
			B FETCH * UID
				* 4 FETCH (UID 4)
				* 5 EXISTS
				* 1 RECENT
				OK done
			A NOOP
		`},
		{name: "VIEW-5: a message not told of is not there", script: `
			B NOOP
			deliver m5
			B UID FETCH 5 FLAGS
				* 5 EXISTS
				* 1 RECENT
				OK done
			B UID FETCH 5 FLAGS
				* 5 FETCH (UID 5 FLAGS (\Recent))
				OK done
			A NOOP
		`},
		{name: "VIEW-6: a message expunged elsewhere", script: `
			A STORE 2 +FLAGS.SILENT (\Deleted)
			B NOOP
				* 2 FETCH (FLAGS (\Deleted))
				OK done
			A EXPUNGE
			B FETCH 1:3 UID
				* 1 FETCH (UID 1)
				* 3 FETCH (UID 3)
				OK [EXPUNGEISSUED] some are gone
			B NOOP
				* 2 EXPUNGE
				OK done
		`},
		{name: "VIEW-8, VIEW-9: several removals inside UID FETCH", script: `
			A STORE 1,3:4 +FLAGS.SILENT (\Deleted)
			B NOOP
				* 1 FETCH (FLAGS (\Deleted))
				* 3 FETCH (FLAGS (\Deleted))
				* 4 FETCH (FLAGS (\Deleted))
				OK done
			A EXPUNGE
			B UID FETCH 2 FLAGS
				* 2 FETCH (UID 2 FLAGS ())
				* 4 EXPUNGE
				* 3 EXPUNGE
				* 1 EXPUNGE
				OK done
		`},
		{name: "VIEW-10: MOVE tells COPYUID, then one EXPUNGE", script: `
			A CREATE x
			A MOVE 2 x
				* OK [COPYUID ...
				* 2 EXPUNGE
				OK done
			A MOVE 1 INBOX
				* OK [COPYUID ...
				* 1 EXPUNGE
				* 3 EXISTS
				* 3 RECENT
				OK done
			A UID SEARCH ALL
				* SEARCH 3 4 5
				OK done
			B NOOP
				* 2 EXPUNGE
				* 1 EXPUNGE
				* 3 EXISTS
				* 0 RECENT
				OK done
		`},
		{name: "VIEW-10 without MOVE of the store", mask: imapserver.HasMove, script: `
			A CREATE x
			A MOVE 2:3 x
				* OK [COPYUID ...
				* 3 EXPUNGE
				* 2 EXPUNGE
				OK done
			dump x
				1 [] 21
				2 [] 21
			dump INBOX
				1 [] 21
				4 [] 21
		`},
		{name: "a store that tells nothing is asked", mask: imapserver.HasWatch, script: `
			A NOOP
			deliver m5
			A NOOP
				* 5 EXISTS
				* 5 RECENT
				OK done
			B STORE 2 +FLAGS.SILENT (\Deleted)
			B EXPUNGE
			A FETCH 3 UID
				* 3 FETCH (UID 3)
				OK done
			A FETCH 2 UID
				OK [EXPUNGEISSUED] some are gone
			A NOOP
				* 2 EXPUNGE
				OK done
			A FETCH 2 UID
				* 2 FETCH (UID 3)
				OK done
		`},
		{name: "VIEW-13: one session sees a message as recent", script: `
			A NOOP
			B NOOP
			deliver m5
			B NOOP
				* 5 EXISTS
				* 1 RECENT
				OK done
			A NOOP
				* 5 EXISTS
				* 4 RECENT
				OK done
			B FETCH 5 FLAGS
				* 5 FETCH (FLAGS (\Recent))
				OK done
			A FETCH 5 FLAGS
				* 5 FETCH (FLAGS ())
				OK done
			B SEARCH RECENT
				* SEARCH 5
				OK done
			B SEARCH OLD
				* SEARCH 1 2 3 4
				OK done
		`},
		{name: "VIEW-15: own silent changes are not told, those of others are", script: `
			A STORE 1 +FLAGS.SILENT (\Flagged)
				OK done
			B NOOP
				* 1 FETCH (FLAGS (\Flagged))
				OK done
			A NOOP
				OK done
			B STORE 1 +FLAGS (\Seen)
				* 1 FETCH (FLAGS (\Flagged \Seen))
				OK done
			A STORE 2 +FLAGS.SILENT (\Seen)
				* 1 FETCH (FLAGS (\Flagged \Seen \Recent))
				OK done
		`},
		{name: "VIEW-16: COPY with one that is gone does nothing, STORE skips it", script: `
			A STORE 2 +FLAGS.SILENT (\Deleted)
			A EXPUNGE
			B CREATE x
				* 2 EXPUNGE
				OK done
			A STORE 3 +FLAGS.SILENT (\Deleted)
			A EXPUNGE
			B COPY 1:3 x
				* 3 EXPUNGE
				NO [EXPUNGEISSUED] some of the messages are gone
			dump x
				
			A STORE 2 +FLAGS.SILENT (\Deleted)
			A EXPUNGE
			B STORE 1:2 +FLAGS (\Seen)
				* 1 FETCH (FLAGS (\Seen))
				OK [EXPUNGEISSUED] some are gone
		`},
		{name: "VIEW-17: what comes and goes unseen has never been", script: `
			B ENABLE QRESYNC
			B SELECT INBOX
			deliver m5
			A NOOP
			A STORE 5 +FLAGS.SILENT (\Deleted)
			A EXPUNGE
			B NOOP
				OK done
		`},
		{name: "NUM-3, NUM-4, NUM-6, NUM-8", script: `
			A FETCH 10 FLAGS
				BAD no message has that number
			A STORE 10 FLAGS ()
				BAD no message has that number
			A COPY 4:10 INBOX
				BAD no message has that number
			A SEARCH RETURN (COUNT) 1000
				* ESEARCH (TAG "t6") COUNT 0
				OK done
			A UID COPY 77 INBOX
				OK done
			A UID MOVE 77 INBOX
				OK done
			A UID STORE 77 FLAGS (\Seen)
				OK done
			A UID EXPUNGE 77
				OK done
			A CREATE empty
			A SELECT empty
			A FETCH * FLAGS
				BAD no message has that number
			A UID FETCH * FLAGS
				OK done
			A UID FETCH 1:* FLAGS
				OK done
			A SEARCH *
				* SEARCH
				OK done
		`},
		{name: "NUM-9, NUM-10: the saved result", script: `
			A SEARCH RETURN (SAVE) 2:4
				OK done
			A FETCH $ UID
				* 2 FETCH (UID 2)
				* 3 FETCH (UID 3)
				* 4 FETCH (UID 4)
				OK done
			A STORE 3 +FLAGS.SILENT (\Deleted)
			A EXPUNGE
			A UID FETCH $ UID
				* 2 FETCH (UID 2)
				* 3 FETCH (UID 4)
				OK done
			A SEARCH RETURN (SAVE MIN) ALL
				* ESEARCH (TAG "t8") MIN 1
				OK done
			A SEARCH $
				* SEARCH 1
				OK done
			A SEARCH RETURN (SAVE BOGUS) ALL
				BAD ...
			A SEARCH $
				* SEARCH 1
				OK done
			A SEARCH RETURN (SAVE) CHARSET X ALL
				NO [BADCHARSET (US-ASCII UTF-8)] unknown charset
			A FETCH $ UID
				OK done
			A SEARCH RETURN (SAVE MIN MAX) ALL
				* ESEARCH (TAG "t14") MIN 1 MAX 3
				OK done
			A SEARCH $
				* SEARCH 1 3
				OK done
			A SELECT INBOX
			A SEARCH $
				* SEARCH
				OK done
		`},
		{name: "RO-1, RO-3: EXAMINE changes nothing", script: `
			A STORE 1 +FLAGS.SILENT (\Deleted)
			A EXAMINE INBOX
			A STORE 1 -FLAGS (\Deleted)
				NO mailbox is read-only
			A EXPUNGE
				NO mailbox is read-only
			A UID EXPUNGE 1
				NO mailbox is read-only
			A MOVE 1 INBOX
				NO mailbox is read-only
			A FETCH 2 BODY[TEXT]
				* 2 FETCH (BODY[TEXT] {6}"body\r\n")
				OK done
			A CLOSE
			dump INBOX
				1 [\Deleted] 21
				2 [] 21
				3 [] 21
				4 [] 21
		`},
		{name: "RO-2: EXAMINE does not take \\Recent away", script: `
			A NOOP
			deliver m5
			A CLOSE
			A EXAMINE INBOX
				* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
				* OK [PERMANENTFLAGS ()] flags that stay
				* 5 EXISTS
				* 1 RECENT
				...
				...
				...
				...
				OK [READ-ONLY] selected
			A SELECT INBOX
				* OK [CLOSED] previous mailbox is closed
				...
				...
				* 5 EXISTS
				* 1 RECENT
				...
				...
				...
				...
				OK [READ-WRITE] selected
			A SELECT INBOX
				...
				...
				...
				* 5 EXISTS
				* 0 RECENT
				...
				...
				...
				...
				OK [READ-WRITE] selected
		`},
		{name: "RO-4: UNSELECT keeps, CLOSE expunges in silence and others are told", script: `
			A STORE 1 +FLAGS.SILENT (\Deleted)
			B NOOP
				* 1 FETCH (FLAGS (\Deleted))
				OK done
			A UNSELECT
				OK closed
			A SELECT INBOX
			A CLOSE
				OK closed
			B NOOP
				* 1 EXPUNGE
				OK done
			A FETCH 1 FLAGS
				BAD select a mailbox first
		`},
		{name: "AUT-2: SELECT that fails leaves nothing selected", script: `
			A SELECT nope
				* OK [CLOSED] previous mailbox is closed
				NO [NONEXISTENT] no such mailbox
			A FETCH 1 FLAGS
				BAD select a mailbox first
		`},
		{name: "CST-3, CST-4: conditional STORE", script: `
			A FETCH 1 MODSEQ
				* 1 FETCH (MODSEQ (2))
				* OK [HIGHESTMODSEQ 5] highest mod-sequence
				OK done
			A STORE 1 FLAGS.SILENT (\Seen)
				* 1 FETCH (UID 1 MODSEQ (6))
				OK done
			A STORE 1 FLAGS.SILENT (\Seen)
				OK done
			A STORE 1:2 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\Flagged)
				* 2 FETCH (UID 2 MODSEQ (7))
				OK [MODIFIED 1] some had changed
			A UID STORE 1:2 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\Flagged)
				OK [MODIFIED 1:2] some had changed
			A FETCH 1:4 (MODSEQ)
				* 1 FETCH (MODSEQ (6))
				* 2 FETCH (MODSEQ (7))
				* 3 FETCH (MODSEQ (4))
				* 4 FETCH (MODSEQ (5))
				OK done
			A FETCH 1:4 (FLAGS) (CHANGEDSINCE 5)
				* 1 FETCH (FLAGS (\Seen \Recent) MODSEQ (6))
				* 2 FETCH (FLAGS (\Flagged \Recent) MODSEQ (7))
				OK done
			B STORE 4 +FLAGS (\Flagged)
				* 4 FETCH (FLAGS (\Flagged))
				* 1 FETCH (FLAGS (\Seen))
				* 2 FETCH (FLAGS (\Flagged))
				OK done
			A NOOP
				* 4 FETCH (UID 4 MODSEQ (8) FLAGS (\Flagged \Recent))
				OK done
		`},
		{name: "CST-6, CST-7, CST-8: QRESYNC", script: `
			A SELECT INBOX (QRESYNC (1 1))
				BAD ...
			A UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)
				BAD ...
			A ENABLE QRESYNC
				* ENABLED QRESYNC
				* OK [HIGHESTMODSEQ 5] highest mod-sequence
				OK ENABLE done
			A FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
				BAD ...
			A STORE 2 +FLAGS.SILENT (\Deleted)
				* 2 FETCH (UID 2 MODSEQ (6))
				OK done
			A EXPUNGE
				* VANISHED 2
				OK [HIGHESTMODSEQ 7] removed
			A FETCH 3 (BODY[]<0.1>)
				* 3 FETCH (BODY[]<0> {1}"S" FLAGS (\Seen \Recent) UID 4 MODSEQ (8))
				OK done
			A UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5 VANISHED)
				* VANISHED (EARLIER) 2
				* 3 FETCH (UID 4 FLAGS (\Seen \Recent) MODSEQ (8))
				OK done
			A SELECT INBOX (QRESYNC (1 5))
				* OK [CLOSED] previous mailbox is closed
				* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
				...
				* 3 EXISTS
				* 0 RECENT
				* OK [UNSEEN 1] first unseen message
				...
				* OK [UIDNEXT 5] next UID
				* OK [HIGHESTMODSEQ 8] highest mod-sequence
				OK [READ-WRITE] selected
			B NOOP
				* 2 EXPUNGE
				* 3 FETCH (FLAGS (\Seen))
				OK done
			B STORE 1 +FLAGS.SILENT (\Deleted)
			B CLOSE
			A FETCH 2 UID
				* 2 FETCH (UID 3)
				OK done
			A NOOP
				* VANISHED 1
				OK done
		`},
		{name: "MBX-4, VIEW-12: deleted under one's feet", script: `
			A CREATE x
			A COPY 1:2 x
			B SELECT x
			A SELECT x
			A DELETE x
				OK done
			A NOOP
				* 2 EXPUNGE
				* 1 EXPUNGE
				OK done
			A STORE 1 FLAGS ()
				BAD no message has that number
			A SELECT INBOX
			B NOOP
				OK done
		`},
		{name: "VIEW-12: renamed under one's feet", script: `
			A CREATE x
			A COPY 1:2 x
			B SELECT x
			A RENAME x y
			B STORE 1 +FLAGS (\Seen)
				* 1 FETCH (FLAGS (\Seen \Recent))
				OK done
			dump y
				1 [\Seen] 21
				2 [] 21
			A RENAME INBOX old
			A NOOP
				* 4 EXPUNGE
				* 3 EXPUNGE
				* 2 EXPUNGE
				* 1 EXPUNGE
				OK done
			dump old
				1 [] 21
				2 [] 21
				3 [] 21
				4 [] 21
		`},
		{name: "CST-2: keywords keep their first spelling, and are told before the row", script: `
			A STORE 1 +FLAGS (Work)
				* FLAGS (\Answered \Flagged \Deleted \Seen \Draft Work)
				* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft Work \*)] flags that stay
				* 1 FETCH (FLAGS (Work \Recent))
				OK done
			A STORE 2 +FLAGS (WORK)
				* 2 FETCH (FLAGS (Work \Recent))
				OK done
			A SEARCH KEYWORD work
				* SEARCH 1 2
				OK done
			B NOOP
				* FLAGS (\Answered \Flagged \Deleted \Seen \Draft Work)
				...
				* 1 FETCH (FLAGS (Work))
				* 2 FETCH (FLAGS (Work))
				OK done
		`},
		{name: "IMAP4rev2 switches the forms", script: `
			A ENABLE IMAP4rev2
				* ENABLED IMAP4rev2
				OK ENABLE done
			A SEARCH 1:3
				* ESEARCH (TAG "t4") ALL 1:3
				OK done
			A SELECT INBOX
				* OK [CLOSED] previous mailbox is closed
				...
				...
				* 4 EXISTS
				...
				...
				...
				* LIST () "/" INBOX
				OK [READ-WRITE] selected
		`},
	}
	for _, s := range scenes {
		t.Run(s.name, s.run)
	}
}

// VIEW-11: changes to a session that says nothing are coalesced, and bounded.
func TestSilentSession(t *testing.T) {
	store := newStore(t)
	for i := range 100 {
		deliver(t, store, fmt.Sprint("m", i))
	}
	srv := newServer(store)
	a, b := login(t, srv), login(t, srv)
	for i := range 3000 { // of 100 messages each: 300 000 changes
		sign := "+-"[i%2 : i%2+1]
		a.ok("STORE 1:* " + sign + "FLAGS.SILENT (\\Flagged)")
	}
	a.ok("STORE 1:* +FLAGS.SILENT (\\Seen)")
	rows := 0
	for _, l := range b.ok("NOOP") {
		if strings.Contains(l, "FETCH") {
			rows++
			if !strings.HasSuffix(l, `FETCH (FLAGS (\Seen))`) {
				t.Fatalf("row %q", l)
			}
		}
	}
	if rows != 100 {
		t.Errorf("%d rows, want one for each of 100 messages", rows)
	}
}

// VIEW-12: who has a mailbox selected that somebody deletes is told so at the
// next command, and at once inside IDLE.
func TestGone(t *testing.T) {
	for _, idle := range []bool{false, true} {
		t.Run(fmt.Sprint("idle=", idle), func(t *testing.T) {
			store := newStore(t)
			srv := newServer(store)
			a, b := login(t, srv), login(t, srv)
			a.ok("CREATE x")
			b.ok("SELECT x")
			if idle {
				b.send("i IDLE\r\n")
				b.line()
			}
			a.ok("DELETE x")
			if !idle {
				wantLines(t, "NOOP", b.cmd("NOOP"), []string{"OK done"})
			}
			if got := b.line(); !matches(got, "* BYE [NONEXISTENT] ...") {
				t.Errorf("got %q", got)
			}
			if err := <-b.done; err == nil {
				t.Error("the session ended as after LOGOUT")
			}
		})
	}
}

// Abilities that an account lacks are not offered.
func TestAbilities(t *testing.T) {
	store := newStore(t)
	store.Mask(imapserver.HasModSeq | imapserver.HasSpecialUse)
	c := dial(t, newServer(store))
	c.ok("LOGIN u p")
	caps := c.ok("CAPABILITY")[0]
	for _, no := range []imap.Cap{imap.CapCondstore, imap.CapQResync, imap.CapCreateSpecialUse} {
		if strings.Contains(caps, string(no)) {
			t.Errorf("%s is offered: %s", no, caps)
		}
	}
	c.ok("SELECT INBOX")
	if got := c.cmd("FETCH 1 MODSEQ"); !matches(got[0], "BAD...") {
		t.Errorf("FETCH MODSEQ: %q", got)
	}
}

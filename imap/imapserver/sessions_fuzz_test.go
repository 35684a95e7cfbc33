package imapserver_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapmem"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// An observer is a session with a naive idea of its mailbox: the UIDs of the
// messages in a slice, 0 where it does not know, changed by what it is told and
// by nothing else.
type observer struct {
	*client
	uids  []imap.UID
	flags map[imap.UID]string // as last told
	idle  bool
	qsync bool
}

func (o *observer) fail(format string, args ...any) {
	o.tb.Helper()
	o.tb.Fatalf("%s; it knows of %v", fmt.Sprintf(format, args...), o.uids)
}

// told applies an untagged line. expunge says whether one may come now.
func (o *observer) told(l string, expunge bool) {
	o.tb.Helper()
	f := strings.Fields(l)
	switch {
	case len(f) < 3 || f[0] != "*":
	case f[2] == "EXISTS":
		n, _ := strconv.Atoi(f[1])
		if n < len(o.uids) {
			o.fail("EXISTS fell to %d", n)
		}
		o.uids = append(o.uids, make([]imap.UID, n-len(o.uids))...)
	case f[2] == "EXPUNGE":
		n, _ := strconv.Atoi(f[1])
		if !expunge || n < 1 || n > len(o.uids) || o.qsync {
			o.fail("%q", l)
		}
		o.uids = slices.Delete(o.uids, n-1, n)
	case f[1] == "VANISHED" && f[2] != "(EARLIER)":
		set, err := imap.ParseNumSet[imap.UID]([]byte(f[2]))
		if err != nil || !expunge || !o.qsync {
			o.fail("%q", l)
		}
		for u := range set.All() {
			i := o.place(u)
			if i < 0 {
				o.fail("%q names %d", l, u)
			}
			o.uids = slices.Delete(o.uids, i, i+1)
		}
	case f[2] == "FETCH":
		o.row(l, f[1])
	}
}

// place returns where a message is: one that is not known by its UID is where the
// order of UIDs allows it.
func (o *observer) place(u imap.UID) int {
	if i := slices.Index(o.uids, u); i >= 0 {
		return i
	}
	for i, known := range o.uids {
		if known > u {
			return -1
		}
		if known == 0 && !slices.ContainsFunc(o.uids[i:], func(v imap.UID) bool { return v != 0 && v < u }) {
			return i
		}
	}
	return -1
}

// row learns from a row what it says, if it does not contradict what is known.
func (o *observer) row(l, number string) {
	o.tb.Helper()
	n, _ := strconv.Atoi(number)
	if n < 1 || n > len(o.uids) {
		o.fail("%q", l)
	}
	if _, rest, ok := strings.Cut(l, "UID "); ok {
		end := strings.IndexAny(rest, " )")
		u, _ := strconv.Atoi(rest[:end])
		if known := o.uids[n-1]; known != 0 && known != imap.UID(u) {
			o.fail("%q, but %d has the UID %d", l, n, known)
		}
		o.uids[n-1] = imap.UID(u)
	}
	if _, rest, ok := strings.Cut(l, "FLAGS ("); ok && o.uids[n-1] != 0 {
		flags := strings.Fields(rest[:strings.IndexByte(rest, ')')])
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == `\Recent` })
		slices.Sort(flags)
		o.flags[o.uids[n-1]] = fmt.Sprint(flags)
	}
}

// ask sends a command and applies its answer.
func (o *observer) ask(command string) {
	o.tb.Helper()
	if o.idle {
		o.send("DONE\r\n")
		o.apply(o.answer("i"), true)
		o.idle = false
	}
	verb, _, _ := strings.Cut(command, " ")
	o.apply(o.cmd(command), !slices.Contains([]string{"FETCH", "STORE", "SEARCH"}, verb))
}

func (o *observer) apply(lines []string, expunge bool) {
	o.tb.Helper()
	for _, l := range lines {
		o.told(l, expunge)
	}
}

func (o *observer) selectInbox(command string) {
	o.tb.Helper()
	o.uids, o.flags = nil, make(map[imap.UID]string)
	o.ask(command)
	o.ask("FETCH 1:* (UID FLAGS)")
}

// check compares what it knows with the store, behind a NOOP.
func (o *observer) check(store *imapmem.Store) {
	o.tb.Helper()
	o.ask("NOOP")
	var knows strings.Builder
	if slices.Contains(o.uids, 0) {
		o.ask("FETCH 1:* (UID FLAGS)")
	}
	for _, u := range o.uids {
		fmt.Fprintf(&knows, "%d %s\n", u, o.flags[u])
	}
	var has strings.Builder
	for l := range strings.Lines(store.Dump("u", "INBOX")) {
		has.WriteString(l[:strings.LastIndexByte(l, ' ')] + "\n")
	}
	if knows.String() != has.String() {
		o.fail("it knows\n%s but there is\n%s", knows.String(), has.String())
	}
}

// FuzzSessions lets three sessions change one mailbox, an opcode at a time. What
// each is told is always possible, and right in the end.
func FuzzSessions(f *testing.F) {
	f.Add([]byte("\x00\x10\x21\x32\x43\x54\x65\x76\x87\x98\xa9\xba\xcb\xdc\xed\xfe"))
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz0123456789"))
	f.Add([]byte{0x42, 1, 0x72, 1, 0x80, 3, 0x00, 1, 0x42, 2, 0x72, 0, 0x10, 3})
	f.Fuzz(func(t *testing.T, ops []byte) {
		store := newStore(t)
		for range 3 {
			deliver(t, store, "start")
		}
		if len(ops)%3 == 1 {
			store.Mask(imapserver.HasMove)
		}
		srv := newServer(store)
		var all [3]*observer
		for i := range all {
			o := &observer{client: dial(t, srv)}
			o.ok("LOGIN u p")
			if i == 2 {
				o.ok("ENABLE QRESYNC")
				o.qsync = true
			}
			o.selectInbox("SELECT INBOX")
			all[i] = o
		}
		for len(ops) >= 2 && len(ops) < 400 {
			all[int(ops[0])%3].act(store, ops[0]>>4, ops[1])
			ops = ops[2:]
		}
		for _, o := range all {
			o.check(store)
			o.conn.Close()
		}
		for _, o := range all {
			<-o.done
		}
	})
}

// act does one of the things that a session can do.
func (o *observer) act(store *imapmem.Store, what, arg byte) {
	o.tb.Helper()
	n := int(arg)%max(1, len(o.uids)) + 1
	m := max(1, min(len(o.uids), n+int(arg)%3))
	flag := []string{`\Seen`, `\Deleted`, `\Flagged`, "kw"}[arg%4]
	switch what {
	case 0:
		o.ask("NOOP")
	case 1:
		deliver(o.tb, store, "new")
	case 2:
		o.ask(fmt.Sprintf("STORE %d:%d +FLAGS.SILENT (%s)", n, m, flag))
		o.ask("NOOP")
		o.ask("FETCH 1:* (UID FLAGS)")
	case 3:
		o.ask(fmt.Sprintf("STORE %d:%d -FLAGS (%s)", n, m, flag))
	case 4:
		o.ask(fmt.Sprintf("UID STORE %d +FLAGS (%s)", arg, flag))
	case 5:
		o.ask(fmt.Sprintf("FETCH %d:* (UID FLAGS)", n))
	case 6:
		o.ask("UID FETCH 1:* (FLAGS)")
	case 7:
		o.ask("EXPUNGE")
	case 8:
		o.ask("SEARCH " + []string{"SEEN", "DELETED", "FLAGGED", "KEYWORD kw"}[arg%4])
	case 9:
		o.ask(fmt.Sprintf("COPY %d:%d INBOX", n, m))
	case 10:
		o.ask(fmt.Sprintf("MOVE %d INBOX", n))
	case 11:
		if !o.idle {
			o.send("i IDLE\r\n")
			o.apply(o.untilPlus(), true)
			o.idle = true
		}
	case 12:
		o.ask("CLOSE")
		o.selectInbox("SELECT INBOX")
	case 13:
		o.ask(fmt.Sprintf("UID EXPUNGE %d", arg))
	case 14:
		o.ask(fmt.Sprintf("FETCH %d BODY[TEXT]", n))
		o.ask("FETCH 1:* (UID FLAGS)")
	case 15:
		o.ask("APPEND INBOX {3+}\r\na: ")
	}
}

// untilPlus reads up to the continuation of IDLE.
func (o *observer) untilPlus() (out []string) {
	o.tb.Helper()
	for {
		l := o.line()
		out = append(out, l)
		if strings.HasPrefix(l, "+") || strings.HasPrefix(l, "i ") {
			return out
		}
	}
}

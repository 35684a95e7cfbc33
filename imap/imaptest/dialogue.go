package imaptest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
)

// A dialogue is what a case has with the server, over any number of sessions.
// The first thing that goes wrong is kept in err, and from then on nothing more
// is said: cases need not look.
type dialogue struct {
	ctx      context.Context
	target   *Target
	log      suite.Log
	guard    suite.Guard
	err      error
	skipped  string // why the case says nothing about this server
	sessions []*session
	setup    *session // that makes what a case finds
	foreign  []string // names of mailboxes that are not for the suite
	boxes    int
	slow     int // how many times the patience an answer may take; 0: 1
}

func newDialogue(ctx context.Context, t *Target, allowed Harm) *dialogue {
	d := &dialogue{ctx: ctx, target: t, guard: suite.Guard{Allowed: allowed}}
	if l := t.Login; l != nil {
		for _, secret := range []string{string(l.Password), quote(string(l.Password)), plain(l)} {
			d.log.Hide(secret)
		}
	}
	return d
}

func (d *dialogue) close() {
	for _, s := range d.sessions {
		s.conn.Close()
	}
}

func (d *dialogue) fail(format string, args ...any) {
	if !d.over() {
		d.err = d.log.Error(format, args...)
	}
}

func (d *dialogue) skip(format string, args ...any) {
	if d.skipped == "" {
		d.skipped = fmt.Sprintf(format, args...)
	}
}

func (d *dialogue) over() bool { return d.err != nil || d.skipped != "" }

func (d *dialogue) deadline() time.Time {
	return time.Now().Add(cmp.Or(d.target.Patience, 10*time.Second) * time.Duration(max(1, d.slow)))
}

// connect makes a connection and reads the greeting.
func (d *dialogue) connect(name string) *session {
	closed, _ := net.Pipe() // for cases that go on without looking
	closed.Close()
	s := &session{d: d, name: name, ended: true, conn: closed}
	if err := d.guard.Dial(); err != nil {
		d.fail("%w", err)
	}
	if d.over() {
		return s
	}
	c, err := d.target.Dial(d.ctx)
	if err != nil {
		d.fail("dialling: %w", err)
		return s
	}
	d.log.Between(name)
	_, s.tls = c.(*tls.Conn)
	s.conn, s.r, s.w, s.ended = c, c, c, false
	d.sessions = append(d.sessions, s)
	s.greeting = s.read()
	switch g := s.greeting; {
	case d.over():
	case g == nil:
		s.fail("no greeting")
	case g.tag != "*" || g.name != "OK":
		s.fail("the greeting is %s %s", g.tag, g.name)
	}
	return s
}

// open makes a session that is logged in.
func (d *dialogue) open(name string) *session {
	s := d.connect(name)
	s.login()
	return s
}

// selected makes a session that has a mailbox selected.
func (d *dialogue) selected(name, mailbox string) *session {
	s := d.open(name)
	s.ok("SELECT " + quote(mailbox))
	return s
}

// prepare looks at what a case needs, and empties what it may.
func (d *dialogue) prepare(needs []string) {
	s := d.connect("S")
	if slices.Contains(needs, "clear") && s.tls {
		d.skip("not for connections that begin with TLS")
	}
	d.setup = s
	isCapability := func(need string) bool { return need == strings.ToUpper(need) }
	if d.target.Login == nil && !slices.ContainsFunc(needs, isCapability) && d.guard.Allowed&(Changes|Empties) == 0 {
		return // there may be something to see before login
	}
	s.login()
	for _, need := range needs {
		if isCapability(need) && !d.over() && !s.offers(need) {
			d.skip("the server does not offer %s", need)
		}
	}
	if d.guard.Allowed&(Changes|Empties) != 0 {
		d.deleteMailboxes()
	}
	if d.guard.Allowed&Empties != 0 {
		d.empty()
	}
	if !d.over() {
		d.log.Reset()
	}
}

// deleteMailboxes deletes all mailboxes that the case may delete.
func (d *dialogue) deleteMailboxes() {
	s := d.setup
	ours := func(name string) bool {
		return d.guard.Allowed&Empties != 0 || strings.HasPrefix(name, d.target.Prefix)
	}
	var names []string
	for _, r := range s.ok(`LIST "" "*"`).all("LIST") {
		if len(r.args) < 3 {
			s.fail("a LIST row of %d values", len(r.args))
			return
		}
		switch name := r.args[2].text; {
		case strings.EqualFold(name, "INBOX"):
		case ours(name):
			names = append(names, name)
		default:
			d.foreign = append(d.foreign, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, name := range names {
		s.cmd("DELETE " + lit(name)) // some of them are no mailboxes
	}
	for _, r := range s.ok(`LSUB "" "*"`).all("LSUB") {
		if len(r.args) == 3 && ours(r.args[2].text) {
			s.cmd("UNSUBSCRIBE " + lit(r.args[2].text))
		}
	}
}

// empty deletes all mail in INBOX.
func (d *dialogue) empty() {
	s := d.setup
	s.ok("SELECT INBOX")
	if s.mirror.exists > 0 {
		s.ok(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
		s.ok("EXPUNGE")
	}
	s.wantCount(0)
	s.ok("CLOSE")
}

// name is the name of a mailbox of the suite.
func (d *dialogue) name(n string) string { return d.target.Prefix + n }

// box makes a mailbox with these messages and returns its name.
func (d *dialogue) box(messages ...string) string {
	d.boxes++
	name := d.name(fmt.Sprint("box", d.boxes))
	d.setup.ok("CREATE " + name)
	d.add(name, messages...)
	return name
}

// add appends messages.
func (d *dialogue) add(mailbox string, messages ...string) {
	for _, m := range messages {
		d.setup.ok("APPEND " + mailbox + " " + lit(m))
	}
}

// numbered makes n small messages.
func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("From: Ann <ann@example.org>\r\nSubject: m%d\r\n\r\nbody of m%d\r\n", i+1, i+1))
	}
	return out
}

// wantAlive ends a case: every session that should be there answers a NOOP.
func (d *dialogue) wantAlive() {
	for _, s := range d.sessions {
		if s.ended && !s.mayEnd {
			s.fail("the server has closed")
		}
		if !s.ended && !s.mayEnd {
			s.ok("NOOP")
		}
	}
}

// delim asks for the hierarchy delimiter.
func (d *dialogue) delim() string {
	rows := d.setup.ok(`LIST "" ""`).all("LIST")
	if d.over() {
		return "/"
	}
	if len(rows) != 1 || len(rows[0].args) != 3 || len(rows[0].args[1].text) != 1 {
		d.skip("no hierarchy")
		return "/"
	}
	return rows[0].args[1].text
}

// wantNoMailbox wants no mailbox to have this in its name.
func (d *dialogue) wantNoMailbox(part string) {
	if d.login(); d.over() {
		return
	}
	for _, r := range d.setup.ok(`LIST "" "*"`).all("LIST") {
		if len(r.args) == 3 && strings.Contains(strings.ToLower(r.args[2].text), part) && !slices.Contains(d.foreign, r.args[2].text) {
			d.fail("there is a mailbox %q, and nobody made it", r.args[2].text)
		}
	}
}

// need skips the case where the server does not offer this.
func (d *dialogue) offers(capability string) bool { return !d.over() && d.setup.offers(capability) }

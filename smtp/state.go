package smtp

import "strconv"

// A State is where a ServerSession is in the dialogue.
//
//	Connected ─Greet 220→ Greeted ─EHLO→ Ready ─MAIL→ Mailing ─RCPT→ Addressed ─DATA 354→ Receiving ─last Settle→ Ready
//	    │554                │STARTTLS 220→ Upgrading ─TLSDone→ Greeted    └─BDAT→ Receiving ─250→ Chunking ─BDAT→ Receiving
//	Turned (QUIT only)      AUTH 334 → Authing → back                             └─refused→ Failed ─LAST, RSET, EHLO→ Ready
//
// QUIT, and every reply of 421, lead to Closed.
type State uint8

const (
	Connected State = iota // the greeting has not been decided on
	Turned                 // greeted with 554: only QUIT works. RFC 5321, section 3.1
	Greeted                // no EHLO yet, or none since TLS began
	Ready                  // EHLO was accepted, no transaction is open
	Mailing                // MAIL was accepted, no recipient is
	Addressed              // at least one recipient was accepted
	Receiving              // content is on the wire
	Chunking               // a chunk was accepted, and more are to come. RFC 3030, section 2
	Failed                 // a chunk was refused: the rest of the message is dropped
	Authing                // inside an exchange of SASL. RFC 4954, section 4
	Upgrading              // STARTTLS was accepted, TLS has not begun. RFC 3207, section 4
	Closed                 // the last reply has been given
	numStates
)

var stateNames = [numStates]string{
	"Connected", "Turned", "Greeted", "Ready", "Mailing", "Addressed", "Receiving", "Chunking", "Failed", "Authing", "Upgrading", "Closed",
}

func (s State) String() string { return nameOf(stateNames[:], s, "State") }

// nameOf returns the name of a value of one of our enumerations, or its number if
// it is none.
func nameOf[T ~uint8](names []string, v T, typ string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return typ + "(" + strconv.Itoa(int(v)) + ")"
}

// InTransaction reports whether a message is being sent: MAIL was accepted and
// nothing has ended it yet.
func (s State) InTransaction() bool {
	switch s {
	case Mailing, Addressed, Receiving, Chunking, Failed:
		return true
	}
	return false
}

// verbs is a set of verbs.
type verbs uint32

func set(vs ...Verb) (s verbs) {
	for _, v := range vs {
		s |= 1 << v
	}
	return s
}

func (s verbs) has(v Verb) bool { return s&(1<<v) != 0 }

// always is what a session takes whatever the order of things: RFC 5321,
// section 4.1.4. Verbs that nobody knows are among it, since the application may
// know them. BDAT is not refused by state but by its own rules: its octets are
// on their way in any case.
var always = set(UnknownVerb, HELO, EHLO, LHLO, RSET, VRFY, EXPN, HELP, NOOP, QUIT, ETRN, BDAT)

// allowed says which verbs are in sequence. RFC 5321, section 4.1.4.
var allowed = [numStates]verbs{
	Turned:    set(QUIT),
	Greeted:   always | set(STARTTLS, XCLIENT),
	Ready:     always | set(STARTTLS, XCLIENT, AUTH, MAIL),
	Mailing:   always | set(RCPT),
	Addressed: always | set(RCPT, DATA),
	Chunking:  always,
	Failed:    always,
}

// beforeTLS is what a server that insists on TLS takes without it: RFC 3207,
// section 4.
var beforeTLS = set(NOOP, EHLO, LHLO, STARTTLS, QUIT)

// unbuffered is what must be answered at once, whatever else is waiting to be
// read: RFC 2920, section 3.2, items 5 and 6.
var unbuffered = set(UnknownVerb, EHLO, LHLO, DATA, VRFY, EXPN, NOOP, QUIT, STARTTLS, AUTH, XCLIENT)

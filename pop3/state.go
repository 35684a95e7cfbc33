package pop3

// A State is where a ServerSession or a ClientSession is in the dialogue. The
// names are those of RFC 1939, section 3, where it has one.
//
//	Greeting ─Greet→ Authorization ─PASS, APOP, AUTH: Open→ Transaction ─QUIT→ Update ─Settle→ Closed
//	                  │    ↑ │ AUTH, Challenge → Authing ─Open→ Transaction
//	                  │ QUIT │ STLS +OK → Upgrading ─TLSDone→ Authorization, nothing remembered
//	                  └→ Closed                            Transaction ─RETR, TOP +OK→ Sending ─Sent→ Transaction
type State uint8

const (
	Greeting      State = iota // the greeting has not been given
	Authorization              // nobody has logged in. RFC 1939, section 4
	Authing                    // inside an exchange of SASL. RFC 5034, section 4
	Upgrading                  // STLS was accepted, TLS has not begun. RFC 2595, section 4
	Transaction                // the maildrop is open. RFC 1939, section 5
	Sending                    // a message is on its way
	Update                     // QUIT has come: the marked messages are being removed. RFC 1939, section 6
	Closed                     // the last reply has been given
	numStates
)

var stateNames = [numStates]string{
	"Greeting", "Authorization", "Authing", "Upgrading", "Transaction", "Sending", "Update", "Closed",
}

func (s State) String() string { return stateNames[s] }

// verbs is a set of verbs.
type verbs uint32

func set(vs ...Verb) (s verbs) {
	for _, v := range vs {
		s |= 1 << v
	}
	return s
}

func (s verbs) has(v Verb) bool { return s&(1<<v) != 0 }

// always is what both states take that have commands: RFC 2449, section 5;
// RFC 6856, section 3.1.
var always = set(CAPA, LANG, QUIT)

// allowed says which commands are valid in which state. RFC 1939, sections 4 and
// 5; RFC 2595, section 4; RFC 5034, section 4; RFC 6856, section 2.
var allowed = [numStates]verbs{
	Authorization: always | set(USER, PASS, APOP, AUTH, STLS, UTF8),
	Transaction:   always | set(STAT, LIST, UIDL, RETR, TOP, DELE, RSET, NOOP),
}

// listings are the commands whose answer has a body when they have no argument,
// and bodies those whose answer always has one.
var (
	listings = set(LIST, UIDL, LANG)
	bodies   = set(CAPA, RETR, TOP)
)

// logins are the commands that open the maildrop.
var logins = set(PASS, APOP, AUTH)

package imap

// A State is where a session is in the dialogue. RFC 9051, section 3.
//
//	           LOGIN, AUTHENTICATE            SELECT, EXAMINE
//	NotAuthenticated ────────────► Authenticated ────────────► Selected
//	  │ STARTTLS ▲                   │  ▲    ▲ ◄── CLOSE, UNSELECT, failed SELECT ──┘
//	  ▼          │ TLSDone           │  └ UNAUTHENTICATE: back to NotAuthenticated
//	Upgrading ───┘◄── COMPRESS ──────┘
//
// Inside a state the session may be in a dialogue of its own, in which lines
// mean something else: Authenticating, Idling, Appending, Upgrading. LOGOUT and
// BYE lead to Closed.
type State uint8

const (
	NotAuthenticated State = iota // who the client is, is not known
	Authenticated                 // logged in, no mailbox is selected
	Selected                      // a mailbox is
	Authenticating                // inside AUTHENTICATE: lines are base64, or "*"
	Idling                        // inside IDLE: the line is DONE
	Appending                     // between the messages of APPEND: lines go on with the command
	Upgrading                     // STARTTLS or COMPRESS was accepted, and the layer is not there yet
	Closed                        // the last response has been given
	numStates
)

var stateNames = [numStates]string{
	"NotAuthenticated", "Authenticated", "Selected", "Authenticating", "Idling", "Appending", "Upgrading", "Closed",
}

func (s State) String() string { return nameOf(stateNames[:], s) }

// A StateSet is a set of states.
type StateSet uint16

// States returns the set of the given states.
func States(states ...State) (set StateSet) {
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set StateSet) Has(s State) bool { return set&(1<<s) != 0 }

// Where commands are allowed: RFC 9051, section 6.
var (
	anyState      = States(NotAuthenticated, Authenticated, Selected) // section 6.1
	beforeLogin   = States(NotAuthenticated)                          // section 6.2
	afterLogin    = States(Authenticated, Selected)                   // section 6.3
	whileSelected = States(Selected)                                  // section 6.4
)

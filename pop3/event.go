package pop3

// An Event is what a ServerSession asks, or says, after a line. Its strings may
// be kept, but the event itself is the session's and is valid until the verdict
// that answers it.
type Event interface{ event() }

// The events. Where nothing else is said, Settle with a positive reply lets the
// command succeed and any other refuses it.
type (
	// PassEvent: USER and PASS. The verdict is Open, or Settle with a refusal.
	PassEvent struct {
		User     string
		Password Password // all that was behind "PASS ", spaces and all
	}

	// ApopEvent: APOP. The verdict is Open, or Settle with a refusal.
	ApopEvent struct {
		User   string
		Stamp  string // of the greeting
		Digest string // 32 hexadecimal digits, lower case
	}

	// AuthEvent: AUTH, or a response within its exchange. The verdict is
	// Challenge to go on, Open when the client has proved who it is, or Settle
	// with a refusal.
	AuthEvent struct {
		Mechanism string // in upper case, one of Config.Mechanisms; "": the exchange goes on
		// Response is decoded. nil: there was no initial response; empty: it was
		// empty ("="). It is the only borrowed value of all events: it is
		// overwritten at the verdict.
		Response []byte
	}

	// StlsEvent: STLS. If the verdict is positive, send the reply, start TLS and
	// call TLSDone, or close the connection.
	StlsEvent struct{}

	// LangEvent: LANG with an argument that fits a language of the Config. The
	// text of a positive verdict has to be in that language.
	LangEvent struct {
		Range string // "de", or "*", for which Tag is the first language
		Tag   string
	}

	// RetrEvent: RETR or TOP. If the verdict is positive, send the reply, then the
	// message through a BodyWriter, then call Sent.
	RetrEvent struct {
		Entry Entry
		Lines int // of the body; -1: RETR, the whole message
	}

	// UpdateEvent: QUIT with the maildrop open. It is the only time at which
	// messages may be removed, and the only ones are Deleted, in ascending order;
	// it may be empty. The slice may be kept. Both verdicts close.
	UpdateEvent struct{ Deleted []int }

	// Answer is what the session decides by itself. Settle it with its Reply,
	// send that, and if Multi is set what AppendLines gives.
	Answer struct {
		Reply Reply
		Multi bool
	}

	// Refused is what the session itself refuses. Settle it with its Reply.
	Refused struct {
		Reply Reply
		Close bool // close the connection behind the reply
	}
)

func (*PassEvent) event()   {}
func (*ApopEvent) event()   {}
func (*AuthEvent) event()   {}
func (*StlsEvent) event()   {}
func (*LangEvent) event()   {}
func (*RetrEvent) event()   {}
func (*UpdateEvent) event() {}
func (*Answer) event()      {}
func (*Refused) event()     {}

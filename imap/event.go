package imap

// An Event is what a ServerSession asks, or says, behind a line. What moves the
// session has a type of its own; everything else, from FETCH to an extension
// nobody has written yet, is a CommandEvent, which moves nothing.
//
// Values of an event may be kept, but the event itself is the session's and is
// valid until the Settle that answers it.
type Event interface{ event() }

// The events that ask for a verdict. Where nothing else is said, OK lets the
// command succeed, and NO or BAD refuses it and leaves the state as it was.
type (
	// LoginEvent: LOGIN. OK logs in. Password is overwritten at Settle.
	LoginEvent struct {
		Username string
		Password []byte
	}

	// AuthEvent: AUTHENTICATE. Answer it with Challenge to go on, with Settle to
	// end the exchange. Initial is decoded; nil: there was none; empty: it was
	// empty. It is overwritten at Settle or Challenge.
	AuthEvent struct {
		Mechanism string // in upper case, one that is offered
		Initial   []byte
	}

	// AuthLine: a response within AUTHENTICATE, decoded. It is answered like
	// AuthEvent, and overwritten likewise. Any other event in its place means
	// that the client has given up.
	AuthLine struct{ Response []byte }

	// StartTLSEvent: STARTTLS. Behind an OK send the reply, call Reader.Upgrade,
	// do the handshake and call TLSDone; or close the connection.
	StartTLSEvent struct{}

	// SelectEvent: SELECT or EXAMINE. If Leaves is set a mailbox is selected
	// now: tell OK [CLOSED] before anything about the new one, and also when that
	// cannot be selected, since NO leaves nothing selected. RFC 9051, section
	// 6.3.2. OK with the code READ-ONLY makes the session read-only.
	SelectEvent struct {
		Mailbox        string
		ReadOnly       bool // EXAMINE
		Params         Params
		Leaves         bool
		FirstCondstore bool // see CommandEvent
	}

	// CloseEvent: CLOSE or UNSELECT. Expunge: remove what is \Deleted, which is
	// never asked for in a read-only session. No EXPUNGE is told.
	CloseEvent struct{ Expunge bool }

	// IdleEvent: IDLE. OK is answered with "+": from then on Tell is TellAll, and
	// what comes is to be told at once, until IdleDone.
	IdleEvent struct{}

	// IdleDone: DONE.
	IdleDone struct{}

	// AppendEvent: APPEND, or another command whose CommandSpec has a Front, up to
	// the octets of its first message. Read them from
	// Reader.Literal, then go on with Next and Step, which gives an AppendPart
	// for each further message and an AppendEnd. One Settle follows for all, at
	// AppendEnd; or earlier if it is a refusal, behind Reader.Abandon.
	AppendEvent struct {
		Spec    *CommandSpec
		UID     bool
		Args    any    // what Front has parsed
		Mailbox string // of APPEND
		Message AppendMessage
	}

	// AppendPart: one more message. RFC 3502.
	AppendPart struct{ Message AppendMessage }

	// AppendEnd: the command is whole. Err is why it is refused whatever the
	// verdict is; nothing may be stored then.
	AppendEnd struct{ Err *Reject }

	// CompressEvent: COMPRESS DEFLATE. Behind an OK send the reply, call
	// Reader.Upgrade with a source that inflates, deflate from then on, and call
	// Compressed.
	CompressEvent struct{}

	// UnauthenticateEvent: UNAUTHENTICATE. OK forgets who the client is, and
	// everything that was enabled. If compression is on, it ends behind the
	// reply. NO is not allowed, and becomes BAD. RFC 8437, section 3.
	UnauthenticateEvent struct{}

	// LogoutEvent: LOGOUT. It cannot be refused. Send the reply, then close.
	LogoutEvent struct{}

	// CommandEvent: any other command.
	CommandEvent struct {
		Tag    string
		Spec   *CommandSpec
		UID    bool
		Args   any // what Spec.Parse says
		Traits Traits
		// FirstCondstore: the command is the first to enable CONDSTORE. If a
		// mailbox is selected tell its HIGHESTMODSEQ. RFC 7162, section 3.1.
		FirstCondstore bool
	}

	// Answer is decided already. Send Data, which are whole untagged lines and
	// valid until Settle, then settle it with its Status.
	Answer struct {
		Data           []byte
		Status         Status
		FirstCondstore bool // see CommandEvent
	}
)

func (*LoginEvent) event()          {}
func (*AuthEvent) event()           {}
func (*AuthLine) event()            {}
func (*StartTLSEvent) event()       {}
func (*SelectEvent) event()         {}
func (*CloseEvent) event()          {}
func (*IdleEvent) event()           {}
func (*IdleDone) event()            {}
func (*AppendEvent) event()         {}
func (*AppendPart) event()          {}
func (*AppendEnd) event()           {}
func (*CompressEvent) event()       {}
func (*UnauthenticateEvent) event() {}
func (*LogoutEvent) event()         {}
func (*CommandEvent) event()        {}
func (*Answer) event()              {}

// A Reply is what a ServerSession has to say at the end of a command: see
// Encoder.Reply.
type Reply struct {
	Tag    string // "*": the greeting, or BYE; "+": a continuation request
	Status Status // of "+" only its Text counts
	Bye    string // text of an untagged BYE that goes in front; "": none
}

// Reply appends a reply.
func (e *Encoder) Reply(r Reply) {
	if r.Bye != "" {
		e.Status("*", Status{Kind: BYE, Text: r.Bye})
	}
	if r.Tag == "+" {
		e.Raw("+ ")
		e.text(r.Status.Text)
		e.CRLF()
		return
	}
	e.Status(r.Tag, r.Status)
}

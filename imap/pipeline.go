package imap

// Traits are what decides how a command may stand beside others, and what may
// be told while it runs. RFC 9051, section 5.5.
type Traits uint16

const (
	// UsesSeq: message sequence numbers stand in the command or in its answer,
	// so that no EXPUNGE may come between.
	UsesSeq Traits = 1 << iota
	// BreaksSeq: an EXPUNGE may come while it runs. COPY and MOVE by number have
	// both.
	BreaksSeq
	// BreaksMailbox: another mailbox may be selected afterwards, or none.
	BreaksMailbox
	ReadsFlags  // its answer depends on flags
	SetsSeen    // it sets \Seen, unless the mailbox is read-only
	WritesFlags // it changes flags
	// Writes: it changes the mailbox, and is refused where that is read-only.
	Writes
	Saves     // it sets the saved result
	UsesSaved // it refers to the saved result by "$"
	// EnablesCondstore: RFC 7162, section 3.1.
	EnablesCondstore
	// Long: it may take long. A driver may tell of its progress.
	Long
	// Alone: nothing may be sent behind it until it is done, since what comes
	// next has another meaning then: STARTTLS, COMPRESS, AUTHENTICATE, IDLE.
	Alone
)

// effective returns the traits of one command: its form by UID uses numbers only
// if its arguments do, which is in more. Whatever does not use numbers breaks
// them: RFC 9051, section 7.5.1.
func (t Traits) effective(uid bool, more Traits) Traits {
	if uid {
		t &^= UsesSeq
	}
	t |= more
	if t&UsesSeq == 0 || uid {
		t |= BreaksSeq
	}
	return t
}

// MayPipeline reports whether a client may send a command while others are in
// flight, such that the order in which the server works on them cannot change
// what they mean. RFC 9051, section 5.5.
func MayPipeline(inFlight []Traits, next Traits) bool {
	if len(inFlight) > 0 && next&(BreaksMailbox|Alone) != 0 {
		return false // the commands before it must have told what they tell
	}
	for _, t := range inFlight {
		switch {
		case t&(BreaksMailbox|Alone) != 0,
			t&BreaksSeq != 0 && next&UsesSeq != 0,
			t&Saves != 0 && next&UsesSaved != 0,
			t&UsesSaved != 0 && next&Saves != 0,
			t&ReadsFlags != 0 && next&(SetsSeen|WritesFlags) != 0,
			t&(SetsSeen|WritesFlags) != 0 && next&(ReadsFlags|SetsSeen|WritesFlags) != 0:
			return false
		}
	}
	return true
}

// Tell says what a session may be told of its mailbox at one moment. RFC 9051,
// section 7.5.1.
type Tell uint8

const (
	TellNothing   Tell = iota // no command is in progress, or one is not whole yet
	TellNoExpunge             // EXISTS and FETCH, but nothing that changes numbers
	TellAll                   // everything
	TellDrop                  // the mailbox is about to be left: what is pending is of no more use
)

func (t Tell) String() string {
	return nameOf([]string{"TellNothing", "TellNoExpunge", "TellAll", "TellDrop"}, t)
}

// tell returns what may be told while a command runs. COPY and MOVE by number
// have BreaksSeq of their own: their numbers are resolved when they begin.
func (c *Command) tell() Tell {
	switch {
	case c.Traits&BreaksMailbox != 0:
		return TellDrop
	case c.Traits&UsesSeq != 0 && c.Spec.Traits&BreaksSeq == 0:
		return TellNoExpunge
	}
	return TellAll
}

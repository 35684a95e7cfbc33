package smtp

// An Event is what a ServerSession asks, or says, after a line. Its values are
// strings that may be kept, but the event itself is the session's and is valid
// until the Settle that answers it.
type Event interface{ event() }

// The events that ask for a verdict. Where nothing else is said, a positive
// reply lets the command succeed and any other refuses it.
type (
	// HelloEvent: HELO, EHLO or LHLO. Until it is settled the session's
	// Config.Mechanisms and Config.Offer may be changed. The session writes the
	// reply; the verdict's text follows the host name in its first line.
	HelloEvent struct {
		Verb Verb
		Name string // the first word of the argument; whether it is a host's name is not looked at
	}

	// MailEvent: MAIL, which opens a transaction.
	MailEvent struct {
		From    Path
		Options MailOptions
	}

	// RcptEvent: RCPT.
	RcptEvent struct {
		To      Path
		Options RcptOptions
		Index   int // its place among the accepted recipients, should it be accepted
	}

	// DataEvent: DATA. If the verdict is positive (the session makes it 354), the
	// content follows: read it, then call Received.
	DataEvent struct{}

	// ChunkEvent: BDAT. Its octets come whatever is decided: take them off the
	// wire, or drop them, then call Received instead of Settle.
	ChunkEvent struct {
		Size        int64
		First, Last bool
	}

	// EndEvent comes from Received: content has been taken off the wire.
	EndEvent struct {
		Replies int   // Settle it so many times, in the order of the recipients
		Last    bool  // the message is complete; false: more chunks are to come
		Err     error // why the content is refused, whatever the verdict
	}

	// AuthEvent: AUTH, or a response within its exchange. Settle it with a
	// Challenge to go on, with a positive reply when the client has proved who it
	// is, or with a refusal.
	AuthEvent struct {
		Mechanism string // in upper case, one of Config.Mechanisms
		// Response is decoded. nil: there was no initial response; empty: it was
		// empty ("="). It is the only borrowed value of all events: it is
		// overwritten at Settle.
		Response []byte
	}

	// StartTLSEvent: STARTTLS. If the verdict is positive (the session makes it
	// 220), send it, start TLS and call TLSDone, or close the connection.
	StartTLSEvent struct{}

	// ResetEvent: RSET. It cannot be refused.
	ResetEvent struct{}

	// NoopEvent: NOOP. It cannot be refused.
	NoopEvent struct{}

	// QueryEvent: VRFY, EXPN, HELP or ETRN.
	QueryEvent struct{ Query }

	// XClientEvent: XCLIENT, by which a trusted proxy says for whom it stands. If
	// the verdict is positive (the session makes it 220), the session is where it
	// was behind its greeting; 5xx becomes the greeting of 554.
	XClientEvent struct{ XClient }

	// CommandEvent: a verb that this package does not know. A refusal with 500
	// counts as an error of the peer.
	CommandEvent struct{ Name, Arg string }

	// QuitEvent: QUIT. It cannot be refused. Send the reply, then close.
	QuitEvent struct{}

	// Refused is what the session itself refuses. Settle it with its Reply.
	Refused struct {
		Reply   Reply
		Replies int   // Settle it so many times: 1, but at the end of content in LMTP
		Skip    int64 // octets to drop before the reply is sent: they are no commands
		Close   bool  // close the connection behind the reply

		honest bool // no mistake: the client cannot know yet, or not at all
	}
)

// A Query is a command that asks and changes nothing: RFC 5321, section 3.5, and
// ETRN, RFC 1985.
type Query struct {
	Verb Verb // VRFY, EXPN, HELP or ETRN
	Arg  string
	UTF8 bool // VRFY and EXPN: the client would take UTF-8 in the reply. RFC 6531, section 3.7.4.2
}

func (*HelloEvent) event()    {}
func (*MailEvent) event()     {}
func (*RcptEvent) event()     {}
func (*DataEvent) event()     {}
func (*ChunkEvent) event()    {}
func (*EndEvent) event()      {}
func (*AuthEvent) event()     {}
func (*StartTLSEvent) event() {}
func (*ResetEvent) event()    {}
func (*NoopEvent) event()     {}
func (*QueryEvent) event()    {}
func (*XClientEvent) event()  {}
func (*CommandEvent) event()  {}
func (*QuitEvent) event()     {}
func (*Refused) event()       {}

package imap

import (
	"errors"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A ServerSession is the server's half of the dialogue: a machine that takes
// commands and says what is to be done about them. It does no I/O, reads no
// clock and starts nothing. A driver loops over
//
//	Reader.Next → Step → Event → (ask the backend) → Settle → Reply to send
//
// with Literal for announcements and BadLine for what Next refused; doc.go has
// the loop. Set the exported fields, then Greet. The zero value is a server
// without TLS, extensions and mechanisms. It is not safe for concurrent use,
// and not to be copied. Calling its methods out of turn panics: that is a
// mistake of the driver, never of the peer.
type ServerSession struct {
	Grammar *Grammar // nil: Full
	Limits  Limits   // of what the client may send
	// Offer says which capabilities there are in NotAuthenticated,
	// Authenticated or Selected. What is not offered is not known: its commands
	// are BAD. It is asked once per change of state; see Refresh. nil: IMAP4rev1
	// and IMAP4rev2.
	Offer func(st State, tls bool) []Cap

	base       State // NotAuthenticated, Authenticated, Selected, Closed
	sub        State // Authenticating, Idling, Appending, Upgrading; else equal to base
	tls        bool
	compressed bool
	readOnly   bool
	mailbox    string // the selected one
	enabled    Caps
	caps       Caps
	mask       uint64 // features of caps
	offered    bool   // caps and mask are those of the state

	open      Event // nil: Step comes next
	cmd       Command
	fresh     Caps // what the open ENABLE switches on
	messages  int  // of the open APPEND
	tail      bool // its last message came in UTF8 (…), which is still to be closed
	append    *Reject
	bad       int // BAD answers in a row
	authFails int

	parser Parser
	enc    Encoder // of Answer.Data
	events events
}

// events is one of each, so that Step need not allocate.
type events struct {
	login          LoginEvent
	auth           AuthEvent
	authLine       AuthLine
	selected       SelectEvent
	close          CloseEvent
	append         AppendEvent
	part           AppendPart
	end            AppendEnd
	command        CommandEvent
	answer         Answer
	startTLS       StartTLSEvent
	idle           IdleEvent
	idleDone       IdleDone
	compress       CompressEvent
	unauthenticate UnauthenticateEvent
	logout         LogoutEvent
}

// Greet opens the session, on a connection with TLS already if tls, and returns
// the greeting: OK, PREAUTH for a client that is known by other means, or BYE.
// The capabilities are told in its code. RFC 9051, section 7.1.
func (s *ServerSession) Greet(st Status, tls bool) Reply {
	s.tls = tls
	switch st.Kind {
	case OK:
		s.move(NotAuthenticated)
	case PREAUTH:
		s.move(Authenticated)
	default:
		st.Kind = BYE
		s.move(Closed)
		return Reply{Tag: "*", Status: st}
	}
	return Reply{Tag: "*", Status: s.withCaps(st)}
}

// move changes the state.
func (s *ServerSession) move(to State) {
	if to != s.base {
		s.offered = false
	}
	if to != Selected {
		s.readOnly, s.mailbox = false, ""
	}
	s.base, s.sub = to, to
}

// State returns where the session is.
func (s *ServerSession) State() State { return s.sub }

// Selected returns the name of the mailbox that is selected, also during IDLE
// and APPEND.
func (s *ServerSession) Selected() (mailbox string, readOnly, ok bool) {
	return s.mailbox, s.readOnly, s.base == Selected
}

// TLS reports whether the connection is under TLS.
func (s *ServerSession) TLS() bool { return s.tls }

// Tag returns the tag of the command that came last, "*" if it had none.
func (s *ServerSession) Tag() string { return s.cmd.Tag }

// Secret reports whether the line that came last, or the one that comes next,
// may hold credentials and must not be logged. A line that was no command may be
// a response of AUTHENTICATE that came out of turn.
func (s *ServerSession) Secret() bool {
	if s.sub == Authenticating {
		return true
	}
	if spec := s.cmd.Spec; spec != nil {
		return spec.Name == "LOGIN" || spec.Name == "AUTHENTICATE"
	}
	return s.cmd.Tag != ""
}

// Enabled reports whether ENABLE, or a command that does so by itself, has
// switched c on.
func (s *ServerSession) Enabled(c Cap) bool { return s.enabled.Has(c) }

// Caps returns what is offered in this state.
func (s *ServerSession) Caps() Caps {
	if !s.offered {
		s.caps = Caps{CapRev1, CapRev2}
		if s.Offer != nil {
			s.caps = s.Offer(s.base, s.tls)
		}
		s.mask = s.grammar().offered(s.caps)
		s.offered = true
	}
	return s.caps
}

// Refresh makes the session ask Offer again.
func (s *ServerSession) Refresh() { s.offered = false }

func (s *ServerSession) grammar() *Grammar {
	if s.Grammar == nil {
		return Full()
	}
	return s.Grammar
}

// withCaps tells the capabilities in the code of st, if it has no other.
func (s *ServerSession) withCaps(st Status) Status {
	if st.Code.Name == "" {
		st.Code = Code{"CAPABILITY", s.Caps()}
	}
	return st
}

// Configure sets what an Encoder has to know of the session: the grammar, and
// whether UTF-8 has been enabled. Call it for each command.
func (s *ServerSession) Configure(e *Encoder) {
	e.Grammar, e.UTF8, e.Rev2 = s.Grammar, s.Enabled(CapUTF8Accept), s.Enabled(CapRev2)
}

// authed reports whether the client has logged in.
func (s *ServerSession) authed() bool { return s.base != NotAuthenticated }

// Bounds is what to give to Reader.Next.
func (s *ServerSession) Bounds() Bounds {
	authed := s.authed()
	b := Bounds{Line: s.Limits.line(authed), Skip: s.Limits.skip(authed)}
	switch s.sub {
	case Authenticating:
		b.Line = s.Limits.authLine() + len("\r\n")
	case Appending:
		b.Skip = max(b.Skip, s.Limits.message())
	}
	return b
}

// parse readies the parser.
func (s *ServerSession) parse(input []byte) *Parser {
	p := &s.parser
	p.Reset(input)
	s.Caps()
	p.Grammar, p.offer, p.UTF8 = s.Grammar, s.mask, s.Enabled(CapUTF8Accept) || s.Enabled(CapRev2)
	p.Depth, p.most = s.Limits.depth(s.authed()), s.Limits.nodes()
	if p.on == nil {
		p.on = s.Enabled
	}
	return p
}

// Step takes a gathered command, or a line of AUTHENTICATE or IDLE, or, for a
// literal with the verdict Stream, the Head of its announcement; and says what
// is asked for. One Settle or Challenge follows; only APPEND goes on with
// further Steps, as AppendEvent says. Nothing of input is kept.
func (s *ServerSession) Step(input []byte) Event {
	if s.sub == Appending {
		return s.stepMore(input)
	}
	s.begin()
	switch s.sub {
	case Authenticating:
		return s.stepAuthLine(input)
	case Idling:
		return s.stepIdleLine(input)
	}
	p := s.parse(input)
	c := &s.cmd
	*c = Command{Tag: "*"}
	if p.tag(c); p.err != nil || p.Peek() != ' ' && !p.AtEnd() {
		c.Tag = "*" // what cannot be a tag is not repeated: RFC 9051, section 9
		return s.refuse(Bad("", "a command begins with a tag"))
	}
	p.SP()
	if p.commandName(c); p.err != nil {
		return s.refuse(Bad("", "unknown command"))
	}
	if r := s.outOfPlace(c); r != nil {
		return s.refuse(r)
	}
	if c.Spec.Front != nil {
		return s.stepAppend(p, c)
	}
	if p.arguments(c); p.err != nil {
		return s.refuse(argumentError(c.Spec, p.err))
	}
	if r := s.outOfBounds(c); r != nil {
		return s.refuse(r)
	}
	return s.dispatch(c)
}

func (s *ServerSession) begin() {
	if s.open != nil {
		panic("imap: Step before the last event was settled")
	}
	if s.sub == Upgrading || s.sub == Closed {
		panic("imap: Step in state " + s.sub.String())
	}
}

// ask opens an event that the driver decides on.
func (s *ServerSession) ask(e Event) Event {
	s.open = e
	return e
}

// answer opens an event that is decided already.
func (s *ServerSession) answer(st Status, data []byte) *Answer {
	s.events.answer = Answer{Data: data, Status: st}
	s.open = &s.events.answer
	return &s.events.answer
}

func (s *ServerSession) refuse(r *Reject) *Answer { return s.answer(r.Status(), nil) }

// argumentError is the refusal of arguments. A name that cannot be a mailbox's is
// no mistake of syntax to the user who typed it, but for SELECT, where NO would
// also leave the mailbox that is selected.
func argumentError(spec *CommandSpec, err error) *Reject {
	if errors.Is(err, ErrMailboxName) && spec.Traits&BreaksMailbox == 0 {
		return No("CANNOT", "not a mailbox name")
	}
	return rejectOf(err)
}

// outOfPlace refuses a command that is not allowed in this state.
func (s *ServerSession) outOfPlace(c *Command) *Reject {
	switch in := c.Spec.In; {
	case in.Has(s.base):
	case s.base == NotAuthenticated:
		return Bad("", "log in first")
	case in.Has(NotAuthenticated):
		return Bad("", "already logged in")
	default:
		return Bad("", "select a mailbox first")
	}
	if c.Spec.Name == "STARTTLS" && (s.tls || !s.Caps().Has(CapStartTLS)) { // RFC 9051, section 6.2.1
		return Bad("", "TLS is on, or not offered")
	}
	return nil
}

// outOfBounds refuses a command that is not allowed for what it means.
func (s *ServerSession) outOfBounds(c *Command) *Reject {
	switch {
	case c.Traits&UsesSeq != 0 && s.Enabled(CapUIDOnly): // RFC 9586, section 3
		return Bad("UIDREQUIRED", "message numbers are not used any more")
	case c.Traits&(Saves|UsesSaved) != 0 && !s.Caps().HasAny(CapSearchRes, CapRev2):
		return Bad("", "no saved result is offered")
	case c.Traits&Writes != 0 && s.readOnly: // RFC 9051, section 6.3.3
		return No("", "mailbox is read-only")
	}
	return nil
}

// dispatch gives the events that move the session, or CommandEvent.
func (s *ServerSession) dispatch(c *Command) Event {
	switch c.Spec.Name {
	case "CAPABILITY":
		return s.stepCapability()
	case "ENABLE":
		return s.stepEnable(c.Args.(*EnableArgs))
	case "LOGOUT":
		return s.ask(&s.events.logout)
	case "STARTTLS":
		return s.ask(&s.events.startTLS)
	case "LOGIN":
		return s.stepLogin(c.Args.(*LoginArgs))
	case "AUTHENTICATE":
		return s.stepAuthenticate(c.Args.(*AuthenticateArgs))
	case "SELECT", "EXAMINE":
		return s.stepSelect(c)
	case "CLOSE", "UNSELECT":
		s.events.close = CloseEvent{Expunge: c.Spec.Name == "CLOSE" && !s.readOnly}
		return s.ask(&s.events.close)
	case "IDLE":
		return s.ask(&s.events.idle)
	case "COMPRESS":
		return s.stepCompress(c.Args.(*CompressArgs))
	case "UNAUTHENTICATE":
		return s.ask(&s.events.unauthenticate)
	case "DELETE":
		s.breaks(c, c.Args.(*MailboxArgs).Mailbox)
	case "RENAME":
		s.breaks(c, c.Args.(*RenameArgs).From)
	}
	s.events.command = CommandEvent{c.Tag, c.Spec, c.UID, c.Args, c.Traits, s.firstCondstore(c)}
	return s.ask(&s.events.command)
}

// breaks marks a command on the selected mailbox itself.
func (s *ServerSession) breaks(c *Command, mailbox string) {
	if s.base == Selected && mailbox == s.mailbox {
		c.Traits |= BreaksMailbox
	}
}

// firstCondstore reports whether a command is the first to enable CONDSTORE.
func (s *ServerSession) firstCondstore(c *Command) bool {
	return c.Traits&EnablesCondstore != 0 && !s.Enabled(CapCondstore)
}

// stepCapability: RFC 9051, section 6.1.1.
func (s *ServerSession) stepCapability() Event {
	s.enc.Reset()
	s.enc.Grammar = s.Grammar
	s.enc.Data("CAPABILITY", 0, s.Caps())
	return s.answer(Status{Text: "CAPABILITY done"}, s.enc.Bytes())
}

// stepEnable: RFC 9051, section 6.3.1. Unknown names are no mistake, and
// ENABLED comes in any case.
func (s *ServerSession) stepEnable(a *EnableArgs) Event {
	fresh, implied := s.grammar().enableable(a.Caps, s.Caps(), s.enabled)
	if fresh.Has(CapUIDOnly) && s.base == Selected { // RFC 9586, section 3
		return s.refuse(Bad("", "UIDONLY is enabled before a mailbox is selected"))
	}
	s.enc.Reset()
	s.enc.Grammar = s.Grammar
	s.enc.Data("ENABLED", 0, fresh)
	e := s.answer(Status{Text: "ENABLE done"}, s.enc.Bytes())
	s.fresh = append(fresh, implied...)
	e.FirstCondstore = s.fresh.Has(CapCondstore)
	return e
}

// stepSelect: RFC 9051, section 6.3.2.
func (s *ServerSession) stepSelect(c *Command) Event {
	a := c.Args.(*SelectArgs)
	s.events.selected = SelectEvent{
		Mailbox: a.Mailbox, ReadOnly: c.Spec.Name == "EXAMINE", Params: a.Params,
		Leaves: s.base == Selected, FirstCondstore: s.firstCondstore(c),
	}
	return s.ask(&s.events.selected)
}

// stepIdleLine: RFC 9051, section 6.3.13. What is not DONE is not executed.
func (s *ServerSession) stepIdleLine(line []byte) Event {
	if ascii.EqualFold(line, "DONE") {
		return s.ask(&s.events.idleDone)
	}
	return s.refuse(Bad("", "want DONE"))
}

// stepCompress: RFC 4978, section 3.
func (s *ServerSession) stepCompress(a *CompressArgs) Event {
	switch {
	case a.Mechanism != "DEFLATE":
		return s.refuse(No("", "unknown compression"))
	case s.compressed:
		return s.refuse(No("COMPRESSIONACTIVE", "compression is on"))
	}
	return s.ask(&s.events.compress)
}

// BadLine is Step for a command that Reader.Next refused: for a *FrameError.
func (s *ServerSession) BadLine(err error) Event {
	e, ok := errors.AsType[*FrameError](err)
	if !ok {
		panic("imap: BadLine with an error of the connection")
	}
	if s.sub == Appending {
		if e.Fatal {
			return s.refuse(&e.Reject)
		}
		return s.appendEnd(&e.Reject)
	}
	s.begin()
	if s.sub == s.base {
		p := s.parse(e.Head)
		s.cmd = Command{Tag: "*"}
		if p.tag(&s.cmd); p.err != nil || p.Peek() != ' ' {
			s.cmd.Tag = "*"
		}
	}
	return s.refuse(&e.Reject)
}

// Tell says what the client may be told of its mailbox now. RFC 9051, section
// 7.5.1.
func (s *ServerSession) Tell() Tell {
	if s.base != Selected {
		return TellNothing
	}
	switch e := s.open.(type) {
	case nil:
		if s.sub == Idling {
			return TellAll
		}
		return TellNothing
	case *CommandEvent:
		return s.cmd.tell()
	case *Answer:
		if e.Status.Kind != OK { // what the command was is not known well enough
			return TellNoExpunge
		}
	case *AppendEvent, *AppendPart:
		return TellNothing // the command is not whole yet
	case *SelectEvent, *CloseEvent, *UnauthenticateEvent, *LogoutEvent:
		return TellDrop
	}
	return TellAll
}

package imap

import (
	"errors"
	"slices"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

var (
	// ErrInsecure is returned for what would show credentials, or trust a login,
	// on a connection that needs TLS and has none. RFC 9051, sections 7.1.4 and 11.1.
	ErrInsecure = errors.New("imap: the connection needs TLS first")

	// ErrLoginDisabled is returned for LOGIN where the server refuses it. RFC
	// 9051, section 6.2.3.
	ErrLoginDisabled = errors.New("imap: the server has LOGIN disabled")

	// ErrState is returned for a command that is not allowed in the state of the
	// session.
	ErrState = errors.New("imap: command not allowed in this state")

	// ErrTag means that the server answered a command that was not sent.
	ErrTag = errors.New("imap: the server answered an unknown tag")
)

// A ClientSession is the client's half of the dialogue: it says what may be
// sent, and what the responses mean. It does no I/O and reads no clock. A driver
// has two loops:
//
//	Send → Outgoing → write its Chunks, at each Wait until Plus
//	Reader.Next → Step → ClientEvent
//
// doc.go has both. Set the exported fields, then Start. It is not safe for
// concurrent use: the driver's mutex guards it, and no call takes long.
type ClientSession struct {
	Grammar *Grammar // nil: Full
	Limits  Limits   // of what the server may send
	Strict  bool     // small mistakes of servers do not pass
	NeedTLS bool     // no login without TLS

	base    State
	greeted bool
	tls     bool
	caps    Caps // nil: not known
	enabled Caps

	flight  []*Command
	waits   int      // places where the command sent last still waits for "+"
	waiting *Command // that command
	idling  bool
	upgrade bool
	tags    uint64
	row     *Data // a FETCH that is open
	slabs   slabs
	parser  Parser
}

// Start begins the session, on a connection with TLS already if tls. The
// greeting comes next.
func (s *ClientSession) Start(tls bool) { s.tls = tls }

// State returns where the session is, as far as the responses have said.
func (s *ClientSession) State() State {
	switch {
	case s.upgrade:
		return Upgrading
	case s.idling:
		return Idling
	case s.authenticating() != nil:
		return Authenticating
	}
	return s.base
}

// Caps returns the capabilities; ok is false while they are not known, so that
// CAPABILITY has to be sent. They are forgotten when TLS begins and when a
// login succeeds, unless its answer tells them. RFC 9051, section 6.1.1.
func (s *ClientSession) Caps() (caps Caps, ok bool) { return s.caps, s.caps != nil }

// Has reports whether the server is known to have a capability.
func (s *ClientSession) Has(c Cap) bool { return s.caps.Has(c) }

// Enabled reports whether the server has said that c is enabled.
func (s *ClientSession) Enabled(c Cap) bool { return s.enabled.Has(c) }

// InFlight returns how many commands have no answer yet.
func (s *ClientSession) InFlight() int { return len(s.flight) }

// An Outgoing is a command on its way.
type Outgoing struct {
	Encoder // what to send: see Chunks
	Command *Command
}

// Send encodes a command, named as "FETCH" or "UID FETCH", with the Args that its
// CommandSpec takes. Errors: ErrHold while it has to wait for others; ErrState,
// ErrInsecure, ErrLoginDisabled; an *EncodeError or *SyntaxError for arguments
// that have no form on the wire. After an error nothing has happened.
//
// Write the Chunks in order. In front of one with Wait, wait for the Plus of
// this command, or for its Done, after which nothing more of it is sent.
func (s *ClientSession) Send(name string, args any) (*Outgoing, error) {
	c, err := s.command(name, args)
	if err != nil {
		return nil, err
	}
	if err := s.allowed(c); err != nil {
		return nil, err
	}
	out := &Outgoing{Command: c}
	s.Configure(&out.Encoder)
	out.Literals = s.literalMode(args)
	out.Encoder.Command(c)
	if out.Err() != nil {
		return nil, out.Err()
	}
	if err := s.setTraits(c, &out.Encoder); err != nil {
		return nil, err
	}
	if s.waits > 0 || !MayPipeline(s.traitsInFlight(), c.Traits) {
		return nil, ErrHold
	}
	s.tags++
	s.flight = append(s.flight, c)
	s.waits = len(out.waits)
	s.waiting = c
	return out, nil
}

// command finds the entry of a command and gives it the next tag.
func (s *ClientSession) command(name string, args any) (*Command, error) {
	g := s.grammar()
	c := &Command{Tag: "A" + strconv.FormatUint(s.tags+1, 10), Args: args}
	if c.Spec = g.Command(name); c.Spec == nil && ascii.HasPrefixFold(name, "UID ") {
		c.Spec = g.Command(name[len("UID "):])
	}
	if c.Spec == nil {
		return nil, &EncodeError{"the command " + quote(name)}
	}
	c.UID = ascii.HasPrefixFold(name, "UID ")
	if c.UID && !c.Spec.UID && len(c.Spec.Name) != len(name) {
		return nil, &EncodeError{"the command " + quote(name)}
	}
	return c, nil
}

// setTraits reads back what was encoded: the traits depend on the arguments, and
// what does not parse must not be sent.
func (s *ClientSession) setTraits(c *Command, e *Encoder) error {
	c.Traits = c.Spec.Traits.effective(c.UID, 0)
	if len(e.refs) > 0 || c.Traits&Alone != 0 { // octets that are not here, or are secrets
		return nil
	}
	p := &s.parser
	p.Reset(e.buf[:len(e.buf)-len("\r\n")])
	p.Grammar, p.Lenient, p.Depth = s.Grammar, false, 1000
	p.UTF8 = e.UTF8 || e.Rev2
	parsed, err := p.ParseCommand()
	if err == nil {
		c.Traits = parsed.Traits
	}
	return err
}

func (s *ClientSession) traitsInFlight() []Traits {
	traits := make([]Traits, len(s.flight))
	for i, c := range s.flight {
		traits[i] = c.Traits
	}
	return traits
}

// allowed checks what may never be sent now, however long one waits.
func (s *ClientSession) allowed(c *Command) error {
	login := c.Spec.Name == "LOGIN" || c.Spec.Name == "AUTHENTICATE"
	switch {
	case !s.greeted || s.base == Closed || s.upgrade || !c.Spec.In.Has(s.base) && len(s.flight) == 0:
		return ErrState
	case login && s.NeedTLS && !s.tls:
		return ErrInsecure
	case c.Spec.Name == "LOGIN" && s.Has(CapLoginDisabled):
		return ErrLoginDisabled
	case c.Spec.Name == "STARTTLS" && s.tls:
		return ErrState
	case !c.Spec.In.Has(s.base):
		return ErrHold // what is in flight may change the state
	}
	return nil
}

// literalMode: RFC 7888, sections 4 and 5. A message that the server will refuse
// is announced first, so that it need not travel. RFC 7889, section 4.
func (s *ClientSession) literalMode(args any) LiteralMode {
	mode := SyncLiterals
	switch {
	case s.Has(CapLiteralPlus):
		mode = PlusLiterals
	case s.Has(CapLiteralMinus), s.Has(CapRev2):
		mode = MinusLiterals
	}
	if a, ok := args.(*AppendArgs); ok && mode == PlusLiterals {
		if v, ok := s.caps.Value(CapAppendLimit); ok {
			limit, err := ascii.ParseUint(v, 1<<63-1)
			for i := range a.Messages {
				if err == nil && a.Messages[i].Size > limit {
					return SyncLiterals
				}
			}
		}
	}
	return mode
}

// Configure sets what an Encoder has to know of the session.
func (s *ClientSession) Configure(e *Encoder) {
	e.Grammar, e.UTF8, e.Rev2 = s.Grammar, s.Enabled(CapUTF8Accept), s.Enabled(CapRev2)
}

func (s *ClientSession) grammar() *Grammar {
	if s.Grammar == nil {
		return Full()
	}
	return s.Grammar
}

// authenticating returns the AUTHENTICATE in flight, or nil.
func (s *ClientSession) authenticating() *Command { return s.inFlight("AUTHENTICATE") }

func (s *ClientSession) inFlight(name string) *Command {
	for _, c := range s.flight {
		if c.Spec.Name == name {
			return c
		}
	}
	return nil
}

// AppendResponse appends the line that answers a challenge.
func (s *ClientSession) AppendResponse(dst, response []byte) []byte {
	return append(ascii.AppendBase64(dst, response), "\r\n"...)
}

// AppendCancel appends the line that gives AUTHENTICATE up.
func (s *ClientSession) AppendCancel(dst []byte) []byte { return append(dst, "*\r\n"...) }

// AppendDone appends the line that ends IDLE, once it has begun.
func (s *ClientSession) AppendDone(dst []byte) []byte { return append(dst, "DONE\r\n"...) }

// TLSDone says that TLS is on: nothing that was said before it counts. RFC 9051,
// section 6.2.1.
func (s *ClientSession) TLSDone() {
	if !s.upgrade || s.base != NotAuthenticated {
		panic("imap: TLSDone without STARTTLS")
	}
	s.tls, s.upgrade, s.caps, s.enabled = true, false, nil, nil
}

// Compressed says that compression is on.
func (s *ClientSession) Compressed() {
	if !s.upgrade || s.base == NotAuthenticated {
		panic("imap: Compressed without COMPRESS")
	}
	s.upgrade = false
}

// done removes a command from those in flight.
func (s *ClientSession) done(tag string) *Command {
	i := slices.IndexFunc(s.flight, func(c *Command) bool { return c.Tag == tag })
	if i < 0 {
		return nil
	}
	c := s.flight[i]
	s.flight = slices.Delete(s.flight, i, i+1)
	if c == s.waiting {
		s.waits, s.waiting = 0, nil
	}
	return c
}

package imap

// Literal decides on a literal that Reader.Next announced. Give the verdict to
// Reader.Decide; for Inline, and a literal that is synchronising, send "+" then.
// For Stream call Step with a.Head, and send "+" in front of the first octet
// that is read. For Refuse go on with Next.
func (s *ServerSession) Literal(a *Announce) Verdict {
	switch {
	case s.sub == Authenticating, s.sub == Idling:
		return refuse(Bad("", "no literal belongs here"))
	case a.Overflow:
		return refuse(Bad("TOOBIG", "literal too big"))
	case a.NonSync && a.Size > maxMinusLiteral && s.Caps().Has(CapLiteralMinus) && !s.Caps().Has(CapLiteralPlus): // RFC 7888, section 5
		return refuse(Bad("TOOBIG", "literal too big to come without being asked for"))
	}
	v := s.literalOf(a)
	limit := s.Limits.literal(s.authed())
	switch {
	case v.Do == Refuse:
	case v.Do == Stream:
		if a.Size > uint64(s.Limits.message()) { // RFC 7889, section 4
			return refuse(No("TOOBIG", "message too big"))
		}
	case a.Size > uint64(limit):
		return refuse(No("TOOBIG", "literal too big"))
	case a.Octets+int64(a.Size) > s.Limits.literals(s.authed()), a.Literals >= s.Limits.numLiterals(s.authed()):
		return refuse(No("LIMIT", "too many literals"))
	}
	return v
}

// literalOf asks the command.
func (s *ServerSession) literalOf(a *Announce) Verdict {
	p := s.parse(a.Head)
	if s.sub == Appending {
		return s.literalOfPart(p)
	}
	var c Command
	p.tag(&c)
	p.SP()
	p.commandName(&c)
	if p.err != nil {
		return refuse(Bad("", "unknown command"))
	}
	if r := s.outOfPlace(&c); r != nil {
		return refuse(r)
	}
	switch {
	case c.Spec.Front != nil:
		return s.literalOfMessage(p, &c, a)
	case c.Spec.Literal != nil:
	case a.Binary: // RFC 9051, section 4.3.1
		return refuse(Bad("", "no literal8 belongs here"))
	default:
		return Verdict{Do: Inline}
	}
	v := c.Spec.Literal(p, a)
	if p.err != nil {
		return refuse(argumentError(c.Spec, p.err))
	}
	return v
}

// literalOfMessage decides on a literal of APPEND, or of a command like it: on
// one in front of the message, or on the message. All that Step would refuse is
// refused here, while the octets can still be dropped.
func (s *ServerSession) literalOfMessage(p *Parser, c *Command, a *Announce) Verdict {
	if c.Spec.Front(p, c); p.cut && !a.Binary {
		return Verdict{Do: Inline}
	}
	if r := s.stepFront(p, c, new(AppendMessage)); r != nil {
		return refuse(r)
	}
	return Verdict{Do: Stream}
}

// stepFront goes on behind Front, up to the octets of the message.
func (s *ServerSession) stepFront(p *Parser, c *Command, m *AppendMessage) *Reject {
	s.appendMessage(p, m)
	c.Traits = c.Spec.Traits.effective(c.UID, p.traits)
	if p.err != nil {
		return argumentError(c.Spec, p.err)
	}
	return s.outOfBounds(c)
}

// literalOfPart decides on a message behind the first one.
func (s *ServerSession) literalOfPart(p *Parser) Verdict {
	switch {
	case !s.Caps().Has(CapMultiAppend) || s.cmd.Spec.Name != "APPEND": // RFC 3502
		return refuse(Bad("", "one message at a time"))
	case s.messages >= s.Limits.messages():
		return refuse(No("LIMIT", "too many messages"))
	}
	p.appendTail(&AppendMessage{UTF8: s.tail})
	if s.appendMessage(p, new(AppendMessage)); p.err != nil {
		return refuse(rejectOf(p.err))
	}
	return Verdict{Do: Stream}
}

// stepAppend takes APPEND, or a command like it, up to the octets of its first
// message.
func (s *ServerSession) stepAppend(p *Parser, c *Command) Event {
	e := &s.events.append
	*e = AppendEvent{Spec: c.Spec, UID: c.UID}
	c.Spec.Front(p, c)
	if r := s.stepFront(p, c, &e.Message); r != nil {
		return s.refuse(r)
	}
	e.Args = c.Args
	if a, ok := c.Args.(*AppendArgs); ok {
		e.Mailbox = a.Mailbox
	}
	s.messages, s.append = 1, nil
	s.tail = e.Message.UTF8
	s.noteEmpty(&e.Message)
	// The state moves here and not in Settle: whatever the verdict will be, what
	// comes next belongs to this command.
	s.sub = Appending
	return s.ask(e)
}

// appendMessage takes a message up to its octets, which end the input.
func (s *ServerSession) appendMessage(p *Parser, m *AppendMessage) {
	p.appendHead(m)
	var ok bool
	if m.Size, m.Binary, ok = p.Announced(); !ok {
		p.Fail("the literal of a message")
	}
	if m.Binary && !m.UTF8 && !s.Caps().Has(CapBinary) { // RFC 3516, section 4.4
		p.Fail("a literal, since BINARY is not offered")
	}
	if m.UTF8 && !s.Caps().Has(CapUTF8Accept) { // RFC 6855, section 4
		p.Fail("a literal, since UTF8=ACCEPT is not offered")
	}
}

// noteEmpty remembers a message without octets: it cancels the command. RFC 3502,
// section 6.3.11.
func (s *ServerSession) noteEmpty(m *AppendMessage) {
	if m.Size == 0 {
		s.append = No("", "a message without octets")
	}
}

// stepMore takes what is behind the octets of a message: another one, or the end.
func (s *ServerSession) stepMore(rest []byte) Event {
	switch s.open.(type) {
	case *AppendEvent, *AppendPart:
	default:
		panic("imap: Step before the last event was settled")
	}
	p := s.parse(rest)
	p.appendTail(&AppendMessage{UTF8: s.tail})
	if p.AtEnd() {
		return s.appendEnd(nil)
	}
	e := &s.events.part
	*e = AppendPart{}
	if s.appendMessage(p, &e.Message); p.err != nil {
		return s.appendEnd(rejectOf(p.err))
	}
	s.messages++
	s.tail = e.Message.UTF8
	s.noteEmpty(&e.Message)
	return s.ask(e)
}

// appendEnd opens the event at the end of the command.
func (s *ServerSession) appendEnd(r *Reject) Event {
	if r == nil {
		r = s.append
	}
	s.events.end = AppendEnd{r}
	return s.ask(&s.events.end)
}

func (s *ServerSession) settleAppend(st Status) Reply {
	end, whole := s.open.(*AppendEnd)
	if st.Kind == OK {
		if !whole {
			panic("imap: Settle of APPEND with OK before its end")
		}
		if end.Err != nil {
			st = end.Err.Status()
		}
	}
	return s.tagged(st)
}

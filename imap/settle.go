package imap

// Settle takes the verdict on the open event and returns the reply to send. It
// is where the state moves: on OK, but for the few events that say otherwise.
// It completes the reply (codes that are fixed), and ends the session when a
// limit is reached: if State is Closed then, close the connection behind it.
//
// A status that is no verdict, PREAUTH, becomes NO; BYE ends the session.
func (s *ServerSession) Settle(st Status) Reply {
	if s.open == nil {
		panic("imap: Settle without an event")
	}
	switch {
	case st.Kind >= PREAUTH:
		st.Kind = NO
	case st.Kind == BYE:
		r := Reject(st)
		return s.Fail(&r)
	}
	switch e := s.open.(type) {
	case *LoginEvent, *AuthEvent, *AuthLine:
		return s.settleLogin(st)
	case *StartTLSEvent:
		return s.settleUpgrade(st)
	case *CompressEvent:
		return s.settleUpgrade(st)
	case *CommandEvent:
		s.enableCondstore(st)
	case *SelectEvent:
		s.enableCondstore(st)
		return s.settleSelect(e, st)
	case *CloseEvent:
		if st.Kind == OK {
			s.move(Authenticated)
		}
	case *IdleEvent:
		if st.Kind == OK {
			s.open, s.sub = nil, Idling
			return Reply{Tag: "+", Status: Status{Text: "idling"}}
		}
	case *AppendEvent, *AppendPart, *AppendEnd:
		return s.settleAppend(st)
	case *UnauthenticateEvent:
		return s.settleUnauthenticate(st)
	case *LogoutEvent:
		s.move(Closed)
		r := s.tagged(Status{Text: st.Text})
		r.Bye = "logging out"
		return r
	case *Answer:
		return s.settleAnswer(e)
	}
	return s.tagged(st)
}

// tagged ends the command with its tagged reply. What it was inside of, as
// AUTHENTICATE, IDLE or APPEND, is over; only BAD counts against the client.
func (s *ServerSession) tagged(st Status) Reply {
	s.open, s.sub = nil, s.base
	s.parser.Reset(nil) // the Reader's buffer is not kept alive through an idle time
	if st.Kind != BAD {
		s.bad = 0
	} else if s.bad++; s.bad >= s.Limits.bad(s.authed()) && s.base != Closed {
		return s.bye(st, "too many mistakes")
	}
	return Reply{Tag: s.cmd.Tag, Status: st}
}

// bye ends the session behind a reply.
func (s *ServerSession) bye(st Status, text string) Reply {
	s.open = nil
	s.move(Closed)
	return Reply{Tag: s.cmd.Tag, Status: st, Bye: text}
}

// enableCondstore: a command with a trace of CONDSTORE switches it on, also if
// it fails, but not if it was no command at all. RFC 7162, section 3.1.
func (s *ServerSession) enableCondstore(st Status) {
	if st.Kind != BAD && s.firstCondstore(&s.cmd) {
		s.enabled = append(s.enabled, CapCondstore)
	}
}

func (s *ServerSession) settleAnswer(e *Answer) Reply {
	if e.Status.Kind == OK {
		s.enabled = append(s.enabled, s.fresh...)
	}
	s.fresh = nil
	return s.tagged(e.Status)
}

// settleUpgrade ends STARTTLS and COMPRESS.
func (s *ServerSession) settleUpgrade(st Status) Reply {
	r := s.tagged(st)
	if st.Kind == OK {
		s.sub = Upgrading
	}
	return r
}

// TLSDone says that TLS is on. The session is as a new one: nothing of what was
// said in cleartext counts. RFC 9051, section 6.2.1.
func (s *ServerSession) TLSDone() {
	if s.sub != Upgrading || s.base != NotAuthenticated {
		panic("imap: TLSDone without STARTTLS")
	}
	s.tls, s.offered, s.bad, s.authFails, s.enabled = true, false, 0, 0, nil
	s.cmd = Command{}
	s.sub = s.base
}

// Compressed says that compression is on. RFC 4978, section 3.
func (s *ServerSession) Compressed() {
	if s.sub != Upgrading || s.base == NotAuthenticated {
		panic("imap: Compressed without COMPRESS")
	}
	s.compressed, s.sub = true, s.base
}

// settleSelect: a SELECT that ends NO leaves nothing selected. BAD means that it
// was not attempted. RFC 9051, section 6.3.2.
func (s *ServerSession) settleSelect(e *SelectEvent, st Status) Reply {
	switch st.Kind {
	case OK:
		s.move(Selected)
		s.mailbox = e.Mailbox
		s.readOnly = e.ReadOnly || st.Code.Name == "READ-ONLY"
		switch {
		case s.readOnly:
			st.Code = Code{Name: "READ-ONLY"}
		case st.Code.Name == "":
			st.Code = Code{Name: "READ-WRITE"}
		}
	case NO:
		s.move(Authenticated)
	}
	return s.tagged(st)
}

// settleUnauthenticate: RFC 8437, sections 3 and 4.
func (s *ServerSession) settleUnauthenticate(st Status) Reply {
	if st.Kind == OK {
		s.enabled, s.compressed = nil, false
		s.move(NotAuthenticated)
	} else {
		st.Kind = BAD
	}
	return s.tagged(st)
}

// Fail ends the session for a reason of the driver's: a timeout, a shutdown, a
// mailbox that is gone. It returns the BYE to send, which is err if that is a
// *Reject of BYE. RFC 9051, section 7.1.5.
func (s *ServerSession) Fail(err error) Reply {
	st := Status{Kind: BYE, Text: "closing the connection"}
	if r, ok := err.(*Reject); ok && r.Kind == BYE {
		st = r.Status()
	}
	s.wipe()
	s.open = nil
	s.move(Closed)
	return Reply{Tag: "*", Status: st}
}

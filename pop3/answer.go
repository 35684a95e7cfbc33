package pop3

// settleAnswer does what the command does.
func (s *ServerSession) settleAnswer(e *Answer) {
	switch s.verb {
	case USER:
		s.user, s.hasUser = s.name, true
		s.name = ""
	case UTF8:
		s.utf8 = true
	case DELE:
		s.drop.mark(s.index)
	case RSET:
		s.drop.unmark()
	case QUIT:
		s.state = Closed
	}
	if e.Multi {
		s.listing, s.listed = s.verb, 0
	}
}

// AppendLines appends the next part of the body of an Answer: whole lines, dots
// stuffed, 4 KiB of them or a little more, behind the last of them the lone dot.
// more: there is more to come.
func (s *ServerSession) AppendLines(dst []byte) (out []byte, more bool) {
	switch s.listing {
	case UnknownVerb:
		panic("pop3: AppendLines without a body")
	case CAPA:
		dst = AppendCaps(dst, s.caps())
	case AUTH:
		for _, m := range s.Config.Mechanisms {
			dst = appendCapability(dst, m) // the same grammar keeps it to its line
		}
	case LANG:
		dst = s.appendLanguages(dst)
	default:
		dst, s.listed = s.drop.appendList(dst, s.listing, s.listed)
		if s.listed < s.drop.len() {
			return dst, true
		}
	}
	s.listing = UnknownVerb
	return append(dst, ".\r\n"...), false
}

// caps is what CAPA lists: the same in both states, but for what each user may
// have a value of his own. RFC 2449, section 5.
func (s *ServerSession) caps() Caps {
	c := &s.Config
	caps := Caps{
		Top: s.offers(TOP), UIDL: s.offers(UIDL), Lang: s.offers(LANG),
		User:           s.offers(USER) && s.mayLogin(),
		STLS:           s.offers(STLS) && !s.tls,
		RespCodes:      !s.hidden("RESP-CODES"),
		AuthRespCode:   !s.hidden("RESP-CODES") && !s.hidden("AUTH-RESP-CODE"),
		Pipelining:     !s.hidden("PIPELINING"),
		UTF8:           s.offers(UTF8),
		UTF8User:       s.offers(UTF8),
		LoginDelay:     c.Delay,
		Expire:         c.Expire,
		Implementation: c.Implementation,
	}
	if s.mayLogin() {
		caps.SASL = c.Mechanisms
	}
	if s.state == Transaction {
		caps.LoginDelay.PerUser, caps.Expire.PerUser = false, false
	}
	return caps
}

// SetPolicy sets LOGIN-DELAY and EXPIRE of the user who logs in. Call it before
// Open. RFC 2449, sections 6.5 and 6.7.
func (s *ServerSession) SetPolicy(delay, expire Period) {
	if s.state != Authorization && s.state != Authing {
		panic("pop3: SetPolicy in state " + s.state.String())
	}
	s.drop.delay, s.drop.expire, s.drop.policy = delay, expire, true
}

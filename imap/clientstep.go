package imap

import (
	"bytes"
	"errors"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Bounds is what to give to Reader.Next.
func (s *ClientSession) Bounds() Bounds {
	return Bounds{Line: s.Limits.responseLine(), Skip: 1 << 30}
}

// Literal decides on a literal that Reader.Next announced: one that is small is
// kept in memory, a long one of a FETCH is streamed, any other is dropped with
// the response that it is in.
func (s *ClientSession) Literal(a *Announce) Verdict {
	limit := s.Limits.responseLiteral()
	if a.Overflow {
		return refuse(Bad("", "literal too big"))
	}
	if a.Size <= uint64(limit) && a.Octets <= 4*limit {
		return Verdict{Do: Inline}
	}
	if s.row != nil {
		return Verdict{Do: Stream}
	}
	p := s.parse(a.Head)
	r := new(Response)
	if p.Try('*'); s.base == Selected {
		p.SP()
		r.Num = p.NZNumber()
		p.SP()
		if p.TryWord("FETCH") {
			p.SP()
			p.Expect('(')
			row := new(FetchRow)
			if p.fetchValues(row); p.AtEnd() && row.Open {
				return Verdict{Do: Stream}
			}
		}
	}
	return refuse(Bad("", "literal too big"))
}

func (s *ClientSession) parse(input []byte) *Parser {
	p := &s.parser
	p.Reset(input)
	p.Grammar, p.Lenient, p.Depth = s.Grammar, !s.Strict, 1000
	p.UTF8 = s.Enabled(CapUTF8Accept) || s.Enabled(CapRev2)
	if p.slabs = nil; len(input) <= slabLine {
		p.slabs = &s.slabs
	}
	return p
}

// Step takes a gathered response, or for a literal with the verdict Stream the
// Head of its announcement, or the rest behind one. An error means that the
// server does not speak IMAP, or answers what nobody asked: close. Nothing of
// input is kept.
func (s *ClientSession) Step(input []byte) (ClientEvent, error) {
	defer s.parser.Reset(nil) // the Reader's buffer is not kept alive through an idle time
	if s.row != nil {
		return s.stepRow(input), nil
	}
	p := s.parse(input)
	if !s.greeted {
		return s.stepGreeting(p)
	}
	d := p.slabs.data()
	if s.openRow(p, d) {
		return d, nil
	}
	p = s.parse(input)
	if p.response(&d.Response); p.err != nil {
		return nil, p.err
	}
	st, isStatus := d.Status()
	switch {
	case d.Tag == "+":
		return s.stepPlus(d.Raw), nil
	case d.Tag != "*":
		return s.stepDone(d.Tag, st)
	case isStatus && st.Kind == BYE:
		s.base = Closed
		return &Bye{st}, nil
	}
	s.learn(d)
	return d, nil
}

// BadLine is Step for a response that Reader.Next dropped: for a *FrameError that
// is not Fatal. Of a status enough is left to know whose it is.
func (s *ClientSession) BadLine(e *FrameError) (ClientEvent, error) {
	if s.row != nil {
		d := s.row
		s.row, d.Err = nil, e
		d.Value.(*FetchRow).Open = false
		return d, nil
	}
	p := s.parse(e.Head)
	r := new(Response)
	p.response(r)
	if st, ok := r.Status(); ok && r.Tag != "*" {
		return s.stepDone(r.Tag, st)
	}
	return &Data{Response: Response{Tag: "*", Name: r.Name, Num: r.Num, Err: e}}, nil
}

// stepGreeting: RFC 9051, section 7.1.
func (s *ClientSession) stepGreeting(p *Parser) (ClientEvent, error) {
	r := new(Response)
	if p.response(r); p.err != nil {
		return nil, p.err
	}
	st, ok := r.Status()
	if !ok || r.Tag != "*" || st.Kind == NO || st.Kind == BAD {
		return nil, &SyntaxError{Want: "a greeting", Got: quote(p.buf)}
	}
	s.greeted = true
	g := &Greeting{Status: st}
	switch st.Kind {
	case BYE:
		s.base = Closed
		return g, nil
	case PREAUTH:
		if s.NeedTLS && !s.tls {
			// STARTTLS is not allowed any more, so an attacker could keep TLS away
			// by this one word. RFC 9051, section 7.1.4.
			s.base, g.Err = Closed, ErrInsecure
			return g, nil
		}
		s.base = Authenticated
	}
	s.learnCode(st.Code)
	return g, nil
}

// openRow takes a FETCH that ends in a streamed literal.
func (s *ClientSession) openRow(p *Parser, d *Data) bool {
	if s.base != Selected || !bytes.HasSuffix(p.buf, closing) || !p.Try('*') || !p.Try(' ') {
		return false
	}
	row := p.slabs.row()
	n := p.Number()
	if !p.Try(' ') || !p.TryWord("FETCH") || !p.Try(' ') || !p.Try('(') {
		return false
	}
	if p.fetchValues(row); p.err != nil || !row.Open {
		return false
	}
	row.Seq = SeqNum(n)
	d.Response = Response{Tag: "*", Name: "FETCH", Num: n, Value: row}
	s.row = d
	return true
}

// stepRow goes on with a FETCH behind a streamed literal.
func (s *ClientSession) stepRow(rest []byte) ClientEvent {
	d := s.row
	row := d.Value.(*FetchRow)
	p := s.parse(rest)
	if p.fetchValues(row); !row.Open {
		p.End()
		s.row = nil
	}
	if p.err != nil { // what came before is good
		s.row, row.Open, d.Err = nil, false, p.err
	}
	return d
}

// stepPlus finds the command that a continuation request belongs to: the one
// that waits for it, of which there is at most one.
func (s *ClientSession) stepPlus(text []byte) ClientEvent {
	e := &Plus{Text: text}
	idle := s.inFlight("IDLE")
	switch auth := s.authenticating(); {
	case s.waits > 0:
		s.waits--
		e.Tag = s.waiting.Tag
	case auth != nil:
		e.Tag = auth.Tag
		if e.Challenge, e.Err = ascii.ParseBase64([]byte{}, text); e.Err != nil {
			e.Challenge = nil
		}
	case idle != nil:
		e.Tag = idle.Tag
		s.idling = true
	}
	return e
}

// learn takes from untagged data what the session has to know, and marks what is
// out of place.
func (s *ClientSession) learn(d *Data) {
	switch v := d.Value.(type) {
	case Caps:
		switch d.Name {
		case "CAPABILITY":
			s.caps = v
		case "ENABLED":
			d.Dropped = s.base == NotAuthenticated
			if !d.Dropped {
				for _, c := range v {
					if !s.enabled.Has(c) {
						s.enabled = append(s.enabled, c)
					}
				}
				if s.enabled.Has(CapQResync) && !s.enabled.Has(CapCondstore) {
					s.enabled = append(s.enabled, CapCondstore)
				}
			}
		}
	case Status:
		s.learnCode(v.Code)
	default:
		d.Dropped = s.base == NotAuthenticated && d.Name != "ID"
	}
}

func (s *ClientSession) learnCode(c Code) {
	if caps, ok := c.Arg.(Caps); ok && c.Name == "CAPABILITY" {
		s.caps = caps
	}
}

// stepDone takes a tagged response. It is where the state moves.
func (s *ClientSession) stepDone(tag string, st Status) (ClientEvent, error) {
	c := s.done(tag)
	if c == nil || st.Kind > BAD {
		return nil, ErrTag
	}
	ok := st.Kind == OK
	s.slabs = slabs{} // who waits needs none
	switch name := c.Spec.Name; {
	case name == "IDLE":
		s.idling = false
	case name == "SELECT" || name == "EXAMINE":
		switch {
		case ok:
			s.base = Selected
		case st.Kind == NO && s.base == Selected:
			s.base = Authenticated // RFC 9051, section 6.3.2
		}
	case !ok:
	case name == "LOGIN" || name == "AUTHENTICATE":
		s.base, s.caps = Authenticated, nil
	case name == "CLOSE" || name == "UNSELECT":
		s.base = Authenticated
	case name == "UNAUTHENTICATE":
		s.base, s.caps, s.enabled = NotAuthenticated, nil, nil
	case name == "STARTTLS" || name == "COMPRESS":
		s.upgrade = true
	case name == "LOGOUT":
		s.base = Closed
	}
	if ok {
		s.learnCode(st.Code)
	}
	return &Done{tag, c, st}, nil
}

// Err returns the answer as an error: nil for OK, else a *StatusError.
func (d *Done) Err() error {
	if d.Status.Kind == OK {
		return nil
	}
	return &StatusError{d.Command.Name(), d.Status}
}

// ErrorOf returns the Status of the *StatusError that err is or wraps.
func ErrorOf(err error) (Status, bool) {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Status, true
	}
	return Status{}, false
}

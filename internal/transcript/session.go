package transcript

import (
	"errors"
	"io"
)

// Session is a server without a connection: a session machine, with as much of
// a driver around it as a test needs.
type Session struct {
	// Feed takes octets of the client. They are overwritten afterwards.
	Feed func(octets []byte)

	// Take returns what came out since the last call. It is called before
	// anything is fed, for the greeting, and after each Feed.
	Take func() Output

	// End tells that the client has closed. nil: a script with C: <close> fails.
	End func()

	// StartTLS tells that the handshake is done. nil: a script with
	// "-- tls --" fails.
	StartTLS func() error
}

// Output is what a [Session] produced.
type Output struct {
	Octets []byte   // for the client
	Events []string // what the handler saw
	Closed bool     // the server ends the connection behind Octets
}

// PlaySession plays the client of the script against a session. Batches are
// fed in pieces of at most split octets; zero means whole. The errors are those
// of [Script.PlayClient]. Being synchronous it is stricter: output that comes
// before the script has it is a failure.
func (s *Script) PlaySession(session Session, split int) error {
	peer := &sessionPeer{session: session, split: split}
	peer.pull()
	p := player{script: s, side: Client, peer: peer}
	return p.play()
}

type sessionPeer struct {
	session Session
	split   int
	out     []byte
	events  []string
	closed  bool
}

func (s *sessionPeer) pull() {
	o := s.session.Take()
	s.out = append(s.out, o.Octets...)
	s.events = append(s.events, o.Events...)
	s.closed = s.closed || o.Closed
}

func (s *sessionPeer) send(octets []byte) error {
	split := s.split
	if split <= 0 {
		split = len(octets)
	}
	for len(octets) > 0 && !s.closed { // as a server that closes stops reading
		piece := octets[:min(split, len(octets))]
		octets = octets[len(piece):]
		s.session.Feed(piece)
		for i := range piece {
			piece[i] = 0xDD
		}
		s.pull()
	}
	return nil
}

func (s *sessionPeer) receive(buf []byte) ([]byte, error) {
	if len(s.out) == 0 && s.closed {
		return buf, io.EOF
	}
	if len(s.out) == 0 {
		return buf, errQuiet
	}
	buf = append(buf, s.out...)
	s.out = s.out[:0]
	return buf, nil
}

func (s *sessionPeer) close() error {
	if s.session.End == nil {
		return errors.New("Session.End is not set")
	}
	s.session.End()
	s.pull()
	return nil
}

func (s *sessionPeer) observed() bool { return true }

func (s *sessionPeer) event() (string, error) {
	e, ok := s.unseen()
	if !ok {
		return "", errQuiet
	}
	s.events = s.events[1:]
	return e, nil
}

func (s *sessionPeer) unseen() (string, bool) {
	if len(s.events) == 0 {
		return "", false
	}
	return s.events[0], true
}

func (s *sessionPeer) startTLS() error {
	if s.session.StartTLS == nil {
		return errors.New("Session.StartTLS is not set")
	}
	if err := s.session.StartTLS(); err != nil {
		return err
	}
	s.pull()
	return nil
}

func (s *sessionPeer) lockstep() bool { return true }

func (s *sessionPeer) finish(bool) error { return nil }

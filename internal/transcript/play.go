package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Bounds on what the peer may send without matching anything.
const (
	maxLine  = 8 << 20
	maxSkips = 10000
)

// peer is the side that is under test: a connection or a session.
type peer interface {
	// send carries octets to the peer.
	send(octets []byte) error
	// close ends the connection from our side.
	close() error
	// receive appends what the peer says next to buf. It returns io.EOF when
	// the peer has ended the connection.
	receive(buf []byte) ([]byte, error)
	// event returns the next event. None is expected when !observed.
	event() (string, error)
	observed() bool
	// unseen returns an event that nobody asked for, if there is one.
	unseen() (string, bool)
	// startTLS upgrades our side.
	startTLS() error
	// lockstep reports whether the peer has said all it has to say when we
	// send something, so that anything left over then is one too many.
	lockstep() bool
	// finish ends what is still going on. It returns what went wrong unnoticed.
	finish(failed bool) error
}

// errQuiet is what receive and event return when nothing more will come.
var errQuiet = errors.New("nothing more came")

// player plays one side of a script against a peer.
type player struct {
	script *Script
	side   Side // ours
	peer   peer
	in     []byte          // received and not yet matched
	log    strings.Builder // the transcript so far
}

func (p *player) play() error {
	err := p.steps()
	ferr := p.peer.finish(err != nil)
	if ferr == nil {
		return err
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		f.Err = errors.Join(f.Err, ferr)
		return f
	}
	return p.fail(p.last(), "all octets sent", "an error", ferr)
}

func (p *player) steps() error {
	steps := p.script.Steps
	for i := 0; i < len(steps); {
		n, err := p.step(steps[i:])
		if err != nil {
			return err
		}
		i += n
	}
	return p.nothingLeft()
}

// step plays the first of steps, or more that belong to it, and says how many.
func (p *player) step(steps []Step) (int, error) {
	step := steps[0]
	ours := step.Side == p.side
	switch {
	case step.Kind == Event:
		return 1, p.expectEvent(step)
	case step.Kind == StartTLS:
		return 1, p.startTLS(step)
	case ours && step.Kind == Close:
		return 1, p.close(step)
	case ours:
		return p.send(steps)
	case step.Kind == Close:
		return 1, p.expectClose(step)
	case step.Kind == Raw:
		return 1, p.expectRaw(step)
	case step.Kind == Skip:
		return 2, p.expectLine(steps[1], maxSkips)
	}
	return 1, p.expectLine(step, 0)
}

func (p *player) close(step Step) error {
	p.record(step)
	if err := p.peer.close(); err != nil {
		return p.fail(step, "to close", "an error", err)
	}
	return nil
}

// send sends the lines of our side that have nothing between them.
func (p *player) send(steps []Step) (int, error) {
	if p.drain(); p.peer.lockstep() && len(p.in) > 0 {
		return 0, p.fail(steps[0], "no output before this line", p.takeAll(), nil)
	}
	var octets []byte
	n := 0
	for _, step := range steps {
		if step.Side != p.side || step.Kind == Close {
			break
		}
		if step.Kind == Skip || step.Kind == Line && hasWild(step.Text) {
			return 0, &SyntaxError{p.script.File, step.Line, fmt.Sprintf("the %s cannot send a wild card: %s", p.side, step)}
		}
		p.record(step)
		octets = append(octets, step.octets()...)
		n++
	}
	if err := p.peer.send(octets); err != nil {
		return 0, p.fail(steps[0], "to send this", "an error", err)
	}
	return n, nil
}

// expectLine takes lines until one matches step, at most skips others.
func (p *player) expectLine(step Step, skips int) error {
	for ; ; skips-- {
		line, err := p.takeLine()
		if err != nil {
			return p.fail(step, strconv.Quote(step.octets()), p.takeAll(), err)
		}
		p.record(said(step.Side, line))
		text, ok := strings.CutSuffix(line, "\r\n")
		if ok && match(step.Text, text) {
			return nil
		}
		if skips <= 0 {
			return p.fail(step, strconv.Quote(step.octets()), strconv.Quote(line), nil)
		}
	}
}

// takeLine returns the next line with its LF.
func (p *player) takeLine() (string, error) {
	for searched := 0; ; {
		if i := bytes.IndexByte(p.in[searched:], '\n'); i >= 0 {
			return p.take(searched + i + 1), nil
		}
		searched = len(p.in)
		if searched > maxLine {
			return "", fmt.Errorf("a line of more than %d octets", maxLine)
		}
		if err := p.receive(); err != nil {
			return "", err
		}
	}
}

// expectRaw takes the octets of step. It fails at the first wrong octet rather
// than waiting for as many as it wants.
func (p *player) expectRaw(step Step) error {
	for {
		n := min(len(p.in), len(step.Text))
		if string(p.in[:n]) != step.Text[:n] {
			got := p.take(n)
			p.record(said(step.Side, got))
			return p.fail(step, strconv.Quote(step.Text), strconv.Quote(got), nil)
		}
		if n == len(step.Text) {
			p.take(n)
			p.record(step)
			return nil
		}
		if err := p.receive(); err != nil {
			return p.fail(step, strconv.Quote(step.Text), p.takeAll(), err)
		}
	}
}

func (p *player) expectClose(step Step) error {
	var err error
	if len(p.in) == 0 {
		err = p.receive()
	}
	if err == io.EOF {
		p.record(step)
		return nil
	}
	return p.fail(step, "end of connection", p.takeAll(), err)
}

func (p *player) expectEvent(step Step) error {
	if !p.peer.observed() {
		return nil
	}
	got, err := p.peer.event()
	if err != nil {
		return p.fail(step, strconv.Quote(step.Text), "no event", err)
	}
	p.record(Step{Kind: Event, Text: got})
	if !match(step.Text, got) {
		return p.fail(step, strconv.Quote(step.Text), strconv.Quote(got), nil)
	}
	return nil
}

func (p *player) startTLS(step Step) error {
	if p.drain(); len(p.in) > 0 { // would be taken for a part of the handshake, or lost
		return p.fail(step, "nothing before the handshake", p.takeAll(), nil)
	}
	p.record(step)
	if err := p.peer.startTLS(); err != nil {
		return p.fail(step, "TLS", "no TLS", err)
	}
	return nil
}

// nothingLeft is the check at the end of the script.
func (p *player) nothingLeft() error {
	closed := p.drain()
	if len(p.in) > 0 {
		return p.fail(p.last(), "nothing behind the last line", p.takeAll(), nil)
	}
	if closed && !p.has(Close) {
		return p.fail(p.last(), "an open connection", "its end", nil)
	}
	if !p.has(Event) {
		return nil
	}
	if got, ok := p.peer.unseen(); ok {
		p.record(Step{Kind: Event, Text: got})
		return p.fail(p.last(), "no further event", strconv.Quote(got), nil)
	}
	return nil
}

func (p *player) has(k Kind) bool {
	return slices.ContainsFunc(p.script.Steps, func(s Step) bool { return s.Kind == k })
}

// drain takes what a peer in lock-step has said, and reports whether it has
// ended the connection behind it. Of others nothing is known yet.
func (p *player) drain() (closed bool) {
	if !p.peer.lockstep() {
		return false
	}
	for {
		if err := p.receive(); err != nil {
			return err == io.EOF
		}
	}
}

// receive waits for the peer to say more.
func (p *player) receive() error {
	var err error
	p.in, err = p.peer.receive(p.in)
	return err
}

// take removes n octets from what was received.
func (p *player) take(n int) string {
	octets := string(p.in[:n])
	p.in = p.in[n:]
	return octets
}

// takeAll removes, records and quotes what was received, for a failure.
func (p *player) takeAll() string {
	all := p.take(len(p.in))
	if all == "" {
		return "nothing"
	}
	for line := range strings.Lines(all) {
		p.record(said(p.other(), line))
	}
	return strconv.Quote(all)
}

func (p *player) other() Side {
	if p.side == Client {
		return Server
	}
	return Client
}

func (p *player) last() Step {
	if n := len(p.script.Steps); n > 0 {
		return p.script.Steps[n-1]
	}
	return Step{Line: 1}
}

func (p *player) record(step Step) {
	if step.Kind == Event && !plain(step.Text) {
		step.Text = strconv.Quote(step.Text) // must not look like other lines
	}
	p.log.WriteString(step.String() + "\n")
}

func (p *player) fail(step Step, want, got string, err error) error {
	if err == errQuiet {
		err = nil // got says it already
	}
	return &Failure{
		File: p.script.File, Line: step.Line, Rule: p.script.Rule,
		Want: want, Got: got, Err: err, Transcript: p.log.String(),
	}
}

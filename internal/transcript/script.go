package transcript

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Script is a dialogue. It is not changed by playing it, so that one may be
// played by several goroutines.
type Script struct {
	File  string // as given to Parse
	Rule  string // the text of the first line, without its "#"
	Steps []Step // in the order of the file
}

// Step is one line of a script.
type Step struct {
	Line int // in the file, from 1
	Kind Kind
	Side Side // who says it; Nobody for Event and StartTLS

	// Text is the text of a Line (without CRLF) or an Event, with its wild
	// cards and with repetitions written out, or the octets of a Raw.
	Text string
}

// Kind says what a Step is.
type Kind uint8

const (
	Line     Kind = iota // S: text, C: text
	Raw                  // S~ "octets", C~ "octets"
	Skip                 // S: ..., C: ...
	Close                // S: <closed>, C: <close>
	Event                // event: text
	StartTLS             // -- tls --
)

// Side is one end of a connection.
type Side uint8

const (
	Nobody Side = iota
	Client
	Server
)

var sides = map[byte]Side{'C': Client, 'S': Server}

// prefix returns the letter of the side in a script.
func (s Side) prefix() string {
	switch s {
	case Client:
		return "C"
	case Server:
		return "S"
	}
	return "?"
}

// String returns "client", "server" or "nobody".
func (s Side) String() string {
	switch s {
	case Client:
		return "client"
	case Server:
		return "server"
	}
	return "nobody"
}

const (
	closeText  = "<close>"
	closedText = "<closed>"
	skipText   = "..."
	tlsText    = "-- tls --"
	eventText  = "event:"
)

// String returns the step as a line of a script, without a line end. Parsing it
// gives the step again.
func (s Step) String() string {
	switch s.Kind {
	case Raw:
		return s.Side.prefix() + "~ " + strconv.Quote(s.Text)
	case Skip:
		return s.Side.prefix() + ": " + skipText
	case Close:
		if s.Side == Server {
			return "S: " + closedText
		}
		return "C: " + closeText
	case Event:
		return strings.TrimRight(eventText+" "+s.Text, " ")
	case StartTLS:
		return tlsText
	}
	return strings.TrimRight(s.Side.prefix()+": "+s.Text, " ")
}

// String returns the script in its format, without the comments behind the
// first and with repetitions written out.
func (s *Script) String() string {
	var b strings.Builder
	b.WriteString("# " + s.Rule + "\n")
	for _, step := range s.Steps {
		b.WriteString(step.String() + "\n")
	}
	return b.String()
}

// Octets returns everything that a side says, as a seed for a fuzz target or
// the input of a benchmark. Wild cards are taken literally; "250 ..." is a
// reply as good as any.
func (s *Script) Octets(side Side) []byte {
	var b []byte
	for _, step := range s.Steps {
		if step.Side == side {
			b = append(b, step.octets()...)
		}
	}
	return b
}

// octets returns what goes over the wire for the step.
func (s Step) octets() string {
	switch s.Kind {
	case Line:
		return s.Text + "\r\n"
	case Raw:
		return s.Text
	}
	return ""
}

// said returns the step that stands for these octets of a side: a Line where
// that shows all of them, and a Raw otherwise.
func said(side Side, octets string) Step {
	text, ok := strings.CutSuffix(octets, "\r\n")
	if ok && plain(text) && !hasWild(text) {
		switch text {
		case closeText, closedText, skipText:
		default:
			return Step{Kind: Line, Side: side, Text: text}
		}
	}
	return Step{Kind: Raw, Side: side, Text: octets}
}

// plain reports whether a reader of a script can see all of text.
func plain(text string) bool {
	if text != strings.TrimRight(text, " \t") || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\t' && r != ' ' && !unicode.IsPrint(r)
	})
}

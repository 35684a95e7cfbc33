package imap

import (
	"errors"
	"math"

	"github.com/mailwire/mailwire/internal/ascii"
)

// An Announce is a literal that a line ends in: its octets come next. RFC 9051,
// section 4.3.
type Announce struct {
	Head     []byte // the command so far, with the announcement and its CRLF; valid until Next
	Size     uint64
	NonSync  bool // {n+}: the octets come without being asked for. RFC 7888, section 4
	Binary   bool // ~{n}: they may hold NUL
	Overflow bool // Size is a number that does not fit 63 bits: it is 2^63-1 here
	Literals int  // how many literals of this command were gathered before
	Octets   int64
}

// Do says what is done with a literal.
type Do uint8

const (
	Inline Do = iota // gather it with the command
	Stream           // hand it out by Literal
	Refuse           // drop it, and answer the command with Verdict.Reject
)

// A Verdict is the decision on an Announce.
type Verdict struct {
	Do     Do
	Reject Reject // of Refuse
}

// refuse returns the verdict that refuses with r.
func refuse(r *Reject) Verdict { return Verdict{Refuse, *r} }

// announcement finds what a line, without its CRLF, announces at its end:
// "{digits}" or "{digits+}", whatever stands in front, be it an open quote or an
// unknown command, and however large the number is. One that we could not hold
// must not turn into no literal, for then its octets would be read as commands.
func announcement(line []byte, a *Announce) bool {
	i := len(line) - 1
	if i < 2 || line[i] != '}' {
		return false
	}
	a.NonSync = line[i-1] == '+'
	if a.NonSync {
		i--
	}
	start := i
	for start > 0 && ascii.Digit[line[start-1]] {
		start--
	}
	if start == i || start == 0 || line[start-1] != '{' {
		return false
	}
	size, err := ascii.ParseUint(line[start:i], math.MaxInt64)
	a.Size, a.Overflow = size, err != nil
	a.Binary = start >= 2 && line[start-2] == '~'
	return true
}

// A FrameError is a command that was refused before it was whole. What belongs
// to it has been dropped, so that the next octet begins another command; if
// Fatal, it could not be, and the connection has to end.
type FrameError struct {
	Head   []byte // the front of the command, for its tag; valid until Next
	Reject Reject
	Fatal  bool
}

func (e *FrameError) Error() string { return "imap: " + e.Reject.Text + ", in " + quote(e.Head) }

// rejectOf returns the answer that an error of parsing gets: in our words, and
// none of the peer's.
func rejectOf(err error) *Reject {
	if r, ok := errors.AsType[*Reject](err); ok {
		return r
	}
	if e, ok := errors.AsType[*SyntaxError](err); ok {
		return Bad("", "syntax error: want "+e.Want)
	}
	return Bad("", "syntax error")
}

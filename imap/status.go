package imap

import (
	"fmt"
	"strconv"
)

// A Kind is what a status response says: RFC 9051, section 7.1.
type Kind uint8

const (
	OK      Kind = iota // it was done; untagged: information
	NO                  // it was refused, or failed; untagged: a warning
	BAD                 // it was not understood, or is not allowed now
	BYE                 // untagged only: the connection ends
	PREAUTH             // the greeting alone: logged in already
)

var kindNames = [...]string{"OK", "NO", "BAD", "BYE", "PREAUTH"}

func (k Kind) String() string { return nameOf(kindNames[:], k) }

// nameOf returns the name of a value, also of one that has none.
func nameOf[T ~uint8](names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "unknown(" + strconv.Itoa(int(v)) + ")"
}

// A Code is a response code, which tells a program what the text tells a
// person: RFC 9051, section 7.1. Name is in upper case; "" is no code. What Arg
// holds is said at the CodeSpec of the name; for names that nobody knows it is
// the []byte that stood behind the name, or nil.
type Code struct {
	Name string
	Arg  any
}

// A Status is a status response, tagged or not.
type Status struct {
	Kind Kind
	Code Code
	Text string // for people; "" is replaced by the kind's name on the wire
}

func (s Status) String() string {
	if s.Code.Name == "" {
		return s.Kind.String() + " " + s.Text
	}
	return fmt.Sprintf("%s [%s] %s", s.Kind, s.Code.Name, s.Text)
}

// A Reject is a refusal: what we answer. Backends return it to say how a
// command ends; its Kind is NO, BAD or BYE.
type Reject Status

func (r *Reject) Error() string { return "imap: refused with " + Status(*r).String() }

// Status returns the refusal as a status.
func (r *Reject) Status() Status { return Status(*r) }

// No returns the refusal of a command that is right but not done. code is the
// name of a response code, or "".
func No(code, text string) *Reject { return &Reject{NO, Code{Name: code}, text} }

// Bad returns the refusal of a command that is wrong. code is as in No.
func Bad(code, text string) *Reject { return &Reject{BAD, Code{Name: code}, text} }

// A StatusError is a negative answer of a server: what they answered. It is
// another type than Reject, so that their words are not passed on by accident.
type StatusError struct {
	Command string // the name of the command, "" for the greeting or BYE
	Status  Status
}

func (e *StatusError) Error() string {
	what := "server said"
	if e.Command != "" {
		what = "server answered " + e.Command + " with"
	}
	return fmt.Sprintf("imap: %s %s %q (code %q)", what, e.Status.Kind, e.Status.Text, e.Status.Code.Name)
}

package imap

import "math"

// Limits bound what one session takes from its peer. In each field zero means
// the default that the comment gives, the first number before login where
// there are two; a negative value means no limit, where that is safe.
type Limits struct {
	Line        int   // octets of a command without its literals: 40 KiB, 64 KiB
	AuthLine    int   // octets of a response of SASL: 16 KiB
	Literal     int64 // octets of one literal that is kept in memory: 4 KiB, 64 KiB
	Literals    int64 // octets of all literals of a command: 48 KiB, 256 KiB
	NumLiterals int   // literals of a command: 64, 100
	Message     int64 // octets of a message, offered as APPENDLIMIT: 64 MiB
	Messages    int   // messages of one APPEND: 1000
	Skip        int64 // octets dropped of one refused command before BYE: 64 KiB, 1 MiB; of APPEND: Message
	Depth       int   // nested parentheses: 5, 50
	Nodes       int   // keys of a SEARCH: 1000
	Bad         int   // BAD answers in a row before BYE: 5, 20
	AuthFails   int   // failed LOGIN and AUTHENTICATE before BYE: 3

	// Of a client.
	ResponseLine    int   // octets of a response without its literals: 1 MiB
	ResponseLiteral int64 // octets of a literal that is kept in memory: 1 MiB; longer ones of FETCH are streamed
}

// or returns limit, or def if limit is zero, or most if it is negative.
func or[T int | int64](limit, def, most T) T {
	switch {
	case limit == 0:
		return def
	case limit < 0:
		return most
	}
	return limit
}

// byState returns one default before login and another behind it.
func byState[T any](authed bool, before, after T) T {
	if authed {
		return after
	}
	return before
}

func (l *Limits) line(authed bool) int {
	return max(8000, or(l.Line, byState(authed, 40<<10, 64<<10), 1<<30)) // RFC 2683, section 3.2.1.5
}
func (l *Limits) authLine() int { return or(l.AuthLine, 16<<10, 1<<30) }
func (l *Limits) literal(authed bool) int64 {
	return or(l.Literal, byState[int64](authed, 4<<10, 64<<10), 1<<30)
}
func (l *Limits) literals(authed bool) int64 {
	return or(l.Literals, byState[int64](authed, 48<<10, 256<<10), 1<<30)
}
func (l *Limits) numLiterals(authed bool) int {
	return or(l.NumLiterals, byState(authed, 64, 100), math.MaxInt)
}
func (l *Limits) message() int64 { return or(l.Message, 64<<20, math.MaxInt64) }
func (l *Limits) messages() int  { return or(l.Messages, 1000, math.MaxInt) }
func (l *Limits) skip(authed bool) int64 {
	return or(l.Skip, byState[int64](authed, 64<<10, 1<<20), math.MaxInt64)
}

// depth bounds recursion, so it has no "no limit".
func (l *Limits) depth(authed bool) int  { return or(l.Depth, byState(authed, 5, 50), 1000) }
func (l *Limits) nodes() int             { return or(l.Nodes, 1000, math.MaxInt) }
func (l *Limits) bad(authed bool) int    { return or(l.Bad, byState(authed, 5, 20), math.MaxInt) }
func (l *Limits) authFails() int         { return or(l.AuthFails, 3, math.MaxInt) }
func (l *Limits) responseLine() int      { return or(l.ResponseLine, 1<<20, 1<<30) }
func (l *Limits) responseLiteral() int64 { return or(l.ResponseLiteral, 1<<20, 1<<30) }

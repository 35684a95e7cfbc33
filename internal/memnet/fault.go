package memnet

import "sync/atomic"

// Fault is something that goes wrong in one direction of a connection, at an
// octet counted from the start of that direction. The zero Fault never happens.
type Fault struct {
	kind faultKind
	at   int64
	err  error
}

type faultKind uint8

const (
	noFault faultKind = iota
	cutLink           // the link ends, both ways
	stallFlow
	failRead
	failWrite
)

// CutAt ends the connection in both directions as soon as n octets have been
// written in this one. All octets written before, either way, can still be
// read; then both ends read [io.EOF], and their writes fail with
// [syscall.EPIPE]. The Write that passes octet n reports how much of it went out.
func CutAt(n int64) Fault { return Fault{kind: cutLink, at: n} }

// StallAt delivers nothing behind the first n octets, without an error: reads
// block, and writes too once the window is full. The end of the direction is
// held back like octets. [Conn.SetFault] with the zero Fault lets all through.
func StallAt(n int64) Fault { return Fault{kind: stallFlow, at: n} }

// FailReadAt makes each Read behind the first n octets return err itself, not
// wrapped. Octets that were written behind them stay where they are.
func FailReadAt(n int64, err error) Fault { return Fault{kind: failRead, at: n, err: err} }

// FailWriteAt makes the Write that passes octet n, and each one after it,
// return err itself, not wrapped, with the number of octets that still went out.
func FailWriteAt(n int64, err error) Fault { return Fault{kind: failWrite, at: n, err: err} }

// Chunks returns a [Flow.Chunk] that goes through sizes again and again.
// Chunks(1) delivers octet by octet.
func Chunks(sizes ...int) func() int {
	var asked atomic.Uint64
	return func() int {
		return sizes[(asked.Add(1)-1)%uint64(len(sizes))]
	}
}

// before returns how many of the first want octets behind position pos come
// before the fault, if it is of the one or the other kind.
func (f *Fault) before(pos int64, want int, one, other faultKind) int {
	if f.kind != one && f.kind != other {
		return want
	}
	return int(min(int64(want), max(0, f.at-pos)))
}

// reached reports whether the fault is of this kind and no octet behind pos
// comes before it.
func (f *Fault) reached(pos int64, kind faultKind) bool {
	return f.kind == kind && pos >= f.at
}

package suite

import (
	"fmt"
	"strings"
)

// A Harm is what a case does that a server in use would feel: any of these, or
// none.
type Harm uint8

const (
	Delivers Harm = 1 << iota // names recipients, and sends them mail
	Changes                   // makes, changes and deletes mailboxes of its own, and their mail
	Empties                   // deletes all mail of the account, and does with it as it likes
	Loads                     // sends a lot, or connects often
	Guesses                   // fails to log in, which may lock an account, or an address out
	Exposes                   // says the right password without TLS
)

// Any is all harm that there is.
const Any = Delivers | Changes | Empties | Loads | Guesses | Exposes

var harmNames = [...]string{"delivers", "changes", "empties", "loads", "guesses", "exposes"}

// String returns the names, separated by "|", or "none".
func (h Harm) String() string {
	var names []string
	for i, name := range harmNames {
		if h&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "|")
}

// Forbidden says why a case that does harm may not run, or "".
func (h Harm) Forbidden(by Harm) string {
	if h &= by; h != 0 {
		return "forbidden by the Target: " + h.String()
	}
	return ""
}

// What a case may send, and how often it may connect, before that is a load.
const (
	maxOctets = 256 << 10
	maxDials  = 24
)

// A Guard stands where a case sends, and keeps it to the harm that it owns up
// to, so that a case cannot do by mistake what was not asked for.
type Guard struct {
	Allowed Harm

	octets, dials int
}

// Send is asked before octets are sent that do harm.
func (g *Guard) Send(octets string, harm Harm) error {
	if g.octets += len(octets); g.octets > maxOctets {
		harm |= Loads
	}
	return g.check(harm, fmt.Sprintf("%.60q", octets))
}

// Dial is asked before a connection is made.
func (g *Guard) Dial() error {
	if g.dials++; g.dials > maxDials {
		return g.check(Loads, fmt.Sprint(g.dials, " connections"))
	}
	return nil
}

func (g *Guard) check(harm Harm, what string) error {
	if harm &^= g.Allowed; harm != 0 {
		return fmt.Errorf("a bug of the suite: the case %s and does not say so, by %s", harm, what)
	}
	return nil
}

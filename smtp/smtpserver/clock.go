package smtpserver

import (
	"cmp"
	"time"

	"github.com/mailwire/mailwire/internal/netserver"
)

// Timeouts are the longest times that a session waits. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Timeouts struct {
	Command time.Duration // for a whole command line: 5 min. RFC 5321, section 4.5.3.2.7
	Content time.Duration // for the next octets of content: 3 min
	Write   time.Duration // for the peer to take our replies: 1 min
	TLS     time.Duration // for a handshake: 1 min
	Session time.Duration // for all of a session; a transaction may end: 1 h

	// GreetDelay is how long the greeting is held back, to find out who talks
	// first: zero means not at all. RFC 5321, section 3.1 lets clients wait.
	GreetDelay time.Duration
}

// withDefaults returns t with its zeros replaced.
func (t Timeouts) withDefaults() Timeouts {
	t.Command = cmp.Or(t.Command, 5*time.Minute)
	t.Content = cmp.Or(t.Content, 3*time.Minute)
	t.Write = cmp.Or(t.Write, time.Minute)
	t.TLS = cmp.Or(t.TLS, time.Minute)
	t.Session = cmp.Or(t.Session, time.Hour)
	return t
}

// A clock turns what is being waited for into deadlines: a netserver.Clock.
type clock struct {
	timeouts Timeouts
	minRate  int
	end      time.Time // of the session; zero: never

	waits  wait
	by     time.Time     // when the wait for a line ends; zero: it has not begun
	waited time.Duration // content: how long reads have taken so far
	octets int64         // content: how many they brought
	slow   bool          // content: the last deadline was one of MinRate
}

// A wait is what the session waits for.
type wait uint8

const (
	lineWait    wait = iota // a whole command line, of a session that may end
	openWait                // a whole command line within a transaction
	contentWait             // octets of content
	greetWait               // the end of Timeouts.GreetDelay
)

// waitFor begins another wait.
func (k *clock) waitFor(w wait) {
	if k.waits != w {
		k.waited, k.octets = 0, 0
	}
	k.waits, k.by = w, time.Time{}
}

// grace is how long content may be slower than Conns.MinRate.
const grace = 30 * time.Second

// ReadBy implements netserver.Clock. A line has one deadline, however many reads
// it takes; content has one for each, besides its rate.
func (k *clock) ReadBy(now time.Time) time.Time {
	k.slow = false
	switch k.waits {
	case contentWait:
		by := netserver.After(now, k.timeouts.Content)
		if k.minRate > 0 {
			earned := time.Duration(k.octets) * time.Second / time.Duration(k.minRate)
			if due := now.Add(grace + earned - k.waited); by.IsZero() || due.Before(by) {
				by, k.slow = due, true
			}
		}
		return by
	case greetWait:
		return now.Add(k.timeouts.GreetDelay)
	}
	if k.by.IsZero() {
		k.by = netserver.After(now, k.timeouts.Command)
		if k.waits == lineWait {
			k.by = netserver.Earlier(k.by, k.end)
		}
	}
	return k.by
}

// Read implements netserver.Clock. Only what a read has waited counts against
// MinRate, not what the handler does meanwhile.
func (k *clock) Read(n int, took time.Duration) {
	k.octets += int64(n)
	k.waited += took
}

// WriteBy implements netserver.Clock.
func (k *clock) WriteBy(now time.Time, _ int) time.Time {
	return netserver.After(now, k.timeouts.Write)
}

// complaint says to the peer what it took too long for.
func (k *clock) complaint() string {
	if k.slow {
		return "too slow"
	}
	return "timeout"
}

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
	Session time.Duration // for all of a session; a transaction has as long again to end: 1 h

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
	end      time.Time // of the session; zero: never
	pace     netserver.Pace

	waits wait
	by    time.Time // when the wait for a line ends; zero: it has not begun
	slow  bool      // content: the last deadline was one of the pace
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
func (k *clock) waitFor(w wait) { k.waits, k.by = w, time.Time{} }

// ReadBy implements netserver.Clock. A line has one deadline, however many reads
// it takes; content has one for each, besides its pace.
func (k *clock) ReadBy(now time.Time) time.Time {
	k.slow = false
	switch k.waits {
	case contentWait:
		by := netserver.After(now, k.timeouts.Content)
		due := k.pace.By(now, 0)
		k.slow = !due.IsZero() && (by.IsZero() || due.Before(by))
		return netserver.Earlier(by, due)
	case greetWait:
		return now.Add(k.timeouts.GreetDelay)
	}
	if k.by.IsZero() {
		end := k.end
		if k.waits == openWait && !end.IsZero() {
			end = end.Add(k.timeouts.Session)
		}
		k.by = netserver.Earlier(netserver.After(now, k.timeouts.Command), end)
	}
	return k.by
}

// Read implements netserver.Clock. Lines have their own deadline, also those
// between the chunks of a message.
func (k *clock) Read(n int, took time.Duration) {
	if k.waits != contentWait {
		took = 0
	}
	k.pace.Count(n, took)
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

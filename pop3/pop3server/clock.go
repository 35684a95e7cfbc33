package pop3server

import (
	"cmp"
	"time"

	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/pop3"
)

// Timeouts are the longest times that a session waits. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Timeouts struct {
	Login   time.Duration // from the first octet to the end of a login: 3 min
	Idle    time.Duration // between two commands after it: 10 min, never less. RFC 1939, section 3
	Command time.Duration // within a command line: 30 s
	Write   time.Duration // for the client to take 16 KiB: 1 min
	TLS     time.Duration // for a handshake: 1 min
	Life    time.Duration // for all of a session: 24 h
}

// withDefaults returns t with its zeros replaced.
func (t Timeouts) withDefaults() Timeouts {
	t.Login = cmp.Or(t.Login, 3*time.Minute)
	t.Idle = cmp.Or(t.Idle, 10*time.Minute)
	if t.Idle > 0 {
		t.Idle = max(t.Idle, 10*time.Minute)
	}
	t.Command = cmp.Or(t.Command, 30*time.Second)
	t.Write = cmp.Or(t.Write, time.Minute)
	t.TLS = cmp.Or(t.TLS, time.Minute)
	t.Life = cmp.Or(t.Life, 24*time.Hour)
	return t
}

// A clock turns what is being waited for into deadlines: a netserver.Clock.
type clock struct {
	conn     *Conn
	timeouts Timeouts

	by     time.Time // when the wait for a line ends; zero: it has not begun
	inside bool      // by counts from the first octets of the line

	sending bool           // a message
	pace    netserver.Pace // of it: what the backend takes to read it does not count
}

// startLine begins the wait for another line.
func (k *clock) startLine() { k.by, k.inside = time.Time{}, false }

// ReadBy implements netserver.Clock. A line has one deadline, however many reads
// it takes, and an earlier one once a part of it is there.
func (k *clock) ReadBy(now time.Time) time.Time {
	began := k.conn.began
	if k.by.IsZero() {
		k.by = netserver.Earlier(netserver.After(now, k.timeouts.Idle), netserver.After(began, k.timeouts.Life))
		if k.conn.s.State() != pop3.Transaction {
			k.by = netserver.Earlier(k.by, netserver.After(began, k.timeouts.Login))
		}
	}
	if k.conn.r.Buffered() > 0 && !k.inside {
		k.inside = true
		k.by = netserver.Earlier(k.by, netserver.After(now, k.timeouts.Command))
	}
	return k.by
}

// Read implements netserver.Clock.
func (k *clock) Read(int, time.Duration) {}

// WriteBy implements netserver.Clock.
func (k *clock) WriteBy(now time.Time, n int) time.Time {
	by := netserver.After(now, k.timeouts.Write)
	if k.sending {
		by = netserver.Earlier(by, k.pace.By(now, n))
	}
	return by
}

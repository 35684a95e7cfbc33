package imapserver

import (
	"cmp"
	"time"

	"github.com/mailwire/mailwire/internal/netserver"
)

// Timeouts are the longest times that a session waits. In each field zero means
// the default that the comment gives, and a negative value means no limit.
type Timeouts struct {
	Login   time.Duration // from the connection, or UNAUTHENTICATE, to the end of authentication: 1 min
	Idle    time.Duration // without a command, or inside IDLE: 30 min, and never less. RFC 9051, section 5.4
	Content time.Duration // for the next octets of a message: 3 min
	Write   time.Duration // for the peer to take what is written: 2 min
	TLS     time.Duration // for a handshake: 1 min
	Search  time.Duration // for the work of one SEARCH: 2 min
}

// minIdle is what a client may rely on. RFC 9051, section 5.4.
const minIdle = 30 * time.Minute

// withDefaults returns t with its zeros replaced.
func (t Timeouts) withDefaults() Timeouts {
	t.Login = cmp.Or(t.Login, time.Minute)
	if t.Idle >= 0 {
		t.Idle = max(t.Idle, minIdle)
	}
	t.Content = cmp.Or(t.Content, 3*time.Minute)
	t.Write = cmp.Or(t.Write, 2*time.Minute)
	t.TLS = cmp.Or(t.TLS, time.Minute)
	t.Search = cmp.Or(t.Search, 2*time.Minute)
	return t
}

// A clock turns what is being waited for into deadlines: a netserver.Clock.
type clock struct {
	timeouts *Timeouts // of the server
	began    time.Time
	nobody   time.Time // since then nobody is logged in
	waits    wait
	by       time.Time // when the wait for a command ends; zero: it has not begun
}

// A wait is what the session waits for.
type wait uint8

const (
	loginWait   wait = iota // the end of authentication
	commandWait             // a whole command
	contentWait             // octets of a message
	relayWait               // octets for another server
)

// waitForLogin gives the client Timeouts.Login from now on to say who it is.
func (k *clock) waitForLogin() {
	k.nobody = time.Now()
	k.waitFor(loginWait)
}

// waitFor begins another wait.
func (k *clock) waitFor(w wait) { k.waits, k.by = w, time.Time{} }

// ReadBy implements netserver.Clock. A command has one deadline, however many
// reads it takes; a message has one for each.
func (k *clock) ReadBy(now time.Time) time.Time {
	switch {
	case k.waits == loginWait:
		return netserver.After(k.nobody, k.timeouts.Login)
	case !k.by.IsZero() || k.waits == relayWait:
	case k.waits == contentWait:
		k.by = netserver.After(now, k.timeouts.Content)
	default:
		k.by = netserver.After(now, k.timeouts.Idle)
	}
	return k.by
}

// Read implements netserver.Clock.
func (k *clock) Read(n int, _ time.Duration) {
	if k.waits == contentWait && n > 0 {
		k.by = time.Time{}
	}
}

// WriteBy implements netserver.Clock.
func (k *clock) WriteBy(now time.Time, _ int) time.Time {
	return netserver.After(now, k.timeouts.Write)
}
